package sqlitedb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
)

// step is one numbered change of the schema. It ends with commit, which keeps the change and its number together.
type step func(*migration) error

// steps returns the changes of the schema in order, the first of which makes version 2. A step that was released never
// changes: a later one corrects what it got wrong. Steps are run as the file is opened, before anything else uses it. The
// file's user_version is the number of the last step that was committed, so a crash between two steps is made up for at
// the next start. A program refuses a file of a version that it does not know.
//
// Versions 0 and 1 are the files of programs that had no numbered steps. They kept the queues in a file of their own.
func steps() []step {
	return []step{oneFile, putQueuesAway, smallBodies, auditLog, statistics, operators}
}

// firstStep is the version that the first step makes.
const firstStep = 2

// migration is a file on its way to the present version.
type migration struct {
	ctx  context.Context
	conn *sql.Conn
	path string // "" in memory
}

// migrate runs the steps that the file lacks.
func migrate(ctx context.Context, pool *sql.DB, path string, steps []step) (err error) {
	conn, err := pool.Conn(ctx)
	if err != nil {
		return fmt.Errorf("%s cannot be read: %w", path, err)
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	m := &migration{ctx: ctx, conn: conn, path: path}
	version, err := m.version("main")
	if err != nil {
		return fmt.Errorf("%s cannot be read: %w", path, err)
	}
	if latest := firstStep - 1 + len(steps); version > latest {
		return laterVersion(path, version, latest)
	}
	for i, do := range steps {
		if n := firstStep + i; n > version {
			if err := do(m); err != nil {
				return fmt.Errorf("%s, step %d of the schema: %w", path, n, err)
			}
		}
	}
	return nil
}

func laterVersion(path string, version, known int) error {
	return fmt.Errorf("%s was written by a later version of this program (its schema is %d, known are those up to %d): run that one", path, version, known)
}

func (m *migration) version(database string) (n int, err error) {
	err = m.conn.QueryRowContext(m.ctx, `PRAGMA `+database+`.user_version`).Scan(&n)
	return n, err
}

// exec runs statements.
func (m *migration) exec(statements string) error {
	_, err := m.conn.ExecContext(m.ctx, statements)
	return err
}

// has reports whether a query finds a row.
func (m *migration) has(query string, args ...any) (found bool, err error) {
	err = m.conn.QueryRowContext(m.ctx, `SELECT EXISTS (`+query+`)`, args...).Scan(&found)
	return found, err
}

// commit runs change and sets the version in one transaction.
func (m *migration) commit(version int, change func() error) error {
	if err := m.exec(`BEGIN IMMEDIATE`); err != nil {
		return err
	}
	err := change()
	if err == nil {
		err = m.exec(fmt.Sprintf(`PRAGMA user_version = %d; COMMIT`, version))
	}
	if err != nil {
		return errors.Join(err, m.exec(`ROLLBACK`))
	}
	return nil
}

// tables is the schema of version 2. The times of the store's tables are Unix milliseconds, 0 for none; those of pace are
// microseconds. A delivery's next_at is set while the delivery is pending and NULL otherwise, which keeps delivery_due
// sparse. A pin's expires_at is its Until, and its stands_until its ExpiresAt.
//
// The times of the queues' tables are Unix milliseconds of the deployment's clock. Large bodies are apart from their
// messages, because a message's row is rewritten at every receive. A message is in one of its two indexes at a time.
const tables = `
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

CREATE TABLE IF NOT EXISTS queue (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS message (
	seq      INTEGER PRIMARY KEY, -- the message's identity, never used twice
	queue    INTEGER NOT NULL,
	state    INTEGER NOT NULL,    -- see type state of the queue engine
	grp      TEXT    NOT NULL,
	at       INTEGER NOT NULL,    -- since when it is visible, or when it will be
	sent     INTEGER NOT NULL,
	first    INTEGER NOT NULL,    -- first receive, 0 none
	received INTEGER NOT NULL,    -- last receive, 0 none
	count    INTEGER NOT NULL,    -- receives; part of the handle
	origin   TEXT    NOT NULL     -- queue that redrive took it from
);
CREATE INDEX IF NOT EXISTS message_visible ON message (queue, grp, at, seq) WHERE state = 0;
CREATE INDEX IF NOT EXISTS message_hidden ON message (queue, at) WHERE state <> 0;
CREATE TABLE IF NOT EXISTS body (seq INTEGER PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS move (
	seq         INTEGER PRIMARY KEY, -- from the same row of numbers as messages
	queue       INTEGER NOT NULL,
	destination TEXT    NOT NULL,    -- a queue's name, '' for where each message came from
	status      TEXT    NOT NULL,
	moved       INTEGER NOT NULL,
	to_move     INTEGER NOT NULL,
	rate        INTEGER NOT NULL,    -- messages a second, 0 no limit
	started     INTEGER NOT NULL
);`

// oneFile makes version 2: everything in one file. The tables are those of version 1. A file of an earlier program may
// lack some of them and some columns, and the queues are brought over from the file beside it.
func oneFile(m *migration) (err error) {
	queues := ""
	if m.path != "" && filepath.Base(m.path) == FileName {
		if queues, err = attachQueues(m); err != nil {
			return err
		}
	}
	err = m.commit(2, func() error {
		if err := m.exec(tables); err != nil {
			return err
		}
		if err := oldColumns(m); err != nil {
			return err
		}
		if queues == "" {
			return nil
		}
		return copyQueues(m)
	})
	if queues != "" {
		err = errors.Join(err, m.exec(`DETACH old`))
	}
	return err
}

// oldColumns adds to the tables of versions 0 and 1 the columns that their first programs did not have, and drops what
// the last ones no longer had.
func oldColumns(m *migration) error {
	for _, c := range []struct{ table, column, fill string }{
		{"pin", "stands_until", `UPDATE pin SET stands_until = expires_at`},
		{"webhook", "slow_since", ``},
	} {
		there, err := m.has(`SELECT * FROM pragma_table_info(?) WHERE name = ?`, c.table, c.column)
		if err != nil {
			return err
		}
		if there {
			continue
		}
		if err := m.exec(`ALTER TABLE ` + c.table + ` ADD COLUMN ` + c.column + ` INTEGER NOT NULL DEFAULT 0; ` + c.fill); err != nil {
			return err
		}
	}
	return m.exec(`DROP TABLE IF EXISTS slot; DROP INDEX IF EXISTS delivery_tenant`)
}

// smallBodies makes version 4: a small body is in its message's row, where it costs no statement of its own. The column is
// NULL for one that is in the table of bodies.
func smallBodies(m *migration) error {
	return m.commit(4, func() error { return m.exec(`ALTER TABLE message ADD COLUMN body TEXT`) })
}

// auditLog makes version 5: a table of who changed what. An entry of the stack itself has the tenant ”.
func auditLog(m *migration) error {
	return m.commit(5, func() error {
		return m.exec(`
CREATE TABLE audit (
	tenant TEXT NOT NULL, created_at INTEGER NOT NULL, id TEXT NOT NULL, expires_at INTEGER NOT NULL, record BLOB NOT NULL,
	PRIMARY KEY (tenant, created_at, id)
);
CREATE INDEX audit_expiry ON audit (expires_at)`)
	})
}

// statistics makes version 6: the index that deliveries are counted from has the time that the latest attempt of each waited
// for its answer, as webhook.Delivery.AnswerTime has it, NULL for none. Older deliveries have none. Beside it, the usage by
// day (its beginning in Unix milliseconds), and how many events a log item has, which older ones do not say.
func statistics(m *migration) error {
	return m.commit(6, func() error {
		return m.exec(`ALTER TABLE delivery ADD COLUMN answer INTEGER; DROP INDEX delivery_history;
			CREATE INDEX delivery_history ON delivery (tenant, accepted_at, webhook, event, status, answer);
			ALTER TABLE event_log ADD COLUMN events INTEGER NOT NULL DEFAULT 0;
			CREATE TABLE usage (
				tenant TEXT NOT NULL, day INTEGER NOT NULL, events INTEGER NOT NULL, deliveries INTEGER NOT NULL, attempts INTEGER NOT NULL,
				PRIMARY KEY (tenant, day)
			) WITHOUT ROWID`)
	})
}

// operators makes version 7: the indexes that those who run the stack read, of failed deliveries and of all replay jobs.
func operators(m *migration) error {
	return m.commit(7, func() error {
		return m.exec(`CREATE INDEX delivery_failed ON delivery (accepted_at) WHERE status = 'failed';
			CREATE INDEX replay_newest ON replay (id, tenant)`)
	})
}
