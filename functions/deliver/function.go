package main

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	awskms "github.com/aws/aws-sdk-go-v2/service/kms"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"

	"hookline/shared/clock"
	"hookline/shared/delivery"
	"hookline/shared/dialect"
	"hookline/shared/egress"
	"hookline/shared/eventlog"
	"hookline/shared/queue"
	"hookline/shared/queue/sqs"
	"hookline/shared/replay"
	"hookline/shared/seal"
	"hookline/shared/seal/kms"
	"hookline/shared/settings"
	"hookline/shared/store/dynamo"
)

func newFunction(s settings.Deliver, cfg aws.Config) (any, error) {
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
		Poster: egress.New(egress.Options{AllowPrivate: settings.PrivateTargets}),
		Box: seal.Box{Keys: &kms.Keyring{
			API: awskms.NewFromConfig(cfg), KeyID: s.Keys.ID, Stack: s.Keys.Stack, Shelf: store, Now: now,
		}},
	}
	d.Jobs = &replay.Service{
		Store: store, Rounds: d, Queue: queues.Bulk, Now: now, Log: d.Log, Retention: s.Retention,
		Events: &eventlog.Log{Store: store}, // where the stack keeps none no job asks for it
	}
	from := func(q delivery.Queue) queue.Handler {
		return func(ctx context.Context, msgs []queue.Received) ([]string, error) { return d.Handle(ctx, q, msgs) }
	}
	return sqs.FunctionOf(map[string]queue.Handler{
		s.Delivery.ARN: from(queues.Delivery), s.Retry.ARN: from(queues.Retry), s.Bulk.ARN: from(queues.Bulk),
	}), nil
}
