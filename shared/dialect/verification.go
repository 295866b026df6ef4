package dialect

import (
	"slices"

	"hookline/shared/signature"
)

// Verification holds everything that a receiver needs to verify requests.
type Verification struct {
	Product string
	Scheme  signature.Scheme
	// Headers are the headers of every request, in order. Their values are templates as in a description. One has {signature}.
	Headers []Header
	// ECMAScript says that JSON.stringify of the parsed body returns the same bytes.
	ECMAScript bool
}

// Header returns the name of the header that holds the signature.
func (v Verification) Header() string {
	i := slices.IndexFunc(v.Headers, func(h Header) bool { return holdsSignature(h.Value) })
	return v.Headers[i].Name
}

// Verification returns what receivers need to verify the dialect's requests.
func (d *Dialect) Verification() Verification {
	return Verification{Product: d.Product, Scheme: d.scheme, Headers: slices.Clone(d.headers), ECMAScript: d.ecmascript}
}

// Field is a field of a body. If its value in the description is a text, Text is true and Template is that text.
type Field struct {
	Name     string
	Text     bool
	Template string
}

// Fields returns the fields of a body, in order, or none if the body is just the event's data.
func (d *Dialect) Fields() []Field { return slices.Clone(d.fields) }

// SuccessCodes returns the statuses that make a delivery succeed, or nil if any 2xx does.
func (d *Dialect) SuccessCodes() []int { return slices.Clone(d.success) }

// Schemes returns the schemes that a webhook's URL can have.
func (d *Dialect) Schemes() []string { return slices.Clone(d.schemes) }
