package sqlite

import (
	"context"
	"slices"
	"strconv"
	"time"

	"hookline/shared/sqlitedb"
	"hookline/shared/store/cursor"
	"hookline/shared/store/record"
	"hookline/shared/webhook"
)

// Load returns the webhooks and delivery records that exist among those asked for.
func (s *Store) Load(
	ctx context.Context, refs []webhook.Ref, keys []webhook.DeliveryKey,
) (map[webhook.Ref]webhook.Webhook, map[webhook.DeliveryKey]webhook.Delivery, error) {
	webhooks := make(map[webhook.Ref]webhook.Webhook, len(refs))
	for _, ref := range refs {
		if _, ok := webhooks[ref]; ok {
			continue
		}
		w, found, err := s.loaded(ctx, ref)
		if err != nil {
			return nil, nil, err
		}
		if found {
			webhooks[ref] = w
		}
	}
	deliveries := make(map[webhook.DeliveryKey]webhook.Delivery, len(keys))
	for _, key := range keys {
		if _, ok := deliveries[key]; ok {
			continue
		}
		d, found, err := s.delivery(ctx, key)
		if err != nil {
			return nil, nil, err
		}
		if found {
			deliveries[key] = d
		}
	}
	return webhooks, deliveries, nil
}

// LoadBatch is Load: it misses nothing.
func (s *Store) LoadBatch(
	ctx context.Context, refs []webhook.Ref, keys, first []webhook.DeliveryKey,
) (map[webhook.Ref]webhook.Webhook, map[webhook.DeliveryKey]webhook.Delivery, error) {
	return s.Load(ctx, refs, slices.Concat(keys, first))
}

// Delivery reads a record that was accepted while its tenant existed.
func (s *Store) Delivery(ctx context.Context, key webhook.DeliveryKey) (webhook.Delivery, error) {
	since, found, err := s.tenantSince(ctx, key.Tenant)
	if err != nil {
		return webhook.Delivery{}, err
	}
	var d webhook.Delivery
	if found && record.Millis(key.AcceptedAt) >= since {
		if d, found, err = s.delivery(ctx, key); err != nil {
			return webhook.Delivery{}, err
		}
	} else {
		found = false
	}
	if !found {
		return webhook.Delivery{}, webhook.ErrNotFound("delivery")
	}
	return d, nil
}

func (s *Store) delivery(ctx context.Context, key webhook.DeliveryKey) (d webhook.Delivery, found bool, err error) {
	var rec []byte
	found, err = s.row(ctx, `SELECT record FROM delivery WHERE tenant = ? AND webhook = ? AND accepted_at = ? AND event = ?`,
		[]any{key.Tenant, key.Webhook, record.Millis(key.AcceptedAt), key.Event}, &rec)
	if err != nil || !found {
		return webhook.Delivery{}, false, err
	}
	d, err = decodeDelivery(key, rec)
	return d, err == nil, err
}

func decodeDelivery(key webhook.DeliveryKey, rec []byte) (webhook.Delivery, error) {
	d, err := record.DecodeDelivery(key, rec)
	if err != nil {
		return webhook.Delivery{}, internal(err)
	}
	return d, nil
}

// tenantSince returns when the tenant was created. Earlier deliveries belong to another tenant that had the same id.
func (s *Store) tenantSince(ctx context.Context, tenant string) (ms int64, found bool, err error) {
	found, err = s.row(ctx, `SELECT created_at FROM tenant WHERE id = ?`, []any{tenant}, &ms)
	return ms, found, err
}

// Deliveries lists by acceptance, newest first, then by webhook and event.
func (s *Store) Deliveries(ctx context.Context, tenant string, q webhook.DeliveryQuery) (webhook.List[webhook.Delivery], error) {
	none := webhook.List[webhook.Delivery]{}
	list := "deliveries/" + tenant + "/" + q.Webhook
	at, err := cursor.Read(list, q.Page.Cursor, 3)
	if err != nil {
		return none, err
	}
	since, found, err := s.tenantSince(ctx, tenant)
	if err != nil || !found {
		return none, err
	}
	query := `SELECT accepted_at, webhook, event, status, type, record FROM delivery WHERE tenant = ? AND accepted_at >= ?`
	args := []any{tenant, max(since, record.Millis(q.Since))}
	if q.Webhook != "" {
		query += ` AND webhook = ?`
		args = append(args, q.Webhook)
	}
	if !q.Until.IsZero() {
		query += ` AND accepted_at < ?`
		args = append(args, record.Millis(q.Until))
	}
	if at != nil {
		ms, err := intPart(at[0])
		if err != nil {
			return none, err
		}
		query += ` AND (accepted_at, webhook, event) < (?, ?, ?)`
		args = append(args, ms, at[1], at[2])
	}
	p := cursor.NewPage[webhook.Delivery](q.Page)
	err = s.rows(ctx, query+` ORDER BY accepted_at DESC, webhook DESC, event DESC`, args, func(scan func(...any) error) (bool, error) {
		if p.Full() {
			return false, nil
		}
		key := webhook.DeliveryKey{Tenant: tenant}
		var accepted int64
		var status webhook.DeliveryStatus
		var eventType string
		var rec []byte
		if err := scan(&accepted, &key.Webhook, &key.Event, &status, &eventType, &rec); err != nil {
			return false, err
		}
		key.AcceptedAt = record.Time(accepted)
		p.Saw(func() string {
			return cursor.Make(list, strconv.FormatInt(accepted, 10), key.Webhook, key.Event)
		})
		if q.Status != "" && q.Status != status || q.Type != "" && q.Type != eventType {
			return true, nil
		}
		d, err := decodeDelivery(key, rec)
		if err != nil {
			return false, err
		}
		p.List.Items = append(p.List.Items, d)
		return true, nil
	})
	return p.Answer(err)
}

