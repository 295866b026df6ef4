package console_test

import (
	"fmt"
	"html"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hookline/shared/webhook"
)

// publish publishes an event and returns its id; fields are JSON members beside the type.
func (w *world) publish(key, eventType string, fields ...string) string {
	w.t.Helper()
	var made struct{ ID string }
	w.call(202, key, "POST", "/v1/events", `{"type":"`+eventType+`",`+strings.Join(fields, ",")+`}`, &made)
	return made.ID
}

// listedEvents returns the ids that a list of events links to, in its order.
func (p page) listedEvents() []string {
	var ids []string
	for _, m := range regexp.MustCompile(`id="event-([^"]+)"`).FindAllStringSubmatch(p.body, -1) {
		ids = append(ids, m[1])
	}
	return ids
}

func TestEvents(t *testing.T) {
	w := newWorld(t)
	key := w.tenant("acme", "standard")
	b := w.browser(key)
	b.get("/console/events").is(200).has("No events yet", `aria-current="page">Events`)
	w.webhook(key, `"name":"Billing"`)
	first := w.publish(key, "invoice.paid", `"id":"order-1"`, `"data":{}`)
	w.now = w.now.Add(2 * time.Hour)
	second := w.publish(key, "user.created", `"data":{}`)
	w.call(204, key, "DELETE", "/v1/webhooks/"+w.webhook(key), "", nil)

	for _, htmx := range []bool{false, true} {
		b.htmx = htmx
		p := b.get("/console/events").is(200).has("1 webhook", `<time datetime="2026-03-20T12:00:00.`, `href="/console/events/order-1"`, `hx-trigger="every 5s"`)
		if strings.Contains(p.body, "<html") == htmx {
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
			if diff := cmp.Diff(want, b.get("/console/events"+query).is(200).listedEvents()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", query, diff)
			}
		}
		b.get("/console/events?matched=false").is(200).has("No event matches").lacks(`id="event-`)
	}

	// What is shown already is not sent again.
	b.htmx = true
	poll := seenIn(b.get("/console/events?matched=true"))
	b.get(poll).is(204)
	w.publish(key, "invoice.paid", `"data":{}`)
	b.get(poll).is(200).has("3 events listed.")
	b.get("/console/events?live=off").is(200).has("Paused.").lacks("hx-trigger")

	b.htmx = false
	b.get("/console/events?event_type=a..b").is(422).has("The event type must be", `aria-invalid="true"`)
	b.get("/console/events?since=noon").is(422).has("is not one: write it as", `aria-invalid="true"`)
}

// seenIn returns where a page asks for what is new.
func seenIn(p page) string {
	p.t.Helper()
	for _, e := range elements(p.body) {
		if _, live := e.attrs["data-live"]; live {
			return e.attrs["hx-get"]
		}
	}
	p.t.Fatalf("%s: asks for nothing new", p.what)
	return ""
}

