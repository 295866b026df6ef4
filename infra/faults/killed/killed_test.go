package killed

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"hookline/infra/figures"
	"hookline/infra/local/process"
	"hookline/infra/local/runner"
	"hookline/shared/api"
	"hookline/shared/stack/stacktest"
)

func TestMain(m *testing.M) {
	os.Exit(process.Main(m, func(ctx context.Context) error { return runner.Main(ctx, os.Getenv, os.Stdout, nil) }))
}

// receiver counts requests by path and event. It refuses every eighth event once, so that there are retries.
type receiver struct {
	mu   sync.Mutex
	seen map[string]int
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	id := req.Header.Get("webhook-id")
	r.mu.Lock()
	defer r.mu.Unlock()
	of := req.URL.Path + " " + id
	if r.seen[of]++; r.seen[of] == 1 && id[len(id)-1] == '7' {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
}

func (r *receiver) got(path, event string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.seen[path+" "+event]
}

// world is what was done, as far as the clients know.
type world struct {
	t        *testing.T
	receiver *receiver
	server   *httptest.Server
	keep     string // the webhook that every event goes to

	mu       sync.RWMutex // held for writing while no program runs
	p        *process.Program
	accepted sync.Map // ids of events that were answered 202
	replayed sync.Map // webhook ids and events answered 202 by a replay, with how often they had come before
	jobs     sync.Map // ids of replay jobs answered 202
	hooks    []map[string]bool
	gone     []string
}

// try makes a call while there is a program, which may be killed meanwhile: then the answer has the status 0.
func (w *world) try(method, path string, body, out any) int {
	w.mu.RLock()
	c := w.p.Client()
	w.mu.RUnlock()
	got, err := c.Try(method, path, body, out)
	if err != nil {
		return 0
	}
	if got.Status >= 500 || got.Status == http.StatusTooManyRequests {
		w.t.Errorf("%s %s: got %d %s", method, path, got.Status, got.Body)
	}
	return got.Status
}

// publish publishes batches until ctx ends. A batch with ids of its own is repeated until it is taken, as a client does.
func (w *world) publish(ctx context.Context, random *rand.Rand, who int) {
	for n := 0; ctx.Err() == nil; n++ {
		var batch []map[string]any
		given := random.IntN(2) == 0
		for i := range 1 + random.IntN(20) {
			ev := map[string]any{"type": "order.placed", "data": map[string]any{"n": i, "pad": make([]int, random.IntN(900))}}
			if given {
				ev["id"] = fmt.Sprintf("order-%d-%d-%d", who, n, i)
			}
			batch = append(batch, ev)
		}
		for again := true; again; {
			var made api.Results[api.EventResult]
			status := w.try("POST", "/v1/events", batch, &made)
			for _, ev := range made.Data {
				w.accepted.Store(ev.ID, true)
			}
			if status != http.StatusAccepted && status != 0 {
				w.t.Errorf("POST /v1/events: got %d", status)
				return
			}
			again = given && status == 0
			if again && ctx.Err() != nil {
				return
			}
			if again {
				<-time.After(5 * time.Millisecond)
			}
		}
	}
}

// replay replays deliveries, one of them or all of a webhook's that succeeded lately, until ctx ends.
func (w *world) replay(ctx context.Context, random *rand.Rand) {
	for ctx.Err() == nil {
		var list api.List[api.Delivery]
		if w.try("GET", "/v1/deliveries?limit=50&status=succeeded&webhook_id="+w.keep, nil, &list) != http.StatusOK || len(list.Data) == 0 {
			<-time.After(10 * time.Millisecond)
			continue
		}
		one := list.Data[random.IntN(len(list.Data))]
		if random.IntN(10) > 0 {
			before := w.receiver.got("/keep", one.EventID)
			if w.try("POST", "/v1/deliveries/"+one.ID+"/replay", nil, nil) == http.StatusAccepted {
				w.replayed.Store(one.EventID, before)
			}
		} else {
			var job api.Replay
			since := one.CreatedAt.Add(-time.Duration(random.IntN(60)) * time.Second) // of a clock that runs fast
			body := map[string]any{"since": since.Format(time.RFC3339), "status": "succeeded"}
			if w.try("POST", "/v1/webhooks/"+w.keep+"/replay", body, &job) == http.StatusAccepted {
				w.jobs.Store(job.ID, true)
			}
		}
		<-time.After(time.Duration(random.IntN(40)) * time.Millisecond)
	}
}

// change makes, changes and deletes webhooks until ctx ends. Of each it keeps which names it may have.
func (w *world) change(ctx context.Context, random *rand.Rand) {
	names := make(map[string]map[string]bool) // by webhook
	var ids []string
	for n := 0; ctx.Err() == nil; n++ {
		name := "n" + strconv.Itoa(n)
		switch k := random.IntN(10); {
		case k < 3 || len(ids) == 0:
			var made api.CreatedWebhook
			hook := map[string]any{"url": w.server.URL + "/other", "name": name, "events": []string{"order.*", "user.*"}[:1+random.IntN(2)]}
			if len(ids) < 10 && w.try("POST", "/v1/webhooks", hook, &made) == http.StatusCreated {
				ids = append(ids, made.ID)
				names[made.ID] = map[string]bool{name: true}
			}
		case k < 8:
			id := ids[random.IntN(len(ids))]
			switch w.try("PATCH", "/v1/webhooks/"+id, map[string]any{"name": name, "active": random.IntN(4) > 0}, nil) {
			case http.StatusOK:
				names[id] = map[string]bool{name: true}
			case 0:
				names[id][name] = true // it may have been made
			default:
				w.t.Errorf("webhook %s is gone", id)
			}
		default:
			i := random.IntN(len(ids))
			if w.try("DELETE", "/v1/webhooks/"+ids[i], nil, nil) == http.StatusNoContent {
				w.gone = append(w.gone, ids[i])
			}
			delete(names, ids[i]) // of one that was not answered nothing is known
			ids = append(ids[:i], ids[i+1:]...)
		}
		<-time.After(time.Duration(random.IntN(30)) * time.Millisecond)
	}
	for id, may := range names {
		may["id "+id] = true
		w.hooks = append(w.hooks, may)
	}
}

// TestKilled kills the program at random moments while events are published, deliveries replayed, and webhooks made,
// changed and deleted. Then every event and replay that was answered 202 has arrived, each change that was answered
// holds, and the records that the API shows are whole and agree with each other.
func TestKilled(t *testing.T) {
	kills, apart := 5, 600 // milliseconds at most
	if testing.Short() {
		kills = 2
	}
	if figures.Full() {
		kills, apart = 100, 3000
	}
	seed := rand.Uint64()
	if s := os.Getenv("SEED"); s != "" {
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		seed = n
	}
	t.Logf("SEED=%d", seed)
	random := func(of uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, of)) }
	w := &world{t: t, receiver: &receiver{seen: make(map[string]int)}}
	w.server = httptest.NewServer(w.receiver)
	defer w.server.Close()
	dir := filepath.Join(t.TempDir(), "data")
	env := []string{"CLOCK_SPEED=300"} // a message of a repeat waits 15 minutes of the clock at most: three seconds
	w.p = process.Start(t, dir, env)
	w.keep = w.p.Client().Webhook(map[string]any{"url": w.server.URL + "/keep", "events": []string{"order.*"}}).ID

	ctx, stop := context.WithCancel(t.Context())
	var clients sync.WaitGroup
	clients.Go(func() { w.publish(ctx, random(1), 1) })
	clients.Go(func() { w.publish(ctx, random(2), 2) })
	clients.Go(func() { w.replay(ctx, random(3)) })
	clients.Go(func() { w.change(ctx, random(4)) })
	moments := random(0)
	for range kills {
		<-time.After(time.Duration(moments.IntN(apart)) * time.Millisecond)
		w.p.Kill()
		w.mu.Lock()
		w.p = process.Start(t, dir, env)
		w.mu.Unlock()
	}
	stop()
	clients.Wait()
	// Of a change of a webhook that a kill cut off, the ingest queue's message looks for a while whether it is made yet.
	stacktest.Until(t, 5*time.Minute, "nothing is left to deliver", func() bool {
		return w.p.Rows(`SELECT count(*) FROM message JOIN queue ON id = queue WHERE name IN ('DeliveryQueue', 'RetryQueue', 'BulkQueue')`) == 0
	})

	lost, events := w.lost()
	torn, records := w.torn()
	figures.Note(t, "kill -9 of the program: kills / events and replays answered 202 / lost", fmt.Sprintf("%d / %d / %d", kills, events, lost))
	figures.Note(t, "kill -9 of the program: records read / torn", fmt.Sprintf("%d / %d", records, torn))
	if err := w.p.Stop(); err != nil {
		t.Errorf("after SIGTERM: %v, want exit status 0", err)
	}
}

