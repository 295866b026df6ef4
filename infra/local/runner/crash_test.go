package runner

import (
	"database/sql"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"testing"
	"time"
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

func (c *counter) totals() (events, requests int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, n := range c.seen {
		requests += n
	}
	return len(c.seen), requests
}

// TestKilled publishes 10,000 events while the program is killed five times: what was answered 202 arrives, and the
// same ids published again send nothing new. The log has each of them once.
func TestKilled(t *testing.T) {
	const size, kills = 50, 5
	total := 10_000
	if testing.Short() { // under the race detector, which slows SQLite in Go some ten times
		total = 1000
	}
	receiver := &counter{seen: make(map[string]int)}
	server := httptest.NewServer(receiver)
	defer server.Close()
	dir := filepath.Join(t.TempDir(), "data")
	// A repeat's messages wait five minutes of the clock; a message lost with its process waits 50 s of real time at
	// most for its visibility to end, but a restart gives it back at once.
	env := []string{"CLOCK_SPEED=300"}
	p := start(t, dir, env)
	p.client().webhook(map[string]any{"url": server.URL, "events": []string{"*"}})

	batch := func(n int) []map[string]any {
		var events []map[string]any
		for i := range size {
			id := fmt.Sprintf("order-%05d", n*size+i)
			events = append(events, map[string]any{"id": id, "type": "order.placed", "data": map[string]any{"order": id}})
		}
		return events
	}
	accepted := make(map[int]bool)
	killAt := make(map[int]bool)
	for len(killAt) < kills {
		killAt[1+rand.IntN(total/size-1)] = true
	}
	for n := range total / size {
		if killAt[n] {
			done := make(chan struct{})
			go func(p *program) { defer close(done); p.kill() }(p)
			_, _ = p.client().try("POST", "/v1/events", batch(n), nil) // into the kill
			<-done
			p = start(t, dir, env)
		}
		got, err := p.client().try("POST", "/v1/events", batch(n), nil)
		if err != nil {
			t.Fatal(err)
		}
		accepted[n] = got.status == http.StatusAccepted
	}
	want := 0
	for _, ok := range accepted {
		if ok {
			want += size
		}
	}
	if want != total {
		t.Fatalf("got %d events answered 202, want %d", want, total)
	}
	until(t, 90*time.Second, "every event answered 202 arrived", func() bool {
		events, _ := receiver.totals()
		return events == want
	})
	idle := func() bool { return p.idle() }
	until(t, 60*time.Second, "nothing is left to deliver", idle)
	_, before := receiver.totals()
	t.Logf("%d events, %d kills: %d requests", want, kills, before)

	for n := range total / size {
		var got list[struct {
			ID      string
			Matched int
		}]
		p.client().do(http.StatusAccepted, "POST", "/v1/events", batch(n), &got)
		if got.Data[0].Matched != 1 {
			t.Fatalf("a repeat is answered %+v, want matched 1 as the first time", got.Data[0])
		}
	}
	until(t, 60*time.Second, "the repeats' messages were taken", idle)
	if _, after := receiver.totals(); after != before {
		t.Errorf("published again: got %d requests more, want none", after-before)
	}
	logged := make(map[string]int)
	for cursor := ""; ; {
		var l list[eventAnswer]
		p.client().do(http.StatusOK, "GET", "/v1/events?limit=100"+cursor, nil, &l)
		for _, ev := range l.Data {
			if logged[ev.ID]++; ev.Matched != 1 {
				t.Fatalf("%s is in the log with matched %d, want 1", ev.ID, ev.Matched)
			}
		}
		if l.NextCursor == nil {
			break
		}
		cursor = "&cursor=" + *l.NextCursor
	}
	twice := 0
	for _, n := range logged {
		twice += n - 1
	}
	if len(logged) != want || twice != 0 {
		t.Errorf("the log has %d events and %d of them again, want %d and none", len(logged), twice, want)
	}
	if err := p.stop(); err != nil {
		t.Errorf("after SIGTERM: %v, want exit status 0", err)
	}
}

// idle reports whether no message waits in any of the program's queues but the dead letters', by looking into its file.
func (p *program) idle() bool {
	p.t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(p.dir, "queue.db")+"?mode=ro&_pragma=busy_timeout(5000)")
	if err != nil {
		p.t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	var left int
	if err := db.QueryRow("SELECT count(*) FROM message").Scan(&left); err != nil {
		p.t.Fatal(err)
	}
	return left == 0
}
