// Package sqlitedb is the file under the embedded engines: one SQLite database, which holds the store and the queues, with
// one writer that commits in groups.
//
// A write that returned nil is on disk (write-ahead log, synchronous=FULL: one fsync per group), except for WriteLazy's.
// Writes take effect in the order in which they were asked for. The engines share the writer, so a function passed to Write
// can change the tables of both in one commit. The schema changes by numbered steps, which Open runs. The files can be read
// by their owner alone. The package does not guard a file against a second process.
package sqlitedb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"

	"modernc.org/sqlite"
	codes "modernc.org/sqlite/lib"
)

// maxGroup is the most writes that share one commit, so that the first of them does not wait for long.
const maxGroup = 512

// maxPrepared is the most statements that are kept prepared. Further ones are prepared for each use.
const maxPrepared = 256

// DB is an open database. Its methods are safe for concurrent use.
type DB struct {
	pool *sql.DB
	conn *sql.Conn // the writer's own; nil in memory, where each group borrows the pool's one connection
	ops  chan *op
	done chan struct{} // closed when the writer has ended
	stop chan struct{} // closed by Close
	once sync.Once     // of Close

	// The writer's:
	prepared map[string]*sql.Stmt // on conn; in memory on the pool, which has one connection
	lazy     bool                 // commits do not wait for the disk
	lost     uint64               // groups rolled back
}

type op struct {
	fn    func(*Tx) error
	sure  bool // it has no savepoint of its own
	lazy  bool // it need not be on disk when it returns
	after func()
	err   error
	end   chan struct{}
}

// ErrClosed is the error of a Write after Close.
var ErrClosed = errors.New("database is closed")

// Open opens or creates the database at path and brings it to the present version of the schema. With the path "" it is
// in memory and gone at Close. A file named FileName takes over the queues of version 1 that lie beside it.
func Open(path string) (*DB, error) { return open(path, steps()) }

func open(path string, steps []step) (*DB, error) {
	if path != "" {
		if err := private(path); err != nil {
			return nil, err
		}
	}
	pool, err := openPool(path)
	if err != nil {
		return nil, err
	}
	if err := migrate(context.Background(), pool, path, steps); err != nil {
		return nil, errors.Join(err, pool.Close())
	}
	if err := strayQueues(path); err != nil {
		return nil, errors.Join(err, pool.Close())
	}
	d := &DB{pool: pool, ops: make(chan *op, maxGroup), done: make(chan struct{}), stop: make(chan struct{}), prepared: make(map[string]*sql.Stmt)}
	if path != "" {
		if d.conn, err = pool.Conn(context.Background()); err != nil {
			return nil, errors.Join(err, pool.Close())
		}
	}
	go d.run()
	return d, nil
}

// uri names a file, whose path may hold "?" and "%".
func uri(path string) string { return "file:" + (&url.URL{Path: path}).EscapedPath() }

// openPool opens the database without looking into it.
func openPool(path string) (*sql.DB, error) {
	q := url.Values{"_pragma": {"busy_timeout(10000)", "foreign_keys(0)"}}
	dsn := uri(path)
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
	return pool, nil
}

