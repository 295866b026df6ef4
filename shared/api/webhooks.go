package api

import (
	"encoding/json"
	"time"

	"hookline/shared/dialect"
	"hookline/shared/input"
	"hookline/shared/management"
	"hookline/shared/webhook"
)

// Webhook is a webhook: where a tenant's events go and how.
type Webhook struct {
	ID string `json:"id" jsonschema:"example=wh_01JQSMZ4T0000000000000000"`
	// As it is called.
	URL string `json:"url"`
	// Empty when it has none. Names need not differ.
	Name        string         `json:"name"`
	Events      []string       `json:"events" ref:"EventPattern"`
	Active      bool           `json:"active"`
	Status      webhook.Status `json:"status"`
	ContentType string         `json:"content_type" ref:"ContentType"`
	Format      string         `json:"format" ref:"Format"`
	// The custom headers; every value reads `********`.
	Headers map[string]string `json:"headers"`
	// The dialect's where none was given.
	TimeoutSeconds int `json:"timeout_seconds" jsonschema:"minimum=1,maximum=30"`
	// An EventBridge pattern over `data`; null takes every event.
	Filter json.RawMessage `json:"filter" jsonschema:"type=object,nullable"`
	// POSTs in a second, retries among them; null for no limit. A change holds within 5 s, also for deliveries that wait
	// under the old rate.
	MaxPerSecond *int `json:"max_per_second" jsonschema:"minimum=1"`
	// Pairs of your own.
	Metadata  map[string]string `json:"metadata"`
	CreatedAt Time              `json:"created_at"`
	UpdatedAt Time              `json:"updated_at"`
	// When it turned failing; null when it is not.
	FailingSince *Time `json:"failing_since"`
}

// WebhookOf converts a webhook of a tenant with this dialect.
func WebhookOf(d *dialect.Dialect, w webhook.Webhook) Webhook {
	out := Webhook{
		ID: w.ID, URL: w.URL, Name: w.Name, Events: listOrEmpty(w.Events), Active: w.Active, Status: w.Status(),
		ContentType: w.ContentType, Format: w.Format, Headers: make(map[string]string, len(w.HeaderNames)),
		TimeoutSeconds: w.TimeoutSeconds, Filter: w.Filter, MaxPerSecond: orNull(w.MaxPerSecond), Metadata: objectOrEmpty(w.Metadata),
		CreatedAt: Time{w.CreatedAt}, UpdatedAt: Time{w.UpdatedAt}, FailingSince: TimeOrNull(w.Health.FailingSince),
	}
	for _, name := range w.HeaderNames {
		out.Headers[name] = webhook.Mask
	}
	if out.TimeoutSeconds == 0 {
		out.TimeoutSeconds = int(d.Timeout / time.Second)
	}
	return out
}

// NewWebhook is a webhook to be made.
type NewWebhook struct {
	management.WebhookInput `required:"url,events"`
}

// WebhookChange is a change of a webhook. Fields left out stay; null clears an optional field. `secret` is refused (422):
// it is rotated. A change without fields changes nothing. Another `url`, or being made active again, forgets what
// deliveries have shown of its health.
type WebhookChange struct {
	management.WebhookInput `without:"secret" notnull:"active"`
}

// ImportWebhook is a webhook that moves in with what it has.
type ImportWebhook struct {
	management.ImportInput `required:"url,events"`
}

// ImportWebhooks is an import. It is taken whole or not at all.
type ImportWebhooks []ImportWebhook

// CreatedWebhook is a webhook just made, by itself or in an import.
type CreatedWebhook struct {
	Webhook `jsonschema:"-"`
	// It signs the deliveries. Shown only here and at rotation.
	Secret string `json:"secret"`
	// Settings that are allowed but unwise, as http where the dialect warns of it. Left out when there are none.
	Warnings []string `json:"warnings,omitempty"`
}

// ChangedWebhook is a webhook just changed.
type ChangedWebhook struct {
	Webhook `jsonschema:"-"`
	// Settings that are allowed but unwise, as http where the dialect warns of it. Left out when there are none.
	Warnings []string `json:"warnings,omitempty"`
}

// ListedWebhook is a webhook in a list.
type ListedWebhook struct {
	Webhook `jsonschema:"-"`
	// Only with `stats=true`.
	Stats *WebhookStats `json:"stats,omitempty"`
}

// WebhookList is a page of webhooks, and how many the tenant has in all, whatever the filter.
type WebhookList struct {
	List[ListedWebhook]
	WebhookCounts
}

