package httpapi_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"hookline/shared/brand"
	"hookline/shared/docs"
	"hookline/shared/httpapi"
	"hookline/shared/webhook"
)

// visit asks for a path of the API as anybody can.
func visit(t *testing.T, path string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	rec := httptest.NewRecorder()
	documented().ServeHTTP(rec, r)
	return rec
}

// documented is the API for all visits: the page is made once.
var documented = sync.OnceValue(func() http.Handler { return (&httpapi.API{Docs: docs.New(brand.Brand{})}).Handler() })

// served returns the OpenAPI document as it is served.
func served(t *testing.T) []byte { t.Helper(); return visit(t, "/openapi.json").Body.Bytes() }

// TestDocsSayAll walks through the document: whatever it names, says or asks for stands on the page.
func TestDocsSayAll(t *testing.T) {
	page := visit(t, "/docs").Body.String()
	var doc any
	if err := json.Unmarshal(served(t), &doc); err != nil {
		t.Fatal(err)
	}
	text := spaced(html.UnescapeString(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(page, "")))
	said := 0
	var walk func(at string, v any)
	walk = func(at string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for name, inner := range v {
				// A schema's own keywords are above; "properties" and the like are names of the product's.
				switch s, isText := inner.(string); {
				case isText && (name == "description" || name == "summary" || name == "title" || name == "pattern" || name == "version"):
					said++
					if want := spaced(unmarked(s)); !strings.Contains(text, want) {
						t.Errorf("%s/%s: the page lacks %q", at, name, want)
					}
				case name == "enum" || name == "const" || name == "default" && !strings.Contains(at, "/responses"):
					for _, value := range valuesOf(inner) {
						raw, err := json.Marshal(value)
						if err != nil {
							t.Fatal(err)
						}
						if said++; !strings.Contains(text, string(raw)) {
							t.Errorf("%s/%s: the page lacks %s", at, name, raw)
						}
					}
				}
				if strings.HasSuffix(at, "/properties") || strings.HasSuffix(at, "/headers") && !strings.HasSuffix(at, "/properties/headers") {
					if said++; !strings.Contains(page, "<code>"+name+"</code>") {
						t.Errorf("%s: the page lacks %s", at, name)
					}
				}
				if name != "examples" { // whole, as JSON
					walk(at+"/"+name, inner)
				}
			}
		case []any:
			for _, inner := range v {
				walk(at, inner)
			}
		}
	}
	walk("", doc)
	if said < 500 {
		t.Errorf("%d things were looked for, want more than that", said)
	}

	var d struct {
		Paths      map[string]map[string]any
		Components struct{ Schemas map[string]any }
	}
	if err := json.Unmarshal(served(t), &d); err != nil {
		t.Fatal(err)
	}
	for path, ops := range d.Paths {
		for method := range ops {
			line := `<span class="method ` + method + `">` + strings.ToUpper(method) + `</span> <code class="path">` + path + `</code>`
			if got := strings.Count(page, line); got != 1 {
				t.Errorf("%s %s is %d times on the page, want once", method, path, got)
			}
			shown := strings.NewReplacer("{id}", "$ID", "{name}", "$NAME").Replace(path)
			if !strings.Contains(page, html.EscapeString(`"$API`+shown+`"`)) {
				t.Errorf("%s %s has no command", method, path)
			}
		}
	}
	for name := range d.Components.Schemas {
		if got := strings.Count(page, `id="schema-`+name+`"`); got != 1 {
			t.Errorf("schema %s is %d times on the page, want once", name, got)
		}
	}
	for _, scope := range webhook.Scopes() {
		if !strings.Contains(page, `<code class="scope">`+scope+`</code>`) {
			t.Errorf("the page lacks the scope %s", scope)
		}
	}
}

func valuesOf(v any) []any {
	if list, ok := v.([]any); ok {
		return list
	}
	return []any{v}
}

// unmarked returns a text without its marks.
func unmarked(s string) string {
	s = strings.ReplaceAll("\n"+s, "`********`", "\x00")
	return strings.NewReplacer("**", "", "`", "", "\n- ", "").Replace(s)
}

