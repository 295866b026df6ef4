package ingest

import (
	"encoding/json"
	"testing"
	"time"

	"hookline/shared/eventlog"
	"hookline/shared/fixture"
	"hookline/shared/systemevent"
	"hookline/shared/webhook"
)

// TestKeptMessages holds the messages of the ingest queue, and what pins remember, to what releases wrote.
func TestKeptMessages(t *testing.T) {
	at := time.Date(2026, 3, 20, 12, 0, 0, 123e6, time.UTC)
	read := func(b []byte) (any, error) {
		var e envelope
		err := json.Unmarshal(b, &e)
		return e, err
	}
	f := &fanout{
		Event: webhook.Event{Tenant: "acme", ID: "evt_1", Type: "a.b", Timestamp: "2026-03-20T12:00:00Z", AcceptedAt: at},
		Data:  webhook.Payload{Inline: []byte("p{}")}, Dialect: "standard@1", Except: "wh_9", Repeat: true, Cursor: "c",
	}
	fixture.Hold(t, "fanout", []byte(f.outgoing(0).Body), read)
	change := envelope{System: &systemevent.Change{
		Type: "webhook.failing", Tenant: "acme", Webhook: "wh_1", At: 1774008000123, Of: "o", Sent: 1774008000124, Writer: "w",
		Unpublished: true, Data: json.RawMessage(`{"webhook_id":"wh_1"}`),
	}}
	encoded := func(v any) []byte {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	fixture.Hold(t, "change", encoded(change), read)
	fixture.Hold(t, "answer", encoded(stored{
		Results: []Result{{ID: "order-1", Type: "a.b", Matched: 2}}, Timestamp: "2026-03-20T12:00:00Z", Dialect: "standard@1", Pinned: eventlog.Pinned{},
	}), func(b []byte) (any, error) {
		var s stored
		err := json.Unmarshal(b, &s)
		return s, err
	})
	fixture.Hold(t, "entry", encoded(Entry{
		ID: "e-1", DetailType: "a.b", Source: "acme", Time: at, Detail: encoded(Detail{Tenant: "acme", ID: "o-1", Timestamp: at, Data: json.RawMessage(`{}`)}),
	}), func(b []byte) (any, error) {
		var e Entry
		err := json.Unmarshal(b, &e)
		return e, err
	})
	fixture.JSON[refused](t, "refused")
}
