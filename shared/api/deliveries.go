package api

import (
	"time"

	"hookline/shared/input"
	"hookline/shared/webhook"
)

// Attempt is one attempt of a delivery.
type Attempt struct {
	// From 1, over all rounds.
	Number      int  `json:"number" jsonschema:"minimum=1"`
	ScheduledAt Time `json:"scheduled_at"`
	StartedAt   Time `json:"started_at"`
	// Measured, in real time.
	DurationMS int64 `json:"duration_ms" jsonschema:"minimum=0"`
	// null when there was no answer.
	StatusCode *int `json:"status_code"`
	// null for a success.
	Error *webhook.AttemptError `json:"error"`
	// null where no more is known than `error` says.
	ErrorDetail *webhook.ErrorDetail `json:"error_detail"`
	// Cut at 16 KiB when the attempt failed; when it succeeded, at 256 bytes, or fewer where the record would be over 1 KB. Bytes
	// that are not UTF-8 are replaced.
	ResponseBody      string `json:"response_body"`
	ResponseTruncated bool   `json:"response_truncated"`
	// The answer's headers, of a failed attempt alone: at most 40 of them and 4 KiB, a redirect's `Location` first; longer
	// values end in `…`. Several of one name are joined by a comma. Cookies, credentials, tokens and keys are masked, and
	// characters that cannot be printed are replaced.
	ResponseHeaders map[string]string `json:"response_headers"`
}

// AttemptOf converts an attempt.
func AttemptOf(a webhook.Attempt) Attempt {
	return Attempt{
		Number: a.Number, ScheduledAt: Time{a.ScheduledAt}, StartedAt: Time{a.StartedAt}, DurationMS: a.Duration.Milliseconds(),
		StatusCode: orNull(a.StatusCode), Error: orNull(a.Error), ErrorDetail: orNull(a.ErrorDetail),
		ResponseBody: a.ResponseBody, ResponseTruncated: a.Truncated, ResponseHeaders: objectOrEmpty(a.ResponseHeaders),
	}
}

// Delivery is one event on its way to one webhook. It is listed from its first attempt on.
type Delivery struct {
	ID        string                 `json:"id" jsonschema:"example=dlv_AZXAeJ0A…"`
	WebhookID string                 `json:"webhook_id"`
	EventID   string                 `json:"event_id"`
	EventType string                 `json:"event_type"`
	Status    webhook.DeliveryStatus `json:"status"`
	// Over all rounds.
	AttemptCount int `json:"attempt_count" jsonschema:"minimum=0"`
	// When the event was accepted.
	CreatedAt Time `json:"created_at"`
	// While pending, else null.
	NextAttemptAt *Time    `json:"next_attempt_at"`
	LastAttempt   *Attempt `json:"last_attempt"`
	// The header `traceparent` of the request that published the event (W3C Trace Context). null when there was none, and where a record
	// of 1 KB has no room for it. Receivers do not get it.
	TraceParent *string `json:"traceparent"`
}

// DeliveryOf converts a delivery.
func DeliveryOf(d webhook.Delivery) Delivery {
	out := Delivery{
		ID: d.ID(), WebhookID: d.Webhook, EventID: d.Event, EventType: d.Type, Status: d.Status, AttemptCount: d.Total,
		CreatedAt: Time{d.AcceptedAt}, TraceParent: orNull(d.TraceParent),
	}
	if d.Status == webhook.Pending {
		out.NextAttemptAt = TimeOrNull(d.NextAt)
	}
	if a := d.LastAttempt(); a != nil {
		out.LastAttempt = new(AttemptOf(*a))
	}
	return out
}

// DeliveryDetail is one delivery with what was sent.
type DeliveryDetail struct {
	Delivery `jsonschema:"-"`
	// Exactly what was sent, byte for byte, as a string: it is what was signed. null when it is no longer kept.
	Body *string `json:"body"`
	// The headers of the last attempt, as sent; custom ones are masked. The signature is left out once the secret that made
	// it is gone; chat messages have none.
	RequestHeaders map[string]string `json:"request_headers"`
	// The oldest first, the latest 50.
	Attempts []Attempt `json:"attempts"`
}

