// Package erasure erases payloads for good: that of one event, and all that a deleted tenant left.
//
// An erasure is a message on the bulk queue, which holds what was asked for and how far it has come. A message works for a
// while and sends the next before it is acknowledged, and every step can be repeated. So whatever crashes, somebody finishes
// it: the message comes back.
//
// Of an event, the log goes first: from then on nobody can send the event again. Then come the webhooks that it matched:
// each gets a mark that has batches read the records of first messages, and a record that says erased, also where there was
// none, so that copies in the queues are dropped when they come. Then come all other webhooks of the tenant, also deleted
// ones, for the event may have been sent to any of them; such a delivery has its record before its message. They are looked
// at again after a minute, when no call is left that read the event before. At last go the bodies that no record names.
//
// What a deleted tenant left is deleted: log, deliveries, replay jobs and deployments, with their bodies. Its audit log and
// its usage stay, which hold no payload.
//
// A request that is under way may still arrive. Two things can be missed until they expire: the body, if it is a large one, of
// a replay to a webhook that died between body and record while the dialect was another one; and a delivery to a webhook that
// was made while the event was still being fanned out.
package erasure

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"hookline/shared/dialect"
	"hookline/shared/message"
	"hookline/shared/queue"
	"hookline/shared/webhook"
)

// Store is the part of store.Store that erasures use. They rely on SaveDelivery's condition.
type Store interface {
	Tenant(ctx context.Context, id string) (webhook.Tenant, error)
	Load(ctx context.Context, refs []webhook.Ref, keys []webhook.DeliveryKey) (map[webhook.Ref]webhook.Webhook, map[webhook.DeliveryKey]webhook.Delivery, error)
	Webhooks(ctx context.Context, tenant string, q webhook.WebhookQuery) (webhook.List[webhook.Webhook], error)
	DeletedWebhooks(ctx context.Context, tenant string, page webhook.Page) (webhook.List[string], error)
	UpdateWebhook(ctx context.Context, w webhook.Webhook, resetHealth bool) error
	SaveDelivery(ctx context.Context, d webhook.Delivery, prev webhook.Rev) error
	DropPayload(ctx context.Context, tenant, ref string) error
	Remains(ctx context.Context, tenant string, before time.Time, page webhook.Page) (webhook.Remains, error)
	DropRemains(ctx context.Context, r webhook.Remains) error
}

// Events is the event log (package eventlog).
type Events interface {
	Erase(ctx context.Context, tenant, entry string, now time.Time, known []string) (ev webhook.LoggedEvent, unknown []string, err error)
	// Open returns the events of an item, and the refs of the pieces that it is kept in. Of an item whose pieces are gone it
	// returns no events.
	Open(ctx context.Context, it webhook.LogItem) ([]webhook.LoggedEvent, []string, error)
}

// Dialects finds a dialect by name.
type Dialects interface {
	Dialect(ctx context.Context, ref string) (*dialect.Dialect, error)
}

// Service starts erasures and works on them. Its fields are set before use and not changed.
type Service struct {
	Store     Store
	Events    Events
	Dialects  Dialects
	Queue     queue.Sender     // the bulk queue
	Retention time.Duration    // of deliveries' records; 0 means webhook.DefaultRetention
	Now       func() time.Time // the deployment's clock
	Log       *slog.Logger
}

const (
	// pageSize is how many webhooks or remains are looked at together, and width how many of them side by side.
	pageSize = 100
	width    = 16
	// workFor is how long one message works, in real time: the function ends at 45 s.
	workFor = 15 * time.Second
	// settled is after how long no call is under way that began before: functions end sooner.
	settled = time.Minute
	// patience is how long the deletion of a tenant may take, with all its repeats.
	patience = 24 * time.Hour
)

// Event has the payload of an event erased. When it returns nil that is queued, and will be done.
func (s *Service) Event(ctx context.Context, ev webhook.LoggedEvent) error {
	return s.queue(ctx, message.Erasure{Tenant: ev.Tenant, Entry: ev.Entry, At: s.Now().UnixMilli()}, 0)
}

// Tenant has all erased that a tenant leaves. It is called before the tenant is deleted, so that a crash between the two
// leaves nothing that nobody erases.
func (s *Service) Tenant(ctx context.Context, t webhook.Tenant) error {
	return s.queue(ctx, message.Erasure{Tenant: t.ID, Since: message.Millis(t.CreatedAt), At: s.Now().UnixMilli()}, settled)
}

