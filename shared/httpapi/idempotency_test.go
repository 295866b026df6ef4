package httpapi_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"hookline/shared/webhook"
)

const newHook = `{"url":"https://example.com/hook","events":["*"]}`

func TestIdempotencyKey(t *testing.T) {
	w := newWorld(t)
	first := w.do("POST", "/v1/webhooks", w.key, newHook, "Idempotency-Key: k").is(201)
	again := w.do("POST", "/v1/webhooks", w.key, newHook, "Idempotency-Key: k").is(201)
	if again.body != first.body || again.header.Get("Content-Type") != first.header.Get("Content-Type") {
		t.Errorf("got %s, want %s", again.body, first.body)
	}
	if first.header.Get("Idempotent-Replayed") != "" || again.header.Get("Idempotent-Replayed") != "true" {
		t.Error("a repeat is not told from the first")
	}
	if first.header.Get("X-Request-Id") == again.header.Get("X-Request-Id") {
		t.Error("two requests with one id")
	}
	w.do("POST", "/v1/webhooks", w.key, newHook+" ", "Idempotency-Key: k").problem(409, "idempotency-key-reused")
	w.do("POST", "/v1/webhooks", w.other, newHook, "Idempotency-Key: k").is(201) // another tenant's key
	w.do("POST", "/v1/webhooks", w.key, newHook, "Idempotency-Key: other").is(201)
	w.do("POST", "/v1/webhooks/"+first.str("id")+"/test", w.key, "", "Idempotency-Key: k").is(200) // another call
	if got := w.do("GET", "/v1/webhooks", w.key, "").num("total"); got != 2 {
		t.Errorf("got %d webhooks, want 2", got)
	}
	// The kept answer holds a secret.
	pin, _, err := w.store.Pin(t.Context(), webhook.Pin{Tenant: "acme", Scope: "POST /v1/webhooks", Key: "k", At: w.now.Now()})
	if err != nil || len(pin.Answer) == 0 || strings.Contains(string(pin.Answer), first.str("secret")) {
		t.Errorf("got %q, %v", pin.Answer, err)
	}

	w.now.pass(24 * time.Hour)
	if late := w.do("POST", "/v1/webhooks", w.key, newHook, "Idempotency-Key: k").is(201); late.str("id") == first.str("id") {
		t.Error("the answer is kept for more than a day")
	}
}

func TestIdempotencyKeyOfARefusedCall(t *testing.T) {
	w := newWorld(t)
	w.do("POST", "/v1/webhooks", w.key, `{}`, "Idempotency-Key: k").problem(422, "invalid")
	w.do("POST", "/v1/webhooks", w.key, newHook, "Idempotency-Key: k").is(201)
	w.do("POST", "/v1/webhooks", w.key, `{`, "Idempotency-Key: k").problem(400, "not-json")
}

func TestIdempotencyKeyOutlivesItsObject(t *testing.T) {
	w := newWorld(t)
	id := w.webhook(w.key)
	path := "/v1/webhooks/" + id + "/test"
	first := w.do("POST", path, w.key, "", "Idempotency-Key: k").is(200)
	w.do("DELETE", "/v1/webhooks/"+id, w.key, "").is(204)
	if again := w.do("POST", path, w.key, "", "Idempotency-Key: k").is(200); again.body != first.body {
		t.Errorf("got %s, want %s", again.body, first.body)
	}
	w.do("POST", path, w.key, "", "Idempotency-Key: new").problem(404, "not-found")
	w.do("POST", path, w.key, "").problem(404, "not-found")
}

// A tenant that takes a deleted one's id must not see its answers.
func TestIdempotencyKeyOfAnEarlierTenant(t *testing.T) {
	w := newWorld(t)
	first := w.do("POST", "/v1/webhooks", w.key, newHook, "Idempotency-Key: k").is(201)
	const newKey = `{"name":"k","scopes":["tenant:read"]}`
	made := w.do("POST", "/v1/tenants/acme/keys", adminKey, newKey, "Idempotency-Key: k").is(201)
	w.do("DELETE", "/v1/tenants/acme", adminKey, "").is(204)
	w.now.pass(time.Second)
	key := w.tenant("acme", "standard")
	if again := w.do("POST", "/v1/tenants/acme/keys", adminKey, newKey, "Idempotency-Key: k").is(201); again.str("key") == made.str("key") {
		t.Errorf("got the earlier tenant's answer %s", again.body)
	}
	if again := w.do("POST", "/v1/webhooks", key, newHook, "Idempotency-Key: k").is(201); again.str("id") == first.str("id") {
		t.Errorf("got the earlier tenant's answer %s", again.body)
	}
	w.do("POST", "/v1/webhooks", key, newHook, "Idempotency-Key: k").is(201)
	if got := w.do("GET", "/v1/webhooks", key, "").num("total"); got != 1 {
		t.Errorf("got %d webhooks, want 1", got)
	}
}

