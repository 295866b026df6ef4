package main

import (
	"context"
	"errors"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	awskms "github.com/aws/aws-sdk-go-v2/service/kms"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"

	"hookline/shared/clock"
	"hookline/shared/delivery"
	"hookline/shared/dialect"
	"hookline/shared/egress"
	"hookline/shared/eventlog"
	"hookline/shared/queue/sqs"
	"hookline/shared/replay"
	"hookline/shared/seal"
	"hookline/shared/seal/kms"
	"hookline/shared/settings"
	"hookline/shared/store/dynamo"
)

type function struct{ deliverer *delivery.Deliverer }

func newFunction(s settings.Deliver, cfg aws.Config) (*function, error) {
	builtin, err := dialect.Builtin()
	if err != nil {
		return nil, err
	}
	now := clock.Clock{}.Now
	store := dynamo.New(dynamodb.NewFromConfig(cfg), s.Table, dynamo.Options{})
	dialects := &dialect.Library{Builtin: builtin, Store: store}
	client := awssqs.NewFromConfig(cfg)
	open := func(q settings.Queue) *sqs.Queue { return sqs.New(client, q.URL, q.ARN) }
	queues := delivery.Queues{
		Delivery: open(s.Delivery), Retry: open(s.Retry), Bulk: open(s.Bulk), Dead: open(s.DeadLetter),
	}
	d := &delivery.Deliverer{
		Store: store, Health: store, Dialects: dialects, Now: now, Log: s.Logger(), Retention: s.Retention,
		Queues: queues, Changes: open(s.Ingest), Batches: delivery.Concurrency(s.Batches),
		Sources: map[string]delivery.Queue{
			s.Delivery.ARN: queues.Delivery, s.Retry.ARN: queues.Retry, s.Bulk.ARN: queues.Bulk,
		},
		Poster: egress.New(egress.Options{AllowPrivate: settings.PrivateTargets}),
		Box: seal.Box{Keys: &kms.Keyring{
			API: awskms.NewFromConfig(cfg), KeyID: s.Keys.ID, Stack: s.Keys.Stack, Shelf: store, Now: now,
		}},
	}
	d.Jobs = &replay.Service{
		Store: store, Rounds: d, Queue: queues.Bulk, Now: now, Log: d.Log, Retention: s.Retention,
		Events: &eventlog.Log{Store: store}, // where the stack keeps none no job asks for it
	}
	return &function{d}, nil
}

// handle refuses an event of another kind: taken for an empty batch, it would count as done.
func (f *function) handle(ctx context.Context, batch events.SQSEvent) (events.SQSEventResponse, error) {
	if len(batch.Records) == 0 {
		return events.SQSEventResponse{}, errors.New("event is no batch of a queue")
	}
	return f.deliverer.Handle(ctx, batch)
}
