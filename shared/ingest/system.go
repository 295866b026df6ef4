package ingest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"hookline/shared/systemevent"
	"hookline/shared/webhook"
)

// Announcer puts notices on the stack's event bus. They may be repeated, with the same Detail.ID.
type Announcer interface {
	Announce(ctx context.Context, ns []systemevent.Notice) error
}

const (
	// looks is how often a change that is not made yet is looked for before its message goes back to the queue, at first
	// firstLook apart and then twice as far each time: whoever queued it is probably about to make it.
	looks     = 4
	firstLook = 100 * time.Millisecond
)

var errAwaited = errors.New("the change is not made yet")

// change takes a change of a webhook's state: it tells of one that was made, and drops one that was not.
func (s *Service) change(ctx context.Context, c systemevent.Change) error {
	t, err := s.Store.Tenant(ctx, c.Tenant)
	if isGone(err) {
		return nil // nobody is left to tell
	} else if err != nil {
		return err
	}
	made, err := s.made(ctx, c)
	if err != nil {
		return err
	}
	if !made {
		if c.Awaited(s.wall()) {
			return errAwaited
		}
		s.Log.DebugContext(ctx, "system.dropped", "tenant", c.Tenant, "webhook", c.Webhook, "type", c.Type)
		return nil
	}
	if failing, ok := c.Before(); ok && s.now().Sub(failing.Moment()) < stillKnown {
		if err := s.publishChange(ctx, t, failing); err != nil {
			return err
		}
	}
	return s.publishChange(ctx, t, c)
}

// stillKnown is for how long after a change its event's id is surely remembered, if it was told.
const stillKnown = Remembered - time.Hour

// publishChange publishes and announces a change that was made. Of several messages that tell of one change, the first to pin
// its event does, and comes back until it is done.
func (s *Service) publishChange(ctx context.Context, t webhook.Tenant, c systemevent.Change) error {
	d, err := s.Dialects.Dialect(ctx, t.Dialect)
	if err != nil {
		return err
	}
	// The event has real time, as all events have.
	in := Input{ID: c.EventID(), Type: c.Type, Data: c.Data, Timestamp: time.UnixMilli(c.Sent)}
	event, err := read(in)
	if err != nil {
		return fmt.Errorf("data of event %s: %w", in.ID, err)
	}
	now := s.acceptance(t)
	p := &publication{
		entry: webhook.EventIDs(now, 1)[0],
		accepted: accepted{content: event.content, Event: webhook.Event{
			Tenant: t.ID, ID: in.ID, Type: in.Type, AcceptedAt: now, RetentionDays: t.RetentionDays,
			Timestamp: in.Timestamp.UTC().Format(webhook.TimeFormat), Data: event.content.Compact(),
		}},
		hash: event.hash + c.Writer, except: c.Webhook, unpublished: c.Unpublished,
	}
	// Filters that are too much work keep the event from webhooks, but not the mail from the tenant.
	_, refused := s.publish(ctx, d, t.ID, []*publication{p}, nil)
	if refused != nil && !isBudget(refused) {
		return refused
	}
	if s.Announcer != nil && c.Announced() && !p.skip {
		if err := s.Announcer.Announce(ctx, []systemevent.Notice{c.Notice()}); err != nil {
			return err
		}
	}
	return refused
}

// made reports whether the change was made, and gives it a moment.
func (s *Service) made(ctx context.Context, c systemevent.Change) (bool, error) {
	for look := range looks {
		var found *webhook.Webhook
		if c.Type != systemevent.DeliveryFailed {
			w, err := s.Store.Webhook(ctx, webhook.Ref{Tenant: c.Tenant, ID: c.Webhook})
			if err == nil {
				found = &w
			} else if !isGone(err) {
				return false, err
			}
		}
		if c.Happened(found) {
			return true, nil
		}
		if !c.Awaited(s.wall()) || look == looks-1 {
			break
		}
		select {
		case <-time.After(firstLook << look):
		case <-ctx.Done():
			return false, ctx.Err()
		}
	}
	return false, nil
}

func isGone(err error) bool { return webhook.Is(err, webhook.NotFound) }
