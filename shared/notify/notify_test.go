package notify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"hookline/shared/dialect"
	"hookline/shared/faultinject"
	"hookline/shared/queue"
	queuesqlite "hookline/shared/queue/sqlite"
	"hookline/shared/store"
	storesqlite "hookline/shared/store/sqlite"
	"hookline/shared/systemevent"
	"hookline/shared/webhook"
)

// postOffice keeps the mails that it takes.
type postOffice struct {
	mu    sync.Mutex
	mails []Mail
	fault func(m Mail, n int) error // n counts the mails offered, from 1
	n     int
	takes time.Duration // for one mail
}

func (p *postOffice) Send(ctx context.Context, m Mail) error {
	if p.takes > 0 { // a timer that is due at once crashed the runtime under the race detector
		select {
		case <-time.After(p.takes):
		case <-ctx.Done():
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.n++
	if p.fault != nil {
		if err := p.fault(m, p.n); err != nil {
			return err
		}
	}
	p.mails = append(p.mails, m)
	return nil
}

// subjects returns those of the mails to an address.
func (p *postOffice) subjects(to string) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []string
	for _, m := range p.mails {
		if m.To == to {
			all = append(all, m.Subject)
		}
	}
	return all
}

// world is the service over engines in memory, in a bubble's time.
type world struct {
	*testing.T
	store       store.Store
	queue, dead *queuesqlite.Queue
	post        *postOffice
	service     *Service
}

// visibility is the queue's timeout, as the stack has it.
const visibility = 50 * time.Second

func run(t *testing.T, faults faultinject.StoreFaults, fn func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		kept, err := storesqlite.New("", storesqlite.Options{})
		if err != nil {
			t.Fatal(err)
		}
		store := faultinject.Store(kept, &faults)
		engine, err := queuesqlite.New("", queuesqlite.Options{})
		if err != nil {
			t.Fatal(err)
		}
		w := &world{T: t, store: store, post: new(postOffice)}
		if w.dead, err = engine.Queue("dead", queuesqlite.QueueConfig{}); err != nil {
			t.Fatal(err)
		}
		if w.queue, err = engine.Queue("notify", queuesqlite.QueueConfig{Visibility: visibility, DeadLetter: "dead", MaxReceive: 1000}); err != nil {
			t.Fatal(err)
		}
		dialects, err := dialect.Builtin()
		if err != nil {
			t.Fatal(err)
		}
		w.service = &Service{
			Store: store, Dialects: dialects, Mailer: w.post, Queue: w.queue, Refused: w.dead,
			Console: "https://hooks.example.com", Log: slog.New(slog.DiscardHandler),
		}
		for _, id := range []string{"acme", "globex", "silent"} {
			tenant := webhook.Tenant{
				ID: id, Name: id, Dialect: "agiletune", NotifyEmail: "ops@" + id + ".example", Version: 1,
				CreatedAt: time.Now().UTC(), UpdatedAt: time.Now().UTC(),
			}
			if id == "silent" {
				tenant.NotifyEmail = ""
			}
			if err := store.CreateTenant(t.Context(), tenant, webhook.Key{ID: "key_" + id, Tenant: id, Hash: id}); err != nil {
				t.Fatal(err)
			}
		}
		ctx, stop := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() { w.poll(ctx) })
		}
		fn(t, w)
		stop()
		wg.Wait()
		if err := errors.Join(engine.Close(), kept.Close()); err != nil {
			t.Error(err)
		}
	})
}

// poll hands the queue's messages to the service, a few at a time, until ctx ends.
func (w *world) poll(ctx context.Context) {
	for ctx.Err() == nil {
		msgs, err := w.queue.Receive(ctx, 3, queue.MaxWait)
		if err != nil || len(msgs) == 0 {
			continue
		}
		stays, err := w.service.Handle(context.WithoutCancel(ctx), msgs)
		if err != nil {
			w.Error(err)
		}
		for _, handle := range queue.Done(msgs, stays) {
			_ = w.queue.Delete(context.WithoutCancel(ctx), handle) // stale: it was received again meanwhile
		}
	}
}

