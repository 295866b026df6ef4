package runner

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"hookline/shared/queue"
)

// Source is a queue as a poller reads it.
type Source interface {
	Name() string
	Receive(ctx context.Context, most int, wait time.Duration) ([]queue.Received, error)
	Delete(ctx context.Context, handles ...string) error
}

// poller feeds a queue's messages to a handler as Lambda's event source mapping would: batches of ten, some at a time;
// what is not to stay of a batch is deleted, and an error or a panic keeps all of it.
type poller struct {
	source  Source
	handler queue.Handler
	most    int           // batches at a time
	limit   time.Duration // of one call, in real time: the function's timeout
	log     *slog.Logger
}

const (
	longPoll   = 20 * time.Second // SQS's longest
	errorPause = time.Second
)

// run polls until ctx ends and returns when the calls under way have. work is what the calls see: it ends later.
func (p *poller) run(ctx, work context.Context) {
	var calls sync.WaitGroup
	defer calls.Wait()
	free := make(chan struct{}, p.most)
	for {
		select {
		case free <- struct{}{}:
		case <-ctx.Done():
			return
		}
		msgs, err := p.source.Receive(ctx, queue.MaxBatch, longPoll)
		if ctx.Err() != nil {
			return // what was received comes back when its visibility timeout ends, or at the next start
		}
		if err != nil {
			p.log.Error("queue.receive", "queue", p.source.Name(), "err", err)
			pause(ctx, errorPause)
		}
		if len(msgs) == 0 {
			<-free
			continue
		}
		calls.Go(func() {
			defer func() { <-free }()
			p.call(work, msgs)
		})
	}
}

func (p *poller) call(ctx context.Context, msgs []queue.Received) {
	// Deletions must happen even when the call used all its time.
	limited, cancel := context.WithTimeout(ctx, p.limit)
	defer cancel()
	stays, err := p.invoke(limited, msgs)
	if err != nil {
		p.log.Error("function.failed", "queue", p.source.Name(), "err", err)
		return
	}
	done := queue.Done(msgs, stays)
	if len(done) == 0 {
		return
	}
	if err := p.source.Delete(ctx, done...); err != nil && !onlyStale(err) {
		p.log.Error("queue.delete", "queue", p.source.Name(), "err", err)
	}
}

// onlyStale reports whether all that could not be deleted has been received again meanwhile, or is gone.
func onlyStale(err error) bool {
	partial, ok := errors.AsType[*queue.PartialError](err)
	if !ok {
		return false
	}
	for _, e := range partial.Failed {
		if !errors.Is(e, queue.ErrStaleHandle) {
			return false
		}
	}
	return true
}

// invoke turns a panic into an error, as the Lambda runtime does.
func (p *poller) invoke(ctx context.Context, msgs []queue.Received) (stays []string, err error) {
	defer func() {
		if v := recover(); v != nil {
			p.log.Error("function.panic", "queue", p.source.Name(), "value", v)
			err = errPanic
		}
	}()
	return p.handler(ctx, msgs)
}

func pause(ctx context.Context, span time.Duration) {
	select {
	case <-time.After(span):
	case <-ctx.Done():
	}
}
