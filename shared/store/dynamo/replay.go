package dynamo

import (
	"context"

	"hookline/shared/store/record"
	"hookline/shared/webhook"
)

func replayItem(r webhook.Replay, version int64) item {
	it := replayKey(r.Tenant, r.ID).item()
	it[attrVersion], it[attrCreated], it[attrRecord] = number(version), number(record.Millis(r.CreatedAt)), bin(record.EncodeReplay(r))
	it.expires(r.ExpiresAt)
	it.sign()
	return it
}

// CreateReplay stores a replay job.
func (s *Store) CreateReplay(ctx context.Context, r webhook.Replay) error {
	refusal, err := s.transact(ctx, s.openAction(r.Tenant), s.putAction(replayItem(r, r.Version), absent))
	switch {
	case err != nil:
		return err
	case refusal.of(0):
		return webhook.ErrNotFound("tenant")
	case refusal != nil:
		return webhook.ErrConflict("replay-exists", "a replay with this id exists")
	}
	return nil
}

// Replay reads a replay job that was created while its tenant existed.
func (s *Store) Replay(ctx context.Context, tenant, id string) (webhook.Replay, error) {
	of, at := tenantKey(tenant), replayKey(tenant, id)
	found, err := s.load(ctx, []key{of, at}, true)
	if err != nil {
		return webhook.Replay{}, err
	}
	it := found[at]
	if found[of] == nil || it == nil || it.number(attrCreated) < found[of].number(attrCreated) {
		return webhook.Replay{}, webhook.ErrNotFound("replay")
	}
	r, err := record.DecodeReplay(webhook.Replay{
		Tenant: tenant, ID: id, Version: it.number(attrVersion), CreatedAt: record.Time(it.number(attrCreated)),
	}, it.bytes(attrRecord))
	if err != nil {
		return webhook.Replay{}, internal(err)
	}
	return r, nil
}

// UpdateReplay stores the job if the stored one's Version is r.Version.
func (s *Store) UpdateReplay(ctx context.Context, r webhook.Replay) error {
	it := replayItem(r, r.Version+1)
	unsure, err := s.put(ctx, it, attrVersion+" = :ver", item{":ver": number(r.Version)})
	if there, ok := refused(err); ok {
		if unsure && ours(there, it) {
			return nil
		}
		return errChanged()
	}
	return fault(err)
}
