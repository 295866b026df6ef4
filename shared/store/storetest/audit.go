package storetest

import (
	"context"
	"fmt"
	"slices"
	"time"

	"hookline/shared/audit"
	"hookline/shared/webhook"
)

// entry returns an entry that is not stored, made so long after now, with every field filled.
func (b *bench) entry(tenant string, after time.Duration) audit.Entry {
	at := b.now.Add(after)
	return audit.Entry{
		Tenant: tenant, ID: webhook.NewID("aud_", at), CreatedAt: at, Action: "webhook.update", Actor: audit.Actor{Type: audit.Portal, ID: odd, Name: odd},
		Target: audit.Target{Type: "webhook", ID: "wh_1"}, Changed: []string{"url", "headers"}, IP: "2001:db8::1", RequestID: "req_1",
		ExpiresAt: at.Add(audit.Kept),
	}
}

// kept stores an entry and returns it.
func (b *bench) kept(e audit.Entry) audit.Entry {
	b.Helper()
	b.ok(b.s.PutAudit(b.Context(), e))
	return e
}

func (b *bench) entries(tenant string, limit int, q audit.Query) []audit.Entry {
	b.Helper()
	return collect(b, limit, func(p webhook.Page) (webhook.List[audit.Entry], error) {
		q.Page = p
		return b.s.AuditEntries(b.Context(), tenant, q)
	})
}

// with returns a context for a write that is to store an entry of the tenant, and the entry.
func (b *bench) with(tenant, action string) (context.Context, audit.Entry) {
	ctx := audit.Begin(b.Context(), audit.Entry{Action: action, Actor: audit.Actor{Type: audit.Key, ID: "key_1"}, IP: "192.0.2.1", RequestID: "req_1"})
	ctx = audit.Change(ctx, b.now, tenant, audit.Target{Type: "thing", ID: "thing_1"}, "name")
	e, _ := audit.Of(ctx)
	return ctx, e
}