func (s *Service) queue(ctx context.Context, m message.Erasure, delay time.Duration) error {
	if err := queue.SendAll(ctx, s.Queue, []queue.Outgoing{m.Outgoing(delay)}); err != nil {
		return webhook.ErrUnavailable(err)
	}
	return nil
}

// Work takes an erasure some way further, and sends the message that goes on. When it returns nil the message that asked for
// it is done with.
func (s *Service) Work(ctx context.Context, m message.Erasure) error {
	step := s.stepEvent
	if m.Entry == "" {
		step = s.stepTenant
	}
	for begun := time.Now(); ; {
		next, delay, err := step(ctx, m)
		switch {
		case err != nil:
			return err
		case next == nil:
			s.Log.LogAttrs(ctx, slog.LevelInfo, "erasure.done", slog.String("tenant", m.Tenant), slog.String("entry", m.Entry))
			return nil
		case delay > 0 || len(next.Pieces) > len(m.Pieces) || time.Since(begun) > workFor:
			return s.queue(ctx, *next, delay)
		}
		m = *next
	}
}

// Lists of webhooks, in their order.
const (
	matched = "" // that the event matched
	others  = "others"
	deleted = "deleted"
)

// stepEvent takes one page of webhooks. It returns what is left to do and when, nil if nothing is.
func (s *Service) stepEvent(ctx context.Context, m message.Erasure) (*message.Erasure, time.Duration, error) {
	ev, unknown, err := s.Events.Erase(ctx, m.Tenant, m.Entry, time.UnixMilli(m.At).UTC(), m.Pieces)
	switch {
	case webhook.Is(err, webhook.NotFound): // it has expired, or its tenant is gone
		return nil, 0, nil
	case err != nil:
		return nil, 0, err
	case unknown != nil:
		m.Pieces = append(slices.Clone(m.Pieces), unknown...)
		return &m, 0, nil
	}
	t, err := s.Store.Tenant(ctx, m.Tenant)
	if webhook.Is(err, webhook.NotFound) {
		return nil, 0, nil
	} else if err != nil {
		return nil, 0, err
	}
	dl, err := s.Dialects.Dialect(ctx, t.Dialect)
	if err != nil {
		return nil, 0, err
	}
	ids, cursor, err := s.page(ctx, m, ev.Matched)
	if err != nil {
		return nil, 0, err
	}
	ev.RetentionDays = t.RetentionDays
	if err := s.eraseDeliveries(ctx, dl, ev, ids, time.UnixMilli(m.At).UTC()); err != nil {
		return nil, 0, err
	}
	if m.Cursor = cursor; cursor != "" {
		return &m, 0, nil
	}
	switch m.Of {
	case matched:
		m.Of = others
	case others:
		m.Of = deleted
	default:
		if err := s.dropBodies(ctx, dl, ev.Event); err != nil || m.Again {
			return nil, 0, err
		}
		m.Again, m.Of = true, others
		return &m, settled, nil
	}
	return &m, 0, nil
}

// page returns the ids of the next webhooks of the list that the erasure is in, and where the page after begins.
func (s *Service) page(ctx context.Context, m message.Erasure, took []string) (ids []string, next string, err error) {
	at := webhook.Page{Limit: pageSize, Cursor: m.Cursor}
	switch m.Of {
	case matched: // they are sorted
		from, found := slices.BinarySearch(took, m.Cursor)
		if found {
			from++
		}
		if ids = took[from:]; len(ids) > pageSize {
			ids = ids[:pageSize]
			next = ids[pageSize-1]
		}
		return ids, next, nil
	case others:
		l, err := s.Store.Webhooks(ctx, m.Tenant, webhook.WebhookQuery{Page: at})
		for _, w := range l.Items {
			ids = append(ids, w.ID)
		}
		return ids, l.Next, err
	}
	l, err := s.Store.DeletedWebhooks(ctx, m.Tenant, at)
	return l.Items, l.Next, err
}

