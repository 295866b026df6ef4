package dynamo

import (
	"context"

	"hookline/shared/store/cursor"
	"hookline/shared/store/record"
	"hookline/shared/webhook"
)

// attrDeleted is present while a dialect's name is deleted.
const attrDeleted = "deleted"

// PutDialect stores the next version of a dialect.
func (s *Store) PutDialect(ctx context.Context, d webhook.DialectVersion) error {
	it := dialectKey(d.Name, d.Version).item()
	it[attrRecord] = bin(record.EncodeDialect(d))
	head := key{dialectDirectory, d.Name}.item()
	head[attrVersion] = number(int64(d.Version))
	put := s.putAction(head, absent)
	if d.Version != 1 {
		put = s.putAction(head, attrVersion+" = :prev")
		put.Put.ExpressionAttributeValues = item{":prev": number(int64(d.Version) - 1)}
	}
	refusal, err := s.transact(ctx, put, s.putAction(it, ""))
	if err == nil && refusal != nil {
		return errChanged()
	}
	return err
}

// DialectHead reads a name's newest version and whether the name was deleted.
func (s *Store) DialectHead(ctx context.Context, name string) (webhook.DialectHead, error) {
	it, err := s.get(ctx, key{dialectDirectory, name})
	if err != nil {
		return webhook.DialectHead{}, err
	}
	if it == nil {
		return webhook.DialectHead{}, webhook.ErrNotFound("dialect")
	}
	return decodeHead(it), nil
}

func decodeHead(it item) webhook.DialectHead {
	return webhook.DialectHead{Name: it.text(attrSK), Version: int(it.number(attrVersion)), Deleted: it.boolean(attrDeleted)}
}

// DialectVersion reads one version.
func (s *Store) DialectVersion(ctx context.Context, name string, version int) (webhook.DialectVersion, error) {
	it, err := s.get(ctx, dialectKey(name, version))
	if err != nil {
		return webhook.DialectVersion{}, err
	}
	if it == nil {
		return webhook.DialectVersion{}, webhook.ErrNotFound("dialect")
	}
	d, err := record.DecodeDialect(name, version, it.bytes(attrRecord))
	if err != nil {
		return webhook.DialectVersion{}, internal(err)
	}
	return d, nil
}

// DialectHeads lists the names that are not deleted, by name.
func (s *Store) DialectHeads(ctx context.Context, page webhook.Page) (webhook.List[webhook.DialectHead], error) {
	const list = "dialects"
	from, err := after(list, page.Cursor)
	if err != nil {
		return webhook.List[webhook.DialectHead]{}, err
	}
	p := cursor.NewPage[webhook.DialectHead](page)
	return p.Answer(s.chunks(ctx, partition(dialectDirectory, from, false, size(p)), func(items []item) (bool, error) {
		for _, it := range items {
			if p.Full() {
				return false, nil
			}
			h := decodeHead(it)
			if !h.Deleted {
				p.List.Items = append(p.List.Items, h)
			}
			p.Saw(func() string { return cursor.Make(list, h.Name) })
		}
		return true, nil
	}))
}

// DeleteDialect marks a name deleted if its newest version is that one.
func (s *Store) DeleteDialect(ctx context.Context, name string, version int) error {
	refusal, err := s.transact(ctx, s.updateAction(key{dialectDirectory, name}, "SET "+attrDeleted+" = :yes",
		attrVersion+" = :ver AND attribute_not_exists("+attrDeleted+")",
		item{":yes": boolean(true), ":ver": number(int64(version))}))
	switch {
	case err != nil:
		return err
	case refusal == nil:
		return nil
	case refusal.found(0) && !item(refusal[0].Item).boolean(attrDeleted):
		return errChanged()
	}
	return webhook.ErrNotFound("dialect")
}
