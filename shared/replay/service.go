package replay

import (
	"context"
	"log/slog"
	"time"

	"hookline/shared/message"
	"hookline/shared/queue"
	"hookline/shared/webhook"
)

// Store is the part of store.Store that replay jobs use. They rely on UpdateReplay's condition: of two processes that
// work on the same version of a job one gets webhook.Conflict and stops.
type Store interface {
	CreateReplay(ctx context.Context, r webhook.Replay) error
	Replay(ctx context.Context, tenant, id string) (webhook.Replay, error)
	UpdateReplay(ctx context.Context, r webhook.Replay) error
	Webhook(ctx context.Context, ref webhook.Ref) (webhook.Webhook, error)
	Deliveries(ctx context.Context, tenant string, q webhook.DeliveryQuery) (webhook.List[webhook.Delivery], error)
	Tenant(ctx context.Context, id string) (webhook.Tenant, error)
	Load(ctx context.Context, refs []webhook.Ref, keys []webhook.DeliveryKey) (map[webhook.Ref]webhook.Webhook, map[webhook.DeliveryKey]webhook.Delivery, error)
}

// Events is the event log (package eventlog).
type Events interface {
	Events(ctx context.Context, tenant string, q webhook.EventQuery) (webhook.List[webhook.LoggedEvent], error)
}

// Rounds starts rounds: see delivery.Deliverer.
type Rounds interface {
	StartRounds(ctx context.Context, job string, records []webhook.Delivery, wants func(webhook.Delivery) bool) (int, error)
	StartFirst(ctx context.Context, job string, t webhook.Tenant, w webhook.Webhook, events []webhook.Event) (int, error)
}

// Queue is the part of queue.Queue that replay uses of the bulk queue. Counts are approximate.
type Queue interface {
	queue.Sender
	Counts(ctx context.Context) (queue.Counts, error)
}

// Service makes jobs and works on them. Its fields are set before use and not changed; Rounds is for Work alone.
type Service struct {
	Store     Store
	Rounds    Rounds
	Queue     Queue
	Events    Events           // nil where the stack keeps none
	Retention time.Duration    // of jobs' records; 0 means webhook.DefaultRetention
	MatchWork int              // steps of matching for one page of the event log; 0 means pattern.MaxWork
	Now       func() time.Time // the deployment's clock
	Log       *slog.Logger
}

const (
	// countEvents is how many events are read at a time to count them.
	countEvents = 100
	// countFor is how long counting goes on, in real time: the HTTP API in front of it ends at 30 s.
	countFor = 15 * time.Second
)

// Count returns how many deliveries the job would take now. more says that it gave up before it had seen all.
func (s *Service) Count(ctx context.Context, r webhook.Replay) (matched int, more bool, err error) {
	if err := s.logged(r); err != nil {
		return 0, false, err
	}
	w, err := s.Store.Webhook(ctx, webhook.Ref{Tenant: r.Tenant, ID: r.Webhook})
	if err != nil {
		return 0, false, err
	}
	r.Until = s.until(r)
	for begun := time.Now(); ; {
		n, next, err := s.count(ctx, r, w)
		if err != nil {
			return 0, false, err
		}
		matched += n
		if r.Cursor = next; r.Cursor == "" {
			return matched, false, nil
		}
		if time.Since(begun) > countFor {
			return matched, true, nil
		}
	}
}

// count counts one page.
func (s *Service) count(ctx context.Context, r webhook.Replay, w webhook.Webhook) (n int, next string, err error) {
	if r.Of == webhook.ReplayMissed {
		events, next, err := s.missed(ctx, r, takerOf(w), countEvents)
		return len(events), next, err
	}
	list, err := s.page(ctx, r, pageSize)
	for _, d := range list.Items {
		if r.Takes(d) {
			n++
		}
	}
	return n, list.Next, err
}

// until keeps what comes later out of a job.
func (s *Service) until(r webhook.Replay) time.Time {
	now := s.Now()
	if r.Until.IsZero() || r.Until.After(now) {
		return now
	}
	return r.Until
}

