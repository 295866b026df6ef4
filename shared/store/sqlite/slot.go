package sqlite

import (
	"context"
	"time"

	"hookline/shared/sqlitedb"
	"hookline/shared/webhook"
)

// ReserveSlots takes the webhook's next n slots and returns the time of the first.
func (s *Store) ReserveSlots(ctx context.Context, ref webhook.Ref, p webhook.Pace, n int, now time.Time) (time.Time, error) {
	span := p.Span(n)
	var end int64 // of the last slot taken, in Unix microseconds
	err := s.write(ctx, func(tx *sqlitedb.Tx) error {
		return tx.QueryRow(`INSERT INTO pace (tenant, webhook, setting, next_at, taken_at) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT DO UPDATE SET setting = excluded.setting, taken_at = excluded.taken_at, next_at = CASE
				WHEN setting = excluded.setting AND taken_at <= excluded.taken_at + ? THEN max(next_at + ?, excluded.next_at)
				ELSE excluded.next_at END
			RETURNING next_at`,
			ref.Tenant, ref.ID, p.String(), now.Add(span).UnixMicro(), now.UnixMicro(),
			webhook.ClockSkew.Microseconds(), span.Microseconds()).Scan(&end)
	})
	if err != nil {
		return time.Time{}, err
	}
	return time.UnixMicro(end).Add(-span.Truncate(time.Microsecond)).UTC(), nil
}
