package delivery

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"

	"github.com/aws/aws-lambda-go/events"

	"hookline/shared/webhook"
)

// item is one message of a batch.
type item struct {
	id     string
	handle string
	body   string
	source Queue
	msg    Message
	line   line // instead of msg
	failed bool // not acknowledged: it stays in its queue

	received int // how often, this time included; approximate
}

// batch is what one call of Handle knows.
type batch struct {
	*Deliverer
	webhooks map[webhook.Ref]webhook.Webhook // as loaded; never changed
	records  map[webhook.DeliveryKey]webhook.Delivery
	bodies   map[string]map[string][]byte // by tenant and reference

	changing sync.Mutex // held while a webhook's state is changed, so that a batch does it once

	source  Queue      // of all its messages
	waiting sync.Mutex // held while a lane is asked for
	lanes   map[string]lane

	mu     sync.Mutex
	gates  map[webhook.Ref]*gate
	noted  map[webhook.Ref]bool           // that they are slow, or not any more
	health map[webhook.Ref]webhook.Health // what the batch made of the webhooks' health
}

// Handle takes a batch of messages from any of the queues. What it reports as failed comes back: because it is parked
// (its visibility was set), or because its outcome could not be recorded. A timeout repeats only what was under way,
// for every outcome is recorded when its POST ends.
func (d *Deliverer) Handle(ctx context.Context, ev events.SQSEvent) (events.SQSEventResponse, error) {
	items := make([]*item, 0, len(ev.Records))
	for _, r := range ev.Records {
		received, _ := strconv.Atoi(r.Attributes["ApproximateReceiveCount"])
		items = append(items, &item{id: r.MessageId, handle: r.ReceiptHandle, body: r.Body, source: d.Sources[r.EventSourceARN], received: received})
		if d.Sources[r.EventSourceARN] == nil {
			return events.SQSEventResponse{}, fmt.Errorf("message from a queue that is not configured: %s", r.EventSourceARN)
		}
	}
	if err := d.handle(ctx, items); err != nil {
		return events.SQSEventResponse{}, err
	}
	resp := events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{}}
	for _, it := range items {
		if it.failed {
			resp.BatchItemFailures = append(resp.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: it.id})
		}
	}
	return resp, nil
}

func (d *Deliverer) handle(ctx context.Context, items []*item) error {
	if len(items) == 0 {
		return nil
	}
	var wg sync.WaitGroup
	var deliveries []*item
	for _, it := range items {
		if m, ok := parseJob(it.body); ok {
			wg.Go(func() { d.work(ctx, it, m) })
			continue
		}
		deliveries = append(deliveries, it)
	}
	b := &batch{
		Deliverer: d, source: items[0].source, lanes: make(map[string]lane), gates: make(map[webhook.Ref]*gate), noted: make(map[webhook.Ref]bool),
		health: make(map[webhook.Ref]webhook.Health),
	}
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
	wg.Go(func() { b.advance(ctx, lines) })
	for _, g := range b.pace(ctx, b.spare(ctx, groups)) {
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
		if strings.HasPrefix(it.body, linePrefix) {
			l, err := parseLine(it.body)
			if err != nil {
				it.failed = b.poison(ctx, it, slog.LevelError, err) != nil
				continue
			}
			it.line = l
			lines = append(lines, it)
			continue
		}
		m, err := parse(it.body)
		if err != nil {
			it.failed = b.poison(ctx, it, slog.LevelError, err) != nil
			continue
		}
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
	var keys []webhook.DeliveryKey
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
		keys = append(keys, m.Key())
		if ref := m.webhook(); !seen[ref] {
			seen[ref] = true
			refs = append(refs, ref)
		}
		if p := (webhook.Ref{Tenant: m.Tenant, ID: m.Ref}); m.Ref != "" && !seen[p] {
			seen[p] = true
			wanted[m.Tenant] = append(wanted[m.Tenant], m.Ref)
		}
	}
	var err error
	if b.webhooks, b.records, err = b.Store.Load(ctx, refs, keys); err != nil {
		return fmt.Errorf("load: %w", err)
	}
	b.bodies = make(map[string]map[string][]byte)
	for tenant, refs := range wanted {
		if b.bodies[tenant], err = b.Store.Payloads(ctx, tenant, refs); err != nil {
			return fmt.Errorf("payloads: %w", err)
		}
	}
	return nil
}

func (b *batch) deliver(ctx context.Context, group []*item) {
	for i, it := range group {
		key := it.msg.Key()
		rec, ok := b.recordOf(key)
		if i > 0 {
			var err error
			if rec, ok, err = b.reload(ctx, key); err != nil {
				it.failed = true
				continue
			}
		}
		var d *webhook.Delivery
		if ok {
			d = &rec
		}
		it.failed = !b.act(ctx, it, d)
	}
}

func (b *batch) recordOf(key webhook.DeliveryKey) (webhook.Delivery, bool) {
	d, ok := b.records[key]
	return d, ok
}

func (b *batch) reload(ctx context.Context, key webhook.DeliveryKey) (webhook.Delivery, bool, error) {
	_, records, err := b.Store.Load(ctx, nil, []webhook.DeliveryKey{key})
	if err != nil {
		b.fault(ctx, "delivery.reload", Message{Tenant: key.Tenant, Webhook: key.Webhook, Event: key.Event}, err)
		return webhook.Delivery{}, false, err
	}
	d, ok := records[key]
	return d, ok, nil
}

// act does what a message has to do, and reports whether it is done with.
func (b *batch) act(ctx context.Context, it *item, d *webhook.Delivery) (done bool) {
	m := it.msg
	switch decide(m, it.id, d, b.now()) {
	case attempt, redrive:
		return b.attempt(ctx, it, d)
	case wait:
		return b.postpone(ctx, it, d.NextAt)
	case repark:
		return b.schedule(ctx, it, *d)
	case finished:
		return b.end(ctx, *d, true)
	}
	b.Log.DebugContext(ctx, "delivery.dropped", "webhook", m.Webhook, "event", m.Event, "round", m.Round, "attempt", m.Attempt)
	return true
}

// fault logs an error of ours. An alarm counts it, and takes back a release that is being made: a receiver's failure is
// no fault, nor is what somebody else put into a queue.
func (b *batch) fault(ctx context.Context, what string, m Message, err error) {
	b.Log.LogAttrs(ctx, slog.LevelError, what, slog.String("tenant", m.Tenant), slog.String("webhook", m.Webhook),
		slog.String("event", m.Event), slog.Any("err", err))
}
