package runner

import (
	"bytes"
	"log/slog"
	"testing"
	"time"
)

func TestShow(t *testing.T) {
	now := time.Date(2026, 3, 20, 12, 0, 0, 0, time.UTC)
	for name, tt := range map[string]struct {
		log  func(*slog.Logger)
		want string
	}{
		"a webhook's status": {
			func(l *slog.Logger) {
				l.Info("webhook.status", "tenant", "acme", "webhook", "wh_1", "status", "failing", "why", "a delivery ran out of attempts")
			},
			"12:00:00.000  webhook    wh_1 is now failing: a delivery ran out of attempts\n",
		},
		"a system event": {
			func(l *slog.Logger) {
				l.Debug("event.accepted", "type", "webhook.failing", "event", "sys_1", "matched", 2, "repeat", false)
			},
			"12:00:00.000  accepted   webhook.failing sys_1 for 2 webhooks\n",
		},
		"an attempt that says why": {
			func(l *slog.Logger) {
				l.Info("delivery.attempted", "type", "invoice.paid", "event", "evt_1", "webhook", "wh_1", "round", 1, "attempt", 2, "status", "pending",
					"code", 0, "error", "tls", "detail", "certificate_expired", "took", 3*time.Millisecond, "next", now.Add(5*time.Minute))
			},
			"12:00:00.000  will retry invoice.paid evt_1 to wh_1: attempt 2, tls (certificate_expired) in 3 ms, next in 5m0s\n",
		},
		"a change that was not made": {func(l *slog.Logger) { l.Debug("system.dropped", "webhook", "wh_1") }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			tt.log(slog.New(newShow(&out, func() time.Time { return now })))
			if got := out.String(); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
