package dynamo

import (
	"cmp"
	"context"
	"errors"
	"hash/fnv"
	"maps"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"hookline/shared/store/record"
	"hookline/shared/webhook"
)

// The tallies are made from the table's stream, so delivering does not wait for them. Each batch of the stream becomes
// at most one item in each of some partitions, and a reader adds the items up. A counter for each webhook and hour
// would cost a write for each delivery if traffic is spread over many webhooks, and would count a batch twice if the
// stream repeats it. An item for each batch is small however the traffic is spread, and writing it again changes
// nothing.
const (
	// attrAnswers is the part of the changes that counts answers.
	attrAnswers = "ans"
	// attrUsed is the usage of the same batch.
	attrUsed = "use"
	// tallyPartitions is how many partitions the changes are spread over, by tenant. With more of them reading is
	// cheaper, because a reader also reads the changes of other tenants, and writing is dearer, because a batch writes
	// to each.
	tallyPartitions = 8
	// tallyLife is how long an item is kept after the latest time in it. Statistics go back for a day, and within the other
	// two the usage is summed up (RollUsage).
	tallyLife = 72 * time.Hour
	// tallySpan is how much of a partition is read in one go. The spans are read side by side.
	tallySpan = time.Hour
	// tallySpans is how many spans there are at most. The last one has no end.
	tallySpans = 25
)

func tallyPK(tenant string) string {
	h := fnv.New32a()
	_, _ = h.Write([]byte(tenant)) // never fails
	return tallyPartition(int(h.Sum32() % tallyPartitions))
}

func tallyPartition(i int) string { return "c#" + strconv.Itoa(i) }

// Count adds the changes of a batch of the table's stream to the tallies and to the usage. The stream must show new and
// old images. The same batch again changes nothing. Items that are neither delivery records nor of the event log, and those
// that were deleted, are left out. A batch is at most 1,000 records, whose changes fit an item whatever the ids are.
func (s *Store) Count(ctx context.Context, e events.DynamoDBEvent) error {
	type minute struct {
		tenant, hook string
		at           int64
	}
	changes := make(map[minute]*record.Change)
	used := make(map[minute]*record.Used)
	use := func(u record.Used) {
		if u.Events == 0 && u.Deliveries == 0 && u.Attempts == 0 {
			return
		}
		of := minute{tenant: u.Tenant, at: u.At / time.Minute.Milliseconds()}
		if used[of] == nil {
			used[of] = &record.Used{}
		}
		used[of].Add(u)
	}
	if len(e.Records) == 0 {
		return nil
	}
	for _, r := range e.Records {
		if len(r.Change.NewImage) == 0 {
			continue
		}
		if u, ok := logged(r.Change); ok {
			use(u)
			continue
		}
		k, err := parseDelivery(streamKey(r.Change.Keys))
		if err != nil {
			continue
		}
		at := record.Millis(k.AcceptedAt)
		of := minute{k.Tenant, k.Webhook, at / time.Minute.Milliseconds()}
		c := changes[of]
		if c == nil {
			c = &record.Change{Tenant: k.Tenant, Webhook: k.Webhook, At: at}
			changes[of] = c
		}
		c.At = min(c.At, at)
		before, _, err := streamDelivery(k, r.Change.OldImage)
		if err != nil {
			return err
		}
		after, ok, err := streamDelivery(k, r.Change.NewImage)
		if err != nil {
			return err
		}
		c.Count(streamStatus(r.Change.OldImage), -1)
		c.Count(streamStatus(r.Change.NewImage), 1)
		c.Answered(before.AnswerTime(), -1)
		c.Answered(after.AnswerTime(), 1)
		if ok {
			u, when := webhook.UsageOf(after, before.Rev())
			use(record.Used{Tenant: k.Tenant, At: record.Millis(when), Deliveries: u.Deliveries, Attempts: u.Attempts})
		}
	}
	// Of a partition, with the latest time in it, at least that of the batch: so what comes late is not in an hour that was
	// summed up before (RollUsage).
	var began int64
	if at := e.Records[0].Change.ApproximateCreationDateTime; !at.IsZero() {
		began = record.Millis(at.Time)
	}
	type part struct {
		changes []record.Change
		used    []record.Used
		last    int64
	}
	batches := make(map[string]*part)
	of := func(tenant string, at int64) *part {
		pk := tallyPK(tenant)
		if batches[pk] == nil {
			batches[pk] = &part{last: began}
		}
		batches[pk].last = max(batches[pk].last, at)
		return batches[pk]
	}
	for _, c := range changes {
		if !c.None() {
			p := of(c.Tenant, c.At)
			p.changes = append(p.changes, *c)
		}
	}
	for _, u := range used {
		p := of(u.Tenant, u.At)
		p.used = append(p.used, *u)
	}
	for pk, p := range batches {
		it := key{pk, acceptance(p.last) + "#" + e.Records[0].EventID}.item()
		rec, answers := record.EncodeChanges(p.changes)
		if it[attrRecord] = bin(rec); answers != nil {
			it[attrAnswers] = bin(answers)
		}
		if p.used != nil {
			it[attrUsed] = bin(record.EncodeUsed(p.used))
		}
		it.expires(record.Time(p.last).Add(tallyLife))
		if _, err := s.put(ctx, it, "", nil); err != nil {
			return fault(err)
		}
	}
	return nil
}

