package runner

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"hookline/shared/dialect"
	"hookline/shared/egress"
	"hookline/shared/faultinject"
	"hookline/shared/queue"
	queuesqlite "hookline/shared/queue/sqlite"
	"hookline/shared/stack"
)

func hook(events ...string) map[string]any {
	return map[string]any{"url": "https://example.com/hook", "events": events}
}

// byID counts requests by webhook-id.
func byID(rs []egress.Request) map[string]int {
	n := make(map[string]int)
	for _, r := range rs {
		n[header(r, "webhook-id")]++
	}
	return n
}

func TestRepeats(t *testing.T) {
	t.Parallel()
	r := &receiver{}
	virtual(t, r, func(t *testing.T, admin *client) {
		acme := admin.tenant("acme", "standard")
		acme.webhook(hook("*"))
		event := map[string]any{"id": "order-1", "type": "order.placed", "data": map[string]any{"n": 1}}
		var first, again struct {
			ID      string
			Matched int
		}
		acme.do(http.StatusAccepted, "POST", "/v1/events", event, &first)
		pass(time.Second)
		acme.webhook(hook("order.*")) // came too late for order-1
		acme.do(http.StatusAccepted, "POST", "/v1/events", event, &again)
		event["data"] = map[string]any{"n": 2}
		acme.do(http.StatusConflict, "POST", "/v1/events", event, nil)
		batch := []any{map[string]any{"id": "order-2", "type": "order.placed", "data": map[string]any{}}, event}
		if got, err := acme.try("POST", "/v1/events", batch, nil); err != nil || got.status != http.StatusConflict || !strings.Contains(string(got.body), `"code":"event-id-reused"`) {
			t.Errorf("got %d %s, %v, want a batch with a used id refused", got.status, got.body, err)
		}
		pass(time.Hour)
		if again != first || again.Matched != 1 {
			t.Errorf("got %+v and then %+v, want the same and matched 1", first, again)
		}
		if got := byID(r.requests()); len(got) != 1 || got["order-1"] != 1 {
			t.Errorf("got %v, want order-1 sent once", got)
		}
		// A day later the id is free again.
		pass(24 * time.Hour)
		acme.do(http.StatusAccepted, "POST", "/v1/events", event, &again)
		pass(time.Second)
		if got := byID(r.requests()); again.Matched != 2 || got["order-1"] != 3 {
			t.Errorf("a day later: got matched %d and %d requests in all, want 2 and 3", again.Matched, got["order-1"])
		}
	})
}

// TestRepeatsOfTheDead has the queues take nothing when an event is first published: published again it comes within 30
// seconds, and once, also to a receiver that takes ten seconds.
func TestRepeatsOfTheDead(t *testing.T) {
	for name, headers := range map[string][]string{"by its id": nil, "by an Idempotency-Key": {"Idempotency-Key", "k"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := &receiver{takes: 10 * time.Second}
			queues := new(faultinject.Queues)
			world{receiver: r, noisy: true, queues: queues}.run(t, func(t *testing.T, admin *client, _ *queuesqlite.Engine) {
				acme := admin.tenant("acme", "standard")
				acme.webhook(hook("*"))
				pass(time.Second)
				event := map[string]any{"type": "order.placed", "data": map[string]any{}}
				if headers == nil {
					event["id"] = "order-1"
				}
				publish := func(want int) {
					t.Helper()
					got, err := acme.try("POST", "/v1/events", event, nil, headers...)
					if err != nil || got.status != want {
						t.Fatalf("got %d %s, %v, want %d", got.status, got.body, err, want)
					}
				}
				queues.Set(faultinject.QueueFaults{Throttle: 1})
				publish(http.StatusServiceUnavailable)
				queues.Set(faultinject.QueueFaults{})
				pass(2 * time.Minute)
				for range 3 {
					publish(http.StatusAccepted)
				}
				pass(30 * time.Second)
				if n := len(r.requests()); n != 1 {
					t.Errorf("got %d requests within 30 s, want 1", n)
				}
				publish(http.StatusAccepted)
				pass(time.Hour)
				if n := len(r.requests()); n != 1 {
					t.Errorf("got %d requests in all, want 1", n)
				}
				if n := len(acme.deliveries("")); n != 1 {
					t.Errorf("got %d deliveries, want 1", n)
				}
			})
		})
	}
}

