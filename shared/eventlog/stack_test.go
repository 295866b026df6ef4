package eventlog_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"hookline/shared/api"
	"hookline/shared/egress"
	"hookline/shared/queue"
	"hookline/shared/stack"
	"hookline/shared/stack/stacktest"
	"hookline/shared/systemevent"
	"hookline/shared/webhook"
)

// entries returns events of the log as "order-1 order.placed 2".
func entries(events []api.Event) (out []string) {
	for _, ev := range events {
		out = append(out, fmt.Sprintf("%s %s %d", ev.ID, ev.Type, ev.Matched))
	}
	return out
}

func TestEventLog(t *testing.T) {
	t.Parallel()
	r := &stacktest.Receiver{}
	stacktest.World{Receiver: r}.Run(t, func(t *testing.T, s *stacktest.Stack) {
		acme := s.Tenant("acme", "standard")
		orders := acme.Webhook(map[string]any{"url": "https://example.com/orders", "events": []string{"order.*"}}).ID
		users := acme.Webhook(map[string]any{"url": "https://example.com/users", "events": []string{"user.*"}}).ID
		made := acme.PublishBatch([]any{
			map[string]any{"type": "order.placed", "data": map[string]any{"n": 1}},
			map[string]any{"type": "invoice.paid", "data": map[string]any{"n": 2}},
			map[string]any{"type": "order.placed", "id": "order-3", "data": map[string]any{"n": 3}},
		})
		stacktest.Pass(time.Second)
		first, second := made[0].ID, made[1].ID
		equal(t, "log", entries(acme.Events("")), []string{"order-3 order.placed 1", second + " invoice.paid 0", first + " order.placed 1"})

		var ev api.EventDetail
		for _, id := range []string{first, "order-3"} {
			ev = acme.Event(id)
			if len(ev.Deliveries) != 1 || ev.Deliveries[0].WebhookID != orders || ev.Deliveries[0].Status != "succeeded" ||
				len(ev.Skipped) != 1 || ev.Skipped[0].WebhookID != users || ev.Skipped[0].Reason != "not_subscribed" {
				t.Errorf("%s: got %+v, want it succeeded at one webhook and not subscribed to by the other", id, ev)
			}
		}

		// To one that took it and to one that never did; twice each.
		for round := range 2 {
			for _, hook := range []string{orders, users} {
				var d api.Delivery
				acme.Do(http.StatusAccepted, "POST", "/v1/events/order-3/replay", map[string]any{"webhook_id": hook}, &d)
				if d.Status != "pending" || d.WebhookID != hook || d.EventID != "order-3" {
					t.Errorf("round %d: got %+v, want a pending delivery of order-3 to %s", round, d, hook)
				}
			}
			stacktest.Pass(time.Second)
		}
		sent := make(map[string]int)
		bodies := make(map[string]bool)
		for _, req := range r.Requests() {
			if stacktest.Header(req, "webhook-id") == "order-3" {
				sent[req.URL]++
				bodies[string(req.Body)] = true
			}
		}
		equal(t, "sent", sent, map[string]int{"https://example.com/orders": 3, "https://example.com/users": 2})
		if len(bodies) != 1 {
			t.Errorf("got bodies %v, want one for all", bodies)
		}
		ev = acme.Event("order-3")
		if len(ev.Deliveries) != 2 || len(ev.Skipped) != 0 || ev.Matched != 1 {
			t.Errorf("got %+v, want two deliveries, and matched as it was", ev)
		}
		if got := acme.Deliveries(""); len(got) != 3 {
			t.Errorf("got %d deliveries, want 3: one is the same in every round", len(got))
		}

		// It fails like any other to one that is inactive, and is sent by nobody else's key.
		acme.Do(http.StatusOK, "PATCH", "/v1/webhooks/"+users, map[string]any{"active": false}, nil)
		acme.Do(http.StatusAccepted, "POST", "/v1/events/"+second+"/replay", map[string]any{"webhook_id": users}, nil)
		stacktest.Pass(time.Second)
		ev = acme.Event(second)
		if len(ev.Deliveries) != 1 || ev.Deliveries[0].Status != "failed" {
			t.Errorf("to an inactive one: got %+v, want it failed", ev.Deliveries)
		}
		other := s.Tenant("globex", "standard")
		equal(t, "another tenant's log", entries(other.Events("")), []string(nil))
		other.Do(http.StatusNotFound, "GET", "/v1/events/"+first, nil, nil)
	})
}

