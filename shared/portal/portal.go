// Package portal makes portal links: short-lived addresses that open the console of one tenant without a key, so that a
// product can show the console inside its own pages.
//
// A link is sealed: its address holds no key and nothing readable, and nothing is stored when it is made. It works once:
// its use is a conditional write of its id. The session that it opens ends when the link expires, and when the key that
// made it is deleted (where the admin made it: when the tenant is). The session can do no more than that key, and no more
// than Scopes.
//
// The package does not tell the people who use one session apart.
package portal

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"hookline/shared/seal"
	"hookline/shared/webhook"
)

// The lifetimes of a link and the session that it opens, in the deployment's clock.
const (
	MinLife     = time.Minute
	MaxLife     = 24 * time.Hour
	DefaultLife = time.Hour
)

// Link is the content of a portal link.
type Link struct {
	ID      string    `json:"i"`
	Tenant  string    `json:"t"`
	Since   time.Time `json:"s"`           // when the tenant was made: a later tenant with the same id is another one
	Maker   string    `json:"m,omitempty"` // hash of the API key that made it; "" means the admin
	Expires time.Time `json:"e"`
}

// New returns a link to the tenant's console that lasts for life.
func New(t webhook.Tenant, maker string, now time.Time, life time.Duration) Link {
	return Link{ID: webhook.NewID("pl_", now), Tenant: t.ID, Since: t.CreatedAt, Maker: maker, Expires: now.Add(life)}
}

// Scopes returns the scopes that a session can have at most: everything about webhooks and their deliveries, and nothing by
// which its holder could let others in, change the tenant or publish events.
func Scopes() []string {
	return slices.DeleteFunc(webhook.Scopes(), func(scope string) bool {
		return slices.Contains([]string{"tenant:write", "keys:read", "keys:write", "events:write"}, scope)
	})
}

// Key returns the key with which a session of the link calls the API. maker is the key that made the link, as it is now.
func (l Link) Key(maker webhook.Key) webhook.Key {
	k := webhook.Key{ID: l.ID, Tenant: l.Tenant, Name: "portal", Scopes: Scopes(), Hash: l.Maker}
	if l.Maker != "" {
		k.Scopes = slices.DeleteFunc(k.Scopes, func(scope string) bool { return !maker.Grants(scope) })
	}
	return k
}

// remember is how much longer than the link its use is remembered. Clocks differ by less.
const remember = time.Hour

// Use returns the pin that marks the link as used. The caller that stores it first has used the link.
func (l Link) Use(now time.Time) webhook.Pin {
	return webhook.Pin{Tenant: l.Tenant, Scope: "portal-link", Key: l.ID, Hash: l.ID, At: now, ExpiresAt: l.Expires.Add(remember)}
}

// Place says where a sealed link is used. A link that is sealed for one place cannot be opened in the other.
type Place string

const (
	// Address is a URL: the link can be used.
	Address Place = "portal link"
	// Session is a cookie: the link was used, and its holder is signed in.
	Session Place = "portal session"
)

// Seal returns the link as text for a URL or a cookie, about 300 characters.
func (l Link) Seal(ctx context.Context, box seal.Box, place Place) (string, error) {
	plain, err := json.Marshal(l)
	if err != nil {
		return "", err
	}
	sealed, err := box.Seal(ctx, plain, string(place))
	if err != nil {
		return "", fmt.Errorf("portal link: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(sealed), nil
}

// ErrUnreadable reports a text that Seal did not return for this place in this deployment.
var ErrUnreadable = errors.New("not a portal link")

// Open returns the link that Seal sealed for the same place. It does not check whether the link has expired or was used. An
// error that is not ErrUnreadable is of kind webhook.Unavailable: the link may be valid.
func Open(ctx context.Context, box seal.Box, place Place, text string) (l Link, err error) {
	sealed, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return Link{}, ErrUnreadable
	}
	plain, err := box.Open(ctx, sealed, string(place))
	if webhook.Is(err, webhook.Unavailable) {
		return Link{}, fmt.Errorf("portal link: %w", err)
	}
	if err == nil {
		err = json.Unmarshal(plain, &l)
	}
	if err != nil {
		return Link{}, errors.Join(ErrUnreadable, err)
	}
	return l, nil
}
