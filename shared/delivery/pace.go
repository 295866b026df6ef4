package delivery

import (
	"context"
	"net/http"
	"time"

	"hookline/shared/queue"
	"hookline/shared/webhook"
)

const (
	// slowPost is how long a webhook's last POST may take before the webhook is treated as slow.
	slowPost = 3 * time.Second
	// maxSlowInBatch is how many POSTs to one slow webhook a batch makes: a batch ends with its slowest POST.
	maxSlowInBatch = 2
)

// pace holds webhooks to their max_per_second: one reservation a webhook and batch, and whatever has a slot later than
// now waits for it as a message of its own. It returns what is to be attempted now.
func (b *batch) pace(ctx context.Context, groups [][]*item) [][]*item {
	limited := make(map[webhook.Ref][][]*item)
	var ready [][]*item
	for _, g := range groups {
		w := b.webhooks[g[0].msg.webhook()]
		if w.MaxPerSecond == 0 || g[0].msg.Slot || !b.turn(g[0]) {
			ready = append(ready, g)
			continue
		}
		limited[w.Ref] = append(limited[w.Ref], g)
	}
	for ref, gs := range limited {
		w, now := b.webhooks[ref], b.now()
		start, err := b.Store.ReserveSlots(ctx, ref, w.MaxPerSecond, len(gs), now)
		if err != nil {
			b.fault(ctx, "delivery.pace", gs[0][0].msg, err)
			fail(gs)
			continue
		}
		for i, g := range gs {
			slot := start.Add(time.Duration(i) * time.Second / time.Duration(w.MaxPerSecond))
			if !slot.After(now) {
				ready = append(ready, g)
				continue
			}
			b.move(ctx, g, b.Queues.Retry, func(m *Message) { m.Due, m.Slot = slot.UnixMilli(), true }, slot.Sub(now))
		}
	}
	return ready
}

// turn reports whether the message will make an attempt now.
func (b *batch) turn(it *item) bool {
	var rec *webhook.Delivery
	if d, ok := b.records[it.msg.Key()]; ok {
		rec = &d
	}
	v := decide(it.msg, it.id, rec, b.now())
	return v == attempt || v == redrive
}

// spill moves messages of slow and overloaded webhooks to the bulk queue, which has a concurrency of its own, beyond a few in a batch.
func (b *batch) spill(ctx context.Context, groups [][]*item) [][]*item {
	posts := make(map[webhook.Ref]int)
	var ready [][]*item
	for _, g := range groups {
		ref := g[0].msg.webhook()
		if b.isSlow(ref) {
			posts[ref]++
		}
		if posts[ref] <= maxSlowInBatch || g[0].source == b.Queues.Bulk {
			ready = append(ready, g)
			continue
		}
		b.move(ctx, g, b.Queues.Bulk, func(*Message) {}, 0)
	}
	return ready
}

// move sends copies of a group's messages to another queue and lets go of these. A copy has another id, so that it
// counts only by the attempt it is for.
func (b *batch) move(ctx context.Context, group []*item, to Queue, change func(*Message), delay time.Duration) {
	for _, it := range group {
		m := it.msg
		if d, ok := b.records[m.Key()]; ok && d.Owner == it.id && d.Status == webhook.Pending {
			m = next(d)
		}
		change(&m)
		err := queue.SendAll(ctx, to, []queue.Outgoing{m.Outgoing(delay)})
		if it.failed = err != nil; it.failed {
			b.fault(ctx, "delivery.move", m, err)
		}
	}
}

func fail(groups [][]*item) {
	for _, g := range groups {
		for _, it := range g {
			it.failed = true
		}
	}
}

func (d *Deliverer) isSlow(ref webhook.Ref) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.slow[ref]
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

// took remembers whether the webhook's last POST was slow, or answered that the receiver is overloaded, which is treated
// alike. It is a hint, lost with the process.
func (d *Deliverer) took(ref webhook.Ref, a webhook.Attempt) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if a.Duration <= slowPost && !overloaded(a.StatusCode) {
		delete(d.slow, ref)
		return
	}
	if d.slow == nil {
		d.slow = make(map[webhook.Ref]bool)
	}
	d.slow[ref] = true
}
