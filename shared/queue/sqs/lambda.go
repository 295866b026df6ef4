package sqs

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-lambda-go/events"

	"hookline/shared/queue"
)

// Event is a batch of messages as Lambda hands it over. All of them are of one queue.
type Event = events.SQSEvent

// Answer tells Lambda which messages of a batch stay.
type Answer = events.SQSEventResponse

// errNoBatch is of an event of another kind: taken for an empty batch it would count as done.
var errNoBatch = errors.New("event is no batch of a queue")

// IsBatch reports whether the event is a batch, as against an event of another kind.
func IsBatch(e Event) bool { return len(e.Records) > 0 && e.Records[0].EventSource == "aws:sqs" }

// Function returns a Lambda function that has handle take its batches. The answer names the messages that stay, so that
// Lambda deletes the others (ReportBatchItemFailures); after an error it deletes none.
func Function(handle queue.Handler) func(context.Context, Event) (Answer, error) {
	return function(func(string) queue.Handler { return handle })
}

// FunctionOf is Function for several queues, whose handlers are by the queues' ARNs.
func FunctionOf(handlers map[string]queue.Handler) func(context.Context, Event) (Answer, error) {
	return function(func(arn string) queue.Handler { return handlers[arn] })
}

func function(of func(arn string) queue.Handler) func(context.Context, Event) (Answer, error) {
	return func(ctx context.Context, e Event) (Answer, error) {
		if !IsBatch(e) {
			return Answer{}, errNoBatch
		}
		arn := e.Records[0].EventSourceARN
		handle := of(arn)
		if handle == nil {
			return Answer{}, fmt.Errorf("message from a queue that is not configured: %s", arn)
		}
		msgs := make([]queue.Received, len(e.Records))
		for i, r := range e.Records {
			if r.EventSourceARN != arn {
				return Answer{}, fmt.Errorf("batch of two queues: %s and %s", arn, r.EventSourceARN)
			}
			msgs[i] = received(r.MessageId, r.ReceiptHandle, r.Body, r.Attributes)
		}
		stays, err := handle(ctx, msgs)
		if err != nil {
			return Answer{}, err
		}
		answer := Answer{BatchItemFailures: []events.SQSBatchItemFailure{}}
		for _, id := range stays {
			answer.BatchItemFailures = append(answer.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: id})
		}
		return answer, nil
	}
}
