package sqlite

import (
	"context"

	"hookline/shared/sqlitedb"
	"hookline/shared/store/cursor"
	"hookline/shared/store/record"
	"hookline/shared/webhook"
)

// CreateTenant stores a tenant and its first key.
func (s *Store) CreateTenant(ctx context.Context, t webhook.Tenant, k webhook.Key) error {
	return s.change(ctx, func(tx *sqlitedb.Tx) error {
		isNew, err := done(tx.Exec(`INSERT INTO tenant (id, version, created_at, record) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`,
			t.ID, t.Version, record.Millis(t.CreatedAt), record.EncodeTenant(t)))
		if err != nil {
			return err
		}
		if !isNew {
			return webhook.ErrConflict("tenant-exists", "a tenant with this id exists")
		}
		return insertKey(tx, k)
	})
}

// Tenant reads a tenant.
func (s *Store) Tenant(ctx context.Context, id string) (webhook.Tenant, error) {
	return known(s.settings, tenantID(id), func() (webhook.Tenant, error) { return s.tenant(ctx, id) })
}

func (s *Store) tenant(ctx context.Context, id string) (webhook.Tenant, error) {
	var version int64
	var rec []byte
	found, err := s.row(ctx, `SELECT version, record FROM tenant WHERE id = ?`, []any{id}, &version, &rec)
	if err != nil {
		return webhook.Tenant{}, err
	}
	if !found {
		return webhook.Tenant{}, webhook.ErrNotFound("tenant")
	}
	t, err := record.DecodeTenant(id, version, rec)
	if err != nil {
		return webhook.Tenant{}, internal(err)
	}
	return t, nil
}

// Tenants lists by id.
func (s *Store) Tenants(ctx context.Context, page webhook.Page) (webhook.List[webhook.Tenant], error) {
	const list = "tenants"
	at, err := cursor.Read(list, page.Cursor, 1)
	if err != nil {
		return webhook.List[webhook.Tenant]{}, err
	}
	after := ""
	if at != nil {
		after = at[0]
	}
	p := cursor.NewPage[webhook.Tenant](page)
	err = s.rows(ctx, `SELECT id, version, record FROM tenant WHERE id > ? ORDER BY id`, []any{after}, func(scan func(...any) error) (bool, error) {
		if p.Full() {
			return false, nil
		}
		var id string
		var version int64
		var rec []byte
		if err := scan(&id, &version, &rec); err != nil {
			return false, err
		}
		t, err := record.DecodeTenant(id, version, rec)
		if err != nil {
			return false, internal(err)
		}
		p.List.Items = append(p.List.Items, t)
		p.Saw(func() string { return cursor.Make(list, id) })
		return true, nil
	})
	return p.Answer(err)
}

// UpdateTenant replaces a tenant whose Version is still t's.
func (s *Store) UpdateTenant(ctx context.Context, t webhook.Tenant) error {
	return s.change(ctx, func(tx *sqlitedb.Tx) error {
		updated, err := done(tx.Exec(`UPDATE tenant SET version = version + 1, record = ? WHERE id = ? AND version = ?`,
			record.EncodeTenant(t), t.ID, t.Version))
		if err != nil || updated {
			return err
		}
		if err := needTenant(tx, t.ID); err != nil {
			return err
		}
		return errChanged()
	})
}

// DeleteTenant removes a tenant with all that belongs to it, except for deliveries, payloads, log items, replay jobs
// and deployments, which Expire removes in time.
func (s *Store) DeleteTenant(ctx context.Context, id string) error {
	return s.change(ctx, func(tx *sqlitedb.Tx) error {
		found, err := done(tx.Exec(`DELETE FROM tenant WHERE id = ?`, id))
		if err != nil {
			return err
		}
		if !found {
			return webhook.ErrNotFound("tenant")
		}
		for _, table := range []string{"api_key", "webhook", "subscription", "pace", "pin", "source", "usage"} {
			if _, err := tx.Exec(`DELETE FROM `+table+` WHERE tenant = ?`, id); err != nil {
				return err
			}
		}
		return nil
	})
}

