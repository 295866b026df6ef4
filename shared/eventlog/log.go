package eventlog

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"hookline/shared/webhook"
)

// Store is the part of store.Store that the log uses. It relies on PutLogItem's condition, which keeps an event from
// being in the log twice.
type Store interface {
	PayloadStore
	PutLogItem(ctx context.Context, it webhook.LogItem) (webhook.LogItem, bool, error)
	LogItem(ctx context.Context, tenant, request string) (webhook.LogItem, error)
	LogItems(ctx context.Context, tenant string, r webhook.LogRange) ([]webhook.LogItem, bool, error)
	FindPin(ctx context.Context, tenant, scope, key string) (webhook.Pin, error)
}

// PayloadStore is the part of store.Store that keeps the pieces of a record which is too large for one item.
type PayloadStore interface {
	PutPayload(ctx context.Context, tenant, ref string, body []byte, expires time.Time) error
	DropPayload(ctx context.Context, tenant, ref string) error
	Payloads(ctx context.Context, tenant string, refs []string) (map[string][]byte, error)
}

// Log is the event log in a store.
type Log struct{ Store Store }

const (
	// maxRecord is the largest record of one item. A tenant's items are in a few partitions, each of which takes about
	// 1,000 KB of writes a second, and a list reads a hundred items at a time. A larger record is kept in pieces, which are
	// spread over other partitions and read one record after the other.
	maxRecord = 16 << 10
	// maxPiece is the size of the largest piece, in bytes: an item of DynamoDB is at most 400 KB.
	maxPiece = 350_000
)

// writeTries is how often Write starts over when another call wrote to the same request's item in between.
const writeTries = 10

// Write puts events of one tenant into the log, where they are kept until the given time. An event that is in the log
// already stays as it is.
func (l *Log) Write(ctx context.Context, events []webhook.LoggedEvent, until time.Time) error {
	byRequest := make(map[string][]webhook.LoggedEvent)
	var requests []string
	for _, ev := range events {
		request, _, ok := webhook.EntryRequest(ev.Entry)
		if !ok {
			return fmt.Errorf("log: %q is no entry", ev.Entry)
		}
		if byRequest[request] == nil {
			requests = append(requests, request)
		}
		byRequest[request] = append(byRequest[request], ev)
	}
	for _, request := range requests { // usually one; repeats belong to earlier requests
		if err := l.write(ctx, request, byRequest[request], until); err != nil {
			return err
		}
	}
	return nil
}

