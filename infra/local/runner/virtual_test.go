package runner

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"hookline/shared/console"
	"hookline/shared/dialect"
	"hookline/shared/egress"
	"hookline/shared/faultinject"
	"hookline/shared/ingest"
	"hookline/shared/notify"
	"hookline/shared/queue"
	queuesqlite "hookline/shared/queue/sqlite"
	"hookline/shared/seal"
	"hookline/shared/sqlitedb"
	"hookline/shared/stack"
	"hookline/shared/stack/whole"
	"hookline/shared/store"
	storesqlite "hookline/shared/store/sqlite"
	"hookline/shared/webhook"
)

// Reading them was a fifth of what a world cost under the race detector.
var (
	builtin   = sync.OnceValues(dialect.Builtin)
	readFiles = sync.OnceValues(console.ReadFiles)
)

// receiver answers POSTs in process: sockets would stop a bubble's time.
type receiver struct {
	mu     sync.Mutex
	answer func(r egress.Request, n int) egress.Response // n counts the requests from 1
	takes  time.Duration                                 // a request, others side by side
	got    []egress.Request
}

func (r *receiver) Post(_ context.Context, req egress.Request) egress.Response {
	if r.takes > 0 { // a bubble's timer that is due when it is made crashes the runtime at times, under the race detector
		<-time.After(r.takes)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got = append(r.got, req)
	if r.answer == nil {
		return egress.Response{Status: 200}
	}
	return r.answer(req, len(r.got))
}

func (r *receiver) requests() []egress.Request {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]egress.Request(nil), r.got...)
}

func status(code int) func(egress.Request, int) egress.Response {
	return func(egress.Request, int) egress.Response { return egress.Response{Status: code} }
}

const adminKey = "hka_of_these_tests"

// virtual runs a whole stack on engines in memory, in the bubble's time, and gives it to fn.
func virtual(t *testing.T, r *receiver, fn func(t *testing.T, admin *client)) {
	t.Helper()
	world{receiver: r}.run(t, func(t *testing.T, admin *client, _ *queuesqlite.Engine) { fn(t, admin) })
}

// world is a stack in virtual time and what is special about it.
type world struct {
	receiver *receiver
	inFlight int // the queues' in-flight cap
	faults   faultinject.StoreFaults
	queues   *faultinject.Queues           // faults of all queues; nil means none
	lossy    bool                          // RetryQueue loses what it is sent
	dialects *dialect.Set                  // nil means the built-in ones
	noisy    bool                          // faults are injected: errors are logged
	notices  *noticed                      // keeps what is announced; nil means that it is mailed
	wrapped  func(map[string]queue.Queue)  // changes the queues
	watched  func(store.Store) store.Store // changes the store
	mailer   notify.Mailer                 // nil means none
}

// complaints collects the errors that are logged: where no fault is injected there is nothing to complain of.
type complaints struct {
	slog.Handler
	mu    sync.Mutex
	lines []string
}

func (c *complaints) Enabled(_ context.Context, level slog.Level) bool {
	return level >= slog.LevelError
}

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

// lossy is a queue that loses what it took.
type lossy struct{ queue.Queue }

func (lossy) Send(context.Context, []queue.Outgoing) error { return nil }

func (w world) run(t *testing.T, fn func(t *testing.T, admin *client, queues *queuesqlite.Engine)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		db, err := sqlitedb.Open("") // one for both, as the program has it
		if err != nil {
			t.Fatal(err)
		}
		sqlite := storesqlite.On(db, storesqlite.Options{})
		engine, err := queuesqlite.On(db, queuesqlite.Options{MaxInFlight: w.inFlight})
		if err != nil {
			t.Fatal(err)
		}
		queues, err := Queues(engine)
		if err != nil {
			t.Fatal(err)
		}
		if w.queues != nil {
			for name, q := range queues {
				queues[name] = w.queues.Wrap(q)
			}
		}
		if w.lossy {
			queues[stack.RetryQueue] = lossy{queues[stack.RetryQueue]}
		}
		if w.wrapped != nil {
			w.wrapped(queues)
		}
		var kept store.Store = faultinject.Store(sqlite, &w.faults)
		if w.watched != nil {
			kept = w.watched(kept)
		}
		logged := &complaints{Handler: slog.DiscardHandler}
		var announcer ingest.Announcer
		if w.notices != nil {
			announcer = w.notices
		}
		files, err := readFiles()
		if err != nil {
			t.Fatal(err)
		}
		dialects := w.dialects
		if dialects == nil {
			if dialects, err = builtin(); err != nil {
				t.Fatal(err)
			}
		}
		all, err := whole.Assemble(whole.Parts{
			Parts: stack.Parts{
				Store: kept, Queues: queues, Keys: seal.NewStatic("test"), Poster: w.receiver, Log: slog.New(logged),
				AllowPrivate: true, InFlight: w.inFlight, Dialects: dialects, Announcer: announcer,
			},
			AdminKey: adminKey, Files: files, Mailer: w.mailer,
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { all.Work(ctx, t.Context()) })
		wg.Go(func() { all.Sweep(ctx) })
		fn(t, over(t, all.API, adminKey), engine)
		stop()
		wg.Wait()
		if len(logged.lines) > 0 && !w.noisy {
			t.Errorf("%d errors were logged, the first: %s", len(logged.lines), logged.lines[0])
		}
		if err := errors.Join(engine.Close(), sqlite.Close(), db.Close()); err != nil {
			t.Error(err)
		}
	})
}

