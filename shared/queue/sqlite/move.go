package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"time"

	"hookline/shared/queue"
	"hookline/shared/sqlitedb"
	"hookline/shared/webhook"
)

// Values of a move's Status.
const (
	moveRunning   = "RUNNING"
	moveCompleted = "COMPLETED"
	moveCancelled = "CANCELLED"
	moveFailed    = "FAILED"
)

const (
	movesKept      = 10  // of each queue: SQS lists as many
	unpacedMoves   = 100 // messages in one transaction of a task without a rate
	stepsPerSecond = 50  // at most, of a task with a rate
	moveRetry      = time.Second
)

// StartMove starts a task that moves the queue's visible messages to another queue, or with "" each to the queue that
// it was dead-lettered from. It moves at most maxPerSecond messages a second of real time; 0 means no limit. The
// messages arrive as new ones, with new ids and ages. Messages that come to the queue later are not moved. The task
// goes on after a restart.
//
// queue.ErrMoveRunning says that the queue has a task already. queue.ErrRefused says that the rate is over
// queue.MaxMovesPerSec, that the queue is no other queue's dead-letter queue, that the destination is the queue itself
// or unknown, or that the queue some message came from is unknown.
func (q *Queue) StartMove(ctx context.Context, destination string, maxPerSecond int) (string, error) {
	if maxPerSecond < 0 || maxPerSecond > queue.MaxMovesPerSec {
		return "", fmt.Errorf("move of %d messages a second: %w", maxPerSecond, queue.ErrRefused)
	}
	if err := q.engine.counted(ctx); err != nil {
		return "", err
	}
	var seq int64
	var refusal error
	err := q.engine.write(ctx, func(tx *sqlitedb.Tx) error {
		if err := q.advance(tx, q.engine.now()); err != nil {
			return err
		}
		var err error
		if refusal, err = q.movable(tx, destination); err != nil || refusal != nil {
			return err
		}
		if err := q.forgetMoves(tx); err != nil {
			return err
		}
		seq = q.engine.newSeq()
		_, err = tx.Exec(`INSERT INTO move (seq, queue, destination, status, moved, to_move, rate, started) VALUES (?, ?, ?, ?, 0, ?, ?, ?)`,
			seq, q.id, destination, moveRunning, q.count[visible], maxPerSecond, q.engine.now())
		if err == nil {
			q.engine.tasks.Go(func() { q.engine.runMove(seq) }) // if this write is undone, it finds no task and ends
		}
		return err
	})
	if err = errors.Join(err, refusal); err != nil {
		return "", fmt.Errorf("move from %s: %w", q.name, err)
	}
	return formatID(seq), nil
}

// movable returns the reason why a task cannot start, or nil.
func (q *Queue) movable(tx *sqlitedb.Tx, destination string) (refusal, err error) {
	running, err := all[int64](tx, `SELECT seq FROM move WHERE queue = ? AND status = ?`, q.id, moveRunning)
	if err != nil {
		return nil, err
	}
	if len(running) > 0 {
		return queue.ErrMoveRunning, nil
	}
	sources := 0
	for _, other := range q.engine.queues {
		if other.cfg.DeadLetter == q.name {
			sources++
		}
	}
	switch {
	case sources == 0:
		return fmt.Errorf("it is no dead-letter queue: %w", queue.ErrRefused), nil
	case destination == q.name || destination != "" && q.engine.queues[destination] == nil:
		return fmt.Errorf("to %q: %w", destination, queue.ErrRefused), nil
	case destination != "":
		return nil, nil
	}
	lost, err := all[int64](tx, `SELECT seq FROM message WHERE queue = ? AND state = 0 AND origin = '' LIMIT 1`, q.id)
	if err == nil && len(lost) > 0 {
		refusal = fmt.Errorf("message %s was sent here and has no queue to go back to: %w", formatID(lost[0]), queue.ErrRefused)
	}
	return refusal, err
}

// forgetMoves deletes the queue's oldest tasks, so that there is room for one more.
func (q *Queue) forgetMoves(tx *sqlitedb.Tx) error {
	_, err := tx.Exec(`DELETE FROM move WHERE queue = ? AND seq NOT IN (SELECT seq FROM move WHERE queue = ? ORDER BY seq DESC LIMIT ?)`,
		q.id, q.id, movesKept-1)
	return err
}

// Moves lists the queue's latest tasks, newest first.
func (q *Queue) Moves(ctx context.Context) ([]queue.Move, error) {
	var out []queue.Move
	err := q.engine.write(ctx, func(tx *sqlitedb.Tx) error {
		return each(tx, func(scan func(...any) error) error {
			var m queue.Move
			var seq, started int64
			if err := scan(&seq, &m.Destination, &m.Status, &m.Moved, &m.ToMove, &m.MaxPerSecond, &started); err != nil {
				return err
			}
			m.ID, m.StartedAt = formatID(seq), time.UnixMilli(started).UTC()
			out = append(out, m)
			return nil
		}, `SELECT seq, destination, status, moved, to_move, rate, started FROM move WHERE queue = ? ORDER BY seq DESC`, q.id)
	})
	if err != nil {
		return nil, fmt.Errorf("moves of %s: %w", q.name, err)
	}
	return out, nil
}

