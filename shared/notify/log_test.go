package notify

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"hookline/shared/faultinject"
	"hookline/shared/queue"
	"hookline/shared/webhook"
)

// TestLevels shows which failures are logged as errors of ours: an alarm counts those, and takes a release back.
func TestLevels(t *testing.T) {
	fault := errors.New("away")
	for name, tt := range map[string]struct {
		body   string
		post   error
		faults faultinject.StoreFaults
		want   slog.Level
	}{
		"no notice":                   {body: `hello`, want: slog.LevelWarn},
		"an address that is refused":  {post: &webhook.Error{Kind: webhook.Invalid, Message: "refused"}, want: slog.LevelWarn},
		"a mail service that is away": {post: webhook.ErrUnavailable(fault), want: slog.LevelWarn},
		"a table that is away":        {faults: faultinject.StoreFaults{Before: func(string) error { return fault }}, want: slog.LevelError},
	} {
		t.Run(name, func(t *testing.T) {
			broken := false
			before := func(call string) error {
				if broken && tt.faults.Before != nil {
					return tt.faults.Before(call)
				}
				return nil
			}
			run(t, faultinject.StoreFaults{Before: before}, func(t *testing.T, w *world) {
				var log bytes.Buffer
				broken = true
				w.service.Log = slog.New(slog.NewTextHandler(&log, nil))
				w.post.fault = func(Mail, int) error { return tt.post }
				body := tt.body
				if body == "" {
					b, err := json.Marshal(notice("acme", "webhook.failing", "1", nil))
					if err != nil {
						t.Fatal(err)
					}
					body = string(b)
				}
				if _, err := w.service.Handle(t.Context(), []queue.Received{{ID: "m", Body: body}}); err != nil {
					t.Fatal(err)
				}
				if got := log.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "level="+tt.want.String()+" ") {
					t.Errorf("logged %q, want one line of level %s", got, tt.want)
				}
			})
		})
	}
}
