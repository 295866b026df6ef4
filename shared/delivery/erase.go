package delivery

import (
	"context"
	"slices"
	"time"

	"hookline/shared/dialect"
	"hookline/shared/message"
	"hookline/shared/queue"
	"hookline/shared/webhook"
)

func errErased() error {
	return webhook.ErrConflict("event-erased", "the event's payload was erased, there is nothing to send any more")
}

// Erase removes the payload of an event from its deliveries for good: bodies, and receivers' answers, which may repeat
// them. Those that are pending end as failed. Each webhook that the event matched has a record then, so that messages
// with copies of the payload are dropped when they come. Repeated after a crash it erases what is left.
func (d *Deliverer) Erase(ctx context.Context, t webhook.Tenant, ev webhook.LoggedEvent) error {
	hooks, err := d.reached(ctx, ev)
	if err != nil {
		return err
	}
	for _, id := range ev.Matched {
		if err := d.markErased(ctx, webhook.Ref{Tenant: ev.Tenant, ID: id}); err != nil {
			return err
		}
	}
	dl, err := d.Dialects.Dialect(ctx, t.Dialect)
	if err != nil {
		return err
	}
	for _, id := range hooks {
		_, matched := slices.BinarySearch(ev.Matched, id)
		key := webhook.DeliveryKey{Tenant: ev.Tenant, Webhook: id, Event: ev.ID, AcceptedAt: ev.AcceptedAt}
		if err := d.eraseRecord(ctx, dl, key, ev, matched); err != nil {
			return err
		}
	}
	// Bodies whose first attempt is still to come have no record that names them.
	forms := []string{"data", webhook.FormatJSON, webhook.FormatSlack, webhook.FormatTeams, webhook.FormatDiscord}
	for _, form := range forms[1:] {
		forms = append(forms, form+"."+dl.Ref())
	}
	for _, form := range forms {
		if err := d.Store.DropPayload(ctx, ev.Tenant, message.BodyRef(ev.Event, form)); err != nil {
			return err
		}
	}
	return nil
}

// reached returns the webhooks that may have a delivery of the event: those that it matched, also deleted ones, and all
// that the tenant has, since an event can be sent to any.
func (d *Deliverer) reached(ctx context.Context, ev webhook.LoggedEvent) ([]string, error) {
	hooks := slices.Clone(ev.Matched)
	q := webhook.WebhookQuery{Page: webhook.Page{Limit: 100}}
	for {
		l, err := d.Store.Webhooks(ctx, ev.Tenant, q)
		if err != nil {
			return nil, err
		}
		for _, w := range l.Items {
			if _, matched := slices.BinarySearch(ev.Matched, w.ID); !matched {
				hooks = append(hooks, w.ID)
			}
		}
		if q.Page.Cursor = l.Next; l.Next == "" {
			return hooks, nil
		}
	}
}

// markErased has batches read the record of each first message to the webhook, until the queues hold no message of now.
func (d *Deliverer) markErased(ctx context.Context, ref webhook.Ref) error {
	for try := 1; ; try++ {
		w, err := d.Health.Webhook(ctx, ref)
		if webhook.Is(err, webhook.NotFound) {
			return nil // nothing is sent to it
		}
		if err != nil {
			return err
		}
		w.ErasedUntil = d.now().Add(queue.MaxRetention)
		if err := d.Health.UpdateWebhook(ctx, w, false); !webhook.Is(err, webhook.Conflict) || try == replayTries {
			return err
		}
	}
}

// eraseRecord erases the record of one delivery. Where there is none, one that was to be made gets it.
func (d *Deliverer) eraseRecord(ctx context.Context, dl *dialect.Dialect, key webhook.DeliveryKey, ev webhook.LoggedEvent, matched bool) error {
	for try := 1; ; try++ {
		_, records, err := d.Store.Load(ctx, nil, []webhook.DeliveryKey{key})
		if err != nil {
			return err
		}
		rec, ok := records[key]
		if !ok && !matched || !rec.ErasedAt.IsZero() {
			return nil
		}
		prev := rec.Rev()
		if !ok {
			rec = message.Compose(dl, ev.Event, webhook.Subscription{Webhook: key.Webhook, Format: webhook.FormatJSON, ContentType: webhook.ContentJSON}).Record(d.retention())
			rec.NextAt = d.now()
		}
		// The body goes first: nothing would name it after a crash.
		if rec.Body.Ref != "" {
			if err := d.Store.DropPayload(ctx, key.Tenant, rec.Body.Ref); err != nil {
				return err
			}
		}
		err = d.Store.SaveDelivery(ctx, d.erased(rec), prev)
		if !webhook.Is(err, webhook.Conflict) || try == replayTries {
			return err
		}
	}
}

// erased returns a record without its payload.
func (d *Deliverer) erased(rec webhook.Delivery) webhook.Delivery {
	if rec.Status == webhook.Pending {
		rec = d.ended(rec, webhook.ReasonErased)
	}
	rec.Attempts = slices.Clone(rec.Attempts)
	for i := range rec.Attempts {
		a := &rec.Attempts[i]
		a.Truncated = a.Truncated || a.ResponseBody != ""
		a.ResponseBody, a.ResponseHeaders = "", nil
	}
	rec.Body, rec.Owner, rec.ErasedAt = webhook.Payload{}, "", d.now().Truncate(time.Millisecond)
	return rec
}
