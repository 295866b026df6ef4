package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"hookline/shared/dialect"
	"hookline/shared/queue"
	"hookline/shared/store/sqlite"
	"hookline/shared/systemevent"
	"hookline/shared/webhook"
)

// outbox keeps what it is sent.
type outbox struct{ sent []queue.Outgoing }

func (o *outbox) Send(_ context.Context, msgs []queue.Outgoing) error {
	o.sent = append(o.sent, msgs...)
	return nil
}

// counted is a store that counts reads of the index.
type counted struct {
	Store
	reads int
}

func (c *counted) Subscriptions(ctx context.Context, tenant string, patterns []string, page webhook.Page) (webhook.List[webhook.Subscription], error) {
	c.reads++
	return c.Store.Subscriptions(ctx, tenant, patterns, page)
}

// announcements keeps notices.
type announcements struct{ notices []systemevent.Notice }

func (a *announcements) Announce(_ context.Context, ns []systemevent.Notice) error {
	a.notices = append(a.notices, ns...)
	return nil
}

// matchWorld is a service with the tenants acme and globex, whose work is counted.
type matchWorld struct {
	*Service
	t                        *testing.T
	engine                   *sqlite.Store
	index                    *counted
	delivery, queue, refused *outbox
	announced                *announcements
}

func newMatchWorld(t *testing.T) *matchWorld {
	t.Helper()
	store, err := sqlite.New("", sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	dialects, err := dialect.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"acme", "globex"} {
		if err := store.CreateTenant(t.Context(), webhook.Tenant{ID: id, Dialect: "standard"}, webhook.Key{ID: "key_1", Tenant: id, Hash: id}); err != nil {
			t.Fatal(err)
		}
	}
	w := &matchWorld{
		t: t, engine: store, index: &counted{Store: store}, delivery: new(outbox), queue: new(outbox), refused: new(outbox),
		announced: new(announcements),
	}
	w.Service = &Service{
		Store: w.index, Dialects: dialects, Delivery: w.delivery, Queue: w.queue, Refused: w.refused, Announcer: w.announced,
		Log: slog.New(slog.DiscardHandler),
	}
	return w
}

// hooks makes webhooks of the tenant, active and for all events named, with the filters.
func (w *matchWorld) hooks(tenant string, types []string, filters ...string) {
	w.t.Helper()
	for i, f := range filters {
		hook := webhook.Webhook{Ref: webhook.Ref{Tenant: tenant, ID: fmt.Sprintf("wh_%05d", i)}, Active: true, Events: types, Filter: json.RawMessage(f), Format: webhook.FormatJSON}
		hook.KeepSince(webhook.Webhook{}, time.UnixMilli(1))
		if err := w.engine.CreateWebhook(w.t.Context(), hook); err != nil {
			w.t.Fatal(err)
		}
	}
}

func (w *matchWorld) tenant(id string) webhook.Tenant {
	return webhook.Tenant{ID: id, Dialect: "standard"}
}

// handle has the bodies taken as one batch and expects that none stays.
func (w *matchWorld) handle(bodies ...string) {
	w.t.Helper()
	var batch []queue.Received
	for i, b := range bodies {
		batch = append(batch, queue.Received{ID: fmt.Sprint(i), Body: b})
	}
	stays, err := w.Handle(w.t.Context(), batch)
	if err != nil || len(stays) > 0 {
		w.t.Fatalf("got %v, %v, want that no message stays", stays, err)
	}
}

func (w *matchWorld) reasons() []string {
	w.t.Helper()
	var out []string
	for _, m := range w.refused.sent {
		var r refused
		if err := json.Unmarshal([]byte(m.Body), &r); err != nil {
			w.t.Fatal(err)
		}
		out = append(out, r.Reason)
	}
	return out
}

const (
	heavy = `{"v":[{"wildcard":"a*b*c"},{"prefix":"z"}]}`
	light = `{"n":[1]}`
)

// values is data with so many of them, which is about as many steps for heavy.
func values(n int) json.RawMessage {
	return json.RawMessage(`{"n":1,"v":[` + repeated(n, func(int) string { return `"x"` }) + `]}`)
}

