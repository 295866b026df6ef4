// Package operations answers what those who run a stack ask about all of its tenants: how each is doing, which deliveries are
// dead letters, what waits in the queues, and which replay jobs there are. It changes one thing: it purges the dead letters.
// Everything else that operators do is a call of the HTTP API.
//
// Each answer has a bounded cost, whatever the tenants have: counts that are kept anyway, an index, or the first part of a list.
// What cannot be had within that is left out, and the answer says so.
package operations

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"hookline/shared/audit"
	"hookline/shared/queue"
	"hookline/shared/webhook"
)

// Store is the part of store.Store that is read, and that keeps when the dead letters were purged.
type Store interface {
	audit.Store
	WebhookCounts(ctx context.Context, tenant string) (webhook.Counts, error)
	// Tallies counts deliveries that were accepted since, by webhook and hour. It may lag by minutes.
	Tallies(ctx context.Context, tenant string, since time.Time) ([]webhook.Tally, error)
	Usage(ctx context.Context, tenant string, since, until time.Time) ([]webhook.Usage, error)
	// DeadLetters counts those of all tenants. It may leave out the older ones of very many.
	DeadLetters(ctx context.Context, since time.Time) (counts []webhook.DeadLetters, more bool, err error)
	// Replays lists the jobs of all tenants if tenant is "".
	Replays(ctx context.Context, tenant, hook string, page webhook.Page) (webhook.List[webhook.Replay], error)
	Pin(ctx context.Context, p webhook.Pin) (webhook.Pin, bool, error)
	Repin(ctx context.Context, p webhook.Pin, at time.Time) error
	FindPin(ctx context.Context, tenant, scope, key string) (webhook.Pin, error)
}

// Events reads the event log.
type Events interface {
	Events(ctx context.Context, tenant string, q webhook.EventQuery) (webhook.List[webhook.LoggedEvent], error)
}

// Queue is the part of queue.Queue that is looked at, and that purges.
type Queue interface {
	Counts(ctx context.Context) (queue.Counts, error)
	Oldest(ctx context.Context) (time.Time, error)
	Purge(ctx context.Context) error
}

// Named is a queue and its name in the stack.
type Named struct {
	Name string
	Queue
}

// Service has the answers. Its fields are set before use and not changed.
type Service struct {
	Store  Store
	Events Events  // nil where the stack keeps no event log
	Queues []Named // in the order in which they are shown
	Dead   Queue   // of dead letters
	Now    func() time.Time
}

// Health is how a tenant is doing. What is nil is not known.
type Health struct {
	Hour, Day *Share // of the deliveries accepted in the last hour, and in the last 24
	// Pending is the beginning of the hour in which the oldest delivery was accepted that is pending, within Day; zero if none is.
	Pending         time.Time
	Webhooks        *webhook.Counts
	Yesterday       *int // events
	Today           *int // so far
	Last            *time.Time
	NoEvents, NoLog bool // there is no event, or no event log
}

// Share is a part of deliveries: those that failed, and those that failed so far and are retried.
type Share struct{ Failing, All int }

// Percent is rounded, but 0 and 100 stand for none and all alone.
func (s Share) Percent() int {
	switch {
	case s.Failing == 0 || s.All == 0:
		return 0
	case s.Failing == s.All:
		return 100
	}
	return min(max((200*s.Failing+s.All)/(2*s.All), 1), 99)
}

const (
	// patience is how long, in real time, the tenants of a page are counted.
	patience = 2 * time.Second
	// atOnce is how many tenants are looked at side by side.
	atOnce = 4
)

// Tenants looks at each of the tenants. It stops when time is up, and with an error of the store goes on with the next tenant.
func (s *Service) Tenants(ctx context.Context, ids []string) ([]Health, error) {
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	out, errs := make([]Health, len(ids)), make([]error, len(ids))
	var wg sync.WaitGroup
	free := make(chan struct{}, atOnce)
	for i, id := range ids {
		wg.Go(func() {
			free <- struct{}{}
			defer func() { <-free }()
			errs[i] = s.look(limited, id, &out[i])
		})
	}
	wg.Wait()
	if limited.Err() != nil && ctx.Err() == nil {
		return out, nil // what is missing took too long
	}
	return out, errors.Join(errs...)
}

