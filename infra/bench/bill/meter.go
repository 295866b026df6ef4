package bill

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go/middleware"

	"hookline/shared/store/dynamo"
)

// Part is a part of the bill. The table prints them in the order of parts.
type Part string

// The parts of the bill.
const (
	HTTPAPI       Part = "HTTP API"
	Bus           Part = "event bus"
	IngestCalls   Part = "ingest, calls"
	IngestTime    Part = "ingest, GB-s"
	KeyReads      Part = "key and tenant reads"
	IndexReads    Part = "index reads"
	Pins          Part = "pins of ids from outside"
	EventLog      Part = "event log"
	Queues        Part = "SQS"
	DeliverCalls  Part = "deliver, calls"
	DeliverTime   Part = "deliver, GB-s"
	WebhookReads  Part = "webhook reads"
	RecordReads   Part = "record reads"
	RecordWrites  Part = "record writes"
	Payloads      Part = "payloads of their own"
	Health        Part = "health of webhooks"
	Counters      Part = "counters, from the stream"
	Keys          Part = "KMS"
	Logs          Part = "logs"
	OtherRequests Part = "other"

	// Apart from the sum.
	Storage  Part = "storage"
	Backups  Part = "back-ups"
	Transfer Part = "transfer out"
)

// summed are the parts that the sum is of.
func summed() []Part {
	return []Part{
		HTTPAPI, Bus, IngestCalls, IngestTime, KeyReads, IndexReads, Pins, EventLog, Queues, DeliverCalls, DeliverTime, WebhookReads,
		RecordReads, RecordWrites, Payloads, Health, Counters, Keys, Logs, OtherRequests,
	}
}

// apart are those that it leaves out.
func apart() []Part { return []Part{Storage, Backups, Transfer} }

// Sizes that requests are billed by.
const (
	sqsChunk  = 64 << 10
	busChunk  = 64 << 10
	httpChunk = 512 << 10
	// logOverhead is what CloudWatch Logs adds to each event (API Reference, PutLogEvents).
	logOverhead = 26
	// indexOverhead is what DynamoDB adds to each item that it stores (Developer Guide, "Storage").
	indexOverhead = 100
	gigabyte      = 1e9
	month         = 30 * 24 * time.Hour
)

// line is what is counted together.
type line struct {
	part Part
	unit Unit
}

// Meter counts what AWS would bill. Its middleware is put into the clients of the code that is measured.
type Meter struct {
	table *shadow

	mu        sync.Mutex
	used      map[line]float64
	requests  map[string]int // by operation, and the kind of item
	processor map[Part]time.Duration
	time      map[Part]time.Duration
	err       error // a request that the meter cannot count
}

func newMeter(table *shadow) *Meter {
	return &Meter{
		table: table, used: make(map[line]float64), requests: make(map[string]int),
		processor: make(map[Part]time.Duration), time: make(map[Part]time.Duration),
	}
}

func (m *Meter) add(p Part, u Unit, n float64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.used[line{p, u}] += n
}

func (m *Meter) cannot(format string, args ...any) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.err = errors.Join(m.err, fmt.Errorf(format, args...))
}

// Write counts a line of a function's log.
func (m *Meter) Write(b []byte) (int, error) {
	m.add(Logs, LogGB, float64(len(b)-1+logOverhead)/gigabyte) // the line's end is no part of the event
	return len(b), nil
}

// tries is the context's key of how often a call was sent.
type tries struct{}

// middleware counts each request of a client: a call as often as it was sent. of is the part that all of it belongs to; ""
// is found by the request.
func (m *Meter) middleware(of Part) func(*middleware.Stack) error {
	begin := middleware.InitializeMiddlewareFunc("Bill", func(
		ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler,
	) (middleware.InitializeOutput, middleware.Metadata, error) {
		sent := new(int)
		askForUnits(in.Parameters)
		out, metadata, err := next.HandleInitialize(context.WithValue(ctx, tries{}, sent), in)
		for range *sent {
			m.request(of, in.Parameters, out.Result, err)
		}
		return out, metadata, err
	})
	send := middleware.FinalizeMiddlewareFunc("BillTries", func(
		ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler,
	) (middleware.FinalizeOutput, middleware.Metadata, error) {
		*ctx.Value(tries{}).(*int)++
		return next.HandleFinalize(ctx, in)
	})
	return func(s *middleware.Stack) error {
		return errors.Join(s.Initialize.Add(begin, middleware.After), s.Finalize.Insert(send, "Retry", middleware.After))
	}
}

