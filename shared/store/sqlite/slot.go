package sqlite

import (
	"context"
	"time"

	"hookline/shared/sqlitedb"
	"hookline/shared/webhook"
)

// ReserveSlots takes the webhook's next n slots and returns the time of the first.
func (s *Store) ReserveSlots(ctx context.Context, ref webhook.Ref, perSecond, n int, now time.Time) (time.Time, error) {
	span := time.Duration(n) * time.Second / time.Duration(perSecond)
	var end int64 // of the last slot taken, in Unix microseconds
	err := s.write(ctx, "ReserveSlots", func(tx *sqlitedb.Tx) error {
		return tx.QueryRow(`INSERT INTO slot (tenant, webhook, next_at) VALUES (?, ?, ?)
			ON CONFLICT DO UPDATE SET next_at = max(next_at + ?, excluded.next_at) RETURNING next_at`,
			ref.Tenant, ref.ID, now.Add(span).UnixMicro(), span.Microseconds()).Scan(&end)
	})
	if err != nil {
		return time.Time{}, err
	}
	return time.UnixMicro(end).Add(-span.Truncate(time.Microsecond)).UTC(), nil
}
