package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"hookline/shared/sqlitedb"
	"hookline/shared/store/record"
)

// TakeLane takes the first of the n lanes that is free.
func (s *Store) TakeLane(ctx context.Context, name string, n int, now, until time.Time) (int, error) {
	var lane int
	err := s.write(ctx, func(tx *sqlitedb.Tx) error {
		err := tx.QueryRow(`WITH RECURSIVE lanes (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM lanes WHERE n + 1 < ?)
			SELECT n FROM lanes WHERE NOT EXISTS (SELECT * FROM lane WHERE name = ? AND lane = n AND until > ? AND until <= ?) LIMIT 1`,
			n, name, record.Millis(now), record.Millis(until.Add(until.Sub(now)))).Scan(&lane)
		if errors.Is(err, sql.ErrNoRows) {
			lane = -1
			return nil
		}
		if err != nil {
			return err
		}
		_, err = tx.Exec(`INSERT INTO lane (name, lane, until) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET until = excluded.until`,
			name, lane, record.Millis(until))
		return err
	})
	if err != nil {
		return -1, err
	}
	return lane, nil
}

// FreeLane gives back a lane.
func (s *Store) FreeLane(ctx context.Context, name string, lane int, until time.Time) error {
	return s.write(ctx, func(tx *sqlitedb.Tx) error {
		_, err := tx.Exec(`DELETE FROM lane WHERE name = ? AND lane = ? AND until = ?`, name, lane, record.Millis(until))
		return err
	})
}
