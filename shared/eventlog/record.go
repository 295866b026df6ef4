package eventlog

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"hookline/shared/payload"
	"hookline/shared/webhook"
)

// head stands at the beginning of a record; the data of all events follows it.
type head struct {
	Events   []eventRecord `json:"e"`
	Webhooks []string      `json:"w,omitzero"` // all webhooks that any of the events matched, sorted
}

type eventRecord struct {
	Position  int    `json:"n,omitzero"` // the event's place in the request
	ID        string `json:"i,omitzero"` // absent: the id that we made
	Type      string `json:"t"`
	Timestamp string `json:"s,omitzero"` // absent, and Happened too: the second of acceptance
	Happened  *int64 `json:"h,omitzero"` // in the place of Timestamp: milliseconds since acceptance
	Matched   []byte `json:"m,omitzero"` // a bit for each of Webhooks, the lowest first; absent: all of them
	Erased    int64  `json:"x,omitzero"` // when its data was erased: milliseconds since acceptance, and 1
	Size      int    `json:"d"`          // bytes of data
}

// encode packs the events of one request. They are sorted by Entry.
func encode(events []webhook.LoggedEvent) []byte {
	var h head
	for _, ev := range events {
		h.Webhooks = append(h.Webhooks, ev.Matched...)
	}
	slices.Sort(h.Webhooks)
	h.Webhooks = slices.Compact(h.Webhooks)
	var data []byte
	for _, ev := range events {
		_, n, _ := webhook.EntryRequest(ev.Entry)
		r := eventRecord{Position: n, Type: ev.Type, Matched: bitsOf(ev.Matched, h.Webhooks), Size: len(ev.Data)}
		if ev.ID != ev.Entry {
			r.ID = ev.ID
		}
		if at, err := time.Parse(webhook.TimeFormat, ev.Timestamp); err == nil {
			r.Happened = new(at.UnixMilli() - ev.AcceptedAt.UnixMilli())
		} else if ev.Timestamp != secondOf(ev.AcceptedAt) {
			r.Timestamp = ev.Timestamp
		}
		if !ev.ErasedAt.IsZero() {
			r.Erased = ev.ErasedAt.UnixMilli() - ev.AcceptedAt.UnixMilli() + 1
		}
		h.Events = append(h.Events, r)
		data = append(data, ev.Data...)
	}
	b, _ := json.Marshal(h) // strings, numbers and bytes
	return payload.Pack(append(b, data...))
}

// decode returns the events that encode packed.
func decode(tenant, request string, packed []byte) ([]webhook.LoggedEvent, error) {
	b, err := payload.Unpack(packed)
	if err != nil {
		return nil, fmt.Errorf("log item %s: %w", request, err)
	}
	var h head
	dec := json.NewDecoder(bytes.NewReader(b))
	if err := dec.Decode(&h); err != nil {
		return nil, fmt.Errorf("log item %s: %w", request, err)
	}
	data := b[dec.InputOffset():]
	at := webhook.EntryTime(request)
	events := make([]webhook.LoggedEvent, len(h.Events))
	for i, r := range h.Events {
		if r.Size < 0 || r.Size > len(data) {
			return nil, fmt.Errorf("log item %s: %w", request, errors.New("its data is cut short"))
		}
		ev := webhook.LoggedEvent{Entry: webhook.EntryAt(request, r.Position), Matched: chosen(r.Matched, h.Webhooks)}
		ev.Event = webhook.Event{
			Tenant: tenant, ID: r.ID, Type: r.Type, AcceptedAt: at, Timestamp: r.Timestamp, Data: slices.Clone(data[:r.Size]),
		}
		if ev.ID == "" {
			ev.ID = ev.Entry
		}
		if r.Erased != 0 {
			ev.ErasedAt, ev.Data = time.UnixMilli(at.UnixMilli()+r.Erased-1).UTC(), nil
		}
		switch {
		case r.Happened != nil:
			ev.Timestamp = time.UnixMilli(at.UnixMilli() + *r.Happened).UTC().Format(webhook.TimeFormat)
		case ev.Timestamp == "":
			ev.Timestamp = secondOf(at)
		}
		events[i], data = ev, data[r.Size:]
	}
	return events, nil
}

func secondOf(at time.Time) string { return at.UTC().Format(webhook.BodyTimeFormat) }

// bitsOf returns a bit for each of all, set where some has it. some is a part of all; nil stands for all of them.
func bitsOf(some, all []string) []byte {
	if len(some) == len(all) {
		return nil
	}
	bits := make([]byte, (len(all)+7)/8)
	for _, id := range some {
		i, _ := slices.BinarySearch(all, id)
		bits[i/8] |= 1 << (i % 8)
	}
	return bits
}

func chosen(bits []byte, all []string) []string {
	if bits == nil {
		return slices.Clone(all)
	}
	var some []string
	for i, id := range all {
		if i/8 < len(bits) && bits[i/8]&(1<<(i%8)) != 0 {
			some = append(some, id)
		}
	}
	return some
}
