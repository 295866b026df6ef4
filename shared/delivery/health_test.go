package delivery_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hookline/shared/api"
	"hookline/shared/egress"
	"hookline/shared/faultinject"
	"hookline/shared/queue"
	"hookline/shared/stack"
	"hookline/shared/stack/stacktest"
	"hookline/shared/store"
	"hookline/shared/systemevent"
	"hookline/shared/webhook"
)

// noticed keeps what is announced.
type noticed struct{ stacktest.Notices }

// of returns what was announced of webhooks but that they were created, as "webhook.failing wh_1".
func (n *noticed) of() []string {
	var out []string
	for _, notice := range n.All() {
		var data systemevent.WebhookData
		if err := json.Unmarshal(notice.Detail.Data, &data); err != nil {
			out = append(out, err.Error())
		}
		if notice.DetailType != systemevent.WebhookCreated {
			out = append(out, strings.TrimSpace(notice.DetailType+" "+data.WebhookID+" "+data.Reason))
		}
	}
	return out
}

// ids returns the ids of all that was announced, sorted, each once.
func (n *noticed) ids() []string {
	ids := make(map[string]bool)
	for _, notice := range n.All() {
		ids[notice.Detail.ID] = true
	}
	return slices.Sorted(maps.Keys(ids))
}

// told returns the system events that came to a path, each once, as their data's "webhook.failing wh_1".
func told(t *testing.T, r *stacktest.Receiver, path string) []string {
	t.Helper()
	var out []string
	seen := make(map[string]bool)
	for _, req := range r.Requests() {
		id := stacktest.Header(req, "webhook-id")
		if !strings.HasSuffix(req.URL, "/"+path) || !strings.HasPrefix(id, "sys_") || seen[id] {
			continue
		}
		seen[id] = true
		var body struct {
			Type, Event string
			Data        struct {
				WebhookID string `json:"webhook_id"`
				Reason    string
			}
		}
		if err := json.Unmarshal(req.Body, &body); err != nil {
			t.Fatal(err)
		}
		out = append(out, strings.TrimSpace(body.Type+body.Event+" "+body.Data.WebhookID+" "+body.Data.Reason))
	}
	return out
}

// count returns how many requests a path got.
func count(r *stacktest.Receiver, path string) (n int) {
	for _, req := range r.Requests() {
		if strings.HasSuffix(req.URL, "/"+path) {
			n++
		}
	}
	return n
}

// called returns a webhook whose name is the last segment of its URL.
func called(path string, events ...string) map[string]any {
	return map[string]any{"url": "https://example.com/" + path, "name": path, "events": events}
}

const (
	taskCreated = "task.created"
	wholeLadder = 24 * time.Hour // of agiletune: longer than its waits, with their jitter
)

