// Package receiver is the receiver's side of a webhook: what it gets for an event, and the code that verifies it.
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

// Preview is what a webhook would get for an event of a type, with the data of the type's example.
type Preview struct {
	Type    string
	Format  string
	Body    string // as it travels
	Headers api.Headers
	Message *chat.Shown // nil where no people read it
}

// Indented returns the body as people read JSON; a body that is no JSON stays as it is.
func (p *Preview) Indented() layout.Text { return layout.Readable([]byte(p.Body), layout.MaxBytes) }

// Sent returns the body as it travels.
func (p *Preview) Sent() layout.Text { return layout.Cut(p.Body, layout.MaxBytes) }

// PreviewOf returns what a webhook with a format and a content type would get for an event of the first type that is
// wanted and can be published, else of the catalogue's first. It is nil where the visitor's key may not see it.
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

// First returns the first of the wanted types that is among those of the catalogue, else the catalogue's first; "" of an
// empty one.
func First(types []string, wanted ...string) string {
	for _, t := range append(wanted, types...) {
		if slices.Contains(types, t) {
			return t
		}
	}
	return ""
}
