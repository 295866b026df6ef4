package delivery_test

import (
	"context"
	"testing"
	"time"

	"hookline/shared/delivery/deliverytest"
	"hookline/shared/egress"
	"hookline/shared/webhook"
)

func answers(ctx context.Context, _ string, _ int) egress.Response {
	return deliverytest.After(ctx, 50*time.Millisecond, 200)
}

// rate sets a webhook's max_per_second as a PATCH does.
func rate(p *deliverytest.Plant, id string, perSecond int) {
	p.Change(id, func(w *webhook.Webhook) { w.MaxPerSecond, w.PacedSince = perSecond, p.Now() })
}

// TestRateHoldsAtOnce reserves slots ten minutes ahead under one a second, and then changes the rate.
func TestRateHoldsAtOnce(t *testing.T) {
	const waiting = 600
	for name, tt := range map[string]struct {
		change  func(p *deliverytest.Plant)
		in      time.Duration // after the change …
		least   int           // … so many more have been sent
		newOnes int           // and of ten events that came after it
	}{
		"removed": {func(p *deliverytest.Plant) { rate(p, "slow", 0) }, 5 * time.Second, waiting - 25, 10},
		"raised":  {func(p *deliverytest.Plant) { rate(p, "slow", 50) }, 10 * time.Second, 400, 0},
		"raised, and lowered again": {func(p *deliverytest.Plant) {
			rate(p, "slow", 100)
			deliverytest.Pass(6 * time.Second)
			rate(p, "slow", 1)
		}, 10 * time.Second, 8, 0},
		"made inactive":               {func(p *deliverytest.Plant) { p.Change("slow", func(w *webhook.Webhook) { w.Active = false }) }, 5 * time.Second, 0, 0},
		"another name, the same rate": {func(p *deliverytest.Plant) { p.Change("slow", func(w *webhook.Webhook) { w.Name = "n" }) }, 10 * time.Second, 8, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			deliverytest.World{Answer: answers}.Run(t, func(t *testing.T, p *deliverytest.Plant) {
				p.Hook("slow", 1)
				ids := p.Send("slow", waiting)
				deliverytest.Pass(20 * time.Second)
				if got := p.Done(ids); got < 18 || got > 22 {
					t.Fatalf("%d were sent in 20 s at one a second", got)
				}
				tt.change(p)
				before := p.Done(ids)
				later := p.Send("slow", 10)
				deliverytest.Pass(tt.in)
				if got := p.Done(ids) + p.Done(later) - before; got < tt.least {
					t.Errorf("%d of all that waited were sent in %v, want %d or more", got, tt.in, tt.least)
				}
				if got := p.Done(later); got < tt.newOnes {
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
		return deliverytest.After(ctx, 50*time.Millisecond, 500)
	}
	for name, tt := range map[string]struct {
		answer deliverytest.Answer
		shared bool
		most   int // POSTs in the first minute
	}{
		"answered":              {answers, false, 0},
		"answered, one process": {answers, true, 0},
		"failing, with retries": {fails, false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			deliverytest.World{Shared: tt.shared, Answer: tt.answer}.Run(t, func(t *testing.T, p *deliverytest.Plant) {
				p.Hook("paced", perSecond)
				start := time.Now()
				p.Send("paced", events)
				deliverytest.Pass(time.Minute)
				bySecond := make(map[int]int)
				total := 0
				for _, at := range p.Posts() {
					for _, when := range at {
						bySecond[int(when.Sub(start)/time.Second)]++
						total++
					}
				}
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
	deliverytest.World{Answer: answers}.Run(t, func(t *testing.T, p *deliverytest.Plant) {
		p.Hook("paced", 2)
		p.Set(time.Hour)
		ids := p.Send("paced", 200)
		deliverytest.Pass(10 * time.Second)
		p.Set(0)
		before := p.Done(ids)
		later := p.Send("paced", 2)
		deliverytest.Pass(30 * time.Second)
		if got := p.Done(ids) + p.Done(later) - before; got < 50 || got > 70 {
			t.Errorf("%d were sent in the 30 s after the clock was set back, want about 60", got)
		}
		deliverytest.Pass(2 * time.Minute)
		if got := p.Done(ids) + p.Done(later); got != 202 {
			t.Errorf("%d of 202 were sent", got)
		}
	})
}

// TestPaceCosts counts what 2,000 events at 10 a second cost, which wait 100 s on average.
func TestPaceCosts(t *testing.T) {
	events := light(2_000)
	deliverytest.World{Answer: answers}.Run(t, func(t *testing.T, p *deliverytest.Plant) {
		p.Hook("paced", 10)
		ids := p.Send("paced", events)
		p.Calls.Take()
		deliverytest.Pass(time.Duration(events/10)*time.Second + time.Minute)
		if got := p.Done(ids); got != events {
			t.Errorf("%d of %d were sent", got, events)
		}
		got := p.Calls.Take()
		requests := got["send"] + got["receive"] + got["delete"] + got["hide"]
		t.Logf("for each delivery: %.2f requests to queues, %.2f writes of slots, %.2f reads: %v",
			float64(requests)/float64(events), float64(got["slots"])/float64(events), float64(got["load"])/float64(events), got)
		if requests > 3*events || got["slots"] > events/5 || got["record"] != events {
			t.Errorf("got %v, want 3 requests to queues for each delivery at most, a write of slots for each 5, and one record", got)
		}
	})
}
