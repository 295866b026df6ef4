package dynamo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"hookline/shared/store/cursor"
	"hookline/shared/store/record"
	"hookline/shared/webhook"
)

// Attributes of webhooks.
const (
	attrFailing   = "failing" // Unix milliseconds, 0 for none; in the directory, whether the webhook is failing
	attrUnhealthy = "unhealthy"
	attrSlow      = "slow"  // Unix milliseconds; absent or 0 for none
	attrStale     = "stale" // patterns whose index entries are still to be removed; absent for none
	attrActive    = "active"
)

// unchanged is the condition that a webhook, apart from its health, is as it was read. The version alone would not tell
// it from another webhook that was created in its place.
const unchanged = attrVersion + " = :ver AND " + attrRecord + " = :old"

func decodeWebhook(ref webhook.Ref, it item) (webhook.Webhook, error) {
	h := webhook.Health{FailingSince: record.Time(it.number(attrFailing)), UnhealthySince: record.Time(it.number(attrUnhealthy))}
	w, err := record.DecodeWebhook(ref, it.number(attrVersion), h, it.bytes(attrRecord))
	if err != nil {
		return webhook.Webhook{}, internal(err)
	}
	w.SlowSince = record.Time(it.number(attrSlow))
	return w, nil
}

// CreateWebhook stores w and its index entries.
func (s *Store) CreateWebhook(ctx context.Context, w webhook.Webhook) error {
	it := webhookKey(w.Ref).item()
	it[attrVersion], it[attrRecord] = number(w.Version), bin(record.EncodeWebhook(w))
	it[attrFailing], it[attrUnhealthy] = number(record.Millis(w.Health.FailingSince)), number(record.Millis(w.Health.UnhealthySince))
	if !w.SlowSince.IsZero() {
		it[attrSlow] = number(record.Millis(w.SlowSince))
	}
	entry := key{webhooksPK(w.Tenant), w.ID}.item()
	entry[attrActive], entry[attrFailing] = boolean(w.Active), boolean(!w.Health.FailingSince.IsZero())
	actions := []types.TransactWriteItem{s.openAction(w.Tenant), s.putAction(it, absent), s.putAction(entry, "")}
	for _, sub := range w.Subscriptions() {
		actions = append(actions, s.putAction(subscriptionItem(w.Tenant, sub), ""))
	}
	refusal, err := s.transact(ctx, actions...)
	switch {
	case err != nil:
		return err
	case refusal.of(0):
		return webhook.ErrNotFound("tenant")
	case refusal != nil:
		return webhook.ErrConflict("webhook-exists", "a webhook with this id exists")
	}
	return nil
}

// Webhook reads a webhook.
func (s *Store) Webhook(ctx context.Context, ref webhook.Ref) (webhook.Webhook, error) {
	it, err := s.get(ctx, webhookKey(ref))
	if err != nil {
		return webhook.Webhook{}, err
	}
	if it == nil {
		return webhook.Webhook{}, webhook.ErrNotFound("webhook")
	}
	s.finish(ctx, ref, it)
	return decodeWebhook(ref, it)
}

// finish removes the index entries that an update may have left behind. If that fails, the next reader tries again.
func (s *Store) finish(ctx context.Context, ref webhook.Ref, it item) {
	if patterns := it.texts(attrStale); len(patterns) > 0 {
		_ = s.prune(ctx, ref, it.number(attrVersion), it.bytes(attrRecord), patterns)
	}
}

// prune removes index entries that an update left behind, unless the webhook was changed since.
func (s *Store) prune(ctx context.Context, ref webhook.Ref, version int64, rec []byte, patterns []string) error {
	actions := []types.TransactWriteItem{s.updateAction(webhookKey(ref), "REMOVE "+attrStale, unchanged,
		item{":ver": number(version), ":old": bin(rec)})}
	for _, p := range patterns {
		actions = append(actions, s.deleteAction(key{subscriptionsPK(ref.Tenant, p), ref.ID}, "", nil))
	}
	_, err := s.transact(ctx, actions...)
	return err
}

