package console_test

import (
	"fmt"
	"html"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"hookline/shared/dialect"
	"hookline/shared/ecmajson"
	"hookline/shared/webhook"
)

// Every type of every built-in dialect is listed, with a page of its own.
func TestCatalogue(t *testing.T) {
	set, err := builtin()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range set.Names() {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			b := w.browser(w.tenant("acme", name))
			d, err := set.Dialect(t.Context(), name)
			if err != nil {
				t.Fatal(err)
			}
			p := b.get("/console/event-types").is(200)
			if open := strings.Contains(p.body, "Any other dotted name"); open != d.Knows("some.other") {
				t.Errorf("the page says that the catalogue is open: %t", open)
			}
			types := d.EventTypes()
			for _, system := range webhook.SystemTypes() {
				e, _ := d.EventType(system)
				types = append(types, e)
			}
			for _, e := range types {
				at := "/console/event-types/" + e.Name
				p.has(`href="`+at+`"`, html.EscapeString(e.Description))
				if e.Group != "" {
					p.has(">" + e.Group + "</h2>")
				}
				one := b.get(at).is(200).has("<code>"+e.Name+"</code>", html.EscapeString(e.Description))
				create := `href="/console/webhooks/new?events=` + url.QueryEscape(e.Name) + `"`
				for _, shown := range []page{p, one} {
					if got := strings.Contains(shown.body, create); got == e.ComingSoon {
						t.Errorf("%s: %s can be subscribed to: %t", shown.what, e.Name, got)
					}
				}
				if soon := strings.Contains(one.body, d.Words["coming_soon"]); soon != e.ComingSoon {
					t.Errorf("%s is coming soon: %t", e.Name, soon)
				}
				if e.Example != nil {
					one.sent(d, e)
				}
				if e.Schema != nil {
					one.has("JSON Schema of the data", "&#34;type&#34;: &#34;object&#34;")
				}
			}
			b.get("/console/event-types/none").is(404)
		})
	}
}

// sent holds the example that is shown to what the dialect sends: its headers by name, and its body but for ids and times.
func (p page) sent(d *dialect.Dialect, e dialect.EventType) {
	p.t.Helper()
	_, rest, _ := strings.Cut(p.body, `aria-label="Request"><code>`)
	request, _, _ := strings.Cut(rest, "</code>")
	head, body, ok := strings.Cut(html.UnescapeString(request), "\n\n")
	example, err := ecmajson.Read(e.Example)
	if err != nil {
		p.t.Fatal(err)
	}
	raw, err := d.Body(webhook.Event{Tenant: "acme", ID: "evt_1", Type: e.Name, Timestamp: "2026-03-20T12:00:00Z"}, example)
	if err != nil {
		p.t.Fatal(err)
	}
	varies := regexp.MustCompile(`evt_\w+|\d{4}-\d\d-\d\dT[\d:.]+Z`)
	data := regexp.MustCompile(`\s`).ReplaceAllString(string(e.Example), "")
	if got, want := varies.ReplaceAllString(body, "…"), varies.ReplaceAllString(string(raw), "…"); !ok || got != want || !strings.Contains(regexp.MustCompile(`\s`).ReplaceAllString(body, ""), data) {
		p.t.Errorf("%s: got body %s, want %s with %s", p.what, got, want, data)
	}
	headers, err := d.Headers(dialect.Message{EventID: "evt_1", Type: e.Name, Tenant: "acme", Body: raw, Secrets: []string{d.NewSecret()}, ContentType: d.ContentTypes[0], Timestamp: "2026-03-20T12:00:00Z"})
	if err != nil {
		p.t.Fatal(err)
	}
	for _, h := range headers {
		if !strings.Contains("\n"+head, "\n"+h.Name+": ") {
			p.t.Errorf("%s: got headers %s, want %s among them", p.what, head, h.Name)
		}
	}
}

