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
		"GET /console/sign-in":   signInPage,
		"POST /console/sign-in":  s.signIn,
		"POST /console/sign-out": s.signOut,

		"GET " + httpapi.AdminLinkPath:  s.adminLink,
		"POST " + httpapi.AdminLinkPath: s.adminOpen,
		"POST /console/admin/sign-out":  s.signOutAdmin,

		"GET " + httpapi.PortalPath:  s.portalLink,
		"POST " + httpapi.PortalPath: s.portalOpen,
	}}
}

// signInForm is the data of the sign-in page.
type signInForm struct {
	To      string // the page to go to afterwards
	Problem string
}

func showSignIn(v *page.Visit, status int, f signInForm) {
	v.Show(status, "signin", "", "", "Sign in", f)
}

func signInPage(v *page.Visit) {
	if framed(v.R) { // a portal's session has ended, and no one should type a key inside another site's page
		v.AllowFrames("*") // there is nothing to click on it
		showRefusal(v, http.StatusUnauthorized, "You are no longer signed in", "Load the page around this one again. If that does not help, your browser may not keep cookies in frames.")
		return
	}
	showSignIn(v, http.StatusOK, signInForm{To: localTarget(v.R.URL.Query().Get("to"))})
}

func (s *Sessions) signIn(v *page.Visit) {
	f := signInForm{To: localTarget(v.R.PostFormValue("to"))}
	key := strings.TrimSpace(v.R.PostFormValue("key"))
	if key == "" {
		f.Problem = "Enter an API key."
		showSignIn(v, http.StatusUnprocessableEntity, f)
		return
	}
	if s.isAdminKey(key) {
		s.signInAdmin(v, f.To)
		return
	}
	if strings.HasPrefix(f.To, operatorPath) { // which is not for this key
		f.To = home
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

// signOut ends the session. If that cannot be stored the visitor stays signed in, and the page says to try again.
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

// home is the first page of a tenant's console.
const home = "/console/webhooks"

// localTarget returns the address if it is a page of the console, and the first page otherwise. Browsers read "%2e" as a dot
// and "\" as "/" (https://url.spec.whatwg.org/#path-state), so the path is checked as they read it.
func localTarget(to string) string {
	u, err := url.Parse(to)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || strings.Contains(to, "\\") {
		return home
	}
	if clean := path.Clean(u.Path); clean != u.Path || !strings.HasPrefix(clean, "/console/") || strings.HasPrefix(clean, "/console/sign-") {
		return home
	}
	return to
}
