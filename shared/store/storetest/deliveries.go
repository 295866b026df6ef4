package storetest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"hookline/shared/webhook"
)

func deliveryChecks() []check {
	return []check{
		{"delivery/comes back whole", func(b *bench) {
			tenant := b.tenant()
			first := b.delivery(tenant, "wh_1", "evt_1", time.Millisecond)
			failing := pending(b.delivery(tenant, "wh_1", "evt_2", 0), b.now.Add(5*time.Minute+time.Millisecond))
			failing.Timestamp, failing.ContentType, failing.Format, failing.Job = "2020-02-29T23:59:59Z", webhook.ContentForm, webhook.FormatSlack, "job_1"
			failing.Body = webhook.Payload{Ref: "pay_" + odd}
			failing.Round, failing.Count, failing.Total, failing.Via = 3, 2, 9, webhook.ViaVisibility
			failing.Attempts = append(failing.Attempts, webhook.Attempt{
				Number: 9, ScheduledAt: b.now.Add(-time.Hour), StartedAt: b.now, Duration: 15 * time.Second, StatusCode: 503,
				Error: webhook.ReasonBadStatus, ResponseBody: strings.Repeat("é", webhook.MaxResponseFailed/2), Truncated: true, RetryAfter: 90 * time.Second,
				ResponseHeaders: map[string]string{"Content-Type": "text/html", "X-Odd": odd},
			}, webhook.Attempt{Number: 10, Error: webhook.ReasonTLS, ErrorDetail: webhook.DetailCertificateExpired})
			unsent := webhook.Delivery{
				DeliveryKey: webhook.DeliveryKey{Tenant: tenant, Webhook: "wh_1", Event: "evt_3", AcceptedAt: b.now},
				Type:        webhook.TestType, Status: webhook.Failed, Round: 1,
			}
			for _, d := range []webhook.Delivery{first, failing, unsent} {
				b.save(d)
				got := must(b.s.Delivery(b.Context(), d.DeliveryKey))(b)
				b.equal(d.Event, got, d)
				if got.DeliveryKey != d.DeliveryKey {
					b.Errorf("got key %v, want one equal by ==, %v", got.DeliveryKey, d.DeliveryKey)
				}
			}
		}},
		{"delivery/many long attempts are kept, their last response whole", func(b *bench) {
			d := b.delivery(b.tenant(), "wh_1", "evt_1", 0)
			for range webhook.MaxAttemptsKept {
				d.Record(webhook.Attempt{StatusCode: 500, Error: webhook.ReasonBadStatus, ResponseBody: strings.Repeat("x", webhook.MaxResponseFailed), ResponseHeaders: map[string]string{"X-Long": strings.Repeat("x", webhook.MaxResponseHeaderBytes-len("X-Long"))}})
			}
			b.save(d)
			got := must(b.s.Delivery(b.Context(), d.DeliveryKey))(b)
			b.equal("attempts", len(got.Attempts), webhook.MaxAttemptsKept)
			b.equal("last attempt", got.LastAttempt(), d.LastAttempt())
		}},
		{"delivery/one that is not there is not found", func(b *bench) {
			d := b.save(b.delivery(b.tenant(), "wh_1", "evt_1", 0))
			for name, change := range map[string]func(*webhook.DeliveryKey){
				"webhook": func(k *webhook.DeliveryKey) { k.Webhook = "wh_2" },
				"event":   func(k *webhook.DeliveryKey) { k.Event = "evt_2" },
				"time":    func(k *webhook.DeliveryKey) { k.AcceptedAt = k.AcceptedAt.Add(time.Millisecond) },
			} {
				key := d.DeliveryKey
				change(&key)
				_, err := b.s.Delivery(b.Context(), key)
				b.notFound("another "+name, err)
			}
		}},
		{"delivery/a save counts only on the revision that was read", func(b *bench) {
			d := pending(b.delivery(b.tenant(), "wh_1", "evt_1", 0), b.now.Add(time.Minute))
			b.conflict("none is there", b.s.SaveDelivery(b.Context(), d, d.Rev()), "changed-meanwhile")
			_, err := b.s.Delivery(b.Context(), d.DeliveryKey)
			b.notFound("after it", err)
			b.save(d)
			next := d
			next.Record(webhook.Attempt{StatusCode: 204})
			next.Status, next.NextAt, next.Via, next.Type, next.ExpiresAt = webhook.Succeeded, time.Time{}, "", "other.type", d.ExpiresAt.Add(time.Hour)
			for name, rev := range map[string]webhook.Rev{
				"none":           {},
				"another round":  {Round: 2, Count: 1, Status: webhook.Pending},
				"another count":  {Round: 1, Count: 2, Status: webhook.Pending},
				"another status": {Round: 1, Count: 1, Status: webhook.Failed},
				"the new one":    next.Rev(),
			} {
				b.conflict(name, b.s.SaveDelivery(b.Context(), next, rev), "changed-meanwhile")
			}
			b.equal("untouched", must(b.s.Delivery(b.Context(), d.DeliveryKey))(b), d)
			b.ok(b.s.SaveDelivery(b.Context(), next, d.Rev()))
			b.equal("replaced", must(b.s.Delivery(b.Context(), d.DeliveryKey))(b), next)
			b.conflict("again", b.s.SaveDelivery(b.Context(), next, d.Rev()), "changed-meanwhile")
			again := next
			again.Round, again.Count, again.Status, again.Job = 2, 0, webhook.Pending, "job_1"
			b.ok(b.s.SaveDelivery(b.Context(), again, next.Rev()))
			b.equal("a new round", must(b.s.Delivery(b.Context(), d.DeliveryKey))(b), again)
		}},
		{"delivery/a new one raced by 16 has one winner", func(b *bench) {
			d := b.delivery(b.tenant(), "wh_1", "evt_1", 0)
			winner := b.oneWinner(race(16, func(i int) error {
				d := d
				d.Owner = fmt.Sprint(i)
				return b.s.SaveDelivery(b.Context(), d, webhook.Rev{})
			}), "changed-meanwhile")
			b.equal("owner", must(b.s.Delivery(b.Context(), d.DeliveryKey))(b).Owner, fmt.Sprint(winner))
		}},
		{"delivery/the next attempt raced by 16 has one winner", func(b *bench) {
			d := b.save(pending(b.delivery(b.tenant(), "wh_1", "evt_1", 0), b.now))
			winner := b.oneWinner(race(16, func(i int) error {
				next := d
				next.Count, next.Owner = 2, fmt.Sprint(i)
				return b.s.SaveDelivery(b.Context(), next, d.Rev())
			}), "changed-meanwhile")
			b.equal("owner", must(b.s.Delivery(b.Context(), d.DeliveryKey))(b).Owner, fmt.Sprint(winner))
		}},
		{"delivery/needs neither tenant nor webhook to be saved and loaded", func(b *bench) {
			d := b.save(b.delivery(webhook.NewID("t_", b.now), "wh_1", "evt_1", 0))
			_, got, err := b.s.Load(b.Context(), nil, []webhook.DeliveryKey{d.DeliveryKey})
			b.ok(err)
			b.equal("loaded", got, map[webhook.DeliveryKey]webhook.Delivery{d.DeliveryKey: d})
		}},
		{"load/more than 100 of each, with repeats and absentees", func(b *bench) {
			tenant, other := b.tenant(), b.tenant()
			hooks, deliveries := make(map[webhook.Ref]webhook.Webhook), make(map[webhook.DeliveryKey]webhook.Delivery)
			var refs []webhook.Ref
			var keys []webhook.DeliveryKey
			for i := range 130 {
				of := []string{tenant, other}[i%2]
				w, d := b.webhook(of, fmt.Sprint("wh_", i), "a.b"), b.delivery(of, fmt.Sprint("wh_", i%9), fmt.Sprint("evt_", i), 0)
				if i%10 != 0 {
					b.ok(b.s.CreateWebhook(b.Context(), w))
					hooks[w.Ref] = w
					deliveries[d.DeliveryKey] = b.save(d)
				}
				refs, keys = append(refs, w.Ref), append(keys, d.DeliveryKey)
			}
			refs, keys = append(refs, refs[:30]...), append(keys, keys[20:50]...)
			gotHooks, gotDeliveries, err := b.s.Load(b.Context(), refs, keys)
			b.ok(err)
			b.equal("webhooks", gotHooks, hooks)
			b.equal("deliveries", gotDeliveries, deliveries)
			for range 50 { // what was written in the last moments may be missed
				gotHooks, gotDeliveries, err = b.s.LoadBatch(b.Context(), refs, keys[:65], keys[65:])
				b.ok(err)
				if len(gotDeliveries) == len(deliveries) {
					break
				}
			}
			b.equal("webhooks of a batch", gotHooks, hooks)
			b.equal("deliveries of a batch", gotDeliveries, deliveries)
			gotHooks, gotDeliveries, err = b.s.Load(b.Context(), nil, nil)
			b.ok(err)
			b.equal("nothing asked", []int{len(gotHooks), len(gotDeliveries)}, []int{0, 0})
		}},
		{"load/sees what was written just before", func(b *bench) {
			w := b.created(b.tenant(), "wh_1", "a.b")
			for i := range 5 {
				w.Secrets = []webhook.Secret{{Version: i + 3, Sealed: webhook.Sealed{byte(i)}}}
				b.ok(b.s.UpdateWebhook(b.Context(), w, false))
				w.Version++
				got, _, err := b.s.Load(b.Context(), []webhook.Ref{w.Ref}, nil)
				b.ok(err)
				b.equal("webhook", got, map[webhook.Ref]webhook.Webhook{w.Ref: w})
			}
		}},
	}
}

