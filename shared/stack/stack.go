// Package stack puts the services together of which Hookline is made: each of them once, for the Lambda functions and for
// the stack that runs in one process.
//
// It holds what accepts events and what delivers them. The HTTP API is in stack/frontend, and the console and the stack in
// one process are in stack/whole, because a function links what its packages import: the small functions would have the
// pages and the API's schemas in them. The functions notify and sweep are one service each, which has no builder here.
//
// A caller chooses the engines (store, queues, keys) and hands them over in Parts. A process sets only the parts that its
// services need. A part that is missing makes no error here: the service fails when it first needs it.
package stack

import (
	"log/slog"
	"time"

	"hookline/shared/brand"
	"hookline/shared/clock"
	"hookline/shared/delivery"
	"hookline/shared/dialect"
	"hookline/shared/egress"
	"hookline/shared/erasure"
	"hookline/shared/eventlog"
	"hookline/shared/ingest"
	"hookline/shared/queue"
	"hookline/shared/replay"
	"hookline/shared/seal"
	"hookline/shared/store"
)

// Names of the queues in the stack, as template.yaml has them. An engine may have them under other names.
const (
	DeliveryQueue   = "DeliveryQueue"
	RetryQueue      = "RetryQueue"
	BulkQueue       = "BulkQueue"
	DeadQueue       = "DeadLetterQueue"
	IngestQueue     = "IngestQueue"
	RefusedQueue    = "IngestDeadLetterQueue"
	NotifyQueue     = "NotifyQueue"
	NotifyDeadQueue = "NotifyDeadLetterQueue"
)

// DeadLetters is the stack's queues and where each one's dead letters go, "" nowhere.
func DeadLetters() map[string]string {
	return map[string]string{
		DeadQueue: "", RefusedQueue: "", NotifyDeadQueue: "",
		DeliveryQueue: DeadQueue, RetryQueue: DeadQueue, BulkQueue: DeadQueue, IngestQueue: RefusedQueue,
		NotifyQueue: NotifyDeadQueue,
	}
}

const (
	// FunctionTimeout is that of the functions behind queues: the longest POST, and the writes.
	FunctionTimeout = 45 * time.Second
	// Visibility is the queues' visibility timeout: the function's, and a little. It is also how long a crash delays a batch.
	Visibility = FunctionTimeout + 5*time.Second
	// MaxReceive is how often a message is received before it is a dead letter. It is a last net under the queues, because
	// the attempt count lives in the record.
	MaxReceive = 1000
)

// Parts is what services are put together from. The zero value of every field that says nothing else means that the part
// is missing.
type Parts struct {
	Store  store.Store
	Queues map[string]queue.Queue // by their names in the stack
	Keys   seal.Keyring
	Log    *slog.Logger
	Clock  clock.Clock // the deployment's; the zero Clock is real time

	Dialects     *dialect.Set     // the built-in ones; nil means those that come with Hookline
	Retention    time.Duration    // of records, payloads and the event log; 0 means webhook.DefaultRetention
	EventLog     bool             // whether the stack keeps what was published
	AllowPrivate bool             // whether webhooks may be on http, or in private networks
	MaxWebhooks  int              // of a tenant; 0 is no limit
	Brand        brand.Brand      // of pages, mails and docs; what it lacks is ours
	Poster       delivery.Poster  // nil means the guarded HTTP client
	Jitter       func() float64   // of waits, in [0, 1); nil is random
	InFlight     int              // the queues' in-flight cap; 0 means queue.MaxInFlight
	Announcer    ingest.Announcer // of webhooks' changes
	Batches      delivery.Concurrency
}

// Builder makes services. Those that it makes share one library of dialects and one event log.
type Builder struct {
	Parts
	Dialects *dialect.Library
	Box      seal.Box
	Events   *eventlog.Log // nil where the stack keeps none
}

// NewBuilder reads the built-in dialects, unless they are in the parts.
func NewBuilder(p Parts) (*Builder, error) {
	if p.Dialects == nil {
		var err error
		if p.Dialects, err = dialect.Builtin(); err != nil {
			return nil, err
		}
	}
	b := &Builder{Parts: p, Dialects: &dialect.Library{Builtin: p.Dialects, Store: p.Store}, Box: seal.Box{Keys: p.Keys}}
	if p.EventLog {
		b.Events = &eventlog.Log{Store: p.Store}
	}
	return b, nil
}

// Client returns the HTTP client that calls webhooks: the parts', or a guarded one.
func (b *Builder) Client() delivery.Poster {
	if b.Poster != nil {
		return b.Poster
	}
	return egress.New(egress.Options{AllowPrivate: b.AllowPrivate})
}

// Deliverer returns what makes attempts, and the service of replay jobs, which work through each other.
func (b *Builder) Deliverer() (*delivery.Deliverer, *replay.Service) {
	d := &delivery.Deliverer{
		Store: b.Store, Health: b.Store, Dialects: b.Dialects, Box: b.Box, Poster: b.Client(),
		Queues: delivery.Queues{
			Delivery: b.Queues[DeliveryQueue], Retry: b.Queues[RetryQueue], Bulk: b.Queues[BulkQueue], Dead: b.Queues[DeadQueue],
		},
		Changes: b.Queues[IngestQueue], Retention: b.Retention, Batches: b.Batches, InFlight: b.InFlight,
		Now: b.Clock.Now, Span: b.Clock.Span, Jitter: b.Jitter, Log: b.Log,
	}
	jobs := &replay.Service{
		Store: b.Store, Rounds: d, Queue: b.Queues[BulkQueue], Retention: b.Retention, Now: b.Clock.Now, Log: b.Log,
	}
	if b.Events != nil {
		jobs.Events = b.Events
	}
	d.Jobs, d.Erasures = jobs, b.Erasures()
	return d, jobs
}

// Erasures returns what erases payloads. They are worked on by what makes attempts.
func (b *Builder) Erasures() *erasure.Service {
	log := b.Events
	if log == nil {
		log = &eventlog.Log{Store: b.Store} // there may be one from before it was turned off
	}
	return &erasure.Service{
		Store: b.Store, Events: log, Dialects: b.Dialects, Queue: b.Queues[BulkQueue], Retention: b.Retention, Now: b.Clock.Now, Log: b.Log,
	}
}

// Ingest returns what accepts events and fans them out.
func (b *Builder) Ingest() *ingest.Service {
	s := &ingest.Service{
		Store: b.Store, Dialects: b.Dialects, Announcer: b.Announcer, Retention: b.Retention,
		Delivery: b.Queues[DeliveryQueue], Queue: b.Queues[IngestQueue], Refused: b.Queues[RefusedQueue],
		Now: b.Clock.Now, Span: b.Clock.Span, Log: b.Log,
	}
	if b.Events != nil {
		s.Events = b.Events
	}
	return s
}
