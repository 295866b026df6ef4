package queuetest

import (
	"errors"
	"slices"
	"time"

	"hookline/shared/queue"
)

// dying is the configuration of a queue whose messages are dead letters after two receives.
func dying() Config { return Config{MaxReceive: 2} }

// kill receives n messages twice, so that the next receive makes them dead letters.
func (h *harness) kill(n int) []queue.Received {
	h.Helper()
	var last []queue.Received
	for range 2 {
		last = h.receive(h.Main, n)
		for _, m := range last {
			h.hide(h.Main, m, 0)
		}
	}
	return last
}

// bury puts messages into the dead-letter queue, by receiving them too often.
func (h *harness) bury(msgs ...queue.Outgoing) {
	h.Helper()
	h.send(h.Main, msgs...)
	h.kill(len(msgs))
	h.eventually(func() (bool, any) {
		h.none(h.Main, time.Second)
		got, err := h.Dead.Counts(h.Context())
		return got == queue.Counts{Visible: len(msgs)}, errors.Join(err, errors.New("not all messages became dead letters"))
	})
}

func deadLetters() []check {
	return []check{
		{name: "a message received too often is a dead letter", cfg: dying(), run: func(h *harness) {
			h.send(h.Main, queue.Outgoing{Body: "hello", Group: "g"})
			alive := h.kill(1)[0]
			h.none(h.Dead, time.Second) // the next receive moves it
			h.none(h.Main, time.Second)
			dead := h.one(h.Dead)
			if dead.Body != "hello" || dead.Group != "g" || dead.ID != alive.ID || !dead.SentAt.Equal(alive.SentAt) {
				h.Errorf("got %+v, want what it was: %+v", dead, alive)
			}
			if dead.ReceiveCount != 3 || dead.DeadLetterOf != h.Main.Name() {
				h.Errorf("got receive %d from %q, want 3 from %q", dead.ReceiveCount, dead.DeadLetterOf, h.Main.Name())
			}
			h.counts(h.Main, queue.Counts{})
			h.remove(h.Dead, dead)
			h.counts(h.Dead, queue.Counts{})
		}},
		{name: "a dead letter does not keep others from being received", cfg: dying(), run: func(h *harness) {
			h.send(h.Main, texts("bad")...)
			h.kill(1)
			h.send(h.Main, texts("good")...)
			if got := h.one(h.Main); got.Body != "good" {
				h.Errorf("got %q, want good", got.Body)
			}
			h.none(h.Main, time.Second)
			if got := h.one(h.Dead); got.Body != "bad" {
				h.Errorf("dead letter: got %q, want bad", got.Body)
			}
		}},
		{name: "a long poll sees a dead letter come", cfg: dying(), run: func(h *harness) {
			h.send(h.Main, texts("hello")...)
			h.kill(1)
			start := time.Now()
			received := make(chan error, 1)
			time.AfterFunc(time.Second, func() {
				_, err := h.Main.Receive(h.Context(), 1, 0)
				received <- err
			})
			if got := h.poll(h.Dead, 1, 10*time.Second); len(got) != 1 {
				h.Errorf("got %d messages, want 1", len(got))
			}
			h.took("the long poll", start, time.Second)
			if err := <-received; err != nil {
				h.Error(err)
			}
		}},
	}
}

// move waits for a task to end.
func (h *harness) move(id, status string) queue.Move {
	h.Helper()
	var m queue.Move
	h.eventually(func() (bool, any) {
		all, err := h.Dead.Moves(h.Context())
		if err != nil {
			h.Fatalf("moves: %v", err)
		}
		i := slices.IndexFunc(all, func(m queue.Move) bool { return m.ID == id })
		if i < 0 {
			return false, "the task is not listed"
		}
		m = all[i]
		return m.Status == status, "the task is " + m.Status + ", want " + status
	})
	return m
}

func (h *harness) startMove(destination string, rate int) string {
	h.Helper()
	id, err := h.Dead.StartMove(h.Context(), destination, rate)
	if err != nil {
		h.Fatalf("start a move: %v", err)
	}
	return id
}

