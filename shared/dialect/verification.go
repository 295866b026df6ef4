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
}

// Verification returns how receivers verify.
func (d *Dialect) Verification() Verification {
	return Verification{Product: d.Product, Scheme: d.scheme, Headers: slices.Clone(d.headers)}
}

// SuccessCodes returns the statuses that make a delivery succeed, nil where any 2xx does.
func (d *Dialect) SuccessCodes() []int { return slices.Clone(d.success) }

// Schemes returns those that a webhook's URL may have.
func (d *Dialect) Schemes() []string { return slices.Clone(d.schemes) }
