// Command inbound is the function that receives deployments from other products.
package main

import (
	"hookline/shared/gateway"
	"hookline/shared/httpapi"
	"hookline/shared/invocation"
	"hookline/shared/queue/sqs"
	"hookline/shared/seal/kms"
	"hookline/shared/settings"
	"hookline/shared/stack"
	"hookline/shared/stack/frontend"
	"hookline/shared/store/dynamo"
)

func main() { invocation.Main("inbound", settings.ReadInbound, handler) }

func handler(s settings.Inbound, account settings.Account) (any, error) {
	cfg := account.Config()
	store := dynamo.Open(cfg, s.Table)
	b, err := stack.NewBuilder(stack.Parts{
		Store: store, Keys: kms.Open(cfg, s.Keys.ID, s.Keys.Stack, store), Log: s.Logger(), Retention: s.Retention, EventLog: s.EventLog,
		Queues: sqs.Open(cfg, map[string]sqs.Address{
			stack.DeliveryQueue: sqs.Address(s.Delivery), stack.IngestQueue: sqs.Address(s.Ingest),
		}),
	})
	if err != nil {
		return nil, err
	}
	api := frontend.API(b)
	api.Publisher, api.Serves = b.Ingest(), func(r httpapi.Route) bool { return r.Inbound }
	return gateway.Handler(api.Handler()), nil
}
