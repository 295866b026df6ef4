package dynamo

import (
	"cmp"
	"context"
	"hash/fnv"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"hookline/shared/store/record"
	"hookline/shared/webhook"
)

// attrLogRev is a log item's Rev.
const attrLogRev = "rev"

// attrLogEvents is how many events a log item has.
const attrLogEvents = "c"

// logShards is how many partitions a tenant's log has, each of about 1,000 writes a second. Publishing waits for the
// log, and must not run into the limit of one partition.
const logShards = 4

func logPK(tenant string, shard int) string { return "e#" + tenant + "#" + strconv.Itoa(shard) }

func logKey(tenant, request string) key {
	h := fnv.New32a()
	_, _ = h.Write([]byte(request)) // never fails
	return key{logPK(tenant, int(h.Sum32()%logShards)), request}
}

// PutLogItem stores the item if the stored one's Rev is one less. It is one write.
func (s *Store) PutLogItem(ctx context.Context, it webhook.LogItem) (webhook.LogItem, bool, error) {
	put := logKey(it.Tenant, it.Request).item()
	put[attrLogRev], put[attrLogEvents], put[attrRecord] = number(it.Rev), number(int64(it.Events)), bin(it.Record)
	if !it.ExpiresAt.IsZero() {
		put[attrExpires] = number(record.Millis(it.ExpiresAt))
	}
	put.expires(it.ExpiresAt)
	put.sign()
	condition, values := absent, item(nil)
	if it.Rev > 1 {
		condition, values = attrLogRev+" = :prev", item{":prev": number(it.Rev - 1)}
	}
	unsure, err := s.put(ctx, put, condition, values)
	there, ok := refused(err)
	switch {
	case err == nil:
		return it, true, nil
	case !ok:
		return webhook.LogItem{}, false, fault(err)
	case unsure && ours(there, put):
		return it, true, nil
	}
	return logItem(it.Tenant, it.Request, there), false, nil
}

func logItem(tenant, request string, it item) webhook.LogItem {
	return webhook.LogItem{
		Tenant: tenant, Request: request, Rev: it.number(attrLogRev), Record: it.bytes(attrRecord), Events: int(it.number(attrLogEvents)),
		ExpiresAt: record.Time(it.number(attrExpires)),
	}
}

// LogItem reads an item that was accepted while its tenant existed.
func (s *Store) LogItem(ctx context.Context, tenant, request string) (webhook.LogItem, error) {
	of, at := tenantKey(tenant), logKey(tenant, request)
	found, err := s.load(ctx, []key{of, at}, true)
	if err != nil {
		return webhook.LogItem{}, err
	}
	if found[of] == nil || found[at] == nil || request < firstEntry(found[of].number(attrCreated)) {
		return webhook.LogItem{}, webhook.ErrNotFound("event")
	}
	return logItem(tenant, request, found[at]), nil
}

func firstEntry(ms int64) string { return webhook.FirstEntry(time.UnixMilli(ms)) }

// LogItems lists items in the order of Request, or the reverse. It merges the shards, each of which is read for its
// part of the page.
func (s *Store) LogItems(ctx context.Context, tenant string, r webhook.LogRange) ([]webhook.LogItem, bool, error) {
	created, found, err := s.created(ctx, tenant)
	if err != nil || !found {
		return nil, false, err
	}
	from, before := max(r.From, firstEntry(created)), r.Before
	if before == "" {
		before = webhook.EventPrefix + "~" // after every id
	}
	if from >= before {
		return nil, false, nil // DynamoDB refuses such a range
	}
	var parts [logShards][]webhook.LogItem
	var goesOn [logShards]bool
	if err := parallel(ctx, logShards, func(ctx context.Context, shard int) error {
		pk := logPK(tenant, shard)
		entries, more, err := s.query(ctx, &dynamodb.QueryInput{
			KeyConditionExpression:    aws.String(attrPK + " = :pk AND " + attrSK + " BETWEEN :from AND :before"),
			ExpressionAttributeValues: item{":pk": text(pk), ":from": text(from), ":before": text(before)},
			ScanIndexForward:          aws.Bool(r.OldestFirst), ConsistentRead: aws.Bool(true),
			Limit: aws.Int32(int32(r.Limit/logShards + 2)),
		})
		for _, e := range entries {
			if request := e.text(attrSK); request != before { // BETWEEN includes both ends
				parts[shard] = append(parts[shard], logItem(tenant, request, e))
			}
		}
		goesOn[shard] = more
		return err
	}); err != nil {
		return nil, false, err
	}
	items, more := mergeLog(parts, goesOn, r)
	return items, more, nil
}

// mergeLog merges the shards' parts into one order, up to the end of the first part that is not all of its shard.
func mergeLog(parts [logShards][]webhook.LogItem, goesOn [logShards]bool, r webhook.LogRange) (items []webhook.LogItem, more bool) {
	order := func(a, b webhook.LogItem) int {
		if r.OldestFirst {
			return cmp.Compare(a.Request, b.Request)
		}
		return cmp.Compare(b.Request, a.Request)
	}
	items = slices.Concat(parts[:]...)
	slices.SortFunc(items, order)
	for shard, part := range parts {
		if !goesOn[shard] {
			continue
		}
		more = true
		end := 0
		if len(part) > 0 {
			end, _ = slices.BinarySearchFunc(items, part[len(part)-1], order)
			end++
		}
		items = items[:min(end, len(items))]
	}
	if len(items) > r.Limit {
		items, more = items[:r.Limit], true
	}
	return items, more
}
