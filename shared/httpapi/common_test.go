package httpapi_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"hookline/shared/webhook"
)

// callsOf returns every call of the document, with ids that exist for acme's key; admin ones are marked.
func (w *world) calls() []aCall {
	w.t.Helper()
	hook := w.webhook(w.key)
	rec := record("acme", hook, "evt_1", w.now.Now())
	rec.Status = webhook.Failed
	if err := w.store.SaveDelivery(w.t.Context(), rec, webhook.Rev{}); err != nil {
		w.t.Fatal(err)
	}
	job := w.do("POST", "/v1/webhooks/"+hook+"/replay", w.key, `{"since":"2026-03-20T11:00:00Z"}`).str("id")
	spare := w.do("POST", "/v1/keys", w.key, `{"name":"spare","scopes":["events:write"]}`).str("id")
	w.dialect("house", `"key":"base64"`, `"key":"utf8"`, `"max":64`, `"max":80`).is(201) // of plain keys, as the document's example
	var calls []aCall
	for path, ops := range document(w.t).Paths {
		for method, op := range ops {
			c := aCall{method: strings.ToUpper(method), path: path, id: path}
			switch {
			case strings.HasPrefix(path, "/v1/tenants/"):
				c.id, c.given = "acme", true
			case path == "/v1/webhooks/try-filter":
			case strings.HasPrefix(path, "/v1/event-types/"):
				c.id, c.given = "invoice.paid", true
			case strings.HasPrefix(path, "/v1/webhooks/"):
				c.id, c.isolated = hook, true
			case strings.HasPrefix(path, "/v1/deliveries/"):
				c.id, c.isolated = rec.ID(), true
			case strings.HasPrefix(path, "/v1/replays/"):
				c.id, c.isolated = job, true
			case strings.HasPrefix(path, "/v1/keys/"):
				c.id, c.isolated = spare, true
			case strings.HasPrefix(path, "/v1/sources/"):
				c.id, c.isolated = w.source(w.key, "custom"), true
			case strings.HasPrefix(path, "/v1/deployments/"):
				c.id, c.isolated = w.deployment(w.key), true
			case strings.HasPrefix(path, "/v1/events/"):
				c.id, c.isolated = w.logged("order-1").ID, true
			case strings.HasPrefix(path, "/webhooks/deployments/"):
				c.kind = strings.Split(path, "/")[3]
				c.id = w.source(w.key, c.kind)
			case strings.HasPrefix(path, "/v1/dialects/"):
				c.id, c.given = "house", true
			}
			if c.named = strings.Contains(path, "{"); c.named {
				c.path = path[:strings.Index(path, "{")] + c.id + path[strings.Index(path, "}")+1:]
				c.absent = path[:strings.Index(path, "{")] + "absent" + path[strings.Index(path, "}")+1:]
			}
			for _, s := range op.Security {
				if scope, ok := s["tenantKey"]; ok {
					c.scope = scope[0]
				} else {
					c.scope = "admin"
				}
			}
			c.body = op.RequestBody != nil
			c.optional = c.body && !op.RequestBody.Required
			calls = append(calls, c)
		}
	}
	slices.SortFunc(calls, func(a, b aCall) int { return strings.Compare(a.path+a.method, b.path+b.method) })
	return calls
}

type aCall struct {
	method, path, id, absent, scope        string
	kind                                   string // of a receiver's source
	named, given, isolated, body, optional bool
}

