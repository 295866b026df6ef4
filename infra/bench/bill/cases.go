package bill

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"hookline/shared/clock"
	"hookline/shared/ingest"
	"hookline/shared/queue"
	queuesqlite "hookline/shared/queue/sqlite"
	"hookline/shared/seal/kms"
	"hookline/shared/stack"
	"hookline/shared/stack/frontend"
	"hookline/shared/store/dynamo"
	"hookline/shared/webhook"
)

// Case is one way to use Hookline. The zero values of what a case says nothing of are those of the base case.
type Case struct {
	Name       string
	Deliveries int
	Batch      int  // events of a request; 0 means 10
	Fanout     int  // webhooks that want each event; 0 means 1
	Webhooks   int  // others of the tenant, which want other events
	Size       int  // bytes of an event's data; 0 means 1,024
	EventLog   bool // whether the stack keeps one
	Bus        bool // the events come by EventBridge
	FailOnce   int  // one in so many fails once; 0 none
	FailAlways int  // one in so many fails for ever; 0 none
}

// Cases are those of the bill: the base case, and others that differ from it in one thing. deliveries is for each of them.
func Cases(deliveries int) []Case {
	all := []Case{
		{Name: "base"},
		{Name: "event log on", EventLog: true},
		{Name: "fan-out 10", Fanout: 10},
		{Name: "one by one", Batch: 1},
		{Name: "batches of 100", Batch: 100},
		{Name: "by the bus", Bus: true},
		{Name: "20 KB", Size: 20 << 10},
		{Name: "10 % fail once", FailOnce: 10},
		{Name: "1 % fail for ever", FailAlways: 100},
		{Name: "10,000 webhooks", Webhooks: 9_999},
	}
	for i := range all {
		all[i].Deliveries = deliveries
		if all[i].Webhooks == 0 {
			all[i].Webhooks = 9
		}
	}
	return all
}

// Result is what a case took.
type Result struct {
	Case
	meter *Meter
}

// Used returns how much of a unit a part took for each delivery.
func (r Result) Used(p Part, u Unit) float64 { return r.meter.used[line{p, u}] / float64(r.Deliveries) }

// Units returns how much of each unit was taken for each delivery.
func (r Result) Units() map[Unit]float64 {
	all := make(map[Unit]float64)
	for l := range r.meter.used {
		all[l.unit] += r.Used(l.part, l.unit)
	}
	return all
}

// Kinds returns the kinds of requests that were made.
func (r Result) Kinds() []string { return slices.Sorted(maps.Keys(r.meter.requests)) }

// Requests returns how many requests of a kind were made for each delivery, such as "PutItem record".
func (r Result) Requests(kind string) float64 {
	return float64(r.meter.requests[kind]) / float64(r.Deliveries)
}

const eventType = "invoice.paid"

// Run makes a tenant, publishes events for its webhooks, and delivers them.
func (w *World) Run(ctx context.Context, c Case) (Result, error) {
	r, err := w.run(ctx, c)
	if err != nil {
		return r, fmt.Errorf("%s: %w", c.Name, err)
	}
	return r, nil
}

func (w *World) run(ctx context.Context, c Case) (Result, error) {
	if c.Batch == 0 {
		c.Batch = 10
	}
	if c.Fanout == 0 {
		c.Fanout = 1
	}
	if c.Size == 0 {
		c.Size = 1 << 10
	}
	m := newMeter(w.table)
	none := Result{Case: c, meter: m}
	clk, queues := clock.Clock{}, map[string]queue.Queue(nil)
	if c.FailAlways > 0 {
		var shut func() error
		var err error
		clk = clock.Clock{Real: time.Now(), Anchor: time.Now(), Speed: ladderSpeed}
		if queues, shut, err = fastQueues(clk); err != nil {
			return none, err
		}
		defer func() { _ = shut() }() // nothing is left in them
	}
	on, err := w.machine(m, c.EventLog, clk, queues)
	if err != nil {
		return none, err
	}
	w.cases++
	tenant := fmt.Sprintf("tenant%02d", w.cases)
	key, err := w.settle(ctx, tenant, c)
	if err != nil {
		return none, err
	}
	// One event and its delivery before the others: processes are warm, and their data key is opened, which is once an hour.
	if err := w.warm(ctx, on, tenant, key, c); err != nil {
		return none, err
	}
	m.clear()
	posts, sent := w.receiver.seen()

	events := c.Deliveries / c.Fanout
	for first := 0; first < events; first += c.Batch {
		var in []event
		for i := range min(c.Batch, events-first) {
			in = append(in, event{Type: eventType, Data: invoice(first+i, c.Size)})
		}
		if c.Bus {
			if err := w.putEvents(ctx, m, tenant, in); err != nil {
				return none, err
			}
			continue
		}
		ids, err := w.publishAll(ctx, on, key, in)
		if err != nil {
			return none, err
		}
		for i, id := range ids {
			switch at := first + i; {
			case c.FailOnce > 0 && at%c.FailOnce == 0:
				w.receiver.refuse(id, 1)
			case c.FailAlways > 0 && at%c.FailAlways == 0:
				w.receiver.refuse(id, 1000)
			}
		}
		if c.FailAlways > 0 { // by the fast clock they are old soon
			if err := w.take(ctx, on, stack.DeliveryQueue); err != nil {
				return none, err
			}
		}
	}
	if err := w.poll(ctx, on); err != nil {
		return none, err
	}
	if err := w.tally(ctx, on.count); err != nil {
		return none, err
	}
	made, bytes := w.receiver.seen()
	if least := events * c.Fanout; made-posts < least {
		return none, fmt.Errorf("%d POSTs of %d", made-posts, least)
	}
	m.add(Transfer, TransferredGB, float64(bytes-sent)/gigabyte)
	return Result{Case: c, meter: m}, m.err
}

