package storetest

import (
	"fmt"
	"slices"
	"time"

	"hookline/shared/webhook"
)

func tenantChecks() []check {
	return []check{
		{"tenant/comes back whole, with its first key", func(b *bench) {
			t, k := b.newTenant()
			b.ok(b.s.CreateTenant(b.Context(), t, k))
			got := must(b.s.Tenant(b.Context(), t.ID))(b)
			b.equal("tenant", got, t)
			if got.CreatedAt.Location() != time.UTC {
				b.Errorf("got a time in %v, want UTC", got.CreatedAt.Location())
			}
			b.equal("key", must(b.s.KeyByHash(b.Context(), k.Hash))(b), k)
			b.equal("keys", must(b.s.Keys(b.Context(), t.ID, webhook.Page{}))(b).Items, []webhook.Key{k})
		}},
		{"tenant/times are cut to milliseconds in UTC", func(b *bench) {
			t, k := b.newTenant()
			t.UpdatedAt = b.now.Add(4*time.Millisecond + 999_999).In(time.FixedZone("", 3600))
			b.ok(b.s.CreateTenant(b.Context(), t, k))
			t.UpdatedAt = b.now.Add(4 * time.Millisecond)
			b.equal("tenant", must(b.s.Tenant(b.Context(), t.ID))(b), t)
		}},
		{"tenant/an id that exists is a conflict and nothing is stored", func(b *bench) {
			t, k := b.newTenant()
			b.ok(b.s.CreateTenant(b.Context(), t, k))
			again, other := t, b.key(t.ID, "key_other")
			again.Name = "again"
			b.conflict("create", b.s.CreateTenant(b.Context(), again, other), "tenant-exists")
			b.equal("tenant", must(b.s.Tenant(b.Context(), t.ID))(b), t)
			_, err := b.s.KeyByHash(b.Context(), other.Hash)
			b.notFound("its key", err)
		}},
		{"tenant/a key hash that exists stores no tenant", func(b *bench) {
			_, k := b.newTenant()
			taken := b.tenant()
			k.Tenant = taken
			b.ok(b.s.CreateKey(b.Context(), k))
			t, fresh := b.newTenant()
			fresh.Hash = k.Hash
			b.conflict("create", b.s.CreateTenant(b.Context(), t, fresh), "key-exists")
			_, err := b.s.Tenant(b.Context(), t.ID)
			b.notFound("tenant", err)
		}},
		{"tenant/creation raced by 8 has one winner", func(b *bench) {
			t, k := b.newTenant()
			errs := race(8, func(i int) error {
				t, k := t, k
				t.Name, k.ID, k.Hash = fmt.Sprint(i), fmt.Sprint("key_", i), webhook.HashAPIKey(fmt.Sprint(t.ID, i))
				return through(func() error { return b.s.CreateTenant(b.Context(), t, k) })
			})
			winner := b.oneWinner(errs, "tenant-exists")
			b.equal("name", must(b.s.Tenant(b.Context(), t.ID))(b).Name, fmt.Sprint(winner))
			keys := must(b.s.Keys(b.Context(), t.ID, webhook.Page{}))(b).Items
			b.equal("keys", ids(keys, func(k webhook.Key) string { return k.ID }), []string{fmt.Sprint("key_", winner)})
		}},
		{"tenant/one that is not there is not found", func(b *bench) {
			t, _ := b.newTenant()
			_, err := b.s.Tenant(b.Context(), t.ID)
			b.notFound("read", err)
			b.notFound("update", b.s.UpdateTenant(b.Context(), t))
			b.notFound("delete", b.s.DeleteTenant(b.Context(), t.ID))
			_, err = b.s.Tenant(b.Context(), t.ID)
			b.notFound("read after update", err)
		}},
		{"tenant/list is by id, in pages without loss or repeats", func(b *bench) {
			var want []string
			for range 7 {
				want = append(want, b.tenant())
			}
			slices.Sort(want)
			got := collect(b, 3, func(p webhook.Page) (webhook.List[webhook.Tenant], error) { return b.s.Tenants(b.Context(), p) })
			all := ids(got, func(t webhook.Tenant) string { return t.ID })
			if !slices.IsSorted(all) {
				b.Errorf("got ids %q, want them sorted", all)
			}
			mine := slices.DeleteFunc(all, func(id string) bool { return !slices.Contains(want, id) })
			b.equal("ids", mine, want)
		}},
		{"tenant/update stores it with the next version, or refuses an old one", func(b *bench) {
			t, k := b.newTenant()
			b.ok(b.s.CreateTenant(b.Context(), t, k))
			t.Name, t.NotifyEmail, t.FrameAncestors, t.UpdatedAt = "new", "", nil, b.now.Add(time.Second)
			b.ok(b.s.UpdateTenant(b.Context(), t))
			old := t
			t.Version = 2
			b.equal("updated", must(b.s.Tenant(b.Context(), t.ID))(b), t)
			old.Name = "stale"
			b.conflict("old version", b.s.UpdateTenant(b.Context(), old), "changed-meanwhile")
			b.equal("after it", must(b.s.Tenant(b.Context(), t.ID))(b), t)
		}},
		{"tenant/update raced by 8 has one winner", func(b *bench) {
			t, k := b.newTenant()
			b.ok(b.s.CreateTenant(b.Context(), t, k))
			winner := b.oneWinner(race(8, func(i int) error {
				t := t
				t.Name = fmt.Sprint(i)
				return b.s.UpdateTenant(b.Context(), t)
			}), "changed-meanwhile")
			t.Name, t.Version = fmt.Sprint(winner), 2
			b.equal("tenant", must(b.s.Tenant(b.Context(), t.ID))(b), t)
		}},
		{"tenant/deletion takes keys, webhooks, index entries and pins along", func(b *bench) {
			t, k := b.newTenant()
			b.ok(b.s.CreateTenant(b.Context(), t, k))
			second := b.key(t.ID, "key_second")
			b.ok(b.s.CreateKey(b.Context(), second))
			for i := range 30 {
				b.created(t.ID, fmt.Sprint("wh_", i), "a.b", "c.*")
			}
			b.ok(b.s.DeleteTenant(b.Context(), t.ID))
			b.gone(t.ID, k.Hash, second.Hash)
			b.notFound("delete again", b.s.DeleteTenant(b.Context(), t.ID))
			b.notFound("a key for it", b.s.CreateKey(b.Context(), second))
			b.notFound("a webhook for it", b.s.CreateWebhook(b.Context(), b.webhook(t.ID, "wh_1", "a.b")))
			b.gone(t.ID, k.Hash, second.Hash)
		}},
		{"tenant/the same id again is a new, empty tenant", func(b *bench) {
			t, k := b.newTenant()
			b.ok(b.s.CreateTenant(b.Context(), t, k))
			b.created(t.ID, "wh_1", "a.b")
			old := b.save(b.delivery(t.ID, "wh_1", "evt_1", time.Second))
			pin := b.pin(t.ID, "event", "evt_1")
			must2(b.s.Pin(b.Context(), pin))(b)
			b.ok(b.s.DeleteTenant(b.Context(), t.ID))
			unreachable := func(when string) {
				b.Helper()
				_, err := b.s.Delivery(b.Context(), old.DeliveryKey)
				b.notFound("delivery "+when, err)
				l := must(b.s.Deliveries(b.Context(), t.ID, webhook.DeliveryQuery{}))(b)
				b.equal("deliveries "+when, l.Items, []webhook.Delivery{})
				l = must(b.s.Deliveries(b.Context(), t.ID, webhook.DeliveryQuery{Webhook: "wh_1"}))(b)
				b.equal("the webhook's deliveries "+when, l.Items, []webhook.Delivery{})
			}
			unreachable("after deletion")
			t.CreatedAt, t.UpdatedAt = b.now.Add(time.Minute), b.now.Add(time.Minute)
			b.ok(b.s.CreateTenant(b.Context(), t, k))
			unreachable("of the new tenant")
			b.equal("counts", must(b.s.WebhookCounts(b.Context(), t.ID))(b), webhook.Counts{})
			pin.Hash = "new"
			if got, stored := must2(b.s.Pin(b.Context(), pin))(b); !stored {
				b.Errorf("got the old tenant's pin %+v, want a new one", got)
			}
			b.created(t.ID, "wh_1", "a.b")
			unreachable("with its webhook's id used again")
			first := b.save(b.delivery(t.ID, "wh_1", "evt_1", time.Minute))
			l := must(b.s.Deliveries(b.Context(), t.ID, webhook.DeliveryQuery{Webhook: "wh_1"}))(b)
			b.equal("the new tenant's own", l.Items, []webhook.Delivery{first})
			b.equal("by key", must(b.s.Delivery(b.Context(), first.DeliveryKey))(b), first)
		}},
	}
}

