// Package session finds out who is signed in to the console. It has the pages by which people sign in, with an API key or
// by a portal link (package portal), and sign out.
//
// A session is a sealed cookie with the hash of an API key, or with the portal link. The key, or the one that made the link,
// is looked up at every request, so that a deleted key ends its sessions at once.
package session

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"hookline/shared/console/page"
	"hookline/shared/dialect"
	"hookline/shared/portal"
	"hookline/shared/seal"
	"hookline/shared/webhook"
)

// Store is the part of store.Store that sessions use. A key that was deleted before the call is not found.
type Store interface {
	KeyByHash(ctx context.Context, hash string) (webhook.Key, error)
	Tenant(ctx context.Context, id string) (webhook.Tenant, error)
	// Pin stores a pin unless it exists, and reports whether it did. Of several calls at once one stores it.
	Pin(ctx context.Context, p webhook.Pin) (webhook.Pin, bool, error)
	FindPin(ctx context.Context, tenant, scope, key string) (webhook.Pin, error)
}

// Dialects finds a tenant's dialect, which has its product's words.
type Dialects interface {
	Dialect(ctx context.Context, nameOrRef string) (*dialect.Dialect, error)
}

// Sessions are the sessions of a console. Its fields are set before use and not changed.
type Sessions struct {
	Store    Store
	Dialects Dialects
	Box      seal.Box
	// AdminKeyHash is webhook.HashAPIKey of the admin key, which signs in to the operators' console; "" where there is none.
	AdminKeyHash string
	// Now returns the time of the deployment's clock.
	Now func() time.Time
	// Span converts a span of real time into one of that clock. Nil leaves it unchanged.
	Span func(time.Duration) time.Duration
}

// SignedIn serves a page to visitors who are signed in, and redirects all others to the sign-in page.
func (s *Sessions) SignedIn(site *page.Site, serve func(*page.Visit)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := site.Visit(w, r)
		who, ok, err := s.visitor(r.Context(), r)
		if err == nil && !ok {
			v.Redirect("/console/sign-in?" + url.Values{"to": {r.URL.RequestURI()}}.Encode())
			return
		}
		if err == nil {
			v.Key, v.Guest = who.key, who.link
			v.Tenant, err = s.Store.Tenant(r.Context(), who.key.Tenant)
			if webhook.Is(err, webhook.NotFound) || err == nil && v.Guest != nil && !v.Tenant.CreatedAt.Equal(who.link.Since) {
				v.Redirect("/console/sign-in") // the tenant was deleted, and its keys with it
				return
			}
		}
		if err == nil {
			if v.Guest != nil {
				v.AllowFrames(v.Tenant.FrameAncestors...)
			}
			v.Dialect, err = s.Dialects.Dialect(r.Context(), v.Tenant.Dialect)
		}
		if err != nil {
			v.Failed(err)
			return
		}
		if v.Allowed() {
			serve(v)
		}
	})
}

const (
	// sessionPlace is the purpose that sessions are sealed for. Nothing sealed for another opens as a session.
	sessionPlace = "console session"
	// sessionLife is the duration of a session, in real time.
	sessionLife = 12 * time.Hour
)

// session is the sealed content of the cookie of a key's session.
type session struct {
	ID      string `json:"i"`
	Hash    string `json:"h"` // of the API key
	Expires int64  `json:"e"` // Unix seconds, real time
}

// visitor is somebody who is signed in.
type visitor struct {
	key     webhook.Key  // its scopes are the visitor's
	link    *portal.Link // the visitor came by it; nil after a sign-in with a key
	session string       // the session's id
}

// begin starts a session of a key.
func (s *Sessions) begin(ctx context.Context, w http.ResponseWriter, r *http.Request, k webhook.Key) error {
	plain, err := json.Marshal(session{ID: rand.Text(), Hash: k.Hash, Expires: time.Now().Add(sessionLife).Unix()})
	if err != nil {
		return err
	}
	sealed, err := s.Box.Seal(ctx, plain, sessionPlace)
	if err != nil {
		return err
	}
	http.SetCookie(w, keyCookie(r, base64.RawURLEncoding.EncodeToString(sealed), int(sessionLife/time.Second)))
	endPortal(w, r) // the later sign-in counts
	return nil
}

