package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"hookline/shared/audit"
	"hookline/shared/webhook"
)

func isolationChecks() []check {
	return []check{
		{"isolation/another tenant's things are not found and not touched, call by call", func(b *bench) {
			owner, stranger := b.tenant(), b.tenant()
			k := b.key(owner, "key_1")
			b.ok(b.s.CreateKey(b.Context(), k))
			w := b.created(owner, "wh_1", "a.b")
			d := b.save(b.delivery(owner, "wh_1", "evt_1", 0))
			p := b.pin(owner, "event", "evt_1")
			must2(b.s.Pin(b.Context(), p))(b)
			b.ok(b.s.PutPayload(b.Context(), owner, "pay_1", []byte("body"), b.now.Add(time.Hour)))

			ref := webhook.Ref{Tenant: stranger, ID: "wh_1"}
			key := d.DeliveryKey
			key.Tenant = stranger
			b.notFound("DeleteKey", b.s.DeleteKey(b.Context(), stranger, k.ID))
			for _, listed := range must(b.s.Keys(b.Context(), stranger, webhook.Page{}))(b).Items {
				if listed.Tenant != stranger || listed.ID == k.ID {
					b.Errorf("Keys: got another tenant's %+v", listed)
				}
			}
			_, err := b.s.Webhook(b.Context(), ref)
			b.notFound("Webhook", err)
			b.equal("Webhooks", must(b.s.Webhooks(b.Context(), stranger, webhook.WebhookQuery{}))(b).Items, []webhook.Webhook{})
			b.equal("WebhookCounts", must(b.s.WebhookCounts(b.Context(), stranger))(b), webhook.Counts{})
			theirs := w
			theirs.Ref = ref
			b.notFound("UpdateWebhook", b.s.UpdateWebhook(b.Context(), theirs, true))
			b.notFound("DeleteWebhook", b.s.DeleteWebhook(b.Context(), ref))
			if must(b.s.SetHealth(b.Context(), ref, webhook.Health{}, webhook.Health{FailingSince: b.now}))(b) {
				b.Error("SetHealth: got true for another tenant's webhook")
			}
			if must(b.s.SetSlow(b.Context(), ref, time.Time{}, b.now))(b) {
				b.Error("SetSlow: got true for another tenant's webhook")
			}
			b.equal("Subscriptions", b.subscribed(stranger, "a.b", "*"), []string{})
			theirPin := p
			theirPin.Tenant = stranger
			b.conflict("Repin", b.s.Repin(b.Context(), theirPin, p.At), "changed-meanwhile")
			b.ok(b.s.Unpin(b.Context(), theirPin))
			b.equal("Payloads", must(b.s.Payloads(b.Context(), stranger, []string{"pay_1"}))(b), map[string][]byte{})
			hooks, records, err := b.s.Load(b.Context(), []webhook.Ref{ref}, []webhook.DeliveryKey{key})
			b.ok(err)
			b.equal("Load", []int{len(hooks), len(records)}, []int{0, 0})
			_, err = b.s.Delivery(b.Context(), key)
			b.notFound("Delivery", err)
			b.equal("Deliveries", b.deliveries(stranger, 5, webhook.DeliveryQuery{}), []webhook.Delivery{})
			b.equal("Deliveries of the webhook", b.deliveries(stranger, 5, webhook.DeliveryQuery{Webhook: "wh_1"}), []webhook.Delivery{})
			theirDelivery := d
			theirDelivery.Tenant = stranger
			b.conflict("SaveDelivery", b.s.SaveDelivery(b.Context(), theirDelivery, d.Rev()), "changed-meanwhile")

			// The other tenant can use the same ids, and changes of them stay with it.
			b.ok(b.s.CreateWebhook(b.Context(), theirs))
			theirDelivery.Owner = "stranger"
			b.save(theirDelivery)
			theirPin.Hash = "stranger"
			if _, stored := must2(b.s.Pin(b.Context(), theirPin))(b); !stored {
				b.Error("Pin: got another tenant's")
			}
			b.ok(b.s.PutPayload(b.Context(), stranger, "pay_1", []byte("stranger"), b.now.Add(time.Hour)))
			b.ok(b.s.DeleteTenant(b.Context(), stranger))

			b.equal("key", must(b.s.KeyByHash(b.Context(), k.Hash))(b), k)
			b.equal("webhook", must(b.s.Webhook(b.Context(), w.Ref))(b), w)
			b.equal("index", b.subscribed(owner, "a.b"), []string{"a.b wh_1"})
			b.equal("counts", must(b.s.WebhookCounts(b.Context(), owner))(b), webhook.Counts{Total: 1, Active: 1})
			b.equal("delivery", must(b.s.Delivery(b.Context(), d.DeliveryKey))(b), d)
			b.equal("deliveries", b.deliveries(owner, 5, webhook.DeliveryQuery{}), []webhook.Delivery{d})
			b.holds("pin", p)
			b.equal("payload", must(b.s.Payloads(b.Context(), owner, []string{"pay_1"}))(b), map[string][]byte{"pay_1": []byte("body")})
		}},
		{"isolation/ids that would join alike stay apart", func(b *bench) {
			x := webhook.NewID("t_", b.now)
			for _, sep := range []string{":", "_", "-"} {
				for _, tenant := range []string{x + sep, x + sep + "y"} {
					t, k := b.newTenant()
					t.ID, k.Tenant = tenant, tenant
					b.ok(b.s.CreateTenant(b.Context(), t, k))
				}
				b.created(x+sep, "y"+sep+"z", "a.b")
				b.created(x+sep+"y", sep+"z", "a.b")
				b.created(x+sep+"y", "z", "a.b")
				b.equal("counts of "+sep, must(b.s.WebhookCounts(b.Context(), x+sep))(b), webhook.Counts{Total: 1, Active: 1})
				b.equal("counts of y"+sep, must(b.s.WebhookCounts(b.Context(), x+sep+"y"))(b), webhook.Counts{Total: 2, Active: 2})
				b.save(b.delivery(x+sep, "y", "z"+sep+"e", 0))
				b.save(b.delivery(x+sep, "y"+sep+"z", "e", 0))
				b.save(b.delivery(x+sep+"y", "z", "e", 0))
				b.equal("deliveries of y"+sep+"z", eventIDs(b.deliveries(x+sep, 5, webhook.DeliveryQuery{Webhook: "y" + sep + "z"})), []string{"e"})
				b.equal("deliveries of "+sep+"y", len(b.deliveries(x+sep+"y", 5, webhook.DeliveryQuery{})), 1)
			}
		}},
		{"isolation/ids of every length", func(b *bench) {
			t, k := b.newTenant()
			t.ID += strings.Repeat("t", 128-len(t.ID))
			k.Tenant = t.ID
			b.ok(b.s.CreateTenant(b.Context(), t, k))
			for _, id := range []string{strings.Repeat("w", 128), "w", ":", "-", "0"} {
				w := b.created(t.ID, id, "a.b")
				b.equal(id, must(b.s.Webhook(b.Context(), w.Ref))(b), w)
				d := b.save(b.delivery(t.ID, id, strings.Repeat("e", 128), 0))
				b.equal(id, must(b.s.Delivery(b.Context(), d.DeliveryKey))(b), d)
				dep := b.registered(b.deployment(t.ID, id, 0))
				b.equal(id, must(b.s.Deployment(b.Context(), t.ID, id))(b), dep)
			}
			b.equal("deployments", len(b.deployments(t.ID, 2, webhook.DeploymentQuery{})), 5)
		}},
	}
}

