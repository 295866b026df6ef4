// Command deliver is the function behind DeliveryQueue, RetryQueue and BulkQueue.
package main

import (
	"hookline/shared/delivery"
	"hookline/shared/invocation"
	"hookline/shared/queue"
	"hookline/shared/queue/sqs"
	"hookline/shared/seal/kms"
	"hookline/shared/settings"
	"hookline/shared/stack"
	"hookline/shared/store/dynamo"
)

func main() { invocation.Main("deliver", settings.ReadDeliver, handler) }

func handler(s settings.Deliver, account settings.Account) (any, error) {
	cfg := account.Config()
	store := dynamo.Open(cfg, s.Table)
	b, err := stack.NewBuilder(stack.Parts{
		Store: store, Keys: kms.Open(cfg, s.Keys.ID, s.Keys.Stack, store), Log: s.Logger(), Retention: s.Retention,
		EventLog: true, // where the stack keeps none no job asks for it
		Queues: sqs.Open(cfg, map[string]sqs.Address{
			stack.DeliveryQueue: sqs.Address(s.Delivery), stack.RetryQueue: sqs.Address(s.Retry),
			stack.BulkQueue: sqs.Address(s.Bulk), stack.DeadQueue: sqs.Address(s.DeadLetter),
			stack.IngestQueue: sqs.Address(s.Ingest),
		}),
		Batches: delivery.Concurrency(s.Batches), AllowPrivate: settings.PrivateTargets,
	})
	if err != nil {
		return nil, err
	}
	d, _ := b.Deliverer()
	return sqs.FunctionOf(map[string]queue.Handler{
		s.Delivery.ARN: d.From(d.Queues.Delivery), s.Retry.ARN: d.From(d.Queues.Retry), s.Bulk.ARN: d.From(d.Queues.Bulk),
	}), nil
}
