package conformance

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"

	"hookline/infra/figures"
	"hookline/shared/store/dynamo"
	"hookline/shared/webhook"
)

// faulty is a client in front of another one. strike is asked before each request, and fails it without carrying it
// out; lose is asked after one that succeeded, and loses the answer.
type faulty struct {
	client dynamo.API
	strike func(op string, in any) error
	lose   func(op string) bool
	// part returns how many of n keys or items of a batch are processed; nil means all.
	part func(n int) int
}

var errReset = errors.New("read: connection reset by peer")

func through[In, Out any](
	ctx context.Context, f *faulty, op string, call func(context.Context, *In, ...func(*dynamodb.Options)) (*Out, error), in *In, opts []func(*dynamodb.Options),
) (*Out, error) {
	if err := f.strike(op, in); err != nil {
		return nil, err
	}
	out, err := call(ctx, in, opts...)
	if err == nil && f.lose != nil && f.lose(op) {
		return nil, errReset
	}
	return out, err
}

func (f *faulty) GetItem(ctx context.Context, in *dynamodb.GetItemInput, opts ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error) {
	return through(ctx, f, "GetItem", f.client.GetItem, in, opts)
}

func (f *faulty) PutItem(ctx context.Context, in *dynamodb.PutItemInput, opts ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	return through(ctx, f, "PutItem", f.client.PutItem, in, opts)
}

func (f *faulty) UpdateItem(ctx context.Context, in *dynamodb.UpdateItemInput, opts ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error) {
	return through(ctx, f, "UpdateItem", f.client.UpdateItem, in, opts)
}

func (f *faulty) DeleteItem(ctx context.Context, in *dynamodb.DeleteItemInput, opts ...func(*dynamodb.Options)) (*dynamodb.DeleteItemOutput, error) {
	return through(ctx, f, "DeleteItem", f.client.DeleteItem, in, opts)
}

func (f *faulty) Query(ctx context.Context, in *dynamodb.QueryInput, opts ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error) {
	return through(ctx, f, "Query", f.client.Query, in, opts)
}

func (f *faulty) TransactWriteItems(
	ctx context.Context, in *dynamodb.TransactWriteItemsInput, opts ...func(*dynamodb.Options),
) (*dynamodb.TransactWriteItemsOutput, error) {
	return through(ctx, f, "TransactWriteItems", f.client.TransactWriteItems, in, opts)
}

func (f *faulty) BatchGetItem(ctx context.Context, in *dynamodb.BatchGetItemInput, opts ...func(*dynamodb.Options)) (*dynamodb.BatchGetItemOutput, error) {
	left := make(map[string]types.KeysAndAttributes)
	request := make(map[string]types.KeysAndAttributes)
	for table, r := range in.RequestItems {
		n := f.processed(len(r.Keys))
		if n < len(r.Keys) {
			left[table] = types.KeysAndAttributes{Keys: r.Keys[n:], ConsistentRead: r.ConsistentRead}
		}
		if r.Keys = r.Keys[:n]; n > 0 {
			request[table] = r
		}
	}
	if len(request) == 0 {
		return &dynamodb.BatchGetItemOutput{UnprocessedKeys: left}, f.strike("BatchGetItem", in)
	}
	out, err := through(ctx, f, "BatchGetItem", f.client.BatchGetItem, &dynamodb.BatchGetItemInput{RequestItems: request}, opts)
	if err == nil && len(left) > 0 {
		out.UnprocessedKeys = left
	}
	return out, err
}