func (s *Service) page(ctx context.Context, r webhook.Replay, limit int) (webhook.List[webhook.Delivery], error) {
	// Neither status nor type: among what an interrupted page has started is what must be queued again.
	return s.Store.Deliveries(ctx, r.Tenant, webhook.DeliveryQuery{
		Webhook: r.Webhook, Since: r.Since, Until: r.Until, Page: webhook.Page{Limit: limit, Cursor: r.Cursor},
	})
}

// Start makes a job of what r says of its webhook, what to take and the times, and has it begin. When it returns nil the
// job is on record and queued.
func (s *Service) Start(ctx context.Context, r webhook.Replay) (webhook.Replay, error) {
	w, err := s.Store.Webhook(ctx, webhook.Ref{Tenant: r.Tenant, ID: r.Webhook})
	if err != nil {
		return webhook.Replay{}, err
	}
	if !w.Active {
		return webhook.Replay{}, webhook.ErrConflict("webhook-inactive", "the webhook is inactive, nothing can be sent to it: make it active first")
	}
	r.Until = s.until(r)
	if r.Matched, r.More, err = s.Count(ctx, r); err != nil {
		return webhook.Replay{}, err
	}
	now := s.Now()
	retention := s.Retention
	if retention <= 0 {
		retention = webhook.DefaultRetention
	}
	r.ID, r.Status, r.Version = webhook.NewID(webhook.ReplayPrefix, now), webhook.ReplayRunning, 1
	r.CreatedAt, r.UpdatedAt, r.ExpiresAt = now, now, now.Add(retention)
	if err := s.Store.CreateReplay(ctx, r); err != nil {
		return webhook.Replay{}, err
	}
	if err := s.queue(ctx, r, 0); err != nil {
		// The caller is told that nothing was started. The message may have been sent all the same.
		r.Status, r.FinishedAt = webhook.ReplayCancelled, now
		if e := s.Store.UpdateReplay(context.WithoutCancel(ctx), r); e != nil {
			s.log(ctx, slog.LevelWarn, "replay.abandoned", r, slog.Any("err", e))
		}
		return webhook.Replay{}, err
	}
	return r, nil
}

func (s *Service) queue(ctx context.Context, r webhook.Replay, delay time.Duration) error {
	if err := queue.SendAll(ctx, s.Queue, []queue.Outgoing{message.Job{Tenant: r.Tenant, ID: r.ID}.Outgoing(delay)}); err != nil {
		return webhook.ErrUnavailable(err)
	}
	return nil
}

// cancelTries is how often Cancel starts over when the job went on in between.
const cancelTries = 20

// Cancel stops a job. One that has ended stays as it ended.
func (s *Service) Cancel(ctx context.Context, tenant, id string) error {
	for try := 1; ; try++ {
		r, err := s.Store.Replay(ctx, tenant, id)
		if err != nil || r.Status != webhook.ReplayRunning {
			return err
		}
		err = s.end(ctx, &r, webhook.ReplayCancelled, "")
		if !webhook.Is(err, webhook.Conflict) || try == cancelTries {
			return err
		}
	}
}

// end records how a job ended.
func (s *Service) end(ctx context.Context, r *webhook.Replay, status webhook.ReplayStatus, why webhook.AttemptError) error {
	r.Status, r.Error, r.FinishedAt = status, why, s.Now()
	return s.save(ctx, r)
}

func (s *Service) save(ctx context.Context, r *webhook.Replay) error {
	r.UpdatedAt = s.Now()
	if err := s.Store.UpdateReplay(ctx, *r); err != nil {
		return err
	}
	r.Version++
	return nil
}

func (s *Service) log(ctx context.Context, level slog.Level, what string, r webhook.Replay, more ...slog.Attr) {
	s.Log.LogAttrs(ctx, level, what, append([]slog.Attr{
		slog.String("tenant", r.Tenant), slog.String("webhook", r.Webhook), slog.String("replay", r.ID),
		slog.Int("matched", r.Matched), slog.Int("started", r.Started),
	}, more...)...)
}
