package erasure

import (
	"context"
	"time"

	"hookline/shared/message"
	"hookline/shared/webhook"
)

// stepTenant erases some of what a deleted tenant left. It returns what is left to do and when, nil if nothing is.
func (s *Service) stepTenant(ctx context.Context, m message.Erasure) (*message.Erasure, time.Duration, error) {
	before := s.Now().Add(-settled) // what a tenant accepts that gets the id after the next line is later
	t, err := s.Store.Tenant(ctx, m.Tenant)
	switch {
	case err != nil && !webhook.Is(err, webhook.NotFound):
		return nil, 0, err
	case err == nil && message.Millis(t.CreatedAt) != m.Since:
		before = t.CreatedAt // another tenant has the id by now
	case err == nil && s.Now().Sub(time.UnixMilli(m.At)) > patience:
		return nil, 0, nil // it was not deleted
	case err == nil: // it is still being deleted, or its deletion failed and is to be asked for again
		return &m, 15 * time.Minute, nil
	}
	r, err := s.Store.Remains(ctx, m.Tenant, before, webhook.Page{Limit: pageSize, Cursor: m.Cursor})
	if err != nil {
		return nil, 0, err
	}
	// Bodies go first: nothing would name them after a crash.
	if err := each(len(r.Log), func(i int) error { return s.dropLogged(ctx, r.Log[i]) }); err != nil {
		return nil, 0, err
	}
	if err := each(len(r.Deliveries), func(i int) error {
		if ref := r.Deliveries[i].Body.Ref; ref != "" {
			return s.Store.DropPayload(ctx, m.Tenant, ref)
		}
		return nil
	}); err != nil {
		return nil, 0, err
	}
	if err := s.Store.DropRemains(ctx, r); err != nil {
		return nil, 0, err
	}
	switch m.Cursor = r.Next; {
	case r.Next != "":
		return &m, 0, nil
	case !m.Again: // an attempt that was under way may have been recorded meanwhile
		m.Again = true
		return &m, settled, nil
	}
	return nil, 0, nil
}

// dropLogged drops what the events of one item of the log have outside of it: their bodies, and the item's pieces.
func (s *Service) dropLogged(ctx context.Context, it webhook.LogItem) error {
	events, refs, err := s.Events.Open(ctx, it)
	if err != nil {
		return err
	}
	for _, ev := range events {
		if err := s.dropBodies(ctx, nil, ev.Event); err != nil {
			return err
		}
	}
	for _, ref := range refs {
		if err := s.Store.DropPayload(ctx, it.Tenant, ref); err != nil {
			return err
		}
	}
	return nil
}
