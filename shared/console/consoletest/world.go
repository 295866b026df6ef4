// Package consoletest has the world of the console's tests: a console with the whole API and a store in memory, and a browser
// that visits it.
package consoletest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"hookline/shared/brand"
	"hookline/shared/console"
	"hookline/shared/dialect"
	"hookline/shared/docs"
	"hookline/shared/egress"
	"hookline/shared/erasure"
	"hookline/shared/eventlog"
	"hookline/shared/faultinject"
	"hookline/shared/message"
	"hookline/shared/payload"
	"hookline/shared/queue"
	"hookline/shared/schema"
	"hookline/shared/seal"
	"hookline/shared/stack"
	"hookline/shared/stack/frontend"
	"hookline/shared/stack/pages"
	"hookline/shared/stack/stacktest"
	"hookline/shared/store"
	"hookline/shared/webhook"
)

// AdminKey is the admin key of every world.
const AdminKey = stacktest.AdminKey

// World is a console with its API and a store in memory. Tests can change its fields at any time.
type World struct {
	T       testing.TB
	API     http.Handler
	Console http.Handler
	Rows    func() string // all that is stored
	Store   store.Store
	Faults  faultinject.StoreFaults
	Broken  error           // the answer of the console's store to sign-ins, unless it is nil
	Locked  error           // the answer of the keyring, unless it is nil
	Answer  egress.Response // the answer of every receiver
	Posted  []egress.Request
	Mails   Mails
	Now     time.Time                    // the deployment's
	At      time.Time                    // the console's, if it differs
	Queued  stacktest.Outbox             // messages for attempts, which are not made
	Bulk    stacktest.Outbox             // of replay jobs
	LogOff  bool                         // there is no event log
	Change  func(func(*console.Console)) // changes the console, and its pages with it
	Log     bytes.Buffer
}

// Mails are the mails that were sent, by tenant.
type Mails map[string][]console.Mail

// Sent returns mails to a tenant.
func (m Mails) Sent(_ context.Context, tenant string, since time.Time, most int) (out []console.Mail, more bool, err error) {
	for _, mail := range m[tenant] {
		if !mail.At.Before(since) {
			out = append(out, mail)
		}
	}
	return out[:min(len(out), most)], len(out) > most, nil
}

// New returns an empty world, which ends with the test.
func New(t testing.TB) *World {
	t.Helper()
	return Branded(t, brand.Brand{})
}