func eventIDs(ds []webhook.Delivery) []string {
	return ids(ds, func(d webhook.Delivery) string { return d.Event })
}

func (b *bench) deliveries(tenant string, limit int, q webhook.DeliveryQuery) []webhook.Delivery {
	b.Helper()
	return collect(b, limit, func(p webhook.Page) (webhook.List[webhook.Delivery], error) {
		q.Page = p
		return b.s.Deliveries(b.Context(), tenant, q)
	})
}

func listChecks() []check {
	return []check{
		{"deliveries/list newest first, whole", func(b *bench) {
			tenant := b.tenant()
			b.created(tenant, "wh_1", "a.b")
			b.created(tenant, "wh_2", "a.b")
			var all, second []webhook.Delivery
			for i := range 8 { // saved in another order than accepted
				d := b.save(b.delivery(tenant, fmt.Sprint("wh_", 1+i%2), fmt.Sprint("evt_", i), time.Duration(i*5%8)*time.Millisecond))
				all = append(all, d)
			}
			slices.SortFunc(all, func(x, y webhook.Delivery) int { return y.AcceptedAt.Compare(x.AcceptedAt) })
			for _, d := range all {
				if d.Webhook == "wh_2" {
					second = append(second, d)
				}
			}
			for _, limit := range []int{1, 3, 8, 100} {
				b.equal(fmt.Sprint("the tenant's by ", limit), b.deliveries(tenant, limit, webhook.DeliveryQuery{}), all)
				b.equal(fmt.Sprint("a webhook's by ", limit), b.deliveries(tenant, limit, webhook.DeliveryQuery{Webhook: "wh_2"}), second)
			}
			b.equal("of a webhook that is not there", b.deliveries(tenant, 5, webhook.DeliveryQuery{Webhook: absent}), []webhook.Delivery{})
			b.equal("of a tenant that is not there", b.deliveries(absent, 5, webhook.DeliveryQuery{}), []webhook.Delivery{})
		}},
		{"deliveries/paging loses and repeats nothing among equal times", func(b *bench) {
			tenant := b.tenant()
			b.created(tenant, "wh_1", "a.b")
			b.created(tenant, "wh_2", "a.b")
			want := map[string][]string{}
			for i := range 23 { // the same event to both webhooks, too
				at := time.Duration(i/10) * time.Millisecond
				for _, hook := range []string{"wh_1", "wh_2"} {
					d := b.save(b.delivery(tenant, hook, fmt.Sprint("evt_", i), at))
					want[hook] = append(want[hook], d.ID())
					want[""] = append(want[""], d.ID())
				}
			}
			for hook, want := range want {
				for _, limit := range []int{1, 4, 10} {
					got := b.deliveries(tenant, limit, webhook.DeliveryQuery{Webhook: hook})
					if !slices.IsSortedFunc(got, func(x, y webhook.Delivery) int { return y.AcceptedAt.Compare(x.AcceptedAt) }) {
						b.Errorf("%q by %d: not newest first", hook, limit)
					}
					b.equal(fmt.Sprintf("%q by %d", hook, limit),
						slices.Sorted(slices.Values(ids(got, func(d webhook.Delivery) string { return d.ID() }))), slices.Sorted(slices.Values(want)))
				}
			}
		}},
		{"deliveries/filters, with pages that may be short", func(b *bench) {
			tenant := b.tenant()
			b.created(tenant, "wh_1", "a.b")
			for i := range 12 {
				d := b.delivery(tenant, "wh_1", fmt.Sprintf("evt_%02d", i), time.Duration(i)*time.Millisecond)
				switch i % 4 {
				case 1:
					d.Status = webhook.Failed
				case 2:
					d = pending(d, b.now.Add(time.Hour))
				}
				if i >= 9 {
					d.Type = "user.created"
				}
				b.save(d)
			}
			ms := func(n int) time.Time { return b.now.Add(time.Duration(n) * time.Millisecond) }
			for _, c := range []struct {
				name string
				q    webhook.DeliveryQuery
				want []string
			}{
				{"failed", webhook.DeliveryQuery{Status: webhook.Failed}, []string{"evt_09", "evt_05", "evt_01"}},
				{"pending", webhook.DeliveryQuery{Status: webhook.Pending}, []string{"evt_10", "evt_06", "evt_02"}},
				{"succeeded", webhook.DeliveryQuery{Status: webhook.Succeeded}, []string{"evt_11", "evt_08", "evt_07", "evt_04", "evt_03", "evt_00"}},
				{"type", webhook.DeliveryQuery{Type: "user.created"}, []string{"evt_11", "evt_10", "evt_09"}},
				{"type that none has", webhook.DeliveryQuery{Type: "user"}, []string{}},
				{"since that moment", webhook.DeliveryQuery{Since: ms(9)}, []string{"evt_11", "evt_10", "evt_09"}},
				{"until before that moment", webhook.DeliveryQuery{Until: ms(2)}, []string{"evt_01", "evt_00"}},
				{"between", webhook.DeliveryQuery{Since: ms(3), Until: ms(5)}, []string{"evt_04", "evt_03"}},
				{"nothing between", webhook.DeliveryQuery{Since: ms(5), Until: ms(5)}, []string{}},
				{"all of it", webhook.DeliveryQuery{Status: webhook.Failed, Type: "invoice.paid", Since: ms(2), Until: ms(10)}, []string{"evt_05"}},
			} {
				for _, hook := range []string{"", "wh_1"} {
					for _, limit := range []int{1, 2, 50} {
						c.q.Webhook = hook
						b.equal(fmt.Sprintf("%s of %q by %d", c.name, hook, limit), eventIDs(b.deliveries(tenant, limit, c.q)), c.want)
					}
				}
			}
		}},
		{"deliveries/show the state a save left", func(b *bench) {
			tenant := b.tenant()
			b.created(tenant, "wh_1", "a.b")
			d := b.save(pending(b.delivery(tenant, "wh_1", "evt_1", 0), b.now))
			done := d
			done.Status, done.NextAt, done.Via, done.Count = webhook.Failed, time.Time{}, "", 2
			b.ok(b.s.SaveDelivery(b.Context(), done, d.Rev()))
			b.equal("list", b.deliveries(tenant, 5, webhook.DeliveryQuery{}), []webhook.Delivery{done})
			b.equal("pending ones", b.deliveries(tenant, 5, webhook.DeliveryQuery{Status: webhook.Pending}), []webhook.Delivery{})
			b.equal("failed ones", b.deliveries(tenant, 5, webhook.DeliveryQuery{Status: webhook.Failed}), []webhook.Delivery{done})
		}},
		{"deliveries/what is added meanwhile does not disturb paging", func(b *bench) {
			tenant := b.tenant()
			b.created(tenant, "wh_1", "a.b")
			for i := range 4 {
				b.save(b.delivery(tenant, "wh_1", fmt.Sprint("evt_", i), time.Duration(i)*time.Millisecond))
			}
			first := must(b.s.Deliveries(b.Context(), tenant, webhook.DeliveryQuery{Page: webhook.Page{Limit: 2}}))(b)
			b.save(b.delivery(tenant, "wh_1", "evt_new", time.Second))
			rest := must(b.s.Deliveries(b.Context(), tenant, webhook.DeliveryQuery{Page: webhook.Page{Limit: 2, Cursor: first.Next}}))(b)
			b.equal("both pages", append(eventIDs(first.Items), eventIDs(rest.Items)...), []string{"evt_3", "evt_2", "evt_1", "evt_0"})
		}},
	}
}

