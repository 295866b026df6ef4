package console_test

import (
	"fmt"
	"html"
	"strings"
	"testing"
	"time"

	"hookline/shared/console"
)

func TestKeysPages(t *testing.T) {
	bothWays(t, func(t *testing.T, w *world, all string, b *browser) {
		key, _ := w.scoped(all, "keys:read", "keys:write", "webhooks:read")
		b.post("/console/sign-in", form("key", key)).leads("/console/webhooks")
		b.get("/console/keys/new").is(200).has(`value="webhooks:read"`, `value="keys:write"`).lacks(`value="webhooks:write"`)
		said := b.post("/console/keys", form("name", "", "scopes", "webhooks:write")).is(422).problems()
		if len(said) != 2 || said["name"] == "" || said["scopes"] == "" {
			t.Errorf("got problems %q, want one with the name and one with the scopes", said)
		}
		said = b.post("/console/keys", form("name", "none")).is(422).problems()
		if len(said) != 1 || said["scopes"] == "" {
			t.Errorf("got problems %q, want one with the scopes", said)
		}

		p := b.post("/console/keys", form("name", "<b>CI</b>", "scopes", "webhooks:read")).is(201).has("shown only once", "&lt;b&gt;CI")
		_, rest, _ := strings.Cut(p.body, `data-copy="`)
		made, _, _ := strings.Cut(rest, `"`)
		w.call(200, made, "GET", "/v1/webhooks", "", nil)
		w.call(403, made, "GET", "/v1/keys", "", nil)

		list := b.get("/console/keys").is(200).has("&lt;b&gt;CI", "everything", "webhooks:read")
		var id string
		for _, e := range elements(list.body) {
			if to := e.attrs["href"]; strings.Contains(to, "/delete?name=%3cb%3eCI") {
				id, _, _ = strings.Cut(strings.TrimPrefix(to, "/console/keys/"), "/")
				b.get(to).is(200).has("&lt;b&gt;CI&lt;/b&gt;?", `action="/console/keys/`+id+`/delete"`)
			}
		}
		w.call(200, made, "GET", "/v1/webhooks", "", nil) // asking deletes nothing
		b.post("/console/keys/"+id+"/delete", nil).leads("/console/keys")
		w.call(401, made, "GET", "/v1/webhooks", "", nil)
		b.post("/console/keys/"+id+"/delete", nil).is(404)

		in := 0
		for _, p := range b.seen {
			if strings.Contains(p.body, made) {
				in++
			}
			if strings.Contains(fmt.Sprint(p.header)+p.what, made) {
				t.Errorf("%s: the key is in %v", p.what, p.header)
			}
		}
		if in != 1 || strings.Contains(w.log.String(), made) {
			t.Errorf("the key is in %d pages, want 1, and not in the log: %s", in, w.log.String())
		}
	})
}

func TestKeysReadOnly(t *testing.T) {
	w := newWorld(t)
	key, _ := w.scoped(w.tenant("acme", "standard"), "keys:read")
	b := w.browser(key)
	b.get("/console/").leads("/console/keys")
	b.get("/console/keys").is(200).has("default").lacks("Create API key", "/delete")
	b.post("/console/keys", form("name", "k", "scopes", "keys:read")).is(403)
}

func TestManyKeys(t *testing.T) {
	w := newWorld(t)
	key := w.tenant("acme", "standard")
	for range 45 {
		w.scoped(key, "webhooks:read")
	}
	b := w.browser(key)
	at, rows, pages := "/console/keys", 0, 0
	for ; at != ""; pages++ {
		p := b.get(at).is(200)
		rows, at = rows+strings.Count(p.body, "<td class=\"wide\">"), ""
		for _, e := range elements(p.body) {
			if strings.HasPrefix(e.attrs["href"], "/console/keys?cursor=") {
				at = e.attrs["href"]
			}
		}
	}
	if rows != 46 || pages != 3 {
		t.Errorf("got %d keys on %d pages, want 46 on 3", rows, pages)
	}
	b.get("/console/keys?cursor=x").is(422)
}

