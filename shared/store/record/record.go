// Package record encodes what the engines store: tenants, keys, webhooks, deliveries, replay jobs, sources, deployments
// and versions of dialects, each without the fields that an engine keeps in columns or key attributes of its own.
//
// Names in the encodings are stable. Bytes that were written once are read by every later version, which may add names
// but never gives an old name a new meaning. Times are whole milliseconds and come back in UTC.
package record

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"hookline/shared/webhook"
)

// Millis returns a time as Unix milliseconds, 0 for the zero time.
func Millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// Time returns the time that Millis was given, in UTC, cut to whole milliseconds.
func Time(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// marshal returns v as JSON in which <, > and & stand as they are. Escaped they would take six bytes each.
func marshal(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(v) // the types of this package always marshal
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

func unmarshal(what string, b []byte, v any) error {
	if err := json.Unmarshal(b, v); err != nil {
		return fmt.Errorf("%s record: %w", what, err)
	}
	return nil
}

type tenantRecord struct {
	Name           string   `json:"name,omitzero"`
	Dialect        string   `json:"dialect,omitzero"`
	NotifyEmail    string   `json:"notify_email,omitzero"`
	FrameAncestors []string `json:"frame_ancestors,omitzero"`
	RetentionDays  int      `json:"retention_days,omitzero"`
	MaxWebhooks    int      `json:"max_webhooks,omitzero"`
	CreatedAt      int64    `json:"created_at,omitzero"`
	UpdatedAt      int64    `json:"updated_at,omitzero"`
}

// EncodeTenant encodes t without its ID and Version.
func EncodeTenant(t webhook.Tenant) []byte {
	return marshal(tenantRecord{
		Name: t.Name, Dialect: t.Dialect, NotifyEmail: t.NotifyEmail, FrameAncestors: t.FrameAncestors,
		RetentionDays: t.RetentionDays, MaxWebhooks: t.MaxWebhooks,
		CreatedAt: Millis(t.CreatedAt), UpdatedAt: Millis(t.UpdatedAt),
	})
}

// DecodeTenant decodes a tenant that EncodeTenant encoded.
func DecodeTenant(id string, version int64, b []byte) (webhook.Tenant, error) {
	var r tenantRecord
	if err := unmarshal("tenant", b, &r); err != nil {
		return webhook.Tenant{}, err
	}
	return webhook.Tenant{
		ID: id, Name: r.Name, Dialect: r.Dialect, NotifyEmail: r.NotifyEmail, FrameAncestors: r.FrameAncestors,
		RetentionDays: r.RetentionDays, MaxWebhooks: r.MaxWebhooks,
		CreatedAt: Time(r.CreatedAt), UpdatedAt: Time(r.UpdatedAt), Version: version,
	}, nil
}

type keyRecord struct {
	Name      string   `json:"name,omitzero"`
	Scopes    []string `json:"scopes,omitzero"`
	Of        int      `json:"of,omitzero"` // how many scopes there were when the key was made; absent: scopesBefore
	CreatedAt int64    `json:"created_at,omitzero"`
}

// scopesBefore is how many of the scopes there were while keys did not say so.
const scopesBefore = 12

// EncodeKey encodes k without its Tenant, ID and Hash.
func EncodeKey(k webhook.Key) []byte {
	return marshal(keyRecord{Name: k.Name, Scopes: k.Scopes, Of: len(webhook.Scopes()), CreatedAt: Millis(k.CreatedAt)})
}

// DecodeKey decodes a key that EncodeKey encoded. A key that was given every scope there was has those that came later too.
func DecodeKey(tenant, id, hash string, b []byte) (webhook.Key, error) {
	var r keyRecord
	if err := unmarshal("key", b, &r); err != nil {
		return webhook.Key{}, err
	}
	all := webhook.Scopes()
	lacks := func(scope string) bool { return !slices.Contains(r.Scopes, scope) }
	if !slices.ContainsFunc(all[:min(cmp.Or(r.Of, scopesBefore), len(all))], lacks) {
		r.Scopes = all
	}
	return webhook.Key{ID: id, Tenant: tenant, Name: r.Name, Scopes: r.Scopes, Hash: hash, CreatedAt: Time(r.CreatedAt)}, nil
}

// The filter is stored as bytes and not as JSON within JSON, because it must come back exactly as it was given.
type webhookRecord struct {
	URL            string            `json:"url"`
	Name           string            `json:"name,omitzero"`
	Events         []string          `json:"events,omitzero"`
	Active         bool              `json:"active,omitzero"`
	ContentType    string            `json:"content_type,omitzero"`
	Format         string            `json:"format,omitzero"`
	Headers        []byte            `json:"headers,omitzero"`
	HeaderNames    []string          `json:"header_names,omitzero"`
	TimeoutSeconds int               `json:"timeout_seconds,omitzero"`
	Filter         []byte            `json:"filter,omitzero"`
	MaxPerSecond   int               `json:"max_per_second,omitzero"`
	PacedSince     int64             `json:"paced_since,omitzero"`
	Metadata       map[string]string `json:"metadata,omitzero"`
	Secrets        []secretRecord    `json:"secrets,omitzero"`
	CreatedAt      int64             `json:"created_at,omitzero"`
	UpdatedAt      int64             `json:"updated_at,omitzero"`
	Since          map[string]int64  `json:"since,omitzero"`
	ErasedUntil    int64             `json:"erased_until,omitzero"`
}

type secretRecord struct {
	Version   int    `json:"version"`
	Sealed    []byte `json:"sealed,omitzero"`
	ExpiresAt int64  `json:"expires_at,omitzero"`
}

// EncodeWebhook encodes w without its Ref, Version and Health.
func EncodeWebhook(w webhook.Webhook) []byte {
	r := webhookRecord{
		URL: w.URL, Name: w.Name, Events: w.Events, Active: w.Active, ContentType: w.ContentType, Format: w.Format,
		Headers: w.Headers, HeaderNames: w.HeaderNames, TimeoutSeconds: w.TimeoutSeconds, Filter: w.Filter,
		MaxPerSecond: w.MaxPerSecond, PacedSince: Millis(w.PacedSince), Metadata: w.Metadata, CreatedAt: Millis(w.CreatedAt), UpdatedAt: Millis(w.UpdatedAt), ErasedUntil: Millis(w.ErasedUntil),
	}
	for _, s := range w.Secrets {
		r.Secrets = append(r.Secrets, secretRecord{Version: s.Version, Sealed: s.Sealed, ExpiresAt: Millis(s.ExpiresAt)})
	}
	if w.Since != nil {
		r.Since = make(map[string]int64, len(w.Since))
		for p, t := range w.Since {
			r.Since[p] = Millis(t)
		}
	}
	return marshal(r)
}

// DecodeWebhook decodes a webhook that EncodeWebhook encoded.
func DecodeWebhook(ref webhook.Ref, version int64, h webhook.Health, b []byte) (webhook.Webhook, error) {
	var r webhookRecord
	if err := unmarshal("webhook", b, &r); err != nil {
		return webhook.Webhook{}, err
	}
	w := webhook.Webhook{
		Ref: ref, URL: r.URL, Name: r.Name, Events: r.Events, Active: r.Active, ContentType: r.ContentType, Format: r.Format,
		Headers: r.Headers, HeaderNames: r.HeaderNames, TimeoutSeconds: r.TimeoutSeconds, Filter: r.Filter,
		MaxPerSecond: r.MaxPerSecond, PacedSince: Time(r.PacedSince), Metadata: r.Metadata, CreatedAt: Time(r.CreatedAt), UpdatedAt: Time(r.UpdatedAt),
		Version: version, Health: h, ErasedUntil: Time(r.ErasedUntil),
	}
	for _, s := range r.Secrets {
		w.Secrets = append(w.Secrets, webhook.Secret{Version: s.Version, Sealed: s.Sealed, ExpiresAt: Time(s.ExpiresAt)})
	}
	if r.Since != nil {
		w.Since = make(map[string]time.Time, len(r.Since))
		for p, ms := range r.Since {
			w.Since[p] = Time(ms)
		}
	}
	return w, nil
}
