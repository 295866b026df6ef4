package standin

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
)

// Stream reads a table's stream from its beginning, as Lambda does for a function. It is for one goroutine.
type Stream struct {
	Client *dynamodbstreams.Client
	Table  string
	// Batch is how many records Count gets at once, at most 1,000. A stream that is read from the beginning again is cut
	// into other batches, so that what tells batches apart tells them apart for certain only where it is 1.
	Batch int32
	// Count is what the records are for.
	Count func(context.Context, events.DynamoDBEvent) error

	arn string
	at  map[string]*string // the shards' iterators; nil of a shard that has ended
}

// Drain hands over what the stream holds by now.
func (s *Stream) Drain(ctx context.Context) error {
	if err := s.shards(ctx); err != nil {
		return fmt.Errorf("the stream of %s: %w", s.Table, err)
	}
	for shard := range s.at {
		for s.at[shard] != nil {
			out, err := s.Client.GetRecords(ctx, &dynamodbstreams.GetRecordsInput{ShardIterator: s.at[shard], Limit: &s.Batch})
			if err != nil {
				return fmt.Errorf("the stream of %s: %w", s.Table, err)
			}
			if len(out.Records) > 0 {
				if err := s.Count(ctx, event(out.Records)); err != nil {
					return err
				}
			}
			s.at[shard] = out.NextShardIterator
			if len(out.Records) == 0 {
				break
			}
		}
	}
	return nil
}

// shards finds shards that are new.
func (s *Stream) shards(ctx context.Context) error {
	if s.arn == "" {
		list, err := s.Client.ListStreams(ctx, &dynamodbstreams.ListStreamsInput{TableName: &s.Table})
		if err != nil {
			return err
		}
		if len(list.Streams) == 0 {
			return errors.New("there is none")
		}
		s.arn, s.at = aws.ToString(list.Streams[0].StreamArn), make(map[string]*string)
	}
	in := &dynamodbstreams.DescribeStreamInput{StreamArn: &s.arn}
	for {
		d, err := s.Client.DescribeStream(ctx, in)
		if err != nil {
			return err
		}
		for _, shard := range d.StreamDescription.Shards {
			id := aws.ToString(shard.ShardId)
			if _, known := s.at[id]; known {
				continue
			}
			first, err := s.Client.GetShardIterator(ctx, &dynamodbstreams.GetShardIteratorInput{
				StreamArn: &s.arn, ShardId: shard.ShardId, ShardIteratorType: types.ShardIteratorTypeTrimHorizon,
			})
			if err != nil {
				return err
			}
			s.at[id] = first.ShardIterator
		}
		if in.ExclusiveStartShardId = d.StreamDescription.LastEvaluatedShardId; in.ExclusiveStartShardId == nil {
			return nil
		}
	}
}

// every is how often a stream is followed.
const every = time.Second

// Follow drains the stream again and again until ctx ends. A failed read is tried again.
func (s *Stream) Follow(ctx context.Context) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if s.Drain(ctx) != nil {
				s.arn = "" // an iterator is good for some minutes only
			}
		case <-ctx.Done():
			return
		}
	}
}

// event is what Lambda makes of records.
func event(records []types.Record) events.DynamoDBEvent {
	var e events.DynamoDBEvent
	for _, r := range records {
		e.Records = append(e.Records, events.DynamoDBEventRecord{
			EventID: aws.ToString(r.EventID), EventName: string(r.EventName), EventSource: aws.ToString(r.EventSource),
			Change: events.DynamoDBStreamRecord{
				Keys: attributes(r.Dynamodb.Keys), NewImage: attributes(r.Dynamodb.NewImage), OldImage: attributes(r.Dynamodb.OldImage),
				SequenceNumber: aws.ToString(r.Dynamodb.SequenceNumber), StreamViewType: string(r.Dynamodb.StreamViewType),
			},
		})
	}
	return e
}

// attributes leaves out what a delivery record has none of.
func attributes(of map[string]types.AttributeValue) map[string]events.DynamoDBAttributeValue {
	out := make(map[string]events.DynamoDBAttributeValue, len(of))
	for name, v := range of {
		switch v := v.(type) {
		case *types.AttributeValueMemberS:
			out[name] = events.NewStringAttribute(v.Value)
		case *types.AttributeValueMemberN:
			out[name] = events.NewNumberAttribute(v.Value)
		case *types.AttributeValueMemberB:
			out[name] = events.NewBinaryAttribute(v.Value)
		}
	}
	return out
}
