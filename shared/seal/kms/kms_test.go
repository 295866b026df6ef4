package kms

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"hookline/shared/seal"
	"hookline/shared/store/sqlite"
	"hookline/shared/webhook"
)

// service works as KMS does, except that anybody can read what it wraps.
type service struct {
	mu            sync.Mutex
	made, opened  int
	fault         error
	beforeReturns func() // of GenerateDataKey
}

type wrapping struct {
	KeyID   string
	Context map[string]string
	Key     []byte
}

func (s *service) GenerateDataKey(_ context.Context, in *kms.GenerateDataKeyInput, _ ...func(*kms.Options)) (*kms.GenerateDataKeyOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fault != nil {
		return nil, s.fault
	}
	if in.KeySpec != types.DataKeySpecAes256 {
		return nil, &types.UnsupportedOperationException{}
	}
	s.made++
	key := make([]byte, 32)
	_, _ = rand.Read(key)
	blob, err := json.Marshal(wrapping{KeyID: *in.KeyId, Context: in.EncryptionContext, Key: key})
	if err == nil && s.beforeReturns != nil {
		s.beforeReturns()
	}
	return &kms.GenerateDataKeyOutput{CiphertextBlob: blob, Plaintext: key}, err
}

func (s *service) Decrypt(_ context.Context, in *kms.DecryptInput, _ ...func(*kms.Options)) (*kms.DecryptOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fault != nil {
		return nil, s.fault
	}
	s.opened++
	var w wrapping
	if json.Unmarshal(in.CiphertextBlob, &w) != nil || !maps.Equal(w.Context, in.EncryptionContext) {
		return nil, &types.InvalidCiphertextException{}
	}
	if w.KeyID != *in.KeyId {
		return nil, &types.IncorrectKeyException{}
	}
	return &kms.DecryptOutput{Plaintext: w.Key}, nil
}

type fixture struct {
	service *service
	shelf   *sqlite.Store
	now     time.Time
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	store, err := sqlite.New("", sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return &fixture{service: new(service), shelf: store, now: time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)}
}

// process returns the keyring of a new process.
func (f *fixture) process(stack string) *Keyring {
	return &Keyring{API: f.service, KeyID: "key-1", Stack: stack, Shelf: f.shelf, Now: func() time.Time { return f.now }}
}

func TestOneKeyForAMonth(t *testing.T) {
	f := newFixture(t)
	first, second := f.process("dev"), f.process("dev")
	id, key, err := first.Current(t.Context())
	if err != nil || id != "2026-11" {
		t.Fatalf("got %q, %v, want 2026-11", id, err)
	}
	for _, k := range []*Keyring{first, second} {
		_, again, err := k.Current(t.Context())
		if err != nil || !same(t, again, key) {
			t.Errorf("Current again: another key, or %v", err)
		}
		byID, err := k.Key(t.Context(), id)
		if err != nil || !same(t, byID, key) {
			t.Errorf("Key: another key, or %v", err)
		}
	}
	if f.service.made != 1 || f.service.opened != 2 {
		t.Errorf("got %d keys made and %d unwrapped, want 1, and 1 in each process", f.service.made, f.service.opened)
	}
	f.now = f.now.AddDate(0, 1, 0)
	next, other, err := first.Current(t.Context())
	if err != nil || next != "2026-12" || same(t, other, key) {
		t.Errorf("got %q, %v, want 2026-12 and another key", next, err)
	}
	if old, err := second.Key(t.Context(), id); err != nil || !same(t, old, key) {
		t.Errorf("last month's key: another one, or %v", err)
	}
}

// one is a keyring of one key.
type one struct{ key seal.Key }

func (o one) Current(context.Context) (string, seal.Key, error) { return "one", o.key, nil }
func (o one) Key(context.Context, string) (seal.Key, error)     { return o.key, nil }

// same reports whether b opens what a sealed.
func same(t *testing.T, a, b seal.Key) bool {
	t.Helper()
	sealed, err := seal.Box{Keys: one{a}}.Seal(t.Context(), []byte("secret"), "place")
	if err != nil {
		t.Fatal(err)
	}
	_, err = seal.Box{Keys: one{b}}.Open(t.Context(), sealed, "place")
	return err == nil
}

