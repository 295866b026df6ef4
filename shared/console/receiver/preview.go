// Package receiver shows a webhook from the receiver's side: the request for an event, and the code that verifies it.
package receiver

import (
	"net/url"
	"slices"

	"hookline/shared/api"
	"hookline/shared/chat"
	"hookline/shared/console/page"
	"hookline/shared/format"
	"hookline/shared/layout"
	"hookline/shared/webhook"
)

// Preview is the request that a webhook would get for an event of a type, with the data of the type's example.
type Preview struct {
	Type    string
	Format  string
	Body    string // as it travels
	Headers api.Headers
	Message *chat.Shown // nil for formats that programs read
}

// Indented returns the body laid out if it is JSON, else unchanged.
func (p *Preview) Indented() layout.Text { return layout.Readable([]byte(p.Body), layout.MaxBytes) }

// Sent returns the body as it travels.
func (p *Preview) Sent() layout.Text { return layout.Cut(p.Body, layout.MaxBytes) }

// PreviewOf returns the preview of a webhook with this format and content type, for the event type that First chooses. It
// returns nil if the visitor's key may not see it.
func PreviewOf(v *page.Visit, name, contentType string, wanted ...string) (*Preview, error) {
	types := v.EventNames()
	if len(types) == 0 || !v.Key.Grants("events:read") {
		return nil, nil
	}
	p := Preview{Type: First(types, wanted...)}
	var got api.Preview
	if format.Check(name) != "" {
		name = webhook.FormatJSON
	}
	if err := v.Get("/v1/event-types/"+url.PathEscape(p.Type)+"/preview", url.Values{"format": {name}}, &got); err != nil {
		return nil, err
	}
	p.Format, p.Body, p.Headers = got.Format, got.Body, got.Headers
	for _, r := range got.Requests {
		if r.ContentType == contentType {
			p.Body, p.Headers = r.Body, r.Headers
		}
	}
	var err error
	if p.Message, err = format.Of(p.Format).Show([]byte(p.Body)); err != nil {
		return nil, err
	}
	return &p, nil
}

// First returns the first of the wanted types that is in the catalogue, else the first type of the catalogue, or "".
func First(types []string, wanted ...string) string {
	for _, t := range append(wanted, types...) {
		if slices.Contains(types, t) {
			return t
		}
	}
	return ""
}
