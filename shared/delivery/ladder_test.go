package delivery_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"hookline/shared/dialect"
	"hookline/shared/egress"
	"hookline/shared/stack/stacktest"
	"hookline/shared/webhook"
)

// TestLadders runs every dialect's whole ladder against a receiver that always fails, then replays and redrives.
func TestLadders(t *testing.T) {
	dialects, err := dialect.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range dialects.Names() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, err := dialects.Dialect(t.Context(), name)
			if err != nil {
				t.Fatal(err)
			}
			eventType := d.EventTypes()[0].Name
			r := &stacktest.Receiver{Answer: stacktest.Status(500)}
			stacktest.World{Receiver: r}.Run(t, func(t *testing.T, s *stacktest.Stack) {
				acme := s.Tenant("acme", name)
				hook := acme.Webhook(map[string]any{"url": "https://example.com/hook", "events": []string{eventType}})
				acme.Publish(eventType, map[string]any{"n": 1})
				var whole time.Duration
				for _, rung := range d.Ladder {
					whole += rung + rung/10
				}
				stacktest.Pass(whole + time.Minute)

				got := acme.Deliveries("")
				if len(got) != 1 || got[0].Status != "failed" {
					t.Fatalf("got %+v, want one failed delivery", got)
				}
				one := acme.Delivery(got[0].ID)
				if got, want := len(one.Attempts), len(d.Ladder)+1; got != want {
					t.Fatalf("got %d attempts, want %d", got, want)
				}
				for i, rung := range d.Ladder {
					wait := one.Attempts[i+1].StartedAt.Sub(one.Attempts[i].StartedAt.Time)
					most := rung + time.Second
					if rung >= 5*time.Minute {
						most += rung / 10
					}
					if wait < rung || wait > most {
						t.Errorf("wait %d: got %v, want %v to %v", i+1, wait, rung, most)
					}
				}
				if got := s.DeadLetters(); got != 1 {
					t.Fatalf("got %d dead letters, want 1", got)
				}
				want := webhook.Active
				if d.FailingWhenExhausted {
					want = webhook.Failing
				}
				if got := acme.Status(hook.ID); got != want {
					t.Errorf("webhook is %s, want %s", got, want)
				}

				r.Set(nil)
				s.Do(http.StatusAccepted, "POST", "/v1/dead-letters/redrive", nil, nil)
				stacktest.Pass(5 * time.Second)
				one = acme.Delivery(one.ID)
				if one.Status != "succeeded" || one.AttemptCount != len(d.Ladder)+2 {
					t.Errorf("after the redrive: %s after %d attempts, want succeeded after %d", one.Status, one.AttemptCount, len(d.Ladder)+2)
				}
				acme.Do(http.StatusAccepted, "POST", "/v1/deliveries/"+one.ID+"/replay", nil, nil)
				stacktest.Pass(time.Second)
				if one = acme.Delivery(one.ID); one.Status != "succeeded" || one.AttemptCount != len(d.Ladder)+3 {
					t.Errorf("after the replay: %s after %d attempts, want succeeded after %d", one.Status, one.AttemptCount, len(d.Ladder)+3)
				}
				if got := acme.Status(hook.ID); got != "active" {
					t.Errorf("webhook is %s after a success, want active", got)
				}
				if got := s.DeadLetters(); got != 0 {
					t.Errorf("got %d dead letters at the end, want 0", got)
				}
			})
		})
	}
}

// TestSettingsHoldForWhatIsQueued changes a webhook between the first attempt and the second.
func TestSettingsHoldForWhatIsQueued(t *testing.T) {
	tests := map[string]struct {
		change func(c *stacktest.Client, id string)
		check  func(t *testing.T, c *stacktest.Client, id string, first, last egress.Request, n int)
	}{
		"an edit": {
			change: func(c *stacktest.Client, id string) {
				c.Do(200, "PATCH", "/v1/webhooks/"+id, map[string]any{"url": "https://example.com/new", "headers": map[string]string{"X-Token": "t"}}, nil)
			},
			check: func(t *testing.T, _ *stacktest.Client, _ string, _, last egress.Request, n int) {
				if n != 2 || last.URL != "https://example.com/new" || stacktest.Header(last, "X-Token") != "t" {
					t.Errorf("got %d requests, the last to %s with X-Token %q, want 2, the new URL and t", n, last.URL, stacktest.Header(last, "X-Token"))
				}
			},
		},
		"a deletion": {
			change: func(c *stacktest.Client, id string) { c.Do(204, "DELETE", "/v1/webhooks/"+id, nil, nil) },
			check: func(t *testing.T, _ *stacktest.Client, _ string, _, _ egress.Request, n int) {
				if n != 1 {
					t.Errorf("got %d requests, want 1: the delivery of a deleted webhook is dropped", n)
				}
			},
		},
		"the inactive switch": {
			change: func(c *stacktest.Client, id string) {
				c.Do(200, "PATCH", "/v1/webhooks/"+id, map[string]any{"active": false}, nil)
			},
			check: func(t *testing.T, c *stacktest.Client, id string, _, _ egress.Request, n int) {
				d := c.Deliveries("")[0]
				if n != 1 || d.Status != "failed" || d.LastAttempt.Error == nil || *d.LastAttempt.Error != webhook.ReasonWebhookInactive {
					t.Errorf("got %d requests and %+v, want 1 and failed as webhook_inactive", n, d)
				}
				c.Do(200, "PATCH", "/v1/webhooks/"+id, map[string]any{"active": true}, nil)
				c.Do(202, "POST", "/v1/deliveries/"+d.ID+"/replay", nil, nil)
				stacktest.Pass(time.Second)
				if d := c.Deliveries("")[0]; d.Status != "succeeded" {
					t.Errorf("replayed: got %s, want succeeded", d.Status)
				}
			},
		},
		"a rotated secret": {
			change: func(c *stacktest.Client, id string) {
				c.Do(200, "POST", "/v1/webhooks/"+id+"/rotate-secret", map[string]any{}, nil)
			},
			check: func(t *testing.T, _ *stacktest.Client, _ string, first, last egress.Request, n int) {
				if got := len(strings.Fields(stacktest.Header(first, "webhook-signature"))); got != 1 {
					t.Errorf("before: got %d signatures, want 1", got)
				}
				if got := len(strings.Fields(stacktest.Header(last, "webhook-signature"))); n != 2 || got != 2 {
					t.Errorf("in the overlap: got %d requests and %d signatures, want 2 and 2", n, got)
				}
			},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := &stacktest.Receiver{Answer: func(_ egress.Request, n int) egress.Response {
				if n == 1 {
					return egress.Response{Status: 500}
				}
				return egress.Response{Status: 200}
			}}
			stacktest.World{Receiver: r}.Run(t, func(t *testing.T, s *stacktest.Stack) {
				acme := s.Tenant("acme", "standard")
				hook := acme.Webhook(map[string]any{"url": "https://example.com/old", "events": []string{"*"}})
				acme.Publish("order.placed", map[string]any{"n": 1})
				stacktest.Pass(time.Second)
				tt.change(acme, hook.ID)
				stacktest.Pass(time.Minute)
				got := r.Requests()
				tt.check(t, acme, hook.ID, got[0], got[len(got)-1], len(got))
			})
		})
	}
}
