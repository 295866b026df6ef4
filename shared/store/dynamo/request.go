package dynamo

import (
	"context"
	"crypto/rand"
	"errors"
	"maps"
	"slices"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"hookline/shared/audit"
	"hookline/shared/webhook"
)

// Limits of DynamoDB's requests.
const (
	maxGet      = 100 // keys in BatchGetItem
	maxWrite    = 25  // items in BatchWriteItem
	maxTransact = 100 // actions in TransactWriteItems
)

// width is how many requests one call makes side by side at most.
const width = 16

var errUnprocessed = errors.New("left unprocessed")

// get reads an item consistently. It returns nil if there is none.
func (s *Store) get(ctx context.Context, k key) (item, error) {
	var out *dynamodb.GetItemOutput
	_, err := s.try(ctx, func(ctx context.Context) (err error) {
		out, err = s.api.GetItem(ctx, &dynamodb.GetItemInput{TableName: s.table, Key: k.item(), ConsistentRead: aws.Bool(true)}, once)
		return err
	})
	if err != nil || out.Item == nil {
		return nil, fault(err)
	}
	return out.Item, nil
}

// load reads the items of those keys that exist. Keys may repeat.
func (s *Store) load(ctx context.Context, keys []key, consistent bool) (map[key]item, error) {
	found := make(map[key]item, len(keys))
	unique := make(map[key]struct{}, len(keys))
	for _, k := range keys {
		unique[k] = struct{}{}
	}
	for chunk := range slices.Chunk(slices.Collect(maps.Keys(unique)), maxGet) {
		request := types.KeysAndAttributes{ConsistentRead: aws.Bool(consistent)}
		for _, k := range chunk {
			request.Keys = append(request.Keys, k.item())
		}
		waits := s.backoff(ctx)
		for len(request.Keys) > 0 {
			var out *dynamodb.BatchGetItemOutput
			if _, err := s.try(ctx, func(ctx context.Context) (err error) {
				out, err = s.api.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{
					RequestItems: map[string]types.KeysAndAttributes{*s.table: request},
				}, once)
				return err
			}); err != nil {
				return nil, fault(err)
			}
			for _, it := range out.Responses[*s.table] {
				found[item(it).key()] = it
			}
			left := out.UnprocessedKeys[*s.table].Keys
			if len(left) < len(request.Keys) {
				waits.reset()
			}
			if request.Keys = left; len(left) > 0 && !waits.wait(ctx) {
				return nil, webhook.ErrUnavailable(errUnprocessed)
			}
		}
	}
	return found, nil
}

// drop deletes items, whether they are there or not, and returns when all of them are gone.
func (s *Store) drop(ctx context.Context, keys []key) error {
	for chunk := range slices.Chunk(keys, maxWrite) {
		var left []types.WriteRequest
		for _, k := range chunk {
			left = append(left, types.WriteRequest{DeleteRequest: &types.DeleteRequest{Key: k.item()}})
		}
		waits := s.backoff(ctx)
		for len(left) > 0 {
			var out *dynamodb.BatchWriteItemOutput
			if _, err := s.try(ctx, func(ctx context.Context) (err error) {
				out, err = s.api.BatchWriteItem(ctx, &dynamodb.BatchWriteItemInput{
					RequestItems: map[string][]types.WriteRequest{*s.table: left},
				}, once)
				return err
			}); err != nil {
				return fault(err)
			}
			if len(out.UnprocessedItems[*s.table]) < len(left) {
				waits.reset()
			}
			if left = out.UnprocessedItems[*s.table]; len(left) > 0 && !waits.wait(ctx) {
				return webhook.ErrUnavailable(errUnprocessed)
			}
		}
	}
	return nil
}

// put writes an item if the condition holds ("" always does). It returns the client's errors, which try and refused
// explain.
func (s *Store) put(ctx context.Context, it item, condition string, values item) (unsure bool, err error) {
	in := &dynamodb.PutItemInput{TableName: s.table, Item: it}
	if condition != "" {
		in.ConditionExpression, in.ExpressionAttributeValues = &condition, nonempty(values)
		in.ReturnValuesOnConditionCheckFailure = types.ReturnValuesOnConditionCheckFailureAllOld
	}
	return s.try(ctx, func(ctx context.Context) error {
		_, err := s.api.PutItem(ctx, in, once)
		return err
	})
}