// visitor returns the visitor who made the request. ok is false if no one is signed in. A portal's session counts before a
// key's.
func (s *Sessions) visitor(ctx context.Context, r *http.Request) (who visitor, ok bool, err error) {
	if raw, err := r.Cookie(cookieName(r, portalCookieName)); err == nil {
		l, err := portal.Open(ctx, s.Box, portal.Session, raw.Value)
		if err != nil && !errors.Is(err, portal.ErrUnreadable) {
			return visitor{}, false, err
		}
		if err == nil && s.Now().Before(l.Expires) {
			who = visitor{link: &l, session: l.ID}
			if who.key, ok, err = s.guestKey(ctx, l); ok {
				ok, err = s.active(ctx, who)
			}
			return who, ok, err
		}
	}
	kept, err := s.session(ctx, r)
	if errors.Is(err, errNoSession) {
		return visitor{}, false, nil
	}
	if err != nil {
		return visitor{}, false, err
	}
	who = visitor{session: kept.ID}
	if who.key, ok, err = s.key(ctx, kept.Hash); ok {
		ok, err = s.active(ctx, who)
	}
	return who, ok, err
}

// endedScope is the scope of the pins that remember ended sessions, until these would have expired.
const endedScope = "console-session-ended"

// active reports whether the visitor has not signed out of the session.
func (s *Sessions) active(ctx context.Context, who visitor) (bool, error) {
	_, err := s.Store.FindPin(ctx, who.key.Tenant, endedScope, who.session)
	if webhook.Is(err, webhook.NotFound) {
		return true, nil
	}
	return false, err
}

// end ends the session itself, so that a copy of its cookie is of no use either.
func (s *Sessions) end(ctx context.Context, who visitor) error {
	now := s.Now()
	over := now.Add(s.span(sessionLife))
	if who.link != nil {
		over = who.link.Expires
	}
	_, _, err := s.Store.Pin(ctx, webhook.Pin{
		Tenant: who.key.Tenant, Scope: endedScope, Key: who.session, Hash: who.session, At: now, ExpiresAt: over.Add(s.span(time.Hour)),
	})
	return err
}

// span converts a span of real time into one of the deployment's clock.
func (s *Sessions) span(real time.Duration) time.Duration {
	if s.Span == nil {
		return real
	}
	return s.Span(real)
}

// guestKey returns a key with the scopes of the link. ok is false if the key that made the link was deleted.
func (s *Sessions) guestKey(ctx context.Context, l portal.Link) (webhook.Key, bool, error) {
	if l.Maker == "" {
		return l.Key(webhook.Key{}), true, nil
	}
	maker, ok, err := s.key(ctx, l.Maker)
	if !ok || maker.Tenant != l.Tenant {
		return webhook.Key{}, false, err
	}
	return l.Key(maker), true, nil
}

// key finds a key. ok is false if it was deleted.
func (s *Sessions) key(ctx context.Context, hash string) (k webhook.Key, ok bool, err error) {
	k, err = s.Store.KeyByHash(ctx, hash)
	if webhook.Is(err, webhook.NotFound) {
		return webhook.Key{}, false, nil
	}
	return k, err == nil, err
}

// errNoSession says that there is no valid session: the cookie is missing, forged, from another deployment or expired.
var errNoSession = errors.New("nobody is signed in")

// session opens the cookie of a key's session. An error other than errNoSession is of kind webhook.Unavailable: the session
// may be valid.
func (s *Sessions) session(ctx context.Context, r *http.Request) (kept session, err error) {
	raw, err := r.Cookie(cookieName(r, keyCookieName))
	if err != nil {
		return session{}, errNoSession
	}
	sealed, err := base64.RawURLEncoding.DecodeString(raw.Value)
	if err != nil {
		return session{}, errNoSession
	}
	plain, err := s.Box.Open(ctx, sealed, sessionPlace)
	if err != nil {
		if webhook.Is(err, webhook.Unavailable) {
			return session{}, fmt.Errorf("session: %w", err)
		}
		return session{}, errNoSession
	}
	if json.Unmarshal(plain, &kept) != nil || kept.ID == "" || time.Now().Unix() >= kept.Expires {
		return session{}, errNoSession
	}
	return kept, nil
}
