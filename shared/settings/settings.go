// Package settings is what the Lambda functions read from their environment: one struct for each function, and all that
// is missing or wrong reported at once.
//
// The names are those that template.yaml sets. Asking a Read… function with a getenv that remembers what it was asked
// for tells them. It opens nothing and reads nothing else; the AWS SDK's own variables are the SDK's affair.
package settings

import (
	"errors"
	"fmt"
	"log/slog"
	"net/mail"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	"hookline/shared/brand"
)

// Common is what every function reads.
type Common struct {
	Table    string     // TABLE: the DynamoDB table's name
	Stack    string     // STACK: the stack's name, which its metrics have as their stage
	LogLevel slog.Level // LOG_LEVEL: DEBUG, INFO, WARN or ERROR; "" is INFO
}

// Queue is a queue of the stack, both names of it.
type Queue struct {
	URL string // …_QUEUE_URL
	ARN string // …_QUEUE_ARN: as messages carry it
}

// Keys is where secrets are sealed and opened.
type Keys struct {
	ID    string // KMS_KEY_ID: the key's id or ARN
	Stack string // STACK, which data keys are bound to
}

// Bus is the stack's event bus, and what the stack's own events on it have as their source.
type Bus struct {
	Name   string // BUS
	Source string // BUS_SOURCE
}

// Webhooks is what the webhooks function reads.
type Webhooks struct {
	Common
	Keys        Keys
	Retention   time.Duration // RETENTION_DAYS of records and payloads; "" is 0, the packages' default
	EventLog    bool          // EVENT_LOG: "on" or "off"; "" is off
	Rate        int           // REQUESTS_PER_SECOND of a key in one process; "" is 0, no limit
	MaxWebhooks int           // MAX_WEBHOOKS that a tenant may have; "" is 0, no limit
	Brand       brand.Brand   // BRAND_NAME, BRAND_COLOR, BRAND_LOGO_URL
	Delivery    Queue
	Bulk        Queue
	DeadLetter  Queue
	Ingest      Queue
}

// Console is what the console function reads.
type Console struct {
	Common
	Keys        Keys
	Retention   time.Duration // as in Webhooks
	EventLog    bool          // as in Webhooks
	MaxWebhooks int           // as in Webhooks
	Brand       brand.Brand   // as in Webhooks
	Delivery    Queue
	Retry       Queue
	Bulk        Queue
	DeadLetter  Queue
	Ingest      Queue
	// The last is only counted. Those of mails are not there in a stack without mail.
	IngestDeadLetter Queue
}

// Ingest is what the ingest function reads.
type Ingest struct {
	Common
	Retention        time.Duration // as in Webhooks
	EventLog         bool          // as in Webhooks
	Rate             int           // as in Webhooks
	Delivery         Queue
	Ingest           Queue
	IngestDeadLetter Queue
	Bus              Bus
}

// Inbound is what the inbound function reads.
type Inbound struct {
	Common
	Keys      Keys
	Retention time.Duration // as in Webhooks
	EventLog  bool          // as in Webhooks
	Delivery  Queue
	Ingest    Queue
}

// Deliver is what the deliver function reads.
type Deliver struct {
	Common
	Keys       Keys
	Retention  time.Duration // as in Webhooks
	Delivery   Queue
	Retry      Queue
	Bulk       Queue
	DeadLetter Queue
	Ingest     Queue
	Batches    Batches
}

// Batches is how many batches of each queue are worked on at once: the MaximumConcurrency of its event source mapping.
type Batches struct{ Delivery, Retry, Bulk int }

// Sweep is what the sweep function reads.
type Sweep struct {
	Common
	Delivery Queue
}

// Count is what the count function reads.
type Count struct{ Common }

// Notify is what the notify function reads.
type Notify struct {
	Common
	From             string      // MAIL_FROM: an address, or a domain, which stands for webhooks@ it
	Console          string      // CONSOLE_URL: where the console is
	Brand            brand.Brand // as in Webhooks
	Notify           Queue
	NotifyDeadLetter Queue
}

