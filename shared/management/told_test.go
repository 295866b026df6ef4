package management_test

import (
	"net/http"
	"testing"

	"hookline/shared/api"
	"hookline/shared/faultinject"
	"hookline/shared/queue"
	"hookline/shared/stack"
	"hookline/shared/stack/stacktest"
)

// TestUntold shows that a webhook is not made when nobody can be told of it.
func TestUntold(t *testing.T) {
	t.Parallel()
	down := true
	w := stacktest.World{Receiver: &stacktest.Receiver{}, LogsErrors: true, WrapQueues: func(queues map[string]queue.Queue) {
		queues[stack.IngestQueue] = faultinject.Queue(queues[stack.IngestQueue], faultinject.QueueFaults{
			Before: func(call string) error { return stacktest.FaultIf(down && call == "Send") },
		})
	}}
	w.Run(t, func(t *testing.T, s *stacktest.Stack) {
		acme := s.Tenant("acme", "standard")
		acme.Do(http.StatusServiceUnavailable, "POST", "/v1/webhooks", stacktest.Hook("*"), nil)
		var l api.List[api.CreatedWebhook]
		if acme.Do(http.StatusOK, "GET", "/v1/webhooks", nil, &l); len(l.Data) != 0 {
			t.Errorf("got %d webhooks, want none", len(l.Data))
		}
		down = false
		acme.Webhook(stacktest.Hook("*"))
	})
}
