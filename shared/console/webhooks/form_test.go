package webhooks_test

import (
	"encoding/json"
	"html"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"hookline/shared/console/consoletest"
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
	consoletest.BothWays(t, func(t *testing.T, w *consoletest.World, key string, b *consoletest.Browser) {
		b.Post("/console/webhooks", consoletest.Form(
			"url", "https://example.com/hook", "events", "*", "events", "invoice.paid", "events", "webhook.test", "more_events", "invoice.* delivery.failed",
			"active", "on", "name", "", "format", "json", "content_type", "application/json", "secret", "",
			"filter", ` {"total": [{"numeric": [">", 100]}]} `, "headers", "X-Token: t0ken:1\r\n\r\nX-Team:billing", "metadata", "team: billing\nwho: R. Roe",
			"timeout_seconds", " 7 ", "max_per_second", "50",
		)).Is(201)
		var list struct{ Data []struct{ ID string } }
		w.Call(200, key, "GET", "/v1/webhooks", "", &list)
		at := "/console/webhooks/" + list.Data[0].ID
		got := func() (s settings) {
			w.Call(200, key, "GET", "/v1/webhooks/"+list.Data[0].ID, "", &s)
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
		// The form, sent back unchanged, changes nothing.
		p := b.Get(at+"/edit").Is(200).Has("X-Token: ********", "team: billing").Lacks("t0ken")
		b.Post(at, p.Filled()).Leads(at)
		if diff := cmp.Diff(want, got()); diff != "" {
			t.Errorf("sent back (-want +got):\n%s", diff)
		}
		// An emptied field is cleared.
		f := p.Filled()
		for _, field := range []string{"filter", "headers", "metadata", "timeout_seconds", "max_per_second"} {
			f.Set(field, "")
		}
		b.Post(at, f).Leads(at)
		want = settings{Events: want.Events, Filter: json.RawMessage("null"), Headers: map[string]string{}, Metadata: map[string]string{}, TimeoutSeconds: 15}
		if diff := cmp.Diff(want, got()); diff != "" {
			t.Errorf("cleared (-want +got):\n%s", diff)
		}
	})
}

// TestMetadataOfAnyText shows that texts that lines cannot hold are shown as JSON and come back unchanged.
func TestMetadataOfAnyText(t *testing.T) {
	tests := map[string]string{
		"line ends": `{"a":"one\ntwo"}`, "a colon in a name": `{"a:b":"c"}`, "edges": `{"a":" b "}`, "nothing": `{"a":""}`, "a brace": `{"{a":"b"}`,
		"plain": `{"a":"b: c"}`,
	}
	for name, metadata := range tests {
		t.Run(name, func(t *testing.T) {
			w := consoletest.New(t)
			key := w.Tenant("acme", "standard")
			id := w.Webhook(key, `"metadata":`+metadata)
			b := w.Browser(key)
			b.Post("/console/webhooks/"+id, b.Get("/console/webhooks/"+id+"/edit").Is(200).Filled()).Leads("/console/webhooks/" + id)
			var got struct{ Metadata json.RawMessage }
			w.Call(200, key, "GET", "/v1/webhooks/"+id, "", &got)
			if string(got.Metadata) != metadata {
				t.Errorf("got %s, want %s", got.Metadata, metadata)
			}
		})
	}
}

func TestFaultsOfParts(t *testing.T) {
	consoletest.BothWays(t, func(t *testing.T, w *consoletest.World, key string, b *consoletest.Browser) {
		id := w.Webhook(key)
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
				f := consoletest.Form("url", "https://example.com/hook", "active", "on")
				f.Set(tt.field, tt.value)
				field := tt.field
				if field == "more_events" {
					field = "events"
				} else {
					f.Set("events", "*")
				}
				for _, target := range []string{"/console/webhooks", "/console/webhooks/" + id} {
					p := b.Post(target, f).Is(422).Has(html.EscapeString(tt.value))
					if said := p.Problems(); len(said) != 1 || !strings.Contains(said[field], tt.says) {
						t.Errorf("%s: got problems %q, want one with %s that says %q", p.What, said, field, tt.says)
					}
					p.Has(`href="#`+field+`"`, html.EscapeString(tt.says))
				}
			})
		}
	})
}

