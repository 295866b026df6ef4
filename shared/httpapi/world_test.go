package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"hookline/shared/brand"
	"hookline/shared/delivery"
	"hookline/shared/dialect"
	"hookline/shared/docs"
	"hookline/shared/erasure"
	"hookline/shared/faultinject"
	"hookline/shared/httpapi"
	"hookline/shared/ingest"
	"hookline/shared/payload"
	"hookline/shared/queue"
	"hookline/shared/replay"
	"hookline/shared/schema"
	"hookline/shared/sqlitedb"
	"hookline/shared/stack"
	"hookline/shared/stack/frontend"
	"hookline/shared/stack/stacktest"
	"hookline/shared/store"
	"hookline/shared/webhook"
)

const adminKey = stacktest.AdminKey

// world is an API over a store in memory, with two tenants.
type world struct {
	t       *testing.T
	api     *httpapi.API
	handler http.Handler
	builder *stack.Builder
	file    *sqlitedb.DB // of the store
	store   store.Store
	faults  faultinject.StoreFaults
	now     *stacktest.Clock
	events  *publisher
	sender  *deliverer
	dead    *deadLetters
	bulk    *stacktest.Outbox
	log     *bytes.Buffer
	key     string // of tenant acme, all scopes
	other   string // of tenant globex, all scopes
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{
		t: t, now: new(stacktest.Clock), log: new(bytes.Buffer), dead: new(deadLetters), bulk: new(stacktest.Outbox),
		events: &publisher{set: stacktest.Dialects(t), answered: map[ingest.IdempotencyKey][]ingest.Result{}},
	}
	w.file = stacktest.OpenFile(t)
	b := stacktest.BuilderOn(t, w.file, &w.faults)
	w.builder = b
	w.store, w.sender = b.Store, &deliverer{store: b.Store, now: w.now.Now}
	w.api = frontend.API(b)
	w.api.Docs, w.api.Publisher, w.api.Deliverer = docs.New(brand.Brand{}), w.events, w.sender
	w.api.CheckSchemas = schema.Check
	w.api.DeadLetters, w.api.RedriveTo = w.dead, "delivery"
	w.api.Erasures = &erasure.Service{Store: b.Store, Queue: w.bulk, Now: w.now.Now, Log: b.Log}
	w.api.Replays = &replay.Service{Store: b.Store, Queue: w.bulk, Now: w.now.Now, Log: b.Log}
	w.api.AdminKeyHash, w.api.Now, w.api.Log = webhook.HashAPIKey(adminKey), w.now.Now, slog.New(slog.NewTextHandler(w.log, nil))
	w.handler = w.api.Handler()
	w.key = w.tenant("acme", "standard")
	w.other = w.tenant("globex", "axiestudio")
	return w
}

func (w *world) tenant(id, dialectName string) (key string) {
	w.t.Helper()
	r := w.do("POST", "/v1/tenants", adminKey, `{"id":"`+id+`","name":"`+id+`","dialect":"`+dialectName+`"}`)
	r.is(201)
	return r.str("api_key")
}

func (w *world) webhook(key string, fields ...string) (id string) {
	w.t.Helper()
	body := `{"url":"https://example.com/hook","events":["*"]` + strings.Join(append([]string{""}, fields...), ",") + `}`
	r := w.do("POST", "/v1/webhooks", key, body)
	r.is(201)
	return r.str("id")
}

// dialect puts a dialect of the deployment's own, made of the built-in "standard". Pairs of old and new change its
// description.
func (w *world) dialect(name string, pairs ...string) reply {
	w.t.Helper()
	description := w.do("GET", "/v1/dialects/standard", adminKey, "").is(200).body
	pairs = append([]string{`"name":"standard"`, `"name":"` + name + `"`}, pairs...)
	return w.do("PUT", "/v1/dialects/"+name, adminKey, strings.NewReplacer(pairs...).Replace(description))
}

// scoped returns a key of acme with only these scopes.
func (w *world) scoped(scopes ...string) string {
	w.t.Helper()
	raw, err := json.Marshal(scopes)
	if err != nil {
		w.t.Fatal(err)
	}
	r := w.do("POST", "/v1/keys", w.key, `{"name":"scoped","scopes":`+string(raw)+`}`)
	r.is(201)
	return r.str("key")
}

// reply is an answer, already held to what every answer must be.
type reply struct {
	t      *testing.T
	what   string
	status int
	header http.Header
	body   string
}

