package seal

import (
	"context"
	"crypto/sha256"
)

// Static is a keyring of one key that does not change, for a single machine.
type Static struct{ key []byte }

const staticID = "static"

// NewStatic returns the keyring that is made from a secret. The secret should carry 128 random bits or more.
func NewStatic(secret string) Static {
	key := sha256.Sum256([]byte(secret))
	return Static{key: key[:]}
}

// Current returns the key.
func (s Static) Current(context.Context) (string, []byte, error) { return staticID, s.key, nil }

// Key returns the key.
func (s Static) Key(_ context.Context, id string) ([]byte, error) {
	if id != staticID {
		return nil, ErrUnreadable
	}
	return s.key, nil
}