func entryOf(tenant string, data json.RawMessage) string {
	return fmt.Sprintf(`{"id":"e-%s","detail-type":"order.placed","source":"shop","detail":{"tenant":%q,"data":%s}}`, tenant, tenant, data)
}

func TestFilterBudgetRefusesBeforeAnythingIsTaken(t *testing.T) {
	w := newMatchWorld(t)
	w.MatchWork = 10_000
	w.hooks("acme", []string{"*"}, heavy, light)
	in := func(n int) []Input {
		return []Input{
			{ID: "evt_a", Type: "order.placed", Data: values(10)},
			{ID: "evt_b", Type: "order.placed", Data: values(n)},
			{ID: "evt_c", Type: "order.placed", Data: values(10)},
		}
	}
	_, err := w.Accept(t.Context(), w.tenant("acme"), in(10_000), &IdempotencyKey{Scope: "s", Key: "k", Hash: "h"})
	got, ok := errors.AsType[*webhook.Error](err)
	if !ok || got.Kind != webhook.Invalid || got.Code != "filter-budget" || len(got.Fields) != 1 || got.Fields[0].Field != "1.data" {
		t.Fatalf("got %v, want filter-budget on 1.data", err)
	}
	if len(w.delivery.sent)+len(w.queue.sent) != 0 {
		t.Error("messages were sent")
	}
	// The ids and the key stand for nothing: others can have them.
	results, err := w.Accept(t.Context(), w.tenant("acme"), in(20), &IdempotencyKey{Scope: "s", Key: "k", Hash: "another"})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range results {
		if r.Matched != 1 {
			t.Errorf("%s: matched %d, want 1", r.ID, r.Matched)
		}
	}
	if len(w.delivery.sent) != 3 {
		t.Errorf("got %d messages, want 3", len(w.delivery.sent))
	}
}

func TestMatchingEndsWithItsRequest(t *testing.T) {
	w := newMatchWorld(t)
	w.hooks("acme", []string{"*"}, heavy)
	subs, err := w.subscriptions(t.Context(), "acme", "order.placed")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	m := w.matcher(ctx)
	m.matching(m.candidates(subs), &document{data: values(100_000)})
	if err := m.err(0); !errors.Is(err, context.Canceled) || m.work.Done() > 1000 {
		t.Errorf("got %v after %d steps, want that it ends with its context", err, m.work.Done())
	}
}

func TestOneFilterInManyWebhooksIsAskedOnce(t *testing.T) {
	steps := func(webhooks int) int {
		w := newMatchWorld(t)
		filters := make([]string, webhooks)
		for i := range filters {
			filters[i] = heavy
		}
		w.hooks("acme", []string{"*"}, filters...)
		subs, err := w.subscriptions(t.Context(), "acme", "order.placed")
		if err != nil {
			t.Fatal(err)
		}
		m := w.matcher(t.Context())
		candidates := m.candidates(subs)
		for range 3 {
			m.matching(candidates, &document{data: values(50)})
		}
		return m.work.Done()
	}
	if one, many := steps(1), steps(50); one != many {
		t.Errorf("got %d steps for 50 webhooks, want the %d of one", many, one)
	}
}

func TestBusRefusesWhatIsTooMuchAndHoldsUpNobody(t *testing.T) {
	w := newMatchWorld(t)
	w.MatchWork = 10_000
	w.hooks("acme", []string{"*"}, heavy)
	w.hooks("globex", []string{"*"}, light)
	w.handle(entryOf("acme", values(20_000)), entryOf("globex", values(1)))
	if got := w.reasons(); len(got) != 1 || got[0] != "filter_budget" {
		t.Errorf("got the reasons %q, want filter_budget", got)
	}
	if len(w.refused.sent) == 1 && !strings.Contains(w.refused.sent[0].Body, "0.data") {
		t.Errorf("got %s, want that it names the data", w.refused.sent[0].Body)
	}
	if len(w.delivery.sent) != 1 {
		t.Errorf("got %d messages, want the other tenant's one", len(w.delivery.sent))
	}
}