// eraseDeliveries erases the deliveries of the event to some webhooks.
func (s *Service) eraseDeliveries(ctx context.Context, dl *dialect.Dialect, ev webhook.LoggedEvent, ids []string, at time.Time) error {
	var refs []webhook.Ref
	var keys []webhook.DeliveryKey
	for _, id := range ids {
		refs = append(refs, webhook.Ref{Tenant: ev.Tenant, ID: id})
		keys = append(keys, webhook.DeliveryKey{Tenant: ev.Tenant, Webhook: id, Event: ev.ID, AcceptedAt: ev.AcceptedAt})
	}
	hooks, records, err := s.Store.Load(ctx, refs, keys)
	if err != nil {
		return err
	}
	return each(len(ids), func(i int) error {
		rec, there := records[keys[i]]
		_, wanted := slices.BinarySearch(ev.Matched, ids[i])
		if !wanted && !there || !rec.ErasedAt.IsZero() {
			return nil
		}
		if w, ok := hooks[refs[i]]; ok { // nothing is sent to one that is gone
			if err := s.mark(ctx, w, at); err != nil {
				return err
			}
		}
		return s.eraseRecord(ctx, dl, ev, keys[i], rec, at)
	})
}

// tries is how often a write starts over because somebody else was faster.
const tries = 5

// mark has batches read the record of each first message to the webhook, until the queues hold no message of before.
func (s *Service) mark(ctx context.Context, w webhook.Webhook, at time.Time) error {
	until := at.Add(queue.MaxRetention)
	for try := 1; ; try++ {
		if !w.ErasedUntil.Before(until) {
			return nil
		}
		w.ErasedUntil = until
		err := s.Store.UpdateWebhook(ctx, w, false)
		if webhook.Is(err, webhook.NotFound) {
			return nil
		}
		if !webhook.Is(err, webhook.Conflict) || try == tries {
			return err
		}
		hooks, _, err := s.Store.Load(ctx, []webhook.Ref{w.Ref}, nil)
		if err != nil {
			return err
		}
		var ok bool
		if w, ok = hooks[w.Ref]; !ok {
			return nil
		}
	}
}

// eraseRecord erases a delivery that is read. One that has no record gets it, and keeps it as long as the queues may hold
// copies.
func (s *Service) eraseRecord(ctx context.Context, dl *dialect.Dialect, ev webhook.LoggedEvent, key webhook.DeliveryKey, rec webhook.Delivery, at time.Time) error {
	for try := 1; ; try++ {
		prev := rec.Rev()
		if prev == (webhook.Rev{}) {
			rec = message.Compose(dl, ev.Event, webhook.Subscription{Webhook: key.Webhook, Format: webhook.FormatJSON, ContentType: webhook.ContentJSON}).
				Record(webhook.Retention(s.Retention, 0))
			rec.NextAt = at
		}
		if until := at.Add(queue.MaxRetention); rec.ExpiresAt.Before(until) {
			rec.ExpiresAt = until
		}
		// The body goes first: nothing would name it after a crash.
		if rec.Body.Ref != "" {
			if err := s.Store.DropPayload(ctx, key.Tenant, rec.Body.Ref); err != nil {
				return err
			}
		}
		err := s.Store.SaveDelivery(ctx, rec.Erased(s.Now()), prev)
		if !webhook.Is(err, webhook.Conflict) || try == tries {
			return err
		}
		_, records, err := s.Store.Load(ctx, nil, []webhook.DeliveryKey{key})
		if err != nil {
			return err
		}
		if rec = records[key]; !rec.ErasedAt.IsZero() {
			return nil
		}
	}
}

// dropBodies drops the event's large bodies of which there may be no record: what fanning out was to read, what was sent
// when it was accepted, and what a replay that died was about to send in the dialect of now, if that is known.
func (s *Service) dropBodies(ctx context.Context, dl *dialect.Dialect, ev webhook.Event) error {
	forms := []string{"data", webhook.FormatJSON, webhook.FormatSlack, webhook.FormatTeams, webhook.FormatDiscord}
	if dl != nil {
		for _, form := range forms[1:] {
			forms = append(forms, form+"."+dl.Ref())
		}
	}
	for _, form := range forms {
		if err := s.Store.DropPayload(ctx, ev.Tenant, message.BodyRef(ev, form)); err != nil {
			return err
		}
	}
	return nil
}

// each calls f for 0 to n−1, some of them side by side, and returns an error of one of them.
func each(n int, f func(i int) error) error {
	var mu sync.Mutex
	var fault error
	var wg sync.WaitGroup
	free := make(chan struct{}, width)
	for i := range n {
		free <- struct{}{}
		wg.Go(func() {
			defer func() { <-free }()
			if err := f(i); err != nil {
				mu.Lock()
				fault = err
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return fault
}
