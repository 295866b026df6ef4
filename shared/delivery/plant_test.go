package delivery

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

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

// tally counts calls by name.
type tally struct {
	mu   sync.Mutex
	n    map[string]int
	lane time.Duration // how long a lane is asked for
}

func (c *tally) add(what string, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n[what] += n
}

// take returns what was counted since it was last called.
func (c *tally) take() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	got := maps.Clone(c.n)
	clear(c.n)
	return got
}

// countedStore counts what delivering asks of a store.
type countedStore struct {
	*storesqlite.Store
	calls *tally
}

func (s countedStore) Load(ctx context.Context, refs []webhook.Ref, keys []webhook.DeliveryKey) (map[webhook.Ref]webhook.Webhook, map[webhook.DeliveryKey]webhook.Delivery, error) {
	s.calls.add("load", 1)
	return s.Store.Load(ctx, refs, keys)
}

func (s countedStore) LoadBatch(
	ctx context.Context, refs []webhook.Ref, keys, first []webhook.DeliveryKey,
) (map[webhook.Ref]webhook.Webhook, map[webhook.DeliveryKey]webhook.Delivery, error) {
	s.calls.add("load", 1)
	return s.Store.LoadBatch(ctx, refs, keys, first)
}

func (s countedStore) SaveDelivery(ctx context.Context, d webhook.Delivery, prev webhook.Rev) error {
	s.calls.add("record", 1)
	return s.Store.SaveDelivery(ctx, d, prev)
}

func (s countedStore) ReserveSlots(ctx context.Context, ref webhook.Ref, p webhook.Pace, n int, now time.Time) (time.Time, error) {
	s.calls.add("slots", 1)
	return s.Store.ReserveSlots(ctx, ref, p, n, now)
}

func (s countedStore) SetHealth(ctx context.Context, ref webhook.Ref, from, to webhook.Health) (bool, error) {
	s.calls.add("health", 1)
	return s.Store.SetHealth(ctx, ref, from, to)
}

func (s countedStore) SetSlow(ctx context.Context, ref webhook.Ref, from, to time.Time) (bool, error) {
	s.calls.add("mark", 1)
	return s.Store.SetSlow(ctx, ref, from, to)
}

func (s countedStore) TakeLane(ctx context.Context, name string, n int, now, until time.Time) (int, error) {
	s.calls.add("lane", 1)
	if s.calls.lane > 0 {
		<-time.After(s.calls.lane)
	}
	return s.Store.TakeLane(ctx, name, n, now, until)
}

// countedQueue counts requests as SQS bills them: each 64 KiB that is sent or received is one.
type countedQueue struct {
	*queuesqlite.Queue
	calls *tally
}

const billed = 64 << 10

func (q countedQueue) Send(ctx context.Context, msgs []queue.Outgoing) error {
	size := 0
	for _, m := range msgs {
		size += len(m.Body)
	}
	q.calls.add("send", (size+billed-1)/billed)
	return q.Queue.Send(ctx, msgs)
}

func (q countedQueue) Receive(ctx context.Context, most int, wait time.Duration) ([]queue.Received, error) {
	got, err := q.Queue.Receive(ctx, most, wait)
	size := 0
	for _, m := range got {
		size += len(m.Body)
	}
	q.calls.add("receive", (size+billed-1)/billed)
	return got, err
}

func (q countedQueue) Hide(ctx context.Context, vs []queue.Visibility) error {
	q.calls.add("hide", 1)
	return q.Queue.Hide(ctx, vs)
}

func (q countedQueue) Delete(ctx context.Context, handles ...string) error {
	q.calls.add("delete", 1)
	return q.Queue.Delete(ctx, handles...)
}

// plant is deliverers at work, in a bubble's time, on engines in memory.
type plant struct {
	t       *testing.T
	store   *storesqlite.Store
	queues  map[string]countedQueue
	calls   *tally
	dialect *dialect.Dialect
	late    time.Duration // how much the deployment's clock is ahead
	sent    int           // events

	mu    sync.Mutex
	posts map[string][]time.Time // by event: when a POST was made
}

// post answers a POST to a webhook; n counts those to that webhook, from 1.
type post func(ctx context.Context, hook string, n int) egress.Response

const tenant = "acme"

