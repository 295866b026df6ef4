package session

import (
	"net"
	"net/http"
	"strings"
)

// Names of cookies. With TLS they get hostPrefix, so that no other host and no page without TLS can set them.
const (
	keyCookieName = "hookline_session"
	// portalCookieName differs, so that browsers keep both cookies. They keep this one apart for each site that embeds the
	// console.
	portalCookieName = "hookline_portal"
	// hostPrefix has a meaning to browsers: https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/Set-Cookie#cookie_prefixes.
	hostPrefix = "__Host-"
)

// cookieName returns the name that a cookie has on the request's host.
func cookieName(r *http.Request, name string) string {
	if loopback(r.Host) {
		return name
	}
	return hostPrefix + name
}

// newCookie returns a cookie; maxAge below 0 removes it. On one machine there is no TLS, so only elsewhere it is Secure, and
// there hostPrefix requires the path "/".
func newCookie(r *http.Request, name, value string, maxAge int) *http.Cookie {
	c := &http.Cookie{
		Name: cookieName(r, name), Value: value, Path: "/console/", MaxAge: maxAge, HttpOnly: true, Secure: !loopback(r.Host),
		SameSite: http.SameSiteLaxMode,
	}
	if c.Secure {
		c.Path = "/"
	}
	return c
}

// keyCookie returns the cookie of a key's session.
func keyCookie(r *http.Request, value string, maxAge int) *http.Cookie {
	return newCookie(r, keyCookieName, value, maxAge)
}

// portalCookie returns the cookie of a portal's session. A browser sends it also if another site shows the console in a
// frame, and keeps one for each such site: https://developer.mozilla.org/docs/Web/Privacy/Guides/Privacy_sandbox/Partitioned_cookies.
// It is always Secure; browsers treat localhost as secure.
func portalCookie(r *http.Request, value string, maxAge int) *http.Cookie {
	c := newCookie(r, portalCookieName, value, maxAge)
	c.Secure, c.Partitioned, c.SameSite = true, true, http.SameSiteNoneMode
	return c
}

// endPortal removes the cookie of a portal's session, if there is one.
func endPortal(w http.ResponseWriter, r *http.Request) {
	if _, err := r.Cookie(cookieName(r, portalCookieName)); err == nil {
		http.SetCookie(w, portalCookie(r, "", -1))
	}
}

func loopback(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
