package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"slices"

	"hookline/shared/sqlitedb"
)

// backlog is how many messages are counted before the engine starts. More are counted while it works, for a million of
// them take seconds. Until they are counted, they wait, unless a newer message of their group calls for the group's first.
const backlog = 2000

// recover makes visible what the last process was working on, and goes on with its move tasks.
func (e *Engine) recover() error {
	var many bool
	err := e.db.Write(context.Background(), func(tx *sqlitedb.Tx) error {
		if err := tx.QueryRow(`SELECT EXISTS (SELECT 1 FROM message LIMIT 1 OFFSET ?)`, backlog).Scan(&many); err != nil {
			return err
		}
		if many {
			_, err := e.names(tx)
			e.stale, e.lost = false, tx.Lost()
			return err
		}
		_, err := tx.Exec(`UPDATE message SET state = 0, at = ? WHERE state = 2`, e.now())
		return err
	})
	if err != nil {
		return err
	}
	if many {
		if err := e.countBeside(); err != nil {
			return err
		}
	} else {
		close(e.complete)
	}
	return e.write(context.Background(), func(tx *sqlitedb.Tx) error {
		running, err := all[int64](tx, `SELECT seq FROM move WHERE status = ?`, moveRunning)
		for _, seq := range running {
			e.tasks.Go(func() { e.runMove(seq) })
		}
		return err
	})
}

// counted waits until the messages that were there at the start have been counted.
func (e *Engine) counted(ctx context.Context) error {
	select {
	case <-e.complete:
		return nil
	case <-e.closed:
		return sqlitedb.ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
}

// countBeside counts the messages as they are now while the engine works. What the engine changes meanwhile, it notes in
// the same tallies, to which the counts of now are then added.
func (e *Engine) countBeside() error {
	ctx, cancel := context.WithCancel(context.Background())
	then, err := e.db.Read().BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err == nil {
		var n int
		err = then.QueryRowContext(ctx, `SELECT count(*) FROM queue`).Scan(&n) // a snapshot begins with its first read
	}
	if err != nil {
		cancel()
		return err
	}
	loads := e.loads
	e.tasks.Go(func() {
		<-e.closed
		cancel()
	})
	e.tasks.Go(func() {
		defer cancel()
		counts, working, err := count(ctx, then)
		if err = errors.Join(err, then.Rollback()); err == nil {
			err = e.write(ctx, func(*sqlitedb.Tx) error {
				e.add(counts, loads)
				return nil
			})
		}
		for some := range slices.Chunk(working, chunk) {
			if err == nil {
				err = e.write(ctx, func(tx *sqlitedb.Tx) error { return e.release(tx, some) })
			}
		}
		if err != nil && ctx.Err() == nil {
			_ = e.db.Write(ctx, func(*sqlitedb.Tx) error { e.stale = true; return nil }) // the next write reads all
		}
		close(e.complete)
	})
	return nil
}

// receipt is a receive of a message.
type receipt struct {
	seq   int64
	count int
}

// count counts all messages, and lists those that are being worked on.
func count(ctx context.Context, then *sql.Tx) (counts []held, working []receipt, err error) {
	rows, err := then.QueryContext(ctx, selectHeld)
	if err != nil {
		return nil, nil, err
	}
	for rows.Next() {
		var h held
		if err = h.read(rows.Scan); err != nil {
			break
		}
		counts = append(counts, h)
	}
	if err := errors.Join(err, rows.Err(), rows.Close()); err != nil {
		return nil, nil, err
	}
	rows, err = then.QueryContext(ctx, `SELECT seq, count FROM message WHERE state = 2`)
	if err != nil {
		return nil, nil, err
	}
	for rows.Next() {
		var r receipt
		if err = rows.Scan(&r.seq, &r.count); err != nil {
			break
		}
		working = append(working, r)
	}
	return counts, working, errors.Join(err, rows.Err(), rows.Close())
}

// add adds what was counted to the tallies, unless all tables have been read since.
func (e *Engine) add(counts []held, loads int) {
	if e.loads != loads {
		return
	}
	byID := make(map[int64]*Queue)
	for _, q := range e.queues {
		byID[q.id] = q
	}
	for _, h := range counts {
		byID[h.queue].add(h)
	}
	for _, q := range e.queues {
		q.notify()
	}
}

// release makes visible what the last process was working on.
func (e *Engine) release(tx *sqlitedb.Tx, receipts []receipt) error {
	byID := make(map[int64]*Queue)
	for _, q := range e.queues {
		byID[q.id] = q
	}
	for _, r := range receipts {
		var id int64
		var group string
		err := tx.QueryRow(`UPDATE message SET state = 0, at = ? WHERE seq = ? AND count = ? AND state = 2 RETURNING queue, grp`,
			e.now(), r.seq, r.count).Scan(&id, &group)
		if errors.Is(err, sql.ErrNoRows) {
			continue // its visibility timeout has ended
		}
		if err != nil {
			return err
		}
		byID[id].shift(group, working, visible, 1)
	}
	for _, q := range e.queues {
		q.notify()
	}
	return nil
}
