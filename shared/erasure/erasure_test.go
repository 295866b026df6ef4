package erasure_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"hookline/infra/figures"
	"hookline/shared/delivery"
	"hookline/shared/egress"
	"hookline/shared/erasure"
	"hookline/shared/faultinject"
	"hookline/shared/ingest"
	"hookline/shared/message"
	"hookline/shared/payload"
	"hookline/shared/queue"
	"hookline/shared/sqlitedb"
	"hookline/shared/stack"
	"hookline/shared/stack/stacktest"
	"hookline/shared/webhook"
)

// world is a tenant with two events of one request, one of which is to be erased.
type world struct {
	t        *testing.T
	file     *sqlitedb.DB
	faults   faultinject.StoreFaults
	clock    stacktest.Clock
	b        *stack.Builder
	first    *stacktest.Outbox // messages of first attempts
	retries  *stacktest.Outbox
	jobs     *outbox
	receiver *stacktest.Receiver
	d        *delivery.Deliverer
	s        *erasure.Service
	tenant   webhook.Tenant
	events   []string // ids
	handled  int
}

// outbox is the bulk queue, whose sends can fail.
type outbox struct {
	stacktest.Outbox
	before, after func(string) error
}

func (o *outbox) Send(ctx context.Context, msgs []queue.Outgoing) error {
	if o.before != nil {
		if err := o.before("Send"); err != nil {
			return err
		}
	}
	if err := o.Outbox.Send(ctx, msgs); err != nil || o.after == nil {
		return err
	}
	return o.after("Send")
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{
		t: t, file: stacktest.OpenFile(t), first: new(stacktest.Outbox), retries: new(stacktest.Outbox), jobs: new(outbox),
		receiver: &stacktest.Receiver{Answer: func(r egress.Request, _ int) egress.Response {
			return egress.Response{Status: 500, Body: "no: " + string(r.Body[:min(len(r.Body), 200)])}
		}},
	}
	w.b = stacktest.BuilderOn(t, w.file, &w.faults)
	w.d, _ = w.b.Deliverer()
	w.d.Poster, w.d.Now, w.d.Changes = w.receiver, w.clock.Now, new(stacktest.Outbox)
	w.d.Queues = delivery.Queues{Delivery: w.first, Retry: w.retries, Bulk: w.first, Dead: new(stacktest.Outbox)}
	w.s = w.b.Erasures()
	w.s.Now, w.s.Queue, w.s.Log = w.clock.Now, w.jobs, slog.New(slog.DiscardHandler)
	w.tenant = w.newTenant()
	return w
}

func (w *world) newTenant() webhook.Tenant {
	t := webhook.Tenant{ID: "acme", Name: "Acme", Dialect: "standard@1", CreatedAt: w.clock.Now(), Version: 1}
	w.ok(w.b.Store.CreateTenant(w.t.Context(), t, webhook.Key{Tenant: t.ID, ID: webhook.NewID("key_", w.clock.Now()), Hash: fmt.Sprint(w.clock.Now())}))
	return t
}

func (w *world) ok(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) webhook(id string, events ...string) webhook.Webhook {
	w.t.Helper()
	hook := webhook.Webhook{
		Ref: webhook.Ref{Tenant: w.tenant.ID, ID: id}, URL: "https://" + id + ".example/", Events: events, Active: true, Version: 1,
		Format: webhook.FormatJSON, ContentType: webhook.ContentJSON, CreatedAt: w.clock.Now(),
	}
	hook.KeepSince(webhook.Webhook{}, w.clock.Now())
	w.ok(w.b.Store.CreateWebhook(w.t.Context(), hook))
	return hook
}

// publish publishes two events, of which names are part of the data.
func (w *world) publish(size int, names ...string) {
	w.t.Helper()
	in := w.b.Ingest()
	in.Delivery, in.Queue, in.Now = w.first, new(stacktest.Outbox), w.clock.Now
	var all []ingest.Input
	for _, name := range names {
		text := name // and what does not compress
		for sum := sha256.Sum256([]byte(name)); len(text) < size; sum = sha256.Sum256(sum[:]) {
			text += hex.EncodeToString(sum[:])
		}
		all = append(all, ingest.Input{Type: "order.placed", Data: []byte(`{"text":"` + text + `"}`)})
	}
	results, err := in.Accept(w.t.Context(), w.tenant, all, nil)
	w.ok(err)
	for _, r := range results {
		w.events = append(w.events, r.ID)
	}
}

