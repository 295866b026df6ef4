package sqlite

import (
	"context"
	"strconv"

	"hookline/shared/audit"
	"hookline/shared/sqlitedb"
	"hookline/shared/store/cursor"
	"hookline/shared/store/record"
	"hookline/shared/webhook"
)

// recorded returns fn followed by the write of the entry that ctx has, if it has one.
func recorded(ctx context.Context, fn func(*sqlitedb.Tx) error) func(*sqlitedb.Tx) error {
	e, ok := audit.Of(ctx)
	if !ok {
		return fn
	}
	return func(tx *sqlitedb.Tx) error {
		if err := fn(tx); err != nil {
			return err
		}
		return putAudit(tx, e)
	}
}

func putAudit(tx *sqlitedb.Tx, e audit.Entry) error {
	_, err := tx.Exec(`INSERT INTO audit (tenant, created_at, id, expires_at, record) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT DO UPDATE SET expires_at = excluded.expires_at, record = excluded.record`,
		e.Tenant, record.Millis(e.CreatedAt), e.ID, record.Millis(e.ExpiresAt), record.EncodeAudit(e))
	return err
}

// PutAudit stores an entry, or replaces it.
func (s *Store) PutAudit(ctx context.Context, e audit.Entry) error {
	return s.write(ctx, func(tx *sqlitedb.Tx) error { return putAudit(tx, e) })
}

// DropAudit removes an entry.
func (s *Store) DropAudit(ctx context.Context, e audit.Entry) error {
	return s.write(ctx, func(tx *sqlitedb.Tx) error {
		_, err := tx.Exec(`DELETE FROM audit WHERE tenant = ? AND created_at = ? AND id = ?`, e.Tenant, record.Millis(e.CreatedAt), e.ID)
		return err
	})
}

// AuditEntries lists by time, newest first, then by id.
func (s *Store) AuditEntries(ctx context.Context, tenant string, q audit.Query) (webhook.List[audit.Entry], error) {
	none := webhook.List[audit.Entry]{}
	list := "audit/" + tenant
	at, err := cursor.Read(list, q.Cursor, 2)
	if err != nil {
		return none, err
	}
	query, args := `SELECT created_at, id, record FROM audit WHERE tenant = ? AND created_at >= ?`, []any{tenant, record.Millis(q.Since)}
	if !q.Until.IsZero() {
		query += ` AND created_at < ?`
		args = append(args, record.Millis(q.Until))
	}
	if at != nil {
		ms, err := intPart(at[0])
		if err != nil {
			return none, err
		}
		query += ` AND (created_at, id) < (?, ?)`
		args = append(args, ms, at[1])
	}
	p := cursor.NewPage[audit.Entry](q.Page)
	err = s.rows(ctx, query+` ORDER BY created_at DESC, id DESC`, args, func(scan func(...any) error) (bool, error) {
		if p.Full() {
			return false, nil
		}
		var created int64
		var id string
		var rec []byte
		if err := scan(&created, &id, &rec); err != nil {
			return false, err
		}
		e, err := record.DecodeAudit(tenant, id, record.Time(created), rec)
		if err != nil {
			return false, internal(err)
		}
		p.Saw(func() string { return cursor.Make(list, strconv.FormatInt(created, 10), id) })
		if q.Matches(e) {
			p.List.Items = append(p.List.Items, e)
		}
		return true, nil
	})
	return p.Answer(err)
}
