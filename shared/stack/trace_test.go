package stack_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"hookline/shared/api"
	"hookline/shared/stack/stacktest"
)

// TestTraceParent has the traceparent of a publisher's request be carried through all queues, shown, and kept from receivers.
func TestTraceParent(t *testing.T) {
	t.Parallel()
	const trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	r := &stacktest.Receiver{Answer: stacktest.ByPath(map[string]int{"500": 500})}
	stacktest.World{Receiver: r}.Run(t, func(t *testing.T, s *stacktest.Stack) {
		acme := s.Tenant("acme", "standard")
		for _, path := range []string{"ok", "500"} {
			acme.Webhook(map[string]any{"url": "https://example.com/" + path, "events": []string{"*"}})
		}
		publish := func(trace string) []api.Delivery {
			t.Helper()
			var ev api.EventResult
			got, err := acme.Try("POST", "/v1/events", map[string]any{"type": "a.b", "data": map[string]any{}}, &ev, "traceparent", trace)
			if err != nil || got.Status != http.StatusAccepted {
				t.Fatalf("got %d %s, %v", got.Status, got.Body, err)
			}
			stacktest.Pass(2 * time.Hour) // the failing one is attempted several times, from RetryQueue too
			var of []api.Delivery
			for _, d := range acme.Deliveries("") {
				if d.EventID == ev.ID {
					of = append(of, d)
				}
			}
			if len(of) != 2 {
				t.Fatalf("got %d deliveries", len(of))
			}
			return of
		}
		for _, d := range publish(trace) {
			if d.TraceParent == nil || *d.TraceParent != trace {
				t.Errorf("got %+v, want the traceparent", d)
			}
		}
		for _, d := range publish("00-" + strings.Repeat("0", 32) + trace[35:]) {
			if d.TraceParent != nil {
				t.Errorf("got %s, want an invalid one ignored", *d.TraceParent)
			}
		}
	})
	if len(r.Requests()) < 8 {
		t.Errorf("got %d requests", len(r.Requests()))
	}
	for _, req := range r.Requests() {
		if got := stacktest.Header(req, "traceparent"); got != "" {
			t.Errorf("the receiver gets %q", got)
		}
	}
}