func (m *Meter) clear() {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.used)
	clear(m.requests)
	clear(m.processor)
	clear(m.time)
}

// ladderSpeed is how much faster a clock runs by which deliveries fail for ever: the ladder takes 28 hours. SQS's time is
// real, so that case has the embedded queues, which go by the clock.
const ladderSpeed = 7200

func fastQueues(clk clock.Clock) (map[string]queue.Queue, func() error, error) {
	engine, err := queuesqlite.New("", queuesqlite.Options{Clock: clk})
	if err != nil {
		return nil, nil, err
	}
	queues := make(map[string]queue.Queue)
	for name, dead := range stack.DeadLetters() {
		cfg := queuesqlite.QueueConfig{Visibility: stack.Visibility, DeadLetter: dead}
		if dead != "" {
			cfg.MaxReceive = stack.MaxReceive
		}
		if queues[name], err = engine.Queue(name, cfg); err != nil {
			return nil, nil, errors.Join(err, engine.Close())
		}
	}
	return queues, engine.Close, nil
}

// event is an event as it is published.
type event struct {
	Type string          `json:"type"`
	Data json.RawMessage `json:"data"`
}

func (w *World) publishAll(ctx context.Context, on *machine, key string, in []event) ([]string, error) {
	body, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	return w.publish(ctx, on, key, body)
}

// putEvents has the bus hand the events to its rule's target, IngestQueue: EventBridge sends one message for each.
func (w *World) putEvents(ctx context.Context, m *Meter, tenant string, in []event) error {
	for _, e := range in {
		detail, err := json.Marshal(ingest.Detail{Tenant: tenant, Data: e.Data})
		if err != nil {
			return err
		}
		body, err := json.Marshal(ingest.Entry{
			ID: fmt.Sprintf("%08x-ab12-4cf7-a9f1-bf370346771%d", rand.Uint32(), rand.IntN(10)), DetailType: e.Type, Source: "com.example.billing",
			Time: time.Now().UTC(), Detail: detail,
		})
		if err != nil {
			return err
		}
		m.add(Bus, BusEvent, chunks(len(detail), busChunk))
		m.sqs("", "SendMessage, EventBridge's", len(body))
		if err := w.queues[stack.IngestQueue].Send(ctx, []queue.Outgoing{{Body: string(body)}}); err != nil {
			return err
		}
	}
	return nil
}

// warm has one event delivered, and drops what it and the making of webhooks left in the stream.
func (w *World) warm(ctx context.Context, on *machine, tenant, key string, c Case) error {
	in := []event{{Type: eventType, Data: invoice(0, c.Size)}}
	if c.Bus {
		if err := w.putEvents(ctx, newMeter(w.table), tenant, in); err != nil {
			return err
		}
	} else if _, err := w.publishAll(ctx, on, key, in); err != nil {
		return err
	}
	if err := w.poll(ctx, on); err != nil {
		return err
	}
	return w.tally(ctx, nil)
}

