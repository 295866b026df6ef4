// Package kms is the keyring of a stack on AWS. Its data keys are wrapped by a KMS key.
//
// There is one data key for each stack and calendar month (UTC). It is made when it is first needed, wrapped by KMS,
// bound to the stack and month by the encryption context, and kept wrapped in the stack's store. If two processes make
// one at once, the first that is stored is used. An unwrapped key is held in memory for an hour, so sealing and opening
// cost next to no calls, and a KMS key that is disabled stops everything within the hour.
//
// If the store is lost, the data keys are lost with it, and so is every sealed value; deleting the KMS key has the same
// effect. If the KMS key is another than before, its first use is an error: it unwraps no data key, and no new data key
// is made with it.
package kms

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/smithy-go"

	"hookline/shared/metrics"
	"hookline/shared/seal"
	"hookline/shared/webhook"
)

// API is the part of *kms.Client that is used.
type API interface {
	GenerateDataKey(ctx context.Context, in *kms.GenerateDataKeyInput, opts ...func(*kms.Options)) (*kms.GenerateDataKeyOutput, error)
	Decrypt(ctx context.Context, in *kms.DecryptInput, opts ...func(*kms.Options)) (*kms.DecryptOutput, error)
}

// Shelf keeps wrapped keys. A key that is there already stays, so of two keys for one month one is used. A read finds
// what was written before it.
type Shelf interface {
	PutPayload(ctx context.Context, tenant, ref string, body []byte, expires time.Time) error
	Payloads(ctx context.Context, tenant string, refs []string) (map[string][]byte, error)
}

// Keyring is a seal.Keyring. Its exported fields are set before use.
type Keyring struct {
	API   API
	KeyID string // of the KMS key: id or ARN
	Stack string // data keys are bound to it
	Shelf Shelf
	Now   func() time.Time // nil is real time

	mu   sync.Mutex
	held map[string]holding
}

// Open returns the keyring of a stack in the account and region that cfg is for.
func Open(cfg aws.Config, keyID, stack string, shelf Shelf) *Keyring {
	return &Keyring{API: kms.NewFromConfig(cfg), KeyID: keyID, Stack: stack, Shelf: shelf}
}

// holding is an unwrapped key in memory.
type holding struct {
	key   seal.Key
	until time.Time
}

const (
	// keep is how long an unwrapped key is held.
	keep = time.Hour
	// ShelfTenant is the tenant under which wrapped keys are kept. No real tenant can have this id, so none can read or
	// delete them.
	ShelfTenant = "@keys"
	monthFormat = "2006-01"
	// oldest is the name under which the stack's first data key is kept a second time, besides its month's. A later
	// month begins with it.
	oldest = "oldest"
)

// never is when a wrapped key expires. The values that it sealed may be read as long as the stack lives.
func never() time.Time { return time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC) }

// Current returns the key of this month. It makes the key if there is none.
func (k *Keyring) Current(ctx context.Context) (string, seal.Key, error) {
	id := k.now().UTC().Format(monthFormat)
	key, err := k.hold(ctx, id, true)
	return id, key, err
}

// Key returns the key of a month. A key that was never made is seal.ErrUnreadable.
func (k *Keyring) Key(ctx context.Context, id string) (seal.Key, error) {
	return k.hold(ctx, id, false)
}

// hold returns the key from memory, or unwraps it. It holds the lock meanwhile, because everybody else who waits wants
// the same key, except in the hours after a month's end.
func (k *Keyring) hold(ctx context.Context, id string, create bool) (seal.Key, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if h, ok := k.held[id]; ok && k.now().Before(h.until) {
		return h.key, nil
	}
	raw, err := k.unwrap(ctx, id)
	if create && errors.Is(err, seal.ErrUnreadable) {
		raw, err = k.create(ctx, id)
	}
	if err != nil {
		return seal.Key{}, err
	}
	key, err := seal.NewKey(raw)
	if err != nil {
		return seal.Key{}, err
	}
	if k.held == nil {
		k.held = make(map[string]holding)
	}
	k.held[id] = holding{key: key, until: k.now().Add(keep)}
	return key, nil
}

