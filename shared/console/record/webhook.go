// Package record derives from the API's answers the values that several pages show: a webhook's label, an attempt's outcome,
// a delivery's body laid out. It makes no requests and prints nothing.
package record

import (
	"net/url"
	"slices"

	"hookline/shared/api"
)

// Webhook is a webhook with its label.
type Webhook struct{ api.Webhook }

// Filtered reports whether a filter lets only some events pass.
func (w *Webhook) Filtered() bool { return len(w.Filter) > 0 && string(w.Filter) != "null" }

// AllEvents reports whether the webhook takes all events that are published.
func (w *Webhook) AllEvents() bool { return slices.Contains(w.Events, "*") }

// Label is the webhook's name, or else its URL's host.
func (w *Webhook) Label() string {
	if w.Name != "" {
		return w.Name
	}
	if u, err := url.Parse(w.URL); err == nil && u.Host != "" {
		return u.Host
	}
	return w.ID
}