func TestFanOut(t *testing.T) {
	tests := map[string]struct{ webhooks, events int }{
		"in the request":    {40, 5},
		"through the queue": {126, 4},
		"a long index":      {1100, 1},
	}
	if testing.Short() { // under the race detector, which slows SQLite in Go some ten times
		delete(tests, "a long index")
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := &receiver{}
			virtual(t, r, func(t *testing.T, admin *client) {
				acme := admin.tenant("acme", "standard")
				for i := range tt.webhooks {
					w := hook([]string{"*", "order.*", "order.placed"}[i%3])
					w["url"] = fmt.Sprintf("https://example.com/%d", i)
					acme.webhook(w)
				}
				var batch []map[string]any
				for i := range tt.events {
					batch = append(batch, map[string]any{"type": "order.placed", "data": map[string]any{"n": i, "text": strings.Repeat("x", 900)}})
				}
				var got list[struct {
					ID      string
					Matched int
				}]
				acme.do(http.StatusAccepted, "POST", "/v1/events", batch, &got)
				pass(time.Minute)
				sent := byID(r.requests())
				for _, e := range got.Data {
					if e.Matched != tt.webhooks || sent[e.ID] != tt.webhooks {
						t.Errorf("event %s: matched %d, sent %d times, want %d", e.ID, e.Matched, sent[e.ID], tt.webhooks)
					}
				}
				urls := make(map[string]int)
				for _, r := range r.requests() {
					urls[r.URL]++
				}
				if len(urls) != tt.webhooks {
					t.Errorf("got %d webhooks called, want %d", len(urls), tt.webhooks)
				}
			})
		})
	}
}

func TestMatching(t *testing.T) {
	t.Parallel()
	r := &receiver{}
	virtual(t, r, func(t *testing.T, admin *client) {
		acme := admin.tenant("acme", "standard")
		filtered := hook("order.*")
		filtered["filter"] = map[string]any{"total": []any{map[string]any{"numeric": []any{">", 100}}}}
		acme.webhook(filtered)
		inactive := hook("*")
		inactive["active"] = false
		acme.webhook(inactive)
		acme.webhook(hook("order.placed", "order.*", "*")) // takes each event once
		for data, want := range map[string]int{`{"total": 250}`: 2, `{"total": 50}`: 1, `{}`: 1} {
			var got struct{ Matched int }
			acme.do(http.StatusAccepted, "POST", "/v1/events", `{"type": "order.placed", "data": `+data+`}`, &got)
			if got.Matched != want {
				t.Errorf("%s: matched %d, want %d", data, got.Matched, want)
			}
		}
		var got struct{ Matched int }
		acme.do(http.StatusAccepted, "POST", "/v1/events", `{"type": "order", "data": {"total": 250}}`, &got)
		if got.Matched != 1 {
			t.Errorf("order is not below order.*: matched %d, want 1", got.Matched)
		}
		pass(time.Second)
		if got := len(r.requests()); got != 5 {
			t.Errorf("got %d requests, want 5", got)
		}
	})
}

func TestGone(t *testing.T) {
	t.Parallel()
	r := &receiver{answer: status(410)}
	virtual(t, r, func(t *testing.T, admin *client) {
		acme := admin.tenant("acme", "standard")
		w := acme.webhook(hook("*"))
		acme.publish("order.placed", map[string]any{})
		pass(time.Hour)
		acme.do(http.StatusOK, "GET", "/v1/webhooks/"+w.ID, nil, &w)
		d := acme.deliveries("")[0]
		var dead struct{ Depth int }
		admin.do(http.StatusOK, "GET", "/v1/dead-letters", nil, &dead)
		if w.Status != "inactive" || d.Status != "failed" || d.AttemptCount != 1 || dead.Depth != 0 {
			t.Errorf("got webhook %s, delivery %s after %d attempts, %d dead letters; want inactive, failed, 1, 0", w.Status, d.Status, d.AttemptCount, dead.Depth)
		}
	})
}

func TestDeadForFiveDays(t *testing.T) {
	t.Parallel()
	r := &receiver{answer: status(500)}
	virtual(t, r, func(t *testing.T, admin *client) {
		acme := admin.tenant("acme", "standard")
		w := acme.webhook(hook("*"))
		for day := range 6 {
			acme.do(http.StatusOK, "GET", "/v1/webhooks/"+w.ID, nil, &w)
			if w.Status != "active" {
				t.Fatalf("on day %d the webhook is %s, want active", day, w.Status)
			}
			acme.publish("order.placed", map[string]any{})
			pass(23 * time.Hour)
		}
		acme.publish("order.placed", map[string]any{})
		pass(time.Hour)
		if acme.do(http.StatusOK, "GET", "/v1/webhooks/"+w.ID, nil, &w); w.Status != "inactive" {
			t.Errorf("after five days of failures the webhook is %s, want inactive", w.Status)
		}
	})
}

