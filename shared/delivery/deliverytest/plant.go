// Package deliverytest has deliverers at work, in a bubble's time, on the embedded engines in memory: for tests of what
// many processes do to each other, which a stack in one process does not show. Requests are counted as AWS bills them.
//
// Only tests may import this package; infra/checks holds the tree to it.
package deliverytest

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"hookline/shared/delivery"
	"hookline/shared/dialect"
	"hookline/shared/egress"
	"hookline/shared/message"
	"hookline/shared/payload"
	"hookline/shared/queue"
	queuesqlite "hookline/shared/queue/sqlite"
	"hookline/shared/seal"
	storesqlite "hookline/shared/store/sqlite"
	"hookline/shared/webhook"
)

// Plant is deliverers at work, in a bubble's time, on engines in memory.
type Plant struct {
	t       *testing.T
	Store   *storesqlite.Store
	queues  map[string]countedQueue
	Calls   *Tally // what the processes asked of the store and of the queues
	dialect *dialect.Dialect
	late    time.Duration     // how much the deployment's clock is ahead
	sent    int               // events
	others  map[string]string // tenants of webhooks that are not Tenant's

	mu    sync.Mutex
	posts map[string][]time.Time // by event: when a POST was made
}

// Answer answers a POST to a webhook; n counts those to that webhook, from 1.
type Answer func(ctx context.Context, hook string, n int) egress.Response

const Tenant = "acme"

// World is a plant that has not started yet. The zero World but for its Answer is as on AWS, where a hundred batches of
// first attempts are worked on at a time, each by a process of its own, which is a Deliverer.
type World struct {
	Answer    Answer
	Shared    bool             // one process works on all batches
	Growing   bool             // processes are as few as Lambda begins with, and more each second
	InFlight  int              // the queues' in-flight cap; 0 means SQS's
	Takes     time.Duration    // a call of the store or of a queue, but for the store's that are made under a mutex, which a bubble does not wait for
	LaneTakes time.Duration    // to ask the store for a lane
	Dialect   *dialect.Dialect // of all events; nil is standard
}

// Lambda works on five batches of a queue at first, and on up to 300 more each minute while messages wait:
// https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
const (
	atFirst    = 5
	moreEvery  = time.Second
	moreAtOnce = 5
)

// Run starts a plant and gives it to fn.
func (w World) Run(t *testing.T, fn func(t *testing.T, p *Plant)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		store, err := storesqlite.New("", storesqlite.Options{})
		if err != nil {
			t.Fatal(err)
		}
		engine, err := queuesqlite.New("", queuesqlite.Options{MaxInFlight: w.InFlight})
		if err != nil {
			t.Fatal(err)
		}
		builtin, err := dialect.Builtin()
		if err != nil {
			t.Fatal(err)
		}
		p := &Plant{
			t: t, Store: store, queues: make(map[string]countedQueue), Calls: &Tally{n: make(map[string]int)},
			posts: make(map[string][]time.Time), others: make(map[string]string),
		}
		dialects, name := builtin, "standard"
		if w.Dialect != nil {
			if dialects, err = dialect.NewSet(w.Dialect); err != nil {
				t.Fatal(err)
			}
			name = w.Dialect.Name
		}
		if p.dialect, err = dialects.Dialect(t.Context(), name); err != nil {
			t.Fatal(err)
		}
		p.tenant(Tenant)
		for _, name := range []string{"delivery", "retry", "bulk", "dead"} {
			q, err := engine.Queue(name, queuesqlite.QueueConfig{Visibility: 50 * time.Second})
			if err != nil {
				t.Fatal(err)
			}
			p.queues[name] = countedQueue{q, p.Calls, w.Takes}
		}
		process := func() *delivery.Deliverer {
			return &delivery.Deliverer{
				Store: countedStore{store, p.Calls, w.Takes, w.LaneTakes}, Health: countedStore{store, p.Calls, w.Takes, w.LaneTakes}, Poster: &poster{p: p, answer: w.Answer, n: make(map[string]int)},
				Dialects: dialects, InFlight: w.InFlight, Box: seal.Box{Keys: seal.NewStatic("test")}, Now: p.Now, Log: slog.New(slog.DiscardHandler),
				Queues:  delivery.Queues{Delivery: p.queues["delivery"], Retry: p.queues["retry"], Bulk: p.queues["bulk"], Dead: p.queues["dead"]},
				Batches: delivery.Concurrency{Delivery: 100, Retry: 50, Bulk: 20},
			}
		}
		ctx, stop := context.WithCancel(t.Context())
		var work sync.WaitGroup
		one := process()
		for name, most := range map[string]int{"delivery": 100, "retry": 50, "bulk": 20} {
			idle := make(chan *delivery.Deliverer, most)
			add := func(n int) {
				for range n {
					if w.Shared {
						idle <- one
					} else {
						idle <- process()
					}
				}
			}
			if w.Growing {
				work.Go(func() { p.grow(ctx, name, most, add) })
			} else {
				add(most)
			}
			work.Go(func() { p.poll(ctx, name, idle, &work) })
		}
		fn(t, p)
		stop()
		work.Wait()
		if err := engine.Close(); err != nil {
			t.Error(err)
		}
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
}

