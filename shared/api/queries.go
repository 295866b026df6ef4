package api

import "hookline/shared/webhook"

// PageQuery asks for a page of a list.
type PageQuery struct {
	// How many items at most. A page under a filter may be short and still have a cursor.
	Limit int `json:"limit" jsonschema:"minimum=1,maximum=100,default=20"`
	// The `next_cursor` of the page before, with the same filter.
	Cursor string `json:"cursor" jsonschema:"minLength=1,maxLength=2048,pattern=^[A-Za-z0-9._:-]+$"`
}

// TenantQuery filters a list of tenants.
type TenantQuery struct {
	PageQuery
	// A part of the id or the name; case makes no difference.
	Search string `json:"search"`
}

// WebhookQuery filters a list of webhooks.
type WebhookQuery struct {
	PageQuery
	// A part of the URL, the name or the id; case makes no difference.
	Search string `json:"search"`
	// `active` includes failing ones.
	Status webhook.Status `json:"status"`
	// `true` adds to each webhook its `stats`, as `GET /v1/webhooks/{id}/stats` answers them.
	Stats string `json:"stats" ref:"Boolean"`
}

// StatsQuery says of how long statistics are asked for.
type StatsQuery struct {
	// How many hours, the current one last.
	Hours int `json:"hours" jsonschema:"minimum=1,maximum=24,default=24"`
}

// UsageQuery says of which days the usage is asked for.
type UsageQuery struct {
	// From this time's day on; 30 days before `until` when it is left out.
	Since string `json:"since" ref:"GivenTime"`
	// Before this time, a day that has begun by then included; now when it is left out.
	Until string `json:"until" ref:"GivenTime"`
}

// ImportQuery says whether an import is tried only.
type ImportQuery struct {
	// `true` changes nothing and says what would happen.
	DryRun string `json:"dry_run" ref:"Boolean"`
}

// DeliveryQuery filters a list of deliveries.
type DeliveryQuery struct {
	PageQuery
	Status    webhook.DeliveryStatus `json:"status"`
	EventType string                 `json:"event_type" ref:"EventTypeName"`
	// Accepted at that time or later.
	Since string `json:"since" ref:"GivenTime"`
	// Accepted before that time.
	Until string `json:"until" ref:"GivenTime"`
}

// EventQuery filters the event log.
type EventQuery struct {
	PageQuery
	Type string `json:"type" ref:"EventTypeName"`
	// Whether any webhook took it when it was accepted.
	Matched string `json:"matched" ref:"Boolean"`
	// Accepted at that time or later.
	Since string `json:"since" ref:"GivenTime"`
	// Accepted before that time.
	Until string `json:"until" ref:"GivenTime"`
}

// EventDetailQuery asks for a page of an event's webhooks, in the place of the first of them. Each parameter does.
type EventDetailQuery struct {
	PageQuery
	// `true` lists deliveries alone, in the order of the webhooks' ids; `false` those webhooks alone to which the event did
	// not go when it was accepted.
	Sent string `json:"sent" ref:"Boolean"`
	// A part of the webhook's URL, name or id; case makes no difference. Webhooks that were deleted are not found.
	Search string `json:"search"`
}

// PreviewQuery says in which format an event is shown.
type PreviewQuery struct {
	// Left out: json.
	Format string `json:"format" ref:"Format"`
}

// DeploymentQuery filters a list of deployments.
type DeploymentQuery struct {
	PageQuery
	// Of this environment, spelled as reported.
	Environment string `json:"environment" jsonschema:"minLength=1"`
	// Of this repository.
	RepositoryID string `json:"repository_id" jsonschema:"minLength=1"`
	// Registered at that time or later.
	Since string `json:"since" ref:"GivenTime"`
}

// AuditQuery filters the audit log.
type AuditQuery struct {
	PageQuery
	// Made at that time or later.
	Since string `json:"since" ref:"GivenTime"`
	// Made before that time.
	Until string `json:"until" ref:"GivenTime"`
	// Made by the actor of this id, or by actors of this type.
	Actor string `json:"actor" jsonschema:"minLength=1"`
	// This action, as an entry spells it.
	Action string `json:"action" jsonschema:"minLength=1"`
	// What was changed: its id, or its type.
	Target string `json:"target" jsonschema:"minLength=1"`
}
