// Package storetest is the suite that every engine of package store passes. Its checks are named sentences, each about a
// promise of store.Store. An engine that is known not to keep one says which and why, so that differences are seen and
// not passed over.
package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"hookline/shared/store"
	"hookline/shared/webhook"
)

// Engine is what the suite runs against.
type Engine struct {
	// Open returns a store that is closed when the test ends. Several checks may get the same one, with the objects
	// that other checks left in it.
	Open func(t *testing.T) store.Store
	// Settle does at once what the engine does in the background, so that counts that lag have caught up. It is nil where
	// the engine does nothing in the background.
	Settle func(t *testing.T)
	// Differs names checks that the engine is known not to pass, each with the reason. They are not run.
	Differs map[string]string
	// Every runs one check of so many, for an engine on which all take long and that runs them all elsewhere; 0 runs all.
	Every int
}

// Run runs every check that the engine does not declare to differ in. It runs in real time and depends on no clock but
// the times that it passes.
func Run(t *testing.T, e Engine) {
	all := slices.Concat(tenantChecks(), keyChecks(), webhookChecks(), subscriptionChecks(), pinChecks(), payloadChecks(),
		deliveryChecks(), listChecks(), overdueChecks(), tallyChecks(), slotChecks(), laneChecks(), eventLogChecks(), replayChecks(), sourceChecks(), deploymentChecks(), dialectChecks(), auditChecks(), remainsChecks(), isolationChecks(), sharedChecks())
	differs := maps.Clone(e.Differs)
	run := 0
	for i, c := range all {
		if e.Every > 0 && i%e.Every > 0 {
			continue
		}
		if reason, ok := differs[c.name]; ok {
			t.Logf("not run, the engine differs: %s: %s", c.name, reason)
			delete(differs, c.name)
			continue
		}
		run++
		t.Run(c.name, func(t *testing.T) {
			c.run(&bench{T: t, s: e.Open(t), settle: e.Settle, now: time.Now().UTC().Truncate(time.Second).Add(123 * time.Millisecond)})
		})
	}
	for name := range differs {
		t.Errorf("the engine differs in a check that does not exist: %s", name)
	}
	t.Attr("checks", fmt.Sprintf("%d run, in %d the engine differs", run, len(e.Differs)))
}

type check struct {
	name string
	run  func(*bench)
}

// bench has a check's test, store and time.
type bench struct {
	*testing.T
	s      store.Store
	settle func(*testing.T)
	now    time.Time
}

// odd is text with characters that are easily changed on the way.
const odd = "é\"'`\\ <&> 😀 \u2028\x00\t;--%_ {\"a\":1}"

// absent is an id that no object has.
const absent = "nothing"

func (b *bench) ok(err error) {
	b.Helper()
	if err != nil {
		b.Fatalf("got error %v, want none", err)
	}
}

func (b *bench) equal(what string, got, want any) {
	b.Helper()
	// cmp would take a second for long bodies.
	long := cmp.FilterValues(func(x, y []byte) bool { return len(x)+len(y) > 0 }, cmp.Comparer(bytes.Equal))
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty(), long); diff != "" {
		b.Errorf("%s: -want +got\n%s", what, diff)
	}
}

func (b *bench) kind(what string, err error, want webhook.Kind) {
	b.Helper()
	if !webhook.Is(err, want) {
		b.Errorf("%s: got error %v, want one of kind %d", what, err, want)
	}
}

func (b *bench) notFound(what string, err error) {
	b.Helper()
	b.kind(what, err, webhook.NotFound)
}

func (b *bench) conflict(what string, err error, code string) {
	b.Helper()
	b.kind(what, err, webhook.Conflict)
	if e, ok := errors.AsType[*webhook.Error](err); ok && e.Code != code {
		b.Errorf("%s: got code %q, want %q", what, e.Code, code)
	}
}

// must returns the value of a call that must not fail.
func must[T any](v T, err error) func(*bench) T {
	return func(b *bench) T {
		b.Helper()
		b.ok(err)
		return v
	}
}

// newTenant returns a tenant with an id that was not used before, and its first key.
func (b *bench) newTenant() (webhook.Tenant, webhook.Key) {
	id := webhook.NewID("t_", b.now)
	t := webhook.Tenant{
		ID: id, Name: odd, Dialect: "standard@1", NotifyEmail: "a@example.com",
		FrameAncestors: []string{"https://a.example", odd}, CreatedAt: b.now, UpdatedAt: b.now.Add(7 * time.Millisecond), Version: 1,
		RetentionDays: 7, MaxWebhooks: 10_000,
	}
	k := webhook.Key{
		ID: webhook.NewID(webhook.KeyPrefix, b.now), Tenant: id, Name: odd, Scopes: []string{"keys:read", "tenant:read"},
		Hash: webhook.HashAPIKey(id), CreatedAt: b.now,
	}
	return t, k
}

// tenant creates a tenant and returns its id.
func (b *bench) tenant() string {
	b.Helper()
	t, k := b.newTenant()
	b.ok(b.s.CreateTenant(b.Context(), t, k))
	return t.ID
}

// key returns a key that is not stored.
func (b *bench) key(tenant, id string) webhook.Key {
	return webhook.Key{ID: id, Tenant: tenant, Name: id, Scopes: []string{"keys:read"}, Hash: webhook.HashAPIKey(tenant + " " + id), CreatedAt: b.now}
}