// logged returns the events that a write added to the event log. ok is false for an item that is not of the log.
func logged(c events.DynamoDBStreamRecord) (u record.Used, ok bool) {
	k := streamKey(c.Keys)
	of := strings.Split(k.pk, "#")
	if len(of) != 3 || of[0] != "e" {
		return record.Used{}, false
	}
	return record.Used{
		Tenant: of[1], At: record.Millis(webhook.EntryTime(k.sk)), Events: streamNumber(c.NewImage[attrLogEvents]) - streamNumber(c.OldImage[attrLogEvents]),
	}, true
}

func streamNumber(v events.DynamoDBAttributeValue) int {
	if v.DataType() != events.DataTypeNumber {
		return 0
	}
	n, _ := strconv.Atoi(v.Number())
	return n
}

// CountStream is Count as a Lambda function. It refuses an event of another kind: taken for an empty batch, it would count
// as done. A batch fails, and then comes again, as a whole.
func (s *Store) CountStream(ctx context.Context, e events.DynamoDBEvent) error {
	if len(e.Records) == 0 || e.Records[0].EventSource != "aws:dynamodb" {
		return errors.New("event is no batch of a table's stream")
	}
	return s.Count(ctx, e)
}

func streamKey(keys map[string]events.DynamoDBAttributeValue) key {
	return key{streamText(keys[attrPK]), streamText(keys[attrSK])}
}

func streamText(v events.DynamoDBAttributeValue) string {
	if v.DataType() != events.DataTypeString {
		return ""
	}
	return v.String()
}

// streamStatus reads the status out of a record's revision. It is "" without an image.
func streamStatus(image map[string]events.DynamoDBAttributeValue) webhook.DeliveryStatus {
	if len(image) == 0 {
		return ""
	}
	rev := streamText(image[attrRevision])
	for _, status := range []webhook.DeliveryStatus{webhook.Succeeded, webhook.Failed, webhook.Pending} {
		if rev != "" && rev[len(rev)-1] == status[0] {
			return status
		}
	}
	return ""
}

// streamDelivery reads a record. An image without a record is none.
func streamDelivery(k webhook.DeliveryKey, image map[string]events.DynamoDBAttributeValue) (d webhook.Delivery, ok bool, err error) {
	rec, ok := image[attrRecord]
	if !ok || rec.DataType() != events.DataTypeBinary {
		return webhook.Delivery{}, false, nil
	}
	if d, err = record.DecodeDelivery(k, rec.Binary()); err != nil {
		return webhook.Delivery{}, false, internal(err)
	}
	return d, true, nil
}

// Tallies adds up the changes in the tenant's partition, which it reads eventually consistently.
func (s *Store) Tallies(ctx context.Context, tenant string, since time.Time) ([]webhook.Tally, error) {
	created, found, err := s.created(ctx, tenant)
	if err != nil || !found {
		return nil, err
	}
	since = since.Truncate(time.Minute)
	type place struct {
		hook string
		hour int64
	}
	var mu sync.Mutex
	sums := make(map[place]*record.Change)
	add := func(it item) error {
		changes, err := record.DecodeChanges(it.bytes(attrRecord), it.bytes(attrAnswers), tenant)
		if err != nil {
			return internal(err)
		}
		mu.Lock()
		defer mu.Unlock()
		for _, c := range changes {
			if c.At < created || c.At < record.Millis(since) {
				continue
			}
			at := place{c.Webhook, c.At / time.Hour.Milliseconds()}
			if sums[at] == nil {
				sums[at] = &record.Change{}
			}
			sums[at].Succeeded += c.Succeeded
			sums[at].Failed += c.Failed
			sums[at].Pending += c.Pending
			for after, n := range c.Answers {
				sums[at].Answered(after, n)
			}
		}
		return nil
	}
	if err := parallel(ctx, tallySpans, func(ctx context.Context, i int) error {
		from := since.Add(time.Duration(i) * tallySpan)
		until := acceptance(record.Millis(from.Add(tallySpan)))
		if i == tallySpans-1 {
			until = acceptance(maxMillis)
		}
		return s.chunks(ctx, &dynamodb.QueryInput{
			KeyConditionExpression: aws.String(attrPK + " = :pk AND " + attrSK + " BETWEEN :from AND :until"), // no item has a bare time as its key
			ExpressionAttributeValues: item{
				":pk": text(tallyPK(tenant)), ":from": text(acceptance(record.Millis(from))), ":until": text(until),
			},
		}, func(items []item) (bool, error) {
			for _, it := range items {
				if err := add(it); err != nil {
					return false, err
				}
			}
			return true, nil
		})
	}); err != nil {
		return nil, err
	}
	var out []webhook.Tally
	for at, c := range sums {
		// At an edge of the time there may be only the later changes of a delivery, which add up to less than 0.
		t := webhook.Tally{
			Webhook: at.hook, Hour: record.Time(at.hour * time.Hour.Milliseconds()),
			Succeeded: max(c.Succeeded, 0), Failed: max(c.Failed, 0), Pending: max(c.Pending, 0),
		}
		maps.DeleteFunc(c.Answers, func(_, n int) bool { return n <= 0 })
		t.Answers = c.Answers
		if cmp.Or(t.Succeeded, t.Failed, t.Pending) > 0 {
			out = append(out, t)
		}
	}
	return out, nil
}