// SaveDelivery writes the record if the stored one's Rev is prev.
func (s *Store) SaveDelivery(ctx context.Context, d webhook.Delivery, prev webhook.Rev) error {
	rec := record.EncodeDelivery(d) // before the write, because the one writer is everybody's
	var next any
	if d.Status == webhook.Pending {
		next = record.Millis(d.NextAt)
	}
	var answer any
	if after := d.AnswerTime(); after != webhook.NoAnswer {
		answer = after
	}
	used, _ := webhook.UsageOf(d, prev)
	expires := record.Millis(d.ExpiresAt)
	return s.writeSure(ctx, func(tx *sqlitedb.Tx) error {
		var saved bool
		var err error
		if prev == (webhook.Rev{}) {
			saved, err = done(tx.Exec(`INSERT INTO delivery
				(tenant, webhook, accepted_at, event, type, status, round, count, next_at, expires_at, record, answer)
				VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
				d.Tenant, d.Webhook, record.Millis(d.AcceptedAt), d.Event, d.Type, string(d.Status), d.Round, d.Count, next, expires, rec, answer))
		} else {
			saved, err = done(tx.Exec(`UPDATE delivery
				SET type = ?, status = ?, round = ?, count = ?, next_at = ?, expires_at = ?, record = ?, answer = ?
				WHERE tenant = ? AND webhook = ? AND accepted_at = ? AND event = ? AND round = ? AND count = ? AND status = ?`,
				d.Type, string(d.Status), d.Round, d.Count, next, expires, rec, answer,
				d.Tenant, d.Webhook, record.Millis(d.AcceptedAt), d.Event, prev.Round, prev.Count, string(prev.Status)))
		}
		if err == nil && !saved {
			return errChanged()
		}
		if err != nil {
			return err
		}
		return addUsage(tx, d.Tenant, used)
	})
}

// maxFailed is how many failed deliveries DeadLetters reads, the latest by acceptance. With five attempts each, 1,000 took
// 80 ms on a busy machine of two cores.
const maxFailed = 10_000

// DeadLetters reads the records of failed deliveries.
func (s *Store) DeadLetters(ctx context.Context, since time.Time) (counts []webhook.DeadLetters, more bool, err error) {
	type group struct {
		webhook.Ref
		reason webhook.AttemptError
	}
	groups, read := make(map[group]*webhook.DeadLetters), 0
	err = s.rows(ctx, `SELECT tenant, webhook, accepted_at, event, record FROM delivery INDEXED BY delivery_failed WHERE status = 'failed'
		ORDER BY accepted_at DESC LIMIT ?`, []any{maxFailed + 1}, func(scan func(...any) error) (bool, error) {
		if read++; read > maxFailed {
			more = true
			return false, nil
		}
		var key webhook.DeliveryKey
		var accepted int64
		var rec []byte
		if err := scan(&key.Tenant, &key.Webhook, &accepted, &key.Event, &rec); err != nil {
			return false, err
		}
		key.AcceptedAt = record.Time(accepted)
		d, err := decodeDelivery(key, rec)
		if err != nil {
			return false, err
		}
		last := d.LastAttempt()
		if !d.DeadLetter() || last.StartedAt.Before(since) {
			return true, nil
		}
		of := group{webhook.Ref{Tenant: key.Tenant, ID: key.Webhook}, last.Error}
		if groups[of] == nil {
			groups[of] = &webhook.DeadLetters{Ref: of.Ref, Reason: of.reason}
		}
		groups[of].Add(key.AcceptedAt, last.StartedAt)
		return true, nil
	})
	for _, g := range groups {
		counts = append(counts, *g)
	}
	return counts, more, err
}

// Overdue lists the pending deliveries of all tenants that were due before the time, the longest overdue first.
func (s *Store) Overdue(ctx context.Context, before time.Time, page webhook.Page) (webhook.List[webhook.Delivery], error) {
	const list = "overdue"
	none := webhook.List[webhook.Delivery]{}
	at, err := cursor.Read(list, page.Cursor, 2)
	if err != nil {
		return none, err
	}
	query := `SELECT rowid, next_at, tenant, webhook, accepted_at, event, record FROM delivery WHERE next_at < ?`
	args := []any{record.Millis(before)}
	if at != nil {
		next, err := intPart(at[0])
		if err != nil {
			return none, err
		}
		row, err := intPart(at[1])
		if err != nil {
			return none, err
		}
		query += ` AND (next_at, rowid) > (?, ?)`
		args = append(args, next, row)
	}
	p := cursor.NewPage[webhook.Delivery](page)
	err = s.rows(ctx, query+` ORDER BY next_at, rowid`, args, func(scan func(...any) error) (bool, error) {
		if p.Full() {
			return false, nil
		}
		var row, next, accepted int64
		var key webhook.DeliveryKey
		var rec []byte
		if err := scan(&row, &next, &key.Tenant, &key.Webhook, &accepted, &key.Event, &rec); err != nil {
			return false, err
		}
		key.AcceptedAt = record.Time(accepted)
		d, err := decodeDelivery(key, rec)
		if err != nil {
			return false, err
		}
		p.List.Items = append(p.List.Items, d)
		p.Saw(func() string { return cursor.Make(list, strconv.FormatInt(next, 10), strconv.FormatInt(row, 10)) })
		return true, nil
	})
	return p.Answer(err)
}
