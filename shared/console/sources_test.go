package console_test

import (
	"fmt"
	"html"
	"strconv"
	"strings"
	"testing"

	"hookline/shared/deployment"
	"hookline/shared/webhook"
)

type source struct{ ID, Kind, Name, URL string }

func (w *world) sources(key string) []source {
	w.t.Helper()
	var out struct{ Data []source }
	w.call(200, key, "GET", "/v1/sources", "", &out)
	return out.Data
}

func (w *world) source(key, kind, name string) source {
	w.t.Helper()
	var made source
	w.call(201, key, "POST", "/v1/sources", fmt.Sprintf(`{"kind":%q,"name":%q,"secret":"s3cret of the source"}`, kind, name), &made)
	return made
}

func TestSources(t *testing.T) {
	for _, p := range deployment.Providers() {
		t.Run(p.Kind, func(t *testing.T) {
			bothWays(t, func(t *testing.T, w *world, key string, b *browser) {
				b.get("/console/sources").is(200).has("No sources yet", `href="/console/sources/new"`)
				b.get("/console/sources/new").is(200).has(`action="/console/sources"`, `value="`+p.Kind+`"`, p.Guide.Product, p.Guide.Header)
				made := b.post("/console/sources", form("kind", p.Kind, "name", " Shop ")).is(201)
				all := w.sources(key)
				if len(all) != 1 || all[0].Name != "Shop" || all[0].Kind != p.Kind {
					t.Fatalf("got %+v, want one source Shop", all)
				}
				at := "/console/sources/" + all[0].ID
				address := "http://127.0.0.1:8080/webhooks/deployments/" + p.Kind + "/" + all[0].ID
				_, rest, _ := strings.Cut(made.body, `data-copy="`)
				secret, _, _ := strings.Cut(rest, `"`)
				if len(secret) != 64 {
					t.Errorf("got secret %q, want 64 hex digits", secret)
				}
				made.has("Source created", "shown only once", `data-copy="`+address+`"`)
				guide := b.get(at).is(200).has("Usage guide of Shop", `data-copy="`+address+`"`, p.Guide.Header).lacks("Source created", secret)
				for _, shown := range []page{made, guide} {
					for _, f := range p.Guide.Fields {
						shown.has("<code>" + f.Name + "</code>")
					}
					shown.has(fmt.Sprintf("<li>%s", firstWords(append(p.Guide.Steps, p.Guide.Hints...)[0])))
				}
				if p.Guide.Commands != nil {
					for shown, secret := range map[*page]string{&made: secret, &guide: ""} {
						shown.body = html.UnescapeString(shown.body)
						shown.has("<code>" + p.Guide.Commands(address, secret))
					}
				}
				b.get("/console/sources").is(200).has("Shop", address, p.Guide.Product, at+`/delete`).lacks(secret)
				b.get(at+"/delete").is(200).has(`action="`+at+`/delete"`, "Delete Shop?")
				if got := len(w.sources(key)); got != 1 {
					t.Errorf("got %d sources after the question, want 1", got)
				}
				b.post(at+"/delete", nil).leads("/console/sources")
				if got := len(w.sources(key)); got != 0 {
					t.Errorf("got %d sources, want none", got)
				}
				b.get(at).is(404)
				if strings.Contains(w.log.String(), secret) {
					t.Error("the secret is in the log")
				}
			})
		})
	}
}

// firstWords returns a text up to its first mark.
func firstWords(s string) string {
	s, _, _ = strings.Cut(s, "**")
	s, _, _ = strings.Cut(s, "`")
	return html.EscapeString(s)
}

func TestSourceErrors(t *testing.T) {
	bothWays(t, func(t *testing.T, w *world, key string, b *browser) {
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
			p := b.post("/console/sources", form("kind", tt.kind, "name", tt.name, "secret", tt.secret)).is(422).lacks(own, strings.Repeat("s", 100))
			said := p.problems()
			if said[tt.field] == "" || (said["secret"] != "") != (tt.secret != "") {
				t.Errorf("%s: got problems %q, want one with %s", name, said, tt.field)
			}
			if tt.name != "" {
				p.has(tt.name)
			}
		}
		if got := w.sources(key); len(got) != 0 {
			t.Errorf("got %+v, want nothing made", got)
		}
		b.post("/console/sources", form("kind", "custom", "name", "Own", "secret", own)).is(201).has(own)
		b.get("/console/sources/" + w.sources(key)[0].ID).lacks(own)
	})
}

