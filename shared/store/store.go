// Package store is the contract of a store: everything that Hookline keeps, except what waits in its queues.
//
// Store is the whole contract. Each package that uses a store declares the few methods that it needs in an interface
// beside its own code, and says there which of these promises it relies on. The engines (store/dynamo, store/sqlite)
// provide all of Store, and the suite in store/storetest holds each of them to every sentence below. A new promise is
// written here and into the suite first, and then into the engines.
//
// Every call takes the tenant. A caller finds nothing that belongs to another tenant. Dialects and lanes belong to no
// tenant. Reads are consistent, unless a method's comment says otherwise.
//
// A value is read as it was stored, byte for byte, with these exceptions. Times come back in UTC, cut to whole
// milliseconds; an attempt's SentAt is cut to whole seconds and its durations to whole milliseconds. An empty slice or
// map may come back nil. If a delivery has many long attempts, the oldest may have lost their response bodies and
// headers (see package record). Text is valid UTF-8 and may hold any character, including NUL. Ids and names of
// dialects are as webhook.ValidGivenID has them.
//
// Errors are *webhook.Error:
//
//   - NotFound: the object is not there. This holds for methods named Update and Delete too.
//   - Conflict: another writer was faster, or the id exists already.
//   - Unavailable: a fault that may pass, including a context that has ended. Either nothing was written or all of it
//     was; the caller cannot tell which.
//
// A write whose context has an entry of the audit log (audit.Of) stores that too, in the same transaction, if it changes
// something. This holds for the methods that create, update, put and delete tenants, keys, webhooks, sources and dialects,
// except DeleteTenant, which is not one transaction in every engine.
//
// Lists are read page by page. A Page.Limit of 0 or less means 20, and there is no upper bound. A cursor is good for the
// list that it came from (the same tenant, and for deliveries the same webhook or none); any other is Invalid on the
// field "cursor". Everything that is there from the first page to the last is shown exactly once. An object that is
// added or removed in the meantime may be shown or not.
package store

import (
	"context"
	"time"

	"hookline/shared/audit"
	"hookline/shared/webhook"
)

