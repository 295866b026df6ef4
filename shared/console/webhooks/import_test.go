package webhooks_test

import (
	"bytes"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"hookline/shared/console/consoletest"
)

func TestImport(t *testing.T) {
	const list = `[{"id":"moved","url":"https://example.com/a","name":"Alpha","events":["*"],"secret":"whsec_b2xkIHNlY3JldA=="},
		{"url":"https://example.com/b","events":["*"]}]`
	for name, give := range map[string]func(b *consoletest.Browser) consoletest.Page{
		"as text": func(b *consoletest.Browser) consoletest.Page {
			return b.Post("/console/import", consoletest.Form("webhooks", list))
		},
		"as parts": func(b *consoletest.Browser) consoletest.Page { return upload(b, list, "") },
		"a file":   func(b *consoletest.Browser) consoletest.Page { return upload(b, "", "\xef\xbb\xbf"+list) },
	} {
		t.Run(name, func(t *testing.T) {
			w := consoletest.New(t)
			key := w.Tenant("acme", "standard")
			b := w.Browser(key)
			b.Get("/console/webhooks").Has(`href="/console/import"`)
			b.Get("/console/import").Is(200).Has(`enctype="multipart/form-data"`, `type="file"`, "See what would happen")
			checked := give(b).Is(200).Has("2 webhooks would be made", "https://example.com/a", "Alpha", "moved", "Import 2 webhooks").Lacks("b2xkIHNlY3JldA")
			w.Call(404, key, "GET", "/v1/webhooks/moved", "", nil) // looking makes nothing
			made := b.Post("/console/import", checked.Filled()).Is(201).Has("2 imported", "Alpha", "The one it came with", "shown only once").Lacks("b2xkIHNlY3JldA")
			if n := strings.Count(made.Body, `data-copy="whsec_`); n != 1 {
				t.Errorf("got %d secrets, want the one that was made", n)
			}
			w.Call(200, key, "GET", "/v1/webhooks/moved", "", nil)
			if again := b.Post("/console/import", checked.Filled()).Is(201); again.Body != made.Body {
				t.Error("the same step once more gives another answer")
			}
			late := checked.Filled()
			late.Set("once", "of a page given out later")
			b.Post("/console/import", late).Is(422).Has("Nothing was imported", "Exists already")
			b.Get("/console/webhooks").Has(">2</span>")
		})
	}
}

// TestImportExample shows that the example can be imported as it is, in every dialect.
func TestImportExample(t *testing.T) {
	w := consoletest.New(t)
	for _, name := range []string{"standard", "axoria", "agiletune", "codmir", "axiestudio"} {
		b := w.Browser(w.Tenant(name, name))
		for _, e := range consoletest.Elements(b.Get("/console/import").Is(200).Body) {
			if example := e.Attrs["data-copy"]; example != "" {
				b.Post("/console/import", consoletest.Form("webhooks", example)).Is(200).Has("2 webhooks would be made")
			}
		}
	}
}

func TestImportRefused(t *testing.T) {
	w := consoletest.New(t)
	key := w.Tenant("acme", "standard")
	b := w.Browser(key)
	const secret = "whsec_c2hvcnQ="
	for name, tt := range map[string]struct {
		list   string
		status int
		says   []string
	}{
		"nothing":       {" ", 422, []string{"Paste a list"}},
		"no JSON":       {"[\n\n{]", 422, []string{"not JSON: line 3"}},
		"no list":       {`{"secret":"` + secret + `"}`, 422, []string{"<code>body</code>", "must be a list"}},
		"no webhooks":   {`[]`, 422, []string{"must hold 1 to 100"}},
		"fields":        {`[{"url":"ftp://x","events":["*"],"name":"Odd <b>","secret":"` + secret + `"}]`, 200, []string{"Nothing would be made", "<code>url</code>", "Refused", "Odd &lt;b&gt;"}},
		"a long secret": {`[{"url":"https://example.com","events":["*"],"secret":"` + strings.Repeat("A", 8000) + `"}]`, 200, []string{"<code>secret</code>"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := *b
			b.W = &consoletest.World{T: t, Console: w.Console}
			b.Post("/console/import", consoletest.Form("webhooks", tt.list)).Is(tt.status).Has(tt.says...).Lacks(secret, `name="sealed"`, "AAAAAAAA")
		})
	}
	b.Post("/console/import", consoletest.Form("sealed", "made up")).Is(400)
	b.Post("/console/import", consoletest.Form("webhooks", strings.Repeat("[", 3<<20))).Is(413)

	// A list that was sealed for one tenant opens for no other.
	sealed := b.Post("/console/import", consoletest.Form("webhooks", `[{"url":"https://example.com","events":["*"]}]`)).Is(200).Filled()
	w.Browser(w.Tenant("globex", "standard")).Post("/console/import", sealed).Is(400)
	// A key that may not make webhooks may not try an import either.
	reader, _ := w.Scoped(key, "webhooks:read")
	w.Browser(reader).Post("/console/import", consoletest.Form("webhooks", `[]`)).Is(403)
	w.Browser(reader).Post("/console/import", sealed).Is(403)
}

// upload sends the import's form as a browser does.
func upload(b *consoletest.Browser, text, file string) consoletest.Page {
	b.W.T.Helper()
	var body bytes.Buffer
	parts := multipart.NewWriter(&body)
	if err := parts.WriteField("webhooks", text); err != nil {
		b.W.T.Fatal(err)
	}
	f, err := parts.CreateFormFile("file", "webhooks.json")
	if err == nil {
		_, err = f.Write([]byte(file))
	}
	if err == nil {
		err = parts.Close()
	}
	if err != nil {
		b.W.T.Fatal(err)
	}
	r := httptest.NewRequestWithContext(b.W.T.Context(), http.MethodPost, b.Origin+"/console/import", &body)
	r.Header.Set("Content-Type", parts.FormDataContentType())
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.AddCookie(&http.Cookie{Name: b.Cookie.Name, Value: b.Cookie.Value})
	rec := httptest.NewRecorder()
	b.W.Console.ServeHTTP(rec, r)
	return consoletest.Page{T: b.W.T, What: "POST /console/import", Status: rec.Code, Header: rec.Header(), Body: rec.Body.String()}
}