// TestFailingIsTold takes a webhook down and up again. Another that asked for it is told, the webhook itself, which
// asked too, is not, and neither is one that takes "*".
func TestFailingIsTold(t *testing.T) {
	t.Parallel()
	r := &stacktest.Receiver{Answer: stacktest.ByPath(map[string]int{"a": 500})}
	n := new(noticed)
	stacktest.World{Receiver: r, Announcer: n}.Run(t, func(t *testing.T, s *stacktest.Stack) {
		acme := s.Tenant("acme", "agiletune")
		a := acme.Webhook(called("a", systemevent.WebhookFailing, systemevent.WebhookRecovered, systemevent.DeliveryFailed, taskCreated)).ID
		stacktest.Pass(time.Minute)
		acme.Webhook(called("b", webhook.SystemTypes()...))
		star := acme.Webhook(called("star", "*")).ID
		acme.Publish(taskCreated, map[string]any{"n": 1})
		start := time.Now()
		stacktest.Pass(wholeLadder)
		if got := acme.Status(a); got != "failing" {
			t.Fatalf("after a whole ladder the webhook is %s, want failing", got)
		}
		r.Set(nil)
		acme.Publish(taskCreated, map[string]any{"n": 2})
		stacktest.Pass(time.Hour)
		if got := acme.Status(a); got != "active" {
			t.Errorf("after a success the webhook is %s, want active", got)
		}
		failing, recovered := "webhook.failing "+a+" out_of_attempts", "webhook.recovered "+a
		want := []string{"webhook.created " + star, "delivery.failed " + a, failing, recovered}
		got := told(t, r, "b")
		slices.Sort(got[1:3]) // they happen together
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("told to b (-want +got):\n%s", diff)
		}
		for path, why := range map[string]string{"a": "it is about itself", "star": "* takes none"} {
			if got := told(t, r, path); len(got) != 0 {
				t.Errorf("%s is told %v: %s", path, got, why)
			}
		}
		if diff := cmp.Diff([]string{failing, recovered}, n.of()); diff != "" {
			t.Errorf("announced (-want +got):\n%s", diff)
		}
		// The event in the tenant's dialect, and its notice.
		for _, req := range r.Requests() {
			if stacktest.Header(req, "X-AgileTune-Event") != systemevent.WebhookFailing {
				continue
			}
			var body struct {
				Timestamp time.Time
				Data      systemevent.WebhookData
			}
			if err := json.Unmarshal(req.Body, &body); err != nil {
				t.Fatal(err)
			}
			since, err := time.Parse(time.RFC3339, body.Data.Since)
			if err != nil {
				t.Fatal(err)
			}
			wantData := systemevent.WebhookData{
				WebhookID: a, Name: "a", URL: "https://example.com/a", Events: []string{systemevent.WebhookFailing, systemevent.WebhookRecovered, systemevent.DeliveryFailed, taskCreated},
				Status: "failing", Reason: "out_of_attempts", Since: body.Data.Since,
			}
			if diff := cmp.Diff(wantData, body.Data); diff != "" {
				t.Errorf("data (-want +got):\n%s", diff)
			}
			if ladder := since.Sub(start); ladder < 14*time.Hour || ladder > 17*time.Hour || body.Timestamp.Sub(since).Abs() >= time.Second {
				t.Errorf("it says it happened at %v, and since %v, %v after the event", body.Timestamp, since, ladder)
			}
		}
	})
}