// notice is of a change of a tenant's webhook, which id tells from others.
func notice(tenant, eventType, id string, edit func(*systemevent.WebhookData)) systemevent.Notice {
	d := systemevent.WebhookData{
		WebhookID: "wh_" + id, Name: "Orders " + id, URL: "https://example.com/hooks", Events: []string{"task.created"},
		Status: "failing", Since: time.Now().UTC().Format(time.RFC3339),
	}
	if edit != nil {
		edit(&d)
	}
	data, _ := json.Marshal(d) // strings
	return systemevent.Notice{
		ID: "bus", DetailType: eventType, Source: "hookline.test", Time: time.Now().UTC(),
		Detail: systemevent.Detail{Tenant: tenant, ID: id, Data: data},
	}
}

func (w *world) send(ns ...systemevent.Notice) {
	w.Helper()
	var msgs []queue.Outgoing
	for _, n := range ns {
		b, err := json.Marshal(n)
		if err != nil {
			w.Fatal(err)
		}
		msgs = append(msgs, queue.Outgoing{Body: string(b)})
	}
	if err := queue.SendAll(w.Context(), w.queue, msgs); err != nil {
		w.Fatal(err)
	}
}

// fail sends notices of n changes.
func (w *world) fail(tenant string, from, n int) {
	w.Helper()
	for i := range n {
		w.send(notice(tenant, "webhook.failing", fmt.Sprint(from+i), nil))
	}
}

func (w *world) depth(q *queuesqlite.Queue) queue.Counts {
	w.Helper()
	c, err := q.Counts(w.Context())
	if err != nil {
		w.Fatal(err)
	}
	return c
}

// empty holds the queues to being empty: every message is done with.
func (w *world) empty() {
	w.Helper()
	for name, q := range map[string]*queuesqlite.Queue{"queue": w.queue, "dead letters": w.dead} {
		if got := w.depth(q); got != (queue.Counts{}) {
			w.Errorf("%s: %+v left, want nothing", name, got)
		}
	}
}

// pass lets virtual time pass.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func count(w *world, to string, want int) {
	w.Helper()
	if got := w.post.subjects(to); len(got) != want {
		w.Errorf("%s got %d mails, want %d: %q", to, len(got), want, got)
	}
}

func TestOneMailPerChange(t *testing.T) {
	run(t, faultinject.StoreFaults{}, func(t *testing.T, w *world) {
		w.post.takes = 3 * time.Second
		for _, eventType := range webhook.SystemTypes() {
			w.send(notice("acme", eventType, strings.ReplaceAll(eventType, ".", "-"), nil))
		}
		w.send(notice("acme", "invoice.paid", "foreign", nil), notice("silent", "webhook.failing", "s", nil), notice("gone", "webhook.failing", "g", nil))
		pass(time.Minute)
		want := []string{"is active again", "is failing", "was created", "was made inactive"}
		got := strings.Join(w.post.subjects("ops@acme.example"), "\n")
		for _, s := range want {
			if strings.Count(got, s) != 1 {
				t.Errorf("%q is in %d subjects, want 1:\n%s", s, strings.Count(got, s), got)
			}
		}
		count(w, "ops@acme.example", len(want))
		if len(w.post.mails) != len(want) {
			t.Errorf("%d mails in all, want %d", len(w.post.mails), len(want))
		}
		w.empty()
	})
}

// TestRepeats has one notice come again and again: at once, while its mail is on its way, in the next hour, and days on.
func TestRepeats(t *testing.T) {
	run(t, faultinject.StoreFaults{}, func(t *testing.T, w *world) {
		w.post.takes = 10 * time.Second
		pass(59*time.Minute + 55*time.Second)
		n := notice("acme", "webhook.failing", "1", nil)
		for range 5 {
			w.send(n)
			n.ID += "again" // of the bus entry, which says nothing
		}
		for _, later := range []time.Duration{10 * time.Second, 5 * time.Minute, time.Hour, 10 * 24 * time.Hour} {
			pass(later)
			w.send(n)
		}
		pass(time.Hour)
		count(w, "ops@acme.example", 1)
		w.empty()
	})
}

