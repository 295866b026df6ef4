package console_test

import (
	"encoding/json"
	"html"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// settings are those of a webhook that the form keeps under "More", and the filter.
type settings struct {
	Events         []string
	Filter         json.RawMessage
	Headers        map[string]string
	Metadata       map[string]string
	TimeoutSeconds int  `json:"timeout_seconds"`
	MaxPerSecond   *int `json:"max_per_second"`
}

func TestEveryField(t *testing.T) {
	bothWays(t, func(t *testing.T, w *world, key string, b *browser) {
		b.post("/console/webhooks", form(
			"url", "https://example.com/hook", "events", "*", "events", "invoice.paid", "events", "webhook.test", "more_events", "invoice.* delivery.failed",
			"active", "on", "name", "", "format", "json", "content_type", "application/json", "secret", "",
			"filter", ` {"total": [{"numeric": [">", 100]}]} `, "headers", "X-Token: t0ken:1\r\n\r\nX-Team:billing", "metadata", "team: billing\nwho: R. Roe",
			"timeout_seconds", " 7 ", "max_per_second", "50",
		)).is(201)
		var list struct{ Data []struct{ ID string } }
		w.call(200, key, "GET", "/v1/webhooks", "", &list)
		at := "/console/webhooks/" + list.Data[0].ID
		got := func() (s settings) {
			w.call(200, key, "GET", "/v1/webhooks/"+list.Data[0].ID, "", &s)
			return s
		}
		want := settings{
			Events: []string{"*", "delivery.failed"}, Filter: json.RawMessage(`{"total":[{"numeric":[">",100]}]}`),
			Headers:  map[string]string{"X-Token": "********", "X-Team": "********"},
			Metadata: map[string]string{"team": "billing", "who": "R. Roe"}, TimeoutSeconds: 7, MaxPerSecond: new(50),
		}
		if diff := cmp.Diff(want, got()); diff != "" {
			t.Errorf("made (-want +got):\n%s", diff)
		}
		// What the form shows of it, sent back, changes nothing.
		p := b.get(at+"/edit").is(200).has("X-Token: ********", "team: billing").lacks("t0ken")
		b.post(at, p.filled()).leads(at)
		if diff := cmp.Diff(want, got()); diff != "" {
			t.Errorf("sent back (-want +got):\n%s", diff)
		}
		// What is emptied is cleared.
		f := p.filled()
		for _, field := range []string{"filter", "headers", "metadata", "timeout_seconds", "max_per_second"} {
			f.Set(field, "")
		}
		b.post(at, f).leads(at)
		want = settings{Events: want.Events, Filter: json.RawMessage("null"), Headers: map[string]string{}, Metadata: map[string]string{}, TimeoutSeconds: 15}
		if diff := cmp.Diff(want, got()); diff != "" {
			t.Errorf("cleared (-want +got):\n%s", diff)
		}
	})
}

// Texts that lines cannot hold are shown as JSON, and come back the same.
func TestMetadataOfAnyText(t *testing.T) {
	tests := map[string]string{
		"line ends": `{"a":"one\ntwo"}`, "a colon in a name": `{"a:b":"c"}`, "edges": `{"a":" b "}`, "nothing": `{"a":""}`, "a brace": `{"{a":"b"}`,
		"plain": `{"a":"b: c"}`,
	}
	for name, metadata := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			key := w.tenant("acme", "standard")
			id := w.webhook(key, `"metadata":`+metadata)
			b := w.browser(key)
			b.post("/console/webhooks/"+id, b.get("/console/webhooks/"+id+"/edit").is(200).filled()).leads("/console/webhooks/" + id)
			var got struct{ Metadata json.RawMessage }
			w.call(200, key, "GET", "/v1/webhooks/"+id, "", &got)
			if string(got.Metadata) != metadata {
				t.Errorf("got %s, want %s", got.Metadata, metadata)
			}
		})
	}
}

