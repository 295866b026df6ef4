package deliverytest

import (
	"context"
	"maps"
	"sync"
	"time"

	"hookline/shared/queue"
	queuesqlite "hookline/shared/queue/sqlite"
	storesqlite "hookline/shared/store/sqlite"
	"hookline/shared/webhook"
)

// Tally counts calls by name.
type Tally struct {
	mu sync.Mutex
	n  map[string]int
}

func (c *Tally) add(what string, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n[what] += n
}

// Take returns what was counted since it was last called.
func (c *Tally) Take() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	got := maps.Clone(c.n)
	clear(c.n)
	return got
}

// countedStore counts what delivering asks of a store.
type countedStore struct {
	*storesqlite.Store
	calls *Tally
	takes time.Duration
	lane  time.Duration // more, of TakeLane
}

func (s countedStore) count(what string) {
	s.calls.add(what, 1)
	wait(s.takes)
}

func (s countedStore) Load(ctx context.Context, refs []webhook.Ref, keys []webhook.DeliveryKey) (map[webhook.Ref]webhook.Webhook, map[webhook.DeliveryKey]webhook.Delivery, error) {
	s.count("load")
	return s.Store.Load(ctx, refs, keys)
}

func (s countedStore) LoadBatch(
	ctx context.Context, refs []webhook.Ref, keys, first []webhook.DeliveryKey,
) (map[webhook.Ref]webhook.Webhook, map[webhook.DeliveryKey]webhook.Delivery, error) {
	s.count("load")
	return s.Store.LoadBatch(ctx, refs, keys, first)
}

func (s countedStore) SaveDelivery(ctx context.Context, d webhook.Delivery, prev webhook.Rev) error {
	s.count("record")
	return s.Store.SaveDelivery(ctx, d, prev)
}

func (s countedStore) ReserveSlots(ctx context.Context, ref webhook.Ref, p webhook.Pace, n int, now time.Time) (time.Time, error) {
	s.calls.add("slots", 1)
	return s.Store.ReserveSlots(ctx, ref, p, n, now)
}

func (s countedStore) SetHealth(ctx context.Context, ref webhook.Ref, from, to webhook.Health) (bool, error) {
	s.calls.add("health", 1)
	return s.Store.SetHealth(ctx, ref, from, to)
}

func (s countedStore) SetSlow(ctx context.Context, ref webhook.Ref, from, to time.Time) (bool, error) {
	s.calls.add("mark", 1)
	return s.Store.SetSlow(ctx, ref, from, to)
}

func (s countedStore) TakeLane(ctx context.Context, name string, n int, now, until time.Time) (int, error) {
	s.calls.add("lane", 1)
	wait(s.lane)
	return s.Store.TakeLane(ctx, name, n, now, until)
}

// countedQueue counts requests as SQS bills them: each 64 KiB that is sent or received is one.
type countedQueue struct {
	*queuesqlite.Queue
	calls *Tally
	takes time.Duration
}

func (q countedQueue) count(what string, n int) {
	q.calls.add(what, n)
	wait(q.takes)
}

// wait is a call's round trip.
func wait(span time.Duration) {
	if span > 0 {
		<-time.After(span)
	}
}

const billed = 64 << 10

func (q countedQueue) Send(ctx context.Context, msgs []queue.Outgoing) error {
	size := 0
	for _, m := range msgs {
		size += len(m.Body)
	}
	q.count("send", (size+billed-1)/billed)
	return q.Queue.Send(ctx, msgs)
}

func (q countedQueue) Receive(ctx context.Context, most int, wait time.Duration) ([]queue.Received, error) {
	got, err := q.Queue.Receive(ctx, most, wait)
	size := 0
	for _, m := range got {
		size += len(m.Body)
	}
	q.count("receive", (size+billed-1)/billed)
	return got, err
}

func (q countedQueue) Hide(ctx context.Context, vs []queue.Visibility) error {
	q.count("hide", 1)
	return q.Queue.Hide(ctx, vs)
}

func (q countedQueue) Delete(ctx context.Context, handles ...string) error {
	q.count("delete", 1)
	return q.Queue.Delete(ctx, handles...)
}