// overdue lists the tenants' overdue deliveries, sorted by event. Because Overdue may be stale, it is called a number
// of times until it shows what is wanted.
func (b *bench) overdue(what string, before time.Time, want []webhook.Delivery, tenants ...string) {
	b.Helper()
	var got []webhook.Delivery
	for range 50 {
		got = collect(b, 2, func(p webhook.Page) (webhook.List[webhook.Delivery], error) {
			return b.s.Overdue(b.Context(), before, p)
		})
		got = slices.DeleteFunc(got, func(d webhook.Delivery) bool { return !slices.Contains(tenants, d.Tenant) })
		slices.SortFunc(got, func(x, y webhook.Delivery) int { return strings.Compare(x.Event, y.Event) })
		if slices.Equal(ids(got, state), ids(want, state)) {
			break
		}
	}
	b.equal(what, got, want)
}

func overdueChecks() []check {
	return []check{
		{"overdue/lists pending ones of all tenants that were due before", func(b *bench) {
			one, two := b.tenant(), b.tenant()
			before := b.now.Add(time.Hour)
			due := b.save(pending(b.delivery(one, "wh_1", "evt_1", 0), before.Add(-time.Millisecond)))
			long := b.save(pending(b.delivery(two, "wh_1", "evt_2", 0), b.now.Add(-time.Hour)))
			b.save(pending(b.delivery(one, "wh_1", "evt_3", 0), before))
			b.save(pending(b.delivery(one, "wh_1", "evt_4", 0), before.Add(time.Hour)))
			b.save(b.delivery(one, "wh_1", "evt_5", 0))
			failed := b.delivery(two, "wh_1", "evt_6", 0)
			failed.Status = webhook.Failed
			b.save(failed)
			b.overdue("overdue", before, []webhook.Delivery{due, long}, one, two)
		}},
		{"overdue/pages lose and repeat nothing among equal times", func(b *bench) {
			tenant := b.tenant()
			var want []webhook.Delivery
			for i := range 9 {
				want = append(want, b.save(pending(b.delivery(tenant, "wh_1", fmt.Sprint("evt_", i), 0), b.now)))
			}
			b.overdue("overdue", b.now.Add(time.Millisecond), want, tenant)
		}},
		{"overdue/follows the record", func(b *bench) {
			tenant := b.tenant()
			d := b.save(pending(b.delivery(tenant, "wh_1", "evt_1", 0), b.now))
			before := b.now.Add(time.Minute)
			b.overdue("pending", before, []webhook.Delivery{d}, tenant)
			save := func(what string, change func(*webhook.Delivery), listed bool) {
				b.Helper()
				next := d
				change(&next)
				b.ok(b.s.SaveDelivery(b.Context(), next, d.Rev()))
				d = next
				var want []webhook.Delivery
				if listed {
					want = append(want, d)
				}
				b.overdue(what, before, want, tenant)
			}
			save("put off", func(d *webhook.Delivery) { d.Count, d.NextAt = 2, before.Add(time.Hour) }, false)
			save("due again", func(d *webhook.Delivery) { d.Count, d.NextAt = 3, b.now.Add(time.Second) }, true)
			save("done", func(d *webhook.Delivery) { d.Status, d.NextAt, d.Via = webhook.Succeeded, time.Time{}, "" }, false)
			save("replayed", func(d *webhook.Delivery) {
				d.Status, d.Round, d.Count, d.NextAt, d.Via = webhook.Pending, 2, 0, b.now, webhook.ViaQueue
			}, true)
		}},
		{"dead letters/are counted by webhook and reason, as far back as asked, with their times", deadLettersCounted},
		{"dead letters/follow the record", deadLettersFollow},
	}
}

