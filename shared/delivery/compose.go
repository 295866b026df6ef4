package delivery

import (
	"context"
	"time"

	"hookline/shared/chat"
	"hookline/shared/dialect"
	"hookline/shared/payload"
	"hookline/shared/webhook"
)

// Compose returns the first message of an event's delivery to a webhook that takes it, without its body.
func Compose(dl *dialect.Dialect, ev webhook.Event, s webhook.Subscription) Message {
	if chat.Writes(s.Format) {
		s.ContentType = webhook.ContentJSON // the chats take nothing else
	}
	return Message{
		Tenant: ev.Tenant, Webhook: s.Webhook, Event: ev.ID, Type: ev.Type, AcceptedAt: ev.AcceptedAt.UnixMilli(),
		Timestamp: ev.Timestamp, Dialect: dl.Ref(), ContentType: s.ContentType, Format: s.Format, Round: 1, Attempt: 1,
	}
}

// Body returns an event's body as webhooks of a format get it, the same for all of them and for every attempt. It fails
// only when the event's data is not JSON that package ecmajson takes.
func Body(dl *dialect.Dialect, ev webhook.Event, format string) ([]byte, error) {
	if !chat.Writes(format) {
		return dl.Body(ev)
	}
	e, _ := dl.EventType(ev.Type) // an open catalogue has types that it does not list
	return chat.Body(format, chat.Message{
		Title: e.Description, Product: dl.Product, Type: ev.Type, ID: ev.ID, Timestamp: webhook.InSeconds(ev.Timestamp), Data: ev.Data,
	})
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

// firstFor returns the first message of an event's delivery to one webhook, in the dialect and the webhook's format as they
// are now.
func (d *Deliverer) firstFor(ctx context.Context, dl *dialect.Dialect, ev webhook.Event, w webhook.Webhook) (Message, error) {
	body, err := Body(dl, ev, w.Format)
	if err != nil {
		return Message{}, err
	}
	m := Compose(dl, ev, webhook.Subscription{Webhook: w.ID, Format: w.Format, ContentType: w.ContentType})
	// The dialect may have changed since the event was accepted, so that its body is another.
	kept, err := Keep(ctx, d.Store, ev, w.Format+"."+dl.Ref(), payload.Pack(body), d.now().Add(d.retention()))
	m.Body, m.Ref = kept.Inline, kept.Ref
	return m, err
}
