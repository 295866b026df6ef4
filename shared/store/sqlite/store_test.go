package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"hookline/shared/audit"
	"hookline/shared/clock"
	"hookline/shared/sqlitedb"
	"hookline/shared/store"
	"hookline/shared/store/cursor"
	"hookline/shared/store/storetest"
	"hookline/shared/webhook"
)

func open(t *testing.T, path string, opts Options) *Store {
	t.Helper()
	s, err := New(path, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestMemory(t *testing.T) {
	storetest.Run(t, storetest.Engine{Open: func(t *testing.T) store.Store { return open(t, "", Options{}) }})
}

// TestFile runs the suite on one file, so that each check finds what the others left in it.
func TestFile(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "store.db"), Options{})
	storetest.Run(t, storetest.Engine{Open: func(*testing.T) store.Store { return s }})
}

var base = time.Date(2026, 3, 20, 12, 0, 0, 0, time.UTC)

func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

func delivery(event string) webhook.Delivery {
	return webhook.Delivery{
		DeliveryKey: webhook.DeliveryKey{Tenant: "acme", Webhook: "wh_1", Event: event, AcceptedAt: base},
		Status:      webhook.Pending, Round: 1, Count: 1, NextAt: base.Add(time.Minute), ExpiresAt: base.Add(time.Hour),
	}
}

func deployment(id string) webhook.Deployment {
	return webhook.Deployment{
		Tenant: "acme", ID: id, Environment: "production", RepositoryID: "repo", RegisteredAt: base, ExpiresAt: base.Add(time.Hour),
	}
}

// fill writes one of everything.
func fill(ctx context.Context, s *Store) error {
	w := webhook.Webhook{Ref: webhook.Ref{Tenant: "acme", ID: "wh_1"}, URL: "https://example.com", Events: []string{"*"}, Active: true}
	_, _, err := s.Pin(ctx, webhook.Pin{Tenant: "acme", Scope: "event", Key: "evt_1", At: base, ExpiresAt: base.Add(time.Hour)})
	_, _, depErr := s.CreateDeployment(ctx, deployment("dep_1"))
	return errors.Join(err, depErr,
		s.CreateTenant(ctx, webhook.Tenant{ID: "acme", CreatedAt: base}, webhook.Key{ID: "key_1", Tenant: "acme", Hash: "hash"}),
		s.CreateWebhook(ctx, w),
		s.PutPayload(ctx, "acme", "pay_1", []byte("body"), base.Add(time.Hour)),
		s.SaveDelivery(ctx, delivery("evt_1"), webhook.Rev{}),
		s.CreateSource(ctx, webhook.Source{Tenant: "acme", ID: "src_1"}),
		s.PutAudit(ctx, audit.Entry{Tenant: "acme", ID: "aud_1", CreatedAt: base, ExpiresAt: base.Add(time.Hour)}),
		s.PutDialect(ctx, webhook.DialectVersion{Name: "ours", Version: 1, Description: []byte("{}")}))
}

// left counts what is left of fill's entries.
func left(t *testing.T, s *Store) string {
	t.Helper()
	var out []string
	for _, table := range []string{
		"tenant", "api_key", "webhook", "subscription", "source", "dialect", "dialect_version", "pin", "payload", "delivery", "deployment", "audit",
	} {
		var n int
		if err := s.db.Read().QueryRow(`SELECT count(*) FROM ` + table).Scan(&n); err != nil {
			t.Fatal(err)
		}
		out = append(out, fmt.Sprintf("%s %d", table, n))
	}
	return strings.Join(out, ", ")
}

const (
	kept  = "tenant 1, api_key 1, webhook 1, subscription 1, source 1, dialect 1, dialect_version 1, " // until it is deleted
	whole = kept + "pin 1, payload 1, delivery 1, deployment 1, audit 1"
)

func TestReopen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	s, err := New(path, Options{})
	must(t, err, fill(t.Context(), s), s.Close())
	s = open(t, path, Options{})
	if got := left(t, s); got != whole {
		t.Errorf("got %s, want %s", got, whole)
	}
	got, err := s.Delivery(t.Context(), delivery("evt_1").DeliveryKey)
	must(t, err)
	if diff := cmp.Diff(delivery("evt_1"), got); diff != "" {
		t.Errorf("delivery: -want +got\n%s", diff)
	}
}

// TestCrash copies the files while the store is open, as a killed process leaves them, and opens the copy.
func TestCrash(t *testing.T) {
	dir, crashed := t.TempDir(), t.TempDir()
	s := open(t, filepath.Join(dir, "store.db"), Options{})
	must(t, fill(t.Context(), s))
	for _, name := range []string{"store.db", "store.db-wal"} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		must(t, err, os.WriteFile(filepath.Join(crashed, name), b, 0o600))
	}
	if got := left(t, open(t, filepath.Join(crashed, "store.db"), Options{})); got != whole {
		t.Errorf("got %s, want %s", got, whole)
	}
}

