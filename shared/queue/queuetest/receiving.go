package queuetest

import (
	"context"
	"time"

	"hookline/shared/queue"
)

func receiving() []check {
	return []check{
		{name: "a receive of 0, of 11 or over 20 s is refused", run: func(h *harness) {
			h.send(h.Main, texts("hello")...)
			for _, bad := range []struct {
				most int
				wait time.Duration
			}{{0, 0}, {queue.MaxBatch + 1, 0}, {1, queue.MaxWait + time.Second}} {
				if got, err := h.Main.Receive(h.Context(), bad.most, bad.wait); err == nil {
					h.Errorf("receive of %d in %v: got %d messages and no error", bad.most, bad.wait, len(got))
				}
			}
		}},
		{name: "a long poll of an empty queue ends with its wait", run: func(h *harness) {
			start := time.Now()
			h.none(h.Main, 2*time.Second)
			h.took("the long poll", start, 2*time.Second)
		}},
		{name: "a long poll ends with its context", run: func(h *harness) {
			ctx, cancel := context.WithTimeout(h.Context(), time.Second)
			defer cancel()
			start := time.Now()
			if got, err := h.Main.Receive(ctx, 1, queue.MaxWait); len(got) > 0 || err != nil {
				h.Errorf("got %d messages and %v, want neither", len(got), err)
			}
			h.took("the long poll", start, time.Second)
		}},
		{name: "a send wakes a long poll", run: func(h *harness) {
			start := time.Now()
			sent := make(chan error, 1)
			time.AfterFunc(time.Second, func() { sent <- h.Main.Send(h.Context(), texts("hello")) })
			if got := h.poll(h.Main, 1, 10*time.Second); len(got) != 1 {
				h.Errorf("got %d messages, want 1", len(got))
			}
			h.took("the long poll", start, time.Second)
			if err := <-sent; err != nil {
				h.Error(err)
			}
		}},
		{name: "the end of a delay wakes a long poll", run: func(h *harness) {
			start := time.Now()
			sent := make(chan error, 1)
			time.AfterFunc(time.Second, func() {
				sent <- h.Main.Send(h.Context(), []queue.Outgoing{{Body: "later", Delay: time.Second}})
			})
			if got := h.poll(h.Main, 1, 10*time.Second); len(got) != 1 {
				h.Errorf("got %d messages, want 1", len(got))
			}
			h.took("the long poll", start, 2*time.Second)
			if err := <-sent; err != nil {
				h.Error(err)
			}
		}},
		{name: "a message comes back when its visibility timeout ends", cfg: Config{Visibility: 2 * time.Second}, run: func(h *harness) {
			h.send(h.Main, texts("hello")...)
			first := h.one(h.Main)
			start := time.Now()
			h.none(h.Main, time.Second)
			got := h.poll(h.Main, 1, 10*time.Second)
			if len(got) != 1 {
				h.Fatalf("got %d messages, want 1", len(got))
			}
			h.took("the visibility timeout", start, 2*time.Second)
			again := got[0]
			if again.ID != first.ID || again.Body != first.Body || again.ReceiveCount != 2 {
				h.Errorf("got %+v, want the same message at its receive 2", again)
			}
			if !again.SentAt.Equal(first.SentAt) || !again.FirstReceived.Equal(first.FirstReceived) {
				h.Errorf("sent at %v and first received at %v, before %v and %v", again.SentAt, again.FirstReceived, first.SentAt, first.FirstReceived)
			}
			if again.Handle == first.Handle {
				h.Error("the second receive has the first one's handle")
			}
		}},
		{name: "counts are by what messages are doing", run: func(h *harness) {
			h.send(h.Main, texts("a", "b", "c")...)
			h.send(h.Main, queue.Outgoing{Body: "d", Delay: time.Minute})
			h.one(h.Main)
			h.counts(h.Main, queue.Counts{Visible: 2, InFlight: 1, Delayed: 1})
		}},
	}
}

func deleting() []check {
	expiring := Config{Visibility: time.Second}
	return []check{
		{name: "delete works after the visibility timeout", cfg: expiring, run: func(h *harness) {
			h.send(h.Main, texts("hello")...)
			got := h.one(h.Main)
			h.counts(h.Main, queue.Counts{Visible: 1})
			h.remove(h.Main, got)
			h.none(h.Main, time.Second)
			h.counts(h.Main, queue.Counts{})
		}},
		{name: "an old handle deletes nothing", cfg: expiring, run: func(h *harness) {
			h.send(h.Main, texts("hello")...)
			old := h.one(h.Main)
			again := h.one(h.Main)
			_ = h.Main.Delete(h.Context(), old.Handle) // the next check is about its answer
			h.hide(h.Main, again, 0)
			if got := h.one(h.Main); got.ReceiveCount != 3 {
				h.Errorf("got receive %d, want 3", got.ReceiveCount)
			}
		}},
		{name: "an old handle hides nothing", cfg: expiring, run: func(h *harness) {
			h.send(h.Main, texts("hello")...)
			old := h.one(h.Main)
			again := h.one(h.Main)
			h.hide(h.Main, again, time.Minute)
			_ = h.Main.Hide(h.Context(), []queue.Visibility{{Handle: old.Handle}}) // an error, or nothing happens
			h.none(h.Main, 2*time.Second)
		}},
		{name: "deleting by an old handle is an error", cfg: expiring, run: func(h *harness) {
			h.send(h.Main, texts("hello")...)
			old := h.one(h.Main)
			h.one(h.Main)
			h.refused(h.Main.Delete(h.Context(), old.Handle), map[int]error{0: queue.ErrStaleHandle})
		}},
		{name: "a bad handle in a batch of deletes fails by itself", run: func(h *harness) {
			h.send(h.Main, texts("a", "b")...)
			got := h.receive(h.Main, 2)
			err := h.Main.Delete(h.Context(), got[0].Handle, "no handle", got[1].Handle)
			h.refused(err, map[int]error{1: queue.ErrStaleHandle})
			h.counts(h.Main, queue.Counts{})
		}},
		{name: "a batch of 11 deletes is refused", run: func(h *harness) {
			h.send(h.Main, numbered("g", queue.MaxBatch+1)...)
			var handles []string
			for _, m := range h.receive(h.Main, queue.MaxBatch+1) {
				handles = append(handles, m.Handle)
			}
			if err := h.Main.Delete(h.Context(), handles...); err == nil {
				h.Error("got no error")
			}
			h.counts(h.Main, queue.Counts{InFlight: queue.MaxBatch + 1})
		}},
	}
}
