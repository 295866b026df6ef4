package runner

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hookline/shared/egress"
	"hookline/shared/eventlog"
	"hookline/shared/faultinject"
	"hookline/shared/queue"
	queuesqlite "hookline/shared/queue/sqlite"
	"hookline/shared/stack"
	"hookline/shared/store"
	"hookline/shared/systemevent"
	"hookline/shared/webhook"
)

type eventAnswer struct {
	ID, Type   string
	Matched    int
	Deliveries []deliveryAnswer
	Skipped    []struct {
		WebhookID string `json:"webhook_id"`
		Reason    string
	}
}

// events returns the log, the newest first, as "order-1 order.placed 2".
func (c *client) events(query string) []string {
	c.t.Helper()
	var l list[eventAnswer]
	c.do(http.StatusOK, "GET", "/v1/events?limit=100"+query, nil, &l)
	var out []string
	for _, ev := range l.Data {
		out = append(out, fmt.Sprintf("%s %s %d", ev.ID, ev.Type, ev.Matched))
	}
	return out
}

func equal(t *testing.T, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestEventLog(t *testing.T) {
	t.Parallel()
	r := &receiver{}
	virtual(t, r, func(t *testing.T, admin *client) {
		acme := admin.tenant("acme", "standard")
		orders := acme.webhook(map[string]any{"url": "https://example.com/orders", "events": []string{"order.*"}}).ID
		users := acme.webhook(map[string]any{"url": "https://example.com/users", "events": []string{"user.*"}}).ID
		var made list[eventAnswer]
		acme.do(http.StatusAccepted, "POST", "/v1/events", []any{
			map[string]any{"type": "order.placed", "data": map[string]any{"n": 1}},
			map[string]any{"type": "invoice.paid", "data": map[string]any{"n": 2}},
			map[string]any{"type": "order.placed", "id": "order-3", "data": map[string]any{"n": 3}},
		}, &made)
		pass(time.Second)
		first, second := made.Data[0].ID, made.Data[1].ID
		equal(t, "log", acme.events(""), []string{"order-3 order.placed 1", second + " invoice.paid 0", first + " order.placed 1"})

		var ev eventAnswer
		for _, id := range []string{first, "order-3"} {
			acme.do(http.StatusOK, "GET", "/v1/events/"+id, nil, &ev)
			if len(ev.Deliveries) != 1 || ev.Deliveries[0].WebhookID != orders || ev.Deliveries[0].Status != "succeeded" ||
				len(ev.Skipped) != 1 || ev.Skipped[0].WebhookID != users || ev.Skipped[0].Reason != "not_subscribed" {
				t.Errorf("%s: got %+v, want it succeeded at one webhook and not subscribed to by the other", id, ev)
			}
		}

		// To one that took it and to one that never did; twice each.
		for round := range 2 {
			for _, hook := range []string{orders, users} {
				var d deliveryAnswer
				acme.do(http.StatusAccepted, "POST", "/v1/events/order-3/replay", map[string]any{"webhook_id": hook}, &d)
				if d.Status != "pending" || d.WebhookID != hook || d.EventID != "order-3" {
					t.Errorf("round %d: got %+v, want a pending delivery of order-3 to %s", round, d, hook)
				}
			}
			pass(time.Second)
		}
		sent := make(map[string]int)
		bodies := make(map[string]bool)
		for _, req := range r.requests() {
			if header(req, "webhook-id") == "order-3" {
				sent[req.URL]++
				bodies[string(req.Body)] = true
			}
		}
		equal(t, "sent", sent, map[string]int{"https://example.com/orders": 3, "https://example.com/users": 2})
		if len(bodies) != 1 {
			t.Errorf("got bodies %v, want one for all", bodies)
		}
		acme.do(http.StatusOK, "GET", "/v1/events/order-3", nil, &ev)
		if len(ev.Deliveries) != 2 || len(ev.Skipped) != 0 || ev.Matched != 1 {
			t.Errorf("got %+v, want two deliveries, and matched as it was", ev)
		}
		if got := acme.deliveries(""); len(got) != 3 {
			t.Errorf("got %d deliveries, want 3: one is the same in every round", len(got))
		}

		// It fails like any other to one that is inactive, and is sent by nobody else's key.
		acme.do(http.StatusOK, "PATCH", "/v1/webhooks/"+users, map[string]any{"active": false}, nil)
		acme.do(http.StatusAccepted, "POST", "/v1/events/"+second+"/replay", map[string]any{"webhook_id": users}, nil)
		pass(time.Second)
		acme.do(http.StatusOK, "GET", "/v1/events/"+second, nil, &ev)
		if len(ev.Deliveries) != 1 || ev.Deliveries[0].Status != "failed" {
			t.Errorf("to an inactive one: got %+v, want it failed", ev.Deliveries)
		}
		other := admin.tenant("globex", "standard")
		equal(t, "another tenant's log", other.events(""), []string(nil))
		other.do(http.StatusNotFound, "GET", "/v1/events/"+first, nil, nil)
	})
}

// TestEventLogIDs uses an id from outside again a day later: both events are in the log, the id finds the last.
func TestEventLogIDs(t *testing.T) {
	t.Parallel()
	virtual(t, &receiver{}, func(t *testing.T, admin *client) {
		acme := admin.tenant("acme", "standard")
		event := map[string]any{"id": "order-1", "type": "order.placed", "data": map[string]any{"n": 1}}
		for range 3 {
			acme.do(http.StatusAccepted, "POST", "/v1/events", event, nil)
			pass(time.Hour)
		}
		equal(t, "repeated", acme.events(""), []string{"order-1 order.placed 0"})
		pass(48 * time.Hour)
		var ev eventAnswer
		acme.do(http.StatusOK, "GET", "/v1/events/order-1", nil, &ev)
		acme.webhook(hook("*"))
		event["type"] = "order.changed"
		acme.do(http.StatusAccepted, "POST", "/v1/events", event, nil)
		equal(t, "used again", acme.events(""), []string{"order-1 order.changed 1", "order-1 order.placed 0"})
		acme.do(http.StatusOK, "GET", "/v1/events/order-1", nil, &ev)
		if ev.Type != "order.changed" {
			t.Errorf("got the one of type %s, want the last", ev.Type)
		}
	})
}

// TestEventLogSources has events come in by every way but the API.
func TestEventLogSources(t *testing.T) {
	t.Parallel()
	world{receiver: &receiver{}, notices: new(noticed)}.run(t, func(t *testing.T, admin *client, engine *queuesqlite.Engine) {
		acme := admin.tenant("acme", "standard")
		entry := `{"id": "e-1", "detail-type": "order.placed", "detail": {"tenant": "acme", "data": {"n": 1}}}`
		for range 2 {
			if err := must(t, engine, stack.IngestQueue).Send(t.Context(), []queue.Outgoing{{Body: entry}}); err != nil {
				t.Fatal(err)
			}
		}
		pass(time.Second)
		acme.webhook(hook(systemevent.WebhookCreated)) // nobody is there to be told of it
		pass(time.Second)
		acme.webhook(hook("user.*"))
		pass(time.Second)
		var src struct{ ID, URL string }
		acme.do(http.StatusCreated, "POST", "/v1/sources", map[string]any{"kind": "custom", "name": "CI", "secret": "secret"}, &src)
		const (
			document  = `{ "deployed_at": "2023-10-27T00:00:00Z", "environment": "production", "commit_sha": "56e05fced214c44a37759efa2dfc25a65d8ae98d", "repository_id": "123", "repository_url": "https://git.scm-provider.ca/my-project/my-repo" }`
			signature = "sha256=94849743b7c6c5772dcd0abb37b37e9834062b0639ca1fcd69678bd7526816d7"
		)
		for range 2 {
			got, err := acme.try("POST", strings.TrimPrefix(src.URL, acme.base), document, nil, "X-Axify-Deployment-Event-Signature", signature)
			if err != nil || got.status >= 300 {
				t.Fatalf("got %d %s, %v", got.status, got.body, err)
			}
		}
		var types []string
		for _, ev := range acme.events("") {
			types = append(types, strings.SplitN(ev, " ", 2)[1])
		}
		equal(t, "log", types, []string{"deployment.registered 0", "webhook.created 1", "order.placed 0"})
	})
}

// TestEventLogLost publishes while a write of the log, or what goes on beside it, fails once, be it made or not. The
// request is not accepted; tried again it is, and all that was accepted is in the log, once, and was sent once.
func TestEventLogLost(t *testing.T) {
	out := errors.New("out of order")
	for name, c := range map[string]struct {
		before, after string // the store's call that fails
		throttle      bool   // the queue takes nothing
	}{
		"log lost":                  {before: "PutLogItem"},
		"log written, unheard of":   {after: "PutLogItem"},
		"pins written, unheard of":  {after: "Pins"},
		"queue throttled":           {throttle: true},
		"queue throttled, log lost": {before: "PutLogItem", throttle: true},
	} {
		for _, part := range []int{2, 3} { // how many of the three come again, the first; the last by itself
			t.Run(fmt.Sprint(name, ", then ", part), func(t *testing.T) {
				t.Parallel()
				var armed atomic.Bool
				once := func(which string) func(string) error {
					return func(call string) error {
						if which == "" || call != which || !armed.Swap(false) {
							return nil
						}
						return out
					}
				}
				r := &receiver{}
				queues := new(faultinject.Queues)
				w := world{receiver: r, noisy: true, queues: queues, faults: faultinject.StoreFaults{Before: once(c.before), After: once(c.after)}}
				w.run(t, func(t *testing.T, admin *client, _ *queuesqlite.Engine) {
					acme := admin.tenant("acme", "standard")
					acme.webhook(hook("*"))
					pass(time.Second) // what is told of it is a publication too, and must not meet the fault
					var events []any
					for _, id := range []string{"a", "b", "c"} {
						events = append(events, map[string]any{"id": id, "type": "order.placed", "data": map[string]any{"id": id}})
					}
					own := map[string]any{"type": "order.placed", "data": map[string]any{}}
					publish := func(key string, events ...any) int {
						got, err := acme.try("POST", "/v1/events", events, nil, "Idempotency-Key", key)
						if err != nil {
							t.Fatal(err)
						}
						return got.status
					}
					fail := func(try func() int) {
						armed.Store(true)
						if c.throttle {
							queues.Set(faultinject.QueueFaults{Throttle: 1})
						}
						if got := try(); got != http.StatusServiceUnavailable {
							t.Errorf("got %d, want it not accepted", got)
						}
						armed.Store(false)
						queues.Set(faultinject.QueueFaults{})
					}
					fail(func() int { return publish("k-0", own) })
					if got := publish("k-0", own); got != http.StatusAccepted {
						t.Fatalf("again: got %d", got)
					}
					fail(func() int { return publish("k-1", events...) })
					for i, some := range [][]any{events[:part], events[2:]} {
						if got := publish(fmt.Sprint("k-2", i), some...); got != http.StatusAccepted {
							t.Fatalf("again: got %d", got)
						}
					}
					pass(time.Hour)
					var l list[eventAnswer]
					acme.do(http.StatusOK, "GET", "/v1/events", nil, &l)
					var got []string
					for _, ev := range l.Data {
						if got = append(got, ev.ID); ev.Matched != 1 {
							t.Errorf("%s: got matched %d, want 1", ev.ID, ev.Matched)
						}
						acme.do(http.StatusOK, "GET", "/v1/events/"+ev.ID, nil, nil)
					}
					slices.Sort(got)
					if len(got) != 4 || !slices.Equal(got[:3], []string{"a", "b", "c"}) {
						t.Errorf("got %q in the log, want a, b, c and one more, once each", got)
					}
					sent := byID(r.requests())
					for _, id := range got {
						if sent[id] != 1 {
							t.Errorf("%s was sent %d times, want once", id, sent[id])
						}
					}
				})
			})
		}
	}
}

// TestEventLogOfMany logs an event that the queue fans out.
func TestEventLogOfMany(t *testing.T) {
	t.Parallel()
	r := &receiver{answer: func(egress.Request, int) egress.Response { return egress.Response{Status: 200} }}
	virtual(t, r, func(t *testing.T, admin *client) {
		acme := admin.tenant("acme", "standard")
		for range 501 {
			acme.webhook(hook("order.placed"))
		}
		id := acme.publish("order.placed", map[string]any{})
		pass(time.Minute)
		equal(t, "log", acme.events("&matched=true"), []string{id + " order.placed 501"})
		var ev eventAnswer
		acme.do(http.StatusOK, "GET", "/v1/events/"+id, nil, &ev)
		if len(ev.Deliveries) != 100 || slices.ContainsFunc(ev.Deliveries, func(d deliveryAnswer) bool { return d.Status != string(webhook.Succeeded) }) {
			t.Errorf("got %d deliveries, want 100, all succeeded", len(ev.Deliveries))
		}
	})
}

// pinWatch notes for how long events' pins are kept.
type pinWatch struct {
	store.Store
	kept chan time.Duration
}

func (w *pinWatch) Pins(ctx context.Context, ps []webhook.Pin) ([]webhook.Pin, []bool, error) {
	for _, p := range ps {
		if p.Scope == eventlog.PinScope {
			w.kept <- p.Until().Sub(p.At)
		}
	}
	return w.Store.Pins(ctx, ps)
}

// TestEventLogPins keeps the pin of an outside id for as long as the log, which finds the event by it.
func TestEventLogPins(t *testing.T) {
	t.Parallel()
	kept := make(chan time.Duration, 1)
	world{receiver: &receiver{}, watched: func(s store.Store) store.Store { return &pinWatch{s, kept} }}.run(t, func(t *testing.T, admin *client, _ *queuesqlite.Engine) {
		acme := admin.tenant("acme", "standard")
		acme.do(http.StatusAccepted, "POST", "/v1/events", map[string]any{"id": "order-1", "type": "order.placed", "data": map[string]any{}}, nil)
		if got, want := <-kept, webhook.DefaultRetention; got != want {
			t.Errorf("got a pin kept for %v, want %v", got, want)
		}
	})
}