// webhook returns an active webhook that is not stored, with every field filled.
func (b *bench) webhook(tenant, id string, events ...string) webhook.Webhook {
	w := webhook.Webhook{
		Ref: webhook.Ref{Tenant: tenant, ID: id}, URL: "https://example.com/" + id + "?a=1&b=<2>", Name: odd, Events: events, Active: true,
		ContentType: webhook.ContentForm, Format: webhook.FormatTeams, Headers: webhook.Sealed{1, 0, 0xff, '"'},
		HeaderNames: []string{"X-Token", "X-Other"}, TimeoutSeconds: 7, Filter: []byte(`{ "a":["<x>", 1.0, "é\u0000"] }`), MaxPerSecond: 9, PacedSince: b.now.Add(-time.Second),
		Metadata: map[string]string{odd: odd, "": ""},
		Secrets: []webhook.Secret{
			{Version: 2, Sealed: webhook.Sealed{1, 4, 0, 0xfe}},
			{Version: 1, Sealed: webhook.Sealed{1, 0xc3, 0x28}, ExpiresAt: b.now.Add(24 * time.Hour)},
		},
		CreatedAt: b.now, UpdatedAt: b.now.Add(time.Millisecond), Version: 1,
	}
	w.KeepSince(webhook.Webhook{}, b.now.Add(3*time.Millisecond))
	return w
}

// created stores a webhook and returns it.
func (b *bench) created(tenant, id string, events ...string) webhook.Webhook {
	b.Helper()
	w := b.webhook(tenant, id, events...)
	b.ok(b.s.CreateWebhook(b.Context(), w))
	return w
}

// delivery returns the record of a first attempt that succeeded, accepted so long after now. It is not stored.
func (b *bench) delivery(tenant, hook, event string, after time.Duration) webhook.Delivery {
	at := b.now.Add(after)
	return webhook.Delivery{
		DeliveryKey: webhook.DeliveryKey{Tenant: tenant, Webhook: hook, Event: event, AcceptedAt: at},
		Type:        "invoice.paid", Dialect: "standard@1", ContentType: webhook.ContentJSON, Format: webhook.FormatJSON,
		Timestamp: at.Format(webhook.TimeFormat), Body: webhook.Payload{Inline: []byte{'d', 0, 0xff, '"', '{', '}'}},
		Status: webhook.Succeeded, Round: 1, Count: 1, Total: 1, Owner: "5fea7756-0ea4-451a-a703-a558b933e274",
		Attempts: []webhook.Attempt{{
			Number: 1, ScheduledAt: at, StartedAt: at.Add(8 * time.Millisecond), SentAt: at.Truncate(time.Second),
			Duration: 53 * time.Millisecond, StatusCode: 200, ResponseBody: odd, Secret: 2,
		}},
		ExpiresAt: at.Add(30 * 24 * time.Hour),
	}
}

// pending turns the record into one that waits for its next attempt.
func pending(d webhook.Delivery, next time.Time) webhook.Delivery {
	d.Status, d.Via, d.NextAt = webhook.Pending, webhook.ViaQueue, next
	return d
}

// save stores a record that is not there yet.
func (b *bench) save(d webhook.Delivery) webhook.Delivery {
	b.Helper()
	b.ok(b.s.SaveDelivery(b.Context(), d, webhook.Rev{}))
	return d
}

// collect reads a whole list in pages of limit.
func collect[T any](b *bench, limit int, list func(webhook.Page) (webhook.List[T], error)) []T {
	b.Helper()
	var all []T
	page := webhook.Page{Limit: limit}
	for range 10_000 {
		l, err := list(page)
		b.ok(err)
		if len(l.Items) > limit {
			b.Fatalf("got a page of %d, want at most %d", len(l.Items), limit)
		}
		all = append(all, l.Items...)
		if l.Next == "" {
			return all
		}
		page.Cursor = l.Next
	}
	b.Fatal("the list does not end")
	return nil
}

// race runs f for 0 to n−1 side by side and returns the errors.
func race(n int, f func(i int) error) []error {
	errs := make([]error, n)
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-start
			errs[i] = f(i)
		})
	}
	close(start)
	wg.Wait()
	return errs
}

// oneWinner checks that one call of a race succeeded and the others got Conflicts with that code, and returns the
// winner.
func (b *bench) oneWinner(errs []error, code string) int {
	b.Helper()
	winner := -1
	for i, err := range errs {
		switch {
		case err != nil:
			b.conflict(fmt.Sprintf("loser %d", i), err, code)
		case winner >= 0:
			b.Errorf("got winners %d and %d, want one", winner, i)
		default:
			winner = i
		}
	}
	if winner < 0 {
		b.Fatal("got no winner, want one")
	}
	return winner
}

// through repeats a call that failed because of throttles or of transactions in each other's way.
func through(f func() error) error {
	var err error
	for range 100 {
		if err = f(); !webhook.Is(err, webhook.Unavailable) {
			break
		}
	}
	return err
}

func ids[T any](items []T, id func(T) string) []string {
	out := make([]string, 0, len(items))
	for _, v := range items {
		out = append(out, id(v))
	}
	return out
}
