package sqlite

import (
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"hookline/shared/clock"
	"hookline/shared/sqlitedb"
	"hookline/shared/webhook"
)

func logItem(rev int64) webhook.LogItem {
	return webhook.LogItem{
		Tenant: "acme", Request: webhook.FirstEntry(base), Rev: rev, Record: []byte("record"), ExpiresAt: base.Add(30 * time.Hour),
	}
}

// TestEventLogExpires shows that log items, and the pins that find events, are kept until their time. A pin counts for
// its event for a shorter time than it is kept.
func TestEventLogExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, "", Options{Clock: clock.Clock{Real: time.Now(), Anchor: base}})
		must(t, s.CreateTenant(t.Context(), webhook.Tenant{ID: "acme", CreatedAt: base}, webhook.Key{ID: "key_1", Tenant: "acme", Hash: "hash"}))
		_, _, err := s.PutLogItem(t.Context(), logItem(1))
		pin := webhook.Pin{Tenant: "acme", Scope: "event", Key: "order-1", At: base, ExpiresAt: base.Add(24 * time.Hour), KeptUntil: base.Add(30 * time.Hour)}
		_, _, pinErr := s.Pin(t.Context(), pin)
		must(t, err, pinErr)
		for _, step := range []struct {
			after   time.Duration // since the step before
			expired int
		}{{0, 0}, {25 * time.Hour, 0}, {5*time.Hour - time.Millisecond, 0}, {time.Millisecond, 2}} {
			<-time.After(step.after) // of the bubble
			n, err := s.Expire(t.Context(), 10)
			must(t, err)
			_, found := s.FindPin(t.Context(), "acme", "event", "order-1")
			_, logged := s.LogItem(t.Context(), "acme", webhook.FirstEntry(base))
			if gone := step.expired > 0; n != step.expired || (found != nil) != gone || (logged != nil) != gone {
				t.Errorf("%v later: got %d expired, %v and %v, want %d", step.after, n, found, logged, step.expired)
			}
		}
	})
}

// TestEventLogReopens finds a log item in a file. It also finds pins and webhooks in a file that was made before pins
// were kept for longer and before webhooks could be slow.
func TestEventLogReopens(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	s, err := New(path, Options{})
	must(t, err, fill(t.Context(), s))
	_, _, err = s.PutLogItem(t.Context(), logItem(1))
	must(t, err, s.db.Write(t.Context(), func(tx *sqlitedb.Tx) error {
		if _, err := tx.Exec(`ALTER TABLE pin DROP COLUMN stands_until`); err != nil {
			return err
		}
		if _, err := tx.Exec(`ALTER TABLE webhook DROP COLUMN slow_since`); err != nil {
			return err
		}
		if _, err := tx.Exec(`ALTER TABLE message DROP COLUMN body; DROP TABLE audit`); err != nil {
			return err
		}
		if _, err := tx.Exec(`DROP INDEX delivery_history; ALTER TABLE delivery DROP COLUMN answer;
			ALTER TABLE event_log DROP COLUMN events; DROP TABLE usage; DROP INDEX delivery_failed; DROP INDEX replay_newest;
			CREATE INDEX delivery_history ON delivery (tenant, accepted_at, webhook, event, status)`); err != nil {
			return err
		}
		if _, err := tx.Exec(`INSERT INTO webhook (tenant, id, version, active, failing_since, unhealthy_since, record)
			VALUES ('acme', 'wh_old', 1, 1, 0, 0, '{}')`); err != nil {
			return err
		}
		_, err := tx.Exec(`PRAGMA user_version = 1`)
		return err
	}), s.Close())
	for range 2 {
		s, err = New(path, Options{})
		must(t, err)
		it, err := s.LogItem(t.Context(), "acme", webhook.FirstEntry(base))
		if err != nil || string(it.Record) != "record" {
			t.Errorf("got %+v, %v, want the item", it, err)
		}
		ref := webhook.Ref{Tenant: "acme", ID: "wh_old"}
		if w, err := s.Webhook(t.Context(), ref); err != nil || !w.SlowSince.IsZero() {
			t.Errorf("got %+v, %v, want the webhook, not slow", w, err)
		}
		if ok, err := s.SetSlow(t.Context(), ref, time.Time{}, time.Time{}); !ok || err != nil {
			t.Errorf("got %t, %v, want a mark as none", ok, err)
		}
		pin, err := s.FindPin(t.Context(), "acme", "event", "evt_1")
		if err != nil || !pin.ExpiresAt.Equal(base.Add(time.Hour)) || !pin.KeptUntil.IsZero() {
			t.Errorf("got %+v, %v, want the pin, which expires after an hour", pin, err)
		}
		must(t, s.Close())
	}
}
