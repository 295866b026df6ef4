package stack_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"hookline/shared/stack/stacktest"
	"hookline/shared/webhook"
)

// TestRetentionOfTenant shows that what a tenant's events lead to is kept for as long as the tenant's setting was when they
// were accepted, and no longer.
func TestRetentionOfTenant(t *testing.T) {
	t.Parallel()
	stacktest.World{Receiver: &stacktest.Receiver{}}.Run(t, func(t *testing.T, s *stacktest.Stack) {
		acme := s.Tenant("acme", "standard")
		hook := acme.Webhook(stacktest.Hook("*")).ID
		set := func(days any) {
			s.Do(http.StatusOK, "PATCH", "/v1/tenants/acme", map[string]any{"retention_days": days}, nil)
		}
		kept := func(what, event string, days int) {
			t.Helper()
			for _, d := range acme.Deliveries("") {
				if d.EventID != event {
					continue
				}
				key, _ := webhook.ParseDeliveryID("acme", d.ID)
				rec, err := s.Store.Delivery(t.Context(), key)
				if got := rec.ExpiresAt.Sub(rec.AcceptedAt); err != nil || got.Round(time.Hour) != time.Duration(days)*24*time.Hour {
					t.Errorf("%s: a delivery is kept for %s, %v, want %d days", what, got, err, days)
				}
				return
			}
			t.Errorf("%s: there is no delivery of %s", what, event)
		}
		logged := func(event string, days int) {
			t.Helper()
			request, _, _ := webhook.EntryRequest(event)
			it, err := s.Store.LogItem(t.Context(), "acme", request)
			if got := it.ExpiresAt.Sub(webhook.EntryTime(event)); err != nil || got != time.Duration(days)*24*time.Hour {
				t.Errorf("an event is logged for %s, %v, want %d days", got, err, days)
			}
		}
		before := acme.Publish("a.b", map[string]any{})
		stacktest.Pass(time.Second)
		set(3)
		short := acme.Publish("a.b", map[string]any{})
		var test struct {
			DeliveryID string `json:"delivery_id"`
		}
		acme.Do(http.StatusOK, "POST", "/v1/webhooks/"+hook+"/test", nil, &test)
		stacktest.Pass(time.Second)
		kept("before", before, 30)
		kept("short", short, 3)
		kept("a test", acme.Delivery(test.DeliveryID).EventID, 3)
		logged(before, 30)
		logged(short, 3)
		var id string
		for _, d := range acme.Deliveries("") {
			if d.EventID == short {
				id = d.ID
			}
		}
		set(nil) // an event keeps what it was accepted with
		acme.Do(http.StatusAccepted, "POST", fmt.Sprintf("/v1/deliveries/%s/replay", id), nil, nil)
		stacktest.Pass(time.Second)
		kept("replayed", short, 3)
		after := acme.Publish("a.b", map[string]any{})
		stacktest.Pass(time.Second)
		kept("after", after, 30)
	})
}
