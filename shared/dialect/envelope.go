package dialect

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"time"

	"hookline/shared/ecmajson"
	"hookline/shared/signature"
	"hookline/shared/webhook"
)

// piece is a part of an envelope.
type piece struct {
	kind pieceKind
	text string
}

type pieceKind int

const (
	literal pieceKind = iota // text is JSON
	quoted                   // text is the template of a JSON string
	data                     // the event's data
	number                   // text is the name of a time in Unix seconds or milliseconds
)

// Body returns an event's body in JSON, the same for every webhook and attempt. content is the event's data. Body does not use
// ev.Data, and fails if content is the zero Text.
func (d *Dialect) Body(ev webhook.Event, content ecmajson.Text) ([]byte, error) {
	if content.IsZero() {
		return nil, fmt.Errorf("event %s has no data", ev.ID)
	}
	raw := content.Compact()
	if d.ecmascript {
		raw = content.Canonical() // Parse has brought the envelope to this form
	}
	happened, err := d.happened(ev)
	if err != nil {
		return nil, err
	}
	value := func(name string) (string, bool) {
		switch name {
		case "id":
			return ev.ID, true
		case "type":
			return d.WireName(ev.Type), true
		case "timestamp":
			return webhook.InSeconds(ev.Timestamp), true
		case "timestamp_ms":
			return webhook.InMilliseconds(ev.Timestamp), true
		case "timestamp_unix":
			return strconv.FormatInt(happened.Unix(), 10), true
		case "timestamp_unix_ms":
			return strconv.FormatInt(happened.UnixMilli(), 10), true
		}
		return ev.Tenant, name == "tenant"
	}
	body := make([]byte, 0, len(raw)+256)
	for _, p := range d.envelope {
		switch p.kind {
		case literal:
			body = append(body, p.text...)
		case quoted:
			body = ecmajson.AppendQuoted(body, signature.Template(p.text).Fill(value))
		case data:
			body = append(body, raw...)
		case number:
			digits, _ := value(p.text)
			body = append(body, digits...)
		}
	}
	return body, nil
}

// happened returns when the event happened, or the zero time if the envelope does not need it in Unix time.
func (d *Dialect) happened(ev webhook.Event) (time.Time, error) {
	if !d.unixTime {
		return time.Time{}, nil
	}
	t, err := time.Parse(webhook.TimeFormat, webhook.InMilliseconds(ev.Timestamp))
	if err != nil {
		return time.Time{}, fmt.Errorf("timestamp of event %s: %w", ev.ID, err)
	}
	return t, nil
}

// Wire returns a JSON body in the form of a content type: unchanged or, for a form, in the field payload.
func Wire(body []byte, contentType string) []byte {
	if contentType == webhook.ContentForm {
		return []byte("payload=" + url.QueryEscape(string(body)))
	}
	return body
}

// fields returns the fields of an envelope, or nil if it is not an object.
func fields(envelope []byte) []Field {
	dec := json.NewDecoder(bytes.NewReader(envelope))
	if start, err := dec.Token(); err != nil || start != json.Delim('{') {
		return nil
	}
	var out []Field
	for dec.More() {
		name, _ := dec.Token()
		var value any
		if dec.Decode(&value) != nil {
			break
		}
		template, isText := value.(string)
		out = append(out, Field{fmt.Sprint(name), isText, template})
	}
	return out
}

// compile cuts an envelope, which is compact JSON, into pieces. problem says why it cannot.
func compile(envelope []byte) (pieces []piece, problem string) {
	known := []string{"id", "type", "timestamp", "timestamp_ms", "timestamp_unix", "timestamp_unix_ms", "tenant", "data"}
	dec := json.NewDecoder(bytes.NewReader(envelope))
	dec.UseNumber()
	copied, hasData := 0, 0
	for {
		before := int(dec.InputOffset())
		token, err := dec.Token()
		if err != nil {
			break // the end: the text is valid
		}
		s, isString := token.(string)
		names := signature.Template(s).Names()
		if !isString || len(names) == 0 {
			continue
		}
		start := before + bytes.IndexByte(envelope[before:], '"')
		end := int(dec.InputOffset())
		if end < len(envelope) && envelope[end] == ':' {
			return nil, fmt.Sprintf("has a placeholder in the key %q", s)
		}
		for _, name := range names {
			if !slices.Contains(known, name) {
				return nil, fmt.Sprintf("has the unknown placeholder {%s}", name)
			}
		}
		pieces = append(pieces, piece{literal, string(envelope[copied:start])})
		copied = end
		switch {
		case s == "{data}":
			hasData++
			pieces = append(pieces, piece{kind: data})
		case s == "{timestamp_unix}" || s == "{timestamp_unix_ms}":
			pieces = append(pieces, piece{number, names[0]})
		case slices.Contains(names, "data"):
			return nil, "has {data} inside a longer string"
		default:
			pieces = append(pieces, piece{quoted, s})
		}
	}
	if hasData != 1 { // otherwise a body could be much longer than its data, and would not fit into an item of the store
		return nil, `must have the string "{data}" once, where the data goes`
	}
	return append(pieces, piece{literal, string(envelope[copied:])}), ""
}
