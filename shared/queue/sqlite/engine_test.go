package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"hookline/shared/clock"
	"hookline/shared/queue"
	"hookline/shared/sqlitedb"
	"hookline/shared/webhook"
)

func send(t testing.TB, q *Queue, msgs ...queue.Outgoing) {
	t.Helper()
	if err := q.Send(t.Context(), msgs); err != nil {
		t.Fatalf("send: %v", err)
	}
}

// receive receives once, without waiting for long.
func receive(t testing.TB, q *Queue, n int) []queue.Received {
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

func hide(t testing.TB, q *Queue, m queue.Received, span time.Duration) error {
	t.Helper()
	err := q.Hide(t.Context(), []queue.Visibility{{Handle: m.Handle, For: span}})
	if partial, ok := errors.AsType[*queue.PartialError](err); ok {
		return partial.Failed[0]
	}
	return err
}

func wantCounts(t testing.TB, q *Queue, want queue.Counts) {
	t.Helper()
	got, err := q.Counts(t.Context())
	if err != nil {
		t.Fatalf("counts: %v", err)
	}
	if got != want {
		t.Errorf("counts of %s: got %+v, want %+v", q.Name(), got, want)
	}
}

// await receives one message in a long poll, and returns it with how long that took.
func await(t testing.TB, q *Queue) (queue.Received, time.Duration) {
	t.Helper()
	start := time.Now()
	got, err := q.Receive(t.Context(), 1, queue.MaxWait)
	if err != nil || len(got) != 1 {
		t.Fatalf("got %d messages and %v, want 1", len(got), err)
	}
	return got[0], time.Since(start)
}

// crash copies the files as they are on disk now, as a process that is killed at this moment leaves them, and returns
// the path of the copy.
func crash(t *testing.T, path string) string {
	t.Helper()
	left := filepath.Join(t.TempDir(), "left.db")
	for _, suffix := range []string{"", "-wal"} {
		b, err := os.ReadFile(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(left+suffix, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return left
}

func TestCrash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "queue.db")
		e := open(t, path, Options{})
		cfg := QueueConfig{DeadLetter: "dead", MaxReceive: 2}
		q := newQueue(t, e, "main", cfg)
		for _, body := range []string{"worked on", "parked", "deleted", "dead"} {
			send(t, q, queue.Outgoing{Body: body, Group: body})
		}
		byBody := make(map[string]queue.Received)
		for _, m := range receive(t, q, 4) {
			byBody[m.Body] = m
		}
		send(t, q, queue.Outgoing{Body: "delayed", Delay: 10 * time.Second}, queue.Outgoing{Body: "sent"})
		if err := hide(t, q, byBody["parked"], 15*time.Second); err != nil {
			t.Fatal(err)
		}
		if err := q.Delete(t.Context(), byBody["deleted"].Handle); err != nil {
			t.Fatal(err)
		}
		if err := hide(t, q, byBody["dead"], 0); err != nil {
			t.Fatal(err)
		}

		e = open(t, crash(t, path), Options{})
		q = newQueue(t, e, "main", cfg)
		wantCounts(t, q, queue.Counts{Visible: 3, InFlight: 1, Delayed: 1})
		counts := make(map[string]int)
		for _, m := range receive(t, q, 3) {
			counts[m.Body] = m.ReceiveCount
			if m.Body == "worked on" && (m.ID != byBody[m.Body].ID || !m.FirstReceived.Equal(byBody[m.Body].FirstReceived)) {
				t.Errorf("got %+v, want the message it was: %+v", m, byBody[m.Body])
			}
		}
		if diff := cmp.Diff(map[string]int{"worked on": 2, "dead": 2, "sent": 1}, counts); diff != "" {
			t.Errorf("receives (-want +got):\n%s", diff)
		}
		for _, want := range []struct {
			body  string
			after time.Duration
		}{{"delayed", 10 * time.Second}, {"parked", 5 * time.Second}} {
			if m, took := await(t, q); m.Body != want.body || took != want.after {
				t.Errorf("got %q after %v, want %q after %v", m.Body, took, want.body, want.after)
			}
		}
	})
}

