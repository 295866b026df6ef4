package simulation

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"hookline/shared/delivery"
	"hookline/shared/dialect"
	"hookline/shared/faultinject"
	"hookline/shared/notify"
	"hookline/shared/queue"
	queuesqlite "hookline/shared/queue/sqlite"
	"hookline/shared/schema"
	"hookline/shared/seal"
	"hookline/shared/sqlitedb"
	"hookline/shared/stack"
	"hookline/shared/stack/frontend"
	"hookline/shared/stack/stacktest"
	"hookline/shared/store"
	storesqlite "hookline/shared/store/sqlite"
	"hookline/shared/sweep"
	"hookline/shared/webhook"
)

// setup is what a run has beside its seed. The zero setup is the system as it is, at full size, without a log.
type setup struct {
	variant variant
	logs    bool // it is to be read what happened
	small   bool // a tenth
	unruly  bool // see turns.jostle
}

// world is one run.
type world struct {
	t       testing.TB
	seed    uint64
	weather weather
	setup
	turns   turns
	engine  store.Store
	queues  map[string]queue.Queue // the engine's
	box     seal.Box
	pollers *process // what takes batches from queues and deletes them: it does not crash
	over    bool     // the run has ended

	mu        sync.Mutex
	log       *strings.Builder // nil where nobody reads it
	processes []*process
	made      int             // processes
	woken     map[string]bool // polls that are due
	busy      map[string]int  // batches under way, by queue
	hungry    map[string]bool // queues that are to be polled when a batch has ended
	calm      bool            // there are no faults
	seen      *seen
	clients   [2]client
}

const (
	side = 3 // processes side by side
	most = 6 // batches of a queue at a time
)

// newWorld opens a world in the caller's bubble.
func newWorld(t testing.TB, seed uint64, s setup) *world {
	file, err := sqlitedb.Open(path(t))
	if err != nil {
		t.Fatal(err)
	}
	w := &world{
		t: t, seed: seed, setup: s, weather: weatherOf(seed),
		turns: turns{seed: mix(seed), begun: time.Now(), unruly: s.unruly, taken: make(map[time.Duration]bool)},
		box:   seal.Box{Keys: seal.NewStatic("test")}, calm: true,
		queues: make(map[string]queue.Queue), woken: make(map[string]bool), busy: make(map[string]int), hungry: make(map[string]bool),
	}
	w.seen = newSeen(w)
	if s.logs {
		w.log = new(strings.Builder)
		w.logf("seed %d: %+v", seed, w.weather)
	}
	kept := storesqlite.On(file, storesqlite.Options{})
	w.engine = &watched{Store: kept, w: w}
	engine, err := queuesqlite.On(file, queuesqlite.Options{MaxInFlight: w.weather.inFlight})
	if err != nil {
		t.Fatal(err)
	}
	for name, dead := range stack.DeadLetters() {
		cfg := queuesqlite.QueueConfig{Visibility: stack.Visibility, DeadLetter: dead}
		if dead != "" {
			cfg.MaxReceive = stack.MaxReceive
		}
		if w.queues[name], err = engine.Queue(name, cfg); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		if err := errors.Join(engine.Close(), kept.Close(), file.Close()); err != nil {
			t.Error(err)
		}
	})
	w.pollers = w.newProcess("mapping")
	w.pollers.crashAt = 0
	for range side {
		w.processes = append(w.processes, w.newProcess(""))
	}
	return w
}

