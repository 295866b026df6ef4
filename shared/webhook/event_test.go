package webhook_test

import (
	"testing"

	"hookline/shared/webhook"
)

func TestTimestamps(t *testing.T) {
	for timestamp, want := range map[string]struct{ seconds, milliseconds string }{
		"2026-03-20T12:00:00.999Z":    {"2026-03-20T12:00:00Z", "2026-03-20T12:00:00.999Z"},
		"2026-03-20T12:00:00.000Z":    {"2026-03-20T12:00:00Z", "2026-03-20T12:00:00.000Z"},
		"2026-03-20T12:00:00Z":        {"2026-03-20T12:00:00Z", "2026-03-20T12:00:00.000Z"},
		"2026-03-20T12:00:00.344522Z": {"2026-03-20T12:00:00.344522Z", "2026-03-20T12:00:00.344Z"},
		"":                            {"", ""},
	} {
		if got := webhook.InSeconds(timestamp); got != want.seconds {
			t.Errorf("%q in seconds: got %q, want %q", timestamp, got, want.seconds)
		}
		if got := webhook.InMilliseconds(timestamp); got != want.milliseconds {
			t.Errorf("%q in milliseconds: got %q, want %q", timestamp, got, want.milliseconds)
		}
	}
}