func TestFaultsOfParts(t *testing.T) {
	bothWays(t, func(t *testing.T, w *world, key string, b *browser) {
		id := w.webhook(key)
		tests := map[string]struct{ field, value, says string }{
			"a filter that is no JSON":   {"filter", "{\n\"a\": [1}", "Not JSON: invalid character '}' after array element, in line 2."},
			"a filter that ends":         {"filter", `{"a": [1]`, "Not JSON: unexpected end of JSON input, in line 1."},
			"a filter of another form":   {"filter", `{"order":{"total":5}}`, "order.total: must be a list of values"},
			"a header of ours":           {"headers", "webhook-id: 1", "webhook-id: is set by us"},
			"a header without a colon":   {"headers", "X-Token", "X-Token: must be a name"},
			"a header that is there":     {"headers", "X-A: 1\nX-A: 2", "X-A: 2: must be a name that is not there yet"},
			"a mask for a new header":    {"headers", "X-New: ********", "X-New: is the mask"},
			"an unseen character":        {"headers", "X-A: a\u200bb", "X-A: must not have the invisible character"},
			"a URL with half an escape":  {"url", "https://example.com/?rate=5%", "Must not have a % without two hexadecimal digits"},
			"a URL with a mark in it":    {"url", "https://example.com/\u200fhook", "Must not have the invisible character"},
			"metadata without a colon":   {"metadata", "team", "team: must be a name"},
			"metadata of half JSON":      {"metadata", `{"team"`, "Not JSON: unexpected end"},
			"metadata of another type":   {"metadata", `{"team":1}`, "team: must be a string"},
			"a timeout in words":         {"timeout_seconds", "long", "Must be a whole number."},
			"a timeout that is too long": {"timeout_seconds", "31", "Must be 1 to 30."},
			"a rate below one":           {"max_per_second", "0", "Must be 1 to 1000"},
			"an event that cannot be":    {"more_events", "a..b", "a..b: must be an event type"},
		}
		for name, tt := range tests {
			t.Run(name, func(t *testing.T) {
				f := form("url", "https://example.com/hook", "active", "on")
				f.Set(tt.field, tt.value)
				field := tt.field
				if field == "more_events" {
					field = "events"
				} else {
					f.Set("events", "*")
				}
				for _, target := range []string{"/console/webhooks", "/console/webhooks/" + id} {
					p := b.post(target, f).is(422).has(html.EscapeString(tt.value))
					if said := p.problems(); len(said) != 1 || !strings.Contains(said[field], tt.says) {
						t.Errorf("%s: got problems %q, want one with %s that says %q", p.what, said, field, tt.says)
					}
					p.has(`href="#`+field+`"`, html.EscapeString(tt.says))
				}
			})
		}
	})
}

// TestMovedWebhook holds that another host gets no stored token by the form either, and that the form says which to enter.
func TestMovedWebhook(t *testing.T) {
	bothWays(t, func(t *testing.T, w *world, key string, b *browser) {
		var made struct{ ID string }
		w.call(201, key, "POST", "/v1/webhooks", `{"url":"https://old.example/hook","events":["*"],"headers":{"Authorization":"t0ken","X-Key":"k"}}`, &made)
		at := "/console/webhooks/" + made.ID
		moved := func(headers string) url.Values {
			return form("url", "https://new.example/hook", "events", "*", "active", "on", "headers", headers)
		}
		const entered = "Authorization: ********\nX-Key: ********"
		p := b.post(at, moved(entered)).is(422).has("https://new.example/hook", entered)
		said := p.problems()
		if len(said) != 1 || !strings.Contains(said["headers"], "Authorization: must be given again") || !strings.Contains(said["headers"], "X-Key: must be given again") {
			t.Errorf("got problems %q, want both headers named", said)
		}
		b.post(at, moved("Authorization: new\nX-Key: ********")).is(422).has("X-Key: must be given again").lacks("Authorization: must be given again")
		var now struct {
			URL     string
			Headers map[string]string
		}
		w.call(200, key, "GET", "/v1/webhooks/"+made.ID, "", &now)
		if now.URL != "https://old.example/hook" || len(now.Headers) != 2 {
			t.Errorf("got %+v, want all as it was", now)
		}
		b.post(at, moved("Authorization: new")).leads(at)
		now.Headers = nil
		w.call(200, key, "GET", "/v1/webhooks/"+made.ID, "", &now)
		if now.URL != "https://new.example/hook" || len(now.Headers) != 1 {
			t.Errorf("got %+v, want the new host and one header", now)
		}
	})
}

