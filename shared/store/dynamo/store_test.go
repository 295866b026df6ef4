package dynamo

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/google/go-cmp/cmp"

	"hookline/shared/payload"
	"hookline/shared/webhook"
)

// storetest on DynamoDB Local, in infra/conformance, shows how the store deals with DynamoDB's own behaviour. These
// tests script answers that DynamoDB Local never gives.

// scripted answers requests of three kinds from scripts. The last answer of a script is repeated.
type scripted struct {
	API
	puts      []func(*dynamodb.PutItemInput) error
	transacts []func(*dynamodb.TransactWriteItemsInput) error
	gets      []func(*dynamodb.BatchGetItemInput) (*dynamodb.BatchGetItemOutput, error)
	writes    []func(*dynamodb.BatchWriteItemInput) (*dynamodb.BatchWriteItemOutput, error)
	calls     int
}

func next[F any](s *scripted, answers []F) F {
	s.calls++
	return answers[min(s.calls, len(answers))-1]
}

func (s *scripted) PutItem(_ context.Context, in *dynamodb.PutItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	return &dynamodb.PutItemOutput{}, next(s, s.puts)(in)
}

func (s *scripted) TransactWriteItems(
	_ context.Context, in *dynamodb.TransactWriteItemsInput, _ ...func(*dynamodb.Options),
) (*dynamodb.TransactWriteItemsOutput, error) {
	return &dynamodb.TransactWriteItemsOutput{}, next(s, s.transacts)(in)
}

func (s *scripted) BatchGetItem(_ context.Context, in *dynamodb.BatchGetItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.BatchGetItemOutput, error) {
	return next(s, s.gets)(in)
}

func (s *scripted) BatchWriteItem(
	_ context.Context, in *dynamodb.BatchWriteItemInput, _ ...func(*dynamodb.Options),
) (*dynamodb.BatchWriteItemOutput, error) {
	return next(s, s.writes)(in)
}

// GetItem finds nothing: no tenant exists.
func (s *scripted) GetItem(context.Context, *dynamodb.GetItemInput, ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error) {
	return &dynamodb.GetItemOutput{}, nil
}

var (
	errThrottled = &types.ProvisionedThroughputExceededException{}
	errInvalid   = &smithy.GenericAPIError{Code: "ValidationException", Fault: smithy.FaultClient}
	errReset     = errors.New("connection reset by peer")
	base         = time.Date(2026, 3, 20, 12, 0, 0, 0, time.UTC)
)

// answered is the client's error for an HTTP answer that it has no error type for.
func answered(status int, code string) error {
	return &smithyhttp.ResponseError{
		Response: &smithyhttp.Response{Response: &http.Response{StatusCode: status}}, Err: &smithy.GenericAPIError{Code: code},
	}
}

func canceled(codes ...string) error {
	e := &types.TransactionCanceledException{}
	for _, c := range codes {
		e.CancellationReasons = append(e.CancellationReasons, types.CancellationReason{Code: aws.String(c)})
	}
	return e
}

func delivery() webhook.Delivery {
	return webhook.Delivery{
		DeliveryKey: webhook.DeliveryKey{Tenant: "acme", Webhook: "wh_1", Event: "evt_1", AcceptedAt: base},
		Status:      webhook.Succeeded, Round: 1, Count: 1,
	}
}

func kind(t *testing.T, what string, err error, want webhook.Kind) {
	t.Helper()
	if !webhook.Is(err, want) {
		t.Errorf("%s: got %v, want an error of kind %d", what, err, want)
	}
}

func TestPassing(t *testing.T) {
	for _, c := range []struct {
		name                  string
		err                   error
		wantPassing, wantLost bool
	}{
		{"throttled", errThrottled, true, false},
		{"limited", &types.ThrottlingException{}, true, false},
		{"account's limit", &types.RequestLimitExceeded{}, true, false},
		{"in a transaction's way", &types.TransactionConflictException{}, true, false},
		{"the same transaction is under way", &types.TransactionInProgressException{}, true, false},
		{"broken", &types.InternalServerError{}, true, true},
		{"broken, in front of it", answered(http.StatusServiceUnavailable, "ServiceUnavailable"), true, true},
		{"no answer", errReset, true, true},
		{"no answer in time", context.DeadlineExceeded, true, true},
		{"condition", &types.ConditionalCheckFailedException{}, false, false},
		{"invalid", errInvalid, false, false},
		{"not allowed", answered(http.StatusBadRequest, "AccessDeniedException"), false, false},
		{"no table", &types.ResourceNotFoundException{}, false, false},
		{"transaction in conflict", canceled("None", "TransactionConflict"), true, false},
		{"transaction throttled", canceled("ThrottlingError", "ProvisionedThroughputExceeded"), true, false},
		{"transaction's condition", canceled("TransactionConflict", "ConditionalCheckFailed"), false, false},
		{"transaction invalid", canceled("ValidationError", "None"), false, false},
	} {
		if got := passing(c.err); got != c.wantPassing {
			t.Errorf("%s: got passing %t, want %t", c.name, got, c.wantPassing)
		}
		if got := lost(c.err); got != c.wantLost {
			t.Errorf("%s: got lost %t, want %t", c.name, got, c.wantLost)
		}
	}
}

