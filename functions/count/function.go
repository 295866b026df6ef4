package main

import (
	"context"
	"errors"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"hookline/shared/settings"
	"hookline/shared/store/dynamo"
)

type function struct{ store *dynamo.Store }

func newFunction(s settings.Count, cfg aws.Config) *function {
	return &function{dynamo.New(dynamodb.NewFromConfig(cfg), s.Table, dynamo.Options{})}
}

// handle fails the whole batch, which then comes again, or none of it.
func (f *function) handle(ctx context.Context, ev events.DynamoDBEvent) error {
	if len(ev.Records) == 0 || ev.Records[0].EventSource != "aws:dynamodb" {
		return errors.New("event is no batch of a table's stream")
	}
	return f.store.Count(ctx, ev)
}
