// Package frontend puts the HTTP API together, for the functions that answer requests and for the stack in one process.
package frontend

import (
	"hookline/shared/httpapi"
	"hookline/shared/stack"
)

// API returns the HTTP API with what every caller of it needs. The caller adds what its routes do: a Publisher, or a
// Deliverer and Replays; and who is an admin.
func API(b *stack.Builder) *httpapi.API {
	api := &httpapi.API{
		Store: b.Store, Dialects: b.Dialects, Box: b.Box, AllowPrivate: b.AllowPrivate, Retention: b.Retention, MaxWebhooks: b.MaxWebhooks,
		Changes: b.Queues[stack.IngestQueue], Now: b.Clock.Now, Span: b.Clock.Span, Log: b.Log,
	}
	if b.Events != nil {
		api.Events = b.Events
	}
	if b.Queues[stack.BulkQueue] != nil {
		api.Erasures = b.Erasures()
	}
	if dead := b.Queues[stack.DeadQueue]; dead != nil {
		api.DeadLetters, api.RedriveTo = dead, b.Queues[stack.DeliveryQueue].Name()
	}
	return api
}
