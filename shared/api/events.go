package api

import (
	"encoding/json"

	"hookline/shared/dialect"
	"hookline/shared/input"
	"hookline/shared/webhook"
)

// NewEvent is an event to be published.
type NewEvent struct {
	// An id of yours, unique in the tenant: the same event again within 24 h is answered the same and not sent again,
	// another one is refused (409 `event-id-reused`; within one request 422). Two are the same by `type`, `timestamp` as an
	// instant, and `data` without regard to white space, the order of keys and how strings and numbers are spelled. Where
	// the first call was cut short (503, or no answer) the same event again is sent if it was not then; another is refused
	// for a minute, and after that only if the first was sent. Left out or null, one is made.
	ID   input.Field[string] `json:"id,omitzero" jsonschema:"nullable" ref:"GivenID"`
	Type input.Field[string] `json:"type,omitzero" jsonschema:"required" ref:"EventTypeName"`
	// Passed on as it came, without the white space between tokens. At most 256 KiB so (413).
	Data input.Field[json.RawMessage] `json:"data,omitzero" jsonschema:"required,type=object"`
	// When it happened, with any offset and to the millisecond; left out or null: when it is accepted. Dialects have it in
	// whole seconds unless they ask for milliseconds.
	Timestamp input.Field[string] `json:"timestamp,omitzero" jsonschema:"nullable" ref:"GivenTime"`
}

// NewEvents is what publishing takes: one event, or a list of them, which is taken whole or not at all.
type NewEvents any

// Accepted is what publishing answers: one result for one event, a list for a list.
type Accepted any

// EventReplay is the choice of the webhook that an event is sent to.
type EventReplay struct {
	// A webhook of the tenant; an inactive one fails the delivery as `webhook_inactive`.
	WebhookID input.Field[string] `json:"webhook_id,omitzero" jsonschema:"required" ref:"GivenID"`
}

// Erasure is the answer for an event whose payload is erased.
type Erasure struct {
	EventID string `json:"event_id" ref:"GivenID"`
	// Copies that wait in queues are never sent. They are gone by then.
	QueuesUntil Time `json:"queues_until"`
	// Back-ups of the database have no copy any more from then on.
	BackupsUntil Time `json:"backups_until"`
}

// EventResult is the answer for an event that was accepted.
type EventResult struct {
	ID   string `json:"id"`
	Type string `json:"type"`
	// How many active webhooks get it, after their filters.
	Matched int `json:"matched" jsonschema:"minimum=0"`
}

// Event is an event as it was accepted.
type Event struct {
	ID   string `json:"id"`
	Type string `json:"type" ref:"EventTypeName"`
	// When it happened, in whole seconds. A dialect that asks for milliseconds gets them in what is sent.
	Timestamp  string `json:"timestamp" jsonschema:"format=date-time"`
	AcceptedAt Time   `json:"accepted_at"`
	// How many webhooks it went to when it was accepted.
	Matched int `json:"matched"`
}

// EventOf converts an event of the log.
func EventOf(ev webhook.LoggedEvent) Event {
	return Event{
		ID: ev.ID, Type: ev.Type, Timestamp: webhook.InSeconds(ev.Timestamp), AcceptedAt: Time{ev.AcceptedAt}, Matched: len(ev.Matched),
	}
}

// EventDetail is one event with where it went and where it did not.
type EventDetail struct {
	Event `jsonschema:"-"`
	// As it came, without the white space between tokens; {} once it was erased.
	Data json.RawMessage `json:"data" jsonschema:"type=object"`
	// When the payload was erased; null where it was not.
	ErasedAt *Time `json:"erased_at"`
	// To the webhooks that it matched, and to those that it was sent to since. One that is `pending` with no attempts waits
	// for its first.
	Deliveries []Delivery `json:"deliveries"`
	// The tenant's other webhooks.
	Skipped []SkippedWebhook `json:"skipped"`
	// There are more webhooks than shown: each of the two lists has at most 100.
	Truncated bool `json:"truncated"`
	// Of the next page, where a page was asked for.
	NextCursor *string `json:"next_cursor"`
}

// SkippedWebhook is a webhook that an event did not go to.
type SkippedWebhook struct {
	WebhookID string `json:"webhook_id"`
	Reason    string `json:"reason" ref:"SkipReason"`
}

// SkippedDeleted is the reason where a webhook matched, and was deleted before its first attempt.
const SkippedDeleted = "deleted"

// EventType is an entry of a dialect's catalogue.
type EventType struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	// An example of `data`.
	Example json.RawMessage `json:"example"`
	// JSON Schema of `data`; null where any object is taken.
	Schema json.RawMessage `json:"schema"`
	// The name in a body and its headers, where that is another one.
	WireName string `json:"wire_name,omitempty"`
	// Where the catalogue is in groups.
	Group string `json:"group,omitempty"`
	// Announced: it cannot be subscribed to or published yet.
	ComingSoon bool `json:"coming_soon,omitempty"`
}

// EventTypeOf converts an entry of a catalogue.
func EventTypeOf(e dialect.EventType) EventType {
	return EventType{
		Name: e.Name, Description: e.Description, Example: e.Example, Schema: e.Schema, WireName: e.WireName,
		Group: e.Group, ComingSoon: e.ComingSoon,
	}
}