// TestNoStorm makes 25 changes of one tenant in an hour, and some of another and in the next.
func TestNoStorm(t *testing.T) {
	run(t, faultinject.StoreFaults{}, func(t *testing.T, w *world) {
		pass(5 * time.Minute)
		w.fail("acme", 0, 12)
		w.fail("globex", 0, 3)
		pass(30 * time.Minute)
		w.fail("acme", 12, 13)
		w.fail("acme", 0, 25) // repeats
		pass(20 * time.Minute)
		count(w, "ops@acme.example", 10)
		count(w, "ops@globex.example", 3)
		pass(6 * time.Minute)
		count(w, "ops@acme.example", 11)
		if got, want := w.post.subjects("ops@acme.example")[10], "[AgileTune] 15 more changes of webhooks"; got != want {
			t.Errorf("the digest is called %q, want %q", got, want)
		}
		text := w.post.mails[len(w.post.mails)-1].Text
		told := 0
		for i := range 25 {
			told += strings.Count(text, fmt.Sprintf("“Orders %d”", i))
		}
		if told != 15 {
			t.Errorf("the digest tells of %d changes, want 15:\n%s", told, text)
		}
		w.fail("acme", 25, 10)
		pass(time.Minute)
		count(w, "ops@acme.example", 21)
		pass(3 * time.Hour)
		count(w, "ops@acme.example", 21)
		count(w, "ops@globex.example", 3)
		w.empty()
	})
}

// TestManyMore makes more changes than a ledger holds.
func TestManyMore(t *testing.T) {
	run(t, faultinject.StoreFaults{}, func(t *testing.T, w *world) {
		w.fail("acme", 0, maxEntries+20)
		pass(2 * time.Hour)
		count(w, "ops@acme.example", 11)
		m := w.post.mails[10]
		if want := fmt.Sprintf("%d more changes", maxEntries+20-10); !strings.Contains(m.Subject, want) || !strings.Contains(m.Text, "… and about 20 more.") {
			t.Errorf("got %q, want %q, of which 20 are counted only", m.Subject, want)
		}
		w.empty()
	})
}

// TestLateDigest has a change that was noted in one hour be left over after its digest.
func TestLateDigest(t *testing.T) {
	run(t, faultinject.StoreFaults{}, func(t *testing.T, w *world) {
		w.fail("acme", 0, 11)
		pass(10 * time.Minute)
		first := time.Now().UTC()
		if _, _, err := w.store.Pin(t.Context(), webhook.Pin{Tenant: "acme", Scope: "mail-change", Key: "late", At: first, ExpiresAt: first.Add(remembered)}); err != nil {
			t.Fatal(err)
		}
		pass(time.Hour)
		count(w, "ops@acme.example", 11)
		w.send(notice("acme", "webhook.disabled", "late", nil))
		pass(time.Minute)
		if got := w.post.subjects("ops@acme.example"); len(got) != 12 || got[11] != "[AgileTune] 1 more change of a webhook" {
			t.Errorf("got %q, want a digest of one", got)
		}
		w.empty()
	})
}

// TestDigestTwice has two messages of one digest come up at once, as after a crash between sending one and noting it.
func TestDigestTwice(t *testing.T) {
	run(t, faultinject.StoreFaults{}, func(t *testing.T, w *world) {
		w.fail("acme", 0, 12)
		pass(time.Minute)
		w.post.takes = 5 * time.Second
		hour := time.Now().UTC().Truncate(time.Hour)
		body, err := json.Marshal(map[string]digest{"digest": {Tenant: "acme", Hour: hour, Due: hour}})
		if err != nil {
			t.Fatal(err)
		}
		batch := []queue.Received{{ID: "1", Body: string(body)}}
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() { _, _ = w.service.Handle(t.Context(), batch) })
		}
		wg.Wait()
		count(w, "ops@acme.example", 11)
		pass(2 * time.Hour)
		count(w, "ops@acme.example", 11)
		w.empty()
	})
}

var errFault = errors.New("fault")

