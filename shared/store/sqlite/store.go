// Package sqlite is the embedded Store: everything Hookline keeps but its queues, in one SQLite file or in memory.
//
// It keeps the contract of package store. What a write returned nil for is on disk; every write is one transaction,
// and writes wait in one line, so that no lost update is possible. Reads see every write that has returned. It does
// not guard the file against a second process.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"sync"

	driver "modernc.org/sqlite"
	codes "modernc.org/sqlite/lib"

	"hookline/shared/clock"
	"hookline/shared/sqlitedb"
	"hookline/shared/store"
	"hookline/shared/store/cursor"
	"hookline/shared/webhook"
)

// Times are Unix milliseconds, 0 for none; a slot's are microseconds. A delivery's next_at is set while it is pending and
// NULL otherwise, which keeps delivery_due sparse. A pin's expires_at is its Until, its stands_until its ExpiresAt.
const schema = `
CREATE TABLE IF NOT EXISTS tenant (
	id TEXT PRIMARY KEY, version INTEGER NOT NULL, created_at INTEGER NOT NULL, record BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS api_key (
	tenant TEXT NOT NULL, id TEXT NOT NULL, hash TEXT NOT NULL UNIQUE, record BLOB NOT NULL, PRIMARY KEY (tenant, id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS webhook (
	tenant TEXT NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL, active INTEGER NOT NULL,
	failing_since INTEGER NOT NULL, unhealthy_since INTEGER NOT NULL, record BLOB NOT NULL,
	slow_since INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (tenant, id)
);
CREATE INDEX IF NOT EXISTS webhook_status ON webhook (tenant, active, failing_since);
CREATE TABLE IF NOT EXISTS subscription (
	tenant TEXT NOT NULL, pattern TEXT NOT NULL, webhook TEXT NOT NULL, filter BLOB, format TEXT NOT NULL,
	content_type TEXT NOT NULL, since INTEGER NOT NULL, PRIMARY KEY (tenant, pattern, webhook)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS subscription_webhook ON subscription (tenant, webhook);
DROP TABLE IF EXISTS slot;
CREATE TABLE IF NOT EXISTS pace (
	tenant TEXT NOT NULL, webhook TEXT NOT NULL, setting TEXT NOT NULL, next_at INTEGER NOT NULL, taken_at INTEGER NOT NULL,
	PRIMARY KEY (tenant, webhook)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS lane (
	name TEXT NOT NULL, lane INTEGER NOT NULL, until INTEGER NOT NULL, PRIMARY KEY (name, lane)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS pin (
	tenant TEXT NOT NULL, scope TEXT NOT NULL, key TEXT NOT NULL, hash TEXT NOT NULL, at INTEGER NOT NULL, answer BLOB,
	expires_at INTEGER NOT NULL, stands_until INTEGER NOT NULL, PRIMARY KEY (tenant, scope, key)
);
CREATE INDEX IF NOT EXISTS pin_expiry ON pin (expires_at);
CREATE TABLE IF NOT EXISTS payload (
	tenant TEXT NOT NULL, ref TEXT NOT NULL, body BLOB NOT NULL, expires_at INTEGER NOT NULL, PRIMARY KEY (tenant, ref)
);
CREATE INDEX IF NOT EXISTS payload_expiry ON payload (expires_at);
CREATE TABLE IF NOT EXISTS delivery (
	tenant TEXT NOT NULL, webhook TEXT NOT NULL, accepted_at INTEGER NOT NULL, event TEXT NOT NULL,
	type TEXT NOT NULL, status TEXT NOT NULL, round INTEGER NOT NULL, count INTEGER NOT NULL, next_at INTEGER,
	expires_at INTEGER NOT NULL, record BLOB NOT NULL, PRIMARY KEY (tenant, webhook, accepted_at, event)
);
DROP INDEX IF EXISTS delivery_tenant;
CREATE INDEX IF NOT EXISTS delivery_history ON delivery (tenant, accepted_at, webhook, event, status);
CREATE INDEX IF NOT EXISTS delivery_due ON delivery (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS delivery_expiry ON delivery (expires_at);
CREATE TABLE IF NOT EXISTS replay (
	tenant TEXT NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL, created_at INTEGER NOT NULL, expires_at INTEGER NOT NULL,
	record BLOB NOT NULL, PRIMARY KEY (tenant, id)
);
CREATE INDEX IF NOT EXISTS replay_expiry ON replay (expires_at);
CREATE TABLE IF NOT EXISTS source (
	id TEXT PRIMARY KEY, tenant TEXT NOT NULL, record BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS source_tenant ON source (tenant, id);
CREATE TABLE IF NOT EXISTS deployment (
	tenant TEXT NOT NULL, id TEXT NOT NULL, registered_at INTEGER NOT NULL, environment TEXT NOT NULL,
	repository_id TEXT NOT NULL, expires_at INTEGER NOT NULL, record BLOB NOT NULL, PRIMARY KEY (tenant, id)
);
CREATE INDEX IF NOT EXISTS deployment_tenant ON deployment (tenant, registered_at, id, environment, repository_id);
CREATE INDEX IF NOT EXISTS deployment_expiry ON deployment (expires_at);
CREATE TABLE IF NOT EXISTS event_log (
	tenant TEXT NOT NULL, request TEXT NOT NULL, rev INTEGER NOT NULL, expires_at INTEGER NOT NULL, record BLOB NOT NULL,
	PRIMARY KEY (tenant, request)
);
CREATE INDEX IF NOT EXISTS event_log_expiry ON event_log (expires_at);
CREATE TABLE IF NOT EXISTS dialect (name TEXT PRIMARY KEY, version INTEGER NOT NULL, deleted INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS dialect_version (
	name TEXT NOT NULL, version INTEGER NOT NULL, record BLOB NOT NULL, PRIMARY KEY (name, version)
);
`

