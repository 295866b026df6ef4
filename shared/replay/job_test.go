package replay_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hookline/shared/eventlog"
	"hookline/shared/faultinject"
	"hookline/shared/payload"
	"hookline/shared/queue"
	"hookline/shared/stack"
	"hookline/shared/stack/stacktest"
	"hookline/shared/store"
	"hookline/shared/webhook"
)

// progress is how far a job is.
type progress struct {
	Status                    webhook.ReplayStatus
	Error                     string
	Matched, Started, Skipped int
}

// past returns deliveries of a webhook that ended some time ago, one a millisecond, the oldest first.
func past(tenant, hook string, n int, status webhook.DeliveryStatus, now time.Time) []webhook.Delivery {
	var out []webhook.Delivery
	body := payload.Pack([]byte(`{"type":"order.placed","data":{}}`))
	for i := range n {
		at := now.Add(-time.Hour + time.Duration(i)*time.Millisecond).UTC().Truncate(time.Millisecond)
		d := webhook.Delivery{
			DeliveryKey: webhook.DeliveryKey{Tenant: tenant, Webhook: hook, Event: fmt.Sprintf("evt_%05d", i), AcceptedAt: at},
			Type:        "order.placed", Dialect: "axiestudio@1", ContentType: webhook.ContentJSON, Format: webhook.FormatJSON,
			Timestamp: at.Format(webhook.BodyTimeFormat), Body: webhook.Payload{Inline: body}, Status: status, Round: 1,
			ExpiresAt: at.Add(30 * 24 * time.Hour),
		}
		a := webhook.Attempt{ScheduledAt: at, StartedAt: at, Duration: time.Millisecond, StatusCode: 200}
		if status == webhook.Failed {
			a.StatusCode, a.Error = 500, webhook.ReasonBadStatus
		}
		d.Record(a)
		out = append(out, d)
	}
	return out
}

// history is a tenant with a webhook that has deliveries of some time ago.
type history struct {
	*stacktest.Client
	store   store.Store
	hook    string
	records []webhook.Delivery
}

// withHistory gives fn n deliveries that failed.
func withHistory(t *testing.T, w stacktest.World, n int, fields map[string]any, fn func(*history)) {
	t.Helper()
	w.Run(t, func(t *testing.T, s *stacktest.Stack) {
		h := &history{Client: s.Tenant("acme", "axiestudio"), store: s.Store}
		stacktest.Pass(2 * time.Hour) // a tenant sees nothing that is older than it is
		hook := stacktest.Hook("user.created")
		maps.Copy(hook, fields)
		h.hook = h.Webhook(hook).ID
		h.records = past("acme", h.hook, n, webhook.Failed, time.Now())
		for _, d := range h.records {
			if err := h.store.SaveDelivery(t.Context(), d, webhook.Rev{}); err != nil {
				t.Fatal(err)
			}
		}
		fn(h)
	})
}

// rounds returns how many deliveries are in which round and status.
func (h *history) rounds() map[string]int {
	h.T.Helper()
	var keys []webhook.DeliveryKey
	for _, d := range h.records {
		keys = append(keys, d.DeliveryKey)
	}
	_, records, err := h.store.Load(h.T.Context(), nil, keys)
	if err != nil {
		h.T.Fatal(err)
	}
	out := make(map[string]int)
	for _, d := range records {
		out[fmt.Sprintf("%s in round %d", d.Status, d.Round)]++
	}
	return out
}

func (h *history) are(want map[string]int) {
	h.T.Helper()
	if diff := cmp.Diff(want, h.rounds()); diff != "" {
		h.T.Errorf("deliveries (-want +got):\n%s", diff)
	}
}

func (h *history) is(id string, want progress) {
	h.T.Helper()
	r := h.Job(id)
	got := progress{Status: r.Status, Matched: r.Matched, Started: r.Started, Skipped: r.Skipped}
	if r.Error != nil {
		got.Error = *r.Error
	}
	if diff := cmp.Diff(want, got); diff != "" {
		h.T.Errorf("job (-want +got):\n%s", diff)
	}
}