// TestFaults has everything fail that can, in turn: nothing is lost, and a mail comes twice only where it was sent and
// could not be noted as sent.
func TestFaults(t *testing.T) {
	type outcome struct{ failing, digests int }
	check := func(t *testing.T, faults faultinject.StoreFaults, post func(Mail, int) error, changes int, want, most outcome) {
		t.Helper()
		run(t, faults, func(t *testing.T, w *world) {
			w.post.fault = post
			w.fail("acme", 0, changes)
			pass(3 * time.Hour)
			seen := make(map[string]int)
			var got outcome
			for _, m := range w.post.mails {
				if strings.Contains(m.Subject, "more change") {
					got.digests++
				} else {
					got.failing++
				}
				for i := range changes {
					seen[fmt.Sprint(i)] += strings.Count(m.Text, fmt.Sprintf("“Orders %d”", i))
				}
			}
			for i := range changes {
				if seen[fmt.Sprint(i)] == 0 {
					t.Errorf("change %d is in no mail", i)
				}
			}
			if got.failing < want.failing || got.failing > most.failing || got.digests < want.digests || got.digests > most.digests {
				t.Errorf("got %+v mails, want %+v to %+v", got, want, most)
			}
			w.empty()
		})
	}
	step := 1
	if testing.Short() { // under the race detector, which slows SQLite in Go some ten times
		step = 4
	}
	for nth := 1; nth <= 6; nth += step {
		for _, call := range []string{"Pin", "Repin"} {
			t.Run(fmt.Sprintf("%s %d is not written", call, nth), func(t *testing.T) {
				check(t, faultinject.StoreFaults{Before: faultinject.Nth(nth, call)}, nil, 2, outcome{2, 0}, outcome{3, 0})
			})
			t.Run(fmt.Sprintf("%s %d is written and not answered", call, nth), func(t *testing.T) {
				check(t, faultinject.StoreFaults{After: faultinject.Nth(nth, call)}, nil, 2, outcome{2, 0}, outcome{3, 0})
			})
		}
	}
	// 10 changes take two writes of the ledger each, then come those of the digest.
	for nth := 19; nth <= 32; nth += step {
		t.Run(fmt.Sprintf("digest, Repin %d is not written", nth), func(t *testing.T) {
			check(t, faultinject.StoreFaults{Before: faultinject.Nth(nth, "Repin")}, nil, 14, outcome{10, 1}, outcome{11, 2})
		})
		t.Run(fmt.Sprintf("digest, Repin %d is written and not answered", nth), func(t *testing.T) {
			check(t, faultinject.StoreFaults{After: faultinject.Nth(nth, "Repin")}, nil, 14, outcome{10, 1}, outcome{11, 2})
		})
	}
	t.Run("the mail service is away for a while", func(t *testing.T) {
		var since time.Time
		away := func(Mail, int) error {
			if since.IsZero() {
				since = time.Now()
			}
			if time.Since(since) < 20*time.Minute {
				return webhook.ErrUnavailable(errFault)
			}
			return nil
		}
		check(t, faultinject.StoreFaults{}, away, 14, outcome{10, 1}, outcome{10, 1})
	})
	t.Run("the digest fails at first", func(t *testing.T) {
		check(t, faultinject.StoreFaults{}, func(_ Mail, n int) error {
			if n == 11 {
				return webhook.ErrUnavailable(errFault)
			}
			return nil
		}, 14, outcome{10, 1}, outcome{10, 1})
	})
}