func TestEveryCallRefuses(t *testing.T) {
	w := newWorld(t)
	n := 0
	for _, c := range w.calls() {
		if c.scope == "" {
			continue
		}
		n++
		right := w.key
		if c.scope == "admin" {
			right = adminKey
		}
		t.Run(c.method+" "+c.path, func(t *testing.T) {
			w := *w
			w.t = t
			const junk = "{" // neither JSON nor reached
			for name, auth := range map[string]string{
				"no key": "Authorization", "empty": "Authorization: Bearer ", "other scheme": "Authorization: Basic " + right,
				"unknown": "Authorization: Bearer hk_unknown", "no scheme": "Authorization: " + right,
			} {
				r := w.do(c.method, c.path, "", junk, auth, "Content-Type: text/plain").problem(401, "unauthorized")
				if got := r.header.Get("WWW-Authenticate"); !strings.HasPrefix(got, "Bearer") {
					t.Errorf("%s: got WWW-Authenticate %q", name, got)
				}
			}
			if c.scope == "admin" {
				w.do(c.method, c.path, w.key, junk, "Content-Type: text/plain").problem(403, "admin-only")
			} else {
				w.do(c.method, c.path, adminKey, junk).problem(403, "tenant-only")
				rest := slices.DeleteFunc(webhook.Scopes(), func(s string) bool { return s == c.scope })
				w.do(c.method, c.path, w.scoped(rest...), junk, "Content-Type: text/plain").problem(403, "missing-scope")
			}
			if c.named && c.method != "PUT" { // which makes what is not there
				w.do(c.method, c.absent, right, junk, "Content-Type: text/plain").problem(404, "not-found")
				w.do(c.method, c.absent, right, junk, "Idempotency-Key: k").problem(404, "not-found")
			}
			if c.isolated && c.named {
				got := w.do(c.method, c.path, w.other, junk).problem(404, "not-found")
				want := w.do(c.method, c.absent, w.other, junk).problem(404, "not-found")
				if got.body != want.body {
					t.Errorf("another tenant's is told from an absent one: %s and %s", got.body, want.body)
				}
			}
			if !c.body {
				return
			}
			big := strings.Repeat(" ", 1<<20) + "{"
			w.do(c.method, c.path, right, big, "Content-Type: text/plain").problem(415, "unsupported-media-type")
			w.do(c.method, c.path, right, "{}", "Content-Encoding: gzip").problem(415, "unsupported-media-type")
			w.do(c.method, c.path, right, big).problem(413, "too-large")
			for _, bad := range []string{junk, "{}{}", "{\"a\":\"\xff\"}", "\xef\xbb\xbf{}", "{'a':1}", " "} {
				w.do(c.method, c.path, right, bad, "Idempotency-Key: \x01").problem(400, "not-json")
			}
			if !c.optional {
				w.do(c.method, c.path, right, "").problem(400, "not-json")
			}
			for _, wrong := range []string{"null", `"text"`, "7", "true"} {
				r := w.do(c.method, c.path, right, wrong).problem(422, "invalid")
				if !strings.Contains(r.body, `"field":"body"`) {
					t.Errorf("%s: the body is not named in %s", wrong, r.body)
				}
			}
			unknown, field := `{"surprise":1}`, "surprise"
			if c.path == "/v1/webhooks/import" { // which takes a list alone
				unknown, field = "["+unknown+"]", "0.surprise"
			}
			r := w.do(c.method, c.path, right, unknown, "Content-Type: application/vnd.acme+json; charset=utf-8").problem(422, "invalid")
			if !strings.Contains(r.body, `"field":"`+field+`"`) {
				t.Errorf("the unknown field is not named in %s", r.body)
			}
			if c.method == "POST" {
				for _, bad := range []string{"", strings.Repeat("k", 256), "sch\u00f6n", "a\tb"} {
					w.do(c.method, c.path, right, "{}", "Idempotency-Key: "+bad).faults("Idempotency-Key")
				}
			}
		})
	}
	if n < 25 {
		t.Errorf("only %d calls", n)
	}
}

func TestExamplesPass(t *testing.T) {
	n := 0
	for path, ops := range document(t).Paths {
		for method, op := range ops {
			if op.RequestBody == nil {
				continue
			}
			for name, example := range op.RequestBody.Content["application/json"].Examples {
				n++
				t.Run(strings.ToUpper(method)+" "+path+" "+name, func(t *testing.T) {
					w := newWorld(t)
					if path == "/v1/tenants" {
						w.do("DELETE", "/v1/tenants/acme", adminKey, "").is(204)
					}
					var named struct {
						WebhookID string `json:"webhook_id"`
					}
					if json.Unmarshal(example.Value, &named) == nil && named.WebhookID != "" {
						if err := w.store.CreateWebhook(t.Context(), webhook.Webhook{Ref: webhook.Ref{Tenant: "acme", ID: named.WebhookID}}); err != nil {
							t.Fatal(err)
						}
					}
					for _, c := range w.callsFor(path, method) {
						key := w.key
						if c.scope == "admin" {
							key = adminKey
						}
						pointer := "/paths/" + strings.ReplaceAll(path, "/", "~1") + "/" + method + "/requestBody/content/application~1json/schema"
						validate(t, name, pointer, string(example.Value))
						var credential []string
						if c.kind != "" {
							key, credential = "", proof(c.kind, string(example.Value))
						}
						if r := w.do(c.method, c.path, key, string(example.Value), credential...); r.status >= 300 {
							t.Errorf("got %d %s", r.status, r.body)
						}
					}
				})
			}
		}
	}
	if n < 15 {
		t.Errorf("only %d examples", n)
	}
}

func (w *world) callsFor(path, method string) []aCall {
	if path == "/v1/tenants" {
		return []aCall{{method: "POST", path: path, scope: "admin"}}
	}
	return slices.DeleteFunc(w.calls(), func(c aCall) bool {
		return !fits(path, c.path) || c.method != strings.ToUpper(method)
	})
}

