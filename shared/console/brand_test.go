package console_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"hookline/shared/brand"
	"hookline/shared/console/consoletest"
)

// TestBrand shows a deployment's own name, colour and logo on pages of every kind, and in the API's docs.
func TestBrand(t *testing.T) {
	const dot = "data:image/png;base64,iVBORw0KGgo="
	w := consoletest.Branded(t, brand.Brand{Name: "Parcel & Bird", Color: "#0a7cff", Logo: dot})
	key := w.Tenant("acme", "axiestudio")
	operator := w.Stranger()
	operator.Get(w.AdminLink())
	for name, page := range map[string]consoletest.Page{
		"a customer's page":  w.Browser(key).Get("/console/webhooks"),
		"an operator's page": operator.Get("/console/admin/"),
		"the sign-in":        w.Stranger().Get("/console/sign-in"),
		"what is not there":  w.Browser(key).Get("/console/nothing"),
	} {
		t.Run(name, func(t *testing.T) {
			page.Has(`src="`+dot+`"`, " · Parcel &amp; Bird</title>").Lacks("#hook", "Axie Studio</span>")
			if got := page.Header.Get("Content-Security-Policy"); !strings.Contains(got, "img-src 'self' data:;") {
				t.Errorf("got the policy %s, want the logo in it", got)
			}
			var colors string
			for _, e := range consoletest.Elements(page.Body) {
				if href := e.Attrs["href"]; e.Name == "link" && strings.HasPrefix(href, "/console/brand.css?") {
					colors = href
				}
			}
			sheet := w.Stranger().Get(colors).Is(200)
			if !strings.Contains(sheet.Body, "--accent: light-dark(") || !strings.HasPrefix(sheet.Header.Get("Content-Type"), "text/css") {
				t.Errorf("got %s of type %s", sheet.Body, sheet.Header.Get("Content-Type"))
			}
		})
	}
	rec := httptest.NewRecorder()
	w.API.ServeHTTP(rec, httptest.NewRequest("GET", "/docs", nil))
	if body := rec.Body.String(); !strings.Contains(body, "<h1>Parcel &amp; Bird API</h1>") || !strings.Contains(body, `src="`+dot+`"`) ||
		!strings.Contains(body, `href="/docs/brand.css"`) || !strings.HasSuffix(rec.Header().Get("Content-Security-Policy"), "; img-src data:") {
		t.Errorf("got docs %.600s under %s", body, rec.Header().Get("Content-Security-Policy"))
	}
	plain := consoletest.New(t)
	plain.Stranger().Get("/console/sign-in").Is(200).Has("#hook").Lacks("brand.css", "<img")
}