func TestSettings(t *testing.T) {
	w := newWorld(t)
	key := w.tenant("acme", "axoria")
	b := w.browser(key)
	b.get("/console/settings").is(200).has("Axoria", `value="acme"`).lacks("Saved.")
	b.post("/console/settings", form("name", " Acme <Inc> ", "notify_email", "ops@example.com", "frame_ancestors", "https://app.example.com\r\n\r\nhttps://b.example.com/")).leads("/console/settings?saved")
	b.get("/console/settings?saved").is(200).has("Saved.", "Acme &lt;Inc&gt;", "ops@example.com", "https://app.example.com\nhttps://b.example.com<")

	p := b.post("/console/settings", form("name", "", "notify_email", "nobody", "frame_ancestors", "https://a b; script-src *")).is(422).has("nobody", "https://a b; script-src *")
	if said := p.problems(); len(said) != 3 || said["name"] == "" || said["notify_email"] == "" || said["frame_ancestors"] == "" {
		t.Errorf("got problems %q, want one with each field", said)
	}
	b.post("/console/settings", form("name", "Acme", "notify_email", "", "frame_ancestors", "")).leads("/console/settings?saved")
	var got struct {
		Name   string
		Email  *string  `json:"notify_email"`
		Frames []string `json:"frame_ancestors"`
	}
	if w.call(200, key, "GET", "/v1/tenant", "", &got); got.Name != "Acme" || got.Email != nil || len(got.Frames) != 0 {
		t.Errorf("got %+v, want the name alone", got)
	}

	reader, _ := w.scoped(key, "tenant:read")
	b = w.browser(reader)
	b.get("/console/settings").is(200).has("nobody").lacks("<textarea", "portal-link")
	b.post("/console/settings", form("name", "x")).is(403)
}

func TestPortalLinkPage(t *testing.T) {
	bothWays(t, func(t *testing.T, w *world, key string, b *browser) {
		b.get("/console/settings/portal-link").is(200).has(`<option value="3600" selected>`)
		p := b.post("/console/settings/portal-link", form("expires_in", "28800")).is(201).has("No site may show it")
		_, rest, _ := strings.Cut(p.body, `data-copy="`)
		text, _, _ := strings.Cut(rest, `"`)
		link, ok := strings.CutPrefix(html.UnescapeString(text), b.origin)
		if !ok {
			t.Fatalf("got %s, want a link that begins as the page's address does", text)
		}
		guest := w.guest(link)
		if guest.portal.MaxAge != 8*60*60 {
			t.Errorf("got a visit of %d s, want 8 hours", guest.portal.MaxAge)
		}
		w.call(200, key, "PATCH", "/v1/tenant", `{"frame_ancestors":["https://app.example.com"]}`, nil)
		b.post("/console/settings/portal-link", form("expires_in", "999999")).is(201).has("https://app.example.com")
	})
}

func TestMailsPage(t *testing.T) {
	w := newWorld(t)
	key := w.tenant("acme", "standard")
	b := w.browser(key)
	b.get("/console/mails").is(200).has("No mails yet", "has no mail address")
	w.call(200, key, "PATCH", "/v1/tenant", `{"notify_email":"ops@example.com"}`, nil)
	b.get("/console/mails").is(200).has("No mails yet", "ops@example.com gets a mail")
	w.mails["acme"] = []console.Mail{
		{To: "ops@example.com", Subject: "<b>now</b>", Text: "See\n<i>this</i>", At: w.now},
		{To: "old@example.com", Subject: "of an earlier tenant", At: w.now.Add(-time.Minute)},
	}
	w.mails["globex"] = []console.Mail{{Subject: "another's", At: w.now}}
	b.get("/console/mails").is(200).has("&lt;b&gt;now", "&lt;i&gt;this", `<time datetime="2026-03-20T12:00:00.0`).lacks("another's", "earlier", "Older mails")
	for range 60 {
		w.mails["acme"] = append([]console.Mail{{Subject: "more", At: w.now}}, w.mails["acme"]...)
	}
	if p := b.get("/console/mails").is(200).has("Older mails"); strings.Count(p.body, "<details") != 50 {
		t.Errorf("got %d mails, want 50", strings.Count(p.body, "<details"))
	}
	few, _ := w.scoped(key, "webhooks:read")
	b = w.browser(few)
	b.get("/console/mails").is(403).lacks("now")
	b.get("/console/webhooks").is(200).lacks(`href="/console/mails"`)
}