func sharedChecks() []check {
	return []check{
		{"lists/a cursor that the list did not give is invalid", func(b *bench) {
			lists := b.lists()
			cursors := map[string]string{"not base64": "%%%", "not ours": "bm90IG91cnM", "text": "null"}
			for name, list := range lists {
				next, err := list(webhook.Page{Limit: 1})
				b.ok(err)
				if next == "" {
					b.Fatalf("%s: got no cursor after 1 of at least 2", name)
				}
				if _, err := list(webhook.Page{Limit: 1, Cursor: next}); err != nil {
					b.Errorf("%s: its own cursor: got %v", name, err)
				}
				cursors[name] = next
				cursors[name+", cut"] = next[:len(next)-3]
			}
			for name, list := range lists {
				for of, cursor := range cursors {
					if of == name {
						continue
					}
					_, err := list(webhook.Page{Limit: 1, Cursor: cursor})
					b.kind(name+" with a cursor that is "+of, err, webhook.Invalid)
					if e, ok := errors.AsType[*webhook.Error](err); ok && (len(e.Fields) != 1 || e.Fields[0].Field != "cursor") {
						b.Errorf("%s: got fields %v, want cursor", name, e.Fields)
					}
				}
			}
		}},
		{"lists/without a limit a page has 20", func(b *bench) {
			tenant := b.tenant()
			for i := range 22 {
				b.created(tenant, fmt.Sprintf("wh_%02d", i), "a.b")
				b.save(b.delivery(tenant, "wh_00", fmt.Sprint("evt_", i), 0))
			}
			for _, limit := range []int{0, -1} {
				page := webhook.Page{Limit: limit}
				b.equal("webhooks", len(must(b.s.Webhooks(b.Context(), tenant, webhook.WebhookQuery{Page: page}))(b).Items), 20)
				b.equal("deliveries", len(must(b.s.Deliveries(b.Context(), tenant, webhook.DeliveryQuery{Webhook: "wh_00", Page: page}))(b).Items), 20)
				b.equal("subscriptions", len(must(b.s.Subscriptions(b.Context(), tenant, []string{"a.b"}, page))(b).Items), 20)
			}
		}},
		{"errors/an ended context is unavailable", func(b *bench) {
			w := b.created(b.tenant(), "wh_1", "a.b")
			ctx, cancel := context.WithCancel(b.Context())
			cancel()
			_, err := b.s.Webhook(ctx, w.Ref)
			b.kind("read", err, webhook.Unavailable)
			_, err = b.s.Webhooks(ctx, w.Tenant, webhook.WebhookQuery{})
			b.kind("list", err, webhook.Unavailable)
			_, _, err = b.s.Load(ctx, []webhook.Ref{w.Ref}, nil)
			b.kind("load", err, webhook.Unavailable)
			_, err = b.s.SourceByID(ctx, absent)
			b.kind("source", err, webhook.Unavailable)
			_, _, err = b.s.CreateDeployment(ctx, b.deployment(w.Tenant, "dep_1", 0))
			b.kind("write", err, webhook.Unavailable)
			_, err = b.s.Deployments(ctx, w.Tenant, webhook.DeploymentQuery{})
			b.kind("list of deployments", err, webhook.Unavailable)
			_, err = b.s.DialectHead(ctx, absent)
			b.kind("dialect", err, webhook.Unavailable)
			b.equal("afterwards", must(b.s.Webhook(b.Context(), w.Ref))(b), w)
		}},
	}
}

