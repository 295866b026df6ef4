// Package ladder says how long to wait between the attempts of a delivery.
//
// A Ladder is data: a list of waits, one for each retry. The package guarantees the arithmetic (which rung, how much
// jitter, what a receiver's Retry-After may do) and nothing else: it holds no clock, schedules nothing and counts no
// attempts.
package ladder

import (
	"math/rand/v2"
	"time"
)

// Ladder is the waits of one round, in order: the first rung is the wait after the first attempt failed. A ladder of n
// rungs allows n+1 attempts; an empty one allows a single attempt.
type Ladder []time.Duration

// Jitter keeps receivers that failed together from being called together again. It only ever lengthens a wait, by less
// than jitterShare of it, and leaves waits under jitterFrom alone: those are promised to the second.
const (
	jitterFrom  = 5 * time.Minute
	jitterShare = 0.10
)

// Attempts returns how many attempts a round has.
func (l Ladder) Attempts() int { return len(l) + 1 }

// Next returns how long to wait after the count-th attempt of a round failed, count starting at 1. It returns false
// when there is no further attempt.
//
// With rung = l[count-1], following = l[count] (the last rung's is rung itself) and j = jitter() in [0, 1), nil meaning
// a random one:
//
//	planned = rung × (1 + 0.10 × j)   when rung ≥ 5 min, else rung
//	wait    = max(planned, min(retryAfter, following))
//
// So rung ≤ wait, and wait < 1.1 × rung or wait ≤ following: a retryAfter, zero when the receiver asked for nothing, may lengthen a
// wait to at most the following rung, and never shortens one. A retryAfter longer than that is not an error: it is cut.
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