// lost counts the events, replays and changes that were answered and are not there.
func (w *world) lost() (lost, events int) {
	missing := func(format string, args ...any) {
		lost++
		w.t.Errorf(format, args...)
	}
	for id := range w.accepted.Range {
		if events++; w.receiver.got("/keep", id.(string)) == 0 {
			missing("%s did not arrive", id)
		}
	}
	for id, before := range w.replayed.Range {
		if events++; w.receiver.got("/keep", id.(string)) <= before.(int) {
			missing("%s was not sent again", id)
		}
	}
	for id := range w.jobs.Range {
		events++
		if j := w.p.Client().Job(id.(string)); j.Status != "done" {
			missing("replay job %s is %s", id, j.Status)
		}
	}
	names := make(map[string]string)
	var hooks api.List[api.Webhook]
	w.p.Client().Do(http.StatusOK, "GET", "/v1/webhooks?limit=100", nil, &hooks)
	for _, h := range hooks.Data {
		names["id "+h.ID] = h.Name
	}
	for _, may := range w.hooks {
		for id := range may {
			if name, there := names[id]; len(id) > 3 && id[:3] == "id " && !(there && may[name]) {
				missing("webhook %s is there %t with the name %q, want one of %v", id, there, name, may)
			}
		}
	}
	for _, id := range w.gone {
		if _, there := names["id "+id]; there {
			missing("webhook %s was deleted and is there", id)
		}
	}
	return lost, events
}

