package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hookline/shared/dialect"
	"hookline/shared/ecmajson"
	"hookline/shared/eventlog"
	"hookline/shared/format"
	"hookline/shared/message"
	"hookline/shared/payload"
	"hookline/shared/queue"
	"hookline/shared/store/sqlite"
	"hookline/shared/webhook"
)

// house is a product whose bodies have milliseconds.
const house = `{"name":"house","version":1,"product":"House",
	"envelope":{"at":"{timestamp_ms}","unix":"{timestamp_unix_ms}","second":"{timestamp}","data":"{data}"},"body":"plain",
	"headers":{"X-Signature":"{signature}"},"signature":{"signed":"{body}","encoding":"hex"},
	"secret":{"key":"utf8","min":8,"made_bytes":32},"rotation_overlap_seconds":0,"ladder":["1m"],"success":"2xx","timeout_seconds":10,
	"url":{"schemes":["https"]},"content_types":["application/json"],"catalogue":{"open":true,"events":[]}}`

type only struct{ d *dialect.Dialect }

func (o only) Dialect(context.Context, string) (*dialect.Dialect, error) { return o.d, nil }

// kept is a queue that keeps what it is sent, and may say that it did not.
type kept struct {
	msgs  []queue.Outgoing
	fault error
}

func (k *kept) Send(_ context.Context, msgs []queue.Outgoing) error {
	k.msgs = append(k.msgs, msgs...)
	return k.fault
}

// bodies returns the bodies of the messages, and forgets these.
func (k *kept) bodies(t *testing.T) []string {
	t.Helper()
	var out []string
	for _, sent := range k.msgs {
		var m message.Message
		if err := json.Unmarshal([]byte(sent.Body), &m); err != nil {
			t.Fatal(err)
		}
		body, err := payload.Unpack(m.Body)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, string(body))
	}
	k.msgs = nil
	return out
}

// The milliseconds of when an event happened are the same in what is sent, in what a repeat sends, and in what is composed
// again from the log.
func TestMilliseconds(t *testing.T) {
	d, err := dialect.Parse([]byte(house), nil)
	if err != nil {
		t.Fatal(err)
	}
	store, err := sqlite.New("", sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	tenant := webhook.Tenant{ID: "acme", Dialect: "house"}
	hook := webhook.Webhook{Ref: webhook.Ref{Tenant: "acme", ID: "wh_1"}, Active: true, Events: []string{"*"}, Format: webhook.FormatJSON}
	if err := store.CreateTenant(t.Context(), tenant, webhook.Key{ID: "key_1", Tenant: "acme", Hash: "h"}); err != nil {
		t.Fatal(err)
	}
	if err := store.CreateWebhook(t.Context(), hook); err != nil {
		t.Fatal(err)
	}
	clock := time.Date(2026, 3, 20, 12, 0, 0, 123e6, time.UTC)
	tick := func() time.Time { // no two readings are the same
		clock = clock.Add(7 * time.Millisecond)
		return clock
	}
	var sent kept
	log := &eventlog.Log{Store: store}
	s := &Service{
		Store: store, Dialects: only{d}, Delivery: &sent, Queue: &sent, Events: log, Now: tick, Wall: tick, Log: slog.New(slog.DiscardHandler),
	}
	dated := time.Date(2026, 3, 20, 13, 59, 59, 987654321, time.FixedZone("", 2*60*60))
	in := []Input{
		{Type: "a.b", Data: json.RawMessage(`{}`)},
		{Type: "a.b", Data: json.RawMessage(`{}`), Timestamp: dated},
		{Type: "a.b", Data: json.RawMessage(`{}`), ID: "order-1"},
	}
	const accepted, asDated = `{"at":"2026-03-20T12:00:00.137Z","unix":1774008000137,"second":"2026-03-20T12:00:00Z","data":{}}`,
		`{"at":"2026-03-20T11:59:59.987Z","unix":1774007999987,"second":"2026-03-20T11:59:59Z","data":{}}`
	want := []string{accepted, asDated, accepted}
	key := &IdempotencyKey{Scope: "s", Key: "k", Hash: "h"}
	var results []Result
	// The first request does not learn that its messages were taken, so that a repeat sends them again.
	for _, time := range []string{"first", "repeat"} {
		sent.fault = nil
		if time == "first" {
			sent.fault = errors.New("away")
		}
		if results, err = s.Accept(t.Context(), tenant, in, key); (err != nil) != (time == "first") {
			t.Fatalf("%s: got %v", time, err)
		}
		if diff := cmp.Diff(want, sent.bodies(t)); diff != "" {
			t.Errorf("%s: -want +got\n%s", time, diff)
		}
	}
	var again []string
	for _, r := range results {
		ev, err := log.Event(t.Context(), "acme", r.ID)
		if err != nil {
			t.Fatal(err)
		}
		content, err := ecmajson.Read(ev.Data)
		if err != nil {
			t.Fatal(err)
		}
		body, err := format.Of(webhook.FormatJSON).Body(d, ev.Event, content)
		if err != nil {
			t.Fatal(err)
		}
		again = append(again, string(body))
	}
	if diff := cmp.Diff(want, again); diff != "" {
		t.Errorf("from the log: -want +got\n%s", diff)
	}
}
