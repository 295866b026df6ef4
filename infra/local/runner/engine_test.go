package runner

import (
	"context"
	"errors"
	"io"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"hookline/shared/clock"
)

func TestEngine(t *testing.T) {
	broken := errors.New("broken")
	engines := map[string]Open{
		"other": func(context.Context, string, clock.Clock) (*Engines, error) { return nil, broken },
	}
	run := func(ctx context.Context, engine string) error {
		env := map[string]string{"PORT": "0", "DATA_DIR": t.TempDir(), "ENGINE": engine}
		return Main(ctx, func(name string) string { return env[name] }, io.Discard, engines)
	}
	if err := run(t.Context(), "none"); err == nil || !strings.Contains(err.Error(), `ENGINE must be other or sqlite, not "none"`) {
		t.Errorf("an unknown engine: got %v, want an error that says which there are", err)
	}
	if err := run(t.Context(), "other"); !errors.Is(err, broken) {
		t.Errorf("an engine that does not open: got %v, want its error", err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := run(ctx, "other"); err != nil {
		t.Errorf("stopped while it opened: got %v, want none", err)
	}
}

// TestExpire shows that one call deletes all that has expired, however much it is.
func TestExpire(t *testing.T) {
	e, err := Embedded(t.Context(), t.TempDir(), clock.Clock{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}()
	var refs []string
	var wg sync.WaitGroup
	for i := range 2*expireAtOnce + 1 {
		ref := strconv.Itoa(i)
		refs = append(refs, ref)
		wg.Go(func() {
			if err := e.Store.PutPayload(t.Context(), "acme", ref, []byte("body"), time.Now().Add(-time.Hour)); err != nil {
				t.Error(err)
			}
		})
	}
	if err := e.Store.PutPayload(t.Context(), "acme", "kept", []byte("body"), time.Now().Add(time.Hour)); err != nil {
		t.Error(err)
	}
	wg.Wait()
	if err := e.Expire(t.Context()); err != nil {
		t.Fatal(err)
	}
	left, err := e.Store.Payloads(t.Context(), "acme", append(refs, "kept"))
	if err != nil || len(left) != 1 || left["kept"] == nil {
		t.Errorf("%d are left, %v, want the one that has not expired", len(left), err)
	}
}
