package pressure

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"hookline/infra/figures"
	"hookline/shared/delivery/deliverytest"
	"hookline/shared/dialect"
	"hookline/shared/egress"
	"hookline/shared/ladder"
	"hookline/shared/queue"
	"hookline/shared/webhook"
)

// rungs are how long the deliveries wait, as many for each.
var rungs = []time.Duration{30 * time.Minute, time.Hour, 2 * time.Hour}

// TestLadder has deliveries wait on long rungs, several for each that the queues may hold in flight. First attempts of another webhook are
// as quick as without them, none is lost, and each is attempted when it is due: within 15 minutes and 1 % of its wait.
// There is no sweeper: what is lost stays lost.
func TestLadder(t *testing.T) {
	deliveries, inFlight := 3_000, 600
	switch {
	case figures.Full():
		deliveries, inFlight = 1_000_000, queue.MaxInFlight
	case testing.Short(): // under the race detector, which slows SQLite in Go some ten times
		deliveries, inFlight = 900, 300
	}
	builtin, err := dialect.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	standard, err := builtin.Dialect(t.Context(), "standard")
	if err != nil {
		t.Fatal(err)
	}
	long := *standard
	long.Ladder = ladder.Ladder{rungs[0], rungs[len(rungs)-1]} // a receiver asks for the second, or for less
	var mended atomic.Bool
	answer := func(ctx context.Context, hook string, _ int) egress.Response {
		if mended.Load() || !strings.HasPrefix(hook, "down") {
			return deliverytest.After(ctx, deliverytest.Answering, 200)
		}
		resp := deliverytest.After(ctx, deliverytest.Answering, 500)
		resp.RetryAfter = rungs[hook[len("down")]-'0']
		return resp
	}
	w := deliverytest.World{Answer: answer, InFlight: inFlight, Dialect: &long, Takes: 5 * time.Millisecond}
	w.Run(t, func(t *testing.T, p *deliverytest.Plant) {
		p.Hook("other", 0)
		alone := p.Waits("other", 10*time.Second)
		for i := range rungs {
			p.Hook(fmt.Sprintf("down%d", i), 0)
		}
		const atATime = 100
		p.Calls.Take()
		start := time.Now()
		for left := deliveries; left > 0; left -= atATime {
			p.Send(fmt.Sprintf("down%d", left/atATime%len(rungs)), min(left, atATime))
		}
		beside := p.Waits("other", 10*time.Second)
		for c := p.Counts("retry"); c.InFlight+c.Delayed < deliveries; c = p.Counts("retry") {
			if deliverytest.Pass(time.Second); time.Since(start) > rungs[0] {
				t.Fatalf("%+v wait for their rungs, want all %d", c, deliveries)
			}
		}
		mended.Store(true)
		peak := 0
		var parked deliverytest.Waits
		for time.Since(start) < rungs[len(rungs)-1]*12/10 {
			parked = append(parked, p.Waits("other", time.Second)...)
			for range 14 {
				deliverytest.Pass(time.Minute)
				peak = max(peak, p.Counts("retry").InFlight)
			}
		}
		parked.Sort()
		requests := 0
		for what, n := range p.Calls.Take() {
			if strings.Contains("send receive delete hide", what) {
				requests += n
			}
		}
		// 2 to 8 hops of 15 minutes, full batches at best, and the attempts.
		if most := 10 * deliveries; requests > most {
			t.Errorf("%d requests to queues, want %d at most", requests, most)
		}
		late, lost := time.Duration(0), deliveries
		early, again := 0, 0
		for i, rung := range rungs {
			for d := range p.Deliveries(fmt.Sprintf("down%d", i)) {
				if d.Status != webhook.Succeeded {
					t.Errorf("%s is %s after %d attempts", d.ID(), d.Status, d.Count)
					continue
				}
				lost--
				again += len(d.Attempts) - 2
				a := d.LastAttempt()
				after := a.StartedAt.Sub(a.ScheduledAt)
				if late = max(late, after); after < 0 {
					early++
				}
				if after > 15*time.Minute+rung/100 {
					t.Errorf("%s is attempted %v late", d.ID(), after)
				}
			}
		}
		if lost != 0 || early != 0 || again != 0 {
			t.Errorf("%d are lost, %d early, %d attempts too many", lost, early, again)
		}
		if got, most := parked.Part(99), alone.Part(99)*12/10; got > most {
			t.Errorf("99 %% of another webhook's events took %v, want %v at most", got, most)
		}
		if peak > inFlight*3/4 {
			t.Errorf("%d messages were in flight, want no more than three quarters of %d", peak, inFlight)
		}
		what := fmt.Sprintf("%d deliveries parked, in-flight cap %d: ", deliveries, inFlight)
		figures.Note(t, what+"lost, early, attempts too many", fmt.Sprintf("%d, %d, %d", lost, early, again))
		figures.Note(t, what+"latest after its due time", late.String())
		figures.Note(t, what+"first attempts of another webhook", fmt.Sprintf("p50 %s, p99 %s as long as alone",
			ratio(parked.Part(50), alone.Part(50)), ratio(parked.Part(99), alone.Part(99))))
		figures.Note(t, what+"the same while all of them make their first attempt", fmt.Sprintf("p50 %s, p99 %s",
			ratio(beside.Part(50), alone.Part(50)), ratio(beside.Part(99), alone.Part(99))))
		figures.Note(t, what+"most in flight in RetryQueue", fmt.Sprint(peak))
		figures.Note(t, what+"requests to queues for each", fmt.Sprintf("%.1f", float64(requests)/float64(deliveries)))
	})
}

func ratio(a, b time.Duration) string { return fmt.Sprintf("%.2f×", float64(a)/float64(b)) }
