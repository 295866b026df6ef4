package sqlite

import (
	"context"
	"time"

	"hookline/shared/sqlitedb"
	"hookline/shared/store/cursor"
	"hookline/shared/store/record"
	"hookline/shared/webhook"
)

// DeletedWebhooks lists the webhooks that have deliveries and are not there.
func (s *Store) DeletedWebhooks(ctx context.Context, tenant string, page webhook.Page) (webhook.List[string], error) {
	list := "deleted/" + tenant
	at, err := cursor.Read(list, page.Cursor, 1)
	if err != nil {
		return webhook.List[string]{}, err
	}
	after := ""
	if at != nil {
		after = at[0]
	}
	p := cursor.NewPage[string](page)
	return p.Answer(s.rows(ctx, `SELECT DISTINCT d.webhook FROM delivery d WHERE d.tenant = ? AND d.webhook > ?
		AND NOT EXISTS (SELECT * FROM webhook w WHERE w.tenant = d.tenant AND w.id = d.webhook) ORDER BY d.webhook`,
		[]any{tenant, after}, func(scan func(...any) error) (bool, error) {
			var id string
			if p.Full() {
				return false, nil
			}
			if err := scan(&id); err != nil {
				return false, err
			}
			p.List.Items = append(p.List.Items, id)
			p.Saw(func() string { return cursor.Make(list, id) })
			return true, nil
		}))
}

// Remains returns some of each kind. It begins anew each time, because what it returned is gone by then.
func (s *Store) Remains(ctx context.Context, tenant string, before time.Time, page webhook.Page) (webhook.Remains, error) {
	const list = "remains"
	r := webhook.Remains{Tenant: tenant}
	if _, err := cursor.Read(list, page.Cursor, 0); err != nil {
		return r, err
	}
	ms, limit := record.Millis(before), cursor.Limit(page)
	err := s.rows(ctx, `SELECT request, rev, record FROM event_log WHERE tenant = ? AND request < ? LIMIT ?`,
		[]any{tenant, webhook.FirstEntry(before), limit}, func(scan func(...any) error) (bool, error) {
			it := webhook.LogItem{Tenant: tenant}
			err := scan(&it.Request, &it.Rev, &it.Record)
			r.Log = append(r.Log, it)
			return true, err
		})
	if err == nil {
		err = s.rows(ctx, `SELECT webhook, accepted_at, event, record FROM delivery WHERE tenant = ? AND accepted_at < ? LIMIT ?`,
			[]any{tenant, ms, limit}, func(scan func(...any) error) (bool, error) {
				k := webhook.DeliveryKey{Tenant: tenant}
				var accepted int64
				var rec []byte
				if err := scan(&k.Webhook, &accepted, &k.Event, &rec); err != nil {
					return false, err
				}
				k.AcceptedAt = record.Time(accepted)
				d, err := decodeDelivery(k, rec)
				r.Deliveries = append(r.Deliveries, d)
				return true, err
			})
	}
	if err == nil {
		err = s.rows(ctx, `SELECT id, registered_at FROM deployment WHERE tenant = ? AND registered_at < ? LIMIT ?`,
			[]any{tenant, ms, limit}, func(scan func(...any) error) (bool, error) {
				d := webhook.Deployment{Tenant: tenant}
				var at int64
				err := scan(&d.ID, &at)
				d.RegisteredAt = record.Time(at)
				r.Deployments = append(r.Deployments, d)
				return true, err
			})
	}
	if err == nil {
		err = s.rows(ctx, `SELECT id FROM replay WHERE tenant = ? AND created_at < ? LIMIT ?`,
			[]any{tenant, ms, limit}, func(scan func(...any) error) (bool, error) {
				j := webhook.Replay{Tenant: tenant}
				err := scan(&j.ID)
				r.Replays = append(r.Replays, j)
				return true, err
			})
	}
	if len(r.Log)+len(r.Deliveries)+len(r.Deployments)+len(r.Replays) > 0 {
		r.Next = cursor.Make(list)
	}
	return r, err
}

// DropRemains deletes them in one transaction.
func (s *Store) DropRemains(ctx context.Context, r webhook.Remains) error {
	return s.write(ctx, func(tx *sqlitedb.Tx) error {
		for _, it := range r.Log {
			if _, err := tx.Exec(`DELETE FROM event_log WHERE tenant = ? AND request = ?`, r.Tenant, it.Request); err != nil {
				return err
			}
		}
		for _, d := range r.Deliveries {
			if _, err := tx.Exec(`DELETE FROM delivery WHERE tenant = ? AND webhook = ? AND accepted_at = ? AND event = ?`,
				r.Tenant, d.Webhook, record.Millis(d.AcceptedAt), d.Event); err != nil {
				return err
			}
		}
		for _, d := range r.Deployments {
			if _, err := tx.Exec(`DELETE FROM deployment WHERE tenant = ? AND id = ? AND registered_at = ?`,
				r.Tenant, d.ID, record.Millis(d.RegisteredAt)); err != nil {
				return err
			}
		}
		for _, j := range r.Replays {
			if _, err := tx.Exec(`DELETE FROM replay WHERE tenant = ? AND id = ?`, r.Tenant, j.ID); err != nil {
				return err
			}
		}
		return nil
	})
}
