package delivery_test

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"hookline/shared/egress"
	"hookline/shared/faultinject"
	"hookline/shared/stack/stacktest"
	"hookline/shared/webhook"
)

// TestFaults publishes while both engines do what AWS does on a bad day: throttle, lose answers of what they did, take
// batches in part, hand out messages twice and out of order. Nothing that was answered 202 may be lost, and every
// delivery must end as succeeded.
func TestFaults(t *testing.T) {
	for name, f := range map[string]struct {
		store  func(*stacktest.Chances) faultinject.StoreFaults
		queues faultinject.QueueFaults
	}{
		"writes are lost": {store: func(c *stacktest.Chances) faultinject.StoreFaults {
			return faultinject.StoreFaults{Before: func(string) error { return c.Fault(0.7) }}
		}},
		"writes are persisted anyway": {store: func(c *stacktest.Chances) faultinject.StoreFaults {
			return faultinject.StoreFaults{After: func(string) error { return c.Fault(0.7) }}
		}},
		"calls are throttled":     {queues: faultinject.QueueFaults{Throttle: 0.3}},
		"answers are lost":        {queues: faultinject.QueueFaults{Unanswered: 0.6}},
		"messages are duplicated": {queues: faultinject.QueueFaults{Duplicate: 0.5, Reorder: 0.5}},
		"records are missed": {
			store: func(c *stacktest.Chances) faultinject.StoreFaults {
				return faultinject.StoreFaults{Stale: func(call string) bool { return call == "LoadBatch" && c.Float() < 0.7 }}
			},
			queues: faultinject.QueueFaults{Duplicate: 0.5, Reorder: 0.5},
		},
		"batches are taken in part": {queues: faultinject.QueueFaults{PartSent: 0.3, PartHidden: 0.3}},
		"counts lag":                {queues: faultinject.QueueFaults{CountLag: time.Minute}},
		"all of it, a little": {
			store: func(c *stacktest.Chances) faultinject.StoreFaults {
				return faultinject.StoreFaults{
					Before: func(string) error { return c.Fault(0.05) },
					After:  func(string) error { return c.Fault(0.05) },
					Stale:  func(call string) bool { return call == "Overdue" && c.Float() < 0.2 },
				}
			},
			queues: faultinject.QueueFaults{Throttle: 0.05, Unanswered: 0.05, Duplicate: 0.1, Reorder: 0.1, PartSent: 0.05, PartHidden: 0.05},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := stacktest.NewChances(t)
			failures := make(map[string]int)
			r := &stacktest.Receiver{}
			r.Answer = func(req egress.Request, _ int) egress.Response { // the first two attempts of each event fail
				id := stacktest.Header(req, "webhook-id")
				if failures[id]++; failures[id] <= 2 {
					return egress.Response{Status: 503}
				}
				return egress.Response{Status: 200}
			}
			queues := new(faultinject.Queues)
			w := stacktest.World{Receiver: r, LogsErrors: true, QueueFaults: queues}
			var bad atomic.Bool
			if f.store != nil {
				w.StoreFaults = f.store(c)
				w.StoreFaults.Before, w.StoreFaults.After = stacktest.While(&bad, w.StoreFaults.Before), stacktest.While(&bad, w.StoreFaults.After)
			}
			w.Run(t, func(t *testing.T, s *stacktest.Stack) {
				acme := s.Tenant("acme", "standard")
				acme.Webhook(stacktest.Hook("*"))
				bad.Store(true)
				f.queues.Rand = c.Float
				queues.Set(f.queues)
				const events = 30
				for i := range events {
					event := map[string]any{"id": fmt.Sprintf("order-%d", i), "type": "order.placed", "data": map[string]any{"n": i}}
					for try := 0; ; try++ { // as a client does, until it is accepted
						got, err := acme.Try("POST", "/v1/events", event, nil)
						if err != nil || got.Status != http.StatusAccepted && got.Status != http.StatusServiceUnavailable || try > 100 {
							t.Fatalf("publishing: got %d %s, %v", got.Status, got.Body, err)
						}
						if got.Status == http.StatusAccepted {
							break
						}
					}
				}
				stacktest.Pass(3 * time.Hour)
				bad.Store(false)
				queues.Set(faultinject.QueueFaults{})
				stacktest.Pass(5 * time.Hour) // what was left behind on the bad day is found by the sweeper on a good one
				sent := r.ByID()
				if len(sent) != events {
					t.Errorf("%d of %d accepted events were never sent", events-len(sent), events)
				}
				ended := make(map[webhook.DeliveryStatus]int)
				deliveries := acme.Deliveries("")
				for _, d := range deliveries {
					ended[d.Status]++
				}
				if len(deliveries) != events || ended["succeeded"] != events {
					t.Errorf("got %d deliveries, ended as %v, want %d succeeded", len(deliveries), ended, events)
				}
				logged := acme.Events("")
				ids := make(map[string]bool)
				for _, ev := range logged {
					ids[ev.ID] = true
				}
				if len(logged) != events || len(ids) != events {
					t.Errorf("got %d events of %d ids in the log, want %d", len(logged), len(ids), events)
				}
				if c.Asked() < events && f.queues.CountLag == 0 {
					t.Errorf("got %d chances of a fault, want one an event at least", c.Asked())
				}
				t.Logf("%d requests for %d events of 3 attempts each, %d chances of a fault", len(r.Requests()), events, c.Asked())
			})
		})
	}
}
