package sqlitedb

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// exec runs statements on a file, and copies the file and its log to another place while they are open, as a kill leaves
// them.
func exec(t *testing.T, path, copyTo, statements string) {
	t.Helper()
	db, err := sql.Open("sqlite", uri(path)+"?_pragma=journal_mode(WAL)")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if _, err := db.Exec(statements); err != nil {
		t.Fatal(err)
	}
	if copyTo == "" {
		return
	}
	for _, suffix := range []string{"", "-wal"} {
		b, err := os.ReadFile(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(copyTo+suffix, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// earlier makes a folder of two files, of version 1, whose logs are not folded in.
func earlier(t *testing.T) (dir string) {
	t.Helper()
	dir, made := t.TempDir(), t.TempDir()
	exec(t, filepath.Join(made, "store"), filepath.Join(dir, FileName), `PRAGMA user_version = 1;
		CREATE TABLE tenant (id TEXT PRIMARY KEY, version INTEGER NOT NULL, created_at INTEGER NOT NULL, record BLOB NOT NULL) WITHOUT ROWID;
		INSERT INTO tenant VALUES ('acme', 1, 1, '{}')`)
	exec(t, filepath.Join(made, "queue"), filepath.Join(dir, QueueFileName), `PRAGMA user_version = 1;
		CREATE TABLE queue (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
		CREATE TABLE message (seq INTEGER PRIMARY KEY, queue, state, grp, at, sent, first, received, count, origin);
		CREATE TABLE body (seq INTEGER PRIMARY KEY, body TEXT NOT NULL);
		INSERT INTO queue VALUES (3, 'DeliveryQueue');
		INSERT INTO message VALUES (7, 3, 0, 'g', 1, 2, 0, 0, 0, ''), (8, 3, 3, '', 5, 2, 3, 4, 1, 'other');
		INSERT INTO body VALUES (7, 'seven'), (8, 'eight')`) // it ended before it had made the table of moves
	return dir
}

// TestTakeover opens a folder of two files in every state that a kill can leave it in while it is taken over.
func TestTakeover(t *testing.T) {
	undone := errors.New("killed")
	copied := func(t *testing.T, dir string) {
		t.Helper()
		path := filepath.Join(dir, FileName)
		pool, err := openPool(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(migrate(t.Context(), pool, path, steps()[:1]), pool.Close()); err != nil {
			t.Fatal(err)
		}
	}
	rename := func(t *testing.T, dir, suffix string) {
		t.Helper()
		if err := os.Rename(filepath.Join(dir, QueueFileName+suffix), filepath.Join(dir, OldQueueFileName+suffix)); err != nil {
			t.Fatal(err)
		}
	}
	for name, left := range map[string]func(t *testing.T, dir string){
		"as it was": func(*testing.T, string) {},
		"while it was copied": func(t *testing.T, dir string) {
			half := func(m *migration) error {
				if _, err := attachQueues(m); err != nil {
					return err
				}
				return m.commit(firstStep, func() error { return errors.Join(m.exec(tables), copyQueues(m), undone) })
			}
			if _, err := open(filepath.Join(dir, FileName), []step{half}); !errors.Is(err, undone) {
				t.Fatalf("got %v, want %v", err, undone)
			}
		},
		"copied": copied,
		"copied, its log still beside it": func(t *testing.T, dir string) {
			before := earlier(t)
			copied(t, dir)
			for _, name := range []string{QueueFileName, QueueFileName + "-wal"} {
				if err := os.Rename(filepath.Join(before, name), filepath.Join(dir, name)); err != nil {
					t.Fatal(err)
				}
			}
		},
		"its log put away": func(t *testing.T, dir string) {
			before := earlier(t)
			copied(t, dir)
			for _, name := range []string{QueueFileName, QueueFileName + "-wal"} {
				if err := os.Rename(filepath.Join(before, name), filepath.Join(dir, name)); err != nil {
					t.Fatal(err)
				}
			}
			rename(t, dir, "-wal")
		},
		"put away": func(t *testing.T, dir string) {
			copied(t, dir)
			rename(t, dir, "")
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := earlier(t)
			path := filepath.Join(dir, FileName)
			left(t, dir)
			for range 2 {
				db, err := Open(path)
				if err != nil {
					t.Fatal(err)
				}
				var got string
				err = db.Read().QueryRow(`SELECT (SELECT group_concat(id) FROM tenant) || ' ' || (SELECT name FROM queue WHERE id = 3) || ' ' ||
					(SELECT group_concat(seq || state || grp || at || sent || first || received || count || origin || body.body) FROM message JOIN body USING (seq)) ||
					' ' || (SELECT count(*) FROM move) || ' ' || (SELECT user_version FROM pragma_user_version)`).Scan(&got)
				if want := "acme DeliveryQueue 70g12000seven,8352341othereight 0 7"; err != nil || got != want {
					t.Errorf("got %q, %v, want %q", got, err, want)
				}
				if err := db.Close(); err != nil {
					t.Fatal(err)
				}
				if has, err := HasQueues(path); !has || err != nil {
					t.Errorf("got %t, %v, want that it has the queues", has, err)
				}
			}
			if _, err := os.Stat(filepath.Join(dir, QueueFileName)); !os.IsNotExist(err) {
				t.Errorf("the queues' file: got %v, want it gone", err)
			}
			exec(t, filepath.Join(dir, OldQueueFileName), "", `SELECT body FROM body WHERE seq = 8`)
			exec(t, filepath.Join(dir, QueueFileName), "", `CREATE TABLE queue (id)`)
			if _, err := Open(path); err == nil || !strings.Contains(err.Error(), "queue.db lies beside it") {
				t.Errorf("with queues of another folder: got %v, want it refused", err)
			}
		})
	}
}

// TestRefused shows what is said of a file that cannot be opened, and that it stays as it is.
func TestRefused(t *testing.T) {
	for name, tt := range map[string]struct {
		file, statements string
		want             string
	}{
		"a later version":            {FileName, `PRAGMA user_version = 8`, "store.db was written by a later version of this program (its schema is 8, known are those up to 7): run that one"},
		"queues of a later version":  {QueueFileName, `PRAGMA user_version = 2`, "queue.db was written by a later version of this program (its schema is 2, known are those up to 1): run that one"},
		"queues that are not queues": {QueueFileName, `DROP TABLE body; CREATE TABLE body (seq)`, "no such column: body"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := earlier(t)
			exec(t, filepath.Join(dir, tt.file), "", tt.statements)
			if _, err := Open(filepath.Join(dir, FileName)); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want an error with %q", err, tt.want)
			}
			if has, err := HasQueues(filepath.Join(dir, FileName)); err != nil || has != (tt.file == FileName) {
				t.Errorf("got %t, %v, want that the version is what it was", has, err)
			}
			exec(t, filepath.Join(dir, QueueFileName), "", `SELECT seq FROM body`)
		})
	}
}
