package dynamo

import (
	"context"
	"errors"
	"maps"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"hookline/shared/webhook"
)

// Attributes of a webhook's slots.
const (
	attrEnd     = "taken" // end of the last slot taken, in Unix microseconds
	attrSetting = "pace"  // the setting under which the slots were taken
	attrTaken   = "at"    // when the last slot was taken, in Unix microseconds
)

// slotLife is how long a webhook's slots are remembered after the last reservation.
const slotLife = 30 * 24 * time.Hour

// slotTries is how often a reservation starts again because others were faster.
const slotTries = 50

// ReserveSlots takes the webhook's next n slots and returns the time of the first. It is one write while slots follow
// each other, and two if the last slots are past or do not count. If an answer is lost, slots may stay unused.
func (s *Store) ReserveSlots(ctx context.Context, ref webhook.Ref, p webhook.Pace, n int, now time.Time) (time.Time, error) {
	const (
		follows = attrSetting + " = :pace AND #at <= :skewed AND " + attrEnd + " >= :from"
		fresh   = absent + " OR attribute_not_exists(#at) OR " + attrSetting + " <> :pace OR #at > :skewed OR " + attrEnd + " < :from"
	)
	span, from := p.Span(n).Microseconds(), now.UnixMicro()
	values := item{":pace": text(p.String()), ":skewed": number(from + webhook.ClockSkew.Microseconds()), ":from": number(from)}
	values.expires(now.Add(slotLife))
	values[":ttl"] = values[TTLAttribute]
	delete(values, TTLAttribute)
	for range slotTries {
		next := maps.Clone(values)
		next[":span"] = number(span)
		end, ok, err := s.reserve(ctx, ref, "SET "+attrEnd+" = "+attrEnd+" + :span, #at = :from, #ttl = :ttl", follows, next)
		if err != nil {
			return time.Time{}, err
		}
		if !ok {
			next = maps.Clone(values)
			next[":end"] = number(from + span)
			end, ok, err = s.reserve(ctx, ref, "SET "+attrEnd+" = :end, "+attrSetting+" = :pace, #at = :from, #ttl = :ttl", fresh, next)
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
			ExpressionAttributeNames: map[string]string{"#ttl": TTLAttribute, "#at": attrTaken}, ExpressionAttributeValues: values,
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
