package sqlitedb

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

const schema = `CREATE TABLE IF NOT EXISTS t (n INTEGER PRIMARY KEY)`

func TestWrite(t *testing.T) {
	for name, path := range map[string]string{"memory": "", "file": filepath.Join(t.TempDir(), "50%25 of?mode=memory#db")} {
		t.Run(name, func(t *testing.T) {
			db, err := Open(path, schema)
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
