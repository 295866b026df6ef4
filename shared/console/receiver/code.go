package receiver

import (
	"embed"
	"io/fs"
	"strings"

	"hookline/shared/api"
	"hookline/shared/console/page"
	"hookline/shared/dialect"
	"hookline/shared/format"
	"hookline/shared/snippet"
	"hookline/shared/webhook"
)

//go:embed code.html
var parts embed.FS

// Parts are the files of the templates "code", which takes a Code, and "file".
func Parts() fs.FS { return parts }

// Code is code for the receiver of a webhook. It contains no secret.
type Code struct {
	Snippets []snippet.Snippet // none if the webhook's format is not signed
	Send     string            // shell commands that send an example, "" if there is none
	Example  *Preview          // an example of a request, nil if the visitor's key may not see it
	Steps    []string
}

// Endpoint returns the code of a whole server in a language.
func (c *Code) Endpoint(language string) string {
	for _, s := range c.Snippets {
		if s.Name == language {
			return s.Endpoint
		}
	}
	return ""
}

// CodeOf returns the code for the receiver of a webhook.
func CodeOf(v *page.Visit, w api.Webhook) (Code, error) {
	var out Code
	var err error
	if out.Example, err = PreviewOf(v, w.Format, w.ContentType, w.Events...); err != nil {
		return out, err
	}
	if !format.Of(w.Format).Signed() {
		return out, nil
	}
	plain, err := PreviewOf(v, w.Format, webhook.ContentJSON, w.Events...)
	if err != nil {
		return out, err
	}
	signed, err := CodeFor(v.Dialect, plain)
	signed.Example = out.Example
	return signed, err
}

// CodeFor returns the code for receivers of a dialect's requests. plain is an example in JSON, nil for none.
func CodeFor(d *dialect.Dialect, plain *Preview) (Code, error) {
	described := d.Verification()
	out := Code{Steps: steps(described)}
	var err error
	if out.Snippets, err = snippet.Of(described); err != nil || plain == nil {
		return out, err
	}
	out.Send, err = snippet.Send(described, snippet.Request{Type: d.WireName(plain.Type), Headers: plain.Headers, Body: plain.Body})
	return out, err
}

// steps describes the code in words.
func steps(d dialect.Verification) []string {
	var out []string
	for _, h := range d.Headers {
		switch {
		case strings.Contains(h.Value, "{signature}") && strings.Contains(h.Value, "{unix}"):
			out = append(out, "Get the timestamp and the signature from the "+h.Name+" header")
		case strings.Contains(h.Value, "{signature}"):
			out = append(out, "Get the signature from the "+h.Name+" header")
		case strings.Contains(h.Value, "{unix}"):
			out = append(out, "Get the timestamp from the "+h.Name+" header")
		case h.Value == "{id}" && strings.Contains(d.Scheme.Signed, "{id}"):
			out = append(out, "Get the event's id from the "+h.Name+" header")
		}
	}
	out = append(out, "Get the raw request body")
	signed := strings.NewReplacer("{unix}", "timestamp", "{id}", "id", "{body}", "body").Replace(d.Scheme.Signed)
	if d.Scheme.Signed == "{body}" {
		out = append(out, "Create HMAC-SHA256 hash of it using your webhook secret, in "+string(d.Scheme.Encoding))
	} else {
		out = append(out, "Create HMAC-SHA256 hash of "+signed+" using your webhook secret, in "+string(d.Scheme.Encoding))
	}
	if d.Scheme.Prefix != "" {
		out = append(out, "Put "+d.Scheme.Prefix+" before it")
	}
	return append(out, "Compare with the signature")
}
