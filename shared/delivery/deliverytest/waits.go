package deliverytest

import (
	"fmt"
	"slices"
	"time"
)

// Answering is how long a healthy receiver takes, in Waits.
const Answering = 50 * time.Millisecond

// Waits are how long events took to their POST's end, sorted.
type Waits []time.Duration

// Waits sends a webhook that answers as Answering says an event every 50 ms for a while, and returns how long each took.
// Those that are not sent within 35 s took a minute.
func (p *Plant) Waits(id string, during time.Duration) Waits {
	p.t.Helper()
	sent := make(map[string]time.Time)
	for end := time.Now().Add(during); time.Now().Before(end); {
		now := time.Now()
		sent[p.Send(id, 1)[0]] = now
		Pass(50 * time.Millisecond)
	}
	Pass(35 * time.Second)
	p.mu.Lock()
	defer p.mu.Unlock()
	var waits Waits
	for id, at := range sent {
		took := time.Minute
		if posts := p.posts[id]; len(posts) > 0 {
			took = posts[0].Sub(at) + Answering
		}
		waits = append(waits, took)
	}
	slices.Sort(waits)
	return waits
}

// Sort sorts what was measured several times.
func (w Waits) Sort() { slices.Sort(w) }

// Part returns how long so many percent took at most.
func (w Waits) Part(percent int) time.Duration { return w[len(w)*percent/100] }

func (w Waits) String() string {
	return fmt.Sprintf("p50 %v, p99 %v of %d", w.Part(50), w.Part(99), len(w))
}
