// Package session knows who is signed in to the console, and has the pages by which people sign in and out: with a key, or
// by a portal link (package portal).
//
// A session is a sealed cookie. It holds the hash of an API key, or the link that was used; the key, or the one that made
// the link, is looked up at every request, so that a deleted key ends its sessions at once.
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
	// Pin stores a pin unless it is there, and reports whether it did: of many at once one does.
	Pin(ctx context.Context, p webhook.Pin) (webhook.Pin, bool, error)
	FindPin(ctx context.Context, tenant, scope, key string) (webhook.Pin, error)
}

// Dialects finds a tenant's dialect, for its product's words.
type Dialects interface {
	Dialect(ctx context.Context, nameOrRef string) (*dialect.Dialect, error)
}

// Sessions are those of a console. Its fields are set before use and not changed.
type Sessions struct {
	Store    Store
	Dialects Dialects
	Box      seal.Box
	// Now reads the deployment's clock.
	Now func() time.Time
	// Span turns a span of real time into one of that clock; nil leaves it as it is.
	Span func(time.Duration) time.Duration
}

// SignedIn serves a page to those who are signed in, and leads all others to the sign-in page.
func (s *Sessions) SignedIn(site *page.Site, serve func(*page.Visit)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := site.Visit(w, r)
		who, ok, err := s.visitor(r.Context(), r)
		if err == nil && !ok {
			v.Redirect("/console/sign-in?" + url.Values{"to": {r.URL.RequestURI()}}.Encode())
			return
		}
		if err == nil {
			v.Key, v.Guest = who.key, who.link != nil
			v.Tenant, err = s.Store.Tenant(r.Context(), who.key.Tenant)
			if webhook.Is(err, webhook.NotFound) || err == nil && v.Guest && !v.Tenant.CreatedAt.Equal(who.link.Since) {
				v.Redirect("/console/sign-in") // the tenant was deleted, and its keys with it
				return
			}
		}
		if err == nil {
			if v.Guest {
				v.AllowFrames(v.Tenant.FrameAncestors...)
			}
			v.Dialect, err = s.Dialects.Dialect(r.Context(), v.Tenant.Dialect)
		}
		if err != nil {
			v.Failed(err)
			return
		}
		serve(v)
	})
}

const (
	// place is where a session may be opened: sealed for it, nothing else can be taken for one.
	place = "console session"
	// life is how long a sign-in lasts, in real time.
	life = 12 * time.Hour
)

// session is what the cookie of a key's session holds, sealed.
type session struct {
	ID      string `json:"i"`
	Hash    string `json:"h"` // of the API key
	Expires int64  `json:"e"` // Unix seconds, real time
}

// visitor is somebody who is signed in.
type visitor struct {
	key     webhook.Key  // what they may do
	link    *portal.Link // the one they came by, nil for those who signed in with a key
	session string       // its id
}

// begin signs a key's holder in.
func (s *Sessions) begin(ctx context.Context, w http.ResponseWriter, r *http.Request, k webhook.Key) error {
	plain, err := json.Marshal(session{ID: rand.Text(), Hash: k.Hash, Expires: time.Now().Add(life).Unix()})
	if err != nil {
		return err
	}
	sealed, err := s.Box.Seal(ctx, plain, place)
	if err != nil {
		return err
	}
	http.SetCookie(w, keyCookie(r, base64.RawURLEncoding.EncodeToString(sealed), int(life/time.Second)))
	endPortal(w, r) // the later sign-in is the one that counts
	return nil
}

// visitor returns whose request it is; ok is false when nobody is signed in. A portal's session comes first.
func (s *Sessions) visitor(ctx context.Context, r *http.Request) (who visitor, ok bool, err error) {
	if raw, err := r.Cookie(cookieName(r, portalCookieName)); err == nil {
		l, err := portal.Open(ctx, s.Box, portal.Session, raw.Value)
		if err != nil && !errors.Is(err, portal.ErrUnreadable) {
			return visitor{}, false, err
		}
		if err == nil && s.Now().Before(l.Expires) {
			who = visitor{link: &l, session: l.ID}
			if who.key, ok, err = s.holder(ctx, l); ok {
				ok, err = s.goesOn(ctx, who)
			}
			return who, ok, err
		}
	}
	kept, err := s.session(ctx, r)
	if errors.Is(err, errNobody) {
		return visitor{}, false, nil
	}
	if err != nil {
		return visitor{}, false, err
	}
	who = visitor{session: kept.ID}
	if who.key, ok, err = s.key(ctx, kept.Hash); ok {
		ok, err = s.goesOn(ctx, who)
	}
	return who, ok, err
}

// endedScope has the sessions that somebody has ended, until their time is over.
const endedScope = "console-session-ended"

// goesOn reports whether the session has not been ended.
func (s *Sessions) goesOn(ctx context.Context, who visitor) (bool, error) {
	_, err := s.Store.FindPin(ctx, who.key.Tenant, endedScope, who.session)
	if webhook.Is(err, webhook.NotFound) {
		return true, nil
	}
	return false, err
}

// end ends the session itself: a copy of its cookie is of no use any more.
func (s *Sessions) end(ctx context.Context, who visitor) error {
	now := s.Now()
	over := now.Add(s.span(life))
	if who.link != nil {
		over = who.link.Expires
	}
	_, _, err := s.Store.Pin(ctx, webhook.Pin{
		Tenant: who.key.Tenant, Scope: endedScope, Key: who.session, Hash: who.session, At: now, ExpiresAt: over.Add(s.span(time.Hour)),
	})
	return err
}

// span turns real time into the deployment's clock.
func (s *Sessions) span(real time.Duration) time.Duration {
	if s.Span == nil {
		return real
	}
	return s.Span(real)
}

// holder returns who holds a session of the link; ok is false when the key that made it is gone.
func (s *Sessions) holder(ctx context.Context, l portal.Link) (webhook.Key, bool, error) {
	if l.Maker == "" {
		return l.Key(webhook.Key{}), true, nil
	}
	maker, ok, err := s.key(ctx, l.Maker)
	if !ok || maker.Tenant != l.Tenant {
		return webhook.Key{}, false, err
	}
	return l.Key(maker), true, nil
}

// key finds a key; ok is false when it is gone.
func (s *Sessions) key(ctx context.Context, hash string) (k webhook.Key, ok bool, err error) {
	k, err = s.Store.KeyByHash(ctx, hash)
	if webhook.Is(err, webhook.NotFound) {
		return webhook.Key{}, false, nil
	}
	return k, err == nil, err
}

// errNobody reports that the cookie holds no session: it is missing, made up, another deployment's or too old.
var errNobody = errors.New("nobody is signed in")

// session returns what the cookie holds. An error that is not errNobody is of kind webhook.Unavailable: the session may
// be good.
func (s *Sessions) session(ctx context.Context, r *http.Request) (kept session, err error) {
	raw, err := r.Cookie(cookieName(r, keyCookieName))
	if err != nil {
		return session{}, errNobody
	}
	sealed, err := base64.RawURLEncoding.DecodeString(raw.Value)
	if err != nil {
		return session{}, errNobody
	}
	plain, err := s.Box.Open(ctx, sealed, place)
	if err != nil {
		if webhook.Is(err, webhook.Unavailable) {
			return session{}, fmt.Errorf("session: %w", err)
		}
		return session{}, errNobody
	}
	if json.Unmarshal(plain, &kept) != nil || kept.ID == "" || time.Now().Unix() >= kept.Expires {
		return session{}, errNobody
	}
	return kept, nil
}