// Options are a Store's settings. The zero Options are production's.
type Options struct {
	Clock clock.Clock // says what has expired, to Expire alone
}

var _ store.Store = (*Store)(nil)

// Store is an open store. Its methods are safe for concurrent use.
type Store struct {
	db    *sqlitedb.DB
	clock clock.Clock

	mu    sync.Mutex
	stmts map[string]*sql.Stmt
}

// New opens or creates the store at path; "" is one in memory, gone at Close.
func New(path string, opts Options) (*Store, error) {
	db, err := sqlitedb.Open(path, schema)
	if err != nil {
		return nil, err
	}
	s := &Store{db: db, clock: opts.Clock, stmts: make(map[string]*sql.Stmt)}
	if err := db.Write(context.Background(), upgrade); err != nil {
		return nil, errors.Join(fmt.Errorf("upgrade: %w", err), s.Close())
	}
	return s, nil
}

// upgrade adds what a file made by an earlier version lacks.
func upgrade(tx *sqlitedb.Tx) error {
	for _, c := range []struct{ table, column, fill string }{
		{"pin", "stands_until", `UPDATE pin SET stands_until = expires_at`},
		{"webhook", "slow_since", `UPDATE webhook SET slow_since = 0`},
	} {
		var there bool
		err := tx.QueryRow(`SELECT count(*) > 0 FROM pragma_table_info(?) WHERE name = ?`, c.table, c.column).Scan(&there)
		if err != nil {
			return err
		}
		if there {
			continue
		}
		if _, err := tx.Exec(`ALTER TABLE ` + c.table + ` ADD COLUMN ` + c.column + ` INTEGER NOT NULL DEFAULT 0`); err != nil {
			return err
		}
		if _, err := tx.Exec(c.fill); err != nil {
			return err
		}
	}
	return nil
}

// Close lets the writes under way finish. Every call after it is Unavailable.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, stmt := range s.stmts {
		errs = append(errs, stmt.Close())
	}
	clear(s.stmts)
	return errors.Join(append(errs, s.db.Close())...)
}

// write runs fn as one transaction. When it returns an error fn may still be running: what fn sets is read only after nil.
func (s *Store) write(ctx context.Context, fn func(*sqlitedb.Tx) error) error {
	if err := s.db.Write(ctx, fn); err != nil {
		return fault(err)
	}
	return nil
}

// stmt prepares a query once. Queries must be few: their text holds no values.
func (s *Store) stmt(query string) (*sql.Stmt, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if stmt, ok := s.stmts[query]; ok {
		return stmt, nil
	}
	stmt, err := s.db.Read().Prepare(query)
	if err == nil {
		s.stmts[query] = stmt
	}
	return stmt, err
}

// row reads the one row of a query into dest and reports whether there is one.
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

// rows calls each for every row of a query until it answers false. A database in memory has one connection: each must
// not read from the store.
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

// passing reports whether an error code of SQLite's may be gone the next time.
func passing(code int) bool {
	switch code & 0xff {
	case codes.SQLITE_BUSY, codes.SQLITE_LOCKED, codes.SQLITE_INTERRUPT, codes.SQLITE_IOERR, codes.SQLITE_FULL,
		codes.SQLITE_CANTOPEN, codes.SQLITE_NOMEM:
		return true
	}
	return false
}

// fault puts an error in the domain's terms. What database/sql and the context say is passing; what SQLite says
// mostly is not; a record that cannot be read never is.
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