// WebhookCounts are the numbers of webhooks that a tenant has.
type WebhookCounts struct {
	// Of the whole tenant.
	Total int `json:"total" jsonschema:"minimum=0"`
	// Failing ones included.
	Active   int `json:"active" jsonschema:"minimum=0"`
	Inactive int `json:"inactive" jsonschema:"minimum=0"`
	Failing  int `json:"failing" jsonschema:"minimum=0"`
}

// DeliveryCounts are numbers of deliveries, by how they stand.
type DeliveryCounts struct {
	Succeeded int `json:"succeeded" jsonschema:"minimum=0"`
	Failed    int `json:"failed" jsonschema:"minimum=0"`
	// Being retried.
	Pending int `json:"pending" jsonschema:"minimum=0"`
}

// HourCounts are the numbers of one hour's deliveries, by how they stand.
type HourCounts struct {
	// When the hour begins.
	Hour Time `json:"hour"`
	DeliveryCounts
}

// WebhookStats are one webhook's statistics over the last 24 hours, or as many as are asked for.
type WebhookStats struct {
	Deliveries DeliveryCounts `json:"deliveries"`
	// The share of the deliveries that have ended which succeeded. null when none has ended.
	SuccessRate *float64 `json:"success_rate" jsonschema:"minimum=0,maximum=1"`
	// Half of the deliveries' latest answers took at most so long, in milliseconds, to two digits: from the request to the
	// end of the answer, whatever its status. null when there was no answer.
	P50MS *int `json:"p50_ms" jsonschema:"minimum=0"`
	// 95 of 100 latest answers took at most so long.
	P95MS *int `json:"p95_ms" jsonschema:"minimum=0"`
	// The oldest first.
	Hours []HourCounts `json:"hours" jsonschema:"minItems=1,maxItems=24"`
}

// Stats are a tenant's statistics.
type Stats struct {
	Webhooks WebhookCounts `json:"webhooks"`
	// How many types of the catalogue can be subscribed to.
	EventTypes int `json:"event_types" jsonschema:"minimum=0"`
	// Over the last 24 hours.
	Deliveries DeliveryCounts `json:"deliveries"`
}

// Rotation is a rotation of a webhook's secret.
type Rotation struct{ management.RotateInput }

// Rotated is a webhook's new secret.
type Rotated struct {
	// Shown only here.
	Secret string `json:"secret"`
	// null when the earlier ones have stopped already.
	PreviousSecretExpiresAt *Time `json:"previous_secret_expires_at"`
}

// FilterTrial is a filter to be tried.
type FilterTrial struct {
	// An EventBridge pattern over `data`, with the same limits as a webhook's.
	Filter input.Field[json.RawMessage] `json:"filter,omitzero" jsonschema:"required,type=object"`
	// An event type; needed where there is no `data`.
	Type input.Field[string] `json:"type,omitzero" jsonschema:"nullable" ref:"EventTypeName"`
	// Left out or null: the example of `type`.
	Data input.Field[json.RawMessage] `json:"data,omitzero" jsonschema:"type=object,nullable"`
}

// TriedFilter is the result of trying a filter.
type TriedFilter struct {
	Matches bool `json:"matches"`
	// The data that the filter was tried on.
	Data json.RawMessage `json:"data" jsonschema:"type=object"`
}

// ImportCheck is the result of trying an import.
type ImportCheck struct {
	// Whether all would be made.
	Valid bool `json:"valid"`
	// In the order of the request.
	Data []ImportOutcome `json:"data"`
}

// ImportOutcome is the result of trying the import of one webhook.
type ImportOutcome struct {
	// null where one would be made.
	ID      *string             `json:"id"`
	URL     string              `json:"url"`
	Name    string              `json:"name"`
	Outcome ImportOutcomeStatus `json:"outcome"`
	// Fields are named as `3.url`.
	Errors []webhook.FieldError `json:"errors"`
	// Settings that are allowed but unwise.
	Warnings []string `json:"warnings"`
}

// ImportOutcomeStatus is that result in a word.
type ImportOutcomeStatus string

// The outcomes of a webhook in an import.
const (
	ImportCreate  ImportOutcomeStatus = "create"  // it would be made
	ImportExists  ImportOutcomeStatus = "exists"  // a webhook has its id
	ImportInvalid ImportOutcomeStatus = "invalid" // `errors` says why
)
