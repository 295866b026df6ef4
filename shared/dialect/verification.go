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
}

// Verification returns what receivers need to verify the dialect's requests.
func (d *Dialect) Verification() Verification {
	return Verification{Product: d.Product, Scheme: d.scheme, Headers: slices.Clone(d.headers)}
}

// SuccessCodes returns the statuses that make a delivery succeed, or nil if any 2xx does.
func (d *Dialect) SuccessCodes() []int { return slices.Clone(d.success) }

// Schemes returns the schemes that a webhook's URL can have.
func (d *Dialect) Schemes() []string { return slices.Clone(d.schemes) }
