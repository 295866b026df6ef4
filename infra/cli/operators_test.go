package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"hookline/shared/api"
	"hookline/shared/stack/stacktest"
)

// TestOperators does what a runbook has an operator do for a tenant, with no key but the admin's.
func TestOperators(t *testing.T) {
	_, tenant, sh := start(t, new(stacktest.Receiver))
	delete(sh.env, "HOOKLINE_API_KEY")
	var key api.CreatedKey
	sh.do(&key, "keys", "create", "--tenant", "acme", "--name", "night shift", "--scopes", "webhooks:write,keys:read,keys:write,audit:read,sources:read,sources:write")
	sh.env["HOOKLINE_API_KEY"] = key.Key

	made := tenant.Webhook(stacktest.Hook("*"))
	var rotated api.Rotated
	sh.do(&rotated, "webhooks", "rotate-secret", made.ID, "--overlap", "0")
	if rotated.Secret == "" || rotated.PreviousSecretExpiresAt != nil {
		t.Errorf("rotated without an overlap: %+v", rotated)
	}
	var source api.CreatedSource
	sh.do(&source, "sources", "create", "--data", `{"kind": "github", "name": "ci"}`)
	if got := sh.run("", "sources", "list"); !strings.Contains(got.out, source.ID) {
		t.Errorf("sources: %+v", got)
	}
	sh.do(nil, "sources", "delete", source.ID)

	for name, args := range map[string][]string{"the tenant's": {"audit"}, "the admin's": {"audit", "--tenant", "acme"}} {
		var log api.List[api.AuditEntry]
		sh.do(&log, append(args, "--since", "1h")...)
		var actions []string
		for _, e := range log.Data {
			actions = append(actions, e.Action)
		}
		for _, want := range []string{"key.create", "webhook.rotate_secret", "source.create", "source.delete"} {
			if !slices.Contains(actions, want) {
				t.Errorf("%s audit log has %q, and no %s", name, actions, want)
			}
		}
	}

	if got := sh.run("", "keys", "list"); got.code != 0 || !strings.Contains(got.out, "night shift") {
		t.Errorf("keys: %+v", got)
	}
	sh.do(nil, "keys", "delete", key.ID)
	if got := sh.run("", "keys", "list"); got.code != 3 {
		t.Errorf("a deleted key: %+v, want exit code 3", got)
	}
	if got := sh.run("", "keys", "create", "--tenant", "acme"); got.code != 1 || !strings.Contains(got.err, "\n  name ") {
		t.Errorf("a key without a name: %+v, want the field", got)
	}

	var usage api.List[api.DayUsage]
	sh.do(&usage, "tenants", "usage", "acme", "--since", "24h")
	if len(usage.Data) != 2 {
		t.Errorf("usage of %d days, want yesterday and today", len(usage.Data))
	}
	if got := sh.run("", "tenants", "usage", "acme"); !strings.HasPrefix(got.out, "DATE ") {
		t.Errorf("usage: %+v, want a table", got)
	}
	var link api.AdminLink
	sh.do(&link, "admin-link")
	if !strings.HasPrefix(link.URL, sh.url+"/console/admin/") {
		t.Errorf("admin link: %s", link.URL)
	}
	if got := sh.run("", "--version"); got.code != 0 || !strings.HasPrefix(got.out, "hookline version ") {
		t.Errorf("version: %+v", got)
	}
}

func TestMoment(t *testing.T) {
	for text, want := range map[string]time.Duration{"90m": 90 * time.Minute, "14d": 14 * 24 * time.Hour, "0d": 0} {
		at, err := moment("since", text)
		if back := time.Since(at).Round(time.Hour / 2); err != nil || back != want {
			t.Errorf("%s: %v back, %v, want %v", text, back, err, want)
		}
	}
	for _, text := range []string{"d", "1.5d", "two d", "yesterday"} {
		if at, err := moment("since", text); err == nil {
			t.Errorf("%q is %v, want an error", text, at)
		}
	}
}