// torn reads every record through the API and counts those that are not whole or that contradict others.
func (w *world) torn() (torn, records int) {
	broken := func(format string, args ...any) {
		torn++
		w.t.Errorf(format, args...)
	}
	c := w.p.Client()
	statuses := make(map[string]int)     // of all webhooks that are there
	delivered := make(map[string]string) // delivery ids of the events to keep
	for d := range all[api.Delivery](c, "/v1/deliveries?limit=100") {
		records++
		var one api.DeliveryDetail
		c.Do(http.StatusOK, "GET", "/v1/deliveries/"+d.ID, nil, &one)
		statuses[string(d.Status)]++
		if d.WebhookID == w.keep {
			if other := delivered[d.EventID]; other != "" {
				broken("%s has two deliveries, %s and %s", d.EventID, other, d.ID)
			}
			delivered[d.EventID] = d.ID
			if d.Status != "succeeded" {
				broken("the delivery of %s is %s, want succeeded", d.EventID, d.Status)
			}
		}
		last := len(one.Attempts) - 1
		if one.ID != d.ID || one.EventID != d.EventID || one.Status != d.Status || one.AttemptCount != d.AttemptCount || one.Body == nil ||
			len(one.Attempts) != min(d.AttemptCount, 50) || one.Attempts[last].Number != d.AttemptCount ||
			(one.Attempts[last].Error == nil) != (d.Status == "succeeded") {
			broken("the list shows %+v, the record itself %+v", d, one)
		}
	}
	logged := make(map[string]bool)
	for ev := range all[api.Event](c, "/v1/events?limit=100") {
		records++
		if logged[ev.ID] {
			broken("%s is in the log twice", ev.ID)
		}
		logged[ev.ID] = true
		// The log is written beside the messages, so an event whose publisher was not answered may be in it alone.
		if _, answered := w.accepted.Load(ev.ID); answered && delivered[ev.ID] == "" {
			broken("%s is in the log and has no delivery", ev.ID)
		}
	}
	for id := range w.accepted.Range {
		if !logged[id.(string)] {
			broken("%s was answered 202 and is not in the log", id)
		}
	}
	var stats api.Stats
	c.Do(http.StatusOK, "GET", "/v1/stats", nil, &stats)
	if n := stats.Deliveries; n.Succeeded != statuses["succeeded"] || n.Failed != statuses["failed"] || n.Pending != statuses["pending"] {
		broken("the statistics have %+v, the records %v", n, statuses)
	}
	return torn, records
}

// all reads a list to its end.
func all[T any](c *stacktest.Client, path string) func(yield func(T) bool) {
	return func(yield func(T) bool) {
		for next := ""; ; {
			var l api.List[T]
			c.Do(http.StatusOK, "GET", path+next, nil, &l)
			for _, one := range l.Data {
				if !yield(one) {
					return
				}
			}
			if l.NextCursor == nil {
				return
			}
			next = "&cursor=" + *l.NextCursor
		}
	}
}
