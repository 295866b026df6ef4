package record

import (
	"time"

	"hookline/shared/api"
	"hookline/shared/console/words"
	"hookline/shared/webhook"
)

// Outcome is an attempt's, in the words for deliveries.
func Outcome(a api.Attempt) webhook.DeliveryStatus {
	if a.Error != nil {
		return webhook.Failed
	}
	return webhook.Succeeded
}

// Code is the answer's status, 0 without an answer.
func Code(a api.Attempt) int { return orZero(a.StatusCode) }

// Fault is why an attempt failed, "" if it did not.
func Fault(a api.Attempt) webhook.AttemptError { return orZero(a.Error) }

// Detail narrows the fault down, "" where no more is known.
func Detail(a api.Attempt) webhook.ErrorDetail { return orZero(a.ErrorDetail) }

func orZero[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

// Sent reports whether a request was made.
func Sent(a api.Attempt) bool {
	return Fault(a) != webhook.ReasonWebhookInactive && Fault(a) != webhook.ReasonWebhookDeleted
}

// Late is how long after its time an attempt began, "" below 5 seconds.
func Late(a api.Attempt) string {
	if late := a.StartedAt.Sub(a.ScheduledAt.Time); late >= 5*time.Second {
		return words.Span(late)
	}
	return ""
}

// Retries is how many of so many attempts followed the first.
func Retries(attempts int) int { return max(0, attempts-1) }
