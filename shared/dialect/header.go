package dialect

import (
	"cmp"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	"hookline/shared/signature"
	"hookline/shared/webhook"
)

// Message is one attempt to be made.
type Message struct {
	EventID   string
	Type      string
	Tenant    string
	Webhook   string    // its id
	Delivery  string    // its id
	Timestamp string    // when the event happened, as webhook.Event has it
	Sent      time.Time // the attempt's, in real time
	// Body is the JSON body, as Dialect.Body returns it; it travels as Wire(Body, ContentType).
	Body        []byte
	ContentType string   // "" means application/json
	Secrets     []string // the current one first
	Unsigned    bool     // leaves out the signature: for receivers that know none
}

// LogValue keeps the secrets and the body out of logs.
func (m Message) LogValue() slog.Value {
	return slog.GroupValue(slog.String("event", m.EventID), slog.String("type", m.Type))
}

// Header is a header of a request, its name spelled exactly as it is to be sent.
type Header struct{ Name, Value string }

// defaultAgent is the User-Agent of dialects without one of their own.
const defaultAgent = "Hookline/1.0"

// Headers that every dialect sends. webhook-id is the event's, the same in every attempt, so that any receiver can
// tell a repeat.
const (
	contentTypeHeader = "Content-Type"
	userAgentHeader   = "User-Agent"
	idHeader          = "webhook-id"
)

// Headers returns the headers of an attempt, in order. It fails when a secret is no key in this dialect or a value
// cannot stand in a header.
//
// The signature is over the body as it travels: for a form that is payload=…, encoded. "Signed: the body" means the
// raw body of the request, it is what GitHub, whose form this is, signs, and a receiver can check it before it parses
// anything.
func (d *Dialect) Headers(m Message) ([]Header, error) {
	contentType := cmp.Or(m.ContentType, webhook.ContentJSON)
	var signed string
	if !m.Unsigned {
		var err error
		signed, err = d.scheme.Sign(signature.Message{ID: m.EventID, Time: m.Sent, Body: Wire(m.Body, contentType)}, m.Secrets...)
		if err != nil {
			return nil, fmt.Errorf("sign event %s: %w", m.EventID, err)
		}
	}
	value := func(name string) (string, bool) {
		switch name {
		case "id":
			return m.EventID, true
		case "type":
			return d.WireName(m.Type), true
		case "tenant":
			return m.Tenant, true
		case "webhook":
			return m.Webhook, true
		case "delivery":
			return m.Delivery, true
		case "timestamp":
			return webhook.InSeconds(m.Timestamp), true
		case "unix":
			return strconv.FormatInt(m.Sent.Unix(), 10), true
		case "content_type":
			return contentType, true
		}
		return signed, name == "signature"
	}
	headers := make([]Header, 0, len(d.headers))
	for _, h := range d.headers {
		if m.Unsigned && holdsSignature(h.Value) {
			continue
		}
		h.Value = signature.Template(h.Value).Fill(value)
		if !printable(h.Value) {
			return nil, fmt.Errorf("header %s of event %s has a character that no header can hold", h.Name, m.EventID)
		}
		headers = append(headers, h)
	}
	return headers, nil
}

// Owns reports whether a header is set by us, or is the connection's, so that a webhook cannot bring its own. Case does
// not matter.
func (d *Dialect) Owns(header string) bool {
	return reserved(header) || slices.ContainsFunc(d.headers, func(h Header) bool { return strings.EqualFold(h.Name, header) })
}

// reserved reports whether a header is no dialect's to name and no webhook's to set: those of the connection and the
// message's framing (RFC 9110 section 7.6.1), the encodings the sender deals in, and the two by which Go's client
// knows that a request may be repeated on a fresh connection.
func reserved(header string) bool {
	name := strings.ToLower(header)
	switch name {
	case "host", "connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade",
		"content-length", "content-encoding", "accept-encoding", "expect",
		"idempotency-key", "x-idempotency-key":
		return true
	}
	return strings.HasPrefix(name, "proxy-")
}

func holdsSignature(template string) bool { return strings.Contains(template, "{signature}") }

// printable reports whether s can be a header's value: visible ASCII and spaces.
func printable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}

// short reports whether s is printable and no longer than a part of a header should be.
func short(s string) bool { return len(s) <= maxShort && printable(s) }

// token reports whether s can be a header's name (RFC 9110 section 5.6.2).
func token(s string) bool {
	return s != "" && len(s) <= maxShort && !strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r > '~' || strings.ContainsRune("()<>@,;:\\\"/[]?={}", r)
	})
}
