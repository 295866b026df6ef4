// Package seal encrypts the few values that must not be readable where they are stored: signing secrets and custom
// headers.
//
// It is envelope encryption. A Keyring hands out data keys, and Box encrypts with them by AES-256-GCM. The associated
// data binds a sealed value to its place, so it cannot be moved to another tenant or webhook. The length of a value is
// not hidden.
package seal

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"

	"hookline/shared/webhook"
)

// Keyring holds data keys, each by an id of 1 to 255 bytes. Ids are not secret.
type Keyring interface {
	// Current returns the key to seal with now.
	Current(ctx context.Context) (id string, key Key, err error)
	// Key returns a key that Current returned at some time.
	Key(ctx context.Context, id string) (Key, error)
}

// Key is a data key, ready to use: what AES computes of its bytes is computed once.
type Key struct{ aead cipher.AEAD }

// NewKey returns the key that 32 bytes are.
func NewKey(raw []byte) (Key, error) {
	block, err := aes.NewCipher(raw)
	if err != nil {
		return Key{}, fmt.Errorf("data key: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	return Key{aead}, err
}

// Box seals and opens. The zero Box is not usable.
type Box struct{ Keys Keyring }

// format is the first byte of every sealed value. After it come the length of the key's id in one byte, the id, the
// nonce and the ciphertext.
const format = 1

// ErrUnreadable reports bytes that were sealed for another place or by another keyring, or not at all.
var ErrUnreadable = errors.New("sealed value is not readable here")

// Seal encrypts plain for one place.
func (b Box) Seal(ctx context.Context, plain []byte, place string) (webhook.Sealed, error) {
	id, key, err := b.Keys.Current(ctx)
	if err != nil {
		return nil, fmt.Errorf("data key: %w", err)
	}
	out := append([]byte{format, byte(len(id))}, id...)
	nonce := make([]byte, key.aead.NonceSize())
	_, _ = rand.Read(nonce) // never fails since Go 1.24
	out = append(out, nonce...)
	return key.aead.Seal(out, nonce, plain, []byte(place)), nil
}

// Open decrypts a value that Seal returned for the same place.
func (b Box) Open(ctx context.Context, sealed webhook.Sealed, place string) ([]byte, error) {
	if len(sealed) < 2 || sealed[0] != format || len(sealed) < 2+int(sealed[1]) {
		return nil, ErrUnreadable
	}
	id, rest := string(sealed[2:2+sealed[1]]), sealed[2+sealed[1]:]
	key, err := b.Keys.Key(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("data key %s: %w", id, err)
	}
	if len(rest) < key.aead.NonceSize() {
		return nil, ErrUnreadable
	}
	plain, err := key.aead.Open(nil, rest[:key.aead.NonceSize()], rest[key.aead.NonceSize():], []byte(place))
	if err != nil {
		return nil, ErrUnreadable
	}
	return plain, nil
}

// SecretPlace is the place of one version of a webhook's signing secret.
func SecretPlace(ref webhook.Ref, version int) string {
	return fmt.Sprintf("secret\x00%s\x00%s\x00%d", ref.Tenant, ref.ID, version)
}

// SourcePlace is the place of the secret of a source of deployments.
func SourcePlace(tenant, id string) string {
	return fmt.Sprintf("source\x00%s\x00%s", tenant, id)
}

// HeadersPlace is the place of a webhook's custom headers.
func HeadersPlace(ref webhook.Ref) string {
	return fmt.Sprintf("headers\x00%s\x00%s", ref.Tenant, ref.ID)
}

// AnswerPlace is the place of an answer that is kept for an Idempotency-Key.
func AnswerPlace(tenant, scope, key string) string {
	return fmt.Sprintf("answer\x00%s\x00%s\x00%s", tenant, scope, key)
}
