package webhook

import (
	"slices"
	"strings"
	"time"
)

// DeliveryStatus is where a delivery stands.
type DeliveryStatus string

// How deliveries stand. A failed one can be replayed.
const (
	Pending   DeliveryStatus = "pending"   // being retried, or waiting for its first attempt
	Succeeded DeliveryStatus = "succeeded" // the receiver gave the answer that the dialect asks for
	Failed    DeliveryStatus = "failed"    // it is out of attempts, was cancelled, or its webhook was inactive; it can be replayed
)

// AttemptError is why an attempt did not succeed.
type AttemptError string

// The set is closed. The OpenAPI document has these comments.
const (
	ReasonTimeout AttemptError = "timeout" // no complete answer within the webhook's timeout
	ReasonDNS     AttemptError = "dns"     // DNS has no address for the host name, or did not answer
	ReasonConnect AttemptError = "connect" // no connection, or it broke before an answer
	ReasonTLS     AttemptError = "tls"     // no acceptable certificate or handshake
	// The URL names, or its host name resolves to, an address (private or special), a port or this machine, which we do not
	// call; nothing was sent.
	ReasonBlockedTarget   AttemptError = "blocked_target"
	ReasonRedirect        AttemptError = "redirect"         // answered 3xx; redirects are never followed
	ReasonBadStatus       AttemptError = "bad_status"       // answered a status that is no success in the dialect
	ReasonBadResponse     AttemptError = "bad_response"     // answered something that is not HTTP
	ReasonWebhookInactive AttemptError = "webhook_inactive" // not sent: the webhook was inactive when the attempt came up
	ReasonWebhookDeleted  AttemptError = "webhook_deleted"  // not sent: the webhook is gone
	ReasonCancelled       AttemptError = "cancelled"        // not sent: the delivery was cancelled
	ReasonErased          AttemptError = "erased"           // not sent: the event's payload was erased
)

// Unsent reports whether no request was made, because the delivery was not to go on.
func (e AttemptError) Unsent() bool {
	return e == ReasonWebhookInactive || e == ReasonWebhookDeleted || e == ReasonCancelled || e == ReasonErased
}

// ErrorDetail narrows an AttemptError down where more is known.
type ErrorDetail string

// The set is closed. The OpenAPI document has these comments.
const (
	DetailCertificateExpired     ErrorDetail = "certificate_expired"           // `tls`: the server's certificate, or one that it was signed with, has expired
	DetailCertificateNotYetValid ErrorDetail = "certificate_not_yet_valid"     // `tls`: the certificate is not valid yet
	DetailCertificateWrongHost   ErrorDetail = "certificate_wrong_host"        // `tls`: the certificate is for another host name, or the server has none for this one
	DetailCertificateUnknownCA   ErrorDetail = "certificate_unknown_authority" // `tls`: no trusted authority has signed the certificate: it is self-signed, or an intermediate one is missing
	DetailCertificateInvalid     ErrorDetail = "certificate_invalid"           // `tls`: the certificate has another fault
	DetailClientCertificate      ErrorDetail = "client_certificate_required"   // `tls`: the server asks for a client certificate, and none is sent
	DetailTLSVersion             ErrorDetail = "tls_version"                   // `tls`: the server speaks neither TLS 1.2 nor 1.3
	DetailHandshakeRefused       ErrorDetail = "handshake_refused"             // `tls`: the server refused the handshake or broke it off
	DetailNotTLS                 ErrorDetail = "not_tls"                       // `tls`: the port speaks something else
	DetailConnectionRefused      ErrorDetail = "connection_refused"            // `connect`: nothing listens on the port
	DetailConnectionClosed       ErrorDetail = "connection_closed"             // `connect`: the connection was made, and ended before an answer
	DetailNoConnection           ErrorDetail = "no_connection"                 // `timeout`: no connection in time
	DetailNoAnswer               ErrorDetail = "no_answer"                     // `timeout`: connected, no answer in time
)

// How much of an answer's body is kept. Of a delivery that succeeds at its first attempt it is less where the record would
// take a second write: see package record.
const (
	MaxResponseFailed    = 16 << 10
	MaxResponseSucceeded = 256
)

// How much of an answer's headers is kept, of failed attempts alone: the record of a delivery that succeeds at once is one write.
const (
	MaxResponseHeaders     = 40
	MaxResponseHeaderBytes = 4 << 10 // names and values together
)

// MaxAttemptsKept is how many attempts a delivery shows, the latest; more are possible only by many replays.
const MaxAttemptsKept = 50

