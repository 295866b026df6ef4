package record

import (
	"net/url"
	"strings"
	"time"

	"hookline/shared/console/words"
	"hookline/shared/layout"
	"hookline/shared/webhook"
)

// Attempt is an attempt as the API shows it.
type Attempt struct {
	Number       int                   `json:"number"`
	ScheduledAt  time.Time             `json:"scheduled_at"`
	StartedAt    time.Time             `json:"started_at"`
	DurationMS   int64                 `json:"duration_ms"`
	StatusCode   *int                  `json:"status_code"`
	Error        *webhook.AttemptError `json:"error"`
	ErrorDetail  *webhook.ErrorDetail  `json:"error_detail"`
	ResponseBody string                `json:"response_body"`
	Truncated    bool                  `json:"response_truncated"`
	Headers      map[string]string     `json:"response_headers"`
}

// Status is the attempt's outcome, in the words for deliveries.
func (a Attempt) Status() webhook.DeliveryStatus {
	if a.Error != nil {
		return webhook.Failed
	}
	return webhook.Succeeded
}

// Code is the answer's status, 0 without an answer.
func (a Attempt) Code() int {
	if a.StatusCode == nil {
		return 0
	}
	return *a.StatusCode
}

// Fault is why it failed, "" if it did not.
func (a Attempt) Fault() webhook.AttemptError {
	if a.Error == nil {
		return ""
	}
	return *a.Error
}

// Sent reports whether a request was made.
func (a Attempt) Sent() bool {
	return a.Fault() != webhook.ErrWebhookInactive && a.Fault() != webhook.ErrWebhookDeleted
}

// Detail narrows the fault down, "" where no more is known.
func (a Attempt) Detail() webhook.ErrorDetail {
	if a.ErrorDetail == nil {
		return ""
	}
	return *a.ErrorDetail
}

// Late is how long after its time it began, "" below 5 seconds.
func (a Attempt) Late() string {
	if late := a.StartedAt.Sub(a.ScheduledAt); late >= 5*time.Second {
		return words.Span(late)
	}
	return ""
}

// Delivery is a delivery as the API lists it.
type Delivery struct {
	ID            string                 `json:"id"`
	WebhookID     string                 `json:"webhook_id"`
	EventID       string                 `json:"event_id"`
	EventType     string                 `json:"event_type"`
	Status        webhook.DeliveryStatus `json:"status"`
	AttemptCount  int                    `json:"attempt_count"`
	CreatedAt     string                 `json:"created_at"`
	NextAttemptAt *time.Time             `json:"next_attempt_at"`
	LastAttempt   *Attempt               `json:"last_attempt"`
}

// Retries is how many attempts followed the first.
func (d Delivery) Retries() int { return max(0, d.AttemptCount-1) }

// Sent is a delivery with its request and its attempts.
type Sent struct {
	Delivery
	Body           *string           `json:"body"`
	RequestHeaders map[string]string `json:"request_headers"`
	Attempts       []Attempt         `json:"attempts"`
}

// Pretty is the body's JSON laid out for reading, of a form that of its field; empty where there is none.
func (s Sent) Pretty() layout.Text {
	if s.Body == nil {
		return layout.Text{}
	}
	text := *s.Body
	if s.Form() {
		fields, err := url.ParseQuery(text)
		if err != nil {
			return layout.Text{}
		}
		text = fields.Get("payload")
	}
	out, _ := layout.JSON([]byte(text), layout.MaxBytes)
	return out
}

// Exact is the body byte for byte.
func (s Sent) Exact() layout.Text {
	if s.Body == nil {
		return layout.Text{}
	}
	return layout.Cut(*s.Body, layout.MaxBytes)
}

// Form reports whether the body is a form, and not JSON.
func (s Sent) Form() bool { return s.RequestHeaders["Content-Type"] == webhook.ContentForm }

// File is the name under which the body is downloaded.
func (s Sent) File() string {
	if s.Form() {
		return strings.TrimSuffix(FileName(s.ID), ".json") + ".txt"
	}
	return FileName(s.ID)
}

// mask stands in the API's answers where a value is kept secret.
const mask = "********"

// Masked reports whether a header's value is not shown.
func (s Sent) Masked() bool {
	for _, value := range s.RequestHeaders {
		if value == mask {
			return true
		}
	}
	return false
}

// FileName names the file that holds the JSON of something with an id. An id can have colons; a file's name cannot have
// them everywhere.
func FileName(id string) string { return strings.ReplaceAll(id, ":", "-") + ".json" }
