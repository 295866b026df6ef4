package delivery

import (
	"context"
	"log/slog"
	"time"

	"hookline/shared/dialect"
	"hookline/shared/queue"
	"hookline/shared/systemevent"
	"hookline/shared/webhook"
)

const (
	// deadAfter is how long a webhook may fail every attempt before it is made inactive. Svix has the same five days:
	// https://docs.svix.com/retries, Disabling failing endpoints.
	deadAfter = 5 * 24 * time.Hour
	// markEvery bounds how often one process writes that a webhook has begun to fail, and how often that it is failing:
	// an endpoint that fails every other time is not worth a write a second.
	markEvery = time.Minute
	// healthTries is how often a webhook that turns failing is read again when its health was changed meanwhile.
	healthTries = 3
)

// A change of a webhook's state is queued before it is made (package systemevent). When that is not possible the change is not
// made either: the next attempt that shows the same tries again.

// recovered clears what failed attempts left on a webhook. An error here is logged and fails no delivery.
func (b *batch) recovered(ctx context.Context, w webhook.Webhook, eventType string) {
	if b.healthOf(w) == (webhook.Health{}) {
		return
	}
	b.changing.Lock()
	defer b.changing.Unlock()
	if w.Health = b.healthOf(w); w.Health == (webhook.Health{}) {
		return
	}
	if !w.Health.FailingSince.IsZero() && b.queueChange(ctx, systemevent.Recovered(w, b.now()), eventType) != nil {
		return
	}
	if ok, _ := b.setHealth(ctx, w, webhook.Health{}); ok && !w.Health.FailingSince.IsZero() {
		b.changed(ctx, w, webhook.Active, "a delivery succeeded")
	}
}

// failed notes a failed attempt that has a next one: when the failing began, or that nothing has succeeded for days.
func (b *batch) failed(ctx context.Context, w webhook.Webhook, rec webhook.Delivery) {
	h := b.healthOf(w)
	if !h.UnhealthySince.IsZero() && !dead(h, rec, b.now()) {
		return
	}
	b.changing.Lock()
	defer b.changing.Unlock()
	w.Health = b.healthOf(w)
	if dead(w.Health, rec, b.now()) {
		_ = b.disable(ctx, w, rec, systemevent.FailingForDays) // the next attempt that fails tries again
		return
	}
	b.unhealthy(ctx, w, rec)
}

// exhausted notes a round's last attempt, which failed: that the receiver said 410 Gone, that the dialect counts the
// webhook as failing now, or what failed notes. again says that it may have been noted before. An error means that it
// has to be noted again.
func (b *batch) exhausted(ctx context.Context, w webhook.Webhook, d *dialect.Dialect, rec webhook.Delivery, again bool) error {
	b.changing.Lock()
	defer b.changing.Unlock()
	w.Health = b.healthOf(w)
	a := rec.LastAttempt()
	if again && (!w.Active || w.UpdatedAt.After(a.StartedAt)) {
		return nil // its owner, or this very attempt, has changed it since
	}
	switch {
	case a.StatusCode == statusGone:
		return b.disable(ctx, w, rec, systemevent.Gone)
	case dead(w.Health, rec, b.now()):
		return b.disable(ctx, w, rec, systemevent.FailingForDays)
	case again && (w.Health.UnhealthySince.IsZero() || w.Health.UnhealthySince.After(a.StartedAt)):
		return nil // another attempt has succeeded since
	case d.FailingWhenExhausted:
		return b.failing(ctx, w, rec)
	}
	b.unhealthy(ctx, w, rec)
	return nil
}

// dead reports whether a failed attempt makes five days of nothing else. The first attempt after a long silence does
// not, but its retry does: a receiver that is down for a moment once a week is not dead.
func dead(h webhook.Health, rec webhook.Delivery, now time.Time) bool {
	return !h.UnhealthySince.IsZero() && now.Sub(h.UnhealthySince) >= deadAfter && (rec.Count > 1 || rec.Status == webhook.Failed)
}

// unhealthy notes when the failing began.
func (b *batch) unhealthy(ctx context.Context, w webhook.Webhook, rec webhook.Delivery) {
	if !w.Health.UnhealthySince.IsZero() || !b.mayMark(w.Ref, webhook.Active) {
		return
	}
	to := w.Health
	to.UnhealthySince = rec.LastAttempt().StartedAt
	_, _ = b.setHealth(ctx, w, to)
}

