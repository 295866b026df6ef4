package conformance

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"

	"hookline/infra/conformance/engines"
	"hookline/infra/local/standin"
	"hookline/shared/store"
	"hookline/shared/store/dynamo"
	"hookline/shared/store/storetest"
	"hookline/shared/webhook"
)

// dynamoDB is the one DynamoDB Local of all tests, which ends with this process.
var dynamoDB = sync.OnceValues(func() (*engines.Process, error) { return engines.DynamoDBLocal("") })

// dynamoDBLocal returns a client of the DynamoDB Local that tests share: a table ends with its test.
func dynamoDBLocal(t *testing.T) *dynamodb.Client {
	t.Helper()
	p, err := dynamoDB()
	if errors.Is(err, engines.ErrNotInstalled) {
		missing(t, "DynamoDB Local")
	} else if err != nil {
		t.Fatal(err)
	}
	return dynamodb.New(dynamodb.Options{
		BaseEndpoint: &p.Endpoint, Region: engines.Region,
		Credentials: credentials.NewStaticCredentialsProvider("any", "any", ""),
	})
}

// table creates a table of that name, with what the template sets up besides, and returns its name. It ends with the test.
func table(t *testing.T, client *dynamodb.Client, name string) string {
	t.Helper()
	if _, err := client.CreateTable(t.Context(), dynamo.Table(name)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_, err := client.DeleteTable(context.WithoutCancel(t.Context()), &dynamodb.DeleteTableInput{TableName: &name})
		if _, gone := errors.AsType[*types.ResourceNotFoundException](err); err != nil && !gone { // README.md deletes its own
			t.Errorf("delete %s: %v", name, err)
		}
	})
	if err := dynamodb.NewTableExistsWaiter(client, func(o *dynamodb.TableExistsWaiterOptions) { o.MinDelay = 100 * time.Millisecond }).Wait(
		t.Context(), &dynamodb.DescribeTableInput{TableName: &name}, time.Minute,
	); err != nil {
		t.Fatal(err)
	}
	if _, err := client.UpdateTimeToLive(t.Context(), &dynamodb.UpdateTimeToLiveInput{
		TableName:               &name,
		TimeToLiveSpecification: &types.TimeToLiveSpecification{AttributeName: aws.String(dynamo.TTLAttribute), Enabled: aws.Bool(true)},
	}); err != nil {
		t.Fatal(err)
	}
	return name
}

// letters leaves out what a table's name may not have.
func letters(r rune) rune {
	if r < 'a' || r > 'z' {
		return -1
	}
	return r
}

// suite holds a table to the stores' contract, over a client that may be faulty. The table's stream is read by one that
// is not.
func suite(t *testing.T, client dynamo.API, table string, streams *dynamodbstreams.Client, opts dynamo.Options, every int) {
	t.Helper()
	s := dynamo.New(client, table, opts)
	stream := &standin.Stream{Client: streams, Table: table, Batch: 100, Count: s.Count}
	storetest.Run(t, storetest.Engine{
		Every: every,
		Open:  func(*testing.T) store.Store { return s },
		Settle: func(t *testing.T) {
			t.Helper()
			if err := stream.Drain(t.Context()); err != nil {
				t.Fatal(err)
			}
		},
	})
}

