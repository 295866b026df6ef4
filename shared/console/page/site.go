package page

import (
	"io/fs"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"hookline/shared/dialect"
	"hookline/shared/webhook"
)

// Room is the pages of a subject.
type Room struct {
	// Pages serve those who are signed in, by the mux's pattern. Each reads what it needs from the API and shows a
	// template, or makes a change and leads to a page.
	Pages map[string]func(*Visit)
	// Open serve everybody.
	Open map[string]func(*Visit)
	// Templates are HTML files: the pages in the top folder, and in the folder parts what they share. A page is shown by
	// its file's name, which no other room has.
	Templates fs.FS
	// Parts are further files, in top folders, of templates that the pages use.
	Parts []fs.FS
	// Sections are the room's entries in the navigation.
	Sections []Section
}

// Section is an entry of the navigation. It is shown to visitors with the scope, to all where the scope is "".
type Section struct{ Name, Path, Label, Scope string }

// Site is what all pages have in common. Its fields are set before use and not changed.
type Site struct {
	API      http.Handler // takes requests whose context names their caller (httpapi.WithKey)
	Files    *Files
	Sections []Section
	Now      func() time.Time
	Log      *slog.Logger // gets a line for each page that failed; nil discards it
}

// Visit is one request for a page. The pages that are open to everybody know no Tenant and no Dialect.
type Visit struct {
	W       http.ResponseWriter
	R       *http.Request
	Key     webhook.Key // what the visitor may do
	Guest   bool        // the visitor came by a portal link, and holds no key
	Tenant  webhook.Tenant
	Dialect *dialect.Dialect

	site *Site
}

// Visit begins one.
func (s *Site) Visit(w http.ResponseWriter, r *http.Request) *Visit {
	return &Visit{W: w, R: r, site: s}
}

// Now reads the deployment's clock.
func (v *Visit) Now() time.Time { return v.site.Now() }

const (
	// contentSecurityPolicy allows what is embedded and nothing else; who may show the page in a frame follows.
	contentSecurityPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
		"form-action 'self'; base-uri 'none'; frame-ancestors "
	// MaxForm bounds a form's bytes: a whole request of the API, sealed, is the longest.
	MaxForm = 2 << 20
)

// Secured puts what holds for all pages before them: their headers, and the bound of a form.
func Secured(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", contentSecurityPolicy+"'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cache-Control", "no-store") // pages may hold secrets
		r.Body = http.MaxBytesReader(w, r.Body, MaxForm)
		next.ServeHTTP(w, r)
	})
}

// AllowFrames lets sites show the page in a frame: none unless this is called, all with "*".
func (v *Visit) AllowFrames(sites ...string) {
	if len(sites) > 0 {
		v.W.Header().Set("Content-Security-Policy", contentSecurityPolicy+strings.Join(sites, " "))
	}
}
