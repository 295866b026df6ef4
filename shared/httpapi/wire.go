package httpapi

import (
	"encoding/json"
	"maps"
	"slices"
	"time"

	"hookline/shared/dialect"
	"hookline/shared/ecmajson"
	"hookline/shared/management"
	"hookline/shared/queue"
	"hookline/shared/webhook"
)

// The answers' shapes. A pointer is null when there is nothing; lists and objects are never null.

type tenantJSON struct {
	ID             string   `json:"id"`
	Name           string   `json:"name"`
	Dialect        string   `json:"dialect"`
	NotifyEmail    *string  `json:"notify_email"`
	FrameAncestors []string `json:"frame_ancestors"`
	CreatedAt      string   `json:"created_at"`
	UpdatedAt      string   `json:"updated_at"`
}

func tenantOf(t webhook.Tenant) tenantJSON {
	return tenantJSON{
		ID: t.ID, Name: t.Name, Dialect: t.Dialect, NotifyEmail: orNull(t.NotifyEmail),
		FrameAncestors: orEmpty(t.FrameAncestors), CreatedAt: at(t.CreatedAt), UpdatedAt: at(t.UpdatedAt),
	}
}

type newTenantJSON struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Dialect string `json:"dialect"`
	APIKey  string `json:"api_key"`
}

type keyJSON struct {
	ID        string   `json:"id"`
	Name      string   `json:"name"`
	Scopes    []string `json:"scopes"`
	CreatedAt string   `json:"created_at"`
}

func keyOf(k webhook.Key) keyJSON {
	return keyJSON{ID: k.ID, Name: k.Name, Scopes: orEmpty(k.Scopes), CreatedAt: at(k.CreatedAt)}
}

type newKeyJSON struct {
	ID     string   `json:"id"`
	Name   string   `json:"name"`
	Scopes []string `json:"scopes"`
	Key    string   `json:"key"`
}

type webhookJSON struct {
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
	CreatedAt      string            `json:"created_at"`
	UpdatedAt      string            `json:"updated_at"`
	FailingSince   *string           `json:"failing_since"`
	Secret         string            `json:"secret,omitempty"`   // only when it was made
	Warnings       []string          `json:"warnings,omitempty"` // only when it was made or changed
}

func webhookOf(d *dialect.Dialect, w webhook.Webhook) webhookJSON {
	out := webhookJSON{
		ID: w.ID, URL: w.URL, Name: w.Name, Events: orEmpty(w.Events), Active: w.Active, Status: w.Status(),
		ContentType: w.ContentType, Format: w.Format, Headers: make(map[string]string, len(w.HeaderNames)),
		TimeoutSeconds: w.TimeoutSeconds, Filter: w.Filter, MaxPerSecond: orNull(w.MaxPerSecond), Metadata: w.Metadata,
		CreatedAt: at(w.CreatedAt), UpdatedAt: at(w.UpdatedAt), FailingSince: atOrNull(w.Health.FailingSince),
	}
	for _, name := range w.HeaderNames {
		out.Headers[name] = management.Mask
	}
	if out.TimeoutSeconds == 0 {
		out.TimeoutSeconds = int(d.Timeout / time.Second)
	}
	if out.Metadata == nil {
		out.Metadata = map[string]string{}
	}
	return out
}

type webhooksJSON struct {
	listJSON[listedJSON]
	Total    int `json:"total"`
	Active   int `json:"active"`
	Inactive int `json:"inactive"`
	Failing  int `json:"failing"`
}

// listedJSON is a webhook in a list; Stats only if they were asked for.
type listedJSON struct {
	webhookJSON
	Stats *webhookStatsJSON `json:"stats,omitempty"`
}

type countsJSON struct {
	Succeeded int `json:"succeeded"`
	Failed    int `json:"failed"`
	Pending   int `json:"pending"`
}

type webhookCountsJSON struct {
	Total    int `json:"total"`
	Active   int `json:"active"`
	Inactive int `json:"inactive"`
	Failing  int `json:"failing"`
}

type statsJSON struct {
	Webhooks   webhookCountsJSON `json:"webhooks"`
	EventTypes int               `json:"event_types"`
	Deliveries countsJSON        `json:"deliveries"`
}

type webhookStatsJSON struct {
	Deliveries countsJSON `json:"deliveries"`
	Hours      []hourJSON `json:"hours"`
}

type hourJSON struct {
	Hour string `json:"hour"`
	countsJSON
}

type testJSON struct {
	DeliveryID   string                 `json:"delivery_id"`
	Status       webhook.DeliveryStatus `json:"status"`
	StatusCode   *int                   `json:"status_code"`
	DurationMS   int64                  `json:"duration_ms"`
	Error        *webhook.AttemptError  `json:"error"`
	ErrorDetail  *webhook.ErrorDetail   `json:"error_detail"`
	ResponseBody string                 `json:"response_body"`
	Headers      map[string]string      `json:"response_headers"`
}

type rotatedJSON struct {
	Secret                  string  `json:"secret"`
	PreviousSecretExpiresAt *string `json:"previous_secret_expires_at"`
}

type attemptJSON struct {
	Number            int                   `json:"number"`
	ScheduledAt       string                `json:"scheduled_at"`
	StartedAt         string                `json:"started_at"`
	DurationMS        int64                 `json:"duration_ms"`
	StatusCode        *int                  `json:"status_code"`
	Error             *webhook.AttemptError `json:"error"`
	ErrorDetail       *webhook.ErrorDetail  `json:"error_detail"`
	ResponseBody      string                `json:"response_body"`
	ResponseTruncated bool                  `json:"response_truncated"`
	ResponseHeaders   map[string]string     `json:"response_headers"`
}