// TestAnotherKMSKey shows that a KMS key which is not the one before is refused at its first use, also when a month
// begins. A data key made with it would hide that nothing older can be opened.
func TestAnotherKMSKey(t *testing.T) {
	f := newFixture(t)
	_, key, err := f.process("dev").Current(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, months := range []int{0, 1} {
		f.now = f.now.AddDate(0, months, 0)
		other := f.process("dev")
		other.KeyID = "key-2"
		if _, _, err := other.Current(t.Context()); err == nil || errors.Is(err, seal.ErrUnreadable) {
			t.Errorf("%d months later: got %v, want an error of the KMS key", months, err)
		}
	}
	if f.service.made != 1 {
		t.Errorf("got %d keys made, want 1", f.service.made)
	}
	again := f.process("dev")
	if id, _, err := again.Current(t.Context()); err != nil || id != "2026-12" {
		t.Errorf("the KMS key is back: got %s, %v", id, err)
	}
	if old, err := again.Key(t.Context(), "2026-11"); err != nil || !same(t, old, key) {
		t.Errorf("last month's key: another one, or %v", err)
	}
}

func TestHeldForAnHour(t *testing.T) {
	f := newFixture(t)
	k := f.process("dev")
	if _, _, err := k.Current(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.service.fault = &types.DisabledException{}
	f.now = f.now.Add(keep - time.Second)
	if _, _, err := k.Current(t.Context()); err != nil {
		t.Errorf("within the hour: %v", err)
	}
	f.now = f.now.Add(time.Second)
	if _, err := k.Key(t.Context(), "2026-11"); err == nil {
		t.Error("after the hour the key is still to be had, though KMS refuses it")
	}
	f.service.fault = nil
	if _, err := k.Key(t.Context(), "2026-11"); err != nil {
		t.Errorf("KMS is back: %v", err)
	}
}

// TestTwoMakers has one process find no key on the shelf, and another process put one there before the first does.
func TestTwoMakers(t *testing.T) {
	f := newFixture(t)
	slow, quick := f.process("dev"), f.process("dev")
	quick.API = new(service)
	var theirs seal.Key
	f.service.beforeReturns = func() {
		var err error
		if _, theirs, err = quick.Current(t.Context()); err != nil {
			t.Error(err)
		}
	}
	_, ours, err := slow.Current(t.Context())
	if err != nil || !same(t, ours, theirs) {
		t.Errorf("two keys for one month, or %v", err)
	}
}

func TestManyAtOnce(t *testing.T) {
	f := newFixture(t)
	k := f.process("dev")
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			if _, _, err := k.Current(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if f.service.made != 1 || f.service.opened != 1 {
		t.Errorf("got %d keys made and %d unwrapped, want 1 and 1", f.service.made, f.service.opened)
	}
}

func TestFaults(t *testing.T) {
	tests := map[string]struct {
		fault error
		want  webhook.Kind
	}{
		"throttled":       {&types.LimitExceededException{}, webhook.Unavailable},
		"internal":        {&types.KMSInternalException{}, webhook.Unavailable},
		"slow":            {&types.DependencyTimeoutException{}, webhook.Unavailable},
		"no time left":    {context.DeadlineExceeded, webhook.Unavailable},
		"disabled":        {&types.DisabledException{}, webhook.Internal},
		"does not exist":  {&types.NotFoundException{}, webhook.Internal},
		"something other": {errors.New("other"), webhook.Internal},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.service.fault = tt.fault
			_, _, err := f.process("dev").Current(t.Context())
			if !webhook.Is(err, tt.want) || !errors.Is(err, tt.fault) {
				t.Errorf("making: got %v, want kind %d", err, tt.want)
			}
			f.service.fault = nil
			if _, _, err := f.process("dev").Current(t.Context()); err != nil {
				t.Fatal(err)
			}
			f.service.fault = tt.fault
			_, err = f.process("dev").Key(t.Context(), "2026-11")
			if !webhook.Is(err, tt.want) || !errors.Is(err, tt.fault) {
				t.Errorf("unwrapping: got %v, want kind %d", err, tt.want)
			}
		})
	}
}

func TestBound(t *testing.T) {
	f := newFixture(t)
	if _, _, err := f.process("dev").Current(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := f.process("prod").Key(t.Context(), "2026-11"); err == nil {
		t.Error("another stack unwraps the key")
	}
	if _, err := f.process("dev").Key(t.Context(), "2026-10"); !errors.Is(err, seal.ErrUnreadable) {
		t.Errorf("a month without a key: got %v, want ErrUnreadable", err)
	}
	if f.service.made != 1 {
		t.Errorf("asking for a key made one: %d, want 1", f.service.made)
	}
}

func TestInABox(t *testing.T) {
	f := newFixture(t)
	place := seal.SecretPlace(webhook.Ref{Tenant: "acme", ID: "wh_1"}, 1)
	sealed, err := (seal.Box{Keys: f.process("dev")}).Seal(t.Context(), []byte("whsec_x"), place)
	if err != nil {
		t.Fatal(err)
	}
	f.now = f.now.AddDate(0, 3, 0)
	got, err := (seal.Box{Keys: f.process("dev")}).Open(t.Context(), sealed, place)
	if err != nil || string(got) != "whsec_x" {
		t.Errorf("got %q, %v, want whsec_x", got, err)
	}
}
