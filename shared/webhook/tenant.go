package webhook

import (
	"slices"
	"time"
)

// Tenant is one customer of the deployment: it owns webhooks, keys and a dialect, and sees nothing of the others.
type Tenant struct {
	ID             string
	Name           string
	Dialect        string
	NotifyEmail    string // "" sends no mail
	FrameAncestors []string
	RetentionDays  int // of what is accepted from now on; 0 is the stack's
	MaxWebhooks    int // that it may have; 0 is the stack's limit
	CreatedAt      time.Time
	UpdatedAt      time.Time
	Version        int64 // counts updates; see UpdateTenant in package store
}

// Retention returns for how long something is kept, the stack's retention unless so many days are less.
func Retention(stack time.Duration, days int) time.Duration {
	if stack <= 0 {
		stack = DefaultRetention
	}
	if own := time.Duration(days) * 24 * time.Hour; own > 0 && own < stack {
		return own
	}
	return stack
}

// Remains is some of what a deleted tenant left. Of deployments and replay jobs it has ids and times alone.
type Remains struct {
	Tenant      string
	Log         []LogItem
	Deliveries  []Delivery
	Deployments []Deployment
	Replays     []Replay
	Next        string // the cursor to go on with; "" when there was nothing left
}

// Key is an API key as it is stored: by hash, never the key itself.
type Key struct {
	ID        string
	Tenant    string
	Name      string
	Scopes    []string
	Hash      string // HashAPIKey of the key
	CreatedAt time.Time
}

// Scopes returns every scope a tenant's key can hold, in the order they are documented. A new one comes last: a stored key
// says how many there were when it was made (see package record).
func Scopes() []string {
	return []string{
		"tenant:read", "tenant:write",
		"keys:read", "keys:write",
		"webhooks:read", "webhooks:write",
		"deliveries:read", "deliveries:write",
		"events:read", "events:write",
		"sources:read", "sources:write",
		"audit:read",
	}
}

// Grants reports whether the key holds scope.
func (k Key) Grants(scope string) bool { return slices.Contains(k.Scopes, scope) }
