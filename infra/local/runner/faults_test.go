package runner

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"hookline/shared/egress"
	"hookline/shared/faultinject"
	queuesqlite "hookline/shared/queue/sqlite"
)

// chances answers with a seeded generator, for callers side by side.
type chances struct {
	mu    sync.Mutex
	rng   *rand.Rand
	asked int
}

func (c *chances) hit(p float64) bool { return c.float() < p }

func (c *chances) float() float64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked++
	return c.rng.Float64()
}

// TestFaults publishes while both engines do what AWS does on a bad day: throttle, lose answers of what they did, take
// batches in part, hand out messages twice and out of order. Nothing that was answered 202 may be lost, and every
// delivery must end as succeeded.
func TestFaults(t *testing.T) {
	for name, f := range map[string]struct {
		store  func(*chances) faultinject.StoreFaults
		queues faultinject.QueueFaults
	}{
		"writes are lost": {store: func(c *chances) faultinject.StoreFaults {
			return faultinject.StoreFaults{Before: func(string) error { return faultIf(c.hit(0.7)) }}
		}},
		"writes are persisted anyway": {store: func(c *chances) faultinject.StoreFaults {
			return faultinject.StoreFaults{After: func(string) error { return faultIf(c.hit(0.7)) }}
		}},
		"calls are throttled":       {queues: faultinject.QueueFaults{Throttle: 0.3}},
		"answers are lost":          {queues: faultinject.QueueFaults{Unanswered: 0.6}},
		"messages are duplicated":   {queues: faultinject.QueueFaults{Duplicate: 0.5, Reorder: 0.5}},
		"batches are taken in part": {queues: faultinject.QueueFaults{PartSent: 0.3, PartHidden: 0.3}},
		"counts lag":                {queues: faultinject.QueueFaults{CountLag: time.Minute}},
		"all of it, a little": {
			store: func(c *chances) faultinject.StoreFaults {
				return faultinject.StoreFaults{
					Before: func(string) error { return faultIf(c.hit(0.05)) },
					After:  func(string) error { return faultIf(c.hit(0.05)) },
					Stale:  func(call string) bool { return call == "Overdue" && c.hit(0.2) },
				}
			},
			queues: faultinject.QueueFaults{Throttle: 0.05, Unanswered: 0.05, Duplicate: 0.1, Reorder: 0.1, PartSent: 0.05, PartHidden: 0.05},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			seed := rand.Uint64()
			t.Logf("seed %d", seed)
			c := &chances{rng: rand.New(rand.NewPCG(seed, 0))}
			failures := make(map[string]int)
			r := &receiver{}
			r.answer = func(req egress.Request, _ int) egress.Response { // the first two attempts of each event fail
				id := header(req, "webhook-id")
				if failures[id]++; failures[id] <= 2 {
					return egress.Response{Status: 503}
				}
				return egress.Response{Status: 200}
			}
			queues := new(faultinject.Queues)
			w := world{receiver: r, noisy: true, queues: queues}
			var bad atomic.Bool
			if f.store != nil {
				w.faults = f.store(c)
				// The tenant and the webhook are made on a good day.
				before, after := w.faults.Before, w.faults.After
				w.faults.Before = func(call string) error { return guarded(bad.Load(), before, call) }
				w.faults.After = func(call string) error { return guarded(bad.Load(), after, call) }
			}
			w.run(t, func(t *testing.T, admin *client, _ *queuesqlite.Engine) {
				acme := admin.tenant("acme", "standard")
				acme.webhook(hook("*"))
				bad.Store(true)
				f.queues.Rand = c.float
				queues.Set(f.queues)
				const events = 30
				for i := range events {
					event := map[string]any{"id": fmt.Sprintf("order-%d", i), "type": "order.placed", "data": map[string]any{"n": i}}
					for try := 0; ; try++ { // as a client does, until it is accepted
						got, err := acme.try("POST", "/v1/events", event, nil)
						if err != nil || got.status != http.StatusAccepted && got.status != http.StatusServiceUnavailable || try > 100 {
							t.Fatalf("publishing: got %d %s, %v", got.status, got.body, err)
						}
						if got.status == http.StatusAccepted {
							break
						}
					}
				}
				pass(3 * time.Hour)
				bad.Store(false)
				queues.Set(faultinject.QueueFaults{})
				pass(5 * time.Hour) // what was left behind on the bad day is found by the sweeper on a good one
				sent := byID(r.requests())
				if len(sent) != events {
					t.Errorf("%d of %d accepted events were never sent", events-len(sent), events)
				}
				var l list[deliveryAnswer]
				acme.do(http.StatusOK, "GET", "/v1/deliveries?limit=100", nil, &l)
				ended := make(map[string]int)
				for _, d := range l.Data {
					ended[d.Status]++
				}
				if len(l.Data) != events || ended["succeeded"] != events {
					t.Errorf("got %d deliveries, ended as %v, want %d succeeded", len(l.Data), ended, events)
				}
				var logged list[eventAnswer]
				acme.do(http.StatusOK, "GET", "/v1/events?limit=100", nil, &logged)
				ids := make(map[string]bool)
				for _, ev := range logged.Data {
					ids[ev.ID] = true
				}
				if len(logged.Data) != events || len(ids) != events {
					t.Errorf("got %d events of %d ids in the log, want %d", len(logged.Data), len(ids), events)
				}
				if c.asked < events && f.queues.CountLag == 0 {
					t.Errorf("got %d chances of a fault, want one an event at least", c.asked)
				}
				t.Logf("%d requests for %d events of 3 attempts each, %d chances of a fault", len(r.requests()), events, c.asked)
			})
		})
	}
}

func faultIf(hit bool) error {
	if hit {
		return errors.New("fault")
	}
	return nil
}

func guarded(on bool, fault func(string) error, call string) error {
	if !on || fault == nil {
		return nil
	}
	return fault(call)
}