// do sends a request; headers are "Name: value", and one without a value is removed.
func (w *world) do(method, target, key, body string, headers ...string) reply {
	w.t.Helper()
	return w.send(w.request(method, target, key, body, headers...))
}

func (w *world) request(method, target, key, body string, headers ...string) *http.Request {
	w.t.Helper()
	r := httptest.NewRequestWithContext(w.t.Context(), method, "http://localhost"+target, strings.NewReader(body))
	if key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, h := range headers {
		name, value, given := strings.Cut(h, ": ")
		if r.Header.Del(name); given {
			r.Header.Add(name, value)
		}
	}
	return r
}

func (w *world) send(req *http.Request) reply {
	w.t.Helper()
	rec := httptest.NewRecorder()
	w.handler.ServeHTTP(rec, req)
	r := reply{t: w.t, what: req.Method + " " + req.URL.RequestURI(), status: rec.Code, header: rec.Header(), body: rec.Body.String()}
	if !strings.HasPrefix(r.header.Get("X-Request-Id"), "req_") {
		w.t.Errorf("%s: no X-Request-Id", r.what)
	}
	if r.status >= 400 && req.Method != http.MethodHead {
		if got, want := r.header.Get("Content-Type"), "application/problem+json"; got != want {
			w.t.Errorf("%s: got Content-Type %q, want %q", r.what, got, want)
		}
		validate(w.t, r.what, "/components/schemas/Problem", r.body)
		if got := r.num("status"); got != r.status {
			w.t.Errorf("%s: got status %d in the problem, want %d", r.what, got, r.status)
		}
	}
	if r.status < 400 && req.Method != http.MethodHead {
		w.documented(req, r)
	}
	return r
}

// documented holds a successful answer to the OpenAPI document.
func (w *world) documented(req *http.Request, r reply) {
	w.t.Helper()
	for path, ops := range document(w.t).Paths {
		op, ok := ops[strings.ToLower(req.Method)]
		if !ok || !fits(path, req.URL.EscapedPath()) {
			continue
		}
		pointer := "/paths/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(path) + "/" + strings.ToLower(req.Method) + "/responses/"
		found := strconv.Itoa(r.status)
		if _, ok := op.Responses[found]; !ok {
			w.t.Errorf("%s: answered %s, which is not documented", r.what, found)
			return
		}
		if r.status == http.StatusNoContent {
			if r.body != "" {
				w.t.Errorf("%s: 204 with a body", r.what)
			}
			return
		}
		validate(w.t, r.what, pointer+found+"/content/application~1json/schema", r.body)
		return
	}
	w.t.Errorf("%s: not in the document", r.what)
}

func fits(pattern, path string) bool {
	ps, ss := strings.Split(pattern, "/"), strings.Split(path, "/")
	return len(ps) == len(ss) && !slices.ContainsFunc(ps, func(p string) bool {
		i := slices.Index(ps, p)
		return p != ss[i] && !strings.HasPrefix(p, "{")
	})
}

func (r reply) is(status int) reply {
	r.t.Helper()
	if r.status != status {
		r.t.Fatalf("%s: got %d %s, want %d", r.what, r.status, r.body, status)
	}
	return r
}

// problem holds an error to its status and code.
func (r reply) problem(status int, code string) reply {
	r.t.Helper()
	r.is(status)
	if got := r.str("code"); got != code {
		r.t.Errorf("%s: got code %q, want %q", r.what, got, code)
	}
	return r
}

// faults holds a 422 to exactly these fields.
func (r reply) faults(fields ...string) {
	r.t.Helper()
	r.problem(422, "invalid")
	var p struct{ Errors []webhook.FieldError }
	r.into(&p)
	var got []string
	for _, e := range p.Errors {
		got = append(got, e.Field)
		if e.Message == "" {
			r.t.Errorf("%s: no message for %s", r.what, e.Field)
		}
	}
	slices.Sort(got)
	slices.Sort(fields)
	if !slices.Equal(got, fields) {
		r.t.Errorf("%s: got faults %q, want %q (%s)", r.what, got, fields, r.body)
	}
}

func (r reply) into(v any) {
	r.t.Helper()
	if err := json.Unmarshal([]byte(r.body), v); err != nil {
		r.t.Fatalf("%s: %v in %s", r.what, err, r.body)
	}
}

func (r reply) field(name string) any {
	r.t.Helper()
	var m map[string]any
	r.into(&m)
	v, ok := m[name]
	if !ok {
		r.t.Fatalf("%s: no %q in %s", r.what, name, r.body)
	}
	return v
}

