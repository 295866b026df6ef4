package storetest

import (
	"fmt"
	"slices"
	"time"

	"hookline/shared/webhook"
)

func webhookChecks() []check {
	return []check{
		{"webhook/comes back whole, sealed bytes and filter exactly", func(b *bench) {
			w := b.webhook(b.tenant(), webhook.NewID(webhook.WebhookPrefix, b.now), "invoice.*", "user.created")
			w.Health, w.SlowSince = webhook.Health{UnhealthySince: b.now.Add(-time.Millisecond)}, b.now.Add(time.Millisecond)
			b.ok(b.s.CreateWebhook(b.Context(), w))
			b.equal("webhook", must(b.s.Webhook(b.Context(), w.Ref))(b), w)
		}},
		{"webhook/one with little in it comes back so", func(b *bench) {
			w := webhook.Webhook{Ref: webhook.Ref{Tenant: b.tenant(), ID: "wh_1"}, URL: "https://example.com"}
			b.ok(b.s.CreateWebhook(b.Context(), w))
			b.equal("webhook", must(b.s.Webhook(b.Context(), w.Ref))(b), w)
		}},
		{"webhook/creation needs a tenant and a free id", func(b *bench) {
			b.notFound("no tenant", b.s.CreateWebhook(b.Context(), b.webhook(absent, "wh_1", "*")))
			w := b.created(b.tenant(), "wh_1", "a.b")
			again := w
			again.Name, again.Events = "again", []string{"c.d"}
			b.conflict("again", b.s.CreateWebhook(b.Context(), again), "webhook-exists")
			b.equal("webhook", must(b.s.Webhook(b.Context(), w.Ref))(b), w)
			b.equal("index", b.subscribed(w.Tenant, "a.b", "c.d"), []string{"a.b wh_1"})
		}},
		{"webhook/update replaces it with the next version", func(b *bench) {
			w := b.created(b.tenant(), "wh_1", "a.b")
			w.URL, w.Name, w.Events, w.Headers, w.HeaderNames, w.Filter, w.Metadata = "https://new.example", "", []string{"*"}, nil, nil, nil, nil
			w.ContentType, w.Format, w.TimeoutSeconds, w.MaxPerSecond = webhook.ContentJSON, webhook.FormatJSON, 0, 0
			w.Secrets, w.UpdatedAt = []webhook.Secret{{Version: 3, Sealed: webhook.Sealed{9}}}, b.now.Add(time.Hour)
			w.KeepSince(webhook.Webhook{}, b.now.Add(time.Hour))
			b.ok(b.s.UpdateWebhook(b.Context(), w, false))
			w.Version = 2
			b.equal("webhook", must(b.s.Webhook(b.Context(), w.Ref))(b), w)
		}},
		{"webhook/update of an old version changes nothing", func(b *bench) {
			w := b.created(b.tenant(), "wh_1", "a.b")
			old := w
			w.Name = "new"
			b.ok(b.s.UpdateWebhook(b.Context(), w, false))
			w.Version = 2
			old.Name, old.Events, old.Health.FailingSince = "stale", []string{"c.d"}, b.now
			b.conflict("update", b.s.UpdateWebhook(b.Context(), old, true), "changed-meanwhile")
			b.equal("webhook", must(b.s.Webhook(b.Context(), w.Ref))(b), w)
			b.equal("index", b.subscribed(w.Tenant, "a.b", "c.d"), []string{"a.b wh_1"})
		}},
		{"webhook/update keeps health unless it is to be reset", func(b *bench) {
			w := b.created(b.tenant(), "wh_1", "a.b")
			failing := webhook.Health{FailingSince: b.now.Add(5 * time.Millisecond), UnhealthySince: b.now}
			if !must(b.s.SetHealth(b.Context(), w.Ref, webhook.Health{}, failing))(b) {
				b.Fatal("health was not set")
			}
			if !must(b.s.SetSlow(b.Context(), w.Ref, time.Time{}, b.now))(b) {
				b.Fatal("that it is slow was not set")
			}
			w.Name = "kept"
			b.ok(b.s.UpdateWebhook(b.Context(), w, false))
			w.Version, w.Health, w.SlowSince = 2, failing, b.now
			b.equal("kept", must(b.s.Webhook(b.Context(), w.Ref))(b), w)
			w.Health, w.SlowSince = webhook.Health{UnhealthySince: b.now.Add(time.Minute)}, b.now.Add(time.Hour)
			b.ok(b.s.UpdateWebhook(b.Context(), w, true))
			w.Version = 3
			b.equal("as given", must(b.s.Webhook(b.Context(), w.Ref))(b), w)
			w.Health, w.SlowSince = webhook.Health{}, time.Time{}
			b.ok(b.s.UpdateWebhook(b.Context(), w, true))
			w.Version = 4
			b.equal("reset", must(b.s.Webhook(b.Context(), w.Ref))(b), w)
		}},
		{"webhook/update raced by 8 has one winner", func(b *bench) {
			w := b.created(b.tenant(), "wh_1", "start")
			winner := b.oneWinner(race(8, func(i int) error {
				w := w
				w.Name, w.Events = fmt.Sprint(i), []string{fmt.Sprint("e.", i)}
				return through(func() error { return b.s.UpdateWebhook(b.Context(), w, false) })
			}), "changed-meanwhile")
			b.equal("name", must(b.s.Webhook(b.Context(), w.Ref))(b).Name, fmt.Sprint(winner))
			patterns := []string{"start"}
			for i := range 8 {
				patterns = append(patterns, fmt.Sprint("e.", i))
			}
			b.equal("index", b.subscribed(w.Tenant, patterns...), []string{fmt.Sprintf("e.%d wh_1", winner)})
		}},
		{"webhook/update racing SetHealth loses neither", func(b *bench) {
			tenant := b.tenant()
			for i := range 10 {
				w := b.created(tenant, fmt.Sprint("wh_", i), "a.b")
				failing := webhook.Health{FailingSince: b.now}
				for _, err := range race(2, func(i int) error {
					return through(func() error {
						if i == 0 {
							w := w
							w.Name = "new"
							return b.s.UpdateWebhook(b.Context(), w, false)
						}
						set, err := b.s.SetHealth(b.Context(), w.Ref, webhook.Health{}, failing)
						if err == nil && !set {
							err = fmt.Errorf("health was not set")
						}
						return err
					})
				}) {
					b.ok(err)
				}
				w.Name, w.Version, w.Health = "new", 2, failing
				b.equal("webhook", must(b.s.Webhook(b.Context(), w.Ref))(b), w)
			}
		}},
		{"webhook/that it is slow changes by compare-and-set, apart from the rest", func(b *bench) {
			w := b.created(b.tenant(), "wh_1", "a.b")
			ms := func(n int) time.Time { return b.now.Add(time.Duration(n) * time.Millisecond) }
			none := time.Time{}
			for _, step := range []struct {
				name           string
				from, to, then time.Time
				want           bool
			}{
				{"from none", none, ms(1), ms(1), true},
				{"from none again", none, ms(2), ms(1), false},
				{"a millisecond off", ms(2), none, ms(1), false},
				{"on", ms(1), ms(3), ms(3), true},
				{"to none", ms(3), none, none, true},
				{"and again", none, ms(4), ms(4), true},
			} {
				if got := must(b.s.SetSlow(b.Context(), w.Ref, step.from, step.to))(b); got != step.want {
					b.Errorf("%s: got %t, want %t", step.name, got, step.want)
				}
				w.SlowSince = step.then
				b.equal(step.name, must(b.s.Webhook(b.Context(), w.Ref))(b), w)
			}
			if must(b.s.SetSlow(b.Context(), webhook.Ref{Tenant: w.Tenant, ID: absent}, none, ms(1)))(b) {
				b.Error("one that does not exist: got true")
			}
			b.equal("counts", must(b.s.WebhookCounts(b.Context(), w.Tenant))(b), webhook.Counts{Total: 1, Active: 1})
		}},
		{"webhook/health changes by compare-and-set, apart from the rest", func(b *bench) {
			w := b.created(b.tenant(), "wh_1", "a.b")
			none, bad := webhook.Health{}, webhook.Health{UnhealthySince: b.now.Add(time.Millisecond)}
			worse := webhook.Health{UnhealthySince: bad.UnhealthySince, FailingSince: b.now.Add(2 * time.Millisecond)}
			for _, step := range []struct {
				name           string
				from, to, then webhook.Health
				want           bool
			}{
				{"from none", none, bad, bad, true},
				{"from none again", none, worse, bad, false},
				{"a millisecond off", webhook.Health{UnhealthySince: b.now}, worse, bad, false},
				{"on", bad, worse, worse, true},
				{"half of it", bad, none, worse, false},
				{"to none", worse, none, none, true},
			} {
				if got := must(b.s.SetHealth(b.Context(), w.Ref, step.from, step.to))(b); got != step.want {
					b.Errorf("%s: got %t, want %t", step.name, got, step.want)
				}
				w.Health = step.then
				b.equal(step.name, must(b.s.Webhook(b.Context(), w.Ref))(b), w)
			}
			if must(b.s.SetHealth(b.Context(), webhook.Ref{Tenant: w.Tenant, ID: absent}, none, bad))(b) {
				b.Error("set the health of a webhook that is not there")
			}
			_, err := b.s.Webhook(b.Context(), webhook.Ref{Tenant: w.Tenant, ID: absent})
			b.notFound("a webhook that is not there", err)
		}},
		{"webhook/health raced by 16 has one winner", func(b *bench) {
			w := b.created(b.tenant(), "wh_1", "a.b")
			won := make([]bool, 16)
			for _, err := range race(16, func(i int) (err error) {
				to := webhook.Health{FailingSince: b.now.Add(time.Duration(i) * time.Millisecond)}
				won[i], err = b.s.SetHealth(b.Context(), w.Ref, webhook.Health{}, to)
				return err
			}) {
				b.ok(err)
			}
			winner := slices.Index(won, true)
			if winner < 0 || slices.Contains(won[winner+1:], true) {
				b.Fatalf("got winners %v, want one", won)
			}
			got := must(b.s.Webhook(b.Context(), w.Ref))(b).Health
			b.equal("health", got, webhook.Health{FailingSince: b.now.Add(time.Duration(winner) * time.Millisecond)})
		}},
		{"webhook/deletion removes it and leaves its deliveries", func(b *bench) {
			tenant := b.tenant()
			w, other := b.created(tenant, "wh_1", "a.b"), b.created(tenant, "wh_2", "a.b")
			d := b.save(b.delivery(tenant, w.ID, "evt_1", 0))
			b.ok(b.s.DeleteWebhook(b.Context(), w.Ref))
			_, err := b.s.Webhook(b.Context(), w.Ref)
			b.notFound("read", err)
			b.notFound("delete again", b.s.DeleteWebhook(b.Context(), w.Ref))
			b.notFound("update", b.s.UpdateWebhook(b.Context(), w, true))
			b.equal("index", b.subscribed(tenant, "a.b"), []string{"a.b wh_2"})
			b.equal("the other", must(b.s.Webhook(b.Context(), other.Ref))(b), other)
			b.equal("delivery", must(b.s.Delivery(b.Context(), d.DeliveryKey))(b), d)
			hooks, _, err := b.s.Load(b.Context(), []webhook.Ref{w.Ref}, nil)
			b.ok(err)
			b.equal("loaded", hooks, map[webhook.Ref]webhook.Webhook{})
		}},
		{"webhook/list is newest id first, in pages", func(b *bench) {
			tenant := b.tenant()
			var want []webhook.Webhook
			for i := range 7 {
				want = append(want, b.created(tenant, webhook.NewID(webhook.WebhookPrefix, b.now.Add(time.Duration(i)*time.Millisecond)), "a.b"))
			}
			slices.Reverse(want)
			b.equal("webhooks", collect(b, 3, func(p webhook.Page) (webhook.List[webhook.Webhook], error) {
				return b.s.Webhooks(b.Context(), tenant, webhook.WebhookQuery{Page: p})
			}), want)
		}},
		{"webhook/list is searched and filtered, and all are counted", func(b *bench) {
			tenant := b.tenant()
			b.manyWebhooks(tenant)
			for _, c := range []struct {
				name string
				q    webhook.WebhookQuery
				want []string
			}{
				{"all", webhook.WebhookQuery{}, []string{"wh_5", "wh_4", "wh_3", "wh_2", "wh_1"}},
				{"part of a URL, other case", webhook.WebhookQuery{Search: "HOOKS.Example"}, []string{"wh_5", "wh_1"}},
				{"part of a name, other case", webhook.WebhookQuery{Search: "rÜckE"}, []string{"wh_2"}},
				{"an id, other case", webhook.WebhookQuery{Search: "WH_3"}, []string{"wh_3"}},
				{"final sigma", webhook.WebhookQuery{Search: "ΛΟΓΟΣ"}, []string{"wh_3"}},
				{"wildcards are text", webhook.WebhookQuery{Search: "100%_"}, []string{"wh_4"}},
				{"a percent alone", webhook.WebhookQuery{Search: "%"}, []string{"wh_4"}},
				{"nothing has it", webhook.WebhookQuery{Search: "h%k"}, []string{}},
				{"active", webhook.WebhookQuery{Status: webhook.Active}, []string{"wh_3", "wh_2", "wh_1"}},
				{"inactive", webhook.WebhookQuery{Status: webhook.Inactive}, []string{"wh_5", "wh_4"}},
				{"failing", webhook.WebhookQuery{Status: webhook.Failing}, []string{"wh_3"}},
				{"both", webhook.WebhookQuery{Status: webhook.Inactive, Search: "hooks"}, []string{"wh_5"}},
			} {
				for _, limit := range []int{1, 2, 50} {
					got := collect(b, limit, func(p webhook.Page) (webhook.List[webhook.Webhook], error) {
						c.q.Page = p
						return b.s.Webhooks(b.Context(), tenant, c.q)
					})
					b.equal(fmt.Sprintf("%s, by %d", c.name, limit), ids(got, func(w webhook.Webhook) string { return w.ID }), c.want)
				}
			}
			b.equal("counts", must(b.s.WebhookCounts(b.Context(), tenant))(b), webhook.Counts{Total: 5, Active: 3, Inactive: 2, Failing: 1})
			b.equal("another's counts", must(b.s.WebhookCounts(b.Context(), b.tenant()))(b), webhook.Counts{})
		}},
	}
}