func TestReplayJob(t *testing.T) {
	n := 2500            // more than one message's worth
	if testing.Short() { // under the race detector, which slows SQLite in Go some ten times
		n = 300
	}
	r := &stacktest.Receiver{}
	withHistory(t, stacktest.World{Receiver: r}, n, nil, func(h *history) {
		made := h.Replay(h.hook, "failed")
		if made.Matched != n {
			h.T.Errorf("got %d matched, want %d", made.Matched, n)
		}
		stacktest.Pass(time.Minute)
		h.is(made.ID, progress{Status: "done", Matched: n, Started: n})
		h.are(map[string]int{"succeeded in round 2": n})
		if got := len(r.Requests()); got != n {
			h.T.Errorf("got %d requests, want %d", got, n)
		}
		// Nothing failed is left; what succeeded can be sent again too.
		if got := h.Replay(h.hook, "failed").Matched; got != 0 {
			h.T.Errorf("got %d failed ones matched, want none", got)
		}
		made = h.Replay(h.hook, "succeeded")
		stacktest.Pass(time.Minute)
		h.is(made.ID, progress{Status: "done", Matched: n, Started: n})
		h.are(map[string]int{"succeeded in round 3": n})
	})
}

// A job's round is a round like any other: it has the whole ladder.
func TestReplayLadder(t *testing.T) {
	r := &stacktest.Receiver{Answer: stacktest.Status(500)}
	withHistory(t, stacktest.World{Receiver: r}, 20, nil, func(h *history) {
		h.Replay(h.hook, "failed")
		stacktest.Pass(time.Hour)
		h.are(map[string]int{"failed in round 2": 20})
		const waits = 4 // of axiestudio's ladder
		if got, want := len(r.Requests()), 20*(1+waits); got != want {
			h.T.Errorf("got %d requests, want %d", got, want)
		}
	})
}

// A delivery that is sent again by another call, or is on its way, is not started; one that comes later is not taken.
func TestReplayLeavesAlone(t *testing.T) {
	const n = 500
	r := &stacktest.Receiver{}
	crowded := &crowd{}
	w := stacktest.World{Receiver: r, WrapQueues: func(queues map[string]queue.Queue) {
		crowded.Queue = queues[stack.BulkQueue]
		queues[stack.BulkQueue] = crowded
	}}
	withHistory(t, w, n, nil, func(h *history) {
		crowded.visible.Store(10_000)
		made := h.Replay(h.hook, "failed")
		stacktest.Pass(10 * time.Second)
		h.is(made.ID, progress{Status: "running", Matched: n})
		h.are(map[string]int{"failed in round 1": n}) // the queue is too full for more
		r.Set(stacktest.Status(500))
		h.Do(http.StatusAccepted, "POST", "/v1/deliveries/"+h.records[3].ID()+"/replay", nil, nil)
		stacktest.Pass(time.Second) // it is pending in its second round
		r.Set(stacktest.Status(200))
		crowded.visible.Store(0)
		stacktest.Pass(time.Minute)
		h.is(made.ID, progress{Status: "done", Matched: n, Started: n - 1, Skipped: 1})
		h.are(map[string]int{"succeeded in round 2": n})
	})
}

// crowd is a queue that says how full it is.
type crowd struct {
	queue.Queue
	visible atomic.Int64
}

func (q *crowd) Counts(ctx context.Context) (queue.Counts, error) {
	return queue.Counts{Visible: int(q.visible.Load())}, ctx.Err()
}

