package httpapi

import (
	"testing"
	"testing/synctest"
	"time"
)

// Counts that take long to read are remembered ten times as long, of that tenant alone; quick ones are not.
func TestLastDays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var days lastDays
		acme, later := dayOf{tenant: "acme"}, dayOf{tenant: "acme", created: time.Now()}
		days.remember(acme, tallies{}, quickly-1)
		if _, ok := days.recall(acme); ok {
			t.Error("remembered what was read quickly")
		}
		days.remember(acme, tallies{}, time.Second)
		<-time.After(10*time.Second - time.Nanosecond) // of the bubble
		if _, ok := days.recall(acme); !ok {
			t.Error("forgotten too early")
		}
		if _, ok := days.recall(later); ok {
			t.Error("an earlier tenant's is another's")
		}
		<-time.After(time.Nanosecond)
		if _, ok := days.recall(acme); ok {
			t.Error("remembered for too long")
		}
		for i := range 2 * maxDays {
			days.remember(dayOf{tenant: "acme", created: time.Unix(int64(i), 0)}, tallies{}, time.Second)
		}
		if n := len(days.of); n > maxDays {
			t.Errorf("remembers %d tenants, want at most %d", n, maxDays)
		}
	})
}
