package api

import (
	"encoding/json"

	"hookline/shared/input"
	"hookline/shared/management"
	"hookline/shared/webhook"
)

// Tenant is a tenant.
type Tenant struct {
	ID   string `json:"id" ref:"GivenID"`
	Name string `json:"name"`
	// How this tenant's webhooks are sent.
	Dialect string `json:"dialect" jsonschema:"example=standard"`
	// Where mails about its webhooks go; null for none.
	NotifyEmail *string `json:"notify_email"`
	// Origins that may show the console in a frame.
	FrameAncestors []string `json:"frame_ancestors"`
	// For how many days what is accepted is kept; null: as long as the stack keeps it.
	RetentionDays *int `json:"retention_days"`
	// How many webhooks it may have; null: as many as the stack allows.
	MaxWebhooks *int `json:"max_webhooks"`
	CreatedAt   Time `json:"created_at"`
	UpdatedAt   Time `json:"updated_at"`
}

// TenantOf converts a tenant.
func TenantOf(t webhook.Tenant) Tenant {
	return Tenant{
		ID: t.ID, Name: t.Name, Dialect: t.Dialect, NotifyEmail: orNull(t.NotifyEmail),
		FrameAncestors: listOrEmpty(t.FrameAncestors), CreatedAt: Time{t.CreatedAt}, UpdatedAt: Time{t.UpdatedAt},
		RetentionDays: orNull(t.RetentionDays), MaxWebhooks: orNull(t.MaxWebhooks),
	}
}

// NewTenant is a tenant to be made.
type NewTenant struct {
	management.TenantInput `required:"id,name,dialect"`
}

// TenantChange is a change of a tenant. Fields left out stay. `id` and `dialect` cannot be changed (422).
type TenantChange struct {
	management.TenantInput `without:"id,dialect"`
}

// OwnTenantChange is a change of the key's own tenant. Fields left out stay. `id` and `dialect` cannot be changed, and
// `retention_days` and `max_webhooks` are the admin's (422).
type OwnTenantChange struct {
	management.TenantInput `without:"id,dialect,retention_days,max_webhooks"`
}

// CreatedTenant is a tenant just made, with its first key.
type CreatedTenant struct {
	ID      string `json:"id" ref:"GivenID"`
	Name    string `json:"name"`
	Dialect string `json:"dialect"`
	// It holds every scope. Shown only here.
	APIKey string `json:"api_key" jsonschema:"example=hk_3f0c…"`
}

// Key is an API key, without the key itself.
type Key struct {
	ID        string   `json:"id" jsonschema:"example=key_01JQSMZ4T0000000000000000"`
	Name      string   `json:"name"`
	Scopes    []string `json:"scopes" ref:"Scope"`
	CreatedAt Time     `json:"created_at"`
}

// KeyOf converts a key.
func KeyOf(k webhook.Key) Key {
	return Key{ID: k.ID, Name: k.Name, Scopes: listOrEmpty(k.Scopes), CreatedAt: Time{k.CreatedAt}}
}

// NewKey is an API key to be made.
type NewKey struct{ management.KeyInput }

// CreatedKey is an API key just made.
type CreatedKey struct {
	ID     string   `json:"id"`
	Name   string   `json:"name"`
	Scopes []string `json:"scopes" ref:"Scope"`
	// Shown only here.
	Key string `json:"key"`
}

// NewPortalLink is a portal link to be made.
type NewPortalLink struct {
	// In seconds.
	ExpiresIn input.Field[int] `json:"expires_in,omitzero" jsonschema:"nullable,minimum=60,maximum=86400,default=3600"`
	// Whom the link is for, as your product knows them: the actor of what they change, in the audit log. Without it that is
	// the link.
	User input.Field[json.RawMessage] `json:"user,omitzero" jsonschema:"type=object,nullable"`
	// The colours of the pages. `auto` are those that the visitor's system asks for.
	Theme input.Field[string] `json:"theme,omitzero" jsonschema:"nullable,enum=light,enum=dark,enum=auto,default=auto"`
	// The only webhook that the console shows, with its deliveries and nothing else. null shows all.
	WebhookID input.Field[string] `json:"webhook_id,omitzero" jsonschema:"nullable" ref:"GivenID"`
	// The visitor can change nothing.
	ReadOnly input.Field[bool] `json:"read_only,omitzero" jsonschema:"nullable,default=false"`
}

// PortalUser is somebody whom a portal link is for.
type PortalUser struct {
	ID input.Field[string] `json:"id,omitzero"`
	// Left out or null: the id.
	Name input.Field[string] `json:"name,omitzero"`
}

// PortalLink is a link to the console of one tenant.
type PortalLink struct {
	// It opens once. It lets in anybody who has it: give it to nobody else.
	URL       string `json:"url" jsonschema:"format=uri"`
	ExpiresAt Time   `json:"expires_at"`
}

// AdminLink is a link to the operators' console.
type AdminLink struct {
	// It opens once. It lets in anybody who has it: give it to nobody else.
	URL       string `json:"url" jsonschema:"format=uri"`
	ExpiresAt Time   `json:"expires_at"`
}

// DayUsage is what was done for a tenant on one day.
type DayUsage struct {
	// The day in UTC.
	Date string `json:"date" jsonschema:"format=date"`
	// Events that were accepted, each once, whatever number of webhooks took it: those that the event log has. null where
	// the stack keeps no log.
	Events *int `json:"events" jsonschema:"minimum=0"`
	// Deliveries whose first attempt was made, with tests.
	Deliveries int `json:"deliveries" jsonschema:"minimum=0"`
	// Requests that were sent, retries and replays among them.
	Attempts int `json:"attempts" jsonschema:"minimum=0"`
}
