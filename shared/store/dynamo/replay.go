package dynamo

import (
	"context"
	"strings"

	"hookline/shared/store/cursor"
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

// attrWebhook is the webhook of a job in the list of jobs.
const attrWebhook = "hook"

// CreateReplay stores a replay job, and an entry each in the tenant's list of jobs and in that of all tenants. A job keeps its
// id, its webhook and its time, so the entries stay as they are.
func (s *Store) CreateReplay(ctx context.Context, r webhook.Replay) error {
	listed := key{replaysPK(r.Tenant), r.ID}.item()
	listed[attrWebhook], listed[attrCreated] = text(r.Webhook), number(record.Millis(r.CreatedAt))
	listed.expires(r.ExpiresAt)
	ofAll := key{replaysPK(""), r.ID + "#" + r.Tenant}.item()
	ofAll[attrCreated] = listed[attrCreated]
	ofAll.expires(r.ExpiresAt)
	refusal, err := s.transact(ctx, s.openAction(r.Tenant), s.putAction(replayItem(r, r.Version), absent), s.putAction(listed, ""), s.putAction(ofAll, ""))
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
	return decodeReplay(tenant, id, it)
}

func decodeReplay(tenant, id string, it item) (webhook.Replay, error) {
	r, err := record.DecodeReplay(webhook.Replay{
		Tenant: tenant, ID: id, Version: it.number(attrVersion), CreatedAt: record.Time(it.number(attrCreated)),
	}, it.bytes(attrRecord))
	if err != nil {
		return webhook.Replay{}, internal(err)
	}
	return r, nil
}

// Replays lists a tenant's replay jobs, or those of one webhook, newest id first. A job that a program without the list
// created is not in it.
func (s *Store) Replays(ctx context.Context, tenant, hook string, page webhook.Page) (webhook.List[webhook.Replay], error) {
	if tenant == "" {
		return s.allReplays(ctx, page)
	}
	list := "replays/" + tenant + "/" + hook
	none := webhook.List[webhook.Replay]{}
	from, err := after(list, page.Cursor)
	if err != nil {
		return none, err
	}
	tenantSince, found, err := s.created(ctx, tenant)
	if err != nil || !found {
		return none, err
	}
	p := cursor.NewPage[webhook.Replay](page)
	return p.Answer(s.chunks(ctx, partition(replaysPK(tenant), from, true, size(p)), func(entries []item) (bool, error) {
		var keys []key
		for _, e := range entries {
			keys = append(keys, replayKey(tenant, e.text(attrSK)))
		}
		jobs, err := s.load(ctx, keys, true)
		if err != nil {
			return false, err
		}
		for i, e := range entries {
			if p.Full() {
				return false, nil
			}
			id := e.text(attrSK)
			p.Saw(func() string { return cursor.Make(list, id) })
			it := jobs[keys[i]]
			if it == nil || e.number(attrCreated) < tenantSince || hook != "" && e.text(attrWebhook) != hook {
				continue
			}
			r, err := decodeReplay(tenant, id, it)
			if err != nil {
				return false, err
			}
			p.List.Items = append(p.List.Items, r)
		}
		return true, nil
	}))
}

// allReplays lists the replay jobs of all tenants that exist, newest id first.
func (s *Store) allReplays(ctx context.Context, page webhook.Page) (webhook.List[webhook.Replay], error) {
	const list = "replays//"
	at, err := position(list, page.Cursor, 2)
	if err != nil {
		return webhook.List[webhook.Replay]{}, err
	}
	p := cursor.NewPage[webhook.Replay](page)
	return p.Answer(s.chunks(ctx, partition(replaysPK(""), strings.Join(at, "#"), true, size(p)), func(entries []item) (bool, error) {
		var keys []key
		for _, e := range entries {
			id, tenant, _ := strings.Cut(e.text(attrSK), "#")
			keys = append(keys, replayKey(tenant, id), tenantKey(tenant))
		}
		found, err := s.load(ctx, keys, true)
		if err != nil {
			return false, err
		}
		for _, e := range entries {
			if p.Full() {
				return false, nil
			}
			id, tenant, _ := strings.Cut(e.text(attrSK), "#")
			p.Saw(func() string { return cursor.Make(list, id, tenant) })
			it, of := found[replayKey(tenant, id)], found[tenantKey(tenant)]
			if it == nil || of == nil || it.number(attrCreated) < of.number(attrCreated) {
				continue
			}
			r, err := decodeReplay(tenant, id, it)
			if err != nil {
				return false, err
			}
			p.List.Items = append(p.List.Items, r)
		}
		return true, nil
	}))
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
