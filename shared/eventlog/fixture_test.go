package eventlog

import (
	"bytes"
	"context"
	"testing"
	"time"

	"hookline/shared/fixture"
	"hookline/shared/payload"
	"hookline/shared/webhook"
)

// TestKeptBlocks holds the blocks of the log to what releases wrote.
func TestKeptBlocks(t *testing.T) {
	at := time.Date(2026, 3, 20, 12, 0, 0, 123e6, time.UTC)
	entries := []string{webhook.IDOf(webhook.EventPrefix, at, [10]byte{9}), webhook.IDOf(webhook.EventPrefix, at, [10]byte{9: 1, 0: 9})}
	request, _, _ := webhook.EntryRequest(entries[0])
	events := []webhook.LoggedEvent{
		{Event: webhook.Event{Tenant: "acme", ID: entries[0], Type: "a.b", Timestamp: "2026-03-20T12:00:00Z", AcceptedAt: at, Data: []byte(`{"n":1}`)}, Entry: entries[0], Matched: []string{"wh_1", "wh_2"}},
		{Event: webhook.Event{Tenant: "acme", ID: "order-1", Type: "a.c", Timestamp: "2026-03-20T11:00:00.5Z", AcceptedAt: at, Data: []byte(`{"n":2}`)}, Entry: entries[1], Matched: []string{"wh_2"}},
	}
	head, err := payload.Unpack(encode(events))
	if err != nil {
		t.Fatal(err)
	}
	fixture.Hold(t, "block", head, func(b []byte) (any, error) { return decode("acme", request, payload.Pack(b)) })
	events[1].Data, events[1].ErasedAt = nil, at.Add(time.Hour)
	if head, err = payload.Unpack(encode(events)); err != nil {
		t.Fatal(err)
	}
	fixture.Hold(t, "block-erased", head, func(b []byte) (any, error) { return decode("acme", request, payload.Pack(b)) })

	// The record of an item whose block is too large names its pieces, by the request and the hash of the block.
	log := &Log{Store: &onlyPayloads{}}
	rec, err := log.keep(t.Context(), "acme", request, bytes.Repeat([]byte("0123456789"), 40_000), at)
	if err != nil {
		t.Fatal(err)
	}
	fixture.Hold(t, "pieces", rec[1:], func(b []byte) (any, error) { return pieces(append([]byte{inPieces}, b...)) })
}

// onlyPayloads takes pieces and forgets them.
type onlyPayloads struct{ Store }

func (*onlyPayloads) PutPayload(context.Context, string, string, []byte, time.Time) error { return nil }
