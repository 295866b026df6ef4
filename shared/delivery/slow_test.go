package delivery_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"hookline/shared/delivery/deliverytest"
	"hookline/shared/egress"
	"hookline/shared/queue"
	"hookline/shared/webhook"
)

// light returns a tenth of n under the race detector, which slows SQLite in Go some ten times.
func light(n int) int {
	if testing.Short() {
		return n / 10
	}
	return n
}

// hanging has webhooks whose names begin with "hang" hang, and others answer after 50 ms.
func hanging(ctx context.Context, hook string, _ int) egress.Response {
	if strings.HasPrefix(hook, "hang") {
		return deliverytest.Hangs(ctx)
	}
	return deliverytest.After(ctx, 50*time.Millisecond, 200)
}

// TestMarkFreesAtOnce: from the moment a webhook is known to hang, also those are free that POSTed to it before. They give
// their POSTs up, so that no attempt is recorded for one POST of an event, and for one that is under way.
func TestMarkFreesAtOnce(t *testing.T) {
	deliverytest.World{Answer: hanging}.Run(t, func(t *testing.T, p *deliverytest.Plant) {
		p.Hook("hang", 0)
		p.Hook("other", 0)
		accepted := p.Now()
		hung := p.Send("hang", 300+light(900))
		deliverytest.Pass(3100 * time.Millisecond)
		latencies := p.Waits("other", 10*time.Second)
		t.Logf("from the mark on: %s", latencies)
		if got := latencies.Part(99); got > 60*time.Millisecond {
			t.Errorf("99 %% took %v, want what they take alone", got)
		}
		keys := make([]webhook.DeliveryKey, 0, len(hung))
		for _, id := range hung {
			keys = append(keys, webhook.DeliveryKey{Tenant: deliverytest.Tenant, Event: id, Webhook: "hang", AcceptedAt: accepted})
		}
		_, records, err := p.Store.Load(t.Context(), nil, keys)
		if err != nil {
			t.Fatal(err)
		}
		if len(records) == 0 {
			t.Error("no attempt is recorded in a minute and a half")
		}
		made := p.Posts()
		for _, key := range keys {
			if posts, attempts := len(made[key.Event]), len(records[key].Attempts); posts > attempts+2 {
				t.Errorf("event %s was POSTed %d times, and has %d attempts", key.Event, posts, attempts)
			}
		}
	})
}

// TestSlowOneAfterTheOther: POSTs that a gate let through together, and which their batch cannot wait for, are given up each
// at an instant of its own.
func TestSlowOneAfterTheOther(t *testing.T) {
	var mu sync.Mutex
	at := make(map[time.Time]int)
	answer := func(ctx context.Context, _ string, n int) egress.Response {
		if n == 1 {
			return deliverytest.After(ctx, 50*time.Millisecond, 200)
		}
		defer func() {
			mu.Lock()
			defer mu.Unlock()
			at[time.Now()]++
		}()
		return deliverytest.Hangs(ctx)
	}
	deliverytest.World{Answer: answer}.Run(t, func(t *testing.T, p *deliverytest.Plant) {
		p.Hook("hang", 0)
		const lanes = 25 // all that first attempts have
		for range lanes {
			if n, err := p.Store.TakeLane(t.Context(), "delivery", lanes, p.Now(), p.Now().Add(50*time.Second)); n < 0 || err != nil {
				t.Fatal(n, err)
			}
		}
		p.Send("hang", queue.MaxBatch)
		deliverytest.Pass(4 * time.Second)
		mu.Lock()
		defer mu.Unlock()
		if len(at) != queue.MaxBatch-1 {
			t.Errorf("%v were given up, want %d at instants of their own", at, queue.MaxBatch-1)
		}
	})
}

// TestBulkIsShared: what hangs leaves the bulk queue to others: to a webhook that is slow and alive, and to what a replay
// job has queued for one that answers.
func TestBulkIsShared(t *testing.T) {
	answer := func(ctx context.Context, hook string, n int) egress.Response {
		if hook == "alive" {
			return deliverytest.After(ctx, 5*time.Second, 200)
		}
		return hanging(ctx, hook, n)
	}
	deliverytest.World{Answer: answer}.Run(t, func(t *testing.T, p *deliverytest.Plant) {
		for i := range light(100) {
			p.Hook(fmt.Sprintf("hang%d", i), 0)
			p.Send(fmt.Sprintf("hang%d", i), 20)
		}
		p.Hook("alive", 0)
		p.Hook("other", 0)
		deliverytest.Pass(10 * time.Second)
		alive, replayed := p.Send("alive", 40), p.SendTo("bulk", "other", light(500))
		deliverytest.Pass(30 * time.Second)
		if got := p.Done(replayed); got != len(replayed) {
			t.Errorf("%d of %d that a job has queued were sent in half a minute", got, len(replayed))
		}
		deliverytest.Pass(3 * time.Minute)
		if got := p.Done(alive); got != len(alive) {
			t.Errorf("%d of %d were sent to a slow webhook in some minutes", got, len(alive))
		}
	})
}

