package storetest

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"

	"hookline/shared/webhook"
)

// deployment returns a deployment that is not stored, registered so long after now, with every field filled.
func (b *bench) deployment(tenant, id string, after time.Duration) webhook.Deployment {
	at := b.now.Add(after)
	return webhook.Deployment{
		Tenant: tenant, ID: id, Source: "src_1", Kind: "custom", DeployedAt: b.now.Add(-time.Hour + 5*time.Millisecond),
		Environment: "production", CommitSHA: "2c26b46b68ffc68ff99b453c1d30413413422d70", RepositoryID: "repo-1",
		RepositoryURL: "https://example.com/r?a=1&b=<2>", Payload: []byte{'d', 0, 0xff, '"', '{', '}'},
		RegisteredAt: at, ExpiresAt: at.Add(30 * 24 * time.Hour),
	}
}

// registered stores a deployment that is not there yet and returns it.
func (b *bench) registered(d webhook.Deployment) webhook.Deployment {
	b.Helper()
	b.registers("new", d, d, true)
	return d
}

// registers checks the answer of CreateDeployment for d.
func (b *bench) registers(what string, d, want webhook.Deployment, wantNew bool) {
	b.Helper()
	got, isNew := must2(b.s.CreateDeployment(b.Context(), d))(b)
	b.equal(what, registration{got, isNew}, registration{want, wantNew})
}

type registration struct {
	Deployment webhook.Deployment
	New        bool
}

func (b *bench) deployments(tenant string, limit int, q webhook.DeploymentQuery) []webhook.Deployment {
	b.Helper()
	return collect(b, limit, func(p webhook.Page) (webhook.List[webhook.Deployment], error) {
		q.Page = p
		return b.s.Deployments(b.Context(), tenant, q)
	})
}

func deploymentIDs(ds []webhook.Deployment) []string {
	return ids(ds, func(d webhook.Deployment) string { return d.ID })
}

