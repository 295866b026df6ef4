package dynamo

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"hookline/shared/store/cursor"
	"hookline/shared/webhook"
)

// size returns how many items to ask for at a time: one more than the page takes, or as many as are read at once.
func size[T any](p *cursor.Page[T]) int { return min(p.Limit+1, maxGet) }

// position reads a cursor whose n parts are ids or patterns, which may stand in a key. It returns nil for the
// beginning.
func position(list, at string, n int) ([]string, error) {
	parts, err := cursor.Read(list, at, n)
	if err != nil {
		return nil, err
	}
	for _, part := range parts {
		if !webhook.ValidGivenID(part) && !webhook.ValidPattern(part) {
			return nil, cursor.Invalid()
		}
	}
	return parts, nil
}

// after returns the single part of a position, "" for the beginning.
func after(list, at string) (string, error) {
	parts, err := position(list, at, 1)
	if err != nil || parts == nil {
		return "", err
	}
	return parts[0], nil
}

// query returns the consistent query for a part of a partition.
func (s *Store) query(ctx context.Context, in *dynamodb.QueryInput) ([]item, bool, error) {
	in.TableName = s.table
	var out *dynamodb.QueryOutput
	if _, err := s.try(ctx, func(ctx context.Context) (err error) {
		out, err = s.api.Query(ctx, in, once)
		return err
	}); err != nil {
		return nil, false, fault(err)
	}
	items := make([]item, len(out.Items))
	for i, it := range out.Items {
		items[i] = it
	}
	in.ExclusiveStartKey = out.LastEvaluatedKey
	return items, len(out.LastEvaluatedKey) > 0, nil
}

// partition returns the query for the items of a partition beyond a sort key ("" for all), in the order of their sort
// keys or the reverse, so many at a time.
func partition(pk, beyond string, backward bool, size int) *dynamodb.QueryInput {
	in := &dynamodb.QueryInput{
		KeyConditionExpression:    aws.String(attrPK + " = :pk"),
		ExpressionAttributeValues: item{":pk": text(pk)},
		ScanIndexForward:          aws.Bool(!backward),
		ConsistentRead:            aws.Bool(true),
		Limit:                     aws.Int32(int32(size)),
	}
	if beyond != "" {
		op := " > "
		if backward {
			op = " < "
		}
		in.KeyConditionExpression = aws.String(*in.KeyConditionExpression + " AND " + attrSK + op + ":beyond")
		in.ExpressionAttributeValues[":beyond"] = text(beyond)
	}
	return in
}

// chunks calls each with the items that a query finds, part by part, until each returns false.
func (s *Store) chunks(ctx context.Context, in *dynamodb.QueryInput, each func([]item) (bool, error)) error {
	for {
		items, more, err := s.query(ctx, in)
		if err != nil {
			return err
		}
		if goOn, err := each(items); err != nil || !goOn || !more {
			return err
		}
	}
}
