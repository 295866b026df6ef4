package sqlitedb

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
)

// oneTable is a schema for these tests.
func oneTable() []step {
	return []step{func(m *migration) error {
		return m.commit(firstStep, func() error { return m.exec(`CREATE TABLE t (n INTEGER PRIMARY KEY)`) })
	}}
}

func TestWrite(t *testing.T) {
	for name, path := range map[string]string{"memory": "", "file": filepath.Join(t.TempDir(), "50%25 of?mode=memory#db")} {
		t.Run(name, func(t *testing.T) {
			db, err := open(path, oneTable())
			if err != nil {
				t.Fatal(err)
			}
			refused := errors.New("refused")
			var wg sync.WaitGroup
			for n := range 200 {
				wg.Go(func() {
					err := db.Write(t.Context(), func(tx *Tx) error {
						if _, err := tx.Exec("INSERT INTO t VALUES (?)", n); err != nil {
							return err
						}
						if n%4 == 0 {
							return refused
						}
						return nil
					})
					if got, want := err, error(nil); n%4 != 0 && got != want {
						t.Errorf("write %d: got %v, want %v", n, got, want)
					} else if n%4 == 0 && !errors.Is(err, refused) {
						t.Errorf("write %d: got %v, want %v", n, err, refused)
					}
				})
			}
			wg.Wait()
			var count, wrong int
			if err := db.Read().QueryRow("SELECT count(*), sum(n%4=0) FROM t").Scan(&count, &wrong); err != nil {
				t.Fatal(err)
			}
			if count != 150 || wrong != 0 {
				t.Errorf("got %d rows, %d of refused writes, want 150 and 0", count, wrong)
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			if err := db.Close(); err != nil {
				t.Errorf("closing again: got %v, want nil", err)
			}
			if err := db.Write(t.Context(), func(*Tx) error { return nil }); !errors.Is(err, ErrClosed) {
				t.Errorf("write after close: got %v, want %v", err, ErrClosed)
			}
			if path != "" {
				if _, err := os.Stat(path); err != nil {
					t.Errorf("the file is not where it was asked for: %v", err)
				}
			}
		})
	}
}

// TestLost has one of two writes in a group end the transaction that both are in.
func TestLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db, err := open("", oneTable())
		if err != nil {
			t.Fatal(err)
		}
		var before, after uint64
		busy := make(chan struct{})
		results := make(chan error, 3)
		for _, fn := range []func(*Tx) error{
			func(tx *Tx) error { <-busy; before = tx.Lost(); return nil },
			func(tx *Tx) error { _, err := tx.Exec("INSERT INTO t VALUES (1)"); return err },
			func(tx *Tx) error { _, err := tx.Exec("ROLLBACK"); return err },
		} {
			go func() { results <- db.Write(t.Context(), fn) }()
			synctest.Wait() // so that the second and third wait while the writer is busy
		}
		close(busy)
		var failed int
		for range 3 {
			if err := <-results; err != nil {
				failed++
			}
		}
		if failed != 2 {
			t.Errorf("got %d failed writes, want 2", failed)
		}
		var count int
		err = db.Write(t.Context(), func(tx *Tx) error {
			after = tx.Lost()
			return tx.QueryRow("SELECT count(*) FROM t").Scan(&count)
		})
		if err != nil || count != 0 || after != before+1 {
			t.Errorf("got %d rows, %d groups lost and %v, want 0 and %d", count, after, err, before+1)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestPrepared runs more statements than are kept prepared.
func TestPrepared(t *testing.T) {
	db, err := open(filepath.Join(t.TempDir(), "db"), oneTable())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	err = db.Write(t.Context(), func(tx *Tx) error {
		for round := range 2 {
			for n := range maxPrepared + 10 {
				if _, err := tx.Exec(fmt.Sprintf("INSERT INTO t VALUES (%d + ?)", n), round*10_000); err != nil {
					return err
				}
				var got int
				if err := tx.QueryRow("SELECT max(n) FROM t WHERE n >= ?", round*10_000).Scan(&got); err != nil || got != n+round*10_000 {
					return fmt.Errorf("got %d and %w, want %d", got, err, n+round*10_000)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	err = db.Write(t.Context(), func(tx *Tx) error {
		_, err := tx.Exec("INSERT INTO nothing VALUES (1)")
		return err
	})
	if err == nil {
		t.Error("a statement about no table: got no error")
	}
}

// TestLazy shows which writes wait for the disk. SQLite numbers the levels: 1 is NORMAL, 2 is FULL.
func TestLazy(t *testing.T) {
	db, err := open(filepath.Join(t.TempDir(), "db"), oneTable())
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, tt := range []struct {
		name  string
		write func(context.Context, func(*Tx) error) error
		level int
	}{{"sure", db.WriteSure, 2}, {"lazy", db.WriteLazy, 1}, {"lazy again", db.WriteLazy, 1}, {"with a savepoint", db.Write, 2}} {
		level := 0
		err := tt.write(t.Context(), func(tx *Tx) error {
			n++
			if _, err := tx.Exec("INSERT INTO t VALUES (?)", n); err != nil {
				return err
			}
			return tx.QueryRow("SELECT synchronous FROM pragma_synchronous").Scan(&level)
		})
		if err != nil || level != tt.level {
			t.Errorf("%s: got %v and level %d, want %d", tt.name, err, level, tt.level)
		}
	}
	var rows int
	if err := errors.Join(db.Read().QueryRow("SELECT count(*) FROM t").Scan(&rows), db.Close()); err != nil || rows != n {
		t.Errorf("got %d rows, %v, want %d", rows, err, n)
	}
}

// TestSure shows what an error undoes: nothing of others where its write had changed nothing, and else the whole commit.
func TestSure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db, err := open("", oneTable())
		if err != nil {
			t.Fatal(err)
		}
		refused := errors.New("refused")
		insert := func(n int, err error) func(*Tx) error {
			return func(tx *Tx) error {
				if n == 0 {
					return err
				}
				_, failed := tx.Exec("INSERT INTO t VALUES (?)", n)
				return errors.Join(failed, err)
			}
		}
		// group commits two writes together and returns the first one's error.
		group := func(first, second func(*Tx) error) error {
			busy, got := make(chan struct{}), make(chan error, 1)
			go db.Write(t.Context(), func(*Tx) error { <-busy; return nil })
			synctest.Wait()
			go func() { got <- db.WriteSure(t.Context(), first) }()
			synctest.Wait()
			go db.WriteSure(t.Context(), second)
			synctest.Wait()
			close(busy)
			return <-got
		}
		if err := group(insert(1, nil), insert(0, refused)); err != nil {
			t.Errorf("beside a write that changed nothing: got %v, want nil", err)
		}
		if err := group(insert(2, nil), insert(3, refused)); !errors.Is(err, refused) {
			t.Errorf("beside a write that failed after a change: got %v, want %v", err, refused)
		}
		var rows int
		if err := errors.Join(db.Read().QueryRow("SELECT count(*) FROM t").Scan(&rows), db.Close()); err != nil || rows != 1 {
			t.Errorf("got %d rows, %v, want 1", rows, err)
		}
	})
}
