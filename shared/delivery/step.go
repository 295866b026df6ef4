package delivery

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"time"

	"hookline/shared/message"
	"hookline/shared/metrics"
	"hookline/shared/queue"
	"hookline/shared/systemevent"
	"hookline/shared/webhook"
)

const (
	// longestHidden is the longest rung that a hidden message waits out. Beyond it the delay would count against the
	// queue's in-flight cap for too long.
	longestHidden = time.Minute
	// visibilityMargin keeps a hidden message clear of the 12 hours that count from its receive, which was a while ago.
	visibilityMargin = 10 * time.Minute
	// readingAge is for how long a queue's counts are good enough to tell pressure by.
	readingAge = 10 * time.Second
)

// via returns how a wait will be waited out.
func (d *Deliverer) via(ctx context.Context, source Queue, wait time.Duration) webhook.Via {
	if wait <= longestHidden && d.room(ctx, source) {
		return webhook.ViaVisibility
	}
	return webhook.ViaQueue
}

// schedule sees to it that the record's next attempt comes up: the message itself comes back, or another is sent for
// it. It may be repeated, before that attempt, by the record's owner.
func (b *batch) schedule(ctx context.Context, it *item, d webhook.Delivery) (done bool) {
	left := d.NextAt.Sub(b.now())
	if d.Via == webhook.ViaVisibility {
		err := b.source.Hide(ctx, []queue.Visibility{{Handle: it.Handle, For: max(left, 0)}})
		if err == nil {
			return false
		}
		if !beyondLimit(err) {
			// It comes back when its visibility timeout ends, and then is late or repeats this step.
			b.fault(ctx, "delivery.park", it.msg, err)
			return false
		}
	}
	// A crash between this and the acknowledgement leaves two messages for one attempt; the first to record it wins.
	if err := queue.SendAll(ctx, b.Queues.Retry, []queue.Outgoing{message.Next(d).Outgoing(left)}); err != nil {
		b.fault(ctx, "delivery.retry", it.msg, err)
		return false
	}
	return true
}

// park has messages that came early come up again at their time, without reading anything. They stay, hidden for what is
// left; or, when the queue is under pressure, copies go to RetryQueue by delays of at most 15 minutes, which are not in flight.
func (b *batch) park(ctx context.Context, early []*item) {
	now := b.now()
	left := func(it *item) time.Duration { return time.UnixMilli(it.msg.Due).Sub(now) }
	var hidden, hopping []*item
	var copies []queue.Outgoing
	for _, it := range early {
		if b.room(ctx, b.source) {
			hidden = append(hidden, it)
			continue
		}
		hopping = append(hopping, it)
		copies = append(copies, it.msg.Outgoing(left(it)))
	}
	if err := queue.SendAll(ctx, b.Queues.Retry, copies); err != nil {
		b.fault(ctx, "delivery.hop", hopping[0].msg, err)
		for _, it := range hopping {
			it.stays = true // some may have been sent: copies collapse
		}
	}
	b.hide(ctx, hidden, left)
}

// hide has messages stay in their queues and come back after a span each, under the 12-hour cap.
func (b *batch) hide(ctx context.Context, items []*item, span func(*item) time.Duration) {
	var all []queue.Visibility
	for _, it := range items {
		it.stays = true
		all = append(all, queue.Visibility{
			Handle: it.Handle, For: min(max(span(it), 0), queue.MaxVisibility-visibilityMargin),
		})
	}
	for vs := range slices.Chunk(all, queue.MaxBatch) {
		if err := b.source.Hide(ctx, vs); err != nil {
			// They come back when their visibility timeout ends and are parked then.
			b.fault(ctx, "delivery.park", message.Message{}, err)
		}
	}
}

// afterFailedRound does what follows a round that failed: what it means for the webhook, and the dead letter. The record's owner
// repeats it until all is done; again says that it has been begun before.
func (b *batch) afterFailedRound(ctx context.Context, rec webhook.Delivery, again bool) (done bool) {
	done = true
	if rec.DeadLetter() {
		done = b.bury(ctx, rec)
	}
	w, ok := b.webhooks[webhook.Ref{Tenant: rec.Tenant, ID: rec.Webhook}]
	if a := rec.LastAttempt(); !ok || a == nil || a.Error.Unsent() {
		return done
	}
	d, err := b.Dialects.Dialect(ctx, rec.Dialect)
	if err != nil {
		b.fault(ctx, "delivery.dialect", message.Next(rec), err)
		return false
	}
	return b.exhausted(ctx, w, d, rec, again) == nil && done
}

