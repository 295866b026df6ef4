// Package rate bounds how often each of many keys may do something, in the memory of one process.
//
// A Limiter lets a key through at most a burst at once and then a number of times a second, and it remembers a bounded
// number of keys. It knows nothing of other processes. On Lambda every sandbox has a Limiter of its own, so a key whose
// requests are spread over n sandboxes gets through up to n times as often. Counting across sandboxes would take a
// write for each request; the throttling of the API's stage bounds the whole instead.
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

// burst is how long an empty bucket takes to fill. A key that was quiet for so long may do at once as much as it may do
// in that time.
const burst = 2 * time.Second

// Wait takes one token for the key and returns 0. If there is none, it takes none and returns how long it is until
// there is one.
//
// It is the generic cell rate algorithm (ITU-T I.371), which keeps one time for each key instead of a count and a time.
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

// forget drops the keys whose buckets are full, because nothing has to be known of them. If too many are not full, it
// drops all keys.
func (l *Limiter) forget(now time.Time) {
	maps.DeleteFunc(l.free, func(_ string, full time.Time) bool { return !full.After(now) })
	if len(l.free) >= maxKeys {
		clear(l.free)
	}
}
