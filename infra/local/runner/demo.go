package runner

import (
	"context"
	"fmt"
	"strings"
	"time"

	"hookline/shared/webhook"
)

const demo = "demo"

// demoStore is what making the ready-made tenant takes.
type demoStore interface {
	Tenant(ctx context.Context, id string) (webhook.Tenant, error)
	KeyByHash(ctx context.Context, hash string) (webhook.Key, error)
	CreateTenant(ctx context.Context, t webhook.Tenant, k webhook.Key) error
	CreateKey(ctx context.Context, k webhook.Key) error
}

// demoTenant sees to the tenant `demo` and returns its API key. The key is kept before the tenant is made, so that a
// crash in between leaves no tenant without a known key.
func demoTenant(ctx context.Context, dir *dataDir, store demoStore, now time.Time) (string, error) {
	key, err := dir.key("demo-key", webhook.SecretKey)
	if err != nil {
		return "", err
	}
	k := webhook.Key{
		ID: webhook.NewID(webhook.KeyPrefix, now), Tenant: demo, Name: "made with the tenant",
		Scopes: webhook.Scopes(), Hash: webhook.HashAPIKey(key), CreatedAt: now,
	}
	if _, err := store.KeyByHash(ctx, k.Hash); err == nil {
		return key, nil
	} else if !webhook.Is(err, webhook.NotFound) {
		return "", err
	}
	if _, err := store.Tenant(ctx, demo); err == nil {
		return key, store.CreateKey(ctx, k)
	} else if !webhook.Is(err, webhook.NotFound) {
		return "", err
	}
	return key, store.CreateTenant(ctx, webhook.Tenant{
		ID: demo, Name: "Demo", Dialect: "standard", CreatedAt: now, UpdatedAt: now, Version: 1,
	}, k)
}

// welcome is what a newcomer reads first. Nothing else ever prints a key.
func welcome(api string, c Config, demoKey string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `
Hookline is ready.

  API        %s        (described at %s/docs)
  Console    %s/console/        (sign in with an API key)
  Data       %s        (survives restarts; delete the folder to start over)
`, api, api, api, c.DataDir)
	if c.Engine != embedded {
		fmt.Fprintf(&b, "  Engine     %s\n", c.Engine)
	}
	if c.ClockSpeed != 1 {
		fmt.Fprintf(&b, "  Clock      %g times as fast as real time\n", c.ClockSpeed)
	}
	fmt.Fprintf(&b, `  Admin key  %s
  Tenant     demo (dialect standard), API key %s

A first delivery: paste this into another terminal, in this folder.

export API=%s KEY=%s SECRET=whsec_$(head -c 32 /dev/urandom | base64)
make receiver & curl -s --retry 60 --retry-delay 1 --retry-connrefused -o /dev/null http://127.0.0.1:9999/
curl -s $API/v1/webhooks -H "Authorization: Bearer $KEY" -H 'Content-Type: application/json' \
  -d '{"url": "http://127.0.0.1:9999/ok", "events": ["*"], "secret": "'$SECRET'"}'
curl -s $API/v1/events -H "Authorization: Bearer $KEY" -H 'Content-Type: application/json' \
  -d '{"type": "invoice.paid", "data": {"invoice": "in_42", "total": 1999}}'

`, c.AdminKey, demoKey, api, demoKey)
	return b.String()
}
