package sqlite

import (
	"context"

	"hookline/shared/sqlitedb"
	"hookline/shared/store/cursor"
	"hookline/shared/store/record"
	"hookline/shared/webhook"
)

// PutDialect stores the next version of a dialect.
func (s *Store) PutDialect(ctx context.Context, d webhook.DialectVersion) error {
	rec := record.EncodeDialect(d)
	return s.write(ctx, func(tx *sqlitedb.Tx) error {
		var next bool
		var err error
		if d.Version == 1 {
			next, err = done(tx.Exec(`INSERT INTO dialect (name, version, deleted) VALUES (?, 1, 0) ON CONFLICT DO NOTHING`, d.Name))
		} else {
			next, err = done(tx.Exec(`UPDATE dialect SET version = ?, deleted = 0 WHERE name = ? AND version = ?`,
				d.Version, d.Name, d.Version-1))
		}
		if err != nil {
			return err
		}
		if !next {
			return errChanged()
		}
		_, err = tx.Exec(`INSERT INTO dialect_version (name, version, record) VALUES (?, ?, ?)`, d.Name, d.Version, rec)
		return err
	})
}

// DialectHead reads a name's newest version and whether the name was deleted.
func (s *Store) DialectHead(ctx context.Context, name string) (webhook.DialectHead, error) {
	h := webhook.DialectHead{Name: name}
	found, err := s.row(ctx, `SELECT version, deleted FROM dialect WHERE name = ?`, []any{name}, &h.Version, &h.Deleted)
	if err != nil {
		return webhook.DialectHead{}, err
	}
	if !found {
		return webhook.DialectHead{}, webhook.ErrNotFound("dialect")
	}
	return h, nil
}

// DialectVersion reads one version.
func (s *Store) DialectVersion(ctx context.Context, name string, version int) (webhook.DialectVersion, error) {
	var rec []byte
	found, err := s.row(ctx, `SELECT record FROM dialect_version WHERE name = ? AND version = ?`, []any{name, version}, &rec)
	if err != nil {
		return webhook.DialectVersion{}, err
	}
	if !found {
		return webhook.DialectVersion{}, webhook.ErrNotFound("dialect")
	}
	d, err := record.DecodeDialect(name, version, rec)
	if err != nil {
		return webhook.DialectVersion{}, internal(err)
	}
	return d, nil
}

// DialectHeads lists the names that are not deleted, by name.
func (s *Store) DialectHeads(ctx context.Context, page webhook.Page) (webhook.List[webhook.DialectHead], error) {
	const list = "dialects"
	at, err := cursor.Read(list, page.Cursor, 1)
	if err != nil {
		return webhook.List[webhook.DialectHead]{}, err
	}
	after := ""
	if at != nil {
		after = at[0]
	}
	p := cursor.NewPage[webhook.DialectHead](page)
	err = s.rows(ctx, `SELECT name, version FROM dialect WHERE name > ? AND deleted = 0 ORDER BY name`, []any{after},
		func(scan func(...any) error) (bool, error) {
			if p.Full() {
				return false, nil
			}
			var h webhook.DialectHead
			if err := scan(&h.Name, &h.Version); err != nil {
				return false, err
			}
			p.List.Items = append(p.List.Items, h)
			p.Saw(func() string { return cursor.Make(list, h.Name) })
			return true, nil
		})
	return p.Answer(err)
}

// DeleteDialect marks a name deleted if its newest version is that one.
func (s *Store) DeleteDialect(ctx context.Context, name string, version int) error {
	return s.write(ctx, func(tx *sqlitedb.Tx) error {
		deleted, err := done(tx.Exec(`UPDATE dialect SET deleted = 1 WHERE name = ? AND version = ? AND deleted = 0`, name, version))
		if err != nil || deleted {
			return err
		}
		var offered bool
		if err := tx.QueryRow(`SELECT EXISTS (SELECT 1 FROM dialect WHERE name = ? AND deleted = 0)`, name).Scan(&offered); err != nil {
			return err
		}
		if !offered {
			return webhook.ErrNotFound("dialect")
		}
		return errChanged()
	})
}