// askForUnits has DynamoDB say what it counts.
func askForUnits(in any) {
	switch in := in.(type) {
	case *dynamodb.GetItemInput:
		in.ReturnConsumedCapacity = types.ReturnConsumedCapacityIndexes
	case *dynamodb.BatchGetItemInput:
		in.ReturnConsumedCapacity = types.ReturnConsumedCapacityIndexes
	case *dynamodb.QueryInput:
		in.ReturnConsumedCapacity = types.ReturnConsumedCapacityIndexes
	case *dynamodb.PutItemInput:
		in.ReturnConsumedCapacity = types.ReturnConsumedCapacityIndexes
	case *dynamodb.UpdateItemInput:
		in.ReturnConsumedCapacity = types.ReturnConsumedCapacityIndexes
	case *dynamodb.DeleteItemInput:
		in.ReturnConsumedCapacity = types.ReturnConsumedCapacityIndexes
	case *dynamodb.TransactWriteItemsInput:
		in.ReturnConsumedCapacity = types.ReturnConsumedCapacityIndexes
	}
}

// request counts one request that was sent. out is nil where err is not.
func (m *Meter) request(of Part, in, out any, err error) {
	switch in := in.(type) {
	case *sqs.SendMessageBatchInput:
		size := 0
		for _, e := range in.Entries {
			size += len(aws.ToString(e.MessageBody))
		}
		m.sqs(of, "SendMessageBatch", size)
	case *sqs.ReceiveMessageInput:
		size := 0
		if out, ok := out.(*sqs.ReceiveMessageOutput); ok {
			for _, msg := range out.Messages {
				size += len(aws.ToString(msg.Body))
			}
		}
		m.sqs(of, "ReceiveMessage", size)
	case *sqs.DeleteMessageBatchInput:
		m.sqs(of, "DeleteMessageBatch", 0)
	case *sqs.ChangeMessageVisibilityBatchInput:
		m.sqs(of, "ChangeMessageVisibilityBatch", 0)
	case *sqs.GetQueueAttributesInput:
		m.sqs(of, "GetQueueAttributes", 0)
	case *kms.DecryptInput, *kms.GenerateDataKeyInput:
		m.count("KMS")
		m.add(or(of, Keys), KMSRequest, 1)
	case *eventbridge.PutEventsInput:
		m.count("PutEvents")
		for _, e := range in.Entries {
			size := len(aws.ToString(e.Detail)) + len(aws.ToString(e.DetailType)) + len(aws.ToString(e.Source))
			m.add(or(of, Bus), BusEvent, chunks(size, busChunk))
		}
	default:
		if !m.dynamo(of, in, out, err) {
			m.cannot("the meter knows no %T: %w", in, err)
		}
	}
}

func (m *Meter) sqs(of Part, operation string, size int) {
	m.count(operation)
	m.add(or(of, Queues), SQSRequest, chunks(size, sqsChunk))
}

func (m *Meter) count(what string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.requests[what]++
}

func or(a, b Part) Part {
	if a != "" {
		return a
	}
	return b
}

