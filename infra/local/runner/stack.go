package runner

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"hookline/shared/clock"
	"hookline/shared/console"
	"hookline/shared/delivery"
	"hookline/shared/dialect"
	"hookline/shared/docs"
	"hookline/shared/eventlog"
	"hookline/shared/httpapi"
	"hookline/shared/ingest"
	"hookline/shared/notify"
	"hookline/shared/queue"
	"hookline/shared/replay"
	"hookline/shared/seal"
	"hookline/shared/webhook"
)

// Names of the queues in the stack. An engine may have them under other names.
const (
	DeliveryQueue = "DeliveryQueue"
	RetryQueue    = "RetryQueue"
	BulkQueue     = "BulkQueue"
	DeadQueue     = "DeadLetterQueue"
	IngestQueue   = "IngestQueue"
	RefusedQueue  = "IngestDeadLetterQueue"

	NotifyQueue     = "NotifyQueue"
	NotifyDeadQueue = "NotifyDeadLetterQueue"
)

// Store is the part of store.Store that the stack's parts use, together.
type Store interface {
	delivery.Store
	delivery.HealthStore
	delivery.OverdueStore
	ingest.Store
	notify.Store
	httpapi.Store
	replay.Store
	eventlog.Store
	dialect.Store
}

// Queue is the part of queue.Queue that they use, together.
type Queue interface {
	Source
	delivery.Queue
	httpapi.DeadLetters
}

// Parts is what a stack is put together from. Queues are by their names in the stack.
type Parts struct {
	Store        Store
	Queues       map[string]Queue
	Clock        clock.Clock
	Keys         seal.Keyring
	Poster       delivery.Poster
	Dialects     *dialect.Set // the built-in ones; nil means those that come with Hookline
	AdminKey     string
	AllowPrivate bool
	MaxWebhooks  int // of a tenant; 0 is no limit
	InFlight     int
	Jitter       func() float64
	Announcer    ingest.Announcer // nil means that notices go to NotifyQueue, if there is a Mailer
	Mailer       notify.Mailer    // nil means that no mail is sent
	Files        *console.Files   // what the console's pages are made of; nil means those that come with Hookline
	Mails        console.Mails    // what was sent, for the console; nil means that it has no page of them
	Console      string           // address of the console, for mails
	Log          *slog.Logger
}

// Stack is the whole system but its engines: the HTTP handler and the pollers in front of the queue functions.
type Stack struct {
	API     http.Handler
	Console http.Handler
	Sweeper *delivery.Sweeper
	pollers []*poller
}

// functionTimeout is that of the deliver and ingest functions: the longest POST, and the writes.
const functionTimeout = 45 * time.Second

// Visibility is the queues' visibility timeout: the function's, and a little. It is also how long a crash delays a batch.
const Visibility = functionTimeout + 5*time.Second

// sweepEvery is how often the sweeper looks, in the deployment's clock.
const sweepEvery = 15 * time.Minute

