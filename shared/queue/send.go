package queue

import (
	"context"
	"errors"
)

// Sender is the part of Queue that SendAll uses. One call takes at most MaxBatch messages and MaxBytes together.
type Sender interface {
	Send(ctx context.Context, msgs []Outgoing) error
}

// sendTries is how often SendAll offers a batch that an engine took only in part.
const sendTries = 4

// SendAll sends any number of messages in as few calls as possible, and sends again what was taken only in part. If it
// returns an error some of the messages may have been sent, so the caller must be able to bear a repeat.
func SendAll(ctx context.Context, s Sender, msgs []Outgoing) error {
	for len(msgs) > 0 {
		n := fitting(msgs)
		if err := sendSome(ctx, s, msgs[:n]); err != nil {
			return err
		}
		msgs = msgs[n:]
	}
	return nil
}

// fitting returns how many of msgs go into one call. It is at least one, which the engine refuses if it is too large.
func fitting(msgs []Outgoing) int {
	size := 0
	for i, m := range msgs[:min(len(msgs), MaxBatch)] {
		if size += len(m.Body); size > MaxBytes && i > 0 {
			return i
		}
	}
	return min(len(msgs), MaxBatch)
}

func sendSome(ctx context.Context, s Sender, msgs []Outgoing) error {
	for try := 1; ; try++ {
		err := s.Send(ctx, msgs)
		partial, ok := errors.AsType[*PartialError](err)
		if !ok {
			return err
		}
		if try == sendTries {
			return partial
		}
		var left []Outgoing
		for i, m := range msgs {
			if _, refused := partial.Failed[i]; refused {
				left = append(left, m)
			}
		}
		msgs = left
	}
}
