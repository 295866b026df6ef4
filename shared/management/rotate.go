package management

import (
	"context"
	"fmt"
	"slices"
	"time"

	"hookline/shared/dialect"
	"hookline/shared/input"
	"hookline/shared/seal"
	"hookline/shared/webhook"
)

// RotateInput is a rotation of a webhook's secret.
type RotateInput struct {
	// The dialect's rule of secrets holds. Left out, null or empty: one is made.
	Secret input.Field[string] `json:"secret,omitzero" jsonschema:"nullable,maxLength=1024"`
	// How long the earlier secrets go on signing beside the new one, at most until their own end; at most 10 secrets sign
	// at once. Left out or null: the dialect's. More than 0 is refused where the dialect's header holds one signature.
	OverlapSeconds input.Field[int] `json:"overlap_seconds,omitzero" jsonschema:"nullable,minimum=0,maximum=604800"`
}

// Rotated is the outcome of a rotation.
type Rotated struct {
	Secret string // shown only now
	// PreviousExpiresAt is when the last of the earlier secrets stops signing. It is zero when all have stopped already.
	PreviousExpiresAt time.Time
}

// RotateSecret gives a webhook a new secret. Earlier secrets that still sign go on until the overlap ends, or until their
// own end where that is sooner. d is the dialect of the webhook's tenant.
func (s Service) RotateSecret(ctx context.Context, d *dialect.Dialect, ref webhook.Ref, in RotateInput, found input.Faults) (Rotated, error) {
	faults := slices.Clone(found)
	secret := secretOf(d, in.Secret, &faults)
	overlap := d.Overlap
	if in.OverlapSeconds.Given() {
		overlap = checkOverlap(d, in.OverlapSeconds.Value, &faults)
	}
	if err := faults.Err(); err != nil {
		return Rotated{}, err
	}
	var out Rotated
	err := retry(func() error {
		w, err := s.Store.Webhook(ctx, ref)
		if err != nil {
			return err
		}
		now := s.now()
		version := 1
		for _, old := range w.Secrets {
			version = max(version, old.Version+1)
		}
		sealed, err := s.Box.Seal(ctx, []byte(secret), seal.SecretPlace(w.Ref, version))
		if err != nil {
			return fmt.Errorf("sealing a secret: %w", err)
		}
		w.Secrets, out = rotate(w, webhook.Secret{Version: version, Sealed: sealed}, now, overlap)
		out.Secret = secret
		w.UpdatedAt = now
		w.KeepSince(w, now)
		return s.Store.UpdateWebhook(s.change(ctx, ref.Tenant, "webhook", ref.ID, "secret"), w, false)
	})
	if err != nil {
		return Rotated{}, err
	}
	return out, nil
}

// rotate returns the secrets with the new one first, and the time when the last of the others ends.
func rotate(w webhook.Webhook, newest webhook.Secret, now time.Time, overlap time.Duration) ([]webhook.Secret, Rotated) {
	secrets := []webhook.Secret{newest}
	var out Rotated
	if overlap == 0 {
		return secrets, out
	}
	end := now.Add(overlap)
	for _, old := range w.LiveSecrets(now) {
		if old.ExpiresAt.IsZero() || end.Before(old.ExpiresAt) {
			old.ExpiresAt = end
		}
		if len(secrets) < MaxSecrets {
			secrets = append(secrets, old)
		}
		if old.ExpiresAt.After(out.PreviousExpiresAt) {
			out.PreviousExpiresAt = old.ExpiresAt
		}
	}
	return secrets, out
}

func checkOverlap(d *dialect.Dialect, seconds int, faults *input.Faults) time.Duration {
	const field = "overlap_seconds"
	switch longest := int(d.MaxOverlap / time.Second); {
	case seconds < 0 || seconds > input.MaxOverlapSeconds:
		faults.Add(field, "must be 0 to "+itoa(input.MaxOverlapSeconds))
	case seconds > 0 && longest == 0:
		faults.Add(field, "must be 0: this dialect's header holds one signature, so the old secret stops at once")
	case seconds > longest:
		faults.Add(field, "must be at most "+itoa(longest)+" in this dialect")
	}
	return time.Duration(seconds) * time.Second
}

// secretOf returns the given secret, checked, or a new one.
func secretOf(d *dialect.Dialect, in input.Field[string], faults *input.Faults) string {
	if !in.Given() || in.Value == "" {
		return d.NewSecret()
	}
	if problem := d.CheckSecret(in.Value); problem != "" {
		faults.Add("secret", problem)
	}
	return in.Value
}