func (w *world) event(i int) webhook.LoggedEvent {
	w.t.Helper()
	ev, err := w.b.Events.Event(w.t.Context(), w.tenant.ID, w.events[i])
	w.ok(err)
	return ev
}

// handle has waiting messages of an event to a webhook handled ("" to any).
func (w *world) handle(event, hook string) {
	w.t.Helper()
	for _, box := range []*stacktest.Outbox{w.first, w.retries} {
		for _, out := range slices.Clone(box.Sent) {
			m, err := message.Parse(out.Body)
			w.ok(err)
			if m.Event != event || hook != "" && m.Webhook != hook {
				continue
			}
			w.handled++
			_, err = w.d.Handle(w.t.Context(), box, []queue.Received{{ID: fmt.Sprint("m", w.handled), Handle: "h", Body: out.Body, ReceiveCount: 1}})
			w.ok(err)
		}
	}
}

// work works off the erasures that are queued. A message whose work fails comes back.
func (w *world) work() (messages int) {
	w.t.Helper()
	for ; len(w.jobs.Sent) > 0; messages++ {
		if messages == 1000 {
			w.t.Fatal("the erasure does not end")
		}
		out := w.jobs.Sent[0]
		w.jobs.Sent = w.jobs.Sent[1:]
		m, ok := message.ParseErasure(out.Body)
		if !ok {
			w.t.Fatalf("got %s, want an erasure", out.Body)
		}
		w.clock.Pass(out.Delay)
		if w.s.Work(w.t.Context(), m) != nil {
			w.jobs.Sent = append(w.jobs.Sent, out)
		}
	}
	return messages
}

// traces lists the rows that hold a text, also packed.
func (w *world) traces(text string) (found []string) {
	w.t.Helper()
	hexed := strings.ToUpper(hex.EncodeToString([]byte(text)))
	for row := range strings.Lines(stacktest.Rows(w.t, w.file, "")) {
		has := strings.Contains(row, text) || strings.Contains(row, hexed)
		for _, blob := range strings.Split(row, "X'")[1:] {
			b, _ := hex.DecodeString(strings.SplitN(blob, "'", 2)[0])
			for i, c := range b { // a packed body may follow a record
				if c == 'p' || c == 'd' {
					plain, err := payload.Unpack(b[i:])
					has = has || err == nil && strings.Contains(string(plain), text)
				}
				if i > 2000 {
					break
				}
			}
		}
		if has {
			found = append(found, strings.SplitN(row, " ", 2)[0])
		}
	}
	return found
}

// halfway makes a world in which the first of two events waits after one attempt (wh_a), before the first (wh_b), before that
// to a webhook that it did not match (wh_c), and for one that was deleted since (wh_gone).
func halfway(t *testing.T, size int) *world {
	w := newWorld(t)
	w.webhook("wh_a", "*")
	w.webhook("wh_b", "order.*")
	c, gone := w.webhook("wh_c", "other.x"), w.webhook("wh_gone", "other.x")
	w.publish(size, "sesame-one", "sesame-two")
	ev := w.event(0)
	w.handle(ev.ID, "wh_a")
	for _, hook := range []webhook.Webhook{c, gone} {
		_, err := w.d.SendTo(t.Context(), w.tenant, ev.Event, hook)
		w.ok(err)
	}
	w.handle(ev.ID, "wh_gone")
	w.ok(w.b.Store.DeleteWebhook(t.Context(), gone.Ref))
	if len(w.traces("sesame-one")) < 4 {
		t.Fatalf("got traces in %v, want them in the log, in records and in bodies", w.traces("sesame-one"))
	}
	return w
}

