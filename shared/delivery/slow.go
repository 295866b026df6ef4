package delivery

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"hookline/shared/dialect"
	"hookline/shared/message"
	"hookline/shared/queue"
	"hookline/shared/webhook"
)

// How a receiver that hangs is kept from holding up the others'. A batch ends with its slowest POST, and a queue has so
// many batches at a time: what is short is batches that may wait.
//
// A POST that is not answered within slowPost marks its webhook (one write: every batch reads the webhook anyway), and the
// first quick answer after a minute clears the mark. Until one POST of a batch to a webhook has ended only two are under
// way; the others of the batch follow it, or go to the bulk queue when slowPost is over or the receiver says that it is
// overloaded. A webhook that answers pays a round trip for that, no request and no write.
//
// Beyond slowPost a batch waits only if it has a lane of its queue: a quarter of the batches that the queue has at a
// time, over all processes. A batch without a lane gives up its POSTs that long, and leaves them to the bulk queue: such a
// receiver may see an event twice, and no attempt is recorded for the first time.
//
// POSTs to a marked webhook want a lane before they begin. Two of them in a batch have one if the webhook's last answer was
// a success; the others go to the bulk queue at once. There all of a batch share a lane, and a batch that finds none puts
// its messages aside for a while. The bulk queue has as many lanes again for webhooks that fail too, so that those that hang
// leave lanes to those that are slow and alive, and all of them together leave half of the queue to replay jobs.
//
// Measured with 100 processes, 2,000 events to a webhook that hangs, others answering in 50 ms (TestSlow in infra/faults/pressure): before the
// mark 99 % of the others are POSTed within 3 s, after it as if alone.
const (
	// slowPost is after how long a POST without an answer is slow, in real time.
	slowPost = 3 * time.Second
	// atFirst is how many POSTs to a webhook a batch has under way before one has ended, and how many to a marked one.
	atFirst = 2
	// markStands is how long a mark stands at least, in real time: a receiver that hangs every other time is not worth two
	// writes each time.
	markStands = time.Minute
	// laneLife is for how long a lane is taken, in real time: longer than a function runs.
	laneLife = 50 * time.Second
	// rest is how long messages of marked webhooks stay hidden in the bulk queue when there is no lane, in real time: one to
	// three times as long, so that it is not always the same ones that come in time for a lane, and to the next full one, so
	// that they come together and share it.
	rest = 10 * time.Second
)

// gate lets a batch's POSTs to one webhook through.
type gate struct {
	places chan struct{} // taken by those that go before it is decided
	open   chan struct{} // closed when one has ended in time: the others follow
	shut   chan struct{} // closed when they must not
	first  sync.Once     // decides; the others are too late
}

func (g *gate) decide(opened bool) {
	g.first.Do(func() {
		if opened {
			close(g.open)
		} else {
			close(g.shut)
		}
	})
}