// settle makes a tenant with its webhooks, and returns its key. It is not measured.
func (w *World) settle(ctx context.Context, tenant string, c Case) (key string, err error) {
	cfg := w.account.Config()
	store := dynamo.Open(cfg, tableName)
	b, err := stack.NewBuilder(stack.Parts{
		Store: store, Keys: kms.Open(cfg, keyID, stackName, store), Log: slog.New(slog.DiscardHandler), AllowPrivate: true,
	})
	if err != nil {
		return "", err
	}
	api := frontend.API(b)
	api.Changes, api.AdminKeyHash = nil, webhook.HashAPIKey(adminKey)
	var made struct {
		Key string `json:"api_key"`
		ID  string `json:"id"`
	}
	call := func(key, path string, body any) error {
		raw, err := json.Marshal(body)
		if err != nil {
			return err
		}
		req := httptest.NewRequestWithContext(ctx, http.MethodPost, path, bytes.NewReader(raw))
		req.Header.Set("Authorization", "Bearer "+key)
		req.Header.Set("Content-Type", "application/json")
		rec := httptest.NewRecorder()
		api.Handler().ServeHTTP(rec, req)
		if rec.Code != http.StatusCreated {
			return fmt.Errorf("%s: %d %s", path, rec.Code, rec.Body)
		}
		return json.Unmarshal(rec.Body.Bytes(), &made)
	}
	if err := call(adminKey, "/v1/tenants", map[string]any{"id": tenant, "name": tenant, "dialect": "standard"}); err != nil {
		return "", err
	}
	key = made.Key
	for range c.Fanout {
		if err := call(key, "/v1/webhooks", map[string]any{"url": w.receiver.URL + "/hook", "events": []string{eventType}}); err != nil {
			return "", err
		}
	}
	return key, w.others(ctx, store, webhook.Ref{Tenant: tenant, ID: made.ID}, c.Webhooks)
}

// others makes webhooks of the tenant that want other events, as the first is otherwise.
func (w *World) others(ctx context.Context, store *dynamo.Store, like webhook.Ref, n int) error {
	first, err := store.Webhook(ctx, like)
	if err != nil {
		return err
	}
	client := dynamodb.NewFromConfig(w.account.Config())
	all := &collected{API: client}
	making := dynamo.New(all, tableName, dynamo.Options{})
	for i := range n {
		other := first
		other.ID = webhook.NewID(webhook.WebhookPrefix, time.Now())
		other.Events = []string{fmt.Sprintf("order.kind%d", i)}
		if err := making.CreateWebhook(ctx, other); err != nil {
			return err
		}
	}
	for some := range slices.Chunk(all.items, maxWrite) {
		in := &dynamodb.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{tableName: some}}
		if _, err := client.BatchWriteItem(ctx, in); err != nil {
			return err
		}
	}
	return nil
}

// maxWrite is how many items one request writes.
const maxWrite = 25

// collected keeps what transactions would write, for many at once: one after the other they would take minutes.
type collected struct {
	dynamo.API
	items []types.WriteRequest
}

func (c *collected) TransactWriteItems(
	_ context.Context, in *dynamodb.TransactWriteItemsInput, _ ...func(*dynamodb.Options),
) (*dynamodb.TransactWriteItemsOutput, error) {
	for _, action := range in.TransactItems {
		switch {
		case action.Put != nil:
			c.items = append(c.items, types.WriteRequest{PutRequest: &types.PutRequest{Item: action.Put.Item}})
		case action.ConditionCheck == nil:
			return nil, errors.New("a webhook is made by more than writes of items")
		}
	}
	return new(dynamodb.TransactWriteItemsOutput), nil
}

// invoice is an event's data of exactly size bytes, as a shop's backend would write it.
func invoice(n, size int) json.RawMessage {
	random := rand.New(rand.NewPCG(uint64(n), 2026))
	pick := func(from ...string) string { return from[random.IntN(len(from))] }
	var b bytes.Buffer
	fmt.Fprintf(&b, `{"number":"INV-2026-%06d","customer":{"id":"cus_%08x%08x","name":"%s %s","email":"%s.%d@%s","country":"%s"},"currency":"EUR","total":%d.%02d,"lines":[`,
		n, random.Uint32(), random.Uint32(), pick("Ada", "Grace", "Edsger", "Barbara", "Donald"), pick("Lovelace", "Hopper", "Dijkstra", "Liskov", "Knuth"),
		pick("accounts", "billing", "office"), random.IntN(10_000), pick("example.com", "example.org", "example.net"), pick("DE", "FR", "NL", "PT"),
		random.IntN(5000), random.IntN(100))
	for i := 0; ; i++ {
		line := fmt.Sprintf(`{"sku":"%s-%05d","description":"%s %s","quantity":%d,"unit_price":%d.%02d,"tax_rate":%d}`,
			pick("BK", "CH", "TB", "LP"), random.IntN(100_000), pick("oak", "steel", "birch", "walnut"), pick("table", "chair", "shelf", "lamp", "desk"),
			1+random.IntN(9), random.IntN(900), random.IntN(100), []int{7, 19, 21}[random.IntN(3)])
		if b.Len()+len(line)+len(`],"note":""}`)+1 > size {
			break
		}
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(line)
	}
	b.WriteString(`],"note":"`)
	for words := "Thank you for your order. "; b.Len() < size-2; {
		b.WriteString(words[:min(len(words), size-2-b.Len())])
	}
	b.WriteString(`"}`)
	return b.Bytes()
}
