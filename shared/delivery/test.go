package delivery

import (
	"context"
	"time"

	"hookline/shared/dialect"
	"hookline/shared/ecmajson"
	"hookline/shared/format"
	"hookline/shared/message"
	"hookline/shared/payload"
	"hookline/shared/webhook"
)

// maxTest is how long a test delivery may take: the HTTP API in front of it ends at 30 s.
const maxTest = 20 * time.Second

// Test sends one event of the type to the webhook at once, active or not, in its tenant's dialect, and records it. It is
// never retried. When it succeeds, a failing webhook is active again. ctx must not end when the caller goes: what the receiver did is recorded.
func (d *Deliverer) Test(ctx context.Context, t webhook.Tenant, dl *dialect.Dialect, w webhook.Webhook, eventType string) (webhook.Delivery, error) {
	now := d.now()
	ev := webhook.Event{
		Tenant: w.Tenant, ID: webhook.NewID(webhook.EventPrefix, now), Type: eventType, AcceptedAt: now,
		Timestamp: time.Now().UTC().Format(webhook.TimeFormat), Data: dl.Example(eventType),
		RetentionDays: t.RetentionDays,
	}
	content, err := ecmajson.Read(ev.Data)
	if err != nil {
		return webhook.Delivery{}, err
	}
	body, err := format.Of(w.Format).Body(dl, ev, content)
	if err != nil {
		return webhook.Delivery{}, err
	}
	m := message.Compose(dl, ev, webhook.Subscription{Webhook: w.ID, Format: w.Format, ContentType: w.ContentType})
	rec := m.Record(d.retention())
	if rec.Body, err = message.Keep(ctx, d.Store, ev, w.Format, payload.Pack(body), rec.ExpiresAt); err != nil {
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
		d.newBatch(nil).recovered(ctx, w, webhook.TestType)
	}
	return rec, nil
}
