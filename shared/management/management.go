package management

import (
	"context"
	"time"

	"hookline/shared/audit"
	"hookline/shared/dialect"
	"hookline/shared/input"
	"hookline/shared/queue"
	"hookline/shared/seal"
	"hookline/shared/webhook"
)

// Store is the part of store.Store that management uses. It relies on conditional updates: of two changes to the same
// version of an object one gets webhook.Conflict, and a create or delete is done whole or not at all, with the entry of the
// audit log that is in its context.
type Store interface {
	TenantStore
	KeyStore
	WebhookStore
	ImportStore
	DialectStore
}

// TenantStore keeps tenants.
type TenantStore interface {
	CreateTenant(ctx context.Context, t webhook.Tenant, k webhook.Key) error
	Tenant(ctx context.Context, id string) (webhook.Tenant, error)
	UpdateTenant(ctx context.Context, t webhook.Tenant) error
	DeleteTenant(ctx context.Context, id string) error
}

// KeyStore keeps API keys.
type KeyStore interface {
	CreateKey(ctx context.Context, k webhook.Key) error
	DeleteKey(ctx context.Context, tenant, id string) error
}

// WebhookStore keeps webhooks.
type WebhookStore interface {
	CreateWebhook(ctx context.Context, w webhook.Webhook) error
	Webhook(ctx context.Context, ref webhook.Ref) (webhook.Webhook, error)
	UpdateWebhook(ctx context.Context, w webhook.Webhook, resetHealth bool) error
	DeleteWebhook(ctx context.Context, ref webhook.Ref) error
	WebhookCounts(ctx context.Context, tenant string) (webhook.Counts, error)
}

// DialectStore keeps the deployment's own dialects, and lists the tenants, each of which has one.
type DialectStore interface {
	PutDialect(ctx context.Context, d webhook.DialectVersion) error
	DialectHead(ctx context.Context, name string) (webhook.DialectHead, error)
	DialectVersion(ctx context.Context, name string, version int) (webhook.DialectVersion, error)
	DeleteDialect(ctx context.Context, name string, version int) error
	Tenants(ctx context.Context, page webhook.Page) (webhook.List[webhook.Tenant], error)
}

// Dialects finds dialects; an unknown one is webhook.NotFound.
type Dialects interface {
	// Dialect takes a name ("standard", which is the newest version) or a reference ("standard@1"). It also finds deleted
	// dialects.
	Dialect(ctx context.Context, nameOrRef string) (*dialect.Dialect, error)
	// Offered takes the name of a dialect that a tenant can be made with.
	Offered(ctx context.Context, name string) (*dialect.Dialect, error)
	BuiltIn(name string) bool
}

// Service makes the changes. Store, Dialects and Box are required.
type Service struct {
	Store    Store
	Dialects Dialects
	Box      seal.Box
	// CheckSchemas holds a catalogue's examples against its schemas (package schema). Only PutDialect uses it.
	CheckSchemas func(*dialect.Dialect) input.Faults
	// Changes takes the system event of each new webhook: it is the ingest queue. nil makes no such events.
	Changes queue.Sender
	// AllowPrivate admits private and loopback targets in every dialect, also on http: for one machine, never in production.
	AllowPrivate bool
	// Retention is the stack's, which a tenant's is not longer than; 0 means webhook.DefaultRetention.
	Retention time.Duration
	// MaxWebhooks is how many webhooks a tenant may have; 0 is no limit. They are counted before one is made, so n calls at
	// the same moment may go over the limit by n-1.
	MaxWebhooks int
	// Now reads the deployment's clock; nil is time.Now.
	Now func() time.Time
}

// change returns the context of the one write that makes a change, with its entry of the audit log.
func (s Service) change(ctx context.Context, tenant, of, id string, fields ...string) context.Context {
	return audit.Change(ctx, s.now(), tenant, audit.Target{Type: of, ID: id}, fields...)
}

func (s Service) now() time.Time {
	if s.Now == nil {
		return time.Now().UTC().Truncate(time.Millisecond)
	}
	return s.Now().UTC().Truncate(time.Millisecond)
}

// tries is how often a change is tried when others change the same object at the same time.
const tries = 3

// retry runs change again while it loses a race against another change.
func retry(change func() error) (err error) {
	for range tries {
		err = change()
		if webhookErr, ok := conflict(err); !ok || webhookErr.Code != "changed-meanwhile" {
			return err
		}
	}
	return err
}
