package api

import (
	"hookline/shared/input"
	"hookline/shared/management"
	"hookline/shared/webhook"
)

// Tenant is a tenant.
type Tenant struct {
	ID             string   `json:"id"`
	Name           string   `json:"name"`
	Dialect        string   `json:"dialect"`
	NotifyEmail    *string  `json:"notify_email"`
	FrameAncestors []string `json:"frame_ancestors"`
	CreatedAt      Time     `json:"created_at"`
	UpdatedAt      Time     `json:"updated_at"`
}

// TenantOf converts a tenant.
func TenantOf(t webhook.Tenant) Tenant {
	return Tenant{
		ID: t.ID, Name: t.Name, Dialect: t.Dialect, NotifyEmail: orNull(t.NotifyEmail),
		FrameAncestors: listOrEmpty(t.FrameAncestors), CreatedAt: Time{t.CreatedAt}, UpdatedAt: Time{t.UpdatedAt},
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

// CreatedTenant is a tenant just made, with its first key, which is shown only here.
type CreatedTenant struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Dialect string `json:"dialect"`
	APIKey  string `json:"api_key"`
}

// Key is an API key, without the key itself.
type Key struct {
	ID        string   `json:"id"`
	Name      string   `json:"name"`
	Scopes    []string `json:"scopes"`
	CreatedAt Time     `json:"created_at"`
}

// KeyOf converts a key.
func KeyOf(k webhook.Key) Key {
	return Key{ID: k.ID, Name: k.Name, Scopes: listOrEmpty(k.Scopes), CreatedAt: Time{k.CreatedAt}}
}

// NewKey is an API key to be made.
type NewKey struct{ management.KeyInput }

// CreatedKey is a key just made. Key is shown only here.
type CreatedKey struct {
	ID     string   `json:"id"`
	Name   string   `json:"name"`
	Scopes []string `json:"scopes"`
	Key    string   `json:"key"`
}

// NewPortalLink says how long a portal link lasts.
type NewPortalLink struct {
	// In seconds.
	ExpiresIn input.Field[int] `json:"expires_in,omitzero" jsonschema:"nullable,minimum=60,maximum=86400,default=3600"`
}

// PortalLink is a link to the console of one tenant.
type PortalLink struct {
	URL       string `json:"url"`
	ExpiresAt Time   `json:"expires_at"`
}
