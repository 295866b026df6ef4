package main

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	awseventbridge "github.com/aws/aws-sdk-go-v2/service/eventbridge"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"

	"hookline/shared/clock"
	"hookline/shared/dialect"
	"hookline/shared/eventlog"
	"hookline/shared/gateway"
	"hookline/shared/httpapi"
	"hookline/shared/ingest"
	"hookline/shared/queue/sqs"
	"hookline/shared/rate"
	"hookline/shared/settings"
	"hookline/shared/store/dynamo"
	"hookline/shared/system/eventbridge"
)

// function takes both kinds of events, so that a request and a queue's batch share warm processes.
type function struct {
	request func(context.Context, gateway.Event) (gateway.Answer, error)
	batch   func(context.Context, sqs.Event) (sqs.Answer, error)
}

func newFunction(s settings.Ingest, cfg aws.Config) (*function, error) {
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
		Refused:  sqs.New(queues, s.IngestDeadLetter.URL, s.IngestDeadLetter.ARN),
		Announcer: eventbridge.Bus{
			API: awseventbridge.NewFromConfig(cfg), Name: s.Bus.Name, Source: s.Bus.Source,
		},
	}
	if s.EventLog {
		service.Events = &eventlog.Log{Store: store}
	}
	// Publishing seals nothing and keeps no dead letters, so there is no key and no such queue here.
	api := &httpapi.API{
		Store: store, Publisher: service, Dialects: dialects, Now: now, Log: log, Admin: gateway.Admin,
		Rates:  &rate.Limiter{PerSecond: s.Rate},
		Serves: func(r httpapi.Route) bool { return r.Publishes },
	}
	return &function{request: gateway.Handler(api.Handler()), batch: sqs.Function(service.Handle)}, nil
}

// handle tells the kinds apart by what only one of them has.
func (f *function) handle(ctx context.Context, raw json.RawMessage) (any, error) {
	var request gateway.Event
	if err := json.Unmarshal(raw, &request); err == nil && gateway.IsRequest(request) {
		return f.request(ctx, request)
	}
	var batch sqs.Event
	if err := json.Unmarshal(raw, &batch); err != nil {
		return nil, err
	}
	if !sqs.IsBatch(batch) {
		return nil, errors.New("event is neither a request nor a batch of a queue")
	}
	return f.batch(ctx, batch)
}
