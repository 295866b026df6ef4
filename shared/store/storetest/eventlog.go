package storetest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"hookline/shared/webhook"
)

// logItem returns an item that is not stored, of a request made so long after now.
func (b *bench) logItem(tenant string, after time.Duration) webhook.LogItem {
	at := b.now.Add(after)
	return webhook.LogItem{
		Events: 2,
		Tenant: tenant, Request: webhook.EventIDs(at, 1)[0], Rev: 1, Record: []byte{'d', 0, 0xff, '"', '{', '}'},
		ExpiresAt: at.Add(30 * 24 * time.Hour),
	}
}

type loggedItem struct {
	Item   webhook.LogItem
	Stored bool
}

// logs checks the answer of PutLogItem.
func (b *bench) logs(what string, it, want webhook.LogItem, stored bool) {
	b.Helper()
	got, ok := must2(b.s.PutLogItem(b.Context(), it))(b)
	b.equal(what, loggedItem{got, ok}, loggedItem{want, stored})
}

// logged stores an item that is not there yet and returns it.
func (b *bench) logged(it webhook.LogItem) webhook.LogItem {
	b.Helper()
	b.logs("new", it, it, true)
	return it
}

// logItems reads a whole range in parts of limit.
func (b *bench) logItems(tenant string, limit int, r webhook.LogRange) []webhook.LogItem {
	b.Helper()
	r.Limit = limit
	var all []webhook.LogItem
	for range 10_000 {
		items, more, err := b.s.LogItems(b.Context(), tenant, r)
		b.ok(err)
		if len(items) > limit || more && len(items) == 0 {
			b.Fatalf("got %d items and more %t, want 1 to %d, or the end", len(items), more, limit)
		}
		all = append(all, items...)
		if !more {
			return all
		}
		if last := items[len(items)-1].Request; r.OldestFirst {
			r.From = last + "0"
		} else {
			r.Before = last
		}
	}
	b.Fatal("the list does not end")
	return nil
}

func requests(items []webhook.LogItem) []string {
	return ids(items, func(it webhook.LogItem) string { return it.Request })
}

