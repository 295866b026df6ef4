package invocation

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/google/go-cmp/cmp"
)

type event struct{ Name string }

// TestLines shows that a call leaves an ERROR line if it fails, and none if it does not, and that its answer stays as it is.
func TestLines(t *testing.T) {
	var log bytes.Buffer
	lines := func() (lines []map[string]any) {
		t.Helper()
		for line := range strings.Lines(log.String()) {
			var l map[string]any
			if err := json.Unmarshal([]byte(line), &l); err != nil {
				t.Fatal(err)
			}
			delete(l, "time")
			delete(l, "stack")
			lines = append(lines, l)
		}
		log.Reset()
		return lines
	}
	fault := errors.New("the table is gone")
	h := logged{lambda.NewHandler(func(_ context.Context, e event) (string, error) {
		switch e.Name {
		case "fail":
			return "", fault
		case "panic":
			panic("at the discount")
		}
		return "hello " + e.Name, nil
	}), slog.New(slog.NewJSONHandler(&log, nil))}

	out, err := h.Invoke(t.Context(), []byte(`{"Name":"Ann"}`))
	if err != nil || string(out) != `"hello Ann"` {
		t.Errorf("got %s, %v, want the handler's answer", out, err)
	}
	if got := lines(); len(got) != 0 {
		t.Errorf("a call that succeeds logs %v", got)
	}

	if _, err := h.Invoke(t.Context(), []byte(`{"Name":"fail"}`)); !errors.Is(err, fault) {
		t.Errorf("got %v, want the handler's error", err)
	}
	want := []map[string]any{{"level": "ERROR", "msg": "function.failed", "err": "the table is gone"}}
	if diff := cmp.Diff(want, lines()); diff != "" {
		t.Errorf("lines of an error (-want +got):\n%s", diff)
	}

	if _, err := h.Invoke(t.Context(), []byte(`{"Name":7}`)); err == nil {
		t.Error("got no error for what is no event")
	}
	if got := lines(); len(got) != 1 || got[0]["level"] != "ERROR" || got[0]["msg"] != "function.failed" {
		t.Errorf("lines of what is no event: %v", got)
	}

	func() {
		defer func() {
			if p := recover(); p != "at the discount" {
				t.Errorf("got panic %v, want the handler's", p)
			}
		}()
		_, _ = h.Invoke(t.Context(), []byte(`{"Name":"panic"}`))
	}()
	want = []map[string]any{{"level": "ERROR", "msg": "function.panic", "value": "at the discount"}}
	if diff := cmp.Diff(want, lines()); diff != "" {
		t.Errorf("lines of a panic (-want +got):\n%s", diff)
	}
}