// dynamo counts a request to DynamoDB, and reports whether it knows it.
func (m *Meter) dynamo(of Part, in, out any, err error) bool {
	switch in := in.(type) {
	case *dynamodb.GetItemInput:
		result, ok := out.(*dynamodb.GetItemOutput)
		if err != nil || !ok {
			return false
		}
		units := readUnits(itemSize(result.Item), aws.ToBool(in.ConsistentRead))
		kind := kindOf(in.Key)
		m.count("GetItem " + kind)
		m.add(or(of, partOf(kind, false)), ReadUnit, units)
		m.table.compare("GetItem "+kind, units, result.ConsumedCapacity)
	case *dynamodb.BatchGetItemInput:
		result, ok := out.(*dynamodb.BatchGetItemOutput)
		return err == nil && ok && m.batch(of, in, result)
	case *dynamodb.QueryInput:
		result, ok := out.(*dynamodb.QueryOutput)
		if err != nil || !ok || in.FilterExpression != nil {
			return false
		}
		size, kind := 0, "of an index"
		for _, it := range result.Items {
			size += itemSize(it)
		}
		if in.IndexName == nil {
			kind = kindOf(attributes{"pk": in.ExpressionAttributeValues[":pk"]})
		}
		units := readUnits(size, aws.ToBool(in.ConsistentRead))
		if in.ProjectionExpression != nil && len(result.Items) > 0 { // whole items are billed, and only DynamoDB saw them
			units = aws.ToFloat64(result.ConsumedCapacity.CapacityUnits)
		}
		m.count("Query " + kind)
		m.add(or(of, partOf(kind, false)), ReadUnit, units)
		m.table.compare(fmt.Sprintf("Query %s, %s", kind, some(len(result.Items))), units, result.ConsumedCapacity)
	case *dynamodb.PutItemInput:
		result, _ := out.(*dynamodb.PutItemOutput)
		return m.put(of, in, result, err)
	case *dynamodb.UpdateItemInput:
		kind := kindOf(in.Key)
		m.count("UpdateItem " + kind)
		result, ok := out.(*dynamodb.UpdateItemOutput)
		if err == nil && ok && result.ConsumedCapacity != nil {
			m.add(or(of, partOf(kind, true)), WriteUnit, aws.ToFloat64(result.ConsumedCapacity.CapacityUnits))
		} else {
			m.add(or(of, partOf(kind, true)), WriteUnit, 1) // one that was refused
		}
	case *dynamodb.TransactWriteItemsInput: // of health alone, here
		m.count("TransactWriteItems")
		result, ok := out.(*dynamodb.TransactWriteItemsOutput)
		if err != nil || !ok || len(result.ConsumedCapacity) != 1 {
			return false
		}
		m.add(or(of, Health), WriteUnit, aws.ToFloat64(result.ConsumedCapacity[0].CapacityUnits))
	case *dynamodb.DeleteItemInput:
		kind := kindOf(in.Key)
		m.count("DeleteItem " + kind)
		m.add(or(of, partOf(kind, true)), WriteUnit, writeUnits(m.table.forget(in.Key), 0))
	default:
		return false
	}
	return true
}

func some(n int) string {
	if n == 0 {
		return "nothing found"
	}
	return "something found"
}

// batch counts the reads of one request: each key by itself.
func (m *Meter) batch(of Part, in *dynamodb.BatchGetItemInput, out *dynamodb.BatchGetItemOutput) bool {
	total, kinds := 0.0, make(map[string]bool)
	for table, asked := range in.RequestItems {
		found := make(map[string]attributes)
		for _, it := range out.Responses[table] {
			found[keyOf(it)] = it
		}
		for _, k := range asked.Keys {
			units := readUnits(itemSize(found[keyOf(k)]), aws.ToBool(asked.ConsistentRead))
			kind := kindOf(k)
			kinds[kind] = true
			m.add(or(of, partOf(kind, false)), ReadUnit, units)
			total += units
		}
		if len(out.UnprocessedKeys[table].Keys) > 0 {
			return false // never of the stand-in
		}
	}
	what := "BatchGetItem " + strings.Join(slices.Sorted(maps.Keys(kinds)), " and ")
	m.count(what)
	if len(out.ConsumedCapacity) == 1 {
		m.table.compare(what, total, &out.ConsumedCapacity[0])
	}
	return true
}

