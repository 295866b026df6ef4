package consoletest

import (
	"cmp"
	"html"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Browser visits the console. It keeps the session's cookies and every answer, and follows no redirects.
type Browser struct {
	W      *World
	Origin string
	HTMX   bool
	Cookie *http.Cookie // of a key's session
	Portal *http.Cookie // of a portal's
	Admin  *http.Cookie // of the operators' console
	Frames string       // the sites that may show its pages in a frame, as a policy names them; "" is none
	Seen   []Page
}

// Browser returns a browser that is signed in with a key.
func (w *World) Browser(key string) *Browser {
	w.T.Helper()
	b := w.Stranger()
	b.Post("/console/sign-in", Form("key", key)).Leads("/console/webhooks")
	return b
}

// Stranger returns a browser that is not signed in.
func (w *World) Stranger() *Browser { return &Browser{W: w, Origin: "http://127.0.0.1:8080"} }

// Form returns fields of a form: pairs of a name and a value.
func Form(pairs ...string) url.Values {
	out := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		out.Add(pairs[i], pairs[i+1])
	}
	return out
}

// Get visits a page. headers are pairs of a name and a value.
func (b *Browser) Get(target string, headers ...string) Page {
	b.W.T.Helper()
	return b.Do(http.MethodGet, target, nil, headers...)
}

// Post sends a form, as from a page of the console.
func (b *Browser) Post(target string, f url.Values, headers ...string) Page {
	b.W.T.Helper()
	return b.Do(http.MethodPost, target, f, append([]string{"Sec-Fetch-Site", "same-origin"}, headers...)...)
}

// Do makes any request.
func (b *Browser) Do(method, target string, f url.Values, headers ...string) Page {
	b.W.T.Helper()
	r := httptest.NewRequestWithContext(b.W.T.Context(), method, b.Origin+target, strings.NewReader(f.Encode()))
	if f != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if b.HTMX {
		r.Header.Set("HX-Request", "true")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	if b.Cookie != nil {
		r.AddCookie(&http.Cookie{Name: b.Cookie.Name, Value: b.Cookie.Value})
	}
	if b.Portal != nil {
		r.AddCookie(&http.Cookie{Name: b.Portal.Name, Value: b.Portal.Value})
	}
	if b.Admin != nil {
		r.AddCookie(&http.Cookie{Name: b.Admin.Name, Value: b.Admin.Value})
	}
	rec := httptest.NewRecorder()
	b.W.Console.ServeHTTP(rec, r)
	for _, c := range rec.Result().Cookies() {
		kept := &b.Cookie
		if strings.HasSuffix(c.Name, "hookline_portal") {
			kept = &b.Portal
		}
		if strings.HasSuffix(c.Name, "hookline_admin") {
			kept = &b.Admin
		}
		if *kept = c; c.MaxAge < 0 {
			*kept = nil
		}
	}
	p := Page{T: b.W.T, Frames: cmp.Or(b.Frames, "'none'"), What: method + " " + target, Status: rec.Code, Header: rec.Header(), Body: rec.Body.String()}
	b.Seen = append(b.Seen, p)
	if strings.HasPrefix(p.Header.Get("Content-Type"), "text/html") && !testing.Short() { // slow to read under the race detector
		p.plain()
	}
	return p
}

// Page is an answer of the console.
type Page struct {
	T      testing.TB
	What   string
	Frames string
	Status int
	Header http.Header
	Body   string
}

// Is fails the test unless the answer has the status.
func (p Page) Is(status int) Page {
	p.T.Helper()
	if p.Status != status {
		p.T.Fatalf("%s: got %d %s, want %d", p.What, p.Status, p.Body, status)
	}
	return p
}

// Leads fails the test unless the answer redirects there, as htmx or a browser understands it.
func (p Page) Leads(to string) {
	p.T.Helper()
	got := p.Header.Get("Location") + p.Header.Get("HX-Redirect")
	if got != to || p.Status != http.StatusSeeOther && p.Status != http.StatusNoContent {
		p.T.Fatalf("%s: got %d to %q %s, want to be led to %q", p.What, p.Status, got, p.Body, to)
	}
}

// Has checks that the page contains texts.
func (p Page) Has(texts ...string) Page {
	p.T.Helper()
	for _, text := range texts {
		if !strings.Contains(p.Body, text) {
			p.T.Errorf("%s: got %s, want %q in it", p.What, p.Body, text)
		}
	}
	return p
}

// Lacks checks that the page contains none of the texts.
func (p Page) Lacks(texts ...string) Page {
	p.T.Helper()
	for _, text := range texts {
		if strings.Contains(p.Body, text) {
			p.T.Errorf("%s: got %s, want no %q in it", p.What, p.Body, text)
		}
	}
	return p
}

// plain checks the page's policy, and that the page has no style or script, which the policy forbids.
func (p Page) plain() {
	p.T.Helper()
	policy := p.Header.Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "base-uri 'none'", "frame-ancestors " + p.Frames} {
		if !slices.Contains(strings.Split(policy, "; "), want) {
			p.T.Errorf("%s: got Content-Security-Policy %q, want %s in it", p.What, policy, want)
		}
	}
	if strings.Contains(policy, "unsafe-") {
		p.T.Errorf("%s: got Content-Security-Policy %q, want nothing unsafe in it", p.What, policy)
	}
	if got := p.Header.Get("Cache-Control"); got != "no-store" {
		p.T.Errorf("%s: got Cache-Control %q, want no-store", p.What, got)
	}
	for _, complaint := range inline(p.Body) {
		p.T.Errorf("%s: %s", p.What, complaint)
	}
}

