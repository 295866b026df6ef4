package sqlite

import (
	"errors"
	"math/rand/v2"
	"time"

	"hookline/shared/webhook"
)

// Faults are what SQS does now and then and a file does not. They are chances from 0, never, to 1, always, unless said
// otherwise; the zero value does none of it. They are for tests of what uses a queue.
type Faults struct {
	Throttle   float64       // a call fails as webhook.Unavailable, and nothing happened
	Unanswered float64       // a call fails as webhook.Unavailable, and yet it happened
	Duplicate  float64       // a message's first receive does not hide it, so that it is received a second time
	Reorder    float64       // a group's newest message is received, not its oldest
	PartSent   float64       // an entry of a Send is refused
	PartHidden float64       // an entry of a Hide is refused
	CountLag   time.Duration // Counts say for so long, in real time, what they said before

	Rand func() float64 // in [0, 1), by one caller at a time; nil means math/rand/v2
}

// SetFaults replaces the engine's faults, from the next call on.
func (e *Engine) SetFaults(f Faults) {
	if f.Rand == nil {
		f.Rand = rand.Float64
	}
	e.faults.Store(&f)
}

var (
	errThrottled  = errors.New("fault: throttled")
	errUnanswered = errors.New("fault: the answer was lost")
	errPart       = errors.New("fault: this entry failed")
)

// fault names a chance of Faults.
type fault func(*Faults) float64

func faultThrottle(f *Faults) float64   { return f.Throttle }
func faultUnanswered(f *Faults) float64 { return f.Unanswered }
func faultDuplicate(f *Faults) float64  { return f.Duplicate }
func faultReorder(f *Faults) float64    { return f.Reorder }
func faultSend(f *Faults) float64       { return f.PartSent }
func faultHide(f *Faults) float64       { return f.PartHidden }

// hit reports whether a fault happens now.
func (e *Engine) hit(of fault) bool {
	f := e.faults.Load()
	p := of(f)
	if p == 0 {
		return false
	}
	e.chance.Lock()
	defer e.chance.Unlock()
	return f.Rand() < p
}

// call is around each call from outside.
func (e *Engine) call(fn func() error) error {
	if e.hit(faultThrottle) {
		return webhook.ErrUnavailable(errThrottled)
	}
	err := fn()
	if err == nil && e.hit(faultUnanswered) {
		return webhook.ErrUnavailable(errUnanswered)
	}
	return err
}

// partial returns the error of an entry that a fault refuses.
func (e *Engine) partial(of fault) error {
	if e.hit(of) {
		return webhook.ErrUnavailable(errPart)
	}
	return nil
}
