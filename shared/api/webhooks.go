package api

import (
	"encoding/json"
	"time"

	"hookline/shared/dialect"
	"hookline/shared/input"
	"hookline/shared/management"
	"hookline/shared/webhook"
)

// Webhook is a webhook, without its secret. The values of its headers are masked.
type Webhook struct {
	ID             string            `json:"id"`
	URL            string            `json:"url"`
	Name           string            `json:"name"`
	Events         []string          `json:"events"`
	Active         bool              `json:"active"`
	Status         webhook.Status    `json:"status"`
	ContentType    string            `json:"content_type"`
	Format         string            `json:"format"`
	Headers        map[string]string `json:"headers"`
	TimeoutSeconds int               `json:"timeout_seconds"`
	Filter         json.RawMessage   `json:"filter"`
	MaxPerSecond   *int              `json:"max_per_second"`
	Metadata       map[string]string `json:"metadata"`
	CreatedAt      Time              `json:"created_at"`
	UpdatedAt      Time              `json:"updated_at"`
	FailingSince   *Time             `json:"failing_since"`
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
	management.WebhookInput `without:"secret"`
}

// ImportWebhook is a webhook that moves in with what it has.
type ImportWebhook struct {
	management.ImportInput `required:"url,events"`
}

// CreatedWebhook is a webhook just made, by itself or in an import. Secret is shown only here and at rotation.
type CreatedWebhook struct {
	Webhook
	Secret   string   `json:"secret"`
	Warnings []string `json:"warnings,omitempty"` // what is allowed but unwise
}

// ChangedWebhook is a webhook just changed.
type ChangedWebhook struct {
	Webhook
	Warnings []string `json:"warnings,omitempty"` // what is allowed but unwise
}

// ListedWebhook is a webhook in a list. Stats is nil unless the query asked for it.
type ListedWebhook struct {
	Webhook
	Stats *WebhookStats `json:"stats,omitempty"`
}

// WebhookList is a page of webhooks, and how many the tenant has in all.
type WebhookList struct {
	List[ListedWebhook]
	WebhookCounts
}

// WebhookCounts says how many webhooks a tenant has. Active includes the failing ones.
type WebhookCounts struct {
	Total    int `json:"total"`
	Active   int `json:"active"`
	Inactive int `json:"inactive"`
	Failing  int `json:"failing"`
}

// DeliveryCounts says how deliveries stand.
type DeliveryCounts struct {
	Succeeded int `json:"succeeded"`
	Failed    int `json:"failed"`
	Pending   int `json:"pending"`
}

// HourCounts are the deliveries accepted in one hour. Hour is its beginning.
type HourCounts struct {
	Hour Time `json:"hour"`
	DeliveryCounts
}

// WebhookStats are one webhook's statistics over the last 24 hours. Hours are 24 hours of the clock, the oldest first.
type WebhookStats struct {
	Deliveries DeliveryCounts `json:"deliveries"`
	Hours      []HourCounts   `json:"hours"`
}

// Stats are a tenant's statistics. EventTypes counts what its catalogue lists and can be subscribed to.
type Stats struct {
	Webhooks   WebhookCounts  `json:"webhooks"`
	EventTypes int            `json:"event_types"`
	Deliveries DeliveryCounts `json:"deliveries"` // over the last 24 hours
}

// Rotation says how to rotate a webhook's secret.
type Rotation struct{ management.RotateInput }

// Rotated is a webhook's new secret, which is shown only here.
type Rotated struct {
	Secret                  string `json:"secret"`
	PreviousSecretExpiresAt *Time  `json:"previous_secret_expires_at"`
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

// TriedFilter is the result of trying a filter on data.
type TriedFilter struct {
	Matches bool            `json:"matches"`
	Data    json.RawMessage `json:"data"`
}

// ImportCheck says what would become of an import. Valid reports whether it would be done.
type ImportCheck struct {
	Valid bool            `json:"valid"`
	Data  []ImportOutcome `json:"data"`
}

// ImportOutcome says what would become of one webhook of an import. ID is null where one would be made.
type ImportOutcome struct {
	ID       *string              `json:"id"`
	URL      string               `json:"url"`
	Name     string               `json:"name"`
	Outcome  string               `json:"outcome"` // one of the constants below
	Errors   []webhook.FieldError `json:"errors"`
	Warnings []string             `json:"warnings"`
}

// The outcomes of a webhook in an import.
const (
	ImportCreate  = "create"
	ImportExists  = "exists" // its id is taken
	ImportInvalid = "invalid"
)
