package ingest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"hookline/shared/webhook"
)

// A pin is one write, made before anything is sent. It says that an id is taken, and nothing of whether the event was ever
// sent: its request may have died in between. That is told by what the request wrote once all its messages were queued,
// the event's entry in the log, which costs nothing more; where the stack keeps no log, by a mark, which is one write for
// a request. So a crash leaves one of these:
//
//   - Before the messages: a pin alone. The same event, published again, is sent. Another event takes the id over once no
//     request can be under way that old.
//   - Among the messages, or before the log: a pin, and messages. The same event, published again, is sent again, into the
//     deliveries that there are. Another event is refused, for deliveries of the first have their records by the time at
//     which an id can be taken over. Those that wait longer for their first attempt, in a queue that is behind or for their
//     turn under max_per_second, have none: then both events are delivered, each whole, and the first was never answered.
//   - After the log: an event that was sent. Published again it is answered and not sent; another event is refused.

// CodeIDReused is the code of the Conflict when an id stands for another event.
const CodeIDReused = "event-id-reused"

// deadAfter is when a request that has not come to an end counts as dead, in real time: longer than a function runs.
const deadAfter = time.Minute

// reuse collects the events of a request whose ids stand for others.
type reuse struct {
	ids    []string
	unsure bool // of one it is not known yet whether its id does
}

// errUnsure is the cause of a refusal that may not stand: the request that has the id may be dead.
var errUnsure = errors.New("it is not known yet whether the first event of this id was sent")

// maxNamed is how many ids an error names.
const maxNamed = 5

// err returns the refusal.
func (r *reuse) err() error {
	named := r.ids[:min(len(r.ids), maxNamed)]
	message := fmt.Sprintf("the id %s was used for another event in the last 24 hours; give this event another id, or send it as it was the first time",
		strings.Join(named, ", "))
	if more := len(r.ids) - len(named); more > 0 {
		message = fmt.Sprintf("the ids %s and %d more were used for other events in the last 24 hours; give these events other ids, or send them as they were the first time",
			strings.Join(named, ", "), more)
	} else if len(named) > 1 {
		message = fmt.Sprintf("the ids %s were used for other events in the last 24 hours; give these events other ids, or send them as they were the first time",
			strings.Join(named, ", "))
	}
	refusal := webhook.ErrConflict(CodeIDReused, message)
	if r.unsure {
		refusal.Cause = errUnsure
	}
	return refusal
}

// displace puts p in the place of the pin that has its id for another event, if that was never sent. It returns the pin
// that is there then, and whether it is p. An id that stays with another event it notes in refused.
func (s *Service) displace(ctx context.Context, there, p webhook.Pin, refused *reuse) (webhook.Pin, bool, error) {
	first, err := decode(there.Answer, 1)
	if err != nil {
		return webhook.Pin{}, false, err
	}
	dead, unsure, err := s.unsent(ctx, there, first)
	if err != nil {
		return webhook.Pin{}, false, err
	}
	if dead {
		err := s.Store.Repin(ctx, p, there.At)
		if err == nil {
			return p, true, nil
		}
		if !webhook.Is(err, webhook.Conflict) {
			return webhook.Pin{}, false, err
		}
		// Another request was quicker: its event has the id, or none if it was withdrawn.
		got, created, err := s.Store.Pins(ctx, []webhook.Pin{p})
		if err != nil {
			return webhook.Pin{}, false, err
		}
		if created[0] || same(got[0].Hash, p.Hash) {
			return got[0], created[0], nil
		}
		there = got[0]
	}
	refused.ids = append(refused.ids, p.Key)
	refused.unsure = refused.unsure || unsure
	return there, false, nil
}

// unsent reports whether nothing was sent of the pin's event, and nothing will be: its request is dead. While that may
// still turn out so, it is unsure.
func (s *Service) unsent(ctx context.Context, pin webhook.Pin, first *stored) (dead, unsure bool, err error) {
	if first.Entry == "" { // accepted before there were entries
		return false, false, nil
	}
	sent, err := s.wereSent(ctx, pin.Tenant, []string{first.Entry})
	if err != nil || sent[first.Entry] {
		return false, false, err
	}
	if s.now().Sub(pin.At) <= s.span(deadAfter) {
		return false, true, nil
	}
	subs, err := s.subscriptions(ctx, pin.Tenant, first.Results[0].Type)
	if err != nil {
		return false, false, err
	}
	var keys []webhook.DeliveryKey
	for _, sub := range s.takenBefore(subs, pin.At) {
		keys = append(keys, webhook.DeliveryKey{Tenant: pin.Tenant, Webhook: sub.Webhook, Event: pin.Key, AcceptedAt: pin.At})
	}
	_, records, err := s.Store.Load(ctx, nil, keys)
	return err == nil && len(records) == 0, false, err
}

// withdraw takes back pins whose events are not taken, as far as it can. One that stays yields as that of a request that
// died does.
func (s *Service) withdraw(ctx context.Context, pins []webhook.Pin) {
	ctx = context.WithoutCancel(ctx)
	var wg sync.WaitGroup
	for _, p := range pins {
		wg.Go(func() {
			if err := s.Store.Unpin(ctx, p); err != nil {
				s.Log.WarnContext(ctx, "ingest.withdraw", "tenant", p.Tenant, "err", err)
			}
		})
	}
	wg.Wait()
}

// settle finds out which of the repeats are known to have been sent.
func (s *Service) settle(ctx context.Context, tenant string, pubs []*publication) error {
	var entries []string
	for _, p := range pubs {
		if p.repeat && !p.skip && !p.early && p.entry != "" {
			entries = append(entries, p.entry)
		}
	}
	if entries == nil {
		return nil
	}
	sent, err := s.wereSent(ctx, tenant, entries)
	if err != nil {
		return err
	}
	for _, p := range pubs {
		p.sent = p.repeat && !p.early && sent[p.entry]
	}
	return nil
}

// wereSent returns which of the entries are known to have been sent.
func (s *Service) wereSent(ctx context.Context, tenant string, entries []string) (map[string]bool, error) {
	if s.Events != nil {
		return s.Events.Holds(ctx, tenant, entries)
	}
	marked := make(map[string]bool) // by key
	sent := make(map[string]bool)
	for _, entry := range entries {
		for _, key := range []string{requestMark(entry), entry} {
			found, ok := marked[key]
			if !ok {
				_, err := s.Store.FindPin(ctx, tenant, markScope, key)
				if err != nil && !webhook.Is(err, webhook.NotFound) {
					return nil, err
				}
				found = err == nil
				marked[key] = found
			}
			if found {
				sent[entry] = true
				break
			}
		}
	}
	return sent, nil
}

// markScope is where marks are unique.
const markScope = "sent"

// requestMark is the key of the mark for all that one request made.
func requestMark(entry string) string {
	request, _, _ := webhook.EntryRequest(entry)
	return "request " + request
}

// mark remembers that the events were sent, where there is no log to tell by: one mark for those that the request made,
// and one for each that an earlier request did.
func (s *Service) mark(ctx context.Context, tenant string, pubs []*publication) error {
	var marks []webhook.Pin
	made := false
	for _, p := range pubs {
		if !p.logged() || !p.repeat && made {
			continue
		}
		key := p.entry
		if !p.repeat {
			key, made = requestMark(p.entry), true
		}
		marks = append(marks, webhook.Pin{
			Tenant: tenant, Scope: markScope, Key: key, At: p.AcceptedAt, ExpiresAt: p.AcceptedAt.Add(Remembered),
		})
	}
	if marks == nil {
		return nil
	}
	_, _, err := s.Store.Pins(ctx, marks)
	return err
}
