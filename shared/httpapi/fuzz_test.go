package httpapi_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"hookline/shared/console/consoletest"
	"hookline/shared/webhook"
)

// fuzzed is an API with the real services behind it, and something of each kind to call it about.
type fuzzed struct {
	world *consoletest.World
	end   func()
	key   string // of tenant acme
	ids   map[string]string
	state string // what can be read, as far as it is known
	made  int    // changes since the world was new
}

// call is a call of the document.
type call struct {
	id, method, path string
	body             bool
}

// callsOf returns the calls of the document that want is true for, in order. Deletions are left out, because what they delete
// is what the other calls are about; dead letters, because the world has no queues of them.
func callsOf(t testing.TB, want func(call) bool) (calls []call) {
	raw, err := os.ReadFile("openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Paths map[string]map[string]struct {
			OperationID string
			RequestBody json.RawMessage
		}
	}
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	for _, path := range slices.Sorted(maps.Keys(doc.Paths)) {
		for _, method := range slices.Sorted(maps.Keys(doc.Paths[path])) {
			op := doc.Paths[path][method]
			c := call{id: op.OperationID, method: strings.ToUpper(method), path: path, body: op.RequestBody != nil}
			if c.method != http.MethodDelete && !strings.Contains(path, "/dead-letters") && want(c) {
				calls = append(calls, c)
			}
		}
	}
	return calls
}

// renew makes a new world, and in it one of each thing that a path can name.
func (z *fuzzed) renew(t testing.TB) {
	if z.end != nil {
		z.end()
	}
	w, end := consoletest.Lasting(t)
	*z = fuzzed{world: w, end: end, key: w.Tenant("acme", "standard")}
	var own map[string]any
	w.Call(200, consoletest.AdminKey, "GET", "/v1/dialects/standard", "", &own)
	delete(own, "version")
	own["name"] = "own"
	description, err := json.Marshal(own)
	if err != nil {
		t.Fatal(err)
	}
	w.Call(201, consoletest.AdminKey, "PUT", "/v1/dialects/own", string(description), nil)
	hook := w.Webhook(z.key)
	w.Webhook(z.key)
	event := w.Publish(z.key, "invoice.paid", `"data":{"amount":1}`)
	w.Publish(z.key, "invoice.paid", `"data":{"amount":2}`)
	w.Delivered(hook, "evt_other", consoletest.Began(), nil)
	z.ids = map[string]string{
		"/v1/tenants/{id}": "acme", "/v1/webhooks/{id}": hook, "/v1/events/{id}": event, "/v1/dialects/{name}": "own",
		"/v1/deliveries/{id}":                     w.Delivered(hook, event, consoletest.Began(), consoletest.Failing("timeout", 0)),
		"/v1/event-types/{name}":                  "invoice.paid",
		"/v1/deployments/{id}":                    w.Deployed(webhook.Deployment{Environment: "live", DeployedAt: consoletest.Began()}).ID,
		"/webhooks/deployments/custom/{id}":       w.Source(z.key, "custom", "one").ID,
		"/webhooks/deployments/github/{id}":       w.Source(z.key, "github", "two").ID,
		"/webhooks/deployments/gitlab/{id}":       w.Source(z.key, "gitlab", "three").ID,
		"/webhooks/deployments/azure-devops/{id}": w.Source(z.key, "azure-devops", "four").ID,
	}
	z.ids["/v1/sources/{id}"] = z.ids["/webhooks/deployments/custom/{id}"]
	z.ids["/docs/{name}"] = "docs.css"
	var job struct{ ID string }
	w.Call(202, z.key, "POST", "/v1/webhooks/"+hook+"/replay", `{"since":"2026-03-01T00:00:00Z","status":"failed"}`, &job)
	z.ids["/v1/replays/{id}"] = job.ID
}

// target returns the path with the ids of things that there are.
func (z *fuzzed) target(t testing.TB, path string) string {
	i := strings.Index(path, "}")
	if i < 0 {
		return path
	}
	id, ok := z.ids[path[:i+1]]
	if !ok {
		t.Fatalf("no id for %s", path)
	}
	return path[:strings.Index(path, "{")] + id + path[i+1:]
}

// send makes a call and holds its answer to what every answer must be, whatever was asked: no panic, no error of ours, a
// refusal in the API's form that names what is at fault, and JSON where it says so.
func (z *fuzzed) send(t testing.TB, r *http.Request) (status int, body string) {
	t.Helper()
	z.world.Log.Reset()
	rec := httptest.NewRecorder()
	z.world.API.ServeHTTP(rec, r)
	status, body = rec.Code, rec.Body.String()
	what := r.Method + " " + r.URL.RequestURI()
	kind := rec.Header().Get("Content-Type")
	switch {
	case status >= 500:
		t.Fatalf("%s: got %d %s, having logged %s", what, status, body, z.world.Log.String())
	case status >= 400:
		var p struct {
			Type, Title, Detail, Code string
			Status                    int
			Errors                    []webhook.FieldError
		}
		if err := json.Unmarshal([]byte(body), &p); err != nil || kind != "application/problem+json" {
			t.Fatalf("%s: got %d in %s, %v: %s", what, status, kind, err, body)
		}
		if p.Status != status || p.Code == "" || p.Title == "" || status == 422 && len(p.Errors) == 0 {
			t.Errorf("%s: got %d with %s", what, status, body)
		}
		for _, e := range p.Errors {
			if e.Message == "" {
				t.Errorf("%s: a fault without a message: %s", what, body)
			}
		}
	case kind == "application/json" && !json.Valid([]byte(body)):
		t.Errorf("%s: got %d with no JSON: %s", what, status, body)
	}
	return status, body
}

