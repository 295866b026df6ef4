package queuetest

import (
	"errors"
	"slices"
	"strings"
	"time"

	"hookline/shared/queue"
)

func sending() []check {
	return []check{
		{name: "send, receive, delete", run: func(h *harness) {
			before := time.Now()
			h.send(h.Main, queue.Outgoing{Body: "hello", Group: "g"})
			got := h.one(h.Main)
			if got.Body != "hello" || got.Group != "g" || got.ReceiveCount != 1 || got.DeadLetterOf != "" {
				h.Errorf("got %+v, want hello of g at its first receive", got)
			}
			if got.ID == "" || got.Handle == "" {
				h.Errorf("got id %q and handle %q, want both", got.ID, got.Handle)
			}
			if late := got.SentAt.Sub(before); late < -h.slack || late > h.slack {
				h.Errorf("sent at %v, want %v", got.SentAt, before)
			}
			if got.FirstReceived.Before(got.SentAt) {
				h.Errorf("first received at %v, sent at %v", got.FirstReceived, got.SentAt)
			}
			h.remove(h.Main, got)
			h.counts(h.Main, queue.Counts{})
			h.none(h.Main, time.Second)
		}},
		{name: "a batch of 10 is taken", run: func(h *harness) {
			msgs := numbered("g", queue.MaxBatch)
			if err := h.Main.Send(h.Context(), msgs); err != nil {
				h.Fatal(err)
			}
			got := h.receive(h.Main, queue.MaxBatch)
			var want []string
			ids := make(map[string]bool)
			for i, m := range msgs {
				want = append(want, m.Body)
				ids[got[i].ID] = true
			}
			if got := bodies(got); !slices.Equal(got, want) {
				h.Errorf("got %q, want %q", got, want)
			}
			if len(ids) != queue.MaxBatch {
				h.Errorf("got %d ids, want %d", len(ids), queue.MaxBatch)
			}
		}},
		{name: "a batch of 11 is refused", run: func(h *harness) {
			if err := h.Main.Send(h.Context(), numbered("g", queue.MaxBatch+1)); err == nil {
				h.Error("got no error")
			}
			h.none(h.Main, time.Second)
		}},
		{name: "a bad entry is refused by itself", run: func(h *harness) {
			msgs := texts("one", "two", "three")
			msgs[1].Delay = queue.MaxDelay + time.Second
			h.refused(h.Main.Send(h.Context(), msgs), map[int]error{1: nil})
			if got, want := bodies(h.receive(h.Main, 2)), []string{"one", "three"}; !slices.Equal(got, want) {
				h.Errorf("got %q, want %q", got, want)
			}
			h.none(h.Main, time.Second)
		}},
		{name: "bodies that are empty or no text are refused", run: func(h *harness) {
			for _, bad := range []string{"", "\x00", "\x1b[31m", "\uFFFF", "\xff"} {
				if err := h.Main.Send(h.Context(), texts(bad)); err == nil {
					h.Errorf("body %q: got no error", bad)
				}
			}
			h.none(h.Main, time.Second)
		}},
		{name: "a body of 1 MiB is taken", run: func(h *harness) {
			want := strings.Repeat("a", queue.MaxBytes)
			h.send(h.Main, texts(want)...)
			if got := h.one(h.Main); got.Body != want {
				h.Errorf("got another body, of %d bytes", len(got.Body))
			}
		}},
		{name: "a body over 1 MiB is refused", run: func(h *harness) {
			err := h.Main.Send(h.Context(), texts(strings.Repeat("a", queue.MaxBytes+1)))
			if partial, ok := errors.AsType[*queue.PartialError](err); ok {
				err = partial.Failed[0]
			}
			if !errors.Is(err, queue.ErrTooLarge) {
				h.Errorf("got %v, want %v", err, queue.ErrTooLarge)
			}
			h.none(h.Main, time.Second)
		}},
		{name: "a batch over 1 MiB is refused whole", run: func(h *harness) {
			half := strings.Repeat("a", queue.MaxBytes/2)
			if err := h.Main.Send(h.Context(), texts(half, half+"a")); !errors.Is(err, queue.ErrTooLarge) {
				h.Errorf("got %v, want %v", err, queue.ErrTooLarge)
			}
			h.none(h.Main, time.Second)
		}},
		{name: "characters of four bytes are kept", run: func(h *harness) {
			want := "\U00010000 \U0001F980 \U0010FFFF, tab\t and line\r\n"
			h.send(h.Main, texts(want)...)
			if got := h.one(h.Main).Body; got != want {
				h.Errorf("got %q, want %q", got, want)
			}
		}},
		{name: "a delayed message comes when its delay ends", run: func(h *harness) {
			start := time.Now()
			h.send(h.Main, queue.Outgoing{Body: "later", Delay: 2 * time.Second}, queue.Outgoing{Body: "now"})
			if got := h.one(h.Main); got.Body != "now" {
				h.Errorf("got %q first, want now", got.Body)
			}
			if got := h.one(h.Main); got.Body != "later" || got.ReceiveCount != 1 {
				h.Errorf("got %q at its receive %d, want later at its first", got.Body, got.ReceiveCount)
			}
			h.took("the delay", start, 2*time.Second)
		}},
		{name: "a delay may be 15 minutes", run: func(h *harness) {
			h.send(h.Main, queue.Outgoing{Body: "later", Delay: queue.MaxDelay})
			h.counts(h.Main, queue.Counts{Delayed: 1})
		}},
	}
}
