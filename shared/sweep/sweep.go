// Package sweep queues deliveries again whose messages were lost.
package sweep

import (
	"context"
	"log/slog"
	"time"

	"hookline/shared/message"
	"hookline/shared/queue"
	"hookline/shared/webhook"
)

// Store is the part of store.Store that finds pending deliveries whose time has passed. It may be stale: a
// delivery that it misses is found the next time.
type Store interface {
	Overdue(ctx context.Context, before time.Time, page webhook.Page) (webhook.List[webhook.Delivery], error)
}

// Usage is the engine's own sum of what was used, where it has to be summed up in the background.
type Usage interface {
	// RollUsage sums up what is complete at now. It may be repeated.
	RollUsage(ctx context.Context, now time.Time) error
}

// Sweeper queues again what has been pending for an hour beyond its time: the proof that nothing stays behind,
// whatever became of its message. A message it makes counts only if the delivery's own never came.
type Sweeper struct {
	Store Store
	Queue queue.Sender
	Usage Usage // nil: there is nothing to sum up
	Now   func() time.Time
	Log   *slog.Logger
}

// Sweep queues all that is overdue and returns how many deliveries that were, and has the usage summed up. One that was swept before and still
// waits in the queue is queued once more; the copies collapse.
func (s *Sweeper) Sweep(ctx context.Context) (int, error) {
	before := s.Now().Add(-webhook.Overdue)
	page := webhook.Page{Limit: 100}
	swept := 0
	for {
		list, err := s.Store.Overdue(ctx, before, page)
		if err != nil {
			return swept, err
		}
		var msgs []queue.Outgoing
		for _, d := range list.Items {
			msgs = append(msgs, message.Next(d).Outgoing(0))
		}
		if err := queue.SendAll(ctx, s.Queue, msgs); err != nil {
			return swept, err
		}
		swept += len(msgs)
		if page.Cursor = list.Next; page.Cursor == "" {
			break
		}
	}
	if swept > 0 {
		s.Log.WarnContext(ctx, "delivery.swept", "count", swept)
	}
	if s.Usage != nil {
		return swept, s.Usage.RollUsage(ctx, s.Now())
	}
	return swept, nil
}