func (w *world) erased() {
	t := w.t
	t.Helper()
	if left := w.traces("sesame-one"); left != nil {
		t.Errorf("got traces in %v, want none", left)
	}
	if ev := w.event(0); ev.ErasedAt.IsZero() || len(ev.Data) != 0 {
		t.Errorf("got %+v, want it erased in the log", ev)
	}
	if ev := w.event(1); !strings.Contains(string(ev.Data), "sesame-two") || !ev.ErasedAt.IsZero() {
		t.Errorf("got %+v, want the other event of the request as it was", ev)
	}
	sent := len(w.receiver.Requests())
	w.clock.Pass(10 * time.Minute)
	w.handle(w.events[0], "")
	if now := len(w.receiver.Requests()); now != sent {
		t.Errorf("%d copies were attempted after the erasure", now-sent)
	}
	for _, hook := range []string{"wh_a", "wh_b", "wh_c", "wh_gone"} {
		key := webhook.DeliveryKey{Tenant: w.tenant.ID, Webhook: hook, Event: w.events[0], AcceptedAt: w.event(0).AcceptedAt}
		d, err := w.b.Store.Delivery(t.Context(), key)
		if err != nil || d.ErasedAt.IsZero() || d.Status != webhook.Failed || d.LastAttempt().Error != webhook.ReasonErased || d.Total != len(d.Attempts) {
			t.Errorf("%s: got %+v, %v, want a delivery that failed as erased", hook, d, err)
		}
		if until := w.clock.Now().Add(queue.MaxRetention - time.Hour); d.ExpiresAt.Before(until) {
			t.Errorf("%s: its record expires on %v, before the copies in the queues", hook, d.ExpiresAt)
		}
	}
	if w.handle(w.events[1], "wh_b"); len(w.receiver.Requests()) != sent+1 {
		t.Error("the other event was not attempted")
	}
}

// TestEvent erases small and large payloads, which are kept in other places.
func TestEvent(t *testing.T) {
	for _, size := range []int{10, 30_000} {
		w := halfway(t, size)
		w.ok(w.s.Event(t.Context(), w.event(0)))
		w.ok(w.s.Event(t.Context(), w.event(0))) // it is asked for twice
		w.work()
		w.erased()
	}
}

// crashes runs a scenario once for each call of store and queue that its erasure makes, or for some of them, and fails that
// call: before it is made, after it was made, or as a read.
func crashes(t *testing.T, begin func(t *testing.T) *world, holds func(w *world)) {
	t.Helper()
	step := 3
	if figures.Full() {
		step = 1
	} else if testing.Short() {
		step = 15
	}
	runs := 0
	for _, kind := range []string{"before", "after", "read"} {
		for n := 1; ; n += step {
			var mu sync.Mutex
			struck := false
			t.Run(fmt.Sprintf("%s call %d", kind, n), func(t *testing.T) {
				w := begin(t)
				nth := faultinject.Nth(n)
				fault := func(call string) error {
					mu.Lock()
					defer mu.Unlock()
					err := nth(call)
					struck = struck || err != nil
					return err
				}
				switch kind {
				case "before":
					w.faults.Before, w.jobs.before = fault, fault
				case "after":
					w.faults.After, w.jobs.after = fault, fault
				default:
					w.faults.Read = fault
				}
				w.work()
				w.faults = faultinject.StoreFaults{}
				w.jobs.before, w.jobs.after = nil, nil
				holds(w)
			})
			runs++
			if !struck {
				break
			}
		}
	}
	if runs < 6 { // two of each kind
		t.Errorf("got %d runs, want calls of each kind to fail", runs)
	}
	t.Logf("%d runs", runs)
}

// TestEventAfterCrashes holds that an erasure is finished whatever call of it fails.
func TestEventAfterCrashes(t *testing.T) {
	crashes(t, func(t *testing.T) *world {
		w := halfway(t, 30_000)
		w.ok(w.s.Event(t.Context(), w.event(0)))
		return w
	}, func(w *world) { w.erased() })
}

// TestReplayMeanwhile holds that a replay whose call had read the event before is erased too, and that later ones are refused.
func TestReplayMeanwhile(t *testing.T) {
	w := halfway(t, 10)
	late := w.webhook("wh_late", "other.x")
	ev := w.event(0)
	w.ok(w.s.Event(t.Context(), ev))
	m, _ := message.ParseErasure(w.jobs.Sent[0].Body)
	w.jobs.Sent = nil
	w.ok(w.s.Work(t.Context(), m))
	_, err := w.d.SendTo(t.Context(), w.tenant, ev.Event, late)
	w.ok(err)
	if len(w.jobs.Sent) != 1 || w.jobs.Sent[0].Delay < time.Minute {
		t.Fatalf("got %+v, want that it is looked at again when such calls have ended", w.jobs.Sent)
	}
	w.work()
	w.erased()
	if _, err := w.d.SendTo(t.Context(), w.tenant, w.event(0).Event, late); !webhook.Is(err, webhook.Conflict) {
		t.Errorf("got %v, want it refused", err)
	}
	if _, err := w.d.Replay(t.Context(), webhook.DeliveryKey{Tenant: "acme", Webhook: "wh_a", Event: ev.ID, AcceptedAt: ev.AcceptedAt}); !webhook.Is(err, webhook.Conflict) {
		t.Errorf("got %v, want it refused", err)
	}
}