// grow adds processes of a queue as Lambda does, up to as many as work on it at most.
func (p *Plant) grow(ctx context.Context, name string, most int, add func(n int)) {
	add(atFirst)
	for n := atFirst; n < most; {
		select {
		case <-time.After(moreEvery):
		case <-ctx.Done():
			return
		}
		c, err := p.queues[name].Queue.Counts(ctx)
		if err == nil && c.Visible > 0 {
			more := min(moreAtOnce, most-n)
			add(more)
			n += more
		}
	}
}

// poll feeds a queue's messages to the processes that are idle.
func (p *Plant) poll(ctx context.Context, name string, idle chan *delivery.Deliverer, work *sync.WaitGroup) {
	q := p.queues[name]
	for {
		var d *delivery.Deliverer
		select {
		case d = <-idle:
		case <-ctx.Done():
			return
		}
		got, err := q.Receive(ctx, queue.MaxBatch, queue.MaxWait)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			p.t.Error(err)
			return
		}
		if len(got) == 0 {
			idle <- d
			continue
		}
		work.Go(func() {
			p.handle(ctx, d, name, got)
			idle <- d
		})
	}
}

func (p *Plant) handle(ctx context.Context, d *delivery.Deliverer, name string, got []queue.Received) {
	stays, err := d.Handle(ctx, p.queues[name], got)
	if err != nil {
		p.t.Error(err)
		return
	}
	done := queue.Done(got, stays)
	if len(done) == 0 || ctx.Err() != nil {
		return
	}
	if err := p.queues[name].Delete(ctx, done...); err != nil {
		p.t.Error(err)
	}
}

// poster is what a process POSTs with.
type poster struct {
	p      *Plant
	answer Answer

	mu sync.Mutex
	n  map[string]int
}

func (o *poster) Post(ctx context.Context, r egress.Request) egress.Response {
	hook := strings.TrimSuffix(strings.TrimPrefix(r.URL, "https://"), ".example")
	for _, h := range r.Headers {
		if h.Name == "webhook-id" {
			o.p.mu.Lock()
			o.p.posts[h.Value] = append(o.p.posts[h.Value], time.Now())
			o.p.mu.Unlock()
		}
	}
	o.mu.Lock()
	o.n[hook]++
	n := o.n[hook]
	o.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, r.Timeout)
	defer cancel()
	return o.answer(ctx, hook, n)
}

// After answers with a status after a while, or not in time.
func After(ctx context.Context, wait time.Duration, status int) egress.Response {
	if wait > 0 {
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return egress.Response{Err: webhook.ReasonTimeout}
		}
	}
	return egress.Response{Status: status, Duration: wait}
}

// Hangs never answers.
func Hangs(ctx context.Context) egress.Response {
	<-ctx.Done()
	return egress.Response{Err: webhook.ReasonTimeout}
}

// Now is the deployment's clock.
func (p *Plant) Now() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return time.Now().UTC().Truncate(time.Millisecond).Add(p.late)
}

// Set changes the deployment's clock.
func (p *Plant) Set(late time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.late = late
}

func (p *Plant) tenant(id string) {
	p.t.Helper()
	if err := p.Store.CreateTenant(p.t.Context(), webhook.Tenant{ID: id}, webhook.Key{ID: "k-" + id, Tenant: id, Hash: "h-" + id}); err != nil {
		p.t.Fatal(err)
	}
}