// Webhooks lists webhooks, newest id first.
func (s *Store) Webhooks(ctx context.Context, tenant string, q webhook.WebhookQuery) (webhook.List[webhook.Webhook], error) {
	list := "webhooks/" + tenant
	from, err := after(list, q.Page.Cursor)
	if err != nil {
		return webhook.List[webhook.Webhook]{}, err
	}
	p := cursor.NewPage[webhook.Webhook](q.Page)
	atOnce := size(p)
	if q.Search != "" || q.Status != "" {
		atOnce = maxGet
	}
	return p.Answer(s.chunks(ctx, partition(webhooksPK(tenant), from, true, atOnce), func(entries []item) (bool, error) {
		keys := make([]key, len(entries))
		for i, e := range entries {
			keys[i] = webhookKey(webhook.Ref{Tenant: tenant, ID: e.text(attrSK)})
		}
		found, err := s.load(ctx, keys, true)
		if err != nil {
			return false, err
		}
		for i, e := range entries {
			if p.Full() {
				return false, nil
			}
			ref := webhook.Ref{Tenant: tenant, ID: e.text(attrSK)}
			if it, ok := found[keys[i]]; ok { // otherwise it was deleted just now
				w, err := decodeWebhook(ref, it)
				if err != nil {
					return false, err
				}
				if q.Matches(w) {
					p.List.Items = append(p.List.Items, w)
				}
			}
			p.Saw(func() string { return cursor.Make(list, ref.ID) })
		}
		return true, nil
	}))
}

// WebhookCounts counts a tenant's webhooks by reading their directory.
func (s *Store) WebhookCounts(ctx context.Context, tenant string) (webhook.Counts, error) {
	var c webhook.Counts
	err := s.chunks(ctx, partition(webhooksPK(tenant), "", false, maxDirectory), func(entries []item) (bool, error) {
		for _, e := range entries {
			c.Total++
			switch {
			case !e.boolean(attrActive):
				c.Inactive++
			case e.boolean(attrFailing):
				c.Failing++
				c.Active++
			default:
				c.Active++
			}
		}
		return true, nil
	})
	if err != nil {
		return webhook.Counts{}, err
	}
	return c, nil
}

// maxDirectory is more entries of a directory than DynamoDB returns at a time (1 MB).
const maxDirectory = 100_000

// UpdateWebhook replaces a webhook whose Version is still w's. Of its index entries it writes those that differ.
func (s *Store) UpdateWebhook(ctx context.Context, w webhook.Webhook, resetHealth bool) error {
	it, err := s.get(ctx, webhookKey(w.Ref))
	if err != nil {
		return err
	}
	if it == nil {
		return webhook.ErrNotFound("webhook")
	}
	if it.number(attrVersion) != w.Version {
		return errChanged()
	}
	old, err := decodeWebhook(w.Ref, it)
	if err != nil {
		return err
	}
	rec := record.EncodeWebhook(w)
	set := "SET " + attrVersion + " = :next, " + attrRecord + " = :rec"
	values := item{":ver": number(w.Version), ":old": it[attrRecord], ":next": number(w.Version + 1), ":rec": bin(rec)}
	var actions []types.TransactWriteItem
	if old.Active != w.Active || resetHealth {
		entry := item{":active": boolean(w.Active)}
		update := "SET " + attrActive + " = :active"
		if resetHealth {
			update += ", " + attrFailing + " = :failing"
			entry[":failing"] = boolean(!w.Health.FailingSince.IsZero())
		}
		actions = append(actions, s.updateAction(key{webhooksPK(w.Tenant), w.ID}, update, "", entry))
	}
	if resetHealth {
		set += ", " + attrFailing + " = :failing, " + attrUnhealthy + " = :unhealthy, " + attrSlow + " = :slow"
		values[":slow"] = number(record.Millis(w.SlowSince))
		values[":failing"], values[":unhealthy"] = number(record.Millis(w.Health.FailingSince)), number(record.Millis(w.Health.UnhealthySince))
	}
	puts, gone := difference(old, it.texts(attrStale), w)
	for _, sub := range puts {
		actions = append(actions, s.putAction(subscriptionItem(w.Tenant, sub), ""))
	}
	// All new entries are written now, because an event that matches none would be lost. If there are too many old
	// ones, some of them may stay for a moment. The webhook itself is an action too, and so may be an entry of the audit log.
	now := min(len(gone), maxTransact-2-len(actions))
	for _, p := range gone[:now] {
		actions = append(actions, s.deleteAction(key{subscriptionsPK(w.Tenant, p), w.ID}, "", nil))
	}
	stale := gone[now:]
	if len(stale) > 0 {
		set += ", " + attrStale + " = :stale"
		values[":stale"] = texts(stale)
	} else {
		set += " REMOVE " + attrStale
	}
	actions = append(actions, s.updateAction(webhookKey(w.Ref), set, unchanged, values))
	refusal, err := s.transact(ctx, actions...)
	switch {
	case err != nil:
		return err
	case refusal != nil && !refusal.found(len(actions)-1):
		return webhook.ErrNotFound("webhook")
	case refusal != nil:
		return errChanged()
	case len(stale) > 0:
		return s.prune(ctx, w.Ref, w.Version+1, rec, stale)
	}
	return nil
}