// TestMovedWebhook shows that the form gives no stored token to another host, and says which ones to enter.
func TestMovedWebhook(t *testing.T) {
	consoletest.BothWays(t, func(t *testing.T, w *consoletest.World, key string, b *consoletest.Browser) {
		var made struct{ ID string }
		w.Call(201, key, "POST", "/v1/webhooks", `{"url":"https://old.example/hook","events":["*"],"headers":{"Authorization":"t0ken","X-Key":"k"}}`, &made)
		at := "/console/webhooks/" + made.ID
		moved := func(headers string) url.Values {
			return consoletest.Form("url", "https://new.example/hook", "events", "*", "active", "on", "headers", headers)
		}
		const entered = "Authorization: ********\nX-Key: ********"
		p := b.Post(at, moved(entered)).Is(422).Has("https://new.example/hook", entered)
		said := p.Problems()
		if len(said) != 1 || !strings.Contains(said["headers"], "Authorization: must be given again") || !strings.Contains(said["headers"], "X-Key: must be given again") {
			t.Errorf("got problems %q, want both headers named", said)
		}
		b.Post(at, moved("Authorization: new\nX-Key: ********")).Is(422).Has("X-Key: must be given again").Lacks("Authorization: must be given again")
		var now struct {
			URL     string
			Headers map[string]string
		}
		w.Call(200, key, "GET", "/v1/webhooks/"+made.ID, "", &now)
		if now.URL != "https://old.example/hook" || len(now.Headers) != 2 {
			t.Errorf("got %+v, want all as it was", now)
		}
		b.Post(at, moved("Authorization: new")).Leads(at)
		now.Headers = nil
		w.Call(200, key, "GET", "/v1/webhooks/"+made.ID, "", &now)
		if now.URL != "https://new.example/hook" || len(now.Headers) != 1 {
			t.Errorf("got %+v, want the new host and one header", now)
		}
	})
}

// TestSummary shows that the summary links to every field with a problem, and that the first of them has the focus.
func TestSummary(t *testing.T) {
	w := consoletest.New(t)
	b := w.Browser(w.Tenant("acme", "agiletune"))
	bad := consoletest.Form("url", "ftp://x", "filter", "{", "headers", "x", "metadata", "x", "timeout_seconds", "x", "max_per_second", "x", "secret", "short",
		"format", "fax", "content_type", "text/plain", "name", strings.Repeat("n", 300))
	p := b.Post("/console/webhooks", bad).Is(422).Has(`role="alert"`)
	ids, focused := map[string]bool{}, []string{}
	for _, e := range consoletest.Elements(p.Body) {
		if id := e.Attrs["id"]; id != "" {
			if ids[id] {
				t.Errorf("the id %s is there twice", id)
			}
			ids[id] = true
		}
		if _, ok := e.Attrs["autofocus"]; ok {
			focused = append(focused, e.Attrs["id"])
		}
	}
	links := 0
	for _, m := range regexp.MustCompile(`<li><a href="#(\w+)">`).FindAllStringSubmatch(p.Body, -1) {
		if links++; !ids[m[1]] {
			t.Errorf("the summary leads to %s, which is not there", m[1])
		}
	}
	if said := p.Problems(); links != len(bad)+1 || len(said) != links { // and the events
		t.Errorf("got %d links and %d problems, want %d", links, len(said), len(bad)+1)
	}
	if !slices.Equal(focused, []string{"url"}) {
		t.Errorf("got focus on %q, want the URL", focused)
	}
	bad.Set("url", "https://example.com")
	bad.Set("events", "*")
	if p := b.Post("/console/webhooks", bad).Is(422); !regexp.MustCompile(`<input id="secret"[^>]* autofocus>`).MatchString(p.Body) {
		t.Errorf("got %s, want the focus on the secret", p.Body)
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
			w := consoletest.New(t)
			key := w.Tenant("acme", name)
			b := w.Browser(key)
			b.Get("/console/webhooks/new").Is(200).Has(tt.has...).Lacks(tt.lacks...)
		})
	}
	w := consoletest.New(t)
	key := w.Tenant("acme", "axoria")
	b := w.Browser(key)
	var made struct{ ID string }
	w.Call(201, key, "POST", "/v1/webhooks", `{"url":"https://example.com","events":["issue.*","sprint.started"]}`, &made)
	b.Get("/console/webhooks/"+made.ID+"/edit").Is(200).Has(`value="issue.*" checked`, `value="sprint.started" checked`, `name="more_events" type="text" value=""`)
	p := b.Post("/console/webhooks", consoletest.Form("url", "http://example.com", "name", strings.Repeat("n", 300))).Is(422)
	if !strings.Contains(p.Body, "data-insecure>") {
		t.Errorf("got %s, want the warning of http", p.Body)
	}
	b.Post("/console/webhooks", consoletest.Form("url", "http://example.com", "events", "*")).Is(201).Has("http sends events in the clear")
}

