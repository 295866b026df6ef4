package simulation

import (
	"cmp"
	"math/rand/v2"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// chance is what is left to chance at one instant.
type chance uint64

// mix is the finalizer of SplitMix64.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// of returns the chance of one thing among those of the instant.
func (c chance) of(what string) chance {
	h := uint64(14695981039346656037)
	for i := range len(what) {
		h = (h ^ uint64(what[i])) * 1099511628211
	}
	return chance(mix(uint64(c) ^ h))
}

// float returns a number in [0, 1).
func (c chance) float() float64 { return float64(mix(uint64(c))>>11) / (1 << 53) }

// hits reports whether something of that probability happens.
func (c chance) hits(what string, probability float64) bool {
	return probability > 0 && c.of(what).float() < probability
}

// pick returns a number in [0, n).
func (c chance) pick(what string, n int) int { return int(uint64(c.of(what)) % uint64(n)) }

// span returns a span up to a limit: an even number of nanoseconds.
func (c chance) span(what string, limit time.Duration) time.Duration {
	return 2 * (time.Duration(uint64(c.of(what))%uint64(max(limit/2, 1))) + 1)
}

// turns gives each call an instant of its own.
//
// Calls arrive at even nanoseconds. Those that arrive at one instant, because one goroutine started others, are put in order
// a nanosecond later: by name, and by the order in which their goroutines were made. Then each gets an even instant that
// no other has.
type turns struct {
	seed   uint64
	begun  time.Time
	unruly bool

	mu      sync.Mutex
	arrived []*arrival
	taken   map[time.Duration]bool
}

type arrival struct {
	what      string
	goroutine int
	until     time.Duration // since begun
	chance    chance
}

// pace is how long a call takes at most, without a fault.
const pace = 4 * time.Millisecond

// wait waits for the caller's instant, at least so long, and returns what is left to chance then.
func (t *turns) wait(what string, least time.Duration) chance {
	t.jostle()
	a := &arrival{what: what}
	if _, call, _ := strings.Cut(what, " "); !single[call] {
		a.goroutine = goroutine()
	}
	t.mu.Lock()
	t.arrived = append(t.arrived, a)
	t.mu.Unlock()
	<-time.After(time.Nanosecond)
	t.mu.Lock()
	t.order()
	sleep := a.until - time.Since(t.begun)
	t.mu.Unlock()
	<-time.After(sleep + least&^1)
	t.mu.Lock()
	delete(t.taken, a.until)
	t.mu.Unlock()
	t.jostle()
	return a.chance
}

// jostle has goroutines that run at one instant go in any order, if the run is unruly, as preemption under load does. It is
// the one thing that no seed decides.
func (t *turns) jostle() {
	if t.unruly {
		for range rand.IntN(3) {
			runtime.Gosched()
		}
	}
}

// single are calls that goroutines which were started together do not make before any other. Their goroutines need no number,
// which is dear.
var single = map[string]bool{
	"Load": true, "LoadBatch": true, "Payloads": true, "Subscriptions": true, "KeyByHash": true, "Tenant": true,
	"Pins": true, "DialectHead": true, "DialectVersion": true,
}

// order gives those that have arrived their instants.
func (t *turns) order() {
	slices.SortFunc(t.arrived, func(a, b *arrival) int {
		return cmp.Or(strings.Compare(a.what, b.what), a.goroutine-b.goroutine)
	})
	now := time.Since(t.begun)
	for i, a := range t.arrived {
		a.chance = chance(mix(t.seed ^ mix(uint64(now)) + uint64(i))).of(a.what)
		a.until = (now | 1) - 1 + a.chance.span("pace", pace)
		for t.taken[a.until] {
			a.until += 2
		}
		t.taken[a.until] = true
	}
	t.arrived = nil
}

// goroutine returns a number of the caller's goroutine, greater than those of the goroutines that were made before it. That
// holds where GOMAXPROCS is 1.
func goroutine() int {
	var buf [32]byte
	text := strings.TrimPrefix(string(buf[:runtime.Stack(buf[:], false)]), "goroutine ")
	n, _ := strconv.Atoi(text[:strings.IndexByte(text, ' ')])
	return n
}