// read returns all that the calls under test can change, as it can be read.
func (z *fuzzed) read(t testing.TB) string {
	var all strings.Builder
	for _, target := range []string{
		"/v1/tenants", "/v1/dialects", "/v1/dialects/own", "/v1/tenant", "/v1/keys", "/v1/webhooks", "/v1/sources", "/v1/deployments", "/v1/deliveries",
	} {
		key := z.key
		if strings.HasPrefix(target, "/v1/tenants") || strings.HasPrefix(target, "/v1/dialects") {
			key = consoletest.AdminKey
		}
		r := httptest.NewRequestWithContext(t.Context(), "GET", target, nil)
		r.Header.Set("Authorization", "Bearer "+key)
		_, body := z.send(t, r)
		all.WriteString(body)
	}
	fmt.Fprint(&all, len(z.world.Queued.Sent), len(z.world.Bulk.Sent))
	return all.String()
}

// FuzzBody sends arbitrary bodies to every call that takes one. What is refused has changed nothing.
func FuzzBody(f *testing.F) {
	calls := callsOf(f, func(c call) bool { return c.body })
	raw, err := os.ReadFile("testdata/examples.json")
	if err != nil {
		f.Fatal(err)
	}
	var examples map[string]map[string]json.RawMessage
	if err := json.Unmarshal(raw, &examples); err != nil {
		f.Fatal(err)
	}
	for i, c := range calls {
		for _, example := range examples[c.id] {
			f.Add(uint8(i), []byte(example), "", false)
		}
		f.Add(uint8(i), []byte(`{"id":"\u0000","url":"http://[::1]/","events":["*",1],"filter":{"a":[{"prefix":1}]},"data":[[]],"since":"2026"}`), "k", true)
		f.Add(uint8(i), []byte("[null,{},\"\xff\"]"), "\x00", true)
	}
	var z fuzzed
	z.renew(f)
	f.Fuzz(func(t *testing.T, which uint8, body []byte, idempotency string, admin bool) {
		if z.made > 200 { // so that no limit of a tenant's hides what is behind it
			z.renew(t)
		}
		c := calls[int(which)%len(calls)]
		if z.state == "" {
			z.state = z.read(t)
		}
		r := httptest.NewRequestWithContext(t.Context(), c.method, z.target(t, c.path), bytes.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		if idempotency != "" {
			r.Header.Set("Idempotency-Key", idempotency)
		}
		r.Header.Set("Authorization", "Bearer "+z.key)
		if admin || strings.HasPrefix(c.path, "/v1/tenants") || strings.HasPrefix(c.path, "/v1/dialects") {
			r.Header.Set("Authorization", "Bearer "+consoletest.AdminKey)
		}
		if status, _ := z.send(t, r); status < 400 {
			z.state = ""
			z.made++
			return
		}
		if now := z.read(t); now != z.state {
			t.Errorf("%s %s was refused, and changed\n%s\nto\n%s", c.method, c.path, z.state, now)
		}
	})
}

// FuzzQuery sends arbitrary queries and cursors to every call that reads.
func FuzzQuery(f *testing.F) {
	calls := callsOf(f, func(c call) bool { return c.method == http.MethodGet && strings.HasPrefix(c.path, "/v1/") })
	var z fuzzed
	z.renew(f)
	for i, c := range calls {
		target := z.target(f, c.path)
		for _, query := range []string{"", "limit=1", "status=failed&event_type=*&since=2026-03-01T00:00:00Z&until=x", "limit=-1&limit=9999999999999999999", "%zz=&;"} {
			f.Add(uint8(i), query, "", false)
		}
		r := httptest.NewRequestWithContext(f.Context(), "GET", target+"?limit=1", nil)
		for _, key := range []string{z.key, consoletest.AdminKey} {
			r.Header.Set("Authorization", "Bearer "+key)
			status, body := z.send(f, r)
			var list struct {
				Cursor string `json:"next_cursor"`
			}
			if status == 200 && json.Unmarshal([]byte(body), &list) == nil && list.Cursor != "" {
				for j := range calls { // also where it is another list's
					f.Add(uint8(j), "limit=1", list.Cursor, key != z.key)
				}
			}
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, query, cursor string, admin bool) {
		c := calls[int(which)%len(calls)]
		if cursor != "" {
			query += "&cursor=" + url.QueryEscape(cursor)
		}
		r := httptest.NewRequestWithContext(t.Context(), "GET", z.target(t, c.path), nil)
		r.URL.RawQuery = query
		r.Header.Set("Authorization", "Bearer "+z.key)
		if admin || strings.HasPrefix(c.path, "/v1/tenants") || strings.HasPrefix(c.path, "/v1/dialects") {
			r.Header.Set("Authorization", "Bearer "+consoletest.AdminKey)
		}
		z.send(t, r)
	})
}
