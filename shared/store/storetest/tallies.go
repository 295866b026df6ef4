package storetest

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"hookline/shared/webhook"
)

func tallyChecks() []check {
	return []check{
		{"Tallies count deliveries as they stand, and their latest answers, by webhook and hour", talliesByHour},
		{"Tallies follow a delivery from status to status", talliesFollow},
		{"Tallies begin where they are asked to", talliesSince},
		{"Tallies have nothing of another tenant, nor of an earlier one of the same id", talliesOfOthers},
		{"Usage counts each event, delivery and attempt once, on its day", usageByDay},
		{"Usage has nothing of another tenant, nor of an earlier one of the same id", usageOfOthers},
	}
}

// tallies reads the tallies once they have caught up, in a fixed order.
func (b *bench) tallies(tenant string, since time.Time) []webhook.Tally {
	b.Helper()
	if b.settle != nil {
		b.settle(b.T)
	}
	got := must(b.s.Tallies(b.Context(), tenant, since))(b)
	slices.SortFunc(got, func(x, y webhook.Tally) int {
		return cmp.Or(cmp.Compare(x.Webhook, y.Webhook), x.Hour.Compare(y.Hour))
	})
	return got
}

// failed turns the record into one that is out of attempts.
func failed(d webhook.Delivery) webhook.Delivery {
	d.Status = webhook.Failed
	d.Attempts[0].StatusCode, d.Attempts[0].Error = 500, webhook.ReasonBadStatus
	return d
}

func talliesByHour(b *bench) {
	tenant := b.tenant()
	b.now = b.now.Truncate(time.Hour).Add(2 * time.Hour) // in an hour of its own
	b.equal("of none", b.tallies(tenant, b.now.Add(-24*time.Hour)), []webhook.Tally(nil))
	for i := range 5 {
		b.save(b.delivery(tenant, "wh_a", fmt.Sprint("evt_a", i), time.Duration(i)*time.Minute))
	}
	b.save(failed(b.delivery(tenant, "wh_a", "evt_f", time.Second)))
	b.save(pending(b.delivery(tenant, "wh_b", "evt_p", 59*time.Minute), b.now.Add(time.Hour)))
	b.save(failed(b.delivery(tenant, "wh_b", "evt_g", time.Hour)))
	b.equal("tallies", b.tallies(tenant, b.now.Add(-time.Hour)), []webhook.Tally{
		{Webhook: "wh_a", Hour: b.now, Succeeded: 5, Failed: 1, Answers: map[int]int{53: 6}},
		{Webhook: "wh_b", Hour: b.now, Pending: 1, Answers: map[int]int{53: 1}},
		{Webhook: "wh_b", Hour: b.now.Add(time.Hour), Failed: 1, Answers: map[int]int{53: 1}},
	})
}

func talliesFollow(b *bench) {
	tenant := b.tenant()
	d := b.save(pending(b.delivery(tenant, "wh_a", "evt_1", time.Minute), b.now.Add(time.Hour)))
	hour := d.AcceptedAt.Truncate(time.Hour)
	want := webhook.Tally{Webhook: "wh_a", Hour: hour, Pending: 1, Answers: map[int]int{53: 1}}
	b.equal("pending", b.tallies(tenant, b.now), []webhook.Tally{want})
	for _, step := range []struct {
		status webhook.DeliveryStatus
		took   time.Duration // 0: no answer
		want   webhook.Tally
	}{
		{webhook.Pending, 0, webhook.Tally{Webhook: "wh_a", Hour: hour, Pending: 1}}, // another attempt
		{webhook.Failed, 1449 * time.Millisecond, webhook.Tally{Webhook: "wh_a", Hour: hour, Failed: 1, Answers: map[int]int{1400: 1}}},
		{webhook.Pending, 0, webhook.Tally{Webhook: "wh_a", Hour: hour, Pending: 1, Answers: map[int]int{1400: 1}}}, // replayed
		{webhook.Succeeded, 2 * time.Millisecond, webhook.Tally{Webhook: "wh_a", Hour: hour, Succeeded: 1, Answers: map[int]int{2: 1}}},
	} {
		before := d.Rev()
		if step.status == webhook.Pending && d.Status == webhook.Failed {
			d.Round, d.Count = d.Round+1, 0
		} else {
			a := d.Attempts[0]
			if a.Duration = step.took; step.took == 0 {
				a.StatusCode, a.Error = 0, webhook.ReasonTimeout
			}
			d.Record(a)
		}
		d.Status, d.Via, d.NextAt = step.status, "", time.Time{}
		if d.Status == webhook.Pending {
			d = pending(d, b.now.Add(2*time.Hour))
		}
		b.ok(b.s.SaveDelivery(b.Context(), d, before))
		b.equal(string(step.status), b.tallies(tenant, b.now), []webhook.Tally{step.want})
	}
	b.conflict("a write that lost", b.s.SaveDelivery(b.Context(), failed(d), webhook.Rev{}), "changed-meanwhile")
	b.equal("after it", b.tallies(tenant, b.now), []webhook.Tally{{Webhook: "wh_a", Hour: hour, Succeeded: 1, Answers: map[int]int{2: 1}}})
}

func talliesSince(b *bench) {
	tenant := b.tenant()
	b.now = b.now.Truncate(time.Hour).Add(2 * time.Hour)
	for i, after := range []time.Duration{9 * time.Minute, 10 * time.Minute, 11 * time.Minute} {
		b.save(b.delivery(tenant, "wh_a", fmt.Sprint("evt_", i), after))
	}
	b.equal("since the second", b.tallies(tenant, b.now.Add(10*time.Minute)), []webhook.Tally{{Webhook: "wh_a", Hour: b.now, Succeeded: 2, Answers: map[int]int{53: 2}}})
	b.equal("since all", b.tallies(tenant, b.now.Add(time.Hour)), []webhook.Tally(nil))
}

