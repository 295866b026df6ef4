package pattern

import (
	"context"
	"errors"
)

// MaxWork is how many steps of matching one request, or one message of a queue, is given. A step is one look at something:
// a field, a value, a place in a list that is searched, a byte of a pattern that is parsed. It takes 5 to 30 ns, so that
// all of them are some tenths of a second of a whole processor and some seconds of a function of 256 MB, which has a
// seventh of one: a batch of ten messages that all come to the end of theirs is done before the function's time is. Any
// one filter that costs no more than MaxCost meets any one event within it.
const MaxWork = 20_000_000

// ErrWork reports that the work ran out.
var ErrWork = errors.New("the filters are too much work")

// Work is how much matching is left for one request. It counts steps and not time, so that the same filters and events
// always come to the same end; only when its context ends, it ends too. It is for one goroutine.
type Work struct {
	ctx   context.Context
	limit int
	left  int
	look  int // at how many left the context is looked at again
	err   error
}

// lookEvery is how many steps are done between two looks at the context: less than a millisecond's.
const lookEvery = 1 << 16

// NewWork returns work of so many steps; 0 means MaxWork.
func NewWork(ctx context.Context, limit int) *Work {
	if limit == 0 {
		limit = MaxWork
	}
	return &Work{ctx: ctx, limit: limit, left: limit, look: limit}
}

// Done returns how many steps were done.
func (w *Work) Done() int { return w.limit - w.left }

// Err returns why there is no more work to be done: ErrWork, or the error of the context; nil while there is.
func (w *Work) Err() error { return w.err }

// do takes n steps of the work, and reports whether they may be done.
func (w *Work) do(n int) bool {
	w.left -= n
	return w.left >= w.look && w.err == nil || w.check()
}

func (w *Work) check() bool {
	switch {
	case w.err != nil:
	case w.left < 0:
		w.err = ErrWork
	case w.ctx.Err() != nil:
		w.err = w.ctx.Err()
	default:
		w.look = max(0, w.left-lookEvery)
		return true
	}
	return false
}
