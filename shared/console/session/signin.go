package session

import (
	"embed"
	"net/http"
	"net/url"
	"path"
	"strings"

	"hookline/shared/console/page"
	"hookline/shared/httpapi"
	"hookline/shared/webhook"
)

//go:embed *.html
var templates embed.FS

// Room returns the pages by which people sign in and out.
func (s *Sessions) Room() page.Room {
	return page.Room{Templates: templates, Open: map[string]func(*page.Visit){
		"GET /console/sign-in":       signInPage,
		"POST /console/sign-in":      s.signIn,
		"POST /console/sign-out":     s.signOut,
		"GET " + httpapi.PortalPath:  s.portalLink,
		"POST " + httpapi.PortalPath: s.portalOpen,
	}}
}

// signInForm is what the sign-in page shows.
type signInForm struct {
	To      string // where it leads afterwards
	Problem string
}

func showSignIn(v *page.Visit, status int, f signInForm) {
	v.Show(status, "signin", "", "", "Sign in", f)
}

func signInPage(v *page.Visit) {
	if framed(v.R) { // a portal's session has ended: nobody signs in inside another site's page
		v.AllowFrames("*") // there is nothing on it to be tricked into
		refuse(v, http.StatusUnauthorized, "You are no longer signed in", "Load the page around this one again. If that does not help, your browser may not keep cookies in frames.")
		return
	}
	showSignIn(v, http.StatusOK, signInForm{To: ours(v.R.URL.Query().Get("to"))})
}

func (s *Sessions) signIn(v *page.Visit) {
	f := signInForm{To: ours(v.R.PostFormValue("to"))}
	key := strings.TrimSpace(v.R.PostFormValue("key"))
	if key == "" {
		f.Problem = "Enter an API key."
		showSignIn(v, http.StatusUnprocessableEntity, f)
		return
	}
	k, err := s.Store.KeyByHash(v.R.Context(), webhook.HashAPIKey(key))
	if webhook.Is(err, webhook.NotFound) {
		f.Problem = "This key is not known. Check that all of it was copied; a deleted key no longer works."
		showSignIn(v, http.StatusUnauthorized, f)
		return
	}
	if err == nil {
		err = s.begin(v.R.Context(), v.W, v.R, k)
	}
	if err != nil {
		v.Failed(err)
		return
	}
	http.Redirect(v.W, v.R, f.To, http.StatusSeeOther)
}

// signOut ends the session. Where that cannot be remembered the visitor stays signed in, and is told to try again.
func (s *Sessions) signOut(v *page.Visit) {
	who, ok, err := s.visitor(v.R.Context(), v.R)
	if err == nil && ok {
		err = s.end(v.R.Context(), who)
	}
	if err != nil {
		v.Failed(err)
		return
	}
	http.SetCookie(v.W, keyCookie(v.R, "", -1))
	endPortal(v.W, v.R)
	http.Redirect(v.W, v.R, "/console/sign-in", http.StatusSeeOther)
}

// ours returns a page of the console to go to: nobody is led elsewhere. Browsers take "%2e" for a dot and "\" for "/"
// (https://url.spec.whatwg.org/#path-state), so it is the path as they read it that must be ours.
func ours(to string) string {
	const home = "/console/webhooks"
	u, err := url.Parse(to)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || strings.Contains(to, "\\") {
		return home
	}
	if clean := path.Clean(u.Path); clean != u.Path || !strings.HasPrefix(clean, "/console/") || strings.HasPrefix(clean, "/console/sign-") {
		return home
	}
	return to
}
