// Package record reads what the API answers as pages need it: a webhook by its label, an attempt by its outcome, a delivery's
// body laid out. It asks nobody for anything, and prints nothing.
package record

import (
	"net/url"

	"hookline/shared/api"
)

// Webhook is a webhook.
type Webhook struct{ api.Webhook }

// Filtered reports whether a filter lets only some events pass.
func (w *Webhook) Filtered() bool { return len(w.Filter) > 0 && string(w.Filter) != "null" }

// Label is what a webhook is called: its name, or else its host.
func (w *Webhook) Label() string {
	if w.Name != "" {
		return w.Name
	}
	if u, err := url.Parse(w.URL); err == nil && u.Host != "" {
		return u.Host
	}
	return w.ID
}
