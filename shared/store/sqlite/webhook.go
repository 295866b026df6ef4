package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"
	"time"

	"hookline/shared/sqlitedb"
	"hookline/shared/store/cursor"
	"hookline/shared/store/record"
	"hookline/shared/webhook"
)

// CreateWebhook stores w and its index entries.
func (s *Store) CreateWebhook(ctx context.Context, w webhook.Webhook) error {
	return s.change(ctx, func(tx *sqlitedb.Tx) error {
		if err := needTenant(tx, w.Tenant); err != nil {
			return err
		}
		isNew, err := done(tx.Exec(`INSERT INTO webhook (tenant, id, version, active, failing_since, unhealthy_since, slow_since, record)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
			w.Tenant, w.ID, w.Version, w.Active, record.Millis(w.Health.FailingSince), record.Millis(w.Health.UnhealthySince),
			record.Millis(w.SlowSince), record.EncodeWebhook(w)))
		if err != nil {
			return err
		}
		if !isNew {
			return webhook.ErrConflict("webhook-exists", "a webhook with this id exists")
		}
		return insertSubscriptions(tx, w)
	})
}

const selectWebhook = `SELECT id, version, failing_since, unhealthy_since, slow_since, record FROM webhook WHERE tenant = ?`

// Webhook reads a webhook.
func (s *Store) Webhook(ctx context.Context, ref webhook.Ref) (webhook.Webhook, error) {
	w, found, err := s.webhook(ctx, ref)
	if err == nil && !found {
		err = webhook.ErrNotFound("webhook")
	}
	return w, err
}

// found is a webhook, or that there is none.
type found struct {
	webhook.Webhook
	ok bool
}

// loaded returns a webhook for a batch of deliveries.
func (s *Store) loaded(ctx context.Context, ref webhook.Ref) (webhook.Webhook, bool, error) {
	f, err := known(s.settings, ref, func() (f found, err error) {
		f.Webhook, f.ok, err = s.webhook(ctx, ref)
		return f, err
	})
	return f.Webhook, f.ok, err
}

func (s *Store) webhook(ctx context.Context, ref webhook.Ref) (w webhook.Webhook, found bool, err error) {
	var id string
	var version, failing, unhealthy, slow int64
	var rec []byte
	found, err = s.row(ctx, selectWebhook+` AND id = ?`, []any{ref.Tenant, ref.ID}, &id, &version, &failing, &unhealthy, &slow, &rec)
	if err != nil || !found {
		return webhook.Webhook{}, false, err
	}
	w, err = decodeWebhook(ref, version, failing, unhealthy, slow, rec)
	return w, err == nil, err
}

func decodeWebhook(ref webhook.Ref, version, failing, unhealthy, slow int64, rec []byte) (webhook.Webhook, error) {
	w, err := record.DecodeWebhook(ref, version,
		webhook.Health{FailingSince: record.Time(failing), UnhealthySince: record.Time(unhealthy)}, rec)
	if err != nil {
		return webhook.Webhook{}, internal(err)
	}
	w.SlowSince = record.Time(slow)
	return w, nil
}

// Webhooks lists webhooks, newest id first.
func (s *Store) Webhooks(ctx context.Context, tenant string, q webhook.WebhookQuery) (webhook.List[webhook.Webhook], error) {
	list := "webhooks/" + tenant
	query, args, err := belowCursor(selectWebhook, list, tenant, q.Page)
	if err != nil {
		return webhook.List[webhook.Webhook]{}, err
	}
	p := cursor.NewPage[webhook.Webhook](q.Page)
	err = s.rows(ctx, query, args, func(scan func(...any) error) (bool, error) {
		if p.Full() {
			return false, nil
		}
		ref := webhook.Ref{Tenant: tenant}
		var version, failing, unhealthy, slow int64
		var rec []byte
		if err := scan(&ref.ID, &version, &failing, &unhealthy, &slow, &rec); err != nil {
			return false, err
		}
		w, err := decodeWebhook(ref, version, failing, unhealthy, slow, rec)
		if err != nil {
			return false, err
		}
		if q.Matches(w) {
			p.List.Items = append(p.List.Items, w)
		}
		p.Saw(func() string { return cursor.Make(list, ref.ID) })
		return true, nil
	})
	return p.Answer(err)
}

// WebhookCounts counts a tenant's webhooks.
func (s *Store) WebhookCounts(ctx context.Context, tenant string) (webhook.Counts, error) {
	var c webhook.Counts
	_, err := s.row(ctx, `SELECT count(*), count(*) FILTER (WHERE active), count(*) FILTER (WHERE NOT active),
		count(*) FILTER (WHERE active AND failing_since <> 0) FROM webhook WHERE tenant = ?`,
		[]any{tenant}, &c.Total, &c.Active, &c.Inactive, &c.Failing)
	return c, err
}

// UpdateWebhook replaces a webhook whose Version is still w's, and its index entries.
func (s *Store) UpdateWebhook(ctx context.Context, w webhook.Webhook, resetHealth bool) error {
	return s.change(ctx, func(tx *sqlitedb.Tx) error {
		var version int64
		err := tx.QueryRow(`SELECT version FROM webhook WHERE tenant = ? AND id = ?`, w.Tenant, w.ID).Scan(&version)
		if errors.Is(err, sql.ErrNoRows) {
			return webhook.ErrNotFound("webhook")
		}
		if err != nil {
			return err
		}
		if version != w.Version {
			return errChanged()
		}
		if _, err := tx.Exec(`UPDATE webhook SET version = version + 1, active = ?, record = ? WHERE tenant = ? AND id = ?`,
			w.Active, record.EncodeWebhook(w), w.Tenant, w.ID); err != nil {
			return err
		}
		if resetHealth {
			if _, err := tx.Exec(`UPDATE webhook SET failing_since = ?, unhealthy_since = ?, slow_since = ? WHERE tenant = ? AND id = ?`,
				record.Millis(w.Health.FailingSince), record.Millis(w.Health.UnhealthySince), record.Millis(w.SlowSince), w.Tenant, w.ID); err != nil {
				return err
			}
		}
		if err := deleteSubscriptions(tx, w.Ref); err != nil {
			return err
		}
		return insertSubscriptions(tx, w)
	})
}

// DeleteWebhook removes a webhook and its index entries.
func (s *Store) DeleteWebhook(ctx context.Context, ref webhook.Ref) error {
	return s.change(ctx, func(tx *sqlitedb.Tx) error {
		found, err := done(tx.Exec(`DELETE FROM webhook WHERE tenant = ? AND id = ?`, ref.Tenant, ref.ID))
		if err != nil {
			return err
		}
		if !found {
			return webhook.ErrNotFound("webhook")
		}
		if _, err := tx.Exec(`DELETE FROM pace WHERE tenant = ? AND webhook = ?`, ref.Tenant, ref.ID); err != nil {
			return err
		}
		return deleteSubscriptions(tx, ref)
	})
}

// SetHealth changes a webhook's health from one state to another.
func (s *Store) SetHealth(ctx context.Context, ref webhook.Ref, from, to webhook.Health) (bool, error) {
	var changed bool
	err := s.change(ctx, func(tx *sqlitedb.Tx) (err error) {
		changed, err = done(tx.Exec(`UPDATE webhook SET failing_since = ?, unhealthy_since = ?
			WHERE tenant = ? AND id = ? AND failing_since = ? AND unhealthy_since = ?`,
			record.Millis(to.FailingSince), record.Millis(to.UnhealthySince), ref.Tenant, ref.ID,
			record.Millis(from.FailingSince), record.Millis(from.UnhealthySince)))
		return err
	})
	if err != nil {
		return false, err
	}
	return changed, nil
}

// SetSlow changes the time since which a webhook is slow.
func (s *Store) SetSlow(ctx context.Context, ref webhook.Ref, from, to time.Time) (bool, error) {
	var changed bool
	err := s.change(ctx, func(tx *sqlitedb.Tx) (err error) {
		changed, err = done(tx.Exec(`UPDATE webhook SET slow_since = ? WHERE tenant = ? AND id = ? AND slow_since = ?`,
			record.Millis(to), ref.Tenant, ref.ID, record.Millis(from)))
		return err
	})
	return changed && err == nil, err
}

func deleteSubscriptions(tx *sqlitedb.Tx, ref webhook.Ref) error {
	_, err := tx.Exec(`DELETE FROM subscription WHERE tenant = ? AND webhook = ?`, ref.Tenant, ref.ID)
	return err
}

func insertSubscriptions(tx *sqlitedb.Tx, w webhook.Webhook) error {
	for _, sub := range w.Subscriptions() {
		if _, err := tx.Exec(`INSERT INTO subscription (tenant, pattern, webhook, filter, format, content_type, since)
			VALUES (?, ?, ?, ?, ?, ?, ?)`,
			w.Tenant, sub.Pattern, sub.Webhook, []byte(sub.Filter), sub.Format, sub.ContentType, record.Millis(sub.Since)); err != nil {
			return err
		}
	}
	return nil
}

// Subscriptions lists the index entries of the patterns.
func (s *Store) Subscriptions(
	ctx context.Context, tenant string, patterns []string, page webhook.Page,
) (webhook.List[webhook.Subscription], error) {
	patterns = slices.Compact(slices.Sorted(slices.Values(patterns)))
	at := search{tenant: tenant, patterns: strings.Join(patterns, "\n"), cursor: page.Cursor, limit: page.Limit}
	return known(s.settings, at, func() (webhook.List[webhook.Subscription], error) {
		return s.search(ctx, tenant, patterns, page)
	})
}

func (s *Store) search(
	ctx context.Context, tenant string, patterns []string, page webhook.Page,
) (webhook.List[webhook.Subscription], error) {
	list := "subscriptions/" + tenant
	at, err := cursor.Read(list, page.Cursor, 2)
	if err != nil {
		return webhook.List[webhook.Subscription]{}, err
	}
	p := cursor.NewPage[webhook.Subscription](page)
	for _, pattern := range patterns {
		after := ""
		if at != nil && pattern < at[0] {
			continue
		} else if at != nil && pattern == at[0] {
			after = at[1]
		}
		if err = s.subscriptions(ctx, p, list, tenant, pattern, after); err != nil || p.List.Next != "" {
			break
		}
	}
	return p.Answer(err)
}

func (s *Store) subscriptions(ctx context.Context, p *cursor.Page[webhook.Subscription], list, tenant, pattern, after string) error {
	const query = `SELECT webhook, filter, format, content_type, since FROM subscription
		WHERE tenant = ? AND pattern = ? AND webhook > ? ORDER BY webhook`
	return s.rows(ctx, query, []any{tenant, pattern, after}, func(scan func(...any) error) (bool, error) {
		if p.Full() {
			return false, nil
		}
		sub := webhook.Subscription{Pattern: pattern}
		var filter []byte
		var since int64
		if err := scan(&sub.Webhook, &filter, &sub.Format, &sub.ContentType, &since); err != nil {
			return false, err
		}
		sub.Filter, sub.Since = filter, record.Time(since)
		p.List.Items = append(p.List.Items, sub)
		p.Saw(func() string { return cursor.Make(list, pattern, sub.Webhook) })
		return true, nil
	})
}