// TestEventLogIDs uses an id from outside again a day later: both events are in the log, the id finds the last.
func TestEventLogIDs(t *testing.T) {
	t.Parallel()
	stacktest.World{Receiver: &stacktest.Receiver{}}.Run(t, func(t *testing.T, s *stacktest.Stack) {
		acme := s.Tenant("acme", "standard")
		event := map[string]any{"id": "order-1", "type": "order.placed", "data": map[string]any{"n": 1}}
		for range 3 {
			acme.PublishEvent(event)
			stacktest.Pass(time.Hour)
		}
		equal(t, "repeated", entries(acme.Events("")), []string{"order-1 order.placed 0"})
		stacktest.Pass(48 * time.Hour)
		if ev := acme.Event("order-1"); ev.Type != "order.placed" {
			t.Errorf("got the one of type %s, want the only one", ev.Type)
		}
		acme.Webhook(stacktest.Hook("*"))
		event["type"] = "order.changed"
		acme.PublishEvent(event)
		equal(t, "used again", entries(acme.Events("")), []string{"order-1 order.changed 1", "order-1 order.placed 0"})
		if ev := acme.Event("order-1"); ev.Type != "order.changed" {
			t.Errorf("got the one of type %s, want the last", ev.Type)
		}
	})
}

// TestEventLogSources has events come in by every way but the API.
func TestEventLogSources(t *testing.T) {
	t.Parallel()
	stacktest.World{Receiver: &stacktest.Receiver{}, Announcer: new(stacktest.Notices)}.Run(t, func(t *testing.T, s *stacktest.Stack) {
		acme := s.Tenant("acme", "standard")
		entry := `{"id": "e-1", "detail-type": "order.placed", "detail": {"tenant": "acme", "data": {"n": 1}}}`
		for range 2 {
			if err := s.Queues[stack.IngestQueue].Send(t.Context(), []queue.Outgoing{{Body: entry}}); err != nil {
				t.Fatal(err)
			}
		}
		stacktest.Pass(time.Second)
		acme.Webhook(stacktest.Hook(systemevent.WebhookCreated)) // nobody is there to be told of it
		stacktest.Pass(time.Second)
		acme.Webhook(stacktest.Hook("user.*"))
		stacktest.Pass(time.Second)
		var src struct{ ID, URL string }
		acme.Do(http.StatusCreated, "POST", "/v1/sources", map[string]any{"kind": "custom", "name": "CI", "secret": "secret"}, &src)
		const (
			document  = `{ "deployed_at": "2023-10-27T00:00:00Z", "environment": "production", "commit_sha": "56e05fced214c44a37759efa2dfc25a65d8ae98d", "repository_id": "123", "repository_url": "https://git.scm-provider.ca/my-project/my-repo" }`
			signature = "sha256=94849743b7c6c5772dcd0abb37b37e9834062b0639ca1fcd69678bd7526816d7"
		)
		for range 2 {
			got, err := acme.Try("POST", strings.TrimPrefix(src.URL, acme.Base), document, nil, "X-Axify-Deployment-Event-Signature", signature)
			if err != nil || got.Status >= 300 {
				t.Fatalf("got %d %s, %v", got.Status, got.Body, err)
			}
		}
		var types []string
		for _, ev := range entries(acme.Events("")) {
			types = append(types, strings.SplitN(ev, " ", 2)[1])
		}
		equal(t, "log", types, []string{"deployment.registered 0", "webhook.created 1", "order.placed 0"})
	})
}

// TestEventLogOfMany logs an event that the queue fans out.
func TestEventLogOfMany(t *testing.T) {
	t.Parallel()
	r := &stacktest.Receiver{Answer: func(egress.Request, int) egress.Response { return egress.Response{Status: 200} }}
	stacktest.World{Receiver: r}.Run(t, func(t *testing.T, s *stacktest.Stack) {
		acme := s.Tenant("acme", "standard")
		for range 501 {
			acme.Webhook(stacktest.Hook("order.placed"))
		}
		id := acme.Publish("order.placed", map[string]any{})
		stacktest.Pass(time.Minute)
		equal(t, "log", entries(acme.Events("&matched=true")), []string{id + " order.placed 501"})
		ev := acme.Event(id)
		if len(ev.Deliveries) != 100 || slices.ContainsFunc(ev.Deliveries, func(d api.Delivery) bool { return d.Status != webhook.Succeeded }) {
			t.Errorf("got %d deliveries, want 100, all succeeded", len(ev.Deliveries))
		}
	})
}
