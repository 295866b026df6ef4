package httpapi_test

import (
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"hookline/shared/portal"
	"hookline/shared/rate"
	"hookline/shared/webhook"
)

func TestPortalLinks(t *testing.T) {
	w := newWorld(t)
	for body, life := range map[string]time.Duration{
		"": time.Hour, "{}": time.Hour, `{"expires_in":null}`: time.Hour, `{"expires_in":60}`: time.Minute, `{"expires_in":86400}`: 24 * time.Hour,
	} {
		made := w.do("POST", "/v1/portal-links", w.key, body).is(201)
		if got, want := made.str("expires_at"), w.now.Now().Add(life).Format(webhook.TimeFormat); got != want {
			t.Errorf("%s: got %s, want %s", body, got, want)
		}
		at, err := url.Parse(made.str("url"))
		if err != nil || at.Path != "/console/portal" {
			t.Fatalf("got %s, %v, want an address of the console", made.str("url"), err)
		}
		l, err := portal.Open(t.Context(), w.api.Box, portal.Address, at.Query().Get("link"))
		if err != nil || l.Tenant != "acme" || l.Maker != webhook.HashAPIKey(w.key) || !l.Expires.Equal(w.now.Now().Add(life)) {
			t.Errorf("%s: got %+v, %v", body, l, err)
		}
		if strings.Contains(made.body, w.key) || strings.Contains(made.body, webhook.HashAPIKey(w.key)) {
			t.Errorf("got %s, want no key in it", made.body)
		}
	}
	for _, body := range []string{`{"expires_in":59}`, `{"expires_in":86401}`, `{"expires_in":-1}`, `{"expires_in":"60"}`, `{"expires_in":60.5}`} {
		w.do("POST", "/v1/portal-links", w.key, body).faults("expires_in")
	}
	w.do("POST", "/v1/portal-links", w.key, `{"url":"x","scopes":[]}`).faults("url", "scopes")
	w.do("POST", "/v1/portal-links", w.scoped("tenant:read", "webhooks:write"), "").problem(403, "missing-scope")
	w.do("POST", "/v1/portal-links", adminKey, "").problem(403, "tenant-only")

	w.do("POST", "/v1/tenants/globex/portal-links", w.key, "").problem(403, "admin-only")
	w.do("POST", "/v1/tenants/nobody/portal-links", adminKey, "").problem(404, "not-found")
	made := w.do("POST", "/v1/tenants/globex/portal-links", adminKey, "").is(201)
	at, _ := url.Parse(made.str("url"))
	if l, err := portal.Open(t.Context(), w.api.Box, portal.Address, at.Query().Get("link")); err != nil || l.Tenant != "globex" || l.Maker != "" {
		t.Errorf("got %+v, %v, want the admin's for globex", l, err)
	}
}

func TestRates(t *testing.T) {
	w := newWorld(t)
	w.api.Rates = &rate.Limiter{PerSecond: 2, Now: w.now.Now}
	limited := func(key string) reply {
		t.Helper()
		for range 4 {
			w.do("GET", "/v1/tenant", key, "").is(200)
		}
		p := w.do("GET", "/v1/tenant", key, "")
		p.problem(429, "too-many-requests")
		return p
	}
	if got := limited(w.key).header.Get("Retry-After"); got != "1" {
		t.Errorf("got Retry-After %q, want 1: half a second, rounded up", got)
	}
	limited(w.other) // each key by itself
	w.now.Pass(500 * time.Millisecond)
	w.do("GET", "/v1/tenant", w.key, "").is(200)
	w.do("GET", "/v1/tenant", w.key, "").problem(429, "too-many-requests")

	// A key over its rate costs no read, nor does one that is guessed for ever.
	reads := 0
	w.faults.Before = func(string) error { reads++; return nil }
	w.do("GET", "/v1/tenant", w.key, "").problem(429, "too-many-requests")
	if reads > 0 {
		t.Errorf("%d calls of the store, want none", reads)
	}
	for range 10 {
		w.do("GET", "/v1/tenants", adminKey, "").is(200) // the admin is not counted
	}
	r := httptest.NewRequest("GET", "/healthz", nil)
	for range 10 {
		rec := httptest.NewRecorder()
		if w.handler.ServeHTTP(rec, r); rec.Code != 200 {
			t.Errorf("what takes no key is answered %d", rec.Code)
		}
	}
}
