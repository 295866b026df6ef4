package seal

import (
	"context"
	"crypto/sha256"
)

// Static is a keyring of one key that does not change, for a single machine.
type Static struct{ key Key }

const staticID = "static"

// NewStatic returns the keyring that is made from a secret. The secret should carry 128 random bits or more.
func NewStatic(secret string) Static {
	raw := sha256.Sum256([]byte(secret))
	key, _ := NewKey(raw[:]) // they are 32
	return Static{key: key}
}

// Current returns the key.
func (s Static) Current(context.Context) (string, Key, error) { return staticID, s.key, nil }

// Key returns the key.
func (s Static) Key(_ context.Context, id string) (Key, error) {
	if id != staticID {
		return Key{}, ErrUnreadable
	}
	return s.key, nil
}