// tenant makes a tenant and returns a client with its key.
func (c *client) tenant(id, dialectName string) *client {
	c.t.Helper()
	var made struct {
		APIKey string `json:"api_key"`
	}
	c.do(http.StatusCreated, "POST", "/v1/tenants", map[string]any{"id": id, "name": id, "dialect": dialectName}, &made)
	return c.as(made.APIKey)
}

// pass lets virtual time pass.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func at(t *testing.T, s string) time.Time {
	t.Helper()
	got, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// TestLadders runs every dialect's whole ladder against a receiver that always fails, then replays and redrives.
func TestLadders(t *testing.T) {
	dialects, err := dialect.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range dialects.Names() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, err := dialects.Dialect(t.Context(), name)
			if err != nil {
				t.Fatal(err)
			}
			eventType := d.EventTypes()[0].Name
			r := &receiver{answer: status(500)}
			virtual(t, r, func(t *testing.T, admin *client) {
				acme := admin.tenant("acme", name)
				hook := acme.webhook(map[string]any{"url": "https://example.com/hook", "events": []string{eventType}})
				acme.publish(eventType, map[string]any{"n": 1})
				var whole time.Duration
				for _, rung := range d.Ladder {
					whole += rung + rung/10
				}
				pass(whole + time.Minute)

				got := acme.deliveries("")
				if len(got) != 1 || got[0].Status != "failed" {
					t.Fatalf("got %+v, want one failed delivery", got)
				}
				one := acme.delivery(got[0].ID)
				if got, want := len(one.Attempts), len(d.Ladder)+1; got != want {
					t.Fatalf("got %d attempts, want %d", got, want)
				}
				for i, rung := range d.Ladder {
					wait := at(t, one.Attempts[i+1].StartedAt).Sub(at(t, one.Attempts[i].StartedAt))
					most := rung + time.Second
					if rung >= 5*time.Minute {
						most += rung / 10
					}
					if wait < rung || wait > most {
						t.Errorf("wait %d: got %v, want %v to %v", i+1, wait, rung, most)
					}
				}
				depth := func() int {
					var dead struct{ Depth int }
					admin.do(http.StatusOK, "GET", "/v1/dead-letters", nil, &dead)
					return dead.Depth
				}
				if got := depth(); got != 1 {
					t.Fatalf("got %d dead letters, want 1", got)
				}
				wantStatus := "active"
				if d.FailingWhenExhausted {
					wantStatus = "failing"
				}
				var shown webhookAnswer
				acme.do(http.StatusOK, "GET", "/v1/webhooks/"+hook.ID, nil, &shown)
				if shown.Status != wantStatus {
					t.Errorf("webhook is %s, want %s", shown.Status, wantStatus)
				}

				r.mu.Lock()
				r.answer = status(200)
				r.mu.Unlock()
				admin.do(http.StatusAccepted, "POST", "/v1/dead-letters/redrive", nil, nil)
				pass(5 * time.Second)
				one = acme.delivery(one.ID)
				if one.Status != "succeeded" || one.AttemptCount != len(d.Ladder)+2 {
					t.Errorf("after the redrive: %s after %d attempts, want succeeded after %d", one.Status, one.AttemptCount, len(d.Ladder)+2)
				}
				acme.do(http.StatusAccepted, "POST", "/v1/deliveries/"+one.ID+"/replay", nil, nil)
				pass(time.Second)
				if one = acme.delivery(one.ID); one.Status != "succeeded" || one.AttemptCount != len(d.Ladder)+3 {
					t.Errorf("after the replay: %s after %d attempts, want succeeded after %d", one.Status, one.AttemptCount, len(d.Ladder)+3)
				}
				acme.do(http.StatusOK, "GET", "/v1/webhooks/"+hook.ID, nil, &shown)
				if shown.Status != "active" {
					t.Errorf("webhook is %s after a success, want active", shown.Status)
				}
				if got := depth(); got != 0 {
					t.Errorf("got %d dead letters at the end, want 0", got)
				}
			})
		})
	}
}

