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
	"hookline/shared/docs"
	"hookline/shared/egress"
	"hookline/shared/eventlog"
	"hookline/shared/gateway"
	"hookline/shared/httpapi"
	"hookline/shared/queue/sqs"
	"hookline/shared/rate"
	"hookline/shared/replay"
	"hookline/shared/seal"
	"hookline/shared/seal/kms"
	"hookline/shared/settings"
	"hookline/shared/store/dynamo"
)

type function struct {
	handle func(context.Context, gateway.Event) (gateway.Answer, error)
}

func newFunction(s settings.Webhooks, cfg aws.Config) (*function, error) {
	builtin, err := dialect.Builtin()
	if err != nil {
		return nil, err
	}
	now, log := clock.Clock{}.Now, s.Logger()
	store := dynamo.New(dynamodb.NewFromConfig(cfg), s.Table, dynamo.Options{})
	dialects := &dialect.Library{Builtin: builtin, Store: store}
	queues := awssqs.NewFromConfig(cfg)
	first := sqs.New(queues, s.Delivery.URL, s.Delivery.ARN)
	box := seal.Box{Keys: &kms.Keyring{
		API: awskms.NewFromConfig(cfg), KeyID: s.Keys.ID, Stack: s.Keys.Stack, Shelf: store, Now: now,
	}}
	replays := &replay.Service{
		Store: store, Queue: sqs.New(queues, s.Bulk.URL, s.Bulk.ARN), Now: now, Log: log, Retention: s.Retention,
	}
	changes := sqs.New(queues, s.Ingest.URL, s.Ingest.ARN)
	api := &httpapi.API{
		Docs:  docs.New,
		Store: store, Dialects: dialects, Box: box, Now: now, Log: log,
		Deliverer: &delivery.Deliverer{
			Store: store, Health: store, Dialects: dialects, Box: box, Now: now, Log: log, Retention: s.Retention,
			Poster: egress.New(egress.Options{AllowPrivate: settings.PrivateTargets}),
			Queues: delivery.Queues{Delivery: first}, Changes: changes, // tests and replays of one delivery use no other
		},
		Replays:     replays,
		DeadLetters: sqs.New(queues, s.DeadLetter.URL, s.DeadLetter.ARN), RedriveTo: first.Name(),
		Changes: changes,
		Rates:   &rate.Limiter{PerSecond: s.Rate},
		Admin:   gateway.Admin, AllowPrivate: settings.PrivateTargets, MaxWebhooks: s.MaxWebhooks,
		Serves: func(r httpapi.Route) bool { return !r.Publishes && !r.Inbound }, // those are ingest's and inbound's
	}
	if s.EventLog {
		events := &eventlog.Log{Store: store}
		api.Events, replays.Events = events, events
	}
	return &function{handle: gateway.Handler(api.Handler())}, nil
}
