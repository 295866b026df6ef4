package queuetest

import (
	"context"
	"sync"
	"time"

	"hookline/shared/queue"
)

func sharing() []check {
	return []check{
		{name: "a noisy group does not block others", run: func(h *harness) {
			h.send(h.Main, numbered("noisy", 100)...)
			h.receive(h.Main, 40) // they are being worked on until the check ends
			h.send(h.Main, numbered("quiet", 3)...)
			quiet := 0
			for _, m := range h.receive(h.Main, 20) {
				if m.Group == "quiet" {
					quiet++
				}
			}
			if quiet != 3 {
				h.Errorf("got %d of the 3 quiet messages among 20, want all", quiet)
			}
		}},
		{name: "at the in-flight cap nothing comes", cfg: Config{MaxInFlight: 3}, run: func(h *harness) {
			h.send(h.Main, texts("a", "b", "c", "d", "e")...)
			h.send(h.Main, queue.Outgoing{Body: "later", Delay: time.Minute}) // is not in flight
			got := h.poll(h.Main, 10, time.Second)
			if len(got) != 3 {
				h.Fatalf("got %d messages, want 3", len(got))
			}
			h.none(h.Main, time.Second)
			h.hide(h.Main, got[0], time.Minute) // is in flight still
			h.none(h.Main, time.Second)
			start := time.Now()
			deleted := make(chan error, 1)
			time.AfterFunc(time.Second, func() { deleted <- h.Main.Delete(h.Context(), got[1].Handle) })
			if got := h.poll(h.Main, 10, 10*time.Second); len(got) != 1 {
				h.Errorf("after a delete: got %d messages, want 1", len(got))
			}
			h.took("the long poll", start, time.Second)
			if err := <-deleted; err != nil {
				h.Error(err)
			}
		}},
		{name: "many consumers get each message once", run: func(h *harness) {
			const messages, consumers = 400, 8
			h.send(h.Main, numbered("g", messages)...)
			ctx, stop := context.WithCancel(h.Context())
			defer stop()
			var mu sync.Mutex
			seen := make(map[string]int)
			var wg sync.WaitGroup
			for range consumers {
				wg.Go(func() {
					for ctx.Err() == nil {
						got, err := h.Main.Receive(ctx, queue.MaxBatch, 2*time.Second)
						if err != nil && ctx.Err() == nil {
							h.Errorf("receive: %v", err)
							return
						}
						if len(got) == 0 {
							return
						}
						var handles []string
						mu.Lock()
						for _, m := range got {
							seen[m.Body]++
							handles = append(handles, m.Handle)
						}
						mu.Unlock()
						if err := h.Main.Delete(h.Context(), handles...); err != nil {
							h.Errorf("delete: %v", err)
							return
						}
					}
				})
			}
			wg.Wait()
			twice := 0
			for _, n := range seen {
				if n > 1 {
					twice++
				}
			}
			if len(seen) != messages || twice > 0 {
				h.Errorf("got %d messages, %d of them more than once, want %d and 0", len(seen), twice, messages)
			}
			h.counts(h.Main, queue.Counts{})
		}},
	}
}
