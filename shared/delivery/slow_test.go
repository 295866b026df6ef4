package delivery

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"hookline/shared/egress"
	"hookline/shared/message"
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
		return hangs(ctx)
	}
	return after(ctx, 50*time.Millisecond, 200)
}

// waits sends an event of another webhook every 50 ms for a while, and returns how long each took to its POST's end.
// Those that are not sent within 35 s took a minute.
func waits(p *plant, hook string, during time.Duration) []time.Duration {
	sent := make(map[string]time.Time)
	for end := time.Now().Add(during); time.Now().Before(end); {
		now := time.Now()
		sent[p.send(hook, 1)[0]] = now
		pass(50 * time.Millisecond)
	}
	pass(35 * time.Second)
	p.mu.Lock()
	defer p.mu.Unlock()
	var latencies []time.Duration
	for id, at := range sent {
		wait := time.Minute
		if posts := p.posts[id]; len(posts) > 0 {
			wait = posts[0].Sub(at) + 50*time.Millisecond
		}
		latencies = append(latencies, wait)
	}
	slices.Sort(latencies)
	return latencies
}

func part(latencies []time.Duration, percent int) time.Duration {
	return latencies[len(latencies)*percent/100]
}

func figures(latencies []time.Duration) string {
	return fmt.Sprintf("p50 %v, p99 %v of %d", part(latencies, 50), part(latencies, 99), len(latencies))
}

// TestHanging: 2,000 events to webhooks that hang hold up nobody else's once the webhooks are known to hang, and before
// that for as long as it takes to know.
func TestHanging(t *testing.T) {
	tests := []struct {
		name   string
		hooks  int
		shared bool
	}{
		{"one webhook, 100 processes", 1, false},
		{"one webhook, one process", 1, true},
		{"100 webhooks, 100 processes", 100, false},
	}
	if testing.Short() {
		tests = tests[:1]
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			run(t, tt.shared, hanging, func(t *testing.T, p *plant) {
				events := light(2000)
				p.hook("other", 0)
				alone := waits(p, "other", 5*time.Second)
				t.Logf("alone: %s", figures(alone))
				burst := func() {
					for i := range tt.hooks {
						p.send(fmt.Sprintf("hang%d", i), events/tt.hooks)
					}
				}
				for i := range tt.hooks {
					p.hook(fmt.Sprintf("hang%d", i), 0)
				}
				burst()
				before := waits(p, "other", slowPost)
				t.Logf("before it is known that they hang: %s", figures(before))
				// Of 100 webhooks some may have their turn when others are known.
				if got := part(before, 99); tt.hooks == 1 && got > slowPost+time.Second {
					t.Errorf("before the mark 99 %% took %v, want no longer than it takes to know", got)
				}
				burst()
				known := waits(p, "other", 10*time.Second)
				t.Logf("after: %s", figures(known))
				if got, most := part(known, 99), part(alone, 99)*12/10; got > most {
					t.Errorf("after the mark 99 %% took %v, want %v at most", got, most)
				}
				for i := range tt.hooks {
					if p.webhook(fmt.Sprintf("hang%d", i)).SlowSince.IsZero() {
						t.Errorf("webhook %d is not marked", i)
					}
				}
			})
		})
	}
}

