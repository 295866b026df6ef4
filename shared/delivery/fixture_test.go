package delivery

import (
	"testing"

	"hookline/shared/fixture"
)

// TestKeptLines holds lines, which wait in a queue for their webhook's rate, and poison among the dead letters.
func TestKeptLines(t *testing.T) {
	l := line{Tenant: "acme", Webhook: "wh_1", Pace: "10@1774000000000", At: 1774008000123, waiting: []waiter{{1774008000200, `{"t":"acme"}`}, {1774008000300, `{}`}}}
	fixture.Hold(t, "line", []byte(l.outgoing().Body), func(b []byte) (any, error) {
		l, err := parseLine(string(b))
		waiting := make([]any, len(l.waiting))
		for i, w := range l.waiting {
			waiting[i] = []any{w.due, w.body}
		}
		return []any{l, waiting}, err
	})
	fixture.JSON[poisoned](t, "poison")
}
