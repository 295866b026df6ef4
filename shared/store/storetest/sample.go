package storetest

import (
	"cmp"
	"context"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"hookline/shared/audit"
	"hookline/shared/fixture"
	"hookline/shared/store"
	"hookline/shared/webhook"
)

// call is a call of one method of the contract, with what it answers.
type call struct {
	method string
	make   func(ctx context.Context, s store.Store) (any, error)
}

// Write puts one of everything into an empty store, with every field of it set, and fails for a method of the contract
// that neither it nor Read calls. Engines hold what that leaves in their tables by fixtures.
func Write(t *testing.T, s store.Store) {
	t.Helper()
	writes := sampleWrites()
	called := slices.Concat(writes, sampleReads())
	contract := reflect.TypeFor[store.Store]()
	for m := range contract.Methods() {
		if !slices.ContainsFunc(called, func(c call) bool { return c.method == m.Name }) && !slices.Contains(removals(), m.Name) {
			t.Errorf("the sample lacks a call of %s: what it stores is held by no fixture", m.Name)
		}
	}
	for _, c := range writes {
		if _, err := c.make(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", c.method, err)
		}
	}
}

// Read calls every method that reads, and returns what each found of what Write stored. A method that finds nothing is
// left out.
func Read(ctx context.Context, s store.Store) (map[string]any, error) {
	found := make(map[string]any)
	for _, c := range sampleReads() {
		v, err := c.make(ctx, s)
		if err != nil && !webhook.Is(err, webhook.NotFound) {
			return nil, fmt.Errorf("%s: %w", c.method, err)
		}
		if err == nil {
			found[c.method] = v
		}
	}
	return found, nil
}

// removals are the methods that store nothing.
func removals() []string {
	return []string{"DeleteTenant", "DropRemains", "DeleteKey", "Unpin", "DropPayload", "FreeLane", "DeleteSource", "DropAudit"}
}

// Of what Write stores.
const (
	sampleTenant = "acme"
	sampleHook   = "wh_1"
)

func sampleTime() time.Time { return time.Date(2026, 3, 20, 12, 0, 0, 123e6, time.UTC) }

func sampleRef() webhook.Ref { return webhook.Ref{Tenant: sampleTenant, ID: sampleHook} }

func sampleKey(event string) webhook.DeliveryKey {
	return webhook.DeliveryKey{Tenant: sampleTenant, Webhook: sampleHook, Event: event, AcceptedAt: sampleTime()}
}

func filled[T any](change func(*T)) T {
	var v T
	fixture.Fill(&v)
	change(&v)
	return v
}

func sampleDelivery(event string, status webhook.DeliveryStatus) webhook.Delivery {
	return filled(func(d *webhook.Delivery) {
		d.DeliveryKey, d.Status, d.Round, d.Count, d.Dialect = sampleKey(event), status, 1, 1, "standard@1"
		a := &d.Attempts[0]
		a.StartedAt, a.SentAt, a.StatusCode = d.AcceptedAt, a.SentAt.Truncate(time.Second), 503
		a.Error = webhook.ReasonBadStatus
		if status == webhook.Pending {
			d.ErasedAt, d.Body.Inline = time.Time{}, nil
			d.Timestamp = "2026-03-20T11:59:59Z"
		}
	})
}

func sampleTenants() webhook.Tenant {
	return filled(func(x *webhook.Tenant) {
		x.ID, x.Version, x.CreatedAt = sampleTenant, 1, sampleTime().AddDate(0, 0, -2)
	})
}

func sampleWebhook() webhook.Webhook {
	return filled(func(w *webhook.Webhook) {
		w.Ref, w.Version, w.Events, w.Format, w.ContentType = sampleRef(), 1, []string{"a.b", "c.*"}, webhook.FormatSlack, webhook.ContentForm
		w.Since = map[string]time.Time{"a.b": sampleTime()}
	})
}

func sampleReplay() webhook.Replay {
	return filled(func(r *webhook.Replay) {
		r.Tenant, r.ID, r.Webhook, r.Version, r.CreatedAt = sampleTenant, "rpl_1", sampleHook, 1, sampleTime()
	})
}

