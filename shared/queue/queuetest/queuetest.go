// Package queuetest is the suite that every engine of package queue passes: the behaviours of SQS that queue.Queue can
// show, by name. An engine that cannot show one says which and why, so that differences are seen and not passed over.
//
// Checks use whole seconds and spans of a second or two, so that the suite can run against a service in real time. An
// engine in this process runs it in virtual time, in milliseconds.
package queuetest

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"hookline/shared/queue"
)

// Config is the configuration that a check wants for its main queue. Spans are whole seconds.
type Config struct {
	Visibility  time.Duration // 0 means 30 s
	MaxReceive  int           // receives before a message goes to Dead; 0 means that none does
	MaxInFlight int           // 0 means the engine's own cap
}

// Queues are three empty queues that no other check uses. Dead is Main's dead-letter queue if MaxReceive is set. Dead
// and Other have a visibility timeout of 30 s.
type Queues struct{ Main, Dead, Other queue.Queue }

// Engine is what the suite runs against.
type Engine struct {
	// Open makes queues and registers their cleanup.
	Open func(t *testing.T, cfg Config) Queues
	// Virtual runs each check in a bubble of testing/synctest of its own. Otherwise the checks run side by side, in
	// real time.
	Virtual bool
	// Slack is how early or late something may happen. 0 means 1 s.
	Slack time.Duration
	// Differs names the checks that the engine cannot show, each with the reason. They are not run.
	Differs map[string]string
}

// check is one behaviour, by the name that Differs uses.
type check struct {
	name string
	cfg  Config
	run  func(h *harness)
}

// Run runs every check that the engine does not declare to differ in.
func Run(t *testing.T, e Engine) {
	all := slices.Concat(sending(), receiving(), deleting(), hiding(), deadLetters(), moving(), sharing())
	for name := range e.Differs {
		if !slices.ContainsFunc(all, func(c check) bool { return c.name == name }) {
			t.Errorf("the engine differs in %q, which is no check", name)
		}
	}
	ran := 0
	t.Run("checks", func(t *testing.T) {
		for _, c := range all {
			if why, ok := e.Differs[c.name]; ok {
				t.Logf("not run, the engine differs: %s: %s", c.name, why)
				continue
			}
			ran++
			t.Run(c.name, func(t *testing.T) {
				if e.Virtual {
					synctest.Test(t, func(t *testing.T) { c.run(newHarness(t, e, c.cfg)) })
					return
				}
				t.Parallel()
				c.run(newHarness(t, e, c.cfg))
			})
		}
	})
	t.Attr("checks", fmt.Sprintf("%d run, in %d the engine differs", ran, len(all)-ran))
}

// harness has what a check works with. Its methods end the check when something is wrong.
type harness struct {
	*testing.T
	Queues
	slack time.Duration
}

func newHarness(t *testing.T, e Engine, cfg Config) *harness {
	h := &harness{T: t, Queues: e.Open(t, cfg), slack: e.Slack}
	if h.slack == 0 {
		h.slack = time.Second
	}
	return h
}

// patience is how long a check waits for something that the engine promises no time for.
const patience = time.Minute

// texts makes messages of bodies.
func texts(bodies ...string) []queue.Outgoing {
	var out []queue.Outgoing
	for _, b := range bodies {
		out = append(out, queue.Outgoing{Body: b})
	}
	return out
}

// numbered makes n messages of a group.
func numbered(group string, n int) []queue.Outgoing {
	var out []queue.Outgoing
	for i := range n {
		out = append(out, queue.Outgoing{Body: fmt.Sprintf("%s %d", group, i), Group: group})
	}
	return out
}

func (h *harness) send(q queue.Queue, msgs ...queue.Outgoing) {
	h.Helper()
	for batch := range slices.Chunk(msgs, queue.MaxBatch) {
		if err := q.Send(h.Context(), batch); err != nil {
			h.Fatalf("send: %v", err)
		}
	}
}

