package storetest

import (
	"fmt"
	"time"

	"hookline/shared/webhook"
)

// replay returns a job that is not stored, with every field filled.
func (b *bench) replay(tenant string) webhook.Replay {
	return webhook.Replay{
		Tenant: tenant, ID: webhook.NewID(webhook.ReplayPrefix, b.now), Webhook: "wh_1", Of: webhook.ReplayMissed, Type: "a.b", Reason: webhook.ReasonTLS,
		Since: b.now.Add(-time.Hour), Until: b.now.Add(-time.Millisecond), Status: webhook.ReplayStopped, Error: webhook.ReasonWebhookDeleted,
		Matched: 20_000, More: true, Started: 7, Cursor: odd, CreatedAt: b.now, UpdatedAt: b.now.Add(3 * time.Millisecond),
		FinishedAt: b.now.Add(time.Hour), ExpiresAt: b.now.Add(720 * time.Hour), Version: 1,
	}
}

// createdReplay stores a job and returns it.
func (b *bench) createdReplay(tenant string) webhook.Replay {
	b.Helper()
	r := b.replay(tenant)
	b.ok(b.s.CreateReplay(b.Context(), r))
	return r
}

func (b *bench) noReplay(what, tenant, id string) {
	b.Helper()
	_, err := b.s.Replay(b.Context(), tenant, id)
	b.notFound(what, err)
}

// replays reads a whole list, so many at a time.
func (b *bench) replays(tenant, hook string, limit int) (out []webhook.Replay) {
	b.Helper()
	for at := ""; ; {
		l := must(b.s.Replays(b.Context(), tenant, hook, webhook.Page{Limit: limit, Cursor: at}))(b)
		if len(l.Items) > limit {
			b.Fatalf("got a page of %d, want at most %d", len(l.Items), limit)
		}
		out = append(out, l.Items...)
		if at = l.Next; at == "" {
			return out
		}
	}
}

