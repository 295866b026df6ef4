package dynamo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"hookline/shared/fixture"
	"hookline/shared/store/storetest"
	"hookline/shared/webhook"
)

// TestKeptItems holds the table's items to what releases wrote: one of every kind that the package documentation lists,
// with every attribute that the code names.
func TestKeptItems(t *testing.T) {
	table := sampleTable(t)
	kinds, attributes := make(map[string]bool), make(map[string]bool)
	for k, it := range table {
		kind, _, _ := strings.Cut(k.pk, "#")
		kinds[kind] = true
		for name := range it {
			attributes[name] = true
		}
	}
	for _, kind := range documented(t) {
		if !kinds[kind] {
			t.Errorf("the sample has no item of kind %s", kind)
		}
		delete(kinds, kind)
	}
	for kind := range kinds {
		t.Errorf("the package documentation lacks items of kind %s", kind)
	}
	for _, name := range attributeNames(t) {
		if !attributes[name] {
			t.Errorf("no item of the sample has the attribute %s", name)
		}
	}
	fixture.Hold(t, "items", table.encode(), func(b []byte) (any, error) {
		table, err := decodeTable(b)
		if err != nil {
			return nil, err
		}
		return storetest.Read(t.Context(), New(&tableAPI{items: table}, "hookline", Options{Jitter: func() float64 { return 0 }}))
	})
}

// TestKeptStream holds what the tallies make of the records that releases wrote, as the table's stream shows them.
func TestKeptStream(t *testing.T) {
	records := make(table)
	for k, it := range sampleTable(t) {
		if strings.HasPrefix(k.pk, "d#") || strings.HasPrefix(k.pk, "e#") {
			records[k] = it
		}
	}
	fixture.Hold(t, "stream", records.encode(), func(b []byte) (any, error) {
		records, err := decodeTable(b)
		if err != nil {
			return nil, err
		}
		api := &tableAPI{items: make(table)}
		s := New(api, "hookline", Options{})
		if err := s.Count(t.Context(), stream(records)); err != nil {
			return nil, err
		}
		return api.items, nil
	})
}

// sampleTable has an item of every kind.
func sampleTable(t *testing.T) table {
	t.Helper()
	api := &tableAPI{items: make(table)}
	s := New(api, "hookline", Options{Jitter: func() float64 { return 0 }})
	storetest.Write(t, s)
	// What only this store has: tallies and usage, marks of what is half done.
	records := make(table)
	for k, it := range api.items {
		if strings.HasPrefix(k.pk, "d#") || strings.HasPrefix(k.pk, "e#") {
			records[k] = it
		}
	}
	if err := s.Count(t.Context(), stream(records)); err != nil {
		t.Fatal(err)
	}
	if err := s.RollUsage(t.Context(), base.Add(48*time.Hour)); err != nil {
		t.Fatal(err)
	}
	if err := s.CreateTenant(t.Context(), webhook.Tenant{ID: "half", CreatedAt: base}, webhook.Key{Tenant: "half", ID: "key_h", Hash: "half"}); err != nil {
		t.Fatal(err)
	}
	w := webhook.Webhook{Ref: webhook.Ref{Tenant: "half", ID: "wh_h"}, Active: true, Version: 1}
	for i := range 50 {
		w.Events = append(w.Events, fmt.Sprintf("a.%d", i))
	}
	if err := s.CreateWebhook(t.Context(), w); err != nil {
		t.Fatal(err)
	}
	for i := range w.Events {
		w.Events[i] = "b" + w.Events[i]
	}
	api.fails = "REMOVE stale"
	if err := s.UpdateWebhook(t.Context(), w, false); err == nil {
		t.Error("the exchange of all patterns was not cut short")
	}
	for k := range api.items { // hundred entries are as good as one
		if strings.HasPrefix(k.pk, "s#half#") {
			delete(api.items, k)
		}
	}
	api.fails = "query"
	if err := s.DeleteTenant(t.Context(), "half"); err == nil {
		t.Error("the deletion of a tenant was not cut short")
	}
	for k, it := range api.items {
		if strings.HasPrefix(k.pk, "x#") {
			it.expires(base.Add(deletedLife))
		}
		if it[attrNonce] != nil {
			it[attrNonce] = bin(make([]byte, 8))
		}
	}
	return api.items
}

