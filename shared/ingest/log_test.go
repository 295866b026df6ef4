package ingest_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"hookline/shared/eventlog"
	"hookline/shared/faultinject"
	"hookline/shared/stack/stacktest"
	"hookline/shared/store"
	"hookline/shared/webhook"
)

// TestEventLogLost publishes while a write of the log, or what goes on beside it, fails once, be it made or not. The
// request is not accepted; tried again it is, and all that was accepted is in the log, once, and was sent once.
func TestEventLogLost(t *testing.T) {
	out := errors.New("out of order")
	for name, c := range map[string]struct {
		before, after string // the store's call that fails
		throttle      bool   // the queue takes nothing
	}{
		"log lost":                  {before: "PutLogItem"},
		"log written, unheard of":   {after: "PutLogItem"},
		"pins written, unheard of":  {after: "Pins"},
		"queue throttled":           {throttle: true},
		"queue throttled, log lost": {before: "PutLogItem", throttle: true},
	} {
		for _, part := range []int{2, 3} { // how many of the three come again, the first; the last by itself
			t.Run(fmt.Sprint(name, ", then ", part), func(t *testing.T) {
				t.Parallel()
				var armed atomic.Bool
				once := func(which string) func(string) error {
					return func(call string) error {
						if which == "" || call != which || !armed.Swap(false) {
							return nil
						}
						return out
					}
				}
				r := &stacktest.Receiver{}
				queues := new(faultinject.Queues)
				w := stacktest.World{Receiver: r, LogsErrors: true, QueueFaults: queues, StoreFaults: faultinject.StoreFaults{Before: once(c.before), After: once(c.after)}}
				w.Run(t, func(t *testing.T, s *stacktest.Stack) {
					acme := s.Tenant("acme", "standard")
					acme.Webhook(stacktest.Hook("*"))
					stacktest.Pass(time.Second) // what is told of it is a publication too, and must not meet the fault
					var events []any
					for _, id := range []string{"a", "b", "c"} {
						events = append(events, map[string]any{"id": id, "type": "order.placed", "data": map[string]any{"id": id}})
					}
					own := map[string]any{"type": "order.placed", "data": map[string]any{}}
					publish := func(key string, events ...any) int {
						got, err := acme.Try("POST", "/v1/events", events, nil, "Idempotency-Key", key)
						if err != nil {
							t.Fatal(err)
						}
						return got.Status
					}
					fail := func(try func() int) {
						armed.Store(true)
						if c.throttle {
							queues.Set(faultinject.QueueFaults{Throttle: 1})
						}
						if got := try(); got != http.StatusServiceUnavailable {
							t.Errorf("got %d, want it not accepted", got)
						}
						armed.Store(false)
						queues.Set(faultinject.QueueFaults{})
					}
					fail(func() int { return publish("k-0", own) })
					if got := publish("k-0", own); got != http.StatusAccepted {
						t.Fatalf("again: got %d", got)
					}
					fail(func() int { return publish("k-1", events...) })
					for i, some := range [][]any{events[:part], events[2:]} {
						if got := publish(fmt.Sprint("k-2", i), some...); got != http.StatusAccepted {
							t.Fatalf("again: got %d", got)
						}
					}
					stacktest.Pass(time.Hour)
					var got []string
					for _, ev := range acme.Events("") {
						if got = append(got, ev.ID); ev.Matched != 1 {
							t.Errorf("%s: got matched %d, want 1", ev.ID, ev.Matched)
						}
						acme.Event(ev.ID)
					}
					slices.Sort(got)
					if len(got) != 4 || !slices.Equal(got[:3], []string{"a", "b", "c"}) {
						t.Errorf("got %q in the log, want a, b, c and one more, once each", got)
					}
					sent := r.ByID()
					for _, id := range got {
						if sent[id] != 1 {
							t.Errorf("%s was sent %d times, want once", id, sent[id])
						}
					}
				})
			})
		}
	}
}

// pinWatch notes for how long events' pins are kept.
type pinWatch struct {
	store.Store
	kept chan time.Duration
}

func (w *pinWatch) Pins(ctx context.Context, ps []webhook.Pin) ([]webhook.Pin, []bool, error) {
	for _, p := range ps {
		if p.Scope == eventlog.PinScope {
			w.kept <- p.Until().Sub(p.At)
		}
	}
	return w.Store.Pins(ctx, ps)
}

// TestEventLogPins keeps the pin of an outside id for as long as the log, which finds the event by it.
func TestEventLogPins(t *testing.T) {
	t.Parallel()
	kept := make(chan time.Duration, 1)
	stacktest.World{Receiver: &stacktest.Receiver{}, WrapStore: func(s store.Store) store.Store { return &pinWatch{s, kept} }}.Run(t, func(t *testing.T, s *stacktest.Stack) {
		acme := s.Tenant("acme", "standard")
		acme.PublishEvent(map[string]any{"id": "order-1", "type": "order.placed", "data": map[string]any{}})
		if got, want := <-kept, webhook.DefaultRetention; got != want {
			t.Errorf("got a pin kept for %v, want %v", got, want)
		}
	})
}