// Assemble wires the parts.
func Assemble(p Parts) (*Stack, error) {
	builtin := p.Dialects
	if builtin == nil {
		var err error
		if builtin, err = dialect.Builtin(); err != nil {
			return nil, err
		}
	}
	dialects := &dialect.Library{Builtin: builtin, Store: p.Store}
	box := seal.Box{Keys: p.Keys}
	d := &delivery.Deliverer{
		Store: p.Store, Health: p.Store, Poster: p.Poster, Dialects: dialects, Box: box, Now: p.Clock.Now,
		Jitter: p.Jitter, InFlight: p.InFlight, Log: p.Log, Changes: p.Queues[IngestQueue], Span: p.Clock.Span,
		Batches: delivery.Concurrency{Delivery: 64, Retry: 64, Bulk: 16},
		Queues: delivery.Queues{
			Delivery: p.Queues[DeliveryQueue], Retry: p.Queues[RetryQueue],
			Bulk: p.Queues[BulkQueue], Dead: p.Queues[DeadQueue],
		},
	}
	events := &eventlog.Log{Store: p.Store}
	replays := &replay.Service{Store: p.Store, Rounds: d, Queue: p.Queues[BulkQueue], Events: events, Now: p.Clock.Now, Log: p.Log}
	d.Jobs = replays
	in := &ingest.Service{
		Store: p.Store, Events: events, Dialects: dialects, Delivery: p.Queues[DeliveryQueue], Queue: p.Queues[IngestQueue],
		Refused: p.Queues[RefusedQueue], Announcer: p.Announcer, Now: p.Clock.Now, Span: p.Clock.Span, Log: p.Log,
	}
	if in.Announcer == nil && p.Mailer != nil {
		in.Announcer = notices{p.Queues[NotifyQueue]}
	}
	api := &httpapi.API{
		Docs:  docs.New,
		Store: p.Store, Publisher: in, Deliverer: d, Replays: replays, Events: events, Dialects: dialects, DeadLetters: p.Queues[DeadQueue],
		RedriveTo: p.Queues[DeliveryQueue].Name(), Box: box, AllowPrivate: p.AllowPrivate, MaxWebhooks: p.MaxWebhooks, AdminKeyHash: webhook.HashAPIKey(p.AdminKey),
		Changes: p.Queues[IngestQueue], Now: p.Clock.Now, Span: p.Clock.Span, Log: p.Log,
	}
	pages := &console.Console{API: api.Handler(), Store: p.Store, Dialects: dialects, Box: box, Mails: p.Mails, Now: p.Clock.Now, Span: p.Clock.Span, Log: p.Log, Files: p.Files}
	shown, err := pages.Handler()
	if err != nil {
		return nil, err
	}
	s := &Stack{
		API:     api.Handler(),
		Console: shown,
		Sweeper: &delivery.Sweeper{Store: p.Store, Queue: p.Queues[DeliveryQueue], Now: p.Clock.Now, Log: p.Log},
	}
	for name, most := range map[string]int{DeliveryQueue: d.Batches.Delivery, RetryQueue: d.Batches.Retry, BulkQueue: d.Batches.Bulk} {
		handle := func(ctx context.Context, msgs []queue.Received) ([]string, error) {
			return d.Handle(ctx, p.Queues[name], msgs)
		}
		s.pollers = append(s.pollers, &poller{source: p.Queues[name], handler: handle, most: most, limit: functionTimeout, log: p.Log})
	}
	s.pollers = append(s.pollers, &poller{source: p.Queues[IngestQueue], handler: in.Handle, most: 8, limit: functionTimeout, log: p.Log})
	if p.Mailer != nil {
		mails := &notify.Service{
			Store: p.Store, Dialects: dialects, Mailer: p.Mailer, Queue: p.Queues[NotifyQueue], Refused: p.Queues[NotifyDeadQueue],
			Console: p.Console, Now: p.Clock.Now, Log: p.Log,
		}
		s.pollers = append(s.pollers, &poller{source: p.Queues[NotifyQueue], handler: mails.Handle, most: 1, limit: functionTimeout, log: p.Log})
	}
	return s, nil
}

// Work feeds the functions until ctx ends; then it takes no new work and returns when what is under way has finished,
// or when work ends.
func (s *Stack) Work(ctx, work context.Context) {
	var wg sync.WaitGroup
	defer wg.Wait()
	for _, p := range s.pollers {
		wg.Go(func() { p.run(ctx, work) })
	}
}

// Sweep runs the sweeper every so often until ctx ends.
func (s *Stack) Sweep(ctx context.Context, c clock.Clock, log *slog.Logger) {
	tick := time.NewTicker(max(c.Wait(sweepEvery), time.Second))
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if _, err := s.Sweeper.Sweep(ctx); err != nil && ctx.Err() == nil {
				log.Error("delivery.sweep", "err", err)
			}
		case <-ctx.Done():
			return
		}
	}
}
