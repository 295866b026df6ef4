// Package queue holds the wire types of a message queue with SQS's semantics, apart from the engines that provide one.
// Consumers declare the few methods they use; the suite in queue/queuetest holds every engine to the same behaviour.
//
// The contract of every engine: delivery is at least once and unordered; a message received is hidden for the queue's
// visibility timeout and comes back unless it is deleted; a receipt handle is good for one receive. What Send
// acknowledged survives a crash.
package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Limits that engines share with SQS.
const (
	MaxBatch       = 10               // messages in one call
	MaxBytes       = 1 << 20          // of one message, and of one batch
	MaxDelay       = 15 * time.Minute // of Outgoing.Delay
	MaxVisibility  = 12 * time.Hour   // from the receive, however often it is changed
	MaxWait        = 20 * time.Second // of a long poll
	MaxInFlight    = 120_000          // received, not deleted; beyond it a standard queue gives out nothing, without an error
	MaxRetention   = 14 * 24 * time.Hour
	MaxMovesPerSec = 500
)

// Outgoing is a message to send.
type Outgoing struct {
	Body  string        // UTF-8 text of 1 byte to MaxBytes
	Group string        // MessageGroupId: messages of a busy group do not hold up the others; "" for none
	Delay time.Duration // until it can first be received, to MaxDelay; not in flight meanwhile. SQS counts whole seconds, rounded up
}

// Received is a message that was received.
type Received struct {
	ID            string // the same at every receive; changes when a move task moves the message
	Handle        string // of this receive, for Delete and Hide
	Body          string
	Group         string
	ReceiveCount  int       // this receive included; approximate: crashes and throttles count too
	SentAt        time.Time // kept when redrive moves it to a dead-letter queue
	FirstReceived time.Time
	DeadLetterOf  string // name of the queue that redrive took it from, "" if it was sent here
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

// Visibility asks to hide a received message until For from now. 0 or less makes it visible at once. SQS counts whole
// seconds, rounded up.
type Visibility struct {
	Handle string
	For    time.Duration
}

// Counts are a queue's approximate numbers; they may lag.
type Counts struct{ Visible, InFlight, Delayed int }

// Move is a task that moves a dead-letter queue's messages elsewhere.
type Move struct {
	ID           string
	Destination  string // name of a queue
	Status       string // RUNNING, COMPLETED, CANCELLED or FAILED
	Moved        int
	ToMove       int // estimated when it started
	MaxPerSecond int // 0: as fast as the engine likes
	StartedAt    time.Time
}

// PartialError says which entries of a batch, by position, were not taken; the others were.
type PartialError struct {
	Failed map[int]error
}

func (e *PartialError) Error() string {
	for i, err := range e.Failed {
		return fmt.Sprintf("%d of a batch's messages refused, entry %d: %v", len(e.Failed), i, err)
	}
	return "no message refused"
}

// Errors that engines report with errors.Is.
var (
	// ErrStaleHandle: the message is gone, or was never received by that handle.
	ErrStaleHandle = errors.New("receipt handle is invalid")
	// ErrBeyondLimit: hiding the message so long would pass MaxVisibility since its receive. Its text is AWS's.
	//
	//lint:ignore ST1005 AWS's own words
	ErrBeyondLimit = errors.New("Total VisibilityTimeout for the message is beyond the limit [43200 seconds]")
	// ErrMoveRunning: a queue has one active move task at most.
	ErrMoveRunning = errors.New("a message move task is already running")
	// ErrTooLarge: a message over MaxBytes, or a batch of such messages as together are.
	ErrTooLarge = errors.New("message or batch is over 1 MiB")
	// ErrRefused: a call or an entry outside the limits that every engine shares; trying it again is of no use.
	ErrRefused = errors.New("outside the queue's limits")
)
