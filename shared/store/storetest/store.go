// Package storetest is the suite that every store engine passes. Its Store is the sum of the small interfaces that the
// consumers declare; the comments are the contract.
package storetest

import (
	"context"
	"time"

	"hookline/shared/webhook"
)

// Store is what an engine provides. Every call takes the tenant, and what is another tenant's is not found. Reads are
// consistent unless said otherwise. Errors are *webhook.Error; a lost race or an existing id is webhook.Conflict; a
// passing fault is webhook.Unavailable and nothing was written, or all of it was.
type Store interface {
	// CreateTenant stores a tenant and its first key, both or neither. An id that exists is a Conflict "tenant-exists".
	CreateTenant(ctx context.Context, t webhook.Tenant, k webhook.Key) error
	Tenant(ctx context.Context, id string) (webhook.Tenant, error)
	// Tenants lists by id.
	Tenants(ctx context.Context, page webhook.Page) (webhook.List[webhook.Tenant], error)
	// UpdateTenant stores t with Version+1 if the stored Version is t.Version, else Conflict "changed-meanwhile".
	UpdateTenant(ctx context.Context, t webhook.Tenant) error
	// DeleteTenant removes the tenant with its keys, webhooks and index entries. Its deliveries stay until they expire,
	// out of anyone's reach; its id can be used again only for a new, empty tenant.
	DeleteTenant(ctx context.Context, id string) error

	CreateKey(ctx context.Context, k webhook.Key) error
	// KeyByHash finds a key of any tenant. A key deleted before the call is not found.
	KeyByHash(ctx context.Context, hash string) (webhook.Key, error)
	// Keys lists newest id first.
	Keys(ctx context.Context, tenant string, page webhook.Page) (webhook.List[webhook.Key], error)
	DeleteKey(ctx context.Context, tenant, id string) error

	// CreateWebhook stores w with its index entries (w.Subscriptions()), in one transaction. An id that exists is a
	// Conflict "webhook-exists", a tenant that does not is NotFound.
	CreateWebhook(ctx context.Context, w webhook.Webhook) error
	Webhook(ctx context.Context, ref webhook.Ref) (webhook.Webhook, error)
	Webhooks(ctx context.Context, tenant string, q webhook.WebhookQuery) (webhook.List[webhook.Webhook], error)
	WebhookCounts(ctx context.Context, tenant string) (webhook.Counts, error)
	// UpdateWebhook replaces the webhook and its index entries, in one transaction, with Version+1, if the stored
	// Version is w.Version, else Conflict "changed-meanwhile". Health is stored as in w only if resetHealth; else what
	// is stored stays.
	UpdateWebhook(ctx context.Context, w webhook.Webhook, resetHealth bool) error
	// DeleteWebhook removes the webhook and its index entries. Its deliveries stay until they expire.
	DeleteWebhook(ctx context.Context, ref webhook.Ref) error
	// SetHealth changes the webhook's health from one state to another, and reports whether it did: false when the
	// stored health is no longer from, or the webhook is gone.
	SetHealth(ctx context.Context, ref webhook.Ref, from, to webhook.Health) (bool, error)

	// Subscriptions lists the index entries of the patterns, ordered by pattern and webhook.
	Subscriptions(ctx context.Context, tenant string, patterns []string, page webhook.Page) (webhook.List[webhook.Subscription], error)

	// Pin stores p unless a pin of that tenant, scope and key is there that has not expired at p.At; then it returns that one and false.
	Pin(ctx context.Context, p webhook.Pin) (webhook.Pin, bool, error)
	// Pins does the same for many at once, each by itself; the results are in order.
	Pins(ctx context.Context, ps []webhook.Pin) ([]webhook.Pin, []bool, error)
	// Repin replaces the pin (its answer, hash and times) if its stored At is at, else Conflict "changed-meanwhile".
	Repin(ctx context.Context, p webhook.Pin, at time.Time) error
	// Unpin forgets the pin if its stored At is p.At; nothing happens if it is gone.
	Unpin(ctx context.Context, p webhook.Pin) error

	// PutPayload stores a body under ref until it expires. Writing the same again changes nothing.
	PutPayload(ctx context.Context, tenant, ref string, body []byte, expires time.Time) error
	// Payloads returns the bodies by ref; what is not there is absent. Reads may be eventually consistent, but what is
	// absent is looked for again consistently.
	Payloads(ctx context.Context, tenant string, refs []string) (map[string][]byte, error)

	// Load returns the webhooks and delivery records that exist among those asked for, whatever their number.
	Load(ctx context.Context, refs []webhook.Ref, keys []webhook.DeliveryKey) (map[webhook.Ref]webhook.Webhook, map[webhook.DeliveryKey]webhook.Delivery, error)
	Delivery(ctx context.Context, key webhook.DeliveryKey) (webhook.Delivery, error)
	// Deliveries lists newest first by acceptance. A page under a filter may be short and still have a Next.
	Deliveries(ctx context.Context, tenant string, q webhook.DeliveryQuery) (webhook.List[webhook.Delivery], error)
	// SaveDelivery writes the record if the stored one's Rev is prev (the zero Rev: none is stored), else Conflict
	// "changed-meanwhile". It is one write when the record is final and new.
	SaveDelivery(ctx context.Context, d webhook.Delivery, prev webhook.Rev) error
	// Overdue lists pending deliveries of all tenants whose NextAt is before the time, in no order. It may be stale.
	Overdue(ctx context.Context, before time.Time, page webhook.Page) (webhook.List[webhook.Delivery], error)
}