func (l *Log) write(ctx context.Context, request string, events []webhook.LoggedEvent, until time.Time) error {
	tenant, rev := events[0].Tenant, int64(1)
	for range writeTries {
		slices.SortFunc(events, func(a, b webhook.LoggedEvent) int { return strings.Compare(a.Entry, b.Entry) })
		rec, err := l.keep(ctx, tenant, request, encode(events), until)
		if err != nil {
			return err
		}
		there, stored, err := l.Store.PutLogItem(ctx, webhook.LogItem{Tenant: tenant, Request: request, Rev: rev, Events: len(events), Record: rec, ExpiresAt: until})
		if err != nil || stored {
			return err
		}
		if there.Rev == 0 { // it expired in between
			rev = 1
			continue
		}
		have, err := l.open(ctx, there)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(have, func(h webhook.LoggedEvent) bool { return !h.ErasedAt.IsZero() }) {
			// The pieces just stored may hold what was erased. Where nothing was, another call may be about to name them.
			refs, err := pieces(rec)
			if err == nil {
				err = l.drop(ctx, tenant, refs, there.Record)
			}
			if err != nil {
				return err
			}
		}
		all := have
		for _, ev := range events {
			if !slices.ContainsFunc(have, func(h webhook.LoggedEvent) bool { return h.Entry == ev.Entry }) {
				all = append(all, ev)
			}
		}
		if len(all) == len(have) {
			return nil
		}
		// Another try of the same request brought other events of it: a client may send only some of them again.
		events, rev = all, there.Rev+1
		until = later(until, there.ExpiresAt)
	}
	return webhook.ErrUnavailable(fmt.Errorf("log item %s: changed %d times meanwhile", request, writeTries))
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// Erase removes the data of the event at a place in the log for good, and returns the event. It stays, with its ErasedAt,
// and all others of its request stay as they are. A record in pieces names what must be removed after it is replaced, and
// a crash would leave that behind. So Erase returns, and changes nothing, when the record is in pieces, or is to be, that
// are not among those known: the caller puts all that it returns on record, and calls again with them, until it returns none.
// Repeated after a crash it removes what is left.
func (l *Log) Erase(ctx context.Context, tenant, entry string, now time.Time, known []string) (ev webhook.LoggedEvent, unknown []string, err error) {
	request, _, ok := webhook.EntryRequest(entry)
	if !ok {
		return ev, nil, errGone
	}
	for range writeTries {
		it, err := l.Store.LogItem(ctx, tenant, request)
		if err != nil {
			return ev, nil, err
		}
		events, err := l.open(ctx, it)
		if err != nil {
			return ev, nil, err
		}
		i := slices.IndexFunc(events, func(e webhook.LoggedEvent) bool { return e.Entry == entry })
		if i < 0 {
			return ev, nil, errGone
		}
		if events[i].ErasedAt.IsZero() {
			events[i].Data, events[i].ErasedAt = nil, now
			packed := encode(events)
			rec := recordOf(request, packed)
			for _, r := range [][]byte{it.Record, rec} {
				refs, err := pieces(r)
				if err != nil {
					return ev, nil, err
				}
				unknown = append(unknown, slices.DeleteFunc(refs, func(ref string) bool { return slices.Contains(known, ref) })...)
			}
			if unknown != nil {
				return ev, unknown, nil
			}
			if it.Record, err = l.keep(ctx, tenant, request, packed, it.ExpiresAt); err != nil {
				return ev, nil, err
			}
			it.Rev++
			if _, stored, err := l.Store.PutLogItem(ctx, it); err != nil {
				return ev, nil, err
			} else if !stored {
				continue
			}
		}
		return events[i], nil, l.drop(ctx, tenant, known, it.Record)
	}
	return ev, nil, webhook.ErrUnavailable(fmt.Errorf("log item %s: changed %d times meanwhile", request, writeTries))
}

// drop removes pieces but for those of a record.
func (l *Log) drop(ctx context.Context, tenant string, refs []string, rec []byte) error {
	named, err := pieces(rec)
	if err != nil {
		return err
	}
	for _, ref := range refs {
		if slices.Contains(named, ref) {
			continue
		}
		if err := l.Store.DropPayload(ctx, tenant, ref); err != nil {
			return err
		}
	}
	return nil
}

// inPieces begins a record that is kept in pieces. The rest of the record is a JSON list of their refs.
const inPieces = 'r'

// pieces returns the refs of a record that is kept in pieces, nil for another.
func pieces(rec []byte) (refs []string, err error) {
	if bytes.HasPrefix(rec, []byte{inPieces}) {
		err = json.Unmarshal(rec[1:], &refs)
	}
	return refs, err
}

// recordOf returns the record of an item. One that is too large names the pieces that hold it, by a hash of it.
func recordOf(request string, packed []byte) []byte {
	if len(packed) <= maxRecord {
		return packed
	}
	sum := sha256.Sum256(packed)
	var refs []string
	for range slices.Chunk(packed, maxPiece) {
		refs = append(refs, fmt.Sprintf("log.%s.%s.%d", request, hex.EncodeToString(sum[:8]), len(refs)))
	}
	b, _ := json.Marshal(refs) // strings
	return append([]byte{inPieces}, b...)
}

// keep returns the record of an item, and stores its pieces.
func (l *Log) keep(ctx context.Context, tenant, request string, packed []byte, until time.Time) ([]byte, error) {
	rec := recordOf(request, packed)
	refs, err := pieces(rec)
	for i, ref := range refs {
		if err := l.Store.PutPayload(ctx, tenant, ref, packed[i*maxPiece:min((i+1)*maxPiece, len(packed))], until); err != nil {
			return nil, err
		}
	}
	return rec, err
}

// Open returns the events of an item, and the refs of the pieces that it is kept in. Of an item whose pieces are gone it
// returns no events.
func (l *Log) Open(ctx context.Context, it webhook.LogItem) ([]webhook.LoggedEvent, []string, error) {
	refs, err := pieces(it.Record)
	if err != nil {
		return nil, nil, err
	}
	events, err := l.open(ctx, it)
	if webhook.Is(err, webhook.NotFound) {
		err = nil
	}
	return events, refs, err
}

// open returns the events of an item.
func (l *Log) open(ctx context.Context, it webhook.LogItem) ([]webhook.LoggedEvent, error) {
	packed := it.Record
	refs, err := pieces(packed)
	if err != nil {
		return nil, fmt.Errorf("log item %s: %w", it.Request, err)
	}
	if refs != nil {
		parts, err := l.Store.Payloads(ctx, it.Tenant, refs)
		if err != nil {
			return nil, err
		}
		packed = nil
		for _, ref := range refs {
			packed = append(packed, parts[ref]...)
		}
		if len(parts) < len(refs) {
			return nil, errGone // pieces and item expire at the same time, but the store does not delete them in one moment
		}
	}
	return decode(it.Tenant, it.Request, packed)
}

var errGone error = webhook.ErrNotFound("event")

// PinScope is the scope of the pins of event ids.
const PinScope = "event"

// Pinned is the part of a pin's answer (JSON) that names the event's place in the log.
type Pinned struct {
	Entry string `json:"entry,omitempty"`
}

// Event finds an event by its id. Where several events had the same id from outside, a day or more apart, it is the last.
func (l *Log) Event(ctx context.Context, tenant, id string) (webhook.LoggedEvent, error) {
	if _, _, made := webhook.EntryRequest(id); made {
		ev, err := l.at(ctx, tenant, id, id)
		if !webhook.Is(err, webhook.NotFound) {
			return ev, err
		}
	}
	pin, err := l.Store.FindPin(ctx, tenant, PinScope, id)
	if err != nil {
		if webhook.Is(err, webhook.NotFound) {
			return webhook.LoggedEvent{}, errGone
		}
		return webhook.LoggedEvent{}, err
	}
	var p Pinned
	if err := json.Unmarshal(pin.Answer, &p); err != nil || p.Entry == "" {
		return webhook.LoggedEvent{}, errGone // it was pinned while there was no log
	}
	return l.at(ctx, tenant, p.Entry, id)
}

// Holds returns which of the entries are in the log. It sees entries that were written before the call. All entries of one
// request cost one read.
func (l *Log) Holds(ctx context.Context, tenant string, entries []string) (map[string]bool, error) {
	held := make(map[string]bool)
	read := make(map[string]bool)
	for _, entry := range entries {
		request, _, ok := webhook.EntryRequest(entry)
		if !ok || read[request] {
			continue
		}
		read[request] = true
		it, err := l.Store.LogItem(ctx, tenant, request)
		if err == nil {
			var events []webhook.LoggedEvent
			events, err = l.open(ctx, it)
			for _, ev := range events {
				held[ev.Entry] = true
			}
		}
		if err != nil && !webhook.Is(err, webhook.NotFound) {
			return nil, err
		}
	}
	return held, nil
}

// at returns the event with an id from a place in the log.
func (l *Log) at(ctx context.Context, tenant, entry, id string) (webhook.LoggedEvent, error) {
	request, _, ok := webhook.EntryRequest(entry)
	if !ok {
		return webhook.LoggedEvent{}, errGone
	}
	it, err := l.Store.LogItem(ctx, tenant, request)
	if err != nil {
		return webhook.LoggedEvent{}, err
	}
	events, err := l.open(ctx, it)
	if err != nil {
		return webhook.LoggedEvent{}, err
	}
	i := slices.IndexFunc(events, func(ev webhook.LoggedEvent) bool { return ev.Entry == entry && ev.ID == id })
	if i < 0 {
		return webhook.LoggedEvent{}, errGone
	}
	return events[i], nil
}
