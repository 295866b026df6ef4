package dynamo

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"hookline/shared/store/cursor"
	"hookline/shared/store/record"
	"hookline/shared/webhook"
)

// deletedPK is the partition that lists the webhooks that a tenant had.
func deletedPK(tenant string) string { return "x#" + tenant }

// deletedLife is longer than a delivery's record can be kept.
const deletedLife = 3660 * 24 * time.Hour

// deletedItem says that there was a webhook.
func deletedItem(ref webhook.Ref) item {
	it := key{deletedPK(ref.Tenant), ref.ID}.item()
	it.expires(time.Now().Add(deletedLife))
	return it
}

// DeletedWebhooks lists the webhooks that were deleted since there is a list of them.
func (s *Store) DeletedWebhooks(ctx context.Context, tenant string, page webhook.Page) (webhook.List[string], error) {
	list := "deleted/" + tenant
	from, err := after(list, page.Cursor)
	if err != nil {
		return webhook.List[string]{}, err
	}
	p := cursor.NewPage[string](page)
	return p.Answer(s.chunks(ctx, partition(deletedPK(tenant), from, false, size(p)), func(items []item) (bool, error) {
		for _, it := range items {
			if p.Full() {
				return false, nil
			}
			id := it.text(attrSK)
			p.List.Items = append(p.List.Items, id)
			p.Saw(func() string { return cursor.Make(list, id) })
		}
		return true, nil
	}))
}

// Remains returns what is left of one kind, and then of the next. Of deliveries the cursor says which webhooks have none
// left.
func (s *Store) Remains(ctx context.Context, tenant string, before time.Time, page webhook.Page) (webhook.Remains, error) {
	const list = "remains"
	r := webhook.Remains{Tenant: tenant}
	done := "" // the last webhook that has none left
	if at, err := cursor.Read(list, page.Cursor, 1); err != nil {
		return r, err
	} else if at != nil {
		done = at[0]
	}
	limit := cursor.Limit(page)
	older := func(pk, until string) ([]item, error) {
		items, _, err := s.query(ctx, &dynamodb.QueryInput{
			KeyConditionExpression:    aws.String(attrPK + " = :pk AND " + attrSK + " < :until"),
			ExpressionAttributeValues: item{":pk": text(pk), ":until": text(until)},
			ConsistentRead:            aws.Bool(true), Limit: aws.Int32(int32(min(limit, maxGet))),
		})
		return items, err
	}
	at := acceptance(record.Millis(before))
	r.Next = cursor.Make(list, done)
	for shard := range logShards {
		items, err := older(logPK(tenant, shard), firstEntry(record.Millis(before)))
		if err != nil {
			return r, err
		}
		for _, it := range items {
			r.Log = append(r.Log, logItem(tenant, it.text(attrSK), it))
		}
	}
	entries, err := older(deploymentsPK(tenant), at)
	if err != nil {
		return r, err
	}
	for _, e := range entries {
		ms, id, err := parseRegistration(e.text(attrSK))
		if err != nil {
			return r, err
		}
		r.Deployments = append(r.Deployments, webhook.Deployment{Tenant: tenant, ID: id, RegisteredAt: record.Time(ms)})
	}
	if err := s.chunks(ctx, partition(replaysPK(tenant), "", false, maxGet), func(items []item) (bool, error) {
		for _, it := range items {
			if it.number(attrCreated) < record.Millis(before) {
				r.Replays = append(r.Replays, webhook.Replay{Tenant: tenant, ID: it.text(attrSK)})
			}
		}
		return len(r.Replays) < limit, nil
	}); err != nil {
		return r, err
	}
	if len(r.Log)+len(r.Deployments)+len(r.Replays) > 0 {
		return r, nil
	}
	err = s.chunks(ctx, partition(deletedPK(tenant), done, false, maxGet), func(hooks []item) (bool, error) {
		for _, h := range hooks {
			items, err := older(deliveriesPK(tenant, h.text(attrSK)), at)
			if err != nil {
				return false, err
			}
			for _, it := range items {
				k, err := parseDelivery(it.key())
				if err != nil {
					return false, err
				}
				d, err := decodeDelivery(k, it)
				if err != nil {
					return false, err
				}
				r.Deliveries = append(r.Deliveries, d)
			}
			if len(items) > 0 {
				return false, nil
			}
			r.Next = cursor.Make(list, h.text(attrSK))
		}
		return true, nil
	})
	if err == nil && r.Deliveries == nil {
		r.Next = ""
	}
	return r, err
}

// DropRemains deletes them, the entries of lists after what they name.
func (s *Store) DropRemains(ctx context.Context, r webhook.Remains) error {
	var things, entries []key
	for _, it := range r.Log {
		things = append(things, logKey(r.Tenant, it.Request))
	}
	for _, d := range r.Deliveries {
		things = append(things, deliveryKey(d.DeliveryKey))
	}
	for _, j := range r.Replays {
		things, entries = append(things, replayKey(r.Tenant, j.ID)), append(entries, key{replaysPK(r.Tenant), j.ID}, key{replaysPK(""), j.ID + "#" + r.Tenant})
	}
	if err := parallel(ctx, len(r.Deployments), func(ctx context.Context, i int) error {
		d := r.Deployments[i]
		at := record.Millis(d.RegisteredAt)
		err := s.remove(ctx, deploymentKey(r.Tenant, d.ID), attrRegistered+" = :at", item{":at": number(at)})
		if _, another := refused(err); another { // it was registered anew, or is gone
			return nil
		}
		return fault(err)
	}); err != nil {
		return err
	}
	for _, d := range r.Deployments {
		entries = append(entries, key{deploymentsPK(r.Tenant), registration(record.Millis(d.RegisteredAt), d.ID)})
	}
	for _, keys := range [][]key{things, entries} {
		if err := s.drop(ctx, keys); err != nil {
			return err
		}
	}
	return nil
}