// ref returns what a webhook is stored as.
func (p *Plant) ref(id string) webhook.Ref {
	return webhook.Ref{Tenant: cmp.Or(p.others[id], Tenant), ID: id}
}

// HookOf makes another tenant, and a webhook of it.
func (p *Plant) HookOf(tenant, id string, perSecond int) {
	p.t.Helper()
	p.tenant(tenant)
	p.others[id] = tenant
	p.Hook(id, perSecond)
}

// Hook makes a webhook.
func (p *Plant) Hook(id string, perSecond int) {
	p.t.Helper()
	w := webhook.Webhook{
		Ref: p.ref(id), URL: "https://" + id + ".example", Events: []string{"*"}, Active: true,
		ContentType: webhook.ContentJSON, Format: webhook.FormatJSON, MaxPerSecond: perSecond, CreatedAt: p.Now(), Version: 1,
	}
	if err := p.Store.CreateWebhook(p.t.Context(), w); err != nil {
		p.t.Fatal(err)
	}
}

// Change changes a webhook as its owner does.
func (p *Plant) Change(id string, fn func(*webhook.Webhook)) {
	p.t.Helper()
	w := p.Webhook(id)
	fn(&w)
	if err := p.Store.UpdateWebhook(p.t.Context(), w, false); err != nil {
		p.t.Fatal(err)
	}
}

// Webhook reads a webhook.
func (p *Plant) Webhook(id string) webhook.Webhook {
	p.t.Helper()
	w, err := p.Store.Webhook(p.t.Context(), p.ref(id))
	if err != nil {
		p.t.Fatal(err)
	}
	return w
}

// Send has n events delivered to a webhook, and returns their ids. Each is about 1 KB as a message.
func (p *Plant) Send(id string, n int) []string {
	p.t.Helper()
	return p.SendTo("delivery", id, n)
}

// SendTo is Send by a queue.
func (p *Plant) SendTo(name, id string, n int) []string {
	p.t.Helper()
	var ids []string
	var msgs []queue.Outgoing
	for range n {
		p.sent++
		ev := webhook.Event{
			Tenant: p.ref(id).Tenant, ID: fmt.Sprintf("evt_%06d", p.sent), Type: "order.placed", AcceptedAt: p.Now(),
			Timestamp: "2026-03-20T12:00:00Z", Data: []byte(`{}`),
		}
		m := message.Compose(p.dialect, ev, webhook.Subscription{Webhook: id, Format: webhook.FormatJSON, ContentType: webhook.ContentJSON})
		m.Body = payload.Pack([]byte(`{"data":"` + strings.Repeat("x", 500) + `"}`))
		ids = append(ids, ev.ID)
		msgs = append(msgs, m.Outgoing(0))
	}
	if err := queue.SendAll(p.t.Context(), p.queues[name].Queue, msgs); err != nil {
		p.t.Fatal(err)
	}
	return ids
}

// Posts returns when each event was POSTed, each time.
func (p *Plant) Posts() map[string][]time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	posts := make(map[string][]time.Time, len(p.posts))
	for id, at := range p.posts {
		posts[id] = slices.Clone(at)
	}
	return posts
}

// Done returns how many of the events have been POSTed.
func (p *Plant) Done(ids []string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for _, id := range ids {
		if len(p.posts[id]) > 0 {
			n++
		}
	}
	return n
}

// Pass lets time pass.
func Pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// Counts returns how many messages a queue holds: "delivery", "retry", "bulk" or "dead".
func (p *Plant) Counts(name string) queue.Counts {
	p.t.Helper()
	c, err := p.queues[name].Queue.Counts(p.t.Context())
	if err != nil {
		p.t.Fatal(err)
	}
	return c
}

// Deliveries are a webhook's deliveries, as recorded.
func (p *Plant) Deliveries(id string) iter.Seq[webhook.Delivery] {
	return func(yield func(webhook.Delivery) bool) {
		q := webhook.DeliveryQuery{Webhook: id, Page: webhook.Page{Limit: 100}}
		for {
			list, err := p.Store.Deliveries(p.t.Context(), p.ref(id).Tenant, q)
			if err != nil {
				p.t.Error(err)
				return
			}
			for _, d := range list.Items {
				if !yield(d) {
					return
				}
			}
			if q.Page.Cursor = list.Next; list.Next == "" {
				return
			}
		}
	}
}