// poll receives once.
func (h *harness) poll(q queue.Queue, most int, wait time.Duration) []queue.Received {
	h.Helper()
	got, err := q.Receive(h.Context(), most, wait)
	if err != nil {
		h.Fatalf("receive: %v", err)
	}
	if len(got) > most {
		h.Fatalf("receive of %d: got %d", most, len(got))
	}
	return got
}

// receive receives n messages.
func (h *harness) receive(q queue.Queue, n int) []queue.Received {
	h.Helper()
	var got []queue.Received
	for start := time.Now(); len(got) < n; {
		if time.Since(start) > patience {
			h.Fatalf("got %d messages, want %d", len(got), n)
		}
		got = append(got, h.poll(q, min(n-len(got), queue.MaxBatch), 2*time.Second)...)
	}
	return got
}

func (h *harness) one(q queue.Queue) queue.Received {
	h.Helper()
	return h.receive(q, 1)[0]
}

// none checks that nothing can be received for a while.
func (h *harness) none(q queue.Queue, wait time.Duration) {
	h.Helper()
	if got := h.poll(q, 1, wait); len(got) > 0 {
		h.Fatalf("got message %q at its receive %d, want none", got[0].Body, got[0].ReceiveCount)
	}
}

func (h *harness) remove(q queue.Queue, msgs ...queue.Received) {
	h.Helper()
	for batch := range slices.Chunk(msgs, queue.MaxBatch) {
		var handles []string
		for _, m := range batch {
			handles = append(handles, m.Handle)
		}
		if err := q.Delete(h.Context(), handles...); err != nil {
			h.Fatalf("delete: %v", err)
		}
	}
}

func (h *harness) hide(q queue.Queue, m queue.Received, span time.Duration) {
	h.Helper()
	if err := q.Hide(h.Context(), []queue.Visibility{{Handle: m.Handle, For: span}}); err != nil {
		h.Fatalf("hide for %v: %v", span, err)
	}
}

// counts waits until the counts are as wanted.
func (h *harness) counts(q queue.Queue, want queue.Counts) {
	h.Helper()
	h.eventually(func() (bool, any) {
		got, err := q.Counts(h.Context())
		if err != nil {
			h.Fatalf("counts: %v", err)
		}
		return got == want, fmt.Sprintf("counts of %s: got %+v, want %+v", q.Name(), got, want)
	})
}

// eventually asks until the answer is yes. When patience is over it fails with the state that was returned last.
func (h *harness) eventually(is func() (bool, any)) {
	h.Helper()
	for start := time.Now(); ; h.pass(200 * time.Millisecond) {
		ok, state := is()
		if ok {
			return
		}
		if time.Since(start) > patience {
			h.Fatal(state)
		}
	}
}

// pass lets time pass.
func (h *harness) pass(d time.Duration) { <-time.After(d) }

// took checks how long something lasted that began at start.
func (h *harness) took(what string, start time.Time, want time.Duration) {
	h.Helper()
	if got := time.Since(start); got < want-h.slack || got > want+h.slack {
		h.Errorf("%s took %v, want %v within %v", what, got, want, h.slack)
	}
}

// refused checks that these entries of a batch were refused and no others, each with its error (nil means any).
func (h *harness) refused(err error, want map[int]error) {
	h.Helper()
	partial, ok := errors.AsType[*queue.PartialError](err)
	if !ok {
		h.Fatalf("got %v, want a partial failure", err)
	}
	for i, want := range want {
		if got := partial.Failed[i]; got == nil || want != nil && !errors.Is(got, want) {
			h.Errorf("entry %d: got %v, want %v", i, got, want)
		}
	}
	for i, err := range partial.Failed {
		if _, ok := want[i]; !ok {
			h.Errorf("entry %d: got %v, want it taken", i, err)
		}
	}
}

// bodies returns the messages' bodies, sorted.
func bodies(msgs []queue.Received) []string {
	var out []string
	for _, m := range msgs {
		out = append(out, m.Body)
	}
	slices.Sort(out)
	return out
}
