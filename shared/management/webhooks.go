package management

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"time"

	"hookline/shared/dialect"
	"hookline/shared/input"
	"hookline/shared/queue"
	"hookline/shared/seal"
	"hookline/shared/systemevent"
	"hookline/shared/webhook"
)

// WebhookInput is a webhook to be made, or a change of one.
type WebhookInput struct {
	// https, or http where the dialect allows it. Production refuses private and loopback addresses, user names, fragments
	// and ports other than 80, 443, 8080 and 8443. It is stored and shown as it is called: a host in Unicode in its `xn--`
	// form, and other characters than RFC 3986 has percent-encoded in path and query. Invisible characters, and a `%`
	// without two hexadecimal digits, are refused.
	URL input.Field[string] `json:"url,omitzero" jsonschema:"maxLength=2048,pattern=^[Hh][Tt][Tt][Pp][Ss]?://[^/?#\\\\\\x00- \\x7f]+([/?]([^%#\\\\\\x00-\\x1f\\x7f]|%[0-9A-Fa-f]{2})*)?$"`
	// Repeats count once.
	Events input.Field[[]string] `json:"events,omitzero" jsonschema:"minItems=1,maxItems=50" ref:"EventPattern"`
	Name   input.Field[string]   `json:"name,omitzero" jsonschema:"nullable,maxLength=200,pattern=^[^\\x00-\\x1f\\x7f-\\x9f]*$"`
	// The dialect's rule of secrets holds. Left out, null or empty: one is made.
	Secret input.Field[string] `json:"secret,omitzero" jsonschema:"nullable,maxLength=1024"`
	// Left out or null: true.
	Active input.Field[bool] `json:"active,omitzero" jsonschema:"nullable"`
	// One that the dialect has. Left out or null: the first of them, application/json. A chat's format takes application/json alone.
	ContentType input.Field[string] `json:"content_type,omitzero" jsonschema:"nullable" ref:"ContentType"`
	// `json` is the dialect's own body. `slack`, `teams` and `discord` are a readable message as the incoming webhooks of
	// those products take it: cut to their limits, mentions inert, unsigned, and any 2xx succeeds. Left out or null: json.
	Format input.Field[string] `json:"format,omitzero" jsonschema:"nullable" ref:"Format"`
	// The custom headers; they replace those before. Names are tokens (RFC 9110) of at most 100 characters, told apart
	// without case; values are visible ASCII with spaces and tabs between. Names that we set are refused. null leaves a
	// name out. In a change the value `********` keeps what is stored under that name, in whatever case. Where `url` changes
	// its scheme, host or port, each masked value must be given again or be null (422 naming each), and a change that does
	// not name `headers` at all is refused while there are stored ones: a stored value never goes to a new host.
	Headers input.Field[map[string]string] `json:"headers,omitzero" jsonschema:"nullable" input:"null drops"`
	// For one attempt, the answer's body included. null: the dialect's.
	TimeoutSeconds input.Field[int] `json:"timeout_seconds,omitzero" jsonschema:"nullable,minimum=1,maximum=30"`
	// An EventBridge pattern over `data`, of at most 4 KiB. null takes every event; {} is refused. It costs at most 150,
	// the sum over its entries: the plain values of a field 1, however many; `prefix`, `suffix` and `equals-ignore-case` 1
	// each; `numeric`, `cidr` and `exists` 2; `wildcard` 5; `anything-but` 1 with values, and with an operator as much as
	// each of its strings costs.
	Filter input.Field[json.RawMessage] `json:"filter,omitzero" jsonschema:"type=object,nullable"`
	// POSTs in a second. null: no limit.
	MaxPerSecond input.Field[int] `json:"max_per_second,omitzero" jsonschema:"nullable,minimum=1,maximum=1000"`
	// Pairs of your own; they replace those before.
	Metadata input.Field[map[string]string] `json:"metadata,omitzero" jsonschema:"nullable"`
}

// Created is a webhook just made, with the secret that is shown only now.
type Created struct {
	Webhook webhook.Webhook
	Secret  string
}

