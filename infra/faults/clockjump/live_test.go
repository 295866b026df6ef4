package clockjump

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"hookline/infra/figures"
	"hookline/shared/clock"
	"hookline/shared/egress"
	"hookline/shared/stack/stacktest"
)

// wall is a machine's clock that is set while the program runs: time goes on as it was, and readings jump.
type wall struct {
	mu   sync.Mutex
	sets []set
}

// set is how far the clock has been ahead of time from some moment on.
type set struct {
	from  time.Time
	ahead time.Duration
}

func (w *wall) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Now().Round(0).Add(w.ahead())
}

func (w *wall) ahead() time.Duration {
	if len(w.sets) == 0 {
		return 0
	}
	return w.sets[len(w.sets)-1].ahead
}

func (w *wall) jump(by time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sets = append(w.sets, set{time.Now(), w.ahead() + by})
}

// furthest returns the latest reading between two moments.
func (w *wall) furthest(from, to time.Time) (latest time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	until := to
	for _, s := range slices.Backward(append([]set{{}}, w.sets...)) {
		if s.from.After(to) {
			continue
		}
		if at := until.Add(s.ahead); at.After(latest) {
			latest = at
		}
		if until = s.from; !until.After(from) {
			break
		}
	}
	return latest
}

// post is a POST: when it was made, and what the clock read.
type post struct{ at, reading time.Time }

// receivers answer as their URL says, and keep what came.
type receivers struct {
	wall  *wall
	mu    sync.Mutex
	posts map[string][]post // by path and event
}

func (r *receivers) Post(ctx context.Context, req egress.Request) egress.Response {
	path := req.URL[strings.LastIndexByte(req.URL, '/')+1:]
	r.mu.Lock()
	of := path + " " + stacktest.Header(req, "webhook-id")
	r.posts[of] = append(r.posts[of], post{time.Now(), r.wall.now()})
	n := len(r.posts[of])
	r.mu.Unlock()
	resp := egress.Response{Status: 200, Duration: 50 * time.Millisecond}
	switch {
	case path == "slow":
		resp.Duration = 5 * time.Second
	case path == "flaky" && n <= 2:
		resp.Status = 503
	}
	select {
	case <-time.After(resp.Duration):
	case <-ctx.Done():
		return egress.Response{Err: "timeout", Duration: resp.Duration}
	}
	return resp
}

func (r *receivers) of(path, event string) []post {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.posts[path+" "+event])
}

// TestClockJumpsLive sets the clock hours forward and back while the program works: while POSTs are under way, and while
// messages wait for a retry, in a line and for a lane.
func TestClockJumpsLive(t *testing.T) {
	jumps := []time.Duration{5 * time.Hour, -5 * time.Hour, -7 * time.Hour, 9 * time.Hour, 3 * time.Hour, -11 * time.Hour}
	burst := 10
	if testing.Short() {
		jumps, burst = jumps[:3], 2
	}
	paths := []string{"quick", "paced", "flaky", "slow"}
	rungs := []time.Duration{5 * time.Second, 5 * time.Minute}
	synctest.Test(t, func(t *testing.T) {
		w := new(wall)
		r := &receivers{wall: w, posts: make(map[string][]post)}
		begun := time.Now().Round(0)
		world := stacktest.World{Poster: r, Clock: clock.Clock{Real: begun, Anchor: begun, Speed: 1, Wall: w.now}}
		c := world.Start(t).Tenant("acme", "standard")
		for _, path := range paths {
			hook := map[string]any{"url": "https://r.test/" + path, "events": []string{"*"}}
			if path == "paced" {
				hook["max_per_second"] = 2
			}
			c.Webhook(hook)
		}
		var ids []string
		publish := func() string {
			ids = append(ids, c.Publish("order.placed", map[string]any{"n": len(ids)}))
			return ids[len(ids)-1]
		}
		for _, by := range jumps {
			for range burst {
				publish()
				stacktest.Pass(500 * time.Millisecond)
			}
			w.jump(by)
			id := publish()
			stacktest.Pass(time.Minute)
			for _, path := range paths {
				if len(r.of(path, id)) == 0 {
					t.Errorf("set by %v: an event that was published afterwards has not come to %s within a minute", by, path)
				}
			}
		}
		// What was scheduled when the clock was ahead is due when it is there again.
		w.jump(24 * time.Hour)
		stacktest.Pass(10 * time.Minute)
		lost, early, again := 0, 0, 0
		for _, id := range ids {
			for _, d := range c.Event(id).Deliveries {
				if d.Status != "succeeded" {
					lost++
					t.Errorf("the delivery of %s to %s is %s", id, d.WebhookID, d.Status)
				}
				attempts := c.Delivery(d.ID).Attempts
				for i, a := range attempts {
					if a.StartedAt.Before(a.ScheduledAt.Time) || i > 0 && a.ScheduledAt.Sub(attempts[i-1].StartedAt.Time) < rungs[i-1] {
						early++
						t.Errorf("attempt %d of %s was made at %v, due at %v", a.Number, id, a.StartedAt, a.ScheduledAt)
					}
				}
				again -= len(attempts)
			}
			for _, path := range paths {
				posts := r.of(path, id)
				for i := 1; i < len(posts); i++ {
					if latest := w.furthest(posts[i-1].at, posts[i].at); latest.Sub(posts[i-1].reading) < rungs[0] {
						early++
						t.Errorf("%s was POSTed to %s at %v, and again when the clock had read %v at most", id, path, posts[i-1].reading, latest)
					}
				}
				again += len(posts)
			}
		}
		figures.Note(t, fmt.Sprintf("clock set %d times by 5 to 11 hours under way, forward and back: deliveries / lost / early / POSTs repeated", len(jumps)),
			fmt.Sprintf("%d / %d / %d / %d", len(paths)*len(ids), lost, early, again))
	})
}
