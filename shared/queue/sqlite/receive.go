package sqlite

import (
	"context"
	"fmt"
	"time"

	"hookline/shared/queue"
	"hookline/shared/sqlitedb"
)

// chunk is how many messages are read at a time if there may be any number.
const chunk = 1000

// sweepEvery is the least time between two searches for messages past their retention, in real time. Such a message is
// not given out in the meantime.
const sweepEvery = time.Minute

// Receive returns up to most (1 to queue.MaxBatch) visible messages and hides them for the visibility timeout. If there
// are none it waits in real time, at most Options.MaxWait. When the wait or ctx ends it returns no messages and no error.
// At the in-flight cap there are no messages, as with SQS.
func (q *Queue) Receive(ctx context.Context, most int, wait time.Duration) ([]queue.Received, error) {
	if most < 1 || most > queue.MaxBatch || wait < 0 || wait > q.engine.maxWait {
		return nil, fmt.Errorf("receive of %d in %v: %w", most, wait, queue.ErrRefused)
	}
	end := time.NewTimer(wait)
	defer end.Stop()
	for ctx.Err() == nil {
		var got []queue.Received
		var wake chan struct{}
		var next int64
		err := q.engine.write(ctx, func(tx *sqlitedb.Tx) (err error) {
			got, err = q.take(tx, most)
			wake, next = q.wake, q.next
			return err
		})
		if ctx.Err() != nil && err != nil {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("receive from %s: %w", q.name, err)
		}
		if len(got) > 0 || wait == 0 {
			return got, nil
		}
		again, err := q.linger(ctx, end, wake, next)
		if !again {
			return nil, err
		}
	}
	return nil, nil
}

// linger waits until there may be a message, and reports whether to look again.
func (q *Queue) linger(ctx context.Context, end *time.Timer, wake <-chan struct{}, next int64) (bool, error) {
	var due <-chan time.Time
	if next != never {
		t := time.NewTimer(q.engine.until(next))
		defer t.Stop()
		due = t.C
	}
	select {
	case <-wake:
		return true, nil
	case <-due:
		return true, nil
	case <-end.C:
		return false, nil
	case <-ctx.Done():
		return false, nil
	case <-q.engine.closed:
		return false, sqlitedb.ErrClosed
	}
}

// advance makes the messages visible that are due, and deletes those past their retention.
func (q *Queue) advance(tx *sqlitedb.Tx, now int64) error {
	if err := q.promote(tx, now); err != nil {
		return err
	}
	return q.expire(tx, now)
}

// entry is a message, as far as a change of its state needs to know.
type entry struct {
	seq   int64
	state state
	group string
}

func entries(tx *sqlitedb.Tx, query string, args ...any) ([]entry, error) {
	var out []entry
	err := each(tx, func(scan func(...any) error) error {
		var m entry
		if err := scan(&m.seq, &m.state, &m.group); err != nil {
			return err
		}
		out = append(out, m)
		return nil
	}, query, args...)
	return out, err
}

func (q *Queue) promote(tx *sqlitedb.Tx, now int64) error {
	for q.next <= now {
		due, err := entries(tx, `SELECT seq, state, grp FROM message WHERE queue = ? AND state <> 0 AND at <= ? ORDER BY at LIMIT ?`,
			q.id, now, chunk)
		if err != nil {
			return err
		}
		for _, m := range due {
			if _, err := tx.Exec(`UPDATE message SET state = 0 WHERE seq = ?`, m.seq); err != nil {
				return err
			}
			q.shift(m.group, m.state, visible, 1)
		}
		err = tx.QueryRow(`SELECT ifnull(min(at), ?) FROM message WHERE queue = ? AND state <> 0`, int64(never), q.id).Scan(&q.next)
		if err != nil {
			return err
		}
	}
	return nil
}