// private makes the database's files readable by their owner alone. It creates the first of them if it is not there,
// and SQLite gives the others the mode that this one has.
func private(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, privateMode)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	for _, file := range []string{path, path + "-wal", path + "-shm"} {
		if err := os.Chmod(file, privateMode); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

const privateMode = 0o600

// Read returns the pool for reading. A read sees every write that has returned.
func (d *DB) Read() *sql.DB { return d.pool }

// Write runs fn inside a transaction and returns when the transaction is committed. If fn returns an error, the changes
// of fn alone are undone. fn must reach the database through its Tx only. If ctx ends first, the write may still
// happen.
func (d *DB) Write(ctx context.Context, fn func(*Tx) error) error {
	return d.write(ctx, &op{fn: fn, end: make(chan struct{})})
}

// WriteSure is Write for an fn that returns no error once it has changed something, unless the database fails. Such an
// error undoes all writes of the commit. It saves two statements, and many writes have one or two of their own.
func (d *DB) WriteSure(ctx context.Context, fn func(*Tx) error) error {
	return d.write(ctx, &op{fn: fn, sure: true, end: make(chan struct{})})
}

// WriteLazy is WriteSure for changes that a loss of power may undo. They are on disk with the next other write, and a crash
// of the process undoes none.
func (d *DB) WriteLazy(ctx context.Context, fn func(*Tx) error) error {
	return d.write(ctx, &op{fn: fn, sure: true, lazy: true, end: make(chan struct{})})
}

func (d *DB) write(ctx context.Context, o *op) error {
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

// Close lets the writes under way finish and closes the database. Closing again does nothing.
func (d *DB) Close() error {
	var err error
	d.once.Do(func() {
		close(d.stop)
		<-d.done
		for _, stmt := range d.prepared { // while one is open, SQLite leaves its log beside the file
			err = errors.Join(err, stmt.Close())
		}
		if d.conn != nil {
			err = errors.Join(err, d.conn.Close())
		}
		err = errors.Join(err, d.pool.Close())
	})
	return err
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

// gather takes the other writes that are waiting. It does not wait for more: a lone write commits at once.
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
	err := noRoom(d.transact(group))
	for _, o := range group {
		if o.err = noRoom(o.err); err != nil {
			o.err = err
		}
		if o.after != nil {
			o.after()
		}
		close(o.end)
	}
}

// noRoom adds to SQLite's error of a disk that takes no more what helps against it.
func noRoom(err error) error {
	e, ok := errors.AsType[*sqlite.Error](err)
	if !ok || e.Code()&0xff != codes.SQLITE_FULL && e.Code() != codes.SQLITE_IOERR_WRITE {
		return err
	}
	return fmt.Errorf("the disk takes no more data, so nothing new is accepted or sent; make room on it, and work goes on: %w", err)
}

func (d *DB) transact(group []*op) (err error) {
	tx := &Tx{ctx: context.Background(), db: d, conn: d.conn}
	tx.lazy = !slices.ContainsFunc(group, func(o *op) bool { return !o.lazy })
	if tx.conn == nil {
		if tx.conn, err = d.pool.Conn(tx.ctx); err != nil {
			return err
		}
		defer func() {
			_ = tx.conn.Close()
			d.prepare(tx.missed)
		}()
	}
	for _, o := range group {
		if err = tx.run(o); err != nil {
			break
		}
	}
	if !tx.begun {
		return err // no operation ran a statement
	}
	if err == nil {
		err = tx.commit()
	}
	if err != nil {
		tx.rollback()
		d.lost++
	}
	return err
}

// prepare prepares statements on the pool. It is for a database in memory, whose one connection must be free. One that can't be
// prepared has failed in its write already.
func (d *DB) prepare(queries []string) {
	for _, query := range queries {
		if d.prepared[query] != nil || len(d.prepared) == maxPrepared {
			continue
		}
		if stmt, err := d.pool.Prepare(query); err == nil {
			d.prepared[query] = stmt
		}
	}
}

// Tx is a write transaction.
type Tx struct {
	ctx      context.Context
	db       *DB
	conn     *sql.Conn
	inMemory *sql.Tx  // runs what is prepared on the pool
	missed   []string // what a database in memory has not prepared
	lazy     bool     // the group need not be on disk when it is committed
	begun    bool     // the group's transaction has begun
	op       *op      // the present operation
	saved    bool     // it has its savepoint
	wrote    bool     // it has changed something
	err      error    // of beginning the transaction or a savepoint; it fails the group
}

// After has a function called when the group has been committed or rolled back, and before the present operation's Write
// returns.
func (t *Tx) After(do func()) { t.op.after = do }

// Lost counts the groups of writes that could not be committed since the database was opened. An engine that keeps in
// memory what its writes changed must read it again when the number has changed.
func (t *Tx) Lost() uint64 { return t.db.lost }

// run runs one operation. The error that it returns is the group's, not the operation's own.
func (t *Tx) run(o *op) error {
	t.op, t.wrote = o, false
	o.err = o.fn(t)
	switch {
	case t.err != nil:
		return t.err
	case o.sure && o.err != nil && t.wrote:
		return o.err
	case !t.saved:
		return nil
	}
	t.saved = false
	if o.err != nil {
		if _, err := t.exec("ROLLBACK TO op"); err != nil {
			return err
		}
	}
	_, err := t.exec("RELEASE op")
	return err
}

// begin comes before each statement. A write that runs no statement, because it finds in memory that there is nothing
// to do, does not touch the database.
func (t *Tx) begin() error {
	if t.err == nil && !t.begun && t.db.conn != nil && t.db.lazy != t.lazy {
		level := "PRAGMA synchronous = FULL"
		if t.lazy {
			level = "PRAGMA synchronous = NORMAL" // the log of changes is synced before it is folded in, and not at a commit
		}
		_, t.err = t.exec(level)
		t.db.lazy = t.lazy
	}
	if t.err == nil && !t.begun {
		if t.db.conn != nil {
			_, t.err = t.exec("BEGIN IMMEDIATE")
		} else {
			t.inMemory, t.err = t.conn.BeginTx(t.ctx, nil)
		}
		t.begun = t.err == nil
	}
	if t.err == nil && !t.saved && !t.op.sure {
		_, t.err = t.exec("SAVEPOINT op")
		t.saved = t.err == nil
	}
	return t.err
}

func (t *Tx) commit() error {
	if t.inMemory != nil {
		return t.inMemory.Commit()
	}
	_, err := t.exec("COMMIT")
	return err
}

func (t *Tx) rollback() {
	if t.inMemory != nil {
		_ = t.inMemory.Rollback()
		return
	}
	_, _ = t.exec("ROLLBACK")
}

// Exec runs a statement.
func (t *Tx) Exec(query string, args ...any) (sql.Result, error) {
	if err := t.begin(); err != nil {
		return nil, err
	}
	res, err := t.exec(query, args...)
	if err != nil {
		return nil, err // a statement changes all or nothing
	}
	n, err := res.RowsAffected()
	t.wrote = t.wrote || n > 0
	return res, err
}

func (t *Tx) exec(query string, args ...any) (sql.Result, error) {
	stmt, err := t.prepare(query)
	if err != nil {
		return nil, err
	}
	if stmt == nil {
		return t.conn.ExecContext(t.ctx, query, args...)
	}
	return stmt.ExecContext(t.ctx, args...)
}

// Query runs a query. Its rows must be closed before the next statement.
func (t *Tx) Query(query string, args ...any) (*sql.Rows, error) {
	if err := t.begin(); err != nil {
		return nil, err
	}
	t.reads(query)
	stmt, err := t.prepare(query)
	if err != nil {
		return nil, err
	}
	if stmt == nil {
		return t.conn.QueryContext(t.ctx, query, args...)
	}
	return stmt.QueryContext(t.ctx, args...)
}

// reads notes that a query was run, which may change something and return rows of it.
func (t *Tx) reads(query string) { t.wrote = t.wrote || !strings.HasPrefix(query, "SELECT") }

// QueryRow runs a query for one row.
func (t *Tx) QueryRow(query string, args ...any) *sql.Row {
	_ = t.begin() // an error fails the group, whatever the row says
	t.reads(query)
	stmt, err := t.prepare(query)
	if err != nil || stmt == nil {
		return t.conn.QueryRowContext(t.ctx, query, args...) // its error says what is wrong with the query
	}
	return stmt.QueryRowContext(t.ctx, args...)
}

// prepare returns the query prepared on the writer's connection, or nil if no statement is kept for it.
func (t *Tx) prepare(query string) (*sql.Stmt, error) {
	stmt := t.db.prepared[query]
	switch {
	case stmt != nil && t.inMemory != nil:
		return t.inMemory.StmtContext(t.ctx, stmt), nil
	case stmt != nil:
		return stmt, nil
	case t.db.conn == nil:
		t.missed = append(t.missed, query)
		return nil, nil
	case len(t.db.prepared) == maxPrepared:
		return nil, nil
	}
	stmt, err := t.conn.PrepareContext(t.ctx, query)
	if err != nil {
		return nil, err
	}
	t.db.prepared[query] = stmt
	return stmt, nil
}
