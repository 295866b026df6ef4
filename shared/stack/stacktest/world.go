// Package stacktest runs a whole stack in a test: every service, on the embedded engines in memory.
//
// A World says what is special about the stack: its receiver, its faults, its clock. World.Run starts it in a bubble of
// testing/synctest, where a ladder of 27 hours takes milliseconds, and World.Start in real time. The test then calls the
// stack's API as a Client, lets time Pass, and looks at what the Receiver got. A stack may log an error only where the
// World says so.
//
// A test of one service, over a store in memory and with the rest replaced, takes what it needs from here instead: a
// Builder, which makes each service and the API, and a Clock and an Outbox to replace parts of them with.
//
// Only tests may import this package; infra/checks holds the tree to it.
package stacktest

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"hookline/shared/clock"
	"hookline/shared/delivery"
	"hookline/shared/dialect"
	"hookline/shared/faultinject"
	"hookline/shared/ingest"
	"hookline/shared/metrics"
	"hookline/shared/notify"
	"hookline/shared/queue"
	"hookline/shared/seal"
	"hookline/shared/sqlitedb"
	"hookline/shared/stack"
	"hookline/shared/stack/whole"
	"hookline/shared/store"
)

// AdminKey is the admin key of every stack in tests.
const AdminKey = "hka_of_these_tests"

// World is a stack that has not started yet. The zero World sends its POSTs over the network, and has no faults.
type World struct {
	Receiver    *Receiver       // takes the POSTs in the place of the network
	Poster      delivery.Poster // takes them if there is no Receiver; nil is the network
	Production  bool            // production's rules for URLs; otherwise private ones are allowed
	Clock       clock.Clock
	InFlight    int          // the queues' in-flight cap; 0 means SQS's
	Dialects    *dialect.Set // nil means those that come with Hookline
	Announcer   ingest.Announcer
	Mailer      notify.Mailer // nil means that no mail is sent
	Address     string        // of the console, for mails
	StoreFaults faultinject.StoreFaults
	QueueFaults *faultinject.Queues           // of all queues
	WrapStore   func(store.Store) store.Store // changes the store
	WrapQueues  func(map[string]queue.Queue)  // changes the queues
	LogsErrors  bool                          // errors may be logged, because the test causes them
	Metrics     metrics.Recorder              // of everything that is counted; nil counts nothing

	wait time.Duration // of a receive of an empty queue; 0 means queue.MaxWait
}

// Stack is a stack that runs. Its Client has the admin's key.
type Stack struct {
	*Client
	API     http.Handler
	Console http.Handler
	Store   store.Store            // as the World has wrapped it
	File    *sqlitedb.DB           // of both store and queues
	Queues  map[string]queue.Queue // the engine's own, without wrappers
}

// Run gives fn the stack in a bubble, whose time passes when all wait. In it only the Receiver takes POSTs, because a
// socket would keep time from passing.
func (w World) Run(t *testing.T, fn func(t *testing.T, s *Stack)) {
	t.Helper()
	w.wait = time.Hour // while a month passes, receives of 20 s would look into the empty queues millions of times
	synctest.Test(t, func(t *testing.T) { fn(t, w.Start(t)) })
}

// Start starts the stack, in the time of its caller. It stops when the test ends.
func (w World) Start(t testing.TB) *Stack {
	t.Helper()
	file := OpenFile(t) // for both, as the program has it
	s := &Stack{File: file, Store: openStore(t, file, &w.StoreFaults, w.Clock), Queues: openQueues(t, file, w.InFlight, w.wait, w.Clock)}
	used := make(map[string]queue.Queue)
	for name, q := range s.Queues {
		if used[name] = q; w.QueueFaults != nil {
			used[name] = w.QueueFaults.Wrap(q)
		}
	}
	if w.WrapQueues != nil {
		w.WrapQueues(used)
	}
	if w.WrapStore != nil {
		s.Store = w.WrapStore(s.Store)
	}
	errs := new(complaints)
	parts := stack.Parts{
		Store: s.Store, Queues: used, Keys: seal.NewStatic("test"), Log: slog.New(errs), Clock: w.Clock, InFlight: w.InFlight,
		Dialects: w.Dialects, Announcer: w.Announcer, AllowPrivate: !w.Production, Poster: w.Poster,
	}
	if parts.Dialects == nil {
		parts.Dialects = Dialects(t)
	}
	if w.Receiver != nil {
		parts.Poster = w.Receiver
	}
	all, err := whole.Assemble(whole.Parts{Parts: parts, AdminKey: AdminKey, Files: Files(t), Mailer: w.Mailer, Address: w.Address, Wait: w.wait, Metrics: w.Metrics})
	if err != nil {
		t.Fatal(err)
	}
	s.API, s.Console, s.Client = all.API, all.Console, Call(t, all.API, AdminKey)
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	var wg sync.WaitGroup
	wg.Go(func() { all.Work(ctx, context.WithoutCancel(ctx)) })
	wg.Go(func() { all.Sweep(ctx) })
	t.Cleanup(func() {
		stop()
		wg.Wait()
		if len(errs.lines) > 0 && !w.LogsErrors {
			t.Errorf("%d errors were logged, the first: %s", len(errs.lines), errs.lines[0])
		}
	})
	return s
}

// Pass lets a bubble's time pass.
func Pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// Until waits until done, for what happens in its own time.
func Until(t testing.TB, limit time.Duration, what string, done func() bool) {
	t.Helper()
	end := time.Now().Add(limit)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		if time.Now().After(end) {
			t.Fatalf("after %v still not: %s", limit, what)
		}
		<-tick.C
	}
}

// complaints collects the errors that are logged: where no fault is injected there is nothing to complain of.
type complaints struct {
	mu    sync.Mutex
	lines []string
}

func (c *complaints) Enabled(_ context.Context, level slog.Level) bool {
	return level >= slog.LevelError
}

func (c *complaints) WithAttrs([]slog.Attr) slog.Handler { return c }

func (c *complaints) WithGroup(string) slog.Handler { return c }

func (c *complaints) Handle(_ context.Context, r slog.Record) error {
	line := r.Message
	r.Attrs(func(a slog.Attr) bool {
		line += " " + a.String()
		return true
	})
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lines = append(c.lines, line)
	return nil
}
