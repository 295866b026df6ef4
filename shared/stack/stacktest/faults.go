package stacktest

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"hookline/shared/faultinject"
)

// Chances decides by chance, for callers side by side.
type Chances struct {
	mu    sync.Mutex
	rng   *rand.Rand
	asked int
}

// NewChances logs the seed of its chances.
func NewChances(t testing.TB) *Chances {
	t.Helper()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	return &Chances{rng: rand.New(rand.NewPCG(seed, 0))}
}

// Float returns a number in [0, 1).
func (c *Chances) Float() float64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked++
	return c.rng.Float64()
}

// Fault returns an error with the probability p.
func (c *Chances) Fault(p float64) error { return FaultIf(c.Float() < p) }

// Asked returns how many chances there were.
func (c *Chances) Asked() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.asked
}

// FaultIf returns an injected fault, or none.
func FaultIf(hit bool) error {
	if hit {
		return faultinject.Err
	}
	return nil
}

// While makes a fault strike only while on is true: what a test needs is made on a good day.
func While(on *atomic.Bool, fault func(call string) error) func(call string) error {
	return func(call string) error {
		if !on.Load() || fault == nil {
			return nil
		}
		return fault(call)
	}
}
