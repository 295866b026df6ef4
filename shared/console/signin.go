package console

import (
	"net/http"
	"net/url"
	"path"
	"strings"

	"hookline/shared/webhook"
)

// signInForm is what the sign-in page shows.
type signInForm struct {
	To      string // where it leads afterwards
	Problem string
}

func (c *Console) signInPage(w http.ResponseWriter, r *http.Request) {
	v := &visit{Console: c, w: w, r: r}
	if framed(r) { // a portal's session has ended: nobody signs in inside another site's page
		w.Header().Set("Content-Security-Policy", contentSecurityPolicy+"*") // there is nothing on it to be tricked into
		v.refuse(http.StatusUnauthorized, "You are no longer signed in", "Load the page around this one again. If that does not help, your browser may not keep cookies in frames.")
		return
	}
	v.show(http.StatusOK, "signin", "", "", "Sign in", signInForm{To: ours(r.URL.Query().Get("to"))})
}

func (c *Console) signIn(w http.ResponseWriter, r *http.Request) {
	v := &visit{Console: c, w: w, r: r}
	form := signInForm{To: ours(r.PostFormValue("to"))}
	key := strings.TrimSpace(r.PostFormValue("key"))
	if key == "" {
		form.Problem = "Enter an API key."
		v.show(http.StatusUnprocessableEntity, "signin", "", "", "Sign in", form)
		return
	}
	k, err := c.Store.KeyByHash(r.Context(), webhook.HashAPIKey(key))
	if err != nil && webhook.KindOf(err) == webhook.NotFound {
		form.Problem = "This key is not known. Check that all of it was copied; a deleted key no longer works."
		v.show(http.StatusUnauthorized, "signin", "", "", "Sign in", form)
		return
	}
	if err == nil {
		err = c.begin(r.Context(), w, r, k)
	}
	if err != nil {
		v.failed(err)
		return
	}
	http.Redirect(w, r, form.To, http.StatusSeeOther)
}

// signOut ends the session. Where that cannot be remembered the visitor stays signed in, and is told to try again.
func (c *Console) signOut(w http.ResponseWriter, r *http.Request) {
	who, ok, err := c.caller(r.Context(), r)
	if err == nil && ok {
		err = c.end(r.Context(), who)
	}
	if err != nil {
		v := &visit{Console: c, w: w, r: r}
		v.failed(err)
		return
	}
	http.SetCookie(w, cookie(r, "", -1))
	endPortal(w, r)
	http.Redirect(w, r, "/console/sign-in", http.StatusSeeOther)
}

// ours returns a page of the console to go to: nobody is led elsewhere. Browsers take "%2e" for a dot and "\" for "/"
// (https://url.spec.whatwg.org/#path-state), so it is the path as they read it that must be ours.
func ours(to string) string {
	const home = "/console/webhooks"
	u, err := url.Parse(to)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || strings.Contains(to, "\\") {
		return home
	}
	if clean := path.Clean(u.Path); clean != u.Path || !strings.HasPrefix(clean, Path) || strings.HasPrefix(clean, "/console/sign-") {
		return home
	}
	return to
}
