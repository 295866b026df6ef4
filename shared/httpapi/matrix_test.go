package httpapi_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"hookline/infra/figures"
	"hookline/shared/gateway"
	"hookline/shared/httpapi"
	"hookline/shared/portal"
	"hookline/shared/stack/stacktest"
	"hookline/shared/webhook"
)

// caller is a credential of the matrix: a column, where a call is a row.
type caller struct {
	sign func(*http.Request) *http.Request
	want func(aCall) (status int, code string) // 0 where the call is open to it
	aws  bool                                  // the front is AWS's
	key  string                                // its Idempotency-Key
}

// victims is the Idempotency-Key of all of the victim's calls.
const victims = "of-the-victim"

// matrix is the authorisation matrix: the API with a victim, acme, and an attacker, globex.
type matrix struct {
	*world
	private      []string // texts that are the victim's alone
	untold       string   // the victim's rows, before all
	cells, leaks int
}

// TestAuthorisation makes every call of the table with every credential, and the attacker's with whatever it may have of the
// victim's in path, query, body, cursor and Idempotency-Key. No answer has a text of the victim, and no row of it changes.
func TestAuthorisation(t *testing.T) {
	m := &matrix{world: newWorld(t)}
	accept := m.builder.Ingest()
	accept.Delivery, accept.Queue, accept.Now = m.bulk, m.bulk, m.now.Now
	m.api.Publisher = accept
	calls := m.victim()
	if got, want := len(calls), len(httpapi.Routes()); got != want {
		t.Fatalf("%d calls in the document, %d in the table", got, want)
	}
	callers := m.callers()
	cursors := m.cursors(calls)
	m.untold = stacktest.Rows(t, m.file, "acme")
	for _, c := range calls {
		t.Run(c.method+" "+c.pattern, func(t *testing.T) {
			w := *m.world
			w.t = t
			n := *m
			n.world = &w
			if c.named && !c.given && !c.isolated && c.kind == "" && c.pattern != "/docs/{name}" {
				t.Errorf("world.calls does not say whose %s is", c.pattern)
			}
			for _, name := range slices.Sorted(maps.Keys(callers)) {
				n.refused(name, callers[name], c)
			}
			n.attack(c, cursors)
			if got := stacktest.Rows(t, n.file, "acme"); got != n.untold {
				n.leaks++
				t.Errorf("the victim's rows changed: got\n%s\nwant\n%s", got, n.untold)
			}
			m.cells, m.leaks = n.cells, n.leaks
		})
	}
	figures.Note(t, "authorisation cells / leaks", fmt.Sprintf("%d / %d", m.cells, m.leaks))
}

// victim fills acme with things, and remembers what nobody else may see.
func (m *matrix) victim() []aCall {
	m.t.Helper()
	calls := m.calls()
	for _, c := range calls {
		if c.isolated && !slices.Contains(m.private, c.id) {
			m.private = append(m.private, c.id)
		}
	}
	const text = "of the victim alone"
	made := m.do("POST", "/v1/webhooks", m.key, `{"url":"https://victim.example/hook","events":["*"],"name":"`+text+`","metadata":{"k":"`+text+`"},
		"headers":{"X-Token":"token `+text+`"}}`, "Idempotency-Key: "+victims).is(201)
	m.do("POST", "/v1/sources", m.key, `{"kind":"gitlab","name":"`+text+`","secret":"source secret"}`, "Idempotency-Key: "+victims).is(201)
	m.do("POST", "/v1/keys", m.key, `{"name":"`+text+`","scopes":["events:write"]}`, "Idempotency-Key: "+victims).is(201)
	event := m.do("POST", "/v1/events", m.key, `{"type":"invoice.paid","id":"order:victim","data":{"x":"`+text+`"}}`, "Idempotency-Key: "+victims).is(202)
	m.private = append(m.private, text, "victim.example", made.str("id"), made.str("secret"), event.str("id"), m.key, webhook.HashAPIKey(m.key), "source secret")
	for _, c := range calls { // with the bodies that the attacker will send
		if c.method == "POST" && c.scope != "admin" && c.scope != "" && !c.isolated {
			m.do(c.method, c.path, m.key, c.examples[0], "Idempotency-Key: "+victims)
		}
	}
	return calls
}

// cursors returns the next_cursor of each of the victim's lists.
func (m *matrix) cursors(calls []aCall) (out []string) {
	m.t.Helper()
	for _, c := range calls {
		if c.method != "GET" || c.scope == "admin" || !slices.Contains(httpapi.ParametersOf(c.method+" "+c.pattern), "cursor") {
			continue
		}
		if next := m.do("GET", c.path+"?limit=1", m.key, "").is(200).str("next_cursor"); next != "" {
			out = append(out, next)
		}
	}
	if len(out) < 4 {
		m.t.Fatalf("got %d cursors, want those of webhooks, keys, sources and event types at least", len(out))
	}
	return out
}

