package sqlite

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"hookline/shared/queue"
	"hookline/shared/webhook"
)

// wantUnavailable calls every method.
func wantUnavailable(t *testing.T, q *Queue, handle string) {
	t.Helper()
	_, receive := q.Receive(t.Context(), 1, 0)
	_, counts := q.Counts(t.Context())
	_, moves := q.Moves(t.Context())
	for name, err := range map[string]error{
		"Receive": receive,
		"Send":    q.Send(t.Context(), []queue.Outgoing{{Body: "another"}}),
		"Hide":    q.Hide(t.Context(), []queue.Visibility{{Handle: handle, For: time.Minute}}),
		"Delete":  q.Delete(t.Context(), handle),
		"Counts":  counts,
		"Moves":   moves,
	} {
		if err == nil || webhook.KindOf(err) != webhook.Unavailable {
			t.Errorf("%s: got %v, want it unavailable", name, err)
		}
	}
}

func TestFaults(t *testing.T) {
	const visibility = 10 * time.Second
	half := func() func() float64 { // every other time
		n := 0
		return func() float64 { n++; return float64(n % 2) }
	}
	for name, run := range map[string]func(t *testing.T, e *Engine, q *Queue){
		"a throttled call does nothing": func(t *testing.T, e *Engine, q *Queue) {
			send(t, q, queue.Outgoing{Body: "a"}, queue.Outgoing{Body: "b"})
			got, _ := await(t, q)
			e.SetFaults(Faults{Throttle: 1})
			wantUnavailable(t, q, got.Handle)
			e.SetFaults(Faults{})
			wantCounts(t, q, queue.Counts{Visible: 1, InFlight: 1})
		},
		"an unanswered call does everything": func(t *testing.T, e *Engine, q *Queue) {
			send(t, q, queue.Outgoing{Body: "a"}, queue.Outgoing{Body: "b"})
			got, _ := await(t, q)
			e.SetFaults(Faults{Unanswered: 1})
			wantUnavailable(t, q, got.Handle)
			e.SetFaults(Faults{})
			wantCounts(t, q, queue.Counts{Visible: 1, InFlight: 1})
			if got := receive(t, q, 1)[0].Body; got != "another" {
				t.Errorf("got %q, want what was sent unanswered", got)
			}
		},
		"a duplicate comes once": func(t *testing.T, e *Engine, q *Queue) {
			e.SetFaults(Faults{Duplicate: 1})
			send(t, q, queue.Outgoing{Body: "a"})
			first, _ := await(t, q)
			again, took := await(t, q)
			if again.ID != first.ID || again.ReceiveCount != 2 || took > time.Millisecond {
				t.Errorf("got %+v after %v, want the same message at once", again, took)
			}
			if _, took := await(t, q); took != visibility {
				t.Errorf("the third receive came after %v, want %v", took, visibility)
			}
		},
		"messages come out of order": func(t *testing.T, e *Engine, q *Queue) {
			e.SetFaults(Faults{Reorder: 1})
			send(t, q, queue.Outgoing{Body: "a"}, queue.Outgoing{Body: "b"}, queue.Outgoing{Body: "c"})
			order := ""
			for _, m := range receive(t, q, 3) {
				order += m.Body
			}
			if order != "cba" {
				t.Errorf("got %s, want cba", order)
			}
		},
		"a batch is sent in part": func(t *testing.T, e *Engine, q *Queue) {
			e.SetFaults(Faults{PartSent: 0.5, Rand: half()})
			err := q.Send(t.Context(), []queue.Outgoing{{Body: "a"}, {Body: "b"}, {Body: "c"}})
			partial, ok := errors.AsType[*queue.PartialError](err)
			if !ok || len(partial.Failed) != 1 || webhook.KindOf(partial.Failed[1]) != webhook.Unavailable {
				t.Errorf("got %v, want entry 1 unavailable", err)
			}
			wantCounts(t, q, queue.Counts{Visible: 2})
		},
		"a batch is hidden in part": func(t *testing.T, e *Engine, q *Queue) {
			send(t, q, queue.Outgoing{Body: "a"}, queue.Outgoing{Body: "b"})
			var vs []queue.Visibility
			for _, m := range receive(t, q, 2) {
				vs = append(vs, queue.Visibility{Handle: m.Handle})
			}
			e.SetFaults(Faults{PartHidden: 0.5, Rand: half()})
			partial, ok := errors.AsType[*queue.PartialError](q.Hide(t.Context(), vs))
			if !ok || len(partial.Failed) != 1 || webhook.KindOf(partial.Failed[1]) != webhook.Unavailable {
				t.Errorf("got %v, want entry 1 unavailable", partial)
			}
			wantCounts(t, q, queue.Counts{Visible: 1, InFlight: 1})
		},
		"counts lag": func(t *testing.T, e *Engine, q *Queue) {
			e.SetFaults(Faults{CountLag: time.Minute})
			wantCounts(t, q, queue.Counts{})
			send(t, q, queue.Outgoing{Body: "a"})
			wantCounts(t, q, queue.Counts{})
			<-time.After(time.Minute)
			wantCounts(t, q, queue.Counts{Visible: 1})
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := open(t, "", Options{})
				run(t, e, newQueue(t, e, "main", QueueConfig{Visibility: visibility}))
			})
		})
	}
}
