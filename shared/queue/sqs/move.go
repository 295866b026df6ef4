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

// movesListed is the most tasks that SQS lists. It keeps no more.
const movesListed = 10

// Values of a move's Status that are not passed on as they are.
const (
	statusRunning    = "RUNNING"
	statusCancelling = "CANCELLING" // asked to stop, has not yet
)

// StartMove starts a task that moves the queue's messages to another queue of the same account and region, at most
// maxPerSecond of them a second; 0 means as fast as SQS likes. With "" each goes to the queue that it was dead-lettered
// from; a message that was sent to this queue has none, and fails the task when the task gets to it. The messages
// arrive as new ones, with new ids and ages.
//
// queue.ErrMoveRunning says that the queue has a task already. queue.ErrRefused says that the rate is over
// queue.MaxMovesPerSec, that the queue is no other queue's dead-letter queue, or that the destination is unknown.
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
	// The list shows a task's handle only while the task runs, so the id is something else that it always shows. The
	// task is running already: if the list is slow or unavailable, the handle has to do, and CancelMove takes that too.
	handle := aws.ToString(out.TaskHandle)
	tasks, err := q.tasks(ctx)
	if err != nil || len(tasks) == 0 || tasks[0].TaskHandle != nil && *tasks[0].TaskHandle != handle {
		return handle, nil //nolint:nilerr // the task has started, which is what was asked for
	}
	return taskID(tasks[0]), nil
}

// taskID is the time at which the task started, in Unix milliseconds. It identifies the task because a queue has one
// active task at most.
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

// CancelMove stops a running task. The messages that it has moved stay moved. An unknown id is webhook.NotFound, and a
// task that has ended is webhook.Conflict.
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
