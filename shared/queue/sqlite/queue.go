package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"hookline/shared/queue"
	"hookline/shared/sqlitedb"
)

var _ queue.Queue = (*Queue)(nil)

// Queue is one of an Engine's queues. Its methods are safe for concurrent use. A call outside SQS's limits (a batch of
// more than 10, say) is refused whole with queue.ErrRefused. Single entries are refused with *queue.PartialError.
type Queue struct {
	engine *Engine
	name   string

	// The writer's own:
	tally
	id    int64
	cfg   QueueConfig
	polls []*poll // long polls that found nothing, the longest waiting first
}

// poll is a long poll that waits for a message.
type poll struct {
	wake chan struct{} // closed when it should look again
	over atomic.Bool   // it was woken, or it has ended
}

// Name returns the queue's name.
func (q *Queue) Name() string { return q.name }

// notify wakes as many long polls as there are batches of visible messages. They look by way of the writer, so they find
// what the present write changes, and wake others where something is left.
func (q *Queue) notify() {
	if q.inFlight() >= q.engine.maxInFlight {
		return
	}
	for left := q.count[visible]; left > 0 && len(q.polls) > 0; {
		p := q.polls[0]
		q.polls = q.polls[1:]
		if p.over.CompareAndSwap(false, true) {
			close(p.wake)
			left -= queue.MaxBatch
		}
	}
}

// wait returns a long poll that waits from now on.
func (q *Queue) wait() *poll {
	q.polls = slices.DeleteFunc(q.polls, func(p *poll) bool { return p.over.Load() })
	p := &poll{wake: make(chan struct{})}
	q.polls = append(q.polls, p)
	return p
}

// hidden notes when a message becomes visible, so that the long polls wake then.
func (q *Queue) hidden(at int64) {
	if at < q.next {
		q.next = at
		for _, p := range q.polls { // they wait for it from now on
			if p.over.CompareAndSwap(false, true) {
				close(p.wake)
			}
		}
		q.polls = nil
	}
}

// aged notes when a message was sent, so that it expires in time.
func (q *Queue) aged(sent int64) { q.oldest = min(q.oldest, sent) }

// Send puts up to queue.MaxBatch messages into the queue. If they are over queue.MaxBytes together, it returns
// queue.ErrTooLarge.
func (q *Queue) Send(ctx context.Context, msgs []queue.Outgoing) error {
	if len(msgs) > queue.MaxBatch {
		return fmt.Errorf("%d messages in one call: %w", len(msgs), queue.ErrRefused)
	}
	failed := make(map[int]error)
	size := 0
	for i, m := range msgs {
		if err := check(m); err != nil {
			failed[i] = err
			continue
		}
		size += len(m.Body)
	}
	if size > queue.MaxBytes {
		return fmt.Errorf("%d bytes in one call: %w", size, queue.ErrTooLarge)
	}
	if len(failed) < len(msgs) {
		if err := q.engine.write(ctx, func(tx *sqlitedb.Tx) error { return q.insert(tx, msgs, failed) }); err != nil {
			return fmt.Errorf("send to %s: %w", q.name, err)
		}
	}
	return partly(failed)
}

func (q *Queue) insert(tx *sqlitedb.Tx, msgs []queue.Outgoing, but map[int]error) error {
	now := q.engine.now()
	if err := q.advance(tx, now); err != nil {
		return err
	}
	var rows, bodies []any
	for i, m := range msgs {
		if but[i] != nil {
			continue
		}
		seq, at, s := q.engine.newSeq(), now, visible
		if m.Delay > 0 {
			at, s = now+milliseconds(m.Delay), delayed
		}
		body := any(m.Body)
		if len(m.Body) > maxRowBody {
			body = nil
			bodies = append(bodies, seq, m.Body)
		}
		rows = append(rows, seq, q.id, s, m.Group, at, now, body)
		q.shift(m.Group, gone, s, 1)
		if s == delayed {
			q.hidden(at)
		}
	}
	const row, body = `(?, ?, ?, ?, ?, ?, 0, 0, 0, '', ?)`, `(?, ?)`
	if _, err := tx.Exec(`INSERT INTO message (seq, queue, state, grp, at, sent, first, received, count, origin, body)
		VALUES `+list(row, len(rows)/7), rows...); err != nil {
		return err
	}
	if len(bodies) > 0 {
		if _, err := tx.Exec(`INSERT INTO body (seq, body) VALUES `+list(body, len(bodies)/2), bodies...); err != nil {
			return err
		}
	}
	q.aged(now)
	q.notify()
	return nil
}

