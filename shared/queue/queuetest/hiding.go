package queuetest

import (
	"errors"
	"strings"
	"time"

	"hookline/shared/queue"
)

func hiding() []check {
	return []check{
		{name: "hiding for 0 makes a message visible at once", run: func(h *harness) {
			h.send(h.Main, texts("hello")...)
			h.hide(h.Main, h.one(h.Main), 0)
			h.counts(h.Main, queue.Counts{Visible: 1})
			start := time.Now()
			if got := h.one(h.Main); got.ReceiveCount != 2 {
				h.Errorf("got receive %d, want 2", got.ReceiveCount)
			}
			h.took("the receive", start, 0)
		}},
		{name: "hiding for 0 wakes a long poll", run: func(h *harness) {
			h.send(h.Main, texts("hello")...)
			first := h.one(h.Main)
			start := time.Now()
			hidden := make(chan error, 1)
			time.AfterFunc(time.Second, func() {
				hidden <- h.Main.Hide(h.Context(), []queue.Visibility{{Handle: first.Handle}})
			})
			if got := h.poll(h.Main, 1, 10*time.Second); len(got) != 1 {
				h.Errorf("got %d messages, want 1", len(got))
			}
			h.took("the long poll", start, time.Second)
			if err := <-hidden; err != nil {
				h.Error(err)
			}
		}},
		{name: "hiding shortens the time", run: func(h *harness) {
			h.send(h.Main, texts("hello")...)
			first := h.one(h.Main)
			start := time.Now()
			h.hide(h.Main, first, time.Second)
			if got := h.one(h.Main); got.ReceiveCount != 2 {
				h.Errorf("got receive %d, want 2", got.ReceiveCount)
			}
			h.took("the hidden time", start, time.Second)
		}},
		{name: "hiding extends the time", cfg: Config{Visibility: 2 * time.Second}, run: func(h *harness) {
			h.send(h.Main, texts("hello")...)
			first := h.one(h.Main)
			start := time.Now()
			h.hide(h.Main, first, 4*time.Second)
			h.none(h.Main, 3*time.Second)
			h.counts(h.Main, queue.Counts{InFlight: 1})
			h.one(h.Main)
			h.took("the hidden time", start, 4*time.Second)
		}},
		{name: "hiding works after the visibility timeout", cfg: Config{Visibility: time.Second}, run: func(h *harness) {
			h.send(h.Main, texts("hello")...)
			first := h.one(h.Main)
			h.counts(h.Main, queue.Counts{Visible: 1})
			h.hide(h.Main, first, time.Minute)
			h.remove(h.Main, first)
			h.counts(h.Main, queue.Counts{})
		}},
		{name: "hiding for over 12 hours is refused", run: func(h *harness) {
			h.send(h.Main, texts("hello")...)
			vs := []queue.Visibility{{Handle: h.one(h.Main).Handle, For: queue.MaxVisibility + time.Second}}
			if err := h.Main.Hide(h.Context(), vs); err == nil {
				h.Error("got no error")
			}
			h.counts(h.Main, queue.Counts{InFlight: 1})
		}},
		{name: "the 12 hours count from the receive", run: func(h *harness) {
			h.send(h.Main, texts("hello")...)
			m := h.one(h.Main)
			h.pass(2200 * time.Millisecond)
			err := h.Main.Hide(h.Context(), []queue.Visibility{{Handle: m.Handle, For: queue.MaxVisibility}})
			h.refused(err, map[int]error{0: queue.ErrBeyondLimit})
			partial, _ := errors.AsType[*queue.PartialError](err)
			want := "Total VisibilityTimeout for the message is beyond the limit [43200 seconds]"
			if got := partial.Failed[0].Error(); !strings.Contains(got, want) {
				h.Errorf("got %q, want AWS's words in it: %q", got, want)
			}
			// Hiding does not begin the 12 hours anew, so the rest of them can still be used.
			h.hide(h.Main, m, queue.MaxVisibility-5*time.Second)
			err = h.Main.Hide(h.Context(), []queue.Visibility{{Handle: m.Handle, For: queue.MaxVisibility}})
			h.refused(err, map[int]error{0: queue.ErrBeyondLimit})
			// A receive begins them anew.
			h.hide(h.Main, m, 0)
			h.hide(h.Main, h.one(h.Main), queue.MaxVisibility-time.Second)
		}},
		{name: "a bad handle in a batch to hide fails by itself", run: func(h *harness) {
			h.send(h.Main, texts("a", "b")...)
			got := h.receive(h.Main, 2)
			err := h.Main.Hide(h.Context(), []queue.Visibility{{Handle: got[0].Handle}, {Handle: "no handle"}, {Handle: got[1].Handle}})
			h.refused(err, map[int]error{1: queue.ErrStaleHandle})
			h.counts(h.Main, queue.Counts{Visible: 2})
		}},
		{name: "a deleted message cannot be hidden", run: func(h *harness) {
			h.send(h.Main, texts("hello")...)
			m := h.one(h.Main)
			h.remove(h.Main, m)
			err := h.Main.Hide(h.Context(), []queue.Visibility{{Handle: m.Handle, For: time.Minute}})
			h.refused(err, map[int]error{0: queue.ErrStaleHandle})
		}},
		{name: "a batch of 11 to hide is refused", run: func(h *harness) {
			h.send(h.Main, numbered("g", queue.MaxBatch+1)...)
			var vs []queue.Visibility
			for _, m := range h.receive(h.Main, queue.MaxBatch+1) {
				vs = append(vs, queue.Visibility{Handle: m.Handle})
			}
			if err := h.Main.Hide(h.Context(), vs); err == nil {
				h.Error("got no error")
			}
			h.counts(h.Main, queue.Counts{InFlight: queue.MaxBatch + 1})
		}},
	}
}