// difference returns the entries to put into the index and the patterns to take out when old, which also has entries
// for the stale patterns, becomes w.
func difference(old webhook.Webhook, stale []string, w webhook.Webhook) (puts []webhook.Subscription, gone []string) {
	before := make(map[string]*webhook.Subscription)
	for _, p := range stale {
		before[p] = nil // differs from every entry
	}
	for _, sub := range old.Subscriptions() {
		before[sub.Pattern] = &sub
	}
	for _, sub := range w.Subscriptions() {
		if b := before[sub.Pattern]; b == nil || !same(*b, sub) {
			puts = append(puts, sub)
		}
		delete(before, sub.Pattern)
	}
	for p := range before {
		gone = append(gone, p)
	}
	slices.Sort(gone)
	return puts, gone
}

func same(a, b webhook.Subscription) bool {
	return a.Webhook == b.Webhook && a.Pattern == b.Pattern && bytes.Equal(a.Filter, b.Filter) && a.Format == b.Format &&
		a.ContentType == b.ContentType && record.Millis(a.Since) == record.Millis(b.Since)
}

// deleteTries is how often DeleteWebhook starts again because the webhook was updated meanwhile.
const deleteTries = 20

// DeleteWebhook removes a webhook and its index entries.
func (s *Store) DeleteWebhook(ctx context.Context, ref webhook.Ref) error {
	for range deleteTries {
		it, err := s.get(ctx, webhookKey(ref))
		if err != nil {
			return err
		}
		if it == nil {
			return webhook.ErrNotFound("webhook")
		}
		w, err := decodeWebhook(ref, it)
		if err != nil {
			return err
		}
		_, entries := difference(w, it.texts(attrStale), webhook.Webhook{})
		actions := []types.TransactWriteItem{
			s.deleteAction(webhookKey(ref), unchanged, item{":ver": it[attrVersion], ":old": it[attrRecord]}),
			s.deleteAction(key{webhooksPK(ref.Tenant), ref.ID}, "", nil),
			s.putAction(deletedItem(ref), ""),
		}
		for _, p := range entries {
			actions = append(actions, s.deleteAction(key{subscriptionsPK(ref.Tenant, p), ref.ID}, "", nil))
		}
		refusal, err := s.transact(ctx, actions...)
		if err != nil || refusal == nil {
			return err
		}
	}
	return webhook.ErrUnavailable(errors.New("the webhook changes all the time"))
}

// SetHealth changes a webhook's health from one state to another, and with it the directory, which counts failing
// webhooks.
func (s *Store) SetHealth(ctx context.Context, ref webhook.Ref, from, to webhook.Health) (bool, error) {
	actions := []types.TransactWriteItem{s.updateAction(webhookKey(ref),
		fmt.Sprintf("SET %s = :failing, %s = :unhealthy", attrFailing, attrUnhealthy),
		fmt.Sprintf("%s = :was_failing AND %s = :was_unhealthy", attrFailing, attrUnhealthy),
		item{
			":failing": number(record.Millis(to.FailingSince)), ":unhealthy": number(record.Millis(to.UnhealthySince)),
			":was_failing": number(record.Millis(from.FailingSince)), ":was_unhealthy": number(record.Millis(from.UnhealthySince)),
		})}
	if failing := !to.FailingSince.IsZero(); failing == from.FailingSince.IsZero() {
		actions = append(actions, s.updateAction(key{webhooksPK(ref.Tenant), ref.ID},
			"SET "+attrFailing+" = :failing", "", item{":failing": boolean(failing)}))
	}
	refusal, err := s.transact(ctx, actions...)
	return err == nil && refusal == nil, err
}

// SetSlow changes the time since which a webhook is slow, in one write.
func (s *Store) SetSlow(ctx context.Context, ref webhook.Ref, from, to time.Time) (bool, error) {
	condition := attrSlow + " = :from"
	if from.IsZero() {
		condition = exists + " AND (attribute_not_exists(" + attrSlow + ") OR " + condition + ")"
	}
	unsure, err := s.try(ctx, func(ctx context.Context) error {
		_, err := s.api.UpdateItem(ctx, &dynamodb.UpdateItemInput{
			TableName: s.table, Key: webhookKey(ref).item(), UpdateExpression: aws.String("SET " + attrSlow + " = :to"),
			ConditionExpression: &condition, ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
			ExpressionAttributeValues: item{":from": number(record.Millis(from)), ":to": number(record.Millis(to))},
		}, once)
		return err
	})
	if there, ok := refused(err); ok {
		return unsure && there.number(attrSlow) == record.Millis(to) && there != nil, nil
	}
	return err == nil, fault(err)
}
