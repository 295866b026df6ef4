package delivery_test

import (
	"net/http"
	"testing"
	"time"

	"hookline/shared/api"
	"hookline/shared/stack/stacktest"
)

// TestSentAgain sends all deliveries that failed again by a job, and one of the events to a webhook that never got it. The
// receiver gets the same bytes under the same id every time, and the API shows them.
func TestSentAgain(t *testing.T) {
	t.Parallel()
	const events, waits = 5, 4 // of axiestudio's ladder
	r := &stacktest.Receiver{Answer: stacktest.Status(500)}
	stacktest.World{Receiver: r}.Run(t, func(t *testing.T, s *stacktest.Stack) {
		acme := s.Tenant("acme", "axiestudio")
		hook := acme.Webhook(stacktest.Hook("user.created")).ID
		other := acme.Webhook(stacktest.Hook("user.deleted")).ID
		made := acme.PublishBatch(stacktest.Batch(events, "user.created", nil))
		stacktest.Pass(time.Hour)
		if got := len(acme.Deliveries("&status=failed")); got != events {
			t.Fatalf("got %d failed deliveries, want %d", got, events)
		}
		r.Set(nil)
		job := acme.Replay(hook, "failed")
		stacktest.Pass(time.Minute)
		if got := acme.Job(job.ID); got.Status != "done" || got.Started != events {
			t.Errorf("got the job %+v, want it done with %d started", got, events)
		}
		var again api.Delivery
		acme.Do(http.StatusAccepted, "POST", "/v1/events/"+made[0].ID+"/replay", map[string]any{"webhook_id": other}, &again)
		stacktest.Pass(time.Second)

		bodies := make(map[string]map[string]bool) // by id
		for _, req := range r.Requests() {
			id := stacktest.Header(req, "webhook-id")
			if bodies[id] == nil {
				bodies[id] = make(map[string]bool)
			}
			bodies[id][string(req.Body)] = true
		}
		deliveries := acme.Deliveries("")
		if len(deliveries) != events+1 {
			t.Errorf("got %d deliveries, want %d", len(deliveries), events+1)
		}
		for _, d := range deliveries {
			attempts := 1 + waits + 1
			if d.ID == again.ID {
				attempts = 1
			}
			if d.Status != "succeeded" || d.AttemptCount != attempts {
				t.Errorf("%s: got %s after %d attempts, want succeeded after %d", d.ID, d.Status, d.AttemptCount, attempts)
			}
			shown := acme.Delivery(d.ID)
			if sent := bodies[d.EventID]; len(sent) != 1 || shown.Body == nil || !sent[*shown.Body] {
				t.Errorf("%s: got the bodies %v, and %+v is shown", d.ID, sent, shown)
			}
			if shown.RequestHeaders["webhook-id"] != d.EventID {
				t.Errorf("%s: headers are shown as %v, want the event's id", d.ID, shown.RequestHeaders)
			}
		}
		if got, want := r.ByID()[made[0].ID], 1+waits+1+1; got != want {
			t.Errorf("got %d requests of the event that was sent to both, want %d", got, want)
		}
	})
}