// dead turns the record into a dead letter.
func dead(d webhook.Delivery, reason webhook.AttemptError, code int) webhook.Delivery {
	d.Status, d.Attempts[0].Error, d.Attempts[0].StatusCode = webhook.Failed, reason, code
	return d
}

// deadLetters returns what is counted of the tenants' dead letters, once it shows what is wanted of it: an index may lag.
func (b *bench) deadLetters(what string, since time.Time, want []webhook.DeadLetters, tenants ...string) {
	b.Helper()
	var got []webhook.DeadLetters
	for range 50 {
		all, _, err := b.s.DeadLetters(b.Context(), since)
		b.ok(err)
		got = slices.DeleteFunc(all, func(c webhook.DeadLetters) bool { return !slices.Contains(tenants, c.Tenant) })
		slices.SortFunc(got, func(x, y webhook.DeadLetters) int {
			return cmp.Or(cmp.Compare(x.Tenant, y.Tenant), cmp.Compare(x.ID, y.ID), cmp.Compare(x.Reason, y.Reason))
		})
		if len(got) == len(want) && !slices.ContainsFunc(got, func(c webhook.DeadLetters) bool { return !slices.Contains(want, c) }) {
			return
		}
	}
	b.equal(what, got, want)
}

func deadLettersCounted(b *bench) {
	one, two := b.tenant(), b.tenant()
	last := func(after time.Duration) time.Time { return b.now.Add(after + 8*time.Millisecond) }
	b.save(dead(b.delivery(one, "wh_1", "evt_1", 0), webhook.ReasonBadStatus, 500))
	b.save(dead(b.delivery(one, "wh_1", "evt_2", time.Minute), webhook.ReasonBadStatus, 404))
	b.save(dead(b.delivery(one, "wh_1", "evt_3", 2*time.Minute), webhook.ReasonTimeout, 0))
	b.save(dead(b.delivery(two, "wh_1", "evt_1", time.Minute), webhook.ReasonBadStatus, 500))
	b.save(dead(b.delivery(one, "wh_1", "evt_gone", 0), webhook.ReasonBadStatus, 410))
	b.save(dead(b.delivery(one, "wh_1", "evt_cancelled", 0), webhook.ReasonCancelled, 0))
	test := dead(b.delivery(one, "wh_1", "evt_test", 0), webhook.ReasonTimeout, 0)
	test.Owner = ""
	b.save(test)
	b.save(pending(b.delivery(one, "wh_1", "evt_p", 0), b.now))
	b.save(b.delivery(one, "wh_1", "evt_s", 0))
	row := func(tenant string, reason webhook.AttemptError, n int, first, latest time.Duration) webhook.DeadLetters {
		return webhook.DeadLetters{
			Ref: webhook.Ref{Tenant: tenant, ID: "wh_1"}, Reason: reason, N: n, Accepted: b.now.Add(first), First: last(first), Last: last(latest),
		}
	}
	want := []webhook.DeadLetters{
		row(one, webhook.ReasonBadStatus, 2, 0, time.Minute), row(one, webhook.ReasonTimeout, 1, 2*time.Minute, 2*time.Minute),
		row(two, webhook.ReasonBadStatus, 1, time.Minute, time.Minute),
	}
	b.deadLetters("all", b.now, want, one, two)
	b.deadLetters("since the latest", last(2*time.Minute), want[1:2], one, two)
}

