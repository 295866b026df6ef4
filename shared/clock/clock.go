// Package clock is the deployment's clock. On AWS it is real time. On one machine it can run a fixed number of times
// faster, so that a ladder of 27 hours can be watched in seconds.
//
// Ladder waits, delays, retention and overlaps are spans of this clock, and recorded times are readings of it. Network
// time limits, measured durations, the visibility timeout of a message that is being worked on, and signed timestamps
// are real time.
package clock

import "time"

// Clock reads Anchor + (real time − Real) × Speed. The zero Clock is real time.
type Clock struct {
	Real   time.Time // a moment of real time …
	Anchor time.Time // … and the reading at that moment
	Speed  float64   // 0 means 1

	Wall func() time.Time `json:"-"` // real time as the machine has it; nil means time.Now. Tests set it, as people set a machine's
}

// Now returns the reading, in UTC and whole milliseconds.
func (c Clock) Now() time.Time {
	if c.Wall != nil {
		return c.At(c.Wall())
	}
	return c.At(time.Now())
}

// At returns the reading at a moment of real time.
func (c Clock) At(real time.Time) time.Time {
	if !c.Anchor.IsZero() {
		real = c.Anchor.Add(c.Span(real.Sub(c.Real)))
	}
	return real.UTC().Truncate(time.Millisecond)
}

// Wait returns how long a span of this clock takes in real time.
func (c Clock) Wait(span time.Duration) time.Duration {
	return time.Duration(float64(span) / c.speed())
}

// Span returns how much this clock advances in a span of real time.
func (c Clock) Span(real time.Duration) time.Duration {
	return time.Duration(float64(real) * c.speed())
}

func (c Clock) speed() float64 {
	if c.Speed == 0 {
		return 1
	}
	return c.Speed
}