func (r reply) str(name string) string { r.t.Helper(); s, _ := r.field(name).(string); return s }

func (r reply) num(name string) int { r.t.Helper(); n, _ := r.field(name).(float64); return int(n) }

// ids returns the ids (or names) of a list's data.
func (r reply) ids() []string {
	r.t.Helper()
	var l struct{ Data []struct{ ID, Name string } }
	r.into(&l)
	ids := []string{}
	for _, d := range l.Data {
		if d.ID == "" {
			d.ID = d.Name
		}
		ids = append(ids, d.ID)
	}
	return ids
}

type openAPI struct {
	Paths map[string]map[string]struct {
		Security    []map[string][]string
		RequestBody *struct {
			Required bool
			Content  map[string]struct {
				Examples map[string]struct{ Value json.RawMessage }
			}
		}
		Responses map[string]any
	}
	Components struct {
		Schemas map[string]json.RawMessage
	}
}

var compiled struct {
	sync.Once
	doc      openAPI
	mu       sync.Mutex
	compiler *jsonschema.Compiler
	err      error
}

func document(t *testing.T) *openAPI {
	t.Helper()
	compiled.Do(func() {
		raw, err := os.ReadFile("openapi.json")
		if err != nil {
			compiled.err = err
			return
		}
		if compiled.err = json.Unmarshal(raw, &compiled.doc); compiled.err != nil {
			return
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
		if err != nil {
			compiled.err = err
			return
		}
		compiled.compiler = jsonschema.NewCompiler()
		compiled.compiler.AssertFormat()
		compiled.err = compiled.compiler.AddResource("openapi.json", doc)
	})
	if compiled.err != nil {
		t.Fatal(compiled.err)
	}
	return &compiled.doc
}

// validate holds JSON to the schema at a pointer into the document.
func validate(t *testing.T, what, pointer, body string) {
	t.Helper()
	if err := judge(t, what, pointer, body); err != nil {
		t.Errorf("%s: %v in %s", what, err, body)
	}
}

// judge returns what the schema at a pointer into the document says against JSON.
func judge(t *testing.T, what, pointer, body string) error {
	t.Helper()
	document(t)
	compiled.mu.Lock()
	schema, err := compiled.compiler.Compile("openapi.json#" + pointer)
	compiled.mu.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(body))
	if err != nil {
		t.Fatalf("%s: %v in %s", what, err, body)
	}
	return schema.Validate(v)
}

// publisher accepts events and remembers them.
type publisher struct {
	set      *dialect.Set
	mu       sync.Mutex
	got      []ingest.Input
	answered map[ingest.IdempotencyKey][]ingest.Result
	err      error
}

// Accept publishes what others than the API hand in.
func (p *publisher) Accept(ctx context.Context, t webhook.Tenant, in []ingest.Input, key *ingest.IdempotencyKey) ([]ingest.Result, error) {
	d, err := p.set.Dialect(ctx, t.Dialect)
	if err != nil {
		return nil, err
	}
	var checked []ingest.Checked
	for _, e := range in {
		c, faults := ingest.Check(d, e)
		if faults != nil {
			return nil, webhook.ErrInvalid(faults...)
		}
		checked = append(checked, c)
	}
	return p.Publish(ctx, t, d, checked, key)
}

func (p *publisher) Publish(_ context.Context, t webhook.Tenant, _ *dialect.Dialect, in []ingest.Checked, key *ingest.IdempotencyKey) ([]ingest.Result, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err != nil {
		return nil, p.err
	}
	if key != nil {
		for first, results := range p.answered {
			if first.Scope == key.Scope && first.Key == t.ID+key.Key {
				if first.Hash != key.Hash {
					return nil, webhook.ErrConflict("idempotency-key-reused", "another body")
				}
				return results, nil
			}
		}
	}
	for _, i := range ingest.Clashing(in) {
		return nil, webhook.ErrInvalid(webhook.FieldError{Field: strconv.Itoa(i) + ".id", Message: ingest.IDTwice})
	}
	var out []ingest.Result
	for _, c := range in {
		e := c.Input()
		if e.ID == "" {
			e.ID = webhook.NewID(webhook.EventPrefix, time.Now())
		}
		p.got = append(p.got, e)
		out = append(out, ingest.Result{ID: e.ID, Type: e.Type, Matched: 1})
	}
	if key != nil {
		p.answered[ingest.IdempotencyKey{Scope: key.Scope, Key: t.ID + key.Key, Hash: key.Hash}] = out
	}
	return out, nil
}

