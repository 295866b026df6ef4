package storetest

import (
	"fmt"
	"slices"
	"time"

	"hookline/shared/webhook"
)

// source returns a source that is not stored, made so long after now, with every field filled.
func (b *bench) source(tenant string, after time.Duration) webhook.Source {
	at := b.now.Add(after)
	return webhook.Source{
		Tenant: tenant, ID: webhook.NewID(webhook.SourcePrefix, at), Kind: "custom", Name: odd,
		Secret: webhook.Sealed{1, 0, 0xff, '"', 0xc3, 0x28}, CreatedAt: at,
	}
}

// createdSource stores a source and returns it.
func (b *bench) createdSource(tenant string, after time.Duration) webhook.Source {
	b.Helper()
	s := b.source(tenant, after)
	b.ok(b.s.CreateSource(b.Context(), s))
	return s
}

func (b *bench) sources(tenant string, limit int) []webhook.Source {
	b.Helper()
	return collect(b, limit, func(p webhook.Page) (webhook.List[webhook.Source], error) { return b.s.Sources(b.Context(), tenant, p) })
}

// noSource checks that a source is not found in any way.
func (b *bench) noSource(what, tenant, id string) {
	b.Helper()
	_, err := b.s.SourceByID(b.Context(), id)
	b.notFound(what+", by id", err)
	_, err = b.s.Source(b.Context(), tenant, id)
	b.notFound(what+", the tenant's", err)
	b.notFound(what+", to delete", b.s.DeleteSource(b.Context(), tenant, id))
}

