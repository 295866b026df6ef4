// Package sqs is the queue engine of production: Amazon SQS standard queues, with the contract of package queue.
//
// It promises what SQS promises and no more. A message that Send acknowledged is stored redundantly. Messages come at
// least once and in no order. Counts are approximate and lag. If an answer is lost the client sends again, so a message
// may be in the queue twice. If SQS takes a batch in part (status 200 with Failed), the entries that it refused are
// reported with *queue.PartialError.
//
// Throttles, timeouts, lost connections and SQS's own faults are webhook.ErrUnavailable. They are reported after the
// client's own tries, which its configuration sets. A refusal that would come again is queue.ErrRefused or a more exact
// error of package queue.
//
// SQS checks the limits. This package checks only what would not reach SQS as it is: text that is not UTF-8, and a
// receive of 0 messages, which the SDK leaves out and SQS takes for 1.
package sqs

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"hookline/shared/queue"
)

// API is the part of *sqs.Client that a Queue uses. The IAM actions have the same names, without Batch.
type API interface {
	SendMessageBatch(ctx context.Context, in *sqs.SendMessageBatchInput, opts ...func(*sqs.Options)) (*sqs.SendMessageBatchOutput, error)
	ReceiveMessage(ctx context.Context, in *sqs.ReceiveMessageInput, opts ...func(*sqs.Options)) (*sqs.ReceiveMessageOutput, error)
	DeleteMessageBatch(ctx context.Context, in *sqs.DeleteMessageBatchInput, opts ...func(*sqs.Options)) (*sqs.DeleteMessageBatchOutput, error)
	ChangeMessageVisibilityBatch(ctx context.Context, in *sqs.ChangeMessageVisibilityBatchInput, opts ...func(*sqs.Options)) (*sqs.ChangeMessageVisibilityBatchOutput, error)
	GetQueueAttributes(ctx context.Context, in *sqs.GetQueueAttributesInput, opts ...func(*sqs.Options)) (*sqs.GetQueueAttributesOutput, error)
	PurgeQueue(ctx context.Context, in *sqs.PurgeQueueInput, opts ...func(*sqs.Options)) (*sqs.PurgeQueueOutput, error)
	StartMessageMoveTask(ctx context.Context, in *sqs.StartMessageMoveTaskInput, opts ...func(*sqs.Options)) (*sqs.StartMessageMoveTaskOutput, error)
	ListMessageMoveTasks(ctx context.Context, in *sqs.ListMessageMoveTasksInput, opts ...func(*sqs.Options)) (*sqs.ListMessageMoveTasksOutput, error)
	CancelMessageMoveTask(ctx context.Context, in *sqs.CancelMessageMoveTaskInput, opts ...func(*sqs.Options)) (*sqs.CancelMessageMoveTaskOutput, error)
}

var _ queue.Queue = (*Queue)(nil)

// Queue is one queue. Its methods are safe for concurrent use.
type Queue struct {
	api      API
	url, arn string
}

// Address is both names of a queue.
type Address struct{ URL, ARN string }

// Open returns queues of the account and region that cfg is for, by the names that the caller has for them.
func Open(cfg aws.Config, at map[string]Address) map[string]queue.Queue {
	client := sqs.NewFromConfig(cfg)
	queues := make(map[string]queue.Queue, len(at))
	for name, a := range at {
		queues[name] = New(client, a.URL, a.ARN)
	}
	return queues
}

// New returns the queue with that URL and ARN. Other queues that it names (the destination of a move task, the queue
// that a dead letter came from) are of the same account and region.
func New(api API, url, arn string) *Queue {
	return &Queue{api: api, url: url, arn: arn}
}

// Name returns the queue's name, the last part of its ARN.
func (q *Queue) Name() string { return nameOf(q.arn) }

// ARN returns the queue's ARN, which messages carry to a Lambda function.
func (q *Queue) ARN() string { return q.arn }

func nameOf(arn string) string { return arn[strings.LastIndexByte(arn, ':')+1:] }

