package ingest_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"hookline/shared/faultinject"
	"hookline/shared/ingest"
	"hookline/shared/message"
	"hookline/shared/stack/stacktest"
	"hookline/shared/store"
	"hookline/shared/webhook"
)

// world is a service over a store in memory, with one tenant that has one webhook for everything.
type world struct {
	*ingest.Service
	t        *testing.T
	store    store.Store
	tenant   webhook.Tenant
	faults   faultinject.StoreFaults
	delivery *stacktest.Outbox
	queue    *stacktest.Outbox
	refused  *stacktest.Outbox
	at       time.Time
	seen     int // of the messages for deliveries
}

func newWorld(t *testing.T, logging bool) *world {
	t.Helper()
	w := &world{
		t: t, delivery: new(stacktest.Outbox), queue: new(stacktest.Outbox), refused: new(stacktest.Outbox), at: stacktest.Noon(),
		tenant: webhook.Tenant{ID: "acme", Name: "acme", Dialect: "standard", Version: 1},
	}
	b := stacktest.Builder(t, &w.faults)
	w.tenant.CreatedAt, w.store = w.at.Add(-time.Hour), b.Store
	if err := b.Store.CreateTenant(t.Context(), w.tenant, webhook.Key{ID: "key_1", Tenant: "acme", Hash: "hash"}); err != nil {
		t.Fatal(err)
	}
	w.hook("wh_1")
	w.Service = b.Ingest()
	w.Delivery, w.Queue, w.Refused = w.delivery, w.queue, w.refused
	w.Now = func() time.Time { return w.at }
	w.Wall = w.Now
	if !logging {
		w.Events = nil
	}
	return w
}

// hook makes a webhook for everything, an hour ago.
func (w *world) hook(id string) {
	w.t.Helper()
	w.hookSince(id, w.tenant.CreatedAt)
}

// hookSince makes a webhook for everything.
func (w *world) hookSince(id string, since time.Time) {
	w.t.Helper()
	hook := webhook.Webhook{
		Ref: webhook.Ref{Tenant: "acme", ID: id}, URL: "https://example.com/hook", Events: []string{"*"}, Active: true,
		Version: 1, CreatedAt: since, UpdatedAt: since,
	}
	hook.KeepSince(webhook.Webhook{}, since)
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
	for _, sent := range w.delivery.Sent[w.seen:] {
		m := queued{delay: sent.Delay}
		if err := json.Unmarshal([]byte(sent.Body), &m.Message); err != nil {
			w.t.Fatal(err)
		}
		m.data = bodyData(w.t, m.Message)
		out = append(out, m)
	}
	w.seen = len(w.delivery.Sent)
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
	w.delivery.Down, w.delivery.Lost, w.queue.Down = false, false, false
}
