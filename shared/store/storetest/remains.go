package storetest

import (
	"fmt"
	"slices"
	"time"

	"hookline/shared/webhook"
)

func remainsChecks() []check {
	return []check{
		{"remains/webhooks that were deleted are listed, page by page, and no others", func(b *bench) {
			tenant, stranger := b.tenant(), b.tenant()
			b.created(tenant, "wh_there", "a.b")
			var want []string
			for i := range 5 {
				for _, of := range []string{tenant, stranger} {
					id := fmt.Sprintf("wh_%s_%d", of, i)
					b.created(of, id, "a.b")
					b.save(b.delivery(of, id, "evt_1", 0))
					b.ok(b.s.DeleteWebhook(b.Context(), webhook.Ref{Tenant: of, ID: id}))
				}
				want = append(want, fmt.Sprintf("wh_%s_%d", tenant, i))
			}
			var got []string
			for page := (webhook.Page{Limit: 2}); ; {
				l := must(b.s.DeletedWebhooks(b.Context(), tenant, page))(b)
				got = append(got, l.Items...)
				if page.Cursor = l.Next; l.Next == "" {
					break
				}
			}
			slices.Sort(got)
			b.equal("DeletedWebhooks", got, want)
		}},
		{"remains/what a deleted tenant left is found and dropped, page by page, and nothing else", func(b *bench) {
			tenant, stranger := b.tenant(), b.tenant()
			for _, of := range []string{tenant, stranger} {
				for i := range 3 {
					id := fmt.Sprintf("wh_%d", i)
					b.created(of, id, "a.b")
					for n := range 4 {
						b.save(b.delivery(of, id, fmt.Sprintf("evt_%d", n), time.Duration(n)*time.Second))
					}
				}
				for n := range 7 {
					request := webhook.FirstEntry(b.now.Add(time.Duration(n) * time.Second))
					must2(b.s.PutLogItem(b.Context(), webhook.LogItem{Tenant: of, Request: request, Rev: 1, Events: 1, Record: []byte("x"), ExpiresAt: b.now.Add(time.Hour)}))(b)
				}
				for n := range 3 {
					d := webhook.Deployment{Tenant: of, ID: fmt.Sprintf("dep_%d", n), RegisteredAt: b.now, ExpiresAt: b.now.Add(time.Hour)}
					must2(b.s.CreateDeployment(b.Context(), d))(b)
					b.ok(b.s.CreateReplay(b.Context(), webhook.Replay{
						Tenant: of, ID: fmt.Sprintf("rpl_%d", n), Webhook: "wh_1", Version: 1, CreatedAt: b.now, ExpiresAt: b.now.Add(time.Hour),
					}))
				}
			}
			b.ok(b.s.DeleteTenant(b.Context(), tenant))
			later := b.delivery(tenant, "wh_0", "evt_later", time.Minute) // of another tenant that gets the id
			b.save(later)
			var r webhook.Remains
			log, deliveries, deployments, replays := 0, 0, 0, 0
			for page := (webhook.Page{Limit: 2}); ; page.Cursor = r.Next {
				r = must(b.s.Remains(b.Context(), tenant, b.now.Add(time.Minute), page))(b)
				log, deliveries = log+len(r.Log), deliveries+len(r.Deliveries)
				deployments, replays = deployments+len(r.Deployments), replays+len(r.Replays)
				b.ok(b.s.DropRemains(b.Context(), r))
				if r.Next == "" {
					break
				}
			}
			b.equal("dropped", []int{log, deliveries, deployments, replays}, []int{7, 12, 3, 3})
			again := must(b.s.Remains(b.Context(), tenant, b.now.Add(time.Minute), webhook.Page{}))(b)
			b.equal("left", len(again.Log)+len(again.Deliveries)+len(again.Deployments)+len(again.Replays), 0)
			_, records, err := b.s.Load(b.Context(), nil, []webhook.DeliveryKey{later.DeliveryKey})
			b.ok(err)
			b.equal("of a later tenant", len(records), 1)
			b.equal("another tenant's deliveries", len(b.deliveries(stranger, 100, webhook.DeliveryQuery{})), 12)
			items, _, err := b.s.LogItems(b.Context(), stranger, webhook.LogRange{Limit: 100})
			b.ok(err)
			b.equal("another tenant's log", len(items), 7)
			b.equal("another tenant's deployments", len(must(b.s.Deployments(b.Context(), stranger, webhook.DeploymentQuery{}))(b).Items), 3)
			b.equal("another tenant's jobs", len(must(b.s.Replays(b.Context(), stranger, "", webhook.Page{}))(b).Items), 3)
		}},
	}
}
