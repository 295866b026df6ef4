package erasure_test

import (
	"strings"
	"testing"
	"time"

	"hookline/shared/stack/stacktest"
	"hookline/shared/webhook"
)

// left makes a world whose tenant is being deleted, with everything that a tenant can leave.
func left(t *testing.T) *world {
	w := halfway(t, 30_000)
	_, _, err := w.b.Store.CreateDeployment(t.Context(), webhook.Deployment{
		Tenant: "acme", ID: "dep_1", RegisteredAt: w.clock.Now(), Payload: []byte("sesame-two"), ExpiresAt: w.clock.Now().Add(24 * time.Hour),
	})
	w.ok(err)
	w.ok(w.b.Store.CreateReplay(t.Context(), webhook.Replay{Tenant: "acme", ID: "rpl_1", Webhook: "wh_a", Type: "sesame-two", Version: 1, CreatedAt: w.clock.Now()}))
	w.ok(w.s.Tenant(t.Context(), w.tenant))
	return w
}

// empty holds that nothing is left of the two events and of what belongs to the tenant besides.
func (w *world) empty() {
	w.t.Helper()
	for _, text := range []string{"sesame-one", "sesame-two"} {
		if found := w.traces(text); found != nil {
			w.t.Errorf("got traces of %s in %v, want none", text, found)
		}
	}
	rows := stacktest.Rows(w.t, w.file, "acme")
	for _, table := range []string{"delivery", "event_log", "deployment", "replay", "payload"} {
		if strings.Contains("\n"+rows, "\n"+table+" ") {
			w.t.Errorf("there are rows in %s, want none", table)
		}
	}
}

// TestTenant deletes a tenant and erases what it left. An attempt that was under way is recorded meanwhile.
func TestTenant(t *testing.T) {
	w := left(t)
	w.ok(w.b.Store.DeleteTenant(t.Context(), "acme"))
	late := webhook.Delivery{
		DeliveryKey: webhook.DeliveryKey{Tenant: "acme", Webhook: "wh_b", Event: "evt_late", AcceptedAt: w.clock.Now()}, Type: "a.b", Dialect: "standard@1",
		Body: webhook.Payload{Inline: []byte("psesame-two")}, Status: webhook.Succeeded, Round: 1, Count: 1, ExpiresAt: w.clock.Now().Add(time.Hour),
	}
	w.ok(w.b.Store.SaveDelivery(t.Context(), late, webhook.Rev{}))
	w.work()
	w.empty()
}

// TestTenantAfterCrashes holds that all is erased whatever call of it fails.
func TestTenantAfterCrashes(t *testing.T) {
	crashes(t, func(t *testing.T) *world {
		w := left(t)
		w.ok(w.b.Store.DeleteTenant(t.Context(), "acme"))
		return w
	}, func(w *world) { w.empty() })
}

// TestTenantOfTheSameID holds that another tenant that gets the id at once keeps all that is its own.
func TestTenantOfTheSameID(t *testing.T) {
	w := left(t)
	w.ok(w.b.Store.DeleteTenant(t.Context(), "acme"))
	w.clock.Pass(time.Second)
	w.tenant = w.newTenant()
	w.webhook("wh_a", "*")
	w.events = nil
	w.publish(30_000, "sesame-three")
	w.handle(w.events[0], "wh_a")
	before := len(w.traces("sesame-three"))
	w.work()
	for _, text := range []string{"sesame-one", "sesame-two"} {
		if found := w.traces(text); found != nil {
			t.Errorf("got traces of %s in %v, want none", text, found)
		}
	}
	if now := len(w.traces("sesame-three")); now != before || now == 0 {
		t.Errorf("got %d traces of the new tenant's event, want %d", now, before)
	}
}

// TestTenantThatStays holds that nothing is erased where the deletion failed, and that nobody waits for it for ever.
func TestTenantThatStays(t *testing.T) {
	w := left(t)
	before := len(w.traces("sesame-one"))
	if n := w.work(); n < 3 || n > 200 {
		t.Errorf("got %d messages, want some, for a day", n)
	}
	if now := len(w.traces("sesame-one")); now != before {
		t.Errorf("got %d traces, want the %d that there were", now, before)
	}
}
