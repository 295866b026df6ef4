package delivery

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"

	"hookline/shared/message"
	"hookline/shared/queue"
	"hookline/shared/webhook"
)

// item is one message of a batch.
type item struct {
	queue.Received
	place   int // in the batch
	msg     message.Message
	record  *webhook.Delivery // of its delivery; nil: there is none yet
	only    bool              // there can be no record
	verdict verdict
	line    line // instead of all these
	stays   bool // in its queue, and comes back: it is not done with
}

// batch is what one call of Handle knows.
type batch struct {
	*Deliverer
	webhooks map[webhook.Ref]webhook.Webhook // as loaded; never changed
	records  map[webhook.DeliveryKey]webhook.Delivery
	bodies   map[string]map[string][]byte // by tenant and reference

	changing lock // held while a webhook's state is changed, so that a batch does it once

	source  Queue // that its messages came from
	waiting lock  // held while a lane is asked for
	lanes   map[string]lane

	mu     sync.Mutex
	gates  map[webhook.Ref]*gate
	noted  map[webhook.Ref]bool           // that they are slow, or not any more
	health map[webhook.Ref]webhook.Health // what the batch made of the webhooks' health
}

// lock is a mutex for what is held during a call of a store or queue. It is a channel, so that the time of a test's bubble
// passes while others wait for it.
type lock chan struct{}

func newLock() lock { return make(lock, 1) }

// Lock waits until nobody has the lock, and takes it.
func (l lock) Lock() { l <- struct{}{} }

// Unlock gives the lock back.
func (l lock) Unlock() { <-l }

// Handle takes a batch of messages from one of the queues, and returns the ids of those that stay in it: they are parked
// (their visibility was set), or their outcome could not be recorded. A timeout repeats only what was under way, for every
// outcome is recorded when its POST ends.
func (d *Deliverer) Handle(ctx context.Context, from Queue, msgs []queue.Received) (stays []string, err error) {
	items := make([]*item, len(msgs))
	for i, m := range msgs {
		items[i] = &item{Received: m, place: i}
	}
	if err := d.handle(ctx, from, items); err != nil {
		return nil, err
	}
	for _, it := range items {
		if it.stays {
			stays = append(stays, it.ID)
		}
	}
	return stays, nil
}

// From returns Handle for the messages of one of the queues.
func (d *Deliverer) From(q Queue) queue.Handler {
	return func(ctx context.Context, msgs []queue.Received) ([]string, error) { return d.Handle(ctx, q, msgs) }
}

func (d *Deliverer) newBatch(source Queue) *batch {
	return &batch{
		Deliverer: d, source: source, changing: newLock(), waiting: newLock(), lanes: make(map[string]lane), gates: make(map[webhook.Ref]*gate),
		noted: make(map[webhook.Ref]bool), health: make(map[webhook.Ref]webhook.Health),
	}
}

// handle returns when all that the items lead to has ended.
func (d *Deliverer) handle(ctx context.Context, from Queue, items []*item) error {
	var wg sync.WaitGroup
	var deliveries []*item
	for _, it := range items {
		if m, ok := message.ParseJob(it.Body); ok {
			wg.Go(func() { d.work(ctx, it, m) })
			continue
		}
		if m, ok := parseErasure(it.Body); ok {
			wg.Go(func() { d.erase(ctx, it, m) })
			continue
		}
		deliveries = append(deliveries, it)
	}
	b := d.newBatch(from)
	defer b.leave(ctx)
	defer wg.Wait()
	groups, lines, early := b.group(ctx, deliveries)
	b.park(ctx, early)
	if len(groups)+len(lines) == 0 {
		return nil
	}
	if err := b.load(ctx, groups, lines); err != nil {
		return err
	}
	for _, g := range groups {
		rec, ok := b.records[g[0].msg.Key()]
		b.decide(g[0], rec, ok)
	}
	wg.Go(func() { b.advance(ctx, lines) })
	for _, g := range b.pace(ctx, b.divertSlow(ctx, groups)) {
		wg.Go(func() { b.deliver(ctx, g) })
	}
	return nil
}

// group parses the messages and puts copies of one delivery's together, so that they are handled one after the other.
// Poison goes to the dead-letter queue; lines, and what comes early, are set aside. A slot may not count any more, so what
// comes before its slot is not early.
func (b *batch) group(ctx context.Context, items []*item) (groups [][]*item, lines, early []*item) {
	at := make(map[webhook.DeliveryKey]int)
	now := b.now()
	for _, it := range items {
		if strings.HasPrefix(it.Body, linePrefix) {
			l, err := parseLine(it.Body)
			if err != nil {
				it.stays = b.poison(ctx, it, slog.LevelError, err) != nil
				continue
			}
			it.line = l
			lines = append(lines, it)
			continue
		}
		m, err := message.Parse(it.Body)
		if err != nil {
			it.stays = b.poison(ctx, it, slog.LevelError, err) != nil
			continue
		}
		// A copy that is sent of it is another message.
		it.only, m.Only = m.Only && it.ReceiveCount == 1 && now.Sub(m.Key().AcceptedAt) < webhook.Overdue, false
		it.msg = m
		if m.Due > now.UnixMilli() && m.Pace == "" {
			early = append(early, it)
			continue
		}
		i, ok := at[m.Key()]
		if !ok {
			i = len(groups)
			at[m.Key()] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], it)
	}
	return groups, lines, early
}

