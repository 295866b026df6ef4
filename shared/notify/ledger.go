package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"hookline/shared/webhook"
)

// maxEntries bounds a ledger to some 100 KB, far from what a table's item can hold; beyond it changes are only counted.
const maxEntries = 200

// ledger is a tenant's changes in an hour, in the order of their first notices: the first perHour have a mail each, the
// others are in the digest.
type ledger struct {
	Entries []entry   `json:"entries,omitzero"`
	More    int       `json:"more,omitzero"`    // changes beyond maxEntries that are in no mail yet; a repeat may count twice
	Waiting bool      `json:"waiting,omitzero"` // a digest's message is in the queue
	Until   time.Time `json:"until,omitzero"`   // the digest is being mailed, until then at most
}

// entry is one change, as a digest shows it.
type entry struct {
	ID      string    `json:"id"`
	Type    string    `json:"type"`
	Webhook string    `json:"webhook"`
	Name    string    `json:"name"` // as shown, "" for none
	URL     string    `json:"url"`  // as shown
	At      time.Time `json:"at"`
	Sent    bool      `json:"sent,omitzero"`
	Until   time.Time `json:"until,omitzero"` // it is being mailed, until then at most
}

// placed is what is to be done for a change that was noted: nothing (done), come back (busy), mail it (alone), or have a
// digest wait (none of them).
type placed struct{ changed, done, busy, alone bool }

// note sees to it that e is in the ledger, and gives whoever is to mail it the lease.
func (l *ledger) note(e entry, now time.Time) placed {
	i := slices.IndexFunc(l.Entries, func(o entry) bool { return o.ID == e.ID })
	isNew := i < 0
	switch {
	case isNew && len(l.Entries) == maxEntries:
		l.More++
		return placed{changed: true, done: l.Waiting}
	case isNew:
		i = len(l.Entries)
		l.Entries = append(l.Entries, e)
	}
	switch there := &l.Entries[i]; {
	case there.Sent:
		return placed{done: true}
	case i >= perHour:
		return placed{changed: isNew, done: l.Waiting}
	case there.Until.After(now):
		return placed{busy: true}
	default:
		there.Until = now.Add(lease)
		return placed{changed: true, alone: true}
	}
}

// sent notes that changes were mailed.
func (l *ledger) sent(ids ...string) (changed bool) {
	for i, e := range l.Entries {
		if !e.Sent && slices.Contains(ids, e.ID) {
			l.Entries[i].Sent, l.Entries[i].Until = true, time.Time{}
			changed = true
		}
	}
	return changed
}

// leftover is what a digest is to say, to whoever has the lease; or that another has it (busy).
type leftover struct {
	changed, busy bool
	entries       []entry
	more          int
}

func (l *ledger) leftover(now time.Time) leftover {
	if l.Until.After(now) {
		return leftover{busy: true}
	}
	var left leftover
	for i, e := range l.Entries {
		if i >= perHour && !e.Sent {
			left.entries = append(left.entries, e)
		}
	}
	left.more = l.More
	if len(left.entries) == 0 && left.more == 0 {
		left.changed = l.Waiting
		l.Waiting = false
		return left
	}
	l.Until, left.changed = now.Add(lease), true
	return left
}

// digestSent notes that a digest was mailed.
func (l *ledger) digestSent(d leftover) bool {
	ids := make([]string, len(d.entries))
	for i, e := range d.entries {
		ids[i] = e.ID
	}
	l.sent(ids...)
	l.More -= min(d.more, l.More)
	l.Until = time.Time{}
	return true
}

// editTries is how often a ledger is read again because another was quicker to write it.
const editTries = 20

// edit changes an hour's ledger, which is kept as a pin: fn is given what is stored, and reports whether it changed it.
// It may be called again.
func (s *Service) edit(ctx context.Context, tenant string, hour time.Time, fn func(*ledger) bool) error {
	for range editTries {
		now := s.now()
		p, _, err := s.Store.Pin(ctx, webhook.Pin{
			Tenant: tenant, Scope: "mail", Key: hour.UTC().Format(time.RFC3339), At: now, Answer: []byte("{}"), ExpiresAt: now.Add(remembered),
		})
		if err != nil {
			return err
		}
		var l ledger
		if err := json.Unmarshal(p.Answer, &l); err != nil {
			return fmt.Errorf("ledger of %s: %w", p.Key, err)
		}
		if !fn(&l) {
			return nil
		}
		if p.Answer, err = l.marshal(); err != nil {
			return err
		}
		read := p.At
		if p.At = now; !now.After(read) { // the time tells versions apart
			p.At = read.Add(time.Millisecond)
		}
		if err := s.Store.Repin(ctx, p, read); !webhook.Is(err, webhook.Conflict) {
			return err
		}
	}
	return webhook.ErrUnavailable(errors.New("the ledger is written by too many at once"))
}

// marshal leaves characters of HTML as they are: escaped they would take six times the room.
func (l *ledger) marshal() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(l)
	return b.Bytes(), err
}