func TestDurability(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "store.db"), Options{})
	for pragma, want := range map[string]string{"synchronous": "2", "journal_mode": "wal"} {
		var got string
		must(t, s.db.Write(t.Context(), func(tx *sqlitedb.Tx) error { return tx.QueryRow(`PRAGMA ` + pragma).Scan(&got) }))
		if got != want {
			t.Errorf("%s of the writer: got %s, want %s", pragma, got, want)
		}
	}
}

// TestBubble runs in memory and in virtual time, and leaves no goroutine behind.
func TestBubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, "", Options{Clock: clock.Clock{Real: time.Now(), Anchor: base}})
		must(t, fill(t.Context(), s))
		expire := func(limit, want int, then string) {
			t.Helper()
			n, err := s.Expire(t.Context(), limit)
			must(t, err)
			if got := left(t, s); n != want || got != then {
				t.Errorf("got %d expired and %s, want %d and %s", n, got, want, then)
			}
		}
		d := delivery("evt_2")
		d.ExpiresAt = base.Add(time.Hour + time.Millisecond)
		forever := delivery("evt_3")
		forever.ExpiresAt = time.Time{}
		eternal := deployment("dep_2")
		eternal.ExpiresAt = time.Time{}
		_, _, err := s.CreateDeployment(t.Context(), eternal)
		must(t, err, s.SaveDelivery(t.Context(), d, webhook.Rev{}), s.SaveDelivery(t.Context(), forever, webhook.Rev{}))
		<-time.After(time.Hour - time.Millisecond) // of the bubble
		expire(10, 0, kept+"pin 1, payload 1, delivery 3, deployment 2, audit 1")
		<-time.After(time.Millisecond)
		expire(2, 2, kept+"pin 0, payload 0, delivery 3, deployment 2, audit 1")
		expire(4, 3, kept+"pin 0, payload 0, delivery 2, deployment 1, audit 0")
		<-time.After(time.Hour)
		expire(2, 1, kept+"pin 0, payload 0, delivery 1, deployment 1, audit 0")
		expire(2, 0, kept+"pin 0, payload 0, delivery 1, deployment 1, audit 0")
	})
}

func TestClosed(t *testing.T) {
	for name, path := range map[string]string{"memory": "", "file": filepath.Join(t.TempDir(), "store.db")} {
		s, err := New(path, Options{})
		must(t, err, fill(t.Context(), s), s.Close())
		_, read := s.Tenant(t.Context(), "acme")
		for call, err := range map[string]error{"read": read, "write": s.DeleteTenant(t.Context(), "acme")} {
			if !webhook.Is(err, webhook.Unavailable) {
				t.Errorf("%s, %s: got %v, want it unavailable", name, call, err)
			}
		}
	}
}

func TestFaultKinds(t *testing.T) {
	s := open(t, "", Options{})
	must(t, fill(t.Context(), s), s.db.Write(t.Context(), func(tx *sqlitedb.Tx) error {
		_, err := tx.Exec(`UPDATE webhook SET record = '{'`)
		return err
	}))
	_, spoiled := s.Webhook(t.Context(), webhook.Ref{Tenant: "acme", ID: "wh_1"})
	_, listed := s.Webhooks(t.Context(), "acme", webhook.WebhookQuery{})
	broken := s.write(t.Context(), func(tx *sqlitedb.Tx) error {
		_, err := tx.Exec(`SELECT FROM`)
		return err
	})
	for name, err := range map[string]error{"spoiled record": spoiled, "spoiled record in a list": listed, "bad statement": broken} {
		if e, ok := errors.AsType[*webhook.Error](err); !ok || e.Kind != webhook.Internal {
			t.Errorf("%s: got %v, want an internal error", name, err)
		}
	}
}

// TestCanceledReads cuts reads short. A database in memory lives in its one connection, which must survive that.
func TestCanceledReads(t *testing.T) {
	s := open(t, "", Options{})
	must(t, fill(t.Context(), s))
	for n := range 200 {
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			for range n * 10 {
				_ = ctx.Err()
			}
			cancel()
		}()
		for ctx.Err() == nil {
			if _, err := s.Webhooks(ctx, "acme", webhook.WebhookQuery{}); err != nil && !webhook.Is(err, webhook.Unavailable) {
				t.Fatal(err)
			}
		}
	}
	if got := left(t, s); got != whole {
		t.Errorf("got %s, want %s", got, whole)
	}
}

// TestOn opens a store twice in one database. Closing it leaves the database open, and ends the store's own calls.
func TestOn(t *testing.T) {
	db, err := sqlitedb.Open(filepath.Join(t.TempDir(), "store.db"))
	must(t, err)
	s := On(db, Options{})
	must(t, fill(t.Context(), s), s.Close())
	_, read := s.Tenant(t.Context(), "acme")
	for name, err := range map[string]error{"a read": read, "a write": s.DeleteTenant(t.Context(), "acme")} {
		if !webhook.Is(err, webhook.Unavailable) {
			t.Errorf("%s after Close: got %v, want it unavailable", name, err)
		}
	}
	again := On(db, Options{})
	if got := left(t, again); got != whole {
		t.Errorf("got %s, want %s", got, whole)
	}
	must(t, again.Close(), db.Close())
}

