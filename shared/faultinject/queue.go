package faultinject

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"hookline/shared/queue"
)

// QueueFaults are what goes wrong with a queue. The numbers are chances from 0, never, to 1, always. Before and After are
// asked by the name of the call ("Send"), and nil is never; they must be safe for concurrent use.
type QueueFaults struct {
	// Before is asked before a call. Its error is answered as Unavailable and nothing happened.
	Before func(call string) error
	// After is asked after a call that succeeded. Its error is answered as Unavailable although the call took effect.
	After func(call string) error

	Throttle   float64       // of a call that fails as Before says
	Unanswered float64       // of a call that fails as After says
	Duplicate  float64       // of a message that is not hidden when it is first received, so that it is received again
	Reorder    float64       // of a Receive that gives out newer messages before older ones, newest first
	PartSent   float64       // of an entry of a Send that is refused
	PartHidden float64       // of an entry of a Hide that is refused
	CountLag   time.Duration // for so long, in real time, Counts returns what it returned before

	Rand func() float64 // in [0, 1), by one caller at a time; nil means math/rand/v2
}

// Queue wraps one queue with faults that stay as they are.
func Queue(q queue.Queue, faults QueueFaults) queue.Queue {
	f := new(Queues)
	f.Set(faults)
	return f.Wrap(q)
}

// Queues makes queues go wrong, all in the same way. The zero value has no faults. It is safe for concurrent use.
type Queues struct {
	faults atomic.Pointer[QueueFaults]
	chance sync.Mutex // around QueueFaults.Rand
}

// Set replaces the faults, from the next call on.
func (f *Queues) Set(faults QueueFaults) { f.faults.Store(&faults) }

// Wrap wraps a queue with the faults.
func (f *Queues) Wrap(q queue.Queue) queue.Queue { return &faultyQueue{Queue: q, in: f} }

func (f *Queues) now() *QueueFaults {
	if faults := f.faults.Load(); faults != nil {
		return faults
	}
	return new(QueueFaults)
}

// hit reports whether something of a chance happens now.
func (f *Queues) hit(chance float64) bool {
	if chance == 0 {
		return false
	}
	f.chance.Lock()
	defer f.chance.Unlock()
	if random := f.now().Rand; random != nil {
		return random() < chance
	}
	return rand.Float64() < chance
}

// fault asks a fault and a chance about a call.
func (f *Queues) fault(ask func(string) error, chance float64, call string) error {
	if err := strike(ask, call); err != nil {
		return err
	}
	if f.hit(chance) {
		return strike(always, call)
	}
	return nil
}

func always(string) error { return Err }

type faultyQueue struct {
	queue.Queue
	in *Queues

	mu     sync.Mutex
	counts queue.Counts // as they were read last
	readAt time.Time
}

func (q *faultyQueue) call(name string, do func() error) error {
	f := q.in.now()
	if err := q.in.fault(f.Before, f.Throttle, name); err != nil {
		return err
	}
	if err := do(); err != nil {
		return err
	}
	return q.in.fault(f.After, f.Unanswered, name)
}

func call1[T any](q *faultyQueue, name string, do func() (T, error)) (v T, err error) {
	err = q.call(name, func() error {
		v, err = do()
		return err
	})
	if err != nil {
		return *new(T), err
	}
	return v, nil
}

func (q *faultyQueue) Send(ctx context.Context, msgs []queue.Outgoing) error {
	return q.call("Send", func() error {
		return Partly(msgs, q.in.refuses(q.in.now().PartSent), func(msgs []queue.Outgoing) error { return q.Queue.Send(ctx, msgs) })
	})
}

func (q *faultyQueue) Hide(ctx context.Context, vs []queue.Visibility) error {
	return q.call("Hide", func() error {
		return Partly(vs, q.in.refuses(q.in.now().PartHidden), func(vs []queue.Visibility) error { return q.Queue.Hide(ctx, vs) })
	})
}

// refuses refuses entries of a batch by chance.
func (f *Queues) refuses(chance float64) func(int) error {
	return func(int) error {
		if !f.hit(chance) {
			return nil
		}
		return strike(always, "")
	}
}

