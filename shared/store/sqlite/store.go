// Package sqlite is the embedded Store: everything that Hookline keeps except its queues, in tables of a SQLite file or in
// memory.
//
// It keeps the contract of package store. A write that returned nil is on disk. Every write is one transaction, and
// writes wait in one line, so no update is lost. Reads see every write that has returned. The tables are those of package
// sqlitedb. The file may hold the queues too (see queue/sqlite); nothing guards it against a second process.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"

	driver "modernc.org/sqlite"
	codes "modernc.org/sqlite/lib"

	"hookline/shared/clock"
	"hookline/shared/sqlitedb"
	"hookline/shared/store"
	"hookline/shared/store/cursor"
	"hookline/shared/webhook"
)

// Options are a Store's settings. The zero Options are those of production.
type Options struct {
	Clock clock.Clock // by which Expire decides what has expired; nothing else uses it
}

var _ store.Store = (*Store)(nil)

// Store is an open store. Its methods are safe for concurrent use.
type Store struct {
	db    *sqlitedb.DB
	owned bool // db is the store's own
	clock clock.Clock

	settings *settings

	closed atomic.Bool
	mu     sync.Mutex
	stmts  map[string]*sql.Stmt
}

// New opens or creates a database at path with a store of its own in it. With the path "" it is in memory and gone at
// Close.
func New(path string, opts Options) (*Store, error) {
	db, err := sqlitedb.Open(path)
	if err != nil {
		return nil, err
	}
	s := On(db, opts)
	s.owned = true
	return s, nil
}

// On returns the store in a database that the caller closes, after the store.
func On(db *sqlitedb.DB, opts Options) *Store {
	return &Store{db: db, clock: opts.Clock, settings: newSettings(), stmts: make(map[string]*sql.Stmt)}
}

// Close lets the writes under way finish. Every call after it is Unavailable.
func (s *Store) Close() error {
	s.closed.Store(true)
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, stmt := range s.stmts {
		errs = append(errs, stmt.Close())
	}
	clear(s.stmts)
	if s.owned {
		errs = append(errs, s.db.Close())
	}
	return errors.Join(errs...)
}

// write runs fn as one transaction, which has the context's entry of the audit log in it. When it returns an error fn may still be running, so the caller may read what fn
// sets only after nil.
func (s *Store) write(ctx context.Context, fn func(*sqlitedb.Tx) error) error {
	return s.by(ctx, s.db.Write, recorded(ctx, fn))
}

// writeSure is write for what is written for each event and delivery. Once fn has changed something it returns no error
// but the database's.
func (s *Store) writeSure(ctx context.Context, fn func(*sqlitedb.Tx) error) error {
	return s.by(ctx, s.db.WriteSure, fn)
}

// change is write for what settings are read from.
func (s *Store) change(ctx context.Context, fn func(*sqlitedb.Tx) error) error {
	return s.write(ctx, func(tx *sqlitedb.Tx) error {
		tx.After(s.settings.forget)
		return fn(tx)
	})
}

func (s *Store) by(
	ctx context.Context, write func(context.Context, func(*sqlitedb.Tx) error) error, fn func(*sqlitedb.Tx) error,
) error {
	if s.closed.Load() {
		return fault(sqlitedb.ErrClosed)
	}
	if err := write(ctx, fn); err != nil {
		return fault(err)
	}
	return nil
}

// stmt prepares a query once. There must be few queries, so their text holds no values.
func (s *Store) stmt(query string) (*sql.Stmt, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed.Load() {
		return nil, sqlitedb.ErrClosed
	}
	if stmt, ok := s.stmts[query]; ok {
		return stmt, nil
	}
	stmt, err := s.db.Read().Prepare(query)
	if err == nil {
		s.stmts[query] = stmt
	}
	return stmt, err
}

// row reads the one row of a query into dest, and reports whether there is one.
func (s *Store) row(ctx context.Context, query string, args []any, dest ...any) (bool, error) {
	stmt, err := s.stmt(query)
	if err != nil {
		return false, fault(err)
	}
	switch err := stmt.QueryRowContext(ctx, args...).Scan(dest...); {
	case errors.Is(err, sql.ErrNoRows):
		return false, nil
	case err != nil:
		return false, fault(err)
	}
	return true, nil
}

// rows calls each for every row of a query until each returns false. A database in memory has one connection, so each
// must not read from the store.
func (s *Store) rows(ctx context.Context, query string, args []any, each func(scan func(...any) error) (bool, error)) error {
	stmt, err := s.stmt(query)
	if err != nil {
		return fault(err)
	}
	rows, err := stmt.QueryContext(ctx, args...)
	if err != nil {
		return fault(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if more, err := each(rows.Scan); err != nil {
			return fault(err)
		} else if !more {
			return nil
		}
	}
	if err := rows.Err(); err != nil {
		return fault(err)
	}
	return nil
}

// done reports whether a statement changed a row.
func done(res sql.Result, err error) (bool, error) {
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	return n > 0, err
}

// passing reports whether the cause of one of SQLite's error codes may be gone the next time.
func passing(code int) bool {
	switch code & 0xff {
	case codes.SQLITE_BUSY, codes.SQLITE_LOCKED, codes.SQLITE_INTERRUPT, codes.SQLITE_IOERR, codes.SQLITE_FULL,
		codes.SQLITE_CANTOPEN, codes.SQLITE_NOMEM:
		return true
	}
	return false
}

// fault turns an error into one of the domain's. Errors of database/sql and of the context may pass. Most of SQLite's
// do not. A record that cannot be read never can.
func fault(err error) error {
	if _, ok := errors.AsType[*webhook.Error](err); ok {
		return err
	}
	if e, ok := errors.AsType[*driver.Error](err); ok && !passing(e.Code()) {
		return internal(err)
	}
	return webhook.ErrUnavailable(err)
}

func internal(err error) error {
	return &webhook.Error{Kind: webhook.Internal, Code: "internal", Message: "internal error", Cause: err}
}

func errChanged() error {
	return webhook.ErrConflict("changed-meanwhile", "changed meanwhile, read it again")
}

// intPart reads a number out of a cursor.
func intPart(part string) (int64, error) {
	n, err := strconv.ParseInt(part, 10, 64)
	if err != nil {
		return 0, cursor.Invalid()
	}
	return n, nil
}
