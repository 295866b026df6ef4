package dialect

import (
	"slices"

	"hookline/shared/signature"
)

// Verification is what a receiver has to know to verify what it gets.
type Verification struct {
	Product string
	Scheme  signature.Scheme
	// Headers are those of every request, in order; their values are templates, as a description has them. {signature}
	// stands in one.
	Headers []Header
	// ECMAScript says that JSON.stringify of the parsed body makes the same bytes again.
	ECMAScript bool
}

// Header returns the name of the header that holds the signature.
func (v Verification) Header() string {
	i := slices.IndexFunc(v.Headers, func(h Header) bool { return holdsSignature(h.Value) })
	return v.Headers[i].Name
}

// Verification returns how receivers verify.
func (d *Dialect) Verification() Verification {
	return Verification{Product: d.Product, Scheme: d.scheme, Headers: slices.Clone(d.headers), ECMAScript: d.ecmascript}
}

// Field is one of a body's fields. Where the description has a text for its value, Text is true and Template is that text.
type Field struct {
	Name     string
	Text     bool
	Template string
}

// Fields returns those of a body, in order; none where the body is the event's data alone.
func (d *Dialect) Fields() []Field { return slices.Clone(d.fields) }

// SuccessCodes returns the statuses that make a delivery succeed, nil where any 2xx does.
func (d *Dialect) SuccessCodes() []int { return slices.Clone(d.success) }

// Schemes returns those that a webhook's URL may have.
func (d *Dialect) Schemes() []string { return slices.Clone(d.schemes) }