func attemptOf(a webhook.Attempt) attemptJSON {
	out := attemptJSON{
		Number: a.Number, ScheduledAt: at(a.ScheduledAt), StartedAt: at(a.StartedAt), DurationMS: a.Duration.Milliseconds(),
		StatusCode: orNull(a.StatusCode), Error: orNull(a.Error), ErrorDetail: orNull(a.ErrorDetail),
		ResponseBody: a.ResponseBody, ResponseTruncated: a.Truncated, ResponseHeaders: a.ResponseHeaders,
	}
	if out.ResponseHeaders == nil {
		out.ResponseHeaders = map[string]string{}
	}
	return out
}

type deliveryJSON struct {
	ID            string                 `json:"id"`
	WebhookID     string                 `json:"webhook_id"`
	EventID       string                 `json:"event_id"`
	EventType     string                 `json:"event_type"`
	Status        webhook.DeliveryStatus `json:"status"`
	AttemptCount  int                    `json:"attempt_count"`
	CreatedAt     string                 `json:"created_at"`
	NextAttemptAt *string                `json:"next_attempt_at"`
	LastAttempt   *attemptJSON           `json:"last_attempt"`
}

func deliveryOf(d webhook.Delivery) deliveryJSON {
	out := deliveryJSON{
		ID: d.ID(), WebhookID: d.Webhook, EventID: d.Event, EventType: d.Type, Status: d.Status, AttemptCount: d.Total,
		CreatedAt: at(d.AcceptedAt),
	}
	if d.Status == webhook.Pending {
		out.NextAttemptAt = atOrNull(d.NextAt)
	}
	if a := d.LastAttempt(); a != nil {
		out.LastAttempt = new(attemptOf(*a))
	}
	return out
}

// sentJSON is one delivery with what was sent. Body is the exact bytes, as a string, because it is what was signed.
type sentJSON struct {
	deliveryJSON
	Body           *string           `json:"body"`
	RequestHeaders map[string]string `json:"request_headers"`
	Attempts       []attemptJSON     `json:"attempts"`
}

type eventTypeJSON struct {
	Name        string          `json:"name"`
	Description string          `json:"description"`
	Example     json.RawMessage `json:"example"`
	Schema      json.RawMessage `json:"schema"`
	WireName    string          `json:"wire_name,omitempty"` // where what is sent names it otherwise
	Group       string          `json:"group,omitempty"`
	ComingSoon  bool            `json:"coming_soon,omitempty"`
}

func eventTypeOf(e dialect.EventType) eventTypeJSON {
	return eventTypeJSON{
		Name: e.Name, Description: e.Description, Example: e.Example, Schema: e.Schema, WireName: e.WireName,
		Group: e.Group, ComingSoon: e.ComingSoon,
	}
}

type dialectJSON struct {
	Name    string `json:"name"`
	Version int    `json:"version"`
	Product string `json:"product"`
	BuiltIn bool   `json:"built_in"`
}

// previewJSON is what a webhook would get. The first request is there twice: it is the one most callers want.
type previewJSON struct {
	Dialect   string `json:"dialect"` // name@version
	Type      string `json:"type"`
	EventID   string `json:"event_id"`
	Tenant    string `json:"tenant"`
	Timestamp string `json:"timestamp"`
	Format    string `json:"format"`
	Secret    string `json:"secret"`
	requestJSON
	Requests []requestJSON `json:"requests"`
}

// triedJSON is what came of a filter's trial.
type triedJSON struct {
	Matches bool            `json:"matches"`
	Data    json.RawMessage `json:"data"`
}

// requestJSON is one way to send an event. Body is the exact bytes, as a string, because it is what is signed.
type requestJSON struct {
	ContentType string      `json:"content_type"`
	Headers     headersJSON `json:"headers"`
	Body        string      `json:"body"`
}

// headersJSON is an object whose names stand in the order that the headers are sent in.
type headersJSON []dialect.Header

// MarshalJSON writes the object.
func (h headersJSON) MarshalJSON() ([]byte, error) {
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

type moveJSON struct {
	ID           string `json:"id"`
	Status       string `json:"status"`
	Moved        int    `json:"moved"`
	ToMove       int    `json:"to_move"`
	MaxPerSecond *int   `json:"max_per_second"`
	StartedAt    string `json:"started_at"`
}

func moveOf(m queue.Move) moveJSON {
	return moveJSON{
		ID: m.ID, Status: m.Status, Moved: m.Moved, ToMove: m.ToMove, MaxPerSecond: orNull(m.MaxPerSecond), StartedAt: at(m.StartedAt),
	}
}

type deadLettersJSON struct {
	Depth int        `json:"depth"`
	Tasks []moveJSON `json:"tasks"`
}

type redriveJSON struct {
	ID string `json:"id"`
}

type healthJSON struct {
	Status string `json:"status"`
}

type listJSON[T any] struct {
	Data       []T     `json:"data"`
	NextCursor *string `json:"next_cursor"`
}

type resultsJSON[T any] struct {
	Data []T `json:"data"`
}

func listOf[T, J any](l webhook.List[T], show func(T) J) listJSON[J] {
	return listJSON[J]{Data: each(l.Items, show), NextCursor: orNull(l.Next)}
}

func each[T, J any](items []T, show func(T) J) []J {
	out := make([]J, len(items))
	for i, item := range items {
		out[i] = show(item)
	}
	return out
}

func at(t time.Time) string { return t.UTC().Format(webhook.TimeFormat) }

func atOrNull(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	return new(at(t))
}

func orNull[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

func orEmpty(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
