package message

import (
	"context"
	"time"

	"hookline/shared/dialect"
	"hookline/shared/format"
	"hookline/shared/payload"
	"hookline/shared/webhook"
)

// Compose returns the first message of an event's delivery to a webhook that takes it, without its body.
func Compose(dl *dialect.Dialect, ev webhook.Event, s webhook.Subscription) Message {
	return Message{
		Tenant: ev.Tenant, Webhook: s.Webhook, Event: ev.ID, Type: ev.Type, AcceptedAt: ev.AcceptedAt.UnixMilli(),
		Timestamp: ev.Timestamp, Dialect: dl.Ref(), ContentType: format.Of(s.Format).ContentType(s.ContentType),
		Format: s.Format, Round: 1, Attempt: 1, Retention: ev.RetentionDays, TraceParent: ev.TraceParent,
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
	ref := BodyRef(ev, form)
	if err := s.PutPayload(ctx, ev.Tenant, ref, packed, expires); err != nil {
		return webhook.Payload{}, err
	}
	return webhook.Payload{Ref: ref}, nil
}

// BodyRef is the ref under which Keep stores a large body of the event.
func BodyRef(ev webhook.Event, form string) string {
	return ev.ID + "." + ev.AcceptedAt.Format("20060102T150405.000") + "." + form
}
