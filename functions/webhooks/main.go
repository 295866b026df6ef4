// Command webhooks is the function behind the HTTP API: everything but publishing events, taking reports, and the console.
package main

import (
	"hookline/shared/docs"
	"hookline/shared/gateway"
	"hookline/shared/httpapi"
	"hookline/shared/invocation"
	"hookline/shared/queue/sqs"
	"hookline/shared/rate"
	"hookline/shared/schema"
	"hookline/shared/seal/kms"
	"hookline/shared/settings"
	"hookline/shared/stack"
	"hookline/shared/stack/frontend"
	"hookline/shared/store/dynamo"
)

func main() { invocation.Main("webhooks", settings.ReadWebhooks, handler) }

func handler(s settings.Webhooks, account settings.Account) (any, error) {
	cfg := account.Config()
	store := dynamo.Open(cfg, s.Table)
	b, err := stack.NewBuilder(stack.Parts{
		Store: store, Keys: kms.Open(cfg, s.Keys.ID, s.Keys.Stack, store), Log: s.Logger(), Retention: s.Retention, EventLog: s.EventLog,
		AllowPrivate: settings.PrivateTargets, MaxWebhooks: s.MaxWebhooks, Brand: s.Brand,
		Queues: sqs.Open(cfg, map[string]sqs.Address{
			stack.DeliveryQueue: sqs.Address(s.Delivery), stack.BulkQueue: sqs.Address(s.Bulk),
			stack.DeadQueue: sqs.Address(s.DeadLetter), stack.IngestQueue: sqs.Address(s.Ingest),
		}),
	})
	if err != nil {
		return nil, err
	}
	api := frontend.API(b)
	api.Deliverer, api.Replays = b.Deliverer()
	api.Docs, api.CheckSchemas, api.Admin, api.Rates = docs.New(b.Brand), schema.Check, gateway.Admin, &rate.Limiter{PerSecond: s.Rate}
	api.Serves = func(r httpapi.Route) bool { return !r.Publishes && !r.Inbound } // those are ingest's and inbound's
	return gateway.Handler(api.Handler()), nil
}