// maxRowBody is the largest body, in bytes, that is in its message's row, which is rewritten at every receive.
const maxRowBody = 2000

// list repeats a part of a statement. There are as many texts of statements as there are sizes of batches.
func list(part string, n int) string { return strings.Repeat(part+", ", n-1) + part }

// check returns the reason why SQS would refuse a message, or nil.
func check(m queue.Outgoing) error {
	switch {
	case m.Body == "":
		return fmt.Errorf("empty body: %w", queue.ErrRefused)
	case len(m.Body) > queue.MaxBytes:
		return queue.ErrTooLarge
	case m.Delay < 0 || m.Delay > queue.MaxDelay:
		return fmt.Errorf("delay of %v: %w", m.Delay, queue.ErrRefused)
	case !utf8.ValidString(m.Body):
		return fmt.Errorf("body is not UTF-8: %w", queue.ErrRefused)
	}
	for i, r := range m.Body {
		if r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF {
			return fmt.Errorf("character %U at byte %d of the body: %w", r, i, queue.ErrRefused)
		}
	}
	return nil
}

// Delete removes up to queue.MaxBatch messages by the handles of their last receives, also when their visibility
// timeout has ended. An older handle is refused with queue.ErrStaleHandle, and its message stays. (SQS would report
// nothing.)
func (q *Queue) Delete(ctx context.Context, handles ...string) error {
	if len(handles) > queue.MaxBatch {
		return fmt.Errorf("%d handles in one call: %w", len(handles), queue.ErrRefused)
	}
	var failed map[int]error
	err := q.engine.write(ctx, func(tx *sqlitedb.Tx) error {
		failed = make(map[int]error)
		full := q.inFlight() >= q.engine.maxInFlight
		if err := q.remove(tx, handles, failed); err != nil {
			return err
		}
		if full {
			q.notify()
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("delete from %s: %w", q.name, err)
	}
	return partly(failed)
}

// remove deletes the messages whose handles are those of their last receives, and notes which are not.
func (q *Queue) remove(tx *sqlitedb.Tx, handles []string, failed map[int]error) error {
	index := make(map[string]int, len(handles))
	seqs := []any{q.id}
	for i, h := range handles {
		failed[i] = queue.ErrStaleHandle
		if seq, _, ok := parseHandle(h); ok {
			index[h] = i
			seqs = append(seqs, seq)
		}
	}
	if len(index) == 0 {
		return nil
	}
	var found, apart []any
	err := each(tx, func(scan func(...any) error) error {
		var m entry
		var count int
		var isApart bool
		if err := scan(&m.seq, &m.state, &m.group, &count, &isApart); err != nil {
			return err
		}
		i, ok := index[formatHandle(m.seq, count)]
		if !ok {
			return nil
		}
		delete(failed, i)
		found = append(found, m.seq)
		if isApart {
			apart = append(apart, m.seq)
		}
		q.shift(m.group, m.state, gone, 1)
		return nil
	}, `SELECT seq, state, grp, count, body IS NULL FROM message WHERE queue = ? AND seq IN (`+list("?", len(seqs)-1)+`)`, seqs...)
	if err != nil || len(found) == 0 {
		return err
	}
	if _, err := tx.Exec(`DELETE FROM message WHERE seq IN (`+list("?", len(found))+`)`, found...); err != nil || len(apart) == 0 {
		return err
	}
	_, err = tx.Exec(`DELETE FROM body WHERE seq IN (`+list("?", len(apart))+`)`, apart...)
	return err
}

// Hide hides up to queue.MaxBatch received messages for spans of the clock from now, or makes them visible at once.
// This also works after their visibility timeout, until they are received again. Entries fail with queue.ErrStaleHandle
// or queue.ErrBeyondLimit.
func (q *Queue) Hide(ctx context.Context, vs []queue.Visibility) error {
	if len(vs) > queue.MaxBatch {
		return fmt.Errorf("%d messages in one call: %w", len(vs), queue.ErrRefused)
	}
	var failed map[int]error
	err := q.engine.write(ctx, func(tx *sqlitedb.Tx) error {
		failed = make(map[int]error)
		now := q.engine.now()
		for i, v := range vs {
			err := q.hide(tx, v, now)
			if errors.Is(err, queue.ErrStaleHandle) || errors.Is(err, queue.ErrBeyondLimit) {
				failed[i] = err
			} else if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("hide in %s: %w", q.name, err)
	}
	return partly(failed)
}

func (q *Queue) hide(tx *sqlitedb.Tx, v queue.Visibility, now int64) error {
	seq, count, ok := parseHandle(v.Handle)
	if !ok {
		return queue.ErrStaleHandle
	}
	var was state
	var group string
	var received int64
	err := tx.QueryRow(`SELECT state, grp, received FROM message WHERE seq = ? AND queue = ? AND count = ?`,
		seq, q.id, count).Scan(&was, &group, &received)
	if errors.Is(err, sql.ErrNoRows) {
		return queue.ErrStaleHandle
	}
	if err != nil {
		return err
	}
	worked := q.engine.clock.Wait(time.Duration(now-received) * time.Millisecond)
	if v.For > queue.MaxVisibility-worked {
		return queue.ErrBeyondLimit
	}
	at, s := now, visible
	if v.For > 0 {
		at, s = now+milliseconds(v.For), parked
	}
	if _, err := tx.Exec(`UPDATE message SET state = ?, at = ? WHERE seq = ?`, s, at, seq); err != nil {
		return err
	}
	q.shift(group, was, s, 1)
	if s == visible {
		q.notify()
	} else {
		q.hidden(at)
	}
	return nil
}

// Counts returns how many messages the queue holds. The numbers are exact.
func (q *Queue) Counts(ctx context.Context) (queue.Counts, error) {
	var c queue.Counts
	if err := q.engine.counted(ctx); err != nil {
		return c, err
	}
	err := q.engine.write(ctx, func(tx *sqlitedb.Tx) error {
		if err := q.advance(tx, q.engine.now()); err != nil {
			return err
		}
		c = queue.Counts{Visible: q.count[visible], InFlight: q.inFlight(), Delayed: q.count[delayed]}
		return nil
	})
	if err != nil {
		return queue.Counts{}, fmt.Errorf("counts of %s: %w", q.name, err)
	}
	return c, nil
}

// manyMessages is beyond how many messages Oldest does not look at each.
const manyMessages = 100_000

// Oldest returns when the oldest message was sent. Of very many it returns what the engine remembers, which may be too early.
func (q *Queue) Oldest(ctx context.Context) (at time.Time, err error) {
	if err := q.engine.counted(ctx); err != nil {
		return at, err
	}
	err = q.engine.write(ctx, func(tx *sqlitedb.Tx) error {
		if err := q.advance(tx, q.engine.now()); err != nil {
			return err
		}
		oldest := q.oldest
		switch held := q.inFlight() + q.count[visible] + q.count[delayed]; {
		case held == 0:
			return nil
		case held <= manyMessages:
			if err := tx.QueryRow(`SELECT min(sent) FROM message WHERE queue = ?`, q.id).Scan(&oldest); err != nil {
				return err
			}
		}
		at = time.UnixMilli(oldest).UTC()
		return nil
	})
	if err != nil {
		return time.Time{}, fmt.Errorf("oldest of %s: %w", q.name, err)
	}
	return at, nil
}

// Purge removes the messages that are in the queue, some in each transaction.
func (q *Queue) Purge(ctx context.Context) error {
	if err := q.engine.counted(ctx); err != nil {
		return err
	}
	before := int64(0)
	for done := false; !done; {
		err := q.engine.write(ctx, func(tx *sqlitedb.Tx) error {
			if before == 0 {
				before = q.engine.newSeq()
			}
			some, err := entries(tx, `SELECT seq, state, grp FROM message WHERE queue = ? AND seq < ? LIMIT ?`, q.id, before, chunk)
			for _, m := range some {
				if err == nil {
					err = q.drop(tx, m)
				}
			}
			done = len(some) < chunk
			return err
		})
		if err != nil {
			return fmt.Errorf("purge %s: %w", q.name, err)
		}
	}
	return nil
}

func partly(failed map[int]error) error {
	if len(failed) == 0 {
		return nil
	}
	return &queue.PartialError{Failed: failed}
}

// milliseconds rounds up, so that nothing happens early.
func milliseconds(d time.Duration) int64 {
	return int64((d + time.Millisecond - 1) / time.Millisecond)
}
