package dynamo

import (
	"context"

	"hookline/shared/store/cursor"
	"hookline/shared/store/record"
	"hookline/shared/webhook"
)

// Attributes of API keys.
const (
	attrHash   = "hashed"
	attrTenant = "tenant"
	attrID     = "id"
)

// keyItems returns the two items of a key: one among its tenant's keys, and one by its hash.
func keyItems(k webhook.Key) (byID, byHash item) {
	rec := bin(record.EncodeKey(k))
	byID = key{keysPK(k.Tenant), k.ID}.item()
	byID[attrHash], byID[attrRecord] = text(k.Hash), rec
	byHash = hashKey(k.Hash).item()
	byHash[attrTenant], byHash[attrID], byHash[attrRecord] = text(k.Tenant), text(k.ID), rec
	return byID, byHash
}

func errKeyExists() error { return webhook.ErrConflict("key-exists", "a key with this id exists") }

// CreateKey stores a key.
func (s *Store) CreateKey(ctx context.Context, k webhook.Key) error {
	byID, byHash := keyItems(k)
	refusal, err := s.transact(ctx, s.openAction(k.Tenant), s.putAction(byID, absent), s.putAction(byHash, absent))
	switch {
	case err != nil:
		return err
	case refusal.of(0):
		return webhook.ErrNotFound("tenant")
	case refusal != nil:
		return errKeyExists()
	}
	return nil
}

// KeyByHash finds a key of any tenant.
func (s *Store) KeyByHash(ctx context.Context, hash string) (webhook.Key, error) {
	it, err := s.get(ctx, hashKey(hash))
	if err != nil {
		return webhook.Key{}, err
	}
	if it == nil {
		return webhook.Key{}, webhook.ErrNotFound("key")
	}
	return decodeKey(it.text(attrTenant), it.text(attrID), hash, it)
}

func decodeKey(tenant, id, hash string, it item) (webhook.Key, error) {
	k, err := record.DecodeKey(tenant, id, hash, it.bytes(attrRecord))
	if err != nil {
		return webhook.Key{}, internal(err)
	}
	return k, nil
}

// Keys lists a tenant's keys, newest id first.
func (s *Store) Keys(ctx context.Context, tenant string, page webhook.Page) (webhook.List[webhook.Key], error) {
	list := "keys/" + tenant
	from, err := after(list, page.Cursor)
	if err != nil {
		return webhook.List[webhook.Key]{}, err
	}
	p := cursor.NewPage[webhook.Key](page)
	return p.Answer(s.chunks(ctx, partition(keysPK(tenant), from, true, size(p)), func(items []item) (bool, error) {
		for _, it := range items {
			if p.Full() {
				return false, nil
			}
			id := it.text(attrSK)
			k, err := decodeKey(tenant, id, it.text(attrHash), it)
			if err != nil {
				return false, err
			}
			p.List.Items = append(p.List.Items, k)
			p.Saw(func() string { return cursor.Make(list, id) })
		}
		return true, nil
	}))
}

// DeleteKey removes a key. The hash of an id never changes, so it can be read first.
func (s *Store) DeleteKey(ctx context.Context, tenant, id string) error {
	it, err := s.get(ctx, key{keysPK(tenant), id})
	if err != nil {
		return err
	}
	if it == nil {
		return webhook.ErrNotFound("key")
	}
	refusal, err := s.transact(ctx,
		s.deleteAction(it.key(), attrHash+" = :hash", item{":hash": it[attrHash]}),
		s.deleteAction(hashKey(it.text(attrHash)), attrTenant+" = :tenant AND "+attrID+" = :id",
			item{":tenant": text(tenant), ":id": text(id)}))
	if err == nil && refusal != nil {
		return webhook.ErrNotFound("key")
	}
	return err
}
