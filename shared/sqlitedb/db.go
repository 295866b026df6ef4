// Package sqlitedb is the file under the embedded engines: one SQLite database with one writer that commits in groups.
//
// Write guarantees that what it returned nil for is on disk (write-ahead log, synchronous=FULL: one fsync per group),
// and that writes take effect in the order they were asked for. It does not guard a file against a second process.
package sqlitedb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"

	_ "modernc.org/sqlite" // the driver
)

// maxGroup bounds how many writes share one commit, so that the first of them does not wait for long.
const maxGroup = 512

// DB is an open database. Its methods are safe for concurrent use.
type DB struct {
	pool *sql.DB
	conn *sql.Conn // the writer's own
	ops  chan *op
	done chan struct{} // closed when the writer has ended
	stop chan struct{} // closed by Close
}

type op struct {
	fn  func(*Tx) error
	err error
	end chan struct{}
}

// ErrClosed is what Write answers once Close was called.
var ErrClosed = errors.New("database is closed")

// Open opens or creates the database at path; "" is one in memory, gone at Close. schema is run each time and must
// be harmless the second time (CREATE … IF NOT EXISTS).
func Open(path, schema string) (*DB, error) {
	q := url.Values{"_pragma": {"busy_timeout(10000)", "foreign_keys(0)"}}
	dsn := "file:" + path
	if path == "" {
		dsn = "file::memory:"
	} else {
		q["_pragma"] = append(q["_pragma"], "journal_mode(WAL)", "synchronous(FULL)", "cache_size(-65536)")
	}
	pool, err := sql.Open("sqlite", dsn+"?"+q.Encode())
	if err != nil {
		return nil, err
	}
	if path == "" {
		pool.SetMaxOpenConns(1) // a database in memory belongs to its connection
	} else {
		pool.SetMaxOpenConns(8)
	}
	if _, err := pool.Exec(schema); err != nil {
		return nil, errors.Join(fmt.Errorf("schema: %w", err), pool.Close())
	}
	d := &DB{pool: pool, ops: make(chan *op, maxGroup), done: make(chan struct{}), stop: make(chan struct{})}
	if path != "" {
		if d.conn, err = pool.Conn(context.Background()); err != nil {
			return nil, errors.Join(err, pool.Close())
		}
	}
	go d.run()
	return d, nil
}

// Read returns the pool for reading: it sees everything that Write has returned for.
func (d *DB) Read() *sql.DB { return d.pool }

// Write runs fn inside a transaction and returns when it is committed. An error of fn undoes fn alone. fn must not use
// anything but its Tx to reach the database. When ctx ends first the write may still happen.
func (d *DB) Write(ctx context.Context, fn func(*Tx) error) error {
	o := &op{fn: fn, end: make(chan struct{})}
	select {
	case d.ops <- o:
	case <-d.stop:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-o.end:
		return o.err
	case <-ctx.Done():
		return ctx.Err()
	case <-d.done:
		select {
		case <-o.end:
			return o.err
		default:
			return ErrClosed
		}
	}
}

// Close lets the writes under way finish and closes the database.
func (d *DB) Close() error {
	close(d.stop)
	<-d.done
	var err error
	if d.conn != nil {
		err = d.conn.Close()
	}
	return errors.Join(err, d.pool.Close())
}

func (d *DB) run() {
	defer close(d.done)
	for {
		select {
		case o := <-d.ops:
			d.commit(d.gather(o))
		case <-d.stop:
			for {
				select {
				case o := <-d.ops:
					d.commit(d.gather(o))
				default:
					return
				}
			}
		}
	}
}

// gather takes what else is waiting, without waiting for more: a lone write commits at once.
func (d *DB) gather(first *op) []*op {
	group := []*op{first}
	for len(group) < maxGroup {
		select {
		case o := <-d.ops:
			group = append(group, o)
		default:
			return group
		}
	}
	return group
}

func (d *DB) commit(group []*op) {
	err := d.transact(group)
	for _, o := range group {
		if err != nil {
			o.err = err
		}
		close(o.end)
	}
}

func (d *DB) transact(group []*op) (err error) {
	ctx := context.Background()
	conn := d.conn
	if conn == nil {
		if conn, err = d.pool.Conn(ctx); err != nil {
			return err
		}
		defer func() { _ = conn.Close() }()
	}
	tx := &Tx{ctx: ctx, conn: conn}
	if _, err := tx.Exec("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	for _, o := range group {
		if err := tx.save(o); err != nil {
			_, _ = tx.Exec("ROLLBACK")
			return err
		}
	}
	if _, err := tx.Exec("COMMIT"); err != nil {
		_, _ = tx.Exec("ROLLBACK")
		return err
	}
	return nil
}

// Tx is a write transaction.
type Tx struct {
	ctx  context.Context
	conn *sql.Conn
}

func (t *Tx) save(o *op) error {
	if _, err := t.Exec("SAVEPOINT op"); err != nil {
		return err
	}
	if o.err = o.fn(t); o.err != nil {
		if _, err := t.Exec("ROLLBACK TO op"); err != nil {
			return err
		}
	}
	_, err := t.Exec("RELEASE op")
	return err
}

// Exec runs a statement.
func (t *Tx) Exec(query string, args ...any) (sql.Result, error) {
	return t.conn.ExecContext(t.ctx, query, args...)
}

// Query runs a query; close its rows before the next statement.
func (t *Tx) Query(query string, args ...any) (*sql.Rows, error) {
	return t.conn.QueryContext(t.ctx, query, args...)
}

// QueryRow runs a query for one row.
func (t *Tx) QueryRow(query string, args ...any) *sql.Row {
	return t.conn.QueryRowContext(t.ctx, query, args...)
}