// spaced returns a text without white space: tags stand where it was.
func spaced(s string) string {
	return strings.Join(strings.Fields(strings.NewReplacer("********", "\x00").Replace(s)), "")
}

func TestDocsLinks(t *testing.T) {
	for _, path := range []string{"/docs", "/docs/tenants"} {
		t.Run(path, func(t *testing.T) { docsLinks(t, visit(t, path).Body.String()) })
	}
	if got := visit(t, "/docs/none.css").Code; got != http.StatusNotFound {
		t.Errorf("got %d for a file that is not there, want 404", got)
	}
}

// TestDocsForTenants shows that the page for the people of a tenant has every call of theirs and none of admins.
func TestDocsForTenants(t *testing.T) {
	all, page := visit(t, "/docs").Body.String(), visit(t, "/docs/tenants").Body.String()
	for _, theirs := range []string{`id="createWebhook"`, `id="publish"`, `id="tenantKey"`, `id="schema-Webhook"`, "$KEY"} {
		if !strings.Contains(page, theirs) {
			t.Errorf("the page lacks %s", theirs)
		}
	}
	for _, admins := range []string{`id="createTenant"`, `id="putDialect"`, `id="adminKey"`, `id="schema-NewTenant"`, "$ADMIN", "The admin’s credential"} {
		if !strings.Contains(all, admins) || strings.Contains(page, admins) {
			t.Errorf("%s: got it %t on the whole page and %t on that of tenants, want it on the whole one alone", admins, strings.Contains(all, admins), strings.Contains(page, admins))
		}
	}
}

// docsLinks holds that each link of a page leads somewhere.
func docsLinks(t *testing.T, page string) {
	t.Helper()
	ids := map[string]int{}
	for _, m := range regexp.MustCompile(` id="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		if ids[m[1]]++; ids[m[1]] > 1 {
			t.Errorf("the id %s is there twice", m[1])
		}
	}
	links := 0
	for _, m := range regexp.MustCompile(` (?:href|src|aria-labelledby|data-find|for)="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		to := html.UnescapeString(m[1])
		switch anchor, isAnchor := strings.CutPrefix(to, "#"); {
		case isAnchor, !strings.Contains(to, "/"):
			if links++; ids[anchor] == 0 {
				t.Errorf("%s leads nowhere", m[0])
			}
		default:
			if got := visit(t, to); got.Code != http.StatusOK || got.Body.Len() == 0 {
				t.Errorf("%s: got %d", to, got.Code)
			}
		}
	}
	if links < 200 {
		t.Errorf("got %d links, want all calls and schemas", links)
	}
}

func TestDocsServed(t *testing.T) {
	const most = 100_000 // bytes, as the first page of the console may have
	for _, path := range []string{"/docs", "/docs/tenants", "/docs/docs.css", "/docs/docs.js"} {
		plain, zipped := visit(t, path), visit(t, path, "Accept-Encoding", "gzip, br")
		z, err := gzip.NewReader(bytes.NewReader(zipped.Body.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(z); err != nil || !bytes.Equal(got, plain.Body.Bytes()) || zipped.Header().Get("Content-Encoding") != "gzip" {
			t.Errorf("%s: got %d bytes compressed, %v, %v, want the same as plain", path, len(got), zipped.Header(), err)
		}
		if got := zipped.Body.Len(); got > most {
			t.Errorf("%s: got %d bytes, want at most %d", path, got, most)
		}
		t.Logf("%s: %d bytes, compressed %d", path, plain.Body.Len(), zipped.Body.Len())
		policy := plain.Header().Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "base-uri 'none'", "frame-ancestors 'none'"} {
			if !slices.Contains(strings.Split(policy, "; "), want) {
				t.Errorf("%s: got Content-Security-Policy %q, want %s in it", path, policy, want)
			}
		}
		if path == "/docs" && regexp.MustCompile(`<style| style=| on\w+=|<script>|javascript:`).MatchString(plain.Body.String()) {
			t.Error("the page has inline style or script")
		}
	}
}
