package runner

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"hookline/infra/local/process"
	"hookline/shared/dialect"
	"hookline/shared/stack/stacktest"
)

// probe measures how late this machine is just now at what a retry consists of, waking up and writing to disk, until
// stop is called; that returns the worst it saw. A delay beyond the contract's allowance may be
// a few times as long, and no longer.
func probe(t *testing.T) (stop func() time.Duration) {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "probe"))
	if err != nil {
		t.Fatal(err)
	}
	const every = 5 * time.Millisecond
	end, worst := make(chan struct{}), make(chan time.Duration)
	go func() {
		var late time.Duration
		for {
			start := time.Now()
			select {
			case <-time.After(every):
				_, err := f.WriteString("x")
				if err == nil {
					_ = f.Sync()
				}
				late = max(late, time.Since(start)-every)
			case <-end:
				worst <- late
				return
			}
		}
	}()
	return func() time.Duration {
		close(end)
		defer func() { _ = f.Close() }()
		return <-worst
	}
}

// syncsOfARetry is how many times an attempt wakes up or waits for the disk between its due time and its start, and
// between its end and the next one's due time: receive, record, park, and the wake-up itself.
const syncsOfARetry = 4

// TestLaddersOnAFastClock runs whole ladders in real processes against a receiver that fails, over sockets: recorded
// times match the ladder, then the dead letter is there, a replay delivers it, and a redrive delivers another.
func TestLaddersOnAFastClock(t *testing.T) {
	dialects, err := dialect.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	for name, speed := range map[string]float64{"standard": 20_000, "axiestudio": 20} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, err := dialects.Dialect(t.Context(), name)
			if err != nil {
				t.Fatal(err)
			}
			var up atomic.Bool
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if !up.Load() {
					w.WriteHeader(http.StatusInternalServerError)
				}
			}))
			defer server.Close()
			p := process.Start(t, filepath.Join(t.TempDir(), "data"), []string{"CLOCK_SPEED=" + strconv.FormatFloat(speed, 'f', -1, 64)})
			admin := p.Client().As(stacktest.AdminKey)
			acme := admin.Tenant("acme", name)
			eventType := d.EventTypes()[0].Name
			acme.Webhook(map[string]any{"url": server.URL, "events": []string{eventType}})
			acme.Publish(eventType, map[string]any{"n": 1})
			acme.Publish(eventType, map[string]any{"n": 2})
			stop := probe(t)
			stacktest.Until(t, time.Minute, "both deliveries are out of attempts", func() bool {
				return len(acme.Deliveries("&status=failed")) == 2
			})
			late := stop() * syncsOfARetry
			if testing.Short() { // under the race detector, which slows SQLite in Go some ten times
				late += time.Second
			}
			t.Logf("up to %v are the machine's", late)
			for _, shown := range acme.Deliveries("&status=failed") {
				one := acme.Delivery(shown.ID)
				if got, want := len(one.Attempts), len(d.Ladder)+1; got != want {
					t.Fatalf("got %d attempts, want %d", got, want)
				}
				for i, rung := range d.Ladder {
					wait := one.Attempts[i+1].StartedAt.Sub(one.Attempts[i].StartedAt.Time)
					slack := max(rung/20, time.Duration(speed*float64(50*time.Millisecond)))
					if rung >= 5*time.Minute {
						slack += rung / 10
					}
					slack += time.Duration(speed * float64(late))
					if wait < rung || wait > rung+slack {
						t.Errorf("wait %d: got %v, want %v and at most %v more", i+1, wait, rung, slack)
					}
				}
			}
			stacktest.Until(t, 10*time.Second, "two dead letters", func() bool { return admin.DeadLetters() == 2 })
			up.Store(true)
			first := acme.Deliveries("&status=failed")[0].ID
			acme.Do(http.StatusAccepted, "POST", "/v1/deliveries/"+first+"/replay", nil, nil)
			stacktest.Until(t, 10*time.Second, "the replay delivered", func() bool { return acme.Delivery(first).Status == "succeeded" })
			admin.Do(http.StatusAccepted, "POST", "/v1/dead-letters/redrive", nil, nil)
			stacktest.Until(t, 10*time.Second, "the redrive delivered the other", func() bool {
				return len(acme.Deliveries("&status=succeeded")) == 2
			})
			// The one replayed meanwhile was a dead letter too: it is dropped, not sent again. Word of a webhook that two deliveries
			// would have turned failing may wait longer: one of them did not, and is not told of.
			stacktest.Until(t, 10*time.Second, "no delivery's message is left", func() bool {
				return p.Rows(`SELECT count(*) FROM message WHERE body NOT GLOB '{"system":*'`) == 0
			})
			if got := acme.Delivery(first).AttemptCount; got != len(d.Ladder)+2 {
				t.Errorf("the replayed delivery has %d attempts after the redrive, want %d", got, len(d.Ladder)+2)
			}
		})
	}
}
