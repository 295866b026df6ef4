package pattern

import (
	"context"
	"errors"
)

// MaxWork is the number of steps that the matching of one request, or of one message of a queue, can take. A step is one look at
// a field, a value, a place in a list that is searched, or a byte of a pattern that is parsed. It takes 5 to 30 ns. All steps
// together take some tenths of a second on a whole processor, and some seconds in a function of 256 MB, which has a seventh of
// one. So even ten messages in one batch that all use up their steps are done before the function times out. The steps are enough
// to match any event with any one filter that costs at most MaxCost.
const MaxWork = 20_000_000

// ErrWork reports that matching has used all its steps.
var ErrWork = errors.New("the filters are too much work")

// Work is the number of steps that are left for one request. It counts steps instead of time, so that the same filters and events
// always have the same result. It also ends when its context does. It must not be used by several goroutines at once.
type Work struct {
	ctx   context.Context
	limit int
	left  int
	look  int // the context is checked again when this many steps are left
	err   error
}

// lookEvery is the number of steps between two checks of the context. They take less than a millisecond.
const lookEvery = 1 << 16

// NewWork returns a Work with the given number of steps; 0 means MaxWork.
func NewWork(ctx context.Context, limit int) *Work {
	if limit == 0 {
		limit = MaxWork
	}
	return &Work{ctx: ctx, limit: limit, left: limit, look: limit}
}

// Done returns the number of steps taken.
func (w *Work) Done() int { return w.limit - w.left }

// Err returns why the work has ended, which is ErrWork or the context's error. It returns nil while there are steps left.
func (w *Work) Err() error { return w.err }

// do takes n steps. It reports whether there were as many left.
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
