package faultinject_test

import (
	"errors"
	"reflect"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"hookline/shared/faultinject"
	"hookline/shared/queue"
	"hookline/shared/queue/queuetest"
	"hookline/shared/queue/sqlite"
	"hookline/shared/webhook"
)

// newEngine opens an engine in memory, whose queues are wrapped with the faults.
func newEngine(t *testing.T, faults *faultinject.Queues, opts sqlite.Options) func(name string, cfg sqlite.QueueConfig) queue.Queue {
	t.Helper()
	e, err := sqlite.New("", opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return func(name string, cfg sqlite.QueueConfig) queue.Queue {
		t.Helper()
		q, err := e.Queue(name, cfg)
		if err != nil {
			t.Fatal(err)
		}
		return faults.Wrap(q)
	}
}

// TestQueuesWithoutFaults holds a wrapped queue to the contract.
func TestQueuesWithoutFaults(t *testing.T) {
	queuetest.Run(t, queuetest.Engine{
		Virtual: true,
		Slack:   2 * time.Millisecond,
		Open: func(t *testing.T, cfg queuetest.Config) queuetest.Queues {
			open := newEngine(t, new(faultinject.Queues), sqlite.Options{MaxInFlight: cfg.MaxInFlight})
			main := sqlite.QueueConfig{Visibility: cfg.Visibility, MaxReceive: cfg.MaxReceive}
			if cfg.MaxReceive > 0 {
				main.DeadLetter = "dead"
			}
			return queuetest.Queues{Main: open("main", main), Dead: open("dead", sqlite.QueueConfig{}), Other: open("other", sqlite.QueueConfig{})}
		},
	})
}

// everyCall calls every method of an interface, but those excepted, on a value that must not pass the call on.
func everyCall[T any](t *testing.T, v T, except ...string) {
	t.Helper()
	for m := range reflect.TypeFor[T]().Methods() {
		name := m.Name
		if slices.Contains(except, name) {
			continue
		}
		method := reflect.ValueOf(&v).Elem().MethodByName(name)
		args := []reflect.Value{reflect.ValueOf(t.Context())}
		for j := 1; j < method.Type().NumIn() && !(method.Type().IsVariadic() && j == method.Type().NumIn()-1); j++ {
			args = append(args, reflect.Zero(method.Type().In(j)))
		}
		out := method.Call(args)
		if err, _ := reflect.TypeAssert[error](out[len(out)-1]); !errors.Is(err, faultinject.Err) || !webhook.Is(err, webhook.Unavailable) {
			t.Errorf("%s: got %v, want the injected fault, unavailable", name, err)
		}
	}
}

// TestEveryCallOfAQueue shows that a fault reaches every call. A call that passed would find no queue.
func TestEveryCallOfAQueue(t *testing.T) {
	everyCall(t, faultinject.Queue(nil, faultinject.QueueFaults{Before: func(string) error { return faultinject.Err }}), "Name")
}

func send(t *testing.T, q queue.Queue, msgs ...queue.Outgoing) {
	t.Helper()
	if err := q.Send(t.Context(), msgs); err != nil {
		t.Fatalf("send: %v", err)
	}
}

// receive receives once, without waiting.
func receive(t *testing.T, q queue.Queue, n int) []queue.Received {
	t.Helper()
	got, err := q.Receive(t.Context(), queue.MaxBatch, 0)
	if err != nil {
		t.Fatalf("receive: %v", err)
	}
	if len(got) != n {
		t.Fatalf("got %d messages, want %d", len(got), n)
	}
	return got
}

// await receives one message and says how long that took.
func await(t *testing.T, q queue.Queue) (queue.Received, time.Duration) {
	t.Helper()
	start := time.Now()
	got, err := q.Receive(t.Context(), 1, queue.MaxWait)
	if err != nil || len(got) != 1 {
		t.Fatalf("got %d messages and %v, want one", len(got), err)
	}
	return got[0], time.Since(start)
}

func wantCounts(t *testing.T, q queue.Queue, want queue.Counts) {
	t.Helper()
	got, err := q.Counts(t.Context())
	if err != nil {
		t.Fatalf("counts: %v", err)
	}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// wantUnavailable calls every method.
func wantUnavailable(t *testing.T, q queue.Queue, handle string) {
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
		if !webhook.Is(err, webhook.Unavailable) {
			t.Errorf("%s: got %v, want it unavailable", name, err)
		}
	}
}

func TestQueueFaults(t *testing.T) {
	const visibility = 10 * time.Second
	half := func() func() float64 { // every other time
		n := 0
		return func() float64 { n++; return float64(n % 2) }
	}
	for name, run := range map[string]func(t *testing.T, f *faultinject.Queues, q queue.Queue){
		"a throttled call does nothing": func(t *testing.T, f *faultinject.Queues, q queue.Queue) {
			send(t, q, queue.Outgoing{Body: "a"}, queue.Outgoing{Body: "b"})
			got, _ := await(t, q)
			f.Set(faultinject.QueueFaults{Throttle: 1})
			wantUnavailable(t, q, got.Handle)
			f.Set(faultinject.QueueFaults{})
			wantCounts(t, q, queue.Counts{Visible: 1, InFlight: 1})
		},
		"an unanswered call does everything": func(t *testing.T, f *faultinject.Queues, q queue.Queue) {
			send(t, q, queue.Outgoing{Body: "a"}, queue.Outgoing{Body: "b"})
			got, _ := await(t, q)
			f.Set(faultinject.QueueFaults{Unanswered: 1})
			wantUnavailable(t, q, got.Handle)
			f.Set(faultinject.QueueFaults{})
			wantCounts(t, q, queue.Counts{Visible: 1, InFlight: 1})
			if got := receive(t, q, 1)[0].Body; got != "another" {
				t.Errorf("got %q, want what was sent unanswered", got)
			}
		},
		"a duplicate comes once": func(t *testing.T, f *faultinject.Queues, q queue.Queue) {
			f.Set(faultinject.QueueFaults{Duplicate: 1})
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
		"messages come out of order": func(t *testing.T, f *faultinject.Queues, q queue.Queue) {
			f.Set(faultinject.QueueFaults{Reorder: 1})
			send(t, q, queue.Outgoing{Body: "a"}, queue.Outgoing{Body: "b"}, queue.Outgoing{Body: "c"})
			order := ""
			for _, m := range receive(t, q, 3) {
				order += m.Body
			}
			if order != "cba" {
				t.Errorf("got %s, want cba", order)
			}
		},
		"a batch overtakes the one before it": func(t *testing.T, f *faultinject.Queues, q queue.Queue) {
			for range 3 {
				send(t, q, slices.Repeat([]queue.Outgoing{{Body: "a"}}, 4)...)
			}
			f.Set(faultinject.QueueFaults{Reorder: 1})
			newer := receive(t, q, queue.MaxBatch)
			f.Set(faultinject.QueueFaults{})
			older := receive(t, q, 2)
			if newer[9].ID <= older[0].ID || newer[9].ID <= older[1].ID {
				t.Errorf("got %s last and then %s and %s, want the two oldest messages after the others", newer[9].ID, older[0].ID, older[1].ID)
			}
		},
		"a batch is sent in part": func(t *testing.T, f *faultinject.Queues, q queue.Queue) {
			f.Set(faultinject.QueueFaults{PartSent: 0.5, Rand: half()})
			err := q.Send(t.Context(), []queue.Outgoing{{Body: "a"}, {Body: "b"}, {Body: "c"}})
			partial, ok := errors.AsType[*queue.PartialError](err)
			if !ok || len(partial.Failed) != 1 || !webhook.Is(partial.Failed[1], webhook.Unavailable) {
				t.Errorf("got %v, want entry 1 unavailable", err)
			}
			wantCounts(t, q, queue.Counts{Visible: 2})
		},
		"a batch is hidden in part": func(t *testing.T, f *faultinject.Queues, q queue.Queue) {
			send(t, q, queue.Outgoing{Body: "a"}, queue.Outgoing{Body: "b"})
			var vs []queue.Visibility
			for _, m := range receive(t, q, 2) {
				vs = append(vs, queue.Visibility{Handle: m.Handle})
			}
			f.Set(faultinject.QueueFaults{PartHidden: 0.5, Rand: half()})
			partial, ok := errors.AsType[*queue.PartialError](q.Hide(t.Context(), vs))
			if !ok || len(partial.Failed) != 1 || !webhook.Is(partial.Failed[1], webhook.Unavailable) {
				t.Errorf("got %v, want entry 1 unavailable", partial)
			}
			wantCounts(t, q, queue.Counts{Visible: 1, InFlight: 1})
		},
		"counts lag": func(t *testing.T, f *faultinject.Queues, q queue.Queue) {
			f.Set(faultinject.QueueFaults{CountLag: time.Minute})
			wantCounts(t, q, queue.Counts{})
			send(t, q, queue.Outgoing{Body: "a"})
			wantCounts(t, q, queue.Counts{})
			<-time.After(time.Minute)
			wantCounts(t, q, queue.Counts{Visible: 1})
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				faults := new(faultinject.Queues)
				run(t, faults, newEngine(t, faults, sqlite.Options{})("main", sqlite.QueueConfig{Visibility: visibility}))
			})
		})
	}
}