// A job that is cancelled starts nothing more, and what it started goes out.
func TestReplayCancelled(t *testing.T) {
	const n = 500
	r := &stacktest.Receiver{}
	w := stacktest.World{Receiver: r}
	withHistory(t, w, n, map[string]any{"max_per_second": 10}, func(h *history) {
		made := h.Replay(h.hook, "failed")
		stacktest.Pass(25 * time.Second) // of ten a second it takes half
		h.is(made.ID, progress{Status: "running", Matched: n, Started: 150})
		h.Do(http.StatusNoContent, "DELETE", "/v1/replays/"+made.ID, nil, nil)
		stacktest.Pass(time.Hour)
		h.is(made.ID, progress{Status: "cancelled", Matched: n, Started: 150})
		h.are(map[string]int{"succeeded in round 2": 150, "failed in round 1": n - 150})
		// Another job takes the rest.
		again := h.Replay(h.hook, "failed")
		stacktest.Pass(time.Hour)
		h.is(again.ID, progress{Status: "done", Matched: n - 150, Started: n - 150})
		h.are(map[string]int{"succeeded in round 2": n})
	})
}

// A job whose webhook cannot be sent to any more ends, and leaves the rest as it was.
func TestReplayStopped(t *testing.T) {
	for name, tt := range map[string]struct {
		end     func(*history, *stacktest.Receiver)
		want    string
		started int
	}{
		"made inactive by its receiver": { // which says so to what was started after
			func(_ *history, r *stacktest.Receiver) { r.Set(stacktest.Status(410)) }, "webhook_inactive", 150,
		},
		"deleted": {func(h *history, _ *stacktest.Receiver) {
			h.Do(http.StatusNoContent, "DELETE", "/v1/webhooks/"+h.hook, nil, nil)
		}, "webhook_deleted", 100},
	} {
		t.Run(name, func(t *testing.T) {
			r := &stacktest.Receiver{}
			withHistory(t, stacktest.World{Receiver: r}, 500, map[string]any{"max_per_second": 10}, func(h *history) {
				made := h.Replay(h.hook, "failed")
				stacktest.Pass(15 * time.Second)
				tt.end(h, r)
				stacktest.Pass(time.Hour)
				h.is(made.ID, progress{Status: "failed", Error: tt.want, Matched: 500, Started: tt.started})
				if got := h.rounds()["failed in round 1"]; got != 500-tt.started {
					h.T.Errorf("got %v, want %d deliveries as they were", h.rounds(), 500-tt.started)
				}
			})
		})
	}
}

// A live delivery of a webhook with a max_per_second does not queue up behind a job.
func TestReplayShares(t *testing.T) {
	r := &stacktest.Receiver{}
	withHistory(t, stacktest.World{Receiver: r}, 2000, map[string]any{"max_per_second": 10}, func(h *history) {
		h.Replay(h.hook, "failed")
		stacktest.Pass(45 * time.Second)
		id := h.Publish("user.created", map[string]any{})
		stacktest.Pass(6 * time.Second)
		if r.ByID()[id] != 1 {
			h.T.Errorf("a live delivery is not sent within 6 s of a job that would take 200 s of the webhook's rate")
		}
	})
}

// A job that keeps its webhook's receiver busy for a minute holds up no live delivery, of that webhook or of another.
func TestReplayApart(t *testing.T) {
	r := &stacktest.Receiver{Takes: 3 * time.Second}
	rounds, deliveries := 5, 3000 // so many that the job takes longer than the rounds
	if testing.Short() {
		rounds, deliveries = 1, 600
	}
	withHistory(t, stacktest.World{Receiver: r}, deliveries, nil, func(h *history) {
		h.Webhook(map[string]any{"url": "https://example.com/other", "events": []string{"user.updated"}})
		made := h.Replay(h.hook, "failed")
		for range rounds {
			stacktest.Pass(4 * time.Second)
			ids := map[string]string{"the same webhook": h.Publish("user.created", map[string]any{}), "another": h.Publish("user.updated", map[string]any{})}
			stacktest.Pass(r.Takes + time.Second)
			for whose, id := range ids {
				if r.ByID()[id] != 1 {
					h.T.Errorf("a live delivery of %s waits behind the job", whose)
				}
			}
		}
		if got, want := len(r.Requests())-2*rounds, len(h.records); got == 0 || got >= want {
			h.T.Errorf("got %d of the job's %d deliveries sent meanwhile, want some and not all", got, want)
		}
		stacktest.Pass(time.Minute)
		h.is(made.ID, progress{Status: "done", Matched: deliveries, Started: deliveries})
	})
}

