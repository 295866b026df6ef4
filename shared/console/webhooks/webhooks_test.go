package webhooks_test

import (
	"fmt"
	"html"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hookline/shared/console/consoletest"
	"hookline/shared/egress"
	"hookline/shared/webhook"
)

func TestHub(t *testing.T) {
	w := consoletest.New(t)
	key := w.Tenant("acme", "agiletune")
	b := w.Browser(key)
	id := w.Webhook(key, `"metadata":{"team":"billing"}`, `"filter":{"n":[1]}`)
	at := "/console/webhooks/" + id
	b.Get(at).Is(200).Has("No deliveries yet", "Delivery logs", "team: billing", `{&#34;n&#34;:[1]}`, at+"/troubleshoot", at+"/deliveries").Lacks(`class="why`)
	begin := consoletest.Began()
	for i := range 12 {
		w.Delivered(id, fmt.Sprintf("evt_%02d", i), begin.Add(time.Duration(i)*time.Second), nil)
	}
	if got := len(b.Get(at).Is(200).Lacks(`class="why`).Rows()); got != 10 {
		t.Errorf("got %d deliveries, want the latest 10", got)
	}
	w.Delivered(id, "evt_bad", begin.Add(time.Minute), consoletest.Failing(webhook.ReasonBadStatus, 401))
	b.Get(at).Is(200).Has("The last request to it failed", "401 Unauthorized", "troubleshoot#signature-failing")
	if ok, err := w.Store.SetHealth(t.Context(), webhook.Ref{Tenant: "acme", ID: id}, webhook.Health{}, webhook.Health{FailingSince: begin}); !ok || err != nil {
		t.Fatal(ok, err)
	}
	b.Get(at).Is(200).Has("Failing since <time", "the first success makes it active again", "401 Unauthorized")
	w.Call(200, key, "PATCH", "/v1/webhooks/"+id, `{"active":false}`, nil)
	b.Get(at).Is(200).Has("It gets no events", "401 Unauthorized")
}

// TestTestTypes shows that a test offers the types that can be sent, under the product's own headings.
func TestTestTypes(t *testing.T) {
	w := consoletest.New(t)
	key := w.Tenant("acme", "axiestudio")
	id := w.Webhook(key)
	p := w.Browser(key).Get("/console/webhooks/"+id+"/test").Is(200).
		Has(`<optgroup label="Team Member Events"><option>user.created</option>`, `<option value="">webhook.test</option>`, "<option>deployment.registered</option>").
		Lacks("Coming Soon", "<option>webhook.test", `"></optgroup>`)
	for _, m := range regexp.MustCompile(`<option>([^<]+)<`).FindAllStringSubmatch(p.Body, -1) {
		w.Call(200, key, "POST", "/v1/webhooks/"+id+"/test", `{"event_type":"`+m[1]+`"}`, nil)
	}
}

// TestTestExplained shows that the dialog explains a test's failure.
func TestTestExplained(t *testing.T) {
	consoletest.BothWays(t, func(_ *testing.T, w *consoletest.World, key string, b *consoletest.Browser) {
		id := w.Webhook(key)
		at := "/console/webhooks/" + id + "/test"
		b.Post(at, nil).Is(200).Has("Succeeded", "POST https://example.com/hook", `href="/console/deliveries/dlv_`).Lacks(`class="why"`)
		w.Answer = egress.Response{Status: 401, Err: "bad_status", Duration: 1500 * time.Millisecond}
		b.Post(at, nil).Is(200).Has("401 Unauthorized", "checked with another secret", "1.5 s", "/troubleshoot#signature-failing", "The answer had no body.")
		w.Answer = egress.Response{Err: "dns"}
		b.Post(at, nil).Is(200).Has("does not resolve", "There was no answer.")
	})
}

