package ingest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"hookline/shared/faultinject"
	"hookline/shared/queue"
	"hookline/shared/stack"
	"hookline/shared/stack/stacktest"
)

func TestRepeats(t *testing.T) {
	t.Parallel()
	r := &stacktest.Receiver{}
	stacktest.World{Receiver: r}.Run(t, func(t *testing.T, s *stacktest.Stack) {
		acme := s.Tenant("acme", "standard")
		acme.Webhook(stacktest.Hook("*"))
		event := map[string]any{"id": "order-1", "type": "order.placed", "data": map[string]any{"n": 1}}
		first := acme.PublishEvent(event)
		stacktest.Pass(time.Second)
		acme.Webhook(stacktest.Hook("order.*")) // came too late for order-1
		again := acme.PublishEvent(event)
		event["data"] = map[string]any{"n": 2}
		acme.Do(http.StatusConflict, "POST", "/v1/events", event, nil)
		batch := []any{map[string]any{"id": "order-2", "type": "order.placed", "data": map[string]any{}}, event}
		if got, err := acme.Try("POST", "/v1/events", batch, nil); err != nil || got.Status != http.StatusConflict || !strings.Contains(string(got.Body), `"code":"event-id-reused"`) {
			t.Errorf("got %d %s, %v, want a batch with a used id refused", got.Status, got.Body, err)
		}
		stacktest.Pass(time.Hour)
		if again != first || again.Matched != 1 {
			t.Errorf("got %+v and then %+v, want the same and matched 1", first, again)
		}
		if got := r.ByID(); len(got) != 1 || got["order-1"] != 1 {
			t.Errorf("got %v, want order-1 sent once", got)
		}
		// A day later the id is free again.
		stacktest.Pass(24 * time.Hour)
		again = acme.PublishEvent(event)
		stacktest.Pass(time.Second)
		if got := r.ByID(); again.Matched != 2 || got["order-1"] != 3 {
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
			r := &stacktest.Receiver{Takes: 10 * time.Second}
			queues := new(faultinject.Queues)
			stacktest.World{Receiver: r, LogsErrors: true, QueueFaults: queues}.Run(t, func(t *testing.T, s *stacktest.Stack) {
				acme := s.Tenant("acme", "standard")
				acme.Webhook(stacktest.Hook("*"))
				stacktest.Pass(time.Second)
				event := map[string]any{"type": "order.placed", "data": map[string]any{}}
				if headers == nil {
					event["id"] = "order-1"
				}
				publish := func(want int) {
					t.Helper()
					got, err := acme.Try("POST", "/v1/events", event, nil, headers...)
					if err != nil || got.Status != want {
						t.Fatalf("got %d %s, %v, want %d", got.Status, got.Body, err, want)
					}
				}
				queues.Set(faultinject.QueueFaults{Throttle: 1})
				publish(http.StatusServiceUnavailable)
				queues.Set(faultinject.QueueFaults{})
				stacktest.Pass(2 * time.Minute)
				for range 3 {
					publish(http.StatusAccepted)
				}
				stacktest.Pass(30 * time.Second)
				if n := len(r.Requests()); n != 1 {
					t.Errorf("got %d requests within 30 s, want 1", n)
				}
				publish(http.StatusAccepted)
				stacktest.Pass(time.Hour)
				if n := len(r.Requests()); n != 1 {
					t.Errorf("got %d requests in all, want 1", n)
				}
				if n := len(acme.Deliveries("")); n != 1 {
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
			r := &stacktest.Receiver{}
			stacktest.World{Receiver: r}.Run(t, func(t *testing.T, s *stacktest.Stack) {
				acme := s.Tenant("acme", "standard")
				for i := range tt.webhooks {
					w := stacktest.Hook([]string{"*", "order.*", "order.placed"}[i%3])
					w["url"] = fmt.Sprintf("https://example.com/%d", i)
					acme.Webhook(w)
				}
				batch := stacktest.Batch(tt.events, "order.placed", map[string]any{"text": strings.Repeat("x", 900)})
				got := acme.PublishBatch(batch)
				stacktest.Pass(time.Minute)
				sent := r.ByID()
				for _, e := range got {
					if e.Matched != tt.webhooks || sent[e.ID] != tt.webhooks {
						t.Errorf("event %s: matched %d, sent %d times, want %d", e.ID, e.Matched, sent[e.ID], tt.webhooks)
					}
				}
				urls := make(map[string]int)
				for _, r := range r.Requests() {
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
	r := &stacktest.Receiver{}
	stacktest.World{Receiver: r}.Run(t, func(t *testing.T, s *stacktest.Stack) {
		acme := s.Tenant("acme", "standard")
		filtered := stacktest.Hook("order.*")
		filtered["filter"] = map[string]any{"total": []any{map[string]any{"numeric": []any{">", 100}}}}
		acme.Webhook(filtered)
		inactive := stacktest.Hook("*")
		inactive["active"] = false
		acme.Webhook(inactive)
		acme.Webhook(stacktest.Hook("order.placed", "order.*", "*")) // takes each event once
		for data, want := range map[string]int{`{"total": 250}`: 2, `{"total": 50}`: 1, `{}`: 1} {
			if got := acme.PublishEvent(`{"type": "order.placed", "data": ` + data + `}`); got.Matched != want {
				t.Errorf("%s: matched %d, want %d", data, got.Matched, want)
			}
		}
		if got := acme.PublishEvent(`{"type": "order", "data": {"total": 250}}`); got.Matched != 1 {
			t.Errorf("order is not below order.*: matched %d, want 1", got.Matched)
		}
		stacktest.Pass(time.Second)
		if got := len(r.Requests()); got != 5 {
			t.Errorf("got %d requests, want 5", got)
		}
	})
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
			r := &stacktest.Receiver{}
			stacktest.World{Receiver: r}.Run(t, func(t *testing.T, s *stacktest.Stack) {
				acme := s.Tenant("acme", "standard")
				acme.Webhook(stacktest.Hook("*"))
				for range 2 { // a rule may hand over an entry twice
					if err := s.Queues[stack.IngestQueue].Send(t.Context(), []queue.Outgoing{{Body: tt.entry}}); err != nil {
						t.Fatal(err)
					}
				}
				stacktest.Pass(time.Hour)
				got, err := s.Queues[stack.RefusedQueue].Receive(t.Context(), 10, 0)
				if err != nil {
					t.Fatal(err)
				}
				if tt.reason == "" {
					if len(r.Requests()) != 1 || len(got) != 0 {
						t.Errorf("got %d requests and %d refused, want 1 and 0", len(r.Requests()), len(got))
					}
					return
				}
				if len(r.Requests()) != 0 || len(got) != 2 || !strings.Contains(got[0].Body, tt.reason) || !json.Valid([]byte(got[0].Body)) {
					t.Errorf("got %d requests and %v, want none, and two refused for %q", len(r.Requests()), got, tt.reason)
				}
			})
		})
	}
}
