package ingest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"hookline/shared/dialect"
	"hookline/shared/eventlog"
	"hookline/shared/faultinject"
	"hookline/shared/ingest"
	"hookline/shared/message"
	"hookline/shared/queue"
	"hookline/shared/store"
	"hookline/shared/store/sqlite"
	"hookline/shared/webhook"
)

var builtin = sync.OnceValues(dialect.Builtin)

var errDown = errors.New("down")

// box is a queue that keeps what it is sent. down is asked before, lost after it took a batch.
type box struct {
	sent []queue.Outgoing
	down bool
	lost bool
}

func (b *box) Send(_ context.Context, msgs []queue.Outgoing) error {
	if b.down {
		return errDown
	}
	b.sent = append(b.sent, msgs...)
	if b.lost {
		return errDown
	}
	return nil
}

// world is a service over a store in memory, with one tenant that has one webhook for everything.
type world struct {
	*ingest.Service
	t        *testing.T
	store    store.Store
	tenant   webhook.Tenant
	faults   faultinject.StoreFaults
	delivery *box
	queue    *box
	refused  *box
	at       time.Time
	seen     int // of the messages for deliveries
}

func newWorld(t *testing.T, logging bool) *world {
	t.Helper()
	w := &world{
		t: t, delivery: new(box), queue: new(box), refused: new(box), at: time.Date(2026, 3, 20, 12, 0, 0, 0, time.UTC),
		tenant: webhook.Tenant{ID: "acme", Name: "acme", Dialect: "standard", Version: 1},
	}
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
	w.tenant.CreatedAt, w.store = w.at.Add(-time.Hour), store
	if err := store.CreateTenant(t.Context(), w.tenant, webhook.Key{ID: "key_1", Tenant: "acme", Hash: "hash"}); err != nil {
		t.Fatal(err)
	}
	w.hook("wh_1")
	w.Service = &ingest.Service{
		Store: store, Dialects: &dialect.Library{Builtin: set, Store: store}, Delivery: w.delivery, Queue: w.queue, Refused: w.refused,
		Now: func() time.Time { return w.at }, Wall: func() time.Time { return w.at }, Log: slog.New(slog.DiscardHandler),
	}
	if logging {
		w.Events = &eventlog.Log{Store: store}
	}
	return w
}

// hook makes a webhook for everything, an hour ago.
func (w *world) hook(id string) {
	w.t.Helper()
	hook := webhook.Webhook{
		Ref: webhook.Ref{Tenant: "acme", ID: id}, URL: "https://example.com/hook", Events: []string{"*"}, Active: true,
		Version: 1, CreatedAt: w.tenant.CreatedAt, UpdatedAt: w.tenant.CreatedAt,
	}
	hook.KeepSince(webhook.Webhook{}, w.tenant.CreatedAt)
	if err := w.store.CreateWebhook(w.t.Context(), hook); err != nil {
		w.t.Fatal(err)
	}
}

// event is an event of an id, whose content is n.
func event(id string, n int) ingest.Input {
	return ingest.Input{ID: id, Type: "order.placed", Data: fmt.Appendf(nil, `{"n":%d}`, n)}
}

// publish publishes without an Idempotency-Key, and returns the code of the refusal, "" for none.
func (w *world) publish(in ...ingest.Input) string {
	w.t.Helper()
	_, err := w.Accept(w.t.Context(), w.tenant, in, nil)
	return codeOf(err)
}

func codeOf(err error) string {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*webhook.Error](err); ok {
		return e.Code
	}
	return err.Error()
}

// queued is one that was queued for a delivery.
type queued struct {
	message.Message
	delay time.Duration
	data  string
}

// messages returns what was queued for deliveries since it was last asked.
func (w *world) messages() []queued {
	w.t.Helper()
	var out []queued
	for _, sent := range w.delivery.sent[w.seen:] {
		m := queued{delay: sent.Delay}
		if err := json.Unmarshal([]byte(sent.Body), &m.Message); err != nil {
			w.t.Fatal(err)
		}
		m.data = bodyData(w.t, m.Message)
		out = append(out, m)
	}
	w.seen = len(w.delivery.sent)
	return out
}

// attempted records that the message's first attempt succeeded.
func (w *world) attempted(m queued) {
	w.t.Helper()
	rec := webhook.Delivery{
		DeliveryKey: m.Key(), Type: m.Type, Dialect: m.Dialect, Timestamp: m.Timestamp, Body: webhook.Payload{Inline: m.Body, Ref: m.Ref},
		Status: webhook.Succeeded, Round: 1, Count: 1, Owner: "m", ExpiresAt: w.at.Add(time.Hour),
	}
	if err := w.store.SaveDelivery(w.t.Context(), rec, webhook.Rev{}); err != nil {
		w.t.Fatal(err)
	}
}

// revive ends all faults.
func (w *world) revive() {
	w.faults = faultinject.StoreFaults{}
	w.delivery.down, w.delivery.lost, w.queue.down = false, false, false
}
