package delivery

import (
	"context"
	"encoding/json"
	"log/slog"
	"testing"
	"time"

	"hookline/shared/dialect"
	"hookline/shared/egress"
	"hookline/shared/queue"
	"hookline/shared/seal"
	"hookline/shared/store/sqlite"
	"hookline/shared/systemevent"
	"hookline/shared/webhook"
)

// answering is a receiver that gives one answer.
type answering egress.Response

func (a answering) Post(context.Context, egress.Request) egress.Response { return egress.Response(a) }

// inbox keeps what it is sent.
type inbox struct{ sent []queue.Outgoing }

func (i *inbox) Send(_ context.Context, msgs []queue.Outgoing) error {
	i.sent = append(i.sent, msgs...)
	return nil
}

// trial is a deliverer over a store in memory that has one webhook.
type trial struct {
	*Deliverer
	store   *sqlite.Store
	told    inbox
	dialect *dialect.Dialect
	hook    webhook.Webhook
}

func newTrial(t *testing.T, answer egress.Response, hook webhook.Webhook) *trial {
	t.Helper()
	store, err := sqlite.New("", sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	builtin, err := dialect.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	standard, err := builtin.Dialect(t.Context(), "standard")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 3, 20, 12, 0, 0, 250e6, time.UTC)
	tr := &trial{store: store, dialect: standard}
	tr.Deliverer = &Deliverer{
		Store: store, Health: store, Changes: &tr.told, Poster: answering(answer), Dialects: &dialect.Library{Builtin: builtin, Store: store},
		Box: seal.Box{Keys: seal.NewStatic("a key of a test")}, Now: func() time.Time { return now }, Log: slog.New(slog.DiscardHandler),
	}
	hook.Ref, hook.Format = webhook.Ref{Tenant: "acme", ID: "wh_1"}, webhook.FormatJSON
	health := hook.Health
	hook.Health = webhook.Health{}
	if err := store.CreateTenant(t.Context(), webhook.Tenant{ID: "acme", Dialect: "standard", CreatedAt: now}, webhook.Key{ID: "key_1", Tenant: "acme", Hash: "h"}); err != nil {
		t.Fatal(err)
	}
	if err := store.CreateWebhook(t.Context(), hook); err != nil {
		t.Fatal(err)
	}
	if health != (webhook.Health{}) {
		if ok, err := store.SetHealth(t.Context(), hook.Ref, webhook.Health{}, health); !ok || err != nil {
			t.Fatalf("got %v, %v, want the health set", ok, err)
		}
	}
	tr.hook = tr.stored(t)
	return tr
}

func (tr *trial) stored(t *testing.T) webhook.Webhook {
	t.Helper()
	w, err := tr.store.Webhook(t.Context(), webhook.Ref{Tenant: "acme", ID: "wh_1"})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// A test that succeeds makes a failing webhook active again and tells of it, whatever event it sends. One that fails changes
// nothing, and neither does one of a webhook that its owner has made inactive.
func TestTestRecovers(t *testing.T) {
	since := time.Date(2026, 3, 19, 12, 0, 0, 0, time.UTC)
	failing := webhook.Health{FailingSince: since, UnhealthySince: since.Add(-time.Hour)}
	for name, tt := range map[string]struct {
		status    int
		hook      webhook.Webhook
		eventType string
		want      webhook.Status
		healthy   bool
		told      bool
	}{
		"a success of a failing one":           {200, webhook.Webhook{Active: true, Health: failing}, webhook.TestType, webhook.Active, true, true},
		"a success with a system event":        {200, webhook.Webhook{Active: true, Health: failing}, systemevent.WebhookFailing, webhook.Active, true, true},
		"a success of one that began to fail":  {200, webhook.Webhook{Active: true, Health: webhook.Health{UnhealthySince: since}}, webhook.TestType, webhook.Active, true, false},
		"a success of one that is well":        {200, webhook.Webhook{Active: true}, webhook.TestType, webhook.Active, true, false},
		"a success of an inactive failing one": {200, webhook.Webhook{Health: failing}, webhook.TestType, webhook.Inactive, false, false},
		"a failure of a failing one":           {500, webhook.Webhook{Active: true, Health: failing}, webhook.TestType, webhook.Failing, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			tr := newTrial(t, egress.Response{Status: tt.status}, tt.hook)
			if _, err := tr.Test(t.Context(), webhook.Tenant{ID: tr.hook.Tenant}, tr.dialect, tr.hook, tt.eventType); err != nil {
				t.Fatal(err)
			}
			w := tr.stored(t)
			if w.Status() != tt.want || w.Health == (webhook.Health{}) != tt.healthy {
				t.Errorf("got %s with %+v, want %s, healthy %t", w.Status(), w.Health, tt.want, tt.healthy)
			}
			var told struct {
				System systemevent.Change `json:"system"`
			}
			if len(tr.told.sent) > 0 {
				if err := json.Unmarshal([]byte(tr.told.sent[0].Body), &told); err != nil {
					t.Fatal(err)
				}
			}
			if got := told.System.Type == systemevent.WebhookRecovered && !told.System.Unpublished; got != tt.told || len(tr.told.sent) > 1 {
				t.Errorf("got %d messages, the first of %q, want one of a recovery: %t", len(tr.told.sent), told.System.Type, tt.told)
			}
		})
	}
}

// The headers of an answer are kept where it was a failure: the record of a success is small.
func TestHeadersKept(t *testing.T) {
	headers := map[string]string{"Server": "nginx"}
	for status, kept := range map[int]int{200: 0, 500: 1} {
		tr := newTrial(t, egress.Response{Status: status, Headers: func() map[string]string { return headers }}, webhook.Webhook{Active: true})
		sent, err := tr.Test(t.Context(), webhook.Tenant{ID: tr.hook.Tenant}, tr.dialect, tr.hook, webhook.TestType)
		if err != nil {
			t.Fatal(err)
		}
		rec, err := tr.store.Delivery(t.Context(), sent.DeliveryKey)
		if err != nil {
			t.Fatal(err)
		}
		if got := rec.LastAttempt().ResponseHeaders; len(got) != kept {
			t.Errorf("%d: got %v, want %d of them", status, got, kept)
		}
	}
}
