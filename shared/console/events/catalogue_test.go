package events_test

import (
	"fmt"
	"html"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"hookline/shared/console/consoletest"
	"hookline/shared/dialect"
	"hookline/shared/ecmajson"
	"hookline/shared/stack/stacktest"
	"hookline/shared/webhook"
)

// TestCatalogue shows that every type of every built-in dialect is listed and has a page.
func TestCatalogue(t *testing.T) {
	set := stacktest.Dialects(t)
	for _, name := range set.Names() {
		t.Run(name, func(t *testing.T) {
			w := consoletest.New(t)
			b := w.Browser(w.Tenant("acme", name))
			d, err := set.Dialect(t.Context(), name)
			if err != nil {
				t.Fatal(err)
			}
			p := b.Get("/console/event-types").Is(200)
			if open := strings.Contains(p.Body, "Any other dotted name"); open != d.Knows("some.other") {
				t.Errorf("the page says that the catalogue is open: %t", open)
			}
			types := d.EventTypes()
			for _, system := range webhook.SystemTypes() {
				e, _ := d.EventType(system)
				types = append(types, e)
			}
			for _, e := range types {
				at := "/console/event-types/" + e.Name
				p.Has(`href="`+at+`"`, html.EscapeString(e.Description))
				if e.Group != "" {
					p.Has(">" + e.Group + "</h2>")
				}
				one := b.Get(at).Is(200).Has("<code>"+e.Name+"</code>", html.EscapeString(e.Description))
				create := `href="/console/webhooks/new?events=` + url.QueryEscape(e.Name) + `"`
				for _, shown := range []consoletest.Page{p, one} {
					if got := strings.Contains(shown.Body, create); got == e.ComingSoon {
						t.Errorf("%s: %s can be subscribed to: %t", shown.What, e.Name, got)
					}
				}
				if soon := strings.Contains(one.Body, d.Words["coming_soon"]); soon != e.ComingSoon {
					t.Errorf("%s is coming soon: %t", e.Name, soon)
				}
				if e.Example != nil {
					sent(one, d, e)
				}
				if e.Schema != nil {
					one.Has("JSON Schema of the data", "&#34;type&#34;: &#34;object&#34;")
				}
			}
			b.Get("/console/event-types/none").Is(404)
		})
	}
}

// sent compares the example on the page with the request that the dialect makes: the names of its headers, and its body
// except ids and times.
func sent(p consoletest.Page, d *dialect.Dialect, e dialect.EventType) {
	p.T.Helper()
	_, rest, _ := strings.Cut(p.Body, `aria-label="Request"><code>`)
	request, _, _ := strings.Cut(rest, "</code>")
	head, body, ok := strings.Cut(html.UnescapeString(request), "\n\n")
	example, err := ecmajson.Read(e.Example)
	if err != nil {
		p.T.Fatal(err)
	}
	raw, err := d.Body(webhook.Event{Tenant: "acme", ID: "evt_1", Type: e.Name, Timestamp: "2026-03-20T12:00:00Z"}, example)
	if err != nil {
		p.T.Fatal(err)
	}
	varies := regexp.MustCompile(`evt_\w+|\d{4}-\d\d-\d\dT[\d:.]+Z`)
	data := regexp.MustCompile(`\s`).ReplaceAllString(string(e.Example), "")
	if got, want := varies.ReplaceAllString(body, "…"), varies.ReplaceAllString(string(raw), "…"); !ok || got != want || !strings.Contains(regexp.MustCompile(`\s`).ReplaceAllString(body, ""), data) {
		p.T.Errorf("%s: got body %s, want %s with %s", p.What, got, want, data)
	}
	headers, err := d.Headers(dialect.Message{EventID: "evt_1", Type: e.Name, Tenant: "acme", Body: raw, Secrets: []string{d.NewSecret()}, ContentType: d.ContentTypes[0], Timestamp: "2026-03-20T12:00:00Z"})
	if err != nil {
		p.T.Fatal(err)
	}
	for _, h := range headers {
		if !strings.Contains("\n"+head, "\n"+h.Name+": ") {
			p.T.Errorf("%s: got headers %s, want %s among them", p.What, head, h.Name)
		}
	}
}