func (f *faulty) BatchWriteItem(
	ctx context.Context, in *dynamodb.BatchWriteItemInput, opts ...func(*dynamodb.Options),
) (*dynamodb.BatchWriteItemOutput, error) {
	left := make(map[string][]types.WriteRequest)
	request := make(map[string][]types.WriteRequest)
	for table, r := range in.RequestItems {
		n := f.processed(len(r))
		if n < len(r) {
			left[table] = r[n:]
		}
		if n > 0 {
			request[table] = r[:n]
		}
	}
	if len(request) == 0 {
		return &dynamodb.BatchWriteItemOutput{UnprocessedItems: left}, f.strike("BatchWriteItem", in)
	}
	out, err := through(ctx, f, "BatchWriteItem", f.client.BatchWriteItem, &dynamodb.BatchWriteItemInput{RequestItems: request}, opts)
	if err == nil && len(left) > 0 {
		out.UnprocessedItems = left
	}
	return out, err
}

func (f *faulty) processed(n int) int {
	if f.part == nil {
		return n
	}
	return f.part(n)
}

// suiteAmongFaults runs the suite while one request in five is throttled or fails, one answer in ten is lost, and
// batches are processed in part.
func suiteAmongFaults(t *testing.T, client *dynamodb.Client, table string) {
	var mu sync.Mutex
	seed := time.Now().UnixNano()
	random := rand.New(rand.NewPCG(uint64(seed), 0))
	struck := make(map[string]int)
	one := func(in int, what string) bool {
		mu.Lock()
		defer mu.Unlock()
		if random.IntN(in) > 0 {
			return false
		}
		struck[what]++
		return true
	}
	faults := &faulty{
		client: client,
		strike: func(op string, in any) error {
			tx, isTx := in.(*dynamodb.TransactWriteItemsInput)
			switch {
			case one(15, op+" throttled"):
				return &types.ProvisionedThroughputExceededException{}
			case one(15, op+" limited"):
				return &types.ThrottlingException{}
			case one(15, op+" broken"):
				return &types.InternalServerError{}
			case isTx && one(5, op+" in conflict"):
				reasons := slices.Repeat([]types.CancellationReason{{Code: aws.String("None")}}, len(tx.TransactItems))
				reasons[0].Code = aws.String("TransactionConflict")
				return &types.TransactionCanceledException{CancellationReasons: reasons}
			}
			return nil
		},
		// Slots whose answer was lost stay unused, which the suite would not have; what else UpdateItem does can be repeated.
		lose: func(op string) bool { return op != "UpdateItem" && one(10, op+" answer lost") },
		part: func(n int) int {
			if one(3, "batch in part") {
				mu.Lock()
				defer mu.Unlock()
				return random.IntN(n)
			}
			return n
		},
	}
	every := 3 // the emulator makes each check long, and make test has all among faults on the embedded engine
	if figures.Full() {
		every = 0
	}
	suite(t, faults, table, streamsOf(client), dynamo.Options{FirstWait: time.Millisecond}, every)
	t.Logf("faults of seed %d: %v", seed, struck)
	for _, what := range []string{
		"GetItem throttled", "PutItem answer lost", "Query limited", "TransactWriteItems answer lost", "TransactWriteItems in conflict",
		"BatchGetItem broken", "batch in part",
	} {
		if struck[what] == 0 {
			t.Errorf("no %s", what)
		}
	}
}

var errDown = &types.InternalServerError{Message: aws.String("down")}

// owner returns a tenant of its own and its key, not stored.
func owner(id string) (webhook.Tenant, webhook.Key) {
	now := time.Now().UTC().Truncate(time.Second)
	return webhook.Tenant{ID: id, CreatedAt: now, Version: 1}, webhook.Key{ID: "key_1", Tenant: id, Hash: webhook.HashAPIKey(id)}
}

