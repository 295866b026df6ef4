package browser

import (
	"strings"
)

// Steps that several documents have.

// theWebhooksPage is where a document says the webhooks are, under its title and with its first words.
func theWebhooksPage(place, introduction string) func(*visitor) {
	return func(v *visitor) {
		v.open("/console/webhooks")
		v.heading("Webhooks")
		v.sees(place, introduction)
	}
}

// eventsOnOffer opens the dialog to make a webhook and finds each event with its description, to be chosen; and has them
// come, all of them, to a webhook that takes all.
func eventsOnOffer(events ...[2]string) func(*visitor) {
	return func(v *visitor) {
		v.open("/console/webhooks/new")
		for _, e := range events {
			v.sees(e[0], e[1])
			v.tick(e[0])
			wait(v.tab, true, "checked", e[0])
		}
		v.open("/console/event-types")
		for _, e := range events {
			v.sees(e[0], e[1])
		}
	}
}

// theSnippets finds code to verify this webhook's requests, with the headers that the document names.
func theSnippets(headers ...string) func(*visitor) {
	return func(v *visitor) {
		w := v.c.webhook("/ok", nil, "*")
		v.open("/console/webhooks/" + w.ID + "/verify")
		text := get[string](v.tab, `document.querySelector("main").textContent`)
		for _, want := range append([]string{"Node", "Python", "Go", "openssl"}, headers...) {
			if !strings.Contains(strings.ToLower(text), strings.ToLower(want)) {
				v.t.Errorf("the snippets have no %q", want)
			}
		}
		v.lacks(w.Secret)
	}
}

// theRetries finds every wait of the ladder, and what counts as a success.
func theRetries(waits ...string) func(*visitor) {
	return func(v *visitor) {
		v.open("/console/help")
		v.sees(waits...)
	}
}

// aPayload sends an event and finds its body on the delivery's page, in the document's form.
func aPayload(eventType string, parts ...string) func(*visitor) {
	return func(v *visitor) {
		w := v.c.webhook("/ok", nil, eventType)
		v.c.publish(eventType, map[string]any{"title": "Implement login page"})
		v.c.settled(w.ID, "succeeded", 1)
		v.open("/console/deliveries/" + v.c.list("/v1/webhooks/" + w.ID + "/deliveries")[0].ID)
		text := strings.Join(strings.Fields(get[string](v.tab, `document.querySelector("main").textContent`)), "")
		for _, want := range parts {
			if want = strings.ReplaceAll(want, " ", ""); !strings.Contains(text, want) {
				v.t.Errorf("the delivery shows no %s", want)
			}
		}
	}
}

// create makes a webhook in the dialog, and returns its secret as it was shown.
func (v *visitor) create(button, title, submit, url string, name string, events ...string) string {
	v.t.Helper()
	v.open("/console/webhooks")
	v.click(button)
	v.dialog(title)
	v.fillURL(url)
	for _, e := range events {
		v.tick(e)
	}
	if name != "" {
		v.fill("Name", name)
	}
	v.click(submit)
	return v.secret()
}

// fillURL fills the one field for a URL, however the product calls it.
func (v *visitor) fillURL(url string) {
	v.t.Helper()
	v.fill(get[string](v.tab, `P.squash(document.querySelector("label[for=url]").textContent)`), url)
}

// found returns the id of the webhook with a name.
func (v *visitor) found(name string) string {
	v.t.Helper()
	var l struct {
		Data []struct{ ID, Name string }
	}
	v.c.do("GET", "/v1/webhooks?search="+name, nil, &l)
	if len(l.Data) != 1 {
		v.t.Fatalf("webhooks called %s: got %d, want 1", name, len(l.Data))
	}
	return l.Data[0].ID
}

// history opens a webhook's history.
func (v *visitor) history(id string) { v.open("/console/webhooks/" + id + "/deliveries") }
