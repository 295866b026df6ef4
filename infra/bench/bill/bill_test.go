package bill

import (
	"encoding/json"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/google/go-cmp/cmp"

	"hookline/shared/payload"
	"hookline/shared/settings"
)

// TestItemSize follows the DynamoDB Developer Guide, "DynamoDB item sizes and formats".
func TestItemSize(t *testing.T) {
	for name, tt := range map[string]struct {
		v    types.AttributeValue
		want int
	}{
		"text":              {&types.AttributeValueMemberS{Value: "é€"}, 5},
		"bytes":             {&types.AttributeValueMemberB{Value: []byte{0, 1, 2}}, 3},
		"a Boolean":         {&types.AttributeValueMemberBOOL{Value: true}, 1},
		"null":              {&types.AttributeValueMemberNULL{Value: true}, 1},
		"a set":             {&types.AttributeValueMemberSS{Value: []string{"a", "bc"}}, 3},
		"a time in seconds": {&types.AttributeValueMemberN{Value: "1795829351"}, 6},
		"trailing zeros":    {&types.AttributeValueMemberN{Value: "1500"}, 2},
		"zero":              {&types.AttributeValueMemberN{Value: "0"}, 1},
		"below zero":        {&types.AttributeValueMemberN{Value: "-27"}, 3},
		"a list":            {&types.AttributeValueMemberL{Value: []types.AttributeValue{&types.AttributeValueMemberS{Value: "ab"}}}, 6},
		"a map":             {&types.AttributeValueMemberM{Value: attributes{"k": &types.AttributeValueMemberS{Value: "ab"}}}, 7},
	} {
		if got := itemSize(attributes{"name": tt.v}); got != len("name")+tt.want {
			t.Errorf("%s: got %d bytes beside the name, want %d", name, got-len("name"), tt.want)
		}
	}
}

// TestUnits follows the same guide, "DynamoDB read and write operations", and SQS's pricing page.
func TestUnits(t *testing.T) {
	for name, tt := range map[string]struct{ got, want float64 }{
		"a small item":                     {readUnits(1, true), 1},
		"nothing":                          {readUnits(0, true), 1},
		"4 KB":                             {readUnits(4096, true), 1},
		"a byte more":                      {readUnits(4097, true), 2},
		"a byte more, eventually":          {readUnits(4097, false), 1},
		"nothing, eventually":              {readUnits(0, false), 0.5},
		"1 KB written":                     {writeUnits(0, 1024), 1},
		"a byte more written":              {writeUnits(0, 1025), 2},
		"over a larger item":               {writeUnits(2049, 1), 3},
		"a place in the index that is new": {indexUnits("", "1#5"), 1},
		"one that is gone":                 {indexUnits("1#5", ""), 1},
		"another place":                    {indexUnits("1#5", "1#6"), 2},
		"the same":                         {indexUnits("1#5", "1#5"), 0},
		"an empty request":                 {chunks(0, sqsChunk), 1},
		"64 KiB":                           {chunks(64<<10, sqsChunk), 1},
		"a byte more in a request":         {chunks(64<<10+1, sqsChunk), 2},
		"100 ms and a bit of 256 MB":       {gbSeconds(100*time.Millisecond+1, 256), 0.101 / 4},
	} {
		if math.Abs(tt.got-tt.want) > 1e-12 {
			t.Errorf("%s: got %v, want %v", name, tt.got, tt.want)
		}
	}
}

func TestPrices(t *testing.T) {
	p, err := ReadPrices()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := time.Parse(time.DateOnly, p.Date); err != nil || p.Region == "" {
		t.Errorf("got region %q, date %q", p.Region, p.Date)
	}
	for _, u := range []Unit{
		HTTPRequest, BusEvent, LambdaCall, GBSecond, ReadUnit, WriteUnit, TableMonth, BackupMonth, SQSRequest, KMSRequest, KMSKeyMonth, LogGB, AlarmMonth, SeriesMonth, BoardMonth, TransferredGB,
	} {
		if price := p.Prices[u]; price.Dollars <= 0 || price.Per < 1 || price.What == "" || price.Source == "" {
			t.Errorf("%s: got %+v", u, price)
		}
	}
	if got := p.Dollars(WriteUnit, 2e6); got != 1.25 {
		t.Errorf("two million write units: got $%v, want 1.25", got)
	}
}

func TestTemplate(t *testing.T) {
	tm, err := readTemplate()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []string{"ingest", "deliver", "count", "sweep"} {
		if tm.memory[f] < 128 {
			t.Errorf("%s: got %d MB", f, tm.memory[f])
		}
	}
	if tm.mappings != len(batches()) || tm.keys != 1 || tm.alarms == 0 || tm.boards != 1 || tm.filters != 1 {
		t.Errorf("got %d mappings, %d keys, %d metrics of alarms, %d dashboards, %d log metrics", tm.mappings, tm.keys, tm.alarms, tm.boards, tm.filters)
	}
	for _, s := range tm.schedules {
		if _, err := rateOf(s); err != nil {
			t.Error(err)
		}
	}
	if line := tm.accessLine(); !json.Valid([]byte(line)) || strings.Contains(line, "$") {
		t.Errorf("got the line %s", line)
	}
}