func ok(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// exchange: an update of more index entries than a transaction holds is cut short between its two
// transactions. The new entries count, and reading the webhook removes the old ones.
func exchange(t *testing.T, client *dynamodb.Client, table string) {
	transactions := 0
	down := false
	faults := &faulty{client: client, strike: func(op string, _ any) error {
		if op == "TransactWriteItems" && down {
			if transactions++; transactions > 1 {
				return errDown
			}
		}
		return nil
	}}
	s := dynamo.New(faults, table, dynamo.Options{Patience: 50 * time.Millisecond})
	tenant, k := owner("acme")
	ok(t, s.CreateTenant(t.Context(), tenant, k))
	names := func(prefix string) (events []string) {
		for i := range webhook.MaxWebhookEvents {
			events = append(events, fmt.Sprintf("%s.%02d", prefix, i))
		}
		return events
	}
	entries := func() (n map[string]int) {
		t.Helper()
		n = make(map[string]int)
		for _, prefix := range []string{"a", "b", "c"} {
			l, err := s.Subscriptions(t.Context(), "acme", names(prefix), webhook.Page{Limit: 100})
			ok(t, err)
			n[prefix] = len(l.Items)
		}
		return n
	}
	want := func(what string, a, b, c int) {
		t.Helper()
		if diff := cmp.Diff(map[string]int{"a": a, "b": b, "c": c}, entries()); diff != "" {
			t.Errorf("index entries %s (-want +got):\n%s", what, diff)
		}
	}
	w := webhook.Webhook{Ref: webhook.Ref{Tenant: "acme", ID: "wh_1"}, Events: names("a"), Active: true, Version: 1}
	ok(t, s.CreateWebhook(t.Context(), w))
	for _, c := range []struct {
		name string
		read func() error
	}{
		{"Webhook", func() error { _, err := s.Webhook(t.Context(), w.Ref); return err }},
		{"Load", func() error { _, _, err := s.Load(t.Context(), []webhook.Ref{w.Ref}, nil); return err }},
	} {
		w.Events, transactions, down = names("b"), 0, true
		err := s.UpdateWebhook(t.Context(), w, true)
		if !webhook.Is(err, webhook.Unavailable) {
			t.Fatalf("%s: got %v, want it unavailable", c.name, err)
		}
		down = false
		w.Version++
		want("after half of it", 3, 50, 0)
		ok(t, c.read())
		want("after "+c.name, 0, 50, 0)
		w.Events = names("a")
		ok(t, s.UpdateWebhook(t.Context(), w, true))
		w.Version++
		want("back", 50, 0, 0)
	}
	w.Events, transactions, down = names("b"), 0, true
	_ = s.UpdateWebhook(t.Context(), w, true)
	w.Version++
	w.Events, down = append(names("c")[:49], "a.00"), false
	ok(t, s.UpdateWebhook(t.Context(), w, true))
	want("after another update", 1, 0, 49)
	ok(t, s.DeleteWebhook(t.Context(), w.Ref))
	want("after deletion", 0, 0, 0)
}

// deleteTenant cuts DeleteTenant short after each of its first requests, and asks again.
func deleteTenant(t *testing.T, client *dynamodb.Client, table string) {
	var mu sync.Mutex
	left := 0 // requests until all fail; below 0 none does
	faults := &faulty{client: client, strike: func(string, any) error {
		mu.Lock()
		defer mu.Unlock()
		if left == 0 {
			return errDown
		}
		left--
		return nil
	}}
	whole := dynamo.New(client, table, dynamo.Options{})
	s := dynamo.New(faults, table, dynamo.Options{Patience: time.Millisecond, FirstWait: time.Millisecond})
	for n := 0; ; n++ {
		tenant, k := owner(fmt.Sprint("acme", n))
		ok(t, whole.CreateTenant(t.Context(), tenant, k))
		for i := range 3 {
			w := webhook.Webhook{Ref: webhook.Ref{Tenant: tenant.ID, ID: fmt.Sprint("wh_", i)}, Events: []string{"a.b"}, Active: true}
			ok(t, whole.CreateWebhook(t.Context(), w))
			ok(t, whole.CreateSource(t.Context(), webhook.Source{Tenant: tenant.ID, ID: fmt.Sprint("src_", n, "_", i)}))
		}
		left = n
		err := s.DeleteTenant(t.Context(), tenant.ID)
		if err == nil {
			if n < 10 {
				t.Errorf("got %d requests in all, want more", n)
			}
			break
		}
		if !webhook.Is(err, webhook.Unavailable) {
			t.Fatalf("after %d requests: got %v, want it unavailable", n, err)
		}
		if _, err := whole.Tenant(t.Context(), tenant.ID); err != nil {
			t.Errorf("after %d requests: the tenant is gone before all that is its own: %v", n, err)
		}
		if n > 0 {
			w := webhook.Webhook{Ref: webhook.Ref{Tenant: tenant.ID, ID: "wh_new"}}
			if err := whole.CreateWebhook(t.Context(), w); !webhook.Is(err, webhook.NotFound) {
				t.Errorf("after %d requests: a new webhook: got %v, want no tenant for it", n, err)
			}
			src := webhook.Source{Tenant: tenant.ID, ID: "src_new"}
			if err := whole.CreateSource(t.Context(), src); !webhook.Is(err, webhook.NotFound) {
				t.Errorf("after %d requests: a new source: got %v, want no tenant for it", n, err)
			}
		}
		ok(t, whole.DeleteTenant(t.Context(), tenant.ID))
	}
	left = -1
	out, err := client.Scan(t.Context(), &dynamodb.ScanInput{TableName: &table})
	ok(t, err)
	for _, it := range out.Items { // the list of webhooks that there were is what an erasure goes by
		if pk, _ := it["pk"].(*types.AttributeValueMemberS); pk == nil || !strings.HasPrefix(pk.Value, "x#") {
			t.Errorf("got %v left", it)
		}
	}
}

// manyWebhooks lists more webhooks and deliveries than one request holds, and counts them.
func manyWebhooks(t *testing.T, client *dynamodb.Client, table string) {
	s := dynamo.New(client, table, dynamo.Options{})
	tenant, k := owner("acme")
	ok(t, s.CreateTenant(t.Context(), tenant, k))
	const hooks = 130
	var want []string
	for i := range hooks {
		w := webhook.Webhook{Ref: webhook.Ref{Tenant: "acme", ID: fmt.Sprintf("wh_%03d", i)}, Active: i%2 == 0}
		ok(t, s.CreateWebhook(t.Context(), w))
		d := webhook.Delivery{
			DeliveryKey: webhook.DeliveryKey{
				Tenant: "acme", Webhook: w.ID, Event: fmt.Sprint("evt_", i), AcceptedAt: tenant.CreatedAt.Add(time.Duration(i*37%hooks) * time.Millisecond),
			},
			Status: webhook.Succeeded, Round: 1, Count: 1,
		}
		ok(t, s.SaveDelivery(t.Context(), d, webhook.Rev{}))
		want = append(want, d.AcceptedAt.Format(webhook.TimeFormat)+" "+d.Event)
	}
	slices.Sort(want)
	slices.Reverse(want)
	var got []string
	for page := (webhook.Page{Limit: 60}); ; {
		l, err := s.Deliveries(t.Context(), "acme", webhook.DeliveryQuery{Page: page})
		ok(t, err)
		for _, d := range l.Items {
			got = append(got, d.AcceptedAt.Format(webhook.TimeFormat)+" "+d.Event)
		}
		if page.Cursor = l.Next; l.Next == "" {
			break
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("deliveries (-want +got):\n%s", diff)
	}
	counts, err := s.WebhookCounts(t.Context(), "acme")
	ok(t, err)
	if want := (webhook.Counts{Total: hooks, Active: hooks / 2, Inactive: hooks / 2}); counts != want {
		t.Errorf("got %+v, want %+v", counts, want)
	}
	ok(t, s.DeleteTenant(t.Context(), "acme"))
	if counts, err = s.WebhookCounts(t.Context(), "acme"); err != nil || counts.Total != 0 {
		t.Errorf("after deletion: got %+v, %v, want none", counts, err)
	}
}