// Branded returns an empty world of a deployment with a brand of its own.
func Branded(t testing.TB, of brand.Brand) *World {
	t.Helper()
	w := &World{T: t, Mails: Mails{}, Now: stacktest.Noon(), Answer: egress.Response{Status: 200, Body: "fine"}}
	now := func() time.Time { return w.Now }
	file := stacktest.OpenFile(t)
	w.Rows = func() string { return stacktest.Rows(w.T, file, "") }
	b := stacktest.BuilderOn(t, file, &w.Faults)
	b.Brand = of
	b.Box.Keys, b.Poster = ring{seal.NewStatic("of this deployment"), w}, receivers{w}
	b.Log = slog.New(slog.NewJSONHandler(&w.Log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	deliverer, jobs := b.Deliverer()
	deliverer.Queues.Delivery, deliverer.Now = &w.Queued, now
	jobs.Queue, jobs.Events, jobs.Now = &w.Bulk, nil, now
	accept := b.Ingest()
	accept.Delivery, accept.Queue, accept.Now = &w.Queued, &w.Queued, now
	api := frontend.API(b)
	api.Docs, api.AdminKeyHash, api.Deliverer, api.Replays, api.Publisher = docs.New(b.Brand), webhook.HashAPIKey(AdminKey), deliverer, jobs, accept
	erasures := b.Erasures()
	erasures.Now, erasures.Queue = now, atOnce{erasures}
	api.CheckSchemas, api.Erasures = schema.Check, erasures
	api.Events = inLog{b.Events, w}
	api.Now = func() time.Time { // ids sort by their time
		w.Now = w.Now.Add(time.Millisecond)
		return w.Now
	}
	w.Store, w.API = b.Store, api.Handler()
	own := *b
	own.Queues = stacktest.Queues(t)
	api.DeadLetters, api.RedriveTo = own.Queues[stack.DeadQueue], own.Queues[stack.DeliveryQueue].Name()
	site := pages.Console(&own, w.API)
	site.Files, site.Mails, site.Store = stacktest.Files(t), w.Mails, keys{b.Store, w}
	site.AdminKeyHash, site.Operations.Now = api.AdminKeyHash, now
	site.AllowPrivate = false // trials of dialects keep to the rules of production
	site.Now = func() time.Time {
		if w.At.IsZero() {
			return w.Now
		}
		return w.At
	}
	var err error
	w.Change = func(change func(*console.Console)) {
		t.Helper()
		change(site)
		var err error
		if w.Console, err = site.Handler(); err != nil {
			t.Fatal(err)
		}
	}
	if w.Console, err = site.Handler(); err != nil {
		t.Fatal(err)
	}
	return w
}

// atOnce is the bulk queue of erasures, which are worked on as they are sent. What a deleted tenant left stays.
type atOnce struct{ *erasure.Service }

// Send works on erasures of events.
func (q atOnce) Send(ctx context.Context, msgs []queue.Outgoing) error {
	for _, out := range msgs {
		if m, ok := message.ParseErasure(out.Body); ok && m.Entry != "" {
			if err := q.Work(ctx, m); err != nil {
				return err
			}
		}
	}
	return nil
}

// Lasting returns an empty world that does not end with the test but by end, for a fuzz target, whose every case is a test of
// its own.
func Lasting(t testing.TB) (w *World, end func()) {
	kept := &lasting{TB: t}
	w = New(kept)
	return w, func() {
		for _, f := range slices.Backward(kept.ends) {
			f()
		}
	}
}

// lasting is a test that keeps what is to be done at its end.
type lasting struct {
	testing.TB
	ends []func()
}

func (l *lasting) Cleanup(f func()) { l.ends = append(l.ends, f) }

// ring is the deployment's keyring, unless the world has locked it.
type ring struct {
	seal.Keyring
	w *World
}

func (r ring) Key(ctx context.Context, id string) (seal.Key, error) {
	if r.w.Locked != nil {
		return seal.Key{}, r.w.Locked
	}
	return r.Keyring.Key(ctx, id)
}

// inLog is the event log, unless the world keeps none.
type inLog struct {
	*eventlog.Log
	w *World
}

func (l inLog) Events(ctx context.Context, tenant string, q webhook.EventQuery) (webhook.List[webhook.LoggedEvent], error) {
	if l.w.LogOff {
		return webhook.List[webhook.LoggedEvent]{}, errLogOff()
	}
	return l.Log.Events(ctx, tenant, q)
}

func (l inLog) Event(ctx context.Context, tenant, id string) (webhook.LoggedEvent, error) {
	if l.w.LogOff {
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
	w *World
}

func (k keys) KeyByHash(ctx context.Context, hash string) (webhook.Key, error) {
	if k.w.Broken != nil {
		return webhook.Key{}, k.w.Broken
	}
	return k.Store.KeyByHash(ctx, hash)
}

// receivers answers instead of all receivers.
type receivers struct{ w *World }

func (r receivers) Post(_ context.Context, req egress.Request) egress.Response {
	r.w.Posted = append(r.w.Posted, req)
	return r.w.Answer
}

// Call makes a request to the API, and fails the test unless the answer has the status.
func (w *World) Call(want int, key, method, path, body string, out any) {
	w.T.Helper()
	client := stacktest.Call(w.T, w.API, key)
	if body == "" {
		client.Do(want, method, path, nil, out)
		return
	}
	client.Do(want, method, path, body, out)
}

// Tenant makes a tenant and returns its key.
func (w *World) Tenant(id, dialect string) string {
	w.T.Helper()
	return stacktest.Call(w.T, w.API, AdminKey).Tenant(id, dialect).Key
}

// Scoped returns a key of the same tenant with only these scopes, and its id.
func (w *World) Scoped(key string, scopes ...string) (made, id string) {
	w.T.Helper()
	raw, err := json.Marshal(scopes)
	if err != nil {
		w.T.Fatal(err)
	}
	var out struct{ ID, Key string }
	w.Call(201, key, "POST", "/v1/keys", `{"name":"scoped","scopes":`+string(raw)+`}`, &out)
	return out.Key, out.ID
}

// Webhook makes a webhook and returns its id; fields are JSON members beside the URL and the events.
func (w *World) Webhook(key string, fields ...string) string {
	w.T.Helper()
	var made struct{ ID string }
	body := `{"url":"https://example.com/hook","events":["*"]` + strings.Join(append([]string{""}, fields...), ",") + `}`
	w.Now = w.Now.Add(time.Millisecond) // lists go by when things were made
	w.Call(201, key, "POST", "/v1/webhooks", body, &made)
	return made.ID
}

// Shown is a webhook as the API shows it.
type Shown struct {
	URL, Name, Format string
	Active            bool
	Events            []string
	Headers           map[string]string
}

// Show asks the API for a webhook.
func (w *World) Show(key, id string) (s Shown) {
	w.T.Helper()
	w.Call(200, key, "GET", "/v1/webhooks/"+id, "", &s)
	return s
}

// Began is the time at which the first delivery of a test was accepted. It is after the creation of the tenant.
func Began() time.Time { return time.Date(2026, 3, 20, 12, 0, 1, 0, time.UTC) }

// Delivered stores a delivery of acme's and returns its id. It succeeded at once unless change changes it.
func (w *World) Delivered(hook, event string, at time.Time, change func(*webhook.Delivery)) string {
	w.T.Helper()
	d := webhook.Delivery{
		DeliveryKey: webhook.DeliveryKey{Tenant: "acme", Webhook: hook, Event: event, AcceptedAt: at},
		Type:        "order.created", Dialect: "standard@1", ContentType: webhook.ContentJSON, Format: webhook.FormatJSON,
		Timestamp: at.Format(webhook.BodyTimeFormat), Body: webhook.Payload{Inline: payload.Pack([]byte(`{"data":{"n":1}}`))},
		Status: webhook.Succeeded, Round: 1, ExpiresAt: at.Add(24 * time.Hour),
	}
	if change != nil {
		change(&d)
	}
	if d.Total == 0 && d.Status == webhook.Succeeded {
		d.Record(webhook.Attempt{ScheduledAt: at, StartedAt: at, SentAt: at, Duration: 30 * time.Millisecond, StatusCode: 200, ResponseBody: "fine"})
	}
	if err := w.Store.SaveDelivery(w.T.Context(), d, webhook.Rev{}); err != nil {
		w.T.Fatal(err)
	}
	return d.ID()
}

// Failing changes a delivery into one whose attempt failed.
func Failing(fault webhook.AttemptError, code int) func(*webhook.Delivery) {
	return func(d *webhook.Delivery) {
		d.Status = webhook.Failed
		d.Record(webhook.Attempt{ScheduledAt: d.AcceptedAt, StartedAt: d.AcceptedAt, Duration: time.Second, StatusCode: code, Error: fault})
	}
}

// Publish publishes an event and returns its id; fields are JSON members beside the type.
func (w *World) Publish(key, eventType string, fields ...string) string {
	w.T.Helper()
	var made struct{ ID string }
	w.Call(202, key, "POST", "/v1/events", `{"type":"`+eventType+`",`+strings.Join(fields, ",")+`}`, &made)
	return made.ID
}

// Source is a source as the API shows it.
type Source struct{ ID, Kind, Name, URL string }

// Source makes a source of deployments.
func (w *World) Source(key, kind, name string) Source {
	w.T.Helper()
	var made Source
	w.Call(201, key, "POST", "/v1/sources", fmt.Sprintf(`{"kind":%q,"name":%q,"secret":"s3cret of the source"}`, kind, name), &made)
	return made
}

// Deployed stores a deployment, of acme unless d says otherwise.
func (w *World) Deployed(d webhook.Deployment) webhook.Deployment {
	w.T.Helper()
	if d.Tenant == "" {
		d.Tenant = "acme"
	}
	if d.RepositoryURL == "" {
		d.RepositoryURL = "https://git.example.com/acme/shop"
	}
	if d.RegisteredAt.IsZero() {
		d.RegisteredAt = d.DeployedAt
	}
	if d.Kind == "" {
		d.Kind = "gitlab"
	}
	d.ID = fmt.Sprintf("dep_%x", len(d.Environment)+int(d.RegisteredAt.UnixNano()))
	d.ExpiresAt = d.RegisteredAt.Add(400 * 24 * time.Hour)
	d.Payload = payload.Pack([]byte(`{"note":"` + d.Environment[:1] + ` is <b>deployed</b>"}`))
	if _, _, err := w.Store.CreateDeployment(w.T.Context(), d); err != nil {
		w.T.Fatal(err)
	}
	return d
}

// Noon is the middle of a day after everything that the test made.
func Noon() time.Time {
	return time.Now().UTC().Truncate(24 * time.Hour).Add(60*24*time.Hour + 12*time.Hour)
}

// Description returns the description of a dialect for another name.
func (w *World) Description(dialectName string) string {
	w.T.Helper()
	var raw json.RawMessage
	w.Call(http.StatusOK, AdminKey, "GET", "/v1/dialects/"+dialectName, "", &raw)
	return string(dialect.Unnamed(raw))
}

// Operator returns a browser that is signed in to the operators' console.
func (w *World) Operator() *Browser {
	w.T.Helper()
	b := w.Stranger()
	b.Post("/console/sign-in", Form("key", AdminKey)).Leads("/console/admin/")
	return b
}
