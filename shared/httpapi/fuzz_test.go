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
	"hookline/shared/input"
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
	form             form // of its body
}

// callsOf returns the calls of the document that want is true for, in order. Deletions are left out, because what they delete
// is what the other calls are about; dead letters, because the world has no queues of them.
func callsOf(t testing.TB, want func(call) bool) (calls []call) {
	raw, err := os.ReadFile("openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Components struct{ Schemas map[string]form }
		Paths      map[string]map[string]struct {
			OperationID string
			RequestBody *struct {
				Content map[string]struct{ Schema form }
			}
		}
	}
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	for _, path := range slices.Sorted(maps.Keys(doc.Paths)) {
		for _, method := range slices.Sorted(maps.Keys(doc.Paths[path])) {
			op := doc.Paths[path][method]
			c := call{id: op.OperationID, method: strings.ToUpper(method), path: path, body: op.RequestBody != nil}
			if c.body {
				c.form = op.RequestBody.Content["application/json"].Schema.within(doc.Components.Schemas)
			}
			if c.method != http.MethodDelete && !strings.Contains(path, "/dead-letters") && want(c) {
				calls = append(calls, c)
			}
		}
	}
	return calls
}

// form is what the document says of a body's form, as far as it follows from a field by itself.
type form struct {
	Ref                  string `json:"$ref"`
	AnyOf, OneOf         []form
	Type                 any // a type of JSON, or a list of them
	Required             []string
	Properties           map[string]form
	AdditionalProperties any
	Items                *form
}

// within returns the form with its references of the first three levels followed: of a body, its items, and their fields.
func (f form) within(all map[string]form) form { return f.follow(all, 3) }

func (f form) follow(all map[string]form, levels int) form {
	if levels < 0 {
		return form{}
	}
	if f.Ref != "" {
		f = all[f.Ref[strings.LastIndex(f.Ref, "/")+1:]]
	}
	out := f
	out.AnyOf, out.OneOf, out.Properties = nil, nil, make(map[string]form)
	for _, one := range append(f.AnyOf, f.OneOf...) {
		out.AnyOf = append(out.AnyOf, one.follow(all, levels))
	}
	for name, one := range f.Properties {
		out.Properties[name] = one.follow(all, levels-1)
	}
	if f.Items != nil {
		items := f.Items.follow(all, levels-1)
		out.Items = &items
	}
	return out
}

// takes reports whether a value of JSON may have the form, by its type alone.
func (f form) takes(v any) bool {
	if len(f.AnyOf) > 0 {
		return slices.ContainsFunc(f.AnyOf, func(one form) bool { return one.takes(v) })
	}
	kind := map[bool]string{true: "null"}[v == nil]
	switch v.(type) {
	case bool:
		kind = "boolean"
	case float64:
		kind = "number"
	case string:
		kind = "string"
	case []any:
		kind = "array"
	case map[string]any:
		kind = "object"
	}
	one := func(t any) bool { return t == kind || t == "integer" && kind == "number" }
	if list, ok := f.Type.([]any); ok {
		return slices.ContainsFunc(list, one)
	}
	return f.Type == nil || one(f.Type)
}

// faults returns the fields of a body that are missing, unknown, or of another type, as the API names them.
func (f form) faults(v any, at string) (fields []string) {
	for _, one := range f.AnyOf {
		if one.takes(v) {
			return one.faults(v, at)
		}
	}
	switch v := v.(type) {
	case []any:
		for i, item := range v {
			switch {
			case f.Items == nil:
			case !f.Items.takes(item):
				fields = append(fields, fmt.Sprint(at, i))
			default:
				fields = append(fields, f.Items.faults(item, fmt.Sprint(at, i, "."))...)
			}
		}
	case map[string]any:
		for _, name := range f.Required {
			if _, ok := v[name]; !ok {
				fields = append(fields, at+name)
			}
		}
		for name, value := range v {
			if p, ok := f.Properties[name]; ok && !p.takes(value) || !ok && f.AdditionalProperties == false {
				fields = append(fields, at+name)
			}
		}
	}
	return fields
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

// spoiled returns a body each of whose fields is of another type, with an unknown one beside them.
func spoiled(t testing.TB, example []byte) []byte {
	t.Helper()
	var v any
	if err := json.Unmarshal(example, &v); err != nil {
		t.Fatal(err)
	}
	spoil := func(v any) {
		fields, _ := v.(map[string]any)
		for name, value := range fields {
			if fields[name] = any(1.5); value == nil || name == "data" {
				fields[name] = []any{[]any{}}
			}
		}
		if fields != nil {
			fields["no/such field"] = true
		}
	}
	spoil(v)
	if list, ok := v.([]any); ok {
		for _, item := range list {
			spoil(item)
		}
	}
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return out
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
			f.Add(uint8(i), spoiled(f, example), "", false)
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
		status, answer := z.send(t, r)
		if status < 400 {
			z.state = ""
			z.made++
			return
		}
		if status == http.StatusUnprocessableEntity {
			c.unnamed(t, body, answer)
		}
		if now := z.read(t); now != z.state {
			t.Errorf("%s %s was refused, and changed\n%s\nto\n%s", c.method, c.path, z.state, now)
		}
	})
}

// unnamed complains of the fields of a refused body that the answer does not name. Where another part of the request was
// refused, the body was not looked at.
func (c call) unnamed(t testing.TB, body []byte, answer string) {
	t.Helper()
	var v any
	var p struct{ Errors []webhook.FieldError }
	if json.Unmarshal(body, &v) != nil || json.Unmarshal([]byte(answer), &p) != nil || len(p.Errors) >= input.MaxFaults {
		return
	}
	named := make(map[string]bool)
	for _, e := range p.Errors {
		named[e.Field] = true
	}
	if named["Idempotency-Key"] {
		return
	}
	for _, field := range c.form.faults(v, "") {
		if !named[field] {
			t.Errorf("%s %s: %q is at fault in %s, and not named in %s", c.method, c.path, field, body, answer)
		}
	}
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