// The summary leads to every field at fault, and the first of them has the focus.
func TestSummary(t *testing.T) {
	w := newWorld(t)
	b := w.browser(w.tenant("acme", "agiletune"))
	bad := form("url", "ftp://x", "filter", "{", "headers", "x", "metadata", "x", "timeout_seconds", "x", "max_per_second", "x", "secret", "short",
		"format", "fax", "content_type", "text/plain", "name", strings.Repeat("n", 300))
	p := b.post("/console/webhooks", bad).is(422).has(`role="alert"`)
	ids, focused := map[string]bool{}, []string{}
	for _, e := range elements(p.body) {
		if id := e.attrs["id"]; id != "" {
			if ids[id] {
				t.Errorf("the id %s is there twice", id)
			}
			ids[id] = true
		}
		if _, ok := e.attrs["autofocus"]; ok {
			focused = append(focused, e.attrs["id"])
		}
	}
	links := 0
	for _, m := range regexp.MustCompile(`<li><a href="#(\w+)">`).FindAllStringSubmatch(p.body, -1) {
		if links++; !ids[m[1]] {
			t.Errorf("the summary leads to %s, which is not there", m[1])
		}
	}
	if said := p.problems(); links != len(bad)+1 || len(said) != links { // and the events
		t.Errorf("got %d links and %d problems, want %d", links, len(said), len(bad)+1)
	}
	if !slices.Equal(focused, []string{"url"}) {
		t.Errorf("got focus on %q, want the URL", focused)
	}
	bad.Set("url", "https://example.com")
	bad.Set("events", "*")
	if p := b.post("/console/webhooks", bad).is(422); !regexp.MustCompile(`<input id="secret"[^>]* autofocus>`).MatchString(p.body) {
		t.Errorf("got %s, want the focus on the secret", p.body)
	}
}

func TestEventChoice(t *testing.T) {
	tests := map[string]struct {
		has, lacks []string
	}{
		"standard":   {[]string{"User events", `value="user.*"`, "Invoice events", `value="invoice.*"`, "Other events", "Select all"}, []string{`value="webhook.*"`}},
		"axiestudio": {[]string{"Team Member Events", "Enterprise Events", "Coming Soon", "Chat interface events", `disabled`}, []string{`value="user.*"`, "Chat interface events <small>"}},
		"axoria":     {[]string{`value="issue.*"`, `value="sprint.*"`, "should be HTTPS in production", "data-insecure hidden"}, []string{`value="status.*"`}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			key := w.tenant("acme", name)
			b := w.browser(key)
			b.get("/console/webhooks/new").is(200).has(tt.has...).lacks(tt.lacks...)
		})
	}
	w := newWorld(t)
	key := w.tenant("acme", "axoria")
	b := w.browser(key)
	var made struct{ ID string }
	w.call(201, key, "POST", "/v1/webhooks", `{"url":"https://example.com","events":["issue.*","sprint.started"]}`, &made)
	b.get("/console/webhooks/"+made.ID+"/edit").is(200).has(`value="issue.*" checked`, `value="sprint.started" checked`, `name="more_events" type="text" value=""`)
	p := b.post("/console/webhooks", form("url", "http://example.com", "name", strings.Repeat("n", 300))).is(422)
	if !strings.Contains(p.body, "data-insecure>") {
		t.Errorf("got %s, want the warning of http", p.body)
	}
	b.post("/console/webhooks", form("url", "http://example.com", "events", "*")).is(201).has("http sends events in the clear")
}

func TestTrial(t *testing.T) {
	bothWays(t, func(t *testing.T, w *world, key string, b *browser) {
		draft := func(do string, pairs ...string) page {
			t.Helper()
			return b.post("/console/webhook-form", form(append([]string{"do", do, "url", "https://example.com/hook"}, pairs...)...)).is(200)
		}
		said := func(p page) string {
			_, rest, _ := strings.Cut(p.body, `<div role="status">`)
			text, _, _ := strings.Cut(rest, "</div>")
			return html.UnescapeString(strings.TrimSpace(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(text, " ")))
		}
		tests := map[string]struct{ filter, data, want string }{
			"matches":                {`{"a": [1]}`, `{"a": 1}`, "Matches: an event with this data is sent."},
			"does not":               {`{"a": [1]}`, `{"a": 2}`, "Does not match: an event with this data is not sent."},
			"the example":            {`{"message": [{"prefix": "This is a test"}]}`, "", "Matches: an event with this data is sent."},
			"no filter":              {"", `{"a": 2}`, "There is no filter: every event is sent."},
			"a filter that is wrong": {`{"a": {"b": 1}}`, `{"a": 2}`, "a.b: must be a list of values, such as [1], or an object."},
			"a filter that is none":  {`{"a": [1`, `{"a": 2}`, "The filter is not JSON: unexpected end of JSON input, in line 1."},
			"data that is none":      {`{"a": [1]}`, `{"a"`, "The example is not JSON: unexpected end of JSON input, in line 1."},
			"data that is a list":    {`{"a": [1]}`, `[]`, "The example must be a JSON object."},
		}
		for name, tt := range tests {
			t.Run(name, func(t *testing.T) {
				p := draft("try", "filter", tt.filter, "try_data", tt.data, "try_type", "webhook.test")
				if got := said(p); got != tt.want {
					t.Errorf("got %q, want %q", got, tt.want)
				}
				p.has(html.EscapeString(tt.data), `<option value="webhook.test" selected>`)
			})
		}
		// Another type brings its example.
		draft("example", "try_type", "deployment.registered", "try_data", `{"mine":true}`).has("repository_url").lacks("mine")
		// Without htmx it is the form as it was filled.
		if !b.htmx {
			id := w.webhook(key)
			draft("try", "id", id, "events", "invoice.paid", "name", "Kept", "filter", "{}", "metadata", "a: b").
				has(`value="https://example.com/hook"`, `value="Kept"`, `value="invoice.paid" checked`, "a: b", `action="/console/webhooks/`+id+`"`, "must name at least one field")
			draft("preview", "secret", "whsec_cXVpdGUgbG9uZyBlbm91Z2ggZm9yIGEga2V5").has("Enter it again").lacks("cXVpdGUg")
			draft("try", "id", "../../tenant").has(`action="/console/webhooks"`)
		}
	})
}

