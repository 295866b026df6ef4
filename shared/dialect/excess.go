package dialect

import (
	"fmt"
	"strings"

	"hookline/shared/ecmajson"
	"hookline/shared/signature"
	"hookline/shared/webhook"
)

// Limits of requests with the longest values. A description of 16 KiB has room for thousands of placeholders, so that the
// limit of its own size is not enough.
const (
	maxAround = 64 << 10 // bytes of a body without the event's data
	maxLines  = 32 << 10 // bytes of all headers without a webhook's own; servers accept 8 KiB to 64 KiB
)

// Lengths of the longest values.
const (
	longestID        = 128 // of an id that a client gives
	longestDelivery  = 2*longestID + 64
	longestSignature = 64 // in hexadecimal; a header has two while a secret is being replaced
)

// Excess returns the fields of the description that would make a request too long. Parse does not check this, so that
// descriptions stored before there was this limit continue to work.
func (d *Dialect) Excess() []webhook.FieldError {
	var out []webhook.FieldError
	if n := d.around(); n > maxAround {
		out = append(out, webhook.FieldError{Field: "envelope", Message: fmt.Sprintf("makes up to %d bytes of its placeholders; use fewer, so that it is at most %d", n, maxAround)})
	}
	if n := d.lines(); n > maxLines {
		out = append(out, webhook.FieldError{Field: "headers", Message: fmt.Sprintf("make up to %d bytes of their placeholders; use fewer, so that it is at most %d", n, maxLines)})
	}
	return out
}

// longest returns the longest value of a placeholder.
func (d *Dialect) longest(name string) (string, bool) {
	n := longestID
	switch name {
	case "type":
		return strings.Repeat(`"`, maxShort), true // a wire name of characters that JSON escapes
	case "timestamp", "timestamp_ms", "timestamp_unix", "timestamp_unix_ms", "unix":
		n = len(webhook.TimeFormat)
	case "delivery":
		n = longestDelivery
	case "signature":
		n = 2 * (len(d.scheme.Prefix) + longestSignature + len(d.scheme.Join))
	}
	return strings.Repeat("x", n), true
}

func (d *Dialect) around() int {
	n := 0
	for _, p := range d.envelope {
		switch p.kind {
		case literal:
			n += len(p.text)
		case quoted:
			n += len(ecmajson.AppendQuoted(nil, signature.Template(p.text).Fill(d.longest)))
		case number:
			n += len(webhook.TimeFormat)
		case data:
		}
	}
	return n
}

func (d *Dialect) lines() int {
	n := 0
	for _, h := range d.headers {
		n += len(h.Name) + len(": \r\n") + len(signature.Template(h.Value).Fill(d.longest))
	}
	return n
}
