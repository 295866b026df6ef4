// Command sweep is the function that queues again what was left behind; a schedule calls it.
package main

import (
	"context"
	"encoding/json"

	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"

	"hookline/shared/clock"
	"hookline/shared/invocation"
	"hookline/shared/queue/sqs"
	"hookline/shared/settings"
	"hookline/shared/store/dynamo"
	"hookline/shared/sweep"
)

func main() { invocation.Main("sweep", settings.ReadSweep, handler) }

// swept is the function's answer, for whoever calls it by hand.
type swept struct {
	Queued int `json:"queued"`
}

func handler(s settings.Sweep, account settings.Account) (any, error) {
	cfg := account.Config()
	store := dynamo.Open(cfg, s.Table)
	sweeper := &sweep.Sweeper{
		Store: store, Usage: store, Queue: sqs.New(awssqs.NewFromConfig(cfg), s.Delivery.URL, s.Delivery.ARN),
		Now: clock.Clock{}.Now, Log: s.Logger(),
	}
	// The same happens whatever the event says.
	return func(ctx context.Context, _ json.RawMessage) (swept, error) {
		n, err := sweeper.Sweep(ctx)
		return swept{Queued: n}, err
	}, nil
}
