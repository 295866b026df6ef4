package deployment

import "strings"

// Guide tells users how to set a source up: where to enter its address and its secret, and which reports register a
// deployment. Its texts are in the Markdown of package prose.
type Guide struct {
	// Product is the product's name as people write it.
	Product string
	// Intro says who needs this kind of source.
	Intro string
	// Header is the header that proves the secret, and Format describes its value.
	Header, Format string
	// Steps are the steps on the product's own pages, in their words and order. Page is the address of the product's
	// documentation.
	Steps []string
	Page  string
	// Registers says which of the product's webhooks register a deployment.
	Registers string
	// Fields are the fields of a body that the sender writes. All are required.
	Fields []Field
	// Hints are about common mistakes.
	Hints []string
	// Commands returns commands for a shell that register a deployment at a source's address. If secret is "", they take it
	// from the variable SECRET. Commands is nil for products that send the reports themselves.
	Commands func(url, secret string) string
}

// Field is a field of a body.
type Field struct{ Name, Text string }

// quoted writes a text as one word of a shell.
func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