// An event that a webhook missed is sent to it as the webhook is now, and once, even if two jobs ask for it.
func TestReplayMissed(t *testing.T) {
	r := &stacktest.Receiver{}
	hook := map[string]any{"events": []string{"user.*", "deployment.registered", "webhook.failing"}, "filter": map[string]any{"n": []any{map[string]any{"numeric": []any{">=", 5}}}}}
	withHistory(t, stacktest.World{Receiver: r}, 0, hook, func(h *history) {
		var want, all []string
		write := func(eventType, data string, ago time.Duration, takes bool, matched ...string) webhook.LoggedEvent {
			at := time.Now().Add(-ago).UTC().Truncate(time.Millisecond)
			ev := webhook.LoggedEvent{Entry: webhook.EventIDs(at, 1)[0], Matched: matched, Event: webhook.Event{
				Tenant: "acme", Type: eventType, AcceptedAt: at, Timestamp: at.Format(webhook.BodyTimeFormat), Data: []byte(data),
			}}
			ev.ID = ev.Entry
			if err := (&eventlog.Log{Store: h.store}).Write(h.T.Context(), []webhook.LoggedEvent{ev}, at.Add(720*time.Hour)); err != nil {
				h.T.Fatal(err)
			}
			if all = append(all, ev.ID); takes {
				want = append(want, ev.ID)
			}
			return ev
		}
		for i := range 250 { // more than one page's worth
			write("user.created", `{"n":7}`, time.Hour-time.Duration(i)*time.Millisecond, true)
		}
		write("user.created", `{"n":4}`, time.Minute, false)                               // its filter lets this not through
		write("order.placed", `{"n":7}`, time.Minute, false)                               // not subscribed
		write("webhook.failing", `{"n":7,"webhook_id":"`+h.hook+`"}`, time.Minute, false)  // about itself
		write("webhook.failing", `{"n":7,"webhook_id":"wh_other"}`, time.Minute, true)     // about another
		write("webhook.test", `{"n":7}`, time.Minute, false)                               // by its exact name alone
		write("user.created", `{"n":7}`, time.Minute, false, h.hook)                       // on its way
		write("user.created", `{"n":7}`, 90*time.Minute, true, h.hook)                     // lost on its way
		write("user.created", `{"n":7}`, 119*time.Minute+30*time.Second, true, "wh_other") // another's
		got := write("user.created", `{"n":7}`, time.Minute, false)                        // sent by hand
		write("user.created", `{"n":7}`, -time.Minute, false)                              // to come
		rec := past("acme", h.hook, 1, webhook.Failed, time.Now())[0]
		rec.Event, rec.AcceptedAt = got.ID, got.AcceptedAt
		if err := h.store.SaveDelivery(h.T.Context(), rec, webhook.Rev{}); err != nil {
			h.T.Fatal(err)
		}
		stacktest.Pass(time.Second)
		made := h.Replay(h.hook, "missed")
		if made.Matched != len(want) {
			h.T.Errorf("got %d matched, want %d", made.Matched, len(want))
		}
		twice := h.Replay(h.hook, "missed")
		stacktest.Pass(30 * time.Second)
		first, second := h.Job(made.ID), h.Job(twice.ID) // both at once share the work
		if first.Status != "done" || second.Status != "done" || first.Started+second.Started != len(want) || first.Skipped+first.Started != len(want) {
			h.T.Errorf("got %+v and %+v, want both done with %d started together", first, second, len(want))
		}
		sent := r.ByID()
		for _, id := range all {
			times := 0
			if slices.Contains(want, id) {
				times = 1
			}
			if sent[id] != times {
				h.T.Errorf("%s: sent %d times, want %d", id, sent[id], times)
			}
		}
		if got := h.Replay(h.hook, "missed").Matched; got != 0 {
			h.T.Errorf("got %d matched afterwards, want none", got)
		}
	})
}