// documented returns the kinds of items in the package documentation.
func documented(t *testing.T) (kinds []string) {
	t.Helper()
	text, err := os.ReadFile("store.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range regexp.MustCompile(`(?m)^//\t([a-z]+)\S* +\S+ +\S`).FindAllStringSubmatch(string(text), -1) {
		if row[1] != "pk" {
			kinds = append(kinds, row[1])
		}
	}
	if len(kinds) == 0 {
		t.Fatal("store.go lists no kinds of items")
	}
	return kinds
}

// attributeNames returns the names that constants of this package give to attributes.
func attributeNames(t *testing.T) (names []string) {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			of, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			for i, v := range of.Values {
				prefixed := strings.HasPrefix(of.Names[i].Name, "attr") || strings.HasPrefix(of.Names[i].Name, "pin") || strings.HasPrefix(of.Names[i].Name, "due")
				if lit, ok := v.(*ast.BasicLit); ok && lit.Kind == token.STRING && prefixed {
					name, _ := strconv.Unquote(lit.Value)
					names = append(names, name)
				}
			}
			return true
		})
	}
	return names
}

// stream shows items as the table's stream does when they are written.
func stream(items table) events.DynamoDBEvent {
	var e events.DynamoDBEvent
	for _, k := range items.sorted() {
		image := make(map[string]events.DynamoDBAttributeValue)
		for name, v := range items[k] {
			switch v := v.(type) {
			case *types.AttributeValueMemberS:
				image[name] = events.NewStringAttribute(v.Value)
			case *types.AttributeValueMemberN:
				image[name] = events.NewNumberAttribute(v.Value)
			case *types.AttributeValueMemberB:
				image[name] = events.NewBinaryAttribute(v.Value)
			}
		}
		e.Records = append(e.Records, events.DynamoDBEventRecord{EventID: "1", Change: events.DynamoDBStreamRecord{
			Keys: map[string]events.DynamoDBAttributeValue{attrPK: image[attrPK], attrSK: image[attrSK]}, NewImage: image,
		}})
	}
	return e
}

// table is items by their keys.
type table map[key]item

func (t table) sorted() []key {
	return slices.SortedFunc(maps.Keys(t), func(a, b key) int { return strings.Compare(a.pk+"\x00"+a.sk, b.pk+"\x00"+b.sk) })
}

// MarshalJSON shows the items as encode does.
func (t table) MarshalJSON() ([]byte, error) { return t.encode(), nil }

// encode writes items as JSON does: by key, each attribute with its type.
func (t table) encode() []byte {
	all := make(map[string]map[string]map[string]any)
	for k, it := range t {
		of := make(map[string]map[string]any)
		for name, v := range it {
			switch v := v.(type) {
			case *types.AttributeValueMemberS:
				of[name] = map[string]any{"S": v.Value}
			case *types.AttributeValueMemberN:
				of[name] = map[string]any{"N": v.Value}
			case *types.AttributeValueMemberB:
				of[name] = map[string]any{"B": v.Value}
			case *types.AttributeValueMemberBOOL:
				of[name] = map[string]any{"BOOL": v.Value}
			case *types.AttributeValueMemberSS:
				of[name] = map[string]any{"SS": v.Value}
			}
		}
		all[k.pk+" "+k.sk] = of
	}
	b, _ := json.Marshal(all) // texts, numbers, bytes
	return b
}

func decodeTable(b []byte) (table, error) {
	var all map[string]map[string]struct {
		S, N *string
		B    *[]byte
		BOOL *bool
		SS   []string
	}
	if err := json.Unmarshal(b, &all); err != nil {
		return nil, err
	}
	t := make(table)
	for _, of := range all {
		it := make(item)
		for name, v := range of {
			switch {
			case v.S != nil:
				it[name] = text(*v.S)
			case v.N != nil:
				it[name] = &types.AttributeValueMemberN{Value: *v.N}
			case v.B != nil:
				it[name] = bin(*v.B)
			case v.BOOL != nil:
				it[name] = boolean(*v.BOOL)
			default:
				it[name] = texts(v.SS)
			}
		}
		t[it.key()] = it
	}
	return t, nil
}

// tableAPI does what the sample needs of DynamoDB: every condition holds, and a page has all there is. An update adds to no
// attribute that is not there: it is refused.
type tableAPI struct {
	API
	items table
	fails string // "query", or the transaction with an update that begins so
}

var errCut = &types.ResourceNotFoundException{} // is not tried again

