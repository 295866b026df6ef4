package systemevent

import (
	"encoding/json"
	"time"
)

// Notice is a system event as it stands on the stack's event bus, as the bus hands it to a rule's target: the shape is
// EventBridge's, and what is read of it.
type Notice struct {
	ID         string    `json:"id"` // of the bus entry; a repeated notice may have another
	DetailType string    `json:"detail-type"`
	Source     string    `json:"source"` // the stack's own
	Time       time.Time `json:"time"`
	Detail     Detail    `json:"detail"`
}

// Detail is the detail of a notice.
type Detail struct {
	Tenant string          `json:"tenant"`
	ID     string          `json:"id"`   // of the event, also where there is a notice alone: the same however often it comes
	Data   json.RawMessage `json:"data"` // the event's: see WebhookData
}

// WebhookData is the data of the events webhook.created, webhook.failing, webhook.disabled and webhook.recovered.
type WebhookData struct {
	WebhookID string   `json:"webhook_id"`
	Name      string   `json:"name"`
	URL       string   `json:"url"`
	Events    []string `json:"events"`
	Status    string   `json:"status"`           // after the change
	Reason    string   `json:"reason,omitempty"` // of webhook.disabled: "gone" or "failing_for_days"; of webhook.failing: "out_of_attempts"
	Since     string   `json:"since"`            // when the change was made, RFC 3339
}

// DeliveryData is the data of delivery.failed.
type DeliveryData struct {
	DeliveryID string `json:"delivery_id"`
	WebhookID  string `json:"webhook_id"`
	EventID    string `json:"event_id"`
	EventType  string `json:"event_type"`
	Attempts   int    `json:"attempts"` // of the round
	Error      string `json:"error"`    // of the last attempt
	StatusCode int    `json:"status_code,omitempty"`
}