// TestReplayFaults has both engines do what AWS does on a bad day while a job runs: no delivery's round is lost, and none
// is started twice.
func TestReplayFaults(t *testing.T) {
	n := 700
	if testing.Short() { // under the race detector, which slows SQLite in Go some ten times
		n = 220
	}
	some := func(c *stacktest.Chances, p float64) func(string) error {
		return func(string) error { return stacktest.FaultIf(c.Float() < p) }
	}
	for name, f := range map[string]struct {
		store  func(*stacktest.Chances) faultinject.StoreFaults
		queues faultinject.QueueFaults
	}{
		"writes are lost": {store: func(c *stacktest.Chances) faultinject.StoreFaults {
			return faultinject.StoreFaults{Before: some(c, 0.2)}
		}},
		"writes are persisted anyway": {store: func(c *stacktest.Chances) faultinject.StoreFaults {
			return faultinject.StoreFaults{After: some(c, 0.2)}
		}},
		"positions are lost": {store: func(c *stacktest.Chances) faultinject.StoreFaults {
			return faultinject.StoreFaults{Before: func(call string) error { return stacktest.FaultIf(call == "UpdateReplay" && c.Float() < 0.7) }}
		}},
		"positions are persisted anyway": {store: func(c *stacktest.Chances) faultinject.StoreFaults {
			return faultinject.StoreFaults{After: func(call string) error { return stacktest.FaultIf(call == "UpdateReplay" && c.Float() < 0.7) }}
		}},
		"calls are throttled":                            {queues: faultinject.QueueFaults{Throttle: 0.3}},
		"answers are lost":                               {queues: faultinject.QueueFaults{Unanswered: 0.5}},
		"messages are duplicated":                        {queues: faultinject.QueueFaults{Duplicate: 0.5, Reorder: 0.5}},
		"batches are taken in part, messages duplicated": {queues: faultinject.QueueFaults{PartSent: 0.3, Duplicate: 0.5}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := stacktest.NewChances(t)
			var bad atomic.Bool
			r := &stacktest.Receiver{}
			queues := new(faultinject.Queues)
			w := stacktest.World{Receiver: r, LogsErrors: true, QueueFaults: queues}
			if f.store != nil {
				w.StoreFaults = f.store(c)
				w.StoreFaults.Before, w.StoreFaults.After = stacktest.While(&bad, w.StoreFaults.Before), stacktest.While(&bad, w.StoreFaults.After)
			}
			withHistory(t, w, n, nil, func(h *history) {
				made := h.Replay(h.hook, "failed")
				bad.Store(true)
				f.queues.Rand = c.Float
				queues.Set(f.queues)
				stacktest.Pass(10 * time.Minute)
				bad.Store(false)
				queues.Set(faultinject.QueueFaults{})
				stacktest.Pass(20 * time.Minute) // less than an hour in all: the sweeper finds nothing that the job lost
				h.is(made.ID, progress{Status: "done", Matched: n, Started: n})
				h.are(map[string]int{"succeeded in round 2": n})
				if got := len(r.ByID()); got != n {
					h.T.Errorf("got %d deliveries sent, want %d", got, n)
				}
				if c.Asked() == 0 {
					h.T.Error("got no chance of a fault")
				}
				t.Logf("%d requests for %d deliveries, %d chances of a fault", len(r.Requests()), n, c.Asked())
			})
		})
	}
}