// CreateKey stores a key.
func (s *Store) CreateKey(ctx context.Context, k webhook.Key) error {
	return s.change(ctx, func(tx *sqlitedb.Tx) error {
		if err := needTenant(tx, k.Tenant); err != nil {
			return err
		}
		return insertKey(tx, k)
	})
}

// KeyByHash finds a key of any tenant.
func (s *Store) KeyByHash(ctx context.Context, hash string) (webhook.Key, error) {
	return known(s.settings, keyHash(hash), func() (webhook.Key, error) { return s.keyByHash(ctx, hash) })
}

func (s *Store) keyByHash(ctx context.Context, hash string) (webhook.Key, error) {
	var tenant, id string
	var rec []byte
	found, err := s.row(ctx, `SELECT tenant, id, record FROM api_key WHERE hash = ?`, []any{hash}, &tenant, &id, &rec)
	if err != nil {
		return webhook.Key{}, err
	}
	if !found {
		return webhook.Key{}, webhook.ErrNotFound("key")
	}
	k, err := record.DecodeKey(tenant, id, hash, rec)
	if err != nil {
		return webhook.Key{}, internal(err)
	}
	return k, nil
}

// Keys lists a tenant's keys, newest id first.
func (s *Store) Keys(ctx context.Context, tenant string, page webhook.Page) (webhook.List[webhook.Key], error) {
	list := "keys/" + tenant
	query, args, err := belowCursor(`SELECT id, hash, record FROM api_key WHERE tenant = ?`, list, tenant, page)
	if err != nil {
		return webhook.List[webhook.Key]{}, err
	}
	p := cursor.NewPage[webhook.Key](page)
	err = s.rows(ctx, query, args, func(scan func(...any) error) (bool, error) {
		if p.Full() {
			return false, nil
		}
		var id, hash string
		var rec []byte
		if err := scan(&id, &hash, &rec); err != nil {
			return false, err
		}
		k, err := record.DecodeKey(tenant, id, hash, rec)
		if err != nil {
			return false, internal(err)
		}
		p.List.Items = append(p.List.Items, k)
		p.Saw(func() string { return cursor.Make(list, id) })
		return true, nil
	})
	return p.Answer(err)
}

// DeleteKey removes a key.
func (s *Store) DeleteKey(ctx context.Context, tenant, id string) error {
	return s.change(ctx, func(tx *sqlitedb.Tx) error {
		found, err := done(tx.Exec(`DELETE FROM api_key WHERE tenant = ? AND id = ?`, tenant, id))
		if err != nil {
			return err
		}
		if !found {
			return webhook.ErrNotFound("key")
		}
		return nil
	})
}

func insertKey(tx *sqlitedb.Tx, k webhook.Key) error {
	isNew, err := done(tx.Exec(`INSERT INTO api_key (tenant, id, hash, record) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`,
		k.Tenant, k.ID, k.Hash, record.EncodeKey(k)))
	if err != nil {
		return err
	}
	if !isNew {
		return webhook.ErrConflict("key-exists", "a key with this id exists")
	}
	return nil
}

// needTenant returns NotFound unless the tenant exists.
func needTenant(tx *sqlitedb.Tx, id string) error {
	var exists bool
	if err := tx.QueryRow(`SELECT EXISTS (SELECT 1 FROM tenant WHERE id = ?)`, id).Scan(&exists); err != nil {
		return err
	}
	if !exists {
		return webhook.ErrNotFound("tenant")
	}
	return nil
}

// belowCursor completes a query for a tenant's rows, newest id first, so that it begins at the page's cursor.
func belowCursor(query, list, tenant string, page webhook.Page) (string, []any, error) {
	at, err := cursor.Read(list, page.Cursor, 1)
	if err != nil {
		return "", nil, err
	}
	args := []any{tenant}
	if at != nil {
		query += ` AND id < ?`
		args = append(args, at[0])
	}
	return query + ` ORDER BY id DESC`, args, nil
}
