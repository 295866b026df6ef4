package replay

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"hookline/shared/queue"
	"hookline/shared/store/sqlite"
	"hookline/shared/webhook"
)

// rounds starts what it is asked for, and lets something happen meanwhile.
type rounds struct{ meanwhile func() }

func (r *rounds) StartRounds(_ context.Context, _ string, records []webhook.Delivery, wants func(webhook.Delivery) bool) (n int, err error) {
	for _, d := range records {
		if wants(d) {
			n++
		}
	}
	if r.meanwhile != nil {
		happen := r.meanwhile
		r.meanwhile = nil
		happen()
	}
	return n, nil
}

func (*rounds) StartFirst(context.Context, string, webhook.Tenant, webhook.Webhook, []webhook.Event) (int, error) {
	return 0, nil
}

// kept is a queue that keeps what it is sent.
type kept struct{ sent []queue.Outgoing }

func (k *kept) Send(_ context.Context, msgs []queue.Outgoing) error {
	k.sent = append(k.sent, msgs...)
	return nil
}

func (*kept) Counts(context.Context) (queue.Counts, error) { return queue.Counts{}, nil }

// newService returns a service over a webhook that has n failed deliveries, and a job over all of them.
func newService(t *testing.T, n int) (*Service, *rounds, *kept, webhook.Replay) {
	t.Helper()
	store, err := sqlite.New("", sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	begun := time.Date(2026, 3, 20, 12, 0, 0, 0, time.UTC)
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	check(store.CreateTenant(t.Context(), webhook.Tenant{ID: "acme", CreatedAt: begun}, webhook.Key{ID: "key_1", Tenant: "acme", Hash: "h"}))
	check(store.CreateWebhook(t.Context(), webhook.Webhook{Ref: webhook.Ref{Tenant: "acme", ID: "wh_1"}, Active: true}))
	for i := range n {
		check(store.SaveDelivery(t.Context(), webhook.Delivery{
			DeliveryKey: webhook.DeliveryKey{Tenant: "acme", Webhook: "wh_1", Event: fmt.Sprint("evt_", i), AcceptedAt: begun.Add(time.Second)},
			Status:      webhook.Failed, Round: 1,
		}, webhook.Rev{}))
	}
	r, q := &rounds{}, &kept{}
	s := &Service{Store: store, Rounds: r, Queue: q, Now: func() time.Time { return begun.Add(time.Minute) }, Log: slog.New(slog.DiscardHandler)}
	job, err := s.Start(t.Context(), webhook.Replay{Tenant: "acme", Webhook: "wh_1", Of: webhook.ReplayFailed, Since: begun})
	check(err)
	q.sent = nil
	return s, r, q, job
}

// A page that was under way when the job's record became another is counted once, whoever was first.
func TestOvertaken(t *testing.T) {
	const n = 3*pageSize + 1
	for name, tt := range map[string]struct {
		meanwhile func(s *Service, job webhook.Replay) error
		status    webhook.ReplayStatus
		started   int
	}{
		"cancelled":                   {func(s *Service, job webhook.Replay) error { return s.Cancel(t.Context(), "acme", job.ID) }, webhook.ReplayCancelled, pageSize},
		"another message was quicker": {func(s *Service, job webhook.Replay) error { return s.Work(t.Context(), "acme", job.ID) }, webhook.ReplayDone, n},
		"another message took a page": {func(s *Service, job webhook.Replay) error {
			_, err := s.step(t.Context(), &job, webhook.Webhook{}, pageSize)
			return err
		}, webhook.ReplayRunning, pageSize},
	} {
		t.Run(name, func(t *testing.T) {
			s, r, q, job := newService(t, n)
			r.meanwhile = func() {
				if err := tt.meanwhile(s, job); err != nil {
					t.Error(err)
				}
			}
			if err := s.Work(t.Context(), "acme", job.ID); err != nil {
				t.Errorf("got %v, want the message done with", err)
			}
			got, err := s.Store.Replay(t.Context(), "acme", job.ID)
			if err != nil {
				t.Fatal(err)
			}
			if got.Status != tt.status || got.Started != tt.started {
				t.Errorf("got %s with %d started, want %s with %d", got.Status, got.Started, tt.status, tt.started)
			}
			if len(q.sent) != 0 {
				t.Errorf("got %d messages to go on with, want none: the other one goes on", len(q.sent))
			}
		})
	}
}

// One message does a bounded part of a long job, and sends the next.
func TestBounded(t *testing.T) {
	s, _, q, job := newService(t, atOnce+1)
	for i, want := range []int{atOnce, atOnce + 1, atOnce + 1} {
		if err := s.Work(t.Context(), "acme", job.ID); err != nil {
			t.Fatal(err)
		}
		got, err := s.Store.Replay(t.Context(), "acme", job.ID)
		if err != nil {
			t.Fatal(err)
		}
		if got.Started != want || len(q.sent) != 1 {
			t.Errorf("after message %d: got %d started and %d messages, want %d and 1", i+1, got.Started, len(q.sent), want)
		}
	}
	if err := s.Work(t.Context(), "acme", "rpl_none"); err != nil {
		t.Errorf("a job that is gone: got %v, want its message done with", err)
	}
}

// paged notes how many deliveries are asked for at a time.
type paged struct {
	Store
	most int
}

func (p *paged) Deliveries(ctx context.Context, tenant string, q webhook.DeliveryQuery) (webhook.List[webhook.Delivery], error) {
	p.most = max(p.most, q.Page.Limit)
	return p.Store.Deliveries(ctx, tenant, q)
}

// Counting holds no more records at a time than the work on them does: they can be large.
func TestCountPages(t *testing.T) {
	const n = pageSize + 1
	s, _, _, job := newService(t, n)
	p := &paged{Store: s.Store}
	s.Store = p
	got, more, err := s.Count(t.Context(), webhook.Replay{Tenant: "acme", Webhook: "wh_1", Of: webhook.ReplayFailed, Since: job.Since})
	if got != n || more || err != nil {
		t.Errorf("got %d, %v, %v, want all %d", got, more, err, n)
	}
	if p.most > pageSize {
		t.Errorf("%d deliveries were asked for at a time, want at most %d", p.most, pageSize)
	}
}

// slow has webhooks take one delivery a second.
type slow struct{ Store }

func (s slow) Webhook(ctx context.Context, ref webhook.Ref) (webhook.Webhook, error) {
	w, err := s.Store.Webhook(ctx, ref)
	w.MaxPerSecond = 1
	return w, err
}

// A job holds to half of its webhook's rate with what it sends, not with what it looks at.
func TestPace(t *testing.T) {
	const n = 60
	for of, want := range map[webhook.ReplayOf]struct {
		started int
		status  webhook.ReplayStatus
		delay   time.Duration
	}{
		webhook.ReplayFailed:    {5, webhook.ReplayRunning, 10 * time.Second},
		webhook.ReplaySucceeded: {0, webhook.ReplayDone, 0},
	} {
		s, _, q, job := newService(t, n)
		s.Store = slow{s.Store}
		job, err := s.Start(t.Context(), webhook.Replay{Tenant: "acme", Webhook: "wh_1", Of: of, Since: job.Since})
		if err != nil {
			t.Fatal(err)
		}
		q.sent = nil
		if err := s.Work(t.Context(), "acme", job.ID); err != nil {
			t.Fatal(err)
		}
		got, err := s.Store.Replay(t.Context(), "acme", job.ID)
		if err != nil || got.Started != want.started || got.Status != want.status {
			t.Errorf("%s: got %s with %d started, %v, want %s with %d", of, got.Status, got.Started, err, want.status, want.started)
		}
		for _, m := range q.sent {
			if m.Delay != want.delay {
				t.Errorf("%s: got the next message after %v, want %v", of, m.Delay, want.delay)
			}
		}
	}
}