func replayChecks() []check {
	return []check{
		{"replay/comes back whole", func(b *bench) {
			full := b.createdReplay(b.tenant())
			bare := webhook.Replay{Tenant: full.Tenant, ID: "rpl_bare", Status: webhook.ReplayRunning, CreatedAt: b.now, Version: 3}
			b.ok(b.s.CreateReplay(b.Context(), bare))
			for _, r := range []webhook.Replay{full, bare} {
				b.equal(r.ID, must(b.s.Replay(b.Context(), r.Tenant, r.ID))(b), r)
			}
			b.noReplay("another id", full.Tenant, absent)
		}},
		{"replay/an id that exists is a conflict, a tenant that does not is not found", func(b *bench) {
			r := b.createdReplay(b.tenant())
			again := r
			again.Started++
			b.conflict("again", b.s.CreateReplay(b.Context(), again), "replay-exists")
			b.equal("replay", must(b.s.Replay(b.Context(), r.Tenant, r.ID))(b), r)
			b.notFound("without a tenant", b.s.CreateReplay(b.Context(), b.replay(absent)))
			b.noReplay("without a tenant", absent, r.ID)
		}},
		{"replay/an update counts only if it follows on what is stored", func(b *bench) {
			r := b.createdReplay(b.tenant())
			next := r
			next.Status, next.Error, next.Started, next.Cursor, next.FinishedAt = webhook.ReplayRunning, "", 1007, "", time.Time{}
			next.UpdatedAt, next.ExpiresAt = b.now.Add(time.Minute), b.now.Add(800*time.Hour)
			b.ok(b.s.UpdateReplay(b.Context(), next))
			late := r
			late.Started = 1
			b.conflict("one that comes late", b.s.UpdateReplay(b.Context(), late), "changed-meanwhile")
			early := r
			early.Version = 9
			b.conflict("one of a version that is not there", b.s.UpdateReplay(b.Context(), early), "changed-meanwhile")
			next.Version++
			b.equal("replay", must(b.s.Replay(b.Context(), r.Tenant, r.ID))(b), next)
			gone := r
			gone.ID = absent
			b.conflict("one that is not there", b.s.UpdateReplay(b.Context(), gone), "changed-meanwhile")
			b.noReplay("afterwards", r.Tenant, absent)
		}},
		{"replay/of 8 updates of one version one counts", func(b *bench) {
			r := b.createdReplay(b.tenant())
			winner := b.oneWinner(race(8, func(i int) error {
				r := r
				r.Started = 100 + i
				return b.s.UpdateReplay(b.Context(), r)
			}), "changed-meanwhile")
			got := must(b.s.Replay(b.Context(), r.Tenant, r.ID))(b)
			b.equal("what is stored", fmt.Sprint(got.Started, got.Version), fmt.Sprint(100+winner, 2))
		}},
		{"replay/another tenant's is not found and not touched", func(b *bench) {
			r, stranger := b.createdReplay(b.tenant()), b.tenant()
			b.noReplay("Replay", stranger, r.ID)
			theirs := r
			theirs.Tenant, theirs.Started = stranger, 1
			b.conflict("UpdateReplay", b.s.UpdateReplay(b.Context(), theirs), "changed-meanwhile")
			b.ok(b.s.CreateReplay(b.Context(), theirs))
			b.ok(b.s.DeleteTenant(b.Context(), stranger))
			b.equal("replay", must(b.s.Replay(b.Context(), r.Tenant, r.ID))(b), r)
		}},
		{"replay/those of a deleted tenant are gone, also for the next one of that id", func(b *bench) {
			t, k := b.newTenant()
			b.ok(b.s.CreateTenant(b.Context(), t, k))
			r := b.createdReplay(t.ID)
			b.ok(b.s.DeleteTenant(b.Context(), t.ID))
			b.noReplay("after it", t.ID, r.ID)
			t.CreatedAt = t.CreatedAt.Add(time.Second)
			b.ok(b.s.CreateTenant(b.Context(), t, k))
			b.noReplay("in the new tenant", t.ID, r.ID)
			later := b.replay(t.ID)
			later.ID, later.CreatedAt = "rpl_later", t.CreatedAt
			b.ok(b.s.CreateReplay(b.Context(), later))
			b.equal("the new tenant's", must(b.s.Replay(b.Context(), t.ID, later.ID))(b), later)
			b.equal("the new tenant's list", b.replays(t.ID, "", 5), []webhook.Replay{later})
		}},
		{"replay/lists are newest id first, of all or of one webhook, page by page", func(b *bench) {
			tenant, stranger := b.tenant(), b.tenant()
			b.createdReplay(stranger)
			var all, odd []webhook.Replay
			for i := range 7 {
				r := b.replay(tenant)
				r.ID = fmt.Sprintf("rpl_%d", 6-i)
				if i%2 == 1 {
					r.Webhook = "wh_odd"
				}
				b.ok(b.s.CreateReplay(b.Context(), r))
				r.Started++
				b.ok(b.s.UpdateReplay(b.Context(), r))
				r.Version++
				if all = append(all, r); i%2 == 1 {
					odd = append(odd, r)
				}
			}
			for _, limit := range []int{1, 2, 7, 20} {
				b.equal(fmt.Sprint("all by ", limit), b.replays(tenant, "", limit), all)
				b.equal(fmt.Sprint("one webhook's by ", limit), b.replays(tenant, "wh_odd", limit), odd)
			}
			b.equal("another webhook's", b.replays(tenant, absent, 3), []webhook.Replay{})
			b.equal("without a tenant", b.replays(absent, "", 3), []webhook.Replay{})
			l := must(b.s.Replays(b.Context(), tenant, "", webhook.Page{Limit: 1}))(b)
			for what, of := range map[string][2]string{"another tenant's": {stranger, ""}, "a webhook's": {tenant, "wh_odd"}} {
				_, err := b.s.Replays(b.Context(), of[0], of[1], webhook.Page{Cursor: l.Next})
				b.kind("the cursor for "+what, err, webhook.Invalid)
			}
		}},
		{"replay/the list of all tenants has each job of those that exist, newest id first, page by page", func(b *bench) {
			one, k := b.newTenant()
			b.ok(b.s.CreateTenant(b.Context(), one, k))
			other := b.tenant()
			var want []webhook.Replay
			for i := range 6 {
				r := b.replay([]string{one.ID, other}[i%2])
				r.ID = webhook.NewID(webhook.ReplayPrefix, b.now.Add(time.Duration(9-i)*time.Minute))
				b.ok(b.s.CreateReplay(b.Context(), r))
				want = append(want, r)
			}
			ours := func(limit int) (out []webhook.Replay) {
				b.Helper()
				for _, r := range b.replays("", "", limit) {
					if r.Tenant == one.ID || r.Tenant == other {
						out = append(out, r)
					}
				}
				return out
			}
			for _, limit := range []int{1, 4, 100} {
				b.equal(fmt.Sprint("all by ", limit), ours(limit), want)
			}
			b.ok(b.s.DeleteTenant(b.Context(), one.ID))
			b.equal("without the deleted one's", ours(100), []webhook.Replay{want[1], want[3], want[5]})
		}},
	}
}