// path returns where the database is: in a file system in memory, where a file is quicker than a database in memory, because
// its statements stay prepared. "" is in memory.
func path(t testing.TB) string {
	dir, err := os.MkdirTemp("/dev/shm", "hookline") //nolint:usetesting // t.TempDir is on a disk
	if err != nil {
		return ""
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return filepath.Join(dir, "hookline.db")
}

// now is how long the run has lasted.
func (w *world) now() time.Duration { return time.Since(w.turns.begun) }

// logf writes a line of the log. The caller has the lock, or is alone.
func (w *world) logf(format string, args ...any) {
	if w.log != nil {
		fmt.Fprintf(w.log, "%15.9f ", w.now().Seconds())
		fmt.Fprintf(w.log, format, args...)
		w.log.WriteByte('\n')
	}
}

// process is a process: services with a memory of their own.
type process struct {
	w        *world
	name     string
	api      http.Handler
	handlers map[string]queue.Handler // by the queue whose batches they take
	queues   map[string]queue.Queue
	sweeper  *sweep.Sweeper

	// Under the world's lock:
	calls       int
	crashAt     int  // it is dead after so many calls; 0 means never
	crashBefore bool // the last of them has no effect
	dead        bool
}

func (w *world) newProcess(name string) *process {
	w.made++
	p := &process{w: w, name: name, queues: make(map[string]queue.Queue), handlers: make(map[string]queue.Handler)}
	if name == "" {
		p.name = fmt.Sprint("p", w.made)
	}
	p.crashAt, p.crashBefore = w.weather.crash(w.seed, w.made)
	for name, q := range w.queues {
		p.queues[name] = &faultyQueue{Queue: q, name: name, p: p}
		if w.variant.queue != nil {
			p.queues[name] = w.variant.queue(p.queues[name])
		}
	}
	around := func(kept store.Store) store.Store {
		return faultinject.Store(kept, &faultinject.StoreFaults{Around: p.call, Stale: p.staleList})
	}
	parts := stack.Parts{
		Store: around(w.engine), Queues: p.queues, Keys: keyring{w.box.Keys, w}, Log: w.logger(p), InFlight: w.weather.inFlight, EventLog: true,
		Dialects: stacktest.Dialects(w.t), AllowPrivate: true, Poster: p, Jitter: w.jitter, Announcer: announcer{p},
		Batches: delivery.Concurrency{Delivery: most, Retry: most, Bulk: most},
	}
	if w.variant.store != nil {
		parts.Store = w.variant.store(parts.Store)
	}
	b, err := stack.NewBuilder(parts)
	if err != nil {
		w.t.Fatal(err)
	}
	d, jobs := b.Deliverer()
	d.Dialects = slowDialects{b.Dialects, p}
	d.Health = around(&watched{Store: w.engine.(*watched).Store, w: w, health: true})
	in := b.Ingest()
	api := frontend.API(b)
	api.Publisher, api.Deliverer, api.Replays = in, d, jobs
	api.CheckSchemas = schema.Check
	api.AdminKeyHash = webhook.HashAPIKey(stacktest.AdminKey)
	p.api = api.Handler()
	mails := &notify.Service{
		Store: b.Store, Dialects: b.Dialects, Mailer: mailer{p}, Queue: b.Queues[stack.NotifyQueue], Refused: b.Queues[stack.NotifyDeadQueue],
		Now: b.Clock.Now, Log: b.Log,
	}
	for name, q := range map[string]delivery.Queue{stack.DeliveryQueue: d.Queues.Delivery, stack.RetryQueue: d.Queues.Retry, stack.BulkQueue: d.Queues.Bulk} {
		p.handlers[name] = d.From(q)
	}
	p.handlers[stack.IngestQueue], p.handlers[stack.NotifyQueue] = in.Handle, mails.Handle
	p.sweeper = &sweep.Sweeper{Store: b.Store, Queue: b.Queues[stack.DeliveryQueue], Now: b.Clock.Now, Log: b.Log}
	return p
}

// jitter is that of waits: two calls at one instant do not differ by it.
func (w *world) jitter() float64 {
	w.turns.jostle()
	return chance(mix(w.seed ^ uint64(w.now()))).float()
}

// keyring has the keys of a process.
type keyring struct {
	seal.Keyring
	w *world
}

func (k keyring) Key(ctx context.Context, id string) (seal.Key, error) {
	k.w.turns.jostle()
	return k.Keyring.Key(ctx, id)
}

// process returns one of those that run side by side.
func (w *world) process(c chance) *process {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.processes[c.pick("process", side)]
}

// slowDialects makes the goroutines of a batch take turns before anything that they share.
type slowDialects struct {
	delivery.Dialects
	p *process
}

func (d slowDialects) Dialect(ctx context.Context, ref string) (*dialect.Dialect, error) {
	d.p.w.turns.wait(d.p.name+" dialect", 0)
	return d.Dialects.Dialect(ctx, ref)
}

// wake has a queue polled after a while, at tenths of a second.
func (w *world) wake(name string, after time.Duration) {
	if w.pollers.handlers[name] == nil {
		return // nobody takes dead letters
	}
	const grid = 100 * time.Millisecond
	after += grid
	after -= (w.now() + after) % grid
	key := name + (w.now() + after).String()
	if w.woken[key] {
		return
	}
	w.woken[key] = true
	time.AfterFunc(after, func() {
		w.mu.Lock()
		delete(w.woken, key)
		over := w.over
		w.mu.Unlock()
		if !over {
			w.poll(name)
		}
	})
}

// poll takes a batch of a queue and has it worked on.
func (w *world) poll(name string) {
	c := w.turns.wait("poll "+name, 0)
	w.mu.Lock()
	if w.busy[name] >= most {
		w.hungry[name] = true
		w.mu.Unlock()
		return
	}
	w.busy[name]++
	w.mu.Unlock()
	n := 1 + c.pick("batch", queue.MaxBatch)
	msgs, err := w.pollers.queues[name].Receive(context.Background(), n, 0)
	w.mu.Lock()
	switch {
	case err != nil:
		w.wake(name, time.Second)
	case len(msgs) == n:
		w.wake(name, 0) // there may be more
	case w.weather.inFlight > 0 && w.visible(name):
		w.wake(name, time.Second) // the cap keeps them
	}
	w.mu.Unlock()
	if len(msgs) > 0 {
		w.invoke(name, msgs, c)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.busy[name]--
	if w.hungry[name] {
		w.hungry[name] = false
		w.wake(name, 0)
	}
}

// invoke has a process work on a batch. What it answers is lost with the process, and when its time is over.
func (w *world) invoke(name string, msgs []queue.Received, c chance) {
	p := w.process(c)
	ctx, cancel := context.WithTimeout(context.Background(), stack.FunctionTimeout)
	defer cancel()
	w.mu.Lock()
	w.logf("%s takes of %s:%s", p.name, name, idsOf(msgs))
	w.mu.Unlock()
	if w.variant.early {
		_ = w.pollers.queues[name].Delete(context.Background(), queue.Done(msgs, nil)...)
	}
	stays, err := p.handlers[name](ctx, msgs)
	w.mu.Lock()
	lost := p.dead || ctx.Err() != nil || err != nil
	if lost {
		w.logf("%s has lost %d of %s: dead %t, %v, %v", p.name, len(msgs), name, p.dead, ctx.Err(), err)
		w.seen.lost(name, msgs, ctx.Err() != nil)
	}
	w.seen.stay(name, msgs, stays)
	w.mu.Unlock()
	done := queue.Done(msgs, stays)
	if lost || len(done) == 0 || w.pollers.queues[name].Delete(context.Background(), done...) == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen.kept(name, msgs) // they may come again
}

// request calls the API of some process. The status is 0 where no answer came.
func (w *world) request(c chance, key, method, path, body string, headers ...string) (status int, answer []byte) {
	p := w.process(c)
	ctx, cancel := context.WithTimeout(context.Background(), 29*time.Second)
	defer cancel()
	r := httptest.NewRequestWithContext(ctx, method, "http://hookline.test"+path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+key)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	out := httptest.NewRecorder()
	p.api.ServeHTTP(out, r)
	w.mu.Lock()
	defer w.mu.Unlock()
	status, answer = out.Code, out.Body.Bytes()
	if p.dead || ctx.Err() != nil {
		status, answer = 0, nil
	}
	w.logf("%s answers %d to %s %s %s", p.name, status, method, path, body)
	return status, answer
}

// logger writes what a process logs into the world's log.
func (w *world) logger(p *process) *slog.Logger {
	if w.log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(lines{p})
}

type lines struct{ p *process }

func (l lines) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelInfo }

func (l lines) WithAttrs([]slog.Attr) slog.Handler { return l }

func (l lines) WithGroup(string) slog.Handler { return l }

func (l lines) Handle(_ context.Context, r slog.Record) error {
	var text strings.Builder
	r.Attrs(func(a slog.Attr) bool {
		text.WriteString(" " + a.String())
		return true
	})
	l.p.w.mu.Lock()
	defer l.p.w.mu.Unlock()
	l.p.w.logf("%s logs %s%s", l.p.name, r.Message, text.String())
	return nil
}

// names returns the names of queues that are worked on.
func (w *world) names() []string {
	return []string{stack.DeliveryQueue, stack.RetryQueue, stack.BulkQueue, stack.IngestQueue, stack.NotifyQueue}
}

// visible reports whether a queue has messages that it could hand out.
func (w *world) visible(name string) bool {
	c, err := w.queues[name].Counts(context.Background())
	if err != nil {
		w.t.Fatal(err)
	}
	return c.Visible > 0
}

// left counts the messages of the queues that are worked on.
func (w *world) left() (n int) {
	for _, name := range w.names() {
		c, err := w.queues[name].Counts(context.Background())
		if err != nil {
			w.t.Fatal(err)
		}
		n += c.Visible + c.InFlight + c.Delayed
	}
	return n
}

// run has everything happen.
func (w *world) run() {
	w.setUp()
	w.mu.Lock()
	w.calm = false
	w.mu.Unlock()
	var wg sync.WaitGroup
	for i := range w.clients {
		wg.Go(func() { w.client(i) })
	}
	wg.Go(w.admin)
	stop := make(chan struct{})
	swept := make(chan struct{})
	go func() {
		defer close(swept)
		w.sweep(stop)
	}()
	wg.Wait()
	w.mu.Lock()
	w.calm = true
	w.seen.calm = time.Now()
	w.logf("the faults end")
	w.mu.Unlock()
	for calm := w.now(); w.now()-calm < patience; {
		if w.broken() {
			break
		}
		<-time.After(time.Hour)
		w.mu.Lock()
		for _, name := range w.names() {
			w.wake(name, 0)
		}
		pending := w.seen.pending()
		w.mu.Unlock()
		<-time.After(time.Minute)
		if pending == 0 && w.left() == 0 {
			break
		}
	}
	close(stop)
	<-swept
	w.mu.Lock()
	w.over = true
	w.mu.Unlock()
	<-time.After(10 * time.Minute) // for what is under way, when the run ends before all is quiet
}

// broken reports whether an invariant is broken already, so that the run need not go on.
func (w *world) broken() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.seen.faults) > 0
}

