package delivery

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"hookline/shared/dialect"
	"hookline/shared/egress"
	"hookline/shared/queue"
	"hookline/shared/seal"
	"hookline/shared/webhook"
)

// Store is the part of store.Store that delivering uses. Errors are *webhook.Error. Delivering relies on SaveDelivery's
// condition to collapse copies: of two writers that read the same revision one gets webhook.Conflict. So it does not matter
// that LoadBatch may miss a record of first.
type Store interface {
	Load(ctx context.Context, refs []webhook.Ref, keys []webhook.DeliveryKey) (map[webhook.Ref]webhook.Webhook, map[webhook.DeliveryKey]webhook.Delivery, error)
	LoadBatch(ctx context.Context, refs []webhook.Ref, keys, first []webhook.DeliveryKey) (map[webhook.Ref]webhook.Webhook, map[webhook.DeliveryKey]webhook.Delivery, error)
	Payloads(ctx context.Context, tenant string, refs []string) (map[string][]byte, error)
	PutPayload(ctx context.Context, tenant, ref string, body []byte, expires time.Time) error
	DropPayload(ctx context.Context, tenant, ref string) error
	Webhooks(ctx context.Context, tenant string, q webhook.WebhookQuery) (webhook.List[webhook.Webhook], error)
	SaveDelivery(ctx context.Context, d webhook.Delivery, prev webhook.Rev) error
	TakeLane(ctx context.Context, name string, n int, now, until time.Time) (int, error)
	FreeLane(ctx context.Context, name string, lane int, until time.Time) error
	ReserveSlots(ctx context.Context, ref webhook.Ref, p webhook.Pace, n int, now time.Time) (time.Time, error)
}

// HealthStore is the part of store.Store that keeps a webhook's health. UpdateWebhook fails with webhook.Conflict when
// the webhook was changed since it was read.
type HealthStore interface {
	SetHealth(ctx context.Context, ref webhook.Ref, from, to webhook.Health) (bool, error)
	SetSlow(ctx context.Context, ref webhook.Ref, from, to time.Time) (bool, error)
	Webhook(ctx context.Context, ref webhook.Ref) (webhook.Webhook, error)
	UpdateWebhook(ctx context.Context, w webhook.Webhook, resetHealth bool) error
}

// Queue is the part of queue.Queue that delivering uses of each of its queues. Send and Hide take at most queue.MaxBatch
// entries and report those not taken with *queue.PartialError. Counts are approximate.
type Queue interface {
	Send(ctx context.Context, msgs []queue.Outgoing) error
	Hide(ctx context.Context, vs []queue.Visibility) error
	Counts(ctx context.Context) (queue.Counts, error)
}

// Queues are the stack's queues for deliveries. See the design: Delivery for first attempts and short rungs, Retry for
// long ones, Bulk for what must not hold up the others and for replay jobs, Dead for what is out of attempts.
type Queues struct{ Delivery, Retry, Bulk, Dead Queue }

// Concurrency is how many batches of each queue are worked on at a time, by all processes together.
type Concurrency struct{ Delivery, Retry, Bulk int }

// Poster sends one HTTP request. A receiver's failure is in the response and never an error.
type Poster interface {
	Post(ctx context.Context, r egress.Request) egress.Response
}

// Dialects finds a dialect by name or name@version.
type Dialects interface {
	Dialect(ctx context.Context, ref string) (*dialect.Dialect, error)
}

// Deliverer makes attempts. Its exported fields are set before use and not changed.
type Deliverer struct {
	Store     Store
	Health    HealthStore
	Queues    Queues
	Changes   queue.Sender // where changes of webhooks' states are told: the ingest queue; nil: nobody is told
	Jobs      Jobs         // works off replay jobs
	Erasures  Erasures     // works off erasures
	Poster    Poster
	Dialects  Dialects
	Box       seal.Box
	Retention time.Duration                     // of records; 0 means webhook.DefaultRetention
	Now       func() time.Time                  // the deployment's clock; nil is real time
	Jitter    func() float64                    // in [0, 1); nil is random
	Span      func(time.Duration) time.Duration // how much Now advances in a span of real time; nil: as much
	Batches   Concurrency
	InFlight  int // the queues' in-flight cap; 0 means queue.MaxInFlight
	Log       *slog.Logger

	mu     sync.Mutex
	parked map[Queue]reading
	marked map[mark]time.Time
}

func (d *Deliverer) now() time.Time {
	if d.Now != nil {
		return d.Now()
	}
	return time.Now().UTC().Truncate(time.Millisecond)
}

// span returns how much the deployment's clock advances in a span of real time.
func (d *Deliverer) span(real time.Duration) time.Duration {
	if d.Span != nil {
		return d.Span(real)
	}
	return real
}

func (d *Deliverer) jitter() float64 {
	if d.Jitter != nil {
		return d.Jitter()
	}
	return rand.Float64() //nolint:gosec // it spreads attempts and hides nothing
}

func (d *Deliverer) retention() time.Duration {
	if d.Retention > 0 {
		return d.Retention
	}
	return webhook.DefaultRetention
}
