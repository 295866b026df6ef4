// Package message is what travels through the queues of deliveries: one message for each attempt, and one for each step of a
// replay job or of an erasure. Package ingest makes the first, and package delivery makes the next; both hold to the form here, and
// messages of a release before are read as they are.
package message

import (
	"encoding/json"
	"errors"
	"strings"
	"time"

	"hookline/shared/queue"
	"hookline/shared/webhook"
)

// Message is what travels through the queues: all that an attempt needs but the webhook's settings, which are read
// fresh. Times are Unix milliseconds of the deployment's clock.
type Message struct {
	Tenant      string `json:"t"`
	Webhook     string `json:"w"`
	Event       string `json:"e"`
	Type        string `json:"y"`
	AcceptedAt  int64  `json:"a"`
	Timestamp   string `json:"s"`
	Dialect     string `json:"d"` // name@version
	ContentType string `json:"c,omitempty"`
	Format      string `json:"f,omitempty"`
	Body        []byte `json:"b,omitempty"` // packed (package payload), when small
	Ref         string `json:"r,omitempty"` // else of the payload in the store
	Round       int    `json:"n"`
	Attempt     int    `json:"k"`           // which attempt of the round this message is for, from 1
	Only        bool   `json:"o,omitempty"` // no other message was or will be sent for this attempt, as far as its sender knows
	Due         int64  `json:"u,omitempty"` // not before; 0 at once
	Pace        string `json:"p,omitempty"` // the setting of max_per_second under which Due is a slot
	Retention   int    `json:"l,omitempty"` // days, of the tenant when the event was accepted; 0 is the stack's
	TraceParent string `json:"tp,omitempty"`
	Dead        *Death `json:"x,omitempty"` // set in the dead-letter queue
}

// Death says why a message is a dead letter. Redriven, it starts the round after the one it died in.
type Death struct {
	Reason string `json:"reason"` // an attempt's error, or what was wrong with the message
	Status int    `json:"status"` // of the last answer; 0 none
	At     int64  `json:"at"`
}

// Key returns the delivery's identity.
func (m Message) Key() webhook.DeliveryKey {
	return webhook.DeliveryKey{
		Tenant: m.Tenant, Webhook: m.Webhook, Event: m.Event,
		AcceptedAt: time.UnixMilli(m.AcceptedAt).UTC(),
	}
}

// Target returns the webhook that the message is for.
func (m Message) Target() webhook.Ref { return webhook.Ref{Tenant: m.Tenant, ID: m.Webhook} }

// Outgoing returns the message as the queue takes it, in the webhook's group, so that a busy webhook holds up nobody.
func (m Message) Outgoing(delay time.Duration) queue.Outgoing {
	body, _ := json.Marshal(m) // strings, numbers and bytes: there is nothing it could refuse
	return queue.Outgoing{Body: string(body), Group: m.Webhook, Delay: min(max(delay, 0), queue.MaxDelay)}
}

// Parse reads a message. An error means poison: it will be no better next time.
func Parse(body string) (Message, error) {
	var m Message
	if err := json.Unmarshal([]byte(body), &m); err != nil {
		return Message{}, err
	}
	if m.Tenant == "" || m.Webhook == "" || m.Event == "" || m.Type == "" || m.Dialect == "" ||
		m.AcceptedAt <= 0 || m.Round < 1 || m.Attempt < 1 || (len(m.Body) == 0) == (m.Ref == "") {
		return Message{}, errors.New("the message lacks what a delivery needs")
	}
	return m, nil
}

// Next returns the message for the next attempt of a record.
func Next(d webhook.Delivery) Message {
	return Message{
		Tenant: d.Tenant, Webhook: d.Webhook, Event: d.Event, Type: d.Type, AcceptedAt: d.AcceptedAt.UnixMilli(),
		Timestamp: d.Timestamp, Dialect: d.Dialect, ContentType: d.ContentType, Format: d.Format,
		Body: d.Body.Inline, Ref: d.Body.Ref,
		Round: d.Round, Attempt: d.Count + 1, Due: Millis(d.NextAt), Retention: d.RetentionDays, TraceParent: d.TraceParent,
	}
}

// Record returns the record that the message's delivery would have before any attempt.
func (m Message) Record(retention time.Duration) webhook.Delivery {
	k := m.Key()
	return webhook.Delivery{
		DeliveryKey: k, Type: m.Type, Dialect: m.Dialect, ContentType: m.ContentType, Format: m.Format,
		Timestamp: m.Timestamp, Body: webhook.Payload{Inline: m.Body, Ref: m.Ref},
		Status: webhook.Pending, Round: m.Round, NextAt: k.AcceptedAt, RetentionDays: m.Retention, TraceParent: m.TraceParent,
		ExpiresAt: k.AcceptedAt.Add(webhook.Retention(retention, m.Retention)),
	}
}

// Millis returns a time as messages hold it, 0 for none.
func Millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// Job carries a replay job. It holds no position: that is the job's record's, so that a copy or a late one does no harm.
type Job struct {
	Tenant string `json:"t"`
	ID     string `json:"j"`
}

// Outgoing returns the message that has the job worked on after a delay.
func (j Job) Outgoing(delay time.Duration) queue.Outgoing {
	body, _ := json.Marshal(j) // strings
	return queue.Outgoing{Body: string(body), Group: j.ID, Delay: min(max(delay, 0), queue.MaxDelay)}
}

// ParseJob reports whether the message is a job's.
func ParseJob(body string) (Job, bool) {
	var j Job
	if !strings.Contains(body, `"j"`) { // a delivery's message, which is not read twice
		return j, false
	}
	err := json.Unmarshal([]byte(body), &j)
	return j, err == nil && j.Tenant != "" && j.ID != ""
}

// Erasure carries an erasure: of an event's payload, or of all that a deleted tenant left. It is its own record, and its
// position: one step sends the next before it is acknowledged.
type Erasure struct {
	Tenant string   `json:"t"`
	Entry  string   `json:"y,omitempty"` // the event's place in the log; "" for all of a tenant
	Since  int64    `json:"s,omitempty"` // when the deleted tenant was made, in Unix milliseconds
	At     int64    `json:"a"`           // when it was asked for, in Unix milliseconds
	Pieces []string `json:"p,omitempty"` // of the log's records, to be dropped once none names them
	Of     string   `json:"o,omitempty"` // the list of webhooks that it is in
	Cursor string   `json:"c,omitempty"` // how far it has come in that list
	Again  bool     `json:"g,omitempty"` // it has come through all of them once
}

// erasurePrefix begins the body of an erasure's message, and no other's.
const erasurePrefix = `{"erasure":`

// Outgoing returns the message that has the erasure worked on after a delay.
func (e Erasure) Outgoing(delay time.Duration) queue.Outgoing {
	body, _ := json.Marshal(map[string]Erasure{"erasure": e}) // strings and numbers
	return queue.Outgoing{Body: string(body), Group: e.Tenant, Delay: min(max(delay, 0), queue.MaxDelay)}
}

// ParseErasure reports whether the message is an erasure's.
func ParseErasure(body string) (Erasure, bool) {
	var e struct{ Erasure Erasure }
	if !strings.HasPrefix(body, erasurePrefix) {
		return e.Erasure, false
	}
	err := json.Unmarshal([]byte(body), &e)
	return e.Erasure, err == nil && e.Erasure.Tenant != ""
}
