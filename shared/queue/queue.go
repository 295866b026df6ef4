// Package queue is the contract of a message queue: SQS's semantics, apart from the engines that provide them.
//
// Queue is the whole contract. Each package that uses a queue declares the few methods that it needs in an interface
// beside its own code. The engines (queue/sqs, queue/sqlite) provide all of Queue, and the suite in queue/queuetest holds
// each of them to it. A new promise is written here and into the suite first, and then into the engines.
//
// Delivery is at least once and in no order. A received message is hidden for the queue's visibility timeout, and comes
// back unless it is deleted. A receipt handle is good for one receive. A message that Send acknowledged survives a
// crash.
package queue

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Queue is what an engine provides. A call outside this package's limits is refused whole with an error. Entries of a
// batch that were not taken are named by *PartialError; the other entries were taken.
type Queue interface {
	// Name is what the configurations of other queues and move tasks call the queue.
	Name() string

	// Send puts up to MaxBatch messages, MaxBytes together, into the queue. The messages that it took survive a crash.
	Send(ctx context.Context, msgs []Outgoing) error
	// Receive returns up to most visible messages and hides them for the queue's visibility timeout. If there are none it
	// waits, at most MaxWait. When the wait or ctx ends it returns no messages and no error.
	Receive(ctx context.Context, most int, wait time.Duration) ([]Received, error)
	// Delete removes up to MaxBatch messages by the handles of their last receives, also after their visibility timeout.
	// An older handle removes nothing; engines that can tell report ErrStaleHandle.
	Delete(ctx context.Context, handles ...string) error
	// Hide changes for how long up to MaxBatch received messages are hidden. Entries fail with ErrStaleHandle or
	// ErrBeyondLimit.
	Hide(ctx context.Context, vs []Visibility) error
	// Counts returns how many messages the queue holds. The numbers may lag.
	Counts(ctx context.Context) (Counts, error)
	// Oldest returns when the oldest message was sent; zero if there is none, or where the engine does not know (SQS tells
	// CloudWatch alone). It may be too early where very much is waiting.
	Oldest(ctx context.Context) (time.Time, error)
	// Purge removes the messages that the queue holds now, also those that are hidden. It may go on for a minute, and may take
	// messages that are sent meanwhile. SQS does it once a minute at most, and refuses it before with ErrPurging.
	Purge(ctx context.Context) error

	// StartMove starts a task that moves a dead-letter queue's messages to the named queue, or with "" each to the queue
	// that it came from, and returns the task's id. A queue has one running task at most, else ErrMoveRunning.
	StartMove(ctx context.Context, destination string, maxPerSecond int) (string, error)
	// Moves lists the latest tasks, newest first.
	Moves(ctx context.Context) ([]Move, error)
	// CancelMove stops a running task. The messages that it has moved stay moved.
	CancelMove(ctx context.Context, id string) error
}

// Limits that engines share with SQS.
const (
	MaxBatch       = 10               // messages in one call
	MaxBytes       = 1 << 20          // of one message, and of one batch
	MaxDelay       = 15 * time.Minute // of Outgoing.Delay
	MaxVisibility  = 12 * time.Hour   // since the receive, however often the timeout is changed
	MaxWait        = 20 * time.Second // of a long poll
	MaxInFlight    = 120_000          // messages received and not deleted; beyond it a standard queue gives out nothing, without an error
	MaxRetention   = 14 * 24 * time.Hour
	MaxMovesPerSec = 500
)

// Outgoing is a message to send.
type Outgoing struct {
	Body  string        // UTF-8 text of 1 byte to MaxBytes
	Group string        // MessageGroupId: messages of a busy group do not hold up the others; "" for none
	Delay time.Duration // until it can first be received, at most MaxDelay; until then it is not in flight. SQS counts whole seconds, rounded up
}

// Received is a message that was received.
type Received struct {
	ID            string // the same at every receive; a move task gives the message another
	Handle        string // of this receive, for Delete and Hide
	Body          string
	Group         string
	ReceiveCount  int       // with this receive; receives that were lost in a crash or throttled count too
	SentAt        time.Time // stays the same when redrive moves the message to a dead-letter queue
	FirstReceived time.Time
	DeadLetterOf  string // the queue from which redrive took the message; "" if it was sent here
}

// Handler takes a batch of messages that were received from a queue, and returns the ids of those that stay in it: they
// come back when their visibility timeout ends. The others are done with, and whoever received them deletes them. After an
// error all of the batch stays.
type Handler func(ctx context.Context, msgs []Received) (stays []string, err error)

// Done returns the handles, for Delete, of a batch's messages that do not stay in their queue.
func Done(msgs []Received, stays []string) (handles []string) {
	for _, m := range msgs {
		if !slices.Contains(stays, m.ID) {
			handles = append(handles, m.Handle)
		}
	}
	return handles
}

// Visibility asks to hide a received message for a span from now. A span of 0 or less makes it visible at once. SQS
// counts whole seconds, rounded up.
type Visibility struct {
	Handle string
	For    time.Duration
}

// Counts are how many messages a queue holds, approximately. They may lag.
type Counts struct{ Visible, InFlight, Delayed int }

// Move is a task that moves the messages of a dead-letter queue to another queue.
type Move struct {
	ID           string
	Destination  string // name of a queue
	Status       string // RUNNING, COMPLETED, CANCELLED or FAILED
	Moved        int
	ToMove       int // an estimate of when the task started
	MaxPerSecond int // 0: as fast as the engine likes
	StartedAt    time.Time
}

// PartialError says which entries of a batch, by position, were not taken. The others were.
type PartialError struct {
	Failed map[int]error
}

func (e *PartialError) Error() string {
	if len(e.Failed) == 0 {
		return "no message refused"
	}
	i := slices.Min(slices.Collect(maps.Keys(e.Failed)))
	return fmt.Sprintf("%d of a batch's messages refused, entry %d: %v", len(e.Failed), i, e.Failed[i])
}

// Errors that engines report with errors.Is.
var (
	// ErrStaleHandle: the message is gone, or was never received by that handle.
	ErrStaleHandle = errors.New("receipt handle is invalid")
	// ErrBeyondLimit: hiding the message so long would pass MaxVisibility since its receive. Its text is AWS's.
	ErrBeyondLimit = errors.New("Total VisibilityTimeout for the message is beyond the limit [43200 seconds]") //nolint:staticcheck // AWS's own words
	// ErrMoveRunning: the queue has a move task that is still running.
	ErrMoveRunning = errors.New("a message move task is already running")
	// ErrPurging: the queue is being purged.
	ErrPurging = errors.New("the queue was purged within the last minute")
	// ErrTooLarge: a message, or a batch together, is over MaxBytes.
	ErrTooLarge = errors.New("message or batch is over 1 MiB")
	// ErrRefused: a call or an entry is outside the limits that every engine shares. It would be refused again.
	ErrRefused = errors.New("outside the queue's limits")
)
