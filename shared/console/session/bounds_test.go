package session_test

import (
	"cmp"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"hookline/shared/api"
	"hookline/shared/console"
	"hookline/shared/console/consoletest"
	"hookline/shared/webhook"
)

// visit opens a link of acme's, made with these fields, and returns the browser.
func visit(w *consoletest.World, key, fields string) *consoletest.Browser {
	w.T.Helper()
	b := w.Stranger()
	b.Get(w.PortalLink(key, fields), consoletest.Going("iframe")...).Is(303)
	return b
}

// pages returns the console's patterns of a method, with ids of theirs in them.
func pages(method string, ids map[string]string) (out []string) {
	for _, pattern := range (&console.Console{}).Pages() {
		of, path, _ := strings.Cut(pattern, " ")
		if of != method {
			continue
		}
		id := cmp.Or(ids[strings.Split(path, "/")[2]], "x")
		out = append(out, strings.NewReplacer("{id}", id, "{name}", id, "{$}", "").Replace(path))
	}
	return out
}

// TestPortalOfOneWebhook shows that everything but one webhook and its deliveries is not there.
func TestPortalOfOneWebhook(t *testing.T) {
	w := consoletest.New(t)
	key := w.Tenant("acme", "standard")
	own, other := w.Webhook(key), w.Webhook(key)
	sent, foreign := w.Delivered(own, "evt_1", consoletest.Began(), nil), w.Delivered(other, "evt_1", consoletest.Began(), nil)
	b := visit(w, key, `{"webhook_id":"`+own+`"}`)
	b.Get("/console/").Leads("/console/webhooks/" + own)
	for _, path := range []string{"", "/recent", "/edit", "/delete", "/rotate-secret", "/verify", "/test", "/troubleshoot", "/replay", "/deliveries"} {
		if p := b.Get("/console/webhooks/" + own + path); p.Status != 200 && p.Status != 303 {
			t.Errorf("%s: got %d", p.What, p.Status)
		} else if strings.Contains(p.Body, other) || strings.Contains(p.Body, `href="/console/webhooks"`) || strings.Contains(p.Body, `href="/console/event`) {
			t.Errorf("%s leads to what is not there", p.What)
		}
	}
	b.Get("/console/deliveries/" + sent).Is(200)
	b.Post("/console/deliveries/"+sent+"/replay", nil).Leads("/console/deliveries/" + sent + "?replayed")
	b.Post("/console/webhooks/"+own+"/test", consoletest.Form("event_type", "webhook.test")).Is(200)
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		for _, path := range pages(method, map[string]string{
			"webhooks": other, "deliveries": foreign, "replays": "rpl_1", "events": "evt_1", "event-types": "invoice.paid", "deployments": "dep_1", "sources": "src_1", "keys": "key_1",
		}) {
			if path == "/console/" || path == "/console/webhook-form" {
				continue
			}
			if p := b.Do(method, path, consoletest.Form("url", "https://example.com/x", "events", "*", "active", "on"), "Sec-Fetch-Site", "same-origin"); p.Status != 404 && p.Status != 303 || p.Status == 303 && p.Header.Get("Location") != "/console/webhooks/"+other {
				t.Errorf("%s: got %d, want 404", p.What, p.Status)
			}
		}
	}
	w.Call(204, key, "DELETE", "/v1/webhooks/"+own, "", nil)
	b.Get("/console/webhooks/" + own).Is(404)
}

