// Package ladder says how long to wait between the attempts of a delivery.
//
// A Ladder is data: a list of waits, one for each retry. The package guarantees the arithmetic (which rung applies, how much
// jitter it gets, how far a receiver's Retry-After can lengthen it) and nothing else: it has no clock, schedules nothing and
// counts no attempts.
package ladder

import (
	"math/rand/v2"
	"time"
)

// Ladder is the waits of one round, in order: the first rung is the wait after the first attempt failed. A ladder of n
// rungs allows n+1 attempts; an empty one allows a single attempt.
type Ladder []time.Duration

// Jitter keeps deliveries that failed together from being sent together again. It lengthens a wait by less than jitterShare of
// it, and never shortens one. Waits under jitterFrom have none, because they are promised to the second.
const (
	jitterFrom  = 5 * time.Minute
	jitterShare = 0.10
)

// Attempts returns how many attempts a round has.
func (l Ladder) Attempts() int { return len(l) + 1 }

// Next returns how long to wait after the count-th attempt of a round failed. The first attempt's count is 1. Next returns
// false if there is no further attempt.
//
// With rung = l[count-1], following = l[count] (for the last rung, the rung itself) and j = jitter() in [0, 1), where a nil
// jitter is random:
//
//	planned = rung × (1 + 0.10 × j)   when rung ≥ 5 min, else rung
//	wait    = max(planned, min(retryAfter, following))
//
// So rung ≤ wait, and wait < 1.1 × rung or wait ≤ following. retryAfter, which is zero if the receiver asked for nothing, can
// lengthen a wait to at most the following rung, and never shortens one. A longer retryAfter is cut and is no error.
func (l Ladder) Next(count int, retryAfter time.Duration, jitter func() float64) (wait time.Duration, ok bool) {
	if count < 1 || count > len(l) {
		return 0, false
	}
	rung := l[count-1]
	following := rung
	if count < len(l) {
		following = l[count]
	}
	planned := rung
	if rung >= jitterFrom {
		if jitter == nil {
			jitter = rand.Float64
		}
		planned += time.Duration(float64(rung) * jitterShare * jitter())
	}
	return max(planned, min(retryAfter, following)), true
}