// Messages that a deleted tenant has left in the queue are matched with nothing.
func TestDeletedTenantIsNoWork(t *testing.T) {
	w := newMatchWorld(t)
	w.hooks("acme", []string{"*"}, make([]string, MaxInline+1)...)
	if _, err := w.Accept(t.Context(), w.tenant("acme"), []Input{{Type: "order.placed", Data: values(1)}}, nil); err != nil {
		t.Fatal(err)
	}
	if len(w.queue.sent) != 1 {
		t.Fatalf("got %d messages to fan out, want 1", len(w.queue.sent))
	}
	if err := w.engine.DeleteTenant(t.Context(), "acme"); err != nil {
		t.Fatal(err)
	}
	w.index.reads = 0
	w.handle(w.queue.sent[0].Body, entryOf("acme", values(1)))
	if w.index.reads != 0 || len(w.delivery.sent) != 0 {
		t.Errorf("got %d reads of the index and %d messages, want none", w.index.reads, len(w.delivery.sent))
	}
	if got := w.reasons(); len(got) != 1 {
		t.Errorf("got the reasons %q, want one, of the entry", got)
	}
}

// fanned makes one event of acme that goes through the queue, with a filter of its own in each webhook, and takes its
// messages with so much work for each. It returns how many there were.
func (w *matchWorld) fanned(webhooks, work int) (messages int) {
	w.t.Helper()
	filters := make([]string, webhooks)
	for i := range filters {
		filters[i] = fmt.Sprintf(`{"v":[{"anything-but":"y%d"}]}`, i)
	}
	w.hooks("acme", []string{"*"}, filters...)
	if _, err := w.Accept(w.t.Context(), w.tenant("acme"), []Input{{Type: "order.placed", Data: values(1)}}, nil); err != nil {
		w.t.Fatal(err)
	}
	w.MatchWork = work
	for ; len(w.queue.sent) > 0; messages++ {
		next := w.queue.sent[0]
		w.queue.sent = w.queue.sent[1:]
		w.handle(next.Body)
	}
	return messages
}

func TestFanOutGoesOnWhereItsWorkEnds(t *testing.T) {
	const webhooks = 600
	for name, c := range map[string]struct{ work, messages, sent, refused int }{
		"all pages in one message":     {0, 1, webhooks, 0},
		"two pages in each message":    {25_000, 3, webhooks, 0},
		"one page in each message":     {15_000, 6, webhooks, 0},
		"less than one page's filters": {5_000, 1, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			w := newMatchWorld(t)
			messages := w.fanned(webhooks, c.work)
			if messages != c.messages || len(w.delivery.sent) != c.sent || len(w.refused.sent) != c.refused {
				t.Errorf("got %d messages, %d sent and %d refused, want %d, %d and %d",
					messages, len(w.delivery.sent), len(w.refused.sent), c.messages, c.sent, c.refused)
			}
			for _, reason := range w.reasons() {
				if reason != "filter_budget" {
					t.Errorf("got the reason %q, want filter_budget", reason)
				}
			}
		})
	}
}

// The mail about a webhook goes out although other webhooks' filters are too much work for its event.
func TestFilterBudgetKeepsNoMailBack(t *testing.T) {
	w := newMatchWorld(t)
	w.MatchWork = 10
	w.hooks("acme", []string{"webhook.created"}, heavy)
	made := webhook.Webhook{Ref: webhook.Ref{Tenant: "acme", ID: "wh_new"}, URL: "https://example.com", Active: true, Version: 1}
	if err := w.engine.CreateWebhook(t.Context(), made); err != nil {
		t.Fatal(err)
	}
	w.handle(systemevent.Created(made).Outgoing(time.Now()).Body)
	if len(w.announced.notices) != 1 {
		t.Errorf("got %d announcements, want 1", len(w.announced.notices))
	}
	if got := w.reasons(); len(got) != 1 || got[0] != "filter_budget" {
		t.Errorf("got the reasons %q, want filter_budget", got)
	}
}