func (k *Keyring) unwrap(ctx context.Context, id string) ([]byte, error) {
	found, err := k.Shelf.Payloads(ctx, ShelfTenant, []string{id})
	if err != nil {
		return nil, err
	}
	wrapped, ok := found[id]
	if !ok {
		return nil, seal.ErrUnreadable
	}
	out, err := k.API.Decrypt(ctx, &kms.DecryptInput{
		KeyId: &k.KeyID, CiphertextBlob: wrapped, EncryptionContext: k.context(id),
	})
	if err != nil {
		return nil, fault(ctx, "unwrapping", err)
	}
	return out.Plaintext, nil
}

// create makes the key of a month. If the process ends after the key is made and before it is stored, nothing is left
// behind.
func (k *Keyring) create(ctx context.Context, id string) ([]byte, error) {
	known, err := k.recognised(ctx)
	if err != nil {
		return nil, err
	}
	out, err := k.API.GenerateDataKey(ctx, &kms.GenerateDataKeyInput{
		KeyId: &k.KeyID, KeySpec: types.DataKeySpecAes256, EncryptionContext: k.context(id),
	})
	if err != nil {
		return nil, fault(ctx, "making", err)
	}
	if err := k.Shelf.PutPayload(ctx, ShelfTenant, id, out.CiphertextBlob, never()); err != nil {
		return nil, err
	}
	if !known {
		if err := k.Shelf.PutPayload(ctx, ShelfTenant, oldest, append([]byte(id), out.CiphertextBlob...), never()); err != nil {
			return nil, err
		}
	}
	return k.unwrap(ctx, id) // another process's key, if that was faster
}

// recognised reports whether the KMS key unwraps the stack's first data key. It returns false if there is no data key
// yet. It is an error if the KMS key does not unwrap it: sealed values could not be opened any more, and a new data key
// would hide that until somebody needs one.
func (k *Keyring) recognised(ctx context.Context) (bool, error) {
	found, err := k.Shelf.Payloads(ctx, ShelfTenant, []string{oldest})
	first, ok := found[oldest]
	if err != nil || !ok || len(first) < len(monthFormat) {
		return false, err
	}
	month, _, wrapped := Wrapped(oldest, first)
	_, err = k.API.Decrypt(ctx, &kms.DecryptInput{KeyId: &k.KeyID, CiphertextBlob: wrapped, EncryptionContext: k.context(month)})
	if err != nil {
		return false, fault(ctx, "with a KMS key that does not open the stack's secrets: unwrapping", err)
	}
	return true, nil
}

func (k *Keyring) context(id string) map[string]string { return Context(k.Stack, id) }

// Context is the encryption context that KMS binds the wrapping of a month's data key to and writes in its log. Nothing in it
// is secret.
func Context(stack, month string) map[string]string {
	return map[string]string{"hookline:stack": stack, "hookline:month": month}
}

// Wrapped takes what is kept under a name apart: the month of the data key, what stands before its wrapping, and this.
func Wrapped(name string, kept []byte) (month string, before, wrapped []byte) {
	if name != oldest || len(kept) < len(monthFormat) {
		return name, nil, kept
	}
	return string(kept[:len(monthFormat)]), kept[:len(monthFormat)], kept[len(monthFormat):]
}

func (k *Keyring) now() time.Time {
	if k.Now != nil {
		return k.Now()
	}
	return time.Now()
}

// fault counts a fault of KMS. It tells one that may pass, and that trying again may help, from one that stays.
func fault(ctx context.Context, doing string, err error) error {
	metrics.Add(ctx, metrics.KeyErrors, 1)
	passing := retry.IsErrorRetryables(retry.DefaultRetryables).IsErrorRetryable(err) == aws.TrueTernary
	if e, ok := errors.AsType[smithy.APIError](err); ok && e.ErrorFault() == smithy.FaultServer {
		passing = true
	}
	if passing || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return webhook.ErrUnavailable(err)
	}
	return fmt.Errorf("%s a data key: %w", doing, err)
}