// patience is how long it may take at most until all is quiet: the longest ladder, the wait of an hour for what lost its
// message, and the sweeper's.
const patience = 48 * time.Hour

// sweepEvery is how often the sweeper looks.
const sweepEvery = 15 * time.Minute

func (w *world) sweep(stop <-chan struct{}) {
	for {
		select {
		case <-stop:
			return
		case <-time.After(sweepEvery):
		}
		p := w.process(w.turns.wait("sweep", 0))
		ctx, cancel := context.WithTimeout(context.Background(), stack.FunctionTimeout)
		if !w.variant.unsweeped {
			_, _ = p.sweeper.Sweep(ctx) // a fault: the next one finds the same
		}
		cancel()
		w.mu.Lock()
		w.seen.swept()
		w.mu.Unlock()
	}
}

// die ends a process: another takes its place. The caller has the lock.
func (p *process) die() {
	w := p.w
	p.dead = true
	w.seen.count.Crashes++
	w.logf("%s crashes", p.name)
	i := slices.Index(w.processes, p)
	w.processes[i] = w.newProcess("")
}

// idsOf lists messages for the log.
func idsOf(msgs []queue.Received) string {
	var text strings.Builder
	for _, m := range msgs {
		text.WriteString(" " + m.ID)
	}
	return text.String()
}