func TestFormatPreview(t *testing.T) {
	bothWays(t, func(t *testing.T, w *world, key string, b *browser) {
		preview := func(pairs ...string) page {
			t.Helper()
			return b.post("/console/webhook-form", form(append([]string{"do", "preview"}, pairs...)...)).is(200)
		}
		for _, format := range []string{"slack", "teams", "discord"} {
			preview("format", format, "preview_type", "deployment.registered").
				has(`class="chat `+format+`"`, "A deployment was registered through a source", "<dt>Environment</dt><dd>production</dd>", "not signed").
				lacks("webhook-signature")
		}
		preview("format", "json", "events", "*", "events", "webhook.test").has("webhook-signature: v1,", "This is a test webhook", "Real events").lacks(`class="chat`)
		preview("format", "fax", "preview_type", "nope").has("webhook-signature")
		scoped, _ := w.scoped(key, "webhooks:read", "webhooks:write")
		other := w.browser(scoped)
		other.get("/console/webhooks/new").is(200).lacks(`id="preview"`)
	})
	w := newWorld(t)
	b := w.browser(w.tenant("acme", "agiletune"))
	b.post("/console/webhook-form", url.Values{"do": {"preview"}, "format": {"json"}, "content_type": {"application/x-www-form-urlencoded"}}).is(200).has("payload=%7B")
}

// A reload of the page that shows what was made, or a second click, makes nothing more; other entries do.
func TestMadeOnce(t *testing.T) {
	w := newWorld(t)
	key := w.tenant("acme", "standard")
	b, hook := w.browser(key), w.webhook(key)
	for name, test := range map[string]struct {
		page, to string
		entries  url.Values
		other    string // an entry to change
	}{
		"a webhook":     {"/console/webhooks/new", "/console/webhooks", form("url", "https://example.com/once", "events", "*"), "name"},
		"a key":         {"/console/keys/new", "/console/keys", form("name", "Once", "scopes", "webhooks:read"), "name"},
		"a source":      {"/console/sources/new", "/console/sources", form("kind", "custom", "name", "Once"), "name"},
		"a secret":      {"/console/webhooks/" + hook + "/rotate-secret", "/console/webhooks/" + hook + "/rotate-secret", form("overlap_seconds", "0"), "overlap_seconds"},
		"a portal link": {"/console/settings/portal-link", "/console/settings/portal-link", form("expires_in", "3600"), "expires_in"},
	} {
		t.Run(name, func(t *testing.T) {
			send := func(once, changed string) string {
				entries := maps.Clone(test.entries)
				entries.Set("once", once)
				if changed != "" {
					entries.Set(test.other, changed)
				}
				p := b.post(test.to, entries)
				if p.status >= 300 {
					t.Fatalf("got %d, want what was made: %s", p.status, p.body)
				}
				return secrets(p)
			}
			once := b.get(test.page).is(200).filled().Get("once")
			if other := b.get(test.page).filled().Get("once"); once == "" || once == other {
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

// secrets returns what a page has to copy.
func secrets(p page) string {
	var out []string
	for _, e := range elements(p.body) {
		out = append(out, e.attrs["data-copy"])
	}
	return strings.Join(out, "")
}