func TestCrashOfAMove(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "queue.db")
		e := open(t, path, Options{})
		main := newQueue(t, e, "main", QueueConfig{DeadLetter: "dead", MaxReceive: 1})
		dead := newQueue(t, e, "dead", QueueConfig{})
		for range 10 {
			send(t, main, queue.Outgoing{Body: "hello"})
		}
		for _, m := range receive(t, main, 10) {
			if err := hide(t, main, m, 0); err != nil {
				t.Fatal(err)
			}
		}
		receive(t, main, 0)
		wantCounts(t, dead, queue.Counts{Visible: 10})
		id, err := dead.StartMove(t.Context(), "", 2)
		if err != nil {
			t.Fatal(err)
		}
		<-time.After(1600 * time.Millisecond)
		synctest.Wait()

		e = open(t, crash(t, path), Options{})
		main = newQueue(t, e, "main", QueueConfig{DeadLetter: "dead", MaxReceive: 1})
		dead = newQueue(t, e, "dead", QueueConfig{})
		synctest.Wait() // for its first step
		want := queue.Move{ID: id, Status: "RUNNING", Moved: 5, ToMove: 10, MaxPerSecond: 2}
		for _, status := range []string{"RUNNING", "COMPLETED"} {
			got, err := dead.Moves(t.Context())
			if err != nil || len(got) != 1 {
				t.Fatalf("got %d moves and %v, want 1", len(got), err)
			}
			got[0].StartedAt = time.Time{}
			if want.Status = status; status == "COMPLETED" {
				want.Moved = 10
			}
			if diff := cmp.Diff(want, got[0]); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			<-time.After(3 * time.Second)
			synctest.Wait()
		}
		wantCounts(t, dead, queue.Counts{})
		wantCounts(t, main, queue.Counts{Visible: 10})
	})
}

func TestScaledClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const speed = 1000
		clk := clock.Clock{Real: time.Now(), Anchor: time.Now().Add(time.Hour), Speed: speed}
		e := open(t, "", Options{Clock: clk})
		q := newQueue(t, e, "main", QueueConfig{Visibility: 5 * time.Second, Retention: 10 * time.Hour})

		send(t, q, queue.Outgoing{Body: "hello", Delay: 10 * time.Minute})
		m, took := await(t, q)
		if got, want := took, 600*time.Millisecond; got != want {
			t.Errorf("a delay of 10 min: got %v, want %v", got, want)
		}
		if got, want := m.FirstReceived.Sub(m.SentAt), 10*time.Minute; got != want {
			t.Errorf("by the recorded times: got %v, want %v", got, want)
		}
		if m, took = await(t, q); took != 5*time.Second {
			t.Errorf("a visibility timeout of 5 s: got %v, want it in real time", took)
		}
		<-time.After(2 * time.Second) // 2,000 s by the clock, of which the 12 hours must know nothing
		if err := hide(t, q, m, queue.MaxVisibility-time.Second); !errors.Is(err, queue.ErrBeyondLimit) {
			t.Errorf("hide for 12 h less 1 s after 2 s: got %v, want %v", err, queue.ErrBeyondLimit)
		}
		if err := hide(t, q, m, queue.MaxVisibility-3*time.Second); err != nil {
			t.Errorf("hide for 12 h less 3 s after 2 s: got %v, want it hidden", err)
		}
		if err := hide(t, q, m, 2*time.Hour); err != nil {
			t.Fatal(err)
		}
		if m, took = await(t, q); took != 7200*time.Millisecond {
			t.Errorf("hidden for 2 h: got %v, want 7.2 s", took)
		}
		if err := hide(t, q, m, 9*time.Hour); err != nil {
			t.Fatal(err)
		}
		<-time.After(36 * time.Second)
		receive(t, q, 0) // past its retention
		wantCounts(t, q, queue.Counts{})
	})
}

