package sqlite

import (
	"context"

	"hookline/shared/sqlitedb"
	"hookline/shared/store/cursor"
	"hookline/shared/store/record"
	"hookline/shared/webhook"
)

// CreateReplay stores a replay job.
func (s *Store) CreateReplay(ctx context.Context, r webhook.Replay) error {
	return s.write(ctx, func(tx *sqlitedb.Tx) error {
		if err := needTenant(tx, r.Tenant); err != nil {
			return err
		}
		isNew, err := done(tx.Exec(`INSERT INTO replay (tenant, id, version, created_at, expires_at, record) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
			r.Tenant, r.ID, r.Version, record.Millis(r.CreatedAt), record.Millis(r.ExpiresAt), record.EncodeReplay(r)))
		if err == nil && !isNew {
			return webhook.ErrConflict("replay-exists", "a replay with this id exists")
		}
		return err
	})
}

// Replay reads a replay job that was created while its tenant existed.
func (s *Store) Replay(ctx context.Context, tenant, id string) (webhook.Replay, error) {
	var version, created int64
	var rec []byte
	found, err := s.row(ctx, `SELECT r.version, r.created_at, r.record FROM replay r JOIN tenant t ON t.id = r.tenant
		WHERE r.tenant = ? AND r.id = ? AND r.created_at >= t.created_at`, []any{tenant, id}, &version, &created, &rec)
	if err != nil {
		return webhook.Replay{}, err
	}
	if !found {
		return webhook.Replay{}, webhook.ErrNotFound("replay")
	}
	return decodeReplay(tenant, id, version, created, rec)
}

func decodeReplay(tenant, id string, version, created int64, rec []byte) (webhook.Replay, error) {
	r, err := record.DecodeReplay(webhook.Replay{Tenant: tenant, ID: id, Version: version, CreatedAt: record.Time(created)}, rec)
	if err != nil {
		return webhook.Replay{}, internal(err)
	}
	return r, nil
}

// Replays lists a tenant's replay jobs, those of one webhook, or those of all tenants, newest id first.
func (s *Store) Replays(ctx context.Context, tenant, hook string, page webhook.Page) (webhook.List[webhook.Replay], error) {
	list := "replays/" + tenant + "/" + hook
	query := `SELECT tenant, id, version, created_at, record FROM replay WHERE created_at >= (SELECT created_at FROM tenant WHERE id = replay.tenant)`
	var args []any
	if tenant != "" {
		query += ` AND tenant = ?`
		args = append(args, tenant)
	}
	at, err := cursor.Read(list, page.Cursor, 2)
	if err != nil {
		return webhook.List[webhook.Replay]{}, err
	}
	if at != nil {
		query += ` AND (id, tenant) < (?, ?)`
		args = append(args, at[0], at[1])
	}
	p := cursor.NewPage[webhook.Replay](page)
	return p.Answer(s.rows(ctx, query+` ORDER BY id DESC, tenant DESC`, args, func(scan func(...any) error) (bool, error) {
		if p.Full() {
			return false, nil
		}
		var of, id string
		var version, created int64
		var rec []byte
		if err := scan(&of, &id, &version, &created, &rec); err != nil {
			return false, err
		}
		r, err := decodeReplay(of, id, version, created, rec)
		if err != nil {
			return false, err
		}
		if p.Saw(func() string { return cursor.Make(list, id, of) }); hook == "" || r.Webhook == hook {
			p.List.Items = append(p.List.Items, r)
		}
		return true, nil
	}))
}

// UpdateReplay stores the job if the stored one's Version is r.Version.
func (s *Store) UpdateReplay(ctx context.Context, r webhook.Replay) error {
	return s.write(ctx, func(tx *sqlitedb.Tx) error {
		saved, err := done(tx.Exec(`UPDATE replay SET version = version + 1, expires_at = ?, record = ? WHERE tenant = ? AND id = ? AND version = ?`,
			record.Millis(r.ExpiresAt), record.EncodeReplay(r), r.Tenant, r.ID, r.Version))
		if err == nil && !saved {
			return errChanged()
		}
		return err
	})
}
