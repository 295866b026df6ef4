package ingest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"hookline/shared/dialect"
	"hookline/shared/ecmajson"
	"hookline/shared/format"
	"hookline/shared/message"
	"hookline/shared/metrics"
	"hookline/shared/payload"
	"hookline/shared/queue"
	"hookline/shared/webhook"
)

// accepted is an event with its data as it was read.
type accepted struct {
	webhook.Event
	content ecmajson.Text
}

// publication is one event on its way through Publish.
type publication struct {
	accepted
	entry       string // the id made for it, which is its place in the event log; "" if it was accepted before there was one
	hash        string // of what was handed in, "" when we made the id
	to          []webhook.Subscription
	matched     int
	except      string // a webhook that is not told; "" none
	unpublished bool   // no webhook gets it; the id is pinned all the same
	repeat      bool   // accepted before
	sent        bool   // accepted before, and known to have been sent then
	dialect     string // accepted before, in this version of the dialect; "" is today's
	early       bool   // accepted by a release whose log does not tell of that
	skip        bool   // another event stands for it: an equal one of this request, or another writer's of the same change
	dated       bool   // its publisher said when it happened
}

// handled reports whether nothing is to be done for the event.
func (p *publication) handled() bool { return p.skip || p.sent }

// Accept checks events that come from elsewhere than the HTTP API, and publishes them. Errors are those of Publish, and
// webhook.Invalid naming the fields at fault as "3.type".
func (s *Service) Accept(ctx context.Context, t webhook.Tenant, in []Input, key *IdempotencyKey) ([]Result, error) {
	d, err := s.Dialects.Dialect(ctx, t.Dialect)
	if err != nil {
		return nil, err
	}
	all := make([]Checked, len(in))
	var errs []webhook.FieldError
	for i, e := range in {
		var faults []webhook.FieldError
		all[i], faults = Check(d, e)
		for _, f := range faults {
			errs = append(errs, webhook.FieldError{Field: fmt.Sprintf("%d.%s", i, f.Field), Message: f.Message})
		}
	}
	if errs != nil {
		return nil, webhook.ErrInvalid(append(errs, clashes(all)...)...)
	}
	return s.Publish(ctx, t, d, all, key)
}

// Publish accepts events of a tenant, whose dialect is d. The results are in order. Errors: webhook.Invalid naming fields
// as "3.id", for an id that two of them have, or with the code FilterBudget where their filters are too much work;
// webhook.Conflict for an id that stands for another event (CodeIDReused) or an Idempotency-Key that was used with another
// body; webhook.Unavailable. Of a batch that is refused nothing is taken.
func (s *Service) Publish(ctx context.Context, t webhook.Tenant, d *dialect.Dialect, in []Checked, key *IdempotencyKey) ([]Result, error) {
	if errs := clashes(in); errs != nil {
		return nil, webhook.ErrInvalid(errs...)
	}
	pubs, err := s.accept(t, in)
	if err != nil {
		return nil, err
	}
	return s.publish(ctx, d, t.ID, pubs, key)
}

func (s *Service) publish(ctx context.Context, d *dialect.Dialect, tenant string, pubs []*publication, key *IdempotencyKey) ([]Result, error) {
	if err := s.match(ctx, tenant, pubs); err != nil {
		return nil, err
	}
	// From here on the order matters: pins, messages, log. A crash after the pins loses nothing, for the client has no
	// answer and its retry sends the messages; one after the messages leaves an event that may come twice if the client
	// tries again, but in one delivery; one after the log leaves an event that is known to have been sent (sent.go).
	results, err := s.pin(ctx, d, tenant, pubs, key)
	if err != nil {
		return nil, err
	}
	if err := s.settle(ctx, tenant, pubs); err != nil {
		return nil, err
	}
	for _, p := range pubs {
		if p.repeat {
			p.to = s.takenBefore(p.to, p.AcceptedAt)
		}
	}
	if err := s.carryOut(ctx, d, tenant, pubs, key); err != nil {
		return nil, webhook.ErrUnavailable(err)
	}
	for _, p := range pubs {
		if p.repeat || p.handled() {
			continue
		}
		if !webhook.IsSystemType(p.Type) {
			metrics.Add(ctx, metrics.Accepted, 1)
		}
		metrics.Add(ctx, metrics.Matched, len(p.to))
	}
	for i, r := range results {
		s.Log.DebugContext(ctx, "event.accepted", "tenant", tenant, "event", r.ID, "type", r.Type, "matched", r.Matched, "repeat", pubs[i].repeat || pubs[i].skip,
			"traceparent", pubs[i].TraceParent)
	}
	return results, nil
}

// carryOut sends the events and writes them to the log. Events whose ids we made go into both side by side, for nobody
// can ask for them again: a crash between the two leaves an event in the log that was never answered, or messages of one
// that is not in the log.
func (s *Service) carryOut(ctx context.Context, d *dialect.Dialect, tenant string, pubs []*publication, key *IdempotencyKey) error {
	if key == nil && !slices.ContainsFunc(pubs, func(p *publication) bool { return p.hash != "" }) {
		logged := make(chan error, 1)
		go func() { logged <- s.log(ctx, pubs) }()
		return errors.Join(s.send(ctx, d, pubs, true), <-logged)
	}
	if err := s.send(ctx, d, pubs, false); err != nil {
		return err
	}
	if s.Events == nil {
		return s.mark(ctx, tenant, pubs)
	}
	return s.log(ctx, pubs)
}

