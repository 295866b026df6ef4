package console

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net"
	"net/http"
	"strings"
	"time"

	"hookline/shared/webhook"
)

const (
	sessionCookie = "hookline_session"
	// sessionPlace is where a session may be opened: sealed for it, nothing else can be taken for one.
	sessionPlace = "console session"
	// sessionLife is how long a sign-in lasts, in real time.
	sessionLife = 12 * time.Hour
)

// session is what the cookie holds, sealed.
type session struct {
	Hash    string `json:"h"` // of the API key
	Expires int64  `json:"e"` // Unix seconds, real time
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
	return nil
}

// key returns whose request it is; ok is false when nobody is signed in.
func (c *Console) key(ctx context.Context, r *http.Request) (k webhook.Key, ok bool, err error) {
	s, ok := c.session(ctx, r)
	if !ok {
		return webhook.Key{}, false, nil
	}
	k, err = c.Store.KeyByHash(ctx, s.Hash)
	if webhook.KindOf(err) == webhook.NotFound {
		return webhook.Key{}, false, nil
	}
	return k, err == nil, err
}

// session returns what the cookie holds. One that is made up, another deployment's or too old is none.
func (c *Console) session(ctx context.Context, r *http.Request) (s session, ok bool) {
	raw, err := r.Cookie(sessionCookie)
	if err != nil {
		return session{}, false
	}
	sealed, err := base64.RawURLEncoding.DecodeString(raw.Value)
	if err != nil {
		return session{}, false
	}
	plain, err := c.Box.Open(ctx, sealed, sessionPlace)
	if err != nil {
		return session{}, false
	}
	err = json.Unmarshal(plain, &s)
	return s, err == nil && time.Now().Unix() < s.Expires
}

// cookie returns the session's cookie; maxAge below 0 removes it. On one machine there is no TLS, so it is Secure
// elsewhere only.
func cookie(r *http.Request, value string, maxAge int) *http.Cookie {
	return &http.Cookie{
		Name: sessionCookie, Value: value, Path: Path, MaxAge: maxAge, HttpOnly: true, Secure: !loopback(r.Host),
		SameSite: http.SameSiteLaxMode,
	}
}

func loopback(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
