package ingest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"hookline/shared/delivery"
	"hookline/shared/dialect"
	"hookline/shared/ecmajson"
	"hookline/shared/eventlog"
	"hookline/shared/payload"
	"hookline/shared/queue"
	"hookline/shared/webhook"
)

func checkData(data json.RawMessage) string {
	if len(data) == 0 {
		return "is required"
	}
	compact, err := ecmajson.Compact(data)
	switch {
	case err != nil:
		return "must be valid JSON: " + err.Error()
	case compact[0] != '{':
		return "must be a JSON object"
	}
	return ""
}

// TooLarge reports whether the event's data is over its limit.
func TooLarge(in Input) bool {
	if len(in.Data) <= webhook.MaxDataBytes {
		return false
	}
	compact, err := ecmajson.Compact(in.Data)
	return err != nil || len(compact) > webhook.MaxDataBytes
}

// publication is one event on its way through Publish.
type publication struct {
	webhook.Event
	entry   string // the id made for it, which is its place in the event log; "" if it was accepted before there was one
	hash    string // of what was handed in, "" when we made the id
	to      []webhook.Subscription
	matched int
	except  string // a webhook that is not told; "" none
	quiet   bool   // nobody is told; the id is pinned all the same
	repeat  bool   // accepted before
	void    bool   // nothing is to be sent for it
}

// stored is a pin's answer: the results, and the time the events happened, which their bodies carry. Of an event's own pin
// it says too where the event is in the log.
type stored struct {
	Results   []Result `json:"results"`
	Timestamp string   `json:"timestamp"`
	eventlog.Pinned
}

// Publish accepts the events for the tenant. The results are in order. Errors: webhook.Invalid naming the fields as
// "3.type", with the code FilterBudget where their filters are too much work; webhook.Conflict for a reused
// Idempotency-Key, webhook.Unavailable.
func (s *Service) Publish(ctx context.Context, t webhook.Tenant, in []Input, once *Once) ([]Result, error) {
	d, err := s.Dialects.Dialect(ctx, t.Dialect)
	if err != nil {
		return nil, err
	}
	pubs, err := s.accept(t, d, in)
	if err != nil {
		return nil, err
	}
	return s.publish(ctx, d, t.ID, pubs, once)
}

func (s *Service) publish(ctx context.Context, d *dialect.Dialect, tenant string, pubs []*publication, once *Once) ([]Result, error) {
	if err := s.match(ctx, tenant, pubs); err != nil {
		return nil, err
	}
	// From here on the order matters. Pins first: a crash after them loses nothing, for the client has no answer and
	// its retry sends the messages as a repeat. Messages and log last, side by side: what is answered is queued and in the
	// log. A crash between the two leaves an event in the log that was never answered, or messages of one that the retry
	// brings into the log.
	results, err := s.pin(ctx, tenant, pubs, once)
	if err != nil {
		return nil, err
	}
	for _, p := range pubs {
		if p.repeat {
			p.to = takenBefore(p.to, p.AcceptedAt)
		}
	}
	logged := s.logging(ctx, pubs)
	if err := errors.Join(s.send(ctx, d, pubs), <-logged); err != nil {
		return nil, webhook.ErrUnavailable(err)
	}
	for i, r := range results {
		s.Log.DebugContext(ctx, "event.accepted", "tenant", tenant, "event", r.ID, "type", r.Type, "matched", r.Matched, "repeat", pubs[i].repeat || pubs[i].void)
	}
	return results, nil
}