func TestIdempotencyKeyOfPublishing(t *testing.T) {
	w := newWorld(t)
	const event = `{"type":"invoice.paid","data":{}}`
	first := w.do("POST", "/v1/events", w.key, event, "Idempotency-Key: k").is(202)
	again := w.do("POST", "/v1/tenants/acme/events", adminKey, event, "Idempotency-Key: k").is(202)
	if again.body != first.body || len(w.events.got) != 1 {
		t.Errorf("got %s, want %s", again.body, first.body)
	}
	w.do("POST", "/v1/events", w.key, event+" ", "Idempotency-Key: k").problem(409, "idempotency-key-reused")
	w.do("POST", "/v1/tenants/absent/events", adminKey, event, "Idempotency-Key: k").problem(404, "not-found")
}

func TestIdempotencyKeyInParallel(t *testing.T) {
	w := newWorld(t)
	const n = 16
	bodies := make([]string, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { bodies[i] = w.do("POST", "/v1/webhooks", w.key, newHook, "Idempotency-Key: k").body })
	}
	wg.Wait()
	for _, body := range bodies {
		if body != bodies[0] {
			t.Errorf("got %s and %s", body, bodies[0])
		}
	}
	if got := w.do("GET", "/v1/webhooks", w.key, "").num("total"); got != 1 {
		t.Errorf("got %d webhooks, want 1", got)
	}
}

// While the first call is under way a repeat waits: for the answer if it comes, and not for ever.
func TestIdempotencyKeyUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		path := "/v1/webhooks/" + w.webhook(w.key) + "/test"
		w.sender.gate = make(chan struct{})
		var first reply
		var wg sync.WaitGroup
		wg.Go(func() { first = w.do("POST", path, w.key, "", "Idempotency-Key: k") })
		synctest.Wait()

		start := time.Now()
		w.do("POST", path, w.key, "", "Idempotency-Key: k").problem(409, "idempotency-key-in-use")
		if waited := time.Since(start); waited != 5*time.Second {
			t.Errorf("waited for %v, want 5s", waited)
		}
		w.do("POST", path, w.key, `{"event_type":null}`, "Idempotency-Key: k").problem(409, "idempotency-key-reused")

		gone, leave := context.WithCancel(t.Context())
		wg.Go(func() {
			w.send(w.request("POST", path, w.key, "", "Idempotency-Key: k").WithContext(gone)).problem(503, "unavailable")
		})
		synctest.Wait()
		leave()
		synctest.Wait()

		var second reply
		wg.Go(func() { second = w.do("POST", path, w.key, "", "Idempotency-Key: k") })
		synctest.Wait()
		close(w.sender.gate)
		wg.Wait()
		if first.is(200).body != second.is(200).body || w.sender.tests != 1 {
			t.Errorf("got %s and %s of %d tests", first.body, second.body, w.sender.tests)
		}
	})
}

// A first call that died left its key without an answer.
func TestIdempotencyKeyOfADeadCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		fast := func(real time.Duration) time.Duration { return 10 * real }
		w.api.Span = fast
		w.faults.Before = func(call string) error {
			if call == "Repin" {
				return errors.New("the process died")
			}
			return nil
		}
		w.do("POST", "/v1/webhooks", w.key, newHook, "Idempotency-Key: k").is(201)
		w.faults.Before = nil

		w.now.pass(fast(time.Minute))
		w.do("POST", "/v1/webhooks", w.key, newHook, "Idempotency-Key: k").problem(409, "idempotency-key-in-use")
		w.now.pass(time.Millisecond)
		next := w.do("POST", "/v1/webhooks", w.key, newHook, "Idempotency-Key: k").is(201)
		again := w.do("POST", "/v1/webhooks", w.key, newHook, "Idempotency-Key: k").is(201)
		if next.body != again.body {
			t.Errorf("got %s, want %s", again.body, next.body)
		}
	})
}

// An answer whose keeping was reported as failed, and was kept, is given again.
func TestIdempotencyKeyKeptAnyway(t *testing.T) {
	w := newWorld(t)
	w.faults.After = func(call string) error {
		if call == "Repin" {
			return errors.New("the answer was lost")
		}
		return nil
	}
	first := w.do("POST", "/v1/webhooks", w.key, newHook, "Idempotency-Key: k").is(201)
	again := w.do("POST", "/v1/webhooks", w.key, newHook, "Idempotency-Key: k").is(201)
	if first.body != again.body {
		t.Errorf("got %s, want %s", again.body, first.body)
	}
}