// ReadWebhooks reads the environment of the webhooks function.
func ReadWebhooks(getenv func(string) string) (Webhooks, error) {
	e := environment{getenv: getenv}
	s := Webhooks{
		Common: e.common(), Keys: e.keys(), Retention: e.retention(), EventLog: e.eventLog(), Rate: e.rate(), MaxWebhooks: e.maxWebhooks(), Brand: e.brand(),
		Delivery: e.queue("DELIVERY"), Bulk: e.queue("BULK"), DeadLetter: e.queue("DEAD_LETTER"), Ingest: e.queue("INGEST"),
	}
	return s, e.err()
}

// ReadConsole reads the environment of the console function.
func ReadConsole(getenv func(string) string) (Console, error) {
	e := environment{getenv: getenv}
	s := Console{
		Common: e.common(), Keys: e.keys(), Retention: e.retention(), EventLog: e.eventLog(), MaxWebhooks: e.maxWebhooks(), Brand: e.brand(),
		Delivery: e.queue("DELIVERY"), Retry: e.queue("RETRY"), Bulk: e.queue("BULK"), DeadLetter: e.queue("DEAD_LETTER"),
		Ingest: e.queue("INGEST"), IngestDeadLetter: e.queue("INGEST_DEAD_LETTER"),
	}
	return s, e.err()
}

// ReadIngest reads the environment of the ingest function.
func ReadIngest(getenv func(string) string) (Ingest, error) {
	e := environment{getenv: getenv}
	s := Ingest{
		Common: e.common(), Retention: e.retention(), EventLog: e.eventLog(), Rate: e.rate(),
		Delivery: e.queue("DELIVERY"), Ingest: e.queue("INGEST"), IngestDeadLetter: e.queue("INGEST_DEAD_LETTER"),
		Bus: Bus{Name: e.required("BUS"), Source: e.required("BUS_SOURCE")},
	}
	return s, e.err()
}

// ReadInbound reads the environment of the inbound function.
func ReadInbound(getenv func(string) string) (Inbound, error) {
	e := environment{getenv: getenv}
	s := Inbound{
		Common: e.common(), Keys: e.keys(), Retention: e.retention(), EventLog: e.eventLog(),
		Delivery: e.queue("DELIVERY"), Ingest: e.queue("INGEST"),
	}
	return s, e.err()
}

// ReadDeliver reads the environment of the deliver function.
func ReadDeliver(getenv func(string) string) (Deliver, error) {
	e := environment{getenv: getenv}
	s := Deliver{
		Common: e.common(), Keys: e.keys(), Retention: e.retention(),
		Delivery: e.queue("DELIVERY"), Retry: e.queue("RETRY"), Bulk: e.queue("BULK"), DeadLetter: e.queue("DEAD_LETTER"),
		Ingest: e.queue("INGEST"),
		Batches: Batches{
			Delivery: e.batches("DELIVERY_CONCURRENCY"), Retry: e.batches("RETRY_CONCURRENCY"), Bulk: e.batches("BULK_CONCURRENCY"),
		},
	}
	return s, e.err()
}

// ReadSweep reads the environment of the sweep function.
func ReadSweep(getenv func(string) string) (Sweep, error) {
	e := environment{getenv: getenv}
	s := Sweep{Common: e.common(), Delivery: e.queue("DELIVERY")}
	return s, e.err()
}

// ReadCount reads the environment of the count function.
func ReadCount(getenv func(string) string) (Count, error) {
	e := environment{getenv: getenv}
	s := Count{e.common()}
	return s, e.err()
}

// ReadNotify reads the environment of the notify function.
func ReadNotify(getenv func(string) string) (Notify, error) {
	e := environment{getenv: getenv}
	s := Notify{
		Common: e.common(), From: e.sender("MAIL_FROM"), Console: e.site("CONSOLE_URL"), Brand: e.brand(),
		Notify: e.queue("NOTIFY"), NotifyDeadLetter: e.queue("NOTIFY_DEAD_LETTER"),
	}
	return s, e.err()
}

// environment collects what is wrong while it is read.
type environment struct {
	getenv   func(string) string
	problems []error
}

func (e *environment) err() error { return errors.Join(e.problems...) }

func (e *environment) wrong(format string, args ...any) {
	e.problems = append(e.problems, fmt.Errorf(format, args...))
}

func (e *environment) required(name string) string {
	value := e.getenv(name)
	if value == "" {
		e.wrong("%s is not set", name)
	}
	return value
}

