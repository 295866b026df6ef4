// Package consoletest is the world that the console's tests live in: a console over the whole API over a store in memory,
// and a browser that visits it.
package consoletest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
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
	"hookline/shared/payload"
	"hookline/shared/queue"
	"hookline/shared/replay"
	"hookline/shared/seal"
	"hookline/shared/store"
	"hookline/shared/store/sqlite"
	"hookline/shared/webhook"
)

// AdminKey is the world's.
const AdminKey = "hka_test"

// World is a console over an API over a store in memory. Its fields can be changed at any time.
type World struct {
	T       testing.TB
	API     http.Handler
	Console http.Handler
	Store   store.Store
	Faults  faultinject.StoreFaults
	Broken  error           // of the store that the console asks, if not nil
	Locked  error           // of the keyring, if not nil
	Answer  egress.Response // of every receiver
	Mails   Mails
	Now     time.Time // the deployment's
	At      time.Time // the console's, where it has one of its own
	Queued  Outbox    // messages for attempts, which nobody makes
	Bulk    Outbox    // of replay jobs
	LogOff  bool      // there is no event log
	Log     bytes.Buffer
}

// Mails are those that were sent, by tenant.
type Mails map[string][]console.Mail

// Sent returns a tenant's.
func (m Mails) Sent(_ context.Context, tenant string, since time.Time, most int) (out []console.Mail, more bool, err error) {
	for _, mail := range m[tenant] {
		if !mail.At.Before(since) {
			out = append(out, mail)
		}
	}
	return out[:min(len(out), most)], len(out) > most, nil
}

// Builtin is read once: it does not change.
var Builtin = sync.OnceValues(dialect.Builtin)

// readFiles is called by hundreds of worlds, and under the race detector was half of what they cost.
var readFiles = sync.OnceValues(console.ReadFiles)

// New returns one with nothing in it, which ends with the test.
func New(t testing.TB) *World {
	t.Helper()
	w := &World{T: t, Mails: Mails{}, Now: time.Date(2026, 3, 20, 12, 0, 0, 0, time.UTC), Answer: egress.Response{Status: 200, Body: "fine"}}
	engine, err := sqlite.New("", sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := engine.Close(); err != nil {
			t.Error(err)
		}
	})
	store := faultinject.Store(engine, &w.Faults)
	set, err := Builtin()
	if err != nil {
		t.Fatal(err)
	}
	w.Store = store
	dialects := &dialect.Library{Builtin: set, Store: store}
	box := seal.Box{Keys: ring{seal.NewStatic("of this deployment"), w}}
	log := slog.New(slog.NewJSONHandler(&w.Log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	events := &eventlog.Log{Store: store}
	w.API = (&httpapi.API{
		Docs: docs.New,
		Now: func() time.Time { // ids sort by their time
			w.Now = w.Now.Add(time.Millisecond)
			return w.Now
		},
		Store: store, Dialects: dialects, Box: box, AdminKeyHash: webhook.HashAPIKey(AdminKey), Log: log,
		Deliverer: &delivery.Deliverer{
			Store: store, Health: store, Queues: delivery.Queues{Delivery: &w.Queued}, Poster: receivers{w}, Dialects: dialects, Box: box,
			Now: func() time.Time { return w.Now }, Log: log,
		},
		Replays: &replay.Service{Store: store, Queue: &w.Bulk, Now: func() time.Time { return w.Now }, Log: log},
		Publisher: &ingest.Service{
			Store: store, Dialects: dialects, Delivery: &w.Queued, Queue: &w.Queued, Events: events, Log: log, Now: func() time.Time { return w.Now },
		},
		Events: inLog{events, w},
	}).Handler()
	files, err := readFiles()
	if err != nil {
		t.Fatal(err)
	}
	if w.Console, err = (&console.Console{
		Files: files,
		API:   w.API, Store: keys{store, w}, Dialects: dialects, Box: box, Mails: w.Mails, Log: log,
		Now: func() time.Time {
			if w.At.IsZero() {
				return w.Now
			}
			return w.At
		},
	}).Handler(); err != nil {
		t.Fatal(err)
	}
	return w
}

// ring is the deployment's keyring, unless the world has locked it.
type ring struct {
	seal.Keyring
	w *World
}

func (r ring) Key(ctx context.Context, id string) ([]byte, error) {
	if r.w.Locked != nil {
		return nil, r.w.Locked
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

// receivers answers in the place of all receivers.
type receivers struct{ w *World }

func (r receivers) Post(context.Context, egress.Request) egress.Response { return r.w.Answer }

// Call asks the API, and fails the test unless it answers with the status.
func (w *World) Call(want int, key, method, path, body string, out any) {
	w.T.Helper()
	r := httptest.NewRequestWithContext(w.T.Context(), method, path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+key)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	rec := httptest.NewRecorder()
	w.API.ServeHTTP(rec, r)
	if rec.Code != want {
		w.T.Fatalf("%s %s: got %d %s, want %d", method, path, rec.Code, rec.Body, want)
	}
	if out != nil {
		if err := json.Unmarshal(rec.Body.Bytes(), out); err != nil {
			w.T.Fatal(err)
		}
	}
}

// Tenant makes a tenant and returns its key.
func (w *World) Tenant(id, dialectName string) string {
	w.T.Helper()
	var made struct {
		Key string `json:"api_key"`
	}
	w.Call(201, AdminKey, "POST", "/v1/tenants", `{"id":"`+id+`","name":"`+id+`","dialect":"`+dialectName+`"}`, &made)
	return made.Key
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

// Shown is what the API says of a webhook.
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

// Outbox keeps what was sent to a queue.
type Outbox struct{ Sent []queue.Outgoing }

// Send keeps messages.
func (o *Outbox) Send(_ context.Context, msgs []queue.Outgoing) error {
	o.Sent = append(o.Sent, msgs...)
	return nil
}

// Hide does nothing: nobody receives.
func (o *Outbox) Hide(context.Context, []queue.Visibility) error { return nil }

// Counts says that the queue is empty.
func (o *Outbox) Counts(context.Context) (queue.Counts, error) { return queue.Counts{}, nil }

// Began is when the first delivery of a test was accepted: no earlier than its tenant was created.
func Began() time.Time { return time.Date(2026, 3, 20, 12, 0, 1, 0, time.UTC) }

// Delivered records a delivery of acme's, which succeeded at once unless it is changed, and returns its id.
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

// Source is what the API says of a source.
type Source struct{ ID, Kind, Name, URL string }

// Source makes a source of deployments.
func (w *World) Source(key, kind, name string) Source {
	w.T.Helper()
	var made Source
	w.Call(201, key, "POST", "/v1/sources", fmt.Sprintf(`{"kind":%q,"name":%q,"secret":"s3cret of the source"}`, kind, name), &made)
	return made
}

// Deployed registers a deployment of the tenant acme, unless d says another.
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

// Noon is in the middle of a day that comes after all that the test made.
func Noon() time.Time {
	return time.Now().UTC().Truncate(24 * time.Hour).Add(60*24*time.Hour + 12*time.Hour)
}
