package stack_test

import (
	"maps"
	"sync"
	"testing"
	"time"

	"hookline/shared/audit"
	"hookline/shared/stack/stacktest"
)

// TestWritesOfADelivery counts what the store writes for an event that is published and delivered at once: its item in the
// event log and its delivery's record. The audit log has no part in it.
func TestWritesOfADelivery(t *testing.T) {
	const events = 20
	var mu sync.Mutex
	writes := make(map[string]int)
	r := new(stacktest.Receiver)
	w := stacktest.World{Receiver: r}
	w.StoreFaults.Before = func(call string) error {
		mu.Lock()
		defer mu.Unlock()
		writes[call]++
		return nil
	}
	w.Run(t, func(t *testing.T, s *stacktest.Stack) {
		acme := s.Tenant("acme", "standard")
		acme.Webhook(stacktest.Hook("*"))
		stacktest.Pass(time.Minute) // the system event of the webhook
		entries := func() int {
			l, err := s.Store.AuditEntries(t.Context(), "acme", audit.Query{})
			if err != nil {
				t.Fatal(err)
			}
			return len(l.Items)
		}
		mu.Lock()
		clear(writes)
		mu.Unlock()
		before := entries()
		for range events {
			acme.Publish("user.created", map[string]any{"n": 1})
		}
		stacktest.Pass(time.Minute)
		mu.Lock()
		defer mu.Unlock()
		if want := map[string]int{"PutLogItem": events, "SaveDelivery": events}; !maps.Equal(writes, want) {
			t.Errorf("%d deliveries took the writes %v, want %v", events, writes, want)
		}
		if got := entries(); got != before || before != 2 || len(r.Requests()) != events {
			t.Errorf("got %d entries after %d deliveries, want the %d of the tenant and its webhook", got, len(r.Requests()), before)
		}
	})
}
