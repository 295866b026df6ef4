package conformance

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"hookline/shared/queue"
	"hookline/shared/stack"
)

// soon is how long a thing may take that nothing delays, on a busy machine.
const soon = 2 * time.Minute

// TestAWSEndToEnd runs the system over the engines of production, in real time and over sockets: the handlers, pollers
// and HTTP API are those of every other run.
func TestAWSEndToEnd(t *testing.T) {
	t.Parallel()
	s := startSystem(t, t.TempDir(), openAWS(t))
	t.Run("side by side", func(t *testing.T) {
		for name, scenario := range map[string]func(t *testing.T, s *system){
			"a whole ladder, a redrive, a replay": wholeLadder,
			"an edit holds for what is queued":    edited,
			"a deleted webhook's is dropped":      deleted,
			"an inactive webhook's fails":         inactive,
			"a rotation overlaps":                 rotated,
			"long rungs wait in RetryQueue":       longRung,
			"600 webhooks through IngestQueue":    fanOut,
			"entries of the event bus":            eventBus,
			"a repeat is not sent again":          repeated,
			"410 disables":                        gone,
			"a pace is kept":                      paced,
			"1,000 webhooks are imported":         moved,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				scenario(t, s)
			})
		}
	})
	t.Run("poison is a dead letter at once", func(t *testing.T) { poison(t, s) })
	t.Run("a receiver that hangs holds up nobody", func(t *testing.T) { hangs(t, s) })
}