func TestTakers(t *testing.T) {
	bothWays(t, func(t *testing.T, w *world, _ string, b *browser) {
		key := w.tenant("globex", "codmir")
		mine := w.browser(key)
		mine.htmx = b.htmx
		for name, of := range map[string]struct {
			events string
			active bool
		}{
			"exactly": {`"ticket.created"`, true}, "by prefix": {`"ticket.*"`, true}, "all": {`"*"`, false}, "all ways": {`"ticket.created","ticket.*","*"`, true},
			"a test": {`"webhook.test"`, true}, "system": {`"webhook.failing"`, true},
		} {
			w.hook(key, name, of.events, of.active)
		}
		rows := map[string]string{}
		for row := range strings.SplitSeq(mine.get("/console/event-types").is(200).body, "<tr>") {
			for _, e := range elements(row) {
				if name, ok := strings.CutPrefix(e.attrs["href"], "/console/event-types/"); ok {
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
			p := mine.get("/console/event-types/" + name).is(200)
			if got := strings.Count(p.body, `<li><a href="/console/webhooks/wh_`); got != len(want.names) {
				t.Errorf("%s: got %d webhooks, want %q", name, got, want.names)
			}
			for _, hook := range want.names {
				p.has(">" + hook + "</a>")
			}
		}
	})
}

// What the pages do not look at they say.
func TestManyTakers(t *testing.T) {
	w := newWorld(t)
	key := w.tenant("acme", "standard")
	for range 10 {
		var hooks []webhook.Webhook
		for range 100 {
			now := time.Now()
			hooks = append(hooks, webhook.Webhook{
				Ref: webhook.Ref{Tenant: "acme", ID: webhook.NewID(webhook.WebhookPrefix, now)}, URL: "https://example.com/hook", Events: []string{"deployment.registered"}, Active: true,
				ContentType: "application/json", Format: webhook.FormatJSON, CreatedAt: now, UpdatedAt: now, Version: 1,
			})
		}
		w.stored(hooks)
	}
	b := w.browser(key)
	b.get("/console/event-types").is(200).has("1,000 active").lacks("there are more")
	b.get("/console/event-types/deployment.registered").is(200).has("and 980 more").lacks("there are more")
	w.webhook(key)
	b.get("/console/event-types").is(200).has("1,000 active", "the 1,000 newest; there are more")
	b.get("/console/event-types/webhook.created").is(200).has("None of those that were looked at", "there are more")
}

func TestCatalogueOfOthers(t *testing.T) {
	bothWays(t, func(_ *testing.T, w *world, key string, b *browser) {
		w.webhook(w.tenant("globex", "standard"), `"name":"Theirs"`)
		b.get("/console/event-types").is(200).lacks("Theirs").has(">none<")
		b.get("/console/event-types/deployment.registered").is(200).lacks("Theirs")
		w.webhook(key, fmt.Sprintf(`"name":%q`, nasty))
		b.get("/console/event-types/deployment.registered").is(200).lacks("<script>").has(html.EscapeString("<script>alert(1)</script>"))
		b.get("/console/event-types/" + url.PathEscape(nasty)).is(404).lacks("<script>")

		as := func(scopes ...string) *browser {
			scoped, _ := w.scoped(key, scopes...)
			s := w.browser(scoped)
			s.htmx = b.htmx
			return s
		}
		none := as("webhooks:read")
		none.get("/console/event-types").is(403).has("events:read")
		none.get("/console/event-types/webhook.test").is(403).has("events:read")
		types := as("events:read")
		types.get("/console/event-types").is(200).has("Your key does not allow to see which webhooks").lacks("/console/webhooks/new", " active<", ">none<")
		types.get("/console/event-types/deployment.registered").is(200).lacks("alert", "/console/webhooks/new")
	})
}

// hook makes a webhook for events, as JSON strings.
func (w *world) hook(key, name, events string, active bool) {
	w.t.Helper()
	w.call(201, key, "POST", "/v1/webhooks", fmt.Sprintf(`{"url":"https://example.com/hook","name":%q,"events":[%s],"active":%t}`, name, events, active), nil)
}

// stored keeps webhooks that no call made.
func (w *world) stored(hooks []webhook.Webhook) {
	w.t.Helper()
	for _, h := range hooks {
		if err := w.store.CreateWebhook(w.t.Context(), h); err != nil {
			w.t.Fatal(err)
		}
	}
}
