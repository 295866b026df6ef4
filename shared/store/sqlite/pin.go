package sqlite

import (
	"context"
	"time"

	"hookline/shared/sqlitedb"
	"hookline/shared/store/record"
	"hookline/shared/webhook"
)

// Pin stores p unless a pin is there that has not expired at p.At.
func (s *Store) Pin(ctx context.Context, p webhook.Pin) (webhook.Pin, bool, error) {
	pins, stored, err := s.Pins(ctx, []webhook.Pin{p})
	if err != nil {
		return webhook.Pin{}, false, err
	}
	return pins[0], stored[0], nil
}

// Pins does the same for many pins, here in one transaction.
func (s *Store) Pins(ctx context.Context, ps []webhook.Pin) ([]webhook.Pin, []bool, error) {
	pins, stored := make([]webhook.Pin, len(ps)), make([]bool, len(ps))
	err := s.write(ctx, func(tx *sqlitedb.Tx) (err error) {
		for i, p := range ps {
			if pins[i], stored[i], err = pin(tx, p); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	return pins, stored, nil
}

func pin(tx *sqlitedb.Tx, p webhook.Pin) (webhook.Pin, bool, error) {
	isNew, err := done(tx.Exec(`INSERT INTO pin (tenant, scope, key, hash, at, answer, expires_at, stands_until) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT DO UPDATE SET hash = excluded.hash, at = excluded.at, answer = excluded.answer, expires_at = excluded.expires_at,
			stands_until = excluded.stands_until
		WHERE pin.stands_until <= excluded.at`,
		p.Tenant, p.Scope, p.Key, p.Hash, record.Millis(p.At), p.Answer, record.Millis(p.Until()), record.Millis(p.ExpiresAt)))
	if err != nil || isNew {
		return p, isNew, err
	}
	first, err := readPin(p, tx.QueryRow(selectPin, p.Tenant, p.Scope, p.Key).Scan)
	return first, false, err
}

const selectPin = `SELECT hash, at, answer IS NOT NULL, answer, expires_at, stands_until FROM pin WHERE tenant = ? AND scope = ? AND key = ?`

// readPin reads the pin that selectPin finds for the tenant, scope and key of another.
func readPin(of webhook.Pin, scan func(...any) error) (webhook.Pin, error) {
	p := webhook.Pin{Tenant: of.Tenant, Scope: of.Scope, Key: of.Key}
	var at, until, expires int64
	var answered bool
	if err := scan(&p.Hash, &at, &answered, &p.Answer, &until, &expires); err != nil {
		return webhook.Pin{}, err
	}
	if answered && p.Answer == nil { // the driver returns an empty blob as nil
		p.Answer = []byte{}
	}
	p.At, p.ExpiresAt = record.Time(at), record.Time(expires)
	if until > expires {
		p.KeptUntil = record.Time(until)
	}
	return p, nil
}

// FindPin returns the pin that is there, even if it has expired.
func (s *Store) FindPin(ctx context.Context, tenant, scope, key string) (webhook.Pin, error) {
	var p webhook.Pin
	found := false
	err := s.rows(ctx, selectPin, []any{tenant, scope, key}, func(scan func(...any) error) (_ bool, err error) {
		p, err = readPin(webhook.Pin{Tenant: tenant, Scope: scope, Key: key}, scan)
		found = true
		return false, err
	})
	if err != nil {
		return webhook.Pin{}, err
	}
	if !found {
		return webhook.Pin{}, webhook.ErrNotFound("pin")
	}
	return p, nil
}

// Repin replaces the pin whose At is that time.
func (s *Store) Repin(ctx context.Context, p webhook.Pin, at time.Time) error {
	return s.write(ctx, func(tx *sqlitedb.Tx) error {
		replaced, err := done(tx.Exec(`UPDATE pin SET hash = ?, at = ?, answer = ?, expires_at = ?, stands_until = ?
			WHERE tenant = ? AND scope = ? AND key = ? AND at = ?`,
			p.Hash, record.Millis(p.At), p.Answer, record.Millis(p.Until()), record.Millis(p.ExpiresAt),
			p.Tenant, p.Scope, p.Key, record.Millis(at)))
		if err == nil && !replaced {
			return errChanged()
		}
		return err
	})
}

// Unpin removes the pin whose At is p.At.
func (s *Store) Unpin(ctx context.Context, p webhook.Pin) error {
	return s.write(ctx, func(tx *sqlitedb.Tx) error {
		_, err := tx.Exec(`DELETE FROM pin WHERE tenant = ? AND scope = ? AND key = ? AND at = ?`,
			p.Tenant, p.Scope, p.Key, record.Millis(p.At))
		return err
	})
}

// PutPayload stores a body if there is none under its ref.
func (s *Store) PutPayload(ctx context.Context, tenant, ref string, body []byte, expires time.Time) error {
	if body == nil {
		body = []byte{}
	}
	return s.writeSure(ctx, func(tx *sqlitedb.Tx) error {
		_, err := tx.Exec(`INSERT INTO payload (tenant, ref, body, expires_at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`,
			tenant, ref, body, record.Millis(expires))
		return err
	})
}

// DropPayload removes a body.
func (s *Store) DropPayload(ctx context.Context, tenant, ref string) error {
	return s.write(ctx, func(tx *sqlitedb.Tx) error {
		_, err := tx.Exec(`DELETE FROM payload WHERE tenant = ? AND ref = ?`, tenant, ref)
		return err
	})
}

// Payloads returns the bodies by ref.
func (s *Store) Payloads(ctx context.Context, tenant string, refs []string) (map[string][]byte, error) {
	bodies := make(map[string][]byte, len(refs))
	for _, ref := range refs {
		if _, ok := bodies[ref]; ok {
			continue
		}
		var body []byte
		found, err := s.row(ctx, `SELECT body FROM payload WHERE tenant = ? AND ref = ?`, []any{tenant, ref}, &body)
		if err != nil {
			return nil, err
		}
		if found {
			bodies[ref] = body
		}
	}
	return bodies, nil
}

// Expire deletes pins, payloads, deliveries, log items, replay jobs, deployments and entries of the audit log that have
// expired, at most limit of them, and returns how many it deleted. Fewer than limit means that nothing is left to delete. An entry with the
// expiry 0 stays for ever.
func (s *Store) Expire(ctx context.Context, limit int) (int, error) {
	now := record.Millis(s.clock.Now())
	var n int
	err := s.write(ctx, func(tx *sqlitedb.Tx) error {
		for _, table := range []string{"pin", "payload", "delivery", "event_log", "replay", "deployment", "audit"} {
			res, err := tx.Exec(`DELETE FROM `+table+` WHERE rowid IN
				(SELECT rowid FROM `+table+` WHERE expires_at <= ? AND expires_at > 0 ORDER BY expires_at LIMIT ?)`, now, limit-n)
			if err != nil {
				return err
			}
			deleted, err := res.RowsAffected()
			if err != nil {
				return err
			}
			n += int(deleted)
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}