// manyWebhooks creates wh_1 to wh_5: wh_3 is failing, wh_4 and wh_5 are inactive, and wh_5 was failing before.
func (b *bench) manyWebhooks(tenant string) {
	b.Helper()
	for i, w := range []struct{ url, name string }{
		{"https://hooks.example/a", "first"},
		{"https://a.example/", "Brücke"},
		{"https://b.example/", "Λόγος λογος"},
		{"https://c.example/100%_", ""},
		{"https://HOOKS.example/b", ""},
	} {
		hook := b.webhook(tenant, fmt.Sprint("wh_", i+1), "a.b")
		hook.URL, hook.Name, hook.Active = w.url, w.name, i < 3
		b.ok(b.s.CreateWebhook(b.Context(), hook))
		if i == 2 || i == 4 {
			must(b.s.SetHealth(b.Context(), hook.Ref, webhook.Health{}, webhook.Health{FailingSince: b.now}))(b)
		}
	}
}

// subscribed lists the index entries of the patterns as "pattern webhook".
func (b *bench) subscribed(tenant string, patterns ...string) []string {
	b.Helper()
	all := collect(b, 100, func(p webhook.Page) (webhook.List[webhook.Subscription], error) {
		return b.s.Subscriptions(b.Context(), tenant, patterns, p)
	})
	return ids(all, func(s webhook.Subscription) string { return s.Pattern + " " + s.Webhook })
}

