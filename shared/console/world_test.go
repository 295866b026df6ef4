package console_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"html"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"hookline/shared/console"
	"hookline/shared/delivery"
	"hookline/shared/dialect"
	"hookline/shared/docs"
	"hookline/shared/egress"
	"hookline/shared/eventlog"
	"hookline/shared/faultinject"
	"hookline/shared/httpapi"
	"hookline/shared/ingest"
	"hookline/shared/replay"
	"hookline/shared/seal"
	"hookline/shared/store"
	"hookline/shared/store/sqlite"
	"hookline/shared/webhook"
)

const adminKey = "hka_test"

// world is a console over an API over a store in memory.
type world struct {
	t       testing.TB
	api     http.Handler
	console http.Handler
	store   store.Store
	faults  faultinject.StoreFaults
	broken  error           // of the store that the console asks, if not nil
	locked  error           // of the keyring, if not nil
	answer  egress.Response // of every receiver
	mails   mails
	now     time.Time // the deployment's
	queued  outbox    // messages for attempts, which nobody makes
	bulk    outbox    // of replay jobs
	logOff  bool      // there is no event log
	log     bytes.Buffer
}

// mails are those that were sent, by tenant.
type mails map[string][]console.Mail

func (m mails) Sent(_ context.Context, tenant string, since time.Time, most int) (out []console.Mail, more bool, err error) {
	for _, mail := range m[tenant] {
		if !mail.At.Before(since) {
			out = append(out, mail)
		}
	}
	return out[:min(len(out), most)], len(out) > most, nil
}

// builtin is read once: it does not change.
var builtin = sync.OnceValues(dialect.Builtin)