// Attempt is one POST of a delivery and what came of it.
type Attempt struct {
	Number       int           // from 1, over all rounds
	ScheduledAt  time.Time     // when it was due
	StartedAt    time.Time     // when it began, in the deployment's clock
	SentAt       time.Time     // the same moment in real time, as the signed headers have it; whole seconds
	Duration     time.Duration // measured, in real time
	StatusCode   int           // 0 when there was no answer
	Error        AttemptError  // "" for a success
	ErrorDetail  ErrorDetail   // "" where there is none
	ResponseBody string        // cut as MaxResponse… says; valid UTF-8
	Truncated    bool          // the body was longer
	RetryAfter   time.Duration // what the answer asked for; 0 none
	Secret       int           // version of the newest secret that signed it; 0 unsigned
	// ResponseHeaders are the answer's by their names, of a failed attempt: printable, cut as MaxResponseHeader… says, secret
	// values masked. Several of one name are joined by ", ".
	ResponseHeaders map[string]string
}

// Payload is a body, inline or by reference, exactly one of them. Inline bytes are as package payload packs them.
type Payload struct {
	Inline []byte
	Ref    string // of an item in the store, written once
}

// Via says how a pending delivery's next attempt will come up.
type Via string

const (
	// ViaVisibility: the message that made the last attempt is hidden and comes back.
	ViaVisibility Via = "visibility"
	// ViaQueue: another message was sent for it.
	ViaQueue Via = "queue"
)

// Delivery is the record of one event on its way to one webhook. It first exists when the first attempt has been made
// (or a test was sent); before that the queue holds the delivery alone.
type Delivery struct {
	DeliveryKey
	Type          string
	Dialect       string // name@version, fixed at acceptance
	ContentType   string // fixed at acceptance
	Format        string // fixed at acceptance
	Timestamp     string // of the event, as it has it
	Body          Payload
	Status        DeliveryStatus
	Round         int       // 1 for the first; each replay and redrive starts the next
	Count         int       // attempts recorded in this round
	Total         int       // attempts recorded in all rounds
	Owner         string    // id of the queue message that recorded the last attempt of this round; "" none did
	Via           Via       // while pending
	NextAt        time.Time // while pending: when the next attempt is due
	Job           string    // the last replay job that started a round
	Attempts      []Attempt // oldest first, the latest MaxAttemptsKept
	RetentionDays int       // of its tenant, when the event was accepted; 0 is the stack's
	ExpiresAt     time.Time // from then on the record may vanish
	ErasedAt      time.Time // when its event's payload was erased, and Body with it; zero if it was not
	TraceParent   string    // of its publisher's request; "" if that had none, or the record had no room for it
}

// Rev is what a write of a delivery is conditional on: the (round, count, status) that was read. The zero Rev means
// that there was no record.
type Rev struct {
	Round  int
	Count  int
	Status DeliveryStatus
}

// Rev returns the delivery's present revision.
func (d Delivery) Rev() Rev { return Rev{Round: d.Round, Count: d.Count, Status: d.Status} }

// LastAttempt returns the latest attempt, or nil.
func (d Delivery) LastAttempt() *Attempt {
	if len(d.Attempts) == 0 {
		return nil
	}
	return &d.Attempts[len(d.Attempts)-1]
}

// DeadLetter reports whether the delivery failed because it ran out of attempts, so that a dead letter was sent for it. One
// that was cancelled, or failed because its webhook is inactive, gone, or has just answered 410, needs a person and no
// redrive; a test has no queue message, and no dead letter.
func (d Delivery) DeadLetter() bool {
	a := d.LastAttempt()
	return d.Status == Failed && d.Owner != "" && a != nil && !a.Error.Unsent() && a.StatusCode != statusGone
}

const statusGone = 410

// DeadReasons are the errors that the last attempt of a dead letter can have.
func DeadReasons() []AttemptError {
	return []AttemptError{
		ReasonTimeout, ReasonDNS, ReasonConnect, ReasonTLS, ReasonBlockedTarget, ReasonRedirect, ReasonBadStatus, ReasonBadResponse,
	}
}

// DeadLetters counts the dead letters of one webhook whose last attempts had the same error.
type DeadLetters struct {
	Ref
	Reason      AttemptError
	N           int
	Accepted    time.Time // the earliest acceptance among them
	First, Last time.Time // when the last attempt of the first and of the latest of them began
}