func (q *Queue) expire(tx *sqlitedb.Tx, now int64) error {
	if now < q.expiry {
		return nil
	}
	retention := q.cfg.Retention.Milliseconds()
	for {
		old, err := entries(tx, `SELECT seq, state, grp FROM message WHERE queue = ? AND sent <= ? LIMIT ?`, q.id, now-retention, chunk)
		if err != nil {
			return err
		}
		for _, m := range old {
			if err := q.drop(tx, m); err != nil {
				return err
			}
		}
		if len(old) < chunk {
			break
		}
	}
	var oldest int64
	err := tx.QueryRow(`SELECT ifnull(min(sent), ?) FROM message WHERE queue = ?`, never-retention, q.id).Scan(&oldest)
	q.expiry = max(oldest+retention, now+q.engine.clock.Span(sweepEvery).Milliseconds())
	return err
}

// drop deletes a message.
func (q *Queue) drop(tx *sqlitedb.Tx, m entry) error {
	if _, err := tx.Exec(`DELETE FROM message WHERE seq = ?`, m.seq); err != nil {
		return err
	}
	if _, err := tx.Exec(`DELETE FROM body WHERE seq = ?`, m.seq); err != nil {
		return err
	}
	q.shift(m.group, m.state, gone, 1)
	return nil
}

// take receives messages. It returns fewer than most only if there are no more or the in-flight cap is reached.
func (q *Queue) take(tx *sqlitedb.Tx, most int) ([]queue.Received, error) {
	now := q.engine.now()
	if err := q.advance(tx, now); err != nil {
		return nil, err
	}
	var got []queue.Received
	for len(got) < most && q.inFlight() < q.engine.maxInFlight {
		group, ok := q.fair.pick()
		if !ok {
			break
		}
		m, ok, err := q.receive(tx, group, now)
		if err != nil {
			return nil, err
		}
		if ok {
			got = append(got, m)
		}
	}
	return got, nil
}

// receive gives out the next message of a group, unless that one must go to the dead-letter queue or is past its
// retention.
func (q *Queue) receive(tx *sqlitedb.Tx, group string, now int64) (m queue.Received, ok bool, err error) {
	var seq, sent, first int64
	err = tx.QueryRow(`SELECT seq, sent, first, count, origin, body FROM message JOIN body USING (seq)
		WHERE queue = ? AND state = 0 AND grp = ? ORDER BY at, seq LIMIT 1`, q.id, group).Scan(&seq, &sent, &first, &m.ReceiveCount, &m.DeadLetterOf, &m.Body)
	if err != nil {
		return m, false, err
	}
	switch {
	case sent <= now-q.cfg.Retention.Milliseconds():
		return m, false, q.drop(tx, entry{seq: seq, state: visible, group: group})
	case q.cfg.DeadLetter != "" && m.ReceiveCount >= q.cfg.MaxReceive:
		return m, false, q.bury(tx, seq, group, sent, now)
	}
	// A worker's time is real: a clock that runs faster must not take the message away from it.
	until := now + max(milliseconds(q.engine.clock.Span(q.cfg.Visibility)), 1)
	if first == 0 {
		first = now
	}
	m.ReceiveCount++
	_, err = tx.Exec(`UPDATE message SET state = 2, at = ?, first = ?, received = ?, count = ? WHERE seq = ?`,
		until, first, now, m.ReceiveCount, seq)
	if err != nil {
		return m, false, err
	}
	q.shift(group, visible, working, 1)
	q.hidden(until)
	m.ID, m.Handle, m.Group = formatID(seq), formatHandle(seq, m.ReceiveCount), group
	m.SentAt, m.FirstReceived = time.UnixMilli(sent).UTC(), time.UnixMilli(first).UTC()
	return m, true, nil
}

// bury moves a message that was received too often to the dead-letter queue. The message keeps its id and age.
func (q *Queue) bury(tx *sqlitedb.Tx, seq int64, group string, sent, now int64) error {
	dead := q.engine.queues[q.cfg.DeadLetter]
	_, err := tx.Exec(`UPDATE message SET queue = ?, at = ?, origin = ? WHERE seq = ?`, dead.id, now, q.name, seq)
	if err != nil {
		return err
	}
	q.shift(group, visible, gone, 1)
	dead.shift(group, gone, visible, 1)
	dead.aged(sent)
	dead.notify()
	return nil
}
