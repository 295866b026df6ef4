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
	"hookline/shared/schema"
	"hookline/shared/stack"
)

// Serves picks the routes that the pages need. Of the admin's there are those of the operators' pages alone, and only a session
// of theirs authorises them.
func Serves(r httpapi.Route) bool {
	return !r.Publishes && !r.Inbound && (!r.Admin || slices.Contains(operators.Calls(), r.Key) || slices.Contains(dialects.Calls(), r.Key))
}

// CloudWatch returns the address of the stack's dashboard in CloudWatch.
func CloudWatch(region, stack string) string {
	query := url.Values{"region": {region}}
	return "https://console.aws.amazon.com/cloudwatch/home?" + query.Encode() + "#dashboards/dashboard/" + url.PathEscape(stack)
}

// Console returns the pages, in front of the HTTP API.
func Console(b *stack.Builder, api http.Handler) *console.Console {
	return &console.Console{
		API: api, Store: b.Store, Dialects: b.Dialects, Box: b.Box, Brand: b.Brand, Now: b.Clock.Now, Span: b.Clock.Span, Log: b.Log,
		Management: management.Service{Store: b.Store, Dialects: b.Dialects, Box: b.Box, CheckSchemas: schema.Check},
	}
}
