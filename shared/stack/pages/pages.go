// Package pages puts the console together, for its function and for the stack in one process.
package pages

import (
	"net/http"

	"hookline/shared/console"
	"hookline/shared/stack"
)

// Console returns the pages, in front of the HTTP API.
func Console(b *stack.Builder, api http.Handler) *console.Console {
	return &console.Console{API: api, Store: b.Store, Dialects: b.Dialects, Box: b.Box, Now: b.Clock.Now, Span: b.Clock.Span, Log: b.Log}
}
