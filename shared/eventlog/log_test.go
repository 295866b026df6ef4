package eventlog_test

import (
	"bytes"
	"context"
	cryptorand "crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"hookline/shared/eventlog"
	"hookline/shared/faultinject"
	"hookline/shared/store"
	"hookline/shared/store/sqlite"
	"hookline/shared/webhook"
)

var now = time.Date(2026, 3, 20, 12, 0, 0, 123e6, time.UTC)

const tenant = "acme"

func open(t *testing.T, f faultinject.StoreFaults) (*eventlog.Log, store.Store) {
	t.Helper()
	engine, err := sqlite.New("", sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = engine.Close() })
	s := faultinject.Store(engine, &f)
	for _, id := range []string{tenant, "other"} {
		if err := s.CreateTenant(t.Context(), webhook.Tenant{ID: id, CreatedAt: now.Add(-time.Hour)}, webhook.Key{ID: "key_1", Tenant: id, Hash: id}); err != nil {
			t.Fatal(err)
		}
	}
	return &eventlog.Log{Store: s}, s
}

// request returns the events of a request so long after now, of the types in turn, each with its matches.
func request(after time.Duration, matched ...[]string) []webhook.LoggedEvent {
	at := now.Add(after)
	ids := webhook.EventIDs(at, len(matched))
	events := make([]webhook.LoggedEvent, len(matched))
	for i, hooks := range matched {
		events[i] = webhook.LoggedEvent{Entry: ids[i], Matched: hooks, Event: webhook.Event{
			Tenant: tenant, ID: ids[i], Type: []string{"invoice.paid", "user.created"}[i%2], AcceptedAt: at,
			Timestamp: at.Format(webhook.TimeFormat), Data: fmt.Appendf(nil, `{"n":%d,"s":"<é>\u0000 1.0"}`, i),
		}}
	}
	return events
}

func write(t *testing.T, l *eventlog.Log, events []webhook.LoggedEvent) {
	t.Helper()
	if err := l.Write(t.Context(), slices.Clone(events), now.Add(720*time.Hour)); err != nil {
		t.Fatal(err)
	}
}

func equal(t *testing.T, what string, got, want any) {
	t.Helper()
	long := cmp.FilterValues(func(x, y json.RawMessage) bool { return len(x)+len(y) > 0 }, cmp.Comparer(func(x, y json.RawMessage) bool { return bytes.Equal(x, y) })) // cmp would take seconds
	ids := cmp.FilterValues(func(x, y []string) bool { return len(x)+len(y) > 0 }, cmp.Comparer(slices.Equal[[]string]))
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty(), long, ids); diff != "" {
		t.Errorf("%s: -want +got\n%s", what, diff)
	}
}

// all reads a whole list in pages.
func all(t *testing.T, l *eventlog.Log, limit int, q webhook.EventQuery) []webhook.LoggedEvent {
	t.Helper()
	var got []webhook.LoggedEvent
	q.Page = webhook.Page{Limit: limit}
	for range 10_000 {
		list, err := l.Events(t.Context(), tenant, q)
		if err != nil {
			t.Fatal(err)
		}
		if len(list.Items) > limit {
			t.Fatalf("got a page of %d, want at most %d", len(list.Items), limit)
		}
		got = append(got, list.Items...)
		if q.Page.Cursor = list.Next; list.Next == "" {
			return got
		}
	}
	t.Fatal("the list does not end")
	return nil
}

func reversed(events []webhook.LoggedEvent) []webhook.LoggedEvent {
	events = slices.Clone(events)
	slices.Reverse(events)
	return events
}

