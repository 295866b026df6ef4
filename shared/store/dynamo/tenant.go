package dynamo

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"hookline/shared/store/cursor"
	"hookline/shared/store/record"
	"hookline/shared/webhook"
)

// Attributes of tenants, and the version of a webhook.
const (
	attrVersion  = "ver"
	attrCreated  = "created"  // Unix milliseconds
	attrDeleting = "deleting" // present while a tenant is being deleted
)

// open is the condition on a tenant that takes new keys and webhooks.
const open = exists + " AND attribute_not_exists(" + attrDeleting + ")"

// CreateTenant stores a tenant and its first key.
func (s *Store) CreateTenant(ctx context.Context, t webhook.Tenant, k webhook.Key) error {
	it := tenantKey(t.ID).item()
	it[attrVersion], it[attrCreated] = number(t.Version), number(record.Millis(t.CreatedAt))
	it[attrRecord] = bin(record.EncodeTenant(t))
	byID, byHash := keyItems(k)
	refusal, err := s.transact(ctx, s.putAction(it, absent), s.putAction(key{tenantDirectory, t.ID}.item(), ""),
		s.putAction(byID, absent), s.putAction(byHash, absent))
	switch {
	case err != nil:
		return err
	case refusal.of(0):
		return webhook.ErrConflict("tenant-exists", "a tenant with this id exists")
	case refusal != nil:
		return errKeyExists()
	}
	return nil
}

// Tenant reads a tenant. A tenant that is being deleted is there until that is done, so that its deletion can be asked
// for again.
func (s *Store) Tenant(ctx context.Context, id string) (webhook.Tenant, error) {
	it, err := s.get(ctx, tenantKey(id))
	if err != nil {
		return webhook.Tenant{}, err
	}
	if it == nil {
		return webhook.Tenant{}, webhook.ErrNotFound("tenant")
	}
	return decodeTenant(id, it)
}

func decodeTenant(id string, it item) (webhook.Tenant, error) {
	t, err := record.DecodeTenant(id, it.number(attrVersion), it.bytes(attrRecord))
	if err != nil {
		return webhook.Tenant{}, internal(err)
	}
	return t, nil
}

// created returns when the tenant was created. Earlier deliveries and pins belong to another tenant that had the same
// id.
func (s *Store) created(ctx context.Context, tenant string) (ms int64, found bool, err error) {
	it, err := s.get(ctx, tenantKey(tenant))
	return it.number(attrCreated), it != nil, err
}

// Tenants lists by id.
func (s *Store) Tenants(ctx context.Context, page webhook.Page) (webhook.List[webhook.Tenant], error) {
	const list = "tenants"
	from, err := after(list, page.Cursor)
	if err != nil {
		return webhook.List[webhook.Tenant]{}, err
	}
	p := cursor.NewPage[webhook.Tenant](page)
	return p.Answer(s.chunks(ctx, partition(tenantDirectory, from, false, size(p)), func(entries []item) (bool, error) {
		keys := make([]key, len(entries))
		for i, e := range entries {
			keys[i] = tenantKey(e.text(attrSK))
		}
		found, err := s.load(ctx, keys, true)
		if err != nil {
			return false, err
		}
		for i, e := range entries {
			if p.Full() {
				return false, nil
			}
			id := e.text(attrSK)
			if it, ok := found[keys[i]]; ok {
				t, err := decodeTenant(id, it)
				if err != nil {
					return false, err
				}
				p.List.Items = append(p.List.Items, t)
			}
			p.Saw(func() string { return cursor.Make(list, id) })
		}
		return true, nil
	}))
}

// UpdateTenant replaces a tenant whose Version is still t's.
func (s *Store) UpdateTenant(ctx context.Context, t webhook.Tenant) error {
	refusal, err := s.transact(ctx, s.updateAction(tenantKey(t.ID),
		"SET "+attrVersion+" = :next, "+attrRecord+" = :rec", attrVersion+" = :ver",
		item{":ver": number(t.Version), ":next": number(t.Version + 1), ":rec": bin(record.EncodeTenant(t))}))
	switch {
	case err != nil:
		return err
	case refusal == nil:
		return nil
	case refusal.found(0):
		return errChanged()
	}
	return webhook.ErrNotFound("tenant")
}

// DeleteTenant removes a tenant with its keys, sources, webhooks and index entries. Pins, deliveries, payloads and
// deployments expire. They are out of reach because they are older than any later tenant of that id.
func (s *Store) DeleteTenant(ctx context.Context, id string) error {
	var out *dynamodb.UpdateItemOutput
	_, err := s.try(ctx, func(ctx context.Context) (err error) {
		out, err = s.api.UpdateItem(ctx, &dynamodb.UpdateItemInput{
			TableName: s.table, Key: tenantKey(id).item(), UpdateExpression: aws.String("SET " + attrDeleting + " = :yes"),
			ConditionExpression: aws.String(exists), ExpressionAttributeValues: item{":yes": boolean(true)},
			ReturnValues: "ALL_NEW",
		}, once)
		return err
	})
	if _, ok := refused(err); ok {
		return webhook.ErrNotFound("tenant")
	}
	if err != nil {
		return fault(err)
	}
	if err := s.deleteKeys(ctx, id); err != nil {
		return err
	}
	if err := s.deleteAll(ctx, "source", sourcesPK(id), func(ctx context.Context, source string) error {
		return s.DeleteSource(ctx, id, source)
	}); err != nil {
		return err
	}
	if err := s.deleteAll(ctx, "webhook", webhooksPK(id), func(ctx context.Context, hook string) error {
		return s.DeleteWebhook(ctx, webhook.Ref{Tenant: id, ID: hook})
	}); err != nil {
		return err
	}
	// The condition spares a new tenant of that id, in case another DeleteTenant was faster.
	refusal, err := s.transact(ctx,
		s.deleteAction(tenantKey(id), attrCreated+" = :created AND attribute_exists("+attrDeleting+")",
			item{":created": out.Attributes[attrCreated]}),
		s.deleteAction(key{tenantDirectory, id}, "", nil))
	if err == nil && refusal != nil {
		return webhook.ErrNotFound("tenant")
	}
	return err
}

// deleteKeys deletes the items by hash first. A key without its entry among the tenant's keys could not be found again.
func (s *Store) deleteKeys(ctx context.Context, tenant string) error {
	return s.chunks(ctx, partition(keysPK(tenant), "", false, maxWrite), func(items []item) (bool, error) {
		var hashes, ids []key
		for _, it := range items {
			hashes, ids = append(hashes, hashKey(it.text(attrHash))), append(ids, it.key())
		}
		if err := s.drop(ctx, hashes); err != nil {
			return false, err
		}
		return true, s.drop(ctx, ids)
	})
}

// deleteAll calls del for each id in a partition that lists objects of a tenant.
func (s *Store) deleteAll(ctx context.Context, thing, directory string, del func(ctx context.Context, id string) error) error {
	return s.chunks(ctx, partition(directory, "", false, maxGet), func(entries []item) (bool, error) {
		return true, parallel(ctx, len(entries), func(ctx context.Context, i int) error {
			id := entries[i].text(attrSK)
			if err := del(ctx, id); err != nil && !webhook.Is(err, webhook.NotFound) {
				return fmt.Errorf("%s %s: %w", thing, id, err)
			}
			return nil
		})
	})
}
