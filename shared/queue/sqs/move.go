package sqs

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"hookline/shared/queue"
	"hookline/shared/webhook"
)

// movesListed is the most tasks that SQS lists; it keeps no more.
const movesListed = 10

// What a move's Status can be that is not passed on as it is.
const (
	statusRunning    = "RUNNING"
	statusCancelling = "CANCELLING" // asked to stop, has not yet
)

// StartMove starts a task that moves the queue's messages to another queue of the same account and region, at most
// maxPerSecond of them, 0 for as fast as SQS likes. "" is for the queue each was dead-lettered from: a message that was
// sent here has none, and fails the task when it gets there. They arrive as new messages, with ids and ages of their
// own.
//
// queue.ErrMoveRunning: the queue has a task already. queue.ErrRefused: the rate is over queue.MaxMovesPerSec, the queue
// is no other's dead-letter queue, or the destination is none.
func (q *Queue) StartMove(ctx context.Context, destination string, maxPerSecond int) (string, error) {
	in := &sqs.StartMessageMoveTaskInput{SourceArn: &q.arn}
	if destination != "" {
		in.DestinationArn = aws.String(q.arnOf(destination))
	}
	if maxPerSecond != 0 {
		in.MaxNumberOfMessagesPerSecond = aws.Int32(int32(maxPerSecond))
	}
	out, err := q.api.StartMessageMoveTask(ctx, in)
	if err != nil {
		return "", q.fault("move from", err)
	}
	// The list tells a task's handle only while it runs, so that the id is another thing that it always tells. The
	// task is running already: should the list be slow or unavailable, its handle has to do, which CancelMove takes too.
	handle := aws.ToString(out.TaskHandle)
	tasks, err := q.tasks(ctx)
	if err != nil || len(tasks) == 0 || tasks[0].TaskHandle != nil && *tasks[0].TaskHandle != handle {
		return handle, nil //nolint:nilerr // the task has started, which is what was asked for
	}
	return taskID(tasks[0]), nil
}

// taskID is when the task started, in Unix milliseconds: a queue has one active task at most.
func taskID(t types.ListMessageMoveTasksResultEntry) string {
	return strconv.FormatInt(t.StartedTimestamp, 10)
}

// tasks lists the queue's latest tasks, newest first.
func (q *Queue) tasks(ctx context.Context) ([]types.ListMessageMoveTasksResultEntry, error) {
	out, err := q.api.ListMessageMoveTasks(ctx, &sqs.ListMessageMoveTasksInput{SourceArn: &q.arn, MaxResults: aws.Int32(movesListed)})
	if err != nil {
		return nil, q.fault("moves of", err)
	}
	slices.SortStableFunc(out.Results, func(a, b types.ListMessageMoveTasksResultEntry) int {
		return cmp.Compare(b.StartedTimestamp, a.StartedTimestamp)
	})
	return out.Results, nil
}

// Moves lists the queue's latest tasks, ten at most, newest first.
func (q *Queue) Moves(ctx context.Context) ([]queue.Move, error) {
	tasks, err := q.tasks(ctx)
	if err != nil {
		return nil, err
	}
	var out []queue.Move
	for _, t := range tasks {
		m := queue.Move{
			ID: taskID(t), Destination: nameOf(aws.ToString(t.DestinationArn)), Status: aws.ToString(t.Status),
			Moved: int(t.ApproximateNumberOfMessagesMoved), ToMove: int(aws.ToInt64(t.ApproximateNumberOfMessagesToMove)),
			MaxPerSecond: int(aws.ToInt32(t.MaxNumberOfMessagesPerSecond)), StartedAt: time.UnixMilli(t.StartedTimestamp).UTC(),
		}
		if m.Status == statusCancelling {
			m.Status = statusRunning
		}
		out = append(out, m)
	}
	return out, nil
}

// CancelMove stops a running task; what it has moved stays moved. An unknown id is webhook.NotFound, a task that has
// ended webhook.Conflict.
func (q *Queue) CancelMove(ctx context.Context, id string) error {
	tasks, err := q.tasks(ctx)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(tasks, func(t types.ListMessageMoveTasksResultEntry) bool {
		return taskID(t) == id || aws.ToString(t.TaskHandle) == id
	})
	switch {
	case i < 0:
		return webhook.ErrNotFound("move task")
	case aws.ToString(tasks[i].Status) == statusCancelling:
		return nil
	case aws.ToString(tasks[i].Status) != statusRunning:
		return webhook.ErrConflict("move-ended", "the move task has ended")
	}
	if _, err := q.api.CancelMessageMoveTask(ctx, &sqs.CancelMessageMoveTaskInput{TaskHandle: tasks[i].TaskHandle}); err != nil {
		return fmt.Errorf("cancel a move from %s: %w", q.Name(), classify(err))
	}
	return nil
}
