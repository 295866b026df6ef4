package main

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	awskms "github.com/aws/aws-sdk-go-v2/service/kms"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"

	"hookline/shared/clock"
	"hookline/shared/console"
	"hookline/shared/delivery"
	"hookline/shared/dialect"
	"hookline/shared/egress"
	"hookline/shared/eventlog"
	"hookline/shared/gateway"
	"hookline/shared/httpapi"
	"hookline/shared/queue/sqs"
	"hookline/shared/replay"
	"hookline/shared/seal"
	"hookline/shared/seal/kms"
	"hookline/shared/settings"
	"hookline/shared/store/dynamo"
)

type function struct {
	handle func(context.Context, gateway.Event) (gateway.Answer, error)
}

func newFunction(s settings.Console, cfg aws.Config) (*function, error) {
	builtin, err := dialect.Builtin()
	if err != nil {
		return nil, err
	}
	now, log := clock.Clock{}.Now, s.Logger()
	store := dynamo.New(dynamodb.NewFromConfig(cfg), s.Table, dynamo.Options{})
	dialects := &dialect.Library{Builtin: builtin, Store: store}
	queues := awssqs.NewFromConfig(cfg)
	box := seal.Box{Keys: &kms.Keyring{
		API: awskms.NewFromConfig(cfg), KeyID: s.Keys.ID, Stack: s.Keys.Stack, Shelf: store, Now: now,
	}}
	replays := &replay.Service{
		Store: store, Queue: sqs.New(queues, s.Bulk.URL, s.Bulk.ARN), Now: now, Log: log, Retention: s.Retention,
	}
	changes := sqs.New(queues, s.Ingest.URL, s.Ingest.ARN)
	// As in the webhooks function, but for the admin's calls: no page makes one, and here none is served, nor is there
	// anything that would authorise it.
	api := &httpapi.API{
		Store: store, Dialects: dialects, Box: box, Now: now, Log: log,
		Deliverer: &delivery.Deliverer{
			Store: store, Health: store, Dialects: dialects, Box: box, Now: now, Log: log, Retention: s.Retention,
			Poster: egress.New(egress.Options{AllowPrivate: settings.PrivateTargets}),
			Queues: delivery.Queues{Delivery: sqs.New(queues, s.Delivery.URL, s.Delivery.ARN)}, Changes: changes, // tests and replays of one delivery use no other
		},
		Replays: replays,
		Changes: changes, AllowPrivate: settings.PrivateTargets, MaxWebhooks: s.MaxWebhooks,
		Serves: func(r httpapi.Route) bool { return !r.Admin && !r.Publishes && !r.Inbound },
	}
	if s.EventLog {
		events := &eventlog.Log{Store: store}
		api.Events, replays.Events = events, events
	}
	pages, err := (&console.Console{API: api.Handler(), Store: store, Dialects: dialects, Box: box, Now: now, Log: log}).Handler()
	if err != nil {
		return nil, err
	}
	return &function{handle: gateway.Handler(pages)}, nil
}