func TestEvents(t *testing.T) {
	l, _ := open(t, faultinject.StoreFaults{})
	var want []webhook.LoggedEvent // oldest first
	for i := range 9 {
		events := request(time.Duration(i)*time.Second, []string{"wh_1", "wh_2"}, nil, []string{"wh_2"})
		if i == 4 {
			events[1].ID = "order-7"
			events[1].Timestamp = "2020-01-01T00:00:00.042Z"
			events[2].Timestamp = "2020-01-01T00:00:00Z" // as an earlier version accepted it
		}
		if i == 5 {
			events[0].Timestamp = webhook.InSeconds(events[0].Timestamp)
		}
		write(t, l, events)
		want = append(want, events...)
	}
	theirs := request(0, nil)
	theirs[0].Tenant = "other"
	write(t, l, theirs)

	only := func(keep func(int, webhook.LoggedEvent) bool) []webhook.LoggedEvent {
		var out []webhook.LoggedEvent
		for i, ev := range want {
			if keep(i, ev) {
				out = append(out, ev)
			}
		}
		return out
	}
	for name, c := range map[string]struct {
		q    webhook.EventQuery
		keep func(i int, ev webhook.LoggedEvent) bool
	}{
		"all":         {webhook.EventQuery{}, func(int, webhook.LoggedEvent) bool { return true }},
		"type":        {webhook.EventQuery{Type: "user.created"}, func(_ int, ev webhook.LoggedEvent) bool { return ev.Type == "user.created" }},
		"no type":     {webhook.EventQuery{Type: "user"}, func(int, webhook.LoggedEvent) bool { return false }},
		"matched":     {webhook.EventQuery{Matched: new(true)}, func(_ int, ev webhook.LoggedEvent) bool { return len(ev.Matched) > 0 }},
		"not matched": {webhook.EventQuery{Matched: new(false)}, func(_ int, ev webhook.LoggedEvent) bool { return len(ev.Matched) == 0 }},
		"since":       {webhook.EventQuery{Since: now.Add(3 * time.Second)}, func(i int, _ webhook.LoggedEvent) bool { return i >= 9 }},
		"just after":  {webhook.EventQuery{Since: now.Add(3*time.Second + time.Millisecond)}, func(i int, _ webhook.LoggedEvent) bool { return i >= 12 }},
		"until":       {webhook.EventQuery{Until: now.Add(3 * time.Second)}, func(i int, _ webhook.LoggedEvent) bool { return i < 9 }},
		"between, matched": {
			webhook.EventQuery{Matched: new(true), Since: now.Add(time.Second), Until: now.Add(2 * time.Second)},
			func(i int, ev webhook.LoggedEvent) bool { return i >= 3 && i < 6 && len(ev.Matched) > 0 },
		},
	} {
		for _, limit := range []int{1, 2, 4, 100} {
			q := c.q
			equal(t, fmt.Sprint(name, ", newest first, by ", limit), all(t, l, limit, q), reversed(only(c.keep)))
			q.OldestFirst = true
			equal(t, fmt.Sprint(name, ", oldest first, by ", limit), all(t, l, limit, q), only(c.keep))
		}
	}
	first, err := l.Events(t.Context(), tenant, webhook.EventQuery{Page: webhook.Page{Limit: 2}})
	if err != nil {
		t.Fatal(err)
	}
	for name, q := range map[string]webhook.EventQuery{
		"nonsense":      {Page: webhook.Page{Cursor: "%%%"}},
		"the other way": {OldestFirst: true, Page: webhook.Page{Cursor: first.Next}},
	} {
		if _, err := l.Events(t.Context(), tenant, q); !webhook.Is(err, webhook.Invalid) {
			t.Errorf("cursor, %s: got %v, want it refused", name, err)
		}
	}
	if _, err := l.Events(t.Context(), "other", webhook.EventQuery{Page: webhook.Page{Cursor: first.Next}}); !webhook.Is(err, webhook.Invalid) {
		t.Errorf("another tenant's cursor: got %v, want it refused", err)
	}
}

