package management

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"time"

	"hookline/shared/dialect"
	"hookline/shared/queue"
	"hookline/shared/seal"
	"hookline/shared/system"
	"hookline/shared/webhook"
)

// WebhookInput is a webhook to be made, or a change of one.
type WebhookInput struct {
	URL            Field[string]
	Events         Field[[]string]
	Name           Field[string]
	Secret         Field[string] // "" has one made; refused in a change
	Active         Field[bool]
	ContentType    Field[string]
	Format         Field[string]
	Headers        Field[map[string]string] // replaces all; a value of webhook.Mask keeps the stored one, unless URL moves
	TimeoutSeconds Field[int]
	Filter         Field[json.RawMessage]
	MaxPerSecond   Field[int]
	Metadata       Field[map[string]string] // replaces all
}

func (in WebhookInput) empty() bool {
	return !in.URL.Set && !in.Events.Set && !in.Name.Set && !in.Secret.Set && !in.Active.Set && !in.ContentType.Set &&
		!in.Format.Set && !in.Headers.Set && !in.TimeoutSeconds.Set && !in.Filter.Set && !in.MaxPerSecond.Set && !in.Metadata.Set
}

// Created is a webhook just made, with the secret that is shown only now.
type Created struct {
	Webhook webhook.Webhook
	Secret  string
}

// CreateWebhook makes a webhook of a tenant, whose dialect is d. found are the faults that reading the input has shown already.
func (s Service) CreateWebhook(ctx context.Context, d *dialect.Dialect, tenant string, in WebhookInput, found Faults) (Created, error) {
	now := s.now()
	w := webhook.Webhook{
		Ref:       webhook.Ref{Tenant: tenant, ID: webhook.NewID(webhook.WebhookPrefix, now)},
		Active:    true,
		CreatedAt: now, UpdatedAt: now,
	}
	faults := slices.Clone(found)
	if !in.URL.given() {
		faults.Add("url", required)
	}
	if !in.Events.given() {
		faults.Add("events", required)
	}
	secret := secretOf(d, in.Secret, &faults)
	headers := s.apply(d, &w, in, nil, &faults)
	if err := faults.Err(); err != nil {
		return Created{}, err
	}
	if err := s.room(ctx, tenant, 1); err != nil {
		return Created{}, err
	}
	if err := s.sealHeaders(ctx, &w, headers); err != nil {
		return Created{}, err
	}
	sealed, err := s.Box.Seal(ctx, []byte(secret), seal.SecretPlace(w.Ref, 1))
	if err != nil {
		return Created{}, fmt.Errorf("sealing a secret: %w", err)
	}
	w.Secrets = []webhook.Secret{{Version: 1, Sealed: sealed}}
	w.KeepSince(webhook.Webhook{}, now)
	if err := s.tell(ctx, system.Created(w)); err != nil {
		return Created{}, err
	}
	if err := s.Store.CreateWebhook(ctx, w); err != nil {
		return Created{}, err
	}
	return Created{Webhook: w, Secret: secret}, nil
}

// room answers with a Conflict "too-many-webhooks" where so many more would be more than a tenant may have.
func (s Service) room(ctx context.Context, tenant string, more int) error {
	if s.MaxWebhooks <= 0 || more <= 0 {
		return nil
	}
	counts, err := s.Store.WebhookCounts(ctx, tenant)
	if err != nil || counts.Total+more <= s.MaxWebhooks {
		return err
	}
	return webhook.ErrConflict("too-many-webhooks", fmt.Sprintf(
		"a tenant may have %d webhooks, this one has %d: delete those that nobody needs, or ask the operator for a higher limit",
		s.MaxWebhooks, counts.Total))
}

// tell queues what is about to change. What cannot be told of is not done.
func (s Service) tell(ctx context.Context, c system.Change) error {
	if s.Changes == nil {
		return nil
	}
	if err := queue.SendAll(ctx, s.Changes, []queue.Outgoing{c.Outgoing(time.Now())}); err != nil {
		return webhook.ErrUnavailable(err)
	}
	return nil
}

