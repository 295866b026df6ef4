// Package storetest is the suite that every store engine passes. Its Store is the sum of the small interfaces that the
// consumers declare; the comments are the contract.
package storetest

import (
	"context"
	"time"

	"hookline/shared/webhook"
)

// Store is what an engine provides.
//
// Every call takes the tenant, and what is another tenant's is not found; dialects are nobody's. Reads are consistent
// unless said otherwise.
//
// What is read equals what was stored, byte for byte, save that times come back in UTC and cut to whole milliseconds
// (an attempt's SentAt to whole seconds, its durations to whole milliseconds), that an empty slice or map may come
// back nil, and that of many long attempts the oldest may have lost their response bodies and headers (package record). Text is
// valid UTF-8 and may hold any character, a NUL too; ids and dialects' names are as webhook.ValidGivenID has
// them.
//
// Errors are *webhook.Error. A thing that is not there is NotFound, in UpdateX and DeleteX too; a lost race or an
// existing id is Conflict; a passing fault, an ended context included, is Unavailable and nothing was written, or all
// of it was (the caller cannot tell which).
//
// A list's Page.Limit of 0 or less means 20; there is no upper bound here. A cursor that the same list (same tenant, and
// for deliveries the same webhook or none) did not give is Invalid on the field "cursor". Paging shows all that is there throughout, once
// each; what is added or removed meanwhile may be shown or not.
type Store interface {
	// CreateTenant stores a tenant (its Version as given) and its first key, both or neither. An id that exists is a
	// Conflict "tenant-exists".
	CreateTenant(ctx context.Context, t webhook.Tenant, k webhook.Key) error
	Tenant(ctx context.Context, id string) (webhook.Tenant, error)
	// Tenants lists by id.
	Tenants(ctx context.Context, page webhook.Page) (webhook.List[webhook.Tenant], error)
	// UpdateTenant stores t with Version+1 if the stored Version is t.Version, else Conflict "changed-meanwhile".
	// CreatedAt must be the stored one.
	UpdateTenant(ctx context.Context, t webhook.Tenant) error
	// DeleteTenant removes the tenant with its keys, webhooks, index entries, pins and sources. Its deliveries, payloads,
	// log items, replay jobs and deployments stay until they expire, out of the reach of Delivery, Deliveries, LogItem, LogItems,
	// Replay, Deployment and Deployments: these find nothing of a tenant that does not exist and nothing accepted (registered, created)
	// before the tenant's CreatedAt, so that the
	// id can be used again for a new, empty tenant.
	DeleteTenant(ctx context.Context, id string) error

	// CreateKey stores a key. An id or hash that exists is a Conflict "key-exists", a tenant that does not is NotFound.
	CreateKey(ctx context.Context, k webhook.Key) error
	// KeyByHash finds a key of any tenant. A key deleted before the call is not found.
	KeyByHash(ctx context.Context, hash string) (webhook.Key, error)
	// Keys lists newest id first.
	Keys(ctx context.Context, tenant string, page webhook.Page) (webhook.List[webhook.Key], error)
	DeleteKey(ctx context.Context, tenant, id string) error

	// CreateWebhook stores w (its Version, Health and SlowSince as given) with its index entries (w.Subscriptions()), in one
	// transaction. An id that exists is a Conflict "webhook-exists", a tenant that does not is NotFound.
	CreateWebhook(ctx context.Context, w webhook.Webhook) error
	Webhook(ctx context.Context, ref webhook.Ref) (webhook.Webhook, error)
	// Webhooks lists newest id first those that q.Matches. A page may be short, even empty, and still have a Next.
	Webhooks(ctx context.Context, tenant string, q webhook.WebhookQuery) (webhook.List[webhook.Webhook], error)
	WebhookCounts(ctx context.Context, tenant string) (webhook.Counts, error)
	// UpdateWebhook replaces the webhook and its index entries, in one transaction, with Version+1, if the stored
	// Version is w.Version, else Conflict "changed-meanwhile". Health and SlowSince are stored as in w only if
	// resetHealth; else what is stored stays.
	UpdateWebhook(ctx context.Context, w webhook.Webhook, resetHealth bool) error
	// DeleteWebhook removes the webhook and its index entries. Its deliveries stay until they expire and are found by
	// their keys; lists may leave them out.
	DeleteWebhook(ctx context.Context, ref webhook.Ref) error
	// SetHealth changes the webhook's health from one state to another, and reports whether it did: false when the
	// stored health is no longer from, or the webhook is gone. It leaves Version and everything else alone.
	SetHealth(ctx context.Context, ref webhook.Ref, from, to webhook.Health) (bool, error)
	// SetSlow changes the webhook's SlowSince from one time to another (zero for none), and reports whether it did: false
	// when the stored one is no longer from, or the webhook is gone. It leaves Version, Health and everything else alone.
	SetSlow(ctx context.Context, ref webhook.Ref, from, to time.Time) (bool, error)

	// Subscriptions lists the index entries of the patterns, ordered by pattern and webhook (bytewise, whatever the
	// order of patterns), each once.
	Subscriptions(ctx context.Context, tenant string, patterns []string, page webhook.Page) (webhook.List[webhook.Subscription], error)

	// Pin stores p and returns it and true, unless a pin of that tenant, scope and key is there that has not expired at
	// p.At (its ExpiresAt is later); then it returns that one and false. Scope and key never run together. Whether Answer
	// is nil is kept. The tenant need not exist.
	Pin(ctx context.Context, p webhook.Pin) (webhook.Pin, bool, error)
	// Pins does the same for many at once, each by itself; the results are in order. Of two for the same key the earlier
	// in ps comes first. After an error any of them may have been stored.
	Pins(ctx context.Context, ps []webhook.Pin) ([]webhook.Pin, []bool, error)
	// FindPin returns the pin of that tenant, scope and key. One that has expired is there until its KeptUntil (ExpiresAt if
	// that is later), and may be a little longer.
	FindPin(ctx context.Context, tenant, scope, key string) (webhook.Pin, error)
	// Repin replaces the pin (its answer, hash and times) if its stored At is at, else (also if it is gone) Conflict
	// "changed-meanwhile".
	Repin(ctx context.Context, p webhook.Pin, at time.Time) error
	// Unpin forgets the pin if its stored At is p.At; nothing happens if it is another or gone.
	Unpin(ctx context.Context, p webhook.Pin) error

	// PutPayload stores a body under ref until it expires. What is there already stays, whatever the body: a ref must
	// stand for one body for ever. The tenant need not exist.
	PutPayload(ctx context.Context, tenant, ref string, body []byte, expires time.Time) error
	// Payloads returns the bodies by ref; what is not there is absent. Refs may repeat and be of any number. Reads may be
	// eventually consistent, but what is absent is looked for again consistently.
	Payloads(ctx context.Context, tenant string, refs []string) (map[string][]byte, error)

	// Load returns the webhooks and delivery records that exist among those asked for, whatever their number; refs and
	// keys may repeat, and the maps have the keys as they were asked for. It does not look at tenants (see DeleteTenant).
	Load(ctx context.Context, refs []webhook.Ref, keys []webhook.DeliveryKey) (map[webhook.Ref]webhook.Webhook, map[webhook.DeliveryKey]webhook.Delivery, error)
	Delivery(ctx context.Context, key webhook.DeliveryKey) (webhook.Delivery, error)
	// Deliveries lists newest first by acceptance; equal times stand in no certain order. A page under a filter may be
	// short, even empty, and still have a Next.
	Deliveries(ctx context.Context, tenant string, q webhook.DeliveryQuery) (webhook.List[webhook.Delivery], error)
	// Tallies counts the tenant's deliveries accepted at or after since (to the minute) by webhook and hour, in no order;
	// deleted webhooks' too. It may lag: the engine's background work (Engine.Settle) may have to catch up first.
	Tallies(ctx context.Context, tenant string, since time.Time) ([]webhook.Tally, error)
	// SaveDelivery writes the record if the stored one's Rev is prev (the zero Rev: none is stored), else Conflict
	// "changed-meanwhile". It is one write when the record is final and new. The tenant and webhook need not exist.
	SaveDelivery(ctx context.Context, d webhook.Delivery, prev webhook.Rev) error
	// Overdue lists pending deliveries of all tenants whose NextAt is before the time, in no order. It may be stale:
	// one that was saved lately may be missing, or shown as it was.
	Overdue(ctx context.Context, before time.Time, page webhook.Page) (webhook.List[webhook.Delivery], error)

	// ReserveSlots takes the webhook's next n ≥ 1 slots for attempts and returns the time of the first: now, or later
	// when earlier slots are taken. Slots are 1/p.PerSecond s apart, to the microsecond; none is given out twice under one
	// setting. What was taken under another setting than p does not count, nor does what was taken when the clock read
	// more than webhook.ClockSkew later than now: it has been set back since. The webhook need not exist.
	ReserveSlots(ctx context.Context, ref webhook.Ref, p webhook.Pace, n int, now time.Time) (time.Time, error)

	// TakeLane takes one of the n lanes of that name until a time, and returns which of 0 to n−1 it is, or -1 when all are
	// taken. A lane is taken from a TakeLane to its time or FreeLane, and by one caller at most; it is free also when its
	// time is more than twice as far from now as until, for then the clock has been set back. Lanes are nobody's.
	TakeLane(ctx context.Context, name string, n int, now, until time.Time) (int, error)
	// FreeLane gives back the lane that was taken until that time. Nothing happens if another has it by now.
	FreeLane(ctx context.Context, name string, lane int, until time.Time) error

	// CreateReplay stores r (its Version as given). An id that exists is a Conflict "replay-exists", a tenant that does not
	// is NotFound.
	CreateReplay(ctx context.Context, r webhook.Replay) error
	// Replay reads a job. One created before the tenant's CreatedAt is not there.
	Replay(ctx context.Context, tenant, id string) (webhook.Replay, error)
	// UpdateReplay stores r with Version+1 if the stored Version is r.Version, else (also if it is gone) Conflict
	// "changed-meanwhile". CreatedAt must be the stored one. The tenant need not exist.
	UpdateReplay(ctx context.Context, r webhook.Replay) error

	// CreateSource stores s. An id that exists, whoever's, is a Conflict "source-exists", a tenant that does not is
	// NotFound.
	CreateSource(ctx context.Context, s webhook.Source) error
	// SourceByID finds a source of any tenant. One deleted before the call, or whose tenant was, is not found.
	SourceByID(ctx context.Context, id string) (webhook.Source, error)
	Source(ctx context.Context, tenant, id string) (webhook.Source, error)
	// Sources lists newest id first.
	Sources(ctx context.Context, tenant string, page webhook.Page) (webhook.List[webhook.Source], error)
	// DeleteSource removes the source. Its deployments stay.
	DeleteSource(ctx context.Context, tenant, id string) error

	// CreateDeployment stores d and returns it and true, unless one of that tenant and id is there that has not expired
	// at d.RegisteredAt (its ExpiresAt is later, or zero: never); then it returns that one and false. One that was
	// registered before the tenant's CreatedAt is not there. The tenant need not exist. A payload is at most 300 KB as it
	// is packed, and everything else of d small, so that it fits an item of DynamoDB (400 KB).
	CreateDeployment(ctx context.Context, d webhook.Deployment) (webhook.Deployment, bool, error)
	Deployment(ctx context.Context, tenant, id string) (webhook.Deployment, error)
	// Deployments lists newest first by registration; equal times stand in no certain order. A page may be short, even
	// empty, and still have a Next; it ends where its payloads come to 1 MiB.
	Deployments(ctx context.Context, tenant string, q webhook.DeploymentQuery) (webhook.List[webhook.Deployment], error)

	// PutLogItem stores the item and returns it and true if the stored one's Rev is one less (Rev 1: none is stored), else
	// it returns the stored one and false; if there is none, one of Rev 0. A Record is at most 350 KB, so that it fits an
	// item of DynamoDB. The tenant need not exist.
	PutLogItem(ctx context.Context, it webhook.LogItem) (webhook.LogItem, bool, error)
	// LogItem finds nothing that was made before the tenant's CreatedAt, by the time in Request; LogItems neither.
	LogItem(ctx context.Context, tenant, request string) (webhook.LogItem, error)
	// LogItems lists items in the order of Request, or the reverse, beginning with the first of the range, and whether
	// there are more after them. It may return fewer than r.Limit and still have more, but not none.
	LogItems(ctx context.Context, tenant string, r webhook.LogRange) ([]webhook.LogItem, bool, error)

	// PutDialect stores d as its name's newest version and makes the name one that is offered, be it again, if the newest
	// version stored is d.Version-1 (0: none is), else Conflict "changed-meanwhile". A description is at most 256 KiB,
	// which fits an item of DynamoDB.
	PutDialect(ctx context.Context, d webhook.DialectVersion) error
	// DialectHead returns what a name stands for, a deleted one too.
	DialectHead(ctx context.Context, name string) (webhook.DialectHead, error)
	// DialectVersion returns one version, of a deleted name too.
	DialectVersion(ctx context.Context, name string, version int) (webhook.DialectVersion, error)
	// DialectHeads lists by name those that are not deleted. A page may be short, even empty, and still have a Next.
	DialectHeads(ctx context.Context, page webhook.Page) (webhook.List[webhook.DialectHead], error)
	// DeleteDialect marks the name deleted if its newest version is version, else Conflict "changed-meanwhile". A name
	// that is deleted is NotFound.
	DeleteDialect(ctx context.Context, name string, version int) error
}