func moving() []check {
	return []check{
		{name: "a move task takes dead letters back", cfg: dying(), run: func(h *harness) {
			h.bury(queue.Outgoing{Body: "a", Group: "g"}, queue.Outgoing{Body: "b"})
			before := time.Now()
			m := h.move(h.startMove("", 0), "COMPLETED")
			if m.Moved != 2 {
				h.Errorf("got %d moved, want 2", m.Moved)
			}
			if late := m.StartedAt.Sub(before); late < -h.slack || late > h.slack {
				h.Errorf("started at %v, want %v", m.StartedAt, before)
			}
			h.counts(h.Dead, queue.Counts{})
			got := h.receive(h.Main, 2)
			if got, want := bodies(got), []string{"a", "b"}; !slices.Equal(got, want) {
				h.Errorf("got %q, want %q", got, want)
			}
		}},
		{name: "a moved message is a new one", cfg: dying(), run: func(h *harness) {
			h.bury(queue.Outgoing{Body: "hello", Group: "g"})
			old := h.one(h.Dead)
			h.hide(h.Dead, old, 0)
			h.counts(h.Dead, queue.Counts{Visible: 1})
			h.move(h.startMove(h.Main.Name(), 0), "COMPLETED")
			got := h.one(h.Main)
			if got.Body != "hello" || got.Group != "g" {
				h.Errorf("got %q of %q, want hello of g", got.Body, got.Group)
			}
			if got.ID == old.ID || got.ReceiveCount != 1 || got.DeadLetterOf != "" || !got.SentAt.After(old.SentAt) {
				h.Errorf("got %+v, want another id and age than %+v, no history", got, old)
			}
		}},
		{name: "a move task has its own destination", cfg: dying(), run: func(h *harness) {
			h.bury(texts("dead")...)
			h.send(h.Dead, texts("sent")...) // has no source, so only a destination can take it
			h.counts(h.Dead, queue.Counts{Visible: 2})
			m := h.move(h.startMove(h.Other.Name(), 0), "COMPLETED")
			if m.Destination != h.Other.Name() {
				h.Errorf("got destination %q, want %q", m.Destination, h.Other.Name())
			}
			if got, want := bodies(h.receive(h.Other, 2)), []string{"dead", "sent"}; !slices.Equal(got, want) {
				h.Errorf("got %q, want %q", got, want)
			}
		}},
		{name: "a move task wakes a long poll", cfg: dying(), run: func(h *harness) {
			h.bury(texts("hello")...)
			start := time.Now()
			started := make(chan error, 1)
			time.AfterFunc(time.Second, func() {
				_, err := h.Dead.StartMove(h.Context(), h.Other.Name(), 0)
				started <- err
			})
			if got := h.poll(h.Other, 1, 10*time.Second); len(got) != 1 {
				h.Errorf("got %d messages, want 1", len(got))
			}
			h.took("the long poll", start, time.Second)
			if err := <-started; err != nil {
				h.Error(err)
			}
		}},
		{name: "a message without a source does not move back", cfg: dying(), run: func(h *harness) {
			h.send(h.Dead, texts("sent")...)
			h.counts(h.Dead, queue.Counts{Visible: 1})
			if id, err := h.Dead.StartMove(h.Context(), "", 0); err == nil {
				h.move(id, "FAILED")
			}
			if got := h.one(h.Dead); got.Body != "sent" {
				h.Errorf("got %q, want sent", got.Body)
			}
		}},
		{name: "a move task says how many there were", cfg: dying(), run: func(h *harness) {
			h.bury(texts("a", "b")...)
			if m := h.move(h.startMove("", 0), "COMPLETED"); m.ToMove != 2 {
				h.Errorf("got %d to move, want 2", m.ToMove)
			}
		}},
		{name: "one move task at a time, paced, cancelled", cfg: dying(), run: func(h *harness) {
			h.bury(numbered("g", 8)...)
			id := h.startMove(h.Main.Name(), 1)
			if _, err := h.Dead.StartMove(h.Context(), h.Main.Name(), 0); !errors.Is(err, queue.ErrMoveRunning) {
				h.Errorf("a second task: got %v, want %v", err, queue.ErrMoveRunning)
			}
			h.receive(h.Main, 2)
			if err := h.Dead.CancelMove(h.Context(), id); err != nil {
				h.Fatalf("cancel: %v", err)
			}
			h.pass(time.Second) // a message may be on its way
			left, err := h.Dead.Counts(h.Context())
			if err != nil || left.Visible < 2 || left.Visible > 6 {
				h.Errorf("got %+v left, %v, want some", left, err)
			}
			h.pass(2 * time.Second)
			h.counts(h.Dead, left)
			// Then the next task can start.
			h.move(h.startMove(h.Main.Name(), 0), "COMPLETED")
			h.counts(h.Dead, queue.Counts{})
		}},
		{name: "a cancelled move task stays listed", cfg: dying(), run: func(h *harness) {
			h.bury(numbered("g", 8)...)
			id := h.startMove(h.Main.Name(), 1)
			h.receive(h.Main, 2)
			if err := h.Dead.CancelMove(h.Context(), id); err != nil {
				h.Fatalf("cancel: %v", err)
			}
			m := h.move(id, "CANCELLED")
			if m.MaxPerSecond != 1 || m.Moved < 2 || m.Moved > 6 {
				h.Errorf("got %d moved at %d a second, want a few at 1", m.Moved, m.MaxPerSecond)
			}
			h.counts(h.Dead, queue.Counts{Visible: 8 - m.Moved})
			if err := h.Dead.CancelMove(h.Context(), id); err == nil {
				h.Error("cancelled again: got no error")
			}
		}},
		{name: "cancelling an unknown move task is an error", cfg: dying(), run: func(h *harness) {
			if err := h.Dead.CancelMove(h.Context(), "no task"); err == nil {
				h.Error("got no error")
			}
		}},
		{name: "a purge removes all messages, also those that are hidden", cfg: dying(), run: func(h *harness) {
			h.bury(numbered("g", 3)...)
			h.send(h.Main, texts("stays")...)
			h.receive(h.Dead, 1)
			if err := h.Dead.Purge(h.Context()); err != nil {
				h.Fatalf("purge: %v", err)
			}
			h.counts(h.Dead, queue.Counts{})
			h.none(h.Dead, time.Second)
			if got := h.one(h.Main); got.Body != "stays" {
				h.Errorf("another queue: got %q", got.Body)
			}
		}},
		{name: "the oldest message is known where the engine knows it", cfg: dying(), run: func(h *harness) {
			oldest := func() time.Time {
				h.Helper()
				at, err := h.Main.Oldest(h.Context())
				if err != nil {
					h.Fatalf("oldest: %v", err)
				}
				return at
			}
			if at := oldest(); !at.IsZero() {
				h.Errorf("of an empty queue: got %v", at)
			}
			h.send(h.Main, texts("first")...)
			first := oldest()
			h.pass(2 * time.Second)
			h.send(h.Main, texts("second")...)
			if got := oldest(); !got.Equal(first) {
				h.Errorf("got %v, want %v", got, first)
			}
			got := h.receive(h.Main, 2)
			i := slices.IndexFunc(got, func(m queue.Received) bool { return m.Body == "first" })
			if i < 0 || h.Main.Delete(h.Context(), got[i].Handle) != nil {
				h.Fatalf("got %v, want the first, deleted", got)
			}
			if at := oldest(); !first.IsZero() && !at.After(first) {
				h.Errorf("without the first: got %v, which is not after %v", at, first)
			}
		}},
		{name: "only dead letters can be moved", cfg: dying(), run: func(h *harness) {
			h.send(h.Main, texts("hello")...)
			if _, err := h.Main.StartMove(h.Context(), h.Other.Name(), 0); err == nil {
				h.Error("got no error")
			}
			h.one(h.Main)
		}},
		{name: "a move task runs at 500 a second at most", cfg: dying(), run: func(h *harness) {
			h.bury(texts("hello")...)
			if _, err := h.Dead.StartMove(h.Context(), h.Main.Name(), queue.MaxMovesPerSec+1); err == nil {
				h.Error("got no error")
			}
		}},
	}
}
