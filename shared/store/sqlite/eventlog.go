package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"hookline/shared/sqlitedb"
	"hookline/shared/store/record"
	"hookline/shared/webhook"
)

// PutLogItem stores the item if the stored one's Rev is one less.
func (s *Store) PutLogItem(ctx context.Context, it webhook.LogItem) (webhook.LogItem, bool, error) {
	there := webhook.LogItem{Tenant: it.Tenant, Request: it.Request}
	var stored bool
	var expires int64
	err := s.writeSure(ctx, func(tx *sqlitedb.Tx) (err error) {
		if it.Rev == 1 {
			stored, err = done(tx.Exec(`INSERT INTO event_log (tenant, request, rev, expires_at, events, record) VALUES (?, ?, 1, ?, ?, ?)
				ON CONFLICT DO NOTHING`, it.Tenant, it.Request, record.Millis(it.ExpiresAt), it.Events, it.Record))
		}
		if err == nil && !stored {
			err = tx.QueryRow(`SELECT rev, expires_at, events, record FROM event_log WHERE tenant = ? AND request = ?`, it.Tenant, it.Request).
				Scan(&there.Rev, &expires, &there.Events, &there.Record)
			if errors.Is(err, sql.ErrNoRows) {
				return nil
			}
		}
		if err == nil && it.Rev > 1 && there.Rev == it.Rev-1 {
			stored = true
			_, err = tx.Exec(`UPDATE event_log SET rev = ?, expires_at = ?, events = ?, record = ? WHERE tenant = ? AND request = ?`,
				it.Rev, record.Millis(it.ExpiresAt), it.Events, it.Record, it.Tenant, it.Request)
		}
		if err != nil || !stored {
			return err
		}
		return addUsage(tx, it.Tenant, webhook.Usage{Day: webhook.DayOf(webhook.EntryTime(it.Request)), Events: it.Events - there.Events})
	})
	if err != nil {
		return webhook.LogItem{}, false, err
	}
	if stored {
		return it, true, nil
	}
	there.ExpiresAt = record.Time(expires)
	return there, false, nil
}

// LogItem reads an item that was accepted while its tenant existed.
func (s *Store) LogItem(ctx context.Context, tenant, request string) (webhook.LogItem, error) {
	it := webhook.LogItem{Tenant: tenant, Request: request}
	since, found, err := s.tenantSince(ctx, tenant)
	if err != nil {
		return webhook.LogItem{}, err
	}
	var expires int64
	if found && request >= webhook.FirstEntry(time.UnixMilli(since)) {
		found, err = s.row(ctx, `SELECT rev, expires_at, events, record FROM event_log WHERE tenant = ? AND request = ?`,
			[]any{tenant, request}, &it.Rev, &expires, &it.Events, &it.Record)
		if err != nil {
			return webhook.LogItem{}, err
		}
	} else {
		found = false
	}
	if !found {
		return webhook.LogItem{}, webhook.ErrNotFound("event")
	}
	it.ExpiresAt = record.Time(expires)
	return it, nil
}

// LogItems lists items in the order of Request, or the reverse.
func (s *Store) LogItems(ctx context.Context, tenant string, r webhook.LogRange) ([]webhook.LogItem, bool, error) {
	since, found, err := s.tenantSince(ctx, tenant)
	if err != nil || !found {
		return nil, false, err
	}
	query := `SELECT request, rev, expires_at, events, record FROM event_log WHERE tenant = ? AND request >= ?`
	args := []any{tenant, max(r.From, webhook.FirstEntry(time.UnixMilli(since)))}
	if r.Before != "" {
		query += ` AND request < ?`
		args = append(args, r.Before)
	}
	order := ` ORDER BY request DESC`
	if r.OldestFirst {
		order = ` ORDER BY request`
	}
	var items []webhook.LogItem
	more := false
	err = s.rows(ctx, query+order, args, func(scan func(...any) error) (bool, error) {
		if len(items) == r.Limit {
			more = true
			return false, nil
		}
		it := webhook.LogItem{Tenant: tenant}
		var expires int64
		if err := scan(&it.Request, &it.Rev, &expires, &it.Events, &it.Record); err != nil {
			return false, err
		}
		it.ExpiresAt = record.Time(expires)
		items = append(items, it)
		return true, nil
	})
	if err != nil {
		return nil, false, err
	}
	return items, more, nil
}
