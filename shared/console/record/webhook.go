// Package record has what the API answers, as pages read it: a webhook by its label, a delivery by its retries, an
// attempt by why it failed. It asks nobody for anything, and prints nothing.
package record

import (
	"encoding/json"
	"net/url"

	"hookline/shared/webhook"
)

// Webhook is a webhook as the API shows it.
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
	CreatedAt      string            `json:"created_at"`
	UpdatedAt      string            `json:"updated_at"`
	FailingSince   *string           `json:"failing_since"`
	Secret         string            `json:"secret"`
	Warnings       []string          `json:"warnings"`
	Stats          *Stats            `json:"stats"` // in lists
}

// Filtered reports whether a filter lets only some events pass.
func (w Webhook) Filtered() bool { return len(w.Filter) > 0 && string(w.Filter) != "null" }

// Label is what a webhook is called: its name, or else its host.
func (w Webhook) Label() string {
	if w.Name != "" {
		return w.Name
	}
	if u, err := url.Parse(w.URL); err == nil && u.Host != "" {
		return u.Host
	}
	return w.ID
}

// Stats are a webhook's last 24 hours.
type Stats struct {
	Deliveries Counts `json:"deliveries"`
	Hours      []struct {
		Hour string `json:"hour"`
		Counts
	} `json:"hours"`
}

// Counts are deliveries by their status.
type Counts struct {
	Succeeded int `json:"succeeded"`
	Failed    int `json:"failed"`
	Pending   int `json:"pending"`
}

// Sum is all of them.
func (c Counts) Sum() int { return c.Succeeded + c.Failed + c.Pending }
