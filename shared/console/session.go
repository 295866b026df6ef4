package console

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"hookline/shared/portal"
	"hookline/shared/webhook"
)

// Names of cookies. Where there is TLS they carry the prefix of cookies that no other host and no page without TLS can set.
const (
	sessionCookie = "hookline_session"
	// sessionPlace is where a session may be opened: sealed for it, nothing else can be taken for one.
	sessionPlace = "console session"
	// sessionLife is how long a sign-in lasts, in real time.
	sessionLife = 12 * time.Hour

	// portalCookie is the session of a portal link, under a name of its own: browsers keep it apart for each site that
	// shows the console, beside the other.
	portalCookie = "hookline_portal"

	// hostPrefix is understood by browsers: https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/Set-Cookie#cookie_prefixes.
	hostPrefix = "__Host-"
)

// session is what the cookie holds, sealed.
type session struct {
	ID      string `json:"i"`
	Hash    string `json:"h"` // of the API key
	Expires int64  `json:"e"` // Unix seconds, real time
}

// caller is who is signed in.
type caller struct {
	key     webhook.Key  // what they may do
	portal  *portal.Link // the link they came by, nil for those who signed in with a key
	session string       // its id
}

// begin signs a key in.
func (c *Console) begin(ctx context.Context, w http.ResponseWriter, r *http.Request, k webhook.Key) error {
	plain, err := json.Marshal(session{ID: rand.Text(), Hash: k.Hash, Expires: time.Now().Add(sessionLife).Unix()})
	if err != nil {
		return err
	}
	sealed, err := c.Box.Seal(ctx, plain, sessionPlace)
	if err != nil {
		return err
	}
	http.SetCookie(w, cookie(r, base64.RawURLEncoding.EncodeToString(sealed), int(sessionLife/time.Second)))
	endPortal(w, r) // the later sign-in is the one that counts
	return nil
}

// caller returns whose request it is; ok is false when nobody is signed in. A portal's session comes first.
func (c *Console) caller(ctx context.Context, r *http.Request) (who caller, ok bool, err error) {
	if raw, err := r.Cookie(cookieName(r, portalCookie)); err == nil {
		l, err := portal.Open(ctx, c.Box, portal.Session, raw.Value)
		if err != nil && !errors.Is(err, portal.ErrUnreadable) {
			return caller{}, false, err
		}
		if err == nil && c.now().Before(l.Expires) {
			who = caller{portal: &l, session: l.ID}
			if who.key, ok, err = c.holder(ctx, l); ok {
				ok, err = c.goesOn(ctx, who)
			}
			return who, ok, err
		}
	}
	s, err := c.session(ctx, r)
	if errors.Is(err, errNobody) {
		return caller{}, false, nil
	}
	if err != nil {
		return caller{}, false, err
	}
	who = caller{session: s.ID}
	if who.key, ok, err = c.key(ctx, s.Hash); ok {
		ok, err = c.goesOn(ctx, who)
	}
	return who, ok, err
}

// endedScope is where sessions are remembered that somebody has ended, until their time is over.
const endedScope = "console-session-ended"

// goesOn reports whether the session has not been ended.
func (c *Console) goesOn(ctx context.Context, who caller) (bool, error) {
	_, err := c.Store.FindPin(ctx, who.key.Tenant, endedScope, who.session)
	if webhook.KindOf(err) == webhook.NotFound {
		return true, nil
	}
	return false, err
}

// end ends the session itself: a copy of its cookie is of no use any more.
func (c *Console) end(ctx context.Context, who caller) error {
	now := c.now()
	over := now.Add(c.span(sessionLife))
	if who.portal != nil {
		over = who.portal.Expires
	}
	_, _, err := c.Store.Pin(ctx, webhook.Pin{
		Tenant: who.key.Tenant, Scope: endedScope, Key: who.session, Hash: who.session, At: now, ExpiresAt: over.Add(c.span(time.Hour)),
	})
	return err
}

// span turns real time into the deployment's clock.
func (c *Console) span(real time.Duration) time.Duration {
	if c.Span == nil {
		return real
	}
	return c.Span(real)
}

// holder returns who holds a session of the link; ok is false when the key that made it is gone.
func (c *Console) holder(ctx context.Context, l portal.Link) (webhook.Key, bool, error) {
	if l.Maker == "" {
		return l.Key(webhook.Key{}), true, nil
	}
	maker, ok, err := c.key(ctx, l.Maker)
	if !ok || maker.Tenant != l.Tenant {
		return webhook.Key{}, false, err
	}
	return l.Key(maker), true, nil
}

// key finds a key; ok is false when it is gone.
func (c *Console) key(ctx context.Context, hash string) (k webhook.Key, ok bool, err error) {
	k, err = c.Store.KeyByHash(ctx, hash)
	if webhook.KindOf(err) == webhook.NotFound {
		return webhook.Key{}, false, nil
	}
	return k, err == nil, err
}

// errNobody reports that the cookie holds no session: it is missing, made up, another deployment's or too old.
var errNobody = errors.New("nobody is signed in")

// session returns what the cookie holds. An error that is not errNobody is of kind webhook.Unavailable: the session may
// be good.
func (c *Console) session(ctx context.Context, r *http.Request) (s session, err error) {
	raw, err := r.Cookie(cookieName(r, sessionCookie))
	if err != nil {
		return session{}, errNobody
	}
	sealed, err := base64.RawURLEncoding.DecodeString(raw.Value)
	if err != nil {
		return session{}, errNobody
	}
	plain, err := c.Box.Open(ctx, sealed, sessionPlace)
	if err != nil {
		if webhook.KindOf(err) == webhook.Unavailable {
			return session{}, fmt.Errorf("session: %w", err)
		}
		return session{}, errNobody
	}
	if json.Unmarshal(plain, &s) != nil || s.ID == "" || time.Now().Unix() >= s.Expires {
		return session{}, errNobody
	}
	return s, nil
}

// cookieName returns the name that a cookie has on the request's host.
func cookieName(r *http.Request, name string) string {
	if loopback(r.Host) {
		return name
	}
	return hostPrefix + name
}

// newCookie returns a cookie; maxAge below 0 removes it. On one machine there is no TLS, so it is Secure elsewhere only. The
// prefix of its name asks for the path "/" there.
func newCookie(r *http.Request, name, value string, maxAge int) *http.Cookie {
	c := &http.Cookie{
		Name: cookieName(r, name), Value: value, Path: Path, MaxAge: maxAge, HttpOnly: true, Secure: !loopback(r.Host),
		SameSite: http.SameSiteLaxMode,
	}
	if c.Secure {
		c.Path = "/"
	}
	return c
}

// cookie returns the session's cookie.
func cookie(r *http.Request, value string, maxAge int) *http.Cookie {
	return newCookie(r, sessionCookie, value, maxAge)
}

// framedCookie returns the cookie of a portal's session, which a browser sends also where another site shows the console
// in a frame, and keeps apart for each such site: https://developer.mozilla.org/docs/Web/Privacy/Guides/Privacy_sandbox/Partitioned_cookies.
// It is always Secure; browsers take localhost for secure.
func framedCookie(r *http.Request, value string, maxAge int) *http.Cookie {
	c := newCookie(r, portalCookie, value, maxAge)
	c.Secure, c.Partitioned, c.SameSite = true, true, http.SameSiteNoneMode
	return c
}

// endPortal removes the session of a portal, if there is one.
func endPortal(w http.ResponseWriter, r *http.Request) {
	if _, err := r.Cookie(cookieName(r, portalCookie)); err == nil {
		http.SetCookie(w, framedCookie(r, "", -1))
	}
}

func loopback(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
