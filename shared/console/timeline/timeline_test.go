package timeline_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hookline/shared/console/consoletest"
	"hookline/shared/webhook"
)

// TestRounds shows that a delivery's attempts are drawn round by round.
func TestRounds(t *testing.T) {
	const fail = webhook.ReasonBadStatus
	at := consoletest.Began()
	// attempt returns an attempt that is due after that time.
	attempt := func(after time.Duration, fault webhook.AttemptError, code int) webhook.Attempt {
		return webhook.Attempt{ScheduledAt: at.Add(after), StartedAt: at.Add(after), Duration: 10 * time.Millisecond, StatusCode: code, Error: fault}
	}
	var exhausted []webhook.Attempt
	for _, after := range []time.Duration{0, 2, 6, 14, 30} { // the waits are 2, 4, 8 and 16 s
		exhausted = append(exhausted, attempt(after*time.Second, fail, 500))
	}
	tests := map[string]struct {
		attempts []webhook.Attempt
		next     time.Duration // 0 for none
		want     []string      // the newest round first
	}{
		"one success": {[]webhook.Attempt{attempt(0, "", 200)}, 0, []string{"1 of at most 5 attempts: attempt 1 succeeded (200)"}},
		"waiting": {
			[]webhook.Attempt{attempt(0, fail, 500), attempt(2*time.Second, webhook.ReasonTimeout, 0)},
			6 * time.Second,
			[]string{"2 of at most 5 attempts: attempt 1 failed (500), attempt 2 failed (timeout), attempt 3 comes next"},
		},
		"asked to wait longer": {
			[]webhook.Attempt{attempt(0, fail, 429), attempt(4*time.Second, "", 200)},
			0,
			[]string{"2 of at most 5 attempts: attempt 1 failed (429), attempt 2 succeeded (200)"},
		},
		"replayed after a success": {
			[]webhook.Attempt{attempt(0, "", 200), attempt(2*time.Second, "", 200)},
			0,
			[]string{"1 of at most 5 attempts: attempt 1 succeeded (200)", "1 of at most 5 attempts: attempt 1 succeeded (200)"},
		},
		"replayed when out of attempts": {
			append(slices.Clone(exhausted), attempt(50*time.Second, "", 200)), 0,
			[]string{
				"1 of at most 5 attempts: attempt 1 succeeded (200)",
				"5 of at most 5 attempts: attempt 1 failed (500), attempt 2 failed (500), attempt 3 failed (500), attempt 4 failed (500), attempt 5 failed (500)",
			},
		},
		"replayed before its retry": {
			[]webhook.Attempt{attempt(0, fail, 500), attempt(time.Second, fail, 500)},
			3 * time.Second,
			[]string{"1 of at most 5 attempts: attempt 1 failed (500), attempt 2 comes next", "1 of at most 5 attempts: attempt 1 failed (500)"},
		},
		"replayed long after": {
			[]webhook.Attempt{attempt(0, fail, 410), attempt(time.Hour, webhook.ReasonWebhookInactive, 0), attempt(time.Hour+2*time.Second, "", 200)},
			0,
			[]string{
				"1 of at most 5 attempts: attempt 1 succeeded (200)", "1 of at most 5 attempts: attempt 1 failed (inactive)",
				"1 of at most 5 attempts: attempt 1 failed (410)",
			},
		},
		"a test, replayed an hour later": {
			[]webhook.Attempt{attempt(0, fail, 500), attempt(time.Hour, fail, 500)},
			time.Hour + 2*time.Second,
			[]string{"1 of at most 5 attempts: attempt 1 failed (500), attempt 2 comes next", "1 of at most 5 attempts: attempt 1 failed (500)"},
		},
		"a fast clock": {
			[]webhook.Attempt{attempt(0, fail, 500), attempt(12*time.Second, fail, 500)},
			16 * time.Second,
			[]string{"2 of at most 5 attempts: attempt 1 failed (500), attempt 2 failed (500), attempt 3 comes next"},
		},
		"just replayed": {
			exhausted, time.Minute,
			[]string{
				"0 of at most 5 attempts: attempt 1 comes next",
				"5 of at most 5 attempts: attempt 1 failed (500), attempt 2 failed (500), attempt 3 failed (500), attempt 4 failed (500), attempt 5 failed (500)",
			},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := consoletest.New(t)
			key := w.Tenant("acme", "axiestudio")
			d := w.Delivered(w.Webhook(key), "evt_1", at, func(d *webhook.Delivery) {
				for _, a := range tt.attempts {
					d.Record(a)
				}
				if d.Status = webhook.Failed; d.LastAttempt().Error == "" {
					d.Status = webhook.Succeeded
				}
				if tt.next > 0 {
					d.Status, d.Via, d.NextAt = webhook.Pending, webhook.ViaQueue, at.Add(tt.next)
				}
			})
			var got []string
			p := w.Browser(key).Get("/console/deliveries/" + d).Is(200)
			for _, e := range consoletest.Elements(p.Body) {
				if e.Name == "svg" && e.Attrs["role"] == "img" {
					got = append(got, e.Attrs["aria-label"])
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			p.Has("2 s", "4 s", "8 s", "16 s")
		})
	}
}
