package whole

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"hookline/shared/metrics"
	"hookline/shared/queue"
	"hookline/shared/stack"
)

// poller feeds a queue's messages to a handler as Lambda's event source mapping would: batches of ten, some at a time. It
// deletes the messages of a batch that do not stay. An error or a panic keeps all of them.
type poller struct {
	source queue.Queue
	handle queue.Handler
	most   int           // batches at a time
	wait   time.Duration // of a receive
	log    *slog.Logger

	metrics metrics.Recorder // nil counts nothing
}

// receivers is how many of a poller's receives are under way at a time. The embedded engine commits each of them together
// with whatever else is written at that moment, so with one receive at a time a commit would hand out only ten messages,
// while it may take in more.
const receivers = 4

// errorPause is how long a poller waits after its queue could not be read.
const errorPause = time.Second

var errPanic = errors.New("the function panicked")

// run polls until ctx ends and returns when the calls under way have. work is what the calls see: it ends later.
func (p *poller) run(ctx, work context.Context) {
	var calls, loops sync.WaitGroup
	free := make(chan struct{}, p.most)
	for range min(receivers, p.most) {
		loops.Go(func() { p.receive(ctx, work, free, &calls) })
	}
	loops.Wait()
	calls.Wait()
}

// receive receives batches until ctx ends, and starts a call for each. A batch holds its place in free until its call
// has ended.
func (p *poller) receive(ctx, work context.Context, free chan struct{}, calls *sync.WaitGroup) {
	for {
		select {
		case free <- struct{}{}:
		case <-ctx.Done():
			return
		}
		msgs, err := p.source.Receive(ctx, queue.MaxBatch, p.wait)
		if ctx.Err() != nil {
			return // what was received comes back when its visibility timeout ends, or at the next start
		}
		if err != nil {
			p.log.Error("queue.receive", "queue", p.source.Name(), "err", err)
			select {
			case <-time.After(errorPause):
			case <-ctx.Done():
			}
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
	limited, cancel := context.WithTimeout(ctx, stack.FunctionTimeout) // in real time
	defer cancel()
	if p.metrics != nil {
		limited = metrics.With(limited, p.metrics)
	}
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
	return p.handle(ctx, msgs)
}
