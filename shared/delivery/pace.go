package delivery

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"time"

	"hookline/shared/message"
	"hookline/shared/queue"
	"hookline/shared/webhook"
)

// How a webhook is held to its max_per_second. Each attempt takes a slot: one atomic add for a webhook and batch. A
// message whose slot is within sight is parked until then. Those further off stand in lines: one message holds some fifty
// of them, comes up every step, and lets go of those within sight. So a changed rate finds all that waits within a step
// or sight, whatever was reserved under the old one: a slot counts under the setting it was reserved under and no other.
//
// A parked message cannot be called back, so something has to look; this is what it costs. A line is within 64 KiB, SQS's
// unit of billing: a step is one receive for it, and one ChangeMessageVisibilityBatch for ten. 10,000 events of 1 KB at 10
// a second wait 500 s on average, 170 steps, and take 3.0 requests to queues for each delivery ($1.20 for a million), of
// which 0.9 are the steps'. Each message by itself would take 34 for the same steps, and waiting in the table two writes
// and two of the index, $2.50 for a million.
const (
	// step is how long a line rests, and sight how far ahead slots are parked for one by one. Both are within the 5 s that a
	// raised rate may take to hold, with what SQS rounds up and a poll; sight is the longer, so that no slot is missed.
	step  = 3 * time.Second
	sight = 4 * time.Second
	// maxLine is how much of messages one line holds, in bytes: with what goes around them it is within 64 KiB.
	maxLine = 60 << 10
	// maxSteps is how often a line comes up before it is sent anew: far from the queue's maxReceiveCount, and often enough
	// that a clock which was set back is noticed.
	maxSteps = 20
)

// pace returns the messages that are to be attempted now, and has the others wait for their webhooks' rate.
func (b *batch) pace(ctx context.Context, groups [][]*item) [][]*item {
	limited := make(map[webhook.Ref][][]*item)
	var refs []webhook.Ref // of limited, in the order of the batch
	var ready [][]*item
	var early []*item
	now := b.now()
	for _, g := range groups {
		m := g[0].msg
		w := b.webhooks[m.Target()]
		slot := time.UnixMilli(m.Due)
		switch {
		case w.MaxPerSecond == 0 || !w.Active || !g[0].attempts():
			ready = append(ready, g)
		case m.Pace != w.Pace().String() || b.owner(g[0]) || slot.After(now.Add(sight)):
			if limited[w.Ref] == nil {
				refs = append(refs, w.Ref)
			}
			limited[w.Ref] = append(limited[w.Ref], g)
		case slot.After(now):
			early = append(early, g...)
		default:
			ready = append(ready, g)
		}
	}
	b.park(ctx, early)
	for _, ref := range refs {
		gs, p := limited[ref], b.webhooks[ref].Pace()
		start, err := b.Store.ReserveSlots(ctx, ref, p, len(gs), now)
		if err != nil {
			b.fault(ctx, "delivery.pace", gs[0][0].msg, err)
			stay(gs)
			continue
		}
		var waiting []message.Message
		var left [][]*item
		for i, g := range gs {
			slot := start.Add(p.Span(i))
			if !slot.After(now) {
				ready = append(ready, g)
				continue
			}
			left = append(left, g)
			for _, it := range g {
				m := b.copyOf(it)
				m.Due = slot.UnixMilli()
				waiting = append(waiting, m)
			}
		}
		if err := b.lineUp(ctx, ref, p, waiters(waiting)); err != nil {
			b.fault(ctx, "delivery.pace", waiting[0], err)
			stay(left)
		}
	}
	return ready
}

// owner reports whether the message has made its delivery's last attempt, and so has used its slot.
func (b *batch) owner(it *item) bool {
	d, ok := b.records[it.msg.Key()]
	return ok && d.Owner == it.ID
}

// waiters returns what waits in a line for messages whose slots are in Due.
func waiters(msgs []message.Message) []waiter {
	all := make([]waiter, len(msgs))
	for i, m := range msgs {
		due := m.Due
		m.Due, m.Pace = 0, ""
		body, _ := json.Marshal(m) // as in Outgoing
		all[i] = waiter{due, string(body)}
	}
	return all
}

