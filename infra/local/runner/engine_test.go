package runner

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

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