func auditChecks() []check {
	return []check{
		{"audit/comes back whole, replaced and dropped by its id", func(b *bench) {
			tenant := b.tenant()
			e := b.kept(b.entry(tenant, 0))
			bare := b.kept(audit.Entry{Tenant: tenant, ID: "aud_bare", CreatedAt: b.now.Add(-time.Millisecond)})
			b.equal("listed", b.entries(tenant, 5, audit.Query{}), []audit.Entry{e, bare})
			e.Action, e.Changed = "webhook.delete", nil
			b.kept(e)
			b.equal("replaced", b.entries(tenant, 5, audit.Query{}), []audit.Entry{e, bare})
			for range 2 {
				b.ok(b.s.DropAudit(b.Context(), e))
				b.equal("dropped", b.entries(tenant, 5, audit.Query{}), []audit.Entry{bare})
			}
		}},
		{"audit/lists newest first, whole, in pages, under filters", func(b *bench) {
			tenant := b.tenant()
			b.kept(b.entry(b.tenant(), 0))
			var all []audit.Entry
			for i := range 12 { // pairs of equal times, stored in another order
				e := b.entry(tenant, time.Duration(i*5%12/2)*time.Millisecond)
				e.Actor.ID, e.Target.ID, e.Action = fmt.Sprint("key_", i%2), fmt.Sprint("wh_", i%3), fmt.Sprint("webhook.", i%4)
				all = append(all, b.kept(e))
			}
			slices.SortFunc(all, func(x, y audit.Entry) int {
				return -slices.Compare([]string{x.CreatedAt.Format(time.RFC3339Nano), x.ID}, []string{y.CreatedAt.Format(time.RFC3339Nano), y.ID})
			})
			for name, q := range map[string]audit.Query{
				"all": {}, "an actor's": {Actor: "key_1"}, "actors of a type": {Actor: audit.Portal}, "an action's": {Action: "webhook.2"},
				"a target's": {Target: "wh_2"}, "targets of a type": {Target: "webhook"}, "no one's": {Actor: absent},
				"since": {Since: b.now.Add(2 * time.Millisecond)}, "until": {Until: b.now.Add(3 * time.Millisecond)},
				"between": {Since: b.now.Add(2 * time.Millisecond), Until: b.now.Add(4 * time.Millisecond), Actor: "key_0"},
			} {
				want := slices.DeleteFunc(slices.Clone(all), func(e audit.Entry) bool {
					return !q.Matches(e) || e.CreatedAt.Before(q.Since) || !q.Until.IsZero() && !e.CreatedAt.Before(q.Until)
				})
				for _, limit := range []int{1, 3, 12, 100} {
					b.equal(fmt.Sprint(name, " by ", limit), b.entries(tenant, limit, q), want)
				}
			}
		}},
		{"audit/outlives its tenant", func(b *bench) {
			e := b.kept(b.entry(b.tenant(), 0))
			b.ok(b.s.DeleteTenant(b.Context(), e.Tenant))
			b.equal("of a deleted tenant", b.entries(e.Tenant, 5, audit.Query{}), []audit.Entry{e})
			e = b.kept(b.entry("never-"+e.Tenant, 0))
			b.equal("of a tenant that never was", b.entries(e.Tenant, 5, audit.Query{}), []audit.Entry{e})
		}},
		{"audit/the stack's own are apart from tenants'", func(b *bench) {
			tenant := b.tenant()
			e := b.entry("", 0)
			e.Target.ID = tenant // other checks share the stack's list
			b.kept(e)
			b.equal("the stack's", b.entries("", 100, audit.Query{Target: tenant}), []audit.Entry{e})
			b.equal("the tenant's", b.entries(tenant, 5, audit.Query{}), []audit.Entry{})
			b.ok(b.s.DropAudit(b.Context(), e))
		}},
		{"audit/a change stores its entry, a refused one does not", func(b *bench) {
			t, k := b.newTenant()
			w, src, name := b.webhook(t.ID, "wh_1", manyPatterns("a", 50)...), b.source(t.ID, 0), b.dialectName()
			wide := w
			wide.Events, wide.Version = manyPatterns("b", 50), 2
			for _, c := range []struct {
				method string
				call   func(ctx context.Context) error
				again  webhook.Kind // of the same call, once more
			}{
				{"CreateTenant", func(ctx context.Context) error { return b.s.CreateTenant(ctx, t, k) }, webhook.Conflict},
				{"UpdateTenant", func(ctx context.Context) error { return b.s.UpdateTenant(ctx, t) }, webhook.Conflict},
				{"CreateKey", func(ctx context.Context) error { return b.s.CreateKey(ctx, b.key(t.ID, "key_1")) }, webhook.Conflict},
				{"DeleteKey", func(ctx context.Context) error { return b.s.DeleteKey(ctx, t.ID, "key_1") }, webhook.NotFound},
				{"CreateWebhook", func(ctx context.Context) error { return b.s.CreateWebhook(ctx, w) }, webhook.Conflict},
				{"UpdateWebhook", func(ctx context.Context) error { return b.s.UpdateWebhook(ctx, w, false) }, webhook.Conflict},
				{"UpdateWebhook of all patterns", func(ctx context.Context) error { return b.s.UpdateWebhook(ctx, wide, true) }, webhook.Conflict},
				{"DeleteWebhook", func(ctx context.Context) error { return b.s.DeleteWebhook(ctx, w.Ref) }, webhook.NotFound},
				{"CreateSource", func(ctx context.Context) error { return b.s.CreateSource(ctx, src) }, webhook.Conflict},
				{"DeleteSource", func(ctx context.Context) error { return b.s.DeleteSource(ctx, t.ID, src.ID) }, webhook.NotFound},
				{"PutDialect", func(ctx context.Context) error { return b.s.PutDialect(ctx, b.version(name, 1)) }, webhook.Conflict},
				{"DeleteDialect", func(ctx context.Context) error { return b.s.DeleteDialect(ctx, name, 1) }, webhook.NotFound},
			} {
				ctx, e := b.with(t.ID, c.method)
				b.ok(c.call(ctx))
				b.equal(c.method, b.entries(t.ID, 100, audit.Query{Action: c.method}), []audit.Entry{e})
				ctx, _ = b.with(t.ID, c.method)
				b.kind(c.method+" again", c.call(ctx), c.again)
				b.equal(c.method+", refused", b.entries(t.ID, 100, audit.Query{Action: c.method}), []audit.Entry{e})
			}
			b.equal("all", len(b.entries(t.ID, 100, audit.Query{})), 12)
		}},
	}
}

// manyPatterns returns n patterns.
func manyPatterns(prefix string, n int) (out []string) {
	for i := range n {
		out = append(out, fmt.Sprintf("%s.e%02d", prefix, i))
	}
	return out
}