func TestTakers(t *testing.T) {
	consoletest.BothWays(t, func(t *testing.T, w *consoletest.World, _ string, b *consoletest.Browser) {
		key := w.Tenant("globex", "codmir")
		mine := w.Browser(key)
		mine.HTMX = b.HTMX
		for name, of := range map[string]struct {
			events string
			active bool
		}{
			"exactly": {`"ticket.created"`, true}, "by prefix": {`"ticket.*"`, true}, "all": {`"*"`, false}, "all ways": {`"ticket.created","ticket.*","*"`, true},
			"a test": {`"webhook.test"`, true}, "system": {`"webhook.failing"`, true},
		} {
			hook(w, key, name, of.events, of.active)
		}
		rows := map[string]string{}
		for row := range strings.SplitSeq(mine.Get("/console/event-types").Is(200).Body, "<tr>") {
			for _, e := range consoletest.Elements(row) {
				if name, ok := strings.CutPrefix(e.Attrs["href"], "/console/event-types/"); ok {
					rows[name] = row
				}
			}
		}
		for name, want := range map[string]struct {
			text  string
			names []string
		}{
			"ticket.created":  {">3 active, 1 inactive<", []string{"exactly", "by prefix", "all", "all ways"}},
			"ticket.assigned": {">2 active, 1 inactive<", []string{"by prefix", "all", "all ways"}},
			"member.added":    {">1 active, 1 inactive<", []string{"all", "all ways"}},
			"webhook.test":    {">1 active<", []string{"a test"}}, "webhook.failing": {">1 active<", []string{"system"}}, "webhook.created": {">none<", nil},
		} {
			if !strings.Contains(rows[name], want.text) {
				t.Errorf("%s: got %s, want %s", name, rows[name], want.text)
			}
			p := mine.Get("/console/event-types/" + name).Is(200)
			if got := strings.Count(p.Body, `<li><a href="/console/webhooks/wh_`); got != len(want.names) {
				t.Errorf("%s: got %d webhooks, want %q", name, got, want.names)
			}
			for _, hook := range want.names {
				p.Has(">" + hook + "</a>")
			}
		}
	})
}

// TestManyTakers shows that the pages say so if there are more webhooks than they count.
func TestManyTakers(t *testing.T) {
	w := consoletest.New(t)
	key := w.Tenant("acme", "standard")
	for range 10 {
		var hooks []webhook.Webhook
		for range 100 {
			now := time.Now()
			hooks = append(hooks, webhook.Webhook{
				Ref: webhook.Ref{Tenant: "acme", ID: webhook.NewID(webhook.WebhookPrefix, now)}, URL: "https://example.com/hook", Events: []string{"deployment.registered"}, Active: true,
				ContentType: "application/json", Format: webhook.FormatJSON, CreatedAt: now, UpdatedAt: now, Version: 1,
			})
		}
		stored(w, hooks)
	}
	b := w.Browser(key)
	b.Get("/console/event-types").Is(200).Has("1,000 active").Lacks("there are more")
	b.Get("/console/event-types/deployment.registered").Is(200).Has("and 980 more").Lacks("there are more")
	w.Webhook(key)
	b.Get("/console/event-types").Is(200).Has("1,000 active", "the 1,000 newest; there are more")
	b.Get("/console/event-types/webhook.created").Is(200).Has("None of those that were looked at", "there are more")
}

func TestCatalogueOfOthers(t *testing.T) {
	consoletest.BothWays(t, func(_ *testing.T, w *consoletest.World, key string, b *consoletest.Browser) {
		w.Webhook(w.Tenant("globex", "standard"), `"name":"Theirs"`)
		b.Get("/console/event-types").Is(200).Lacks("Theirs").Has(">none<")
		b.Get("/console/event-types/deployment.registered").Is(200).Lacks("Theirs")
		w.Webhook(key, fmt.Sprintf(`"name":%q`, consoletest.Nasty))
		b.Get("/console/event-types/deployment.registered").Is(200).Lacks("<script>").Has(html.EscapeString("<script>alert(1)</script>"))
		b.Get("/console/event-types/" + url.PathEscape(consoletest.Nasty)).Is(404).Lacks("<script>")

		as := func(scopes ...string) *consoletest.Browser {
			scoped, _ := w.Scoped(key, scopes...)
			s := w.Browser(scoped)
			s.HTMX = b.HTMX
			return s
		}
		none := as("webhooks:read")
		none.Get("/console/event-types").Is(403).Has("events:read")
		none.Get("/console/event-types/webhook.test").Is(403).Has("events:read")
		types := as("events:read")
		types.Get("/console/event-types").Is(200).Has("Your key does not allow to see which webhooks").Lacks("/console/webhooks/new", " active<", ">none<")
		types.Get("/console/event-types/deployment.registered").Is(200).Lacks("alert", "/console/webhooks/new")
	})
}

// hook makes a webhook for events, which are JSON strings.
func hook(w *consoletest.World, key, name, events string, active bool) {
	w.T.Helper()
	w.Call(201, key, "POST", "/v1/webhooks", fmt.Sprintf(`{"url":"https://example.com/hook","name":%q,"events":[%s],"active":%t}`, name, events, active), nil)
}

// stored puts webhooks into the store.
func stored(w *consoletest.World, hooks []webhook.Webhook) {
	w.T.Helper()
	for _, h := range hooks {
		if err := w.Store.CreateWebhook(w.T.Context(), h); err != nil {
			w.T.Fatal(err)
		}
	}
}
