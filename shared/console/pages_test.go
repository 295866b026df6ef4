package console_test

import (
	"errors"
	"fmt"
	"html"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"hookline/shared/egress"
	"hookline/shared/faultinject"
	"hookline/shared/webhook"
)

// Every page works as a page of its own and as a fragment of one for htmx; both make the same changes.
func bothWays(t *testing.T, fn func(t *testing.T, w *world, key string, b *browser)) {
	t.Helper()
	alone := regexp.MustCompile(`^GET /console/webhooks/wh_\w+$`) // a webhook's own page is in no other
	for name, htmx := range map[string]bool{"pages": false, "fragments": true} {
		if testing.Short() && !htmx {
			continue
		}
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			key := w.tenant("acme", "standard")
			b := w.browser(key)
			b.htmx = htmx
			fn(t, w, key, b)
			for _, p := range b.seen {
				if p.header.Get("Location") != "" || alone.MatchString(p.what) {
					continue
				}
				if whole := strings.Contains(p.body, "<html"); p.body != "" && whole == htmx {
					t.Errorf("%s: got a whole page %t, want %t", p.what, whole, !htmx)
				}
			}
		})
	}
}

func TestWebhook(t *testing.T) {
	bothWays(t, func(t *testing.T, w *world, key string, b *browser) {
		b.get("/console/webhooks").is(200).has("No webhooks yet")
		b.get("/console/webhooks/new").is(200).has(`action="/console/webhooks"`, `hx-post="/console/webhooks"`, `value="webhook.test"`)
		b.post("/console/webhooks", form("url", " https://example.com/hook ", "events", "webhook.test", "more_events", "order.*, shipment.sent\nwebhook.test", "name", "Billing", "format", "slack", "active", "on")).is(201)
		var list struct{ Data []struct{ ID string } }
		w.call(200, key, "GET", "/v1/webhooks", "", &list)
		if len(list.Data) != 1 {
			t.Fatalf("got %d webhooks, want 1", len(list.Data))
		}
		id := list.Data[0].ID
		at := "/console/webhooks/" + id
		want := shown{
			URL: "https://example.com/hook", Name: "Billing", Format: "slack", Active: true,
			Events: []string{"webhook.test", "order.*", "shipment.sent"}, Headers: map[string]string{},
		}
		if diff := cmp.Diff(want, w.show(key, id)); diff != "" {
			t.Errorf("made (-want +got):\n%s", diff)
		}
		b.get("/console/webhooks").is(200).has("Billing", "https://example.com/hook", `href="`+at+`/edit"`)

		b.get(at+"/edit").is(200).has(`value="https://example.com/hook"`, `value="order.* shipment.sent"`, `<option value="slack" selected>Slack message`, `name="events" value="webhook.test" checked`).
			lacks(`name="secret"`)
		b.post(at, form("url", "https://example.com/other", "events", "webhook.test", "more_events", "order.* shipment.sent", "name", "")).leads(at)
		want.URL, want.Name, want.Active = "https://example.com/other", "", false
		if diff := cmp.Diff(want, w.show(key, id)); diff != "" {
			t.Errorf("changed (-want +got):\n%s", diff)
		}

		b.get(at + "/delete").is(200).has(`action="` + at + `/delete"`)
		w.show(key, id) // asking deletes nothing
		b.post(at+"/delete", nil).leads("/console/webhooks")
		w.call(404, key, "GET", "/v1/webhooks/"+id, "", nil)
		b.get(at).is(404)
	})
}

