package delivery

import (
	"context"
	"fmt"
	"time"

	"hookline/shared/dialect"
	"hookline/shared/ecmajson"
	"hookline/shared/format"
	"hookline/shared/payload"
	"hookline/shared/webhook"
)

// Compose returns the first message of an event's delivery to a webhook that takes it, without its body.
func Compose(dl *dialect.Dialect, ev webhook.Event, s webhook.Subscription) Message {
	return Message{
		Tenant: ev.Tenant, Webhook: s.Webhook, Event: ev.ID, Type: ev.Type, AcceptedAt: ev.AcceptedAt.UnixMilli(),
		Timestamp: ev.Timestamp, Dialect: dl.Ref(), ContentType: format.Of(s.Format).ContentType(s.ContentType),
		Format: s.Format, Round: 1, Attempt: 1,
	}
}

// PayloadStore is the part of store.Store that keeps bodies which are too large for a message. A ref stands for one body
// for ever: storing it again changes nothing.
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

// firstFor returns the first message of an event's delivery to one webhook, in the dialect and the webhook's format as they
// are now.
func (d *Deliverer) firstFor(ctx context.Context, dl *dialect.Dialect, ev webhook.Event, w webhook.Webhook) (Message, error) {
	content, err := ecmajson.Read(ev.Data)
	if err != nil {
		return Message{}, fmt.Errorf("data of event %s: %w", ev.ID, err)
	}
	body, err := format.Of(w.Format).Body(dl, ev, content)
	if err != nil {
		return Message{}, err
	}
	m := Compose(dl, ev, webhook.Subscription{Webhook: w.ID, Format: w.Format, ContentType: w.ContentType})
	// The dialect may have changed since the event was accepted, so that its body is another.
	kept, err := Keep(ctx, d.Store, ev, w.Format+"."+dl.Ref(), payload.Pack(body), d.now().Add(d.retention()))
	m.Body, m.Ref = kept.Inline, kept.Ref
	return m, err
}