// CreateWebhook makes a webhook of a tenant, whose dialect is d. found are faults found while the input was read.
func (s Service) CreateWebhook(ctx context.Context, d *dialect.Dialect, tenant string, in WebhookInput, found input.Faults) (Created, error) {
	now := s.now()
	w := webhook.Webhook{
		Ref:       webhook.Ref{Tenant: tenant, ID: webhook.NewID(webhook.WebhookPrefix, now)},
		Active:    true,
		CreatedAt: now, UpdatedAt: now,
	}
	faults := slices.Clone(found)
	if !in.URL.Given() {
		faults.Add("url", input.Required)
	}
	if !in.Events.Given() {
		faults.Add("events", input.Required)
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
	if err := s.queueChange(ctx, systemevent.Created(w)); err != nil {
		return Created{}, err
	}
	if err := s.Store.CreateWebhook(s.change(ctx, tenant, "webhook", w.ID, input.Names(in)...), w); err != nil {
		return Created{}, err
	}
	return Created{Webhook: w, Secret: secret}, nil
}

// room returns a Conflict "too-many-webhooks" where more webhooks would take the tenant over its limit.
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

// queueChange queues the system event of a change that is about to be made. If it fails the change is not made.
func (s Service) queueChange(ctx context.Context, c systemevent.Change) error {
	if s.Changes == nil {
		return nil
	}
	if err := queue.SendAll(ctx, s.Changes, []queue.Outgoing{c.Outgoing(time.Now())}); err != nil {
		return webhook.ErrUnavailable(err)
	}
	return nil
}

// UpdateWebhook changes a webhook. A change that changes nothing is not one: the time of the last change stays too. A new URL, or being made active again, resets
// the webhook's health. d is the dialect of its tenant.
func (s Service) UpdateWebhook(ctx context.Context, d *dialect.Dialect, ref webhook.Ref, in WebhookInput, found input.Faults) (w webhook.Webhook, err error) {
	err = retry(func() (err error) {
		w, err = s.updateOnce(ctx, d, ref, in, slices.Clone(found))
		return err
	})
	return w, err
}

func (s Service) updateOnce(ctx context.Context, d *dialect.Dialect, ref webhook.Ref, in WebhookInput, faults input.Faults) (webhook.Webhook, error) {
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
	changed := webhookChanges(old, w)
	if in.Headers.Set && !maps.Equal(headers, stored) {
		changed = append(changed, "headers")
	}
	if len(changed) == 0 {
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
	if err := s.Store.UpdateWebhook(s.change(ctx, ref.Tenant, "webhook", ref.ID, changed...), w, resetHealth); err != nil {
		return webhook.Webhook{}, err
	}
	w.Version++
	return w, nil
}

// webhookChanges returns the names of the fields that an update changes, except for the custom headers, which are sealed.
func webhookChanges(old, w webhook.Webhook) (fields []string) {
	for _, f := range []struct {
		name  string
		stays bool
	}{
		{"url", w.URL == old.URL},
		{"events", slices.Equal(w.Events, old.Events)},
		{"name", w.Name == old.Name},
		{"active", w.Active == old.Active},
		{"content_type", w.ContentType == old.ContentType},
		{"format", w.Format == old.Format},
		{"timeout_seconds", w.TimeoutSeconds == old.TimeoutSeconds},
		{"filter", bytes.Equal(w.Filter, old.Filter)},
		{"max_per_second", w.MaxPerSecond == old.MaxPerSecond},
		{"metadata", maps.Equal(w.Metadata, old.Metadata)},
	} {
		if !f.stays {
			fields = append(fields, f.name)
		}
	}
	return fields
}

// DeleteWebhook removes a webhook. Queued messages for it are dropped when they come up.
func (s Service) DeleteWebhook(ctx context.Context, ref webhook.Ref) error {
	return s.Store.DeleteWebhook(s.change(ctx, ref.Tenant, "webhook", ref.ID), ref)
}

// Warnings returns a sentence for each setting of the webhook that is allowed but unwise.
func Warnings(d *dialect.Dialect, w webhook.Webhook) []string {
	u, err := url.Parse(w.URL)
	switch {
	case err != nil || u.Scheme != "http":
		return nil
	case d.CheckScheme(u.Scheme) != "":
		return []string{"url: must start with https:// everywhere else; http is accepted only here, for tests with receivers nearby"}
	case d.WarnOfHTTP:
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
