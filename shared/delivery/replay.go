package delivery

import (
	"context"
	"time"

	"hookline/shared/dialect"
	"hookline/shared/format"
	"hookline/shared/payload"
	"hookline/shared/queue"
	"hookline/shared/webhook"
)

// replayTries is how often Replay starts over when an attempt was recorded in between.
const replayTries = 5

// Replay starts a new round of attempts on a delivery, at once; what was scheduled for it is superseded. When it
// returns nil the round's first message is queued. A crash between the record and the message is the sweeper's.
func (d *Deliverer) Replay(ctx context.Context, key webhook.DeliveryKey) (webhook.Delivery, error) {
	for try := 1; ; try++ {
		webhooks, records, err := d.Store.Load(ctx, []webhook.Ref{{Tenant: key.Tenant, ID: key.Webhook}}, []webhook.DeliveryKey{key})
		if err != nil {
			return webhook.Delivery{}, err
		}
		rec, ok := records[key]
		if !ok {
			return webhook.Delivery{}, webhook.ErrNotFound("delivery")
		}
		if len(webhooks) == 0 {
			return webhook.Delivery{}, webhook.ErrConflict("webhook-deleted", "the delivery's webhook was deleted, there is nowhere to send it")
		}
		prev := rec.Rev()
		rec = d.anew(rec)
		if err := d.Store.SaveDelivery(ctx, rec, prev); webhook.KindOf(err) == webhook.Conflict && try < replayTries {
			continue
		} else if err != nil {
			return webhook.Delivery{}, err
		}
		if err := queue.SendAll(ctx, d.Queues.Delivery, []queue.Outgoing{next(rec).Outgoing(0)}); err != nil {
			return webhook.Delivery{}, webhook.ErrUnavailable(err)
		}
		return rec, nil
	}
}

// SendTo sends an event to one webhook at once, whether it took the event or not: a new round where there is a delivery
// already, else its first attempt, in the tenant's dialect and the webhook's format as they are now. When it returns nil the
// message is queued; a first one has no record yet, and the copies that two calls may send collapse.
func (d *Deliverer) SendTo(ctx context.Context, t webhook.Tenant, ev webhook.Event, w webhook.Webhook) (webhook.Delivery, error) {
	key := webhook.DeliveryKey{Tenant: t.ID, Webhook: w.ID, Event: ev.ID, AcceptedAt: ev.AcceptedAt}
	rec, err := d.Replay(ctx, key)
	if err == nil || webhook.KindOf(err) != webhook.NotFound {
		return rec, err
	}
	dl, err := d.Dialects.Dialect(ctx, t.Dialect)
	if err != nil {
		return webhook.Delivery{}, err
	}
	m, err := d.firstFor(ctx, dl, ev, w)
	if err != nil {
		return webhook.Delivery{}, err
	}
	if err := queue.SendAll(ctx, d.Queues.Delivery, []queue.Outgoing{m.Outgoing(0)}); err != nil {
		return webhook.Delivery{}, webhook.ErrUnavailable(err)
	}
	rec = first(m, d.retention())
	rec.NextAt = d.now()
	return rec, nil
}

// firstFor returns the first message of an event's delivery to one webhook, in the dialect and the webhook's format as they
// are now.
func (d *Deliverer) firstFor(ctx context.Context, dl *dialect.Dialect, ev webhook.Event, w webhook.Webhook) (Message, error) {
	body, err := format.Of(w.Format).Body(dl, ev)
	if err != nil {
		return Message{}, err
	}
	m := Compose(dl, ev, webhook.Subscription{Webhook: w.ID, Format: w.Format, ContentType: w.ContentType})
	// The dialect may have changed since the event was accepted, so that its body is another.
	kept, err := Keep(ctx, d.Store, ev, w.Format+"."+dl.Ref(), payload.Pack(body), d.now().Add(d.retention()))
	m.Body, m.Ref = kept.Inline, kept.Ref
	return m, err
}

// maxTest is how long a test delivery may take: the HTTP API in front of it ends at 30 s.
const maxTest = 20 * time.Second

