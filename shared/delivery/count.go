package delivery

import (
	"context"
	"time"

	"hookline/shared/metrics"
	"hookline/shared/webhook"
)

// count counts the attempt that the message's record has got. The time to a first attempt begins when it was due: at
// acceptance, later where the webhook's rate put it off or a replay began the delivery.
func (b *batch) count(ctx context.Context, it *item, rec webhook.Delivery) {
	if it.msg.Dead != nil && rec.Count == 1 {
		metrics.Add(ctx, metrics.Replays, 1) // it was redriven
	}
	a := rec.LastAttempt()
	if a.Error.Unsent() {
		return
	}
	due := a.ScheduledAt
	if slot := time.UnixMilli(it.msg.Due); rec.Total == 1 {
		if slot.After(due) {
			due = slot
		}
		metrics.Observe(ctx, metrics.FirstAttemptDelay, a.StartedAt.Sub(due))
	} else {
		due = rec.AcceptedAt
	}
	metrics.Add(ctx, outcome(a.Error), 1)
	if rec.Status != webhook.Succeeded {
		return
	}
	metrics.Add(ctx, metrics.Delivered, 1)
	if rec.Round == 1 {
		metrics.Observe(ctx, metrics.SuccessDelay, b.now().Sub(due))
	}
}

// outcome returns what an attempt is counted as.
func outcome(e webhook.AttemptError) metrics.Metric {
	switch e {
	case "":
		return metrics.AttemptsSucceeded
	case webhook.ReasonTimeout:
		return metrics.AttemptsTimeout
	case webhook.ReasonDNS, webhook.ReasonConnect, webhook.ReasonTLS, webhook.ReasonBlockedTarget:
		return metrics.AttemptsUnreachable
	}
	return metrics.AttemptsFailed
}
