package dynamo

import (
	"context"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"hookline/shared/store/cursor"
	"hookline/shared/store/record"
	"hookline/shared/webhook"
)

// attrRevision is a delivery's Rev, as conditions compare it.
const attrRevision = "rev"

// revision spells a Rev. It takes the first letter of the status, which tells the three apart.
func revision(r webhook.Rev) string {
	return fmt.Sprintf("%d.%d.%.1s", r.Round, r.Count, string(r.Status))
}

// Load returns the webhooks and delivery records that exist among those asked for.
func (s *Store) Load(
	ctx context.Context, refs []webhook.Ref, keys []webhook.DeliveryKey,
) (map[webhook.Ref]webhook.Webhook, map[webhook.DeliveryKey]webhook.Delivery, error) {
	return s.LoadBatch(ctx, refs, keys, nil)
}

// LoadBatch is Load, and reads the records of first eventually consistently, which is half the price, in a request of
// their own.
func (s *Store) LoadBatch(
	ctx context.Context, refs []webhook.Ref, keys, first []webhook.DeliveryKey,
) (map[webhook.Ref]webhook.Webhook, map[webhook.DeliveryKey]webhook.Delivery, error) {
	var fresh, late []key
	for _, ref := range refs {
		fresh = append(fresh, webhookKey(ref))
	}
	for _, k := range keys {
		fresh = append(fresh, deliveryKey(k))
	}
	for _, k := range first {
		late = append(late, deliveryKey(k))
	}
	var found, lately map[key]item
	if err := parallel(ctx, 2, func(ctx context.Context, i int) (err error) {
		if i == 0 {
			found, err = s.load(ctx, fresh, true)
		} else {
			lately, err = s.load(ctx, late, false)
		}
		return err
	}); err != nil {
		return nil, nil, err
	}
	webhooks := make(map[webhook.Ref]webhook.Webhook, len(refs))
	for _, ref := range refs {
		it, ok := found[webhookKey(ref)]
		if _, done := webhooks[ref]; done || !ok {
			continue
		}
		s.finish(ctx, ref, it)
		var err error
		if webhooks[ref], err = decodeWebhook(ref, it); err != nil {
			return nil, nil, err
		}
	}
	deliveries := make(map[webhook.DeliveryKey]webhook.Delivery, len(keys))
	maps.Copy(lately, found)
	for _, k := range slices.Concat(keys, first) {
		it, ok := lately[deliveryKey(k)]
		if _, done := deliveries[k]; done || !ok {
			continue
		}
		var err error
		if deliveries[k], err = decodeDelivery(k, it); err != nil {
			return nil, nil, err
		}
	}
	return webhooks, deliveries, nil
}

func decodeDelivery(k webhook.DeliveryKey, it item) (webhook.Delivery, error) {
	d, err := record.DecodeDelivery(k, it.bytes(attrRecord))
	if err != nil {
		return webhook.Delivery{}, internal(err)
	}
	return d, nil
}

// Delivery reads a record that was accepted while its tenant existed.
func (s *Store) Delivery(ctx context.Context, k webhook.DeliveryKey) (webhook.Delivery, error) {
	of, at := tenantKey(k.Tenant), deliveryKey(k)
	found, err := s.load(ctx, []key{of, at}, true)
	if err != nil {
		return webhook.Delivery{}, err
	}
	tenant, it := found[of], found[at]
	if tenant == nil || it == nil || record.Millis(k.AcceptedAt) < tenant.number(attrCreated) {
		return webhook.Delivery{}, webhook.ErrNotFound("delivery")
	}
	return decodeDelivery(k, it)
}

// SaveDelivery writes the record if the stored one's Rev is prev. It is one write, of the whole record.
func (s *Store) SaveDelivery(ctx context.Context, d webhook.Delivery, prev webhook.Rev) error {
	it := deliveryKey(d.DeliveryKey).item()
	it[attrRevision], it[attrRecord] = text(revision(d.Rev())), bin(record.EncodeDelivery(d))
	it.expires(d.ExpiresAt)
	it.sign()
	if d.Status == webhook.Pending {
		it[duePK], it[dueAt] = text(dueShard(d.DeliveryKey)), number(record.Millis(d.NextAt))
	}
	if d.DeadLetter() {
		last := d.LastAttempt()
		it[duePK], it[dueAt] = text(deadShard(last.Error, deadPart(d.DeliveryKey))), number(record.Millis(last.StartedAt))
	}
	condition, values := absent, item(nil)
	if prev != (webhook.Rev{}) {
		condition, values = attrRevision+" = :prev", item{":prev": text(revision(prev))}
	}
	unsure, err := s.put(ctx, it, condition, values)
	if there, ok := refused(err); ok {
		if unsure && ours(there, it) {
			return nil
		}
		return errChanged()
	}
	return fault(err)
}

// dueShards is how many partitions the index of pending records has, each of about 1,000 writes a second.
const dueShards = 32

func dueShard(k webhook.DeliveryKey) string {
	h := fnv.New32a()
	_, _ = h.Write([]byte(k.Webhook + "#" + k.Event)) // never fails
	return strconv.Itoa(int(h.Sum32() % dueShards))
}