// Test sends one event of the type to the webhook at once, active or not, in its tenant's dialect, and records it. It is never retried. When it
// succeeds, a failing webhook is active again. ctx must not end when the caller goes: what the receiver did is recorded.
func (d *Deliverer) Test(ctx context.Context, dl *dialect.Dialect, w webhook.Webhook, eventType string) (webhook.Delivery, error) {
	now := d.now()
	ev := webhook.Event{
		Tenant: w.Tenant, ID: webhook.NewID(webhook.EventPrefix, now), Type: eventType, AcceptedAt: now,
		Timestamp: time.Now().UTC().Format(webhook.TimeFormat), Data: dl.Example(eventType),
	}
	body, err := format.Of(w.Format).Body(dl, ev)
	if err != nil {
		return webhook.Delivery{}, err
	}
	m := Compose(dl, ev, webhook.Subscription{Webhook: w.ID, Format: w.Format, ContentType: w.ContentType})
	rec := first(m, d.retention())
	if rec.Body, err = Keep(ctx, d.Store, ev, w.Format, payload.Pack(body), rec.ExpiresAt); err != nil {
		return webhook.Delivery{}, err
	}
	a, err := d.post(ctx, dl, w, rec, body, maxTest)
	if err != nil {
		return webhook.Delivery{}, err
	}
	rec.Record(a)
	rec.NextAt, rec.Status = time.Time{}, webhook.Succeeded
	if a.Error != "" {
		rec.Status = webhook.Failed
	}
	// The time may be over by now; what was sent is recorded all the same.
	if err := d.Store.SaveDelivery(context.WithoutCancel(ctx), rec, webhook.Rev{}); err != nil {
		return webhook.Delivery{}, err
	}
	d.attempted(ctx, rec)
	if rec.Status == webhook.Succeeded && w.Active {
		// A person asked for the test, so that the recovery is told of even where the test's own event is a system event.
		b := &batch{Deliverer: d, health: make(map[webhook.Ref]webhook.Health)}
		b.recovered(ctx, w, webhook.TestType)
	}
	return rec, nil
}

// Compose returns the first message of an event's delivery to a webhook that takes it, without its body.
func Compose(dl *dialect.Dialect, ev webhook.Event, s webhook.Subscription) Message {
	return Message{
		Tenant: ev.Tenant, Webhook: s.Webhook, Event: ev.ID, Type: ev.Type, AcceptedAt: ev.AcceptedAt.UnixMilli(),
		Timestamp: ev.Timestamp, Dialect: dl.Ref(), ContentType: format.Of(s.Format).ContentType(s.ContentType),
		Format: s.Format, Round: 1, Attempt: 1,
	}
}

// PayloadStore keeps bodies that are too large for a message.
type PayloadStore interface {
	PutPayload(ctx context.Context, tenant, ref string, body []byte, expires time.Time) error
}

// Keep returns where a packed body of the event is found: inline when small, else in the store, written before it
// returns. All deliveries of an event in one format share it.
func Keep(ctx context.Context, s PayloadStore, ev webhook.Event, form string, packed []byte, expires time.Time) (webhook.Payload, error) {
	if len(packed) <= payload.MaxInline {
		return webhook.Payload{Inline: packed}, nil
	}
	ref := ev.ID + "." + ev.AcceptedAt.Format("20060102T150405.000") + "." + form
	if err := s.PutPayload(ctx, ev.Tenant, ref, packed, expires); err != nil {
		return webhook.Payload{}, err
	}
	return webhook.Payload{Ref: ref}, nil
}

// Sent returns the body and the headers of a delivery's last attempt, as they went out; custom headers are masked, and
// the signature is there while the secret that made it is. Before any attempt the headers are those of one made now.
func (d *Deliverer) Sent(ctx context.Context, rec webhook.Delivery) ([]byte, []dialect.Header, error) {
	dl, err := d.Dialects.Dialect(ctx, rec.Dialect)
	if err != nil {
		return nil, nil, err
	}
	body, err := d.body(ctx, rec)
	if err != nil {
		return nil, nil, err
	}
	wire := dialect.Wire(body, rec.ContentType)
	ref := webhook.Ref{Tenant: rec.Tenant, ID: rec.Webhook}
	webhooks, _, err := d.Store.Load(ctx, []webhook.Ref{ref}, nil)
	if err != nil {
		return nil, nil, err
	}
	w := webhooks[ref]
	sent, version := time.Now(), 0
	if a := rec.LastAttempt(); a != nil && !a.SentAt.IsZero() {
		sent, version = a.SentAt, a.Secret
	}
	secrets, newest, err := d.secrets(ctx, w, d.now())
	if err != nil {
		return nil, nil, err
	}
	if version != 0 && version != newest {
		secrets = nil
	}
	headers, err := d.headers(dl, rec, body, sent, secrets)
	if err != nil {
		return nil, nil, err
	}
	for _, name := range w.HeaderNames {
		if dl.Owns(name) {
			continue
		}
		headers = append(headers, dialect.Header{Name: name, Value: "********"})
	}
	return wire, headers, nil
}
