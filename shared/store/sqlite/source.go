package sqlite

import (
	"context"

	"hookline/shared/sqlitedb"
	"hookline/shared/store/cursor"
	"hookline/shared/store/record"
	"hookline/shared/webhook"
)

// CreateSource stores a source.
func (s *Store) CreateSource(ctx context.Context, src webhook.Source) error {
	return s.write(ctx, func(tx *sqlitedb.Tx) error {
		if err := needTenant(tx, src.Tenant); err != nil {
			return err
		}
		isNew, err := done(tx.Exec(`INSERT INTO source (id, tenant, record) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`,
			src.ID, src.Tenant, record.EncodeSource(src)))
		if err == nil && !isNew {
			return webhook.ErrConflict("source-exists", "a source with this id exists")
		}
		return err
	})
}

// SourceByID finds a source of any tenant.
func (s *Store) SourceByID(ctx context.Context, id string) (webhook.Source, error) {
	return s.source(ctx, `SELECT tenant, record FROM source WHERE id = ?`, id)
}

// Source reads a tenant's source.
func (s *Store) Source(ctx context.Context, tenant, id string) (webhook.Source, error) {
	return s.source(ctx, `SELECT tenant, record FROM source WHERE id = ? AND tenant = ?`, id, tenant)
}

func (s *Store) source(ctx context.Context, query, id string, more ...any) (webhook.Source, error) {
	var tenant string
	var rec []byte
	found, err := s.row(ctx, query, append([]any{id}, more...), &tenant, &rec)
	if err != nil {
		return webhook.Source{}, err
	}
	if !found {
		return webhook.Source{}, webhook.ErrNotFound("source")
	}
	return decodeSource(tenant, id, rec)
}

func decodeSource(tenant, id string, rec []byte) (webhook.Source, error) {
	src, err := record.DecodeSource(tenant, id, rec)
	if err != nil {
		return webhook.Source{}, internal(err)
	}
	return src, nil
}

// Sources lists a tenant's sources, newest id first.
func (s *Store) Sources(ctx context.Context, tenant string, page webhook.Page) (webhook.List[webhook.Source], error) {
	list := "sources/" + tenant
	query, args, err := belowCursor(`SELECT id, record FROM source WHERE tenant = ?`, list, tenant, page)
	if err != nil {
		return webhook.List[webhook.Source]{}, err
	}
	p := cursor.NewPage[webhook.Source](page)
	err = s.rows(ctx, query, args, func(scan func(...any) error) (bool, error) {
		if p.Full() {
			return false, nil
		}
		var id string
		var rec []byte
		if err := scan(&id, &rec); err != nil {
			return false, err
		}
		src, err := decodeSource(tenant, id, rec)
		if err != nil {
			return false, err
		}
		p.List.Items = append(p.List.Items, src)
		p.Saw(func() string { return cursor.Make(list, id) })
		return true, nil
	})
	return p.Answer(err)
}

// DeleteSource removes a source.
func (s *Store) DeleteSource(ctx context.Context, tenant, id string) error {
	return s.write(ctx, func(tx *sqlitedb.Tx) error {
		found, err := done(tx.Exec(`DELETE FROM source WHERE id = ? AND tenant = ?`, id, tenant))
		if err == nil && !found {
			return webhook.ErrNotFound("source")
		}
		return err
	})
}