// arnOf returns the ARN of a queue beside this one.
func (q *Queue) arnOf(name string) string {
	return q.arn[:strings.LastIndexByte(q.arn, ':')+1] + name
}

// Send puts up to queue.MaxBatch messages into the queue. If they are over queue.MaxBytes together, it returns
// queue.ErrTooLarge.
func (q *Queue) Send(ctx context.Context, msgs []queue.Outgoing) error {
	if len(msgs) == 0 {
		return nil
	}
	failed := make(map[int]error)
	in := &sqs.SendMessageBatchInput{QueueUrl: &q.url}
	for i, m := range msgs {
		if !utf8.ValidString(m.Body) { // JSON would carry it as other text
			failed[i] = fmt.Errorf("body is not UTF-8: %w", queue.ErrRefused)
			continue
		}
		e := types.SendMessageBatchRequestEntry{Id: entryID(i), MessageBody: &m.Body, DelaySeconds: seconds(m.Delay)}
		if m.Group != "" {
			e.MessageGroupId = &m.Group
		}
		in.Entries = append(in.Entries, e)
	}
	if len(in.Entries) == 0 {
		return partly(failed)
	}
	out, err := q.api.SendMessageBatch(ctx, in)
	if err != nil {
		return q.fault("send to", err)
	}
	taken := make(map[string]bool)
	for _, s := range out.Successful {
		taken[aws.ToString(s.Id)] = true
	}
	for i := range msgs {
		if failed[i] == nil && !taken[*entryID(i)] {
			failed[i] = errUnmentioned
		}
	}
	note(failed, out.Failed)
	return partly(failed)
}

// Receive returns up to most messages and hides them for the queue's visibility timeout. If there are none it waits,
// for whole seconds rounded up. When the wait or ctx ends it returns no messages and no error. At the in-flight cap it
// returns none either, whether SQS says so or not: SQS answers a call that does not wait with OverLimit.
func (q *Queue) Receive(ctx context.Context, most int, wait time.Duration) ([]queue.Received, error) {
	if most < 1 {
		return nil, fmt.Errorf("receive of %d: %w", most, queue.ErrRefused)
	}
	out, err := q.api.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
		QueueUrl: &q.url, MaxNumberOfMessages: int32(most), WaitTimeSeconds: seconds(wait),
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{
			types.MessageSystemAttributeNameApproximateReceiveCount,
			types.MessageSystemAttributeNameApproximateFirstReceiveTimestamp,
			types.MessageSystemAttributeNameSentTimestamp,
			types.MessageSystemAttributeNameMessageGroupId,
			types.MessageSystemAttributeNameDeadLetterQueueSourceArn,
		},
	})
	switch {
	case err != nil && (ctx.Err() != nil || codeOf(err) == "OverLimit"):
		return nil, nil //nolint:nilerr // see above
	case err != nil:
		return nil, q.fault("receive from", err)
	}
	var got []queue.Received
	for _, m := range out.Messages {
		got = append(got, received(aws.ToString(m.MessageId), aws.ToString(m.ReceiptHandle), aws.ToString(m.Body), m.Attributes))
	}
	return got, nil
}

// received puts a message together. An attribute that SQS leaves out is zero.
func received(id, handle, body string, attributes map[string]string) queue.Received {
	of := func(name types.MessageSystemAttributeName) string { return attributes[string(name)] }
	m := queue.Received{
		ID: id, Handle: handle, Body: body,
		Group:         of(types.MessageSystemAttributeNameMessageGroupId),
		SentAt:        milliseconds(of(types.MessageSystemAttributeNameSentTimestamp)),
		FirstReceived: milliseconds(of(types.MessageSystemAttributeNameApproximateFirstReceiveTimestamp)),
		DeadLetterOf:  nameOf(of(types.MessageSystemAttributeNameDeadLetterQueueSourceArn)),
	}
	m.ReceiveCount, _ = strconv.Atoi(of(types.MessageSystemAttributeNameApproximateReceiveCount))
	return m
}

