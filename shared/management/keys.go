package management

import (
	"context"
	"slices"

	"hookline/shared/input"
	"hookline/shared/webhook"
)

// KeyInput is an API key to be made.
type KeyInput struct {
	Name input.Field[string] `json:"name,omitzero" jsonschema:"required,minLength=1,maxLength=100,pattern=^[^\\x00-\\x1f\\x7f-\\x9f]*$"`
	// Repeats count once. A scope that the key which makes this one lacks is a fault of that entry (422 `scopes.3`).
	Scopes input.Field[[]string] `json:"scopes,omitzero" jsonschema:"required,minItems=1" ref:"Scope"`
}

// CreateKey makes an API key of the tenant that grants no more than the scopes in maker, and returns the key itself, which
// is stored nowhere. A scope that maker lacks is a fault of the input, named by its position.
func (s Service) CreateKey(ctx context.Context, tenant string, maker []string, in KeyInput, found input.Faults) (webhook.Key, string, error) {
	faults := slices.Clone(found)
	if !in.Name.Given() {
		faults.Add("name", input.Required)
	} else {
		faults.Line("name", in.Name.Value, 1, input.MaxKeyName)
	}
	known := webhook.Scopes()
	switch {
	case !in.Scopes.Given():
		faults.Add("scopes", input.Required)
	case len(in.Scopes.Value) == 0:
		faults.Add("scopes", "must name at least one scope")
	}
	for i, scope := range in.Scopes.Value {
		switch {
		case !slices.Contains(known, scope):
			faults.Add("scopes."+itoa(i), "is not a scope")
		case !slices.Contains(maker, scope):
			faults.Add("scopes."+itoa(i), "the key that asks lacks this scope, so it cannot grant it")
		}
	}
	if err := faults.Err(); err != nil {
		return webhook.Key{}, "", err
	}
	scopes := slices.DeleteFunc(known, func(scope string) bool { return !slices.Contains(in.Scopes.Value, scope) })
	key, secret := s.newKey(tenant, in.Name.Value, scopes)
	if err := s.Store.CreateKey(s.change(ctx, tenant, "key", key.ID, input.Names(in)...), key); err != nil {
		return webhook.Key{}, "", err
	}
	return key, secret, nil
}

// DeleteKey removes a key. The next call with the key is refused.
func (s Service) DeleteKey(ctx context.Context, tenant, id string) error {
	return s.Store.DeleteKey(s.change(ctx, tenant, "key", id), tenant, id)
}

func (s Service) newKey(tenant, name string, scopes []string) (webhook.Key, string) {
	secret := webhook.NewAPIKey(webhook.SecretKey)
	now := s.now()
	return webhook.Key{
		ID: webhook.NewID(webhook.KeyPrefix, now), Tenant: tenant, Name: name, Scopes: scopes,
		Hash: webhook.HashAPIKey(secret), CreatedAt: now,
	}, secret
}