// look fills in what it can, the cheapest first.
func (s *Service) look(ctx context.Context, id string, t *Health) error {
	now := s.Now()
	n, err := s.Store.WebhookCounts(ctx, id)
	if err != nil {
		return err
	}
	t.Webhooks = &n
	if t.NoLog = s.Events == nil; !t.NoLog {
		l, err := s.Events.Events(ctx, id, webhook.EventQuery{Page: webhook.Page{Limit: 1}})
		if err != nil {
			return err
		}
		if t.NoEvents = len(l.Items) == 0; !t.NoEvents {
			t.Last = &l.Items[0].AcceptedAt
		}
	}
	for _, of := range []struct {
		span  time.Duration
		share **Share
	}{{time.Hour, &t.Hour}, {24 * time.Hour, &t.Day}} {
		tallies, err := s.Store.Tallies(ctx, id, now.Add(-of.span))
		if err != nil {
			return err
		}
		var sum Share
		var oldest time.Time
		for _, c := range tallies {
			sum.Failing += c.Failed + c.Pending
			sum.All += c.Failed + c.Pending + c.Succeeded
			if c.Pending > 0 && (oldest.IsZero() || c.Hour.Before(oldest)) {
				oldest = c.Hour
			}
		}
		*of.share, t.Pending = &sum, oldest
	}
	if t.NoLog {
		return nil
	}
	today := webhook.DayOf(now)
	used, err := s.Store.Usage(ctx, id, today.AddDate(0, 0, -1), now)
	if err != nil {
		return err
	}
	t.Yesterday, t.Today = new(int), new(int)
	for _, u := range used {
		if u.Day.Equal(today) {
			*t.Today = u.Events
		} else {
			*t.Yesterday = u.Events
		}
	}
	return nil
}

// State is what a queue holds.
type State struct {
	Name string
	queue.Counts
	Oldest time.Time // when its oldest message was sent; zero if it has none, or where the engine does not know
}

// Depth is all that the queue holds.
func (s State) Depth() int { return s.Visible + s.InFlight + s.Delayed }

// State counts the queues' messages, approximately.
func (s *Service) State(ctx context.Context) ([]State, error) {
	out := make([]State, len(s.Queues))
	for i, q := range s.Queues {
		n, err := q.Counts(ctx)
		if err != nil {
			return nil, err
		}
		oldest, err := q.Oldest(ctx)
		if err != nil {
			return nil, err
		}
		out[i] = State{q.Name, n, oldest}
	}
	return out, nil
}

// DeadLetters are the failed deliveries that have a dead letter.
type DeadLetters struct {
	Groups []webhook.DeadLetters // the largest first
	More   bool                  // older ones are not counted
	Since  time.Time             // those that failed earlier have no dead letter any more
	Purged bool                  // because of a purge at Since
}

// DeadLetters counts the failed records that have a dead letter: those that failed since the last purge, and not longer ago
// than the queue keeps messages.
func (s *Service) DeadLetters(ctx context.Context) (d DeadLetters, err error) {
	d.Since = s.Now().Add(-queue.MaxRetention)
	purged, err := s.Store.FindPin(ctx, "", purgeScope, purgeKey)
	if err != nil && !webhook.Is(err, webhook.NotFound) {
		return d, err
	}
	if d.Purged = err == nil && purged.At.After(d.Since); d.Purged {
		d.Since = purged.At
	}
	if d.Groups, d.More, err = s.Store.DeadLetters(ctx, d.Since); err != nil {
		return d, err
	}
	slices.SortFunc(d.Groups, func(a, b webhook.DeadLetters) int {
		return cmp.Or(cmp.Compare(b.N, a.N), cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.ID, b.ID), cmp.Compare(a.Reason, b.Reason))
	})
	return d, nil
}

// The pin that keeps when the dead letters were purged last.
const (
	purgeScope = "dead-letters"
	purgeKey   = "purged"
)

// Purge deletes all dead letters. The records of their deliveries stay, as failed. unrecorded is an error of the audit log, which
// then goes on saying that the purge was begun. A crash on the way leaves records that are still counted as dead letters, which
// is put right by another purge.
func (s *Service) Purge(ctx context.Context) (err, unrecorded error) {
	now := s.Now().Truncate(time.Millisecond)
	e, _ := audit.Complete(ctx, now, "", audit.Target{Type: "queue", ID: "dead-letters"})
	return audit.Record(ctx, s.Store, e, func() error {
		if err := s.Dead.Purge(ctx); errors.Is(err, queue.ErrPurging) {
			return webhook.ErrConflict("purge-running", "the dead letters were purged within the last minute")
		} else if err != nil {
			return err
		}
		until := now.Add(queue.MaxRetention)
		p := webhook.Pin{Scope: purgeScope, Key: purgeKey, At: now, ExpiresAt: until, KeptUntil: until}
		was, first, err := s.Store.Pin(ctx, p)
		if err != nil || first {
			return err
		}
		if err := s.Store.Repin(ctx, p, was.At); !webhook.Is(err, webhook.Conflict) { // then another purge was a moment faster
			return err
		}
		return nil
	})
}

// Jobs lists the replay jobs of all tenants, newest first.
func (s *Service) Jobs(ctx context.Context, page webhook.Page) (webhook.List[webhook.Replay], error) {
	return s.Store.Replays(ctx, "", "", page)
}
