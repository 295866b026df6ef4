package stacktest

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"hookline/shared/clock"
	"hookline/shared/console"
	"hookline/shared/dialect"
	"hookline/shared/faultinject"
	"hookline/shared/queue"
	queuesqlite "hookline/shared/queue/sqlite"
	"hookline/shared/seal"
	"hookline/shared/sqlitedb"
	"hookline/shared/stack"
	"hookline/shared/store"
	storesqlite "hookline/shared/store/sqlite"
)

// They are read once: under the race detector, reading them for each stack took half of the time of some tests.
var (
	builtin = sync.OnceValues(dialect.Builtin)
	files   = sync.OnceValues(console.ReadFiles)
)

// Dialects returns the built-in dialects.
func Dialects(t testing.TB) *dialect.Set { return once(t, builtin) }

// Files returns what the console's pages are made of.
func Files(t testing.TB) *console.Files { return once(t, files) }

func once[T any](t testing.TB, read func() (T, error)) T {
	t.Helper()
	v, err := read()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// Builder returns a builder of services over a store in memory, with these faults, if any. It has the event log, and no
// queues. A caller changes the services that it makes: it gives each of them the queues, the clock and the log that it
// wants.
func Builder(t testing.TB, faults *faultinject.StoreFaults) *stack.Builder {
	t.Helper()
	return BuilderOn(t, OpenFile(t), faults)
}

// BuilderOn returns one whose store is on the file.
func BuilderOn(t testing.TB, file *sqlitedb.DB, faults *faultinject.StoreFaults) *stack.Builder {
	t.Helper()
	b, err := stack.NewBuilder(stack.Parts{
		Store: openStore(t, file, faults, clock.Clock{}), Keys: seal.NewStatic("test"), Dialects: Dialects(t), EventLog: true,
		Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// OpenFile opens an empty file in memory, for a store and queues.
func OpenFile(t testing.TB) *sqlitedb.DB {
	t.Helper()
	file, err := sqlitedb.Open("")
	if err != nil {
		t.Fatal(err)
	}
	closeAfter(t, file.Close)
	return file
}

func openStore(t testing.TB, file *sqlitedb.DB, faults *faultinject.StoreFaults, clk clock.Clock) store.Store {
	kept := storesqlite.On(file, storesqlite.Options{Clock: clk})
	closeAfter(t, kept.Close)
	if faults == nil {
		return kept
	}
	return faultinject.Store(kept, faults)
}

// Queues returns the stack's queues, in memory and apart from any store.
func Queues(t testing.TB) map[string]queue.Queue {
	t.Helper()
	return openQueues(t, OpenFile(t), 0, 0, clock.Clock{})
}

func openQueues(t testing.TB, file *sqlitedb.DB, inFlight int, wait time.Duration, clk clock.Clock) map[string]queue.Queue {
	t.Helper()
	engine, err := queuesqlite.On(file, queuesqlite.Options{MaxInFlight: inFlight, MaxWait: wait, Clock: clk})
	if err != nil {
		t.Fatal(err)
	}
	closeAfter(t, engine.Close)
	queues := make(map[string]queue.Queue)
	for name, dead := range stack.DeadLetters() {
		cfg := queuesqlite.QueueConfig{Visibility: stack.Visibility, Retention: queue.MaxRetention, DeadLetter: dead}
		if dead != "" {
			cfg.MaxReceive = stack.MaxReceive
		}
		if queues[name], err = engine.Queue(name, cfg); err != nil {
			t.Fatal(err)
		}
	}
	return queues
}

func closeAfter(t testing.TB, shut func() error) {
	t.Cleanup(func() {
		if err := shut(); err != nil {
			t.Error(err)
		}
	})
}

// Clock is a clock that is set by hand. It begins at Noon.
type Clock struct {
	mu   sync.Mutex
	past time.Duration
}

// Noon is when a Clock begins.
func Noon() time.Time { return time.Date(2026, 3, 20, 12, 0, 0, 0, time.UTC) }

// Now reads the clock.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return Noon().Add(c.past)
}

// Pass sets the clock forward.
func (c *Clock) Pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.past += d
}

// ErrDown is the error of an Outbox that is down.
var ErrDown = errors.New("down")

// Outbox is a queue that keeps what it is sent, and hands out nothing.
type Outbox struct {
	Sent []queue.Outgoing
	Down bool // it takes nothing
	Lost bool // it takes what it is sent, and its answer is lost
}

// Send keeps messages.
func (o *Outbox) Send(_ context.Context, msgs []queue.Outgoing) error {
	if o.Down {
		return ErrDown
	}
	o.Sent = append(o.Sent, msgs...)
	if o.Lost {
		return ErrDown
	}
	return nil
}

// Hide does nothing.
func (o *Outbox) Hide(context.Context, []queue.Visibility) error { return nil }

// Counts counts what was sent.
func (o *Outbox) Counts(context.Context) (queue.Counts, error) {
	return queue.Counts{Visible: len(o.Sent)}, nil
}