// CancelMove stops a running task. The messages that it has moved stay moved. An unknown id is webhook.NotFound, and a
// task that has ended is webhook.Conflict.
func (q *Queue) CancelMove(ctx context.Context, id string) error {
	seq, err := strconv.ParseInt(id, 16, 64)
	if err != nil {
		return webhook.ErrNotFound("move task")
	}
	var status string
	err = q.engine.write(ctx, func(tx *sqlitedb.Tx) error {
		err := tx.QueryRow(`SELECT status FROM move WHERE seq = ? AND queue = ?`, seq, q.id).Scan(&status)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil || status != moveRunning {
			return err
		}
		return endMove(tx, seq, moveCancelled)
	})
	switch {
	case err != nil:
		return fmt.Errorf("cancel a move from %s: %w", q.name, err)
	case status == "":
		return webhook.ErrNotFound("move task")
	case status != moveRunning:
		return webhook.ErrConflict("move-ended", "the move task has ended")
	}
	return nil
}

func endMove(tx *sqlitedb.Tx, seq int64, status string) error {
	_, err := tx.Exec(`UPDATE move SET status = ? WHERE seq = ?`, status, seq)
	return err
}

// runMove works on a task until the task has ended or the engine is closed. Each step is one transaction, so a crash
// neither loses a message nor moves it twice.
func (e *Engine) runMove(seq int64) {
	if e.counted(context.Background()) != nil {
		return
	}
	for {
		var pause time.Duration
		var running bool
		err := e.write(context.Background(), func(tx *sqlitedb.Tx) (err error) {
			pause, running, err = e.stepMove(tx, seq)
			return err
		})
		if err != nil {
			pause = moveRetry
		} else if !running {
			return
		}
		t := time.NewTimer(pause)
		select {
		case <-t.C:
		case <-e.closed:
			t.Stop()
			return
		}
	}
}

// stepMove moves some messages and returns how long that should take at the task's rate.
func (e *Engine) stepMove(tx *sqlitedb.Tx, seq int64) (pause time.Duration, running bool, err error) {
	var from, destination, status string
	var rate int
	err = tx.QueryRow(`SELECT name, destination, status, rate FROM move JOIN queue ON queue.id = move.queue WHERE seq = ?`, seq).
		Scan(&from, &destination, &status, &rate)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, false, nil
	}
	if err != nil || status != moveRunning {
		return 0, false, err
	}
	n := unpacedMoves
	if rate > 0 {
		n = max(rate/stepsPerSecond, 1)
		pause = time.Second * time.Duration(n) / time.Duration(rate)
	}
	q := e.queues[from]
	if err := q.advance(tx, e.now()); err != nil {
		return 0, false, err
	}
	moved, known, err := q.moveSome(tx, destination, seq, n)
	if err != nil {
		return 0, false, err
	}
	if _, err := tx.Exec(`UPDATE move SET moved = moved + ? WHERE seq = ?`, moved, seq); err != nil {
		return 0, false, err
	}
	switch {
	case !known:
		return 0, false, endMove(tx, seq, moveFailed)
	case moved < n:
		return 0, false, endMove(tx, seq, moveCompleted)
	}
	return pause, true, nil
}

// moveSome moves up to n of the messages that were in the queue before the task started, and stops at a message whose
// destination is not known. A moved message has a number above the task's, so no task moves it again.
func (q *Queue) moveSome(tx *sqlitedb.Tx, destination string, task int64, n int) (moved int, known bool, err error) {
	type letter struct {
		seq           int64
		group, origin string
	}
	var letters []letter
	err = each(tx, func(scan func(...any) error) error {
		var l letter
		if err := scan(&l.seq, &l.group, &l.origin); err != nil {
			return err
		}
		letters = append(letters, l)
		return nil
	}, `SELECT seq, grp, origin FROM message WHERE queue = ? AND state = 0 AND seq < ? ORDER BY grp, at, seq LIMIT ?`, q.id, task, n)
	if err != nil {
		return 0, false, err
	}
	now := q.engine.now()
	for _, l := range letters {
		name := destination
		if name == "" {
			name = l.origin
		}
		to := q.engine.queues[name]
		if to == nil {
			return moved, false, nil
		}
		seq := q.engine.newSeq()
		_, err := tx.Exec(`UPDATE message SET seq = ?, queue = ?, at = ?, sent = ?, first = 0, received = 0, count = 0, origin = '' WHERE seq = ?`,
			seq, to.id, now, now, l.seq)
		if err != nil {
			return 0, false, err
		}
		if _, err := tx.Exec(`UPDATE body SET seq = ? WHERE seq = ?`, seq, l.seq); err != nil {
			return 0, false, err
		}
		q.shift(l.group, visible, gone, 1)
		to.shift(l.group, gone, visible, 1)
		to.aged(now)
		to.notify()
		moved++
	}
	return moved, true, nil
}
