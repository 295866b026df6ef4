package api

import (
	"encoding/json"

	"hookline/shared/input"
)

// DialectSummary is a dialect in a list.
type DialectSummary struct {
	Name    string `json:"name"`
	Version int    `json:"version"`
	Product string `json:"product"`
	BuiltIn bool   `json:"built_in"`
}

// NewPreview is an event to be shown as a webhook would get it.
type NewPreview struct {
	Type input.Field[string] `json:"type,omitzero" jsonschema:"required" ref:"EventTypeName"`
	// An object; left out or null: the example of the type.
	Data input.Field[json.RawMessage] `json:"data,omitzero"`
	// To sign with; left out, null or empty: one is made.
	Secret input.Field[string] `json:"secret,omitzero" jsonschema:"nullable,maxLength=4096"`
	// As of a webhook; left out or null: json.
	Format input.Field[string] `json:"format,omitzero" jsonschema:"nullable" ref:"Format"`
}

// Preview is an event as a webhook would get it. The first of Requests stands beside them too: most callers want that one.
type Preview struct {
	Dialect   string `json:"dialect"` // name@version
	Type      string `json:"type"`
	EventID   string `json:"event_id"`
	Tenant    string `json:"tenant"`
	Timestamp string `json:"timestamp"`
	Format    string `json:"format"`
	Secret    string `json:"secret"`
	PreviewRequest
	Requests []PreviewRequest `json:"requests"`
}

// PreviewRequest is one way to send an event. Body is the exact bytes, as a string, because it is what is signed.
type PreviewRequest struct {
	ContentType string  `json:"content_type"`
	Headers     Headers `json:"headers"`
	Body        string  `json:"body"`
}