// logging writes the events to the log, beside whatever the caller does until it receives the outcome.
func (s *Service) logging(ctx context.Context, pubs []*publication) <-chan error {
	done := make(chan error, 1)
	var events []webhook.LoggedEvent
	for _, p := range pubs {
		// Most system events are for nobody, and of a receiver that is down there is one for each delivery: those are not
		// what anybody looks for in a log.
		if p.void || p.quiet || p.entry == "" || webhook.IsSystemType(p.Type) && len(p.to) == 0 {
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
		done <- nil
		return done
	}
	go func() { done <- s.Events.Write(ctx, events, s.expiry(events[0].Event)) }()
	return done
}

func (s *Service) accept(t webhook.Tenant, d *dialect.Dialect, in []Input) ([]*publication, error) {
	now := s.now()
	happened := s.wall().UTC().Format(webhook.BodyTimeFormat)
	ids := webhook.EventIDs(now, len(in))
	pubs := make([]*publication, len(in))
	var errs []webhook.FieldError
	for i, e := range in {
		for _, f := range Check(d, e) {
			errs = append(errs, webhook.FieldError{Field: fmt.Sprintf("%d.%s", i, f.Field), Message: f.Message})
		}
		data, err := ecmajson.Compact(e.Data)
		if err != nil {
			continue // Check has named it
		}
		p := &publication{entry: ids[i], Event: webhook.Event{
			Tenant: t.ID, ID: e.ID, Type: e.Type, AcceptedAt: now, Timestamp: happened, Data: data,
		}}
		if !e.Timestamp.IsZero() {
			p.Timestamp = e.Timestamp.UTC().Format(webhook.BodyTimeFormat)
		}
		if p.ID == "" {
			p.ID = ids[i]
		} else {
			p.hash = hashOf(e, data)
		}
		pubs[i] = p
	}
	if errs != nil {
		return nil, webhook.ErrInvalid(errs...)
	}
	return pubs, nil
}

func hashOf(e Input, data []byte) string {
	h := sha256.New()
	stamp := ""
	if !e.Timestamp.IsZero() {
		stamp = e.Timestamp.UTC().Format(time.RFC3339Nano)
	}
	fmt.Fprintf(h, "%s\n%s\n", e.Type, stamp)
	h.Write(data)
	return hex.EncodeToString(h.Sum(nil))
}

// pin remembers what came with an id from outside, or finds what was remembered, and returns the answer.
func (s *Service) pin(ctx context.Context, tenant string, pubs []*publication, once *Once) ([]Result, error) {
	results := make([]Result, len(pubs))
	for i, p := range pubs {
		results[i] = Result{ID: p.ID, Type: p.Type, Matched: p.matched}
	}
	var whole *stored
	if once != nil {
		pin, created, err := s.remember(ctx, webhook.Pin{
			Tenant: tenant, Scope: once.Scope, Key: once.Key, Hash: once.Hash, At: pubs[0].AcceptedAt,
		}, stored{Results: results, Timestamp: s.wall().UTC().Format(webhook.BodyTimeFormat)})
		if err != nil {
			return nil, err
		}
		if !created {
			if pin.Hash != once.Hash {
				return nil, webhook.ErrConflict("idempotency-key-reused", "this Idempotency-Key was used with another body")
			}
			if whole, err = decode(pin.Answer, len(pubs)); err != nil {
				return nil, err
			}
			for i, p := range pubs {
				if p.hash == "" {
					p.ID, p.AcceptedAt, p.repeat = whole.Results[i].ID, pin.At, true
					p.entry = p.ID
					p.Timestamp = whole.Timestamp // its body stays what it was
				}
			}
		}
	}
	if err := s.pinEvents(ctx, tenant, pubs, results); err != nil {
		return nil, err
	}
	if whole != nil {
		return whole.Results, nil
	}
	return results, nil
}

// pinEvents pins the events whose ids came from outside, each by itself.
func (s *Service) pinEvents(ctx context.Context, tenant string, pubs []*publication, results []Result) error {
	var pins []webhook.Pin
	var of []int
	at := make(map[string]int) // id → the event of this request that has it first
	for i, p := range pubs {
		if p.hash == "" {
			continue
		}
		if j, ok := at[p.ID]; ok {
			p.void, results[i] = true, results[j]
			continue
		}
		at[p.ID] = i
		answer, err := json.Marshal(stored{
			Results: results[i : i+1], Timestamp: p.Timestamp, Pinned: eventlog.Pinned{Entry: p.entry},
		})
		if err != nil {
			return err
		}
		pin := webhook.Pin{
			Tenant: tenant, Scope: eventlog.PinScope, Key: p.ID, Hash: p.hash, At: p.AcceptedAt, Answer: answer,
			ExpiresAt: p.AcceptedAt.Add(Remembered),
		}
		if s.Events != nil {
			pin.KeptUntil = s.expiry(p.Event) // the log finds the event by it
		}
		pins = append(pins, pin)
		of = append(of, i)
	}
	if len(pins) == 0 {
		return nil
	}
	got, created, err := s.Store.Pins(ctx, pins)
	if err != nil {
		return err
	}
	for k, pin := range got {
		if created[k] {
			continue
		}
		p := pubs[of[k]]
		first, err := decode(pin.Answer, 1)
		if err != nil {
			return err
		}
		results[of[k]] = first.Results[0]
		p.AcceptedAt, p.repeat = pin.At, true
		p.Timestamp, p.entry = first.Timestamp, first.Entry
		// Another event under the same id is answered as the first and not sent: the first one has the id.
		p.void = pin.Hash != p.hash
	}
	for i, p := range pubs {
		if p.void && p.hash != "" {
			results[i] = results[at[p.ID]]
		}
	}
	return nil
}

func (s *Service) remember(ctx context.Context, p webhook.Pin, answer stored) (webhook.Pin, bool, error) {
	b, err := json.Marshal(answer)
	if err != nil {
		return webhook.Pin{}, false, err
	}
	p.Answer, p.ExpiresAt = b, p.At.Add(Remembered)
	got, created, err := s.Store.Pins(ctx, []webhook.Pin{p})
	if err != nil {
		return webhook.Pin{}, false, err
	}
	return got[0], created[0], nil
}

func decode(answer []byte, n int) (*stored, error) {
	var st stored
	if err := json.Unmarshal(answer, &st); err != nil || len(st.Results) != n {
		return nil, fmt.Errorf("the remembered answer is not readable: %w", err)
	}
	return &st, nil
}

// send queues what the events lead to: their messages, or, beyond what one request should send, the events themselves.
func (s *Service) send(ctx context.Context, d *dialect.Dialect, pubs []*publication) error {
	total := 0
	for _, p := range pubs {
		if !p.void {
			total += len(p.to)
		}
	}
	var first, again []queue.Outgoing
	for _, p := range pubs {
		if p.void || len(p.to) == 0 {
			continue
		}
		var msgs []queue.Outgoing
		var err error
		if total > MaxInline {
			msgs, err = s.handOver(ctx, d, p)
		} else {
			msgs, err = s.messages(ctx, d, p.Event, p.to, p.repeat)
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

// takenBefore leaves out webhooks that have come to take such events only since.
func takenBefore(subs []webhook.Subscription, at time.Time) []webhook.Subscription {
	var out []webhook.Subscription
	for _, sub := range subs {
		if !sub.Since.After(at) {
			out = append(out, sub)
		}
	}
	return out
}

// messages returns one message for each webhook. Webhooks of one format share the event's body.
func (s *Service) messages(ctx context.Context, d *dialect.Dialect, ev webhook.Event, to []webhook.Subscription, repeat bool) ([]queue.Outgoing, error) {
	bodies := make(map[string]webhook.Payload)
	msgs := make([]queue.Outgoing, 0, len(to))
	for _, sub := range to {
		body, ok := bodies[sub.Format]
		if !ok {
			raw, err := delivery.Body(d, ev, sub.Format)
			if err != nil {
				return nil, fmt.Errorf("body: %w", err)
			}
			if body, err = delivery.Keep(ctx, s.Store, ev, sub.Format, payload.Pack(raw), s.expiry(ev)); err != nil {
				return nil, err
			}
			bodies[sub.Format] = body
		}
		m := delivery.Compose(d, ev, sub)
		m.Body, m.Ref = body.Inline, body.Ref
		msgs = append(msgs, m.Outgoing(delayOf(repeat)))
	}
	return msgs, nil
}

func delayOf(repeat bool) time.Duration {
	if repeat {
		return repeatDelay
	}
	return 0
}

func (s *Service) expiry(ev webhook.Event) time.Time {
	if s.Retention > 0 {
		return ev.AcceptedAt.Add(s.Retention)
	}
	return ev.AcceptedAt.Add(delivery.DefaultRetention)
}
