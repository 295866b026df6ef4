// Package whole puts a whole stack together in one process: the HTTP handlers of the functions, and
// pollers in the place of Lambda's event source mappings.
package whole

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"hookline/shared/clock"
	"hookline/shared/console"
	"hookline/shared/console/dashboard"
	"hookline/shared/delivery"
	"hookline/shared/docs"
	"hookline/shared/metrics"
	"hookline/shared/notify"
	"hookline/shared/queue"
	"hookline/shared/schema"
	"hookline/shared/stack"
	"hookline/shared/stack/frontend"
	"hookline/shared/stack/pages"
	"hookline/shared/sweep"
	"hookline/shared/webhook"
)

// Parts is what a stack in one process is put together from. Its event log is on, and its Batches are set here. Without an
// Announcer notices go to NotifyQueue, if there is a Mailer.
type Parts struct {
	stack.Parts
	AdminKey string
	Mailer   notify.Mailer    // nil means that no mail is sent
	Address  string           // of the console, for mails
	Files    *console.Files   // what the console's pages are made of; nil means those that come with Hookline
	Mails    console.Mails    // what was sent, for the console; nil means that it has no page of them
	Wait     time.Duration    // of a receive of an empty queue; 0 means queue.MaxWait
	Metrics  metrics.Recorder // of everything that is counted; nil counts nothing
}

// Stack is the whole system but its engines: the HTTP handlers and the pollers in front of the queue functions.
type Stack struct {
	API     http.Handler
	Console http.Handler
	Sweeper *sweep.Sweeper
	clock   clock.Clock
	log     *slog.Logger
	pollers []*poller
}

// sweepEvery is how often the sweeper looks, in the deployment's clock.
const sweepEvery = 15 * time.Minute

// Assemble puts the stack together.
func Assemble(p Parts) (*Stack, error) {
	p.EventLog, p.Batches = true, delivery.Concurrency{Delivery: 64, Retry: 64, Bulk: 16}
	if p.Announcer == nil && p.Mailer != nil {
		p.Announcer = notices{p.Queues[stack.NotifyQueue]}
	}
	b, err := stack.NewBuilder(p.Parts)
	if err != nil {
		return nil, err
	}
	d, jobs := b.Deliverer()
	in := b.Ingest()
	api := frontend.API(b)
	api.Docs, api.Publisher, api.Deliverer, api.Replays = docs.New(b.Brand), in, d, jobs
	api.CheckSchemas = schema.Check
	api.AdminKeyHash = webhook.HashAPIKey(p.AdminKey)
	s := &Stack{API: counted(api.Handler(), p.Metrics), clock: p.Clock, log: p.Log}
	s.Sweeper = &sweep.Sweeper{Store: p.Store, Queue: p.Queues[stack.DeliveryQueue], Now: p.Clock.Now, Log: p.Log}
	pages := pages.Console(b, s.API)
	pages.Mails, pages.Files, pages.AdminKeyHash = p.Mails, p.Files, api.AdminKeyHash
	pages.Counts, _ = p.Metrics.(dashboard.Counts)
	if s.Console, err = pages.Handler(); err != nil {
		return nil, err
	}
	poll := func(name string, most int, handle queue.Handler) {
		s.pollers = append(s.pollers, &poller{source: p.Queues[name], handle: handle, most: most, wait: cmp.Or(p.Wait, queue.MaxWait), log: p.Log, metrics: p.Metrics})
	}
	poll(stack.DeliveryQueue, p.Batches.Delivery, d.From(d.Queues.Delivery))
	poll(stack.RetryQueue, p.Batches.Retry, d.From(d.Queues.Retry))
	poll(stack.BulkQueue, p.Batches.Bulk, d.From(d.Queues.Bulk))
	poll(stack.IngestQueue, 8, in.Handle)
	if p.Mailer != nil {
		mails := &notify.Service{
			Store: p.Store, Dialects: b.Dialects, Mailer: p.Mailer, Queue: p.Queues[stack.NotifyQueue], Refused: p.Queues[stack.NotifyDeadQueue],
			Console: p.Address, Brand: b.Brand.Name, Now: p.Clock.Now, Log: p.Log,
		}
		poll(stack.NotifyQueue, 1, mails.Handle)
	}
	return s, nil
}

// counted has requests count into r.
func counted(h http.Handler, r metrics.Recorder) http.Handler {
	if r == nil {
		return h
	}
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		h.ServeHTTP(w, req.WithContext(metrics.With(req.Context(), r)))
	})
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
func (s *Stack) Sweep(ctx context.Context) {
	tick := time.NewTicker(max(s.clock.Wait(sweepEvery), time.Second))
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if _, err := s.Sweeper.Sweep(ctx); err != nil && ctx.Err() == nil {
				s.log.Error("delivery.sweep", "err", err)
			}
		case <-ctx.Done():
			return
		}
	}
}