// What the form does not show, an edit leaves as it is.
func TestEditKeeps(t *testing.T) {
	w := newWorld(t)
	key := w.tenant("acme", "standard")
	id := w.webhook(key, `"headers":{"X-Token":"t0ken"}`, `"format":"teams"`)
	b := w.browser(key)
	p := b.get("/console/webhooks/" + id + "/edit").is(200)
	b.post("/console/webhooks/"+id, p.filled()).leads("/console/webhooks/" + id)
	want := shown{URL: "https://example.com/hook", Active: true, Events: []string{"*"}, Format: "teams", Headers: map[string]string{"X-Token": "********"}}
	if diff := cmp.Diff(want, w.show(key, id)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	b.get("/console/webhooks/"+id).is(200).has("X-Token", "Microsoft Teams message").lacks("t0ken")
}

// filled returns what the page's form sends when nothing in it is touched. Of a select it knows the chosen option.
func (p page) filled() url.Values {
	out := url.Values{}
	named := ""
	for _, e := range elements(p.body) {
		_, checked := e.attrs["checked"]
		_, selected := e.attrs["selected"]
		switch {
		case e.name == "select":
			named = e.attrs["name"]
		case e.name == "option" && selected:
			out.Add(named, e.attrs["value"])
		case e.name != "input" || e.attrs["type"] == "search":
		case e.attrs["type"] != "checkbox":
			out.Add(e.attrs["name"], e.attrs["value"])
		case checked && e.attrs["value"] == "":
			out.Add(e.attrs["name"], "on")
		case checked:
			out.Add(e.attrs["name"], e.attrs["value"])
		}
	}
	for _, m := range regexp.MustCompile(`<textarea [^>]*name="(\w+)"[^>]*>([^<]*)</textarea>`).FindAllStringSubmatch(p.body, -1) {
		out.Add(m[1], html.UnescapeString(m[2]))
	}
	return out
}

func TestFieldErrors(t *testing.T) {
	bothWays(t, func(t *testing.T, w *world, key string, b *browser) {
		id := w.webhook(key)
		good := map[string]string{"url": "https://example.com/hook", "events": "*", "active": "on"}
		tests := map[string]struct {
			field, value string
			says         string
		}{
			"no URL":            {"url", "", "Must"},
			"a relative URL":    {"url", "/hook", "Must"},
			"http":              {"url", "http://example.com/hook", "tunnel"},
			"a private address": {"url", "https://10.0.0.1/hook", "."},
			"no events":         {"events", "", "."},
			"an unknown format": {"format", "fax", "must be one of"},
			"a long name":       {"name", strings.Repeat("n", 300), "."},
			"a short secret":    {"secret", "whsec_dG9vIHNob3J0", "."},
		}
		for name, tt := range tests {
			t.Run(name, func(t *testing.T) {
				f := url.Values{}
				for field, value := range good {
					f.Set(field, value)
				}
				if f.Set(tt.field, tt.value); tt.field == "events" {
					f.Del("events")
				}
				targets := []string{"/console/webhooks", "/console/webhooks/" + id}
				if tt.field == "secret" {
					targets = targets[:1] // a change has no secret
				}
				for _, target := range targets {
					p := b.post(target, f).is(422)
					said := p.problems()
					if text := said[tt.field]; len(said) != 1 || !strings.Contains(strings.ToLower(text), strings.ToLower(tt.says)) {
						t.Errorf("%s: got problems %q, want one with %s that says %q", p.what, said, tt.field, tt.says)
					}
					if tt.field != "secret" && tt.field != "format" && tt.value != "" {
						p.has(html.EscapeString(tt.value)) // what was entered stays
					}
				}
			})
		}
		p := b.post("/console/webhooks", form("url", "http://example.com", "secret", "whsec_cXVpdGUgbG9uZyBlbm91Z2ggZm9yIGEga2V5")).is(422)
		if said := p.problems(); len(said) != 3 || !strings.Contains(said["secret"], "again") {
			t.Errorf("got problems %q, want url, events, and that the secret is to be entered again", said)
		}
		p.lacks("whsec_cXVpdGUg")
	})
}

// problems returns what is said of fields, by the field that refers to it.
func (p page) problems() map[string]string {
	p.t.Helper()
	out := map[string]string{}
	for _, e := range elements(p.body) {
		id := e.attrs["id"]
		field, ok := strings.CutSuffix(id, "-problem")
		if !ok {
			continue
		}
		_, text, _ := strings.Cut(p.body, `id="`+id+`">`)
		text, _, _ = strings.Cut(text, "</p>")
		out[field] = html.UnescapeString(text)
		if !slices.ContainsFunc(elements(p.body), func(e element) bool {
			return slices.Contains(strings.Fields(e.attrs["aria-describedby"]), id)
		}) {
			p.t.Errorf("%s: nothing is described by %s", p.what, id)
		}
	}
	return out
}

func TestSecretOnce(t *testing.T) {
	bothWays(t, func(t *testing.T, w *world, _ string, b *browser) {
		secrets := []string{}
		keep := func(p page) {
			t.Helper()
			_, rest, _ := strings.Cut(p.body, `data-copy="`)
			secret, _, ok := strings.Cut(rest, `"`)
			if secret = html.UnescapeString(secret); !ok || !strings.HasPrefix(secret, "whsec_") {
				t.Fatalf("%s: got %s, want a secret to copy", p.what, p.body)
			}
			secrets = append(secrets, strings.TrimPrefix(secret, "whsec_"))
		}
		own := "whsec_bXkgb3duIHNlY3JldCBvZiAzMCBieXRlcy4u"
		keep(b.post("/console/webhooks", form("url", "https://example.com/made", "events", "*", "active", "on")).is(201))
		p := b.post("/console/webhooks", form("url", "https://example.com/own", "events", "*", "active", "on", "secret", own)).is(201).has(own)
		keep(p)
		_, rest, _ := strings.Cut(p.body, `<a class="primary" href="`)
		at, _, _ := strings.Cut(rest, `"`)
		b.get(at + "/rotate-secret").is(200)
		keep(b.post(at+"/rotate-secret", nil).is(200).has("The old secret signs too until"))
		b.post(at+"/test", form("event_type", "webhook.test")).is(200)
		for _, page := range []string{"/console/webhooks", at, at + "/edit", at + "/test", at + "/rotate-secret", at + "/delete"} {
			b.get(page).is(200)
		}
		b.post(at, form("url", "https://example.com/own", "events", "*")).leads(at)
		for _, secret := range secrets {
			in := 0
			for _, p := range b.seen {
				if strings.Contains(html.UnescapeString(p.body), secret) { // base64 has "+", which is escaped
					in++
				}
				if headers := fmt.Sprint(p.header) + p.what; strings.Contains(headers, secret) {
					t.Errorf("%s: the secret is in %s", p.what, headers)
				}
			}
			if in != 1 {
				t.Errorf("a secret is in %d pages, want 1", in)
			}
			if strings.Contains(w.log.String(), secret) {
				t.Errorf("a secret is in the log: %s", w.log.String())
			}
		}
		if got := len(slices.Compact(slices.Sorted(slices.Values(secrets)))); got != 3 {
			t.Errorf("got %d secrets, want 3", got)
		}
	})
}

// A browser that goes back asks again: htmx keeps no page, and so no secret, in the browser's storage.
func TestNothingKept(t *testing.T) {
	w := newWorld(t)
	b := w.browser(w.tenant("acme", "standard"))
	p := b.get("/console/webhooks").is(200)
	for _, e := range elements(p.body) {
		if e.attrs["name"] == "htmx-config" && strings.Contains(e.attrs["content"], `"historyCacheSize":0`) && strings.Contains(e.attrs["content"], `"allowEval":false`) {
			b.htmx = true
			b.get("/console/webhooks", "HX-History-Restore-Request", "true").is(200).has("<html")
			return
		}
	}
	t.Error("got a page whose htmx keeps history or evaluates text")
}

const nasty = `<script>alert(1)</script>"' onmouseover='x' {{.}}`

func TestEscaped(t *testing.T) {
	bothWays(t, func(t *testing.T, w *world, key string, b *browser) {
		w.answer = egress.Response{Status: 500, Err: "bad_status", Body: `<b id="theirs">` + nasty + `</b>`}
		id := w.webhook(key, `"name":`+fmt.Sprintf("%q", nasty))
		at := "/console/webhooks/" + id
		for _, target := range []string{"/console/webhooks", "/console/webhooks?search=" + url.QueryEscape("<script>"), "/console/webhooks?search=" + url.QueryEscape(nasty), at + "/edit", at + "/test", at + "/rotate-secret", at + "/delete"} {
			b.get(target).is(200).lacks("<script>")
		}
		b.get("/console/webhooks").has(html.EscapeString("<script>alert(1)</script>"))
		b.post(at+"/test", nil).is(200).lacks("<script>", `<b id`).has("&lt;b id=", "answered 500", "Failed", "bad_status")
		b.post("/console/webhooks", form("url", nasty, "name", nasty, "events", nasty, "more_events", nasty, "format", nasty)).is(422).lacks("<script>")
		b.get("/console/" + url.PathEscape(nasty)).is(404).lacks("<script>")
		s := w.stranger()
		s.get("/console/sign-in?to=" + url.QueryEscape("/console/"+nasty)).is(200).lacks("<script>")
		s.post("/console/sign-in", form("key", nasty, "to", nasty)).is(401).lacks("<script>")
	})
}

func TestTest(t *testing.T) {
	bothWays(t, func(_ *testing.T, w *world, key string, b *browser) {
		id := w.webhook(key)
		at := "/console/webhooks/" + id
		b.get(at+"/test").is(200).has("webhook.test", "deployment.registered")
		b.post(at+"/test", form("event_type", "deployment.registered")).is(200).has("Succeeded", "answered 200", "fine", "webhook-signature", "repository_url")
		b.post(at+"/test", form("event_type", "not a type")).is(422)
		w.answer = egress.Response{Err: "timeout"}
		b.post(at+"/test", nil).is(200).has("Failed", "timeout", "There was no answer.", "webhook.test")
	})
}

func TestOtherTenant(t *testing.T) {
	bothWays(t, func(t *testing.T, w *world, _ string, b *browser) {
		theirs := w.tenant("globex", "standard")
		id := w.webhook(theirs, `"name":"Theirs"`)
		at := "/console/webhooks/" + id
		for _, page := range []string{"", "/edit", "/delete", "/rotate-secret", "/test"} {
			b.get(at+page).is(404).lacks("Theirs", "example.com")
			if page != "/edit" {
				b.post(at+page, form("url", "https://example.com/stolen", "events", "*")).is(404).lacks("Theirs", "example.com")
			}
		}
		b.get("/console/webhooks").is(200).lacks("Theirs", id)
		if got := w.show(theirs, id).URL; got != "https://example.com/hook" {
			t.Errorf("got url %s, want it unchanged", got)
		}
		for _, odd := range []string{"wh_none", "..", "%2e%2e%2ftenant", "a%2fb"} {
			if p := b.get("/console/webhooks/" + odd); p.status != 404 && p.status != 301 && p.status != 307 {
				t.Errorf("%s: got %d %s, want 404", p.what, p.status, p.body)
			}
		}
	})
}

func TestScopes(t *testing.T) {
	bothWays(t, func(t *testing.T, w *world, key string, b *browser) {
		as := func(scopes ...string) *browser {
			scoped, _ := w.scoped(key, scopes...)
			next := w.browser(scoped)
			next.htmx = b.htmx
			return next
		}
		id := w.webhook(key)
		at := "/console/webhooks/" + id
		b = as("webhooks:read")
		b.get("/console/webhooks").is(200)
		f := form("url", "https://example.com/other", "events", "*")
		for _, target := range []string{"/console/webhooks", at, at + "/delete", at + "/rotate-secret", at + "/test"} {
			b.post(target, f).is(403).has("webhooks:write")
		}
		if got := w.show(key, id).URL; got != "https://example.com/hook" {
			t.Errorf("got url %s, want it unchanged", got)
		}
		b.get(at).is(200).has("Your key does not allow to read deliveries")
		b.get(at + "/troubleshoot").is(200).has("Your key does not allow to read deliveries")
		b.get(at + "/deliveries").is(403)
		b = as("events:write")
		b.get("/console/webhooks").is(403).has("webhooks:read")
		b.get(at).is(403)
		b = as("webhooks:read", "webhooks:write")
		b.post(at+"/test", nil).is(200).has("answered 200").lacks("webhook-signature") // what was sent is a delivery's
	})
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
			w := newWorld(t)
			key := w.tenant("acme", name)
			b := w.browser(key)
			set, err := builtin()
			if err != nil {
				t.Fatal(err)
			}
			d, err := set.Dialect(t.Context(), name)
			if err != nil {
				t.Fatal(err)
			}
			id := w.webhook(key)
			b.get("/console/webhooks").is(200).has(tt.list...).has("<title>" + d.Words["title"] + " · " + d.Product + "</title>")
			b.get("/console/webhooks/new").is(200).has(tt.form...)
			b.get("/console/webhooks/" + id).is(200).has(tt.hook...)
		})
	}
}