func (b *batch) load(ctx context.Context, groups [][]*item, lines []*item) error {
	var refs []webhook.Ref
	var keys, first []webhook.DeliveryKey
	wanted := make(map[string][]string)
	seen := make(map[webhook.Ref]bool)
	for _, it := range lines {
		if ref := it.line.webhook(); !seen[ref] {
			seen[ref] = true
			refs = append(refs, ref)
		}
	}
	for _, g := range groups {
		m := g[0].msg
		switch {
		case len(g) > 1:
			keys = append(keys, m.Key())
		case g[0].only:
			// Nobody can have written a record. If SQS has the message twice all the same, because the answer to its sender was
			// lost, the receiver gets a repeat, and the second to write the record finds the first's.
		case g[0].first():
			first = append(first, m.Key())
		default:
			keys = append(keys, m.Key())
		}
		if ref := m.Target(); !seen[ref] {
			seen[ref] = true
			refs = append(refs, ref)
		}
		if p := (webhook.Ref{Tenant: m.Tenant, ID: m.Ref}); m.Ref != "" && !seen[p] {
			seen[p] = true
			wanted[m.Tenant] = append(wanted[m.Tenant], m.Ref)
		}
	}
	var err error
	if b.webhooks, b.records, err = b.Store.LoadBatch(ctx, refs, keys, first); err != nil {
		return fmt.Errorf("load: %w", err)
	}
	if err = b.loadErased(ctx, groups); err != nil {
		return fmt.Errorf("load: %w", err)
	}
	b.bodies = make(map[string]map[string][]byte)
	for _, tenant := range slices.Sorted(maps.Keys(wanted)) {
		if b.bodies[tenant], err = b.Store.Payloads(ctx, tenant, wanted[tenant]); err != nil {
			return fmt.Errorf("payloads: %w", err)
		}
	}
	return nil
}

// loadErased reads the records of first messages whose webhook had an event erased lately: an erased delivery has a
// record that the first reading does not look for, or may miss.
func (b *batch) loadErased(ctx context.Context, groups [][]*item) error {
	var keys []webhook.DeliveryKey
	for _, g := range groups {
		if m := g[0].msg; len(g) == 1 && (g[0].only || g[0].first()) && b.now().Before(b.webhooks[m.Target()].ErasedUntil) {
			keys = append(keys, m.Key())
		}
	}
	if len(keys) == 0 {
		return nil
	}
	_, records, err := b.Store.Load(ctx, nil, keys)
	maps.Copy(b.records, records)
	return err
}

// first reports whether nobody is known to have made an attempt of the delivery. If another message for it was handled in
// the last moments, its record may be missed: then the receiver gets a repeat, and this message loses the race for the record.
func (it *item) first() bool {
	return it.ReceiveCount == 1 && it.msg.Round == 1 && it.msg.Attempt == 1 && it.msg.Dead == nil
}

// deliver handles copies of one delivery's messages one after the other: the first changes the record.
func (b *batch) deliver(ctx context.Context, group []*item) {
	for i, it := range group {
		if i > 0 {
			key := it.msg.Key()
			rec, ok, err := b.reload(ctx, key)
			if err != nil {
				it.stays = true
				continue
			}
			b.decide(it, rec, ok)
		}
		it.stays = !b.dispatch(ctx, it)
	}
}

// decide notes what the message has to do, given its delivery's record, if there is one.
func (b *batch) decide(it *item, rec webhook.Delivery, ok bool) {
	if it.record = nil; ok {
		it.record = &rec
	}
	it.verdict = decide(it.msg, it.ID, it.record, b.now())
}

func (b *batch) reload(ctx context.Context, key webhook.DeliveryKey) (webhook.Delivery, bool, error) {
	_, records, err := b.Store.Load(ctx, nil, []webhook.DeliveryKey{key})
	if err != nil {
		b.fault(ctx, "delivery.reload", message.Message{Tenant: key.Tenant, Webhook: key.Webhook, Event: key.Event}, err)
		return webhook.Delivery{}, false, err
	}
	d, ok := records[key]
	return d, ok, nil
}

// dispatch does what a message has to do, and reports whether it is done with.
func (b *batch) dispatch(ctx context.Context, it *item) (done bool) {
	switch it.verdict {
	case attempt, redrive:
		return b.attempt(ctx, it)
	case tooEarly:
		it.msg.Due = it.record.NextAt.UnixMilli()
		b.park(ctx, []*item{it})
		return !it.stays
	case repeatSchedule:
		return b.schedule(ctx, it, *it.record)
	case repeatFailedRound:
		return b.afterFailedRound(ctx, *it.record, true)
	}
	m := it.msg
	b.Log.DebugContext(ctx, "delivery.dropped", "webhook", m.Webhook, "event", m.Event, "round", m.Round, "attempt", m.Attempt)
	return true
}

// fault logs an error of ours. An alarm counts it, and takes back a release that is being made: a receiver's failure is
// no fault, nor is what somebody else put into a queue.
func (b *batch) fault(ctx context.Context, what string, m message.Message, err error) {
	b.Log.LogAttrs(ctx, slog.LevelError, what, slog.String("tenant", m.Tenant), slog.String("webhook", m.Webhook),
		slog.String("event", m.Event), slog.Any("err", err))
}
