package deployment

import "strings"

// Guide is what those who set a source up are told: where its address and its secret go, and what registers then.
// Texts are as package prose takes them.
type Guide struct {
	// Product is its name as people write it.
	Product string
	// Intro says who takes this kind.
	Intro string
	// Header is the header that proves the secret, and Format its value.
	Header, Format string
	// Steps are what to do on the product's own pages, in their words and order. Page is where the product says so.
	Steps []string
	Page  string
	// Registers says what of all that is sent registers a deployment.
	Registers string
	// Fields are those of the body, where its sender writes it; all are required.
	Fields []Field
	// Hints are the mistakes that others made.
	Hints []string
	// Commands returns commands for a shell that register a deployment at a source's address; nil where a product sends.
	// Without a secret ("") they take it from the variable SECRET.
	Commands func(url, secret string) string
}

// Field is a field of a body.
type Field struct{ Name, Text string }

// quoted writes a text as one word of a shell.
func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
