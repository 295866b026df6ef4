package delivery_test

import (
	"net/http"
	"testing"
	"time"

	"hookline/shared/api"
	"hookline/shared/stack/stacktest"
	"hookline/shared/webhook"
)

// TestCancel cancels deliveries whose next attempt waits in each of the ways there are. Nothing more is sent, there is no
// dead letter, and a replay sends each of them after all.
func TestCancel(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		before   time.Duration // since the event was published
		attempts int           // made by then
		replayed bool          // the round has no attempt yet
	}{
		{"a hidden message", 2 * time.Second, 1, false},
		{"a message in RetryQueue", time.Minute, 2, false},
		{"a message of a new round", time.Minute, 2, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := &stacktest.Receiver{Answer: stacktest.Status(500)}
			stacktest.World{Receiver: r}.Run(t, func(t *testing.T, s *stacktest.Stack) {
				acme := s.Tenant("acme", "standard")
				hook := acme.Webhook(stacktest.Hook("*")).ID
				acme.Publish("order.created", map[string]any{})
				stacktest.Pass(tt.before)
				d := acme.Deliveries("")[0]
				if tt.replayed {
					// With a rate of 1 a second a burst before it keeps the round's message waiting.
					acme.Do(http.StatusOK, "PATCH", "/v1/webhooks/"+hook, map[string]any{"max_per_second": 1}, nil)
					r.Set(nil)
					acme.PublishBatch(stacktest.Batch(20, "order.created", map[string]any{}))
					stacktest.Pass(time.Second)
					acme.Do(http.StatusAccepted, "POST", "/v1/deliveries/"+d.ID+"/replay", nil, nil)
					stacktest.Pass(time.Second)
				}
				var got api.Delivery
				acme.Do(http.StatusOK, "POST", "/v1/deliveries/"+d.ID+"/cancel", nil, &got)
				if got.Status != webhook.Failed || got.AttemptCount != tt.attempts+1 || got.NextAttemptAt != nil ||
					got.LastAttempt == nil || *got.LastAttempt.Error != webhook.ReasonCancelled {
					t.Errorf("got %+v, want it failed and cancelled after %d attempts", got, tt.attempts)
				}
				again, err := acme.Try("POST", "/v1/deliveries/"+d.ID+"/cancel", nil, nil)
				if err != nil || again.Status != http.StatusConflict {
					t.Errorf("got %d %s, want a conflict: it is not pending any more", again.Status, again.Body)
				}
				stacktest.Pass(48 * time.Hour)
				if got := r.ByID()[d.EventID]; got != tt.attempts {
					t.Errorf("got %d requests, want the %d from before", got, tt.attempts)
				}
				if got := s.DeadLetters(); got != 0 {
					t.Errorf("got %d dead letters, want none", got)
				}
				if got := acme.Status(hook); got != webhook.Active {
					t.Errorf("the webhook is %s, want it as it was", got)
				}
				r.Set(nil)
				acme.Do(http.StatusAccepted, "POST", "/v1/deliveries/"+d.ID+"/replay", nil, nil)
				stacktest.Pass(time.Minute)
				if got := acme.Delivery(d.ID); got.Status != webhook.Succeeded || r.ByID()[d.EventID] != tt.attempts+1 {
					t.Errorf("got %s after %d requests, want the replay to have succeeded", got.Status, r.ByID()[d.EventID])
				}
			})
		})
	}
}

// TestCancelUnderWay cancels a delivery while its attempt is under way: the outcome does not bring it back.
func TestCancelUnderWay(t *testing.T) {
	t.Parallel()
	r := &stacktest.Receiver{Answer: stacktest.Status(500), Takes: 2 * time.Second}
	stacktest.World{Receiver: r}.Run(t, func(t *testing.T, s *stacktest.Stack) {
		acme := s.Tenant("acme", "standard")
		acme.Webhook(stacktest.Hook("*"))
		acme.Publish("order.created", map[string]any{})
		stacktest.Pass(3 * time.Second)
		d := acme.Deliveries("")[0]
		stacktest.Pass(5 * time.Second) // the second attempt is made after 7 s
		acme.Do(http.StatusOK, "POST", "/v1/deliveries/"+d.ID+"/cancel", nil, nil)
		stacktest.Pass(48 * time.Hour)
		got := acme.Delivery(d.ID)
		if got.Status != webhook.Failed || *got.LastAttempt.Error != webhook.ReasonCancelled || len(r.Requests()) != 2 {
			t.Errorf("got %+v after %d requests, want it cancelled after 2", got.Delivery, len(r.Requests()))
		}
	})
}