// TestInvoice shows that the base case's events are of their size, differ, and compress as JSON does, so that a record has
// room for them.
func TestInvoice(t *testing.T) {
	seen := make(map[string]bool)
	for i := range 100 {
		for _, size := range []int{1 << 10, 20 << 10} {
			data := invoice(i, size)
			if len(data) != size || !json.Valid(data) || seen[string(data)] {
				t.Fatalf("got %d bytes of %d, seen before: %t: %s", len(data), size, seen[string(data)], data)
			}
			seen[string(data)] = true
		}
		if packed := len(payload.Pack(invoice(i, 1<<10))); packed < 350 || packed > payload.MaxInline {
			t.Errorf("got %d bytes packed", packed)
		}
	}
}

// TestMeter has clients with the middleware ask stubs, and looks at what is counted.
func TestMeter(t *testing.T) {
	failures := 1
	stub := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
		body, _ := io.ReadAll(r.Body)
		if strings.HasPrefix(r.Header.Get("X-Amz-Target"), "DynamoDB") && !strings.Contains(string(body), `"ReturnConsumedCapacity":"INDEXES"`) {
			t.Errorf("%s does not ask for units: %s", operation, body)
		}
		answer := map[string]string{
			"GetItem": `{"Item":{"pk":{"S":"t#acme"},"sk":{"S":"t"},"rec":{"S":"` + strings.Repeat("x", 5000) + `"}},"ConsumedCapacity":{"CapacityUnits":2}}`,
			"Query":   `{"Items":[],"ConsumedCapacity":{"CapacityUnits":0}}`,
			"PutItem": `{"ConsumedCapacity":{"CapacityUnits":2}}`,
			"BatchGetItem": `{"Responses":{"hookline":[{"pk":{"S":"w#acme#1"},"sk":{"S":"w"}}]},"UnprocessedKeys":{},
				"ConsumedCapacity":[{"CapacityUnits":1.5}]}`,
			"SendMessageBatch": `{"Successful":[],"Failed":[]}`,
		}[operation]
		if operation == "SendMessageBatch" && failures > 0 {
			failures--
			w.WriteHeader(http.StatusInternalServerError)
			answer = `{"__type":"InternalError"}`
		}
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		_, _ = io.WriteString(w, answer)
	}))
	defer stub.Close()
	account, err := settings.ReadAccount(func(name string) string {
		if strings.HasPrefix(name, "AWS_ENDPOINT_URL_") {
			return stub.URL
		}
		return "us-east-1"
	})
	if err != nil {
		t.Fatal(err)
	}
	w := &World{account: account, table: newShadow()}
	m := newMeter(w.table)
	cfg := w.measured(m, "")
	db, mq, table, key := dynamodb.NewFromConfig(cfg), sqs.NewFromConfig(cfg), aws.String("hookline"), func(pk, sk string) attributes {
		return attributes{"pk": &types.AttributeValueMemberS{Value: pk}, "sk": &types.AttributeValueMemberS{Value: sk}}
	}
	must := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(db.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: table, Key: key("t#acme", "t"), ConsistentRead: aws.Bool(true)}))
	must(db.Query(t.Context(), &dynamodb.QueryInput{
		TableName: table, ConsistentRead: aws.Bool(true), KeyConditionExpression: aws.String("pk = :pk"),
		ExpressionAttributeValues: attributes{":pk": &types.AttributeValueMemberS{Value: "s#acme#a.b"}},
	}))
	must(db.BatchGetItem(t.Context(), &dynamodb.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{
		*table: {Keys: []attributes{key("w#acme#1", "w"), key("d#acme#1", "0#e")}},
	}}))
	pending := key("d#acme#1", "0#e")
	pending["due_pk"], pending["due_at"] = &types.AttributeValueMemberS{Value: "3"}, &types.AttributeValueMemberN{Value: "7"}
	must(db.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: table, Item: pending}))
	must(mq.SendMessageBatch(t.Context(), &sqs.SendMessageBatchInput{QueueUrl: aws.String(stub.URL + "/q"), Entries: []sqstypes.SendMessageBatchRequestEntry{
		{Id: aws.String("0"), MessageBody: aws.String(strings.Repeat("x", 40<<10))}, {Id: aws.String("1"), MessageBody: aws.String(strings.Repeat("y", 40<<10))},
	}}))
	if m.err != nil {
		t.Fatal(m.err)
	}
	delete(m.used, line{Storage, TableMonth})
	delete(m.used, line{Backups, BackupMonth})
	want := map[line]float64{
		{KeyReads, ReadUnit}: 2, {IndexReads, ReadUnit}: 1, {WebhookReads, ReadUnit}: 0.5, {RecordReads, ReadUnit}: 0.5,
		{RecordWrites, WriteUnit}: 2, {Queues, SQSRequest}: 4, // two chunks, sent twice
	}
	if diff := cmp.Diff(want, m.used); diff != "" {
		t.Errorf("used (-want +got):\n%s", diff)
	}
	differing := make(map[string]int)
	for what, c := range w.table.compared {
		differing[what] = c.differing
	}
	if diff := cmp.Diff(map[string]int{
		"GetItem tenant": 0, "Query subscription, nothing found": 1, "BatchGetItem record and webhook": 1, "PutItem record whose place in the index changes": 0,
	}, differing); diff != "" {
		t.Errorf("differing (-want +got):\n%s", diff)
	}
}
