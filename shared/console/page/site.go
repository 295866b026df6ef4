package page

import (
	"io/fs"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"hookline/shared/audit"
	"hookline/shared/brand"
	"hookline/shared/dialect"
	"hookline/shared/portal"
	"hookline/shared/webhook"
)

// Room is the pages of a subject.
type Room struct {
	// Pages are the handlers for visitors who are signed in, by the mux's pattern. Each reads from the API and shows a
	// template, or makes a change through the API and redirects to a page.
	Pages map[string]func(*Visit)
	// Operators are the handlers for admins who are signed in to the operators' console.
	Operators map[string]func(*Visit)
	// Open are the handlers of pages that need no sign-in.
	Open map[string]func(*Visit)
	// Templates are HTML files: pages in the top folder, and templates that they share in the folder parts. Show takes the
	// name of a page's file, which must differ from those of all other rooms.
	Templates fs.FS
	// Parts have further templates that the pages use, as HTML files in their top folders.
	Parts []fs.FS
	// Sections are the room's entries in the navigation, and OperatorSections those in the operators' console.
	Sections, OperatorSections []Section
}

// Section is an entry of the navigation. Visitors see it if their key has the scope, or if Scope is "".
type Section struct{ Name, Path, Label, Scope string }

// Site is shared by all pages. Its fields are set before use and not changed.
type Site struct {
	API      http.Handler // it takes requests whose context names their caller (httpapi.WithCaller)
	Brand    brand.Brand  // what it has is shown in place of ours
	Files    *Files
	Sections []Section
	// Operators are the sections of the operators' console.
	Operators []Section
	Now       func() time.Time
	Log       *slog.Logger // it gets a line for each page that failed; nil discards them

	tags tags
}

// Visit is one request for a page. On pages that need no sign-in Tenant is zero and Dialect is nil.
type Visit struct {
	W       http.ResponseWriter
	R       *http.Request
	Key     webhook.Key  // its scopes are those of the visitor
	Guest   *portal.Link // the visitor came by it, and holds no key; nil for others
	Admin   string       // the name of an operator, who has no tenant and no key; "" for others
	Tenant  webhook.Tenant
	Dialect *dialect.Dialect

	site *Site
	acts audit.Actor // who makes the requests; zero for the holder of Key
}

// Visit begins a visit.
func (s *Site) Visit(w http.ResponseWriter, r *http.Request) *Visit {
	return &Visit{W: w, R: r, site: s}
}

// Now returns the time of the deployment's clock.
func (v *Visit) Now() time.Time { return v.site.Now() }

// MaxForm bounds a form's bytes. The longest form carries a whole request of the API, sealed.
const MaxForm = 2 << 20

// policy allows our own assets, the deployment's logo and nothing else, and sites that may show the page in a frame.
func policy(b brand.Brand, frames string) string {
	return "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'" + b.ImageSource() + "; connect-src 'self'; " +
		"form-action 'self'; base-uri 'none'; frame-ancestors " + frames
}

// Secured sets the headers that every answer has, and bounds the size of forms.
func Secured(b brand.Brand, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy(b, "'none'"))
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cache-Control", "no-store") // pages may hold secrets
		r.Body = http.MaxBytesReader(w, r.Body, MaxForm)
		next.ServeHTTP(w, r)
	})
}

// AllowFrames lets these sites show the page in a frame, "*" all sites. Without a call no site may.
func (v *Visit) AllowFrames(sites ...string) {
	if len(sites) > 0 {
		v.W.Header().Set("Content-Security-Policy", policy(v.site.Brand, strings.Join(sites, " ")))
	}
}