func TestWebhook(t *testing.T) {
	consoletest.BothWays(t, func(t *testing.T, w *consoletest.World, key string, b *consoletest.Browser) {
		b.Get("/console/webhooks").Is(200).Has("No webhooks yet")
		b.Get("/console/webhooks/new").Is(200).Has(`action="/console/webhooks"`, `hx-post="/console/webhooks"`, `value="webhook.test"`)
		b.Post("/console/webhooks", consoletest.Form("url", " https://example.com/hook ", "events", "webhook.test", "more_events", "order.*, shipment.sent\nwebhook.test", "name", "Billing", "format", "slack", "active", "on")).Is(201)
		var list struct{ Data []struct{ ID string } }
		w.Call(200, key, "GET", "/v1/webhooks", "", &list)
		if len(list.Data) != 1 {
			t.Fatalf("got %d webhooks, want 1", len(list.Data))
		}
		id := list.Data[0].ID
		at := "/console/webhooks/" + id
		want := consoletest.Shown{
			URL: "https://example.com/hook", Name: "Billing", Format: "slack", Active: true,
			Events: []string{"webhook.test", "order.*", "shipment.sent"}, Headers: map[string]string{},
		}
		if diff := cmp.Diff(want, w.Show(key, id)); diff != "" {
			t.Errorf("made (-want +got):\n%s", diff)
		}
		b.Get("/console/webhooks").Is(200).Has("Billing", "https://example.com/hook", `href="`+at+`/edit"`)

		b.Get(at+"/edit").Is(200).Has(`value="https://example.com/hook"`, `value="order.* shipment.sent"`, `<option value="slack" selected>Slack message`, `name="events" value="webhook.test" checked`).
			Lacks(`name="secret"`)
		b.Post(at, consoletest.Form("url", "https://example.com/other", "events", "webhook.test", "more_events", "order.* shipment.sent", "name", "")).Leads(at)
		want.URL, want.Name, want.Active = "https://example.com/other", "", false
		if diff := cmp.Diff(want, w.Show(key, id)); diff != "" {
			t.Errorf("changed (-want +got):\n%s", diff)
		}

		b.Get(at + "/delete").Is(200).Has(`action="` + at + `/delete"`)
		w.Show(key, id) // asking deletes nothing
		b.Post(at+"/delete", nil).Leads("/console/webhooks")
		w.Call(404, key, "GET", "/v1/webhooks/"+id, "", nil)
		b.Get(at).Is(404)
	})
}

// TestEditKeeps shows that an edit leaves the fields that the form does not show.
func TestEditKeeps(t *testing.T) {
	w := consoletest.New(t)
	key := w.Tenant("acme", "standard")
	id := w.Webhook(key, `"headers":{"X-Token":"t0ken"}`, `"format":"teams"`)
	b := w.Browser(key)
	p := b.Get("/console/webhooks/" + id + "/edit").Is(200)
	b.Post("/console/webhooks/"+id, p.Filled()).Leads("/console/webhooks/" + id)
	want := consoletest.Shown{URL: "https://example.com/hook", Active: true, Events: []string{"*"}, Format: "teams", Headers: map[string]string{"X-Token": "********"}}
	if diff := cmp.Diff(want, w.Show(key, id)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	b.Get("/console/webhooks/"+id).Is(200).Has("X-Token", "Microsoft Teams message").Lacks("t0ken")
}

func TestFieldErrors(t *testing.T) {
	consoletest.BothWays(t, func(t *testing.T, w *consoletest.World, key string, b *consoletest.Browser) {
		id := w.Webhook(key)
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
					p := b.Post(target, f).Is(422)
					said := p.Problems()
					if text := said[tt.field]; len(said) != 1 || !strings.Contains(strings.ToLower(text), strings.ToLower(tt.says)) {
						t.Errorf("%s: got problems %q, want one with %s that says %q", p.What, said, tt.field, tt.says)
					}
					if tt.field != "secret" && tt.field != "format" && tt.value != "" {
						p.Has(html.EscapeString(tt.value)) // what was entered stays
					}
				}
			})
		}
		p := b.Post("/console/webhooks", consoletest.Form("url", "http://example.com", "secret", "whsec_cXVpdGUgbG9uZyBlbm91Z2ggZm9yIGEga2V5")).Is(422)
		if said := p.Problems(); len(said) != 3 || !strings.Contains(said["secret"], "again") {
			t.Errorf("got problems %q, want url, events, and that the secret is to be entered again", said)
		}
		p.Lacks("whsec_cXVpdGUg")
	})
}

