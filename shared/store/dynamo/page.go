package dynamo

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"hookline/shared/store/cursor"
	"hookline/shared/webhook"
)

const defaultLimit = 20

func limit(page webhook.Page) int {
	if page.Limit <= 0 {
		return defaultLimit
	}
	return page.Limit
}

// maxScan bounds how many items one page looks through for a filter.
const maxScan = 1000

// pager builds one page from items in the list's order. For each item full is asked first, so that an item beyond the
// page shows that there is a next one.
type pager[T any] struct {
	list  webhook.List[T]
	limit int
	seen  int
	last  func() string // cursor of the last item seen
}

func newPager[T any](page webhook.Page) *pager[T] { return &pager[T]{limit: limit(page)} }

func (p *pager[T]) full() bool {
	full := len(p.list.Items) == p.limit || p.seen >= max(maxScan, p.limit)
	if full {
		p.list.Next = p.last()
	}
	return full
}

func (p *pager[T]) saw(at func() string) {
	p.seen++
	p.last = at
}

// size is how many items to ask for at a time: all of the page and one more, or as many as are read at once.
func (p *pager[T]) size() int { return min(p.limit+1, maxGet) }

// answer is the page, unless reading it failed.
func (p *pager[T]) answer(err error) (webhook.List[T], error) {
	if err != nil {
		return webhook.List[T]{}, err
	}
	return p.list, nil
}

// position reads a cursor whose n parts are ids or patterns, which is what may go into a key. The beginning is nil.
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

// after is the single part of a position, "" for the beginning.
func after(list, at string) (string, error) {
	parts, err := position(list, at, 1)
	if err != nil || parts == nil {
		return "", err
	}
	return parts[0], nil
}

// query asks for part of a partition, consistently.
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

// partition asks for the items of a partition in the order of their sort keys, or the reverse, beyond one of them (""
// for all), so many at a time.
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

// chunks calls each with what a query finds, part by part, until it answers false.
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