// hangs: more batches than there are at a time are for a receiver that does not answer. Another tenant's events arrive
// before any of those POSTs is over.
func hangs(t *testing.T, s *system) {
	over := make(chan struct{})
	bad := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // a server notices that its client is gone only after that
		select {
		case <-over:
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(bad.Close)
	t.Cleanup(func() { close(over) })
	good := startTarget(t, always(http.StatusOK))
	hung, acme := s.in(t).tenant("hung", "standard"), s.in(t).tenant("unhindered", "standard")
	hung.do(http.StatusCreated, "POST", "/v1/webhooks", map[string]any{"url": bad.URL, "events": []string{"*"}, "timeout_seconds": 30}, nil)
	acme.webhook(good.URL, "*")
	var batch []map[string]any
	for range 100 {
		batch = append(batch, map[string]any{"type": "order.placed", "data": map[string]any{}})
	}
	for range 7 {
		hung.do(http.StatusAccepted, "POST", "/v1/events", batch, nil)
	}
	const events = 20
	acme.do(http.StatusAccepted, "POST", "/v1/events", batch[:events], nil)
	until(t, soon, "all delivered", func() (bool, any) { got := len(good.got()); return got == events, got })
	var list struct{ Data []struct{ ID string } }
	hung.do(http.StatusOK, "GET", "/v1/deliveries", nil, &list)
	if len(list.Data) > 0 {
		t.Errorf("%d or more of the POSTs that hang were over before the others' had begun", len(list.Data))
	}
}

// wholeLadder: all attempts of the shortest ladder, then a dead letter, which SQS's own move task brings back.
func wholeLadder(t *testing.T, s *system) {
	r := startTarget(t, always(http.StatusInternalServerError))
	acme := s.in(t).tenant("ladder", "axiestudio")
	acme.webhook(r.URL, "user.created")
	acme.publish("user.created")
	ladder := []time.Duration{2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second}
	d := acme.becomes("failed", len(ladder)+1, 2*time.Minute)
	for i, rung := range ladder {
		// SQS counts whole seconds, rounded up.
		if wait := d.Attempts[i+1].StartedAt.Sub(d.Attempts[i].StartedAt); wait < rung || wait > rung+4*time.Second {
			t.Errorf("wait %d: got %v, want %v", i+1, wait, rung)
		}
	}
	admin := s.in(t)
	var dead struct {
		Depth int
		Tasks []struct{ ID, Status, Destination string }
	}
	until(t, soon, "one dead letter", func() (bool, any) {
		admin.do(http.StatusOK, "GET", "/v1/dead-letters", nil, &dead)
		return dead.Depth == 1, dead
	})
	r.set(always(http.StatusOK))
	var started struct{ ID string }
	admin.do(http.StatusAccepted, "POST", "/v1/dead-letters/redrive", nil, &started)
	d = acme.becomes("succeeded", len(ladder)+2, soon)
	until(t, soon, "the task completed", func() (bool, any) {
		admin.do(http.StatusOK, "GET", "/v1/dead-letters", nil, &dead)
		return dead.Depth == 0 && len(dead.Tasks) == 1 && dead.Tasks[0].Status == "COMPLETED", dead
	})
	if dead.Tasks[0].ID != started.ID {
		t.Errorf("the task is %+v, started as %s", dead.Tasks[0], started.ID)
	}
	acme.do(http.StatusAccepted, "POST", "/v1/deliveries/"+d.ID+"/replay", nil, nil)
	acme.becomes("succeeded", len(ladder)+3, soon)
}

func edited(t *testing.T, s *system) {
	r := startTarget(t, secondTry)
	acme := s.in(t).tenant("edited", "standard")
	id := acme.webhook(r.URL+"/old", "*")
	acme.publish("order.placed")
	acme.becomes("pending", 1, soon)
	acme.do(http.StatusOK, "PATCH", "/v1/webhooks/"+id, map[string]any{"url": r.URL + "/new", "headers": map[string]string{"X-Token": "t"}}, nil)
	r.set(always(http.StatusOK))
	acme.becomes("succeeded", 2, soon)
	got := r.got()
	if len(got) != 2 || got[1].path != "/new" || got[1].header.Get("X-Token") != "t" {
		t.Errorf("got %+v, want the second request at /new with its token", got)
	}
}

// deleted: a second webhook shows that the time of the first one's retry has come and gone.
func deleted(t *testing.T, s *system) {
	r := startTarget(t, always(http.StatusInternalServerError))
	acme := s.in(t).tenant("deleted", "axiestudio")
	id := acme.webhook(r.URL+"/deleted", "user.created")
	kept := acme.webhook(r.URL+"/kept", "user.created")
	acme.publish("user.created")
	until(t, soon, "both called", func() (bool, any) { got := len(r.got()); return got >= 2, got })
	acme.do(http.StatusNoContent, "DELETE", "/v1/webhooks/"+id, nil, nil)
	count := func(path string) (n int) {
		for _, h := range r.got() {
			if h.path == path {
				n++
			}
		}
		return n
	}
	before := count("/deleted") // on a busy machine the retry may have been quicker
	until(t, soon, "the other called again and again", func() (bool, any) { got := count("/kept"); return got >= before+2, got })
	if got := count("/deleted"); got > before {
		t.Errorf("got %d requests after the deletion, want none", got-before)
	}
	acme.do(http.StatusNoContent, "DELETE", "/v1/webhooks/"+kept, nil, nil) // it must not become a dead letter
}

func inactive(t *testing.T, s *system) {
	r := startTarget(t, secondTry)
	acme := s.in(t).tenant("inactive", "standard")
	id := acme.webhook(r.URL, "*")
	acme.publish("order.placed")
	acme.becomes("pending", 1, soon)
	acme.do(http.StatusOK, "PATCH", "/v1/webhooks/"+id, map[string]any{"active": false}, nil)
	var d delivered
	until(t, soon, "the delivery failed", func() (bool, any) {
		d = acme.deliveries()[0]
		return d.Status == "failed", d
	})
	if got := len(r.got()); got != 1 {
		t.Errorf("got %d requests, want 1", got)
	}
	acme.do(http.StatusOK, "PATCH", "/v1/webhooks/"+id, map[string]any{"active": true}, nil)
	acme.do(http.StatusAccepted, "POST", "/v1/deliveries/"+d.ID+"/replay", nil, nil)
	until(t, soon, "the replay succeeded", func() (bool, any) {
		d = acme.deliveries()[0]
		return d.Status == "succeeded", d
	})
}

func rotated(t *testing.T, s *system) {
	r := startTarget(t, secondTry)
	acme := s.in(t).tenant("rotated", "standard")
	id := acme.webhook(r.URL, "*")
	acme.publish("order.placed")
	acme.becomes("pending", 1, soon)
	acme.do(http.StatusOK, "POST", "/v1/webhooks/"+id+"/rotate-secret", map[string]any{}, nil)
	acme.becomes("succeeded", 2, soon)
	for i, want := range []int{1, 2} {
		if got := len(strings.Fields(r.got()[i].header.Get("Webhook-Signature"))); got != want {
			t.Errorf("request %d: got %d signatures, want %d", i+1, got, want)
		}
	}
}

// longRung: the second rung, of 5 minutes, is a message of its own with a delay.
func longRung(t *testing.T, s *system) {
	r := startTarget(t, always(http.StatusInternalServerError))
	acme := s.in(t).tenant("long", "standard")
	acme.webhook(r.URL, "*")
	before, err := s.queues[stack.RetryQueue].Counts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	acme.publish("order.placed")
	d := acme.becomes("pending", 2, soon)
	next, err := time.Parse(time.RFC3339, *d.NextAttemptAt)
	if err != nil {
		t.Fatal(err)
	}
	if left := time.Until(next); left < 4*time.Minute || left > 6*time.Minute {
		t.Errorf("the next attempt is in %v, want 5 m and a little", left)
	}
	until(t, soon, "a delayed message in RetryQueue", func() (bool, any) {
		got, err := s.queues[stack.RetryQueue].Counts(t.Context())
		return err == nil && got.Delayed > before.Delayed, got
	})
	// A replay supersedes it.
	r.set(always(http.StatusOK))
	acme.do(http.StatusAccepted, "POST", "/v1/deliveries/"+d.ID+"/replay", nil, nil)
	acme.becomes("succeeded", 3, soon)
}

// fanOut: more webhooks than one request sends to, so that the event goes through IngestQueue.
func fanOut(t *testing.T, s *system) {
	const webhooks = 600
	r := startTarget(t, always(http.StatusOK))
	acme := s.in(t).tenant("fan", "standard")
	for i := range webhooks {
		acme.webhook(fmt.Sprintf("%s/%d", r.URL, i), "order.*")
	}
	var made struct{ Matched int }
	acme.do(http.StatusAccepted, "POST", "/v1/events", map[string]any{"type": "order.placed", "data": map[string]any{"text": strings.Repeat("x", 2000)}}, &made)
	if made.Matched != webhooks {
		t.Errorf("matched %d, want %d", made.Matched, webhooks)
	}
	until(t, 2*time.Minute, "every webhook called", func() (bool, any) {
		paths := make(map[string]bool)
		for _, h := range r.got() {
			paths[h.path] = true
		}
		return len(paths) == webhooks, len(paths)
	})
}

// eventBus: what PutEvents takes goes to IngestQueue as the stack's rule would hand it over.
func eventBus(t *testing.T, s *system) {
	r := startTarget(t, always(http.StatusOK))
	acme := s.in(t).tenant("bus", "standard")
	acme.webhook(r.URL, "*")
	put := func(detail string) {
		t.Helper()
		var answer struct{ FailedEntryCount int }
		s.in(t).do(http.StatusOK, "POST", "/", map[string]any{"Entries": []any{
			map[string]any{"Source": "shop", "DetailType": "order.placed", "Detail": detail},
		}}, &answer)
		if answer.FailedEntryCount != 0 {
			t.Errorf("%s: got %d failed entries, want 0", detail, answer.FailedEntryCount)
		}
	}
	put(`{"tenant": "bus", "id": "order-7", "data": {"n": 7}}`)
	put(`{"tenant": "nobody", "data": {}}`)
	acme.becomes("succeeded", 1, soon)
	if got := r.got()[0].header.Get("Webhook-Id"); got != "order-7" {
		t.Errorf("got webhook-id %q, want order-7", got)
	}
	var refused []queue.Received
	until(t, soon, "the bad entry in the ingest dead-letter queue", func() (bool, any) {
		var err error
		refused, err = s.queues[stack.RefusedQueue].Receive(t.Context(), 1, time.Second)
		return len(refused) == 1, err
	})
	var why struct {
		Reason string
		Errors []struct{ Field string }
		Entry  string
	}
	if err := json.Unmarshal([]byte(refused[0].Body), &why); err != nil {
		t.Fatal(err)
	}
	if len(why.Errors) != 1 || why.Errors[0].Field != "detail.tenant" || !strings.Contains(why.Entry, "nobody") {
		t.Errorf("got %+v, want the entry and that its tenant is at fault", why)
	}
}

func repeated(t *testing.T, s *system) {
	r := startTarget(t, always(http.StatusOK))
	acme := s.in(t).tenant("repeated", "standard")
	acme.webhook(r.URL, "*")
	event := map[string]any{"id": "order-1", "type": "order.placed", "data": map[string]any{"n": 1}}
	for range 3 {
		var answer struct{ Matched int }
		acme.do(http.StatusAccepted, "POST", "/v1/events", event, &answer)
		if answer.Matched != 1 {
			t.Errorf("matched %d, want 1", answer.Matched)
		}
	}
	acme.becomes("succeeded", 1, soon)
	if got := len(r.got()); got != 1 {
		t.Errorf("got %d requests, want 1", got)
	}
}

func gone(t *testing.T, s *system) {
	r := startTarget(t, always(http.StatusGone))
	acme := s.in(t).tenant("gone", "standard")
	id := acme.webhook(r.URL, "*")
	acme.publish("order.placed")
	acme.becomes("failed", 1, soon)
	until(t, soon, "the webhook inactive", func() (bool, any) {
		var w struct{ Status string }
		acme.do(http.StatusOK, "GET", "/v1/webhooks/"+id, nil, &w)
		return w.Status == "inactive", w
	})
}

func paced(t *testing.T, s *system) {
	r := startTarget(t, always(http.StatusOK))
	acme := s.in(t).tenant("paced", "standard")
	acme.do(http.StatusCreated, "POST", "/v1/webhooks", map[string]any{"url": r.URL, "events": []string{"*"}, "max_per_second": 1}, nil)
	var batch []map[string]any
	const events = 6
	for range events {
		batch = append(batch, map[string]any{"type": "order.placed", "data": map[string]any{}})
	}
	start := time.Now()
	acme.do(http.StatusAccepted, "POST", "/v1/events", batch, nil)
	until(t, time.Minute, "all delivered", func() (bool, any) { got := len(r.got()); return got == events, got })
	if took := time.Since(start); took < (events-1)*time.Second {
		t.Errorf("%d events took %v at one a second", events, took)
	}
}

// moved: webhooks move in with their secrets. A server can verify what its webhook gets, and the table's stream has it
// counted.
func moved(t *testing.T, s *system) {
	const calls, each = 10, 100
	r := startTarget(t, always(http.StatusOK))
	acme := s.in(t).tenant("moved", "standard")
	key := func(n int) []byte { return fmt.Appendf(nil, "key %d", n) }
	began := time.Now()
	for call := range calls {
		var in []map[string]any
		for i := range each {
			n := call*each + i
			in = append(in, map[string]any{
				"id": fmt.Sprintf("old-%d", n), "url": fmt.Sprintf("%s/%d", r.URL, n), "events": []string{fmt.Sprintf("moved.n%d", n)},
				"secret": "whsec_" + base64.StdEncoding.EncodeToString(key(n)), "created_at": "1999-12-31T23:59:59Z",
			})
		}
		acme.do(http.StatusCreated, "POST", "/v1/webhooks/import", in, nil)
		acme.do(http.StatusConflict, "POST", "/v1/webhooks/import", in, nil)
	}
	t.Logf("%d webhooks imported, and refused once more, in %v", calls*each, time.Since(began))
	acme.publish("moved.n777")
	acme.becomes("succeeded", 1, soon)
	got := r.got()[0]
	mac := hmac.New(sha256.New, key(777))
	fmt.Fprintf(mac, "%s.%s.%s", got.header.Get("webhook-id"), got.header.Get("webhook-timestamp"), got.body)
	if got, want := got.header.Get("webhook-signature"), "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)); got != want {
		t.Errorf("got signature %q, want %q", got, want)
	}
	until(t, soon, "the delivery counted", func() (bool, any) {
		var stats struct {
			Webhooks   struct{ Total int }
			Deliveries struct{ Succeeded, Failed, Pending int }
		}
		acme.do(http.StatusOK, "GET", "/v1/stats", nil, &stats)
		if stats.Webhooks.Total != calls*each {
			t.Fatalf("got %d webhooks, want %d", stats.Webhooks.Total, calls*each)
		}
		return stats.Deliveries.Succeeded == 1 && stats.Deliveries.Failed+stats.Deliveries.Pending == 0, stats
	})
}

func poison(t *testing.T, s *system) {
	if err := s.queues[stack.DeliveryQueue].Send(t.Context(), []queue.Outgoing{{Body: "no message of ours"}}); err != nil {
		t.Fatal(err)
	}
	until(t, soon, "it is in the dead-letter queue, with the reason", func() (bool, any) {
		got, err := s.queues[stack.DeadQueue].Receive(t.Context(), 1, time.Second)
		return len(got) == 1 && strings.Contains(got[0].Body, `"poison":"no message of ours"`), err
	})
}

// TestAWSRestart stops the system with a retry under way and starts it again over what it left.
func TestAWSRestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	open := openAWS(t)
	r := startTarget(t, always(http.StatusInternalServerError))
	first := startSystem(t, dir, open)
	acme := first.tenant("restart", "axiestudio")
	acme.webhook(r.URL, "user.created")
	acme.publish("user.created")
	acme.becomes("pending", 2, soon)
	first.stop()
	r.set(always(http.StatusOK))
	again := startSystem(t, dir, open)
	acme.base = again.base
	until(t, 2*time.Minute, "the delivery succeeded", func() (bool, any) {
		all := acme.deliveries()
		return len(all) == 1 && all[0].Status == "succeeded", all
	})
}
