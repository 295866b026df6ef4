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
	literal pieceKind = iota // text is JSON and stands as it is
	quoted                   // text is a template, which makes a JSON string
	data                     // the event's data
	seconds                  // when the event happened, a number
)

// Body returns an event's body in JSON, the same for every webhook and attempt. It fails only when the event's data is
// not JSON that package ecmajson takes.
func (d *Dialect) Body(ev webhook.Event) ([]byte, error) {
	form := ecmajson.Compact
	if d.ecmascript {
		form = ecmajson.Canonical // the envelope is in that form since it was parsed
	}
	raw, err := form(ev.Data)
	if err != nil {
		return nil, fmt.Errorf("data of event %s: %w", ev.ID, err)
	}
	unix, err := d.unix(ev)
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
			return ev.Timestamp, true
		case "timestamp_unix":
			return unix, true
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
		case seconds:
			body = append(body, unix...)
		}
	}
	return body, nil
}

// unix returns when the event happened in Unix seconds, "" where the envelope does not ask for it.
func (d *Dialect) unix(ev webhook.Event) (string, error) {
	if !d.unixTime {
		return "", nil
	}
	t, err := time.Parse(webhook.BodyTimeFormat, ev.Timestamp)
	if err != nil {
		return "", fmt.Errorf("timestamp of event %s: %w", ev.ID, err)
	}
	return strconv.FormatInt(t.Unix(), 10), nil
}

// Wire returns a JSON body as it travels with a content type: as it is or, as a form, in a field named payload.
func Wire(body []byte, contentType string) []byte {
	if contentType == webhook.ContentForm {
		return []byte("payload=" + url.QueryEscape(string(body)))
	}
	return body
}

// compile cuts an envelope, compact JSON, into pieces; problem says in words why it cannot.
func compile(envelope []byte) (pieces []piece, problem string) {
	known := []string{"id", "type", "timestamp", "timestamp_unix", "tenant", "data"}
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
		case s == "{timestamp_unix}":
			pieces = append(pieces, piece{kind: seconds})
		case slices.Contains(names, "data"):
			return nil, "has {data} inside a longer string"
		default:
			pieces = append(pieces, piece{quoted, s})
		}
	}
	if hasData != 1 { // a body is little more than its data: both have to fit an item of the store
		return nil, `must have the string "{data}" once, where the data goes`
	}
	return append(pieces, piece{literal, string(envelope[copied:])}), ""
}
