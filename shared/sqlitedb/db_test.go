package sqlitedb

import (
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
