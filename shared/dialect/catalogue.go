package dialect

import (
	"encoding/json"
	"slices"

	"hookline/shared/webhook"
)

// EventType is an entry of a catalogue.
type EventType struct {
	Name        string
	WireName    string // replaces {type} in requests; "" means Name
	Description string
	Group       string // the heading in lists; "" for none
	ComingSoon  bool   // only announced: it cannot be published or subscribed to
	Example     json.RawMessage
	Schema      json.RawMessage // JSON Schema of the data
}

// EventTypes returns the catalogue in its order, including entries that are only announced.
func (d *Dialect) EventTypes() []EventType { return slices.Clone(d.events) }

// EventType returns an entry of the catalogue, which may be only announced, or the description of a system event, which no
// catalogue lists.
func (d *Dialect) EventType(name string) (EventType, bool) {
	for _, list := range [][]EventType{d.events, d.system} {
		if i := slices.IndexFunc(list, func(e EventType) bool { return e.Name == name }); i >= 0 {
			return list[i], true
		}
	}
	return EventType{}, false
}

// WireName returns the name that replaces {type} in an event's body and headers.
func (d *Dialect) WireName(eventType string) string {
	if e, ok := d.EventType(eventType); ok && e.WireName != "" {
		return e.WireName
	}
	return eventType
}

// Knows reports whether an event of the type can be published: the catalogue has the type, or is open and the name is valid.
// System events cannot be published.
func (d *Dialect) Knows(eventType string) bool {
	if webhook.IsSystemType(eventType) {
		return false
	}
	if e, ok := d.EventType(eventType); ok {
		return !e.ComingSoon
	}
	return d.open && webhook.ValidType(eventType)
}

// KnowsPattern reports whether a webhook can subscribe to p. It can be a type that can be published, "*", "prefix.*" if that
// matches at least one such type, or the exact name of a system event.
func (d *Dialect) KnowsPattern(p string) bool {
	switch {
	case !webhook.ValidPattern(p):
		return false
	case p == "*", webhook.IsSystemType(p), d.Knows(p):
		return true
	case webhook.ValidType(p):
		return false
	}
	return d.open || slices.ContainsFunc(d.events, func(e EventType) bool {
		return !e.ComingSoon && slices.Contains(webhook.Patterns(e.Name), p)
	})
}

// Example returns data to test a subscription with: the example of the type, which may be a system event's, or
// webhook.TestData if there is none.
func (d *Dialect) Example(eventType string) json.RawMessage {
	if e, ok := d.EventType(eventType); ok && e.Example != nil {
		return slices.Clone(e.Example)
	}
	return json.RawMessage(webhook.TestData)
}
