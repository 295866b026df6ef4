package sqlitedb

import (
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Names of the files in a folder.
const (
	// FileName is the file that everything is in. Only a file of this name takes over the queues of version 1.
	FileName = "store.db"
	// QueueFileName is the file beside it that the queues were in until version 1 of the schema.
	QueueFileName = "queue.db"
	// OldQueueFileName is the name of that file once its messages are in FileName.
	OldQueueFileName = "queue.db.old"
)

// HasQueues reports whether the file at path has the queues in it. Those of version 1 and before have them beside it. It
// changes nothing.
func HasQueues(path string) (has bool, err error) {
	pool, err := sql.Open("sqlite", uri(path)+"?mode=ro&_pragma=busy_timeout(10000)")
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, pool.Close()) }()
	var version int
	if err := pool.QueryRow(`PRAGMA user_version`).Scan(&version); err != nil {
		return false, fmt.Errorf("%s cannot be read: %w", path, err)
	}
	return version >= firstStep, nil
}

// queueFile returns the path of the queues' old file beside the file, and whether there is something in it.
func queueFile(path string) (string, bool, error) {
	beside := filepath.Join(filepath.Dir(path), QueueFileName)
	info, err := os.Stat(beside)
	if errors.Is(err, fs.ErrNotExist) {
		return beside, false, nil
	}
	return beside, err == nil && info.Size() > 0, err
}

// attachQueues attaches the queues' old file as "old" and returns its path, or "" if there is none.
func attachQueues(m *migration) (string, error) {
	path, there, err := queueFile(m.path)
	if err != nil || !there {
		return "", err
	}
	if path, err = filepath.Abs(path); err != nil { // a relative one could be taken for a URI
		return "", err
	}
	if _, err := m.conn.ExecContext(m.ctx, `ATTACH ? AS old`, path); err != nil {
		return "", fmt.Errorf("%s cannot be read: %w", path, err)
	}
	version, err := m.version("old")
	if err != nil {
		err = fmt.Errorf("%s cannot be read: %w", path, err)
	} else if version >= firstStep {
		err = laterVersion(path, version, firstStep-1)
	}
	if err != nil {
		return "", errors.Join(err, m.exec(`DETACH old`))
	}
	return path, nil
}

// copyQueues copies all that is in the queues' old file. A first start that ended early may have left some of its tables
// out.
func copyQueues(m *migration) error {
	for table, columns := range map[string]string{
		"queue":   "id, name",
		"message": "seq, queue, state, grp, at, sent, first, received, count, origin",
		"body":    "seq, body",
		"move":    "seq, queue, destination, status, moved, to_move, rate, started",
	} {
		there, err := m.has(`SELECT * FROM old.sqlite_master WHERE type = 'table' AND name = ?`, table)
		if err != nil {
			return err
		}
		if !there {
			continue
		}
		if err := m.exec(`INSERT INTO main.` + table + ` (` + columns + `) SELECT ` + columns + ` FROM old.` + table); err != nil {
			return err
		}
	}
	return nil
}

// putQueuesAway makes version 3: the queues' old file has a name that no program opens. Version 2 says that its messages
// are in the new file, so a crash in between neither loses nor repeats any.
func putQueuesAway(m *migration) error {
	if m.path != "" && filepath.Base(m.path) == FileName {
		folder := filepath.Dir(m.path)
		// The log of changes goes first: with it the file is whole under its new name, too.
		for _, suffix := range []string{"-wal", ""} {
			err := os.Rename(filepath.Join(folder, QueueFileName+suffix), filepath.Join(folder, OldQueueFileName+suffix))
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
		if err := os.Remove(filepath.Join(folder, QueueFileName+"-shm")); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err := syncFolder(folder); err != nil {
			return err
		}
	}
	return m.commit(3, func() error { return nil })
}

// syncFolder makes the names in a folder survive a loss of power.
func syncFolder(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// strayQueues reports an error where queues of version 1 lie beside a file that has its own.
func strayQueues(path string) error {
	if filepath.Base(path) != FileName {
		return nil
	}
	stray, there, err := queueFile(path)
	if err != nil || !there {
		return err
	}
	return fmt.Errorf("%s has the queues in it, and %s lies beside it, which is from an older back-up or another folder: "+
		"restore all files from one back-up, or move %s away to go on without it", path, stray, QueueFileName)
}