// rollUsage holds that usage stays the same when it is summed up, once and again, and when the tallies are gone.
func rollUsage(t *testing.T, client *dynamodb.Client, table string) {
	s := dynamo.New(client, table, dynamo.Options{})
	stream := &standin.Stream{Client: streamsOf(client), Table: table, Batch: 100, Count: s.Count}
	now := time.Now().UTC()
	if err := s.CreateTenant(t.Context(), webhook.Tenant{ID: "acme", CreatedAt: now.Add(-time.Hour)}, webhook.Key{ID: "k", Tenant: "acme", Hash: "h"}); err != nil {
		t.Fatal(err)
	}
	save := func(event string, attempts int) {
		d := webhook.Delivery{
			DeliveryKey: webhook.DeliveryKey{Tenant: "acme", Webhook: "wh_1", Event: event, AcceptedAt: now}, Type: "a.b",
			Dialect: "standard@1", Status: webhook.Failed, Round: 1, ExpiresAt: now.Add(time.Hour),
		}
		for range attempts {
			prev := d.Rev()
			if d.Count == 0 {
				prev = webhook.Rev{}
			}
			d.Record(webhook.Attempt{StartedAt: now, Error: webhook.ReasonTimeout})
			if err := s.SaveDelivery(t.Context(), d, prev); err != nil {
				t.Fatal(err)
			}
		}
		if err := stream.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	holds := func(what string, deliveries, attempts int) {
		t.Helper()
		got, err := s.Usage(t.Context(), "acme", now, now.Add(time.Hour))
		want := []webhook.Usage{{Day: webhook.DayOf(now), Deliveries: deliveries, Attempts: attempts}}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: got %v, %v, want %v", what, got, err, want)
		}
	}
	save("evt_1", 2)
	save("evt_2", 1)
	holds("as tallied", 2, 3)
	roll := func(at time.Time) {
		if err := s.RollUsage(t.Context(), at); err != nil {
			t.Fatal(err)
		}
	}
	roll(now.Add(24 * time.Hour)) // the hour is not complete yet
	holds("before the hour is complete", 2, 3)
	for range 2 {
		roll(now.Add(27 * time.Hour))
		holds("summed up", 2, 3)
	}
	items, err := client.Scan(t.Context(), &dynamodb.ScanInput{TableName: &table})
	if err != nil {
		t.Fatal(err)
	}
	gone := 0
	for _, it := range items.Items {
		if pk, _ := it["pk"].(*types.AttributeValueMemberS); strings.HasPrefix(pk.Value, "c#") {
			gone++
			if _, err := client.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{TableName: &table, Key: map[string]types.AttributeValue{"pk": it["pk"], "sk": it["sk"]}}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if holds("without the tallies", 2, 3); gone == 0 {
		t.Error("there were no tallies")
	}
}

// streamsOf returns a client of the streams of the same DynamoDB Local.
func streamsOf(client *dynamodb.Client) *dynamodbstreams.Client {
	o := client.Options()
	return dynamodbstreams.New(dynamodbstreams.Options{BaseEndpoint: o.BaseEndpoint, Region: o.Region, Credentials: o.Credentials})
}

// testStore runs the stores' suite on DynamoDB Local, which is AWS's own, and what only this engine has to show. It
// runs the suite on AWS itself too when HOOKLINE_TABLE names a table of the account that the usual credentials open:
// one for tests, for what the suite writes stays there.
func testStore(t *testing.T) {
	t.Parallel()
	client := dynamoDBLocal(t)
	for name, test := range map[string]func(t *testing.T, client *dynamodb.Client, table string){
		"suite": func(t *testing.T, client *dynamodb.Client, table string) {
			// The others work DynamoDB Local hard meanwhile: a wait for it is no answer that the suite asks for.
			suite(t, client, table, streamsOf(client), dynamo.Options{Patience: time.Minute}, 0)
		},
		"suite among faults":           suiteAmongFaults,
		"exchange of all patterns":     exchange,
		"deletion of a tenant, in two": deleteTenant,
		"many webhooks":                manyWebhooks,
		"usage is summed up":           rollUsage,
	} {
		t.Run(name, func(t *testing.T) { test(t, client, table(t, client, strings.Map(letters, name))) })
	}
	if name := os.Getenv("HOOKLINE_TABLE"); name != "" {
		cfg, err := config.LoadDefaultConfig(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		t.Run("suite on AWS", func(t *testing.T) {
			suite(t, dynamodb.NewFromConfig(cfg), name, dynamodbstreams.NewFromConfig(cfg), dynamo.Options{}, 0)
		})
	}
}