func deadLettersFollow(b *bench) {
	tenant := b.tenant()
	d := b.save(pending(b.delivery(tenant, "wh_1", "evt_1", 0), b.now))
	for _, step := range []struct {
		status webhook.DeliveryStatus
		listed bool
	}{{webhook.Failed, true}, {webhook.Pending, false}, {webhook.Failed, true}, {webhook.Succeeded, false}} {
		before := d.Rev()
		d.Count, d.Status, d.Via, d.NextAt = d.Count+1, step.status, "", time.Time{}
		switch step.status {
		case webhook.Failed:
			d = dead(d, webhook.ReasonTLS, 0)
		case webhook.Pending:
			d = pending(d, b.now.Add(time.Hour))
		case webhook.Succeeded:
			d.Attempts[0].Error, d.Attempts[0].StatusCode = "", 200
		}
		b.ok(b.s.SaveDelivery(b.Context(), d, before))
		var want []webhook.DeadLetters
		if step.listed {
			want = []webhook.DeadLetters{{
				Ref: webhook.Ref{Tenant: tenant, ID: "wh_1"}, Reason: webhook.ReasonTLS, N: 1, Accepted: d.AcceptedAt,
				First: d.Attempts[0].StartedAt, Last: d.Attempts[0].StartedAt,
			}}
		}
		b.deadLetters(string(step.status), b.now, want, tenant)
	}
}

// state tells a delivery's revisions apart.
func state(d webhook.Delivery) string { return fmt.Sprint(d.ID(), d.Rev(), d.NextAt) }
