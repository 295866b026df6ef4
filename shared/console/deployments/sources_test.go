package deployments_test

import (
	"fmt"
	"html"
	"strings"
	"testing"

	"hookline/shared/console/consoletest"
	"hookline/shared/deployment"
)

func sources(w *consoletest.World, key string) []consoletest.Source {
	w.T.Helper()
	var out struct{ Data []consoletest.Source }
	w.Call(200, key, "GET", "/v1/sources", "", &out)
	return out.Data
}

func TestSources(t *testing.T) {
	for _, p := range deployment.Providers() {
		t.Run(p.Kind, func(t *testing.T) {
			consoletest.BothWays(t, func(t *testing.T, w *consoletest.World, key string, b *consoletest.Browser) {
				b.Get("/console/sources").Is(200).Has("No sources yet", `href="/console/sources/new"`)
				b.Get("/console/sources/new").Is(200).Has(`action="/console/sources"`, `value="`+p.Kind+`"`, p.Guide.Product, p.Guide.Header)
				made := b.Post("/console/sources", consoletest.Form("kind", p.Kind, "name", " Shop ")).Is(201)
				all := sources(w, key)
				if len(all) != 1 || all[0].Name != "Shop" || all[0].Kind != p.Kind {
					t.Fatalf("got %+v, want one source Shop", all)
				}
				at := "/console/sources/" + all[0].ID
				address := "http://127.0.0.1:8080/webhooks/deployments/" + p.Kind + "/" + all[0].ID
				_, rest, _ := strings.Cut(made.Body, `data-copy="`)
				secret, _, _ := strings.Cut(rest, `"`)
				if len(secret) != 64 {
					t.Errorf("got secret %q, want 64 hex digits", secret)
				}
				made.Has("Source created", "shown only once", `data-copy="`+address+`"`)
				guide := b.Get(at).Is(200).Has("Usage guide of Shop", `data-copy="`+address+`"`, p.Guide.Header).Lacks("Source created", secret)
				for _, shown := range []consoletest.Page{made, guide} {
					for _, f := range p.Guide.Fields {
						shown.Has("<code>" + f.Name + "</code>")
					}
					shown.Has(fmt.Sprintf("<li>%s", firstWords(append(p.Guide.Steps, p.Guide.Hints...)[0])))
				}
				if p.Guide.Commands != nil {
					for shown, secret := range map[*consoletest.Page]string{&made: secret, &guide: ""} {
						shown.Body = html.UnescapeString(shown.Body)
						shown.Has("<code>" + p.Guide.Commands(address, secret))
					}
				}
				b.Get("/console/sources").Is(200).Has("Shop", address, p.Guide.Product, at+`/delete`).Lacks(secret)
				b.Get(at+"/delete").Is(200).Has(`action="`+at+`/delete"`, "Delete Shop?")
				if got := len(sources(w, key)); got != 1 {
					t.Errorf("got %d sources after the question, want 1", got)
				}
				b.Post(at+"/delete", nil).Leads("/console/sources")
				if got := len(sources(w, key)); got != 0 {
					t.Errorf("got %d sources, want none", got)
				}
				b.Get(at).Is(404)
				if strings.Contains(w.Log.String(), secret) {
					t.Error("the secret is in the log")
				}
			})
		})
	}
}

// firstWords returns a text up to its first bold or code part.
func firstWords(s string) string {
	s, _, _ = strings.Cut(s, "**")
	s, _, _ = strings.Cut(s, "`")
	return html.EscapeString(s)
}

