package dynamo

import (
	"context"

	"hookline/shared/store/cursor"
	"hookline/shared/store/record"
	"hookline/shared/webhook"
)

// CreateSource stores the two items of a source: one among its tenant's sources, and one by its id alone.
func (s *Store) CreateSource(ctx context.Context, src webhook.Source) error {
	rec := bin(record.EncodeSource(src))
	listed := key{sourcesPK(src.Tenant), src.ID}.item()
	listed[attrRecord] = rec
	byID := sourceKey(src.ID).item()
	byID[attrTenant], byID[attrRecord] = text(src.Tenant), rec
	refusal, err := s.transact(ctx, s.openAction(src.Tenant), s.putAction(byID, absent), s.putAction(listed, ""))
	switch {
	case err != nil:
		return err
	case refusal.of(0):
		return webhook.ErrNotFound("tenant")
	case refusal != nil:
		return webhook.ErrConflict("source-exists", "a source with this id exists")
	}
	return nil
}

// SourceByID finds a source of any tenant.
func (s *Store) SourceByID(ctx context.Context, id string) (webhook.Source, error) {
	it, err := s.get(ctx, sourceKey(id))
	if err != nil {
		return webhook.Source{}, err
	}
	if it == nil {
		return webhook.Source{}, webhook.ErrNotFound("source")
	}
	return decodeSource(it.text(attrTenant), id, it)
}

func decodeSource(tenant, id string, it item) (webhook.Source, error) {
	src, err := record.DecodeSource(tenant, id, it.bytes(attrRecord))
	if err != nil {
		return webhook.Source{}, internal(err)
	}
	return src, nil
}

// Source reads a tenant's source.
func (s *Store) Source(ctx context.Context, tenant, id string) (webhook.Source, error) {
	src, err := s.SourceByID(ctx, id)
	if err == nil && src.Tenant != tenant {
		return webhook.Source{}, webhook.ErrNotFound("source")
	}
	return src, err
}

// Sources lists a tenant's sources, newest id first.
func (s *Store) Sources(ctx context.Context, tenant string, page webhook.Page) (webhook.List[webhook.Source], error) {
	list := "sources/" + tenant
	from, err := after(list, page.Cursor)
	if err != nil {
		return webhook.List[webhook.Source]{}, err
	}
	p := cursor.NewPage[webhook.Source](page)
	return p.Answer(s.chunks(ctx, partition(sourcesPK(tenant), from, true, size(p)), func(items []item) (bool, error) {
		for _, it := range items {
			if p.Full() {
				return false, nil
			}
			id := it.text(attrSK)
			src, err := decodeSource(tenant, id, it)
			if err != nil {
				return false, err
			}
			p.List.Items = append(p.List.Items, src)
			p.Saw(func() string { return cursor.Make(list, id) })
		}
		return true, nil
	}))
}

// DeleteSource removes a source.
func (s *Store) DeleteSource(ctx context.Context, tenant, id string) error {
	refusal, err := s.transact(ctx,
		s.deleteAction(sourceKey(id), attrTenant+" = :tenant", item{":tenant": text(tenant)}),
		s.deleteAction(key{sourcesPK(tenant), id}, "", nil))
	if err == nil && refusal != nil {
		return webhook.ErrNotFound("source")
	}
	return err
}
