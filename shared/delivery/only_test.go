package delivery_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"hookline/shared/message"
	"hookline/shared/queue"
	"hookline/shared/stack"
	"hookline/shared/stack/stacktest"
	"hookline/shared/store"
	"hookline/shared/webhook"
)

// reads counts the records that are read for batches.
type reads struct {
	store.Store
	mu          sync.Mutex
	fresh, late int
}

func (s *reads) LoadBatch(
	ctx context.Context, refs []webhook.Ref, keys, first []webhook.DeliveryKey,
) (map[webhook.Ref]webhook.Webhook, map[webhook.DeliveryKey]webhook.Delivery, error) {
	s.mu.Lock()
	s.fresh += len(keys)
	s.late += len(first)
	s.mu.Unlock()
	return s.Store.LoadBatch(ctx, refs, keys, first)
}

// take returns what was counted since it was last called.
func (s *reads) take() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	got := fmt.Sprintf("%d fresh, %d late", s.fresh, s.late)
	s.fresh, s.late = 0, 0
	return got
}

// heard keeps what is sent into a queue.
type heard struct {
	queue.Queue
	mu   sync.Mutex
	sent []queue.Outgoing
}

func (q *heard) Send(ctx context.Context, msgs []queue.Outgoing) error {
	q.mu.Lock()
	q.sent = append(q.sent, msgs...)
	q.mu.Unlock()
	return q.Queue.Send(ctx, msgs)
}

// TestReadsOfRecords shows which records are read before attempts: none for the only message of a delivery, if it comes for
// the first time, and fresh ones for every message that comes again.
func TestReadsOfRecords(t *testing.T) {
	t.Parallel()
	counted, messages := new(reads), new(heard)
	r := &stacktest.Receiver{}
	w := stacktest.World{
		Receiver:  r,
		WrapStore: func(s store.Store) store.Store { counted.Store = s; return counted },
		WrapQueues: func(queues map[string]queue.Queue) {
			messages.Queue = queues[stack.DeliveryQueue]
			queues[stack.DeliveryQueue] = messages
		},
	}
	w.Run(t, func(t *testing.T, s *stacktest.Stack) {
		acme := s.Tenant("acme", "standard")
		acme.Webhook(stacktest.Hook("*"))
		before := 0
		step := func(what, reads string, posts int) {
			t.Helper()
			stacktest.Pass(time.Minute)
			if got := counted.take(); got != reads {
				t.Errorf("%s: got records read %s, want %s", what, got, reads)
			}
			if got := len(r.Requests()) - before; got != posts {
				t.Errorf("%s: got %d POSTs, want %d", what, got, posts)
			}
			before = len(r.Requests())
		}
		send := func(change func(*message.Message)) {
			t.Helper()
			m, err := message.Parse(messages.sent[0].Body)
			if err != nil {
				t.Fatal(err)
			}
			change(&m)
			if err := s.Queues[stack.DeliveryQueue].Send(t.Context(), []queue.Outgoing{m.Outgoing(0)}); err != nil {
				t.Fatal(err)
			}
		}
		step("making a webhook", "0 fresh, 0 late", 0)
		acme.PublishBatch(stacktest.Batch(3, "order.placed", nil))
		step("ids made by us", "0 fresh, 0 late", 3)
		acme.Do(http.StatusAccepted, "POST", "/v1/events", map[string]any{"id": "order-1", "type": "order.placed", "data": map[string]any{}}, nil)
		step("an id from outside", "0 fresh, 1 late", 1)
		send(func(m *message.Message) { m.Only = false })
		step("a copy", "0 fresh, 1 late", 0)
		// As if SQS had taken a message twice, because the answer of the first time was lost.
		send(func(*message.Message) {})
		step("another that takes itself for the only one", "0 fresh, 0 late", 1)
		if c, err := s.Queues[stack.DeliveryQueue].Counts(t.Context()); err != nil || c != (queue.Counts{}) {
			t.Errorf("got %+v, %v, want nothing left in the queue", c, err)
		}
		if all := acme.Deliveries(""); len(all) != 4 {
			t.Errorf("got %d deliveries, want 4", len(all))
		} else {
			for _, d := range all {
				if d.Status != "succeeded" || d.AttemptCount != 1 {
					t.Errorf("%s: got %s after %d attempts", d.EventID, d.Status, d.AttemptCount)
				}
			}
		}
		for _, m := range messages.sent {
			var old message.Message
			if err := json.Unmarshal([]byte(m.Body), &old); err != nil || old.Only == (old.Event == "order-1") {
				t.Errorf("got the message %s", m.Body)
			}
		}

		r.Set(stacktest.Status(500))
		acme.PublishBatch(stacktest.Batch(1, "order.placed", nil))
		step("a first attempt and its retry", "1 fresh, 0 late", 2)
	})
}
