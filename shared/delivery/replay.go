package delivery

import (
	"context"
	"fmt"

	"hookline/shared/dialect"
	"hookline/shared/ecmajson"
	"hookline/shared/format"
	"hookline/shared/message"
	"hookline/shared/metrics"
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
		if !rec.ErasedAt.IsZero() {
			return webhook.Delivery{}, errErased()
		}
		prev := rec.Rev()
		rec = d.anew(rec)
		if err := d.Store.SaveDelivery(ctx, rec, prev); webhook.Is(err, webhook.Conflict) && try < replayTries {
			continue
		} else if err != nil {
			return webhook.Delivery{}, err
		}
		if err := queue.SendAll(ctx, d.Queues.Delivery, []queue.Outgoing{message.Next(rec).Outgoing(0)}); err != nil {
			return webhook.Delivery{}, webhook.ErrUnavailable(err)
		}
		metrics.Add(ctx, metrics.Replays, 1)
		return rec, nil
	}
}

// Cancel ends a pending delivery as failed, with no dead letter. Nothing owns its record then, so that the messages there
// are for it are dropped when they come. An attempt under way may still reach the receiver; its outcome is not recorded.
func (d *Deliverer) Cancel(ctx context.Context, key webhook.DeliveryKey) (webhook.Delivery, error) {
	for try := 1; ; try++ {
		_, records, err := d.Store.Load(ctx, nil, []webhook.DeliveryKey{key})
		if err != nil {
			return webhook.Delivery{}, err
		}
		rec, ok := records[key]
		if !ok {
			return webhook.Delivery{}, webhook.ErrNotFound("delivery")
		}
		if rec.Status != webhook.Pending {
			return webhook.Delivery{}, webhook.ErrConflict("delivery-not-pending", "the delivery has "+string(rec.Status)+" already; only a pending one can be cancelled")
		}
		prev := rec.Rev()
		rec = rec.Ended(d.now(), webhook.ReasonCancelled)
		if err := d.Store.SaveDelivery(ctx, rec, prev); !webhook.Is(err, webhook.Conflict) || try == replayTries {
			return rec, err
		}
	}
}

// SendTo sends an event to one webhook at once, whether it took the event or not: a new round where there is a delivery
// already, else its first attempt, in the tenant's dialect and the webhook's format as they are now. When it returns nil the
// message is queued. The record is there before it, for nothing else tells that the webhook gets the event (see package
// erasure); a crash in between is the sweeper's.
func (d *Deliverer) SendTo(ctx context.Context, t webhook.Tenant, ev webhook.Event, w webhook.Webhook) (webhook.Delivery, error) {
	if !ev.ErasedAt.IsZero() {
		return webhook.Delivery{}, errErased()
	}
	key := webhook.DeliveryKey{Tenant: t.ID, Webhook: w.ID, Event: ev.ID, AcceptedAt: ev.AcceptedAt}
	rec, err := d.Replay(ctx, key)
	if !webhook.Is(err, webhook.NotFound) {
		return rec, err
	}
	dl, err := d.Dialects.Dialect(ctx, t.Dialect)
	if err != nil {
		return webhook.Delivery{}, err
	}
	ev.RetentionDays = t.RetentionDays
	m, err := d.firstFor(ctx, dl, ev, w)
	if err != nil {
		return webhook.Delivery{}, err
	}
	rec = m.Record(d.retention())
	rec.Round = 0 // there is none yet
	rec = d.anew(rec)
	if err := d.Store.SaveDelivery(ctx, rec, webhook.Rev{}); webhook.Is(err, webhook.Conflict) {
		return d.Replay(ctx, key) // another call was faster
	} else if err != nil {
		return webhook.Delivery{}, err
	}
	if err := queue.SendAll(ctx, d.Queues.Delivery, []queue.Outgoing{message.Next(rec).Outgoing(0)}); err != nil {
		return webhook.Delivery{}, webhook.ErrUnavailable(err)
	}
	metrics.Add(ctx, metrics.Replays, 1)
	return rec, nil
}

func errErased() error {
	return webhook.ErrConflict("event-erased", "the event's payload was erased, there is nothing to send any more")
}

// firstFor returns the first message of an event's delivery to one webhook, in the dialect and the webhook's format as they
// are now.
func (d *Deliverer) firstFor(ctx context.Context, dl *dialect.Dialect, ev webhook.Event, w webhook.Webhook) (message.Message, error) {
	content, err := ecmajson.Read(ev.Data)
	if err != nil {
		return message.Message{}, fmt.Errorf("data of event %s: %w", ev.ID, err)
	}
	body, err := format.Of(w.Format).Body(dl, ev, content)
	if err != nil {
		return message.Message{}, err
	}
	m := message.Compose(dl, ev, webhook.Subscription{Webhook: w.ID, Format: w.Format, ContentType: w.ContentType})
	// The dialect may have changed since the event was accepted, so that its body is another.
	kept, err := message.Keep(ctx, d.Store, ev, w.Format+"."+dl.Ref(), payload.Pack(body), d.now().Add(webhook.Retention(d.Retention, ev.RetentionDays)))
	m.Body, m.Ref = kept.Inline, kept.Ref
	return m, err
}