func TestSecretOnce(t *testing.T) {
	consoletest.BothWays(t, func(t *testing.T, w *consoletest.World, _ string, b *consoletest.Browser) {
		secrets := []string{}
		keep := func(p consoletest.Page) {
			t.Helper()
			_, rest, _ := strings.Cut(p.Body, `data-copy="`)
			secret, _, ok := strings.Cut(rest, `"`)
			if secret = html.UnescapeString(secret); !ok || !strings.HasPrefix(secret, "whsec_") {
				t.Fatalf("%s: got %s, want a secret to copy", p.What, p.Body)
			}
			secrets = append(secrets, strings.TrimPrefix(secret, "whsec_"))
		}
		own := "whsec_bXkgb3duIHNlY3JldCBvZiAzMCBieXRlcy4u"
		keep(b.Post("/console/webhooks", consoletest.Form("url", "https://example.com/made", "events", "*", "active", "on")).Is(201))
		p := b.Post("/console/webhooks", consoletest.Form("url", "https://example.com/own", "events", "*", "active", "on", "secret", own)).Is(201).Has(own)
		keep(p)
		_, rest, _ := strings.Cut(p.Body, `<a class="primary" href="`)
		at, _, _ := strings.Cut(rest, `"`)
		b.Get(at + "/rotate-secret").Is(200)
		keep(b.Post(at+"/rotate-secret", nil).Is(200).Has("The old secret signs too until"))
		b.Post(at+"/test", consoletest.Form("event_type", "webhook.test")).Is(200)
		for _, page := range []string{"/console/webhooks", at, at + "/edit", at + "/test", at + "/rotate-secret", at + "/delete"} {
			b.Get(page).Is(200)
		}
		b.Post(at, consoletest.Form("url", "https://example.com/own", "events", "*")).Leads(at)
		for _, secret := range secrets {
			in := 0
			for _, p := range b.Seen {
				if strings.Contains(html.UnescapeString(p.Body), secret) { // base64 has "+", which is escaped
					in++
				}
				if headers := fmt.Sprint(p.Header) + p.What; strings.Contains(headers, secret) {
					t.Errorf("%s: the secret is in %s", p.What, headers)
				}
			}
			if in != 1 {
				t.Errorf("a secret is in %d pages, want 1", in)
			}
			if strings.Contains(w.Log.String(), secret) {
				t.Errorf("a secret is in the log: %s", w.Log.String())
			}
		}
		if got := len(slices.Compact(slices.Sorted(slices.Values(secrets)))); got != 3 {
			t.Errorf("got %d secrets, want 3", got)
		}
	})
}

func TestEscaped(t *testing.T) {
	consoletest.BothWays(t, func(t *testing.T, w *consoletest.World, key string, b *consoletest.Browser) {
		w.Answer = egress.Response{Status: 500, Err: "bad_status", Body: `<b id="theirs">` + consoletest.Nasty + `</b>`}
		id := w.Webhook(key, `"name":`+fmt.Sprintf("%q", consoletest.Nasty))
		at := "/console/webhooks/" + id
		for _, target := range []string{"/console/webhooks", "/console/webhooks?search=" + url.QueryEscape("<script>"), "/console/webhooks?search=" + url.QueryEscape(consoletest.Nasty), at + "/edit", at + "/test", at + "/rotate-secret", at + "/delete"} {
			b.Get(target).Is(200).Lacks("<script>")
		}
		b.Get("/console/webhooks").Has(html.EscapeString("<script>alert(1)</script>"))
		b.Post(at+"/test", nil).Is(200).Lacks("<script>", `<b id`).Has("&lt;b id=", "answered 500", "Failed", "bad_status")
		b.Post("/console/webhooks", consoletest.Form("url", consoletest.Nasty, "name", consoletest.Nasty, "events", consoletest.Nasty, "more_events", consoletest.Nasty, "format", consoletest.Nasty)).Is(422).Lacks("<script>")
		b.Get("/console/" + url.PathEscape(consoletest.Nasty)).Is(404).Lacks("<script>")
		s := w.Stranger()
		s.Get("/console/sign-in?to=" + url.QueryEscape("/console/"+consoletest.Nasty)).Is(200).Lacks("<script>")
		s.Post("/console/sign-in", consoletest.Form("key", consoletest.Nasty, "to", consoletest.Nasty)).Is(401).Lacks("<script>")
	})
}

func TestTest(t *testing.T) {
	consoletest.BothWays(t, func(_ *testing.T, w *consoletest.World, key string, b *consoletest.Browser) {
		id := w.Webhook(key)
		at := "/console/webhooks/" + id
		b.Get(at+"/test").Is(200).Has("webhook.test", "deployment.registered")
		b.Post(at+"/test", consoletest.Form("event_type", "deployment.registered")).Is(200).Has("Succeeded", "answered 200", "fine", "webhook-signature", "repository_url")
		b.Post(at+"/test", consoletest.Form("event_type", "not a type")).Is(422)
		w.Answer = egress.Response{Err: "timeout"}
		b.Post(at+"/test", nil).Is(200).Has("Failed", "timeout", "There was no answer.", "webhook.test")
	})
}

