package httpapi_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"hookline/shared/gateway"
	"hookline/shared/httpapi"
	"hookline/shared/portal"
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
	k, err := w.store.KeyByHash(t.Context(), webhook.HashAPIKey(w.key))
	if err != nil {
		t.Fatal(err)
	}
	pin, err := w.store.FindPin(t.Context(), "acme", "key "+k.ID+" POST /v1/webhooks", "k")
	if err != nil || len(pin.Answer) == 0 || strings.Contains(string(pin.Answer), first.str("secret")) {
		t.Errorf("got %q, %v", pin.Answer, err)
	}

	w.now.Pass(24 * time.Hour)
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
	w.now.Pass(time.Second)
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
	again := w.do("POST", "/v1/events", w.key, event, "Idempotency-Key: k").is(202)
	if again.body != first.body || len(w.events.got) != 1 {
		t.Errorf("got %s, want %s", again.body, first.body)
	}
	// Other credentials' keys are theirs, though they publish for the same tenant.
	admins := w.do("POST", "/v1/tenants/acme/events", adminKey, event, "Idempotency-Key: k").is(202)
	others := w.do("POST", "/v1/events", w.scoped("events:write"), event, "Idempotency-Key: k").is(202)
	if admins.body == first.body || others.body == first.body || len(w.events.got) != 3 {
		t.Errorf("got %s and %s, the answer of another credential is %s", admins.body, others.body, first.body)
	}
	w.do("POST", "/v1/tenants/acme/events", adminKey, event, "Idempotency-Key: k").is(202)
	if len(w.events.got) != 3 {
		t.Error("the admin's repeat is published")
	}
	w.do("POST", "/v1/events", w.key, event+" ", "Idempotency-Key: k").problem(409, "idempotency-key-reused")
	w.do("POST", "/v1/tenants/absent/events", adminKey, event, "Idempotency-Key: k").problem(404, "not-found")
}

// An answer that holds a key, a link or a secret is given again to whom it was given, and to nobody else who knows the
// Idempotency-Key and the body.
func TestIdempotencyKeyOfAnotherCredential(t *testing.T) {
	w := newWorld(t)
	hook := w.webhook(w.key)
	tests := map[string]struct {
		path, body string
		scope      string // that the other key has, and no other
		secret     string // the field of the answer
		want       int    // that the other key gets
	}{
		"a key of all scopes":  {"/v1/keys", `{"name":"k","scopes":["keys:write","events:write"]}`, "keys:write", "key", 422},
		"a key of few scopes":  {"/v1/keys", `{"name":"k","scopes":["keys:write"]}`, "keys:write", "key", 201},
		"a webhook's secret":   {"/v1/webhooks", newHook, "webhooks:write", "secret", 201},
		"an import's secrets":  {"/v1/webhooks/import", "[" + newHook + "]", "webhooks:write", "", 201},
		"a secret as rotated":  {"/v1/webhooks/" + hook + "/rotate-secret", `{}`, "webhooks:write", "secret", 200},
		"a source's secret":    {"/v1/sources", `{"kind":"github","name":"CI"}`, "sources:write", "secret", 201},
		"a portal link":        {"/v1/portal-links", `{}`, "tenant:write", "url", 201},
		"without its scope":    {"/v1/webhooks", newHook, "events:read", "secret", 403},
		"what is not a secret": {"/v1/webhooks/" + hook + "/test", `{}`, "webhooks:write", "delivery_id", 200},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := *w
			w.t = t
			once := "Idempotency-Key: " + name
			first := w.do("POST", tt.path, w.key, tt.body, once)
			if first.status >= 300 {
				t.Fatalf("got %d %s", first.status, first.body)
			}
			w.now.Pass(time.Second)
			other := w.do("POST", tt.path, w.scoped(tt.scope), tt.body, once)
			if other.status != tt.want || other.header.Get("Idempotent-Replayed") != "" {
				t.Errorf("another key got %d %s, replayed %q, want %d of its own", other.status, other.body, other.header.Get("Idempotent-Replayed"), tt.want)
			}
			if tt.secret != "" && strings.Contains(other.body, first.str(tt.secret)) || other.body == first.body {
				t.Errorf("another key got %s, which is the first one's %s", other.body, first.body)
			}
			session := w.request("POST", tt.path, "", tt.body, once)
			k, err := w.store.KeyByHash(t.Context(), webhook.HashAPIKey(w.key))
			if err != nil {
				t.Fatal(err)
			}
			w.now.Pass(time.Second)
			link := portal.Link{ID: "pl_" + tt.scope, Tenant: "acme", Maker: k.Hash}
			session = session.WithContext(httpapi.WithCaller(t.Context(), httpapi.Caller{Key: link.Key(k)}))
			if got := w.send(session); got.header.Get("Idempotent-Replayed") != "" {
				t.Errorf("a portal session got the first one's answer %s", got.body)
			}
			if again := w.do("POST", tt.path, w.key, tt.body, once); again.body != first.body || again.header.Get("Idempotent-Replayed") != "true" {
				t.Errorf("its own credential got %s, want %s again", again.body, first.body)
			}
		})
	}
}

// Of those whom IAM authorised a role is one credential, whichever session of it calls.
func TestIdempotencyKeyOfARole(t *testing.T) {
	w := newWorld(t)
	w.api.Admin = gateway.Admin
	handle := gateway.Handler(w.api.Handler())
	call := func(arn string) string {
		e := event("POST /v1/tenants/{id}/keys", "POST", "/v1/tenants/acme/keys", true)
		e.RequestContext.Authorizer.IAM.UserARN = arn
		e.Headers["idempotency-key"], e.Body = "k", `{"name":"k","scopes":["events:write"]}`
		a, err := handle(t.Context(), e)
		if err != nil || a.StatusCode != 201 {
			t.Fatalf("%s: got %d %s, %v", arn, a.StatusCode, a.Body, err)
		}
		return a.Body
	}
	const account = "arn:aws:sts::123456789012:"
	first := call(account + "assumed-role/backend/session-1")
	if again := call(account + "assumed-role/backend/session-2"); again != first {
		t.Errorf("another session of the role got %s, want %s", again, first)
	}
	for _, other := range []string{
		account + "assumed-role/backend-2/session-1", account + "federated-user/backend", "arn:aws:iam::123456789012:user/backend",
		"arn:aws:sts::210987654321:assumed-role/backend/session-1",
	} {
		if got := call(other); got == first {
			t.Errorf("%s got the answer that was given to the role", other)
		}
	}
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

		w.now.Pass(fast(time.Minute))
		w.do("POST", "/v1/webhooks", w.key, newHook, "Idempotency-Key: k").problem(409, "idempotency-key-in-use")
		w.now.Pass(time.Millisecond)
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