func TestRetryAfter(t *testing.T) {
	tests := map[string]struct{ asked, want time.Duration }{
		"longer than the rung":      {time.Minute, time.Minute},
		"longer than the next rung": {time.Hour, 5 * time.Minute},
		"shorter than the rung":     {time.Second, 5 * time.Second},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := &receiver{answer: func(_ egress.Request, n int) egress.Response {
				if n == 1 {
					return egress.Response{Status: 429, RetryAfter: tt.asked}
				}
				return egress.Response{Status: 200}
			}}
			virtual(t, r, func(t *testing.T, admin *client) {
				acme := admin.tenant("acme", "standard")
				acme.webhook(hook("*"))
				acme.publish("order.placed", map[string]any{})
				pass(time.Hour)
				d := acme.delivery(acme.deliveries("")[0].ID)
				if got := at(t, d.Attempts[1].StartedAt).Sub(at(t, d.Attempts[0].StartedAt)); got < tt.want || got > tt.want+time.Second {
					t.Errorf("got a wait of %v, want %v", got, tt.want)
				}
			})
		})
	}
}

func TestMaxPerSecond(t *testing.T) {
	t.Parallel()
	r := &receiver{}
	virtual(t, r, func(t *testing.T, admin *client) {
		acme := admin.tenant("acme", "standard")
		w := hook("*")
		w["max_per_second"] = 2
		acme.webhook(w)
		var batch []map[string]any
		for range 40 {
			batch = append(batch, map[string]any{"type": "order.placed", "data": map[string]any{}})
		}
		start := time.Now()
		acme.do(http.StatusAccepted, "POST", "/v1/events", batch, nil)
		pass(9 * time.Second)
		if got := len(r.requests()); got < 15 || got > 20 {
			t.Errorf("after %v: got %d requests, want about 18", time.Since(start), got)
		}
		pass(20 * time.Second)
		if got := byID(r.requests()); len(got) != 40 || len(r.requests()) != 40 {
			t.Errorf("got %d events in %d requests, want each of 40 once", len(got), len(r.requests()))
		}
	})
}

// TestPressure runs a ladder with more deliveries than the queues may hold in flight: parked by visibility alone they
// would stop the queue.
func TestPressure(t *testing.T) {
	t.Parallel()
	r := &receiver{answer: status(500)}
	inFlight := 20
	if testing.Short() { // under the race detector, which slows SQLite in Go some ten times
		inFlight = 4
	}
	world{receiver: r, inFlight: inFlight}.run(t, func(t *testing.T, admin *client, queues *queuesqlite.Engine) {
		acme := admin.tenant("acme", "standard")
		acme.webhook(hook("*"))
		var batch []map[string]any
		events := 2 * inFlight
		for range events {
			batch = append(batch, map[string]any{"type": "order.placed", "data": map[string]any{}})
		}
		acme.do(http.StatusAccepted, "POST", "/v1/events", batch, nil)
		pass(36 * time.Hour)
		var dead struct{ Depth int }
		admin.do(http.StatusOK, "GET", "/v1/dead-letters", nil, &dead)
		if got, want := len(r.requests()), 8*events; got != want || dead.Depth != events {
			t.Errorf("got %d requests and %d dead letters, want %d and %d", got, dead.Depth, want, events)
		}
		for _, d := range acme.deliveries("?limit=100") {
			for _, a := range acme.delivery(d.ID).Attempts {
				if late := at(t, a.StartedAt).Sub(at(t, a.ScheduledAt)); late > 2*time.Second {
					t.Errorf("attempt %d was %v late: it waited for a place in flight", a.Number, late)
				}
			}
		}
	})
}

// TestLongRungs waits out rungs at and beyond the 12 hours that a message can be hidden for: the embedded queue refuses
// more with AWS's own error. Every wait is hidden time here, never a string of 15-minute delays.
func TestLongRungs(t *testing.T) {
	t.Parallel()
	builtin, err := dialect.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	standard, err := builtin.Dialect(t.Context(), "standard")
	if err != nil {
		t.Fatal(err)
	}
	var description map[string]any
	if err := json.Unmarshal(standard.Description, &description); err != nil {
		t.Fatal(err)
	}
	description["name"], description["ladder"] = "patient", []string{"12h", "20h", "12h"}
	raw, err := json.Marshal(description)
	if err != nil {
		t.Fatal(err)
	}
	patient, err := dialect.Parse(raw, nil)
	if err != nil {
		t.Fatal(err)
	}
	dialects, err := dialect.NewSet(patient)
	if err != nil {
		t.Fatal(err)
	}
	r := &receiver{answer: status(500)}
	world{receiver: r, dialects: dialects}.run(t, func(t *testing.T, admin *client, _ *queuesqlite.Engine) {
		acme := admin.tenant("acme", "patient")
		acme.webhook(hook("*"))
		acme.publish("order.placed", map[string]any{})
		pass(60 * time.Hour)
		d := acme.delivery(acme.deliveries("")[0].ID)
		if d.Status != "failed" || len(d.Attempts) != 4 {
			t.Fatalf("got %s after %d attempts, want failed after 4", d.Status, len(d.Attempts))
		}
		for _, a := range d.Attempts {
			if late := at(t, a.StartedAt).Sub(at(t, a.ScheduledAt)); late > time.Second {
				t.Errorf("attempt %d was %v late", a.Number, late)
			}
		}
	})
}