// TestSettingsHoldForWhatIsQueued changes a webhook between the first attempt and the second.
func TestSettingsHoldForWhatIsQueued(t *testing.T) {
	tests := map[string]struct {
		change func(c *client, id string)
		check  func(t *testing.T, c *client, id string, first, last egress.Request, n int)
	}{
		"an edit": {
			change: func(c *client, id string) {
				c.do(200, "PATCH", "/v1/webhooks/"+id, map[string]any{"url": "https://example.com/new", "headers": map[string]string{"X-Token": "t"}}, nil)
			},
			check: func(t *testing.T, _ *client, _ string, _, last egress.Request, n int) {
				if n != 2 || last.URL != "https://example.com/new" || header(last, "X-Token") != "t" {
					t.Errorf("got %d requests, the last to %s with X-Token %q, want 2, the new URL and t", n, last.URL, header(last, "X-Token"))
				}
			},
		},
		"a deletion": {
			change: func(c *client, id string) { c.do(204, "DELETE", "/v1/webhooks/"+id, nil, nil) },
			check: func(t *testing.T, _ *client, _ string, _, _ egress.Request, n int) {
				if n != 1 {
					t.Errorf("got %d requests, want 1: the delivery of a deleted webhook is dropped", n)
				}
			},
		},
		"the inactive switch": {
			change: func(c *client, id string) {
				c.do(200, "PATCH", "/v1/webhooks/"+id, map[string]any{"active": false}, nil)
			},
			check: func(t *testing.T, c *client, id string, _, _ egress.Request, n int) {
				d := c.deliveries("")[0]
				if n != 1 || d.Status != "failed" || d.LastAttempt.Error == nil || *d.LastAttempt.Error != string(webhook.ReasonWebhookInactive) {
					t.Errorf("got %d requests and %+v, want 1 and failed as webhook_inactive", n, d)
				}
				c.do(200, "PATCH", "/v1/webhooks/"+id, map[string]any{"active": true}, nil)
				c.do(202, "POST", "/v1/deliveries/"+d.ID+"/replay", nil, nil)
				pass(time.Second)
				if d := c.deliveries("")[0]; d.Status != "succeeded" {
					t.Errorf("replayed: got %s, want succeeded", d.Status)
				}
			},
		},
		"a rotated secret": {
			change: func(c *client, id string) {
				c.do(200, "POST", "/v1/webhooks/"+id+"/rotate-secret", map[string]any{}, nil)
			},
			check: func(t *testing.T, _ *client, _ string, first, last egress.Request, n int) {
				if got := len(strings.Fields(header(first, "webhook-signature"))); got != 1 {
					t.Errorf("before: got %d signatures, want 1", got)
				}
				if got := len(strings.Fields(header(last, "webhook-signature"))); n != 2 || got != 2 {
					t.Errorf("in the overlap: got %d requests and %d signatures, want 2 and 2", n, got)
				}
			},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := &receiver{answer: func(_ egress.Request, n int) egress.Response {
				if n == 1 {
					return egress.Response{Status: 500}
				}
				return egress.Response{Status: 200}
			}}
			virtual(t, r, func(t *testing.T, admin *client) {
				acme := admin.tenant("acme", "standard")
				hook := acme.webhook(map[string]any{"url": "https://example.com/old", "events": []string{"*"}})
				acme.publish("order.placed", map[string]any{"n": 1})
				pass(time.Second)
				tt.change(acme, hook.ID)
				pass(time.Minute)
				got := r.requests()
				tt.check(t, acme, hook.ID, got[0], got[len(got)-1], len(got))
			})
		})
	}
}

func header(r egress.Request, name string) string {
	for _, h := range r.Headers {
		if strings.EqualFold(h.Name, name) {
			return h.Value
		}
	}
	return ""
}
