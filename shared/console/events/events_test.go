package events_test

import (
	"fmt"
	"html"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hookline/shared/console/consoletest"
	"hookline/shared/webhook"
)

// listedEvents returns the ids that a list of events links to, in its order.
func listedEvents(p consoletest.Page) []string {
	var ids []string
	for _, m := range regexp.MustCompile(`id="event-([^"]+)"`).FindAllStringSubmatch(p.Body, -1) {
		ids = append(ids, m[1])
	}
	return ids
}

func TestEvents(t *testing.T) {
	w := consoletest.New(t)
	key := w.Tenant("acme", "standard")
	b := w.Browser(key)
	b.Get("/console/events").Is(200).Has("No events yet", `aria-current="page">Events`)
	w.Webhook(key, `"name":"Billing"`)
	first := w.Publish(key, "invoice.paid", `"id":"order-1"`, `"data":{}`)
	w.Now = w.Now.Add(2 * time.Hour)
	second := w.Publish(key, "user.created", `"data":{}`)
	w.Call(204, key, "DELETE", "/v1/webhooks/"+w.Webhook(key), "", nil)

	for _, htmx := range []bool{false, true} {
		b.HTMX = htmx
		p := b.Get("/console/events").Is(200).Has("1 webhook", `<time datetime="2026-03-20T12:00:00.`, `href="/console/events/order-1"`, `hx-trigger="every 5s"`)
		if strings.Contains(p.Body, "<html") == htmx {
			t.Errorf("htmx %t: got a whole page or a piece, want the other", htmx)
		}
		for query, want := range map[string][]string{
			"":                                       {second, first},
			"?event_type=invoice.paid":               {first},
			"?within=1h":                             {second},
			"?until=2026-03-20T13:00":                {first},
			"?matched=true":                          {second, first},
			"?matched=maybe&status=failed&within=9h": {second, first},
		} {
			if diff := cmp.Diff(want, listedEvents(b.Get("/console/events"+query).Is(200))); diff != "" {
				t.Errorf("%s (-want +got):\n%s", query, diff)
			}
		}
		b.Get("/console/events?matched=false").Is(200).Has("No event matches").Lacks(`id="event-`)
	}

	// A page that is up to date gets no rows again.
	b.HTMX = true
	poll := seenIn(b.Get("/console/events?matched=true"))
	b.Get(poll).Is(204)
	w.Publish(key, "invoice.paid", `"data":{}`)
	b.Get(poll).Is(200).Has("3 events listed.")
	b.Get("/console/events?live=off").Is(200).Has("Paused.").Lacks("hx-trigger")

	b.HTMX = false
	b.Get("/console/events?event_type=a..b").Is(422).Has("The event type must be", `aria-invalid="true"`)
	b.Get("/console/events?since=noon").Is(422).Has("is not one: write it as", `aria-invalid="true"`)
}

// seenIn returns the address that a page polls.
func seenIn(p consoletest.Page) string {
	p.T.Helper()
	for _, e := range consoletest.Elements(p.Body) {
		if _, live := e.Attrs["data-live"]; live {
			return e.Attrs["hx-get"]
		}
	}
	p.T.Fatalf("%s: asks for nothing new", p.What)
	return ""
}