func eventLogChecks() []check {
	return []check{
		{"log/an item comes back whole", func(b *bench) {
			tenant := b.tenant()
			full, bare, long := b.logItem(tenant, 3*time.Millisecond), b.logItem(tenant, 2*time.Millisecond), b.logItem(tenant, 0)
			bare.Record, bare.ExpiresAt = []byte{}, time.Time{}
			long.Record = make([]byte, 350_000)
			for i := range long.Record {
				long.Record[i] = byte(i * 7 >> 3)
			}
			all := []webhook.LogItem{full, bare, long}
			for _, it := range all {
				b.logged(it)
				b.equal(it.Request, must(b.s.LogItem(b.Context(), tenant, it.Request))(b), it)
			}
			b.equal("listed", b.logItems(tenant, 10, webhook.LogRange{}), all)
			_, err := b.s.LogItem(b.Context(), tenant, webhook.EventIDs(b.now, 1)[0])
			b.notFound("another request", err)
			_, err = b.s.LogItem(b.Context(), absent, full.Request)
			b.notFound("of a tenant that is not there", err)
			b.equal("list of a tenant that is not there", b.logItems(absent, 5, webhook.LogRange{}), []webhook.LogItem{})
		}},
		{"log/an item is written over what its writer read, and nothing else", func(b *bench) {
			first := b.logItem(b.tenant(), 0)
			second := first
			second.Rev, second.Record, second.ExpiresAt = 2, []byte("second"), first.ExpiresAt.Add(time.Hour)
			none := webhook.LogItem{Tenant: first.Tenant, Request: first.Request}
			b.logs("the second write before the first", second, none, false)
			b.equal("listed", b.logItems(first.Tenant, 5, webhook.LogRange{}), []webhook.LogItem{})
			b.logged(first)
			b.logs("the first again", first, first, false)
			b.logs("the second", second, second, true)
			b.logs("the second again", second, second, false)
			b.logs("the first, late", first, second, false)
			b.equal("read", must(b.s.LogItem(b.Context(), first.Tenant, first.Request))(b), second)
			b.equal("listed", b.logItems(first.Tenant, 5, webhook.LogRange{}), []webhook.LogItem{second})
		}},
		{"log/an item raced by 8 has one winner that all see", func(b *bench) {
			it := b.logItem(b.tenant(), 0)
			for rev := range int64(2) {
				got := make([]loggedItem, 8)
				for _, err := range race(8, func(i int) (err error) {
					mine := it
					mine.Rev, mine.Record = rev+1, fmt.Append(nil, rev, i)
					got[i].Item, got[i].Stored, err = b.s.PutLogItem(b.Context(), mine)
					return err
				}) {
					b.ok(err)
				}
				winner := slices.IndexFunc(got, func(l loggedItem) bool { return l.Stored })
				if winner < 0 {
					b.Fatal("got no winner, want one")
				}
				for i, l := range got {
					b.equal(fmt.Sprint("seen by ", i), l, loggedItem{got[winner].Item, i == winner})
				}
			}
		}},
		{"log/ranges, both ways, in parts", func(b *bench) {
			tenant := b.tenant()
			b.logged(b.logItem(b.tenant(), 0))
			var want []webhook.LogItem
			for i := range 30 {
				want = append(want, b.logged(b.logItem(tenant, time.Duration(i/3)*time.Millisecond)))
			}
			slices.SortFunc(want, func(x, y webhook.LogItem) int { return cmpRequests(y, x) })
			at := func(n int) string { return webhook.FirstEntry(b.now.Add(time.Duration(n) * time.Millisecond)) }
			for _, c := range []struct {
				name string
				r    webhook.LogRange
				want []webhook.LogItem
			}{
				{"all", webhook.LogRange{}, want},
				{"from a time", webhook.LogRange{From: at(4)}, want[:18]},
				{"before a time", webhook.LogRange{Before: at(4)}, want[18:]},
				{"between", webhook.LogRange{From: at(2), Before: at(5)}, want[15:24]},
				{"from one", webhook.LogRange{From: want[7].Request}, want[:8]},
				{"before one", webhook.LogRange{Before: want[7].Request}, want[8:]},
				{"nothing", webhook.LogRange{From: at(5), Before: at(5)}, nil},
				{"turned round", webhook.LogRange{From: at(5), Before: at(4)}, nil},
				{"long after", webhook.LogRange{From: at(1e9)}, nil},
			} {
				for _, limit := range []int{1, 3, 7, 100} {
					b.equal(fmt.Sprint(c.name, ", newest first, by ", limit), b.logItems(tenant, limit, c.r), c.want)
					c.r.OldestFirst = true
					turned := slices.Clone(c.want)
					slices.Reverse(turned)
					b.equal(fmt.Sprint(c.name, ", oldest first, by ", limit), b.logItems(tenant, limit, c.r), turned)
					c.r.OldestFirst = false
				}
			}
		}},
		{"log/large items do not end a list early", func(b *bench) {
			tenant := b.tenant()
			var want []string
			for i := range 12 {
				it := b.logItem(tenant, -time.Duration(i)*time.Millisecond+time.Minute)
				it.Record = make([]byte, 350_000)
				want = append(want, b.logged(it).Request)
			}
			b.equal("all", requests(b.logItems(tenant, 100, webhook.LogRange{})), want)
		}},
		{"log/another tenant's is not found and not touched", func(b *bench) {
			it, stranger := b.logged(b.logItem(b.tenant(), 0)), b.tenant()
			_, err := b.s.LogItem(b.Context(), stranger, it.Request)
			b.notFound("LogItem", err)
			b.equal("LogItems", b.logItems(stranger, 5, webhook.LogRange{}), []webhook.LogItem{})
			theirs := it
			theirs.Tenant, theirs.Record = stranger, []byte("theirs")
			b.logged(theirs)
			b.ok(b.s.DeleteTenant(b.Context(), stranger))
			b.equal("the owner's", must(b.s.LogItem(b.Context(), it.Tenant, it.Request))(b), it)
			b.equal("listed", b.logItems(it.Tenant, 5, webhook.LogRange{}), []webhook.LogItem{it})
		}},
		{"log/items of a deleted tenant are out of reach, also for the next one of that id", func(b *bench) {
			t, k := b.newTenant()
			b.ok(b.s.CreateTenant(b.Context(), t, k))
			old := b.logged(b.logItem(t.ID, 0))
			b.logged(b.logItem(t.ID, time.Second))
			b.ok(b.s.DeleteTenant(b.Context(), t.ID))
			unreachable := func(when string) {
				b.Helper()
				_, err := b.s.LogItem(b.Context(), t.ID, old.Request)
				b.notFound("item "+when, err)
				for _, r := range []webhook.LogRange{{}, {From: webhook.FirstEntry(b.now), OldestFirst: true}, {Before: webhook.FirstEntry(b.now.Add(time.Minute))}} {
					b.equal("items "+when, b.logItems(t.ID, 5, r), []webhook.LogItem{})
				}
			}
			unreachable("after deletion")
			t.CreatedAt = b.now.Add(time.Minute)
			b.ok(b.s.CreateTenant(b.Context(), t, k))
			unreachable("of the new tenant")
			first := b.logged(b.logItem(t.ID, time.Minute))
			b.equal("the new tenant's own", b.logItems(t.ID, 5, webhook.LogRange{}), []webhook.LogItem{first})
		}},
		{"log/ids that would join alike stay apart", func(b *bench) {
			x := webhook.NewID("t_", b.now)
			it := b.logItem("", 0)
			for _, tenant := range []string{x, x + ":", x + "-1"} {
				t, k := b.newTenant()
				t.ID, k.Tenant = tenant, tenant
				b.ok(b.s.CreateTenant(b.Context(), t, k))
				mine := it
				mine.Tenant, mine.Record = tenant, []byte(tenant)
				b.logged(mine)
			}
			b.equal("of the shortest", len(b.logItems(x, 5, webhook.LogRange{})), 1)
		}},
		{"pin/one is found until it may vanish, and says what it stands for", func(b *bench) {
			tenant := b.tenant()
			_, err := b.s.FindPin(b.Context(), tenant, "event", "evt_1")
			b.notFound("none", err)
			p := b.pin(tenant, "event", "evt_1")
			p.Answer, p.KeptUntil = []byte("answer"), p.ExpiresAt.Add(29*24*time.Hour+7*time.Millisecond)
			must2(b.s.Pin(b.Context(), p))(b)
			b.equal("found", must(b.s.FindPin(b.Context(), tenant, "event", "evt_1"))(b), p)
			b.holds("as a pin", p)
			_, err = b.s.FindPin(b.Context(), tenant, "other", "evt_1")
			b.notFound("another scope", err)
			_, err = b.s.FindPin(b.Context(), b.tenant(), "event", "evt_1")
			b.notFound("another tenant's", err)
			again := b.pin(tenant, "event", "evt_1")
			again.At, again.ExpiresAt = p.ExpiresAt, p.ExpiresAt.Add(24*time.Hour)
			got, stored := must2(b.s.Pin(b.Context(), again))(b)
			b.equal("in its place while it is kept", pinned{got, stored}, pinned{again, true})
			b.equal("found then", must(b.s.FindPin(b.Context(), tenant, "event", "evt_1"))(b), again)
			b.ok(b.s.Repin(b.Context(), p, again.At))
			b.equal("found after Repin", must(b.s.FindPin(b.Context(), tenant, "event", "evt_1"))(b), p)
			b.ok(b.s.DeleteTenant(b.Context(), tenant))
			_, err = b.s.FindPin(b.Context(), tenant, "event", "evt_1")
			b.notFound("after the tenant", err)
		}},
	}
}

func cmpRequests(x, y webhook.LogItem) int { return strings.Compare(x.Request, y.Request) }
