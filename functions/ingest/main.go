// Command ingest is the function that takes events: over the HTTP API, and from IngestQueue.
package main

import (
	awseventbridge "github.com/aws/aws-sdk-go-v2/service/eventbridge"

	"hookline/shared/gateway"
	"hookline/shared/httpapi"
	"hookline/shared/invocation"
	"hookline/shared/queue/sqs"
	"hookline/shared/rate"
	"hookline/shared/settings"
	"hookline/shared/stack"
	"hookline/shared/stack/frontend"
	"hookline/shared/store/dynamo"
	"hookline/shared/systemevent/eventbridge"
)

func main() { invocation.Main("ingest", settings.ReadIngest, handler) }

// handler has no key and no queue of dead letters, because publishing seals nothing and keeps none.
func handler(s settings.Ingest, account settings.Account) (any, error) {
	cfg := account.Config()
	b, err := stack.NewBuilder(stack.Parts{
		Store: dynamo.Open(cfg, s.Table), Log: s.Logger(), Retention: s.Retention, EventLog: s.EventLog,
		Queues: sqs.Open(cfg, map[string]sqs.Address{
			stack.DeliveryQueue: sqs.Address(s.Delivery), stack.IngestQueue: sqs.Address(s.Ingest),
			stack.RefusedQueue: sqs.Address(s.IngestDeadLetter),
		}),
		Announcer: eventbridge.Bus{API: awseventbridge.NewFromConfig(cfg), Name: s.Bus.Name, Source: s.Bus.Source},
	})
	if err != nil {
		return nil, err
	}
	service, api := b.Ingest(), frontend.API(b)
	api.Publisher, api.Admin, api.Rates = service, gateway.Admin, &rate.Limiter{PerSecond: s.Rate}
	api.Serves = func(r httpapi.Route) bool { return r.Publishes }
	return either(gateway.Handler(api.Handler()), sqs.Function(service.Handle)), nil
}
