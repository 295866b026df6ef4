package seal

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// File is the Keyring of one machine: a single key in a file that only its owner can read.
type File struct{ key []byte }

const fileKeyID = "file"

// OpenFile reads the key file at path, making it the first time.
func OpenFile(path string) (*File, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		key := make([]byte, 32)
		_, _ = rand.Read(key) // never fails since Go 1.24
		// Written whole under another name first: half a key would make every secret sealed with it unreadable.
		if err := writeSynced(path, hex.AppendEncode(nil, key)); err != nil {
			return nil, err
		}
		return &File{key: key}, nil
	}
	if err != nil {
		return nil, err
	}
	key, err := hex.DecodeString(string(text))
	if err != nil || len(key) != 32 {
		return nil, fmt.Errorf("%s is not a key file", path)
	}
	return &File{key: key}, nil
}

func writeSynced(path string, data []byte) error {
	f, err := os.OpenFile(path+".new", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(path+".new", path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// Current returns the file's key.
func (f *File) Current(context.Context) (string, []byte, error) { return fileKeyID, f.key, nil }

// Key returns the file's key.
func (f *File) Key(_ context.Context, id string) ([]byte, error) {
	if id != fileKeyID {
		return nil, ErrUnreadable
	}
	return f.key, nil
}
