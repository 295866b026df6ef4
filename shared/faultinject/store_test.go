package faultinject_test

import (
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hookline/shared/faultinject"
	"hookline/shared/store"
	"hookline/shared/store/sqlite"
	"hookline/shared/store/storetest"
	"hookline/shared/webhook"
)

// newStore opens a store in memory and wraps it with the faults.
func newStore(t *testing.T, f *faultinject.StoreFaults) store.Store {
	t.Helper()
	s, err := sqlite.New("", sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return faultinject.Store(s, f)
}

// TestStoreWithoutFaults holds a wrapped store to the contract, also where answers could be stale and are not.
func TestStoreWithoutFaults(t *testing.T) {
	f := &faultinject.StoreFaults{Stale: func(string) bool { return false }}
	storetest.Run(t, storetest.Engine{Open: func(t *testing.T) store.Store { return newStore(t, f) }})
}

// TestEveryCallOfAStore shows that a fault reaches every call. A call that passed would find no store.
func TestEveryCallOfAStore(t *testing.T) {
	always := func(string) error { return faultinject.Err }
	everyCall(t, faultinject.Store(nil, &faultinject.StoreFaults{Before: always, Read: always}))
}

// TestNth has each of three writes fail in turn, before it takes effect and after.
func TestNth(t *testing.T) {
	for n := range 4 {
		for name, f := range map[string]*faultinject.StoreFaults{
			"before": {Before: faultinject.Nth(n, "SaveDelivery")},
			"after":  {After: faultinject.Nth(n, "SaveDelivery")},
		} {
			s := newStore(t, f)
			var failed, written []int
			for i, event := range []string{"evt_1", "evt_2", "evt_3"} {
				if err := s.PutPayload(t.Context(), "acme", event, nil, base); err != nil {
					t.Fatal(err)
				}
				d := delivery(event)
				if err := s.SaveDelivery(t.Context(), d, webhook.Rev{}); errors.Is(err, faultinject.Err) {
					failed = append(failed, i+1)
				} else if err != nil {
					t.Fatal(err)
				}
				if _, found, err := s.Load(t.Context(), nil, []webhook.DeliveryKey{d.DeliveryKey}); err != nil {
					t.Fatal(err)
				} else if len(found) == 1 {
					written = append(written, i+1)
				}
			}
			wantFailed, wantWritten := []int(nil), []int{1, 2, 3}
			if n > 0 {
				wantFailed = []int{n}
			}
			if name == "before" {
				wantWritten = slices.DeleteFunc(wantWritten, func(i int) bool { return i == n })
			}
			if !slices.Equal(failed, wantFailed) || !slices.Equal(written, wantWritten) {
				t.Errorf("the %d. %s: got %v failed and %v written, want %v and %v", n, name, failed, written, wantFailed, wantWritten)
			}
		}
	}
}

var base = time.Date(2026, 3, 20, 12, 0, 0, 0, time.UTC)

func delivery(event string) webhook.Delivery {
	return webhook.Delivery{
		DeliveryKey: webhook.DeliveryKey{Tenant: "acme", Webhook: "wh_1", Event: event, AcceptedAt: base},
		Status:      webhook.Pending, Round: 1, Count: 1, NextAt: base.Add(time.Minute), ExpiresAt: base.Add(time.Hour),
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestStoreFaults(t *testing.T) {
	refused := errors.New("refused")
	var before, after, stale atomic.Bool
	strike := func(on *atomic.Bool) func(string) error {
		return func(call string) error {
			if on.Load() && call == "SaveDelivery" {
				return refused
			}
			return nil
		}
	}
	s := newStore(t, &faultinject.StoreFaults{
		Before: strike(&before), After: strike(&after), Stale: func(call string) bool { return stale.Load() && call == "Overdue" },
	})
	tenant := webhook.Tenant{ID: "acme", CreatedAt: base}
	must(t, s.CreateTenant(t.Context(), tenant, webhook.Key{ID: "key_1", Tenant: "acme", Hash: "hash"}))
	must(t, s.SaveDelivery(t.Context(), delivery("evt_1"), webhook.Rev{}))
	for name, c := range map[string]struct {
		on      *atomic.Bool
		written bool
	}{"before": {&before, false}, "after": {&after, true}} {
		d := delivery("evt_" + name)
		c.on.Store(true)
		err := s.SaveDelivery(t.Context(), d, webhook.Rev{})
		c.on.Store(false)
		if !webhook.Is(err, webhook.Unavailable) || !errors.Is(err, refused) {
			t.Errorf("%s: got %v, want it refused as unavailable", name, err)
		}
		_, err = s.Delivery(t.Context(), d.DeliveryKey)
		if written := err == nil; written != c.written {
			t.Errorf("%s: got written %t, want %t", name, written, c.written)
		}
	}
	overdue := func() int {
		t.Helper()
		l, err := s.Overdue(t.Context(), base.Add(time.Hour), webhook.Page{})
		must(t, err)
		return len(l.Items)
	}
	stale.Store(true)
	got := []int{overdue()}
	stale.Store(false)
	got = append(got, overdue())
	must(t, s.SaveDelivery(t.Context(), delivery("evt_new"), webhook.Rev{}))
	stale.Store(true)
	got = append(got, overdue())
	stale.Store(false)
	got = append(got, overdue())
	if want := []int{0, 2, 2, 3}; !cmp.Equal(got, want) {
		t.Errorf("overdue when stale, fresh, stale and fresh: got %v, want %v", got, want)
	}
}