func subscriptionChecks() []check {
	return []check{
		{"subscriptions/an entry has all that fan-out needs", func(b *bench) {
			w := b.created(b.tenant(), "wh_1", "a.*", "a.b", "c.d")
			plain := webhook.Webhook{Ref: webhook.Ref{Tenant: w.Tenant, ID: "wh_2"}, URL: "https://example.com", Events: []string{"c.d"}, Active: true}
			b.ok(b.s.CreateWebhook(b.Context(), plain))
			got := must(b.s.Subscriptions(b.Context(), w.Tenant, []string{"a.b", "a.*", "c.d"}, webhook.Page{}))(b)
			b.equal("entries", got.Items, append(w.Subscriptions(), plain.Subscriptions()...))
		}},
		{"subscriptions/follow the webhook through its life", func(b *bench) {
			w := b.webhook(b.tenant(), "wh_1", "a.b", "c.*")
			all := []string{"*", "a.b", "c.*", "d.e"}
			b.equal("before", b.subscribed(w.Tenant, all...), []string{})
			b.ok(b.s.CreateWebhook(b.Context(), w))
			b.equal("created", b.subscribed(w.Tenant, all...), []string{"a.b wh_1", "c.* wh_1"})
			update := func(what string, change func(), want ...string) {
				b.Helper()
				change()
				b.ok(b.s.UpdateWebhook(b.Context(), w, false))
				w.Version++
				b.equal(what, b.subscribed(w.Tenant, all...), want)
			}
			update("other events", func() { w.Events = []string{"a.b", "d.e"} }, "a.b wh_1", "d.e wh_1")
			update("inactive", func() { w.Active = false })
			update("inactive, other events", func() { w.Events = []string{"*"} })
			update("active again", func() { w.Active = true }, "* wh_1")
			update("another filter", func() { w.Filter = []byte(`{"z":[1]}`) }, "* wh_1")
			got := must(b.s.Subscriptions(b.Context(), w.Tenant, all, webhook.Page{}))(b).Items
			b.equal("its filter", got, w.Subscriptions())
			b.ok(b.s.DeleteWebhook(b.Context(), w.Ref))
			b.equal("deleted", b.subscribed(w.Tenant, all...), []string{})
		}},
		{"subscriptions/an inactive webhook has none from the start", func(b *bench) {
			w := b.webhook(b.tenant(), "wh_1", "*")
			w.Active = false
			b.ok(b.s.CreateWebhook(b.Context(), w))
			b.equal("entries", b.subscribed(w.Tenant, "*"), []string{})
		}},
		{"subscriptions/are ordered by pattern and webhook, in pages without loss or repeats", func(b *bench) {
			tenant := b.tenant()
			var want []string
			for i := range 9 {
				id := fmt.Sprint("wh_", i)
				b.created(tenant, id, "a.b", "c.*", "user-x.y")
				want = append(want, "a.b "+id, "c.* "+id, "user-x.y "+id)
			}
			b.created(tenant, "wh_star", "*")
			want = append(want, "* wh_star")
			slices.Sort(want)
			patterns := []string{"user-x.y", "c.*", "nobody.has", "*", "a.b", "c.*", "a"}
			for _, limit := range []int{1, 4, 9, 100, 1000} {
				got := collect(b, limit, func(p webhook.Page) (webhook.List[webhook.Subscription], error) {
					return b.s.Subscriptions(b.Context(), tenant, patterns, p)
				})
				b.equal(fmt.Sprintf("by %d", limit), ids(got, func(s webhook.Subscription) string { return s.Pattern + " " + s.Webhook }), want)
			}
			b.equal("one pattern", b.subscribed(tenant, "*"), []string{"* wh_star"})
			b.equal("no pattern", b.subscribed(tenant), []string{})
			b.equal("a prefix is no pattern of its own", b.subscribed(tenant, "c", "c."), []string{})
		}},
		{"subscriptions/50 patterns can be exchanged for 50 others", func(b *bench) {
			w := b.webhook(b.tenant(), "wh_1")
			names := func(prefix string) (events []string) {
				for i := range webhook.MaxWebhookEvents {
					events = append(events, fmt.Sprintf("%s.%02d", prefix, i))
				}
				return events
			}
			w.Events = names("a")
			b.ok(b.s.CreateWebhook(b.Context(), w))
			w.Events = names("b")
			b.ok(b.s.UpdateWebhook(b.Context(), w, false))
			got := b.subscribed(w.Tenant, append(names("a"), names("b")...)...)
			if len(got) != webhook.MaxWebhookEvents || got[0] != "b.00 wh_1" {
				b.Errorf("got %d entries, %q, want the 50 new ones", len(got), got)
			}
		}},
	}
}