// remove deletes an item if the condition holds. It returns the client's errors, which refused explains.
func (s *Store) remove(ctx context.Context, k key, condition string, values item) error {
	_, err := s.try(ctx, func(ctx context.Context) error {
		_, err := s.api.DeleteItem(ctx, &dynamodb.DeleteItemInput{
			TableName: s.table, Key: k.item(), ConditionExpression: &condition, ExpressionAttributeValues: values,
		}, once)
		return err
	})
	return err
}

// nonempty returns nil for no values, because DynamoDB wants those left out.
func nonempty(values item) item {
	if len(values) == 0 {
		return nil
	}
	return values
}

// refusal says whose condition did not hold, in the order of a transaction's actions.
type refusal []types.CancellationReason

// of reports whether the condition of action i did not hold.
func (r refusal) of(i int) bool {
	return i < len(r) && aws.ToString(r[i].Code) == "ConditionalCheckFailed"
}

// found reports whether the item of action i, which was refused, is there.
func (r refusal) found(i int) bool { return i < len(r) && len(r[i].Item) > 0 }

// transact makes all of the actions or none, and with them writes the entry of the audit log that ctx has. The refusal is nil if they were made. A token makes it safe to repeat the
// transaction when its answer was lost.
func (s *Store) transact(ctx context.Context, actions ...types.TransactWriteItem) (refusal, error) {
	if e, ok := audit.Of(ctx); ok {
		actions = append(actions, s.putAction(auditItem(e), ""))
	}
	in := &dynamodb.TransactWriteItemsInput{TransactItems: actions, ClientRequestToken: aws.String(rand.Text())}
	_, err := s.try(ctx, func(ctx context.Context) error {
		_, err := s.api.TransactWriteItems(ctx, in, once)
		return err
	})
	if e, ok := errors.AsType[*types.TransactionCanceledException](err); ok {
		r := refusal(e.CancellationReasons)
		for i := range r {
			if r.of(i) {
				return r, nil
			}
		}
	}
	return nil, fault(err)
}

const (
	exists = "attribute_exists(" + attrPK + ")"
	absent = "attribute_not_exists(" + attrPK + ")"
)

func (s *Store) putAction(it item, condition string) types.TransactWriteItem {
	p := &types.Put{TableName: s.table, Item: it}
	if condition != "" {
		p.ConditionExpression = &condition
	}
	return types.TransactWriteItem{Put: p}
}

func (s *Store) updateAction(k key, update, condition string, values item) types.TransactWriteItem {
	u := &types.Update{
		TableName: s.table, Key: k.item(), UpdateExpression: &update, ExpressionAttributeValues: nonempty(values),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}
	if condition != "" {
		u.ConditionExpression = &condition
	}
	return types.TransactWriteItem{Update: u}
}

func (s *Store) deleteAction(k key, condition string, values item) types.TransactWriteItem {
	d := &types.Delete{
		TableName: s.table, Key: k.item(), ExpressionAttributeValues: nonempty(values),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}
	if condition != "" {
		d.ConditionExpression = &condition
	}
	return types.TransactWriteItem{Delete: d}
}

// openAction checks that the tenant takes new objects.
func (s *Store) openAction(tenant string) types.TransactWriteItem {
	condition := open
	return types.TransactWriteItem{ConditionCheck: &types.ConditionCheck{
		TableName: s.table, Key: tenantKey(tenant).item(), ConditionExpression: &condition,
	}}
}

// parallel calls f for 0 to n−1, some of them side by side, and returns the first error, which also ends the others'
// context.
func parallel(ctx context.Context, n int, f func(ctx context.Context, i int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	next := make(chan int)
	for range min(n, width) {
		wg.Go(func() {
			for i := range next {
				if err := f(ctx, i); err != nil {
					cancel(err)
				}
			}
		})
	}
	for i := 0; i < n && ctx.Err() == nil; i++ {
		next <- i
	}
	close(next)
	wg.Wait()
	if err := context.Cause(ctx); err != nil {
		return unavailableOr(err)
	}
	return nil
}

// unavailableOr returns the error of a call that ended early: its own, or that the caller's context has ended.
func unavailableOr(err error) error {
	if _, ok := errors.AsType[*webhook.Error](err); ok {
		return err
	}
	return webhook.ErrUnavailable(err)
}
