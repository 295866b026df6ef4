package rate

import (
	"fmt"
	"testing"
	"time"
)

// at returns a limiter and a way to let time pass.
func at(perSecond int) (*Limiter, func(time.Duration)) {
	now := time.Date(2026, 3, 20, 12, 0, 0, 0, time.UTC)
	return &Limiter{PerSecond: perSecond, Now: func() time.Time { return now }}, func(d time.Duration) { now = now.Add(d) }
}

func taken(l *Limiter, key string, tries int) (n int) {
	for range tries {
		if l.Wait(key) == 0 {
			n++
		}
	}
	return n
}

func TestWait(t *testing.T) {
	l, pass := at(10)
	if got := taken(l, "a", 100); got != 20 {
		t.Errorf("at once: got %d, want the 20 of two seconds", got)
	}
	if got := l.Wait("a"); got != 100*time.Millisecond {
		t.Errorf("got a wait of %v, want a tenth of a second", got)
	}
	if got := taken(l, "b", 100); got != 20 {
		t.Errorf("another key: got %d, want 20", got)
	}
	pass(99 * time.Millisecond)
	if got := l.Wait("a"); got != time.Millisecond {
		t.Errorf("got a wait of %v, want the millisecond that is left", got)
	}
	pass(time.Millisecond)
	if got := taken(l, "a", 100); got != 1 {
		t.Errorf("after the wait: got %d, want 1", got)
	}
	pass(time.Second)
	if got := taken(l, "a", 100); got != 10 {
		t.Errorf("after a second: got %d, want 10", got)
	}
	pass(time.Hour)
	if got := taken(l, "a", 100); got != 20 {
		t.Errorf("after an hour: got %d, want no more than 20", got)
	}
}

// TestSteady asks twice as often as is allowed, for a minute. Calls that are refused do not lower the rate.
func TestSteady(t *testing.T) {
	l, pass := at(50)
	n := 0
	for range 6000 {
		n += taken(l, "a", 1)
		pass(10 * time.Millisecond)
	}
	if n < 50*60 || n > 50*62 {
		t.Errorf("got %d in a minute, want 50 a second and a burst", n)
	}
}

func TestNoLimit(t *testing.T) {
	for name, l := range map[string]*Limiter{"none": nil, "the zero one": {}} {
		if got := taken(l, "a", 1000); got != 1000 {
			t.Errorf("%s: got %d, want all 1000", name, got)
		}
	}
}

// TestBounded has more keys come than are remembered. The keys that are quiet are forgotten first.
func TestBounded(t *testing.T) {
	l, pass := at(1)
	for i := range maxKeys - 1 {
		l.Wait(fmt.Sprint("quiet", i))
	}
	pass(time.Minute)
	taken(l, "busy", 10)
	l.Wait("new")
	if len(l.free) != 2 || taken(l, "busy", 10) != 0 {
		t.Errorf("%d keys are remembered, want 2, of them the busy one", len(l.free))
	}
	for i := range 3 * maxKeys {
		l.Wait(fmt.Sprint("flood", i))
	}
	if len(l.free) > maxKeys {
		t.Errorf("%d keys are remembered, want at most %d", len(l.free), maxKeys)
	}
}