// TestGoneIsTold has many deliveries of one webhook answered 410 at once.
func TestGoneIsTold(t *testing.T) {
	t.Parallel()
	r := &stacktest.Receiver{Answer: stacktest.ByPath(map[string]int{"a": 410})}
	n := new(noticed)
	stacktest.World{Receiver: r, Announcer: n}.Run(t, func(t *testing.T, s *stacktest.Stack) {
		acme := s.Tenant("acme", "standard")
		a := acme.Webhook(called("a", "order.*")).ID
		acme.Webhook(called("b", systemevent.WebhookDisabled, systemevent.DeliveryFailed))
		batch := stacktest.Batch(50, "order.placed", nil)
		acme.PublishBatch(batch)
		stacktest.Pass(time.Hour)
		if got := acme.Status(a); got != "inactive" {
			t.Errorf("the webhook is %s, want inactive", got)
		}
		want := []string{"webhook.disabled " + a + " gone"}
		if diff := cmp.Diff(want, told(t, r, "b")); diff != "" {
			t.Errorf("told (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(want, n.of()); diff != "" {
			t.Errorf("announced (-want +got):\n%s", diff)
		}
		if count(r, "b") != 1 {
			t.Errorf("b got %d requests, want 1", count(r, "b"))
		}
	})
}

// TestDeadIsTold has webhooks fail for five days: much traffic, and an event now and then.
func TestDeadIsTold(t *testing.T) {
	tests := map[string]struct {
		every  time.Duration
		events int
	}{
		"an event an hour":              {time.Hour, 5*24 + 4},
		"an event every other day":      {48 * time.Hour, 4},
		"one, and another a week later": {7 * 24 * time.Hour, 2},
	}
	if testing.Short() { // under the race detector, which slows SQLite in Go some ten times
		delete(tests, "an event every other day")
		delete(tests, "one, and another a week later")
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := &stacktest.Receiver{Answer: stacktest.ByPath(map[string]int{"a": 500})}
			n := new(noticed)
			stacktest.World{Receiver: r, Announcer: n}.Run(t, func(t *testing.T, s *stacktest.Stack) {
				acme := s.Tenant("acme", "standard")
				a := acme.Webhook(called("a", "order.*")).ID
				acme.Webhook(called("b", systemevent.WebhookDisabled))
				start := time.Now()
				for range tt.events {
					acme.Publish("order.placed", map[string]any{})
					stacktest.Pass(tt.every)
					if got := acme.Status(a); time.Since(start) < 5*24*time.Hour && got != "active" {
						t.Fatalf("%v after the first failure the webhook is %s, want active", time.Since(start), got)
					}
				}
				if got := acme.Status(a); got != "inactive" {
					t.Errorf("the webhook is %s, want inactive", got)
				}
				want := []string{"webhook.disabled " + a + " failing_for_days"}
				if diff := cmp.Diff(want, told(t, r, "b")); diff != "" {
					t.Errorf("told (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff(want, n.of()); diff != "" {
					t.Errorf("announced (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// TestOneBlip has one event fail altogether, and a week later the first attempt of the next: the webhook lives.
func TestOneBlip(t *testing.T) {
	t.Parallel()
	r, n := &stacktest.Receiver{Answer: stacktest.Status(500)}, new(noticed)
	stacktest.World{Receiver: r, Announcer: n}.Run(t, func(t *testing.T, s *stacktest.Stack) {
		acme := s.Tenant("acme", "standard")
		a := acme.Webhook(called("a", "*")).ID
		acme.Publish("order.placed", map[string]any{})
		stacktest.Pass(7 * 24 * time.Hour)
		acme.Publish("order.placed", map[string]any{})
		stacktest.Pass(time.Second)
		r.Set(nil)
		stacktest.Pass(time.Hour)
		if got := acme.Status(a); got != "active" || len(n.of()) != 0 {
			t.Errorf("the webhook is %s and %v was announced, want active and nothing", got, n.of())
		}
	})
}

// TestQuiet has a webhook fail, and recover, by deliveries that tell of another webhook: that is announced, for a mail,
// and is no event.
func TestQuiet(t *testing.T) {
	t.Parallel()
	r, n := &stacktest.Receiver{Answer: stacktest.ByPath(map[string]int{"a": 500})}, new(noticed)
	stacktest.World{Receiver: r, Announcer: n}.Run(t, func(t *testing.T, s *stacktest.Stack) {
		acme := s.Tenant("acme", "agiletune")
		a := acme.Webhook(called("a", systemevent.WebhookCreated)).ID
		acme.Webhook(called("b", webhook.SystemTypes()[1:]...))
		stacktest.Pass(wholeLadder)
		if got := acme.Status(a); got != "failing" {
			t.Fatalf("the webhook is %s, want failing", got)
		}
		r.Set(nil)
		acme.Webhook(called("c", taskCreated))
		stacktest.Pass(time.Hour)
		if got := told(t, r, "b"); len(got) != 0 {
			t.Errorf("told %v, want nothing", got)
		}
		want := []string{"webhook.failing " + a + " out_of_attempts", "webhook.recovered " + a}
		if diff := cmp.Diff(want, n.of()); diff != "" {
			t.Errorf("announced (-want +got):\n%s", diff)
		}
	})
}

// late is a queue whose messages take their time.
type late struct {
	queue.Queue
	by time.Duration
}

func (q *late) Send(ctx context.Context, msgs []queue.Outgoing) error {
	msgs = slices.Clone(msgs)
	for i := range msgs {
		msgs[i].Delay = q.by
	}
	return q.Queue.Send(ctx, msgs)
}

// TestToldLate has a webhook recover before anybody has looked at the message that it is failing: both are told.
func TestToldLate(t *testing.T) {
	t.Parallel()
	r, n := &stacktest.Receiver{Answer: stacktest.ByPath(map[string]int{"a": 500})}, new(noticed)
	w := stacktest.World{Receiver: r, Announcer: n, WrapQueues: func(queues map[string]queue.Queue) {
		queues[stack.IngestQueue] = &late{queues[stack.IngestQueue], 10 * time.Minute}
	}}
	w.Run(t, func(t *testing.T, s *stacktest.Stack) {
		acme := s.Tenant("acme", "agiletune")
		a := acme.Webhook(called("a", taskCreated)).ID
		acme.Webhook(called("b", systemevent.WebhookFailing, systemevent.WebhookRecovered))
		acme.Publish(taskCreated, map[string]any{"n": 1})
		for acme.Status(a) != "failing" {
			stacktest.Pass(10 * time.Second)
		}
		r.Set(nil)
		acme.Publish(taskCreated, map[string]any{"n": 2})
		stacktest.Pass(time.Minute)
		if got := acme.Status(a); got != "active" || len(n.of()) != 0 {
			t.Fatalf("the webhook is %s and %v was announced, want active and nothing yet", got, n.of())
		}
		stacktest.Pass(time.Hour)
		want := []string{"webhook.failing " + a + " out_of_attempts", "webhook.recovered " + a}
		got := told(t, r, "b")
		slices.Sort(got) // they go out together
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("told (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(want, n.of()); diff != "" {
			t.Errorf("announced (-want +got):\n%s", diff)
		}
	})
}

// slow is a store that takes its time to make a webhook failing, or never does.
type slow struct {
	store.Store
	takes time.Duration
	never bool
}

func (s slow) SetHealth(ctx context.Context, ref webhook.Ref, from, to webhook.Health) (bool, error) {
	if !to.FailingSince.IsZero() {
		<-time.After(s.takes)
		if s.never {
			return false, errors.New("lost")
		}
	}
	return s.Store.SetHealth(ctx, ref, from, to)
}

// TestSlowChange shows that a change which takes long is told of once it is made, and that one which is never made is
// forgotten after a while.
func TestSlowChange(t *testing.T) {
	for name, tt := range map[string]struct {
		slow slow
		told int
	}{
		"made in the end": {slow{takes: 20 * time.Second}, 1},
		"never made":      {slow{never: true}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := &stacktest.Receiver{Answer: stacktest.ByPath(map[string]int{"a": 500})}
			n := new(noticed)
			w := stacktest.World{Receiver: r, Announcer: n, LogsErrors: true, WrapStore: func(s store.Store) store.Store { tt.slow.Store = s; return tt.slow }}
			w.Run(t, func(t *testing.T, s *stacktest.Stack) {
				acme := s.Tenant("acme", "agiletune")
				a := acme.Webhook(called("a", taskCreated)).ID
				acme.Webhook(called("b", systemevent.WebhookFailing))
				acme.Publish(taskCreated, map[string]any{"n": 1})
				stacktest.Pass(wholeLadder)
				if got := len(told(t, r, "b")); got != tt.told || len(n.of()) != tt.told {
					t.Errorf("told %d times and announced %v, want %d", got, n.of(), tt.told)
				}
				acme.Do(http.StatusNoContent, "DELETE", "/v1/webhooks/"+a, nil, nil) // or its message comes back for ever
				stacktest.Pass(5 * time.Minute)
				c, err := s.Queues[stack.IngestQueue].Counts(t.Context())
				if err != nil || c != (queue.Counts{}) {
					t.Errorf("IngestQueue holds %+v, %v, want nothing", c, err)
				}
			})
		})
	}
}

// TestToldByTheQueue has more webhooks be told of a change than one message sends to.
func TestToldByTheQueue(t *testing.T) {
	t.Parallel()
	const webhooks = 510
	r := &stacktest.Receiver{Answer: stacktest.ByPath(map[string]int{"a": 500})}
	stacktest.World{Receiver: r}.Run(t, func(t *testing.T, s *stacktest.Stack) {
		acme := s.Tenant("acme", "agiletune")
		a := acme.Webhook(called("a", taskCreated, systemevent.WebhookFailing)).ID
		for i := range webhooks {
			acme.Webhook(called(fmt.Sprintf("b%d", i), systemevent.WebhookFailing))
		}
		acme.Publish(taskCreated, map[string]any{"n": 1})
		stacktest.Pass(wholeLadder)
		if got := len(r.Requests()) - count(r, "a"); got != webhooks || len(told(t, r, "a")) != 0 || acme.Status(a) != "failing" {
			t.Errorf("%d are told that the webhook is %s, and itself %v; want %d", got, acme.Status(a), told(t, r, "a"), webhooks)
		}
	})
}

// kept is a queue that keeps messages it is to delete, as often as keep says.
type kept struct {
	queue.Queue
	keep func() bool
}

func (q *kept) Delete(ctx context.Context, handles ...string) error {
	if q.keep() {
		return errors.New("kept")
	}
	return q.Queue.Delete(ctx, handles...)
}

// TestComesBack has a message come back after all was done, and after somebody has mended the webhook meanwhile.
func TestComesBack(t *testing.T) {
	for name, tt := range map[string]struct {
		code   int
		broken webhook.Status
		mend   func(c *stacktest.Client, id string)
	}{
		"made active by its owner": {410, "inactive", func(c *stacktest.Client, id string) {
			c.Do(http.StatusOK, "PATCH", "/v1/webhooks/"+id, map[string]any{"active": true}, nil)
		}},
		"recovered": {500, "failing", func(c *stacktest.Client, _ string) { c.Publish(taskCreated, map[string]any{"n": 2}) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			left := 0
			keep := func() bool {
				mu.Lock()
				defer mu.Unlock()
				left--
				return left >= 0
			}
			r := &stacktest.Receiver{}
			r.Answer = func(_ egress.Request, n int) egress.Response {
				if tt.code == 410 || n == 6 {
					mu.Lock()
					defer mu.Unlock()
					left = 2
				}
				return egress.Response{Status: tt.code}
			}
			n := new(noticed)
			w := stacktest.World{Receiver: r, Announcer: n, LogsErrors: true, WrapQueues: func(queues map[string]queue.Queue) {
				for _, name := range []string{stack.DeliveryQueue, stack.RetryQueue} {
					queues[name] = &kept{queues[name], keep}
				}
			}}
			w.Run(t, func(t *testing.T, s *stacktest.Stack) {
				acme := s.Tenant("acme", "agiletune")
				a := acme.Webhook(called("a", taskCreated)).ID
				acme.Publish(taskCreated, map[string]any{"n": 1})
				for range 24 * 360 {
					if stacktest.Pass(10 * time.Second); acme.Status(a) != "active" {
						break
					}
				}
				if got := acme.Status(a); got != tt.broken {
					t.Fatalf("the webhook is %s, want %s", got, tt.broken)
				}
				mu.Lock()
				left++ // what mends it may be acknowledged in vain too
				mu.Unlock()
				r.Set(nil)
				tt.mend(acme, a)
				stacktest.Pass(10 * time.Minute)
				if got := acme.Status(a); got != "active" || left > 0 {
					t.Errorf("the webhook is %s and %d messages have yet to come back, want active and none", got, left)
				}
			})
		})
	}
}

// TestMeanwhile has a webhook change while the attempt is under way that would make it inactive.
func TestMeanwhile(t *testing.T) {
	t.Run("its owner renames it", func(t *testing.T) {
		t.Parallel()
		r, n := &stacktest.Receiver{}, new(noticed)
		stacktest.World{Receiver: r, Announcer: n}.Run(t, func(t *testing.T, s *stacktest.Stack) {
			acme := s.Tenant("acme", "standard")
			a := acme.Webhook(called("a", "*")).ID
			r.Set(func(egress.Request, int) egress.Response {
				acme.Do(http.StatusOK, "PATCH", "/v1/webhooks/"+a, map[string]any{"url": "https://example.com/new"}, nil)
				return egress.Response{Status: 410}
			})
			acme.Publish("order.placed", map[string]any{})
			stacktest.Pass(time.Hour)
			if got := acme.Status(a); got != "active" || len(n.of()) != 0 {
				t.Errorf("the webhook is %s and %v was announced, want active and nothing", got, n.of())
			}
		})
	})
	t.Run("another delivery succeeds", func(t *testing.T) {
		t.Parallel()
		r, n := &stacktest.Receiver{Answer: stacktest.Status(500)}, new(noticed)
		var kept store.Store
		w := stacktest.World{Receiver: r, Announcer: n, WrapStore: func(s store.Store) store.Store { kept = s; return s }}
		w.Run(t, func(t *testing.T, s *stacktest.Stack) {
			acme := s.Tenant("acme", "standard")
			ref := webhook.Ref{Tenant: "acme", ID: acme.Webhook(called("a", "*")).ID}
			acme.Publish("order.placed", map[string]any{})
			stacktest.Pass(6 * 24 * time.Hour)
			acme.Publish("order.placed", map[string]any{})
			stacktest.Pass(time.Second)
			r.Set(func(egress.Request, int) egress.Response {
				got, err := kept.Webhook(context.Background(), ref)
				if err != nil {
					panic(err)
				}
				if _, err := kept.SetHealth(context.Background(), ref, got.Health, webhook.Health{}); err != nil {
					panic(err)
				}
				return egress.Response{Status: 500}
			})
			stacktest.Pass(time.Hour)
			if got := acme.Status(ref.ID); got != "active" || len(n.of()) != 0 {
				t.Errorf("the webhook is %s and %v was announced, want active and nothing", got, n.of())
			}
		})
	})
}

// TestNoLoops lets webhooks fail that are told of each other's failures, for a month.
func TestNoLoops(t *testing.T) {
	const attempts = 6 // of agiletune's ladder
	days := 30
	if testing.Short() { // under the race detector, which slows SQLite in Go some ten times
		days = 4
	}
	for name, tt := range map[string]struct {
		events      []string
		least, most int // deliveries to both
	}{
		// Each gets the event.
		"two that take *": {[]string{"*"}, 2, 2},
		// Each gets the event, and is told that the other's delivery failed and that it is failing.
		"two that are told of each other": {append(webhook.SystemTypes()[1:], taskCreated), 6, 6},
		// Each is also told that the other was made. When that delivery is the first to run out, the failing is quiet.
		"two that take everything": {append(webhook.SystemTypes(), taskCreated), 6, 8},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := &stacktest.Receiver{Answer: stacktest.Status(500)}
			n := new(noticed)
			stacktest.World{Receiver: r, Announcer: n}.Run(t, func(t *testing.T, s *stacktest.Stack) {
				acme := s.Tenant("acme", "agiletune")
				acme.Webhook(called("a", tt.events...))
				acme.Webhook(called("b", tt.events...))
				stacktest.Pass(time.Minute)
				acme.Publish(taskCreated, map[string]any{"n": 1})
				stacktest.Pass(time.Duration(days) * 24 * time.Hour)
				if got := len(r.Requests()); got < tt.least*attempts || got > tt.most*attempts {
					t.Errorf("got %d requests, %d to a and %d to b, want %d to %d", got, count(r, "a"), count(r, "b"), tt.least*attempts, tt.most*attempts)
				}
				var got []string
				for _, s := range n.of() {
					got = append(got, strings.Fields(s)[0])
				}
				if diff := cmp.Diff([]string{systemevent.WebhookFailing, systemevent.WebhookFailing}, got); diff != "" {
					t.Errorf("announced (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// transitions notes which changes the store has kept, whatever it answered, by the ids of their events.
type transitions struct {
	store.Store
	mu  sync.Mutex
	ids map[string]bool
}

func (s *transitions) watch(ctx context.Context, ref webhook.Ref, change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	look := func() (w webhook.Webhook, ok bool) {
		loaded, _, err := s.Load(ctx, []webhook.Ref{ref}, nil)
		if err != nil {
			panic(err)
		}
		w, ok = loaded[ref]
		return w, ok
	}
	before, was := look()
	change()
	after, is := look()
	note := func(c systemevent.Change) { s.ids[c.EventID()] = true }
	switch {
	case !is:
	case !was:
		note(systemevent.Created(after))
	case before.Active && !after.Active:
		note(systemevent.Disabled(after, after.UpdatedAt, ""))
	case before.Health.FailingSince.IsZero() && !after.Health.FailingSince.IsZero():
		note(systemevent.Failing(after, after.Health.FailingSince))
	case !before.Health.FailingSince.IsZero() && after.Health.FailingSince.IsZero():
		note(systemevent.Recovered(before, time.Now()))
	}
}

func (s *transitions) CreateWebhook(ctx context.Context, w webhook.Webhook) (err error) {
	s.watch(ctx, w.Ref, func() { err = s.Store.CreateWebhook(ctx, w) })
	return err
}

func (s *transitions) UpdateWebhook(ctx context.Context, w webhook.Webhook, reset bool) (err error) {
	s.watch(ctx, w.Ref, func() { err = s.Store.UpdateWebhook(ctx, w, reset) })
	return err
}

func (s *transitions) SetHealth(ctx context.Context, ref webhook.Ref, from, to webhook.Health) (ok bool, err error) {
	s.watch(ctx, ref, func() { ok, err = s.Store.SetHealth(ctx, ref, from, to) })
	return ok, err
}

// TestNothingLostNothingMadeUp breaks one call at a time, twice in a row, both times lost and both times done
// anyway, while a webhook is made, fails, recovers and is gone. The system events are those of the changes, and the webhook ends
// where it should.
func TestNothingLostNothingMadeUp(t *testing.T) {
	calls := []string{"CreateWebhook", "SetHealth", "UpdateWebhook", "SaveDelivery", "Pins", stack.IngestQueue, stack.DeadQueue, stack.DeliveryQueue}
	for _, call := range calls {
		for _, done := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, done anyway %t", call, done), func(t *testing.T) {
				t.Parallel()
				tellWhileFailing(t, call, done)
			})
		}
	}
}

func tellWhileFailing(t *testing.T, call string, done bool) {
	const times = 2
	var mu sync.Mutex
	left, hits := 0, 0
	fail := func() error {
		mu.Lock()
		defer mu.Unlock()
		if left == 0 {
			return nil
		}
		left--
		hits++
		return faultinject.Err
	}
	arm := func() { // each stage has its faults
		mu.Lock()
		defer mu.Unlock()
		left = times
	}
	onCall := func(c string) error {
		if c == call {
			return fail()
		}
		return nil
	}
	onSend := func(c string) error {
		if c == "Send" {
			return fail()
		}
		return nil
	}
	faults, queueFaults := faultinject.StoreFaults{Before: onCall}, faultinject.QueueFaults{Before: onSend}
	if done {
		faults, queueFaults = faultinject.StoreFaults{After: onCall}, faultinject.QueueFaults{After: onSend}
	}
	r, n := &stacktest.Receiver{}, new(noticed)
	changes := &transitions{ids: make(map[string]bool)}
	w := stacktest.World{
		Receiver: r, Announcer: n, LogsErrors: true, StoreFaults: faults,
		WrapQueues: func(queues map[string]queue.Queue) {
			if q, ok := queues[call]; ok {
				queues[call] = faultinject.Queue(q, queueFaults)
			}
		},
		WrapStore: func(s store.Store) store.Store { changes.Store = s; return changes },
	}
	w.Run(t, func(t *testing.T, s *stacktest.Stack) {
		acme := s.Tenant("acme", "agiletune")
		var b api.CreatedWebhook
		acme.Do(http.StatusCreated, "POST", "/v1/webhooks", called("b", webhook.SystemTypes()...), &b)
		stacktest.Pass(time.Minute)
		create := func() (id string) {
			arm()
			for range times + 1 {
				var a api.CreatedWebhook
				if got, err := acme.Try("POST", "/v1/webhooks", called("a", taskCreated), &a); err != nil || got.Status != http.StatusCreated && got.Status < 500 {
					t.Fatalf("got %d %s, %v", got.Status, got.Body, err)
				}
				id = a.ID
			}
			return id
		}
		a := create()
		stacktest.Pass(time.Hour)
		if a == "" {
			t.Fatal("no webhook was made after the faults")
		}
		stage := func(want webhook.Status, answer stacktest.Answer, events int, span time.Duration) {
			t.Helper()
			r.Set(answer)
			for i := range events {
				if i == 0 {
					arm()
				}
				for code := 0; code != http.StatusAccepted; { // as a client does, until it is accepted
					got, err := acme.Try("POST", "/v1/events", map[string]any{"type": taskCreated, "data": map[string]any{"n": 1}}, nil)
					if code = got.Status; err != nil || code < 500 && code != http.StatusAccepted {
						t.Fatalf("publishing: got %d %s, %v", code, got.Body, err)
					}
				}
				if i == 0 {
					arm()
				}
				stacktest.Pass(span)
			}
			if got := acme.Status(a); got != want {
				t.Errorf("the webhook is %s, want %s", got, want)
			}
		}
		stage("failing", stacktest.ByPath(map[string]int{"a": 500}), 1, wholeLadder)
		stage("active", nil, 2*times+1, 10*time.Minute)
		stage("failing", stacktest.ByPath(map[string]int{"a": 500}), 1, wholeLadder)
		stage("inactive", stacktest.ByPath(map[string]int{"a": 410}), 1, time.Hour)

		changes.mu.Lock()
		defer changes.mu.Unlock()
		var others []string // all that b is told: b's own making is not
		var aboutB webhook.Webhook
		loaded, _, err := changes.Load(t.Context(), []webhook.Ref{{Tenant: "acme", ID: b.ID}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		aboutB = loaded[webhook.Ref{Tenant: "acme", ID: b.ID}]
		all := slices.Sorted(maps.Keys(changes.ids))
		for _, id := range all {
			if id != systemevent.Created(aboutB).EventID() {
				others = append(others, id)
			}
		}
		if diff := cmp.Diff(all, n.ids()); diff != "" {
			t.Errorf("announced (-changed +announced):\n%s", diff)
		}
		got := make(map[string]bool)
		for _, req := range r.Requests() {
			if strings.HasSuffix(req.URL, "/b") && !strings.Contains(string(req.Body), systemevent.DeliveryFailed) {
				got[stacktest.Header(req, "webhook-id")] = true
			}
		}
		if diff := cmp.Diff(others, slices.Sorted(maps.Keys(got))); diff != "" {
			t.Errorf("told (-changed +told):\n%s", diff)
		}
		mu.Lock()
		defer mu.Unlock()
		if hits == 0 {
			t.Error("no call failed")
		}
	})
}

// counted counts what is sent to a queue.
type counted struct {
	queue.Queue
	mu   *sync.Mutex
	sent *int
}

func (q *counted) Send(ctx context.Context, msgs []queue.Outgoing) error {
	q.mu.Lock()
	*q.sent += len(msgs)
	q.mu.Unlock()
	return q.Queue.Send(ctx, msgs)
}

// TestOverloaded shows that a receiver that asks for fewer requests gets a few in a batch, and the others by BulkQueue.
func TestOverloaded(t *testing.T) {
	for code, spared := range map[int]bool{429: true, 502: true, 503: true, 504: true, 500: false, 404: false} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			t.Parallel()
			r := &stacktest.Receiver{Answer: stacktest.Status(code)}
			var mu sync.Mutex
			spilled := 0
			w := stacktest.World{Receiver: r, WrapQueues: func(queues map[string]queue.Queue) {
				queues[stack.BulkQueue] = &counted{queues[stack.BulkQueue], &mu, &spilled}
			}}
			w.Run(t, func(t *testing.T, s *stacktest.Stack) {
				acme := s.Tenant("acme", "standard")
				acme.Webhook(stacktest.Hook("*"))
				acme.Publish("order.placed", map[string]any{})
				stacktest.Pass(time.Second)
				batch := stacktest.Batch(100, "order.placed", nil)
				acme.PublishBatch(batch)
				stacktest.Pass(2 * time.Second)
				mu.Lock()
				defer mu.Unlock()
				if spared != (spilled > 50) || !spared && spilled != 0 {
					t.Errorf("%d of 100 went to BulkQueue; spared: want %t", spilled, spared)
				}
				if got := r.ByID(); len(got) != 101 {
					t.Errorf("%d of 101 events were sent", len(got))
				}
			})
		})
	}
}

// TestSystemEventTested sends a test delivery of each system event: it looks like the real one.
func TestSystemEventTested(t *testing.T) {
	t.Parallel()
	r := &stacktest.Receiver{}
	stacktest.World{Receiver: r}.Run(t, func(t *testing.T, s *stacktest.Stack) {
		acme := s.Tenant("acme", "axoria")
		w := acme.Webhook(stacktest.Hook("issue.created"))
		stacktest.Pass(time.Second)
		for _, name := range webhook.SystemTypes() {
			before := len(r.Requests())
			var result struct{ Status string }
			acme.Do(http.StatusOK, "POST", "/v1/webhooks/"+w.ID+"/test", map[string]any{"event_type": name}, &result)
			got := r.Requests()[before:]
			if len(got) != 1 || result.Status != "succeeded" {
				t.Errorf("%s: got %d requests and status %s", name, len(got), result.Status)
				continue
			}
			var body struct {
				Event   string
				Payload map[string]any
			}
			if err := json.Unmarshal(got[0].Body, &body); err != nil || body.Event != name || body.Payload["webhook_id"] == nil {
				t.Errorf("%s: got %s, %v", name, got[0].Body, err)
			}
		}
	})
}
