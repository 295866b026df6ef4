package access

import (
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"hookline/shared/console/consoletest"
	"hookline/shared/portal"
)

// TestLinkKinds takes each kind of sealed link to every place where links are taken: it opens its own alone. A new kind in
// package portal needs a row here.
func TestLinkKinds(t *testing.T) {
	w := consoletest.New(t)
	key := w.Tenant("acme", "standard")
	link := func() string { return strings.TrimPrefix(w.PortalLink(key, ""), "/console/portal?link=") }
	admin := func() string {
		u, err := url.Parse(w.AdminLink())
		if err != nil {
			t.Fatal(err)
		}
		return u.Query().Get("link")
	}
	kinds := map[portal.Place]func() string{
		portal.Address:      link,
		portal.Session:      func() string { return w.Guest(w.PortalLink(key, "")).Portal.Value },
		portal.AdminAddress: admin,
		portal.AdminSession: func() string {
			b := w.Stranger()
			b.Get(w.AdminLink(), consoletest.Going("document")...).Leads("/console/admin/")
			return b.Admin.Value
		},
	}
	for _, place := range places(t) {
		if kinds[place] == nil {
			t.Errorf("no row for links of the kind %q", place)
		}
	}
	for kind, sealed := range kinds {
		for where, open := range map[string]func(text string) bool{
			string(portal.Address): func(text string) bool {
				b := w.Stranger()
				b.Get("/console/portal?"+url.Values{"link": {text}}.Encode(), consoletest.Going("document")...)
				return b.Portal != nil
			},
			string(portal.Session): func(text string) bool {
				b := w.Stranger()
				b.Portal = &http.Cookie{Name: "hookline_portal", Value: text}
				return b.Get("/console/webhooks").Status == http.StatusOK
			},
			string(portal.AdminAddress): func(text string) bool {
				b := w.Stranger()
				b.Get("/console/admin/link?"+url.Values{"link": {text}}.Encode(), consoletest.Going("document")...)
				return b.Admin != nil
			},
			string(portal.AdminSession): func(text string) bool {
				b := w.Stranger()
				b.Admin = &http.Cookie{Name: "hookline_admin", Value: text}
				return b.Get("/console/admin/").Status == http.StatusOK
			},
			"a key's session": func(text string) bool {
				b := w.Stranger()
				b.Cookie = &http.Cookie{Name: "hookline_session", Value: text}
				return b.Get("/console/webhooks").Status == http.StatusOK
			},
			"an API key": func(text string) bool {
				b := w.Stranger()
				b.Post("/console/sign-in", consoletest.Form("key", text))
				return b.Cookie != nil
			},
		} {
			if got, want := open(sealed()), where == string(kind); got != want {
				t.Errorf("a %s as a %s: opened %t, want %t", kind, where, got, want)
			}
		}
	}
}

// places returns the constants of type Place in package portal.
func places(t *testing.T) (out []portal.Place) {
	t.Helper()
	names, err := filepath.Glob("../../../shared/portal/*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			if typ, ok := spec.Type.(*ast.Ident); ok && typ.Name == "Place" {
				for _, v := range spec.Values {
					text, err := strconv.Unquote(v.(*ast.BasicLit).Value)
					if err != nil {
						t.Fatal(err)
					}
					out = append(out, portal.Place(text))
				}
			}
			return true
		})
	}
	if len(out) < 2 {
		t.Fatalf("got the kinds %q, want two at least", out)
	}
	return out
}
