// Package portal is portal links: short-lived addresses by which a tenant's people come into the console without a key,
// so that a product can show the console inside its own pages.
//
// A link is sealed: its address holds no key and nothing readable, and nothing is stored when one is made. It works once:
// using it is a conditional write of its id. The session that it opens ends with the link's time, when the key that made
// it is deleted (when the tenant is, where the admin made it), and can do no more than that key and no more than Scopes.
//
// What it does not do: it does not tell one person from another.
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

// How long a link and the session that it opens can last, in the deployment's clock.
const (
	MinLife     = time.Minute
	MaxLife     = 24 * time.Hour
	DefaultLife = time.Hour
)

// Link is what an address holds.
type Link struct {
	ID      string    `json:"i"`
	Tenant  string    `json:"t"`
	Since   time.Time `json:"s"`           // the tenant's creation: a later tenant of the same id is another
	Maker   string    `json:"m,omitempty"` // hash of the API key that made it; "" is the admin
	Expires time.Time `json:"e"`
}

// New returns a link to the tenant's console that lasts for life.
func New(t webhook.Tenant, maker string, now time.Time, life time.Duration) Link {
	return Link{ID: webhook.NewID("pl_", now), Tenant: t.ID, Since: t.CreatedAt, Maker: maker, Expires: now.Add(life)}
}

// Scopes returns what people in a portal may do at most: all about webhooks and what was sent to them, nothing with which
// they could let others in, change the tenant or publish events.
func Scopes() []string {
	return slices.DeleteFunc(webhook.Scopes(), func(scope string) bool {
		return slices.Contains([]string{"tenant:write", "keys:read", "keys:write", "events:write"}, scope)
	})
}

// Key returns who a session of the link is, as a caller of the API. maker is the key that made it, as it is now.
func (l Link) Key(maker webhook.Key) webhook.Key {
	k := webhook.Key{ID: l.ID, Tenant: l.Tenant, Name: "portal", Scopes: Scopes(), Hash: l.Maker}
	if l.Maker != "" {
		k.Scopes = slices.DeleteFunc(k.Scopes, func(scope string) bool { return !maker.Grants(scope) })
	}
	return k
}

// remember is how much longer than the link its use is remembered: more than clocks differ.
const remember = time.Hour

// Use returns the pin that marks the link as used; who stores it first has used it.
func (l Link) Use(now time.Time) webhook.Pin {
	return webhook.Pin{Tenant: l.Tenant, Scope: "portal-link", Key: l.ID, Hash: l.ID, At: now, ExpiresAt: l.Expires.Add(remember)}
}

// Place says what a sealed link is: one cannot be taken for the other.
type Place string

const (
	// Address is a link that can be used.
	Address Place = "portal link"
	// Session is one that was: its holder is signed in.
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

// Open returns what Seal sealed for the same place. It does not say whether the link's time is over, or whether it was used.
// An error that is not ErrUnreadable is of kind webhook.Unavailable: the link may be good.
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