func TestSourcesOfOthers(t *testing.T) {
	bothWays(t, func(t *testing.T, w *world, key string, b *browser) {
		theirs := w.tenant("globex", "standard")
		s := w.source(theirs, "custom", "Theirs")
		at := "/console/sources/" + s.ID
		b.get(at).is(404).lacks("Theirs")
		b.get(at + "/delete").is(404).lacks("Theirs")
		b.post(at+"/delete", nil).is(404).lacks("Theirs")
		b.get("/console/sources").is(200).lacks("Theirs")
		if got := len(w.sources(theirs)); got != 1 {
			t.Errorf("got %d sources of theirs, want 1", got)
		}

		mine := w.source(key, "custom", nasty)
		b.get("/console/sources").is(200).lacks("<script>").has(html.EscapeString("<script>alert(1)</script>"))
		b.get("/console/sources/" + mine.ID).is(200).lacks("<script>")
		b.get("/console/sources/" + mine.ID + "/delete").is(200).lacks("<script>")
		b.post("/console/sources", form("kind", nasty, "name", nasty+"\x00", "secret", nasty)).is(422).lacks("<script>")

		reads, _ := w.scoped(key, "webhooks:read", "sources:read")
		r := w.browser(reads)
		r.htmx = b.htmx
		r.get("/console/sources").is(200).lacks("/console/sources/new", "/delete")
		r.post("/console/sources", form("kind", "custom", "name", "Mine")).is(403).has("sources:write")
		r.post("/console/sources/"+mine.ID+"/delete", nil).is(403).has("sources:write")
		none, _ := w.scoped(key, "webhooks:read")
		n := w.browser(none)
		n.htmx = b.htmx
		n.get("/console/sources").is(403).has("sources:read")
		n.get("/console/sources/" + mine.ID).is(403).has("sources:read")
	})
}

func TestManySources(t *testing.T) {
	w := newWorld(t)
	key := w.tenant("acme", "standard")
	for i := range 25 {
		w.source(key, "gitlab", fmt.Sprintf("source-%02d", i))
	}
	b := w.browser(key)
	first := b.get("/console/sources").is(200)
	_, rest, _ := strings.Cut(first.body, `href="/console/sources?cursor=`)
	cursor, _, _ := strings.Cut(rest, `"`)
	second := b.get("/console/sources?cursor=" + cursor).is(200).has("First page").lacks("Next page")
	for i := range 25 {
		name := fmt.Sprintf(">source-%02d<", i)
		if got := strings.Count(first.body+second.body, name); got != 1 {
			t.Errorf("%s is %d times in both pages, want once", name, got)
		}
	}
}

// Each page has one heading of the first level, and no level is left out below it.
func TestHeadings(t *testing.T) {
	w := newWorld(t)
	key := w.tenant("acme", "axiestudio")
	s := w.source(key, "custom", "Shop")
	d := w.deployed(webhook.Deployment{DeployedAt: noon(), Environment: "production", RepositoryID: "shop", CommitSHA: "c", Source: s.ID})
	w.at(noon())
	b := w.browser(key)
	for _, at := range []string{
		"/console/sources", "/console/sources/new", "/console/sources/" + s.ID, "/console/sources/" + s.ID + "/delete",
		"/console/deployments", "/console/deployments/" + d.ID, "/console/event-types", "/console/event-types/user.created",
	} {
		last, firsts := 0, 0
		for _, e := range elements(b.get(at).is(200).body) {
			level, isHeading := strings.CutPrefix(e.name, "h")
			n, err := strconv.Atoi(level)
			if !isHeading || err != nil {
				continue
			}
			if n > last+1 {
				t.Errorf("%s: a heading of level %d follows one of %d", at, n, last)
			}
			if last = n; n == 1 {
				firsts++
			}
		}
		if firsts != 1 {
			t.Errorf("%s: got %d headings of the first level, want 1", at, firsts)
		}
	}
}
