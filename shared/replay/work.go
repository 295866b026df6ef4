package replay

import (
	"context"
	"log/slog"
	"time"

	"hookline/shared/webhook"
)

const (
	// pageSize is how many deliveries are read at a time, also to count them: one that failed for days has 128 KiB of
	// answers in its record, and a function has 256 MB. It is what is queued once more when the process ends before it has
	// written the job's position.
	pageSize = 200
	// atOnce is how many deliveries one message of a job looks at.
	atOnce = 10 * pageSize
	// workFor is how long it does so, in real time: the function ends at 45 s.
	workFor = 15 * time.Second
	// crowd is how many messages may wait in the bulk queue for a job to add more, and rest how long it waits otherwise.
	crowd = 3000
	rest  = time.Second
	// paceSpan is how far ahead a job queues what a webhook with a max_per_second takes.
	paceSpan = 10 * time.Second
)

// Work takes a job some way further, and sends the message that goes on. When it returns nil the message that asked for
// it is done with.
func (s *Service) Work(ctx context.Context, tenant, id string) error {
	r, err := s.Store.Replay(ctx, tenant, id)
	switch {
	case webhook.Is(err, webhook.NotFound): // deleted with its tenant, or expired
		return nil
	case err != nil:
		return err
	case r.Status != webhook.ReplayRunning:
		return nil
	}
	w, err := s.Store.Webhook(ctx, webhook.Ref{Tenant: tenant, ID: r.Webhook})
	switch {
	case webhook.Is(err, webhook.NotFound):
		return s.stop(ctx, r, webhook.ReasonWebhookDeleted)
	case err != nil:
		return err
	case !w.Active:
		return s.stop(ctx, r, webhook.ReasonWebhookInactive)
	}
	n, err := s.Queue.Counts(ctx)
	if err != nil {
		return err
	}
	if n.Visible > crowd {
		return s.queue(ctx, r, rest)
	}
	looks, left, pace := atOnce, atOnce, 0
	if w.MaxPerSecond > 0 {
		pace = max(w.MaxPerSecond*int(paceSpan/time.Second)/2, 1)
		left = pace
	}
	for begun := time.Now(); looks > 0 && left > 0 && time.Since(begun) < workFor; {
		size, before := min(looks, left, pageSize), r.Started
		if ended, err := s.step(ctx, &r, w, size); err != nil || ended {
			return err
		}
		// Only what is sent takes of the webhook's rate: it may be little of a long history.
		looks, left = looks-size, left-(r.Started-before)
	}
	delay := time.Duration(0)
	if pace > 0 {
		delay = paceSpan * time.Duration(pace-left) / time.Duration(pace)
	}
	return s.queue(ctx, r, delay)
}

// stop ends a job that cannot go on.
func (s *Service) stop(ctx context.Context, r webhook.Replay, why webhook.AttemptError) error {
	if err := s.end(ctx, &r, webhook.ReplayStopped, why); err != nil && !webhook.Is(err, webhook.Conflict) {
		return err
	}
	s.log(ctx, slog.LevelInfo, "replay.stopped", r, slog.String("error", string(why)))
	return nil
}

// step takes one page of the history, and reports whether this message has no more to do with the job. A crash before
// the position is stored has the page looked at again, where nothing is started twice.
func (s *Service) step(ctx context.Context, r *webhook.Replay, w webhook.Webhook, size int) (ended bool, err error) {
	started, next, err := s.take(ctx, *r, w, size)
	if err != nil {
		return false, err
	}
	before := r.Cursor
	r.Started, r.Cursor = r.Started+started, next
	if next != "" {
		err = s.save(ctx, r)
	} else {
		err = s.end(ctx, r, webhook.ReplayDone, "")
	}
	if webhook.Is(err, webhook.Conflict) {
		return true, s.overtaken(ctx, *r, before, started)
	}
	if err == nil && r.Status == webhook.ReplayDone {
		s.log(ctx, slog.LevelInfo, "replay.done", *r)
	}
	return r.Status != webhook.ReplayRunning, err
}

// take starts what the job takes of one page, and returns how many that are and where the next page begins.
func (s *Service) take(ctx context.Context, r webhook.Replay, w webhook.Webhook, size int) (started int, next string, err error) {
	if r.Of == webhook.ReplayMissed {
		return s.takeMissed(ctx, r, w, size)
	}
	list, err := s.page(ctx, r, size)
	if err != nil {
		return 0, "", err
	}
	started, err = s.Rounds.StartRounds(ctx, r.ID, list.Items, r.Takes)
	return started, list.Next, err
}

func (s *Service) takeMissed(ctx context.Context, r webhook.Replay, w webhook.Webhook, size int) (started int, next string, err error) {
	if err := s.logged(r); err != nil {
		return 0, "", err
	}
	t, err := s.Store.Tenant(ctx, r.Tenant)
	if err != nil {
		return 0, "", err
	}
	events, next, err := s.missed(ctx, r, takerOf(w), min(size, countEvents))
	if err != nil {
		return 0, "", err
	}
	started, err = s.Rounds.StartFirst(ctx, r.ID, t, w, events)
	return started, next, err
}

// overtaken is for a page whose position could not be stored because the job's record is another by now. Another
// message has gone on, and is not acknowledged before it has sent the next; or the job was cancelled, and is to say what
// it did.
func (s *Service) overtaken(ctx context.Context, r webhook.Replay, before string, started int) error {
	now, err := s.Store.Replay(ctx, r.Tenant, r.ID)
	switch {
	case webhook.Is(err, webhook.NotFound): // expired
		return nil
	case err != nil:
		return err
	case now.Status != webhook.ReplayCancelled || now.Cursor != before:
		return nil
	}
	now.Started, now.Cursor = now.Started+started, r.Cursor
	if err := s.save(ctx, &now); err != nil && !webhook.Is(err, webhook.Conflict) {
		return err
	}
	return nil
}
