// Package portal makes portal links: short-lived addresses that open the console of one tenant without a key, so that a
// product can show the console inside its own pages. It makes links to the operators' console in the same way, for admins.
//
// A link is sealed: its address holds no key and nothing readable, and nothing of it is stored when it is made. It works
// once: its use is a conditional write of its id. The session that it opens ends when the link expires, and when the key that
// made it is deleted (where the admin made it: when the tenant is). The session can do no more than that key, and no more
// than Scopes.
//
// The product that makes a link can name the person whom it is for, whom the audit log then names. It can bound the session to
// one webhook, and to reading. The package does not tell the people who use one session apart.
package portal

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"hookline/shared/audit"
	"hookline/shared/seal"
	"hookline/shared/webhook"
)

// The lifetimes of a link and the session that it opens, in the deployment's clock.
const (
	MinLife     = time.Minute
	MaxLife     = 24 * time.Hour
	DefaultLife = time.Hour
)

// Link is the content of a portal link, or of a link to the operators' console.
type Link struct {
	ID      string    `json:"i"`
	Tenant  string    `json:"t"`
	Since   time.Time `json:"s"`           // when the tenant was made: a later tenant with the same id is another one
	Maker   string    `json:"m,omitempty"` // hash of the API key that made it; "" means the admin
	Expires time.Time `json:"e"`
	// User is who has the link, as the tenant's own product knows them. The audit log names them.
	User User `json:"u,omitzero"`
	// Admin is the name of the admin whose link it is, to the operators' console or to look into a tenant's; "" for others.
	Admin    string `json:"a,omitempty"`
	Theme    string `json:"h,omitempty"` // of the pages: one of Themes, "" for the visitor's own choice
	Webhook  string `json:"w,omitempty"` // the only webhook that the session shows; "" shows all
	ReadOnly bool   `json:"r,omitempty"` // the session changes nothing
}

// User is somebody in a product.
type User struct {
	ID   string `json:"i,omitempty"`
	Name string `json:"n,omitempty"`
}

// Themes returns the colours that a link can ask for.
func Themes() []string { return []string{"light", "dark", "auto"} }

// Actor returns the holder of the link as the audit log names it.
func (l Link) Actor() audit.Actor {
	switch {
	case l.Admin != "":
		return audit.Actor{Type: audit.Admin, ID: l.Admin, Name: l.Admin}
	case l.User.ID != "":
		return audit.Actor{Type: audit.Portal, ID: l.User.ID, Name: cmp.Or(l.User.Name, l.User.ID)}
	}
	return audit.Actor{Type: audit.Portal, ID: l.ID, Name: "portal"}
}

// New returns a link to the tenant's console that lasts for life.
func New(t webhook.Tenant, maker string, now time.Time, life time.Duration) Link {
	return Link{ID: webhook.NewID("pl_", now), Tenant: t.ID, Since: t.CreatedAt, Maker: maker, Expires: now.Add(life)}
}

// NewAdmin returns a link to the operators' console for an admin. by is the hash of the admin key, "" where there is none.
func NewAdmin(name, by string, now time.Time, life time.Duration) Link {
	return Link{ID: webhook.NewID("al_", now), Admin: name, Maker: by, Expires: now.Add(life)}
}

// Scopes returns the scopes that a session can have at most: everything about webhooks and their deliveries, and nothing by
// which its holder could let others in, change the tenant, publish events, or see who works for the tenant.
func Scopes() []string {
	return slices.DeleteFunc(webhook.Scopes(), func(scope string) bool {
		return slices.Contains([]string{"tenant:write", "keys:read", "keys:write", "events:write", "audit:read"}, scope)
	})
}

// Key returns the key with which a session of the link calls the API. maker is the key that made the link, as it is now.
func (l Link) Key(maker webhook.Key) webhook.Key {
	k := webhook.Key{ID: l.ID, Tenant: l.Tenant, Name: "portal", Scopes: Scopes(), Hash: l.Maker}
	k.Scopes = slices.DeleteFunc(k.Scopes, func(scope string) bool {
		ofWebhook := strings.HasPrefix(scope, "webhooks:") || strings.HasPrefix(scope, "deliveries:")
		return l.Maker != "" && !maker.Grants(scope) || l.ReadOnly && strings.HasSuffix(scope, ":write") || l.Webhook != "" && !ofWebhook
	})
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
	// AdminAddress and AdminSession are the same for links of NewAdmin.
	AdminAddress Place = "admin link"
	AdminSession Place = "admin session"
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