// Overdue lists the pending deliveries of all tenants that were due before the time. The index, as it was a moment ago,
// names them, and the records themselves show whether that is still true.
func (s *Store) Overdue(ctx context.Context, before time.Time, page webhook.Page) (webhook.List[webhook.Delivery], error) {
	const list = "overdue"
	none := webhook.List[webhook.Delivery]{}
	at, err := cursor.Read(list, page.Cursor, 4)
	if err != nil {
		return none, err
	}
	shard := 0
	var start item
	if at != nil {
		if shard, err = strconv.Atoi(at[0]); err != nil {
			return none, cursor.Invalid()
		}
		if at[1] != "" {
			due, err := strconv.ParseInt(at[1], 10, 64)
			if err != nil {
				return none, cursor.Invalid()
			}
			start = item{duePK: text(at[0]), dueAt: number(due), attrPK: text(at[2]), attrSK: text(at[3])}
		}
	}
	var out webhook.List[webhook.Delivery]
	for size := cursor.Limit(page); shard < dueShards; shard, start = shard+1, nil {
		in := &dynamodb.QueryInput{
			IndexName: aws.String(DueIndex), KeyConditionExpression: aws.String(duePK + " = :shard AND " + dueAt + " < :before"),
			ExpressionAttributeValues: item{":shard": text(strconv.Itoa(shard)), ":before": number(record.Millis(before))},
			ExclusiveStartKey:         start,
		}
		for more := true; more; {
			if len(out.Items) == size {
				last := item(in.ExclusiveStartKey)
				out.Next = cursor.Make(list, strconv.Itoa(shard), dueOf(last), last.text(attrPK), last.text(attrSK))
				return out, nil
			}
			in.Limit = aws.Int32(int32(min(size-len(out.Items), maxGet)))
			var entries []item
			if entries, more, err = s.query(ctx, in); err != nil {
				return none, err
			}
			if err := s.appendOverdue(ctx, &out, before, entries); err != nil {
				return none, err
			}
		}
	}
	return out, nil
}

const (
	// deadParts is how many partitions of that index the dead letters of one reason are in.
	deadParts = 8
	// deadRead is how many entries of each DeadLetters reads: all dead letters up to deadParts times as many, and one
	// request for each partition whatever there is.
	deadRead = 2500
)

func deadPart(k webhook.DeliveryKey) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(k.Webhook + "#" + k.Event)) // never fails
	return int(h.Sum32() % deadParts)
}

// deadShard is a partition of the index whose entries have the times of the last attempts, and which no due time is in.
func deadShard(reason webhook.AttemptError, part int) string {
	return "dead#" + string(reason) + "#" + strconv.Itoa(part)
}

// DeadLetters counts entries of the index of pending records, the latest of each partition. It reads no records.
func (s *Store) DeadLetters(ctx context.Context, since time.Time) ([]webhook.DeadLetters, bool, error) {
	type group struct {
		webhook.Ref
		reason webhook.AttemptError
	}
	var mu sync.Mutex
	groups, left := make(map[group]*webhook.DeadLetters), false
	reasons := webhook.DeadReasons()
	err := parallel(ctx, len(reasons)*deadParts, func(ctx context.Context, i int) error {
		reason := reasons[i/deadParts]
		entries, more, err := s.query(ctx, &dynamodb.QueryInput{
			IndexName: aws.String(DueIndex), KeyConditionExpression: aws.String(duePK + " = :shard AND " + dueAt + " >= :since"),
			ExpressionAttributeValues: item{":shard": text(deadShard(reason, i%deadParts)), ":since": number(record.Millis(since))},
			ScanIndexForward:          aws.Bool(false), Limit: aws.Int32(deadRead),
		})
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		left = left || more
		for _, e := range entries {
			k, err := parseDelivery(e.key())
			if err != nil {
				return err
			}
			of := group{webhook.Ref{Tenant: k.Tenant, ID: k.Webhook}, reason}
			if groups[of] == nil {
				groups[of] = &webhook.DeadLetters{Ref: of.Ref, Reason: reason}
			}
			groups[of].Add(k.AcceptedAt, record.Time(e.number(dueAt)))
		}
		return nil
	})
	var out []webhook.DeadLetters
	for _, g := range groups {
		out = append(out, *g)
	}
	return out, left, err
}

// dueOf returns the due time in a position, "" at a shard's beginning.
func dueOf(at item) string {
	n, _ := at[dueAt].(*types.AttributeValueMemberN)
	if n == nil {
		return ""
	}
	return n.Value
}

func (s *Store) appendOverdue(ctx context.Context, out *webhook.List[webhook.Delivery], before time.Time, entries []item) error {
	keys := make([]key, len(entries))
	for i, e := range entries {
		keys[i] = e.key()
	}
	found, err := s.load(ctx, keys, true)
	if err != nil {
		return err
	}
	for _, k := range keys {
		it, ok := found[k]
		if !ok {
			continue
		}
		of, err := parseDelivery(k)
		if err != nil {
			return err
		}
		d, err := decodeDelivery(of, it)
		if err != nil {
			return err
		}
		if d.Status == webhook.Pending && d.NextAt.Before(before) {
			out.Items = append(out.Items, d)
		}
	}
	return nil
}