// TestPortalForReading shows that nothing can be changed, and that no page has a form to try it.
func TestPortalForReading(t *testing.T) {
	w := consoletest.New(t)
	key := w.Tenant("acme", "standard")
	hook := w.Webhook(key)
	sent := w.Delivered(hook, "evt_1", consoletest.Began(), consoletest.Failing(webhook.ReasonBadStatus, 500))
	b := visit(w, key, `{"read_only":true}`)
	ids := map[string]string{"webhooks": hook, "deliveries": sent, "event-types": "invoice.paid"}
	for _, path := range pages(http.MethodPost, ids) {
		b.Post(path, consoletest.Form("url", "https://example.com/x", "events", "*")).Is(403)
	}
	for _, path := range []string{
		"/console/webhooks", "/console/webhooks/" + hook, "/console/webhooks/" + hook + "/deliveries", "/console/webhooks/" + hook + "/verify",
		"/console/webhooks/" + hook + "/troubleshoot", "/console/deliveries", "/console/deliveries/" + sent, "/console/event-types", "/console/event-types/invoice.paid",
		"/console/sources", "/console/deployments", "/console/settings", "/console/help",
	} {
		p := b.Get(path).Is(200).Has("read only", `action="/console/sign-out"`)
		if n := strings.Count(p.Body, `method="post"`); n != 1 {
			t.Errorf("%s: got %d forms that change something, want the one that signs out", path, n)
		}
		for _, verb := range []string{"/new", "/edit", "/delete", "/rotate-secret", "/test", "/replay", "/import"} {
			if strings.Contains(p.Body, verb+`"`) {
				t.Errorf("%s leads to a page that ends in %s", path, verb)
			}
		}
	}
	b.Get("/console/webhooks/" + hook + "/edit").Is(403).Has("for reading")
	w.Call(200, key, "GET", "/v1/webhooks/"+hook, "", nil)
	b.Post("/console/sign-out", nil).Leads("/console/sign-in")
}

func TestPortalThemes(t *testing.T) {
	w := consoletest.New(t)
	key := w.Tenant("acme", "standard")
	for _, theme := range []string{"light", "dark", "auto"} {
		visit(w, key, `{"theme":"`+theme+`"}`).Get("/console/webhooks").Is(200).Has(`<html lang="en" data-theme="` + theme + `">`)
	}
	visit(w, key, "").Get("/console/webhooks").Is(200).Has(`<html lang="en">`)
}

// TestPortalUsers shows whom the audit log names for what a guest does.
func TestPortalUsers(t *testing.T) {
	w := consoletest.New(t)
	key := w.Tenant("acme", "standard")
	longest, _ := json.Marshal(map[string]any{"id": strings.Repeat("<", 128), "name": strings.Repeat("<", 200)})
	for fields, want := range map[string]api.AuditActor{
		`{"user":{"id":"u-1","name":"Ada"}}`: {Type: "portal", ID: "u-1", Name: "Ada"},
		`{"user":{"id":"u-2"}}`:              {Type: "portal", ID: "u-2", Name: "u-2"},
		`{}`:                                 {Type: "portal", Name: "portal"},
		`{"user":` + string(longest) + `,"webhook_id":"its own"}`: {Type: "portal", ID: strings.Repeat("<", 128), Name: strings.Repeat("<", 200)},
	} {
		hook := w.Webhook(key)
		b := visit(w, key, strings.Replace(fields, "its own", hook, 1))
		if n := len(b.Portal.Name) + len(b.Portal.Value); n > 4096-200 { // what browsers keep, with the attributes
			t.Errorf("got a cookie of %d bytes", n)
		}
		b.Post("/console/webhooks/"+hook+"/delete", nil).Is(303)
		var got api.List[api.AuditEntry]
		w.Call(200, key, "GET", "/v1/audit-logs?action=webhook.delete&target="+hook, "", &got)
		if len(got.Data) != 1 {
			t.Fatalf("%s: got entries %+v, want one", fields, got.Data)
		}
		actor := got.Data[0].Actor
		if want.ID == "" && strings.HasPrefix(actor.ID, "pl_") {
			want.ID = actor.ID
		}
		if actor != want || got.Data[0].IP == nil || *got.Data[0].IP != "192.0.2.1" {
			t.Errorf("%s: got %+v from %v, want %+v", fields, actor, got.Data[0].IP, want)
		}
	}
}
