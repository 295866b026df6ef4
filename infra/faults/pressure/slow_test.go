package pressure

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"hookline/infra/figures"
	"hookline/shared/delivery/deliverytest"
	"hookline/shared/egress"
)

// marked is after how long without an answer a webhook counts as slow.
const marked = 3 * time.Second

// TestSlow has receivers that take 30 s, or never answer, beside one that answers in 50 ms. Before they are known to be slow the
// others wait no longer than it takes to know, and afterwards as long as if they were alone: with as few processes as
// Lambda begins with, and with a hundred that share nothing. A timeout is 15 s, so that 30 s are never waited out.
func TestSlow(t *testing.T) {
	tests := []struct {
		name   string
		hooks  int  // that are slow
		each   bool // of them is of a tenant of its own
		events int  // of them together
		world  deliverytest.World
	}{
		{"one of 30 s with 1,000 events, from 5 processes on", 1, false, 1_000, deliverytest.World{Answer: slow, Growing: true}},
		{"one of 30 s with 1,000 events, 100 processes", 1, false, 1_000, deliverytest.World{Answer: slow}},
		{"one that hangs with 2,000 events, one process", 1, false, 2_000, deliverytest.World{Answer: hangs, Shared: true}},
		{"3 tenants, each with one of 30 s with 100 events, from 5 processes on", 3, true, 300, deliverytest.World{Answer: slow, Growing: true}},
		{"3 tenants, each with one of 30 s with 1,000 events, from 5 processes on", 3, true, 3_000, deliverytest.World{Answer: slow, Growing: true}},
		{"3 tenants, each with one of 30 s with 1,000 events, 100 processes", 3, true, 3_000, deliverytest.World{Answer: slow}},
		{"20 of 30 s with 50 events each, from 5 processes on", 20, false, 1_000, deliverytest.World{Answer: slow, Growing: true}},
		{"100 that hang with 20 events each, 100 processes", 100, false, 2_000, deliverytest.World{Answer: hangs}},
	}
	switch {
	case testing.Short():
		tests = tests[:1]
	case !figures.Full():
		tests = tests[:4]
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.world.Run(t, func(t *testing.T, p *deliverytest.Plant) {
				events := tt.events
				if testing.Short() { // under the race detector, which slows SQLite in Go some ten times
					events /= 10
				}
				p.Hook("other", 0)
				alone := p.Waits("other", 5*time.Second)
				for i := range tt.hooks {
					if tt.each {
						p.HookOf(fmt.Sprintf("tenant%d", i), fmt.Sprintf("slow%d", i), 0)
						continue
					}
					p.Hook(fmt.Sprintf("slow%d", i), 0)
				}
				burst := func() {
					for i := range tt.hooks {
						p.Send(fmt.Sprintf("slow%d", i), max(events/tt.hooks, 1))
					}
				}
				burst()
				before := p.Waits("other", marked) // 50 events and some
				// Of many webhooks some may have their turn when others are known.
				if got := before.Part(99); tt.hooks <= 3 && got > marked+time.Second {
					t.Errorf("before the mark 99 %% took %v, want no longer than it takes to know", got)
				}
				burst()
				after := p.Waits("other", 10*time.Second)
				if got, most := after.Part(99), alone.Part(99)*12/10; got > most {
					t.Errorf("after the mark 99 %% took %v, want %v at most", got, most)
				}
				for i := range tt.hooks {
					if p.Webhook(fmt.Sprintf("slow%d", i)).SlowSince.IsZero() {
						t.Errorf("webhook %d is not marked", i)
					}
				}
				what := "slow receivers, " + tt.name + ": p99 of a quick one "
				figures.Note(t, what+"before the mark", before.Part(99).String())
				figures.Note(t, what+"after the mark", fmt.Sprintf("%v, %s as long as alone", after.Part(99), ratio(after.Part(99), alone.Part(99))))
			})
		})
	}
}

// TestSlowTogether has ten receivers take 10 s, one with a hundred times as many events as the others. Each gets
// its share of what waits for slow ones: the nine are done when the large one is not, by far.
func TestSlowTogether(t *testing.T) {
	small, large := 10, 1_000
	if testing.Short() {
		small, large = 2, 200
	}
	// Slow and alive: within the timeout.
	answer := func(ctx context.Context, hook string, _ int) egress.Response {
		return deliverytest.After(ctx, 10*time.Second, 200)
	}
	deliverytest.World{Answer: answer, Growing: true}.Run(t, func(t *testing.T, p *deliverytest.Plant) {
		p.Hook("large", 0)
		all := p.Send("large", large)
		var theirs []string
		for i := range 9 {
			id := fmt.Sprintf("small%d", i)
			p.Hook(id, 0)
			theirs = append(theirs, p.Send(id, small)...)
		}
		begun, was := time.Now(), p.Done(all)
		for p.Done(theirs) < len(theirs) {
			if deliverytest.Pass(time.Second); time.Since(begun) > time.Hour {
				t.Fatalf("%d of %d are sent after an hour", p.Done(theirs), len(theirs))
			}
		}
		took, others := time.Since(begun), p.Done(all)-was
		if others > 4*len(theirs) {
			t.Errorf("%d events of one webhook were sent beside %d of nine others, want four for each at most", others, len(theirs))
		}
		figures.Note(t, fmt.Sprintf("9 webhooks with %d events each and receivers of 10 s, beside one with %d: done", small, large),
			fmt.Sprintf("in %v, while the one got %d", took, others))
	})
}

func slow(ctx context.Context, hook string, _ int) egress.Response {
	if strings.HasPrefix(hook, "slow") {
		return deliverytest.After(ctx, 30*time.Second, 200)
	}
	return deliverytest.After(ctx, deliverytest.Answering, 200)
}

func hangs(ctx context.Context, hook string, _ int) egress.Response {
	if strings.HasPrefix(hook, "slow") {
		return deliverytest.Hangs(ctx)
	}
	return deliverytest.After(ctx, deliverytest.Answering, 200)
}
