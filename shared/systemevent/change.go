package systemevent

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"hookline/shared/queue"
	"hookline/shared/webhook"
)

// Names of the system events; webhook.SystemTypes lists them.
const (
	WebhookCreated   = "webhook.created"
	WebhookFailing   = "webhook.failing"
	WebhookDisabled  = "webhook.disabled"
	WebhookRecovered = "webhook.recovered"
	DeliveryFailed   = "delivery.failed"
)

// Reasons in WebhookData.
const (
	OutOfAttempts  = "out_of_attempts"
	Gone           = "gone"
	FailingForDays = "failing_for_days"
)

// Patience is how long, in real time, a change may take after it was queued: longer than any function runs. One that is
// not made by then never will be.
const Patience = time.Minute

const eventID = "sys_"

// Change is a change of a webhook's state, queued by whoever is about to make it; or that a delivery ran out of
// attempts, which is on record before it is queued.
type Change struct {
	Type        string `json:"type"`
	Tenant      string `json:"tenant"`
	Webhook     string `json:"webhook"`         // that it is about, and that is never told of it
	At          int64  `json:"at"`              // when, in Unix milliseconds of the deployment's clock
	Of          string `json:"of,omitempty"`    // what was recovered from or failed, where At does not tell: see Recovered, Failed
	Sent        int64  `json:"sent"`            // when it was queued, in Unix milliseconds of real time
	Writer      string `json:"writer"`          // made at random: tells the messages of two that make one change apart
	Unpublished bool   `json:"quiet,omitempty"` // no event is published, for the delivery of one has caused it; a notice all the same
	// Data is the event's. It is made once, so that every copy of the message tells the same.
	Data json.RawMessage `json:"data"`
}

// Created says that w is made, at its CreatedAt.
func Created(w webhook.Webhook) Change {
	return of(WebhookCreated, w, w.CreatedAt, w.Status(), "")
}

// Failing says that w turns failing: its Health.FailingSince becomes at.
func Failing(w webhook.Webhook, at time.Time) Change {
	return of(WebhookFailing, w, at, webhook.Failing, OutOfAttempts)
}

// Recovered says that w, which has been failing since Health.FailingSince, is active again.
func Recovered(w webhook.Webhook, at time.Time) Change {
	c := of(WebhookRecovered, w, at, webhook.Active, "")
	c.Of = stamp(w.Health.FailingSince)
	return c
}

// Before returns the change that a recovery undid: that the webhook turned failing, as the recovery's message tells it.
// The process that queued the recovery has read it from the store, so it did happen; but its own message may come too late to
// see that.
func (c Change) Before() (Change, bool) {
	var data WebhookData
	at, err := time.Parse(webhook.TimeFormat, c.Of)
	if c.Type != WebhookRecovered || err != nil || json.Unmarshal(c.Data, &data) != nil {
		return Change{}, false
	}
	data.Status, data.Reason, data.Since = string(webhook.Failing), OutOfAttempts, c.Of
	return Change{
		Type: WebhookFailing, Tenant: c.Tenant, Webhook: c.Webhook, At: at.UnixMilli(), Sent: at.UnixMilli(), Writer: c.Writer,
		Unpublished: c.Unpublished, Data: encode(data),
	}, true
}

// Disabled says that w is made inactive: its UpdatedAt becomes at.
func Disabled(w webhook.Webhook, at time.Time, reason string) Change {
	return of(WebhookDisabled, w, at, webhook.Inactive, reason)
}

// Failed says that a delivery ran out of the attempts of its round, as d has it on record.
func Failed(d webhook.Delivery) Change {
	data := DeliveryData{
		DeliveryID: d.ID(), WebhookID: d.Webhook, EventID: d.Event, EventType: d.Type, Attempts: d.Count,
	}
	at := d.AcceptedAt
	if a := d.LastAttempt(); a != nil {
		at, data.Error, data.StatusCode = a.StartedAt, string(a.Error), a.StatusCode
	}
	return Change{
		Type: DeliveryFailed, Tenant: d.Tenant, Webhook: d.Webhook, At: at.UnixMilli(),
		Of: fmt.Sprintf("%s %d", d.ID(), d.Round), Data: encode(data),
	}
}

func of(event string, w webhook.Webhook, at time.Time, after webhook.Status, reason string) Change {
	return Change{
		Type: event, Tenant: w.Tenant, Webhook: w.ID, At: at.UnixMilli(),
		Data: encode(WebhookData{
			WebhookID: w.ID, Name: w.Name, URL: w.TellableURL(), Events: w.Events, Status: string(after), Reason: reason, Since: stamp(at),
		}),
	}
}

func encode(v any) json.RawMessage {
	b, _ := json.Marshal(v) // strings and numbers
	return b
}

func stamp(t time.Time) string { return t.UTC().Format(webhook.TimeFormat) }

// envelope keeps a change apart from the other messages of its queue.
type envelope struct {
	System *Change `json:"system"`
}

// Outgoing returns the change as the ingest queue takes it, at a moment of real time.
func (c Change) Outgoing(real time.Time) queue.Outgoing {
	c.Sent, c.Writer = real.UnixMilli(), rand.Text()
	return queue.Outgoing{Body: string(encode(envelope{&c})), Group: c.Tenant}
}

// EventID returns the id of the change's event: the same for every message that tells of it.
func (c Change) EventID() string {
	of := c.Of
	if of == "" {
		of = fmt.Sprint(c.At)
	}
	sum := sha256.Sum256([]byte(c.Type + "\n" + c.Tenant + "\n" + c.Webhook + "\n" + of))
	return eventID + hex.EncodeToString(sum[:16])
}

// Moment returns when the change was made, in the deployment's clock.
func (c Change) Moment() time.Time { return time.UnixMilli(c.At).UTC() }

// Happened reports whether what is stored of the webhook, nil if it is gone, shows that the change was made. Of a
// webhook that has changed again since it may show nothing.
func (c Change) Happened(w *webhook.Webhook) bool {
	if c.Type == DeliveryFailed {
		return true
	}
	if w == nil {
		return false
	}
	switch c.Type {
	case WebhookCreated:
		return w.CreatedAt.UnixMilli() == c.At
	case WebhookFailing:
		return w.Active && !w.Health.FailingSince.IsZero() && w.Health.FailingSince.UnixMilli() == c.At
	case WebhookRecovered:
		return w.Active && stamp(w.Health.FailingSince) != c.Of
	case WebhookDisabled:
		return !w.Active && w.UpdatedAt.UnixMilli() == c.At
	}
	return false
}

// Awaited reports whether the change, which is not made yet at a moment of real time, may still be.
func (c Change) Awaited(real time.Time) bool {
	return real.Before(time.UnixMilli(c.Sent).Add(Patience))
}

// Announced reports whether the change goes to the stack's event bus: those of webhooks do. Deliveries fail by the thousand.
func (c Change) Announced() bool { return c.Type != DeliveryFailed }

// Notice returns the change as it stands on the event bus.
func (c Change) Notice() Notice {
	id := c.EventID()
	return Notice{
		ID: id, DetailType: c.Type, Time: c.Moment(),
		Detail: Detail{Tenant: c.Tenant, ID: id, Data: c.Data},
	}
}