// readFiles is called by hundreds of worlds, and under the race detector was half of what they cost.
var readFiles = sync.OnceValues(console.ReadFiles)

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, mails: mails{}, now: time.Date(2026, 3, 20, 12, 0, 0, 0, time.UTC), answer: egress.Response{Status: 200, Body: "fine"}}
	engine, err := sqlite.New("", sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := engine.Close(); err != nil {
			t.Error(err)
		}
	})
	store := faultinject.Store(engine, &w.faults)
	set, err := builtin()
	if err != nil {
		t.Fatal(err)
	}
	w.store = store
	dialects := &dialect.Library{Builtin: set, Store: store}
	box := seal.Box{Keys: ring{seal.NewStatic("of this deployment"), w}}
	log := slog.New(slog.NewJSONHandler(&w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	events := &eventlog.Log{Store: store}
	w.api = (&httpapi.API{
		Docs: docs.New,
		Now: func() time.Time { // ids sort by their time
			w.now = w.now.Add(time.Millisecond)
			return w.now
		},
		Store: store, Dialects: dialects, Box: box, AdminKeyHash: webhook.HashAPIKey(adminKey), Log: log,
		Deliverer: &delivery.Deliverer{
			Store: store, Health: store, Queues: delivery.Queues{Delivery: &w.queued}, Poster: w, Dialects: dialects, Box: box,
			Now: func() time.Time { return w.now }, Log: log,
		},
		Replays: &replay.Service{Store: store, Queue: &w.bulk, Now: func() time.Time { return w.now }, Log: log},
		Publisher: &ingest.Service{
			Store: store, Dialects: dialects, Delivery: &w.queued, Queue: &w.queued, Events: events, Log: log, Now: func() time.Time { return w.now },
		},
		Events: inLog{events, w},
	}).Handler()
	files, err := readFiles()
	if err != nil {
		t.Fatal(err)
	}
	if w.console, err = (&console.Console{
		Files: files,
		API:   w.api, Store: keys{store, w}, Dialects: dialects, Box: box, Mails: w.mails, Now: func() time.Time { return w.now }, Log: log,
	}).Handler(); err != nil {
		t.Fatal(err)
	}
	return w
}

// ring is the deployment's keyring, unless the world has locked it.
type ring struct {
	seal.Keyring
	w *world
}

func (r ring) Key(ctx context.Context, id string) ([]byte, error) {
	if r.w.locked != nil {
		return nil, r.w.locked
	}
	return r.Keyring.Key(ctx, id)
}

// inLog is the event log, unless the world keeps none.
type inLog struct {
	*eventlog.Log
	w *world
}

func (l inLog) Events(ctx context.Context, tenant string, q webhook.EventQuery) (webhook.List[webhook.LoggedEvent], error) {
	if l.w.logOff {
		return webhook.List[webhook.LoggedEvent]{}, errLogOff()
	}
	return l.Log.Events(ctx, tenant, q)
}

func (l inLog) Event(ctx context.Context, tenant, id string) (webhook.LoggedEvent, error) {
	if l.w.logOff {
		return webhook.LoggedEvent{}, errLogOff()
	}
	return l.Log.Event(ctx, tenant, id)
}

func errLogOff() error {
	return &webhook.Error{Kind: webhook.NotFound, Code: "event-log-off", Message: "no log"}
}

// keys is the store, as long as it is not broken.
type keys struct {
	store.Store
	w *world
}

func (k keys) KeyByHash(ctx context.Context, hash string) (webhook.Key, error) {
	if k.w.broken != nil {
		return webhook.Key{}, k.w.broken
	}
	return k.Store.KeyByHash(ctx, hash)
}

// Post answers in the place of all receivers.
func (w *world) Post(context.Context, egress.Request) egress.Response { return w.answer }

// call asks the API, and fails the test unless it answers with the status.
func (w *world) call(want int, key, method, path, body string, out any) {
	w.t.Helper()
	r := httptest.NewRequestWithContext(w.t.Context(), method, path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+key)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	rec := httptest.NewRecorder()
	w.api.ServeHTTP(rec, r)
	if rec.Code != want {
		w.t.Fatalf("%s %s: got %d %s, want %d", method, path, rec.Code, rec.Body, want)
	}
	if out != nil {
		if err := json.Unmarshal(rec.Body.Bytes(), out); err != nil {
			w.t.Fatal(err)
		}
	}
}

// tenant makes a tenant and returns its key.
func (w *world) tenant(id, dialectName string) string {
	w.t.Helper()
	var made struct {
		Key string `json:"api_key"`
	}
	w.call(201, adminKey, "POST", "/v1/tenants", `{"id":"`+id+`","name":"`+id+`","dialect":"`+dialectName+`"}`, &made)
	return made.Key
}

// scoped returns a key of the same tenant with only these scopes, and its id.
func (w *world) scoped(key string, scopes ...string) (made, id string) {
	w.t.Helper()
	raw, err := json.Marshal(scopes)
	if err != nil {
		w.t.Fatal(err)
	}
	var out struct{ ID, Key string }
	w.call(201, key, "POST", "/v1/keys", `{"name":"scoped","scopes":`+string(raw)+`}`, &out)
	return out.Key, out.ID
}

// webhook makes a webhook and returns its id; fields are JSON members beside the URL and the events.
func (w *world) webhook(key string, fields ...string) string {
	w.t.Helper()
	var made struct{ ID string }
	body := `{"url":"https://example.com/hook","events":["*"]` + strings.Join(append([]string{""}, fields...), ",") + `}`
	w.now = w.now.Add(time.Millisecond) // lists go by when things were made
	w.call(201, key, "POST", "/v1/webhooks", body, &made)
	return made.ID
}

// shown is what the API says of a webhook.
type shown struct {
	URL, Name, Format string
	Active            bool
	Events            []string
	Headers           map[string]string
}

func (w *world) show(key, id string) (s shown) {
	w.t.Helper()
	w.call(200, key, "GET", "/v1/webhooks/"+id, "", &s)
	return s
}

// browser visits the console. It keeps the session's cookie and every answer, and follows nothing.
type browser struct {
	w      *world
	origin string
	htmx   bool
	cookie *http.Cookie // of a key's session
	portal *http.Cookie // of a portal's
	frames string       // the sites that may show its pages in a frame, as a policy has them; "" is none
	seen   []page
}

// browser returns one that is signed in.
func (w *world) browser(key string) *browser {
	w.t.Helper()
	b := w.stranger()
	b.post("/console/sign-in", form("key", key)).leads("/console/webhooks")
	return b
}

// stranger returns one that is not.
func (w *world) stranger() *browser { return &browser{w: w, origin: "http://127.0.0.1:8080"} }

func form(pairs ...string) url.Values {
	out := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		out.Add(pairs[i], pairs[i+1])
	}
	return out
}

func (b *browser) get(target string, headers ...string) page {
	b.w.t.Helper()
	return b.do(http.MethodGet, target, nil, headers...)
}

func (b *browser) post(target string, f url.Values, headers ...string) page {
	b.w.t.Helper()
	return b.do(http.MethodPost, target, f, append([]string{"Sec-Fetch-Site", "same-origin"}, headers...)...)
}