func (e *environment) common() Common {
	c := Common{Table: e.required("TABLE"), Stack: e.required("STACK")}
	if s := e.getenv("LOG_LEVEL"); s != "" {
		if err := c.LogLevel.UnmarshalText([]byte(s)); err != nil {
			e.wrong("LOG_LEVEL must be DEBUG, INFO, WARN or ERROR, not %q", s)
		}
	}
	return c
}

func (e *environment) keys() Keys {
	return Keys{ID: e.required("KMS_KEY_ID"), Stack: e.getenv("STACK")}
}

// arnParts is how many parts the ARN of a queue has: arn:aws:sqs:REGION:ACCOUNT:NAME.
const arnParts = 6

func (e *environment) queue(name string) Queue {
	urlName, arnName := name+"_QUEUE_URL", name+"_QUEUE_ARN"
	q := Queue{URL: e.required(urlName), ARN: e.required(arnName)}
	if q.URL == "" || q.ARN == "" {
		return q
	}
	u, err := url.Parse(q.URL)
	if err != nil || u.Host == "" {
		e.wrong("%s must be a URL, not %q", urlName, q.URL)
		return q
	}
	parts := strings.Split(q.ARN, ":")
	switch {
	case len(parts) != arnParts || parts[0] != "arn" || parts[2] != "sqs":
		e.wrong("%s must be the ARN of a queue, not %q", arnName, q.ARN)
	case parts[5] != path.Base(u.Path):
		e.wrong("%s and %s name different queues, %q and %q", urlName, arnName, path.Base(u.Path), parts[5])
	}
	return q
}

// batches reads how many batches of a queue are worked on at once.
func (e *environment) batches(name string) int {
	s := e.required(name)
	n, err := strconv.Atoi(s)
	if s != "" && (err != nil || n < 1) {
		e.wrong("%s must be a whole number above 0, not %q", name, s)
	}
	return n
}

// sender reads an address that mails come from, or the domain of one.
func (e *environment) sender(name string) string {
	s := e.required(name)
	if s == "" {
		return ""
	}
	from := s
	if !strings.Contains(s, "@") {
		from = "webhooks@" + s
	}
	if a, err := mail.ParseAddress(from); err != nil || a.Address != from {
		e.wrong("%s must be an address or a domain, not %q", name, s)
	}
	return from
}

// site reads the address of a web site.
func (e *environment) site(name string) string {
	s := e.required(name)
	if s == "" {
		return ""
	}
	if u, err := url.Parse(s); err != nil || u.Scheme != "https" || u.Host == "" {
		e.wrong("%s must be an https URL, not %q", name, s)
	}
	return s
}

// maxDays keeps a time that far ahead within what a table can hold.
const maxDays = 3650

func (e *environment) retention() time.Duration {
	const name = "RETENTION_DAYS"
	s := e.getenv(name)
	if s == "" {
		return 0
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > maxDays {
		e.wrong("%s must be a number of days from 1 to %d, not %q", name, maxDays, s)
		return 0
	}
	return time.Duration(n) * 24 * time.Hour
}

// maxRate is more than one process can answer in a second.
const maxRate = 100_000

func (e *environment) rate() int { return e.number("REQUESTS_PER_SECOND", maxRate) }

// mostWebhooks is more webhooks than one tenant's list can be counted in the time of a request.
const mostWebhooks = 1_000_000

func (e *environment) brand() brand.Brand {
	b, err := brand.Read(e.getenv)
	if err != nil {
		e.problems = append(e.problems, err)
	}
	return b
}

func (e *environment) maxWebhooks() int { return e.number("MAX_WEBHOOKS", mostWebhooks) }

// number reads a number from 0 on; nothing is 0.
func (e *environment) number(name string, most int) int {
	s := e.getenv(name)
	if s == "" {
		return 0
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 || n > most {
		e.wrong("%s must be a number from 0 to %d, not %q", name, most, s)
		return 0
	}
	return n
}

func (e *environment) eventLog() bool {
	const name = "EVENT_LOG"
	s := e.getenv(name)
	if s != "" && s != "on" && s != "off" {
		e.wrong("%s must be on or off, not %q", name, s)
	}
	return s == "on"
}