func samplePin(scope, key string) webhook.Pin {
	return filled(func(p *webhook.Pin) {
		p.Tenant, p.Scope, p.Key, p.At = sampleTenant, scope, key, sampleTime()
		p.ExpiresAt, p.KeptUntil = p.At.Add(time.Hour), p.At.Add(2*time.Hour)
	})
}

func sampleWrites() []call {
	key := func(id string) webhook.Key {
		return filled(func(k *webhook.Key) { k.Tenant, k.ID, k.Hash = sampleTenant, id, "hash-of-"+id })
	}
	save := func(d webhook.Delivery) call {
		return call{"SaveDelivery", func(ctx context.Context, s store.Store) (any, error) {
			return nil, s.SaveDelivery(ctx, d, webhook.Rev{})
		}}
	}
	dialect := func(name string, version int) call {
		return call{"PutDialect", func(ctx context.Context, s store.Store) (any, error) {
			return nil, s.PutDialect(ctx, filled(func(d *webhook.DialectVersion) { d.Name, d.Version = name, version }))
		}}
	}
	return []call{
		{"CreateTenant", func(ctx context.Context, s store.Store) (any, error) {
			return nil, s.CreateTenant(ctx, sampleTenants(), key("key_1"))
		}},
		{"UpdateTenant", func(ctx context.Context, s store.Store) (any, error) {
			return nil, s.UpdateTenant(ctx, sampleTenants())
		}},
		{"CreateKey", func(ctx context.Context, s store.Store) (any, error) { return nil, s.CreateKey(ctx, key("key_2")) }},
		{"CreateWebhook", func(ctx context.Context, s store.Store) (any, error) {
			return nil, s.CreateWebhook(ctx, sampleWebhook())
		}},
		{"UpdateWebhook", func(ctx context.Context, s store.Store) (any, error) {
			w := sampleWebhook()
			w.Events = append(w.Events, "d.e")
			return nil, s.UpdateWebhook(ctx, w, true)
		}},
		{"DeleteWebhook", func(ctx context.Context, s store.Store) (any, error) {
			w := sampleWebhook()
			w.ID = "wh_gone"
			if err := s.CreateWebhook(ctx, w); err != nil {
				return nil, err
			}
			d := sampleDelivery("evt_4", webhook.Failed)
			d.Webhook, d.ErasedAt = w.ID, time.Time{} // a dead letter
			if err := s.SaveDelivery(ctx, d, webhook.Rev{}); err != nil {
				return nil, err
			}
			return nil, s.DeleteWebhook(ctx, w.Ref)
		}},
		{"SetHealth", func(ctx context.Context, s store.Store) (any, error) {
			h := sampleWebhook().Health
			return s.SetHealth(ctx, sampleRef(), h, webhook.Health{FailingSince: h.FailingSince.Add(time.Second), UnhealthySince: h.UnhealthySince})
		}},
		{"SetSlow", func(ctx context.Context, s store.Store) (any, error) {
			slow := sampleWebhook().SlowSince
			return s.SetSlow(ctx, sampleRef(), slow, slow.Add(time.Second))
		}},
		{"Pin", func(ctx context.Context, s store.Store) (any, error) {
			return once(s.Pin(ctx, samplePin("event", "evt_1")))
		}},
		{"Pins", func(ctx context.Context, s store.Store) (any, error) {
			first := samplePin("POST /v1/webhooks", "key")
			first.Answer, first.KeptUntil = nil, time.Time{}
			_, _, err := s.Pins(ctx, []webhook.Pin{first})
			return nil, err
		}},
		{"Repin", func(ctx context.Context, s store.Store) (any, error) {
			p := samplePin("event", "evt_1")
			p.Hash += "2"
			return nil, s.Repin(ctx, p, p.At)
		}},
		{"PutPayload", func(ctx context.Context, s store.Store) (any, error) {
			return nil, s.PutPayload(ctx, sampleTenant, "pay_1", []byte("body"), sampleTime().Add(time.Hour))
		}},
		save(sampleDelivery("evt_1", webhook.Succeeded)), save(sampleDelivery("evt_2", webhook.Pending)), save(sampleDelivery("evt_3", webhook.Failed)),
		{"ReserveSlots", reserve},
		{"TakeLane", lane},
		{"CreateReplay", func(ctx context.Context, s store.Store) (any, error) { return nil, s.CreateReplay(ctx, sampleReplay()) }},
		{"UpdateReplay", func(ctx context.Context, s store.Store) (any, error) { return nil, s.UpdateReplay(ctx, sampleReplay()) }},
		{"CreateSource", func(ctx context.Context, s store.Store) (any, error) {
			return nil, s.CreateSource(ctx, filled(func(x *webhook.Source) { x.Tenant, x.ID = sampleTenant, "src_1" }))
		}},
		{"CreateDeployment", func(ctx context.Context, s store.Store) (any, error) {
			return once(s.CreateDeployment(ctx, filled(func(d *webhook.Deployment) { d.Tenant, d.ID, d.RegisteredAt = sampleTenant, "dep_1", sampleTime() })))
		}},
		{"PutLogItem", func(ctx context.Context, s store.Store) (any, error) {
			return once(s.PutLogItem(ctx, filled(func(it *webhook.LogItem) {
				it.Tenant, it.Request, it.Rev = sampleTenant, webhook.FirstEntry(sampleTime()), 1
			})))
		}},
		dialect("ours", 1), dialect("ours", 2), dialect("theirs", 1),
		{"DeleteDialect", func(ctx context.Context, s store.Store) (any, error) { return nil, s.DeleteDialect(ctx, "theirs", 1) }},
		{"PutAudit", func(ctx context.Context, s store.Store) (any, error) {
			return nil, s.PutAudit(ctx, filled(func(e *audit.Entry) { e.Tenant, e.ID, e.CreatedAt = sampleTenant, "aud_1", sampleTime() }))
		}},
	}
}