func TestSourceErrors(t *testing.T) {
	consoletest.BothWays(t, func(t *testing.T, w *consoletest.World, key string, b *consoletest.Browser) {
		const own = "an own secret"
		tests := map[string]struct{ kind, name, secret, field string }{
			"no name":         {"github", "", "", "name"},
			"a long name":     {"github", strings.Repeat("n", 201), "", "name"},
			"no kind":         {"", "Shop", "", "kind"},
			"an unknown kind": {"fax", "Shop", "", "kind"},
			"a long secret":   {"gitlab", "Shop", strings.Repeat("s", 1025), "secret"},
			"a secret":        {"gitlab", "", own, "name"},
		}
		for name, tt := range tests {
			p := b.Post("/console/sources", consoletest.Form("kind", tt.kind, "name", tt.name, "secret", tt.secret)).Is(422).Lacks(own, strings.Repeat("s", 100))
			said := p.Problems()
			if said[tt.field] == "" || (said["secret"] != "") != (tt.secret != "") {
				t.Errorf("%s: got problems %q, want one with %s", name, said, tt.field)
			}
			if tt.name != "" {
				p.Has(tt.name)
			}
		}
		if got := sources(w, key); len(got) != 0 {
			t.Errorf("got %+v, want nothing made", got)
		}
		b.Post("/console/sources", consoletest.Form("kind", "custom", "name", "Own", "secret", own)).Is(201).Has(own)
		b.Get("/console/sources/" + sources(w, key)[0].ID).Lacks(own)
	})
}

func TestSourcesOfOthers(t *testing.T) {
	consoletest.BothWays(t, func(t *testing.T, w *consoletest.World, key string, b *consoletest.Browser) {
		theirs := w.Tenant("globex", "standard")
		s := w.Source(theirs, "custom", "Theirs")
		at := "/console/sources/" + s.ID
		b.Get(at).Is(404).Lacks("Theirs")
		b.Get(at + "/delete").Is(404).Lacks("Theirs")
		b.Post(at+"/delete", nil).Is(404).Lacks("Theirs")
		b.Get("/console/sources").Is(200).Lacks("Theirs")
		if got := len(sources(w, theirs)); got != 1 {
			t.Errorf("got %d sources of theirs, want 1", got)
		}

		mine := w.Source(key, "custom", consoletest.Nasty)
		b.Get("/console/sources").Is(200).Lacks("<script>").Has(html.EscapeString("<script>alert(1)</script>"))
		b.Get("/console/sources/" + mine.ID).Is(200).Lacks("<script>")
		b.Get("/console/sources/" + mine.ID + "/delete").Is(200).Lacks("<script>")
		b.Post("/console/sources", consoletest.Form("kind", consoletest.Nasty, "name", consoletest.Nasty+"\x00", "secret", consoletest.Nasty)).Is(422).Lacks("<script>")

		reads, _ := w.Scoped(key, "webhooks:read", "sources:read")
		r := w.Browser(reads)
		r.HTMX = b.HTMX
		r.Get("/console/sources").Is(200).Lacks("/console/sources/new", "/delete")
		r.Post("/console/sources", consoletest.Form("kind", "custom", "name", "Mine")).Is(403).Has("sources:write")
		r.Post("/console/sources/"+mine.ID+"/delete", nil).Is(403).Has("sources:write")
		none, _ := w.Scoped(key, "webhooks:read")
		n := w.Browser(none)
		n.HTMX = b.HTMX
		n.Get("/console/sources").Is(403).Has("sources:read")
		n.Get("/console/sources/" + mine.ID).Is(403).Has("sources:read")
	})
}

func TestManySources(t *testing.T) {
	w := consoletest.New(t)
	key := w.Tenant("acme", "standard")
	for i := range 25 {
		w.Source(key, "gitlab", fmt.Sprintf("source-%02d", i))
	}
	b := w.Browser(key)
	first := b.Get("/console/sources").Is(200)
	_, rest, _ := strings.Cut(first.Body, `href="/console/sources?cursor=`)
	cursor, _, _ := strings.Cut(rest, `"`)
	second := b.Get("/console/sources?cursor=" + cursor).Is(200).Has("First page").Lacks("Next page")
	for i := range 25 {
		name := fmt.Sprintf(">source-%02d<", i)
		if got := strings.Count(first.Body+second.Body, name); got != 1 {
			t.Errorf("%s is %d times in both pages, want once", name, got)
		}
	}
}
