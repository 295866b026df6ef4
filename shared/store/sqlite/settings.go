package sqlite

import (
	"sync"
)

// maxSettings is how many settings are kept. When there are more, all are read anew.
const maxSettings = 10_000

// settings keeps in memory what keys, tenants, webhooks and subscriptions say, which is read for every event and seldom
// changes. Any change of any of them, by this store's one writer, has all of them read anew. What is kept is shared, so
// nobody may change it.
type settings struct {
	mu      sync.RWMutex
	changes uint64
	kept    map[any]any
}

// The keys of what is kept.
type (
	keyHash  string
	tenantID string
	search   struct {
		tenant, patterns, cursor string
		limit                    int
	}
	// webhook.Ref is a webhook's.
)

func newSettings() *settings { return &settings{kept: make(map[any]any)} }

// forget is called when a change has been committed, before its write returns.
func (s *settings) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changes++
	clear(s.kept)
}

// known returns what is kept under the key, or reads and keeps it. What was read while something changed is not kept, for
// it may be from before the change.
func known[V any](s *settings, key any, read func() (V, error)) (V, error) {
	s.mu.RLock()
	v, ok := s.kept[key]
	changes := s.changes
	s.mu.RUnlock()
	if ok {
		return v.(V), nil
	}
	fresh, err := read()
	if err != nil {
		return fresh, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.changes == changes {
		if len(s.kept) >= maxSettings {
			clear(s.kept)
		}
		s.kept[key] = fresh
	}
	return fresh, nil
}
