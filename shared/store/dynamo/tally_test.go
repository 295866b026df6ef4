package dynamo

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/google/go-cmp/cmp"

	"hookline/shared/store/record"
	"hookline/shared/webhook"
)

// kept is a table that keeps the items that it is given.
type kept struct {
	API
	mu    sync.Mutex
	items map[key]item
	puts  int
}

func (k *kept) PutItem(_ context.Context, in *dynamodb.PutItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.items == nil {
		k.items = make(map[key]item)
	}
	k.items[item(in.Item).key()] = in.Item
	k.puts++
	return &dynamodb.PutItemOutput{}, nil
}

// image is the image that a stream shows of a record of that status.
func image(status webhook.DeliveryStatus) map[string]events.DynamoDBAttributeValue {
	if status == "" {
		return nil
	}
	return map[string]events.DynamoDBAttributeValue{attrRevision: events.NewStringAttribute(revision(webhook.Rev{Round: 1, Count: 1, Status: status}))}
}

func change(k key, before, after webhook.DeliveryStatus) events.DynamoDBEventRecord {
	return events.DynamoDBEventRecord{EventID: k.pk + k.sk + string(after), Change: events.DynamoDBStreamRecord{
		Keys:     map[string]events.DynamoDBAttributeValue{attrPK: events.NewStringAttribute(k.pk), attrSK: events.NewStringAttribute(k.sk)},
		OldImage: image(before), NewImage: image(after),
	}}
}

func TestCount(t *testing.T) {
	noon := time.Date(2026, 3, 20, 12, 0, 0, 0, time.UTC)
	of := func(tenant, hook, event string, after time.Duration) key {
		return deliveryKey(webhook.DeliveryKey{Tenant: tenant, Webhook: hook, Event: event, AcceptedAt: noon.Add(after)})
	}
	batch := events.DynamoDBEvent{Records: []events.DynamoDBEventRecord{
		change(of("acme", "wh_a", "1", 5*time.Second), "", webhook.Succeeded),
		change(of("acme", "wh_a", "2", 3*time.Second), "", webhook.Succeeded), // of the same minute
		change(of("acme", "wh_a", "3", time.Minute), "", webhook.Failed),
		change(of("acme", "wh_b", "1", time.Second), "", webhook.Pending),
		change(of("acme", "wh_b", "1", time.Second), webhook.Pending, webhook.Succeeded),
		change(of("acme", "wh_b", "2", -time.Hour), webhook.Failed, webhook.Pending),
		change(of("acme", "wh_c", "1", 0), webhook.Pending, webhook.Pending),            // another attempt changes nothing
		change(of("acme", "wh_c", "2", 0), webhook.Succeeded, ""),                       // expired
		change(key{"t#acme", "t"}, "", webhook.Succeeded),                               // no delivery
		change(key{"d#acme#wh_a", "nonsense"}, "", webhook.Succeeded),                   // nor this
		change(of("acme", "wh_a", "4", 2*time.Minute), "", webhook.DeliveryStatus("?")), // of a later version
	}}
	k := new(kept)
	s := New(k, "hookline", Options{})
	for range 2 { // it comes again
		if err := s.Count(t.Context(), batch); err != nil {
			t.Fatal(err)
		}
	}
	if len(k.items) != 1 || k.puts != 2 {
		t.Fatalf("got %d items in %d writes, want one, written twice", len(k.items), k.puts)
	}
	for at, it := range k.items {
		if want := acceptance(noon.Add(time.Minute).UnixMilli()) + "#"; at.pk != tallyPK("acme") || !strings.HasPrefix(at.sk, want) {
			t.Errorf("got key %v, want %s… of the latest acceptance", at, want)
		}
		got, err := record.DecodeChanges(it.bytes(attrRecord), it.bytes(attrAnswers), "acme")
		if err != nil {
			t.Fatal(err)
		}
		slices.SortFunc(got, func(a, b record.Change) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
		ms := func(after time.Duration) int64 { return noon.Add(after).UnixMilli() }
		want := []record.Change{
			{Tenant: "acme", Webhook: "wh_a", At: ms(3 * time.Second), Succeeded: 2},
			{Tenant: "acme", Webhook: "wh_a", At: ms(time.Minute), Failed: 1},
			{Tenant: "acme", Webhook: "wh_b", At: ms(-time.Hour), Failed: -1, Pending: 1},
			{Tenant: "acme", Webhook: "wh_b", At: ms(time.Second), Succeeded: 1},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("changes (-want +got):\n%s", diff)
		}
	}
}

// An item holds a whole batch, whatever the ids; a tenant's webhooks cost little.
func TestCountBounds(t *testing.T) {
	for name, tt := range map[string]struct {
		id   func(i int) string
		most int // bytes of the batch's items
	}{
		"the longest ids": {func(i int) string { return fmt.Sprintf("%0128d", i) }, 400 << 10},
		"ids of ours":     {func(i int) string { return webhook.NewID(webhook.WebhookPrefix, time.UnixMilli(int64(i))) }, 60 << 10},
	} {
		t.Run(name, func(t *testing.T) {
			var batch events.DynamoDBEvent
			for i := range 1000 {
				batch.Records = append(batch.Records, change(deliveryKey(webhook.DeliveryKey{
					Tenant: "acme", Webhook: tt.id(i), Event: "evt_1", AcceptedAt: time.UnixMilli(1774008000000),
				}), "", webhook.Succeeded))
			}
			k := new(kept)
			if err := New(k, "hookline", Options{}).Count(t.Context(), batch); err != nil {
				t.Fatal(err)
			}
			size := 0
			for _, it := range k.items {
				size += len(it.bytes(attrRecord))
			}
			if size > tt.most || size == 0 {
				t.Errorf("got %d bytes, want at most %d", size, tt.most)
			}
			t.Logf("%d bytes for each delivery", size/1000)
		})
	}
}

// A batch as Lambda hands it over.
func TestCountRecorded(t *testing.T) {
	raw, err := os.ReadFile("../../../events/lambda/count/stream.json")
	if err != nil {
		t.Fatal(err)
	}
	var batch events.DynamoDBEvent
	if err := json.Unmarshal(raw, &batch); err != nil {
		t.Fatal(err)
	}
	k := new(kept)
	if err := New(k, "hookline", Options{}).Count(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
	for _, it := range k.items {
		if got, want := string(it.bytes(attrRecord)), `{"acme":{"wh_1":[1774008000000,1,0,0]}}`; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	if len(k.items) != 1 {
		t.Errorf("got %d items, want 1", len(k.items))
	}
}