// NewTest is a test to be sent.
type NewTest struct {
	// A type of the catalogue, or a system event; it is sent with its example as data. Left out or null: `webhook.test`.
	EventType input.Field[string] `json:"event_type,omitzero" jsonschema:"nullable" ref:"EventTypeName"`
}

// TestResult is the outcome of a test event.
type TestResult struct {
	DeliveryID string `json:"delivery_id"`
	// `succeeded` or `failed`.
	Status webhook.DeliveryStatus `json:"status"`
	// null when there was no answer.
	StatusCode *int  `json:"status_code"`
	DurationMS int64 `json:"duration_ms" jsonschema:"minimum=0"`
	// null for a success.
	Error *webhook.AttemptError `json:"error"`
	// null where no more is known than `error` says.
	ErrorDetail *webhook.ErrorDetail `json:"error_detail"`
	// The beginning of the answer's body.
	ResponseBody string `json:"response_body"`
	// The answer's headers, as an attempt has them.
	ResponseHeaders map[string]string `json:"response_headers"`
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

// NewReplay is a choice of deliveries of a webhook, which are sent again.
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
	// Only dead letters: those that ran out of attempts, the last of which had this error. With the status `failed` alone.
	Error input.Field[string] `json:"error,omitzero" jsonschema:"nullable,enum=timeout,enum=dns,enum=connect,enum=tls,enum=blocked_target,enum=redirect,enum=bad_status,enum=bad_response"`
	// Count, and start nothing.
	DryRun input.Field[bool] `json:"dry_run,omitzero" jsonschema:"nullable,default=false"`
}

// ReplayStarted is the answer to the start of a replay job, or to a dry run.
type ReplayStarted struct {
	// The job's; null in a dry run.
	ID *string `json:"id"`
	// How many deliveries there are to be sent again.
	Matched int `json:"matched" jsonschema:"minimum=0"`
	// Counting ended early, there may be more than `matched`.
	More bool `json:"more"`
}

// Replay is a job that sends many deliveries of a webhook again.
type Replay struct {
	ID        string               `json:"id"`
	WebhookID string               `json:"webhook_id"`
	Status    webhook.ReplayStatus `json:"status"`
	Selection ReplaySelection      `json:"selection"`
	// How many deliveries there were when it began.
	Matched int `json:"matched" jsonschema:"minimum=0"`
	// Counting ended early, there may be more than `matched`.
	More bool `json:"more"`
	// How many have got their new round so far.
	Started int `json:"started" jsonschema:"minimum=0"`
	// Once it is done: how many were no longer as asked for when their turn came, because somebody else had sent them again
	// for instance.
	Skipped int `json:"skipped" jsonschema:"minimum=0"`
	// Why it failed, else null. Deliveries that it had not come to are as they were.
	Error     *string `json:"error" jsonschema:"enum=webhook_inactive,enum=webhook_deleted"`
	CreatedAt Time    `json:"created_at"`
	UpdatedAt Time    `json:"updated_at"`
	// null while it runs.
	FinishedAt *Time `json:"finished_at"`
}

// ReplaySelection is the choice of deliveries that a job takes.
type ReplaySelection struct {
	Status    webhook.ReplayOf `json:"status"`
	EventType *string          `json:"event_type"`
	// Of dead letters with this error alone.
	Error *string `json:"error" jsonschema:"enum=timeout,enum=dns,enum=connect,enum=tls,enum=blocked_target,enum=redirect,enum=bad_status,enum=bad_response"`
	Since Time    `json:"since"`
	Until Time    `json:"until"`
}

// ReplayOf converts a job.
func ReplayOf(r webhook.Replay) Replay {
	return Replay{
		ID: r.ID, WebhookID: r.Webhook, Status: r.Status, Matched: r.Matched, More: r.More, Started: r.Started, Skipped: r.Skipped(),
		Selection: ReplaySelection{Status: r.Of, EventType: orNull(r.Type), Error: orNull(string(r.Reason)), Since: Time{r.Since}, Until: Time{r.Until}},
		Error:     orNull(string(r.Error)), CreatedAt: Time{r.CreatedAt}, UpdatedAt: Time{r.UpdatedAt}, FinishedAt: TimeOrNull(r.FinishedAt),
	}
}