// enter waits for a POST's turn, and reports whether it has come.
func (g *gate) enter(ctx context.Context) bool {
	select { // once it is decided, no place counts
	case <-g.open:
		return true
	case <-g.shut:
		return false
	default:
	}
	select {
	case <-g.open:
		return true
	case <-g.shut:
		return false
	case g.places <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

// leave gives a turn back that was not used.
func (g *gate) leave() {
	select {
	case <-g.places:
	default: // it came by the open gate
	}
}

func (b *batch) gate(ref webhook.Ref) *gate {
	b.mu.Lock()
	defer b.mu.Unlock()
	g := b.gates[ref]
	if g == nil {
		g = &gate{places: make(chan struct{}, atFirst), open: make(chan struct{}), shut: make(chan struct{})}
		b.gates[ref] = g
	}
	return g
}

// send POSTs when it is the message's turn. It reports false when there was no turn, or the batch could not wait for the
// answer: then there was no attempt.
//
// A gate lets many POSTs through at one instant. Each is slow an instant after the one before it in its batch, so that what
// follows has an order where time is virtual: the simulation's runs repeat by it.
func (b *batch) send(
	ctx context.Context, it *item, dl *dialect.Dialect, w webhook.Webhook, rec webhook.Delivery, body []byte,
) (a webhook.Attempt, sent bool, err error) {
	g := b.gate(w.Ref)
	if !w.SlowSince.IsZero() {
		g.decide(true) // its turns were given out by divertSlow
	}
	if !g.enter(ctx) {
		return a, false, nil
	}
	posting, giveUp := context.WithCancel(ctx)
	defer giveUp()
	var watch sync.WaitGroup
	watch.Add(1)
	late := time.AfterFunc(slowPost+time.Duration(2*it.place), func() {
		defer watch.Done()
		g.decide(false)
		b.markSlow(ctx, w)
		if !b.mayWait(ctx, w) {
			giveUp()
		}
	})
	begun := time.Now()
	a, err = b.post(posting, dl, w, rec, body, webhook.MaxTimeoutSeconds*time.Second)
	elapsed, gaveUp := time.Since(begun), posting.Err() != nil // before watch ends: it may give up what has ended by itself
	if late.Stop() {
		watch.Done()
	}
	watch.Wait()
	switch {
	case err != nil:
		g.leave()
		return a, false, err
	case a.StatusCode == 0 && gaveUp:
		return a, false, nil
	}
	g.decide(!overloaded(a.StatusCode) || b.source == b.Queues.Bulk)
	if a.StatusCode != 0 && elapsed <= slowPost {
		b.clearSlow(ctx, w)
	}
	return a, true, nil
}

// overloaded reports whether a receiver's status asks for fewer requests: 429 that there were too many, 502 and 504 that
// what is behind it is under load (Standard Webhooks specification, Delivery success and failure), 503 that the receiver itself is (RFC 9110, section 15.6.4).
func overloaded(status int) bool {
	switch status {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// divertSlow returns what may be POSTed now. Of marked webhooks that is little, and nothing without a lane.
func (b *batch) divertSlow(ctx context.Context, groups [][]*item) [][]*item {
	posts := make(map[webhook.Ref]int)
	var ready [][]*item
	var others []*item
	for _, g := range groups {
		w := b.webhooks[g[0].msg.Target()]
		if w.SlowSince.IsZero() || !w.Active || !g[0].attempts() {
			ready = append(ready, g)
			continue
		}
		if (b.source == b.Queues.Bulk || !fails(w) && posts[w.Ref] < atFirst) && b.mayWait(ctx, w) {
			posts[w.Ref]++
			ready = append(ready, g)
			continue
		}
		others = append(others, g...)
	}
	b.divert(ctx, others)
	return ready
}

// divert takes messages out of the others' way: to the bulk queue, or there out of sight for a while.
func (b *batch) divert(ctx context.Context, items []*item) {
	if b.source == b.Queues.Bulk {
		unit := b.span(rest)
		until := b.now().Add(unit + time.Duration(2*float64(unit)*b.jitter())).Truncate(unit)
		for _, it := range items {
			it.msg = b.copyOf(it) // where there is no room to hide it, it is sent
			it.msg.Due = until.UnixMilli()
		}
		b.park(ctx, items)
		return
	}
	var msgs []queue.Outgoing
	for _, it := range items {
		msgs = append(msgs, b.copyOf(it).Outgoing(0))
	}
	err := queue.SendAll(ctx, b.Queues.Bulk, msgs)
	if err != nil {
		b.fault(ctx, "delivery.move", items[0].msg, err)
	}
	for _, it := range items {
		it.stays = err != nil // some may have been sent: copies collapse
	}
}

// mayWait reports whether the batch may wait for a receiver that is slow: whether it has a lane. When that cannot be told
// it may: a fault of ours is no reason to give up a POST.
func (b *batch) mayWait(ctx context.Context, w webhook.Webhook) bool {
	b.waiting.Lock()
	defer b.waiting.Unlock()
	name, n := b.laneOf(w)
	if l, ok := b.lanes[name]; ok {
		return l.wait
	}
	now := b.now()
	until := now.Add(b.span(laneLife))
	number, err := b.Store.TakeLane(ctx, name, n, now, until)
	if err != nil {
		b.fault(ctx, "delivery.lane", message.Message{}, err)
	}
	b.lanes[name] = lane{wait: number >= 0 || err != nil, number: number, until: until}
	return b.lanes[name].wait
}

// lane is the batch's place among those that wait for slow receivers.
type lane struct {
	wait   bool
	number int // -1 for none
	until  time.Time
}

// fails reports whether the webhook's last attempt failed, as far as is noted.
func fails(w webhook.Webhook) bool { return !w.Health.UnhealthySince.IsZero() }

// laneOf returns the name of the lanes that the batch needs one of to wait for the webhook, and how many there are.
func (b *batch) laneOf(w webhook.Webhook) (name string, n int) {
	switch {
	case b.source == b.Queues.Bulk && fails(w):
		return "bulk/failing", max(b.Batches.Bulk/4, 1)
	case b.source == b.Queues.Bulk:
		return "bulk", max(b.Batches.Bulk/4, 1)
	case b.source == b.Queues.Retry:
		return "retry", max(b.Batches.Retry/4, 1)
	}
	return "delivery", max(b.Batches.Delivery/4, 1)
}

// leave gives the batch's lanes back. A lane that could not be is free when its time has come.
func (b *batch) leave(ctx context.Context) {
	for _, name := range slices.Sorted(maps.Keys(b.lanes)) {
		l := b.lanes[name]
		if l.number < 0 || ctx.Err() != nil {
			continue
		}
		if err := b.Store.FreeLane(ctx, name, l.number, l.until); err != nil {
			b.fault(ctx, "delivery.lane", message.Message{}, err)
		}
	}
}

// markSlow notes that the webhook is slow, once a batch.
func (b *batch) markSlow(ctx context.Context, w webhook.Webhook) {
	if w.SlowSince.IsZero() {
		b.setSlow(ctx, w, b.now())
	}
}

// clearSlow notes that the webhook answers quickly again. A mark that lies ahead was made before the clock was set back.
func (b *batch) clearSlow(ctx context.Context, w webhook.Webhook) {
	if age := b.now().Sub(w.SlowSince); !w.SlowSince.IsZero() && (age >= b.span(markStands) || age < 0) {
		b.setSlow(ctx, w, time.Time{})
	}
}

// setSlow changes the mark from what the batch has read, once. Somebody else may be quicker. It fails no delivery.
func (b *batch) setSlow(ctx context.Context, w webhook.Webhook, to time.Time) {
	b.mu.Lock()
	again := b.noted[w.Ref]
	b.noted[w.Ref] = true
	b.mu.Unlock()
	if again {
		return
	}
	if _, err := b.Deliverer.Health.SetSlow(ctx, w.Ref, w.SlowSince, to); err != nil {
		b.Log.ErrorContext(ctx, "webhook.slow", "webhook", w.ID, "err", err)
	}
}
