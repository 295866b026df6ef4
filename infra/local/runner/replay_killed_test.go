package runner

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"hookline/infra/local/process"
	"hookline/shared/stack/stacktest"
	storesqlite "hookline/shared/store/sqlite"
	"hookline/shared/webhook"
)

// arrivals is a receiver that knows when each event first came, and how often.
type arrivals struct {
	mu    sync.Mutex
	seen  map[string]int
	first map[string]time.Time
	came  chan struct{} // closed and replaced at each arrival that somebody waits for
	await string
}

func (a *arrivals) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	id := r.URL.Path + " " + r.Header.Get("webhook-id")
	if a.seen[id]++; a.seen[id] == 1 {
		a.first[id] = time.Now()
	}
	if id == a.await {
		a.await = ""
		close(a.came)
	}
}

// count returns how many of the events came, and how many requests that took.
func (a *arrivals) count(ids map[string]bool) (events, requests int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for id, n := range a.seen {
		if ids[id] {
			events++
			requests += n
		}
	}
	return events, requests
}

// wait returns when an event came, or false after the limit.
func (a *arrivals) wait(id string, limit time.Duration) (time.Time, bool) {
	a.mu.Lock()
	if at, ok := a.first[id]; ok {
		a.mu.Unlock()
		return at, true
	}
	came := make(chan struct{})
	a.await, a.came = id, came
	a.mu.Unlock()
	select {
	case <-came:
	case <-time.After(limit):
		return time.Time{}, false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.first[id], true
}

// live publishes one event after the other and measures how long each takes to its receiver.
type live struct {
	t        *testing.T
	receiver *arrivals
	took     map[string][]time.Duration // by what is measured
}

func (l *live) send(what string, p *process.Program, path, eventType string) {
	l.t.Helper()
	begun := time.Now()
	id := p.Client().Publish(eventType, map[string]any{"live": true})
	at, ok := l.receiver.wait(path+" "+id, 10*time.Second)
	if !ok {
		l.t.Fatalf("%s: a live delivery did not come within 10 s", what)
	}
	l.took[what] = append(l.took[what], at.Sub(begun))
}

func (l *live) median(what string) time.Duration {
	sorted := slices.Sorted(slices.Values(l.took[what]))
	return sorted[len(sorted)/2]
}

// TestReplayKilled has a job send 5,000 deliveries again while the program is killed three times: each is delivered once
// more, and live deliveries, of another webhook and of the same, come all the while.
func TestReplayKilled(t *testing.T) {
	total, kills := 5_000, 3
	if testing.Short() { // under the race detector, which makes each start of the program slow
		total, kills = 500, 1
	}
	receiver := &arrivals{seen: make(map[string]int), first: make(map[string]time.Time)}
	server := httptest.NewServer(receiver)
	defer server.Close()
	dir := filepath.Join(t.TempDir(), "data")
	p := process.Start(t, dir, nil)
	hook := p.Client().Webhook(map[string]any{"url": server.URL + "/same", "events": []string{"order.*"}})
	p.Client().Webhook(map[string]any{"url": server.URL + "/other", "events": []string{"user.*"}})
	l := &live{t: t, receiver: receiver, took: make(map[string][]time.Duration)}
	measure := func(when string) {
		l.send("the same webhook's, "+when, p, "/same", "order.placed")
		l.send("another webhook's, "+when, p, "/other", "user.created")
	}
	for range 20 {
		measure("without a job")
	}
	stacktest.Until(t, time.Minute, "nothing is left to deliver", p.Idle)
	if err := p.Stop(); err != nil {
		t.Fatal(err)
	}
	records := failedBefore(t, filepath.Join(dir, "store.db"), hook.ID, total)
	ids := make(map[string]bool)
	for _, d := range records {
		ids["/same "+d.Event] = true
	}

	p = process.Start(t, dir, nil)
	begun := time.Now()
	job := p.Client().Replay(hook.ID, "failed")
	if job.Matched != total {
		t.Fatalf("got %d matched, want %d", job.Matched, total)
	}
	for killed := 0; p.Client().Job(job.ID).Status == "running" || killed < kills; {
		measure("during the job")
		if done, _ := receiver.count(ids); killed < kills && done > total*(killed+1)/(kills+2) {
			p.Kill()
			killed++
			p = process.Start(t, dir, nil)
		}
		if time.Since(begun) > 3*time.Minute {
			t.Fatalf("the job has not ended after %v: %+v", time.Since(begun), p.Client().Job(job.ID))
		}
	}
	// Live ones are not held up: one that stood behind the job's would take about as long as the job has left.
	took := time.Since(begun)
	for _, what := range []string{"the same webhook's", "another webhook's"} {
		alone, during := l.median(what+", without a job"), l.median(what+", during the job")
		t.Logf("%s: %d live deliveries took %v in the median (worst %v), without a job %v: %.1f times as long", what,
			len(l.took[what+", during the job"]), during, slices.Max(l.took[what+", during the job"]), alone, float64(during)/float64(alone))
		if during > took/20 {
			t.Errorf("%s: live deliveries took %v in the median during a job of %v", what, during, took)
		}
	}
	before, _ := receiver.count(ids)
	// On a slow machine the receiver counts as slow, and what is for it goes by a few at a time.
	stacktest.Until(t, 10*time.Minute, "every delivery was sent again", func() bool {
		events, _ := receiver.count(ids)
		return events == total
	})
	stacktest.Until(t, 10*time.Minute, "nothing is left to deliver", p.Idle)
	_, requests := receiver.count(ids)
	t.Logf("%d deliveries and %d kills in %v: %d repeats; %d were delivered when the last was queued", total, kills, time.Since(begun), requests-total, before)
	// A repeat is what was under way when the process ended: 16 batches of 10.
	if most := kills * 160; requests-total > most {
		t.Errorf("got %d repeats, want %d at most", requests-total, most)
	}
	if got := p.Client().Job(job.ID); got.Status != "done" || got.Started != total || got.Skipped != 0 {
		t.Errorf("got job %+v, want it done with %d started", got, total)
	}
	if err := p.Stop(); err != nil {
		t.Errorf("after SIGTERM: %v, want exit status 0", err)
	}
	store, err := storesqlite.New(filepath.Join(dir, "store.db"), storesqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = store.Close() }()
	ended := make(map[string]int)
	for chunk := range slices.Chunk(records, 1000) {
		var keys []webhook.DeliveryKey
		for _, d := range chunk {
			keys = append(keys, d.DeliveryKey)
		}
		_, found, err := store.Load(t.Context(), nil, keys)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range found {
			ended[fmt.Sprintf("%s in round %d after %d attempts", d.Status, d.Round, d.Total)]++
		}
	}
	if ended["succeeded in round 2 after 2 attempts"] != total {
		t.Errorf("got %v, want all %d succeeded, each by one attempt of one round more", ended, total)
	}
}

// failedBefore writes the history of a program that is stopped: deliveries like one of the webhook's, but failed.
func failedBefore(t *testing.T, path, hook string, n int) []webhook.Delivery {
	t.Helper()
	store, err := storesqlite.New(path, storesqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := store.Close(); err != nil {
			t.Fatal(err)
		}
	}()
	list, err := store.Deliveries(t.Context(), "demo", webhook.DeliveryQuery{Webhook: hook, Page: webhook.Page{Limit: 1}})
	if err != nil || len(list.Items) != 1 {
		t.Fatalf("got %d deliveries, %v, want one to begin with", len(list.Items), err)
	}
	records := make([]webhook.Delivery, n)
	var wg sync.WaitGroup
	free := make(chan struct{}, 256)
	for i := range records {
		d := list.Items[0]
		d.Event = fmt.Sprintf("evt_%05d", i)
		d.Status, d.Attempts = webhook.Failed, slices.Clone(d.Attempts)
		d.Attempts[0].StatusCode, d.Attempts[0].Error = http.StatusInternalServerError, webhook.ReasonBadStatus
		records[i] = d
		free <- struct{}{}
		wg.Go(func() {
			defer func() { <-free }()
			if err := store.SaveDelivery(t.Context(), d, webhook.Rev{}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	return records
}