// deliverer answers for a receiver, and records in the store.
type deliverer struct {
	store store.Store
	now   func() time.Time
	mu    sync.Mutex
	tests int
	gate  chan struct{} // a test waits for it, if there is one
	boom  bool
	gone  bool
}

func (d *deliverer) Test(ctx context.Context, _ webhook.Tenant, _ *dialect.Dialect, w webhook.Webhook, eventType string) (webhook.Delivery, error) {
	if d.boom {
		panic("boom: secret detail")
	}
	if d.gate != nil {
		select {
		case <-d.gate:
		case <-ctx.Done():
			return webhook.Delivery{}, ctx.Err()
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.tests++
	rec := record(w.Tenant, w.ID, webhook.NewID(webhook.EventPrefix, d.now()), d.now())
	rec.Type = eventType
	rec.Status = webhook.Failed
	rec.Record(webhook.Attempt{ScheduledAt: d.now(), StartedAt: d.now(), Duration: 1500 * time.Microsecond, StatusCode: 500, Error: webhook.ReasonBadStatus, ResponseBody: "no", ResponseHeaders: map[string]string{"Server": "nginx"}})
	return rec, d.store.SaveDelivery(ctx, rec, webhook.Rev{})
}

func (d *deliverer) Replay(ctx context.Context, key webhook.DeliveryKey) (webhook.Delivery, error) {
	rec, err := d.store.Delivery(ctx, key)
	if err != nil {
		return webhook.Delivery{}, err
	}
	prev := rec.Rev()
	rec.Round, rec.Count, rec.Status, rec.NextAt = rec.Round+1, 0, webhook.Pending, d.now()
	return rec, d.store.SaveDelivery(ctx, rec, prev)
}

func (d *deliverer) Cancel(ctx context.Context, key webhook.DeliveryKey) (webhook.Delivery, error) {
	return (&delivery.Deliverer{Store: d.store, Now: d.now}).Cancel(ctx, key)
}

func (d *deliverer) SendTo(ctx context.Context, t webhook.Tenant, ev webhook.Event, w webhook.Webhook) (webhook.Delivery, error) {
	key := webhook.DeliveryKey{Tenant: t.ID, Webhook: w.ID, Event: ev.ID, AcceptedAt: ev.AcceptedAt}
	rec, err := d.Replay(ctx, key)
	if !webhook.Is(err, webhook.NotFound) {
		return rec, err
	}
	rec = record(t.ID, w.ID, ev.ID, ev.AcceptedAt)
	rec.Type, rec.Status, rec.NextAt = ev.Type, webhook.Pending, d.now()
	return rec, d.store.SaveDelivery(ctx, rec, webhook.Rev{})
}

func (d *deliverer) Sent(_ context.Context, rec webhook.Delivery) ([]byte, []dialect.Header, error) {
	if d.gone {
		return nil, nil, webhook.ErrNotFound("body")
	}
	body, err := payload.Unpack(rec.Body.Inline)
	return body, []dialect.Header{{Name: "webhook-id", Value: rec.Event}, {Name: "X-Token", Value: "********"}}, err
}

func record(tenant, hook, event string, at time.Time) webhook.Delivery {
	return webhook.Delivery{
		DeliveryKey: webhook.DeliveryKey{Tenant: tenant, Webhook: hook, Event: event, AcceptedAt: at},
		Type:        "invoice.paid", Dialect: "standard@1", ContentType: webhook.ContentJSON, Format: webhook.FormatJSON,
		Body: webhook.Payload{Inline: payload.Pack([]byte(`{"type":"invoice.paid"}`))}, Round: 1, ExpiresAt: at.Add(time.Hour),
	}
}

// deadLetters is a queue with one message and one move task at a time.
type deadLetters struct{ moves []queue.Move }

func (d *deadLetters) Counts(context.Context) (queue.Counts, error) {
	return queue.Counts{Visible: 1, InFlight: 1}, nil
}

func (d *deadLetters) StartMove(_ context.Context, to string, rate int) (string, error) {
	if len(d.moves) > 0 {
		return "", queue.ErrMoveRunning
	}
	d.moves = append(d.moves, queue.Move{ID: "mv_1", Destination: to, Status: "RUNNING", ToMove: 2, MaxPerSecond: rate, StartedAt: time.Unix(0, 0)})
	return "mv_1", nil
}

func (d *deadLetters) Moves(context.Context) ([]queue.Move, error) { return d.moves, nil }