// Add counts a delivery.
func (c *DeadLetters) Add(acceptedAt, failedAt time.Time) {
	if c.N++; c.N == 1 {
		c.Accepted, c.First, c.Last = acceptedAt, failedAt, failedAt
		return
	}
	if acceptedAt.Before(c.Accepted) {
		c.Accepted = acceptedAt
	}
	if failedAt.Before(c.First) {
		c.First = failedAt
	}
	if failedAt.After(c.Last) {
		c.Last = failedAt
	}
}

// Record adds an attempt to the round, numbering it.
func (d *Delivery) Record(a Attempt) {
	d.Count++
	d.Total++
	a.Number = d.Total
	d.Attempts = append(d.Attempts, a)
	if n := len(d.Attempts) - MaxAttemptsKept; n > 0 {
		d.Attempts = d.Attempts[n:]
	}
}

// Ended returns a pending delivery as failed at a time, for a reason that no attempt gave. No message owns it.
func (d Delivery) Ended(now time.Time, why AttemptError) Delivery {
	d.Attempts = slices.Clone(d.Attempts)
	d.Record(Attempt{ScheduledAt: d.NextAt, StartedAt: now, Error: why})
	d.Status, d.Owner, d.Via, d.NextAt = Failed, "", "", time.Time{}
	return d
}

// Erased returns a delivery without its event's payload, and without receivers' answers, which may repeat it. One that is
// pending ends as failed. It is in a round of its own, so that nobody who read it before can write over it.
func (d Delivery) Erased(now time.Time) Delivery {
	if d.Status == Pending {
		d = d.Ended(now, ReasonErased)
	}
	d.Attempts = slices.Clone(d.Attempts)
	for i := range d.Attempts {
		a := &d.Attempts[i]
		a.Truncated = a.Truncated || a.ResponseBody != ""
		a.ResponseBody, a.ResponseHeaders = "", nil
	}
	d.Round, d.Count, d.Body, d.Owner, d.ErasedAt = d.Round+1, 0, Payload{}, "", now.Truncate(time.Millisecond)
	return d
}

// DeliveryQuery selects deliveries of a tenant, newest first by acceptance.
type DeliveryQuery struct {
	Webhook string         // "" for all of the tenant's
	Status  DeliveryStatus // "" for any
	Type    string         // "" for any
	Since   time.Time      // accepted at or after; zero for any
	Until   time.Time      // accepted before; zero for any
	Page    Page
}

// WebhookQuery selects webhooks of a tenant, newest id first.
type WebhookQuery struct {
	Search string // part of the URL, the name or the id, case folded; "" for all
	Status Status // "" for all; Active includes failing ones
	Page   Page
}

// Matches reports whether the query selects w, whose tenant it does not look at.
func (q WebhookQuery) Matches(w Webhook) bool {
	if q.Status != "" && q.Status != w.Status() && (q.Status != Active || !w.Active) {
		return false
	}
	part := fold(q.Search)
	return slices.ContainsFunc([]string{w.URL, w.Name, w.ID}, func(s string) bool { return strings.Contains(fold(s), part) })
}

// fold makes strings that differ in case alone equal; going through upper case makes both lower case sigmas one.
func fold(s string) string { return strings.ToLower(strings.ToUpper(s)) }

// Page asks for part of a list.
type Page struct {
	Limit  int    // 1–100 in requests, more within
	Cursor string // "" for the beginning; else the Next of the page before, else Invalid
}

// List is part of a list. It may be shorter than asked for and still have a Next.
type List[T any] struct {
	Items []T
	Next  string // "" at the end
}

// Pin remembers the first use of an id from outside, and what it was answered.
type Pin struct {
	Tenant    string // "" for the admin's
	Scope     string // what the key is unique within: "event", or a route
	Key       string
	Hash      string    // of the body first seen
	At        time.Time // when the first use was accepted
	Answer    []byte    // nil while the first use is still under way
	ExpiresAt time.Time // from then on another may take its place
	KeptUntil time.Time // it can be found until then, if no other takes its place; zero for ExpiresAt
}

// Until returns when the pin may vanish.
func (p Pin) Until() time.Time {
	if p.KeptUntil.After(p.ExpiresAt) {
		return p.KeptUntil
	}
	return p.ExpiresAt
}

// DefaultRetention is how long a delivery's record is kept: the longest ladder, two weeks as a dead letter, and the
// same again for whoever comes late.
const DefaultRetention = 30 * 24 * time.Hour

// Overdue is how long after its due time a pending delivery is taken to have lost its message: far beyond any rounding
// of a queue, so that nothing on its way is attempted twice.
const Overdue = time.Hour