func TestRetries(t *testing.T) {
	for _, c := range []struct {
		name     string
		answers  []error
		want     webhook.Kind // Internal and no calls given: no error
		calls    int
		deadline time.Duration
		took     [2]time.Duration // at least and at most
	}{
		{name: "throttled twice", answers: []error{errThrottled, errThrottled, nil}, calls: 3},
		{name: "broken, then no answer", answers: []error{&types.InternalServerError{}, errReset, nil}, calls: 3},
		{name: "invalid", answers: []error{errInvalid}, want: webhook.Internal, calls: 1},
		{
			name: "throttled until shortly before the deadline", answers: []error{errThrottled}, want: webhook.Unavailable,
			deadline: 30 * time.Second, took: [2]time.Duration{28 * time.Second, 30*time.Second - margin},
		},
		{
			name: "throttled, without a deadline", answers: []error{errThrottled}, want: webhook.Unavailable,
			took: [2]time.Duration{8 * time.Second, 10 * time.Second},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				api := &scripted{}
				for _, err := range c.answers {
					api.puts = append(api.puts, func(*dynamodb.PutItemInput) error { return err })
				}
				ctx := t.Context()
				if c.deadline > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, c.deadline)
					defer cancel()
				}
				start := time.Now()
				err := New(api, "t", Options{}).SaveDelivery(ctx, delivery(), webhook.Rev{})
				if c.answers[len(c.answers)-1] == nil {
					if err != nil {
						t.Errorf("got %v, want no error", err)
					}
				} else {
					kind(t, "SaveDelivery", err, c.want)
				}
				if c.calls > 0 && api.calls != c.calls {
					t.Errorf("got %d requests, want %d", api.calls, c.calls)
				}
				if took := time.Since(start); c.took[1] > 0 && (took < c.took[0] || took > c.took[1]) {
					t.Errorf("got %v, want between %v and %v", took, c.took[0], c.took[1])
				}
			})
		})
	}
}

// TestSlowAnswer shows that a request without an answer is made again while its context has time.
func TestSlowAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(hanging{}, "t", Options{})
		ctx, cancel := context.WithTimeout(t.Context(), 12*time.Second)
		defer cancel()
		start := time.Now()
		_, err := s.Tenant(ctx, "acme")
		kind(t, "Tenant", err, webhook.Unavailable)
		if took := time.Since(start); took < 10*time.Second || took > 12*time.Second {
			t.Errorf("got %v, want two tries of 5 s and part of a third", took)
		}
	})
}

// hanging answers when the request is given up.
type hanging struct{ API }

func (hanging) GetItem(ctx context.Context, _ *dynamodb.GetItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// TestLostAnswers shows that a write whose answer was lost is recognised when it is tried again.
func TestLostAnswers(t *testing.T) {
	p := webhook.Pin{Tenant: "acme", Scope: "event", Key: "evt_1", Hash: "hash", At: base, ExpiresAt: base.Add(time.Hour)}
	for name, write := range map[string]func(ctx context.Context, s *Store) (won bool, err error){
		"SaveDelivery, new": func(ctx context.Context, s *Store) (bool, error) {
			err := s.SaveDelivery(ctx, delivery(), webhook.Rev{})
			return err == nil, err
		},
		"SaveDelivery": func(ctx context.Context, s *Store) (bool, error) {
			err := s.SaveDelivery(ctx, delivery(), webhook.Rev{Round: 1, Status: webhook.Pending})
			return err == nil, err
		},
		"Pin": func(ctx context.Context, s *Store) (bool, error) {
			_, won, err := s.Pin(ctx, p)
			return won, err
		},
		"Repin": func(ctx context.Context, s *Store) (bool, error) {
			err := s.Repin(ctx, p, base)
			return err == nil, err
		},
	} {
		for _, c := range []struct {
			name  string
			first error // of the first request
			ours  bool  // what the second one finds is what the first one wrote
			want  bool
		}{
			{"written, answer lost", errReset, true, true},
			{"written, then broken", &types.InternalServerError{}, true, true},
			{"another's was written", errReset, false, false},
			{"throttled", errThrottled, true, false}, // so it was not written: an item that is there is another's, even if it is alike
		} {
			t.Run(name+"/"+c.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					there := item{}
					api := &scripted{puts: []func(*dynamodb.PutItemInput) error{
						func(in *dynamodb.PutItemInput) error {
							there = item(in.Item)
							return c.first
						},
						func(in *dynamodb.PutItemInput) error {
							if in.ReturnValuesOnConditionCheckFailure != types.ReturnValuesOnConditionCheckFailureAllOld {
								t.Error("the request does not ask for the item that is there")
							}
							found := maps.Clone(there)
							if !c.ours {
								found.sign()
							}
							return &types.ConditionalCheckFailedException{Item: found}
						},
					}}
					won, err := write(t.Context(), New(api, "t", Options{}))
					if won != c.want {
						t.Errorf("got won %t (%v), want %t", won, err, c.want)
					}
					if err != nil {
						kind(t, "loser", err, webhook.Conflict)
					}
				})
			})
		}
	}
}

