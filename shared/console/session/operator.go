package session

import (
	"context"
	"crypto/subtle"
	"errors"
	"math"
	"net/http"
	"net/url"
	"strings"

	"hookline/shared/console/page"
	"hookline/shared/httpapi"
	"hookline/shared/portal"
	"hookline/shared/webhook"
)

const (
	// operatorPath begins the paths of the operators' console.
	operatorPath = "/console/admin/"
	// operatorCookieName differs from the others, so that an operator can look into a tenant's console meanwhile.
	operatorCookieName = "hookline_admin"
)

// operatorCookie returns the cookie of an operator's session.
func operatorCookie(r *http.Request, value string, maxAge int) *http.Cookie {
	return newCookie(r, operatorCookieName, value, maxAge)
}

// Operator serves a page to admins who are signed in to the operators' console, and redirects all others to the sign-in page.
func (s *Sessions) Operator(site *page.Site, serve func(*page.Visit)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := site.Visit(w, r)
		l, ok, err := s.operator(r.Context(), r)
		switch {
		case err != nil:
			v.Failed(err)
		case !ok:
			v.Redirect("/console/sign-in?" + url.Values{"to": {r.URL.RequestURI()}}.Encode())
		default:
			v.Admin = l.Admin
			serve(v)
		}
	})
}

// operator returns the link whose session made the request. It ends when the link does, when its holder signs out, and when
// the admin key is changed.
func (s *Sessions) operator(ctx context.Context, r *http.Request) (l portal.Link, ok bool, err error) {
	cookies := r.CookiesNamed(cookieName(r, operatorCookieName))
	if len(cookies) == 0 {
		return l, false, nil
	}
	if l, err = portal.Open(ctx, s.Box, portal.AdminSession, cookies[0].Value); errors.Is(err, portal.ErrUnreadable) {
		return l, false, nil
	}
	if err != nil || !s.admits(l) {
		return l, false, err
	}
	_, err = s.Store.FindPin(ctx, "", endedScope, l.ID)
	if webhook.Is(err, webhook.NotFound) {
		return l, true, nil
	}
	return l, false, err
}

// admits reports whether a link to the operators' console is good now.
func (s *Sessions) admits(l portal.Link) bool {
	same := subtle.ConstantTimeCompare([]byte(l.Maker), []byte(s.AdminKeyHash)) == 1
	return l.Admin != "" && same && s.Now().Before(l.Expires)
}

// isAdminKey reports whether a key is the admin key of this deployment, if it has one.
func (s *Sessions) isAdminKey(key string) bool {
	return s.AdminKeyHash != "" && subtle.ConstantTimeCompare([]byte(webhook.HashAPIKey(key)), []byte(s.AdminKeyHash)) == 1
}

// signInAdmin starts a session of the operators' console with the admin key.
func (s *Sessions) signInAdmin(v *page.Visit, to string) {
	if !strings.HasPrefix(to, operatorPath) {
		to = operatorPath
	}
	s.beginOperator(v, portal.NewAdmin(httpapi.AdminName, s.AdminKeyHash, s.Now(), s.span(sessionLife)), to)
}

func (s *Sessions) beginOperator(v *page.Visit, l portal.Link, to string) {
	sealed, err := l.Seal(v.R.Context(), s.Box, portal.AdminSession)
	if err != nil {
		v.Failed(err)
		return
	}
	http.SetCookie(v.W, operatorCookie(v.R, sealed, int(math.Ceil(l.Expires.Sub(s.Now()).Seconds()))))
	http.Redirect(v.W, v.R, to, http.StatusSeeOther)
}

// adminLink opens a link to the operators' console that was followed.
func (s *Sessions) adminLink(v *page.Visit) {
	s.openAdmin(v, v.R.URL.Query().Get(httpapi.PortalField), navigates(v.R))
}

// adminOpen opens such a link when the button of its page is pressed.
func (s *Sessions) adminOpen(v *page.Visit) {
	s.openAdmin(v, v.R.PostFormValue(httpapi.PortalField), true)
}

// openAdmin signs the holder of the link in, once, unless the link was only prefetched.
func (s *Sessions) openAdmin(v *page.Visit, text string, byPerson bool) {
	ctx := v.R.Context()
	const again = "Make a new one with POST /v1/admin-links."
	l, err := portal.Open(ctx, s.Box, portal.AdminAddress, text)
	switch {
	case errors.Is(err, portal.ErrUnreadable):
		showRefusal(v, http.StatusNotFound, "This link does not work", "It may have been cut off. "+again)
	case err != nil:
		v.Failed(err)
	case !s.admits(l):
		showRefusal(v, http.StatusGone, "This link’s time is over", again)
	case !byPerson:
		v.Show(http.StatusOK, "portal", "", "", "Open the operators’ console", portalPage{
			Heading: "Open the operators’ console", Text: "This link can be opened once.", Link: text, Action: httpapi.AdminLinkPath,
		})
	default:
		_, first, err := s.Store.Pin(ctx, l.Use(s.Now()))
		switch {
		case err != nil:
			v.Failed(err)
		case !first:
			showRefusal(v, http.StatusGone, "This link has been used", "It opens once. "+again)
		default:
			s.beginOperator(v, l, operatorPath)
		}
	}
}

// signOutAdmin ends the session. If that cannot be stored the visitor stays signed in.
func (s *Sessions) signOutAdmin(v *page.Visit) {
	l, ok, err := s.operator(v.R.Context(), v.R)
	if err == nil && ok {
		err = s.end(v.R.Context(), visitor{link: &l, session: l.ID})
	}
	if err != nil {
		v.Failed(err)
		return
	}
	http.SetCookie(v.W, operatorCookie(v.R, "", -1))
	http.Redirect(v.W, v.R, "/console/sign-in", http.StatusSeeOther)
}
