package api

import (
	"encoding/json"

	"hookline/shared/input"
)

// DialectSummary is a dialect in a list.
type DialectSummary struct {
	Name    string `json:"name" jsonschema:"example=standard"`
	Version int    `json:"version" jsonschema:"minimum=1"`
	Product string `json:"product"`
	// It comes with the system and cannot be changed.
	BuiltIn bool `json:"built_in"`
}

// Dialect is the description that a dialect was made from.
type Dialect struct {
	Name    string `json:"name"`
	Version int    `json:"version" jsonschema:"minimum=1"`
	DialectDescription
}

// NewDialect is the description that a dialect is made from. A field that has no meaning is refused, by name. The guide in
// CONTRIBUTING.md explains every field.
type NewDialect struct {
	// The path's, or left out.
	Name string `json:"name,omitempty" jsonschema:"pattern=^[a-z][a-z0-9-]{0\\,62}$"`
	// We count it: a value that is given is ignored.
	Version any `json:"version,omitempty"`
	DialectDescription
}

// DialectDescription is what the dialect decides: its words, envelope, headers, signature, secrets, ladder, success, URLs,
// content types and catalogue. Package dialect reads it; this is its shape.
type DialectDescription struct {
	Product string `json:"product" jsonschema:"minLength=1,maxLength=500"`
	// Labels where the product's own differ from ours.
	Words map[string]string `json:"words,omitempty"`
	// Any JSON up to 16 KiB. The string `"{data}"`, once, is replaced by the event's data, or is the whole envelope. Inside
	// strings `{id}`, `{type}`, `{tenant}` and the time when the event happened are replaced: `{timestamp}`
	// (`2026-03-20T12:00:00Z`), `{timestamp_ms}` (`2026-03-20T12:00:00.000Z`), `{timestamp_unix}` and `{timestamp_unix_ms}`
	// (Unix seconds and milliseconds, a number where it stands alone).
	Envelope json.RawMessage `json:"envelope"`
	// `plain`: the data as it came; `ecmascript`: as `JSON.stringify(JSON.parse(body))` writes it.
	Body string `json:"body" jsonschema:"enum=plain,enum=ecmascript"`
	// In the order they are sent. Values hold `{id}`, `{type}`, `{tenant}`, `{timestamp}`, `{unix}` (the attempt's time),
	// `{webhook}`, `{delivery}` and, in one header, `{signature}`.
	Headers                map[string]string `json:"headers"`
	Signature              DialectSignature  `json:"signature"`
	Secret                 DialectSecret     `json:"secret"`
	RotationOverlapSeconds int               `json:"rotation_overlap_seconds" jsonschema:"minimum=0,maximum=604800"`
	// The waits before each retry.
	Ladder []string `json:"ladder" jsonschema:"maxItems=20,example=5m"`
	// `2xx`, or a list of codes within it.
	Success        json.RawMessage `json:"success"`
	TimeoutSeconds int             `json:"timeout_seconds" jsonschema:"minimum=1,maximum=30"`
	// Whether a webhook turns failing when a delivery runs out of attempts.
	FailingWhenExhausted bool             `json:"failing_when_exhausted,omitempty"`
	URL                  DialectURL       `json:"url"`
	ContentTypes         []string         `json:"content_types" jsonschema:"minItems=1,maxItems=2" ref:"ContentType"`
	Catalogue            DialectCatalogue `json:"catalogue"`
}

// DialectSignature is the way a request is signed.
type DialectSignature struct {
	// The text that is signed, of `{id}`, `{unix}` and `{body}`.
	Signed   string `json:"signed" jsonschema:"maxLength=200"`
	Encoding string `json:"encoding" jsonschema:"enum=hex,enum=base64"`
	// Stands before each signature.
	Prefix string `json:"prefix,omitempty" jsonschema:"pattern=^[ -~]{0\\,200}$"`
	// Stands between several signatures; without it a header holds one.
	Join string `json:"join,omitempty" jsonschema:"pattern=^[ \\,;|]?$"`
}

// DialectSecret is the form of secrets.
type DialectSecret struct {
	// How a secret becomes a key.
	Key string `json:"key" jsonschema:"enum=utf8,enum=base64"`
	// Stands before a base64 key.
	Prefix string `json:"prefix,omitempty" jsonschema:"pattern=^[ -~]{0\\,200}$"`
	// The shortest secret: in characters, or of a base64 key in bytes.
	Min int `json:"min" jsonschema:"minimum=1,maximum=1024"`
	// The longest secret, likewise.
	Max int `json:"max,omitempty" jsonschema:"minimum=1,maximum=1024"`
	// How many random bytes a secret of ours has.
	MadeBytes int `json:"made_bytes" jsonschema:"minimum=16,maximum=64"`
}

// DialectURL is the rule of URLs.
type DialectURL struct {
	Schemes []string `json:"schemes" jsonschema:"minItems=1,maxItems=2,enum=https,enum=http"`
	// Whether http is warned of.
	WarnOfHTTP bool `json:"warn_of_http,omitempty"`
}

// DialectCatalogue is the list of event types.
type DialectCatalogue struct {
	// Whether any type can be published.
	Open   bool               `json:"open,omitempty"`
	Events []DialectEventType `json:"events" jsonschema:"maxItems=1000"`
}

// DialectEventType is an event type of a catalogue.
type DialectEventType struct {
	Name        string `json:"name" ref:"EventTypeName"`
	Description string `json:"description" jsonschema:"minLength=1,maxLength=500"`
	// The name in a body and its headers, where that is another one.
	WireName string `json:"wire_name,omitempty" jsonschema:"pattern=^[ -~]{1\\,200}$"`
	Group    string `json:"group,omitempty" jsonschema:"maxLength=500"`
	// Announced: it cannot be subscribed to or published yet.
	ComingSoon bool `json:"coming_soon,omitempty"`
	// JSON Schema of an event's data.
	Schema json.RawMessage `json:"schema,omitempty" jsonschema:"type=object"`
	// An example of an event's data.
	Example json.RawMessage `json:"example,omitempty"`
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

// Preview is an event as a webhook would get it.
type Preview struct {
	Dialect string `json:"dialect" jsonschema:"example=standard@1"`
	Type    string `json:"type"`
	EventID string `json:"event_id"`
	Tenant  string `json:"tenant"`
	// When the event happened, as `{timestamp}` has it: whole seconds.
	Timestamp string `json:"timestamp" jsonschema:"format=date-time"`
	Format    string `json:"format" ref:"Format"`
	// The secret that it is signed with; chat messages are not signed.
	Secret         string `json:"secret"`
	PreviewRequest `jsonschema:"-"`
	// One for each content type; the default's first, which stands beside this list too.
	Requests []PreviewRequest `json:"requests"`
}

// PreviewRequest is one way to send an event.
type PreviewRequest struct {
	ContentType string `json:"content_type" ref:"ContentType"`
	// In the order they are sent.
	Headers Headers `json:"headers"`
	// The exact bytes, which are what is signed.
	Body string `json:"body"`
}