// TestManyWebhooks erases an event that more webhooks took than one message's call is to write.
func TestManyWebhooks(t *testing.T) {
	n := 250
	if figures.Full() {
		n = 6000
	}
	w := newWorld(t)
	for i := range n {
		w.webhook(fmt.Sprintf("wh_%04d", i), "*")
	}
	w.publish(10, "sesame-one", "sesame-two")
	ev := webhook.LoggedEvent{Event: webhook.Event{Tenant: "acme", ID: w.events[0], Type: "order.placed", AcceptedAt: w.clock.Now()}, Entry: w.events[0]}
	w.ok(w.s.Event(t.Context(), ev))
	begun := time.Now()
	messages := w.work()
	took, accepted := time.Since(begun), w.event(0).AcceptedAt
	var keys []webhook.DeliveryKey
	for i := range n {
		keys = append(keys, webhook.DeliveryKey{Tenant: "acme", Webhook: fmt.Sprintf("wh_%04d", i), Event: ev.ID, AcceptedAt: accepted})
	}
	_, records, err := w.b.Store.Load(t.Context(), nil, keys)
	w.ok(err)
	erased := 0
	for _, d := range records {
		if !d.ErasedAt.IsZero() && d.Status == webhook.Failed {
			erased++
		}
	}
	if erased != n {
		t.Errorf("got %d deliveries erased, want %d", erased, n)
	}
	figures.Note(t, fmt.Sprintf("erasure of an event that %d webhooks took: seconds, messages", n), fmt.Sprintf("%.1f, %d", took.Seconds(), messages))
}

// TestOldRelease holds that an erasure that a release took for poison is worked on when it is redriven.
func TestOldRelease(t *testing.T) {
	w := halfway(t, 10)
	w.ok(w.s.Event(t.Context(), w.event(0)))
	body := fmt.Sprintf(`{"poison":%q,"x":{"reason":"the message lacks what a delivery needs","status":0,"at":1}}`, w.jobs.Sent[0].Body)
	w.jobs.Sent = nil
	w.d.Erasures = w.s
	if stays, err := w.d.Handle(t.Context(), w.first, []queue.Received{{ID: "1", Body: body, ReceiveCount: 1}}); err != nil || len(stays) > 0 {
		t.Fatalf("got %v, %v, want it done with", stays, err)
	}
	w.work()
	w.erased()
}

// TestStaleWriter holds that a call which read a delivery before it was erased writes nothing over it, also where its status
// stays.
func TestStaleWriter(t *testing.T) {
	w := newWorld(t)
	w.webhook("wh_a", "*")
	w.receiver.Set(stacktest.Status(200))
	w.publish(10, "sesame-one", "sesame-two")
	ev := w.event(0)
	w.handle(ev.ID, "wh_a")
	key := webhook.DeliveryKey{Tenant: "acme", Webhook: "wh_a", Event: ev.ID, AcceptedAt: ev.AcceptedAt}
	before, err := w.b.Store.Delivery(t.Context(), key)
	w.ok(err)
	w.ok(w.s.Event(t.Context(), ev))
	w.work()
	again := before
	again.Round, again.Count, again.Status = before.Round+1, 0, webhook.Pending
	if err := w.b.Store.SaveDelivery(t.Context(), again, before.Rev()); !webhook.Is(err, webhook.Conflict) {
		t.Errorf("got %v, want a conflict", err)
	}
	if d, err := w.b.Store.Delivery(t.Context(), key); err != nil || d.Status != webhook.Succeeded || d.Total != 1 || d.ErasedAt.IsZero() {
		t.Errorf("got %+v, %v, want an erased delivery that has succeeded", d, err)
	}
}