func TestOtherTenant(t *testing.T) {
	consoletest.BothWays(t, func(t *testing.T, w *consoletest.World, _ string, b *consoletest.Browser) {
		theirs := w.Tenant("globex", "standard")
		id := w.Webhook(theirs, `"name":"Theirs"`)
		at := "/console/webhooks/" + id
		for _, page := range []string{"", "/edit", "/delete", "/rotate-secret", "/test"} {
			b.Get(at+page).Is(404).Lacks("Theirs", "example.com")
			if page != "/edit" {
				b.Post(at+page, consoletest.Form("url", "https://example.com/stolen", "events", "*")).Is(404).Lacks("Theirs", "example.com")
			}
		}
		b.Get("/console/webhooks").Is(200).Lacks("Theirs", id)
		if got := w.Show(theirs, id).URL; got != "https://example.com/hook" {
			t.Errorf("got url %s, want it unchanged", got)
		}
		for _, odd := range []string{"wh_none", "..", "%2e%2e%2ftenant", "a%2fb"} {
			if p := b.Get("/console/webhooks/" + odd); p.Status != 404 && p.Status != 301 && p.Status != 307 {
				t.Errorf("%s: got %d %s, want 404", p.What, p.Status, p.Body)
			}
		}
	})
}

func TestScopes(t *testing.T) {
	consoletest.BothWays(t, func(t *testing.T, w *consoletest.World, key string, b *consoletest.Browser) {
		as := func(scopes ...string) *consoletest.Browser {
			scoped, _ := w.Scoped(key, scopes...)
			next := w.Browser(scoped)
			next.HTMX = b.HTMX
			return next
		}
		id := w.Webhook(key)
		at := "/console/webhooks/" + id
		b = as("webhooks:read")
		b.Get("/console/webhooks").Is(200)
		f := consoletest.Form("url", "https://example.com/other", "events", "*")
		for _, target := range []string{"/console/webhooks", at, at + "/delete", at + "/rotate-secret", at + "/test"} {
			b.Post(target, f).Is(403).Has("webhooks:write")
		}
		if got := w.Show(key, id).URL; got != "https://example.com/hook" {
			t.Errorf("got url %s, want it unchanged", got)
		}
		b.Get(at).Is(200).Has("Your key does not allow to read deliveries")
		b.Get(at + "/troubleshoot").Is(200).Has("Your key does not allow to read deliveries")
		b.Get(at + "/deliveries").Is(403)
		b = as("events:write")
		b.Get("/console/webhooks").Is(403).Has("webhooks:read")
		b.Get(at).Is(403)
		b = as("webhooks:read", "webhooks:write")
		b.Post(at+"/test", nil).Is(200).Has("answered 200").Lacks("webhook-signature") // what was sent is a delivery's
	})
}

func TestList(t *testing.T) {
	consoletest.BothWays(t, func(_ *testing.T, w *consoletest.World, key string, b *consoletest.Browser) {
		for i := range 30 {
			w.Webhook(key, fmt.Sprintf(`"name":"hook-%02d","active":%t`, i, i%3 > 0))
		}
		first := b.Get("/console/webhooks").Is(200)
		_, rest, _ := strings.Cut(first.Body, `href="/console/webhooks?cursor=`)
		cursor, _, _ := strings.Cut(rest, `"`)
		if got := strings.Count(first.Body, "<tr>") + strings.Count(b.Get("/console/webhooks?cursor="+cursor).Is(200).Has("First page").Lacks("Next page").Body, "<tr>"); got != 30+2 {
			first.T.Errorf("got %d rows in two pages with their heads, want 32", got)
		}
		b.Get("/console/webhooks?status=inactive").Has("hook-03").Lacks("hook-04")
		b.Get("/console/webhooks?search=hook-07").Has("hook-07").Lacks("hook-08")
		b.Get("/console/webhooks?search=none").Has("No webhook matches")
		b.Get("/console/webhooks?status=other").Has("hook-29") // no such filter
		b.Get("/console/webhooks?cursor=made-up").Is(422).Lacks("made-up")
	})
}

