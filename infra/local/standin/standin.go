// Package standin puts the programs that stand in for AWS in the place of the local runner's embedded engines: DynamoDB
// Local, with its stream, behind package dynamo and ElasticMQ behind package sqs, the code of production. `make
// conformance-tools` installs them.
//
// Accepted events survive a stop of the system. It is no store for production, and no measure of one: both keep what
// they keep as it suits a developer's machine, and a loss of power may lose some of it. Infra/conformance says where
// they differ from AWS.
package standin

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamotypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go/middleware"

	"hookline/infra/conformance/engines"
	"hookline/infra/local/runner"
	"hookline/shared/clock"
	"hookline/shared/queue"
	"hookline/shared/queue/sqs"
	"hookline/shared/stack"
	"hookline/shared/store/dynamo"
)

// Name is what ENGINE calls the stand-ins.
const Name = "aws-local"

// Options of the stand-ins. APIOptions are for the clients of both.
type Options struct {
	APIOptions []func(*middleware.Stack) error
}

const tableName = "hookline"

// Open starts both programs over files in a folder of their own under dir, in memory if dir is "". It makes the table
// and the queues that are not there yet. The clock has to be real time: that is what SQS counts in.
func (o Options) Open(ctx context.Context, dir string, clk clock.Clock) (_ *runner.Engines, err error) {
	if clk.Speed != 0 && clk.Speed != 1 {
		return nil, fmt.Errorf("CLOCK_SPEED must be 1 with ENGINE=%s: its queues count real time", Name)
	}
	if dir != "" {
		if dir, err = filepath.Abs(filepath.Join(dir, Name)); err != nil {
			return nil, err
		}
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("DATA_DIR: %w", err)
		}
	}
	var db, mq *engines.Process
	var noDB, noMQ error
	var starting sync.WaitGroup
	starting.Go(func() { db, noDB = engines.DynamoDBLocal(dir) })
	starting.Go(func() { mq, noMQ = engines.ElasticMQ(dir) })
	starting.Wait()
	following, stop := context.WithCancel(context.WithoutCancel(ctx))
	var follower sync.WaitGroup
	shut := func() error {
		stop()
		follower.Wait()
		for _, p := range []*engines.Process{mq, db} {
			if p != nil {
				p.Stop()
			}
		}
		return nil
	}
	if err := errors.Join(noDB, noMQ); err != nil {
		return nil, errors.Join(err, shut())
	}
	store, err := o.store(ctx, db.Endpoint)
	if err != nil {
		return nil, errors.Join(err, shut())
	}
	queues, err := Queues(ctx, awssqs.New(awssqs.Options{
		BaseEndpoint: &mq.Endpoint, Region: engines.Region, Credentials: anyone(), APIOptions: o.APIOptions,
	}), "")
	if err != nil {
		return nil, errors.Join(err, shut())
	}
	stream := &Stream{
		Client: dynamodbstreams.New(dynamodbstreams.Options{BaseEndpoint: &db.Endpoint, Region: engines.Region, Credentials: anyone()}),
		Table:  tableName, Batch: 1, Count: store.Count,
	}
	follower.Go(func() { stream.Follow(following) })
	return &runner.Engines{Store: store, Queues: queues, Close: shut}, nil
}

func anyone() aws.CredentialsProvider {
	return credentials.NewStaticCredentialsProvider("any", "any", "")
}

func (o Options) store(ctx context.Context, endpoint string) (*dynamo.Store, error) {
	client := dynamodb.New(dynamodb.Options{
		BaseEndpoint: &endpoint, Region: engines.Region, Credentials: anyone(), APIOptions: o.APIOptions,
	})
	if _, err := client.CreateTable(ctx, dynamo.Table(tableName)); err != nil {
		if _, there := errors.AsType[*dynamotypes.ResourceInUseException](err); !there {
			return nil, fmt.Errorf("create the table: %w", err)
		}
		return dynamo.New(client, tableName, dynamo.Options{}), nil
	}
	wait := dynamodb.NewTableExistsWaiter(client, func(w *dynamodb.TableExistsWaiterOptions) { w.MinDelay = 100 * time.Millisecond })
	if err := wait.Wait(ctx, &dynamodb.DescribeTableInput{TableName: aws.String(tableName)}, time.Minute); err != nil {
		return nil, fmt.Errorf("create the table: %w", err)
	}
	_, err := client.UpdateTimeToLive(ctx, &dynamodb.UpdateTimeToLiveInput{
		TableName: aws.String(tableName),
		TimeToLiveSpecification: &dynamotypes.TimeToLiveSpecification{
			AttributeName: aws.String(dynamo.TTLAttribute), Enabled: aws.Bool(true),
		},
	})
	if err != nil {
		return nil, fmt.Errorf("the table's expiry: %w", err)
	}
	return dynamo.New(client, tableName, dynamo.Options{}), nil
}

// Queues makes those of the stack's queues that are not there yet, under names that begin with prefix.
func Queues(ctx context.Context, client *awssqs.Client, prefix string) (map[string]queue.Queue, error) {
	made := make(map[string]*sqs.Queue)
	all := stack.DeadLetters()
	// Those that others refer to come first.
	for _, name := range slices.SortedFunc(maps.Keys(all), func(a, b string) int { return cmp.Compare(all[a], all[b]) }) {
		attributes := map[string]string{
			string(sqstypes.QueueAttributeNameVisibilityTimeout):      strconv.Itoa(int(stack.Visibility / time.Second)),
			string(sqstypes.QueueAttributeNameMessageRetentionPeriod): strconv.Itoa(int(queue.MaxRetention / time.Second)),
			string(sqstypes.QueueAttributeNameMaximumMessageSize):     strconv.Itoa(queue.MaxBytes),
		}
		if dead := made[all[name]]; dead != nil {
			policy, err := json.Marshal(map[string]any{"deadLetterTargetArn": dead.ARN(), "maxReceiveCount": stack.MaxReceive})
			if err != nil {
				return nil, err
			}
			attributes[string(sqstypes.QueueAttributeNameRedrivePolicy)] = string(policy)
		}
		q, err := Queue(ctx, client, prefix+name, attributes)
		if err != nil {
			return nil, err
		}
		made[name] = q
	}
	queues := make(map[string]queue.Queue)
	for name, q := range made {
		queues[name] = q
	}
	return queues, nil
}

// Queue makes a queue that is not there yet.
func Queue(ctx context.Context, client *awssqs.Client, name string, attributes map[string]string) (*sqs.Queue, error) {
	out, err := client.CreateQueue(ctx, &awssqs.CreateQueueInput{QueueName: &name, Attributes: attributes})
	if err != nil {
		return nil, fmt.Errorf("create the queue %s: %w", name, err)
	}
	got, err := client.GetQueueAttributes(ctx, &awssqs.GetQueueAttributesInput{
		QueueUrl: out.QueueUrl, AttributeNames: []sqstypes.QueueAttributeName{sqstypes.QueueAttributeNameQueueArn},
	})
	if err != nil {
		return nil, fmt.Errorf("the queue %s: %w", name, err)
	}
	return sqs.New(client, aws.ToString(out.QueueUrl), got.Attributes[string(sqstypes.QueueAttributeNameQueueArn)]), nil
}