// TestRefused has mails be refused for good: they are dead letters with the reason at once, and moved back they are
// sent, once.
func TestRefused(t *testing.T) {
	run(t, faultinject.StoreFaults{}, func(t *testing.T, w *world) {
		w.post.fault = func(Mail, int) error {
			return &webhook.Error{Kind: webhook.Invalid, Code: "mail-refused", Message: "refused", Cause: errors.New("identity not verified")}
		}
		w.fail("acme", 0, 12)
		pass(2 * time.Hour)
		// Two changes that are noted at once have a digest's message each.
		if got := w.depth(w.dead).Visible; got != 11 && got != 12 {
			t.Fatalf("%d dead letters, want 10 changes and a digest, once or twice", got)
		}
		w.post.fault = nil
		for range 2 {
			msgs, err := w.dead.Receive(t.Context(), queue.MaxBatch, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range msgs {
				if !strings.Contains(m.Body, "identity not verified") {
					t.Errorf("the dead letter does not say why: %s", m.Body)
				}
				for range 2 { // a move may be repeated
					if err := w.queue.Send(t.Context(), []queue.Outgoing{{Body: m.Body}}); err != nil {
						t.Fatal(err)
					}
				}
				if err := w.dead.Delete(t.Context(), m.Handle); err != nil {
					t.Fatal(err)
				}
			}
		}
		pass(2 * time.Minute)
		count(w, "ops@acme.example", 11)
		w.empty()
	})
}

// TestNoNotices has what is no notice become a dead letter that says so and does not grow when it is moved back.
func TestNoNotices(t *testing.T) {
	for name, body := range map[string]string{
		"no JSON":     `hello`,
		"no data":     `{"detail-type":"webhook.failing","detail":{"tenant":"acme","id":"1"}}`,
		"no id":       `{"detail-type":"webhook.failing","detail":{"tenant":"acme","data":{"webhook_id":"wh_1"}}}`,
		"no webhook":  `{"detail-type":"webhook.failing","detail":{"tenant":"acme","id":"1","data":{}}}`,
		"no time":     `{"detail-type":"webhook.failing","detail":{"tenant":"acme","id":"1","data":{"webhook_id":"wh_1"}}}`,
		"other shape": `{"detail-type":"webhook.failing","detail":[]}`,
	} {
		t.Run(name, func(t *testing.T) {
			run(t, faultinject.StoreFaults{}, func(t *testing.T, w *world) {
				for range 3 {
					if err := w.queue.Send(t.Context(), []queue.Outgoing{{Body: body}}); err != nil {
						t.Fatal(err)
					}
					pass(time.Second)
					msgs, err := w.dead.Receive(t.Context(), queue.MaxBatch, 0)
					if err != nil || len(msgs) != 1 {
						t.Fatalf("%d dead letters, %v, want 1", len(msgs), err)
					}
					var got refused
					if err := json.Unmarshal([]byte(msgs[0].Body), &got); err != nil || got.Reason == "" {
						t.Errorf("got %s, %v, want a reason", msgs[0].Body, err)
					}
					if err := w.dead.Delete(t.Context(), msgs[0].Handle); err != nil {
						t.Fatal(err)
					}
					if strings.Contains(got.Message, `"message"`) || got.Message == "" {
						t.Errorf("the dead letter holds %s, want what came first", got.Message)
					}
					body = msgs[0].Body
				}
				if len(w.post.mails) != 0 {
					t.Errorf("mailed %v", w.post.mails)
				}
			})
		})
	}
}

// TestOtherTenantOfTheSameID has a notice outlive its tenant.
func TestOtherTenantOfTheSameID(t *testing.T) {
	run(t, faultinject.StoreFaults{}, func(t *testing.T, w *world) {
		w.send(
			notice("acme", "webhook.failing", "old", func(d *systemevent.WebhookData) { d.Since = time.Now().Add(-time.Minute).Format(time.RFC3339) }),
			notice("acme", "webhook.failing", "new", nil),
		)
		pass(time.Second)
		if diff := cmp.Diff([]string{"[AgileTune] Webhook “Orders new” is failing"}, w.post.subjects("ops@acme.example")); diff != "" {
			t.Errorf("mails (-want +got):\n%s", diff)
		}
	})
}

// TestAddressOfOlderRules is for addresses that were stored before they had to be as mail services take them.
func TestAddressOfOlderRules(t *testing.T) {
	run(t, faultinject.StoreFaults{}, func(t *testing.T, w *world) {
		for _, c := range []struct {
			address, to string
			mails       int
			refused     queue.Counts
		}{
			{"ops@bücher.example", "ops@xn--bcher-kva.example", 1, queue.Counts{}},
			{"jörg@acme.example", "jörg@acme.example", 0, queue.Counts{Visible: 1}},
		} {
			tenant, err := w.store.Tenant(t.Context(), "acme")
			if err != nil {
				t.Fatal(err)
			}
			tenant.NotifyEmail = c.address
			if err := w.store.UpdateTenant(t.Context(), tenant); err != nil {
				t.Fatal(err)
			}
			w.fail("acme", c.mails, 1)
			pass(time.Minute)
			count(w, c.to, c.mails)
			if got := w.depth(w.dead); got != c.refused {
				t.Errorf("%s: %+v refused, want %+v", c.address, got, c.refused)
			}
		}
	})
}