func TestEventPages(t *testing.T) {
	w := consoletest.New(t)
	key := w.Tenant("acme", "standard")
	var want []string
	for i := range 45 {
		want = append([]string{w.Publish(key, "invoice.paid", fmt.Sprintf(`"id":"order-%02d"`, i), `"data":{}`)}, want...)
		w.Now = w.Now.Add(time.Second)
	}
	b := w.Browser(key)
	var got []string
	for at := "/console/events?event_type=invoice.paid"; at != ""; {
		p := b.Get(at).Is(200)
		got = append(got, listedEvents(p)...)
		at = ""
		if m := regexp.MustCompile(`href="([^"]+)">Next page`).FindStringSubmatch(p.Body); m != nil {
			at = html.UnescapeString(m[1])
		}
		if len(got) > 20 {
			p.Has("First page", "An earlier page").Lacks("hx-trigger=\"every")
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestEvent(t *testing.T) {
	w := consoletest.New(t)
	key := w.Tenant("acme", "standard")
	takes := w.Webhook(key, `"name":"Billing"`)
	filtered := w.Webhook(key, `"name":"Warehouse"`, `"filter":{"total":[5]}`)
	inactive := w.Webhook(key, `"name":"Old"`, `"active":false`)
	data := `{"total":1.0,"note":"<script>alert(1)</script>"}`
	id := w.Publish(key, "invoice.paid", `"id":"order-1"`, `"data":`+data)
	at := "/console/events/" + id
	b := w.Browser(key)
	p := b.Get(at).Is(200).Has(
		"invoice.paid", "order-1", `href="/console/webhooks/`+takes+`"`, "Pending",
		"Its filter does not let this event through.", "It is inactive.", `action="/console/events/order-1/replay"`,
		"&#34;total&#34;: 1.0", "{&#34;total&#34;:1.0,&#34;note&#34;:&#34;&lt;script&gt;alert(1)&lt;/script&gt;&#34;}",
	).Lacks("<script>alert", "/console/deliveries/dlv_") // no attempt was made, so that there is no page of it yet
	if got, want := choices(p), []string{filtered, takes, inactive}; !cmp.Equal(got, want) {
		t.Errorf("got choices %q, want %q", got, want)
	}

	b.HTMX = true
	poll := seenIn(b.Get(at).Is(200).Lacks("<html", "<form")) // what one chooses stays as it is
	b.Get(poll).Is(204)
	b.HTMX = false

	// The first attempt fails.
	key0 := webhook.DeliveryKey{Tenant: "acme", Webhook: takes, Event: id, AcceptedAt: w.Now}
	rec := webhook.Delivery{
		DeliveryKey: key0, Type: "invoice.paid", Dialect: "standard@1", Status: webhook.Failed, Round: 1, Count: 1, Total: 1,
		Attempts: []webhook.Attempt{{Number: 1, StatusCode: 500, Error: webhook.ReasonBadStatus}},
	}
	if err := w.Store.SaveDelivery(t.Context(), rec, webhook.Rev{}); err != nil {
		t.Fatal(err)
	}
	b.Get(at).Is(200).Has("Failed", `href="/console/deliveries/`+rec.ID()+`"`).Lacks("data-live")

	queued := len(w.Queued.Sent)
	b.Post(at+"/replay", consoletest.Form("webhook_id", filtered)).Leads(at + "?replayed=" + filtered)
	b.Post(at+"/replay", consoletest.Form("webhook_id", takes)).Leads(at + "?replayed=" + takes)
	if got := len(w.Queued.Sent) - queued; got != 2 {
		t.Errorf("got %d messages queued, want 2", got)
	}
	b.Get(at+"?replayed="+filtered).Is(200).Has("Sent to Warehouse.", `role="status"`)
	for says, chosen := range map[string]string{"Choose a webhook": "", "There is no such webhook any more": "wh_none"} {
		b.Post(at+"/replay", consoletest.Form("webhook_id", chosen)).Is(422).Has(says, `aria-invalid="true"`)
	}
	b.Get("/console/events/order-2").Is(404)
	b.Post("/console/events/order-2/replay", consoletest.Form("webhook_id", takes)).Is(404)
}

// choices returns the values of the page's options.
func choices(p consoletest.Page) []string {
	var out []string
	for _, e := range consoletest.Elements(p.Body) {
		if e.Name == "option" && strings.HasPrefix(e.Attrs["value"], "wh_") {
			out = append(out, e.Attrs["value"])
		}
	}
	return out
}

// TestEventOfNobody shows the page of an event for a tenant without webhooks, and for a key that may not read them.
func TestErased(t *testing.T) {
	w := consoletest.New(t)
	key := w.Tenant("acme", "standard")
	w.Webhook(key)
	at := "/console/events/" + w.Publish(key, "invoice.paid", `"id":"order-1"`, `"data":{"secret":"s3cret of the payload"}`)
	b := w.Browser(key)
	b.Get(at).Is(200).Has("s3cret", `action="/console/events/order-1/replay"`)
	w.Call(202, key, "DELETE", "/v1/events/order-1/payload", "", nil)
	b.Get(at).Is(200).Has("The payload of this event was erased.", "erased <time", "Failed").Lacks("s3cret", `action="/console/events/order-1/replay"`)
}

func TestEventOfNobody(t *testing.T) {
	w := consoletest.New(t)
	key := w.Tenant("acme", "standard")
	id := w.Publish(key, "invoice.paid", `"data":{}`)
	w.Browser(key).Get("/console/events/"+id).Is(200).Has("No webhook took it.", `<a href="/console/webhooks">add one</a>`).Lacks("<form class=\"sendto\"", "Not sent to")
	hook := w.Webhook(key, `"name":"Billing"`)
	reads, _ := w.Scoped(key, "events:read")
	b := w.Stranger()
	b.Post("/console/sign-in", consoletest.Form("key", reads)).Leads("/console/webhooks")
	b.Get("/console/").Leads("/console/events")
	b.Get("/console/events/"+id).Is(200).Has(hook, "It has come to take such events only since.").Lacks("Billing")
	b.Post("/console/events/"+id+"/replay", consoletest.Form("webhook_id", hook)).Is(403)
}

func TestEventLogOff(t *testing.T) {
	w := consoletest.New(t)
	key := w.Tenant("acme", "standard")
	id := w.Publish(key, "invoice.paid", `"data":{}`)
	b := w.Browser(key)
	w.LogOff = true
	for _, p := range []consoletest.Page{b.Get("/console/events"), b.Get("/console/events/" + id), b.Post("/console/events/"+id+"/replay", url.Values{})} {
		p.Is(404).Has("Events are not kept here", "turned the event log off")
	}
}