// Partly does a batch without the entries for which refuse has an error, and reports those as a *queue.PartialError, together
// with those that do reports.
func Partly[T any](batch []T, refuse func(i int) error, do func([]T) error) error {
	failed := make(map[int]error)
	var rest []T
	var at []int // where in batch those of rest are
	for i, entry := range batch {
		if err := refuse(i); err != nil {
			failed[i] = err
			continue
		}
		rest, at = append(rest, entry), append(at, i)
	}
	if len(failed) == 0 {
		return do(batch)
	}
	if len(rest) > 0 {
		err := do(rest)
		partial, ok := errors.AsType[*queue.PartialError](err)
		if err != nil && !ok {
			return err
		}
		if ok {
			for i, err := range partial.Failed {
				failed[at[i]] = err
			}
		}
	}
	return &queue.PartialError{Failed: failed}
}

func (q *faultyQueue) Receive(ctx context.Context, most int, wait time.Duration) ([]queue.Received, error) {
	return call1(q, "Receive", func() ([]queue.Received, error) {
		got, err := q.Queue.Receive(ctx, most, wait)
		if err != nil || len(got) == 0 {
			return got, err
		}
		if q.in.hit(q.in.now().Reorder) {
			if got, err = q.newest(ctx, got, most); err != nil {
				return nil, err
			}
		}
		for _, m := range got {
			if m.ReceiveCount == 1 && q.in.hit(q.in.now().Duplicate) {
				err = errors.Join(err, q.Queue.Hide(ctx, []queue.Visibility{{Handle: m.Handle, For: time.Millisecond}}))
			}
		}
		return got, err
	})
}

// newest receives a second batch, if the first was a full one, and puts the oldest messages of both back.
func (q *faultyQueue) newest(ctx context.Context, got []queue.Received, most int) ([]queue.Received, error) {
	if len(got) == most {
		more, err := q.Queue.Receive(ctx, most, 0)
		if err != nil {
			return nil, err
		}
		got = append(got, more...)
	}
	slices.Reverse(got)
	var back []queue.Visibility
	for _, m := range got[min(len(got), most):] {
		back = append(back, queue.Visibility{Handle: m.Handle})
	}
	got = got[:min(len(got), most)]
	if len(back) == 0 {
		return got, nil
	}
	return got, q.Queue.Hide(ctx, back)
}

func (q *faultyQueue) Counts(ctx context.Context) (queue.Counts, error) {
	return call1(q, "Counts", func() (queue.Counts, error) {
		q.mu.Lock()
		defer q.mu.Unlock()
		if lag := q.in.now().CountLag; lag > 0 && time.Since(q.readAt) < lag {
			return q.counts, nil
		}
		c, err := q.Queue.Counts(ctx)
		if err == nil {
			q.counts, q.readAt = c, time.Now()
		}
		return c, err
	})
}

func (q *faultyQueue) Delete(ctx context.Context, handles ...string) error {
	return q.call("Delete", func() error { return q.Queue.Delete(ctx, handles...) })
}

func (q *faultyQueue) StartMove(ctx context.Context, destination string, maxPerSecond int) (string, error) {
	return call1(q, "StartMove", func() (string, error) { return q.Queue.StartMove(ctx, destination, maxPerSecond) })
}

func (q *faultyQueue) Oldest(ctx context.Context) (time.Time, error) {
	return call1(q, "Oldest", func() (time.Time, error) { return q.Queue.Oldest(ctx) })
}

func (q *faultyQueue) Purge(ctx context.Context) error {
	return q.call("Purge", func() error { return q.Queue.Purge(ctx) })
}

func (q *faultyQueue) Moves(ctx context.Context) ([]queue.Move, error) {
	return call1(q, "Moves", func() ([]queue.Move, error) { return q.Queue.Moves(ctx) })
}

func (q *faultyQueue) CancelMove(ctx context.Context, id string) error {
	return q.call("CancelMove", func() error { return q.Queue.CancelMove(ctx, id) })
}