// tallied puts records of deliveries into the store.
func tallied(w *consoletest.World, tenant, hook string, status webhook.DeliveryStatus, n int) {
	w.T.Helper()
	for i := range n {
		at := w.Now
		d := webhook.Delivery{
			DeliveryKey: webhook.DeliveryKey{Tenant: tenant, Webhook: hook, Event: fmt.Sprint("evt_", status, i), AcceptedAt: at},
			Type:        "a.b", Dialect: "standard@1", Status: status, Round: 1, ExpiresAt: at.Add(time.Hour),
		}
		d.Record(webhook.Attempt{StatusCode: 200, Duration: time.Duration(n) * 100 * time.Millisecond})
		if err := w.Store.SaveDelivery(w.T.Context(), d, webhook.Rev{}); err != nil {
			w.T.Fatal(err)
		}
	}
}

// TestDay shows the last day: of each webhook and of all together in the list, by the hour on a webhook's page, and in words
// too.
func TestDay(t *testing.T) {
	w := consoletest.New(t)
	key := w.Tenant("acme", "standard")
	b := w.Browser(key)
	b.Get("/console/webhooks").Is(200).Lacks("last 24 hours", "<svg class=\"sparkline\"")
	first, second := w.Webhook(key, `"name":"First"`), w.Webhook(key, `"name":"Second"`)
	b.Get("/console/webhooks").Is(200).Has("<strong>0</strong> succeeded", `aria-label="Deliveries of the last 24 hours: succeeded 0, failed 0, being retried 0."`)
	tallied(w, "acme", first, webhook.Succeeded, 12)
	tallied(w, "acme", first, webhook.Failed, 3)
	tallied(w, "acme", second, webhook.Pending, 1)
	const hour = "20 Mar, 12:00"
	p := b.Get("/console/webhooks").Is(200).Has(
		"<strong>12</strong> succeeded", "<strong>3</strong> failed", "<strong>1</strong> being retried", "waiting for their first attempt: not known", `<path class="succeeded" d="M`, `<path class="failed" d="M`,
		`aria-label="Deliveries of the last 24 hours: succeeded 12, failed 3, being retried 0.`, `>3 failed</span>`, "1 being retried</small>",
	)
	if n := strings.Count(p.Body, `class="sparkline"`); n != 2 {
		t.Errorf("got %d charts, want 2", n)
	}
	b.Get("/console/webhooks/"+first).Is(200).Has(
		"Succeeded <strong>12</strong>", "Failed <strong>3</strong>", `<th scope="row">`+hour+`</th><td>12</td><td>3</td><td>0</td>`,
		"80.0 % of the deliveries that ended succeeded. Half of the answers came within 1.2 s, 95 of 100 within 1.2 s.",
	)
	b.HTMX = true // a search brings the list alone
	b.Get("/console/webhooks?search=Second").Is(200).Has("1 being retried</small>")
}

// TestCounts shows that the cards add up, that a failing webhook counts once, and what takes all events.
func TestCounts(t *testing.T) {
	w := consoletest.New(t)
	key := w.Tenant("acme", "standard")
	failing := w.Webhook(key, `"name":"All"`)
	w.Webhook(key, `"name":"Off"`, `"active":false`)
	var made struct{ ID string }
	w.Call(201, key, "POST", "/v1/webhooks", `{"url":"https://example.com/few","name":"Few","events":["order.created","order.paid"]}`, &made)
	ref := webhook.Ref{Tenant: "acme", ID: failing}
	if ok, err := w.Store.SetHealth(t.Context(), ref, webhook.Health{}, webhook.Health{FailingSince: w.Now}); !ok || err != nil {
		t.Fatal(ok, err)
	}
	b := w.Browser(key)
	p := b.Get("/console/webhooks").Is(200).Has(
		"<span>Total</span><strong>3</strong>", "<span>Active</span><strong>2</strong>", "<span>Inactive</span><strong>1</strong>", "1 of them failing",
		`<td data-label="Events">All events</td>`, `<td data-label="Events">2</td>`,
	)
	if got := strings.Count(p.Body, "<li><span>"); got != 4 {
		t.Errorf("got %d cards, want the total, its two parts and the events", got)
	}
	b.Get("/console/webhooks/" + failing).Is(200).Has(`<span class="tag">All events</span>`).Lacks(">*<")
}