// TestHealthyPaysNothing: 2,000 events to a webhook that answers take no request and no write but what they always latencies.
func TestHealthyPaysNothing(t *testing.T) {
	events := light(2000)
	deliverytest.World{Answer: answers}.Run(t, func(t *testing.T, p *deliverytest.Plant) {
		p.Hook("healthy", 0)
		p.Calls.Take()
		ids := p.Send("healthy", events)
		deliverytest.Pass(10 * time.Second)
		got := p.Calls.Take()
		if n := p.Done(ids); n != events {
			t.Errorf("%d of %d were sent", n, events)
		}
		batches := got["load"]
		if got["record"] != events || got["delete"] != batches || got["receive"] != batches {
			t.Errorf("got %v, want a record for each event and one receive, read and delete for each batch", got)
		}
		for _, what := range []string{"send", "hide", "slots", "health", "mark", "lane"} {
			if got[what] != 0 {
				t.Errorf("got %d of %s, want none", got[what], what)
			}
		}
	})
}

// TestMark: a slow answer sets the mark with one write, a quick one clears it, a minute after at the soonest, and an
// owner's change leaves it.
func TestMark(t *testing.T) {
	takes := 4 * time.Second
	answer := func(ctx context.Context, _ string, _ int) egress.Response { return deliverytest.After(ctx, takes, 200) }
	deliverytest.World{Answer: answer}.Run(t, func(t *testing.T, p *deliverytest.Plant) {
		p.Hook("hook", 0)
		marked := func(want bool, writes int, what string) {
			t.Helper()
			if got := !p.Webhook("hook").SlowSince.IsZero(); got != want {
				t.Errorf("%s: marked is %t, want %t", what, got, want)
			}
			if got := p.Calls.Take(); got["mark"] != writes {
				t.Errorf("%s: %d writes of the mark, want %d", what, got["mark"], writes)
			}
		}
		one := p.Send("hook", 1)
		deliverytest.Pass(2 * time.Second)
		marked(false, 0, "under way for 2 s")
		deliverytest.Pass(8 * time.Second)
		marked(true, 1, "answered after 4 s")
		p.Change("hook", func(w *webhook.Webhook) { w.Name = "n" })
		more := p.Send("hook", 50)
		deliverytest.Pass(40 * time.Second)
		marked(true, 0, "slow still")
		takes = time.Second
		quick := p.Send("hook", 1)
		deliverytest.Pass(5 * time.Second)
		marked(true, 0, "a quick answer within the minute")
		deliverytest.Pass(10 * time.Second)
		last := p.Send("hook", 1)
		deliverytest.Pass(5 * time.Second)
		marked(false, 1, "a quick answer after it")
		if got := p.Done(slices.Concat(one, more, quick, last)); got != 53 {
			t.Errorf("%d of 53 were sent", got)
		}
		for id, at := range p.Posts() {
			if len(at) != 1 {
				t.Errorf("event %s was sent %d times", id, len(at))
			}
		}
	})
}

// TestEndedMeanwhile: a POST whose time ended while its batch asked for a lane, and got none, has ended, and is recorded.
func TestEndedMeanwhile(t *testing.T) {
	// A lane takes longer to ask for than the dialect gives the POST.
	deliverytest.World{Answer: hanging, LaneTakes: 20 * time.Second}.Run(t, func(t *testing.T, p *deliverytest.Plant) {
		p.Hook("hang", 0)
		now := p.Now()
		for range 100 / 4 {
			if _, err := p.Store.TakeLane(t.Context(), "delivery", 100/4, now, now.Add(time.Minute)); err != nil {
				t.Fatal(err)
			}
		}
		p.Send("hang", 1)
		deliverytest.Pass(30 * time.Second)
		if got := p.Calls.Take(); got["record"] != 1 {
			t.Errorf("%d attempts are recorded, want 1", got["record"])
		}
	})
}
