package runner

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"hookline/shared/webhook"
)

// show is a slog.Handler for people: one readable line for each attempt, and key=value for the rest.
type show struct {
	mu    *sync.Mutex
	out   io.Writer
	attrs []slog.Attr
	now   func() time.Time // the deployment's clock, for countdowns
}

func newShow(out io.Writer, now func() time.Time) *show {
	return &show{mu: new(sync.Mutex), out: out, now: now}
}

func (s *show) Enabled(context.Context, slog.Level) bool { return true }

func (s *show) WithAttrs(attrs []slog.Attr) slog.Handler {
	c := *s
	c.attrs = append(slices.Clip(c.attrs), attrs...)
	return &c
}

func (s *show) WithGroup(string) slog.Handler { return s }

func (s *show) Handle(_ context.Context, r slog.Record) error {
	if r.Message == "delivery.dropped" || r.Message == "system.dropped" {
		return nil // a copy of what another message does, and a change that was not made
	}
	attrs := slices.Clone(s.attrs)
	r.Attrs(func(a slog.Attr) bool {
		attrs = append(attrs, a)
		return true
	})
	at := make(map[string]slog.Value, len(attrs))
	for _, a := range attrs {
		at[a.Key] = a.Value
	}
	line := ""
	switch r.Message {
	case "delivery.attempted":
		line = s.attempted(at)
	case "event.accepted":
		line = fmt.Sprintf("accepted   %s %s for %s", at["type"], at["event"], plural(at["matched"].Int64(), "webhook"))
		if at["repeat"].Bool() {
			line += " (a repeat)"
		}
	case "deployment.registered":
		line = fmt.Sprintf("registered %s deployment of %s from source %s: %s", at["environment"], at["repository"], at["source"], at["deployment"])
	case "webhook.status":
		line = fmt.Sprintf("webhook    %s is now %s: %s", at["webhook"], at["status"], at["why"])
	case "mail.sent":
		line = fmt.Sprintf("mail       to %s: %s (%s)", at["to"], at["subject"], at["file"])
	default:
		line = fmt.Sprintf("%-10s %s", strings.ToLower(r.Level.String()), r.Message)
		for _, a := range attrs {
			line += fmt.Sprintf(" %s=%v", a.Key, a.Value)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_, err := fmt.Fprintf(s.out, "%s  %s\n", s.now().Format("15:04:05.000"), line)
	return err
}

func (s *show) attempted(at map[string]slog.Value) string {
	status := at["status"].String()
	word := map[string]string{"succeeded": "delivered", "pending": "will retry", "failed": "failed"}[status]
	outcome := at["error"].String()
	if code := at["code"].Int64(); code != 0 && (outcome == "" || outcome == "bad_status") {
		outcome = fmt.Sprintf("answered %d", code)
	} else if code != 0 {
		outcome = fmt.Sprintf("%s, answered %d", outcome, code)
	}
	if detail := at["detail"]; detail.Kind() == slog.KindString && detail.String() != "" {
		outcome += " (" + detail.String() + ")"
	}
	line := fmt.Sprintf("%-10s %s %s to %s: attempt %d, %s in %d ms", word, at["type"], at["event"], at["webhook"],
		at["attempt"].Int64(), outcome, at["took"].Duration().Milliseconds())
	if round := at["round"].Int64(); round > 1 {
		line += fmt.Sprintf(" (round %d)", round)
	}
	if next := at["next"].Time(); status == "pending" {
		line += ", next in " + next.Sub(s.now()).Round(100*time.Millisecond).String()
	}
	unsent := webhook.AttemptError(outcome).Unsent()
	if status == "failed" && !unsent && at["code"].Int64() != 410 {
		line += ", no attempts left: dead letter"
	}
	return line
}

func plural(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
