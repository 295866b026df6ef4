package runner

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"hookline/shared/queue"
)

// Source is a queue as a poller reads it.
type Source interface {
	Name() string
	Receive(ctx context.Context, most int, wait time.Duration) ([]queue.Received, error)
	Delete(ctx context.Context, handles ...string) error
}

// Handler is a queue function, as Lambda calls it.
type Handler func(context.Context, events.SQSEvent) (events.SQSEventResponse, error)

// poller feeds a queue's messages to a handler as Lambda's event source mapping would: batches of ten, some at a time;
// what a batch does not report as failed is deleted, and an error or a panic keeps all of it.
type poller struct {
	source  Source
	handler Handler
	most    int           // batches at a time
	limit   time.Duration // of one call, in real time: the function's timeout
	log     *slog.Logger
}

const (
	longPoll   = 20 * time.Second // SQS's longest
	errorPause = time.Second
)

// ARN is the queue's name as messages carry it on this machine.
func ARN(name string) string { return "arn:aws:sqs:local:000000000000:" + name }

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
	resp, err := p.invoke(limited, sqsEvent(p.source.Name(), msgs))
	if err != nil {
		p.log.Error("function.failed", "queue", p.source.Name(), "err", err)
		return
	}
	failed := make(map[string]bool)
	for _, f := range resp.BatchItemFailures {
		failed[f.ItemIdentifier] = true
	}
	var done []string
	for _, m := range msgs {
		if !failed[m.ID] {
			done = append(done, m.Handle)
		}
	}
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
func (p *poller) invoke(ctx context.Context, ev events.SQSEvent) (resp events.SQSEventResponse, err error) {
	defer func() {
		if v := recover(); v != nil {
			p.log.Error("function.panic", "queue", p.source.Name(), "value", v)
			err = errPanic
		}
	}()
	return p.handler(ctx, ev)
}

func sqsEvent(queueName string, msgs []queue.Received) events.SQSEvent {
	var ev events.SQSEvent
	for _, m := range msgs {
		attrs := map[string]string{
			"ApproximateReceiveCount":          strconv.Itoa(m.ReceiveCount),
			"SentTimestamp":                    strconv.FormatInt(m.SentAt.UnixMilli(), 10),
			"ApproximateFirstReceiveTimestamp": strconv.FormatInt(m.FirstReceived.UnixMilli(), 10),
		}
		if m.Group != "" {
			attrs["MessageGroupId"] = m.Group
		}
		ev.Records = append(ev.Records, events.SQSMessage{
			MessageId: m.ID, ReceiptHandle: m.Handle, Body: m.Body, Attributes: attrs,
			EventSource: "aws:sqs", EventSourceARN: ARN(queueName), AWSRegion: "local",
		})
	}
	return ev
}

func pause(ctx context.Context, span time.Duration) {
	select {
	case <-time.After(span):
	case <-ctx.Done():
	}
}