// Element is a tag with its attributes. html/template escapes ">" in what it prints, so that a tag ends at the first one.
type Element struct {
	Name  string
	Attrs map[string]string
}

// Elements returns the tags of a page.
func Elements(body string) []Element {
	var out []Element
	for _, m := range tags().FindAllStringSubmatch(body, -1) {
		e := Element{strings.ToLower(m[1]), map[string]string{}}
		for _, a := range attributes().FindAllStringSubmatch(m[2], -1) {
			e.Attrs[strings.ToLower(a[1])] = html.UnescapeString(a[2] + a[3] + a[4])
		}
		out = append(out, e)
	}
	return out
}

// Both are compiled once, because every page of every test is read.
var (
	tags = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`<([a-zA-Z][a-zA-Z0-9-]*)((?:[^>"']|"[^"]*"|'[^']*')*)>`)
	})
	attributes = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`([^\s"'=/]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"']+)))?`)
	})
)

// inline returns the elements that the policy would refuse.
func inline(body string) []string {
	var found []string
	for _, e := range Elements(body) {
		if e.Name == "style" || e.Name == "script" && e.Attrs["src"] == "" {
			found = append(found, "inline <"+e.Name+">")
		}
		for _, name := range slices.Sorted(maps.Keys(e.Attrs)) {
			if name == "style" || strings.HasPrefix(name, "on") || strings.HasPrefix(name, "hx-on") || address(name) && strings.HasPrefix(strings.TrimSpace(e.Attrs[name]), "javascript:") {
				found = append(found, "<"+e.Name+"> with "+name)
			}
		}
	}
	return found
}

// address reports whether an attribute of this name leads somewhere.
func address(name string) bool {
	return slices.Contains([]string{"href", "src", "action", "formaction", "hx-get", "hx-post"}, name)
}

// BothWays runs a test with whole pages and with fragments for htmx. Both must make the same changes.
func BothWays(t *testing.T, fn func(t *testing.T, w *World, key string, b *Browser)) {
	t.Helper()
	alone := regexp.MustCompile(`^GET /console/webhooks/wh_\w+$`) // a webhook's own page is in no other
	for name, htmx := range map[string]bool{"pages": false, "fragments": true} {
		if testing.Short() && !htmx {
			continue
		}
		t.Run(name, func(t *testing.T) {
			w := New(t)
			key := w.Tenant("acme", "standard")
			b := w.Browser(key)
			b.HTMX = htmx
			fn(t, w, key, b)
			for _, p := range b.Seen {
				if p.Header.Get("Location") != "" || alone.MatchString(p.What) {
					continue
				}
				if whole := strings.Contains(p.Body, "<html"); p.Body != "" && whole == htmx {
					t.Errorf("%s: got a whole page %t, want %t", p.What, whole, !htmx)
				}
			}
		})
	}
}