func TestEvent(t *testing.T) {
	l, s := open(t, faultinject.StoreFaults{})
	events := request(0, []string{"wh_1"}, nil, []string{"wh_1", "wh_3"})
	events[1].ID = "order-7"
	events[2].ID = webhook.EventIDs(now.Add(time.Minute), 1)[0] // from outside, though it looks like one of ours
	write(t, l, events)
	for _, ev := range events[1:] {
		_, _, err := s.Pin(t.Context(), webhook.Pin{
			Tenant: tenant, Scope: eventlog.PinScope, Key: ev.ID, At: now, ExpiresAt: now.Add(24 * time.Hour), KeptUntil: now.Add(720 * time.Hour),
			Answer: []byte(`{"results":[],"entry":"` + ev.Entry + `"}`),
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, ev := range events {
		got, err := l.Event(t.Context(), tenant, ev.ID)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, ev.ID, got, ev)
	}
	for name, at := range map[string][2]string{
		"another tenant's":       {"other", events[0].ID},
		"an outside id of ours":  {tenant, events[1].Entry},
		"further in the request": {tenant, webhook.EntryAt(events[0].Entry, 50)},
		"another outside id":     {tenant, "order-8"},
		"no id":                  {tenant, ""},
	} {
		if _, err := l.Event(t.Context(), at[0], at[1]); !webhook.Is(err, webhook.NotFound) {
			t.Errorf("%s: got %v, want not found", name, err)
		}
	}
}

func TestHolds(t *testing.T) {
	l, _ := open(t, faultinject.StoreFaults{})
	one, two := request(0, nil, nil, nil), request(time.Second, nil)
	asked := []string{one[0].Entry, one[1].Entry, one[2].Entry, two[0].Entry, "order-7", ""}
	holds := func(tenant string, want ...string) {
		t.Helper()
		held, err := l.Holds(t.Context(), tenant, asked)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "held", slices.DeleteFunc(slices.Clone(asked), func(entry string) bool { return !held[entry] }), want)
	}
	holds(tenant)
	write(t, l, one[1:])
	holds(tenant, one[1].Entry, one[2].Entry)
	write(t, l, two)
	holds(tenant, one[1].Entry, one[2].Entry, two[0].Entry)
	write(t, l, one[:1])
	holds(tenant, one[0].Entry, one[1].Entry, one[2].Entry, two[0].Entry)
	holds("other")
}

// TestWriteAgain writes one request in parts that overlap, as a client does that repeats only some of its events.
func TestWriteAgain(t *testing.T) {
	l, _ := open(t, faultinject.StoreFaults{})
	events := request(0, []string{"wh_1"}, []string{"wh_2"}, nil, []string{"wh_1", "wh_3"})
	write(t, l, events[1:2])
	write(t, l, []webhook.LoggedEvent{events[3], events[1]})
	changed := slices.Clone(events)
	changed[1].Matched, changed[3].Matched = nil, nil // what is there stays
	write(t, l, changed)
	write(t, l, changed)
	equal(t, "log", all(t, l, 10, webhook.EventQuery{OldestFirst: true}), events)
}

func TestWriteRaced(t *testing.T) {
	l, _ := open(t, faultinject.StoreFaults{})
	events := request(0, make([][]string, 8)...)
	errs := make(chan error)
	for i := range events {
		go func() { errs <- l.Write(t.Context(), events[i:i+1], now.Add(time.Hour)) }()
	}
	for range events {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	equal(t, "log", all(t, l, 3, webhook.EventQuery{OldestFirst: true}), events)
}

// TestLarge logs what no item of DynamoDB holds: data that does not compress, and thousands of matches.
func TestLarge(t *testing.T) {
	l, s := open(t, faultinject.StoreFaults{})
	noise := func(n int) string {
		b := make([]byte, n*3/4)
		_, _ = cryptorand.Read(b) // it never fails
		return base64.RawURLEncoding.EncodeToString(b)
	}
	var hooks []string
	for range 5_000 {
		hooks = append(hooks, noise(128))
	}
	slices.Sort(hooks)
	events := request(0, hooks, hooks[:2500], nil, hooks[4999:])
	for i := range events {
		events[i].Data = []byte(`{"s":"` + noise(250<<10) + `"}`)
	}
	write(t, l, events)
	write(t, l, events)
	equal(t, "log", all(t, l, 3, webhook.EventQuery{OldestFirst: true}), events)
	items, _, err := s.LogItems(t.Context(), tenant, webhook.LogRange{Limit: 1})
	if err != nil || len(items) != 1 || len(items[0].Record) > 1000 {
		t.Errorf("got %d items, %v, want one that refers to its pieces", len(items), err)
	}
}

// TestLargeApart keeps large events out of the few partitions that a tenant's log is in, and so out of what a list reads
// before it knows how much of it a page takes.
func TestLargeApart(t *testing.T) {
	l, s := open(t, faultinject.StoreFaults{})
	for i := range 3 {
		events := request(time.Duration(i)*time.Second, nil)
		b := make([]byte, 30_000)
		for j := range b {
			b[j] = byte('a' + rand.IntN(26))
		}
		events[0].Data = []byte(`{"s":"` + string(b) + `"}`)
		write(t, l, events)
	}
	items, _, err := s.LogItems(t.Context(), tenant, webhook.LogRange{Limit: 10})
	if err != nil || len(items) != 3 {
		t.Fatalf("got %d items, %v, want 3", len(items), err)
	}
	for _, it := range items {
		if n := len(it.Record); n > 1000 {
			t.Errorf("got an item of %d bytes, want one that refers to its pieces", n)
		}
	}
}

// TestOneWrite is the log's price: a request is one write of little more than its events, compressed.
func TestOneWrite(t *testing.T) {
	var calls atomic.Int64
	l, s := open(t, faultinject.StoreFaults{Before: func(string) error { calls.Add(1); return nil }})
	calls.Store(0)
	events := request(0, slices.Repeat([][]string{{"wh_01JQ8Z6Y5X4W3V2T1S0R9Q8P7N"}}, 10)...)
	for i := range events {
		events[i].Data = []byte(`{"order":{"customer":"customer number ` + strings.Repeat(fmt.Sprint(i), 5) + `","lines":"` + strings.Repeat("abc ", 240) + `"}}`)
	}
	write(t, l, events)
	items, _, err := s.LogItems(t.Context(), tenant, webhook.LogRange{Limit: 10})
	if err != nil || len(items) != 1 || len(items[0].Record) > 900 || calls.Load() != 1 {
		t.Errorf("got %d items of %d bytes in %d writes, %v, want one within 900 bytes", len(items), len(items[0].Record), calls.Load(), err)
	}
}

func TestFaults(t *testing.T) {
	for name, f := range map[string]func(string) error{
		"lost":      func(call string) error { return failing(call, "PutLogItem") },
		"no pieces": func(call string) error { return failing(call, "PutPayload") },
	} {
		l, _ := open(t, faultinject.StoreFaults{Before: f})
		events := request(0, nil, nil)
		if name == "no pieces" {
			for i := range events {
				b := make([]byte, 500_000)
				for j := range b {
					b[j] = byte('a' + rand.IntN(26))
				}
				events[i].Data = []byte(`"` + string(b) + `"`)
			}
		}
		if err := l.Write(t.Context(), events, now.Add(time.Hour)); !webhook.Is(err, webhook.Unavailable) {
			t.Errorf("%s: got %v, want unavailable", name, err)
		}
		equal(t, name, all(t, l, 10, webhook.EventQuery{}), []webhook.LoggedEvent{})
	}
	l, _ := open(t, faultinject.StoreFaults{After: faultinject.Nth(1, "PutLogItem")})
	events := request(0, nil, nil)
	if err := l.Write(t.Context(), events, now.Add(time.Hour)); !webhook.Is(err, webhook.Unavailable) {
		t.Errorf("persisted anyway: got %v, want unavailable", err)
	}
	write(t, l, events) // finds them there
	equal(t, "persisted anyway", all(t, l, 10, webhook.EventQuery{OldestFirst: true}), events)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.Events(ctx, tenant, webhook.EventQuery{}); !webhook.Is(err, webhook.Unavailable) {
		t.Errorf("an ended context: got %v, want unavailable", err)
	}
}

func failing(call, which string) error {
	if call == which {
		return errors.New("thrown")
	}
	return nil
}