// TestLongScan shows that a filter that few entries match gives short pages and not long waits.
func TestLongScan(t *testing.T) {
	s := open(t, "", Options{})
	must(t, fill(t.Context(), s), s.db.Write(t.Context(), func(tx *sqlitedb.Tx) error {
		_, err := tx.Exec(`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
			INSERT INTO delivery (tenant, webhook, accepted_at, event, type, status, round, count, expires_at, record)
			SELECT 'acme', 'wh_1', ? + i, 'evt_' || i, '', 'succeeded', 1, 1, 0, '{}' FROM n`, cursor.MaxScan*2, base.UnixMilli())
		return err
	}))
	q := webhook.DeliveryQuery{Status: webhook.Pending}
	var got []int
	for {
		l, err := s.Deliveries(t.Context(), "acme", q)
		must(t, err)
		got = append(got, len(l.Items))
		if l.Next == "" {
			break
		}
		q.Page.Cursor = l.Next
	}
	if want := []int{0, 0, 1}; !cmp.Equal(got, want) {
		t.Errorf("got pages of %v, want %v", got, want)
	}
}

// TestPlans checks that every query that reads uses an index: none sorts or reads a whole table.
func TestPlans(t *testing.T) {
	s := open(t, "", Options{})
	must(t, fill(t.Context(), s), s.SaveDelivery(t.Context(), delivery("evt_2"), webhook.Rev{}))
	_, err := s.KeyByHash(t.Context(), "hash")
	must(t, err)
	_, err = s.Payloads(t.Context(), "acme", []string{"pay_1"})
	must(t, err)
	_, err = s.Webhooks(t.Context(), "acme", webhook.WebhookQuery{})
	must(t, err)
	_, err = s.Subscriptions(t.Context(), "acme", []string{"*"}, webhook.Page{})
	must(t, err)
	_, err = s.SourceByID(t.Context(), "src_1")
	must(t, err)
	_, err = s.Source(t.Context(), "acme", "src_1")
	must(t, err)
	_, err = s.Sources(t.Context(), "acme", webhook.Page{})
	must(t, err)
	_, err = s.DialectHead(t.Context(), "ours")
	must(t, err)
	_, err = s.DialectVersion(t.Context(), "ours", 1)
	must(t, err)
	_, err = s.DialectHeads(t.Context(), webhook.Page{})
	must(t, err)
	_, err = s.Deployment(t.Context(), "acme", "dep_1")
	must(t, err)
	_, _, err = s.CreateDeployment(t.Context(), deployment("dep_2"))
	must(t, err)
	for _, q := range []webhook.DeploymentQuery{{}, {Environment: "production"}, {Environment: "production", RepositoryID: "repo"}} {
		q.Page.Limit = 1
		l, err := s.Deployments(t.Context(), "acme", q)
		must(t, err)
		q.Page.Cursor = l.Next
		_, err = s.Deployments(t.Context(), "acme", q)
		must(t, err)
	}
	l, err := s.Overdue(t.Context(), base.Add(time.Hour), webhook.Page{Limit: 1})
	must(t, err)
	_, err = s.Overdue(t.Context(), base.Add(time.Hour), webhook.Page{Cursor: l.Next})
	must(t, err)
	for _, hook := range []string{"", "wh_1"} {
		for _, until := range []time.Time{{}, base.Add(time.Hour)} {
			q := webhook.DeliveryQuery{Webhook: hook, Until: until, Page: webhook.Page{Limit: 1}}
			l, err := s.Deliveries(t.Context(), "acme", q)
			must(t, err)
			q.Page.Cursor = l.Next
			_, err = s.Deliveries(t.Context(), "acme", q)
			must(t, err)
		}
	}
	if got := len(s.stmts); got < 27 {
		t.Errorf("got %d queries, want all that the calls above make", got)
	}
	for query := range s.stmts {
		args := make([]any, strings.Count(query, "?"))
		for i := range args {
			args[i] = 1
		}
		rows, err := s.db.Read().Query(`EXPLAIN QUERY PLAN `+query, args...)
		must(t, err)
		for rows.Next() {
			var id, parent, unused int
			var detail string
			must(t, rows.Scan(&id, &parent, &unused, &detail))
			if !strings.HasPrefix(detail, "SEARCH") || strings.Contains(query, "webhook = ?") && !strings.Contains(detail, "webhook=?") {
				t.Errorf("got %s, want a search by index, of\n%s", detail, query)
			}
		}
		must(t, rows.Err())
	}
}
