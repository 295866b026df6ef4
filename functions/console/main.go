// Command console is the function behind the web pages at /console/.
package main

import (
	"hookline/shared/gateway"
	"hookline/shared/invocation"
	"hookline/shared/queue/sqs"
	"hookline/shared/seal/kms"
	"hookline/shared/settings"
	"hookline/shared/stack"
	"hookline/shared/stack/frontend"
	"hookline/shared/stack/pages"
	"hookline/shared/store/dynamo"
)

func main() { invocation.Main("console", settings.ReadConsole, handler) }

func handler(s settings.Console, account settings.Account) (any, error) {
	cfg := account.Config()
	store := dynamo.Open(cfg, s.Table)
	b, err := stack.NewBuilder(stack.Parts{
		Store: store, Keys: kms.Open(cfg, s.Keys.ID, s.Keys.Stack, store), Log: s.Logger(), Retention: s.Retention, EventLog: s.EventLog,
		AllowPrivate: settings.PrivateTargets, MaxWebhooks: s.MaxWebhooks, Brand: s.Brand,
		Queues: sqs.Open(cfg, map[string]sqs.Address{
			stack.DeliveryQueue: sqs.Address(s.Delivery), stack.RetryQueue: sqs.Address(s.Retry), stack.BulkQueue: sqs.Address(s.Bulk),
			stack.DeadQueue: sqs.Address(s.DeadLetter), stack.IngestQueue: sqs.Address(s.Ingest), stack.RefusedQueue: sqs.Address(s.IngestDeadLetter),
		}),
	})
	if err != nil {
		return nil, err
	}
	api := frontend.API(b)
	api.Deliverer, api.Replays = b.Deliverer()
	pages.Narrow(api)
	site, err := pages.OnAWS(b, api.Handler(), cfg.Region, s.Stack)
	return gateway.Handler(site), err
}
