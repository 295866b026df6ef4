package clock

import (
	"testing"
	"time"
)

func TestClock(t *testing.T) {
	real := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	tests := map[string]struct {
		clock Clock
		after time.Duration // of real time
		want  time.Time
		span  time.Duration // that a second of real time makes
	}{
		"real time":    {Clock{}, time.Second, real.Add(time.Second), time.Second},
		"an anchor":    {Clock{Real: real, Anchor: real.Add(time.Hour), Speed: 1}, time.Second, real.Add(time.Hour + time.Second), time.Second},
		"fast":         {Clock{Real: real, Anchor: real, Speed: 3600}, time.Second, real.Add(time.Hour), time.Hour},
		"slow":         {Clock{Real: real, Anchor: real, Speed: 0.5}, time.Second, real.Add(500 * time.Millisecond), 500 * time.Millisecond},
		"whole millis": {Clock{}, 1_999_999, real.Add(time.Millisecond), time.Second},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := tt.clock.At(real.Add(tt.after)); !got.Equal(tt.want) {
				t.Errorf("At: got %v, want %v", got, tt.want)
			}
			if got := tt.clock.Span(time.Second); got != tt.span {
				t.Errorf("Span: got %v, want %v", got, tt.span)
			}
			if got := tt.clock.Wait(tt.span); got != time.Second {
				t.Errorf("Wait: got %v, want 1s", got)
			}
		})
	}
}

// TestWall: a machine's clock that is set takes the reading with it, by the clock's speed.
func TestWall(t *testing.T) {
	at := time.Date(2026, 3, 20, 12, 0, 0, 0, time.UTC)
	c := Clock{Real: at, Anchor: at, Speed: 2, Wall: func() time.Time { return at.Add(-time.Hour) }}
	if got, want := c.Now(), at.Add(-2*time.Hour); !got.Equal(want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