func deploymentChecks() []check {
	return []check{
		{"deployment/comes back whole", func(b *bench) {
			tenant := b.tenant()
			full := b.deployment(tenant, "dep_full", 4*time.Millisecond)
			strange := b.deployment(tenant, "dep_strange", 3*time.Millisecond)
			strange.Source, strange.Kind, strange.Environment, strange.CommitSHA = odd, odd, odd, odd
			strange.RepositoryID, strange.RepositoryURL = odd, odd
			strange.DeployedAt = time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC)
			strange.ExpiresAt = time.Time{}
			early := b.deployment(tenant, "dep_early", 2*time.Millisecond)
			early.DeployedAt = time.Date(1969, 7, 20, 20, 17, 40, 1e6, time.UTC)
			bare := webhook.Deployment{Tenant: tenant, ID: "dep_bare", RegisteredAt: b.now.Add(time.Millisecond)}
			long := b.deployment(tenant, "dep_long", 0)
			long.Payload = make([]byte, 300<<10)
			for i := range long.Payload {
				long.Payload[i] = byte(i * 7 >> 3)
			}
			all := []webhook.Deployment{full, strange, early, bare, long}
			for _, d := range all {
				b.registered(d)
				b.equal(d.ID, must(b.s.Deployment(b.Context(), tenant, d.ID))(b), d)
				b.registers(d.ID+" again", d, d, false)
			}
			b.equal("listed", b.deployments(tenant, 10, webhook.DeploymentQuery{}), all)
			_, err := b.s.Deployment(b.Context(), tenant, absent)
			b.notFound("another id", err)
			_, err = b.s.Deployment(b.Context(), absent, full.ID)
			b.notFound("of a tenant that is not there", err)
			b.equal("list of a tenant that is not there", b.deployments(absent, 5, webhook.DeploymentQuery{}), []webhook.Deployment{})
		}},
		{"deployment/times are cut to milliseconds", func(b *bench) {
			d := b.deployment(b.tenant(), "dep_1", 0)
			exact := d
			d.DeployedAt, d.RegisteredAt, d.ExpiresAt = d.DeployedAt.Add(999*time.Microsecond), d.RegisteredAt.Add(999*time.Microsecond), d.ExpiresAt.Add(999)
			d.DeployedAt = d.DeployedAt.In(time.FixedZone("", 3600))
			must2(b.s.CreateDeployment(b.Context(), d))(b)
			b.equal("read", must(b.s.Deployment(b.Context(), d.Tenant, d.ID))(b), exact)
			b.equal("listed", b.deployments(d.Tenant, 5, webhook.DeploymentQuery{}), []webhook.Deployment{exact})
			b.registers("again", d, exact, false)
		}},
		{"deployment/the first one of an id stays", func(b *bench) {
			first := b.registered(b.deployment(b.tenant(), "dep_1", 0))
			again := b.deployment(first.Tenant, first.ID, time.Hour)
			again.Environment, again.Payload = "staging", []byte("another")
			b.registers("again", again, first, false)
			b.equal("read", must(b.s.Deployment(b.Context(), first.Tenant, first.ID))(b), first)
			b.equal("listed", b.deployments(first.Tenant, 5, webhook.DeploymentQuery{}), []webhook.Deployment{first})
			b.equal("listed of the other's", b.deployments(first.Tenant, 5, webhook.DeploymentQuery{Environment: "staging"}), []webhook.Deployment{})
		}},
		{"deployment/one is replaced from the moment it expires, and listed once", func(b *bench) {
			first := b.registered(b.deployment(b.tenant(), "dep_1", 0))
			life := first.ExpiresAt.Sub(first.RegisteredAt)
			b.registers("just before", b.deployment(first.Tenant, first.ID, life-time.Millisecond), first, false)
			next := b.deployment(first.Tenant, first.ID, life)
			next.Environment, next.Payload = "staging", []byte("another")
			b.registers("at it", next, next, true)
			b.equal("read", must(b.s.Deployment(b.Context(), next.Tenant, next.ID))(b), next)
			for _, limit := range []int{1, 5} {
				b.equal(fmt.Sprint("listed by ", limit), b.deployments(next.Tenant, limit, webhook.DeploymentQuery{}), []webhook.Deployment{next})
			}
			b.equal("listed of the first's", b.deployments(next.Tenant, 5, webhook.DeploymentQuery{Environment: "production"}), []webhook.Deployment{})
			forever := b.deployment(first.Tenant, "dep_2", 0)
			forever.ExpiresAt = time.Time{}
			b.registered(forever)
			b.registers("one without an end", b.deployment(first.Tenant, "dep_2", 100*life), forever, false)
		}},
		{"deployment/one id raced by 16 is new to one, and all see it", func(b *bench) {
			tenant := b.tenant()
			got := make([]registration, 16)
			for _, err := range race(16, func(i int) (err error) {
				d := b.deployment(tenant, "dep_1", time.Duration(i)*time.Millisecond)
				d.Payload = fmt.Append(nil, i)
				got[i].Deployment, got[i].New, err = b.s.CreateDeployment(b.Context(), d)
				return err
			}) {
				b.ok(err)
			}
			winner := slices.IndexFunc(got, func(c registration) bool { return c.New })
			if winner < 0 {
				b.Fatal("got no winner, want one")
			}
			for i, c := range got {
				b.equal(fmt.Sprint("seen by ", i), c, registration{got[winner].Deployment, i == winner})
			}
			b.equal("the winner's", string(got[winner].Deployment.Payload), fmt.Sprint(winner))
			b.equal("listed", b.deployments(tenant, 5, webhook.DeploymentQuery{}), []webhook.Deployment{got[winner].Deployment})
		}},
		{"deployment/an expired one raced by 8 is replaced by one", func(b *bench) {
			first := b.registered(b.deployment(b.tenant(), "dep_1", 0))
			replaced := make([]bool, 8)
			for _, err := range race(8, func(i int) (err error) {
				_, replaced[i], err = b.s.CreateDeployment(b.Context(), b.deployment(first.Tenant, first.ID, 60*24*time.Hour+time.Duration(i)))
				return err
			}) {
				b.ok(err)
			}
			winners := slices.DeleteFunc(replaced, func(won bool) bool { return !won })
			b.equal("winners", len(winners), 1)
		}},
		{"deployments/list newest first, whole, in pages", func(b *bench) {
			tenant := b.tenant()
			b.registered(b.deployment(b.tenant(), "dep_other", 0))
			var want []webhook.Deployment
			for i := range 8 { // stored in another order than registered
				want = append(want, b.registered(b.deployment(tenant, fmt.Sprint("dep_", i), time.Duration(i*5%8)*time.Millisecond)))
			}
			slices.SortFunc(want, func(x, y webhook.Deployment) int { return y.RegisteredAt.Compare(x.RegisteredAt) })
			for _, limit := range []int{1, 3, 8, 100} {
				b.equal(fmt.Sprint("by ", limit), b.deployments(tenant, limit, webhook.DeploymentQuery{}), want)
			}
		}},
		{"deployments/paging loses and repeats nothing among equal times", func(b *bench) {
			tenant := b.tenant()
			var want []string
			for i := range 25 {
				d := b.registered(b.deployment(tenant, fmt.Sprint("dep_", i), time.Duration(i/10)*time.Millisecond))
				want = append(want, d.ID)
			}
			slices.Sort(want)
			for _, limit := range []int{1, 4, 10, 25} {
				got := b.deployments(tenant, limit, webhook.DeploymentQuery{})
				if !slices.IsSortedFunc(got, func(x, y webhook.Deployment) int { return y.RegisteredAt.Compare(x.RegisteredAt) }) {
					b.Errorf("by %d: not newest first", limit)
				}
				b.equal(fmt.Sprint("by ", limit), slices.Sorted(slices.Values(deploymentIDs(got))), want)
			}
			for _, limit := range []int{0, -1} {
				q := webhook.DeploymentQuery{Page: webhook.Page{Limit: limit}}
				b.equal("without a limit", len(must(b.s.Deployments(b.Context(), tenant, q))(b).Items), 20)
			}
		}},
		{"deployments/filters, with pages that may be short", func(b *bench) {
			tenant := b.tenant()
			for i := range 12 {
				d := b.deployment(tenant, fmt.Sprintf("dep_%02d", i), time.Duration(i)*time.Millisecond)
				if i%3 == 1 {
					d.Environment = odd
				}
				if i >= 8 {
					d.RepositoryID = "repo" + odd
				}
				b.registered(d)
			}
			ms := func(n int) time.Time { return b.now.Add(time.Duration(n) * time.Millisecond) }
			for _, c := range []struct {
				name string
				q    webhook.DeploymentQuery
				want []string
			}{
				{"environment", webhook.DeploymentQuery{Environment: odd}, []string{"dep_10", "dep_07", "dep_04", "dep_01"}},
				{"environment that none has", webhook.DeploymentQuery{Environment: "prod"}, []string{}},
				{"environment in other case", webhook.DeploymentQuery{Environment: "Production"}, []string{}},
				{"environment cut at its NUL", webhook.DeploymentQuery{Environment: odd[:strings.IndexByte(odd, 0)]}, []string{}},
				{"repository", webhook.DeploymentQuery{RepositoryID: "repo" + odd}, []string{"dep_11", "dep_10", "dep_09", "dep_08"}},
				{"since that moment", webhook.DeploymentQuery{Since: ms(9)}, []string{"dep_11", "dep_10", "dep_09"}},
				{"since later", webhook.DeploymentQuery{Since: ms(12)}, []string{}},
				{"since long before", webhook.DeploymentQuery{Environment: odd, Since: ms(-1e9)}, []string{"dep_10", "dep_07", "dep_04", "dep_01"}},
				{"all of it", webhook.DeploymentQuery{Environment: odd, RepositoryID: "repo-1", Since: ms(2)}, []string{"dep_07", "dep_04"}},
			} {
				for _, limit := range []int{1, 2, 50} {
					b.equal(fmt.Sprintf("%s by %d", c.name, limit), deploymentIDs(b.deployments(tenant, limit, c.q)), c.want)
				}
			}
		}},
		{"deployments/a page ends where its payloads come to 1 MiB", func(b *bench) {
			tenant := b.tenant()
			var want []webhook.Deployment
			for i := range 9 {
				d := b.deployment(tenant, fmt.Sprint("dep_", i), -time.Duration(i)*time.Millisecond)
				d.Payload = bytes.Repeat([]byte{byte(i)}, 290<<10)
				d.RegisteredAt = b.now.Add(time.Minute - time.Duration(i)*time.Millisecond)
				want = append(want, b.registered(d))
			}
			first := must(b.s.Deployments(b.Context(), tenant, webhook.DeploymentQuery{Page: webhook.Page{Limit: 100}}))(b)
			if n := len(first.Items); n < 3 || n > 4 || first.Next == "" {
				b.Errorf("got a first page of %d and cursor %q, want 3 or 4 and one", n, first.Next)
			}
			b.equal("all", b.deployments(tenant, 100, webhook.DeploymentQuery{}), want)
		}},
		{"deployments/what is added meanwhile does not disturb paging", func(b *bench) {
			tenant := b.tenant()
			for i := range 4 {
				b.registered(b.deployment(tenant, fmt.Sprint("dep_", i), time.Duration(i)*time.Millisecond))
			}
			q := webhook.DeploymentQuery{Page: webhook.Page{Limit: 2}}
			first := must(b.s.Deployments(b.Context(), tenant, q))(b)
			b.registered(b.deployment(tenant, "dep_new", time.Hour))
			q.Page.Cursor = first.Next
			second := must(b.s.Deployments(b.Context(), tenant, q))(b)
			b.equal("pages", deploymentIDs(append(first.Items, second.Items...)), []string{"dep_3", "dep_2", "dep_1", "dep_0"})
		}},
		{"deployment/another tenant's is not found and not touched", func(b *bench) {
			d, stranger := b.registered(b.deployment(b.tenant(), "dep_1", 0)), b.tenant()
			_, err := b.s.Deployment(b.Context(), stranger, d.ID)
			b.notFound("Deployment", err)
			b.equal("Deployments", b.deployments(stranger, 5, webhook.DeploymentQuery{}), []webhook.Deployment{})
			theirs := b.deployment(stranger, d.ID, time.Millisecond)
			theirs.Environment = "theirs"
			b.registered(theirs)
			b.equal("the owner's", must(b.s.Deployment(b.Context(), d.Tenant, d.ID))(b), d)
			b.equal("theirs", must(b.s.Deployment(b.Context(), stranger, d.ID))(b), theirs)
			b.ok(b.s.DeleteTenant(b.Context(), stranger))
			b.equal("listed", b.deployments(d.Tenant, 5, webhook.DeploymentQuery{}), []webhook.Deployment{d})
		}},
		{"deployment/those of a deleted tenant are out of reach, also for the next one of that id", func(b *bench) {
			t, k := b.newTenant()
			b.ok(b.s.CreateTenant(b.Context(), t, k))
			old := b.registered(b.deployment(t.ID, "dep_1", 0))
			b.registered(b.deployment(t.ID, "dep_2", time.Second))
			b.ok(b.s.DeleteTenant(b.Context(), t.ID))
			unreachable := func(when string) {
				b.Helper()
				_, err := b.s.Deployment(b.Context(), t.ID, old.ID)
				b.notFound("deployment "+when, err)
				b.equal("deployments "+when, b.deployments(t.ID, 5, webhook.DeploymentQuery{}), []webhook.Deployment{})
				b.equal("deployments since then "+when, b.deployments(t.ID, 5, webhook.DeploymentQuery{Since: b.now}), []webhook.Deployment{})
			}
			unreachable("after deletion")
			t.CreatedAt = b.now.Add(time.Minute)
			b.ok(b.s.CreateTenant(b.Context(), t, k))
			unreachable("of the new tenant")
			first := b.registered(b.deployment(t.ID, old.ID, time.Minute))
			b.equal("the new tenant's own", must(b.s.Deployment(b.Context(), t.ID, old.ID))(b), first)
			b.equal("its list", b.deployments(t.ID, 5, webhook.DeploymentQuery{}), []webhook.Deployment{first})
		}},
		{"deployment/needs no tenant to be stored", func(b *bench) {
			t, k := b.newTenant()
			d := b.registered(b.deployment(t.ID, "dep_1", 0))
			b.registers("again", d, d, false)
			_, err := b.s.Deployment(b.Context(), t.ID, d.ID)
			b.notFound("without a tenant", err)
			b.ok(b.s.CreateTenant(b.Context(), t, k)) // created at the moment it was registered
			b.equal("with it", must(b.s.Deployment(b.Context(), t.ID, d.ID))(b), d)
			b.equal("listed", b.deployments(t.ID, 5, webhook.DeploymentQuery{}), []webhook.Deployment{d})
		}},
		{"deployment/ids that would join alike stay apart", func(b *bench) {
			x := webhook.NewID("t_", b.now)
			for _, sep := range []string{":", "_", "-"} {
				for _, tenant := range []string{x + sep, x + sep + "y"} {
					t, k := b.newTenant()
					t.ID, k.Tenant = tenant, tenant
					b.ok(b.s.CreateTenant(b.Context(), t, k))
				}
				b.registered(b.deployment(x+sep, "y"+sep+"z", 0))
				b.registered(b.deployment(x+sep+"y", sep+"z", 0))
				b.registered(b.deployment(x+sep+"y", "z", 0))
				b.equal("of "+sep, deploymentIDs(b.deployments(x+sep, 5, webhook.DeploymentQuery{})), []string{"y" + sep + "z"})
				b.equal("of "+sep+"y", len(b.deployments(x+sep+"y", 5, webhook.DeploymentQuery{})), 2)
			}
		}},
	}
}
