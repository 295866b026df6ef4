package delivery

import (
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"sync"

	"hookline/shared/message"
	"hookline/shared/metrics"
	"hookline/shared/queue"
	"hookline/shared/webhook"
)

// Jobs works off replay jobs, whose messages travel among those of deliveries.
type Jobs interface {
	// Work takes a job some way further. When it returns nil its message is done with: the job has ended, or another
	// message carries it.
	Work(ctx context.Context, tenant, id string) error
}

// work has a replay job worked on; what fails comes back.
func (d *Deliverer) work(ctx context.Context, it *item, m message.Job) {
	if err := d.Jobs.Work(ctx, m.Tenant, m.ID); err != nil {
		it.stays = true
		d.Log.LogAttrs(ctx, slog.LevelError, "replay.work", slog.String("tenant", m.Tenant), slog.String("replay", m.ID), slog.Any("err", err))
	}
}

// Erasures works off erasures, whose messages travel among those of deliveries.
type Erasures interface {
	// Work takes an erasure some way further. When it returns nil its message is done with.
	Work(ctx context.Context, m message.Erasure) error
}

// parseErasure reads the message of an erasure. To a release that knew none it was poison; as a dead letter it comes back so.
func parseErasure(body string) (message.Erasure, bool) {
	var old poisoned
	if strings.HasPrefix(body, `{"poison":`) && json.Unmarshal([]byte(body), &old) == nil {
		body = old.Poison
	}
	return message.ParseErasure(body)
}

// erase has an erasure worked on; what fails comes back.
func (d *Deliverer) erase(ctx context.Context, it *item, m message.Erasure) {
	if err := d.Erasures.Work(ctx, m); err != nil {
		it.stays = true
		d.Log.LogAttrs(ctx, slog.LevelError, "erasure.work", slog.String("tenant", m.Tenant), slog.String("entry", m.Entry), slog.Any("err", err))
	}
}

// atOnce is how many records StartRounds writes side by side.
const atOnce = 32

// StartRounds starts a new round on each record that wants one, for a replay job, and queues them on the bulk queue. It
// returns how many of the records have got the job's round, those too that had it already: called again after a crash
// it queues again what has no attempt yet, and starts nothing twice. After an error some may have been started.
func (d *Deliverer) StartRounds(ctx context.Context, job string, records []webhook.Delivery, wants func(webhook.Delivery) bool) (int, error) {
	var (
		mu    sync.Mutex
		msgs  []queue.Outgoing
		got   int
		fault error
		wg    sync.WaitGroup
	)
	free := make(chan struct{}, atOnce)
	for _, rec := range records {
		free <- struct{}{}
		wg.Go(func() {
			defer func() { <-free }()
			rec, mine, err := d.startRound(ctx, job, rec, wants)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err != nil:
				fault = err
			case mine:
				got++
				if rec.Status == webhook.Pending && rec.Count == 0 {
					msgs = append(msgs, message.Next(rec).Outgoing(0))
				}
			}
		})
	}
	wg.Wait()
	// The started deliveries are queued also when something else failed: the sooner the fewer are left to the next call.
	if err := queue.SendAll(ctx, d.Queues.Bulk, msgs); err != nil {
		return 0, webhook.ErrUnavailable(err)
	}
	return got, fault
}

// startRound gives one record the job's round, unless it has it or does not want it, and reports whether it has it now.
func (d *Deliverer) startRound(ctx context.Context, job string, rec webhook.Delivery, wants func(webhook.Delivery) bool) (webhook.Delivery, bool, error) {
	for try := 0; ; try++ {
		if rec.Job == job {
			return rec, true, nil
		}
		if !wants(rec) {
			return rec, false, nil
		}
		again := d.anew(rec)
		again.Job = job
		err := d.Store.SaveDelivery(ctx, again, rec.Rev())
		if err == nil {
			metrics.Add(ctx, metrics.Replays, 1)
			return again, true, nil
		}
		if try == replayTries || !webhook.Is(err, webhook.Conflict) && (!webhook.Is(err, webhook.Unavailable) || !pause(ctx, saveWait<<try)) {
			return rec, false, err
		}
		// An attempt was recorded in between, or the write was made although its answer was lost.
		_, records, err := d.Store.Load(ctx, nil, []webhook.DeliveryKey{rec.DeliveryKey})
		if err != nil {
			return rec, false, err
		}
		now, ok := records[rec.DeliveryKey]
		if !ok {
			return rec, false, nil // it has expired
		}
		rec = now
	}
}

// anew returns a record at the beginning of its next round.
func (d *Deliverer) anew(rec webhook.Delivery) webhook.Delivery {
	now := d.now()
	rec.Round, rec.Count, rec.Status, rec.Owner, rec.Via, rec.NextAt = rec.Round+1, 0, webhook.Pending, "", webhook.ViaQueue, now
	rec.ExpiresAt = now.Add(webhook.Retention(d.Retention, rec.RetentionDays))
	return rec
}

// StartFirst starts the first round of deliveries that a webhook does not have, for a replay job: the events' bodies are
// made in the tenant's dialect and the webhook's format as they are now. It is otherwise as StartRounds, and leaves out an
// event whose body cannot be made.
func (d *Deliverer) StartFirst(ctx context.Context, job string, t webhook.Tenant, w webhook.Webhook, events []webhook.Event) (int, error) {
	dl, err := d.Dialects.Dialect(ctx, t.Dialect)
	if err != nil {
		return 0, err
	}
	var records []webhook.Delivery
	for _, ev := range events {
		ev.RetentionDays = t.RetentionDays
		m, err := d.firstFor(ctx, dl, ev, w)
		switch {
		case webhook.Is(err, webhook.Unavailable):
			return 0, err
		case err != nil:
			d.Log.LogAttrs(ctx, slog.LevelWarn, "replay.body", slog.String("tenant", t.ID), slog.String("event", ev.ID), slog.Any("err", err))
			continue
		}
		rec := m.Record(d.retention())
		rec.Round, rec.Status = 0, "" // there is none yet, which is the zero Rev
		records = append(records, rec)
	}
	return d.StartRounds(ctx, job, records, func(rec webhook.Delivery) bool { return rec.Rev() == (webhook.Rev{}) })
}
