package page

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"html/template"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"hookline/shared/dialect"
	"hookline/shared/webhook"
)

// Partial reports whether htmx asks for a part of a page, and not a browser for a whole one.
func (v *Visit) Partial() bool {
	return v.R.Header.Get("HX-Request") == "true" && v.R.Header.Get("HX-History-Restore-Request") != "true"
}

// ID returns the id in the page's address, escaped for use in another path.
func (v *Visit) ID() string { return url.PathEscape(v.R.PathValue("id")) }

// view is the data of every template. Page is the data of one page.
type view struct {
	Title    string
	Section  string       // of the navigation
	Sections []Section    // those that the visitor may see
	Portal   bool         // the visitor came by a link
	Operator bool         // the visitor is an admin: in the operators' console, or looking into a tenant's
	ReadOnly bool         // the visitor can change nothing
	Theme    string       // the colours of the page, "" for those of the visitor's system
	Home     string       // the address of the first page
	Name     string       // the deployment's own, or the product's
	Branded  bool         // it has one of its own: our mark is not shown
	Logo     template.URL // the deployment's own; it was checked when it was read
	Colors   string       // the address of the deployment's own, "" for none
	Tenant   webhook.Tenant
	Dialect  *dialect.Dialect
	Words    map[string]string
	Once     string // forms that make something send it as "once"; it differs for each page that is rendered
	Page     any

	assets string
}

// Asset returns the address of an asset.
func (v *view) Asset(name string) string { return v.assets + name }

// Show renders a page: "webhooks" is webhooks.html of its room. If htmx asks, it renders the page's block named by fragment
// alone, unless fragment is "".
func (v *Visit) Show(status int, page, fragment, section, title string, data any) {
	name := "layout"
	if v.Partial() && fragment != "" {
		name = fragment
	}
	out := view{
		Title: title, Section: section, Sections: v.sections(), Portal: v.Guest != nil, Tenant: v.Tenant, Dialect: v.Dialect, Once: rand.Text(), Page: data,
		assets: v.site.Files.prefix,
	}
	out.Home, out.Operator = v.FirstPage(), v.Admin != ""
	if v.Dialect != nil {
		out.Words, out.Name = v.Dialect.Words, v.Dialect.Product
	}
	b := v.site.Brand
	out.Name, out.Branded, out.Logo = b.Or(out.Name), b.Name != "" || b.Logo != "", b.Image()
	if b.Color != "" {
		out.Colors = BrandPath + "?" + b.Mark()
	}
	if g := v.Guest; g != nil {
		out.Operator, out.ReadOnly, out.Theme = g.Admin != "", g.ReadOnly, g.Theme
	}
	var html bytes.Buffer
	t, err := v.site.Files.templates[page]()
	if err == nil {
		err = t.ExecuteTemplate(&html, name, &out)
	}
	if err != nil {
		v.Log(err)
		http.Error(v.W, "Something went wrong on our side.", http.StatusInternalServerError)
		return
	}
	v.W.Header().Set("Content-Type", "text/html; charset=utf-8")
	v.W.Header().Set("Vary", "HX-Request")
	v.W.WriteHeader(status)
	_, _ = v.W.Write(v.bounded(html.Bytes())) // a visitor who is gone needs no page
}

// sections returns those that the visitor may see.
func (v *Visit) sections() []Section {
	if v.Admin != "" {
		return v.site.Operators
	}
	if v.Guest != nil && v.Guest.Webhook != "" {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(v.site.Sections), func(s Section) bool { return s.Scope != "" && !v.Key.Grants(s.Scope) })
}

// FirstPage returns the address of the first section that the visitor may see.
func (v *Visit) FirstPage() string {
	if v.Guest != nil && v.Guest.Webhook != "" {
		return "/console/webhooks/" + v.Guest.Webhook
	}
	if seen := v.sections(); len(seen) > 0 {
		return seen[0].Path
	}
	return "/console/webhooks"
}

