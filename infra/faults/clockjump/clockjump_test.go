package clockjump

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"hookline/infra/figures"
	"hookline/infra/local/process"
	"hookline/infra/local/runner"
	"hookline/shared/clock"
	"hookline/shared/stack/stacktest"
)

func TestMain(m *testing.M) {
	os.Exit(process.Main(m, func(ctx context.Context) error { return runner.Main(ctx, os.Getenv, os.Stdout, nil) }))
}

// jump moves the reading of a stopped program's clock, as setting the machine's clock does.
func jump(t *testing.T, dir string, by time.Duration) {
	t.Helper()
	name := filepath.Join(dir, "clock.json")
	b, err := os.ReadFile(name)
	var c clock.Clock
	if err == nil {
		err = json.Unmarshal(b, &c)
	}
	if err != nil {
		t.Fatal(err)
	}
	c.Real = c.Real.Add(-by)
	if b, err = json.Marshal(c); err == nil {
		err = os.WriteFile(name, b, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestClockJumps sets the clock five hours forward and back, while events wait for a retry and a paced webhook has a line.
// Forward, what is due goes out at once. Back, new events do, and what was scheduled before arrives when it is due.
func TestClockJumps(t *testing.T) {
	const hours = 5 * time.Hour
	var mu sync.Mutex
	seen := make(map[string]int)
	up := false
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if !up {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		seen[r.URL.Path+" "+r.Header.Get("webhook-id")]++
	}))
	defer server.Close()
	set := func(to bool) {
		mu.Lock()
		defer mu.Unlock()
		up = to
	}
	arrived := func(id string) func() bool {
		return func() bool {
			mu.Lock()
			defer mu.Unlock()
			return seen["/plain "+id] > 0 && seen["/paced "+id] > 0
		}
	}
	dir := filepath.Join(t.TempDir(), "data")
	const speed = "CLOCK_SPEED=5" // five minutes are a minute of real time, and the first retry comes after a second
	p := process.Start(t, dir, []string{speed})
	p.Client().Webhook(map[string]any{"url": server.URL + "/plain", "events": []string{"*"}})
	p.Client().Webhook(map[string]any{"url": server.URL + "/paced", "events": []string{"*"}, "max_per_second": 5})
	var ids []string
	publish := func() string {
		id := p.Client().Publish("order.placed", map[string]any{"n": len(ids)})
		ids = append(ids, id)
		return id
	}
	// failed publishes an event and waits until both deliveries wait for their third attempt, which is due in five minutes.
	failed := func() string {
		id := publish()
		stacktest.Until(t, time.Minute, "both deliveries wait five minutes for their next attempt", func() bool {
			n := 0
			for _, d := range p.Client().Event(id).Deliveries {
				if d.Status == "pending" && d.AttemptCount == 2 {
					n++
				}
			}
			return n == 2
		})
		return id
	}
	restart := func(by time.Duration, env string) {
		if err := p.Stop(); err != nil {
			t.Fatal(err)
		}
		jump(t, dir, by)
		p = process.Start(t, dir, []string{env})
	}

	waiting := failed()
	set(true)
	restart(hours, speed)
	stacktest.Until(t, time.Minute, "set forward: what was due arrived", arrived(waiting))
	stacktest.Until(t, time.Minute, "set forward: a new event arrived", arrived(publish()))

	set(false)
	waiting = failed()
	set(true)
	restart(-hours, speed)
	stacktest.Until(t, time.Minute, "set back: a new event arrived", arrived(publish()))
	if arrived(waiting)() {
		t.Error("set back: an attempt was made before it was due")
	}
	restart(0, "CLOCK_SPEED=20000") // five hours are a second
	stacktest.Until(t, 2*time.Minute, "set back: what was scheduled before arrived when it was due", arrived(waiting))
	stacktest.Until(t, time.Minute, "nothing is left to deliver", p.Idle)
	lost, early := 0, 0
	for _, id := range ids {
		for _, d := range p.Client().Event(id).Deliveries {
			one := p.Client().Delivery(d.ID)
			if d.Status != "succeeded" {
				lost++
				t.Errorf("the delivery of %s is %s", id, d.Status)
			}
			for _, a := range one.Attempts {
				if a.StartedAt.Before(a.ScheduledAt.Time) {
					early++
					t.Errorf("attempt %d of %s was made at %v, and due at %v", a.Number, id, a.StartedAt, a.ScheduledAt)
				}
			}
		}
	}
	figures.Note(t, "clock set five hours forward and back: deliveries / lost / early", fmt.Sprintf("%d / %d / %d", 2*len(ids), lost, early))
}