// gone checks that nothing but deliveries is left of a tenant.
func (b *bench) gone(tenant string, hashes ...string) {
	b.Helper()
	_, err := b.s.Tenant(b.Context(), tenant)
	b.notFound("tenant", err)
	for _, hash := range hashes {
		_, err := b.s.KeyByHash(b.Context(), hash)
		b.notFound("key", err)
	}
	b.equal("keys", must(b.s.Keys(b.Context(), tenant, webhook.Page{}))(b).Items, []webhook.Key{})
	b.equal("webhooks", must(b.s.Webhooks(b.Context(), tenant, webhook.WebhookQuery{}))(b).Items, []webhook.Webhook{})
	b.equal("counts", must(b.s.WebhookCounts(b.Context(), tenant))(b), webhook.Counts{})
	_, err = b.s.Webhook(b.Context(), webhook.Ref{Tenant: tenant, ID: "wh_1"})
	b.notFound("webhook", err)
	b.equal("subscriptions", b.subscribed(tenant, "a.b", "c.*"), []string{})
}

func keyChecks() []check {
	return []check{
		{"key/comes back whole and is found by its hash", func(b *bench) {
			tenant := b.tenant()
			k := b.key(tenant, "key_1")
			k.Name, k.Scopes, k.CreatedAt = odd, webhook.Scopes(), b.now.Add(time.Millisecond)
			b.ok(b.s.CreateKey(b.Context(), k))
			b.equal("key", must(b.s.KeyByHash(b.Context(), k.Hash))(b), k)
			_, err := b.s.KeyByHash(b.Context(), webhook.HashAPIKey(absent))
			b.notFound("another hash", err)
		}},
		{"key/an id or hash that exists is a conflict", func(b *bench) {
			tenant, stranger := b.tenant(), b.tenant()
			k := b.key(tenant, "key_1")
			b.ok(b.s.CreateKey(b.Context(), k))
			sameID, sameHash := b.key(tenant, "key_1"), b.key(stranger, "key_2")
			sameID.Hash, sameHash.Hash = webhook.HashAPIKey(tenant+"another"), k.Hash
			b.conflict("same id", b.s.CreateKey(b.Context(), sameID), "key-exists")
			b.conflict("same hash", b.s.CreateKey(b.Context(), sameHash), "key-exists")
			b.equal("key", must(b.s.KeyByHash(b.Context(), k.Hash))(b), k)
			_, err := b.s.KeyByHash(b.Context(), sameID.Hash)
			b.notFound("the refused one", err)
		}},
		{"key/a tenant that is not there is not found", func(b *bench) {
			k := b.key(absent, "key_1")
			b.notFound("create", b.s.CreateKey(b.Context(), k))
			_, err := b.s.KeyByHash(b.Context(), k.Hash)
			b.notFound("read", err)
		}},
		{"key/list is newest id first, in pages", func(b *bench) {
			t, k := b.newTenant()
			b.ok(b.s.CreateTenant(b.Context(), t, k))
			want := []webhook.Key{k}
			for i := range 6 {
				k := b.key(t.ID, webhook.NewID(webhook.KeyPrefix, b.now.Add(time.Duration(i+1)*time.Millisecond)))
				b.ok(b.s.CreateKey(b.Context(), k))
				want = append(want, k)
			}
			slices.Reverse(want)
			b.equal("keys", collect(b, 3, func(p webhook.Page) (webhook.List[webhook.Key], error) { return b.s.Keys(b.Context(), t.ID, p) }), want)
		}},
		{"key/a deleted one stops at once", func(b *bench) {
			tenant := b.tenant()
			k, other := b.key(tenant, "key_1"), b.key(tenant, "key_2")
			b.ok(b.s.CreateKey(b.Context(), k))
			b.ok(b.s.CreateKey(b.Context(), other))
			b.ok(b.s.DeleteKey(b.Context(), tenant, k.ID))
			_, err := b.s.KeyByHash(b.Context(), k.Hash)
			b.notFound("by hash", err)
			b.notFound("delete again", b.s.DeleteKey(b.Context(), tenant, k.ID))
			b.equal("the other", must(b.s.KeyByHash(b.Context(), other.Hash))(b), other)
			for _, left := range must(b.s.Keys(b.Context(), tenant, webhook.Page{}))(b).Items {
				if left.ID == k.ID {
					b.Error("the deleted key is listed")
				}
			}
			b.ok(b.s.CreateKey(b.Context(), k))
		}},
	}
}
