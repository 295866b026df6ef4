package sqlite

import "sync"

// Faults are what a database in the cloud does and a file does not, for tests of those who use the store. Each is
// asked by the name of the call ("SaveDelivery"); nil is never. They must be safe for concurrent use.
type Faults struct {
	// Before is asked before a write: its error is answered as Unavailable and nothing is written, as by a throttle.
	Before func(call string) error
	// After is asked after a write: its error is answered as Unavailable though everything was written, as by a
	// connection that broke before the answer.
	After func(call string) error
	// Stale is asked before Overdue and Subscriptions: true gives what the call was answered last time for the same list
	// and page, or nothing if it was not asked yet. Of the two the contract allows it for Overdue alone.
	Stale func(call string) bool
}

func (f Faults) before(call string) error {
	if f.Before == nil {
		return nil
	}
	return f.Before(call)
}

func (f Faults) after(call string) error {
	if f.After == nil {
		return nil
	}
	return f.After(call)
}

// staleAnswers holds the last fresh answers, while Faults.Stale is set.
type staleAnswers struct {
	mu   sync.Mutex
	last map[string]any
}

// answer returns a list's last answer when the fault strikes, else a fresh one.
func answer[T any](s *Store, call, list string, fresh func() (T, error)) (T, error) {
	if s.faults.Stale == nil {
		return fresh()
	}
	key := call + " " + list
	if s.faults.Stale(call) {
		s.stale.mu.Lock()
		defer s.stale.mu.Unlock()
		last, _ := s.stale.last[key].(T)
		return last, nil
	}
	v, err := fresh()
	if err == nil {
		s.stale.mu.Lock()
		defer s.stale.mu.Unlock()
		if s.stale.last == nil {
			s.stale.last = make(map[string]any)
		}
		s.stale.last[key] = v
	}
	return v, err
}
