package api

import (
	"time"

	"hookline/shared/input"
	"hookline/shared/webhook"
)

// Attempt is one attempt of a delivery.
type Attempt struct {
	Number            int                   `json:"number"`
	ScheduledAt       Time                  `json:"scheduled_at"`
	StartedAt         Time                  `json:"started_at"`
	DurationMS        int64                 `json:"duration_ms"`
	StatusCode        *int                  `json:"status_code"`
	Error             *webhook.AttemptError `json:"error"`
	ErrorDetail       *webhook.ErrorDetail  `json:"error_detail"`
	ResponseBody      string                `json:"response_body"`
	ResponseTruncated bool                  `json:"response_truncated"`
	ResponseHeaders   map[string]string     `json:"response_headers"`
}

// AttemptOf converts an attempt.
func AttemptOf(a webhook.Attempt) Attempt {
	return Attempt{
		Number: a.Number, ScheduledAt: Time{a.ScheduledAt}, StartedAt: Time{a.StartedAt}, DurationMS: a.Duration.Milliseconds(),
		StatusCode: orNull(a.StatusCode), Error: orNull(a.Error), ErrorDetail: orNull(a.ErrorDetail),
		ResponseBody: a.ResponseBody, ResponseTruncated: a.Truncated, ResponseHeaders: objectOrEmpty(a.ResponseHeaders),
	}
}

// Delivery is the delivery of one event to one webhook.
type Delivery struct {
	ID            string                 `json:"id"`
	WebhookID     string                 `json:"webhook_id"`
	EventID       string                 `json:"event_id"`
	EventType     string                 `json:"event_type"`
	Status        webhook.DeliveryStatus `json:"status"`
	AttemptCount  int                    `json:"attempt_count"`
	CreatedAt     Time                   `json:"created_at"`
	NextAttemptAt *Time                  `json:"next_attempt_at"`
	LastAttempt   *Attempt               `json:"last_attempt"`
}

// DeliveryOf converts a delivery.
func DeliveryOf(d webhook.Delivery) Delivery {
	out := Delivery{
		ID: d.ID(), WebhookID: d.Webhook, EventID: d.Event, EventType: d.Type, Status: d.Status, AttemptCount: d.Total,
		CreatedAt: Time{d.AcceptedAt},
	}
	if d.Status == webhook.Pending {
		out.NextAttemptAt = TimeOrNull(d.NextAt)
	}
	if a := d.LastAttempt(); a != nil {
		out.LastAttempt = new(AttemptOf(*a))
	}
	return out
}

// DeliveryDetail is one delivery with what was sent. Body is the exact bytes, as a string, because it is what was signed;
// it is null where they are not kept any more.
type DeliveryDetail struct {
	Delivery
	Body           *string           `json:"body"`
	RequestHeaders map[string]string `json:"request_headers"`
	Attempts       []Attempt         `json:"attempts"`
}

// NewTest says which event a test sends.
type NewTest struct {
	// A type of the catalogue, or a system event; it is sent with its example as data. Left out or null: `webhook.test`.
	EventType input.Field[string] `json:"event_type,omitzero" jsonschema:"nullable" ref:"EventTypeName"`
}

// TestResult is the outcome of sending a webhook a test event at once.
type TestResult struct {
	DeliveryID      string                 `json:"delivery_id"`
	Status          webhook.DeliveryStatus `json:"status"`
	StatusCode      *int                   `json:"status_code"`
	DurationMS      int64                  `json:"duration_ms"`
	Error           *webhook.AttemptError  `json:"error"`
	ErrorDetail     *webhook.ErrorDetail   `json:"error_detail"`
	ResponseBody    string                 `json:"response_body"`
	ResponseHeaders map[string]string      `json:"response_headers"`
}

// TestResultOf converts the delivery of a test.
func TestResultOf(d webhook.Delivery) TestResult {
	out := TestResult{DeliveryID: d.ID(), Status: d.Status, ResponseHeaders: map[string]string{}}
	if last := d.LastAttempt(); last != nil {
		a := AttemptOf(*last)
		out.StatusCode, out.DurationMS, out.Error, out.ErrorDetail = a.StatusCode, a.DurationMS, a.Error, a.ErrorDetail
		out.ResponseBody, out.ResponseHeaders = a.ResponseBody, a.ResponseHeaders
	}
	return out
}

// NewReplay says which deliveries of a webhook are sent again.
type NewReplay struct {
	// Deliveries accepted at that time or later are taken. Not in the future.
	Since input.Field[time.Time] `json:"since,omitzero" jsonschema:"required" ref:"GivenTime"`
	// Deliveries accepted before that time are taken; now when it is left out or later than now.
	Until input.Field[time.Time] `json:"until,omitzero" jsonschema:"nullable" ref:"GivenTime"`
	// Which ones are taken. `missed`: events of the event log that the webhook, as it is now, would take and has no
	// delivery of; their bodies are made as of now.
	Status input.Field[string] `json:"status,omitzero" jsonschema:"nullable,enum=failed,enum=succeeded,enum=missed,default=failed"`
	// Of which event type; of any when it is left out.
	EventType input.Field[string] `json:"event_type,omitzero" jsonschema:"nullable" ref:"EventTypeName"`
	// Count, and start nothing.
	DryRun input.Field[bool] `json:"dry_run,omitzero" jsonschema:"nullable,default=false"`
}

// ReplayStarted answers the start of a replay job, and the question how much one would take.
type ReplayStarted struct {
	ID      *string `json:"id"` // null when nothing was started
	Matched int     `json:"matched"`
	More    bool    `json:"more"` // counting ended early
}

// Replay is a job that sends many deliveries of a webhook again.
type Replay struct {
	ID         string               `json:"id"`
	WebhookID  string               `json:"webhook_id"`
	Status     webhook.ReplayStatus `json:"status"`
	Selection  ReplaySelection      `json:"selection"`
	Matched    int                  `json:"matched"`
	More       bool                 `json:"more"`
	Started    int                  `json:"started"`
	Skipped    int                  `json:"skipped"`
	Error      *string              `json:"error"`
	CreatedAt  Time                 `json:"created_at"`
	UpdatedAt  Time                 `json:"updated_at"`
	FinishedAt *Time                `json:"finished_at"`
}

// ReplaySelection says which deliveries a job takes, as it was asked for.
type ReplaySelection struct {
	Status    webhook.ReplayOf `json:"status"`
	EventType *string          `json:"event_type"`
	Since     Time             `json:"since"`
	Until     Time             `json:"until"`
}

// ReplayOf converts a job.
func ReplayOf(r webhook.Replay) Replay {
	return Replay{
		ID: r.ID, WebhookID: r.Webhook, Status: r.Status, Matched: r.Matched, More: r.More, Started: r.Started, Skipped: r.Skipped(),
		Selection: ReplaySelection{Status: r.Of, EventType: orNull(r.Type), Since: Time{r.Since}, Until: Time{r.Until}},
		Error:     orNull(string(r.Error)), CreatedAt: Time{r.CreatedAt}, UpdatedAt: Time{r.UpdatedAt}, FinishedAt: TimeOrNull(r.FinishedAt),
	}
}
