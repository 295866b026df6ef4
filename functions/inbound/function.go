package main

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	awskms "github.com/aws/aws-sdk-go-v2/service/kms"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"

	"hookline/shared/clock"
	"hookline/shared/dialect"
	"hookline/shared/eventlog"
	"hookline/shared/gateway"
	"hookline/shared/httpapi"
	"hookline/shared/ingest"
	"hookline/shared/queue/sqs"
	"hookline/shared/seal"
	"hookline/shared/seal/kms"
	"hookline/shared/settings"
	"hookline/shared/store/dynamo"
)

type function struct {
	handle func(context.Context, gateway.Event) (gateway.Answer, error)
}

func newFunction(s settings.Inbound, cfg aws.Config) (*function, error) {
	builtin, err := dialect.Builtin()
	if err != nil {
		return nil, err
	}
	now, log := clock.Clock{}.Now, s.Logger()
	store := dynamo.New(dynamodb.NewFromConfig(cfg), s.Table, dynamo.Options{})
	dialects := &dialect.Library{Builtin: builtin, Store: store}
	queues := awssqs.NewFromConfig(cfg)
	service := &ingest.Service{
		Store: store, Dialects: dialects, Now: now, Log: log, Retention: s.Retention,
		Delivery: sqs.New(queues, s.Delivery.URL, s.Delivery.ARN),
		Queue:    sqs.New(queues, s.Ingest.URL, s.Ingest.ARN),
	}
	if s.EventLog {
		service.Events = &eventlog.Log{Store: store}
	}
	api := &httpapi.API{
		Store: store, Dialects: dialects, Now: now, Log: log,
		// It opens secrets and seals none, and refuses no entries of a bus.
		Box: seal.Box{Keys: &kms.Keyring{
			API: awskms.NewFromConfig(cfg), KeyID: s.Keys.ID, Stack: s.Keys.Stack, Shelf: store, Now: now,
		}},
		Publisher: service,
		Serves:    func(r httpapi.Route) bool { return r.Inbound },
	}
	return &function{handle: gateway.Handler(api.Handler())}, nil
}