// lists returns every list that there is, each with at least two entries, as a function from a page to its Next.
func (b *bench) lists() map[string]func(webhook.Page) (string, error) {
	b.Helper()
	tenant, other := b.tenant(), b.tenant()
	for i := range 2 {
		b.put(b.dialectName(), 1)
		for _, tenant := range []string{tenant, other} {
			b.createdSource(tenant, time.Duration(i)*time.Millisecond)
			b.registered(b.deployment(tenant, fmt.Sprint("dep_", i), 0))
			b.kept(b.entry(tenant, 0))
		}
	}
	for _, tenant := range []string{tenant, other} {
		b.ok(b.s.CreateKey(b.Context(), b.key(tenant, "key_1")))
		for _, hook := range []string{"wh_1", "wh_2"} {
			b.created(tenant, hook, "a.b")
			b.save(pending(b.delivery(tenant, hook, "evt_1", 0), b.now))
			b.save(pending(b.delivery(tenant, hook, "evt_2", 0), b.now))
		}
	}
	lists := map[string]func(webhook.Page) (string, error){
		"Tenants": func(p webhook.Page) (string, error) {
			l, err := b.s.Tenants(b.Context(), p)
			return l.Next, err
		},
		"Overdue": func(p webhook.Page) (string, error) {
			l, err := b.s.Overdue(b.Context(), b.now.Add(time.Hour), p)
			return l.Next, err
		},
		"DialectHeads": func(p webhook.Page) (string, error) {
			l, err := b.s.DialectHeads(b.Context(), p)
			return l.Next, err
		},
	}
	for _, tenant := range []string{tenant, other} {
		lists["Keys of "+tenant] = func(p webhook.Page) (string, error) {
			l, err := b.s.Keys(b.Context(), tenant, p)
			return l.Next, err
		}
		lists["Webhooks of "+tenant] = func(p webhook.Page) (string, error) {
			l, err := b.s.Webhooks(b.Context(), tenant, webhook.WebhookQuery{Page: p})
			return l.Next, err
		}
		lists["Subscriptions of "+tenant] = func(p webhook.Page) (string, error) {
			l, err := b.s.Subscriptions(b.Context(), tenant, []string{"a.b"}, p)
			return l.Next, err
		}
		lists["Sources of "+tenant] = func(p webhook.Page) (string, error) {
			l, err := b.s.Sources(b.Context(), tenant, p)
			return l.Next, err
		}
		lists["Deployments of "+tenant] = func(p webhook.Page) (string, error) {
			l, err := b.s.Deployments(b.Context(), tenant, webhook.DeploymentQuery{Page: p})
			return l.Next, err
		}
		lists["AuditEntries of "+tenant] = func(p webhook.Page) (string, error) {
			l, err := b.s.AuditEntries(b.Context(), tenant, audit.Query{Page: p})
			return l.Next, err
		}
		for _, hook := range []string{"", "wh_1", "wh_2"} {
			lists["Deliveries of "+tenant+" "+hook] = func(p webhook.Page) (string, error) {
				l, err := b.s.Deliveries(b.Context(), tenant, webhook.DeliveryQuery{Webhook: hook, Page: p})
				return l.Next, err
			}
		}
	}
	return lists
}
