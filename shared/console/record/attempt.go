package record

import (
	"time"

	"hookline/shared/api"
	"hookline/shared/console/words"
	"hookline/shared/webhook"
)

// Outcome is the attempt's status, as one of a delivery.
func Outcome(a api.Attempt) webhook.DeliveryStatus {
	if a.Error != nil {
		return webhook.Failed
	}
	return webhook.Succeeded
}

// Code is the status code of the answer, 0 if there was none.
func Code(a api.Attempt) int { return orZero(a.StatusCode) }

// Fault is the attempt's error, "" if it succeeded.
func Fault(a api.Attempt) webhook.AttemptError { return orZero(a.Error) }

// Detail is the error's detail, "" if none is known.
func Detail(a api.Attempt) webhook.ErrorDetail { return orZero(a.ErrorDetail) }

func orZero[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

// Sent reports whether a request was made.
func Sent(a api.Attempt) bool { return !Fault(a).Unsent() }

// Late is the time between the moment an attempt was scheduled for and its start, "" below 5 seconds.
func Late(a api.Attempt) string {
	if late := a.StartedAt.Sub(a.ScheduledAt.Time); late >= 5*time.Second {
		return words.Span(late)
	}
	return ""
}

// Retries is the number of attempts after the first.
func Retries(attempts int) int { return max(0, attempts-1) }