func bearer(key string) func(*http.Request) *http.Request {
	return func(r *http.Request) *http.Request {
		r.Header.Set("Authorization", "Bearer "+key)
		return r
	}
}

// callers returns the credentials. Those of a right scope are the attacker's (see attack).
func (m *matrix) callers() map[string]caller {
	m.t.Helper()
	unknown := func(c aCall) (int, string) {
		if c.scope == "" {
			return 0, ""
		}
		return 401, "unauthorized"
	}
	// of returns what a tenant's credential with these scopes is answered.
	of := func(scopes ...string) func(aCall) (int, string) {
		return func(c aCall) (int, string) {
			switch {
			case c.scope == "" || slices.Contains(scopes, c.scope):
				return 0, ""
			case c.scope == "admin":
				return 403, "admin-only"
			}
			return 403, "missing-scope"
		}
	}
	deleted := m.do("POST", "/v1/keys", m.key, `{"name":"deleted","scopes":["`+strings.Join(webhook.Scopes(), `","`)+`"]}`).is(201)
	m.do("DELETE", "/v1/keys/"+deleted.str("id"), m.key, "").is(204)
	orphan := m.tenant("gone", "standard")
	gone, err := m.store.Tenant(m.t.Context(), "gone")
	if err != nil {
		m.t.Fatal(err)
	}
	m.do("DELETE", "/v1/tenants/gone", adminKey, "").is(204)
	// visit is a visit of a link of the tenant's that its maker's key would not narrow.
	visit := func(t webhook.Tenant) func(*http.Request) *http.Request {
		k := portal.New(t, "", m.now.Now(), time.Hour).Key(webhook.Key{})
		return func(r *http.Request) *http.Request {
			return r.WithContext(httpapi.WithCaller(r.Context(), httpapi.Caller{Key: k}))
		}
	}
	acme, err := m.store.Tenant(m.t.Context(), "acme")
	if err != nil {
		m.t.Fatal(err)
	}
	header := func(value string) func(*http.Request) *http.Request {
		return func(r *http.Request) *http.Request {
			if r.Header.Del("Authorization"); value != "" {
				r.Header.Set("Authorization", value)
			}
			return r
		}
	}
	out := map[string]caller{
		"no key":                         {sign: header(""), want: unknown},
		"an empty key":                   {sign: header("Bearer "), want: unknown},
		"a key without a scheme":         {sign: header(m.key), want: unknown},
		"a key of another scheme":        {sign: header("Basic " + m.key), want: unknown},
		"a garbage key":                  {sign: bearer("hk_" + strings.Repeat("x", 40)), want: unknown},
		"a key's hash":                   {sign: bearer(webhook.HashAPIKey(m.key)), want: unknown},
		"a deleted key":                  {sign: bearer(deleted.str("key")), want: unknown},
		"a deleted tenant's key":         {sign: bearer(orphan), want: unknown},
		"the victim's portal":            {sign: visit(acme), want: of(portal.Scopes()...)},
		"the admin's key, for AWS":       {sign: bearer(adminKey), want: unknown, aws: true},
		"a tenant's key, for admin, AWS": {sign: bearer(m.key), aws: true, want: of(webhook.Scopes()...)},
		"a deleted tenant's portal visit": {sign: visit(gone), want: func(c aCall) (int, string) {
			if status, code := of(portal.Scopes()...)(c); status != 0 || c.scope == "" {
				return status, code
			}
			return 401, "unauthorized"
		}},
		"the admin": {sign: bearer(adminKey), want: func(c aCall) (int, string) {
			if c.scope == "" || c.scope == "admin" {
				return 0, ""
			}
			return 403, "tenant-only"
		}},
	}
	for _, scope := range webhook.Scopes() {
		rest := slices.DeleteFunc(webhook.Scopes(), func(s string) bool { return s == scope })
		out["a key of "+scope+" alone"] = caller{sign: bearer(m.scoped(scope)), want: of(scope)}
		out["a key without "+scope] = caller{sign: bearer(m.scoped(rest...)), want: of(rest...)}
	}
	return out
}

