package console

import (
	"bytes"
	"crypto/rand"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"slices"

	"hookline/shared/dialect"
	"hookline/shared/portal"
	"hookline/shared/webhook"
)

// visit is one request of somebody signed in.
type visit struct {
	*Console
	w       http.ResponseWriter
	r       *http.Request
	key     webhook.Key  // what the visitor may do
	portal  *portal.Link // the link that the visitor came by, nil for a key's holder
	tenant  webhook.Tenant
	dialect *dialect.Dialect
}

// signedIn finds out who asks, and leads to the sign-in whoever is nobody.
func (c *Console) signedIn(serve func(*visit)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := &visit{Console: c, w: w, r: r}
		who, ok, err := c.caller(r.Context(), r)
		if err == nil && !ok {
			v.redirect("/console/sign-in?" + url.Values{"to": {r.URL.RequestURI()}}.Encode())
			return
		}
		if err == nil {
			v.key, v.portal = who.key, who.portal
			v.tenant, err = c.Store.Tenant(r.Context(), who.key.Tenant)
			if webhook.KindOf(err) == webhook.NotFound || err == nil && who.portal != nil && !v.tenant.CreatedAt.Equal(who.portal.Since) {
				v.redirect("/console/sign-in") // deleted, its keys with it
				return
			}
		}
		if err == nil {
			if who.portal != nil {
				v.allowFrames(v.tenant)
			}
			v.dialect, err = c.Dialects.Dialect(r.Context(), v.tenant.Dialect)
		}
		if err != nil {
			v.failed(err)
			return
		}
		serve(v)
	})
}

// get asks the API for out.
func (v *visit) get(path string, query url.Values, out any) error {
	return v.call(v.r, v.key, "", http.MethodGet, path, query, nil, out)
}

// send asks the API for a change.
func (v *visit) send(method, path string, in, out any) error {
	return v.call(v.r, v.key, "", method, path, nil, in, out)
}

// create asks the API for something new: once for what a form was given out with, so that a second click, or a reload of
// the page that shows a secret once, gets the first answer again. The same form with other entries makes another.
func (v *visit) create(path string, in, out any) error {
	return v.call(v.r, v.key, v.r.PostFormValue("once"), http.MethodPost, path, nil, in, out)
}

// partial reports whether htmx asks for a piece of a page rather than somebody for a page.
func (v *visit) partial() bool {
	return v.r.Header.Get("HX-Request") == "true" && v.r.Header.Get("HX-History-Restore-Request") != "true"
}

// view is what every template gets; Page is the page's own.
type view struct {
	Title   string
	Section string // of the navigation
	// Sections are those that the visitor may see.
	Sections []section
	Portal   bool // the visitor came by a link
	Tenant   webhook.Tenant
	Dialect  *dialect.Dialect
	Words    map[string]string
	Once     string // what a form that makes something sends as "once", other for each page given out
	Page     any

	assets string
}

// Asset returns the address of an asset.
func (v view) Asset(name string) string { return v.assets + name }

// show renders a page: "webhooks" is templates/webhooks.html. For htmx it is the page's block of the name in fragment
// alone, where there is one.
func (v *visit) show(status int, page, fragment, section, title string, data any) {
	name := "layout"
	if v.partial() && fragment != "" {
		name = fragment
	}
	out := view{Title: title, Section: section, Sections: v.sections(), Portal: v.portal != nil, Tenant: v.tenant, Dialect: v.dialect, Once: rand.Text(), Page: data, assets: v.Files.prefix}
	if v.dialect != nil {
		out.Words = v.dialect.Words
	}
	var b bytes.Buffer
	if err := v.Files.templates[page].ExecuteTemplate(&b, name, out); err != nil {
		v.log(err)
		http.Error(v.w, "Something went wrong on our side.", http.StatusInternalServerError)
		return
	}
	v.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	v.w.Header().Set("Vary", "HX-Request")
	v.w.WriteHeader(status)
	_, _ = v.w.Write(b.Bytes()) // a visitor who is gone needs no page
}

// redirect leads to a page of ours after a change.
func (v *visit) redirect(to string) {
	if v.partial() {
		v.w.Header().Set("HX-Redirect", to)
		v.w.WriteHeader(http.StatusNoContent)
		return
	}
	http.Redirect(v.w, v.r, to, http.StatusSeeOther)
}

// noForms are refusals that no input mends.
func noForms() []int {
	return []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound}
}

// refused returns the API's refusal of an input, whose fields a form shows; nil when err is something else, which has
// been answered then.
func (v *visit) refused(err error) *problem {
	if p, ok := errors.AsType[*problem](err); ok && p.Status >= 400 && p.Status < 500 && !slices.Contains(noForms(), p.Status) {
		return p
	}
	v.failed(err)
	return nil
}

func (v *visit) notFound() {
	v.sorry(http.StatusNotFound, "There is nothing here", "The page does not exist, or what it showed is gone.")
}

// oops is what the error page says.
type oops struct{ Heading, Text string }

func (v *visit) sorry(status int, heading, text string) {
	v.show(status, "error", "panel", "", heading, oops{heading, text})
}

// failed answers an error that no form can show.
func (v *visit) failed(err error) {
	p, ok := errors.AsType[*problem](err)
	switch {
	case ok && p.Status == http.StatusNotFound:
		v.notFound()
	case ok && p.Status == http.StatusUnauthorized: // the key was deleted just now
		v.redirect("/console/sign-in")
	case ok && p.Status == http.StatusForbidden:
		v.sorry(p.Status, "Your key does not allow this", "Ask for one that does, and sign in with that: "+p.Detail+".")
	case ok && p.Status == http.StatusServiceUnavailable, webhook.KindOf(err) == webhook.Unavailable:
		v.log(err)
		v.sorry(http.StatusServiceUnavailable, "Temporarily unavailable", "Please try again in a moment.")
	case ok && p.Status < http.StatusInternalServerError: // an address or a form that no page of ours made
		v.sorry(p.Status, "This cannot be done", "The address or the form is not one that this page offers. Please go back and try again.")
	default:
		v.log(err)
		v.sorry(http.StatusInternalServerError, "Something went wrong on our side", "It has been logged. Please try again.")
	}
}

// log logs an error of ours: an alarm counts it. Of the API's answers it logs none: the API has logged its own errors,
// and the others are refusals.
func (v *visit) log(err error) {
	if _, answered := errors.AsType[*problem](err); v.Log != nil && !answered {
		v.Log.LogAttrs(v.r.Context(), slog.LevelError, "console.failed", slog.Any("error", err))
	}
}