// Delete removes up to queue.MaxBatch messages by the handles of their last receives, also when their visibility
// timeout has ended. SQS reports nothing about an older handle, and its message may stay.
func (q *Queue) Delete(ctx context.Context, handles ...string) error {
	if len(handles) == 0 {
		return nil
	}
	in := &sqs.DeleteMessageBatchInput{QueueUrl: &q.url}
	for i := range handles {
		in.Entries = append(in.Entries, types.DeleteMessageBatchRequestEntry{Id: entryID(i), ReceiptHandle: &handles[i]})
	}
	out, err := q.api.DeleteMessageBatch(ctx, in)
	if err != nil {
		return q.fault("delete from", err)
	}
	failed := make(map[int]error)
	note(failed, out.Failed)
	return partly(failed)
}

// Hide hides up to queue.MaxBatch received messages for spans from now, or makes them visible at once. Entries fail
// with queue.ErrStaleHandle or queue.ErrBeyondLimit, among others.
func (q *Queue) Hide(ctx context.Context, vs []queue.Visibility) error {
	if len(vs) == 0 {
		return nil
	}
	in := &sqs.ChangeMessageVisibilityBatchInput{QueueUrl: &q.url}
	for i, v := range vs {
		in.Entries = append(in.Entries, types.ChangeMessageVisibilityBatchRequestEntry{
			Id: entryID(i), ReceiptHandle: &v.Handle, VisibilityTimeout: max(seconds(v.For), 0),
		})
	}
	out, err := q.api.ChangeMessageVisibilityBatch(ctx, in)
	if err != nil {
		return q.fault("hide in", err)
	}
	failed := make(map[int]error)
	note(failed, out.Failed)
	return partly(failed)
}

// Counts returns SQS's approximate numbers. SQS promises that they are right about a minute after the last call that
// changes them.
func (q *Queue) Counts(ctx context.Context) (queue.Counts, error) {
	out, err := q.api.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
		QueueUrl: &q.url, AttributeNames: []types.QueueAttributeName{
			types.QueueAttributeNameApproximateNumberOfMessages,
			types.QueueAttributeNameApproximateNumberOfMessagesNotVisible,
			types.QueueAttributeNameApproximateNumberOfMessagesDelayed,
		},
	})
	if err != nil {
		return queue.Counts{}, q.fault("counts of", err)
	}
	var c queue.Counts
	for name, n := range map[types.QueueAttributeName]*int{
		types.QueueAttributeNameApproximateNumberOfMessages:           &c.Visible,
		types.QueueAttributeNameApproximateNumberOfMessagesNotVisible: &c.InFlight,
		types.QueueAttributeNameApproximateNumberOfMessagesDelayed:    &c.Delayed,
	} {
		if *n, err = strconv.Atoi(out.Attributes[string(name)]); err != nil {
			return queue.Counts{}, fmt.Errorf("counts of %s: %s: %w", q.Name(), name, err)
		}
	}
	return c, nil
}

// Oldest does not know: SQS says the age of the oldest message to CloudWatch alone.
func (q *Queue) Oldest(context.Context) (time.Time, error) { return time.Time{}, nil }

// Purge has SQS remove all messages, which takes it up to a minute.
func (q *Queue) Purge(ctx context.Context) error {
	_, err := q.api.PurgeQueue(ctx, &sqs.PurgeQueueInput{QueueUrl: &q.url})
	if _, ok := errors.AsType[*types.PurgeQueueInProgress](err); ok {
		return queue.ErrPurging
	}
	if err != nil {
		return q.fault("purge", err)
	}
	return nil
}

// entryID names an entry of a batch by its position.
func entryID(i int) *string { return aws.String(strconv.Itoa(i)) }

// seconds rounds up, so that nothing happens early.
func seconds(d time.Duration) int32 {
	s := d / time.Second
	if d%time.Second > 0 {
		s++
	}
	return int32(min(s, 1<<31-1))
}

// milliseconds reads a time in SQS's spelling. It returns the zero time for anything else.
func milliseconds(s string) time.Time {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.UnixMilli(n).UTC()
}
