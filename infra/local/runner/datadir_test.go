package runner

import (
	"bytes"
	"context"
	"database/sql"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"hookline/shared/stack/stacktest"
)

// started makes a folder as a first start leaves it.
func started(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if said, err := startOnce(t, dir); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	return dir
}

// startOnce starts the system in this process and stops it as soon as it is ready. It returns what it printed.
func startOnce(t *testing.T, dir string) (string, error) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	out := &ready{then: stop}
	env := map[string]string{"PORT": "0", "DATA_DIR": dir, "ADMIN_KEY": stacktest.AdminKey}
	err := Main(ctx, func(name string) string { return env[name] }, out, nil)
	return out.String(), err
}

// ready is where a system prints; it calls then when the system says that it is ready.
type ready struct {
	bytes.Buffer
	then func()
}

func (r *ready) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte("Hookline is ready")) {
		r.then()
	}
	return r.Buffer.Write(p)
}

// TestLostFiles shows that a folder of which a part is lost, emptied or another's is refused by name: a system that started
// all the same would accept what it cannot deliver. A folder that is refused stays as it is.
func TestLostFiles(t *testing.T) {
	remove := func(names ...string) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			for _, name := range names {
				for _, file := range []string{name, name + "-wal", name + "-shm"} {
					if err := os.Remove(filepath.Join(dir, file)); err != nil && !os.IsNotExist(err) {
						t.Fatal(err)
					}
				}
			}
		}
	}
	empty := func(name string) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			remove(name)(t, dir)
			if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	spoil := func(name string) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			remove(name)(t, dir)
			if err := os.WriteFile(filepath.Join(dir, name), []byte(strings.Repeat("no database ", 1000)), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	later := func(name string) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			db, err := sql.Open("sqlite", filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := db.Exec("PRAGMA user_version = 99"); err != nil {
				t.Fatal(err)
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
	another := func(t *testing.T, dir string) {
		if err := os.WriteFile(filepath.Join(dir, "seal-key"), []byte("a key of another folder\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	type lost struct {
		change func(t *testing.T, dir string)
		want   string // in the error; "" starts
		opened bool   // it is refused only after its files have become one, which loses nothing
	}
	for layout, folder := range map[string]struct {
		made  func(t *testing.T) string
		cases map[string]lost
	}{
		"one file": {started, map[string]lost{
			"nothing":                         {func(*testing.T, string) {}, "", false},
			"the seal-key is gone":            {remove("seal-key"), "no seal-key", false},
			"the seal-key is empty":           {empty("seal-key"), "no seal-key", false},
			"the store is gone":               {remove("store.db"), "no store.db", false},
			"the store is empty":              {empty("store.db"), "no store.db", false},
			"everything is gone":              {remove("seal-key", "store.db", "complete"), "", false},
			"a first start ended halfway":     {remove("store.db", "complete"), "", false},
			"the seal-key is another's":       {another, "seal-key in DATA_DIR", false},
			"the store is of a later version": {later("store.db"), "written by a later version", false},
			"the store is no database":        {spoil("store.db"), "store.db cannot be read", false},
			"a queue lies beside it":          {spoil("queue.db"), "queue.db lies beside it", false},
		}},
		"two files": {folded, map[string]lost{
			"nothing":                         {func(*testing.T, string) {}, "", false},
			"the seal-key is gone":            {remove("seal-key"), "no seal-key", false},
			"the seal-key is empty":           {empty("seal-key"), "no seal-key", false},
			"the store is gone":               {remove("store.db"), "no store.db", false},
			"the store is empty":              {empty("store.db"), "no store.db", false},
			"the queue is gone":               {remove("queue.db"), "no queue.db", false},
			"the queue is empty":              {empty("queue.db"), "no queue.db", false},
			"store and queue are gone":        {remove("store.db", "queue.db"), "no store.db", false},
			"a queue is not wanted back":      {remove("queue.db", "complete"), "", false},
			"everything is gone":              {remove("seal-key", "store.db", "queue.db", "complete"), "", false},
			"a first start ended halfway":     {remove("store.db", "queue.db", "complete"), "", false},
			"the seal-key is another's":       {another, "seal-key in DATA_DIR", true},
			"the store is of a later version": {later("store.db"), "written by a later version", false},
			"the queue is of a later version": {later("queue.db"), "queue.db was written by a later version", false},
			"the store is no database":        {spoil("store.db"), "store.db cannot be read", false},
			"the queue is no database":        {spoil("queue.db"), "queue.db cannot be read", false},
		}},
	} {
		if testing.Short() && layout != "one file" { // under the race detector
			continue
		}
		for name, tt := range folder.cases {
			t.Run(layout+", "+name, func(t *testing.T) {
				dir := folder.made(t)
				tt.change(t, dir)
				before := sizes(t, dir)
				said, err := startOnce(t, dir)
				if tt.want == "" {
					if err != nil {
						t.Errorf("%v\n%s", err, said)
					}
					return
				}
				if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(said, "is ready") {
					t.Fatalf("got %v, want an error with %q", err, tt.want)
				}
				if tt.opened {
					return
				}
				after := sizes(t, dir)
				for name, size := range before {
					if got, ok := after[name]; (!ok || got != size) && !strings.HasSuffix(name, "-shm") && !strings.HasSuffix(name, "-wal") {
						t.Errorf("%s had %d bytes and has %d", name, size, got)
					}
				}
			})
		}
	}
}

func sizes(t *testing.T, dir string) map[string]int64 {
	t.Helper()
	got := make(map[string]int64)
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			got[path] = info.Size()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// TestPrivateFiles shows that nobody else can read the data, in whatever folder it is and however it was made.
func TestPrivateFiles(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	old := syscall.Umask(0)
	defer syscall.Umask(old)
	for range 2 {
		if said, err := startOnce(t, dir); err != nil {
			t.Fatalf("%v\n%s", err, said)
		}
		for name := range sizes(t, dir) {
			info, err := os.Stat(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			if got := info.Mode().Perm(); got != 0o600 {
				t.Errorf("%s has mode %o, want 600", name, got)
			}
			if err := os.Chmod(filepath.Join(dir, name), 0o644); err != nil { // as an earlier version left it
				t.Fatal(err)
			}
		}
	}
}

// TestOneProcess shows that a folder is one process's, also when somebody tidies up in it.
func TestOneProcess(t *testing.T) {
	path := t.TempDir()
	dir, err := openDataDir(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(path, "lock"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(path, "lock")); err != nil {
		t.Fatal(err)
	}
	if _, err := openDataDir(path); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("got %v, want that the folder is in use", err)
	}
	if err := dir.close(); err != nil {
		t.Fatal(err)
	}
	again, err := openDataDir(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := again.close(); err != nil {
		t.Fatal(err)
	}
}
