package ingest

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"hookline/shared/dialect"
	"hookline/shared/ecmajson"
	"hookline/shared/message"
	"hookline/shared/payload"
	"hookline/shared/queue"
	"hookline/shared/systemevent"
	"hookline/shared/webhook"
)

// fanout is an accepted event on its way through the queue, because it goes to more webhooks than one request sends to.
type fanout struct {
	Event   webhook.Event   `json:"event"`
	Data    webhook.Payload `json:"data"` // Event.Data, packed
	Dialect string          `json:"dialect"`
	Except  string          `json:"except,omitempty"` // a webhook that is not told
	Repeat  bool            `json:"repeat,omitempty"`
	Cursor  string          `json:"cursor,omitempty"` // where in the index this message begins
}

// envelope is a message of the ingest queue: one of ours, or an entry of an event bus, whose fields it does not share.
type envelope struct {
	Fanout *fanout             `json:"fanout,omitempty"`
	System *systemevent.Change `json:"system,omitempty"`
}

// pagesPerMessage bounds the work of one message; what is left continues in another.
const pagesPerMessage = 10

// handOver returns the message that has the queue fan the event out.
func (s *Service) handOver(ctx context.Context, d *dialect.Dialect, p *publication) ([]queue.Outgoing, error) {
	ev := p.Event
	data, err := message.Keep(ctx, s.Store, ev, "data", payload.Pack(ev.Data), s.expiry(ev))
	if err != nil {
		return nil, err
	}
	ev.Data = nil
	f := fanout{Event: ev, Data: data, Dialect: d.Ref(), Except: p.except, Repeat: p.repeat}
	return []queue.Outgoing{f.outgoing(s.delay(p.repeat))}, nil
}

// erased reports whether the event's payload was erased meanwhile.
func (s *Service) erased(ctx context.Context, ev webhook.Event) (bool, error) {
	if s.Events == nil {
		return false, nil
	}
	logged, err := s.Events.Event(ctx, ev.Tenant, ev.ID)
	if webhook.Is(err, webhook.NotFound) { // it is written to the log after this message
		return false, nil
	}
	return err == nil && logged.AcceptedAt.Equal(ev.AcceptedAt) && !logged.ErasedAt.IsZero(), err
}

func (f *fanout) outgoing(delay time.Duration) queue.Outgoing {
	body, _ := json.Marshal(envelope{Fanout: f}) // strings, times and bytes
	return queue.Outgoing{Body: string(body), Group: f.Event.Tenant, Delay: delay}
}

// fanOut sends the messages of one part of the index, and its continuation, before it returns nil. Repeated as a whole
// after a crash, it sends copies, which collapse in delivery. A page whose filters are more work than is left of the
// message's goes to the continuation. All pages together were within one request's when the event was accepted, so that
// only filters changed since can make one page more than all of a message's: then the error is webhook.Invalid.
func (s *Service) fanOut(ctx context.Context, f fanout) error {
	if _, err := s.Store.Tenant(ctx, f.Event.Tenant); isGone(err) {
		return nil // nobody is left to send it to
	} else if err != nil {
		return err
	}
	if erased, err := s.erased(ctx, f.Event); err != nil || erased {
		return err
	}
	d, err := s.Dialects.Dialect(ctx, f.Dialect)
	if err != nil {
		return err
	}
	ev := f.Event
	packed := f.Data.Inline
	if f.Data.Ref != "" {
		found, err := s.Store.Payloads(ctx, ev.Tenant, []string{f.Data.Ref})
		if err != nil {
			return err
		}
		packed = found[f.Data.Ref]
	}
	if ev.Data, err = payload.Unpack(packed); err != nil {
		return fmt.Errorf("data: %w", err)
	}
	content, err := ecmajson.Read(ev.Data)
	if err != nil {
		return fmt.Errorf("data: %w", err)
	}
	m, doc := s.matcher(ctx), &document{data: ev.Data}
	page := webhook.Page{Limit: 100, Cursor: f.Cursor}
	for n := range pagesPerMessage {
		list, err := s.Store.Subscriptions(ctx, ev.Tenant, webhook.Patterns(ev.Type), page)
		if err != nil {
			return err
		}
		to := m.matching(m.candidates(without(list.Items, f.Except)), doc)
		if err := m.err(0); isBudget(err) && n > 0 {
			break
		} else if err != nil {
			return err
		}
		if f.Repeat {
			to = s.takenBefore(to, ev.AcceptedAt)
		}
		msgs, err := s.messages(ctx, d, accepted{ev, content}, to, false, 0) // a repeat has waited
		if err != nil {
			return err
		}
		if err := queue.SendAll(ctx, s.Delivery, msgs); err != nil {
			return err
		}
		if page.Cursor = list.Next; page.Cursor == "" {
			return nil
		}
	}
	f.Cursor = page.Cursor
	return queue.SendAll(ctx, s.Queue, []queue.Outgoing{f.outgoing(0)})
}
