package webhook

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestEntries(t *testing.T) {
	for _, now := range []time.Time{time.UnixMilli(0).UTC(), time.Date(2026, 3, 20, 12, 0, 0, 123e6, time.UTC), time.UnixMilli(1<<48 - 1).UTC()} {
		ids := EventIDs(now, 100)
		for i, id := range ids {
			request, n, ok := EntryRequest(id)
			if request != ids[0] || n != i || !ok {
				t.Fatalf("%s: got %s, %d, %t, want %s, %d", id, request, n, ok, ids[0], i)
			}
			if got := EntryAt(ids[7], i); got != id {
				t.Errorf("got entry %s at %d, want %s", got, i, id)
			}
			if got := EntryTime(id); !got.Equal(now) {
				t.Errorf("%s: got time %v, want %v", id, got, now)
			}
			if first, next := FirstEntry(now), FirstEntry(now.Add(time.Millisecond)); id < first || now.UnixMilli() < 1<<48-1 && id >= next {
				t.Errorf("got %s, want it from %s on and before %s", id, first, next)
			}
		}
		if !slices.IsSorted(ids) {
			t.Error("the entries of a request do not sort by position")
		}
	}
	for _, id := range []string{"", "evt_", "evt_1", "order-7", NewID("wh_", time.Now()), "evt_" + "8ZZZZZZZZZZZZZZZZZZZZZZZZZ", "evt_01jq0000000000000000000000", "evt_01JQ00000000000000000000U0"} {
		if request, n, ok := EntryRequest(id); ok || EntryAt(id, 0) != "" || !EntryTime(id).IsZero() {
			t.Errorf("%q: got %s, %d, want it refused", id, request, n)
		}
	}
	if got, want := FirstEntry(time.Date(1969, 1, 1, 0, 0, 0, 0, time.UTC)), FirstEntry(time.UnixMilli(0)); got != want {
		t.Errorf("before 1970: got %s, want %s", got, want)
	}
}

func TestEntriesSort(t *testing.T) {
	var ids []string
	var times []time.Time
	for range 50 {
		times = append(times, time.UnixMilli(rand.Int64N(1<<47)))
	}
	slices.SortFunc(times, time.Time.Compare)
	for _, at := range times {
		ids = append(ids, EventIDs(at, 1)...)
	}
	if !slices.IsSorted(ids) {
		t.Error("ids do not sort by their times")
	}
}

func FuzzEntryRequest(f *testing.F) {
	for _, seed := range []string{"", "evt_", "order-7", "evt_01JQ8Z6Y5X4W3V2T1S0R9Q8P7N", "evt_7ZZZZZZZZZZZZZZZZZZZZZZZZZ", "evt_8ZZZZZZZZZZZZZZZZZZZZZZZZZ"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, id string) {
		request, n, ok := EntryRequest(id)
		if !ok {
			return
		}
		if got := EntryAt(request, n); got != id {
			t.Errorf("got entry %s at %d of %s, want %s", got, n, request, id)
		}
		if first := FirstEntry(EntryTime(id)); id < first || request < first {
			t.Errorf("got %s, want it from %s on", id, first)
		}
	})
}
