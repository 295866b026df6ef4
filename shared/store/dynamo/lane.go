package dynamo

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"hookline/shared/store/record"
)

// lanes is the partition of lanes. It has an item for each name, with an attribute for each lane, whose value is the
// lane's time in Unix milliseconds.
const lanes = "lanes"

func laneAttribute(lane int) string { return fmt.Sprintf("l%d", lane) }

// TakeLane takes any lane that is free. It costs one read, one write if a lane seems to be free, and more if others are
// faster. A lane that was taken by a write whose answer was lost stays taken until its time.
func (s *Store) TakeLane(ctx context.Context, name string, n int, now, until time.Time) (int, error) {
	at := key{lanes, name}
	it, err := s.get(ctx, at)
	if err != nil {
		return -1, err
	}
	from, beyond := record.Millis(now), record.Millis(until.Add(until.Sub(now)))
	for first, i := int(s.opts.Jitter()*float64(n)), 0; i < n; i++ {
		lane := (first + i) % n
		attr := laneAttribute(lane)
		if t := it.number(attr); t > from && t <= beyond {
			continue
		}
		_, err := s.try(ctx, func(ctx context.Context) error {
			_, err := s.api.UpdateItem(ctx, &dynamodb.UpdateItemInput{
				TableName: s.table, Key: at.item(), UpdateExpression: aws.String("SET " + attr + " = :until"),
				ConditionExpression:                 aws.String("attribute_not_exists(" + attr + ") OR " + attr + " <= :from OR " + attr + " > :beyond"),
				ExpressionAttributeValues:           item{":until": number(record.Millis(until)), ":from": number(from), ":beyond": number(beyond)},
				ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
			}, once)
			return err
		})
		if there, ok := refused(err); ok {
			it = there // it shows the lanes that others have taken meanwhile
			continue
		}
		if err != nil {
			return -1, fault(err)
		}
		return lane, nil
	}
	return -1, nil
}

// FreeLane gives back a lane.
func (s *Store) FreeLane(ctx context.Context, name string, lane int, until time.Time) error {
	attr := laneAttribute(lane)
	_, err := s.try(ctx, func(ctx context.Context) error {
		_, err := s.api.UpdateItem(ctx, &dynamodb.UpdateItemInput{
			TableName: s.table, Key: key{lanes, name}.item(), UpdateExpression: aws.String("REMOVE " + attr),
			ConditionExpression:       aws.String(attr + " = :until"),
			ExpressionAttributeValues: item{":until": number(record.Millis(until))},
		}, once)
		return err
	})
	if _, ok := refused(err); ok {
		return nil
	}
	return fault(err)
}