// TestTransactions shows that a transaction with an unknown end is repeated with its token, by which DynamoDB
// recognises it.
func TestTransactions(t *testing.T) {
	for _, c := range []struct {
		name  string
		first error
		calls int
		want  webhook.Kind
	}{
		{"answer lost", errReset, 2, -1},
		{"in conflict", canceled("TransactionConflict"), 2, -1},
		{"condition", canceled("ConditionalCheckFailed"), 1, webhook.NotFound}, // the answer has no item, so none is there
		{"invalid", canceled("ValidationError"), 1, webhook.Internal},
		{"too large", canceled("ItemCollectionSizeLimitExceeded"), 1, webhook.Internal},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var tokens []string
				api := &scripted{transacts: []func(*dynamodb.TransactWriteItemsInput) error{
					func(in *dynamodb.TransactWriteItemsInput) error {
						tokens = append(tokens, aws.ToString(in.ClientRequestToken))
						return c.first
					},
					func(in *dynamodb.TransactWriteItemsInput) error {
						tokens = append(tokens, aws.ToString(in.ClientRequestToken))
						return nil
					},
				}}
				err := New(api, "t", Options{}).UpdateTenant(t.Context(), webhook.Tenant{ID: "acme", Version: 1})
				if c.want >= 0 {
					kind(t, "UpdateTenant", err, c.want)
				} else if err != nil {
					t.Errorf("got %v, want no error", err)
				}
				if len(tokens) != c.calls || tokens[0] == "" || len(slices.Compact(tokens)) != 1 {
					t.Errorf("got tokens %q, want one %d times", tokens, c.calls)
				}
			})
		})
	}
}

// TestUnprocessedKeys shows that the keys that a batch left unprocessed are asked for again, and never taken for
// absent.
func TestUnprocessedKeys(t *testing.T) {
	keys := []webhook.DeliveryKey{delivery().DeliveryKey, delivery().DeliveryKey, delivery().DeliveryKey}
	keys[1].Event, keys[2].Event = "evt_2", "evt_3"
	rec := func(k item) item {
		k[attrRecord] = bin([]byte(`{}`))
		return k
	}
	in := func(n int, process int) func(*dynamodb.BatchGetItemInput) (*dynamodb.BatchGetItemOutput, error) {
		return func(in *dynamodb.BatchGetItemInput) (*dynamodb.BatchGetItemOutput, error) {
			request := in.RequestItems["t"]
			if len(request.Keys) != n || !aws.ToBool(request.ConsistentRead) {
				t.Errorf("got a request for %d keys, consistent %t, want %d, true", len(request.Keys), aws.ToBool(request.ConsistentRead), n)
			}
			out := &dynamodb.BatchGetItemOutput{}
			for _, k := range request.Keys[:process] {
				out.Responses = map[string][]map[string]types.AttributeValue{"t": append(out.Responses["t"], rec(item(k)))}
			}
			if left := request.Keys[process:]; len(left) > 0 {
				out.UnprocessedKeys = map[string]types.KeysAndAttributes{"t": {Keys: left}}
			}
			return out, nil
		}
	}
	type script = []func(*dynamodb.BatchGetItemInput) (*dynamodb.BatchGetItemOutput, error)
	for name, answers := range map[string]script{
		"one by one":           {in(3, 1), in(2, 1), in(1, 1)},
		"none, then all":       {in(3, 0), in(3, 0), in(3, 3)},
		"none for a long time": {in(3, 0)},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
				defer cancel()
				_, got, err := New(&scripted{gets: answers}, "t", Options{}).Load(ctx, nil, slices.Concat(keys, keys))
				if len(answers) == 1 {
					kind(t, "Load", err, webhook.Unavailable)
					return
				}
				if err != nil || len(got) != 3 {
					t.Errorf("got %d records and %v, want 3", len(got), err)
				}
			})
		})
	}
}

