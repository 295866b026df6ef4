// Package sqlite is the embedded queue engine: queues with SQS's semantics in tables of a SQLite file, or in memory.
//
// It keeps the contract of package queue and in places promises more than SQS does. Counts are exact. A message whose
// receive was lost in a crash is visible again at the next start, and not only when its visibility timeout ends. Send,
// Delete and Hide return nil only when their change is on disk. A loss of power may undo a receive: the message is visible
// again, as after any crash, and its receive count is what it was before.
//
// Delays and the spans of Hide are spans of the deployment's clock. The visibility timeout that a receive gives, the 12
// hours counted from it, long polls and the pace of move tasks are real time.
//
// The order of messages is not promised. Among the messages of one group the one that has been visible longest comes
// first, and groups take turns (see fair). All messages that have no group count as one group.
//
// The tables are those of package sqlitedb. The file may hold the store too (see store/sqlite), but no second Engine.
// Nothing guards it against a second process.
package sqlite

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"sync"
	"time"

	"hookline/shared/clock"
	"hookline/shared/queue"
	"hookline/shared/sqlitedb"
)

// state is the state of a message.
type state int

const (
	visible state = iota
	delayed       // sent with a delay
	working       // received, until its visibility timeout ends; visible again after a crash
	parked        // received, then hidden by Hide; stays so over a crash
	states

	gone state = -1 // not in the queue
)

const never = math.MaxInt64

// Options are an Engine's settings. The zero Options have real time and SQS's limits.
type Options struct {
	Clock       clock.Clock
	MaxInFlight int           // per queue; 0 means queue.MaxInFlight
	MaxWait     time.Duration // of a receive; 0 means queue.MaxWait
}

// QueueConfig is the configuration of a queue. It is not stored: each call of Engine.Queue sets it.
type QueueConfig struct {
	Visibility time.Duration // timeout of a receive, in real time; 0 means 30 s
	Retention  time.Duration // of a message since it was sent, by the clock; 0 means queue.MaxRetention
	DeadLetter string        // name of the queue for messages received MaxReceive times; "" none
	MaxReceive int           // 1 to 1000 where DeadLetter is set
}

const (
	defaultVisibility = 30 * time.Second
	maxMaxReceive     = 1000
)

// Engine holds queues. Its methods are safe for concurrent use.
type Engine struct {
	db          *sqlitedb.DB
	owned       bool // db is the engine's own
	clock       clock.Clock
	maxInFlight int
	maxWait     time.Duration
	closed      chan struct{}
	once        sync.Once
	tasks       sync.WaitGroup // of moves, and of counting
	complete    chan struct{}  // closed when the messages that were there at the start have been counted

	// The writer's own, used inside write alone:
	queues  map[string]*Queue
	lastSeq int64
	stale   bool   // the memory may differ from the tables
	lost    uint64 // Tx.Lost when the tables were read
	loads   int    // how often all tables have been read
}

// New opens or creates a database at path with queues of its own in it. With the path "" it is in memory and gone at
// Close.
func New(path string, o Options) (*Engine, error) {
	db, err := sqlitedb.Open(path)
	if err != nil {
		return nil, fmt.Errorf("queues: %w", err)
	}
	e, err := On(db, o)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	e.owned = true
	return e, nil
}

// On returns the queues in a database that the caller closes, after the engine. Messages that were being worked on when
// an engine last stopped are visible at once, and its move tasks go on.
func On(db *sqlitedb.DB, o Options) (*Engine, error) {
	e := &Engine{
		db: db, clock: o.Clock, maxInFlight: o.MaxInFlight, maxWait: cmp.Or(o.MaxWait, queue.MaxWait),
		closed: make(chan struct{}), complete: make(chan struct{}),
		queues: make(map[string]*Queue), lastSeq: time.Now().UnixMicro(), stale: true,
	}
	if e.maxInFlight == 0 {
		e.maxInFlight = queue.MaxInFlight
	}
	if err := e.recover(); err != nil {
		return nil, errors.Join(fmt.Errorf("queues: %w", err), e.Close())
	}
	return e, nil
}

// Close ends the long polls and move tasks under way. The tasks go on when the engine is opened again.
func (e *Engine) Close() error {
	e.once.Do(func() { close(e.closed) })
	// After this write no other can start a task.
	_ = e.db.Write(context.Background(), func(*sqlitedb.Tx) error { return nil })
	e.tasks.Wait()
	if e.owned {
		return e.db.Close()
	}
	return nil
}