// failing turns a webhook failing. It may lose a race against attempts that note something else.
func (b *batch) failing(ctx context.Context, w webhook.Webhook, rec webhook.Delivery) error {
	if !w.Health.FailingSince.IsZero() || !b.mayMark(w.Ref, webhook.Failing) {
		return nil
	}
	at := b.now()
	err := b.queueChange(ctx, systemevent.Failing(w, at), rec.Type)
	for try := 0; err == nil && w.Health.FailingSince.IsZero(); try++ {
		to := w.Health
		to.FailingSince = at
		if to.UnhealthySince.IsZero() {
			to.UnhealthySince = rec.LastAttempt().StartedAt
		}
		var ok bool
		if ok, err = b.setHealth(ctx, w, to); ok {
			b.changed(ctx, w, webhook.Failing, "a delivery ran out of attempts")
			return nil
		}
		if err != nil || try == healthTries {
			break
		}
		var now webhook.Webhook
		if now, err = b.Deliverer.Health.Webhook(ctx, w.Ref); webhook.Is(err, webhook.NotFound) {
			return nil
		}
		if err != nil {
			b.Log.ErrorContext(ctx, "webhook.health", "webhook", w.ID, "err", err)
		}
		w.Health = now.Health
	}
	if err != nil {
		b.unmark(w.Ref, webhook.Failing)
	}
	return err
}

// healthOf returns the webhook's health as far as this batch knows.
func (b *batch) healthOf(w webhook.Webhook) webhook.Health {
	b.mu.Lock()
	defer b.mu.Unlock()
	if h, ok := b.health[w.Ref]; ok {
		return h
	}
	return w.Health
}

// setHealth changes the webhook's health from what is in w, and reports whether it did: somebody else may have been
// quicker.
func (b *batch) setHealth(ctx context.Context, w webhook.Webhook, to webhook.Health) (bool, error) {
	ok, err := b.Deliverer.Health.SetHealth(ctx, w.Ref, w.Health, to)
	if err != nil {
		b.Log.ErrorContext(ctx, "webhook.health", "webhook", w.ID, "err", err)
	}
	if ok {
		b.mu.Lock()
		b.health[w.Ref] = to
		b.mu.Unlock()
	}
	return ok, err
}

// disable makes a webhook inactive. A change by its owner in between wins, and so does a success elsewhere, but for
// one that is noted between the read and the write.
func (b *batch) disable(ctx context.Context, w webhook.Webhook, rec webhook.Delivery, reason string) error {
	now, err := b.Deliverer.Health.Webhook(ctx, w.Ref)
	if webhook.Is(err, webhook.NotFound) {
		return nil
	}
	if err != nil {
		b.Log.ErrorContext(ctx, "webhook.disable", "webhook", w.ID, "err", err)
		return err
	}
	if !now.Active || now.Version != w.Version || reason == systemevent.FailingForDays && !dead(now.Health, rec, b.now()) {
		return nil
	}
	at := b.now()
	if err := b.queueChange(ctx, systemevent.Disabled(now, at, reason), rec.Type); err != nil {
		return err
	}
	old := now
	now.Active, now.UpdatedAt = false, at
	now.KeepSince(old, at)
	if err := b.Deliverer.Health.UpdateWebhook(ctx, now, false); webhook.Is(err, webhook.Conflict) {
		return nil
	} else if err != nil {
		b.Log.ErrorContext(ctx, "webhook.disable", "webhook", w.ID, "err", err)
		return err
	}
	why := "the receiver answered 410 Gone"
	if reason == systemevent.FailingForDays {
		why = "nothing has succeeded for 5 days"
	}
	b.changed(ctx, w, webhook.Inactive, why)
	return nil
}

// queueChange queues what is about to change. eventType is that of the delivery which shows it. If that is a system event
// itself, the change is not published as another, or two webhooks could keep each other busy for ever.
func (b *batch) queueChange(ctx context.Context, c systemevent.Change, eventType string) error {
	if b.Changes == nil {
		return nil
	}
	c.Unpublished = webhook.IsSystemType(eventType)
	err := queue.SendAll(ctx, b.Changes, []queue.Outgoing{c.Outgoing(time.Now())})
	if err != nil {
		b.Log.ErrorContext(ctx, "webhook.tell", "tenant", c.Tenant, "webhook", c.Webhook, "type", c.Type, "err", err)
	}
	return err
}

// changed logs that a webhook has another status.
func (b *batch) changed(ctx context.Context, w webhook.Webhook, to webhook.Status, why string) {
	b.Log.LogAttrs(ctx, slog.LevelInfo, "webhook.status", slog.String("tenant", w.Tenant), slog.String("webhook", w.ID),
		slog.String("status", string(to)), slog.String("why", why))
}

// mark is when a process last wrote that a webhook is no longer of a status.
type mark struct {
	ref webhook.Ref
	of  webhook.Status // Active: it has begun to fail
}

// mayMark reports whether it may be written that the webhook has begun to fail, or is failing.
func (d *Deliverer) mayMark(ref webhook.Ref, of webhook.Status) bool {
	now := d.now()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.marked == nil {
		d.marked = make(map[mark]time.Time)
	}
	m := mark{ref, of}
	if last, ok := d.marked[m]; ok && now.Sub(last) < markEvery {
		return false
	}
	if len(d.marked) > 10_000 {
		clear(d.marked) // a bound on memory; forgetting costs a write
	}
	d.marked[m] = now
	return true
}

// unmark says that nothing was written after all.
func (d *Deliverer) unmark(ref webhook.Ref, of webhook.Status) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.marked, mark{ref, of})
}
