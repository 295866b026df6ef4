package httpapi_test

import (
	"fmt"
	"testing"
	"time"
)

// The admin sets a tenant's limits, within the stack's; null takes them back. They are not the tenant's own to change.
func TestLimitsOfTenant(t *testing.T) {
	w := newWorld(t)
	w.api.Retention, w.api.MaxWebhooks = 10*24*time.Hour, 3
	const path = "/v1/tenants/acme"
	shows := func(at, key, want string) {
		t.Helper()
		got := w.do("GET", at, key, "").is(200)
		if shown := fmt.Sprint(got.field("retention_days"), " ", got.field("max_webhooks")); shown != want {
			t.Errorf("%s: got %s, want %s", at, shown, want)
		}
	}
	shows(path, adminKey, "<nil> <nil>")
	for body, fields := range map[string][]string{
		`{"retention_days":11,"max_webhooks":4}`:        {"retention_days", "max_webhooks"},
		`{"retention_days":0,"max_webhooks":0}`:         {"retention_days", "max_webhooks"},
		`{"retention_days":-1}`:                         {"retention_days"},
		`{"retention_days":"7","max_webhooks":1.5}`:     {"retention_days", "max_webhooks"},
		`{"name":"","retention_days":9007199254740991}`: {"name", "retention_days"},
	} {
		w.do("PATCH", path, adminKey, body).faults(fields...)
	}
	w.do("PATCH", "/v1/tenant", w.key, `{"retention_days":7,"max_webhooks":null}`).faults("retention_days", "max_webhooks")
	shows(path, adminKey, "<nil> <nil>")
	w.do("PATCH", path, adminKey, `{"retention_days":10,"max_webhooks":2}`).is(200)
	shows(path, adminKey, "10 2")
	shows("/v1/tenant", w.key, "10 2")

	w.webhook(w.key)
	hook := `{"url":"https://example.com","events":["invoice.paid"]}`
	w.do("POST", "/v1/webhooks/import", w.key, "["+hook+","+hook+"]").problem(409, "too-many-webhooks")
	w.do("POST", "/v1/webhooks/import?dry_run=true", w.key, "["+hook+","+hook+"]").problem(409, "too-many-webhooks")
	w.webhook(w.key)
	w.do("POST", "/v1/webhooks", w.key, hook).problem(409, "too-many-webhooks")
	w.do("PATCH", path, adminKey, `{"retention_days":null,"max_webhooks":null}`).is(200)
	shows(path, adminKey, "<nil> <nil>")
	w.webhook(w.key)
	w.do("POST", "/v1/webhooks", w.key, hook).problem(409, "too-many-webhooks") // the stack's
}