func TestEventPages(t *testing.T) {
	w := newWorld(t)
	key := w.tenant("acme", "standard")
	var want []string
	for i := range 45 {
		want = append([]string{w.publish(key, "invoice.paid", fmt.Sprintf(`"id":"order-%02d"`, i), `"data":{}`)}, want...)
		w.now = w.now.Add(time.Second)
	}
	b := w.browser(key)
	var got []string
	for at := "/console/events?event_type=invoice.paid"; at != ""; {
		p := b.get(at).is(200)
		got = append(got, p.listedEvents()...)
		at = ""
		if m := regexp.MustCompile(`href="([^"]+)">Next page`).FindStringSubmatch(p.body); m != nil {
			at = html.UnescapeString(m[1])
		}
		if len(got) > 20 {
			p.has("First page", "An earlier page").lacks("hx-trigger=\"every")
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestEvent(t *testing.T) {
	w := newWorld(t)
	key := w.tenant("acme", "standard")
	takes := w.webhook(key, `"name":"Billing"`)
	filtered := w.webhook(key, `"name":"Warehouse"`, `"filter":{"total":[5]}`)
	inactive := w.webhook(key, `"name":"Old"`, `"active":false`)
	data := `{"total":1.0,"note":"<script>alert(1)</script>"}`
	id := w.publish(key, "invoice.paid", `"id":"order-1"`, `"data":`+data)
	at := "/console/events/" + id
	b := w.browser(key)
	p := b.get(at).is(200).has(
		"invoice.paid", "order-1", `href="/console/webhooks/`+takes+`"`, "Pending",
		"Its filter does not let this event through.", "It is inactive.", `action="/console/events/order-1/replay"`,
		"&#34;total&#34;: 1.0", "{&#34;total&#34;:1.0,&#34;note&#34;:&#34;&lt;script&gt;alert(1)&lt;/script&gt;&#34;}",
	).lacks("<script>alert", "/console/deliveries/dlv_") // no attempt was made, so that there is no page of it yet
	if got, want := choices(p), []string{filtered, takes, inactive}; !cmp.Equal(got, want) {
		t.Errorf("got choices %q, want %q", got, want)
	}

	b.htmx = true
	poll := seenIn(b.get(at).is(200).lacks("<html", "<form")) // what one chooses stays as it is
	b.get(poll).is(204)
	b.htmx = false

	// The first attempt fails.
	key0 := webhook.DeliveryKey{Tenant: "acme", Webhook: takes, Event: id, AcceptedAt: w.now}
	rec := webhook.Delivery{
		DeliveryKey: key0, Type: "invoice.paid", Dialect: "standard@1", Status: webhook.Failed, Round: 1, Count: 1, Total: 1,
		Attempts: []webhook.Attempt{{Number: 1, StatusCode: 500, Error: webhook.ErrBadStatus}},
	}
	if err := w.store.SaveDelivery(t.Context(), rec, webhook.Rev{}); err != nil {
		t.Fatal(err)
	}
	b.get(at).is(200).has("Failed", `href="/console/deliveries/`+rec.ID()+`"`).lacks("data-live")

	queued := len(w.queued.sent)
	b.post(at+"/replay", form("webhook_id", filtered)).leads(at + "?replayed=" + filtered)
	b.post(at+"/replay", form("webhook_id", takes)).leads(at + "?replayed=" + takes)
	if got := len(w.queued.sent) - queued; got != 2 {
		t.Errorf("got %d messages queued, want 2", got)
	}
	b.get(at+"?replayed="+filtered).is(200).has("Sent to Warehouse.", `role="status"`)
	for says, chosen := range map[string]string{"Choose a webhook": "", "There is no such webhook any more": "wh_none"} {
		b.post(at+"/replay", form("webhook_id", chosen)).is(422).has(says, `aria-invalid="true"`)
	}
	b.get("/console/events/order-2").is(404)
	b.post("/console/events/order-2/replay", form("webhook_id", takes)).is(404)
}

// choices returns the values of the page's options.
func choices(p page) []string {
	var out []string
	for _, e := range elements(p.body) {
		if e.name == "option" && strings.HasPrefix(e.attrs["value"], "wh_") {
			out = append(out, e.attrs["value"])
		}
	}
	return out
}

// TestEventOfNobody shows what a tenant without webhooks is told, and one whose key may not see them.
func TestEventOfNobody(t *testing.T) {
	w := newWorld(t)
	key := w.tenant("acme", "standard")
	id := w.publish(key, "invoice.paid", `"data":{}`)
	w.browser(key).get("/console/events/"+id).is(200).has("No webhook took it.", `<a href="/console/webhooks">add one</a>`).lacks("<form class=\"sendto\"", "Not sent to")
	hook := w.webhook(key, `"name":"Billing"`)
	reads, _ := w.scoped(key, "events:read")
	b := w.stranger()
	b.post("/console/sign-in", form("key", reads)).leads("/console/webhooks")
	b.get("/console/").leads("/console/events")
	b.get("/console/events/"+id).is(200).has(hook, "It has come to take such events only since.").lacks("Billing")
	b.post("/console/events/"+id+"/replay", form("webhook_id", hook)).is(403)
}

func TestEventLogOff(t *testing.T) {
	w := newWorld(t)
	key := w.tenant("acme", "standard")
	id := w.publish(key, "invoice.paid", `"data":{}`)
	b := w.browser(key)
	w.logOff = true
	for _, p := range []page{b.get("/console/events"), b.get("/console/events/" + id), b.post("/console/events/"+id+"/replay", url.Values{})} {
		p.is(404).has("Events are not kept here", "turned the event log off")
	}
}
