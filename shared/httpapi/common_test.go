package httpapi_test

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"hookline/shared/webhook"
)

// callsOf returns every call of the document, with ids that exist for acme's key; admin ones are marked.
func (w *world) calls() []aCall {
	w.t.Helper()
	hook := w.webhook(w.key)
	rec, pending := record("acme", hook, "evt_1", w.now.Now()), record("acme", hook, "evt_2", w.now.Now())
	rec.Status, pending.Status = webhook.Failed, webhook.Pending
	for _, d := range []webhook.Delivery{rec, pending} {
		if err := w.store.SaveDelivery(w.t.Context(), d, webhook.Rev{}); err != nil {
			w.t.Fatal(err)
		}
	}
	job := w.do("POST", "/v1/webhooks/"+hook+"/replay", w.key, `{"since":"2026-03-20T11:00:00Z"}`).str("id")
	spare := w.do("POST", "/v1/keys", w.key, `{"name":"spare","scopes":["events:write"]}`).str("id")
	w.dialect("house", `"key":"base64"`, `"key":"utf8"`, `"max":64`, `"max":80`).is(201) // of plain keys, as the document's example
	var calls []aCall
	for path, ops := range document(w.t).Paths {
		for method, op := range ops {
			c := aCall{method: strings.ToUpper(method), pattern: path, path: path, id: path}
			switch {
			case strings.HasPrefix(path, "/v1/tenants/"):
				c.id, c.given = "acme", true
			case path == "/v1/webhooks/try-filter":
			case strings.HasPrefix(path, "/v1/event-types/"):
				c.id, c.given = "invoice.paid", true
			case strings.HasPrefix(path, "/v1/webhooks/"):
				c.id, c.isolated = hook, true
			case path == "/v1/deliveries/{id}/cancel":
				c.id, c.isolated = pending.ID(), true
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
			c.named = strings.Contains(path, "{")
			if c.isolated = c.isolated && c.named; c.named {
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
			if c.body {
				examples := op.RequestBody.Content["application/json"].Examples
				for _, name := range slices.Sorted(maps.Keys(examples)) {
					c.examples = append(c.examples, string(examples[name].Value))
				}
			}
			calls = append(calls, c)
		}
	}
	slices.SortFunc(calls, func(a, b aCall) int { return strings.Compare(a.path+a.method, b.path+b.method) })
	return calls
}

type aCall struct {
	method, pattern, path, id, absent, scope string
	kind                                     string   // of a receiver's source
	examples                                 []string // of its body
	named, given, isolated, body, optional   bool
}

// TestEveryCallRefuses holds the order and the words of refusals. Who is refused is in TestAuthorisation.
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
			const junk = "{"                  // neither JSON nor reached
			if c.named && c.method != "PUT" { // which makes what is not there
				w.do(c.method, c.absent, right, junk, "Content-Type: text/plain").problem(404, "not-found")
				w.do(c.method, c.absent, right, junk, "Idempotency-Key: k").problem(404, "not-found")
			}
			if !c.body {
				return
			}
			big := strings.Repeat(" ", 1<<20) + "{"
			w.do(c.method, c.path, right, big, "Content-Type: text/plain").problem(415, "unsupported-media-type")
			for coding, named := range map[string]string{"gzip": "gzip", "identity, br": "br", " GZip ": "GZip"} {
				if r := w.do(c.method, c.path, right, "{}", "Content-Encoding: "+coding).problem(415, "unsupported-media-type"); !strings.Contains(r.body, "Content-Encoding "+named+";") {
					t.Errorf("%s is not named in %s", named, r.body)
				}
			}
			w.do(c.method, c.path, right, big).problem(413, "too-large")
			for _, bad := range []string{junk, "{}{}", "{\"a\":\"\xff\"}", "{}\xef\xbb\xbf", "\xef\xbb\xbf\xef\xbb\xbf{}", "{'a':1}", " "} {
				w.do(c.method, c.path, right, bad, "Idempotency-Key: \x01").problem(400, "not-json")
			}
			if !c.optional {
				w.do(c.method, c.path, right, "").problem(400, "not-json")
			}
			for _, wrong := range []string{"null", `"text"`, "7", "true", "\xef\xbb\xbfnull"} {
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

// TestByteOrderMark shows that a mark before JSON is no part of it (RFC 8259, section 8.1).
func TestByteOrderMark(t *testing.T) {
	w := newWorld(t)
	const mark, one = "\xef\xbb\xbf", `{"type":"webhook.test","data":{"message":"a"},"id":"e1"}`
	first := w.do("POST", "/v1/events", w.key, mark+one, "Idempotency-Key: k").is(202)
	if again := w.do("POST", "/v1/events", w.key, one, "Idempotency-Key: k").is(202); again.body != first.body {
		t.Errorf("without the mark: got %s, want %s", again.body, first.body)
	}
	w.do("POST", "/v1/events", w.key, mark+"["+strings.Replace(one, "e1", "e2", 1)+"]").is(202)
	if got := w.events.got[0]; got.ID != "e1" || string(got.Data) != `{"message":"a"}` {
		t.Errorf("published %s %s", got.ID, got.Data)
	}
	large := strings.Replace(one, `"a"`, `"`+strings.Repeat("x", webhook.MaxDataBytes)+`"`, 1)
	w.do("POST", "/v1/events", w.key, mark+large).problem(413, "too-large")
	w.do("POST", "/v1/events", w.key, mark).problem(400, "not-json")
}

// TestUnknownParameters holds every call but those that are no API's to the parameters it has.
func TestUnknownParameters(t *testing.T) {
	w := newWorld(t)
	for _, c := range w.calls() {
		key, presigned := w.key, []string{"X-Amz-Signature"}
		switch c.scope {
		case "":
			continue
		case "admin":
			key, presigned = adminKey, nil
		}
		t.Run(c.method+" "+c.path, func(t *testing.T) {
			w := *w
			w.t = t
			body := ""
			if c.body {
				body = "{}"
			}
			for query, fields := range map[string][]string{
				"surprise=1": {"surprise"}, "a&b=&Limit=1": {"Limit", "a", "b"}, "=1": {"query"}, "a;b": {"query"}, "%zz=1": {"query"},
				"surprise&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=00": append([]string{"surprise"}, presigned...),
			} {
				var got struct{ Errors []webhook.FieldError }
				w.do(c.method, c.path+"?"+query, key, body, "Idempotency-Key: k").problem(422, "invalid").into(&got)
				for _, field := range fields {
					if !slices.ContainsFunc(got.Errors, func(e webhook.FieldError) bool { return e.Field == field }) {
						t.Errorf("%s: got %+v, want %s named", query, got.Errors, field)
					}
				}
				if presigned == nil && slices.ContainsFunc(got.Errors, func(e webhook.FieldError) bool { return strings.HasPrefix(e.Field, "X-Amz-") }) {
					t.Errorf("%s: got %+v, want a presigned request's own parameters taken", query, got.Errors)
				}
			}
			if c.isolated && c.named && !strings.HasPrefix(c.path, "/v1/keys/") { // of several faults the first that is documented
				w.do(c.method, c.absent+"?surprise=1", key, body).problem(404, "not-found")
			}
		})
	}
	w.do("GET", "/v1/tenants/acme?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=c&X-Amz-Date=d&X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Security-Token=t&X-Amz-Signature=00", adminKey, "").is(200)
	for _, path := range []string{"/openapi.json", "/docs", "/healthz"} {
		rec := httptest.NewRecorder()
		w.handler.ServeHTTP(rec, w.request("GET", path+"?utm_source=mail&v=2", "", ""))
		if rec.Code != http.StatusOK {
			t.Errorf("%s: got %d, want 200 whatever the query", path, rec.Code)
		}
	}
	report := `{"deployed_at":"2026-03-20T12:00:00Z","environment":"e","commit_sha":"c","repository_id":"r","repository_url":"https://example.com"}`
	w.do("POST", "/webhooks/deployments/custom/"+w.source(w.key, "custom")+"?added=by-a-product", "", report, proof("custom", report)...).is(201)
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

// TestDocumentIsAsStrict holds the document to refuse by form what the server refuses by form, and to take what it takes.
func TestDocumentIsAsStrict(t *testing.T) {
	w := newWorld(t)
	hook := w.webhook(w.key)
	long := strings.Repeat("x", 201)
	const urlEvents = `"url":"https://example.com/","events":["*"]`
	for _, c := range []struct {
		call, at      string
		refused, fine []string
	}{
		{"POST /v1/tenants", "/v1/tenants", []string{
			`{"id":"a b","name":"N","dialect":"standard"}`, `{"id":"a","name":"N\n","dialect":"standard"}`, `{"id":"a","name":"","dialect":"standard"}`,
			`{"id":"a","name":"` + long + `","dialect":"standard"}`, `{"id":"a","name":"N","dialect":"Standard!"}`,
			`{"id":"a","name":"N","dialect":"standard","notify_email":"ops"}`, `{"id":"a","name":"N","dialect":"standard","notify_email":"j\u00f6rg@example.com"}`,
			`{"id":"a","name":"N","dialect":"standard","frame_ancestors":["https://a.example/path"]}`, `{"id":"a","name":"N","dialect":"standard","surprise":1}`,
		}, []string{
			`{"id":"t1","name":"Ä 😀","dialect":"standard","notify_email":"ops@b\u00fccher.example","frame_ancestors":["HTTPS://A.example:8443/"]}`,
		}},
		{"PATCH /v1/tenant", "/v1/tenant", []string{`{"name":"a\u0085b"}`, `{"notify_email":"@example.com"}`, `{"frame_ancestors":["https://*.example"]}`}, []string{`{"notify_email":null}`, `{}`}},
		{"POST /v1/keys", "/v1/keys", []string{`{"name":"a\tb","scopes":["events:write"]}`, `{"name":"a","scopes":[]}`, `{"name":"a","scopes":["x"]}`}, []string{`{"name":"a","scopes":["events:write"]}`}},
		{"POST /v1/webhooks", "/v1/webhooks", []string{
			`{"url":"ftp://example.com/","events":["*"]}`, `{"url":"https://example.com/5%","events":["*"]}`, `{"url":"https://example.com/#top","events":["*"]}`,
			`{"url":"https://exa mple.com/","events":["*"]}`, `{"url":"https://example.com/","events":["a..b"]}`, `{"url":"https://example.com/","events":["a.b.c.d.e.*"]}`,
			`{` + urlEvents + `,"name":"a\u007f"}`, `{` + urlEvents + `,"headers":{"a b":"c"}}`, `{` + urlEvents + `,"headers":{"A":" b"}}`,
			`{` + urlEvents + `,"headers":{"A":"\u00e9"}}`, `{` + urlEvents + `,"metadata":{"":"v"}}`, `{` + urlEvents + `,"secret":"` + strings.Repeat("x", 1025) + `"}`,
		}, []string{
			`{"url":"HTTPS://b\u00fccher.example/a b?q=\u00e9|%41","events":["a.b.c.d.*","a.b.c.d.e","*"],"name":"","headers":{"A":"","B":"a\tb","C":null}}`,
		}},
		{"PATCH /v1/webhooks/" + hook, "/v1/webhooks/{id}", []string{`{"url":"example.com"}`, `{"headers":{"A":"b\r\n"}}`}, []string{`{"url":"https://example.com?x=1","headers":null}`}},
		{"POST /v1/webhooks/import", "/v1/webhooks/import", []string{
			`[{` + urlEvents + `,"created_at":"2024-05-01"}]`, `[{` + urlEvents + `,"created_at":"2024-05-01t08:00:00z"}]`, `[{` + urlEvents + `,"id":"a/b"}]`,
		}, []string{`[{` + urlEvents + `,"created_at":"2024-05-01T08:00:00.5+02:00","id":"old:1"}]`}},
		{"POST /v1/webhooks/" + hook + "/replay", "/v1/webhooks/{id}/replay", []string{
			`{"since":"2026-03-20 11:00:00Z"}`, `{"since":"2026-03-20T11:00:60Z"}`, `{"since":"2026-03-20T11:00:00+24:00"}`,
		}, []string{`{"since":"2026-03-20T11:00:00Z","until":null,"dry_run":true}`}},
		{"POST /v1/events", "/v1/events", []string{
			`{"type":"invoice.paid","data":{},"timestamp":"2026-03-20T11:00:00,5Z"}`, `{"type":"a b","data":{}}`, `{"type":"invoice.paid","data":[]}`,
		}, []string{`{"type":"invoice.paid","data":{},"timestamp":"2026-03-20T11:00:00+05:30"}`}},
		{"POST /v1/sources", "/v1/sources", []string{`{"kind":"custom","name":"a\nb"}`, `{"kind":"cvs","name":"a"}`}, []string{`{"kind":"custom","name":"a"}`}},
		{"POST /v1/webhooks/try-filter", "/v1/webhooks/try-filter", []string{`{"filter":{"a":[1]},"type":"a b"}`, `{"filter":{"a":[1]},"type":"","data":{}}`}, []string{`{"filter":{"a":[1]},"data":{}}`}},
	} {
		method, target, _ := strings.Cut(c.call, " ")
		key := w.key
		if c.at == "/v1/tenants" {
			key = adminKey
		}
		pointer := "/paths/" + strings.ReplaceAll(c.at, "/", "~1") + "/" + strings.ToLower(method) + "/requestBody/content/application~1json/schema"
		for _, body := range c.refused {
			w.do(method, target, key, body).problem(422, "invalid")
			if judge(t, c.call, pointer, body) == nil {
				t.Errorf("%s: the document takes %s", c.call, body)
			}
		}
		for _, body := range c.fine {
			if r := w.do(method, target, key, body); r.status >= 300 {
				t.Errorf("%s %s: got %d %s", c.call, body, r.status, r.body)
			}
			validate(t, c.call, pointer, body)
		}
	}
	for name, values := range map[string]map[string]bool{
		"since":  {"2026-03-20T11:00:00Z": true, "2026-03-20T11:00:00.123%2B01:00": true, "2026-03-20": false, "2026-03-20T11:00:00": false, "2026-03-20T24:00:00Z": false, "2026-03-20T1:00:00Z": false, "2026-03-20T11:00:00,5Z": false},
		"cursor": {"a%20b": false, "%00": false},
	} {
		for value, fine := range values {
			if got := w.do("GET", "/v1/deliveries?"+name+"="+value, w.key, "").status; (got == 200) != fine {
				t.Errorf("%s=%s: got %d", name, value, got)
			}
			plain, err := url.QueryUnescape(value)
			if err != nil {
				t.Fatal(err)
			}
			quoted, _ := json.Marshal(plain) // a text
			if err := judge(t, name, "/components/parameters/query."+name+"/schema", string(quoted)); (err == nil) != fine {
				t.Errorf("%s=%s: the document says %v", name, value, err)
			}
		}
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
		"/v1/webhooks/x": "DELETE, GET, HEAD, PATCH", "/v1/webhooks/import": "POST", "/v1/webhooks/try-filter": "POST",
		"/webhooks/deployments/github/x": "POST",
	} {
		r := w.do("PUT", path, "", "").problem(405, "method-not-allowed")
		if got := r.header.Get("Allow"); got != allow {
			t.Errorf("%s: got Allow %q, want %q", path, got, allow)
		}
	}
	// A path of its own is no webhook's: no webhook gets such an id, and one that has it goes by another spelling.
	for _, word := range []string{"import", "try-filter"} {
		for _, method := range []string{"GET", "PATCH", "DELETE"} {
			w.do(method, "/v1/webhooks/"+word, w.key, "{}").problem(405, "method-not-allowed")
		}
		w.do("POST", "/v1/webhooks/import", w.key, `[{"id":"`+word+`","url":"https://example.com/","events":["*"]}]`).faults("0.id")
	}
	if err := w.store.CreateWebhook(w.t.Context(), webhook.Webhook{Ref: webhook.Ref{Tenant: "acme", ID: "import"}}); err != nil {
		t.Fatal(err)
	}
	w.do("DELETE", "/v1/webhooks/%69mport", w.key, "").is(204)
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
		w.now.Pass(1e9)
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
			w.do("GET", path+"?limit=0&Cursor=x&unknown=1", key, "").faults("Cursor", "limit", "unknown")
			whole := w.do("GET", path+"?limit=100", key, "").is(200)
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