// Store is what an engine provides. The package documentation has the rules that all methods share.
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
	// DeletedWebhooks lists the ids of webhooks that were deleted and may have deliveries that are still there, in no order.
	// One that was made again may be among them.
	DeletedWebhooks(ctx context.Context, tenant string, page webhook.Page) (webhook.List[string], error)
	// Remains returns some of what a deleted tenant left that was accepted (registered, created) before the time, and where to
	// go on: each call sees what is there when those before it were dropped. It does not look at the tenant. It has nothing to
	// tell of payloads, which log items and deliveries name.
	Remains(ctx context.Context, tenant string, before time.Time, page webhook.Page) (webhook.Remains, error)
	// DropRemains removes what Remains returned. After an error some of it may be gone.
	DropRemains(ctx context.Context, r webhook.Remains) error
	// DeleteTenant removes the tenant with its keys, webhooks, index entries, pins and sources. Its deliveries, payloads,
	// log items, replay jobs and deployments stay until they expire, but Delivery, Deliveries, LogItem, LogItems, Replay,
	// Deployment and Deployments no longer reach them: these methods find nothing of a tenant that does not exist, and
	// nothing that was accepted (registered, created) before the tenant's CreatedAt. The id can thus be used again for a
	// new, empty tenant.
	DeleteTenant(ctx context.Context, id string) error

	// CreateKey stores a key. An id or hash that exists is a Conflict "key-exists", a tenant that does not is NotFound.
	CreateKey(ctx context.Context, k webhook.Key) error
	// KeyByHash finds a key of any tenant. A key deleted before the call is not found.
	KeyByHash(ctx context.Context, hash string) (webhook.Key, error)
	// Keys lists newest id first.
	Keys(ctx context.Context, tenant string, page webhook.Page) (webhook.List[webhook.Key], error)
	DeleteKey(ctx context.Context, tenant, id string) error

	// CreateWebhook stores w (its Version, Health and SlowSince as given) and its index entries (w.Subscriptions()) in one
	// transaction. An id that exists is a Conflict "webhook-exists", a tenant that does not is NotFound.
	CreateWebhook(ctx context.Context, w webhook.Webhook) error
	Webhook(ctx context.Context, ref webhook.Ref) (webhook.Webhook, error)
	// Webhooks lists the webhooks that q.Matches, newest id first. A page may be short, even empty, and still have a Next.
	Webhooks(ctx context.Context, tenant string, q webhook.WebhookQuery) (webhook.List[webhook.Webhook], error)
	WebhookCounts(ctx context.Context, tenant string) (webhook.Counts, error)
	// UpdateWebhook replaces the webhook and its index entries, in one transaction, with Version+1, if the stored
	// Version is w.Version, else Conflict "changed-meanwhile". It stores w's Health and SlowSince only if resetHealth is
	// set; otherwise the stored ones stay.
	UpdateWebhook(ctx context.Context, w webhook.Webhook, resetHealth bool) error
	// DeleteWebhook removes the webhook and its index entries. Its deliveries stay until they expire. They are found by
	// their keys, but lists may leave them out.
	DeleteWebhook(ctx context.Context, ref webhook.Ref) error
	// SetHealth changes the webhook's health from one state to another, and reports whether it did. It changes nothing
	// when the stored health is no longer from, or the webhook is gone. It leaves Version and everything else alone.
	SetHealth(ctx context.Context, ref webhook.Ref, from, to webhook.Health) (bool, error)
	// SetSlow changes the webhook's SlowSince from one time to another (zero for none), and reports whether it did. It
	// changes nothing when the stored one is no longer from, or the webhook is gone. It leaves Version, Health and
	// everything else alone.
	SetSlow(ctx context.Context, ref webhook.Ref, from, to time.Time) (bool, error)

	// Subscriptions lists the index entries of the patterns, ordered by pattern and webhook (bytewise, whatever the
	// order of patterns), each once.
	Subscriptions(ctx context.Context, tenant string, patterns []string, page webhook.Page) (webhook.List[webhook.Subscription], error)

	// Pin stores p and returns it and true, unless a pin of that tenant, scope and key is there that has not expired at
	// p.At (its ExpiresAt is later); then it returns that one and false. Scope and key never run together. A nil Answer
	// comes back nil, and an empty one empty. The tenant need not exist.
	Pin(ctx context.Context, p webhook.Pin) (webhook.Pin, bool, error)
	// Pins does the same for many pins, each by itself; the results are in the order of ps. Of two pins for the same key
	// the earlier in ps is stored. After an error any of them may have been stored.
	Pins(ctx context.Context, ps []webhook.Pin) ([]webhook.Pin, []bool, error)
	// FindPin returns the pin of that tenant, scope and key. A pin that has expired is still found until its KeptUntil
	// (ExpiresAt if that is later), and perhaps a little longer.
	FindPin(ctx context.Context, tenant, scope, key string) (webhook.Pin, error)
	// Repin replaces the pin (its answer, hash and times) if its stored At is at, else (also if it is gone) Conflict
	// "changed-meanwhile".
	Repin(ctx context.Context, p webhook.Pin, at time.Time) error
	// Unpin removes the pin if its stored At is p.At. Otherwise, or if there is none, it does nothing.
	Unpin(ctx context.Context, p webhook.Pin) error

	// PutPayload stores a body under ref until it expires. A body that is there already stays, even if it is another: a
	// ref must stand for one body for ever. The tenant need not exist.
	PutPayload(ctx context.Context, tenant, ref string, body []byte, expires time.Time) error
	// Payloads returns the bodies by ref; the map has no entry for a ref that is not there. There may be any number of
	// refs, and they may repeat. Reads may be eventually consistent, but a ref that such a read does not find is looked
	// for again with a consistent one.
	Payloads(ctx context.Context, tenant string, refs []string) (map[string][]byte, error)

	// DropPayload removes the body under ref. If there is none it does nothing.
	DropPayload(ctx context.Context, tenant, ref string) error

	// Load returns those of the webhooks and delivery records that exist. There may be any number of refs and keys, and
	// they may repeat; the maps have the keys as they were asked for. It does not look at tenants (see DeleteTenant).
	Load(ctx context.Context, refs []webhook.Ref, keys []webhook.DeliveryKey) (map[webhook.Ref]webhook.Webhook, map[webhook.DeliveryKey]webhook.Delivery, error)
	// LoadBatch is Load for a batch of messages. It returns the records of first too, whose first attempts are to be made, but
	// may miss one of those that was written in the last moments. SaveDelivery's condition catches that.
	LoadBatch(ctx context.Context, refs []webhook.Ref, keys, first []webhook.DeliveryKey) (map[webhook.Ref]webhook.Webhook, map[webhook.DeliveryKey]webhook.Delivery, error)
	Delivery(ctx context.Context, key webhook.DeliveryKey) (webhook.Delivery, error)
	// Deliveries lists by acceptance, newest first; the order of equal times is not defined. A page under a filter may be
	// short, even empty, and still have a Next.
	Deliveries(ctx context.Context, tenant string, q webhook.DeliveryQuery) (webhook.List[webhook.Delivery], error)
	// Tallies counts the tenant's deliveries that were accepted at or after since (to the minute) and the answers to their
	// latest attempts, by webhook and hour, in no order, including those of deleted webhooks. It may lag behind until the engine's background work
	// (storetest.Engine.Settle) has caught up.
	Tallies(ctx context.Context, tenant string, since time.Time) ([]webhook.Tally, error)
	// Usage sums up by day what was done for the tenant from since until until (both to the day), oldest first, without days
	// on which there was nothing: the events that PutLogItem added, by acceptance, and what SaveDelivery's writes add by
	// webhook.UsageOf. It is kept for webhook.UsageKept or longer, and has nothing from before the tenant's CreatedAt (to the minute).
	// It may lag behind as Tallies does.
	Usage(ctx context.Context, tenant string, since, until time.Time) ([]webhook.Usage, error)
	// SaveDelivery writes the record if the stored one's Rev is prev (the zero Rev: none is stored), else Conflict
	// "changed-meanwhile". A record that is new and final costs one write. The tenant and webhook need not exist.
	SaveDelivery(ctx context.Context, d webhook.Delivery, prev webhook.Rev) error
	// Overdue lists the pending deliveries of all tenants whose NextAt is before the time, in no order. It may be stale: a
	// delivery that was saved recently may be missing, or shown as it was before.
	Overdue(ctx context.Context, before time.Time, page webhook.Page) (webhook.List[webhook.Delivery], error)

	// DeadLetters counts the deliveries of all tenants that are dead letters (webhook.Delivery.DeadLetter) and whose last
	// attempt began at or after since, by webhook and reason, in no order. It may lag behind as Overdue does, and may count
	// those of webhooks and tenants that are gone. An engine may leave out older ones when there are more than 10,000, and
	// reports with more that it did.
	DeadLetters(ctx context.Context, since time.Time) (counts []webhook.DeadLetters, more bool, err error)

	// ReserveSlots takes the webhook's next n ≥ 1 slots for attempts and returns the time of the first: now, or later
	// when earlier slots are taken. Slots are 1/p.PerSecond s apart, to the microsecond, and no slot is given out twice
	// under one setting. Slots that were taken under another setting than p do not count. Nor do slots that were taken
	// when the clock read more than webhook.ClockSkew later than now, because the clock has been set back since. The
	// webhook need not exist.
	ReserveSlots(ctx context.Context, ref webhook.Ref, p webhook.Pace, n int, now time.Time) (time.Time, error)

	// TakeLane takes one of the n lanes of that name until a time, and returns its number, 0 to n−1, or -1 when all are
	// taken. One caller at most has a lane, until its time has come or FreeLane was called. A lane is free also when its
	// time is more than twice as far from now as until, because the clock has been set back then.
	TakeLane(ctx context.Context, name string, n int, now, until time.Time) (int, error)
	// FreeLane gives back the lane that was taken until that time. It does nothing if another caller has it by now.
	FreeLane(ctx context.Context, name string, lane int, until time.Time) error

	// CreateReplay stores r (its Version as given). An id that exists is a Conflict "replay-exists", a tenant that does not
	// is NotFound.
	CreateReplay(ctx context.Context, r webhook.Replay) error
	// Replay reads a job. One created before the tenant's CreatedAt is not there.
	Replay(ctx context.Context, tenant, id string) (webhook.Replay, error)
	// Replays lists the tenant's jobs, or those of one webhook, newest id first. It shows those that Replay finds. A page of
	// one webhook's may be short, even empty, and still have a Next. The tenant "" stands for all tenants, whose jobs of one
	// id are in the order of the tenants' ids, the last one first; such a page may be short, too.
	Replays(ctx context.Context, tenant, hook string, page webhook.Page) (webhook.List[webhook.Replay], error)
	// UpdateReplay stores r with Version+1 if the stored Version is r.Version, else (also if it is gone) Conflict
	// "changed-meanwhile". CreatedAt must be the stored one. The tenant need not exist.
	UpdateReplay(ctx context.Context, r webhook.Replay) error

	// CreateSource stores s. An id that exists, of any tenant, is a Conflict "source-exists", a tenant that does not is
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
	// at d.RegisteredAt (its ExpiresAt is later, or zero: never); then it returns that one and false. A deployment that
	// was registered before the tenant's CreatedAt does not count. The tenant need not exist. A packed payload is at most
	// 300 KB, and everything else of d is small, so that d fits an item of DynamoDB (400 KB).
	CreateDeployment(ctx context.Context, d webhook.Deployment) (webhook.Deployment, bool, error)
	Deployment(ctx context.Context, tenant, id string) (webhook.Deployment, error)
	// Deployments lists by registration, newest first; the order of equal times is not defined. A page may be short, even
	// empty, and still have a Next; it ends where its payloads add up to 1 MiB.
	Deployments(ctx context.Context, tenant string, q webhook.DeploymentQuery) (webhook.List[webhook.Deployment], error)

	// PutLogItem stores the item and returns it and true if the stored one's Rev is one less (Rev 1: none is stored). Else
	// it returns the stored one, or an item of Rev 0 if there is none, and false. A Record is at most 350 KB, so that it
	// fits an item of DynamoDB. The tenant need not exist.
	PutLogItem(ctx context.Context, it webhook.LogItem) (webhook.LogItem, bool, error)
	// LogItem reads one item. Like LogItems it finds none that was made before the tenant's CreatedAt, by the time that is
	// in Request.
	LogItem(ctx context.Context, tenant, request string) (webhook.LogItem, error)
	// LogItems lists items in the order of Request, or the reverse, beginning with the first of the range, and reports
	// whether more follow. It may return fewer than r.Limit although more follow, but then at least one.
	LogItems(ctx context.Context, tenant string, r webhook.LogRange) ([]webhook.LogItem, bool, error)

	// PutDialect stores d as its name's newest version if the newest version stored is d.Version-1 (0: none is), else
	// Conflict "changed-meanwhile". The name is offered from then on, also if it was deleted before. A description is at
	// most 256 KiB, which fits an item of DynamoDB.
	PutDialect(ctx context.Context, d webhook.DialectVersion) error
	// DialectHead returns a name's newest version and whether the name was deleted.
	DialectHead(ctx context.Context, name string) (webhook.DialectHead, error)
	// DialectVersion returns one version, also of a deleted name.
	DialectVersion(ctx context.Context, name string, version int) (webhook.DialectVersion, error)
	// DialectHeads lists the names that are not deleted, by name. A page may be short, even empty, and still have a Next.
	DialectHeads(ctx context.Context, page webhook.Page) (webhook.List[webhook.DialectHead], error)
	// DeleteDialect marks the name deleted if its newest version is version, else Conflict "changed-meanwhile". A name
	// that is deleted is NotFound.
	DeleteDialect(ctx context.Context, name string, version int) error

	// PutAudit stores an entry. The one that has its tenant, time and id is replaced. The tenant need not exist.
	PutAudit(ctx context.Context, e audit.Entry) error
	// DropAudit removes the entry that has e's tenant, time and id. If there is none it does nothing.
	DropAudit(ctx context.Context, e audit.Entry) error
	// AuditEntries lists the entries of a tenant, "" for those of the stack, by time, newest first, then by id. It does not
	// look at the tenant: it lists those of a deleted one and of an earlier one with that id too. A page may be short, even
	// empty, and still have a Next.
	AuditEntries(ctx context.Context, tenant string, q audit.Query) (webhook.List[audit.Entry], error)
}