// EventNames returns the names of the types that can be published, in the catalogue's order.
func (v *Visit) EventNames() []string {
	var out []string
	for _, e := range v.Dialect.EventTypes() {
		if !e.ComingSoon {
			out = append(out, e.Name)
		}
	}
	return out
}

// Redirect sends the visitor to another page of the console.
func (v *Visit) Redirect(to string) {
	if v.Partial() {
		v.W.Header().Set("HX-Redirect", to)
		v.W.WriteHeader(http.StatusNoContent)
		return
	}
	http.Redirect(v.W, v.R, to, http.StatusSeeOther)
}

// Digest returns a short text that changes when the values change that a page shows.
func Digest(shown ...any) string {
	b, _ := json.Marshal(shown) // it cannot fail: the values came as JSON
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:6])
}

// Unchanged answers 204 if the page asks for news and already shows the values with this digest, and reports whether it did.
func (v *Visit) Unchanged(mark string) bool {
	if !v.Partial() || v.R.URL.Query().Get("seen") != mark {
		return false
	}
	v.W.Header().Set("Vary", "HX-Request")
	v.W.WriteHeader(http.StatusNoContent)
	return true
}

// MaxListed bounds the bytes of each text on a page that shows many.
const MaxListed = 16 << 10

// JSON is the content type of most downloads.
const JSON = "application/json"

// Download answers with a file, byte for byte.
func (v *Visit) Download(name, contentType string, body []byte) {
	h := v.W.Header()
	h.Set("Content-Type", contentType)
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
	h.Set("Content-Length", strconv.Itoa(len(body)))
	v.W.WriteHeader(http.StatusOK)
	_, _ = v.W.Write(body) // a visitor who is gone needs no file
}

// Refused returns the API's refusal of an input, for the form to show. If err is anything else, Refused answers the visit
// and returns nil.
func (v *Visit) Refused(err error) *Problem {
	if p, ok := errors.AsType[*Problem](err); ok && p.Correctable() {
		return p
	}
	v.Failed(err)
	return nil
}

// NotFound says that there is no such page.
func (v *Visit) NotFound() {
	v.ShowError(http.StatusNotFound, "There is nothing here", "The page does not exist, or what it showed is gone.")
}

// ShowError shows the error page.
func (v *Visit) ShowError(status int, heading, text string) {
	v.Show(status, "error", "panel", "", heading, struct{ Heading, Text string }{heading, text})
}

// Failed answers the visit with an error that no form can show.
func (v *Visit) Failed(err error) {
	p, ok := errors.AsType[*Problem](err)
	switch {
	case ok && p.Status == http.StatusNotFound:
		v.NotFound()
	case ok && p.Status == http.StatusUnauthorized: // the key was deleted just now
		v.Redirect("/console/sign-in")
	case ok && p.Status == http.StatusForbidden:
		v.Forbidden(p.Detail)
	case ok && p.Status == http.StatusServiceUnavailable, webhook.Is(err, webhook.Unavailable):
		v.Log(err)
		v.ShowError(http.StatusServiceUnavailable, "Temporarily unavailable", "Please try again in a moment.")
	case ok && p.Status < http.StatusInternalServerError: // none of our pages has such an address or form
		v.ShowError(p.Status, "This cannot be done", "The address or the form is not one that this page offers. Please go back and try again.")
	default:
		v.Log(err)
		v.ShowError(http.StatusInternalServerError, "Something went wrong on our side", "It has been logged. Please try again.")
	}
}

// Forbidden answers that the visitor's key does not allow the page. detail names the missing scope.
func (v *Visit) Forbidden(detail string) {
	v.ShowError(http.StatusForbidden, "Your key does not allow this", "Ask for one that does, and sign in with that: "+detail+".")
}

// Log logs an error of ours, which an alarm counts. It does not log answers of the API: the API has logged its own errors,
// and its other answers are refusals.
func (v *Visit) Log(err error) {
	if _, answered := errors.AsType[*Problem](err); v.site.Log != nil && !answered {
		v.site.Log.LogAttrs(v.R.Context(), slog.LevelError, "console.failed", slog.Any("error", err))
	}
}