// TestMarkFreesAtOnce: from the moment a webhook is known to hang, also those are free that POSTed to it before. They give
// their POSTs up, so that no attempt is recorded for one POST of an event, and for one that is under way.
func TestMarkFreesAtOnce(t *testing.T) {
	run(t, false, hanging, func(t *testing.T, p *plant) {
		p.hook("hang", 0)
		p.hook("other", 0)
		accepted := p.now()
		hung := p.send("hang", 300+light(900))
		pass(slowPost + 100*time.Millisecond)
		latencies := waits(p, "other", 10*time.Second)
		t.Logf("from the mark on: %s", figures(latencies))
		if got := part(latencies, 99); got > 60*time.Millisecond {
			t.Errorf("99 %% took %v, want what they take alone", got)
		}
		keys := make([]webhook.DeliveryKey, 0, len(hung))
		for _, id := range hung {
			keys = append(keys, webhook.DeliveryKey{Tenant: tenant, Event: id, Webhook: "hang", AcceptedAt: accepted})
		}
		_, records, err := p.store.Load(t.Context(), nil, keys)
		if err != nil {
			t.Fatal(err)
		}
		if len(records) == 0 {
			t.Error("no attempt is recorded in a minute and a half")
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, key := range keys {
			if posts, attempts := len(p.posts[key.Event]), len(records[key].Attempts); posts > attempts+2 {
				t.Errorf("event %s was POSTed %d times, and has %d attempts", key.Event, posts, attempts)
			}
		}
	})
}

// TestBulkIsShared: what hangs leaves the bulk queue to others: to a webhook that is slow and alive, and to what a replay
// job has queued for one that answers.
func TestBulkIsShared(t *testing.T) {
	answer := func(ctx context.Context, hook string, n int) egress.Response {
		if hook == "alive" {
			return after(ctx, 5*time.Second, 200)
		}
		return hanging(ctx, hook, n)
	}
	run(t, false, answer, func(t *testing.T, p *plant) {
		for i := range light(100) {
			p.hook(fmt.Sprintf("hang%d", i), 0)
			p.send(fmt.Sprintf("hang%d", i), 20)
		}
		p.hook("alive", 0)
		p.hook("other", 0)
		pass(10 * time.Second)
		alive, replayed := p.send("alive", 40), p.sendTo("bulk", "other", light(500))
		pass(30 * time.Second)
		if got := p.done(replayed); got != len(replayed) {
			t.Errorf("%d of %d that a job has queued were sent in half a minute", got, len(replayed))
		}
		pass(3 * time.Minute)
		if got := p.done(alive); got != len(alive) {
			t.Errorf("%d of %d were sent to a slow webhook in some minutes", got, len(alive))
		}
	})
}

// TestHealthyPaysNothing: 2,000 events to a webhook that answers take no request and no write but what they always latencies.
func TestHealthyPaysNothing(t *testing.T) {
	events := light(2000)
	run(t, false, answers, func(t *testing.T, p *plant) {
		p.hook("healthy", 0)
		p.calls.take()
		ids := p.send("healthy", events)
		pass(10 * time.Second)
		got := p.calls.take()
		if n := p.done(ids); n != events {
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
	answer := func(ctx context.Context, _ string, _ int) egress.Response { return after(ctx, takes, 200) }
	run(t, false, answer, func(t *testing.T, p *plant) {
		p.hook("hook", 0)
		marked := func(want bool, writes int, what string) {
			t.Helper()
			if got := !p.webhook("hook").SlowSince.IsZero(); got != want {
				t.Errorf("%s: marked is %t, want %t", what, got, want)
			}
			if got := p.calls.take(); got["mark"] != writes {
				t.Errorf("%s: %d writes of the mark, want %d", what, got["mark"], writes)
			}
		}
		one := p.send("hook", 1)
		pass(2 * time.Second)
		marked(false, 0, "under way for 2 s")
		pass(8 * time.Second)
		marked(true, 1, "answered after 4 s")
		p.change("hook", func(w *webhook.Webhook) { w.Name = "n" })
		more := p.send("hook", 50)
		pass(40 * time.Second)
		marked(true, 0, "slow still")
		takes = time.Second
		quick := p.send("hook", 1)
		pass(5 * time.Second)
		marked(true, 0, "a quick answer within the minute")
		pass(10 * time.Second)
		last := p.send("hook", 1)
		pass(5 * time.Second)
		marked(false, 1, "a quick answer after it")
		if got := p.done(slices.Concat(one, more, quick, last)); got != 53 {
			t.Errorf("%d of 53 were sent", got)
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		for id, at := range p.posts {
			if len(at) != 1 {
				t.Errorf("event %s was sent %d times", id, len(at))
			}
		}
	})
}

// TestEndedMeanwhile: a POST whose time ended while its batch asked for a lane, and got none, has ended, and is recorded.
func TestEndedMeanwhile(t *testing.T) {
	run(t, false, hanging, func(t *testing.T, p *plant) {
		p.hook("hang", 0)
		now := p.now()
		for range 100 / 4 {
			if _, err := p.store.TakeLane(t.Context(), "delivery", 100/4, now, now.Add(time.Minute)); err != nil {
				t.Fatal(err)
			}
		}
		p.calls.lane = 20 * time.Second // longer than the dialect gives the POST
		p.send("hang", 1)
		pass(30 * time.Second)
		if got := p.calls.take(); got["record"] != 1 {
			t.Errorf("%d attempts are recorded, want 1", got["record"])
		}
	})
}

// keeper is a queue that keeps what it is sent. It cannot be counted, so that nothing may be hidden.
type keeper struct {
	outbox
	sent []queue.Outgoing
}

func (k *keeper) Send(_ context.Context, msgs []queue.Outgoing) error {
	k.sent = append(k.sent, msgs...)
	return nil
}

// TestRestUnderPressure: a message that has made an attempt, finds no lane for the next, and may not be hidden, is sent
// as what the next attempt is for: another message counts by that alone.
func TestRestUnderPressure(t *testing.T) {
	bulk, retry := new(keeper), new(keeper)
	d := &Deliverer{Queues: Queues{Bulk: bulk, Retry: retry}, Log: slog.New(slog.DiscardHandler)}
	b := d.newBatch(bulk)
	m := message.Message{
		Tenant: tenant, Webhook: "wh_1", Event: "evt_1", Type: "order.placed", AcceptedAt: 1, Dialect: "standard@1", Body: []byte("{}"), Round: 1, Attempt: 1,
	}
	rec := m.Record(time.Hour)
	rec.Record(webhook.Attempt{Error: webhook.ReasonTimeout})
	rec.Owner = "1"
	b.records = map[webhook.DeliveryKey]webhook.Delivery{m.Key(): rec}
	it := &item{Received: queue.Received{ID: "1"}, msg: m}
	b.divert(t.Context(), []*item{it})
	if len(retry.sent) != 1 || it.stays {
		t.Fatalf("%d messages were sent, stays %t; want one in its place", len(retry.sent), it.stays)
	}
	got, err := message.Parse(retry.sent[0].Body)
	if err != nil || got.Attempt != 2 || decide(got, "2", &rec, time.UnixMilli(got.Due)) != attempt {
		t.Errorf("got a message for attempt %d, %v; want one that makes the second", got.Attempt, err)
	}
}