func TestPaths(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{
		"/", "//v1/tenants", "/v1//tenants", "/v1/tenants/", "/v1/./tenants", "/v1/x/../tenants", "/V1/tenants", "/v1/tenants/acme/",
		"/v1/webhooks/", "/v1/webhooks/a/b", "/v1", "/v1/%74enants", "/v1/portal-links/x", "/v1/statistics", "/v1/webhooks/import/x", "/openapi.json/", "/healthz/x",
	} {
		for _, method := range []string{"GET", "POST", "DELETE"} {
			for _, key := range []string{"", w.key, adminKey} {
				w.do(method, path, key, "").problem(404, "unknown-route")
			}
		}
	}
	for _, path := range []string{"/v1/webhooks/.", "/v1/webhooks/..", "/v1/webhooks/%2e%2e", "/v1/webhooks/a%2Fb", "/v1/webhooks/%00"} {
		w.do("GET", path, w.key, "").problem(404, "not-found")
	}
	for path, allow := range map[string]string{
		"/v1/tenants": "GET, HEAD, POST", "/v1/tenants/acme": "DELETE, GET, HEAD, PATCH", "/v1/events": "GET, HEAD, POST", "/healthz": "GET, HEAD",
	} {
		r := w.do("PUT", path, "", "").problem(405, "method-not-allowed")
		if got := r.header.Get("Allow"); got != allow {
			t.Errorf("%s: got Allow %q, want %q", path, got, allow)
		}
	}
	get, head := w.do("GET", "/v1/tenant", w.key, ""), w.do("HEAD", "/v1/tenant", w.key, "")
	if head.status != 200 || head.body != "" || head.header.Get("Content-Length") != get.header.Get("Content-Length") {
		t.Errorf("got HEAD %d %q %v", head.status, head.body, head.header)
	}
	w.do("HEAD", "/v1/tenant", "", "").is(401)
	w.do("GET", "/healthz", "", "").is(200)
	w.do("GET", "/openapi.json", "", "").is(200)
}

func TestFaultsOfOurs(t *testing.T) {
	w := newWorld(t)
	id := w.webhook(w.key)
	w.sender.boom = true
	r := w.do("POST", "/v1/webhooks/"+id+"/test", w.key, "", "Idempotency-Key: k").problem(500, "internal")
	if strings.Contains(r.body, "boom") {
		t.Errorf("the answer tells of the insides: %s", r.body)
	}
	if got := w.log.String(); !strings.Contains(got, "boom") || !strings.Contains(got, r.header.Get("X-Request-Id")) {
		t.Errorf("the log lacks the panic or its request: %s", got)
	}
	w.sender.boom = false
	w.do("POST", "/v1/webhooks/"+id+"/test", w.key, "", "Idempotency-Key: k").is(200)

	w.log.Reset()
	w.events.err = errors.New("disk on fire")
	r = w.do("POST", "/v1/events", w.key, `{"type":"invoice.paid","data":{}}`).problem(500, "internal")
	if strings.Contains(r.body, "disk") || !strings.Contains(w.log.String(), "disk on fire") {
		t.Errorf("got %s, log %s", r.body, w.log)
	}
	w.events.err = webhook.ErrUnavailable(errors.New("throttled"))
	r = w.do("POST", "/v1/events", w.key, `{"type":"invoice.paid","data":{}}`).problem(503, "unavailable")
	if r.header.Get("Retry-After") == "" || strings.Contains(r.body, "throttled") {
		t.Errorf("got %v %s", r.header, r.body)
	}
}

func TestAdminOfTheFront(t *testing.T) {
	w := newWorld(t)
	w.api.AdminKeyHash = ""
	w.api.Admin = func(r *http.Request) string { return r.Header.Get("X-Signed") }
	w.do("GET", "/v1/tenants", "", "", "X-Signed: yes").is(200)
	w.do("GET", "/v1/tenants", "", "").problem(401, "unauthorized")
	w.do("GET", "/v1/tenants", adminKey, "").problem(401, "unauthorized")
	w.do("GET", "/v1/tenant", "", "", "X-Signed: yes").problem(403, "tenant-only")
}

func TestLists(t *testing.T) {
	w := newWorld(t)
	for range 3 {
		w.webhook(w.key)
		w.now.pass(1e9)
		w.scoped("events:read")
	}
	for path, key := range map[string]string{
		"/v1/tenants": adminKey, "/v1/keys": w.key, "/v1/webhooks": w.key, "/v1/deliveries": w.key, "/v1/event-types": w.key, "/v1/dialects": adminKey,
	} {
		t.Run(path, func(t *testing.T) {
			w := *w
			w.t = t
			for _, bad := range []string{"0", "101", "-1", "x", "", "1.5", "99999999999999999999"} {
				w.do("GET", path+"?limit="+bad, key, "").faults("limit")
			}
			for _, bad := range []string{"nonsense", "", "%00"} {
				w.do("GET", path+"?cursor="+bad, key, "").faults("cursor")
			}
			w.do("GET", path+"?limit=0&cursor=", key, "").faults("limit", "cursor")
			whole := w.do("GET", path+"?limit=100&unknown=1", key, "").is(200)
			var paged []string
			for target := path + "?limit=1"; ; {
				r := w.do("GET", target, key, "").is(200)
				ids := r.ids()
				if len(ids) > 1 {
					t.Fatalf("got %d items, want at most 1", len(ids))
				}
				paged = append(paged, ids...)
				next := r.str("next_cursor")
				if next == "" {
					break
				}
				target = path + "?limit=1&cursor=" + next
			}
			if want := whole.ids(); !slices.Equal(paged, want) {
				t.Errorf("got %q page by page, want %q", paged, want)
			}
			if path != "/v1/deliveries" && len(paged) < 2 {
				t.Errorf("only %d items", len(paged))
			}
		})
	}
}