func TestTrial(t *testing.T) {
	consoletest.BothWays(t, func(t *testing.T, w *consoletest.World, key string, b *consoletest.Browser) {
		draft := func(do string, pairs ...string) consoletest.Page {
			t.Helper()
			return b.Post("/console/webhook-form", consoletest.Form(append([]string{"do", do, "url", "https://example.com/hook"}, pairs...)...)).Is(200)
		}
		said := func(p consoletest.Page) string {
			_, rest, _ := strings.Cut(p.Body, `<div role="status">`)
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
				p.Has(html.EscapeString(tt.data), `<option value="webhook.test" selected>`)
			})
		}
		// Another type brings its example.
		draft("example", "try_type", "deployment.registered", "try_data", `{"mine":true}`).Has("repository_url").Lacks("mine")
		// Without htmx the answer is the form with its entries.
		if !b.HTMX {
			id := w.Webhook(key)
			draft("try", "id", id, "events", "invoice.paid", "name", "Kept", "filter", "{}", "metadata", "a: b").
				Has(`value="https://example.com/hook"`, `value="Kept"`, `value="invoice.paid" checked`, "a: b", `action="/console/webhooks/`+id+`"`, "must name at least one field")
			draft("preview", "secret", "whsec_cXVpdGUgbG9uZyBlbm91Z2ggZm9yIGEga2V5").Has("Enter it again").Lacks("cXVpdGUg")
			draft("try", "id", "../../tenant").Has(`action="/console/webhooks"`)
		}
	})
}

func TestFormatPreview(t *testing.T) {
	consoletest.BothWays(t, func(t *testing.T, w *consoletest.World, key string, b *consoletest.Browser) {
		preview := func(pairs ...string) consoletest.Page {
			t.Helper()
			return b.Post("/console/webhook-form", consoletest.Form(append([]string{"do", "preview"}, pairs...)...)).Is(200)
		}
		for _, format := range []string{"slack", "teams", "discord"} {
			preview("format", format, "preview_type", "deployment.registered").
				Has(`class="chat `+format+`"`, "A deployment was registered through a source", "<dt>Environment</dt><dd>production</dd>", "not signed").
				Lacks("webhook-signature")
		}
		preview("format", "json", "events", "*", "events", "webhook.test").Has("webhook-signature: v1,", "This is a test webhook", "Real events").Lacks(`class="chat`)
		preview("format", "fax", "preview_type", "nope").Has("webhook-signature")
		scoped, _ := w.Scoped(key, "webhooks:read", "webhooks:write")
		other := w.Browser(scoped)
		other.Get("/console/webhooks/new").Is(200).Lacks(`id="preview"`)
	})
	w := consoletest.New(t)
	b := w.Browser(w.Tenant("acme", "agiletune"))
	b.Post("/console/webhook-form", url.Values{"do": {"preview"}, "format": {"json"}, "content_type": {"application/x-www-form-urlencoded"}}).Is(200).Has("payload=%7B")
}