func sourceChecks() []check {
	return []check{
		{"source/comes back whole, by id alone and as its tenant's", func(b *bench) {
			full := b.createdSource(b.tenant(), 0)
			bare := webhook.Source{Tenant: full.Tenant, ID: webhook.NewID(webhook.SourcePrefix, b.now.Add(time.Millisecond))}
			b.ok(b.s.CreateSource(b.Context(), bare))
			for _, s := range []webhook.Source{full, bare} {
				b.equal("by id", must(b.s.SourceByID(b.Context(), s.ID))(b), s)
				b.equal("the tenant's", must(b.s.Source(b.Context(), s.Tenant, s.ID))(b), s)
			}
			b.equal("listed", b.sources(full.Tenant, 5), []webhook.Source{bare, full})
			b.noSource("another id", full.Tenant, absent)
		}},
		{"source/an id that exists is a conflict, whoever's it is", func(b *bench) {
			s := b.createdSource(b.tenant(), 0)
			again, theirs := s, s
			again.Name, theirs.Tenant = "again", b.tenant()
			b.conflict("the tenant's own", b.s.CreateSource(b.Context(), again), "source-exists")
			b.conflict("another tenant's", b.s.CreateSource(b.Context(), theirs), "source-exists")
			b.equal("source", must(b.s.SourceByID(b.Context(), s.ID))(b), s)
			b.equal("listed", b.sources(s.Tenant, 5), []webhook.Source{s})
			b.equal("the other tenant's", b.sources(theirs.Tenant, 5), []webhook.Source{})
		}},
		{"source/one id raced by 8 tenants has one winner", func(b *bench) {
			s := b.source("", 0)
			tenants := make([]string, 8)
			for i := range tenants {
				tenants[i] = b.tenant()
			}
			winner := b.oneWinner(race(8, func(i int) error {
				s := s
				s.Tenant = tenants[i]
				return b.s.CreateSource(b.Context(), s)
			}), "source-exists")
			s.Tenant = tenants[winner]
			b.equal("by id", must(b.s.SourceByID(b.Context(), s.ID))(b), s)
			for i, tenant := range tenants {
				want := []webhook.Source{}
				if i == winner {
					want = append(want, s)
				}
				b.equal(fmt.Sprint("listed by tenant ", i), b.sources(tenant, 5), want)
			}
		}},
		{"source/a tenant that is not there is not found", func(b *bench) {
			s := b.source(absent, 0)
			b.notFound("create", b.s.CreateSource(b.Context(), s))
			b.noSource("afterwards", absent, s.ID)
			b.equal("listed", b.sources(absent, 5), []webhook.Source{})
		}},
		{"source/list is newest id first, in pages", func(b *bench) {
			tenant := b.tenant()
			b.createdSource(b.tenant(), 0)
			var want []webhook.Source
			for _, i := range []int{3, 0, 6, 1, 5, 2, 4} { // made in another order than their ids'
				want = append(want, b.createdSource(tenant, time.Duration(i)*time.Millisecond))
			}
			slices.SortFunc(want, func(x, y webhook.Source) int { return y.CreatedAt.Compare(x.CreatedAt) })
			for _, limit := range []int{1, 3, 7, 100} {
				b.equal(fmt.Sprint("by ", limit), b.sources(tenant, limit), want)
			}
			for i := range 15 {
				b.createdSource(tenant, time.Duration(10+i)*time.Millisecond)
			}
			b.equal("without a limit", len(must(b.s.Sources(b.Context(), tenant, webhook.Page{}))(b).Items), 20)
		}},
		{"source/a deleted one stops at once, its deployments stay", func(b *bench) {
			tenant := b.tenant()
			s, other := b.createdSource(tenant, 0), b.createdSource(tenant, time.Millisecond)
			d := b.registered(b.deployment(tenant, "dep_1", 0))
			b.ok(b.s.DeleteSource(b.Context(), tenant, s.ID))
			b.noSource("deleted", tenant, s.ID)
			b.equal("listed", b.sources(tenant, 5), []webhook.Source{other})
			b.equal("the other", must(b.s.SourceByID(b.Context(), other.ID))(b), other)
			b.equal("deployment", must(b.s.Deployment(b.Context(), tenant, d.ID))(b), d)
			b.equal("deployments", b.deployments(tenant, 5, webhook.DeploymentQuery{}), []webhook.Deployment{d})
			b.ok(b.s.CreateSource(b.Context(), s))
			b.equal("its id again", must(b.s.SourceByID(b.Context(), s.ID))(b), s)
		}},
		{"source/deletion raced by 8 happens once", func(b *bench) {
			s := b.createdSource(b.tenant(), 0)
			deleted := 0
			for i, err := range race(8, func(int) error { return b.s.DeleteSource(b.Context(), s.Tenant, s.ID) }) {
				if err == nil {
					deleted++
				} else {
					b.notFound(fmt.Sprint("loser ", i), err)
				}
			}
			b.equal("deletions", deleted, 1)
		}},
		{"source/another tenant's is not found and not touched", func(b *bench) {
			s, stranger := b.createdSource(b.tenant(), 0), b.tenant()
			_, err := b.s.Source(b.Context(), stranger, s.ID)
			b.notFound("Source", err)
			b.equal("Sources", b.sources(stranger, 5), []webhook.Source{})
			b.notFound("DeleteSource", b.s.DeleteSource(b.Context(), stranger, s.ID))
			b.createdSource(stranger, time.Millisecond)
			b.ok(b.s.DeleteTenant(b.Context(), stranger))
			b.equal("by id", must(b.s.SourceByID(b.Context(), s.ID))(b), s)
			b.equal("listed", b.sources(s.Tenant, 5), []webhook.Source{s})
		}},
		{"source/those of a deleted tenant are gone, also for the next one of that id", func(b *bench) {
			t, k := b.newTenant()
			b.ok(b.s.CreateTenant(b.Context(), t, k))
			var all []webhook.Source
			for i := range 30 {
				all = append(all, b.createdSource(t.ID, time.Duration(i)*time.Millisecond))
			}
			b.ok(b.s.DeleteTenant(b.Context(), t.ID))
			gone := func(when string) {
				b.Helper()
				for _, s := range all {
					b.noSource(when, t.ID, s.ID)
				}
				b.equal("listed "+when, b.sources(t.ID, 5), []webhook.Source{})
			}
			gone("after it")
			b.notFound("create", b.s.CreateSource(b.Context(), all[0]))
			b.ok(b.s.CreateTenant(b.Context(), t, k))
			gone("in the new tenant")
			b.ok(b.s.CreateSource(b.Context(), all[0]))
			b.equal("the new tenant's", b.sources(t.ID, 5), all[:1])
		}},
		{"source/creation racing the tenant's deletion leaves none behind", func(b *bench) {
			for range 10 {
				t, k := b.newTenant()
				b.ok(b.s.CreateTenant(b.Context(), t, k))
				s := b.source(t.ID, 0)
				errs := race(2, func(i int) error {
					if i == 0 {
						return through(func() error { return b.s.DeleteTenant(b.Context(), t.ID) })
					}
					return through(func() error { return b.s.CreateSource(b.Context(), s) })
				})
				b.ok(errs[0])
				if errs[1] != nil {
					b.notFound("create", errs[1])
				}
				b.noSource("afterwards", t.ID, s.ID)
			}
		}},
	}
}