// once returns an error where something was there already.
func once(_ any, stored bool, err error) (any, error) {
	if err == nil && !stored {
		err = fmt.Errorf("there was one already")
	}
	return nil, err
}

func reserve(ctx context.Context, s store.Store) (any, error) {
	return s.ReserveSlots(ctx, sampleRef(), sampleWebhook().Pace(), 2, sampleTime())
}

func lane(ctx context.Context, s store.Store) (any, error) {
	return s.TakeLane(ctx, "slow", 1, sampleTime(), sampleTime().Add(time.Minute))
}

// sampleReads returns what is read, in an order in which calls that change something come last.
func sampleReads() []call {
	var all webhook.Page
	of := func(method string, make func(ctx context.Context, s store.Store) (any, error)) call {
		return call{method, make}
	}
	return []call{
		of("Tenant", func(ctx context.Context, s store.Store) (any, error) { return s.Tenant(ctx, sampleTenant) }),
		of("Tenants", func(ctx context.Context, s store.Store) (any, error) { return s.Tenants(ctx, all) }),
		of("Keys", func(ctx context.Context, s store.Store) (any, error) { return s.Keys(ctx, sampleTenant, all) }),
		of("KeyByHash", func(ctx context.Context, s store.Store) (any, error) { return s.KeyByHash(ctx, "hash-of-key_2") }),
		of("Webhook", func(ctx context.Context, s store.Store) (any, error) { return s.Webhook(ctx, sampleRef()) }),
		of("Webhooks", func(ctx context.Context, s store.Store) (any, error) {
			return s.Webhooks(ctx, sampleTenant, webhook.WebhookQuery{})
		}),
		of("DeletedWebhooks", func(ctx context.Context, s store.Store) (any, error) {
			return s.DeletedWebhooks(ctx, sampleTenant, all)
		}),
		of("Remains", func(ctx context.Context, s store.Store) (any, error) {
			return s.Remains(ctx, sampleTenant, sampleTime().AddDate(0, 0, 1), all)
		}),
		of("WebhookCounts", func(ctx context.Context, s store.Store) (any, error) { return s.WebhookCounts(ctx, sampleTenant) }),
		of("Subscriptions", func(ctx context.Context, s store.Store) (any, error) {
			return s.Subscriptions(ctx, sampleTenant, []string{"a.b", "c.*", "d.e"}, all)
		}),
		of("FindPin", func(ctx context.Context, s store.Store) (any, error) {
			a, err := s.FindPin(ctx, sampleTenant, "event", "evt_1")
			if err != nil {
				return nil, err
			}
			b, err := s.FindPin(ctx, sampleTenant, "POST /v1/webhooks", "key")
			return []webhook.Pin{a, b}, err
		}),
		of("Payloads", func(ctx context.Context, s store.Store) (any, error) {
			return s.Payloads(ctx, sampleTenant, []string{"pay_1"})
		}),
		of("Load", func(ctx context.Context, s store.Store) (any, error) {
			hooks, records, err := s.Load(ctx, []webhook.Ref{sampleRef()}, []webhook.DeliveryKey{sampleKey("evt_1")})
			return []any{hooks[sampleRef()], records[sampleKey("evt_1")]}, err
		}),
		of("LoadBatch", func(ctx context.Context, s store.Store) (any, error) {
			_, records, err := s.LoadBatch(ctx, nil, nil, []webhook.DeliveryKey{sampleKey("evt_1")})
			return records[sampleKey("evt_1")], err
		}),
		of("Delivery", func(ctx context.Context, s store.Store) (any, error) { return s.Delivery(ctx, sampleKey("evt_2")) }),
		of("Deliveries", func(ctx context.Context, s store.Store) (any, error) {
			return s.Deliveries(ctx, sampleTenant, webhook.DeliveryQuery{})
		}),
		of("Tallies", func(ctx context.Context, s store.Store) (any, error) {
			list, err := s.Tallies(ctx, sampleTenant, sampleTime().Add(-time.Hour))
			slices.SortFunc(list, func(a, b webhook.Tally) int { return cmp.Compare(a.Webhook, b.Webhook) })
			return list, err
		}),
		of("DeadLetters", func(ctx context.Context, s store.Store) (any, error) {
			list, _, err := s.DeadLetters(ctx, sampleTime().Add(-time.Hour))
			slices.SortFunc(list, func(a, b webhook.DeadLetters) int { return cmp.Compare(a.ID, b.ID) })
			return list, err
		}),
		of("Usage", func(ctx context.Context, s store.Store) (any, error) {
			return s.Usage(ctx, sampleTenant, sampleTime(), sampleTime().AddDate(0, 0, 1))
		}),
		of("Overdue", func(ctx context.Context, s store.Store) (any, error) {
			return s.Overdue(ctx, sampleTime().AddDate(0, 0, 7), all)
		}),
		of("Replay", func(ctx context.Context, s store.Store) (any, error) { return s.Replay(ctx, sampleTenant, "rpl_1") }),
		of("Replays", func(ctx context.Context, s store.Store) (any, error) {
			return s.Replays(ctx, sampleTenant, sampleHook, all)
		}),
		of("Source", func(ctx context.Context, s store.Store) (any, error) { return s.Source(ctx, sampleTenant, "src_1") }),
		of("SourceByID", func(ctx context.Context, s store.Store) (any, error) { return s.SourceByID(ctx, "src_1") }),
		of("Sources", func(ctx context.Context, s store.Store) (any, error) { return s.Sources(ctx, sampleTenant, all) }),
		of("Deployment", func(ctx context.Context, s store.Store) (any, error) { return s.Deployment(ctx, sampleTenant, "dep_1") }),
		of("Deployments", func(ctx context.Context, s store.Store) (any, error) {
			return s.Deployments(ctx, sampleTenant, webhook.DeploymentQuery{})
		}),
		of("LogItem", func(ctx context.Context, s store.Store) (any, error) {
			return s.LogItem(ctx, sampleTenant, webhook.FirstEntry(sampleTime()))
		}),
		of("LogItems", func(ctx context.Context, s store.Store) (any, error) {
			items, _, err := s.LogItems(ctx, sampleTenant, webhook.LogRange{Limit: 10})
			return items, err
		}),
		of("DialectHead", func(ctx context.Context, s store.Store) (any, error) { return s.DialectHead(ctx, "theirs") }),
		of("DialectVersion", func(ctx context.Context, s store.Store) (any, error) { return s.DialectVersion(ctx, "ours", 2) }),
		of("DialectHeads", func(ctx context.Context, s store.Store) (any, error) { return s.DialectHeads(ctx, all) }),
		of("AuditEntries", func(ctx context.Context, s store.Store) (any, error) {
			return s.AuditEntries(ctx, sampleTenant, audit.Query{})
		}),
		of("ReserveSlots", reserve),
		of("TakeLane", lane),
	}
}
