package sqlite

import (
	"context"
	"fmt"
	"strconv"
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
		var p *poll
		var next int64
		err := q.engine.writeLazy(ctx, func(tx *sqlitedb.Tx) (err error) {
			if got, err = q.take(tx, most); err == nil && len(got) == 0 && wait > 0 {
				p, next = q.wait(), q.next
			}
			q.notify() // of what is left
			return err
		})
		if err != nil && p != nil {
			p.over.Store(true)
		}
		if ctx.Err() != nil && err != nil {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("receive from %s: %w", q.name, err)
		}
		if p == nil {
			return got, nil
		}
		again, err := q.linger(ctx, end, p.wake, next)
		woken := !p.over.CompareAndSwap(false, true)
		if again {
			continue
		}
		if woken { // as it ended: another takes what it was woken for
			_ = q.engine.write(context.WithoutCancel(ctx), func(*sqlitedb.Tx) error {
				q.notify()
				return nil
			})
		}
		return nil, err
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
	retention := q.cfg.Retention.Milliseconds()
	if q.oldest > now-retention || now < q.swept {
		return nil
	}
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
	q.swept = now + q.engine.clock.Span(sweepEvery).Milliseconds()
	err := tx.QueryRow(`SELECT ifnull(min(sent), ?) FROM message WHERE queue = ?`, int64(never), q.id).Scan(&q.oldest)
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
	for len(got) < most {
		turns := q.turns(most - len(got))
		if len(turns) == 0 {
			break
		}
		some, err := q.receive(tx, turns, now)
		if err != nil {
			return nil, err
		}
		got = append(got, some...)
	}
	return got, nil
}

// turns returns the groups of the next messages, up to n of them, and counts these messages as being worked on.
func (q *Queue) turns(n int) (groups []string) {
	for len(groups) < n && q.inFlight() < q.engine.maxInFlight {
		group, ok := q.fair.pick()
		if !ok {
			break
		}
		q.shift(group, visible, working, 1)
		groups = append(groups, group)
	}
	return groups
}

// receive gives out the next messages of the groups, but for those that must go to the dead-letter queue or are past
// their retention.
func (q *Queue) receive(tx *sqlitedb.Tx, turns []string, now int64) ([]queue.Received, error) {
	waiting := make(map[string][]queue.Received)
	for _, group := range turns {
		if _, ok := waiting[group]; ok {
			continue
		}
		n := 0
		for _, other := range turns {
			if other == group {
				n++
			}
		}
		var err error
		if waiting[group], err = q.first(tx, group, n, now); err != nil {
			return nil, err
		}
	}
	// A worker's time is real: a clock that runs faster must not take the message away from it.
	until := now + max(milliseconds(q.engine.clock.Span(q.cfg.Visibility)), 1)
	args := []any{until, now, now}
	var got []queue.Received
	for _, group := range turns {
		if len(waiting[group]) == 0 {
			continue
		}
		got, waiting[group] = append(got, waiting[group][0]), waiting[group][1:]
		seq, _, _ := parseHandle(got[len(got)-1].Handle)
		args = append(args, seq)
	}
	if len(got) == 0 {
		return nil, nil
	}
	_, err := tx.Exec(`UPDATE message SET state = 2, at = ?, first = CASE first WHEN 0 THEN ? ELSE first END, received = ?, count = count + 1
		WHERE seq IN (`+list("?", len(got))+`)`, args...)
	q.hidden(until)
	return got, err
}

// first reads the n messages of a group that are next, of which it gives back those that can be given out. The limit is part
// of the statement's text: SQLite plans a statement anew whenever the value of a limit changes.
func (q *Queue) first(tx *sqlitedb.Tx, group string, n int, now int64) ([]queue.Received, error) {
	var out []queue.Received
	var old, dead []entry
	var sent []int64 // of the dead
	read := 0
	err := each(tx, func(scan func(...any) error) error {
		var m queue.Received
		e := entry{state: visible, group: group}
		var at, first int64
		if err := scan(&e.seq, &at, &first, &m.ReceiveCount, &m.DeadLetterOf, &m.Body); err != nil {
			return err
		}
		read++
		switch {
		case at <= now-q.cfg.Retention.Milliseconds():
			old = append(old, e)
		case q.cfg.DeadLetter != "" && m.ReceiveCount >= q.cfg.MaxReceive:
			dead, sent = append(dead, e), append(sent, at)
		default:
			if first == 0 {
				first = now
			}
			m.ReceiveCount++
			m.ID, m.Handle, m.Group = formatID(e.seq), formatHandle(e.seq, m.ReceiveCount), group
			m.SentAt, m.FirstReceived = time.UnixMilli(at).UTC(), time.UnixMilli(first).UTC()
			out = append(out, m)
		}
		return nil
	}, `SELECT seq, sent, first, count, origin, ifnull(body, (SELECT body.body FROM body WHERE body.seq = message.seq))
		FROM message WHERE queue = ? AND state = 0 AND grp = ? ORDER BY at, seq LIMIT `+strconv.Itoa(n), q.id, group)
	if err != nil {
		return nil, err
	}
	if read != n {
		return nil, fmt.Errorf("%s has %d visible messages of a group, and not %d", q.name, read, n)
	}
	q.shift(group, working, visible, len(old)+len(dead))
	for _, e := range old {
		if err := q.drop(tx, e); err != nil {
			return nil, err
		}
	}
	for i, e := range dead {
		if err := q.bury(tx, e.seq, group, sent[i], now); err != nil {
			return nil, err
		}
	}
	return out, nil
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
