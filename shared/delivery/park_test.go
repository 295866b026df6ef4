package delivery

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"hookline/shared/message"
	"hookline/shared/queue"
)

// hall is a queue that counts what is parked in it, and how often it is called.
type hall struct{ parked, sends, sent, counts int }

func (h *hall) Send(_ context.Context, msgs []queue.Outgoing) error {
	h.sends++
	h.sent += len(msgs)
	return nil
}

func (h *hall) Hide(context.Context, []queue.Visibility) error { return nil }

func (h *hall) Counts(context.Context) (queue.Counts, error) {
	h.counts++
	return queue.Counts{InFlight: h.parked}, nil
}

// TestRoomIsShared: processes that see nothing of each other park no more together than three quarters of what the queue
// may hold in flight, however many messages come between two looks at its counts, and look seldom.
func TestRoomIsShared(t *testing.T) {
	const processes = 50
	h := new(hall)
	var all []*Deliverer
	for range processes {
		all = append(all, &Deliverer{Queues: Queues{Retry: h}, Batches: Concurrency{Retry: processes}, Log: slog.New(slog.DiscardHandler)})
	}
	for asked := range 2 * queue.MaxInFlight {
		if all[asked%processes].room(t.Context(), h) {
			h.parked++
		}
	}
	if least, most := queue.MaxInFlight/2, queue.MaxInFlight*3/4; h.parked < least || h.parked > most {
		t.Errorf("%d are parked, want %d to %d", h.parked, least, most)
	}
	if most := queue.MaxInFlight / 200; h.counts > most {
		t.Errorf("the queue was counted %d times, want %d at most", h.counts, most)
	}
}

// TestHopsTogether: a batch whose messages cannot be parked sends their copies in one request.
func TestHopsTogether(t *testing.T) {
	h := &hall{parked: queue.MaxInFlight}
	d := &Deliverer{Queues: Queues{Retry: h}, Log: slog.New(slog.DiscardHandler)}
	var early []*item
	for range queue.MaxBatch {
		early = append(early, &item{msg: message.Message{Webhook: "w", Due: time.Now().Add(time.Hour).UnixMilli()}})
	}
	(&batch{Deliverer: d, source: h}).park(t.Context(), early)
	if h.sends != 1 || h.sent != queue.MaxBatch {
		t.Errorf("%d were sent in %d requests, want %d in one", h.sent, h.sends, queue.MaxBatch)
	}
}
