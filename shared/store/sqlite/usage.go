package sqlite

import (
	"context"
	"time"

	"hookline/shared/sqlitedb"
	"hookline/shared/store/record"
	"hookline/shared/webhook"
)

// addUsage adds to the tenant's usage of u.Day, in the transaction of what was done.
func addUsage(tx *sqlitedb.Tx, tenant string, u webhook.Usage) error {
	if u.Events == 0 && u.Deliveries == 0 && u.Attempts == 0 {
		return nil
	}
	_, err := tx.Exec(`INSERT INTO usage (tenant, day, events, deliveries, attempts) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (tenant, day) DO UPDATE SET events = events + excluded.events,
		deliveries = deliveries + excluded.deliveries, attempts = attempts + excluded.attempts`,
		tenant, record.Millis(u.Day), u.Events, u.Deliveries, u.Attempts)
	return err
}

// Usage reads the days. A tenant's are deleted with it.
func (s *Store) Usage(ctx context.Context, tenant string, since, until time.Time) ([]webhook.Usage, error) {
	var out []webhook.Usage
	err := s.rows(ctx, `SELECT u.day, u.events, u.deliveries, u.attempts FROM usage u JOIN tenant t ON t.id = u.tenant
		WHERE u.tenant = ? AND u.day >= ? AND u.day < ? ORDER BY u.day`,
		[]any{tenant, record.Millis(webhook.DayOf(since)), record.Millis(until)},
		func(scan func(...any) error) (bool, error) {
			var u webhook.Usage
			var day int64
			if err := scan(&day, &u.Events, &u.Deliveries, &u.Attempts); err != nil {
				return false, err
			}
			u.Day = record.Time(day)
			out = append(out, u)
			return true, nil
		})
	if err != nil {
		return nil, err
	}
	return out, nil
}
