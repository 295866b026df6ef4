package dynamo

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"hookline/shared/store/cursor"
	"hookline/shared/store/record"
	"hookline/shared/webhook"
)

// Attributes of index entries.
const (
	attrFilter      = "filtered" // absent for none
	attrFormat      = "form"
	attrContentType = "content"
	attrSince       = "since" // Unix milliseconds
)

func subscriptionItem(tenant string, sub webhook.Subscription) item {
	it := key{subscriptionsPK(tenant, sub.Pattern), sub.Webhook}.item()
	it[attrFormat], it[attrContentType] = text(sub.Format), text(sub.ContentType)
	it[attrSince] = number(record.Millis(sub.Since))
	if len(sub.Filter) > 0 {
		it[attrFilter] = bin(sub.Filter)
	}
	return it
}

func subscription(pattern string, it item) webhook.Subscription {
	return webhook.Subscription{
		Webhook: it.text(attrSK), Pattern: pattern, Filter: it.bytes(attrFilter), Format: it.text(attrFormat),
		ContentType: it.text(attrContentType), Since: record.Time(it.number(attrSince)),
	}
}

// Subscriptions lists the index entries of the patterns. Each pattern is a partition, and all of them are asked at
// once.
func (s *Store) Subscriptions(
	ctx context.Context, tenant string, patterns []string, page webhook.Page,
) (webhook.List[webhook.Subscription], error) {
	list := "subscriptions/" + tenant
	at, err := position(list, page.Cursor, 2)
	if err != nil {
		return webhook.List[webhook.Subscription]{}, err
	}
	patterns = slices.Compact(slices.Sorted(slices.Values(patterns)))
	if at != nil {
		patterns = slices.DeleteFunc(patterns, func(p string) bool { return p < at[0] })
	}
	p := cursor.NewPage[webhook.Subscription](page)
	type part struct {
		query *dynamodb.QueryInput
		items []item
		more  bool
	}
	parts := make([]part, len(patterns))
	if err := parallel(ctx, len(parts), func(ctx context.Context, i int) (err error) {
		beyond := ""
		if at != nil && patterns[i] == at[0] {
			beyond = at[1]
		}
		parts[i].query = partition(subscriptionsPK(tenant, patterns[i]), beyond, false, p.Limit+1)
		parts[i].items, parts[i].more, err = s.query(ctx, parts[i].query)
		return err
	}); err != nil {
		return webhook.List[webhook.Subscription]{}, err
	}
	for i, part := range parts {
		for {
			for _, it := range part.items {
				if p.Full() {
					return p.List, nil
				}
				sub := subscription(patterns[i], it)
				p.List.Items = append(p.List.Items, sub)
				p.Saw(func() string { return cursor.Make(list, sub.Pattern, sub.Webhook) })
			}
			if !part.more {
				break
			}
			if part.items, part.more, err = s.query(ctx, part.query); err != nil {
				return webhook.List[webhook.Subscription]{}, err
			}
		}
	}
	return p.List, nil
}
