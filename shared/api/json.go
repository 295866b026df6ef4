package api

import (
	"encoding/json"
	"strings"
	"time"

	"hookline/shared/dialect"
	"hookline/shared/ecmajson"
	"hookline/shared/webhook"
)

// Time is a time as the API writes it: RFC 3339 in UTC with milliseconds, in the deployment's clock.
type Time struct{ time.Time }

// String returns the time as it is written, without quotes.
func (t Time) String() string { return t.UTC().Format(webhook.TimeFormat) }

// MarshalJSON writes the time.
func (t Time) MarshalJSON() ([]byte, error) { return []byte(`"` + t.String() + `"`), nil }

// TimeOrNull returns nil for the zero time.
func TimeOrNull(t time.Time) *Time {
	if t.IsZero() {
		return nil
	}
	return &Time{t}
}

// List is one page of a list.
type List[T any] struct {
	Data []T `json:"data"`
	// For the next page; null at the end.
	NextCursor *string `json:"next_cursor"`
}

// ListOf converts a page of the domain's.
func ListOf[T, J any](l webhook.List[T], convert func(T) J) List[J] {
	return List[J]{Data: Each(l.Items, convert), NextCursor: orNull(l.Next)}
}

// Results answers a request that was a list.
type Results[T any] struct {
	// In the order of the request.
	Data []T `json:"data"`
}

// Each converts every item. The result is never nil.
func Each[T, J any](items []T, convert func(T) J) []J {
	out := make([]J, len(items))
	for i, item := range items {
		out[i] = convert(item)
	}
	return out
}

// Headers is an object whose names stand in the order that the headers are sent in.
type Headers []dialect.Header

// MarshalJSON writes the object.
func (h Headers) MarshalJSON() ([]byte, error) {
	out := []byte{'{'}
	for i, header := range h {
		if i > 0 {
			out = append(out, ',')
		}
		out = ecmajson.AppendQuoted(out, header.Name)
		out = append(out, ':')
		out = ecmajson.AppendQuoted(out, header.Value)
	}
	return append(out, '}'), nil
}

// UnmarshalJSON reads the object and keeps the order of its names.
func (h *Headers) UnmarshalJSON(raw []byte) error {
	dec := json.NewDecoder(strings.NewReader(string(raw)))
	if _, err := dec.Token(); err != nil {
		return err
	}
	*h = nil
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return err
		}
		var value string
		if err := dec.Decode(&value); err != nil {
			return err
		}
		text, _ := name.(string)
		*h = append(*h, dialect.Header{Name: text, Value: value})
	}
	return nil
}

func orNull[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

func listOrEmpty(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

func objectOrEmpty(object map[string]string) map[string]string {
	if object == nil {
		return map[string]string{}
	}
	return object
}
