package runner

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"hookline/infra/local/process"
	"hookline/shared/api"
	"hookline/shared/clock"
	"hookline/shared/faultinject"
	"hookline/shared/stack/stacktest"
)

// counter is a receiver that counts how often each event came.
type counter struct {
	mu   sync.Mutex
	seen map[string]int
}

func (c *counter) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen[r.Header.Get("webhook-id")]++
}

// heldFile is locked while a program with held engines must not send to its queues.
const heldFile = "held"

// hold keeps a program with held engines from sending to its queues until the function that it returns is called.
func hold(p *process.Program) (release func()) {
	p.T.Helper()
	f, err := os.OpenFile(filepath.Join(p.Dir, heldFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		p.T.Fatal(err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		p.T.Fatal(err)
	}
	return func() { _ = f.Close() }
}

// held opens the embedded engines with queues that wait before each send until heldFile is not locked.
func held(ctx context.Context, dir string, clk clock.Clock) (*Engines, error) {
	e, err := Embedded(ctx, dir, clk)
	if err != nil {
		return nil, err
	}
	wait := func(call string) error {
		if call != "Send" {
			return nil
		}
		f, err := os.OpenFile(filepath.Join(dir, heldFile), os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			return err
		}
		defer func() { _ = f.Close() }()
		return syscall.Flock(int(f.Fd()), syscall.LOCK_SH)
	}
	for name, q := range e.Queues {
		e.Queues[name] = faultinject.Queue(q, faultinject.QueueFaults{Before: wait})
	}
	return e, nil
}

// halfway is a receiver that keeps what came under each id.
type halfway struct {
	mu     sync.Mutex
	bodies map[string][]string
}

func (h *halfway) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	var body struct{ Data json.RawMessage }
	_ = json.NewDecoder(r.Body).Decode(&body) // what is no body of ours is no data that the test looks for
	h.mu.Lock()
	defer h.mu.Unlock()
	id := r.Header.Get("webhook-id")
	h.bodies[id] = append(h.bodies[id], string(body.Data))
}

// got returns what came under an id, each once.
func (h *halfway) got(id string) []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Compact(slices.Sorted(slices.Values(h.bodies[id])))
}

// TestKilledHalfway kills the program in the middle of publishing, time after time, and publishes the same again at once:
// every event arrives within half a minute or so, in one delivery. Beside each there is one whose id the client gives to
// another event then: either the first arrives and the other is refused, or the other alone. Every other kill is between
// the pins and the messages for sure.
func TestKilledHalfway(t *testing.T) {
	t.Parallel()
	const size = 20
	kills := 16
	if testing.Short() { // each is a start of the program, which the race detector makes slow
		kills = 4
	}
	receiver := &halfway{bodies: make(map[string][]string)}
	server := httptest.NewServer(receiver)
	defer server.Close()
	dir := filepath.Join(t.TempDir(), "data")
	env := []string{"ENGINE=held"}
	p := process.Start(t, dir, env)
	p.Client().Webhook(map[string]any{"url": server.URL, "events": []string{"*"}})
	event := func(id string, n int) map[string]any {
		return map[string]any{"id": id, "type": "order.placed", "data": map[string]any{"n": n}}
	}
	var ids, swapped []string
	lost := 0
	for k := range kills {
		release := func() {}
		if k%2 == 0 {
			release = hold(p)
		}
		var batch []map[string]any
		for i := range size {
			ids = append(ids, fmt.Sprintf("order-%d-%d", k, i))
			batch = append(batch, event(ids[len(ids)-1], 1))
		}
		swap := fmt.Sprintf("swap-%d", k)
		var wg sync.WaitGroup
		answered := make(chan bool, 2)
		for _, body := range []any{batch, event(swap, 1)} {
			wg.Go(func() {
				got, err := p.Client().Try("POST", "/v1/events", body, nil)
				answered <- err == nil && got.Status == http.StatusAccepted
			})
		}
		if k%2 == 0 {
			stacktest.Until(t, time.Minute, "both requests have pinned their events", func() bool {
				return p.Rows(fmt.Sprintf("SELECT count(*) FROM pin WHERE key GLOB 'order-%d-*' OR key = '%s'", k, swap)) == size+1
			})
		} else {
			<-time.After(time.Duration(rand.IntN(20_000)) * time.Microsecond) // anywhere in it
		}
		p.Kill()
		release()
		wg.Wait()
		if a, b := <-answered, <-answered; !a || !b {
			lost++
		}
		p = process.Start(t, dir, env)
		p.Client().Do(http.StatusAccepted, "POST", "/v1/events", batch, nil)
		swapped = append(swapped, swap)
	}
	begun := time.Now()
	stacktest.Until(t, 90*time.Second, "every event that was published again arrived", func() bool {
		return !slices.ContainsFunc(ids, func(id string) bool { return len(receiver.got(id)) == 0 })
	})
	t.Logf("%d kills, %d of them in the middle: all arrived %v after the last", kills, lost, time.Since(begun).Round(time.Millisecond))
	// An id is free for another event from a minute after its request died, and the first program's is longer dead.
	left, next := slices.Clone(swapped), time.Time{}
	stacktest.Until(t, 3*time.Minute, "of each other event it is known whether it is taken", func() bool {
		if time.Now().Before(next) {
			return false
		}
		next = time.Now().Add(time.Second)
		left = slices.DeleteFunc(left, func(id string) bool {
			got, err := p.Client().Try("POST", "/v1/events", event(id, 2), nil)
			if err != nil {
				t.Fatal(err)
			}
			return got.Status == http.StatusAccepted || got.Status == http.StatusConflict && len(receiver.got(id)) > 0
		})
		return len(left) == 0
	})
	stacktest.Until(t, time.Minute, "nothing is left to deliver", p.Idle)
	taken := 0
	for _, id := range swapped {
		got, err := p.Client().Try("POST", "/v1/events", event(id, 2), nil)
		if err != nil {
			t.Fatal(err)
		}
		want := `{"n":1}`
		if got.Status == http.StatusAccepted {
			taken++
			want = `{"n":2}`
		}
		if came := receiver.got(id); len(came) != 1 || came[0] != want {
			t.Errorf("%s: got %q, want %s alone, for the other event was answered %d", id, came, want, got.Status)
		}
	}
	t.Logf("%d of %d other events were taken", taken, len(swapped))
	if taken < kills/2 {
		t.Errorf("got %d other events taken, want all whose first were not sent, which %d are for sure", taken, kills/2)
	}
	records := make(map[string]int)
	for cursor := ""; ; {
		var l api.List[api.Delivery]
		p.Client().Do(http.StatusOK, "GET", "/v1/deliveries?limit=100"+cursor, nil, &l)
		for _, d := range l.Data {
			records[d.EventID]++
		}
		if l.NextCursor == nil {
			break
		}
		cursor = "&cursor=" + *l.NextCursor
	}
	for _, id := range slices.Concat(ids, swapped) {
		if records[id] != 1 {
			t.Errorf("%s has %d deliveries, want one", id, records[id])
		}
	}
	if err := p.Stop(); err != nil {
		t.Errorf("after SIGTERM: %v, want exit status 0", err)
	}
}
