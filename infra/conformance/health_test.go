package conformance

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hookline/shared/clock"
	"hookline/shared/notify"
	"hookline/shared/queue"
	"hookline/shared/seal"
	"hookline/shared/stack"
	"hookline/shared/stack/whole"
	sysevents "hookline/shared/systemevent"
)

// quick is a queue of real time in a deployment whose clock runs fast.
type quick struct {
	queue.Queue
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

// outbox keeps mails, by the webhook that they are of.
type outbox struct {
	mu    sync.Mutex
	mails map[string][]string
}

func (o *outbox) Send(_ context.Context, m notify.Mail) error {
	_, link, _ := strings.Cut(m.Text, consoleURL+"/console/webhooks/")
	id, _, _ := strings.Cut(link, "\n")
	_, what, _ := strings.Cut(m.Subject, "” ")
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.mails == nil {
		o.mails = make(map[string][]string)
	}
	o.mails[id] = append(o.mails[id], what)
	return nil
}

func (o *outbox) of(id string) []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.mails[id])
}

const consoleURL = "https://console.example"

// The words for a webhook's change at the end of a mail's subject.
const (
	mailCreated   = "was created"
	mailFailing   = "is failing"
	mailRecovered = "is active again"
	mailInactive  = "was made inactive"
)

// dayLong is how fast the clock runs: fast enough for five days, and slow enough that agiletune's ladder, whose waits
// SQS rounds up to whole seconds, ends on its second.
const dayLong = 7200

// TestAWSHealth takes webhooks down and up again over the engines of production: what becomes of their status is told
// by an event and by a mail, once.
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
	box := new(outbox)
	const admin = "hka_of_conformance"
	all, err := whole.Assemble(whole.Parts{
		Parts: stack.Parts{
			Store: e.Store, Queues: e.Queues, Clock: clk, Keys: seal.NewStatic("conformance"), AllowPrivate: true,
			Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
		},
		AdminKey: admin, Mailer: box, Address: consoleURL,
	})
	if err != nil {
		t.Fatal(err)
	}
	api := httptest.NewServer(all.API)
	t.Cleanup(api.Close)
	ctx, stop := context.WithCancel(context.Background())
	var working sync.WaitGroup
	working.Go(func() { all.Work(ctx, context.Background()) })
	t.Cleanup(func() { stop(); working.Wait() })

	s := client{t: t, base: api.URL, key: admin}
	stars := startTarget(t, always(http.StatusInternalServerError))
	t.Run("side by side", func(t *testing.T) {
		for name, scenario := range map[string]func(t *testing.T, c client, box *outbox){
			"failing and recovered": failingAndRecovered,
			"gone":                  goneIsTold,
			"dead for five days":    deadIsTold,
			"two dead that take *": func(t *testing.T, c client, box *outbox) {
				twoDead(t, c, box, stars)
			},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				scenario(t, s.in(t), box)
			})
		}
	})
	// The five days of another scenario have passed.
	if got := len(stars.got()); got != 2*6 {
		t.Errorf("two dead that take *: got %d requests, want the %d of two ladders", got, 2*6)
	}
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

func (o *outbox) want(t *testing.T, id string, want ...string) {
	t.Helper()
	until(t, soon, "mailed", func() (bool, any) { return len(o.of(id)) >= len(want), o.of(id) })
	if diff := cmp.Diff(want, o.of(id)); diff != "" {
		t.Errorf("mails (-want +got):\n%s", diff)
	}
}

// mailed makes a tenant that mails are sent to.
func (c client) mailed(id, dialect string) client {
	c.t.Helper()
	out := c.tenant(id, dialect)
	out.do(http.StatusOK, "PATCH", "/v1/tenant", map[string]any{"notify_email": "ops@example.com"}, nil)
	return out
}

func failingAndRecovered(t *testing.T, c client, box *outbox) {
	r := startTarget(t, func(path string, _ int) int {
		if path == "/a" {
			return http.StatusInternalServerError
		}
		return http.StatusOK
	})
	acme := c.mailed("failing", "agiletune")
	a := acme.webhook(r.URL+"/a", "task.created")
	acme.webhook(r.URL+"/b", sysevents.WebhookFailing, sysevents.WebhookRecovered, sysevents.DeliveryFailed)
	acme.publish("task.created")
	acme.status(a, "failing", time.Minute, nil)
	r.set(always(http.StatusOK))
	acme.publish("task.created")
	acme.status(a, "active", soon, nil)
	box.want(t, a, mailCreated, mailFailing, mailRecovered)
	r.told(t, "/b", "X-AgileTune-Event", sysevents.DeliveryFailed, sysevents.WebhookFailing, sysevents.WebhookRecovered)
}

func goneIsTold(t *testing.T, c client, box *outbox) {
	r := startTarget(t, func(path string, _ int) int {
		if path == "/a" {
			return http.StatusGone
		}
		return http.StatusOK
	})
	acme := c.mailed("gone", "axoria")
	a := acme.webhook(r.URL+"/a", "issue.created")
	acme.webhook(r.URL+"/b", sysevents.WebhookDisabled)
	for range 5 {
		acme.publish("issue.created")
	}
	acme.status(a, "inactive", soon, nil)
	box.want(t, a, mailCreated, mailInactive)
	r.told(t, "/b", "X-Axoria-Event", sysevents.WebhookDisabled)
}

func deadIsTold(t *testing.T, c client, box *outbox) {
	r := startTarget(t, func(path string, _ int) int {
		if path == "/a" {
			return http.StatusInternalServerError
		}
		return http.StatusOK
	})
	acme := c.mailed("dead", "axiestudio")
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
	box.want(t, a, mailCreated, mailFailing, mailInactive)
	r.told(t, "/b", "X-Webhook-Event", sysevents.WebhookDisabled)
}

func twoDead(t *testing.T, c client, box *outbox, r *target) {
	acme := c.mailed("stars", "agiletune")
	a, b := acme.webhook(r.URL+"/a", "*"), acme.webhook(r.URL+"/b", "*")
	acme.publish("task.created")
	for _, id := range []string{a, b} {
		acme.status(id, "failing", time.Minute, nil)
		box.want(t, id, mailCreated, mailFailing)
	}
}
