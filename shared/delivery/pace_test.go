package delivery

import (
	"context"
	"testing"
	"time"

	"hookline/shared/egress"
	"hookline/shared/webhook"
)

func answers(ctx context.Context, _ string, _ int) egress.Response {
	return after(ctx, 50*time.Millisecond, 200)
}

// rate sets a webhook's max_per_second as a PATCH does.
func rate(p *plant, id string, perSecond int) {
	p.change(id, func(w *webhook.Webhook) { w.MaxPerSecond, w.PacedSince = perSecond, p.now() })
}

// TestRateHoldsAtOnce reserves slots ten minutes ahead under one a second, and then changes the rate.
func TestRateHoldsAtOnce(t *testing.T) {
	const waiting = 600
	for name, tt := range map[string]struct {
		change  func(p *plant)
		in      time.Duration // after the change …
		least   int           // … so many more have been sent
		newOnes int           // and of ten events that came after it
	}{
		"removed":                     {func(p *plant) { rate(p, "slow", 0) }, 5 * time.Second, waiting - 25, 10},
		"raised":                      {func(p *plant) { rate(p, "slow", 50) }, 10 * time.Second, 400, 0},
		"raised, and lowered again":   {func(p *plant) { rate(p, "slow", 100); pass(6 * time.Second); rate(p, "slow", 1) }, 10 * time.Second, 8, 0},
		"made inactive":               {func(p *plant) { p.change("slow", func(w *webhook.Webhook) { w.Active = false }) }, 5 * time.Second, 0, 0},
		"another name, the same rate": {func(p *plant) { p.change("slow", func(w *webhook.Webhook) { w.Name = "n" }) }, 10 * time.Second, 8, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t, false, answers, func(t *testing.T, p *plant) {
				p.hook("slow", 1)
				ids := p.send("slow", waiting)
				pass(20 * time.Second)
				if got := p.done(ids); got < 18 || got > 22 {
					t.Fatalf("%d were sent in 20 s at one a second", got)
				}
				tt.change(p)
				before := p.done(ids)
				later := p.send("slow", 10)
				pass(tt.in)
				if got := p.done(ids) + p.done(later) - before; got < tt.least {
					t.Errorf("%d of all that waited were sent in %v, want %d or more", got, tt.in, tt.least)
				}
				if got := p.done(later); got < tt.newOnes {
					t.Errorf("%d of 10 new events were sent in %v, want %d or more", got, tt.in, tt.newOnes)
				}
			})
		})
	}
}

// TestRateIsHeld: no second sees more than the rate, whatever becomes of a backlog, and retries count too.
func TestRateIsHeld(t *testing.T) {
	const perSecond, events = 5, 400
	fails := func(ctx context.Context, _ string, _ int) egress.Response {
		return after(ctx, 50*time.Millisecond, 500)
	}
	for name, tt := range map[string]struct {
		answer post
		shared bool
		most   int // POSTs in the first minute
	}{
		"answered":              {answers, false, 0},
		"answered, one process": {answers, true, 0},
		"failing, with retries": {fails, false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t, tt.shared, tt.answer, func(t *testing.T, p *plant) {
				p.hook("paced", perSecond)
				start := time.Now()
				p.send("paced", events)
				pass(time.Minute)
				bySecond := make(map[int]int)
				total := 0
				p.mu.Lock()
				for _, at := range p.posts {
					for _, when := range at {
						bySecond[int(when.Sub(start)/time.Second)]++
						total++
					}
				}
				p.mu.Unlock()
				for second, n := range bySecond {
					if n > perSecond+1 {
						t.Errorf("%d POSTs in second %d, want %d at most", n, second, perSecond+1)
					}
				}
				if want := 60 * perSecond; total < want*95/100 || total > want+perSecond {
					t.Errorf("%d POSTs in a minute, want about %d", total, want)
				}
			})
		})
	}
}

// TestClockSetBack: what waits for slots of an hour that is to come again does not wait for it.
func TestClockSetBack(t *testing.T) {
	run(t, false, answers, func(t *testing.T, p *plant) {
		p.hook("paced", 2)
		p.set(time.Hour)
		ids := p.send("paced", 200)
		pass(10 * time.Second)
		p.set(0)
		before := p.done(ids)
		later := p.send("paced", 2)
		pass(30 * time.Second)
		if got := p.done(ids) + p.done(later) - before; got < 50 || got > 70 {
			t.Errorf("%d were sent in the 30 s after the clock was set back, want about 60", got)
		}
		pass(2 * time.Minute)
		if got := p.done(ids) + p.done(later); got != 202 {
			t.Errorf("%d of 202 were sent", got)
		}
	})
}

// TestPaceCosts counts what 2,000 events at 10 a second cost, which wait 100 s on average.
func TestPaceCosts(t *testing.T) {
	events := light(2_000)
	run(t, false, answers, func(t *testing.T, p *plant) {
		p.hook("paced", 10)
		ids := p.send("paced", events)
		p.calls.take()
		pass(time.Duration(events/10)*time.Second + time.Minute)
		if got := p.done(ids); got != events {
			t.Errorf("%d of %d were sent", got, events)
		}
		got := p.calls.take()
		requests := got["send"] + got["receive"] + got["delete"] + got["hide"]
		t.Logf("for each delivery: %.2f requests to queues, %.2f writes of slots, %.2f reads: %v",
			float64(requests)/float64(events), float64(got["slots"])/float64(events), float64(got["load"])/float64(events), got)
		if requests > 3*events || got["slots"] > events/5 || got["record"] != events {
			t.Errorf("got %v, want 3 requests to queues for each delivery at most, a write of slots for each 5, and one record", got)
		}
	})
}
