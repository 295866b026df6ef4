// Package pages puts the console together, for its function and for the stack in one process.
package pages

import (
	"net/http"
	"net/url"
	"slices"

	"hookline/shared/console"
	"hookline/shared/console/dialects"
	"hookline/shared/console/operators"
	"hookline/shared/httpapi"
	"hookline/shared/management"
	"hookline/shared/operations"
	"hookline/shared/schema"
	"hookline/shared/stack"
)

// Serves picks the routes that the pages need. Of the admin's there are those of the operators' pages alone, and only a session
// of theirs authorises them.
func Serves(r httpapi.Route) bool {
	return !r.Publishes && !r.Inbound && (!r.Admin || slices.Contains(operators.Calls(), r.Key) || slices.Contains(dialects.Calls(), r.Key))
}

// OnAWS returns a handler of the pages of a stack on AWS, whose dashboard is in CloudWatch.
func OnAWS(b *stack.Builder, api http.Handler, region, stack string) (http.Handler, error) {
	c := Console(b, api)
	query := url.Values{"region": {region}}
	c.Dashboard = "https://console.aws.amazon.com/cloudwatch/home?" + query.Encode() + "#dashboards/dashboard/" + url.PathEscape(stack)
	return c.Handler()
}

// Narrow makes the API one that the pages alone call.
func Narrow(api *httpapi.API) { api.Serves, api.CheckSchemas = Serves, schema.Check }

// Console returns the pages, in front of the HTTP API.
func Console(b *stack.Builder, api http.Handler) *console.Console {
	ops := &operations.Service{Store: b.Store, Dead: b.Queues[stack.DeadQueue], Now: b.Clock.Now}
	if b.Events != nil {
		ops.Events = b.Events
	}
	for _, name := range []string{
		stack.DeliveryQueue, stack.RetryQueue, stack.BulkQueue, stack.DeadQueue, stack.IngestQueue, stack.RefusedQueue, stack.NotifyQueue,
		stack.NotifyDeadQueue,
	} {
		if q := b.Queues[name]; q != nil {
			ops.Queues = append(ops.Queues, operations.Named{Name: name, Queue: q})
		}
	}
	return &console.Console{
		API: api, Store: b.Store, Dialects: b.Dialects, Box: b.Box, Brand: b.Brand, Operations: ops,
		Trials: b.Client(), AllowPrivate: b.AllowPrivate,
		Management: management.Service{Store: b.Store, Dialects: b.Dialects, Box: b.Box, CheckSchemas: schema.Check},
		Now:        b.Clock.Now, Span: b.Clock.Span, Log: b.Log,
	}
}