func TestRetention(t *testing.T) {
	const day = 24 * time.Hour
	synctest.Test(t, func(t *testing.T) {
		e := open(t, "", Options{})
		plain := newQueue(t, e, "plain", QueueConfig{Retention: 4 * day})
		q := newQueue(t, e, "main", QueueConfig{DeadLetter: "dead", MaxReceive: 1})
		dead := newQueue(t, e, "dead", QueueConfig{Retention: 4 * day})
		wantCounts(t, dead, queue.Counts{})
		send(t, plain, queue.Outgoing{Body: "older", Delay: queue.MaxDelay})
		<-time.After(sweepEvery / 2)
		send(t, plain, queue.Outgoing{Body: "visible"}, queue.Outgoing{Body: "parked"})
		send(t, q, queue.Outgoing{Body: "dead"})

		<-time.After(3 * day)
		if err := hide(t, q, receive(t, q, 1)[0], 0); err != nil {
			t.Fatal(err)
		}
		receive(t, q, 0)
		wantCounts(t, dead, queue.Counts{Visible: 1})

		// Messages are swept out when the older one has expired, and not again for a while, but expire at their time.
		<-time.After(day - sweepEvery/2)
		got := receive(t, plain, 2)
		if err := hide(t, plain, got[0], 0); err != nil {
			t.Fatal(err)
		}
		if err := hide(t, plain, got[1], time.Hour); err != nil {
			t.Fatal(err)
		}
		<-time.After(sweepEvery/2 - time.Millisecond)
		if err := hide(t, plain, receive(t, plain, 1)[0], 0); err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Millisecond)
		receive(t, plain, 0)
		<-time.After(sweepEvery)
		wantCounts(t, plain, queue.Counts{})
		if err := hide(t, plain, got[1], 0); !errors.Is(err, queue.ErrStaleHandle) {
			t.Errorf("hide of a message that expired: got %v, want %v", err, queue.ErrStaleHandle)
		}
		wantCounts(t, dead, queue.Counts{}) // as old as it was in the queue it came from
	})
}

// TestLostGroup shows that the engine's memory follows its tables when a commit fails.
func TestLostGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "queue.db")
		e := open(t, path, Options{})
		q := newQueue(t, e, "main", QueueConfig{})
		send(t, q, queue.Outgoing{Body: "kept", Delay: time.Second}, queue.Outgoing{Body: "deleted"})
		deleted := receive(t, q, 1)[0]
		if err := q.Delete(t.Context(), deleted.Handle); err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Second)
		// All writes that wait while the writer is busy are one group.
		busy := make(chan struct{})
		go e.db.Write(t.Context(), func(*sqlitedb.Tx) error { <-busy; return nil })
		synctest.Wait()
		lost := make(chan error, 2)
		go func() { lost <- q.Send(t.Context(), []queue.Outgoing{{Body: "lost"}}) }()
		synctest.Wait()
		go func() {
			_, err := e.Queue("lost", QueueConfig{})
			lost <- err
		}()
		synctest.Wait()
		go e.db.Write(t.Context(), func(tx *sqlitedb.Tx) error {
			_, err := tx.Exec("ROLLBACK")
			return err
		})
		synctest.Wait()
		close(busy)
		for range 2 {
			if err := <-lost; err == nil {
				t.Error("a write that was rolled back: got no error")
			}
		}
		wantCounts(t, q, queue.Counts{Visible: 1})
		if got := receive(t, q, 1)[0].Body; got != "kept" {
			t.Errorf("got %q, want kept", got)
		}
		again := newQueue(t, e, "lost", QueueConfig{})
		send(t, again, queue.Outgoing{Body: "again"})
		wantCounts(t, newQueue(t, e, "lost", QueueConfig{}), queue.Counts{Visible: 1})
		if got := receive(t, again, 1)[0].ID; got <= deleted.ID {
			t.Errorf("got id %s, want one after %s: no id is used twice", got, deleted.ID)
		}
		e = open(t, crash(t, path), Options{})
		wantCounts(t, newQueue(t, e, "lost", QueueConfig{}), queue.Counts{Visible: 1})
	})
}

// waits counts how often somebody waits for the end of a context. A long poll does so each time it has looked in vain.
type waits struct {
	context.Context
	n int
}

func (w *waits) Done() <-chan struct{} {
	w.n++
	return w.Context.Done()
}

// TestIdle counts how often a long poll looks: once for each event, and never because time passes.
func TestIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := open(t, "", Options{MaxInFlight: 1})
		q := newQueue(t, e, "main", QueueConfig{})
		send(t, q, queue.Outgoing{Body: "a"}, queue.Outgoing{Body: "b"})
		receive(t, q, 1) // b is visible, but cannot be received for 30 s
		ctx := &waits{Context: t.Context()}
		if got, err := q.Receive(ctx, 1, queue.MaxWait); err != nil || len(got) > 0 {
			t.Errorf("got %d messages and %v, want neither", len(got), err)
		}
		if ctx.n != 1 {
			t.Errorf("looked %d times, want 1", ctx.n)
		}
	})
}