// TestUnprocessedItems shows that the deletions that a batch left unprocessed are asked for again.
func TestUnprocessedItems(t *testing.T) {
	var asked []int
	process := func(n int) func(*dynamodb.BatchWriteItemInput) (*dynamodb.BatchWriteItemOutput, error) {
		return func(in *dynamodb.BatchWriteItemInput) (*dynamodb.BatchWriteItemOutput, error) {
			request := in.RequestItems["t"]
			asked = append(asked, len(request))
			out := &dynamodb.BatchWriteItemOutput{}
			if left := request[min(n, len(request)):]; len(left) > 0 {
				out.UnprocessedItems = map[string][]types.WriteRequest{"t": left}
			}
			return out, nil
		}
	}
	keys := make([]key, 30)
	for i := range keys {
		keys[i] = hashKey(string(rune('a' + i)))
	}
	type script = []func(*dynamodb.BatchWriteItemInput) (*dynamodb.BatchWriteItemOutput, error)
	for _, c := range []struct {
		name    string
		answers script
		want    []int
	}{
		{"in parts", script{process(10), process(0), process(15), process(3), process(5)}, []int{25, 15, 15, 5, 2}},
		{"never", script{process(0)}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				asked = nil
				err := New(&scripted{writes: c.answers}, "t", Options{}).drop(t.Context(), keys)
				if c.want == nil {
					kind(t, "drop", err, webhook.Unavailable)
					return
				}
				if diff := cmp.Diff(c.want, asked); diff != "" || err != nil {
					t.Errorf("%v, requests for (-want +got):\n%s", err, diff)
				}
			})
		})
	}
}

// TestRecordSize shows that a delivery that succeeds at the first attempt is one write unit, 1 KB, with the largest
// inline payload.
func TestRecordSize(t *testing.T) {
	id := webhook.NewID("", base)
	d := webhook.Delivery{
		DeliveryKey: webhook.DeliveryKey{
			Tenant: "tenant_" + id, Webhook: webhook.WebhookPrefix + id, Event: webhook.EventPrefix + id, AcceptedAt: base,
		},
		Type: "invoice.payment_succeeded", Dialect: "standard@1", ContentType: webhook.ContentJSON, Format: webhook.FormatJSON,
		Timestamp: base.Format(webhook.BodyTimeFormat), Body: webhook.Payload{Inline: make([]byte, payload.MaxInline)},
		Status: webhook.Succeeded, Round: 1, Count: 1, Total: 1, Owner: "5fea7756-0ea4-451a-a703-a558b933e274",
		ExpiresAt: base.Add(30 * 24 * time.Hour),
	}
	d.Attempts = []webhook.Attempt{{
		Number: 1, ScheduledAt: base, StartedAt: base.Add(180 * time.Millisecond), SentAt: base, Duration: 53 * time.Millisecond,
		StatusCode: 200, ResponseBody: `{"ok":true}`, Secret: 1,
	}}
	var size int
	api := &scripted{puts: []func(*dynamodb.PutItemInput) error{func(in *dynamodb.PutItemInput) error {
		for name, v := range in.Item {
			size += len(name)
			switch v := v.(type) {
			case *types.AttributeValueMemberS:
				size += len(v.Value)
			case *types.AttributeValueMemberB:
				size += len(v.Value)
			case *types.AttributeValueMemberN:
				size += (len(v.Value)+1)/2 + 2 // at most: DynamoDB stores two digits in a byte
			default:
				t.Errorf("%s: an attribute of a type whose size this test does not know", name)
			}
		}
		return nil
	}}}
	if err := New(api, "t", Options{}).SaveDelivery(t.Context(), d, webhook.Rev{}); err != nil {
		t.Fatal(err)
	}
	if size > 1024 || api.calls != 1 {
		t.Errorf("got %d requests and an item of %d bytes, want 1 of at most 1024", api.calls, size)
	}
	t.Logf("an item of %d bytes, %d of them payload", size, payload.MaxInline)
}

// TestHistoryBounds checks which records of a webhook a page shows after a place in a list of several webhooks.
func TestHistoryBounds(t *testing.T) {
	at := &place{ms: 0x10, hook: "wh_2", event: "evt_5"}
	for hook, want := range map[string][2]string{
		"wh_1": {"000000000011", ""},                         // later in the list: that moment is to come
		"wh_2": {"000000000010#evt_5", "000000000010#evt_5"}, // below the event
		"wh_3": {"000000000010", ""},                         // that moment was shown
	} {
		h := &history{hook: hook, until: acceptance(maxMillis)}
		h.below(at)
		if got := [2]string{h.until, h.skip}; got != want {
			t.Errorf("%s: got %q, want %q", hook, got, want)
		}
	}
}
