package stack_test

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"hookline/shared/api"
	"hookline/shared/stack/stacktest"
	"hookline/shared/webhook"
)

// TestErase erases the payloads of a small and of a large event, one of which waits for a retry and one for its first
// attempt. Nothing is sent of them afterwards, and the log has no trace of them; the others of the request stay.
func TestErase(t *testing.T) {
	t.Parallel()
	for _, size := range []int{10, 7000} {
		r := &stacktest.Receiver{Answer: stacktest.Status(500)}
		stacktest.World{Receiver: r}.Run(t, func(t *testing.T, s *stacktest.Stack) {
			acme := s.Tenant("acme", "standard")
			hook := acme.Webhook(stacktest.Hook("*")).ID
			sum := make([]byte, size)
			_, _ = rand.NewChaCha8([32]byte{}).Read(sum)
			data := map[string]any{"secret": base64.StdEncoding.EncodeToString(sum)}
			id := acme.Publish("order.created", map[string]any{"told": "sesame", "secret": data["secret"]})
			traces := func() int { return strings.Count(stacktest.Rows(t, s.File, ""), fmt.Sprintf("%X", "sesame")) }
			if got := traces(); size < 100 && got == 0 {
				t.Fatal("the rows have no trace of the payload before it is erased")
			}
			stacktest.Pass(time.Minute)
			before := r.ByID()[id]
			first, _ := webhook.ParseDeliveryID("acme", acme.Deliveries("")[0].ID)
			kept, err := s.Store.Delivery(t.Context(), first)
			if err != nil || (kept.Body.Ref == "") != (size < 100) {
				t.Fatalf("got %+v, %v, want the large body kept apart", kept.Body, err)
			}
			ref := kept.Body.Ref
			// With a rate of 1 a second a burst keeps its last event waiting for the first attempt.
			acme.Do(http.StatusOK, "PATCH", "/v1/webhooks/"+hook, map[string]any{"max_per_second": 1}, nil)
			var ids []string
			for _, ev := range acme.PublishBatch(stacktest.Batch(20, "order.created", data)) {
				ids = append(ids, ev.ID)
			}
			last := ids[len(ids)-1]
			stacktest.Pass(2 * time.Second)
			for _, id := range []string{id, last} {
				acme.Do(http.StatusAccepted, "DELETE", "/v1/events/"+id+"/payload", nil, nil)
				acme.Do(http.StatusAccepted, "DELETE", "/v1/events/"+id+"/payload", nil, nil)
				stacktest.Pass(100 * time.Millisecond)
				again, err := acme.Try("POST", "/v1/events/"+id+"/replay", map[string]any{"webhook_id": hook}, nil)
				if err != nil || again.Status != http.StatusConflict || !strings.Contains(string(again.Body), "event-erased") {
					t.Errorf("got %d %s, want it refused", again.Status, again.Body)
				}
				var ev api.EventDetail
				acme.Do(http.StatusOK, "GET", "/v1/events/"+id, nil, &ev)
				if len(ev.Deliveries) != 1 || ev.Deliveries[0].Status != webhook.Failed || *ev.Deliveries[0].LastAttempt.Error != webhook.ReasonErased ||
					ev.ErasedAt == nil || string(ev.Data) != "{}" {
					t.Errorf("got %+v, want it erased", ev)
				}
				if shown := acme.Delivery(ev.Deliveries[0].ID); shown.Body != nil || shown.Status != webhook.Failed {
					t.Errorf("got %+v, want a delivery that shows no body", shown)
				}
				key, _ := webhook.ParseDeliveryID("acme", ev.Deliveries[0].ID)
				rec, err := s.Store.Delivery(t.Context(), key)
				if err != nil || rec.ErasedAt.IsZero() || rec.Body.Inline != nil || rec.Body.Ref != "" {
					t.Errorf("got %+v, %v, want a record without a body", rec, err)
				}
			}
			var other api.EventDetail
			acme.Do(http.StatusOK, "GET", "/v1/events/"+ids[0], nil, &other)
			if !strings.Contains(string(other.Data), "secret") || other.ErasedAt != nil {
				t.Errorf("got %s, want another event of the request as it was", other.Data)
			}
			stacktest.Pass(48 * time.Hour)
			if got := traces(); got > 0 {
				t.Errorf("got %d traces of the payload in the rows, want none", got)
			}
			if left, err := s.Store.Payloads(t.Context(), "acme", []string{ref}); err != nil || len(left) > 0 {
				t.Errorf("got %d bodies and %v, want the large body gone", len(left), err)
			}
			if got := r.ByID(); got[id] != before || got[last] != 0 || got[ids[0]] == 0 {
				t.Errorf("got %d and %d requests, want %d and none; %d of another event", got[id], got[last], before, got[ids[0]])
			}
		})
	}
}