// TestLostMessage loses the messages of long waits: the sweeper brings the delivery back, an hour late.
func TestLostMessage(t *testing.T) {
	t.Parallel()
	r := &receiver{answer: func(_ egress.Request, n int) egress.Response {
		return egress.Response{Status: map[bool]int{true: 500, false: 200}[n <= 3]}
	}}
	world{receiver: r, lossy: true}.run(t, func(t *testing.T, admin *client, _ *queuesqlite.Engine) {
		acme := admin.tenant("acme", "standard")
		acme.webhook(hook("*"))
		acme.publish("order.placed", map[string]any{})
		pass(time.Hour)
		if d := acme.deliveries("")[0]; d.Status != "pending" || d.AttemptCount != 2 {
			t.Fatalf("got %s after %d attempts, want pending after 2: the third's message is lost", d.Status, d.AttemptCount)
		}
		pass(4 * time.Hour)
		if d := acme.deliveries("")[0]; d.Status != "succeeded" || d.AttemptCount != 4 {
			t.Errorf("got %s after %d attempts, want succeeded after 4", d.Status, d.AttemptCount)
		}
	})
}

// must returns one of the engine's queues.
func must(t *testing.T, engine *queuesqlite.Engine, name string) *queuesqlite.Queue {
	t.Helper()
	queues, err := Queues(engine)
	if err != nil {
		t.Fatal(err)
	}
	return queues[name].(*queuesqlite.Queue)
}

func TestEventBusEntries(t *testing.T) {
	tests := map[string]struct {
		entry  string
		reason string // part of it; "" when it is delivered
	}{
		"good":             {`{"id": "e-1", "detail-type": "order.placed", "detail": {"tenant": "acme", "data": {"n": 1}}}`, ""},
		"an id of its own": {`{"id": "e-2", "detail-type": "order.placed", "detail": {"tenant": "acme", "id": "o-1", "data": {}}}`, ""},
		"no such tenant":   {`{"id": "e-3", "detail-type": "order.placed", "detail": {"tenant": "nobody", "data": {}}}`, "no such tenant"},
		"no tenant":        {`{"id": "e-4", "detail-type": "order.placed", "detail": {"data": {}}}`, "detail.tenant"},
		"no data":          {`{"id": "e-5", "detail-type": "order.placed", "detail": {"tenant": "acme"}}`, "is required"},
		"a bad type":       {`{"id": "e-6", "detail-type": "EC2 Instance Change", "detail": {"tenant": "acme", "data": {}}}`, "segments"},
		"no JSON":          {`{"id":`, "not an event bus's JSON"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := &receiver{}
			world{receiver: r}.run(t, func(t *testing.T, admin *client, engine *queuesqlite.Engine) {
				acme := admin.tenant("acme", "standard")
				acme.webhook(hook("*"))
				for range 2 { // a rule may hand over an entry twice
					if err := must(t, engine, stack.IngestQueue).Send(t.Context(), []queue.Outgoing{{Body: tt.entry}}); err != nil {
						t.Fatal(err)
					}
				}
				pass(time.Hour)
				got, err := must(t, engine, stack.RefusedQueue).Receive(t.Context(), 10, 0)
				if err != nil {
					t.Fatal(err)
				}
				if tt.reason == "" {
					if len(r.requests()) != 1 || len(got) != 0 {
						t.Errorf("got %d requests and %d refused, want 1 and 0", len(r.requests()), len(got))
					}
					return
				}
				if len(r.requests()) != 0 || len(got) != 2 || !strings.Contains(got[0].Body, tt.reason) || !json.Valid([]byte(got[0].Body)) {
					t.Errorf("got %d requests and %v, want none, and two refused for %q", len(r.requests()), got, tt.reason)
				}
			})
		})
	}
}
