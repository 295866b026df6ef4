package console

import (
	"context"
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

const (
	sessionCookie = "hookline_session"
	// sessionPlace is where a session may be opened: sealed for it, nothing else can be taken for one.
	sessionPlace = "console session"
	// sessionLife is how long a sign-in lasts, in real time.
	sessionLife = 12 * time.Hour

	// portalCookie is the session of a portal link, under a name of its own: browsers keep it apart for each site that
	// shows the console, beside the other.
	portalCookie = "hookline_portal"
)

// session is what the cookie holds, sealed.
type session struct {
	Hash    string `json:"h"` // of the API key
	Expires int64  `json:"e"` // Unix seconds, real time
}

// caller is who is signed in.
type caller struct {
	key    webhook.Key  // what they may do
	portal *portal.Link // the link they came by, nil for those who signed in with a key
}

// begin signs a key in.
func (c *Console) begin(ctx context.Context, w http.ResponseWriter, r *http.Request, k webhook.Key) error {
	plain, err := json.Marshal(session{Hash: k.Hash, Expires: time.Now().Add(sessionLife).Unix()})
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
	if raw, err := r.Cookie(portalCookie); err == nil {
		l, err := portal.Open(ctx, c.Box, portal.Session, raw.Value)
		if err != nil && !errors.Is(err, portal.ErrUnreadable) {
			return caller{}, false, err
		}
		if err == nil && c.now().Before(l.Expires) {
			k, ok, err := c.holder(ctx, l)
			return caller{k, &l}, ok, err
		}
	}
	s, err := c.session(ctx, r)
	if errors.Is(err, errNobody) {
		return caller{}, false, nil
	}
	if err != nil {
		return caller{}, false, err
	}
	k, ok, err := c.key(ctx, s.Hash)
	return caller{key: k}, ok, err
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
	raw, err := r.Cookie(sessionCookie)
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
	if json.Unmarshal(plain, &s) != nil || time.Now().Unix() >= s.Expires {
		return session{}, errNobody
	}
	return s, nil
}

// cookie returns the session's cookie; maxAge below 0 removes it. On one machine there is no TLS, so it is Secure
// elsewhere only.
func cookie(r *http.Request, value string, maxAge int) *http.Cookie {
	return &http.Cookie{
		Name: sessionCookie, Value: value, Path: Path, MaxAge: maxAge, HttpOnly: true, Secure: !loopback(r.Host),
		SameSite: http.SameSiteLaxMode,
	}
}

// framedCookie returns the cookie of a portal's session, which a browser sends also where another site shows the console
// in a frame, and keeps apart for each such site: https://developer.mozilla.org/docs/Web/Privacy/Guides/Privacy_sandbox/Partitioned_cookies.
// It is always Secure; browsers take localhost for secure.
func framedCookie(value string, maxAge int) *http.Cookie {
	return &http.Cookie{
		Name: portalCookie, Value: value, Path: Path, MaxAge: maxAge, HttpOnly: true, Secure: true, Partitioned: true,
		SameSite: http.SameSiteNoneMode,
	}
}

// endPortal removes the session of a portal, if there is one.
func endPortal(w http.ResponseWriter, r *http.Request) {
	if _, err := r.Cookie(portalCookie); err == nil {
		http.SetCookie(w, framedCookie("", -1))
	}
}

func loopback(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
