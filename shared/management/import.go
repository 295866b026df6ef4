package management

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"time"

	"hookline/shared/dialect"
	"hookline/shared/input"
	"hookline/shared/seal"
	"hookline/shared/webhook"
)

// ImportStore is the part of store.Store that an import uses beside WebhookStore. It relies on Pin giving an id to one of
// many imports at once.
type ImportStore interface {
	Load(ctx context.Context, refs []webhook.Ref, keys []webhook.DeliveryKey) (map[webhook.Ref]webhook.Webhook, map[webhook.DeliveryKey]webhook.Delivery, error)
	Pin(ctx context.Context, p webhook.Pin) (webhook.Pin, bool, error)
	FindPin(ctx context.Context, tenant, scope, key string) (webhook.Pin, error)
	Unpin(ctx context.Context, p webhook.Pin) error
}

// IDTaken is the fault of an id that a webhook has already.
const IDTaken = "is that of a webhook that exists"

// ImportInput is a webhook that moves in with what it has. Its secret is exempt from the dialect's rule of length.
type ImportInput struct {
	// One is made where none is given.
	ID input.Field[string] `json:"id,omitzero" jsonschema:"nullable" ref:"GivenID"`
	// Between 1970 and now. Left out or null: now.
	CreatedAt input.Field[time.Time] `json:"created_at,omitzero" jsonschema:"nullable" ref:"GivenTime"`
	WebhookInput

	Found input.Faults `json:"-"` // faults found while it was read
}

// Imported is the webhook that an import makes, or would make, of one input.
type Imported struct {
	Webhook webhook.Webhook // its ID is "" where one would be made
	Secret  string          // "" where one would be made
	Faults  input.Faults
	Exists  bool // a webhook has its id

	headers map[string]string
}

// importScope is the scope of the pins that mark imports under way.
const importScope = "import"

// keepImport is how long an import that was cut short can be completed, in the deployment's clock.
const keepImport = 24 * time.Hour

// CheckImport says what ImportWebhooks would do for a tenant, whose dialect is d, and changes nothing. Webhooks that an
// earlier try of the same import made before it was cut short do not count as existing.
func (s Service) CheckImport(ctx context.Context, d *dialect.Dialect, tenant string, in []ImportInput, digest string) ([]Imported, error) {
	all := s.checked(d, tenant, in)
	there, err := s.existing(ctx, tenant, all)
	if err != nil {
		return nil, err
	}
	if len(there) > 0 {
		if err := s.clashes(ctx, tenant, all, there, digest); err != nil {
			return nil, err
		}
	}
	if slices.ContainsFunc(all, func(item Imported) bool { return len(item.Faults) > 0 || item.Exists }) {
		return all, nil // those faults come first
	}
	return all, s.room(ctx, tenant, len(all)-len(there))
}

// clashes marks the inputs whose id another webhook has, one that no earlier try of this import made.
func (s Service) clashes(ctx context.Context, tenant string, all []Imported, there map[webhook.Ref]webhook.Webhook, digest string) error {
	pin, err := s.Store.FindPin(ctx, tenant, importScope, digest)
	if err != nil && !webhook.Is(err, webhook.NotFound) {
		return err
	}
	begun := err == nil && pin.ExpiresAt.After(s.now())
	for i := range all {
		w := all[i].Webhook
		w.UpdatedAt = pin.At
		other, ok := there[w.Ref]
		all[i].Exists = ok && (!begun || !same(other, w))
	}
	return nil
}