func talliesOfOthers(b *bench) {
	created, k := b.newTenant()
	b.ok(b.s.CreateTenant(b.Context(), created, k))
	other := b.tenant()
	b.save(b.delivery(created.ID, "wh_a", "evt_1", time.Second))
	b.save(b.delivery(other, "wh_a", "evt_1", 2*time.Second))
	b.save(b.delivery(other, "wh_a", "evt_2", 2*time.Second))
	since := b.now.Add(-time.Hour)
	hour := b.now.Add(time.Second).Truncate(time.Hour)
	b.equal("one's", b.tallies(created.ID, since), []webhook.Tally{{Webhook: "wh_a", Hour: hour, Succeeded: 1, Answers: map[int]int{53: 1}}})
	b.ok(b.s.DeleteTenant(b.Context(), created.ID))
	b.equal("a deleted one's", b.tallies(created.ID, since), []webhook.Tally(nil))
	created.CreatedAt = b.now.Add(time.Minute)
	b.ok(b.s.CreateTenant(b.Context(), created, k))
	b.equal("its successor's", b.tallies(created.ID, since), []webhook.Tally(nil))
	b.save(b.delivery(created.ID, "wh_a", "evt_2", time.Minute+time.Second))
	b.equal("after its first", b.tallies(created.ID, since), []webhook.Tally{
		{Webhook: "wh_a", Hour: b.now.Add(time.Minute + time.Second).Truncate(time.Hour), Succeeded: 1, Answers: map[int]int{53: 1}},
	})
	b.equal("of no tenant", b.tallies("nobody", since), []webhook.Tally(nil))
}

// usage reads the usage once it has caught up.
func (b *bench) usage(tenant string, since, until time.Time) []webhook.Usage {
	b.Helper()
	if b.settle != nil {
		b.settle(b.T)
	}
	return must(b.s.Usage(b.Context(), tenant, since, until))(b)
}

func usageByDay(b *bench) {
	tenant := b.tenant()
	day := webhook.DayOf(b.now).Add(24 * time.Hour)
	b.now = day.Add(-time.Second) // of acceptance: the attempts are of the next day
	b.equal("of none", b.usage(tenant, day.Add(-48*time.Hour), day.Add(48*time.Hour)), []webhook.Usage(nil))

	d := b.delivery(tenant, "wh_a", "evt_1", 0)
	d.Attempts[0].StartedAt = day.Add(time.Second)
	d = b.save(failed(d))
	b.save(func() webhook.Delivery { // one that a job began
		d := pending(b.delivery(tenant, "wh_a", "evt_2", 0), day)
		d.Count, d.Total, d.Attempts = 0, 0, nil
		return d
	}())
	b.conflict("a write that lost", b.s.SaveDelivery(b.Context(), d, webhook.Rev{}), "changed-meanwhile")
	for _, step := range []struct {
		round  int
		after  time.Duration
		reason webhook.AttemptError
	}{{1, 12 * time.Hour, webhook.ReasonTimeout}, {1, 25 * time.Hour, webhook.ReasonTimeout}, {2, 26 * time.Hour, ""}, {3, 27 * time.Hour, webhook.ReasonWebhookInactive}} {
		prev := d.Rev()
		if step.round > d.Round {
			d.Round, d.Count = step.round, 0
		}
		a := d.Attempts[0]
		a.StartedAt, a.Error = day.Add(step.after), step.reason
		d.Record(a)
		b.ok(b.s.SaveDelivery(b.Context(), d, prev))
	}
	it := webhook.LogItem{Tenant: tenant, Request: webhook.FirstEntry(day.Add(-time.Minute)), Rev: 1, Events: 3, Record: []byte("r")}
	put := func(it webhook.LogItem) { must2(b.s.PutLogItem(b.Context(), it))(b) }
	put(it)
	put(it) // there is one
	it.Rev, it.Events = 2, 5
	put(it)
	it.Rev = 3 // without their data
	put(it)
	it.Request, it.Rev, it.Events = webhook.FirstEntry(day.Add(time.Hour)), 1, 1
	put(it)
	want := []webhook.Usage{
		{Day: day.Add(-24 * time.Hour), Events: 5},
		{Day: day, Events: 1, Deliveries: 2, Attempts: 2},
		{Day: day.Add(24 * time.Hour), Attempts: 2},
	}
	b.equal("usage", b.usage(tenant, day.Add(-48*time.Hour), day.Add(48*time.Hour)), want)
	b.equal("of the middle day", b.usage(tenant, day, day.Add(24*time.Hour)), want[1:2])
	b.equal("of the first two, to the day", b.usage(tenant, day.Add(-time.Hour), day.Add(time.Hour)), want[:2])
}

func usageOfOthers(b *bench) {
	created, k := b.newTenant()
	b.ok(b.s.CreateTenant(b.Context(), created, k))
	b.save(b.delivery(created.ID, "wh_a", "evt_1", time.Second))
	b.save(b.delivery(b.tenant(), "wh_a", "evt_1", time.Second))
	day := webhook.DayOf(b.now)
	read := func() []webhook.Usage { return b.usage(created.ID, day, day.Add(48*time.Hour)) }
	b.equal("one's", read(), []webhook.Usage{{Day: webhook.DayOf(b.now.Add(time.Second)), Deliveries: 1, Attempts: 1}})
	b.ok(b.s.DeleteTenant(b.Context(), created.ID))
	b.equal("a deleted one's", read(), []webhook.Usage(nil))
	created.CreatedAt = b.now.Add(time.Minute)
	b.ok(b.s.CreateTenant(b.Context(), created, k))
	b.equal("its successor's", read(), []webhook.Usage(nil))
}
