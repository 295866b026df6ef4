package dynamo

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"hookline/shared/webhook"
)

const (
	// longestWait is the longest wait between two tries.
	longestWait = time.Second
	// margin is how much of the context's time is left when trying ends, so that the caller can still answer.
	margin = 300 * time.Millisecond
)

// once turns a client's own retries off, because this package has to know whether an answer was lost.
func once(o *dynamodb.Options) { o.Retryer = aws.NopRetryer{} }

// try makes a request until it gets a final answer or time is up, which is Unavailable. Other errors are the client's.
// unsure says that an earlier try may have been carried out before the one that was answered.
func (s *Store) try(ctx context.Context, request func(context.Context) error) (unsure bool, err error) {
	waits := s.backoff(ctx)
	for {
		err := s.attempt(ctx, request)
		if err == nil || ctx.Err() == nil && !passing(err) {
			return unsure, err
		}
		unsure = unsure || lost(err)
		if !waits.wait(ctx) {
			return unsure, webhook.ErrUnavailable(err)
		}
	}
}

func (s *Store) attempt(ctx context.Context, request func(context.Context) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, s.opts.Attempt)
	defer cancel()
	return request(ctx)
}

// fault turns the error that a request ended with into one of the domain's.
func fault(err error) error {
	if _, ok := errors.AsType[*webhook.Error](err); ok || err == nil {
		return err
	}
	return internal(err)
}

// backoff makes the waits between the tries of one call. They are random, and the longest possible wait doubles each
// time.
type backoff struct {
	first, next time.Duration
	end         time.Time
	jitter      func() float64
}

func (s *Store) backoff(ctx context.Context) *backoff {
	end := time.Now().Add(s.opts.Patience)
	if deadline, ok := ctx.Deadline(); ok {
		end = deadline.Add(-margin)
	}
	return &backoff{first: s.opts.FirstWait, next: s.opts.FirstWait, end: end, jitter: s.opts.Jitter}
}

// reset starts again with short waits, after some progress.
func (b *backoff) reset() { b.next = b.first }

// wait waits before the next try, and reports whether there is to be one.
func (b *backoff) wait(ctx context.Context) bool {
	span := time.Duration(float64(b.next) * b.jitter())
	b.next = min(b.next*2, longestWait)
	if ctx.Err() != nil || time.Now().Add(span).After(b.end) {
		return false
	}
	timer := time.NewTimer(span)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// passing reports whether the same request may succeed later. A request that DynamoDB did not answer may. So may a
// transaction that only throttles and other transactions stood in the way of.
func passing(err error) bool {
	if e, ok := errors.AsType[*types.TransactionCanceledException](err); ok {
		return !slices.ContainsFunc(e.CancellationReasons, func(r types.CancellationReason) bool {
			switch aws.ToString(r.Code) {
			case "", "None", "TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded":
				return false
			}
			return true
		})
	}
	e, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		return true
	}
	switch e.ErrorCode() {
	case "ProvisionedThroughputExceededException", "ThrottlingException", "Throttling", "RequestLimitExceeded",
		"TransactionConflictException", "TransactionInProgressException", "ReplicatedWriteConflictException":
		return true
	}
	return serverFault(err, e)
}

// lost reports whether the request may have been carried out although it failed.
func lost(err error) bool {
	e, ok := errors.AsType[smithy.APIError](err)
	return !ok || serverFault(err, e)
}

func serverFault(err error, e smithy.APIError) bool {
	if r, ok := errors.AsType[*smithyhttp.ResponseError](err); ok && r.HTTPStatusCode() >= http.StatusInternalServerError {
		return true
	}
	return e.ErrorFault() == smithy.FaultServer
}

// refused reports whether a request's condition did not hold. It returns the item that was there (nil for none) if the
// request asked for it.
func refused(err error) (item, bool) {
	e, ok := errors.AsType[*types.ConditionalCheckFailedException](err)
	if !ok {
		return nil, false
	}
	return e.Item, true
}