// ImportWebhooks makes all of the webhooks, or none and then says why, naming fields as "3.url". It makes no system events
// and sends no mail. digest identifies the request: it is the same for the same webhooks, and only for them.
//
// A transaction of the store holds one webhook, not a hundred. So the import is pinned, then checked, then made webhook by
// webhook, then unpinned. If somebody else takes one of the ids in between, the webhooks that were made are deleted again.
// An import that is cut short may leave some of them. The same request within 24 hours finds the pin, uses the time of the
// first try, from which the ids follow, and makes the missing ones. Two equal requests at the same time make the same
// webhooks.
func (s Service) ImportWebhooks(ctx context.Context, d *dialect.Dialect, tenant string, in []ImportInput, digest string) ([]Created, error) {
	all := s.checked(d, tenant, in)
	var faults input.Faults
	for i, item := range all {
		for _, f := range item.Faults {
			faults.Add(ImportField(i, f.Field), f.Message)
		}
	}
	if err := faults.Err(); err != nil {
		return nil, err
	}
	now := s.now()
	pin, first, err := s.Store.Pin(ctx, webhook.Pin{
		Tenant: tenant, Scope: importScope, Key: digest, Hash: digest, At: now, ExpiresAt: now.Add(keepImport),
	})
	if err != nil {
		return nil, err
	}
	date(all, pin)
	there, err := s.existing(ctx, tenant, all)
	if err != nil {
		return nil, err
	}
	var taken []int
	for i, item := range all {
		if other, ok := there[item.Webhook.Ref]; ok && (first || !same(other, item.Webhook)) {
			taken = append(taken, i)
		}
	}
	if len(taken) > 0 {
		return nil, s.abandon(ctx, pin, all, taken)
	}
	if err := s.room(ctx, tenant, len(all)-len(there)); err != nil {
		if _, refused := conflict(err); refused {
			err = cmp.Or(s.undo(ctx, pin, all, nil), err)
		}
		return nil, err
	}
	if err := s.sealImport(ctx, d, all); err != nil {
		return nil, err
	}
	out := make([]Created, len(all))
	for i, item := range all {
		w, err := s.importOne(ctx, item.Webhook, there)
		if clash, ok := conflict(err); ok && clash.Code == "webhook-exists" {
			return nil, s.abandon(ctx, pin, all, []int{i})
		}
		if err != nil {
			return nil, err
		}
		if out[i], err = s.imported(ctx, w, item); err != nil {
			return nil, err
		}
	}
	_ = s.Store.Unpin(context.WithoutCancel(ctx), pin) // if that fails the pin expires; until then the same request gets the same answer
	return out, nil
}

// checked checks each input by itself and all of them together.
func (s Service) checked(d *dialect.Dialect, tenant string, in []ImportInput) []Imported {
	now := s.now()
	out := make([]Imported, len(in))
	seen := make(map[string]bool)
	for i, given := range in {
		item := &out[i]
		item.Faults = slices.Clone(given.Found)
		item.Webhook = webhook.Webhook{Ref: webhook.Ref{Tenant: tenant}, Active: true}
		if item.Faults.Has("") { // it is no object
			continue
		}
		if !given.URL.Given() {
			item.Faults.Add("url", input.Required)
		}
		if !given.Events.Given() {
			item.Faults.Add("events", input.Required)
		}
		if given.ID.Given() {
			id := given.ID.Value
			switch item.Webhook.ID = id; {
			case !webhook.ValidGivenID(id):
				item.Faults.Add("id", webhook.GivenIDRule)
			case seen[id]:
				item.Faults.Add("id", "is that of an earlier webhook in this import")
			}
			seen[id] = true
		}
		if given.CreatedAt.Given() {
			item.Webhook.CreatedAt = given.CreatedAt.Value.UTC().Truncate(time.Millisecond)
			if item.Webhook.CreatedAt.After(now) || !item.Webhook.CreatedAt.After(time.Unix(0, 0)) {
				item.Faults.Add("created_at", "must be between 1970 and now")
			}
		}
		if given.Secret.Given() && given.Secret.Value != "" {
			item.Secret = given.Secret.Value
			if problem := d.CheckImportedSecret(item.Secret); problem != "" {
				item.Faults.Add("secret", problem)
			}
		}
		item.headers = s.apply(d, &item.Webhook, given.WebhookInput, nil, &item.Faults)
	}
	return out
}

// existing reads the webhooks that have one of the ids already.
func (s Service) existing(ctx context.Context, tenant string, all []Imported) (map[webhook.Ref]webhook.Webhook, error) {
	var refs []webhook.Ref
	for _, item := range all {
		if webhook.ValidGivenID(item.Webhook.ID) {
			refs = append(refs, item.Webhook.Ref)
		}
	}
	if len(refs) == 0 {
		return nil, nil
	}
	found, _, err := s.Store.Load(ctx, refs, nil)
	if err != nil {
		return nil, fmt.Errorf("webhooks of tenant %s: %w", tenant, err)
	}
	return found, nil
}

