package simulation

import (
	"context"
	"errors"
	"sync"
	"time"

	"hookline/shared/queue"
	"hookline/shared/stack"
	"hookline/shared/store"
	"hookline/shared/webhook"
)

// variant is the system with one step broken. The zero variant is the system as it is.
type variant struct {
	name      string
	store     func(store.Store) store.Store // a process's
	queue     func(queue.Queue) queue.Queue // a process's, of each name
	early     bool                          // messages are deleted before they are worked on
	unsweeped bool                          // there is no sweeper
}

// variants must each be found by some invariant.
var variants = []variant{
	{name: "messages are deleted before they are worked on", early: true},
	{name: "there is no sweeper", unsweeped: true},
	{name: "a record has no owner", store: func(s store.Store) store.Store { return ownerless{s} }},
	{name: "records are not read before an attempt, so that copies are not dropped", store: func(s store.Store) store.Store { return blind{s} }},
	{name: "a record is written whatever is stored", store: func(s store.Store) store.Store { return unlocked{s} }},
	{name: "ids from outside are not pinned", store: func(s store.Store) store.Store { return unpinned{s} }},
	{name: "a retired secret signs for ever", store: func(s store.Store) store.Store { return unretired{s} }},
	{name: "webhooks are read once", store: func(s store.Store) store.Store { return &once{Store: s, read: make(map[webhook.Ref]webhook.Webhook)} }},
	{name: "dead letters are not sent", queue: func(q queue.Queue) queue.Queue { return undead{q} }},
	{name: "what a queue refuses of a batch is not sent again", queue: func(q queue.Queue) queue.Queue { return careless{q} }},
}

type (
	hooks   = map[webhook.Ref]webhook.Webhook
	records = map[webhook.DeliveryKey]webhook.Delivery
)

// ownerless stores records without their owners.
type ownerless struct{ store.Store }

func (s ownerless) SaveDelivery(ctx context.Context, d webhook.Delivery, prev webhook.Rev) error {
	d.Owner = ""
	return s.Store.SaveDelivery(ctx, d, prev)
}

// blind finds no records for a batch.
type blind struct{ store.Store }

func (s blind) LoadBatch(ctx context.Context, refs []webhook.Ref, _, _ []webhook.DeliveryKey) (hooks, records, error) {
	return s.Store.LoadBatch(ctx, refs, nil, nil)
}

// unlocked writes a record over any other.
type unlocked struct{ store.Store }

func (s unlocked) SaveDelivery(ctx context.Context, d webhook.Delivery, prev webhook.Rev) error {
	err := s.Store.SaveDelivery(ctx, d, prev)
	if !webhook.Is(err, webhook.Conflict) {
		return err
	}
	there, err := s.Store.Delivery(ctx, d.DeliveryKey)
	if err != nil {
		return err
	}
	return s.Store.SaveDelivery(ctx, d, there.Rev())
}

// unpinned remembers nothing.
type unpinned struct{ store.Store }

func (s unpinned) Pins(_ context.Context, ps []webhook.Pin) ([]webhook.Pin, []bool, error) {
	made := make([]bool, len(ps))
	for i := range made {
		made[i] = true
	}
	return ps, made, nil
}

// unretired finds webhooks whose secrets never expire.
type unretired struct{ store.Store }

func (s unretired) LoadBatch(ctx context.Context, refs []webhook.Ref, keys, first []webhook.DeliveryKey) (hooks, records, error) {
	found, recs, err := s.Store.LoadBatch(ctx, refs, keys, first)
	for ref, h := range found {
		for i := range h.Secrets {
			h.Secrets[i].ExpiresAt = time.Time{}
		}
		found[ref] = h
	}
	return found, recs, err
}

// once finds webhooks as they were when it first read them.
type once struct {
	store.Store
	mu   sync.Mutex
	read hooks
}

func (s *once) LoadBatch(ctx context.Context, refs []webhook.Ref, keys, first []webhook.DeliveryKey) (hooks, records, error) {
	found, recs, err := s.Store.LoadBatch(ctx, refs, keys, first)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, ref := range refs {
		h, ok := found[ref]
		if before, known := s.read[ref]; known && err == nil {
			found[ref] = before
		} else if ok {
			s.read[ref] = h
		}
	}
	return found, recs, err
}

// undead drops what is sent to the dead-letter queue.
type undead struct{ queue.Queue }

func (q undead) Send(ctx context.Context, msgs []queue.Outgoing) error {
	if q.Name() == stack.DeadQueue {
		return nil
	}
	return q.Queue.Send(ctx, msgs)
}

// careless takes a batch that was taken in part for taken.
type careless struct{ queue.Queue }

func (q careless) Send(ctx context.Context, msgs []queue.Outgoing) error {
	err := q.Queue.Send(ctx, msgs)
	if _, ok := errors.AsType[*queue.PartialError](err); ok {
		return nil
	}
	return err
}
