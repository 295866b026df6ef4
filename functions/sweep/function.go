package main

import (
	"context"
	"encoding/json"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"

	"hookline/shared/clock"
	"hookline/shared/delivery"
	"hookline/shared/queue/sqs"
	"hookline/shared/settings"
	"hookline/shared/store/dynamo"
)

type function struct{ sweeper *delivery.Sweeper }

func newFunction(s settings.Sweep, cfg aws.Config) *function {
	return &function{&delivery.Sweeper{
		Store: dynamo.New(dynamodb.NewFromConfig(cfg), s.Table, dynamo.Options{}),
		Queue: sqs.New(awssqs.NewFromConfig(cfg), s.Delivery.URL, s.Delivery.ARN),
		Now:   clock.Clock{}.Now, Log: s.Logger(),
	}}
}

// swept is the function's answer, for whoever calls it by hand.
type swept struct {
	Queued int `json:"queued"`
}

// handle does the same whatever the event says.
func (f *function) handle(ctx context.Context, _ json.RawMessage) (swept, error) {
	n, err := f.sweeper.Sweep(ctx)
	return swept{Queued: n}, err
}