// bury queues the change that a delivery ran out of attempts, and sends its dead letter. Twice is harmless: a change is
// published once, and a second dead letter, redriven, finds the next round begun.
func (b *batch) bury(ctx context.Context, d webhook.Delivery) (done bool) {
	// A system event that cannot be delivered makes no system event in turn.
	if !webhook.IsSystemType(d.Type) && b.queueChange(ctx, systemevent.Failed(d), d.Type) != nil {
		return false
	}
	m := message.Next(d)
	m.Due, m.Attempt = 0, 1
	m.Dead = &message.Death{At: message.Millis(b.now())}
	if a := d.LastAttempt(); a != nil {
		m.Dead.Reason, m.Dead.Status = string(a.Error), a.StatusCode
	}
	if err := queue.SendAll(ctx, b.Queues.Dead, []queue.Outgoing{m.Outgoing(0)}); err != nil {
		b.fault(ctx, "delivery.bury", m, err)
		return false
	}
	metrics.Add(ctx, metrics.DeadLetters, 1)
	return true
}

// poison moves what is no message of ours to the dead-letter queue at once: read again it would be no better. level says
// whether that is an error of ours. Poison that was redriven has been logged before.
func (b *batch) poison(ctx context.Context, it *item, level slog.Level, why error) error {
	var old poisoned
	if json.Unmarshal([]byte(it.Body), &old) == nil && old.Poison != "" {
		level = slog.LevelWarn
	} else {
		old = poisoned{Poison: it.Body, Dead: message.Death{Reason: why.Error(), At: message.Millis(b.now())}}
	}
	b.Log.LogAttrs(ctx, level, "delivery.poison", slog.String("message_id", it.ID), slog.Any("err", why))
	body, _ := json.Marshal(old) // strings and numbers
	err := queue.SendAll(ctx, b.Queues.Dead, []queue.Outgoing{{Body: string(body)}})
	if err != nil {
		b.fault(ctx, "delivery.bury", it.msg, err)
		return err
	}
	metrics.Add(ctx, metrics.DeadLetters, 1)
	return nil
}

// rollout is for how long a message stays in its queue that this release does not understand: a later one's processes, which
// take messages beside ours while it is rolled out, may understand it. A canary takes minutes.
const rollout = 30 * time.Minute

// leaveToLater leaves a message in its queue whose dialect or body this release does not know. It is no error of ours, which
// would take back the release that is being rolled out. Afterwards the message becomes a dead letter, whole and not stamped, so
// that it is an attempt when it is redriven, as if it had never been away. A record that is pending meanwhile is the sweeper's.
func (b *batch) leaveToLater(ctx context.Context, it *item, why error) (done bool) {
	waiting := b.now().Sub(it.FirstReceived) < rollout
	level := slog.LevelError
	if waiting {
		level = slog.LevelWarn
	}
	m := it.msg
	b.Log.LogAttrs(ctx, level, "delivery.unknown", slog.String("tenant", m.Tenant), slog.String("webhook", m.Webhook),
		slog.String("event", m.Event), slog.Any("err", why))
	if waiting {
		return false
	}
	err := queue.SendAll(ctx, b.Queues.Dead, []queue.Outgoing{{Body: it.Body, Group: m.Webhook}})
	if err != nil {
		b.fault(ctx, "delivery.bury", m, err)
	}
	return err == nil
}

// poisoned is a poison message as a dead letter. Redriven it is poison again, and stays as it is.
type poisoned struct {
	Poison string        `json:"poison"`
	Dead   message.Death `json:"x"`
}

// reading is how many messages a queue has in flight: as last counted, and those parked here since.
type reading struct {
	at       time.Time
	inFlight int
	parked   int // since then
}

// room reports whether one more message may be parked in the queue by hiding it, and counts it. Only half of what a
// queue can hold in flight is used so: past the cap a standard queue gives out nothing, without an error. Others park in
// it too, unseen until it is counted again: so each process counts again when it has parked its share of a quarter. When
// in doubt there is no room.
func (d *Deliverer) room(ctx context.Context, q Queue) bool {
	limit := cmp.Or(d.InFlight, queue.MaxInFlight)
	d.mu.Lock()
	defer d.mu.Unlock()
	r, ok := d.parked[q]
	if !ok || time.Since(r.at) >= readingAge || r.parked >= max(limit/4/max(d.batches(q), 1), 1) {
		c, err := q.Counts(ctx)
		if err != nil {
			d.Log.ErrorContext(ctx, "queue.counts", "err", err)
			return false
		}
		r = reading{at: time.Now(), inFlight: c.InFlight}
	}
	has := r.inFlight+r.parked < limit/2
	if has {
		r.parked++
	}
	if d.parked == nil {
		d.parked = make(map[Queue]reading)
	}
	d.parked[q] = r
	return has
}

// batches returns how many batches of the queue are worked on at a time, each perhaps by another process.
func (d *Deliverer) batches(q Queue) int {
	switch q {
	case d.Queues.Delivery:
		return d.Batches.Delivery
	case d.Queues.Bulk:
		return d.Batches.Bulk
	}
	return d.Batches.Retry
}

func beyondLimit(err error) bool {
	if partial, ok := errors.AsType[*queue.PartialError](err); ok {
		for _, e := range partial.Failed {
			if errors.Is(e, queue.ErrBeyondLimit) {
				return true
			}
		}
	}
	return errors.Is(err, queue.ErrBeyondLimit)
}