// try makes a request and counts its answer. sent are texts of the victim's that the caller gave itself, and may get back.
func (m *matrix) try(who caller, method, target, body string, sent ...string) (status int, answer string, header http.Header) {
	m.t.Helper()
	r := httptest.NewRequestWithContext(m.t.Context(), method, "http://localhost"+target, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if who.key != "" {
		r.Header.Set("Idempotency-Key", who.key)
	}
	if who.aws {
		m.api.AdminKeyHash, m.api.Admin = "", gateway.Admin
		defer func() { m.api.AdminKeyHash, m.api.Admin = webhook.HashAPIKey(adminKey), nil }()
	}
	rec := httptest.NewRecorder()
	m.handler.ServeHTTP(rec, who.sign(r))
	m.cells++
	shown := rec.Body.String() + fmt.Sprint(rec.Header())
	for _, text := range m.private {
		if strings.Contains(shown, text) && !slices.Contains(sent, text) {
			m.leaks++
			m.t.Errorf("%s %s: got %q of the victim's in %s", method, target, text, shown)
		}
	}
	if rec.Code >= 500 {
		m.t.Errorf("%s %s %s: got %d %s", method, target, body, rec.Code, rec.Body)
	}
	return rec.Code, rec.Body.String(), rec.Header()
}

// refused makes a call with a credential that does not open it, with a body that could be taken and one that could not.
func (m *matrix) refused(name string, who caller, c aCall) {
	m.t.Helper()
	status, code := who.want(c)
	if status == 0 {
		return // the answer is the credential's own: other tests have it
	}
	who.key = victims
	for _, body := range append([]string{"{", ""}, c.examples...) {
		got, answer, header := m.try(who, c.method, c.path, body)
		if got != status || c.method != "HEAD" && !strings.Contains(answer, `"code":"`+code+`"`) {
			m.leaks++
			m.t.Errorf("%s: got %d %s, want %d %s", name, got, answer, status, code)
		}
		if asks := header.Get("WWW-Authenticate"); (got == 401) != strings.HasPrefix(asks, "Bearer") {
			m.t.Errorf("%s: got %d and WWW-Authenticate %q", name, got, asks)
		}
	}
}

// attack makes a call as the attacker, who may make it for its own tenant.
func (m *matrix) attack(c aCall, cursors []string) {
	m.t.Helper()
	attacker := caller{sign: bearer(m.other)}
	repeating := caller{sign: bearer(m.other), key: victims}
	if c.scope == "admin" {
		return // refused: it has no such credential
	}
	if c.kind != "" {
		m.attackReceiver(c)
		return
	}
	bodies := append([]string{""}, c.examples...)
	ids := append(slices.Clone(m.private), "made_up_1")
	if testing.Short() { // under the race detector
		ids = ids[:3]
	}
	if c.isolated {
		for _, body := range append(bodies, "{") {
			status, got, _ := m.try(attacker, c.method, c.path, body)
			absent, want, _ := m.try(attacker, c.method, c.absent, body)
			if status != 404 || absent != 404 || got != want {
				m.leaks++
				m.t.Errorf("%q: another tenant's is told from an absent one: got %d %s and %d %s", body, status, got, absent, want)
			}
		}
		for _, id := range m.private { // also in the place of things of other kinds
			before, after, _ := strings.Cut(c.pattern, "{id}")
			if status, got, _ := m.try(attacker, c.method, before+url.PathEscape(id)+after, "", id); status != 404 {
				m.t.Errorf("%s: got %d %s, want 404", id, status, got)
			}
		}
		return
	}
	for _, name := range httpapi.ParametersOf(c.method + " " + c.pattern) {
		for _, value := range append(slices.Clone(ids), cursors...) {
			m.try(attacker, c.method, c.path+"?"+url.Values{name: {value}}.Encode(), bodies[len(bodies)-1], value)
		}
	}
	m.try(attacker, c.method, c.path, "")
	for _, body := range c.examples {
		if _, _, header := m.try(repeating, c.method, c.path, body); header.Get("Idempotent-Replayed") != "" {
			m.leaks++
			m.t.Errorf("%s: the victim's Idempotency-Key has an answer for the attacker", body)
		}
		var doc any
		if json.Unmarshal([]byte(body), &doc) != nil {
			continue
		}
		for _, id := range ids {
			each(doc, func(set func(string), was string) {
				set(id)
				raw, err := json.Marshal(doc)
				if err != nil {
					m.t.Fatal(err)
				}
				m.try(attacker, c.method, c.path, string(raw), id)
				set(was)
			})
		}
	}
}

// each calls put for every string in a document, with a function that sets it.
func each(v any, put func(set func(string), was string)) {
	switch in := v.(type) {
	case []any:
		for i, item := range in {
			if was, ok := item.(string); ok {
				put(func(s string) { in[i] = s }, was)
			}
			each(item, put)
		}
	case map[string]any:
		for name, item := range in {
			if was, ok := item.(string); ok {
				put(func(s string) { in[name] = s }, was)
			}
			each(item, put)
		}
	}
}

// attackReceiver reports to the victim's source without its secret.
func (m *matrix) attackReceiver(c aCall) {
	m.t.Helper()
	for _, key := range []string{"", m.other, m.key, adminKey} { // no key of ours opens it
		for _, body := range append([]string{"", "{"}, c.examples...) {
			if status, got, _ := m.try(caller{sign: bearer(key)}, c.method, c.path, body); status != 401 {
				m.leaks++
				m.t.Errorf("got %d %s, want 401", status, got)
			}
			if status, got, _ := m.try(caller{sign: bearer(key)}, c.method, c.absent, body); status != 404 {
				m.t.Errorf("got %d %s for a source that is not there, want 404", status, got)
			}
		}
	}
}