// lineUp has what waits for one webhook's rate come up at its slots: what is within sight by itself, the rest in lines. A
// crash before what it came from is acknowledged leaves copies.
func (b *batch) lineUp(ctx context.Context, ref webhook.Ref, p webhook.Pace, waiting []waiter) error {
	now := b.now()
	slices.SortStableFunc(waiting, func(a, b waiter) int { return cmp.Compare(a.due, b.due) })
	near := 0
	for near < len(waiting) && waiting[near].due <= now.Add(sight).UnixMilli() {
		near++
	}
	out := alone(waiting[:near], p.String(), now)
	for _, l := range lines(line{Tenant: ref.Tenant, Webhook: ref.ID, Pace: p.String(), At: now.UnixMilli()}, waiting[near:]) {
		out = append(out, l.outgoing())
	}
	return queue.SendAll(ctx, b.Queues.Retry, out)
}

// alone returns messages for what has waited in a line, with their slots if pace has a setting, and else for at once.
// One that is none of ours is poison when it comes by itself.
func alone(waiting []waiter, pace string, now time.Time) []queue.Outgoing {
	var out []queue.Outgoing
	for _, w := range waiting {
		m, err := message.Parse(w.body)
		if err != nil {
			out = append(out, queue.Outgoing{Body: w.body})
			continue
		}
		left := time.Duration(0)
		if pace != "" {
			m.Due, m.Pace = w.due, pace
			left = time.UnixMilli(w.due).Sub(now)
		}
		out = append(out, m.Outgoing(left))
	}
	return out
}

// advance takes lines a step further.
func (b *batch) advance(ctx context.Context, items []*item) {
	byWebhook := make(map[webhook.Ref][]*item)
	var refs []webhook.Ref // in the order of the batch
	for _, it := range items {
		ref := it.line.webhook()
		if byWebhook[ref] == nil {
			refs = append(refs, ref)
		}
		byWebhook[ref] = append(byWebhook[ref], it)
	}
	for _, ref := range refs {
		changing := b.still(ctx, ref, byWebhook[ref])
		if len(changing) == 0 {
			continue
		}
		err := b.change(ctx, ref, changing)
		if err != nil {
			b.fault(ctx, "delivery.line", message.Message{Tenant: ref.Tenant, Webhook: ref.ID}, err)
		}
		for _, it := range changing {
			it.stays = err != nil
		}
	}
}

// still hides those of a webhook's lines that stay as they are for a step, and returns the others.
func (b *batch) still(ctx context.Context, ref webhook.Ref, its []*item) (changing []*item) {
	w, now := b.webhooks[ref], b.now()
	size := 0
	for _, it := range its {
		size += it.line.size()
	}
	merge := (size+maxLine-1)/maxLine < len(its)
	var same []*item
	for _, it := range its {
		l := it.line
		if merge || w.MaxPerSecond == 0 || !w.Active || l.outdated(w.Pace(), now) || l.waiting[0].due <= now.Add(sight).UnixMilli() ||
			it.ReceiveCount >= maxSteps || !b.room(ctx, b.source) {
			changing = append(changing, it)
			continue
		}
		same = append(same, it)
	}
	b.hide(ctx, same, func(*item) time.Duration { return step })
	return changing
}

// change moves up a webhook's lines, as one. Without a rate to hold, all that waits goes on at once.
func (b *batch) change(ctx context.Context, ref webhook.Ref, its []*item) error {
	w, now := b.webhooks[ref], b.now()
	p := w.Pace()
	var waiting, anew []waiter
	for _, it := range its {
		outdated := it.line.outdated(p, now)
		for _, one := range it.line.waiting {
			// Slots that passed while nobody looked are lost too: what held them must not go out all at once.
			if outdated || one.due < now.Add(-sight).UnixMilli() {
				anew = append(anew, one)
			} else {
				waiting = append(waiting, one)
			}
		}
	}
	if w.MaxPerSecond == 0 || !w.Active {
		return queue.SendAll(ctx, b.Queues.Retry, alone(append(waiting, anew...), "", now))
	}
	if len(anew) > 0 {
		start, err := b.Store.ReserveSlots(ctx, ref, p, len(anew), now)
		if err != nil {
			return err
		}
		for i := range anew {
			anew[i].due = start.Add(p.Span(i)).UnixMilli()
		}
	}
	return b.lineUp(ctx, ref, p, append(waiting, anew...))
}

// attempts reports whether the message will make an attempt now.
func (it *item) attempts() bool { return it.verdict == attempt || it.verdict == redrive }

// copyOf returns what another message must hold to stand for this one. It has another id, so that it counts only by the
// attempt it is for.
func (b *batch) copyOf(it *item) message.Message {
	if d, ok := b.records[it.msg.Key()]; ok && d.Owner == it.ID && d.Status == webhook.Pending {
		return message.Next(d)
	}
	return it.msg
}

// stay has messages stay in their queue and come back.
func stay(groups [][]*item) {
	for _, g := range groups {
		for _, it := range g {
			it.stays = true
		}
	}
}