func TestList(t *testing.T) {
	bothWays(t, func(_ *testing.T, w *world, key string, b *browser) {
		for i := range 30 {
			w.webhook(key, fmt.Sprintf(`"name":"hook-%02d","active":%t`, i, i%3 > 0))
		}
		first := b.get("/console/webhooks").is(200)
		_, rest, _ := strings.Cut(first.body, `href="/console/webhooks?cursor=`)
		cursor, _, _ := strings.Cut(rest, `"`)
		if got := strings.Count(first.body, "<tr>") + strings.Count(b.get("/console/webhooks?cursor="+cursor).is(200).has("First page").lacks("Next page").body, "<tr>"); got != 30+2 {
			first.t.Errorf("got %d rows in two pages with their heads, want 32", got)
		}
		b.get("/console/webhooks?status=inactive").has("hook-03").lacks("hook-04")
		b.get("/console/webhooks?search=hook-07").has("hook-07").lacks("hook-08")
		b.get("/console/webhooks?search=none").has("No webhook matches")
		b.get("/console/webhooks?status=other").has("hook-29") // no such filter
		b.get("/console/webhooks?cursor=made-up").is(422).lacks("made-up")
	})
}

// Every link leads somewhere, from every page that can be reached.
func TestLinks(t *testing.T) {
	w := newWorld(t)
	key := w.tenant("acme", "agiletune")
	for i := range 27 {
		w.webhook(key, fmt.Sprintf(`"name":"hook-%02d"`, i))
	}
	b := w.browser(key)
	seen := map[string]bool{}
	for queue := []string{"/console/", "/console/sign-in"}; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		p := b.get(at)
		if p.status >= 400 {
			t.Errorf("%s: got %d", at, p.status)
		}
		next := []string{p.header.Get("Location")}
		for _, e := range elements(p.body) {
			if e.attrs["rel"] == "noreferrer" { // elsewhere, by choice
				continue
			}
			for _, name := range []string{"href", "src", "hx-get"} {
				next = append(next, e.attrs[name])
			}
			if e.name == "form" && e.attrs["method"] == "get" {
				next = append(next, e.attrs["action"])
			}
			if post := e.attrs["hx-post"]; e.name != "select" && post != "" && post != e.attrs["action"]+e.attrs["formaction"] {
				t.Errorf("%s: the form leads to %s without htmx, and to %s with it", at, e.attrs["action"]+e.attrs["formaction"], post)
			}
		}
		for _, to := range next {
			to, _, _ = strings.Cut(to, "#")
			if to == "/docs" { // the API's
				w.call(200, "", "GET", to, "", nil)
			}
			if to == "" || to == "/docs" || seen[to] {
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
	if len(seen) < 27*5 {
		t.Errorf("got %d links, want those of every webhook", len(seen))
	}
}

func TestFirstPageIsSmall(t *testing.T) {
	const most = 100 << 10
	w := newWorld(t)
	key := w.tenant("acme", "standard")
	for range 25 {
		w.webhook(key, `"name":"`+strings.Repeat("n", 60)+`"`)
	}
	b := w.browser(key)
	p := b.get("/console/webhooks").is(200)
	total := len(p.body)
	for _, e := range elements(p.body) {
		if at := e.attrs["src"] + e.attrs["href"]; strings.HasPrefix(at, "/console/assets/") && e.name != "use" {
			total += len(b.get(at, "Accept-Encoding", "gzip").is(200).body) // as every browser has it
		}
	}
	if total > most || total < 30_000 {
		t.Errorf("got %d bytes, want the page with all it loads to be at most %d", total, most)
	}
	t.Logf("%d bytes, %d of them the page with its rows", total, len(p.body))
}

func TestAssets(t *testing.T) {
	w := newWorld(t)
	s := w.stranger()
	p := s.get("/console/sign-in").is(200)
	_, rest, _ := strings.Cut(p.body, `href="/console/assets/`)
	hash, _, _ := strings.Cut(rest, "/")
	a := s.get("/console/assets/" + hash + "/console.css").is(200)
	if got, want := a.header.Get("Cache-Control"), "public, max-age=31536000, immutable"; got != want {
		t.Errorf("got Cache-Control %q, want %q", got, want)
	}
	if strings.Contains(a.body, "@import") || strings.Contains(a.body, "url(") {
		t.Error("the stylesheet loads something")
	}
	for _, at := range []string{"/console/assets/", "/console/assets/" + hash, "/console/assets/" + hash + "/", "/console/assets/" + hash + "/none.css", "/console/assets/000000000000/console.css"} {
		s.get(at).is(404)
	}
}

// TestFaults shows that an error of ours is logged as one, and that the visitor is not told its cause.
func TestFaults(t *testing.T) {
	const cause = "the disk is on fire"
	tests := map[string]struct {
		broken error // what the store answers to those who sign in
		locked error // what the keyring does, which opens sessions
		faults faultinject.StoreFaults
		status int
	}{
		"nobody can be found":      {broken: errors.New(cause), status: 500},
		"nobody can be found yet":  {broken: webhook.ErrUnavailable(errors.New(cause)), status: 503},
		"no session can be opened": {locked: webhook.ErrUnavailable(errors.New(cause)), status: 503},
		"nothing can be saved yet": {faults: faultinject.StoreFaults{Before: func(string) error { return errors.New(cause) }}, status: 503},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			bothWays(t, func(t *testing.T, w *world, _ string, b *browser) {
				w.broken, w.locked, w.faults = tt.broken, tt.locked, tt.faults
				b.post("/console/webhooks", form("url", "https://example.com", "events", "*")).is(tt.status).lacks(cause)
				w.broken, w.locked, w.faults = nil, nil, faultinject.StoreFaults{}
				logged := false
				for line := range strings.Lines(w.log.String()) {
					logged = logged || strings.Contains(line, `"level":"ERROR"`) && strings.Contains(line, cause)
				}
				if !logged {
					t.Errorf("got log %s, want an ERROR with the cause", w.log.String())
				}
			})
		})
	}
	t.Run("no link can be opened", func(t *testing.T) {
		w := newWorld(t)
		link := w.portalLink(w.tenant("acme", "standard"), "")
		w.locked = webhook.ErrUnavailable(errors.New(cause))
		w.stranger().get(link, going("document")...).is(503).lacks(cause)
		if !strings.Contains(w.log.String(), cause) {
			t.Errorf("got log %s, want the cause in it", w.log.String())
		}
		w.locked = nil
		w.guest(link)
	})
	w := newWorld(t)
	key := w.tenant("acme", "standard")
	w.broken = errors.New(cause)
	s := w.stranger()
	s.post("/console/sign-in", form("key", key)).is(500).lacks(cause)
	if s.cookie != nil {
		t.Errorf("got cookie %v, want none", s.cookie)
	}
}