func (a *tableAPI) put(it item) { a.items[it.key()] = maps.Clone(it) }

var updated = regexp.MustCompile(`^(\S+) = (?:(\S+) \+ )?(:\w+)$`)

func (a *tableAPI) update(at item, expression string, values item, names map[string]string) (item, error) {
	k := at.key()
	it := maps.Clone(a.items[k])
	if it == nil {
		it = k.item()
	}
	name := func(n string) string {
		if to, ok := names[n]; ok {
			return to
		}
		return n
	}
	sets, removed, _ := strings.Cut(strings.TrimPrefix(expression, "SET "), "REMOVE ")
	if removed != "" {
		delete(it, name(removed))
	}
	if sets = strings.TrimSpace(sets); sets == "" {
		a.items[k] = it
		return it, nil
	}
	for set := range strings.SplitSeq(sets, ", ") {
		m := updated.FindStringSubmatch(set)
		switch {
		case m == nil:
			return nil, errors.New("the table does not know " + set)
		case m[2] == "":
			it[name(m[1])] = values[m[3]]
		case it[name(m[2])] == nil:
			return nil, &types.ConditionalCheckFailedException{}
		default:
			it[name(m[1])] = number(it.number(name(m[2])) + values.number(m[3]))
		}
	}
	a.items[k] = it
	return it, nil
}

func (a *tableAPI) PutItem(_ context.Context, in *dynamodb.PutItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	a.put(in.Item)
	return &dynamodb.PutItemOutput{}, nil
}

func (a *tableAPI) UpdateItem(_ context.Context, in *dynamodb.UpdateItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error) {
	it, err := a.update(in.Key, *in.UpdateExpression, in.ExpressionAttributeValues, in.ExpressionAttributeNames)
	return &dynamodb.UpdateItemOutput{Attributes: it}, err
}

func (a *tableAPI) TransactWriteItems(
	_ context.Context, in *dynamodb.TransactWriteItemsInput, _ ...func(*dynamodb.Options),
) (*dynamodb.TransactWriteItemsOutput, error) {
	for _, action := range in.TransactItems {
		switch {
		case action.Put != nil:
			a.put(action.Put.Item)
		case action.Delete != nil:
			delete(a.items, item(action.Delete.Key).key())
		case action.Update != nil:
			if a.fails != "" && strings.HasPrefix(*action.Update.UpdateExpression, a.fails) {
				return nil, errCut
			}
			if _, err := a.update(action.Update.Key, *action.Update.UpdateExpression, action.Update.ExpressionAttributeValues, nil); err != nil {
				return nil, err
			}
		}
	}
	return &dynamodb.TransactWriteItemsOutput{}, nil
}

func (a *tableAPI) GetItem(_ context.Context, in *dynamodb.GetItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error) {
	return &dynamodb.GetItemOutput{Item: a.items[item(in.Key).key()]}, nil
}

func (a *tableAPI) BatchGetItem(_ context.Context, in *dynamodb.BatchGetItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.BatchGetItemOutput, error) {
	out := &dynamodb.BatchGetItemOutput{Responses: make(map[string][]map[string]types.AttributeValue)}
	for name, of := range in.RequestItems {
		for _, k := range of.Keys {
			if it := a.items[item(k).key()]; it != nil {
				out.Responses[name] = append(out.Responses[name], it)
			}
		}
	}
	return out, nil
}

var (
	partitionOf = regexp.MustCompile(`^(\w+) = (:\w+)`)
	between     = regexp.MustCompile(`sk BETWEEN (:\w+) AND (:\w+)`)
)

func (a *tableAPI) Query(_ context.Context, in *dynamodb.QueryInput, _ ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error) {
	if a.fails == "query" {
		return nil, errCut
	}
	values := item(in.ExpressionAttributeValues)
	of, span := partitionOf.FindStringSubmatch(*in.KeyConditionExpression), between.FindStringSubmatch(*in.KeyConditionExpression)
	out := &dynamodb.QueryOutput{}
	for _, k := range a.items.sorted() {
		it := a.items[k]
		if it.text(of[1]) != values.text(of[2]) || span != nil && (k.sk < values.text(span[1]) || k.sk > values.text(span[2])) {
			continue
		}
		out.Items = append(out.Items, it)
	}
	if in.ScanIndexForward != nil && !*in.ScanIndexForward {
		slices.Reverse(out.Items)
	}
	return out, nil
}
