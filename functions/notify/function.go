package main

import (
	"context"
	"errors"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"

	"hookline/shared/clock"
	"hookline/shared/dialect"
	"hookline/shared/notify"
	"hookline/shared/notify/ses"
	"hookline/shared/queue/sqs"
	"hookline/shared/settings"
	"hookline/shared/store/dynamo"
)

type function struct{ service *notify.Service }

func newFunction(s settings.Notify, cfg aws.Config) (*function, error) {
	builtin, err := dialect.Builtin()
	if err != nil {
		return nil, err
	}
	log := s.Logger()
	store := dynamo.New(dynamodb.NewFromConfig(cfg), s.Table, dynamo.Options{})
	queues := awssqs.NewFromConfig(cfg)
	return &function{&notify.Service{
		Store:    store,
		Dialects: &dialect.Library{Builtin: builtin, Store: store},
		Mailer:   ses.Mailer{API: sesv2.NewFromConfig(cfg), From: s.From, Log: log},
		Queue:    sqs.New(queues, s.Notify.URL, s.Notify.ARN),
		Refused:  sqs.New(queues, s.NotifyDeadLetter.URL, s.NotifyDeadLetter.ARN),
		Console:  s.Console,
		Now:      clock.Clock{}.Now,
		Log:      log,
	}}, nil
}

// handle keeps what is no batch from counting as done.
func (f *function) handle(ctx context.Context, ev events.SQSEvent) (events.SQSEventResponse, error) {
	if len(ev.Records) == 0 || ev.Records[0].EventSource != "aws:sqs" {
		return events.SQSEventResponse{}, errors.New("event is no batch of a queue")
	}
	return f.service.Handle(ctx, ev)
}