// Queue returns the queue of that name with that configuration, and makes it if it is not there. All values that are
// returned for one name are one queue.
func (e *Engine) Queue(name string, cfg QueueConfig) (*Queue, error) {
	switch {
	case name == "" || name == cfg.DeadLetter:
		return nil, fmt.Errorf("queue %q, dead letters to %q: %w", name, cfg.DeadLetter, queue.ErrRefused)
	case cfg.DeadLetter != "" && (cfg.MaxReceive < 1 || cfg.MaxReceive > maxMaxReceive):
		return nil, fmt.Errorf("queue %q, dead letter after %d receives: %w", name, cfg.MaxReceive, queue.ErrRefused)
	}
	if cfg.Visibility == 0 {
		cfg.Visibility = defaultVisibility
	}
	if cfg.Retention == 0 {
		cfg.Retention = queue.MaxRetention
	}
	var q *Queue
	err := e.write(context.Background(), func(tx *sqlitedb.Tx) (err error) {
		if cfg.DeadLetter != "" {
			if _, err := e.ensure(tx, cfg.DeadLetter); err != nil {
				return err
			}
		}
		if q, err = e.ensure(tx, name); err != nil {
			return err
		}
		q.cfg, q.swept = cfg, 0
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("queue %q: %w", name, err)
	}
	return q, nil
}

// ensure returns the queue of that name, and makes it if it is not there, with a configuration that the caller
// replaces.
func (e *Engine) ensure(tx *sqlitedb.Tx, name string) (*Queue, error) {
	if q := e.queues[name]; q != nil {
		return q, nil
	}
	r, err := tx.Exec(`INSERT INTO queue (name) VALUES (?)`, name)
	if err != nil {
		return nil, err
	}
	id, err := r.LastInsertId()
	if err != nil {
		return nil, err
	}
	return e.remember(name, id), nil
}

func (e *Engine) remember(name string, id int64) *Queue {
	q := e.queues[name]
	if q == nil {
		q = &Queue{
			engine: e, name: name,
			cfg: QueueConfig{Visibility: defaultVisibility, Retention: queue.MaxRetention},
		}
		e.queues[name] = q
	}
	q.id, q.tally = id, newTally()
	return q
}

// write runs fn as one transaction, in which the engine's memory agrees with its tables. It returns when the changes
// are on disk. An error of fn undoes the whole commit and makes the engine read its memory anew, so fn must return errors
// for faults and not for refusals. Once the write has begun it does not end with ctx, because a caller that gave up
// could not tell whether it had happened.
func (e *Engine) write(ctx context.Context, fn func(*sqlitedb.Tx) error) error {
	return e.by(ctx, e.db.WriteSure, fn)
}

// writeLazy is write for what a loss of power may undo.
func (e *Engine) writeLazy(ctx context.Context, fn func(*sqlitedb.Tx) error) error {
	return e.by(ctx, e.db.WriteLazy, fn)
}

func (e *Engine) by(
	ctx context.Context, write func(context.Context, func(*sqlitedb.Tx) error) error, fn func(*sqlitedb.Tx) error,
) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return write(context.WithoutCancel(ctx), func(tx *sqlitedb.Tx) error {
		select {
		case <-e.closed:
			return sqlitedb.ErrClosed
		default:
		}
		if e.stale || e.lost != tx.Lost() {
			if err := e.load(tx); err != nil {
				return err
			}
			e.lost = tx.Lost()
		}
		e.stale = true
		if err := fn(tx); err != nil {
			return err
		}
		e.stale = false
		return nil
	})
}

// load reads the engine's memory from the tables: the queues, and the states of their messages.
func (e *Engine) load(tx *sqlitedb.Tx) error {
	byID, err := e.names(tx)
	if err != nil {
		return err
	}
	err = each(tx, func(scan func(...any) error) error {
		var h held
		if err := h.read(scan); err != nil {
			return err
		}
		byID[h.queue].add(h)
		return nil
	}, selectHeld)
	if err != nil {
		return err
	}
	for _, q := range e.queues {
		q.notify()
	}
	e.loads++
	return nil
}

// names reads which queues there are, with nothing in them, and the last number that was used.
func (e *Engine) names(tx *sqlitedb.Tx) (map[int64]*Queue, error) {
	byID := make(map[int64]*Queue)
	err := each(tx, func(scan func(...any) error) error {
		var id int64
		var name string
		if err := scan(&id, &name); err != nil {
			return err
		}
		byID[id] = e.remember(name, id)
		return nil
	}, `SELECT id, name FROM queue`)
	if err != nil {
		return nil, err
	}
	for name, q := range e.queues {
		if byID[q.id] != q {
			delete(e.queues, name) // the write that made it was undone
		}
	}
	var last int64
	err = tx.QueryRow(`SELECT max(ifnull((SELECT max(seq) FROM message), 0), ifnull((SELECT max(seq) FROM move), 0))`).Scan(&last)
	e.lastSeq = max(e.lastSeq, last)
	return byID, err
}

// newSeq returns a number greater than all before it, also greater than those of messages that earlier processes
// deleted: they began counting at the microsecond in which they started, as this one does.
func (e *Engine) newSeq() int64 {
	e.lastSeq++
	return e.lastSeq
}

// now returns the clock's reading in Unix milliseconds.
func (e *Engine) now() int64 { return e.clock.Now().UnixMilli() }

// until returns the real time left until the clock reads at.
func (e *Engine) until(at int64) time.Duration {
	return e.clock.Wait(time.UnixMilli(at).Sub(e.clock.Now()))
}

// formatID spells a sequence number as an id.
func formatID(seq int64) string { return fmt.Sprintf("%016x", seq) }

// formatHandle spells the handle of a message's count-th receive. A later receive has another.
func formatHandle(seq int64, count int) string {
	return formatID(seq) + "." + strconv.Itoa(count)
}

func parseHandle(h string) (seq int64, count int, ok bool) {
	id, n, _ := strings.Cut(h, ".")
	seq, err := strconv.ParseInt(id, 16, 64)
	if err != nil {
		return 0, 0, false
	}
	if count, err = strconv.Atoi(n); err != nil {
		return 0, 0, false
	}
	return seq, count, seq > 0 && count > 0 && formatHandle(seq, count) == h
}

// each runs a query and calls fn for every row.
func each(tx *sqlitedb.Tx, fn func(scan func(...any) error) error, query string, args ...any) error {
	rows, err := tx.Query(query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := fn(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

// all runs a query and returns its one column.
func all[T any](tx *sqlitedb.Tx, query string, args ...any) ([]T, error) {
	var out []T
	err := each(tx, func(scan func(...any) error) error {
		var v T
		if err := scan(&v); err != nil {
			return err
		}
		out = append(out, v)
		return nil
	}, query, args...)
	return out, err
}