// put counts a write of a whole item. One whose condition did not hold costs what the item that is there does.
func (m *Meter) put(of Part, in *dynamodb.PutItemInput, out *dynamodb.PutItemOutput, err error) bool {
	kind := kindOf(in.Item)
	m.count("PutItem " + kind)
	part := or(of, partOf(kind, true))
	if err != nil {
		if _, refused := errors.AsType[*types.ConditionalCheckFailedException](err); !refused {
			return false
		}
		m.add(part, WriteUnit, writeUnits(m.table.size(in.Item), 0))
		return true
	}
	before, after := m.table.put(in.Item)
	units := writeUnits(before.size, after.size) + indexUnits(before.due, after.due)
	m.add(part, WriteUnit, units)
	months := 1.0
	if ttl, ok := in.Item[dynamo.TTLAttribute].(*types.AttributeValueMemberN); ok {
		months = monthsUntil(ttl.Value)
	}
	grown := float64(after.size-before.size) / gigabyte
	if before.size == 0 {
		grown += indexOverhead / gigabyte
	}
	m.add(Storage, TableMonth, grown*months)
	m.add(Backups, BackupMonth, grown*months)
	if out != nil {
		what := "PutItem " + kind
		if before.due != after.due {
			what += " whose place in the index changes"
		}
		m.table.compare(what, units, out.ConsumedCapacity)
	}
	return true
}

// monthsUntil returns for how many months what expires then is kept.
func monthsUntil(seconds string) float64 {
	var unix int64
	if _, err := fmt.Sscan(seconds, &unix); err != nil {
		return 1
	}
	return float64(time.Until(time.Unix(unix, 0))) / float64(month)
}

// kindOf names what an item is, by its key: package dynamo lists them.
func kindOf(k attributes) string {
	pk := textOf(k["pk"])
	prefix, _, ok := strings.Cut(pk, "#")
	if name, known := map[string]string{
		"t": "tenant", "h": "key", "s": "subscription", "w": "webhook", "d": "record", "y": "payload", "i": "pin", "e": "log item", "c": "counter",
	}[prefix]; ok && known {
		return name
	}
	return "other"
}

func partOf(kind string, write bool) Part {
	switch kind {
	case "tenant", "key":
		return KeyReads
	case "subscription":
		return IndexReads
	case "webhook":
		if write {
			return Health
		}
		return WebhookReads
	case "record":
		if write {
			return RecordWrites
		}
		return RecordReads
	case "payload":
		return Payloads
	case "pin":
		return Pins
	case "log item":
		return EventLog
	case "counter":
		return Counters
	}
	return OtherRequests
}

func textOf(v types.AttributeValue) string {
	if s, ok := v.(*types.AttributeValueMemberS); ok {
		return s.Value
	}
	return ""
}

func keyOf(it attributes) string { return textOf(it["pk"]) + "\x00" + textOf(it["sk"]) }

// shadow is what the meters know of the table: items that were put through them, and where DynamoDB counts otherwise than
// its documentation.
type shadow struct {
	mu       sync.Mutex
	items    map[string]kept
	compared map[string]*comparison
}

// kept is an item's size, and its place in the index of pending records.
type kept struct {
	size int
	due  string
}

// comparison is of one kind of request.
type comparison struct {
	requests, differing int
	expected, said      float64 // of the last that differed: documented units, and DynamoDB's own
}

func newShadow() *shadow {
	return &shadow{items: make(map[string]kept), compared: make(map[string]*comparison)}
}

func (s *shadow) put(it attributes) (before, after kept) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before, after = s.items[keyOf(it)], kept{size: itemSize(it)}
	if due, ok := it["due_at"].(*types.AttributeValueMemberN); ok {
		after.due = textOf(it["due_pk"]) + "#" + due.Value
	}
	s.items[keyOf(it)] = after
	return before, after
}

func (s *shadow) size(it attributes) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.items[keyOf(it)].size
}

func (s *shadow) forget(k attributes) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	size := s.items[keyOf(k)].size
	delete(s.items, keyOf(k))
	return size
}

// compare notes what DynamoDB says that a request took beside what its documentation says.
func (s *shadow) compare(what string, documented float64, consumed *types.ConsumedCapacity) {
	if consumed == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.compared[what]
	if c == nil {
		c = new(comparison)
		s.compared[what] = c
	}
	c.requests++
	if said := aws.ToFloat64(consumed.CapacityUnits); said != documented {
		c.differing++
		c.expected, c.said = documented, said
	}
}
