package main

import (
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

func newFunction(s settings.Notify, cfg aws.Config) (any, error) {
	builtin, err := dialect.Builtin()
	if err != nil {
		return nil, err
	}
	log := s.Logger()
	store := dynamo.New(dynamodb.NewFromConfig(cfg), s.Table, dynamo.Options{})
	queues := awssqs.NewFromConfig(cfg)
	service := &notify.Service{
		Store:    store,
		Dialects: &dialect.Library{Builtin: builtin, Store: store},
		Mailer:   ses.Mailer{API: sesv2.NewFromConfig(cfg), From: s.From, Log: log},
		Queue:    sqs.New(queues, s.Notify.URL, s.Notify.ARN),
		Refused:  sqs.New(queues, s.NotifyDeadLetter.URL, s.NotifyDeadLetter.ARN),
		Console:  s.Console,
		Now:      clock.Clock{}.Now,
		Log:      log,
	}
	return sqs.Function(service.Handle), nil
}
