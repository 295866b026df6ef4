package conformance

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hookline/infra/local/runner"
	"hookline/shared/clock"
	"hookline/shared/egress"
	"hookline/shared/queue"
	"hookline/shared/seal"
	sysevents "hookline/shared/system"
)

// quick is a queue of real time in a deployment whose clock runs fast.
type quick struct {
	runner.Queue
	clock clock.Clock
}

func (q *quick) Send(ctx context.Context, msgs []queue.Outgoing) error {
	msgs = slices.Clone(msgs)
	for i := range msgs {
		msgs[i].Delay = q.clock.Wait(msgs[i].Delay)
	}
	return q.Queue.Send(ctx, msgs)
}

func (q *quick) Hide(ctx context.Context, vs []queue.Visibility) error {
	vs = slices.Clone(vs)
	for i := range vs {
		vs[i].For = q.clock.Wait(vs[i].For)
	}
	return q.Queue.Hide(ctx, vs)
}

// announced keeps notices, as "webhook.failing wh_1", each event once.
type announced struct {
	mu   sync.Mutex
	seen map[string]bool
	all  []string
}

func (a *announced) Announce(_ context.Context, ns []sysevents.Notice) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, n := range ns {
		var data sysevents.WebhookData
		if err := json.Unmarshal(n.Detail.Data, &data); err != nil {
			return err
		}
		if !a.seen[n.Detail.ID] {
			a.seen[n.Detail.ID] = true
			a.all = append(a.all, n.DetailType+" "+data.WebhookID)
		}
	}
	return nil
}

// of returns what was announced of one webhook but that it was created.
func (a *announced) of(id string) []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var out []string
	for _, s := range a.all {
		if what, of, _ := strings.Cut(s, " "); of == id && what != sysevents.WebhookCreated {
			out = append(out, what)
		}
	}
	return out
}

// dayLong is how fast the clock runs: fast enough for five days, and slow enough that agiletune's ladder, whose waits
// SQS rounds up to whole seconds, ends on its second.
const dayLong = 7200

