package delivery

import (
	"context"
	"log/slog"
	"time"

	"hookline/shared/webhook"
)

const (
	// deadAfter is how long a webhook may fail every attempt before it is made inactive. Svix documents the same.
	deadAfter = 5 * 24 * time.Hour
	// markEvery bounds how often one process writes that a webhook has begun to fail: an endpoint that fails every
	// other time is not worth a write a second.
	markEvery = time.Minute
)

// recovered clears what failed attempts left on a webhook. What goes wrong here is logged and fails no delivery.
func (b *batch) recovered(ctx context.Context, w webhook.Webhook) {
	from := b.healthOf(w)
	if from == (webhook.Health{}) {
		return
	}
	b.setHealth(ctx, w, from, webhook.Health{})
}

// failed notes a failed attempt on its webhook: when the failing began, that the dialect counts it as failing, that the
// receiver said 410 Gone, or that nothing has succeeded for days.
func (b *batch) failed(ctx context.Context, w webhook.Webhook, a webhook.Attempt, failing bool) {
	from, now := b.healthOf(w), b.now()
	if a.StatusCode == statusGone || !from.UnhealthySince.IsZero() && now.Sub(from.UnhealthySince) >= deadAfter {
		b.disable(ctx, w, a)
		return
	}
	to := from
	if to.UnhealthySince.IsZero() && b.mayMark(w.Ref, now) {
		to.UnhealthySince = a.StartedAt
	}
	if failing && to.FailingSince.IsZero() {
		to.FailingSince = now
	}
	if to != from {
		b.setHealth(ctx, w, from, to)
	}
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

func (b *batch) setHealth(ctx context.Context, w webhook.Webhook, from, to webhook.Health) {
	ok, err := b.Deliverer.Health.SetHealth(ctx, w.Ref, from, to)
	if err != nil {
		b.Log.ErrorContext(ctx, "webhook.health", "webhook", w.ID, "err", err)
		return
	}
	if !ok {
		return // somebody else saw it first
	}
	b.mu.Lock()
	b.health[w.Ref] = to
	b.mu.Unlock()
	w.Health = to
	if to.FailingSince != from.FailingSince {
		b.Log.InfoContext(ctx, "webhook.status", "tenant", w.Tenant, "webhook", w.ID, "status", string(w.Status()))
	}
}

// disable makes a webhook inactive. A change by its owner in between wins.
func (b *batch) disable(ctx context.Context, w webhook.Webhook, a webhook.Attempt) {
	now, err := b.Health.Webhook(ctx, w.Ref)
	if err != nil || !now.Active || now.Version != w.Version {
		return
	}
	now.Active = false
	now.UpdatedAt = b.now()
	now.KeepSince(w, now.UpdatedAt)
	if err := b.Health.UpdateWebhook(ctx, now, true); err != nil {
		if webhook.KindOf(err) != webhook.Conflict {
			b.Log.ErrorContext(ctx, "webhook.disable", "webhook", w.ID, "err", err)
		}
		return
	}
	b.Log.LogAttrs(ctx, slog.LevelInfo, "webhook.status", slog.String("tenant", w.Tenant), slog.String("webhook", w.ID),
		slog.String("status", string(webhook.Inactive)), slog.Int("code", a.StatusCode))
}

// mayMark reports whether the webhook may be written to for having begun to fail.
func (d *Deliverer) mayMark(ref webhook.Ref, now time.Time) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.marked == nil {
		d.marked = make(map[webhook.Ref]time.Time)
	}
	if last, ok := d.marked[ref]; ok && now.Sub(last) < markEvery {
		return false
	}
	if len(d.marked) > 10_000 {
		clear(d.marked) // a bound on memory; forgetting costs a write
	}
	d.marked[ref] = now
	return true
}
