package console_test

import (
	"fmt"
	"maps"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"hookline/shared/console"
	"hookline/shared/console/consoletest"
	"hookline/shared/stack/stacktest"
	"hookline/shared/webhook"
)

// TestMadeOnce shows that a second click, or a reload of the page that shows a secret, makes nothing more, while other
// entries do.
func TestMadeOnce(t *testing.T) {
	w := consoletest.New(t)
	key := w.Tenant("acme", "standard")
	b, hook := w.Browser(key), w.Webhook(key)
	for name, test := range map[string]struct {
		page, to string
		entries  url.Values
		other    string // an entry to change
	}{
		"a webhook":     {"/console/webhooks/new", "/console/webhooks", consoletest.Form("url", "https://example.com/once", "events", "*"), "name"},
		"a key":         {"/console/keys/new", "/console/keys", consoletest.Form("name", "Once", "scopes", "webhooks:read"), "name"},
		"a source":      {"/console/sources/new", "/console/sources", consoletest.Form("kind", "custom", "name", "Once"), "name"},
		"a secret":      {"/console/webhooks/" + hook + "/rotate-secret", "/console/webhooks/" + hook + "/rotate-secret", consoletest.Form("overlap_seconds", "0"), "overlap_seconds"},
		"a portal link": {"/console/settings/portal-link", "/console/settings/portal-link", consoletest.Form("expires_in", "3600"), "expires_in"},
	} {
		t.Run(name, func(t *testing.T) {
			send := func(once, changed string) string {
				entries := maps.Clone(test.entries)
				entries.Set("once", once)
				if changed != "" {
					entries.Set(test.other, changed)
				}
				p := b.Post(test.to, entries)
				if p.Status >= 300 {
					t.Fatalf("got %d, want what was made: %s", p.Status, p.Body)
				}
				return secrets(p)
			}
			once := b.Get(test.page).Is(200).Filled().Get("once")
			if other := b.Get(test.page).Filled().Get("once"); once == "" || once == other {
				t.Fatalf("two forms given out have %q and %q", once, other)
			}
			first := send(once, "")
			if got := send(once, ""); got != first {
				t.Errorf("sent again, the form makes %s, want %s", got, first)
			}
			if got := send(once, "28800"); got == first {
				t.Error("with another entry the form makes the same")
			}
			if got := send(once+"2", ""); got == first {
				t.Error("another form makes the same")
			}
		})
	}
}

// secrets returns the texts that a page has buttons to copy.
func secrets(p consoletest.Page) string {
	var out []string
	for _, e := range consoletest.Elements(p.Body) {
		out = append(out, e.Attrs["data-copy"])
	}
	return strings.Join(out, "")
}

func TestWords(t *testing.T) {
	tests := map[string]struct{ list, form, hook []string }{
		"standard":   {[]string{"Create webhook", "All", "Failing"}, []string{"URL", "Format", "JSON, signed", "Discord message"}, []string{"Rotate secret"}},
		"axiestudio": {[]string{">Create<", "Get notified in real-time when things happen"}, []string{"Create Webhook", "Webhook URL", "Active Status", "Team Member Events", "must be at least 32 characters"}, []string{"Rotate Secret"}},
		"agiletune":  {[]string{"Add Webhook", "Payload URL"}, []string{"Payload URL", "Events you want to subscribe to", "application/x-www-form-urlencoded"}, []string{"Events you want to subscribe to"}},
		"axoria":     {[]string{"&#43; New Webhook"}, []string{"New Webhook", "Save", "should be HTTPS in production"}, nil},
		"codmir":     {[]string{"Register Your Webhook"}, []string{">Register<"}, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := consoletest.New(t)
			key := w.Tenant("acme", name)
			b := w.Browser(key)
			set := stacktest.Dialects(t)
			d, err := set.Dialect(t.Context(), name)
			if err != nil {
				t.Fatal(err)
			}
			id := w.Webhook(key)
			b.Get("/console/webhooks").Is(200).Has(tt.list...).Has("<title>" + d.Words["title"] + " · " + d.Product + "</title>")
			b.Get("/console/webhooks/new").Is(200).Has(tt.form...)
			b.Get("/console/webhooks/" + id).Is(200).Has(tt.hook...)
		})
	}
}

// TestLinks shows that every link works on every page that can be reached.
func TestLinks(t *testing.T) {
	w := consoletest.New(t)
	key := w.Tenant("acme", "agiletune")
	hooks := 27          // more than a page
	if testing.Short() { // under the race detector
		hooks = 5
	}
	for i := range hooks {
		w.Webhook(key, fmt.Sprintf(`"name":"hook-%02d"`, i))
	}
	b := w.Browser(key)
	seen := map[string]bool{}
	for queue := []string{"/console/", "/console/sign-in"}; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		p := b.Get(at)
		if p.Status >= 400 {
			t.Errorf("%s: got %d", at, p.Status)
		}
		next := []string{p.Header.Get("Location")}
		for _, e := range consoletest.Elements(p.Body) {
			if e.Attrs["rel"] == "noreferrer" { // elsewhere, by choice
				continue
			}
			for _, name := range []string{"href", "src", "hx-get"} {
				next = append(next, e.Attrs[name])
			}
			if e.Name == "form" && e.Attrs["method"] == "get" {
				next = append(next, e.Attrs["action"])
			}
			if post := e.Attrs["hx-post"]; e.Name != "select" && post != "" && post != e.Attrs["action"]+e.Attrs["formaction"] {
				t.Errorf("%s: the form leads to %s without htmx, and to %s with it", at, e.Attrs["action"]+e.Attrs["formaction"], post)
			}
		}
		for _, to := range next {
			to, _, _ = strings.Cut(to, "#")
			if to == "/docs/tenants" { // the API's
				w.Call(200, "", "GET", to, "", nil)
			}
			if to == "" || to == "/docs/tenants" || seen[to] {
				continue
			}
			if !strings.HasPrefix(to, "/console/") {
				t.Errorf("%s leads to %s, which is not the console's", at, to)
				continue
			}
			seen[to] = true
			queue = append(queue, to)
		}
	}
	if len(seen) < hooks*5 {
		t.Errorf("got %d links, want those of every webhook", len(seen))
	}
}

// TestHeadings shows that each page has one heading of the first level, and that no level below it is left out.
func TestHeadings(t *testing.T) {
	w := consoletest.New(t)
	key := w.Tenant("acme", "axiestudio")
	s := w.Source(key, "custom", "Shop")
	d := w.Deployed(webhook.Deployment{DeployedAt: consoletest.Noon(), Environment: "production", RepositoryID: "shop", CommitSHA: "c", Source: s.ID})
	w.At = consoletest.Noon()
	b := w.Browser(key)
	for _, at := range []string{
		"/console/sources", "/console/sources/new", "/console/sources/" + s.ID, "/console/sources/" + s.ID + "/delete",
		"/console/deployments", "/console/deployments/" + d.ID, "/console/event-types", "/console/event-types/user.created",
	} {
		last, firsts := 0, 0
		for _, e := range consoletest.Elements(b.Get(at).Is(200).Body) {
			level, isHeading := strings.CutPrefix(e.Name, "h")
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

// TestTemplates holds that every page's template parses, because a process parses each when it is first shown.
func TestTemplates(t *testing.T) {
	files, err := console.ReadFiles()
	if err != nil {
		t.Fatal(err)
	}
	if err := files.Parse(); err != nil {
		t.Error(err)
	}
}