// date gives the webhooks the import's time, and makes ids for those that have none. The same pin makes the same ids.
func date(all []Imported, pin webhook.Pin) {
	for i := range all {
		w := &all[i].Webhook
		if w.UpdatedAt = pin.At; w.CreatedAt.IsZero() {
			w.CreatedAt = pin.At
		}
		if w.ID == "" {
			sum := sha256.Sum256(fmt.Appendf(nil, "%s %s %d", pin.Tenant, pin.Key, i))
			w.ID = webhook.IDOf(webhook.WebhookPrefix, pin.At, [10]byte(sum[:10]))
		}
		w.KeepSince(webhook.Webhook{}, pin.At)
	}
}

// same reports whether an existing webhook was made by an earlier try of this import.
func same(there, w webhook.Webhook) bool {
	return there.UpdatedAt.Equal(w.UpdatedAt) && there.URL == w.URL
}

// sealImport seals headers and secrets, and makes the secrets that are not given.
func (s Service) sealImport(ctx context.Context, d *dialect.Dialect, all []Imported) error {
	for i := range all {
		item := &all[i]
		if item.Secret == "" {
			item.Secret = d.NewSecret()
		}
		if err := s.sealHeaders(ctx, &item.Webhook, item.headers); err != nil {
			return err
		}
		sealed, err := s.Box.Seal(ctx, []byte(item.Secret), seal.SecretPlace(item.Webhook.Ref, 1))
		if err != nil {
			return fmt.Errorf("sealing a secret: %w", err)
		}
		item.Webhook.Secrets = []webhook.Secret{{Version: 1, Sealed: sealed}}
	}
	return nil
}

// importOne makes the webhook, unless an earlier try of the import has made it, and returns it as it is stored.
func (s Service) importOne(ctx context.Context, w webhook.Webhook, there map[webhook.Ref]webhook.Webhook) (webhook.Webhook, error) {
	if other, ok := there[w.Ref]; ok {
		return other, nil
	}
	err := s.Store.CreateWebhook(ctx, w)
	if clash, ok := conflict(err); ok && clash.Code == "webhook-exists" {
		if other, err := s.Store.Webhook(ctx, w.Ref); err == nil && same(other, w) {
			return other, nil
		}
	}
	return w, err
}

// imported returns the webhook with its secret, which may be one that an earlier try made.
func (s Service) imported(ctx context.Context, w webhook.Webhook, item Imported) (Created, error) {
	if slices.Equal(w.Secrets[0].Sealed, item.Webhook.Secrets[0].Sealed) {
		return Created{Webhook: w, Secret: item.Secret}, nil
	}
	secret, err := s.Box.Open(ctx, w.Secrets[0].Sealed, seal.SecretPlace(w.Ref, w.Secrets[0].Version))
	if err != nil {
		return Created{}, fmt.Errorf("opening the secret of %s: %w", w.ID, err)
	}
	return Created{Webhook: w, Secret: string(secret)}, nil
}

// abandon undoes the import and says which ids are taken.
func (s Service) abandon(ctx context.Context, pin webhook.Pin, all []Imported, taken []int) error {
	if err := s.undo(ctx, pin, all, taken); err != nil {
		return err
	}
	clash := webhook.ErrConflict("webhook-exists", "a webhook with this id exists")
	for _, i := range taken {
		clash.Fields = append(clash.Fields, webhook.FieldError{Field: ImportField(i, "id"), Message: IDTaken})
	}
	return clash
}

// undo deletes the webhooks that tries of the import have made, except those whose ids are taken. If it fails the pin stays,
// so that the same request comes back here.
func (s Service) undo(ctx context.Context, pin webhook.Pin, all []Imported, taken []int) error {
	ctx = context.WithoutCancel(ctx)
	there, err := s.existing(ctx, pin.Tenant, all)
	if err != nil {
		return err
	}
	for i, item := range all {
		if w, ok := there[item.Webhook.Ref]; ok && same(w, item.Webhook) && !slices.Contains(taken, i) {
			if err := s.Store.DeleteWebhook(ctx, w.Ref); err != nil && !webhook.Is(err, webhook.NotFound) {
				return err
			}
		}
	}
	return s.Store.Unpin(ctx, pin)
}

// ImportField names a field of an input ("3.url"), or the input itself ("3") where the field is "".
func ImportField(i int, field string) string { return strings.TrimSuffix(itoa(i)+"."+field, ".") }
