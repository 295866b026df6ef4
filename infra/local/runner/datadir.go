package runner

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"hookline/shared/clock"
	"hookline/shared/webhook"
)

// dataDir is the folder that everything survives in.
type dataDir struct {
	path string
	lock *os.File
}

// openDataDir makes the folder and takes it for this process: two writers would ruin it. The lock is on the folder itself,
// which nobody can remove while the files in it are used.
func openDataDir(path string) (*dataDir, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("DATA_DIR: %w", err)
	}
	lock, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("DATA_DIR: %w", err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("DATA_DIR %s is in use by another process", path), lock.Close())
	}
	if err := keepPrivate(path); err != nil {
		return nil, errors.Join(fmt.Errorf("DATA_DIR: %w", err), lock.Close())
	}
	return &dataDir{path: path, lock: lock}, nil
}

// keepPrivate makes the files in a folder readable by their owner alone: they hold keys and customers' data. Files that
// are made later are made so.
func keepPrivate(path string) error {
	root, err := os.OpenRoot(path) // out of which no link leads, whatever is made meanwhile
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	return fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		return root.Chmod(name, 0o600)
	})
}

func (d *dataDir) file(name string) string { return filepath.Join(d.path, name) }

// close lets go of the folder.
func (d *dataDir) close() error { return d.lock.Close() }

// has reports whether the folder has a file of that name with something in it.
func (d *dataDir) has(name string) (bool, error) {
	info, err := os.Stat(d.file(name))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && info.Size() > 0, err
}

// key returns the key kept in a file, making it the first time.
func (d *dataDir) key(name, prefix string) (string, error) {
	b, err := os.ReadFile(d.file(name))
	if err == nil && len(strings.TrimSpace(string(b))) > len(prefix) {
		return strings.TrimSpace(string(b)), nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	key := webhook.NewAPIKey(prefix)
	return key, d.write(name, []byte(key+"\n"))
}

// clock returns the folder's clock, which goes on from where it was: through restarts, and from one speed to another.
func (d *dataDir) clock(speed float64, now time.Time) (clock.Clock, error) {
	c := clock.Clock{Real: now, Anchor: now, Speed: speed}
	b, err := os.ReadFile(d.file("clock.json"))
	switch {
	case err == nil:
		var old clock.Clock
		if err := json.Unmarshal(b, &old); err != nil {
			return c, fmt.Errorf("clock.json: %w", err)
		}
		if old.Speed == speed {
			return old, nil
		}
		c.Anchor = old.At(now)
	case !errors.Is(err, fs.ErrNotExist):
		return c, err
	}
	if b, err = json.Marshal(c); err != nil {
		return c, err
	}
	return c, d.write("clock.json", b)
}

// write replaces a file as a whole: a crash leaves the old one or the new one.
func (d *dataDir) write(name string, b []byte) error {
	tmp := d.file(name + ".new")
	f, err := os.OpenFile(tmp, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(tmp, d.file(name))
}
