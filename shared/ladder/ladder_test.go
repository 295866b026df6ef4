package ladder_test

import (
	"testing"
	"time"

	"hookline/shared/ladder"
)

const (
	s = time.Second
	m = time.Minute
	h = time.Hour
)

func TestNext(t *testing.T) {
	none := func() float64 { return 0 }
	most := func() float64 { return 0.999_999 }
	long := ladder.Ladder{5 * s, 5 * m, 30 * m, 2 * h, 10 * h, 10 * h}
	falling := ladder.Ladder{10 * m, 1 * m}
	tests := []struct {
		name       string
		ladder     ladder.Ladder
		count      int
		retryAfter time.Duration
		jitter     func() float64
		want       time.Duration
		ok         bool
	}{
		{"first rung", long, 1, 0, none, 5 * s, true},
		{"short waits carry no jitter", long, 1, 0, most, 5 * s, true},
		{"five minutes without jitter", long, 2, 0, none, 5 * m, true},
		{"half the jitter", long, 2, 0, func() float64 { return 0.5 }, 5*m + 15*s, true},
		{"last rung", long, 6, 0, none, 10 * h, true},
		{"out of rungs", long, 7, 0, none, 0, false},
		{"far out of rungs", long, 1000, h, most, 0, false},
		{"no attempt yet", long, 0, 0, none, 0, false},
		{"no rungs", nil, 1, h, none, 0, false},
		{"retry-after lengthens", long, 1, 2 * m, most, 2 * m, true},
		{"retry-after up to the following rung", long, 1, 5 * m, most, 5 * m, true},
		{"retry-after is cut at the following rung", long, 1, h, most, 5 * m, true},
		{"retry-after never shortens", long, 3, m, none, 30 * m, true},
		{"retry-after never shortens a jittered wait", long, 2, 5*m + 10*s, func() float64 { return 0.5 }, 5*m + 15*s, true},
		{"retry-after on the last rung is cut at its own wait", long, 6, 24 * h, none, 10 * h, true},
		{"retry-after is cut to nothing before a shorter rung", falling, 1, h, none, 10 * m, true},
		{"a negative retry-after is none", long, 1, -h, none, 5 * s, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := tt.ladder.Next(tt.count, tt.retryAfter, tt.jitter)
			if got != tt.want || ok != tt.ok {
				t.Errorf("Next(%d, %v) = %v, %v, want %v, %v", tt.count, tt.retryAfter, got, ok, tt.want, tt.ok)
			}
		})
	}
}

func TestJitterStaysUnderATenth(t *testing.T) {
	l := ladder.Ladder{10 * h}
	longest := time.Duration(0)
	for range 10_000 {
		wait, _ := l.Next(1, 0, nil)
		if wait < 10*h || wait >= 11*h {
			t.Fatalf("wait = %v, want within [10h, 11h)", wait)
		}
		longest = max(longest, wait)
	}
	if longest < 10*h+50*m {
		t.Errorf("longest of 10,000 waits = %v: the jitter does not reach its range", longest)
	}
}
