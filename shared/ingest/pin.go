package ingest

import (
	"context"
	"encoding/json"
	"fmt"

	"hookline/shared/dialect"
	"hookline/shared/eventlog"
	"hookline/shared/webhook"
)

// stored is a pin's answer: the results, the time the events happened, which their bodies carry, and the version of the
// dialect that their bodies are in, "" in pins of earlier releases. Of an event's own pin it says too where the event is in
// the log.
type stored struct {
	Results   []Result `json:"results"`
	Timestamp string   `json:"timestamp"`
	Dialect   string   `json:"dialect,omitempty"`
	eventlog.Pinned
}

// pin remembers what came with an id from outside, or finds what was remembered, and returns the answer.
func (s *Service) pin(ctx context.Context, d *dialect.Dialect, tenant string, pubs []*publication, key *IdempotencyKey) ([]Result, error) {
	results := make([]Result, len(pubs))
	for i, p := range pubs {
		results[i] = Result{ID: p.ID, Type: p.Type, Matched: p.matched}
	}
	var whole *stored
	var made []webhook.Pin
	if key != nil {
		pin, created, err := s.remember(ctx, webhook.Pin{
			Tenant: tenant, Scope: key.Scope, Key: key.Key, Hash: key.Hash, At: pubs[0].AcceptedAt,
		}, stored{Results: results, Timestamp: undated(pubs), Dialect: d.Ref()})
		if err != nil {
			return nil, err
		}
		if created {
			made = append(made, pin)
		} else {
			if pin.Hash != key.Hash {
				return nil, webhook.ErrConflict("idempotency-key-reused", "this Idempotency-Key was used with another body")
			}
			if whole, err = decode(pin.Answer, len(pubs)); err != nil {
				return nil, err
			}
			for i, p := range pubs {
				if p.hash == "" {
					p.ID, p.AcceptedAt, p.repeat = whole.Results[i].ID, pin.At, true
					p.entry, p.dialect = p.ID, whole.Dialect
					if !p.dated {
						p.Timestamp = whole.Timestamp // its body stays what it was
					}
				}
			}
		}
	}
	if err := s.pinEvents(ctx, d, tenant, pubs, results, made); err != nil {
		return nil, err
	}
	if whole != nil {
		return whole.Results, nil
	}
	return results, nil
}

// undated returns when those events happened whose publisher did not say so, "" if there is none.
func undated(pubs []*publication) string {
	for _, p := range pubs {
		if !p.dated {
			return p.Timestamp
		}
	}
	return ""
}

// pinEvents pins the events whose ids came from outside, each by itself. When it refuses the request it withdraws what
// it pinned, and made, which was pinned for the request before. A crash in between leaves pins of events that were never
// sent, which yield (sent.go). Another request for one of the events that comes in that very moment takes it for accepted
// and sends it; its id is then free again.
func (s *Service) pinEvents(ctx context.Context, d *dialect.Dialect, tenant string, pubs []*publication, results []Result, made []webhook.Pin) error {
	var pins []webhook.Pin
	var of []int
	at := make(map[string]int) // id → the event of this request that has it first
	for i, p := range pubs {
		if p.hash == "" {
			continue
		}
		if j, ok := at[p.ID]; ok {
			p.skip, results[i] = true, results[j]
			continue
		}
		at[p.ID] = i
		answer, err := json.Marshal(stored{
			Results: results[i : i+1], Timestamp: p.Timestamp, Dialect: d.Ref(), Pinned: eventlog.Pinned{Entry: p.entry},
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
	var refused reuse
	for k := range got {
		p := pubs[of[k]]
		if !created[k] && !same(got[k].Hash, p.hash) && !webhook.IsSystemType(p.Type) {
			if got[k], created[k], err = s.displace(ctx, got[k], pins[k], &refused); err != nil {
				return err
			}
		}
		if created[k] {
			made = append(made, got[k])
			continue
		}
		first, err := decode(got[k].Answer, 1)
		if err != nil {
			return err
		}
		results[of[k]] = first.Results[0]
		p.AcceptedAt, p.repeat, p.early = got[k].At, true, isEarly(got[k].Hash)
		p.Timestamp, p.entry, p.dialect = first.Timestamp, first.Entry, first.Dialect
		p.skip = !same(got[k].Hash, p.hash) // of two messages that tell of one change the first to come does
	}
	if refused.ids != nil {
		s.withdraw(ctx, made)
		return refused.err()
	}
	for i, p := range pubs {
		if p.skip && p.hash != "" {
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