// UpdateWebhook changes a webhook. A change without fields changes nothing. Another address, or being made active
// again, forgets what its deliveries have shown of its health. d is its tenant's dialect.
func (s Service) UpdateWebhook(ctx context.Context, d *dialect.Dialect, ref webhook.Ref, in WebhookInput, found Faults) (w webhook.Webhook, err error) {
	err = retry(func() (err error) {
		w, err = s.updateOnce(ctx, d, ref, in, slices.Clone(found))
		return err
	})
	return w, err
}

func (s Service) updateOnce(ctx context.Context, d *dialect.Dialect, ref webhook.Ref, in WebhookInput, faults Faults) (webhook.Webhook, error) {
	old, err := s.Store.Webhook(ctx, ref)
	if err != nil {
		return webhook.Webhook{}, err
	}
	stored, err := s.openHeaders(ctx, old)
	if err != nil {
		return webhook.Webhook{}, err
	}
	if in.Secret.Set {
		faults.Add("secret", "cannot be changed here: use POST /v1/webhooks/{id}/rotate-secret")
	}
	if in.URL.Null {
		faults.Add("url", "must be a string")
	}
	if in.Events.Null {
		faults.Add("events", "must be a list of strings")
	}
	if in.Active.Null {
		faults.Add("active", "must be true or false")
	}
	w := old
	headers := s.apply(d, &w, in, stored, &faults)
	if err := faults.Err(); err != nil {
		return webhook.Webhook{}, err
	}
	if in.empty() {
		return old, nil
	}
	if in.Headers.Set {
		if err := s.sealHeaders(ctx, &w, headers); err != nil {
			return webhook.Webhook{}, err
		}
	}
	now := s.now()
	w.UpdatedAt = now
	w.KeepSince(old, now)
	if w.MaxPerSecond != old.MaxPerSecond {
		w.PacedSince = now
	}
	resetHealth := w.URL != old.URL || w.Active && !old.Active
	if resetHealth {
		w.Health, w.SlowSince = webhook.Health{}, time.Time{}
	}
	if err := s.Store.UpdateWebhook(ctx, w, resetHealth); err != nil {
		return webhook.Webhook{}, err
	}
	w.Version++
	return w, nil
}

// DeleteWebhook removes a webhook. What is queued for it is dropped when it comes up.
func (s Service) DeleteWebhook(ctx context.Context, ref webhook.Ref) error {
	return s.Store.DeleteWebhook(ctx, ref)
}

// Warnings says, one sentence each, what is allowed in the webhook but unwise.
func Warnings(d *dialect.Dialect, w webhook.Webhook) []string {
	if u, err := url.Parse(w.URL); err == nil && u.Scheme == "http" && d.WarnOfHTTP {
		return []string{"url: http sends events in the clear, where others can read and change them; use https"}
	}
	return nil
}

// sealHeaders puts the custom headers into w.
func (s Service) sealHeaders(ctx context.Context, w *webhook.Webhook, headers map[string]string) error {
	w.Headers, w.HeaderNames = nil, nil
	if len(headers) == 0 {
		return nil
	}
	plain, err := json.Marshal(headers)
	if err != nil {
		return fmt.Errorf("custom headers: %w", err)
	}
	if w.Headers, err = s.Box.Seal(ctx, plain, seal.HeadersPlace(w.Ref)); err != nil {
		return fmt.Errorf("sealing custom headers: %w", err)
	}
	w.HeaderNames = sortedKeys(headers)
	return nil
}

func (s Service) openHeaders(ctx context.Context, w webhook.Webhook) (map[string]string, error) {
	if len(w.Headers) == 0 {
		return nil, nil
	}
	plain, err := s.Box.Open(ctx, w.Headers, seal.HeadersPlace(w.Ref))
	if err != nil {
		return nil, fmt.Errorf("opening custom headers of %s: %w", w.ID, err)
	}
	var headers map[string]string
	if err := json.Unmarshal(plain, &headers); err != nil {
		return nil, fmt.Errorf("custom headers of %s: %w", w.ID, err)
	}
	return headers, nil
}