// Filled returns the values that the page's form sends unchanged. Of a select it knows the selected option.
func (p Page) Filled() url.Values {
	out := url.Values{}
	named := ""
	for _, e := range Elements(p.Body) {
		_, checked := e.Attrs["checked"]
		_, selected := e.Attrs["selected"]
		switch {
		case e.Name == "select":
			named = e.Attrs["name"]
		case e.Name == "option" && selected:
			out.Add(named, e.Attrs["value"])
		case e.Name != "input" || e.Attrs["type"] == "search":
		case e.Attrs["type"] != "checkbox":
			out.Add(e.Attrs["name"], e.Attrs["value"])
		case checked && e.Attrs["value"] == "":
			out.Add(e.Attrs["name"], "on")
		case checked:
			out.Add(e.Attrs["name"], e.Attrs["value"])
		}
	}
	for _, m := range regexp.MustCompile(`<textarea [^>]*name="(\w+)"[^>]*>([^<]*)</textarea>`).FindAllStringSubmatch(p.Body, -1) {
		out.Add(m[1], html.UnescapeString(m[2]))
	}
	return out
}

// Problems returns the problems of fields, by the field that refers to them.
func (p Page) Problems() map[string]string {
	p.T.Helper()
	out := map[string]string{}
	for _, e := range Elements(p.Body) {
		id := e.Attrs["id"]
		field, ok := strings.CutSuffix(id, "-problem")
		if !ok {
			continue
		}
		_, text, _ := strings.Cut(p.Body, `id="`+id+`">`)
		text, _, _ = strings.Cut(text, "</p>")
		out[field] = html.UnescapeString(text)
		if !slices.ContainsFunc(Elements(p.Body), func(e Element) bool {
			return slices.Contains(strings.Fields(e.Attrs["aria-describedby"]), id)
		}) {
			p.T.Errorf("%s: nothing is described by %s", p.What, id)
		}
	}
	return out
}

// Rows returns the ids of the deliveries that a page lists.
func (p Page) Rows() []string {
	var out []string
	for _, m := range regexp.MustCompile(`<a class="strong" id="(dlv_[^"]+)"`).FindAllStringSubmatch(p.Body, -1) {
		out = append(out, m[1])
	}
	return out
}

// Next returns the address of the next page of a list, "" if there is none.
func (p Page) Next() string {
	m := regexp.MustCompile(`href="([^"]+)">Next page<`).FindStringSubmatch(p.Body)
	if m == nil {
		return ""
	}
	return html.UnescapeString(m[1])
}

// Poll returns the address that a page polls, "" if it does not poll.
func (p Page) Poll() string {
	for _, e := range Elements(p.Body) {
		if _, ok := e.Attrs["data-live"]; ok {
			return html.UnescapeString(e.Attrs["hx-get"])
		}
	}
	return ""
}

// Text returns the text of an element.
func (p Page) Text(id string) string {
	_, rest, _ := strings.Cut(p.Body, `id="`+id+`">`)
	text, _, _ := strings.Cut(rest, "</")
	return html.UnescapeString(text)
}

// PortalLink makes a link, with a tenant's key or as the admin, and returns its address.
func (w *World) PortalLink(key, body string) string {
	w.T.Helper()
	path := "/v1/portal-links"
	if key == AdminKey {
		path = "/v1/tenants/acme/portal-links"
	}
	var made struct {
		URL     string
		Expires time.Time `json:"expires_at"`
	}
	w.Call(201, key, "POST", path, body, &made)
	u, err := url.Parse(made.URL)
	if err != nil || u.Host != "hookline.test" {
		w.T.Fatalf("got %s, %v, want an address that begins as the request did", made.URL, err)
	}
	return u.RequestURI()
}

// AdminLink makes a link to the operators' console, and returns its address.
func (w *World) AdminLink() string {
	w.T.Helper()
	var made struct{ URL string }
	w.Call(201, AdminKey, "POST", "/v1/admin-links", "", &made)
	u, err := url.Parse(made.URL)
	if err != nil || u.Path != "/console/admin/link" {
		w.T.Fatalf("got %s, %v", made.URL, err)
	}
	return u.RequestURI()
}

// Going are the headers that a browser sends when somebody goes to a page.
func Going(dest string) []string {
	return []string{"Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", dest, "Sec-Fetch-Site", "cross-site"}
}

// Guest returns a browser that has followed the link in a frame.
func (w *World) Guest(link string) *Browser {
	w.T.Helper()
	b := w.Stranger()
	b.Get(link, Going("iframe")...).Leads("/console/webhooks")
	return b
}

// Nasty is a text that breaks out of a page that does not escape it.
const Nasty = `<script>alert(1)</script>"' onmouseover='x' {{.}}`

// MostPage bounds the bytes of every page: each of its texts has at most layout.MaxBytes, and HTML makes up to five bytes of
// one.
const MostPage = 2 << 20