func (b *browser) do(method, target string, f url.Values, headers ...string) page {
	b.w.t.Helper()
	r := httptest.NewRequestWithContext(b.w.t.Context(), method, b.origin+target, strings.NewReader(f.Encode()))
	if f != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if b.htmx {
		r.Header.Set("HX-Request", "true")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	if b.cookie != nil {
		r.AddCookie(&http.Cookie{Name: b.cookie.Name, Value: b.cookie.Value})
	}
	if b.portal != nil {
		r.AddCookie(&http.Cookie{Name: b.portal.Name, Value: b.portal.Value})
	}
	rec := httptest.NewRecorder()
	b.w.console.ServeHTTP(rec, r)
	for _, c := range rec.Result().Cookies() {
		kept := &b.cookie
		if strings.HasSuffix(c.Name, "hookline_portal") {
			kept = &b.portal
		}
		if *kept = c; c.MaxAge < 0 {
			*kept = nil
		}
	}
	p := page{t: b.w.t, frames: cmp.Or(b.frames, "'none'"), what: method + " " + target, status: rec.Code, header: rec.Header(), body: rec.Body.String()}
	b.seen = append(b.seen, p)
	if strings.HasPrefix(p.header.Get("Content-Type"), "text/html") && !testing.Short() { // slow to read under the race detector
		p.plain()
	}
	return p
}

// page is an answer of the console.
type page struct {
	t      testing.TB
	what   string
	frames string
	status int
	header http.Header
	body   string
}

func (p page) is(status int) page {
	p.t.Helper()
	if p.status != status {
		p.t.Fatalf("%s: got %d %s, want %d", p.what, p.status, p.body, status)
	}
	return p
}

// leads holds the answer to a redirect, htmx's or a browser's.
func (p page) leads(to string) {
	p.t.Helper()
	got := p.header.Get("Location") + p.header.Get("HX-Redirect")
	if got != to || p.status != http.StatusSeeOther && p.status != http.StatusNoContent {
		p.t.Fatalf("%s: got %d to %q %s, want to be led to %q", p.what, p.status, got, p.body, to)
	}
}

func (p page) has(texts ...string) page {
	p.t.Helper()
	for _, text := range texts {
		if !strings.Contains(p.body, text) {
			p.t.Errorf("%s: got %s, want %q in it", p.what, p.body, text)
		}
	}
	return p
}

func (p page) lacks(texts ...string) page {
	p.t.Helper()
	for _, text := range texts {
		if strings.Contains(p.body, text) {
			p.t.Errorf("%s: got %s, want no %q in it", p.what, p.body, text)
		}
	}
	return p
}

// plain holds a page to its policy: nothing in it is style or script.
func (p page) plain() {
	p.t.Helper()
	policy := p.header.Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "base-uri 'none'", "frame-ancestors " + p.frames} {
		if !slices.Contains(strings.Split(policy, "; "), want) {
			p.t.Errorf("%s: got Content-Security-Policy %q, want %s in it", p.what, policy, want)
		}
	}
	if strings.Contains(policy, "unsafe-") {
		p.t.Errorf("%s: got Content-Security-Policy %q, want nothing unsafe in it", p.what, policy)
	}
	if got := p.header.Get("Cache-Control"); got != "no-store" {
		p.t.Errorf("%s: got Cache-Control %q, want no-store", p.what, got)
	}
	for _, complaint := range inline(p.body) {
		p.t.Errorf("%s: %s", p.what, complaint)
	}
}

// element is a tag with its attributes. html/template escapes ">" in what it prints, so that a tag ends at the first one.
type element struct {
	name  string
	attrs map[string]string
}

func elements(body string) []element {
	var out []element
	for _, m := range tags().FindAllStringSubmatch(body, -1) {
		e := element{strings.ToLower(m[1]), map[string]string{}}
		for _, a := range attributes().FindAllStringSubmatch(m[2], -1) {
			e.attrs[strings.ToLower(a[1])] = html.UnescapeString(a[2] + a[3] + a[4])
		}
		out = append(out, e)
	}
	return out
}

// Both are compiled once: every page of every test is read.
var (
	tags = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`<([a-zA-Z][a-zA-Z0-9-]*)((?:[^>"']|"[^"]*"|'[^']*')*)>`)
	})
	attributes = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`([^\s"'=/]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"']+)))?`)
	})
)

// inline returns what the policy would refuse.
func inline(body string) []string {
	var found []string
	for _, e := range elements(body) {
		if e.name == "style" || e.name == "script" && e.attrs["src"] == "" {
			found = append(found, "inline <"+e.name+">")
		}
		for _, name := range slices.Sorted(maps.Keys(e.attrs)) {
			if name == "style" || strings.HasPrefix(name, "on") || strings.HasPrefix(name, "hx-on") || strings.HasPrefix(strings.TrimSpace(e.attrs[name]), "javascript:") {
				found = append(found, "<"+e.name+"> with "+name)
			}
		}
	}
	return found
}