// log writes the events to the log, if there is one.
func (s *Service) log(ctx context.Context, pubs []*publication) error {
	var events []webhook.LoggedEvent
	for _, p := range pubs {
		if !p.logged() {
			continue
		}
		ev := webhook.LoggedEvent{Event: p.Event, Entry: p.entry}
		for _, sub := range p.to {
			ev.Matched = append(ev.Matched, sub.Webhook)
		}
		slices.Sort(ev.Matched)
		events = append(events, ev)
	}
	if s.Events == nil || len(events) == 0 {
		return nil
	}
	return s.Events.Write(ctx, events, s.expiry(events[0].Event))
}

// logged reports whether the event belongs into the log. Most system events are for nobody, and of a receiver that is
// down there is one for each delivery: those are not what anybody looks for in a log.
func (p *publication) logged() bool {
	return !p.handled() && !p.unpublished && p.entry != "" && (len(p.to) > 0 || !webhook.IsSystemType(p.Type))
}

func (s *Service) accept(t webhook.Tenant, in []Checked) ([]*publication, error) {
	now := s.acceptance(t)
	happened := s.wall().UTC().Format(webhook.TimeFormat)
	ids := webhook.EventIDs(now, len(in))
	pubs := make([]*publication, len(in))
	for i, c := range in {
		if !c.fine {
			return nil, &webhook.Error{Message: "an event with faults is published"} // its caller is wrong
		}
		e := c.in
		p := &publication{entry: ids[i], hash: c.hash, accepted: accepted{
			content: c.content,
			Event: webhook.Event{
				Tenant: t.ID, ID: e.ID, Type: e.Type, AcceptedAt: now, Timestamp: happened, Data: c.content.Compact(),
				RetentionDays: t.RetentionDays, TraceParent: e.TraceParent,
			},
		}}
		if at := e.happened(); !at.IsZero() {
			p.Timestamp, p.dated = at.UTC().Format(webhook.TimeFormat), true
		}
		if p.ID == "" {
			p.ID = ids[i]
		}
		pubs[i] = p
	}
	return pubs, nil
}

// send queues what the events lead to: their messages, or, beyond what one request should send, the events themselves. only
// says that nobody will ask for them again.
func (s *Service) send(ctx context.Context, d *dialect.Dialect, pubs []*publication, only bool) error {
	total := 0
	for _, p := range pubs {
		if !p.handled() {
			total += len(p.to)
		}
	}
	var first, again []queue.Outgoing
	for _, p := range pubs {
		if p.handled() || len(p.to) == 0 {
			continue
		}
		in := d
		if p.dialect != "" && p.dialect != d.Ref() { // all bodies under an id are one
			var err error
			if in, err = s.Dialects.Dialect(ctx, p.dialect); err != nil {
				return err
			}
		}
		var msgs []queue.Outgoing
		var err error
		if total > MaxInline {
			msgs, err = s.handOver(ctx, in, p)
		} else {
			msgs, err = s.messages(ctx, in, p.accepted, p.to, only, s.delay(p.repeat))
		}
		if err != nil {
			return err
		}
		if p.repeat {
			again = append(again, msgs...)
		} else {
			first = append(first, msgs...)
		}
	}
	to := s.Delivery
	if total > MaxInline {
		to = s.Queue
	}
	if err := queue.SendAll(ctx, to, first); err != nil {
		return err
	}
	return queue.SendAll(ctx, to, again)
}

// takenBefore leaves out webhooks that have come to take such events only since. Where the clock was set back since one has,
// nobody can tell: it gets the event, rather than that nobody sends it what the first try did not.
func (s *Service) takenBefore(subs []webhook.Subscription, at time.Time) []webhook.Subscription {
	ahead := s.now().Add(webhook.ClockSkew)
	var out []webhook.Subscription
	for _, sub := range subs {
		if !sub.Since.After(at) || sub.Since.After(ahead) {
			out = append(out, sub)
		}
	}
	return out
}

// messages returns one message for each webhook. Webhooks of one format share the event's body. only says that there will be
// no others of the event.
func (s *Service) messages(
	ctx context.Context, d *dialect.Dialect, ev accepted, to []webhook.Subscription, only bool, delay time.Duration,
) ([]queue.Outgoing, error) {
	bodies := make(map[string]webhook.Payload)
	msgs := make([]queue.Outgoing, 0, len(to))
	for _, sub := range to {
		body, ok := bodies[sub.Format]
		if !ok {
			raw, err := format.Of(sub.Format).Body(d, ev.Event, ev.content)
			if err != nil {
				return nil, fmt.Errorf("body: %w", err)
			}
			if body, err = message.Keep(ctx, s.Store, ev.Event, sub.Format, payload.Pack(raw), s.expiry(ev.Event)); err != nil {
				return nil, err
			}
			bodies[sub.Format] = body
		}
		m := message.Compose(d, ev.Event, sub)
		m.Body, m.Ref, m.Only = body.Inline, body.Ref, only
		msgs = append(msgs, m.Outgoing(delay))
	}
	return msgs, nil
}

// delay returns how long what is sent waits.
func (s *Service) delay(repeat bool) time.Duration {
	if repeat {
		return min(s.span(repeatDelay), queue.MaxDelay)
	}
	return 0
}

func (s *Service) expiry(ev webhook.Event) time.Time {
	return ev.AcceptedAt.Add(webhook.Retention(s.Retention, ev.RetentionDays))
}
