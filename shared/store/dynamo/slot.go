package dynamo

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"hookline/shared/webhook"
)

// attrEnd is the end of the last slot taken, in Unix microseconds.
const attrEnd = "taken"

// slotLife is how long after the last reservation a webhook's slots are remembered.
const slotLife = 30 * 24 * time.Hour

// slotTries is how often a reservation that others were faster than starts again.
const slotTries = 50

// ReserveSlots takes the webhook's next n slots and returns the time of the first: one write while slots follow each
// other, two when the last ones are past. An answer that was lost may leave slots unused.
func (s *Store) ReserveSlots(ctx context.Context, ref webhook.Ref, perSecond, n int, now time.Time) (time.Time, error) {
	span := (time.Duration(n) * time.Second / time.Duration(perSecond)).Microseconds()
	from := now.UnixMicro()
	expires := item{}
	expires.expires(now.Add(slotLife))
	for range slotTries {
		end, ok, err := s.reserve(ctx, ref, "SET "+attrEnd+" = "+attrEnd+" + :span, #ttl = :ttl", attrEnd+" >= :from",
			item{":span": number(span), ":from": number(from), ":ttl": expires[TTLAttribute]})
		if err != nil {
			return time.Time{}, err
		}
		if !ok {
			end, ok, err = s.reserve(ctx, ref, "SET "+attrEnd+" = :end, #ttl = :ttl", absent+" OR "+attrEnd+" < :from",
				item{":end": number(from + span), ":from": number(from), ":ttl": expires[TTLAttribute]})
			if err != nil {
				return time.Time{}, err
			}
		}
		if ok {
			return time.UnixMicro(end - span).UTC(), nil
		}
	}
	return time.Time{}, webhook.ErrUnavailable(errors.New("others reserve slots all the time"))
}

func (s *Store) reserve(ctx context.Context, ref webhook.Ref, update, condition string, values item) (end int64, ok bool, err error) {
	var out *dynamodb.UpdateItemOutput
	_, err = s.try(ctx, func(ctx context.Context) (err error) {
		out, err = s.api.UpdateItem(ctx, &dynamodb.UpdateItemInput{
			TableName: s.table, Key: slotKey(ref).item(), UpdateExpression: aws.String(update), ConditionExpression: aws.String(condition),
			ExpressionAttributeNames: map[string]string{"#ttl": TTLAttribute}, ExpressionAttributeValues: values,
			ReturnValues: types.ReturnValueUpdatedNew,
		}, once)
		return err
	})
	if _, ok := refused(err); ok {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, fault(err)
	}
	return item(out.Attributes).number(attrEnd), true, nil
}
