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

// Message holds the values of one request.
type Message struct {
	EventID   string
	Type      string
	Tenant    string
	Webhook   string    // its id
	Delivery  string    // its id
	Timestamp string    // when the event happened, as webhook.Event has it
	Sent      time.Time // the time of the attempt, in real time
	// Body is the JSON body as Dialect.Body returns it. It travels as Wire(Body, ContentType).
	Body        []byte
	ContentType string   // "" means application/json
	Secrets     []string // the current one first
	Unsigned    bool     // leaves out the signature, for receivers that verify none
}

// LogValue keeps the secrets and the body out of logs.
func (m Message) LogValue() slog.Value {
	return slog.GroupValue(slog.String("event", m.EventID), slog.String("type", m.Type))
}

// Header is a header of a request. Its name has the spelling that is sent.
type Header struct{ Name, Value string }

// defaultAgent is the User-Agent of dialects that have no own one.
const defaultAgent = "Hookline/1.0"

// Headers that every dialect sends. webhook-id is the event's id, which is the same in every attempt, so that any receiver can
// recognize a repeat.
const (
	contentTypeHeader = "Content-Type"
	userAgentHeader   = "User-Agent"
	idHeader          = "webhook-id"
)

// Headers returns the headers of a request, in order. It fails if a secret is not a key in this dialect or if a header cannot
// have one of the values.
//
// The signature is over the body as it travels, which for a form is the encoded payload=…. GitHub, whose form this is, signs the
// same, and a receiver can verify it before it parses anything.
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

// Owns reports whether a webhook cannot set a header, because Hookline sets it or it belongs to the connection. Case does not
// matter.
func (d *Dialect) Owns(header string) bool {
	return reserved(header) || slices.ContainsFunc(d.headers, func(h Header) bool { return strings.EqualFold(h.Name, header) })
}

// reserved reports whether neither a dialect nor a webhook can set a header. These are the headers of the connection and of
// the message's framing (RFC 9110 section 7.6.1), those of encodings, and the two that tell Go's client that it can repeat a
// request on a new connection.
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

// printable reports whether s consists of visible ASCII and spaces, so that it can be a header's value.
func printable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}

// short reports whether s is printable and at most maxShort characters long.
func short(s string) bool { return len(s) <= maxShort && printable(s) }

// token reports whether s can be a header's name (RFC 9110 section 5.6.2).
func token(s string) bool {
	return s != "" && len(s) <= maxShort && !strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r > '~' || strings.ContainsRune("()<>@,;:\\\"/[]?={}", r)
	})
}
