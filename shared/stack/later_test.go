package stack_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"hookline/shared/queue"
	"hookline/shared/stack"
	"hookline/shared/stack/stacktest"
)

// TestLaterRelease puts messages into the queue that a later release has made while it is rolled out: of a dialect that this
// release does not have, and packed as it does not pack. They stay, and no error is logged, which would take the release back. A
// process that has the dialect delivers its message. Where none comes, the message is a dead letter, and whole: redriven, it
// is delivered by the release that can.
func TestLaterRelease(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		dialect, body string // the body packed, in base64
		dead, known   bool   // it becomes a dead letter; in the end there is a process that understands it
	}{
		"a dialect, known within the rollout": {"later@1", "cHt9", false, true}, // p{}
		"a dialect, known afterwards":         {"later@1", "cHt9", true, true},
		"a dialect that is never known":       {"standard@99", "cHt9", true, false},
		"a packing that is never known":       {"standard@1", "ent9", true, false}, // z{}
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			receiver := new(stacktest.Receiver)
			stacktest.World{Receiver: receiver, LogsErrors: tt.dead}.Run(t, func(t *testing.T, s *stacktest.Stack) {
				acme := s.Tenant("acme", "standard")
				hook := acme.Webhook(stacktest.Hook("*")).ID
				m := fmt.Sprintf(`{"t":"acme","w":%q,"e":"evt_1","y":"order.placed","a":%d,"s":"2000-01-01T00:00:00Z","d":%q,"b":%q,"n":1,"k":1,"o":true}`,
					hook, time.Now().UnixMilli(), tt.dialect, tt.body)
				if err := s.Queues[stack.DeliveryQueue].Send(t.Context(), []queue.Outgoing{{Body: m, Group: hook}}); err != nil {
					t.Fatal(err)
				}
				learn := func() {
					var own map[string]any
					s.Do(http.StatusOK, "GET", "/v1/dialects/standard", nil, &own)
					delete(own, "name")
					delete(own, "version")
					s.Do(http.StatusCreated, "PUT", "/v1/dialects/later", own, nil)
				}
				stacktest.Pass(20 * time.Minute)
				if got := s.DeadLetters(); got != 0 || len(receiver.Requests()) != 0 {
					t.Fatalf("got %d dead letters and %d POSTs within a rollout, want none", got, len(receiver.Requests()))
				}
				if !tt.dead {
					learn()
				}
				stacktest.Pass(40 * time.Minute)
				if got := s.DeadLetters() == 1; got != tt.dead {
					t.Errorf("a dead letter: %t, want %t", got, tt.dead)
				}
				want := 0
				if tt.known {
					want = 1
				}
				if tt.dead {
					if tt.known {
						learn()
					}
					s.Do(http.StatusAccepted, "POST", "/v1/dead-letters/redrive", map[string]any{}, nil)
					stacktest.Pass(2 * time.Minute)
				}
				if got := receiver.Requests(); len(got) != want {
					t.Errorf("got %d POSTs, want %d", len(got), want)
				}
				if got := acme.Deliveries(""); len(got) != want || want == 1 && (got[0].Status != "succeeded" || got[0].AttemptCount != 1) {
					t.Errorf("got the records %+v, want %d that succeeded", got, want)
				}
			})
		})
	}
}