// run starts a plant and gives it to fn. It is as on AWS: a process, which is a Deliverer, for each batch that is worked
// on; or, where shared says so, one process for all.
func run(t *testing.T, shared bool, answer post, fn func(t *testing.T, p *plant)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		store, err := storesqlite.New("", storesqlite.Options{})
		if err != nil {
			t.Fatal(err)
		}
		engine, err := queuesqlite.New("", queuesqlite.Options{})
		if err != nil {
			t.Fatal(err)
		}
		builtin, err := dialect.Builtin()
		if err != nil {
			t.Fatal(err)
		}
		p := &plant{
			t: t, store: store, queues: make(map[string]countedQueue), calls: &tally{n: make(map[string]int)},
			posts: make(map[string][]time.Time),
		}
		if p.dialect, err = builtin.Dialect(t.Context(), "standard"); err != nil {
			t.Fatal(err)
		}
		if err := store.CreateTenant(t.Context(), webhook.Tenant{ID: tenant}, webhook.Key{ID: "k", Tenant: tenant, Hash: "h"}); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"delivery", "retry", "bulk", "dead"} {
			q, err := engine.Queue(name, queuesqlite.QueueConfig{Visibility: 50 * time.Second})
			if err != nil {
				t.Fatal(err)
			}
			p.queues[name] = countedQueue{q, p.calls}
		}
		process := func() *Deliverer {
			return &Deliverer{
				Store: countedStore{store, p.calls}, Health: countedStore{store, p.calls}, Poster: &poster{p: p, answer: answer, n: make(map[string]int)},
				Dialects: builtin, Box: seal.Box{Keys: seal.NewStatic("test")}, Now: p.now, Log: slog.New(slog.DiscardHandler),
				Queues:  Queues{Delivery: p.queues["delivery"], Retry: p.queues["retry"], Bulk: p.queues["bulk"], Dead: p.queues["dead"]},
				Batches: Concurrency{Delivery: 100, Retry: 50, Bulk: 20},
			}
		}
		ctx, stop := context.WithCancel(t.Context())
		var work sync.WaitGroup
		one := process()
		for name, most := range map[string]int{"delivery": 100, "retry": 50, "bulk": 20} {
			idle := make(chan *Deliverer, most)
			for range most {
				if shared {
					idle <- one
				} else {
					idle <- process()
				}
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

// poll feeds a queue's messages to the processes that are idle.
func (p *plant) poll(ctx context.Context, name string, idle chan *Deliverer, work *sync.WaitGroup) {
	q := p.queues[name]
	for {
		var d *Deliverer
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

func (p *plant) handle(ctx context.Context, d *Deliverer, name string, got []queue.Received) {
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
	p      *plant
	answer post

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

// after answers with a status after a while, or not in time.
func after(ctx context.Context, wait time.Duration, status int) egress.Response {
	if wait > 0 {
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return egress.Response{Err: webhook.ReasonTimeout}
		}
	}
	return egress.Response{Status: status, Duration: wait}
}

// hangs never answers.
func hangs(ctx context.Context) egress.Response {
	<-ctx.Done()
	return egress.Response{Err: webhook.ReasonTimeout}
}

// now is the deployment's clock.
func (p *plant) now() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return time.Now().UTC().Truncate(time.Millisecond).Add(p.late)
}

// set changes the deployment's clock.
func (p *plant) set(late time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.late = late
}

// hook makes a webhook.
func (p *plant) hook(id string, perSecond int) {
	p.t.Helper()
	w := webhook.Webhook{
		Ref: webhook.Ref{Tenant: tenant, ID: id}, URL: "https://" + id + ".example", Events: []string{"*"}, Active: true,
		ContentType: webhook.ContentJSON, Format: webhook.FormatJSON, MaxPerSecond: perSecond, CreatedAt: p.now(), Version: 1,
	}
	if err := p.store.CreateWebhook(p.t.Context(), w); err != nil {
		p.t.Fatal(err)
	}
}

// change changes a webhook as its owner does.
func (p *plant) change(id string, fn func(*webhook.Webhook)) {
	p.t.Helper()
	w := p.webhook(id)
	fn(&w)
	if err := p.store.UpdateWebhook(p.t.Context(), w, false); err != nil {
		p.t.Fatal(err)
	}
}

func (p *plant) webhook(id string) webhook.Webhook {
	p.t.Helper()
	w, err := p.store.Webhook(p.t.Context(), webhook.Ref{Tenant: tenant, ID: id})
	if err != nil {
		p.t.Fatal(err)
	}
	return w
}

// send has n events delivered to a webhook, and returns their ids. Each is about 1 KB as a message.
func (p *plant) send(id string, n int) []string {
	p.t.Helper()
	return p.sendTo("delivery", id, n)
}

// sendTo is send by a queue.
func (p *plant) sendTo(name, id string, n int) []string {
	p.t.Helper()
	var ids []string
	var msgs []queue.Outgoing
	for range n {
		p.sent++
		ev := webhook.Event{
			Tenant: tenant, ID: fmt.Sprintf("evt_%06d", p.sent), Type: "order.placed", AcceptedAt: p.now(),
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

// done returns how many of the events have been POSTed.
func (p *plant) done(ids []string) int {
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

// pass lets time pass.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}