// TestAWSHealth takes webhooks down and up again over the engines of production: what becomes of their status is told
// by an event and a notice, once.
func TestAWSHealth(t *testing.T) {
	t.Parallel()
	e, err := openAWS(t)(t.Context(), "", clock.Clock{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	now := time.Now()
	clk := clock.Clock{Real: now, Anchor: now, Speed: dayLong}
	for name, q := range e.Queues {
		e.Queues[name] = &quick{q, clk}
	}
	bus := &announced{seen: make(map[string]bool)}
	const admin = "hka_conformance"
	stack, err := runner.Assemble(runner.Parts{
		Store: e.Store, Queues: e.Queues, Clock: clk, Keys: seal.NewStatic("conformance"), AdminKey: admin, AllowPrivate: true,
		Poster: egress.New(egress.Options{AllowPrivate: true}), Announcer: bus, Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	api := httptest.NewServer(stack.API)
	t.Cleanup(api.Close)
	ctx, stop := context.WithCancel(context.Background())
	var working sync.WaitGroup
	working.Go(func() { stack.Work(ctx, context.Background()) })
	t.Cleanup(func() { stop(); working.Wait() })

	s := client{t: t, base: api.URL, key: admin}
	t.Run("side by side", func(t *testing.T) {
		for name, scenario := range map[string]func(t *testing.T, c client, bus *announced){
			"failing and recovered": failingAndRecovered,
			"gone":                  goneIsTold,
			"dead for five days":    deadIsTold,
			"two dead that take *":  twoDead,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				scenario(t, s.in(t), bus)
			})
		}
	})
}

// status waits until a webhook has a status, doing something again and again meanwhile.
func (c client) status(id, want string, limit time.Duration, meanwhile func()) {
	c.t.Helper()
	until(c.t, limit, "webhook "+want, func() (bool, any) {
		var w struct{ Status string }
		if c.do(http.StatusOK, "GET", "/v1/webhooks/"+id, nil, &w); w.Status != want && meanwhile != nil {
			meanwhile()
		}
		return w.Status == want, w
	})
}

// told waits for the events that came to a path, each once, whatever their order.
func (r *target) told(t *testing.T, path, header string, want ...string) {
	t.Helper()
	var got []string
	until(t, soon, "told "+strings.Join(want, ", "), func() (bool, any) {
		got = nil
		seen := make(map[string]bool)
		for _, h := range r.got() {
			if id := h.header.Get("Webhook-Id"); h.path == path && !seen[id] {
				seen[id] = true
				got = append(got, h.header.Get(header))
			}
		}
		slices.Sort(got)
		return len(got) >= len(want), got
	})
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("told to %s (-want +got):\n%s", path, diff)
	}
}

func (a *announced) want(t *testing.T, id string, want ...string) {
	t.Helper()
	until(t, soon, "announced", func() (bool, any) { return len(a.of(id)) >= len(want), a.of(id) })
	if diff := cmp.Diff(want, a.of(id)); diff != "" {
		t.Errorf("announced (-want +got):\n%s", diff)
	}
}

func failingAndRecovered(t *testing.T, c client, bus *announced) {
	r := startTarget(t, func(path string, _ int) int {
		if path == "/a" {
			return http.StatusInternalServerError
		}
		return http.StatusOK
	})
	acme := c.tenant("failing", "agiletune")
	a := acme.webhook(r.URL+"/a", "task.created")
	acme.webhook(r.URL+"/b", sysevents.WebhookFailing, sysevents.WebhookRecovered, sysevents.DeliveryFailed)
	acme.publish("task.created")
	acme.status(a, "failing", time.Minute, nil)
	r.set(always(http.StatusOK))
	acme.publish("task.created")
	acme.status(a, "active", soon, nil)
	bus.want(t, a, sysevents.WebhookFailing, sysevents.WebhookRecovered)
	r.told(t, "/b", "X-AgileTune-Event", sysevents.DeliveryFailed, sysevents.WebhookFailing, sysevents.WebhookRecovered)
}

func goneIsTold(t *testing.T, c client, bus *announced) {
	r := startTarget(t, func(path string, _ int) int {
		if path == "/a" {
			return http.StatusGone
		}
		return http.StatusOK
	})
	acme := c.tenant("gone", "axoria")
	a := acme.webhook(r.URL+"/a", "issue.created")
	acme.webhook(r.URL+"/b", sysevents.WebhookDisabled)
	for range 5 {
		acme.publish("issue.created")
	}
	acme.status(a, "inactive", soon, nil)
	bus.want(t, a, sysevents.WebhookDisabled)
	r.told(t, "/b", "X-Axoria-Event", sysevents.WebhookDisabled)
}

func deadIsTold(t *testing.T, c client, bus *announced) {
	r := startTarget(t, func(path string, _ int) int {
		if path == "/a" {
			return http.StatusInternalServerError
		}
		return http.StatusOK
	})
	acme := c.tenant("dead", "axiestudio")
	a := acme.webhook(r.URL+"/a", "user.created")
	acme.webhook(r.URL+"/b", sysevents.WebhookDisabled)
	start := time.Now()
	var last time.Time
	acme.status(a, "inactive", 3*time.Minute, func() {
		if time.Since(last) >= 10*time.Second { // 20 hours
			acme.publish("user.created")
			last = time.Now()
		}
	})
	if days := time.Since(start) * dayLong / (24 * time.Hour); days < 5 {
		t.Errorf("the webhook is inactive after %d days, want 5", days)
	}
	bus.want(t, a, sysevents.WebhookDisabled)
	r.told(t, "/b", "X-Webhook-Event", sysevents.WebhookDisabled)
}

func twoDead(t *testing.T, c client, bus *announced) {
	r := startTarget(t, always(http.StatusInternalServerError))
	acme := c.tenant("stars", "agiletune")
	a, b := acme.webhook(r.URL+"/a", "*"), acme.webhook(r.URL+"/b", "*")
	acme.publish("task.created")
	for _, id := range []string{a, b} {
		acme.status(id, "failing", time.Minute, nil)
		bus.want(t, id, sysevents.WebhookFailing)
	}
	<-time.After(20 * time.Second) // more than a day and a half
	if got := len(r.got()); got != 2*6 {
		t.Errorf("got %d requests, want the %d of two ladders", got, 2*6)
	}
}