// TestDeleteNothing deletes by handles of which none is one.
func TestDeleteNothing(t *testing.T) {
	q := newQueue(t, open(t, "", Options{}), "main", QueueConfig{})
	send(t, q, queue.Outgoing{Body: "hello"})
	if err := q.Delete(t.Context()); err != nil {
		t.Errorf("by no handle: got %v, want nil", err)
	}
	err := q.Delete(t.Context(), "", "none", "0.0")
	partial, ok := errors.AsType[*queue.PartialError](err)
	if !ok || len(partial.Failed) != 3 || !errors.Is(partial.Failed[1], queue.ErrStaleHandle) {
		t.Errorf("by handles that are none: got %v, want each stale", err)
	}
	wantCounts(t, q, queue.Counts{Visible: 1})
}

func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, err := New("", Options{})
		if err != nil {
			t.Fatal(err)
		}
		q := newQueue(t, e, "main", QueueConfig{DeadLetter: "dead", MaxReceive: 1})
		dead := newQueue(t, e, "dead", QueueConfig{})
		send(t, dead, queue.Outgoing{Body: "a"}, queue.Outgoing{Body: "b"})
		if _, err := dead.StartMove(t.Context(), "main", 1); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		receive(t, q, 1)
		poll := make(chan error, 1)
		go func() {
			_, err := q.Receive(t.Context(), 1, queue.MaxWait)
			poll <- err
		}()
		synctest.Wait()
		start := time.Now()
		if err := e.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		if err := <-poll; !errors.Is(err, sqlitedb.ErrClosed) {
			t.Errorf("the long poll: got %v, want %v", err, sqlitedb.ErrClosed)
		}
		if took := time.Since(start); took > 0 {
			t.Errorf("close took %v, want no time", took)
		}
		if err := q.Send(t.Context(), []queue.Outgoing{{Body: "late"}}); !errors.Is(err, sqlitedb.ErrClosed) {
			t.Errorf("a send after it: got %v, want %v", err, sqlitedb.ErrClosed)
		}
		if err := e.Close(); err != nil {
			t.Errorf("close again: %v", err)
		}
	})
}

// TestMoveEnds checks that a task moves the messages that were there when it started, and none that come later.
func TestMoveEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := open(t, "", Options{})
		main := newQueue(t, e, "main", QueueConfig{DeadLetter: "dead", MaxReceive: 1})
		dead := newQueue(t, e, "dead", QueueConfig{})
		send(t, dead, queue.Outgoing{Body: "a"}, queue.Outgoing{Body: "b"}, queue.Outgoing{Body: "c"})
		if _, err := dead.StartMove(t.Context(), "main", 1); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		send(t, dead, queue.Outgoing{Body: "later"})
		<-time.After(10 * time.Second)
		wantCounts(t, main, queue.Counts{Visible: 3})
		wantCounts(t, dead, queue.Counts{Visible: 1})
		moves, err := dead.Moves(t.Context())
		if err != nil || len(moves) != 1 || moves[0].Status != moveCompleted || moves[0].Moved != 3 {
			t.Errorf("got %+v and %v, want one task, completed, of 3", moves, err)
		}
	})
}

// TestMoveFails has a message become visible during a task, which has no queue to go back to.
func TestMoveFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := open(t, "", Options{})
		main := newQueue(t, e, "main", QueueConfig{DeadLetter: "dead", MaxReceive: 1})
		dead := newQueue(t, e, "dead", QueueConfig{})
		send(t, dead, queue.Outgoing{Body: "sent", Group: "b"})
		sent := receive(t, dead, 1)[0]
		send(t, main, queue.Outgoing{Body: "a", Group: "a"}, queue.Outgoing{Body: "b", Group: "a"})
		for _, m := range receive(t, main, 2) {
			if err := hide(t, main, m, 0); err != nil {
				t.Fatal(err)
			}
		}
		receive(t, main, 0)
		if _, err := dead.StartMove(t.Context(), "", 1); err != nil {
			t.Fatal(err)
		}
		if err := hide(t, dead, sent, 0); err != nil {
			t.Fatal(err)
		}
		<-time.After(10 * time.Second)
		wantCounts(t, main, queue.Counts{Visible: 2})
		wantCounts(t, dead, queue.Counts{Visible: 1})
		moves, err := dead.Moves(t.Context())
		if err != nil || len(moves) != 1 || moves[0].Status != moveFailed || moves[0].Moved != 2 {
			t.Errorf("got %+v and %v, want one task, failed after 2", moves, err)
		}
	})
}

func TestMovesKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := open(t, "", Options{})
		newQueue(t, e, "main", QueueConfig{DeadLetter: "dead", MaxReceive: 1})
		dead := newQueue(t, e, "dead", QueueConfig{})
		var last string
		for range movesKept + 2 {
			id, err := dead.StartMove(t.Context(), "main", 0)
			if err != nil {
				t.Fatal(err)
			}
			last = id
			synctest.Wait()
		}
		moves, err := dead.Moves(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(moves) != movesKept || moves[0].ID != last {
			t.Errorf("got %d moves, the first %s, want %d and the newest, %s", len(moves), moves[0].ID, movesKept, last)
		}
		if err := dead.CancelMove(t.Context(), last); !webhook.Is(err, webhook.Conflict) {
			t.Errorf("cancelling a task that has ended: got %v, want a conflict", err)
		}
	})
}

func TestConfigRefused(t *testing.T) {
	e := open(t, "", Options{})
	for name, bad := range map[string]struct {
		name string
		cfg  QueueConfig
	}{
		"no name":           {"", QueueConfig{}},
		"own dead letters":  {"q", QueueConfig{DeadLetter: "q", MaxReceive: 1}},
		"never dead":        {"q", QueueConfig{DeadLetter: "d"}},
		"dead after 1001":   {"q", QueueConfig{DeadLetter: "d", MaxReceive: 1001}},
		"dead after minus1": {"q", QueueConfig{DeadLetter: "d", MaxReceive: -1}},
	} {
		if _, err := e.Queue(bad.name, bad.cfg); !errors.Is(err, queue.ErrRefused) {
			t.Errorf("%s: got %v, want %v", name, err, queue.ErrRefused)
		}
	}
}

func TestParseHandle(t *testing.T) {
	seq, count, ok := parseHandle(formatHandle(1_700_000_000_000_123, 45))
	if seq != 1_700_000_000_000_123 || count != 45 || !ok {
		t.Errorf("got %d, %d, %v, want what was formatted", seq, count, ok)
	}
	for _, bad := range []string{"", ".", "1.1", "0000000000000001", "0000000000000001.0", "0000000000000001.01", "000000000000000G.1", "-000000000000001.1"} {
		if seq, count, ok := parseHandle(bad); ok {
			t.Errorf("%q: got %d, %d, want it refused", bad, seq, count)
		}
	}
}

// BenchmarkQueue sends, receives and deletes bodies of 1 KB from many goroutines at once, in a file. b.N counts
// messages.
func BenchmarkQueue(b *testing.B) {
	for _, batch := range []int{1, 10} {
		b.Run(fmt.Sprintf("batch=%d", batch), func(b *testing.B) {
			e := open(b, filepath.Join(b.TempDir(), "queue.db"), Options{})
			q := newQueue(b, e, "main", QueueConfig{})
			msgs := make([]queue.Outgoing, batch)
			for i := range msgs {
				msgs[i] = queue.Outgoing{Body: strings.Repeat("a", 1000), Group: "wh_" + strconv.Itoa(i)}
			}
			var calls atomic.Int64
			calls.Store(int64((b.N + batch - 1) / batch))
			b.ResetTimer()
			var wg sync.WaitGroup
			for range 32 {
				wg.Go(func() {
					for calls.Add(-1) >= 0 {
						send(b, q, msgs...)
						got, err := q.Receive(b.Context(), batch, queue.MaxWait)
						if err != nil {
							b.Error(err)
							return
						}
						var handles []string
						for _, m := range got {
							handles = append(handles, m.Handle)
						}
						if err := q.Delete(b.Context(), handles...); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
		})
	}
}
