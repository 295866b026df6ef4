// Package rate bounds how often something may happen, for each of many keys, in the memory of one process.
//
// It guarantees that one Limiter lets a key through at most a burst and then so often a second, and that it holds a
// bounded number of keys. It knows nothing of other processes: on Lambda every sandbox has a Limiter of its own, so a key
// whose requests are spread over n sandboxes gets through up to n times as often. Counting across sandboxes would take a
// write for each request; what bounds the whole is the throttling of the API's stage.
package rate

import (
	"maps"
	"sync"
	"time"
)

// maxKeys bounds the keys that are remembered.
const maxKeys = 10_000

// Limiter counts. The zero Limiter limits nothing.
type Limiter struct {
	PerSecond int              // 0: no limit
	Now       func() time.Time // nil is time.Now

	mu   sync.Mutex
	free map[string]time.Time // when a key's bucket is full again
}

// burst is how long a bucket takes to fill: a key that was quiet for so long may do at once what it may do in that time.
const burst = 2 * time.Second

// Wait takes one for the key and returns 0, or takes none and returns how long it is until there is one.
//
// It is the generic cell rate algorithm (ITU-T I.371): a time for each key in the place of a count and a time.
func (l *Limiter) Wait(key string) time.Duration {
	if l == nil || l.PerSecond <= 0 {
		return 0
	}
	now := time.Now()
	if l.Now != nil {
		now = l.Now()
	}
	each := time.Second / time.Duration(l.PerSecond)
	l.mu.Lock()
	defer l.mu.Unlock()
	next := l.free[key]
	if next.Before(now) {
		next = now
	}
	next = next.Add(each)
	if over := next.Sub(now) - burst; over > 0 {
		return over
	}
	if l.free == nil {
		l.free = make(map[string]time.Time)
	}
	if _, ok := l.free[key]; !ok && len(l.free) >= maxKeys {
		l.forget(now)
	}
	l.free[key] = next
	return 0
}

// forget drops the keys whose buckets are full, of which nothing has to be known; and all when so many are not.
func (l *Limiter) forget(now time.Time) {
	maps.DeleteFunc(l.free, func(_ string, full time.Time) bool { return !full.After(now) })
	if len(l.free) >= maxKeys {
		clear(l.free)
	}
}
