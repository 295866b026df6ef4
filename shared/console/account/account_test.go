package account_test

import (
	"fmt"
	"html"
	"strings"
	"testing"

	"hookline/shared/console/consoletest"
)

func TestKeysPages(t *testing.T) {
	consoletest.BothWays(t, func(t *testing.T, w *consoletest.World, all string, b *consoletest.Browser) {
		key, _ := w.Scoped(all, "keys:read", "keys:write", "webhooks:read")
		b.Post("/console/sign-in", consoletest.Form("key", key)).Leads("/console/webhooks")
		b.Get("/console/keys/new").Is(200).Has(`value="webhooks:read"`, `value="keys:write"`).Lacks(`value="webhooks:write"`)
		said := b.Post("/console/keys", consoletest.Form("name", "", "scopes", "webhooks:write")).Is(422).Problems()
		if len(said) != 2 || said["name"] == "" || said["scopes"] == "" {
			t.Errorf("got problems %q, want one with the name and one with the scopes", said)
		}
		said = b.Post("/console/keys", consoletest.Form("name", "none")).Is(422).Problems()
		if len(said) != 1 || said["scopes"] == "" {
			t.Errorf("got problems %q, want one with the scopes", said)
		}

		p := b.Post("/console/keys", consoletest.Form("name", "<b>CI</b>", "scopes", "webhooks:read")).Is(201).Has("shown only once", "&lt;b&gt;CI")
		_, rest, _ := strings.Cut(p.Body, `data-copy="`)
		made, _, _ := strings.Cut(rest, `"`)
		w.Call(200, made, "GET", "/v1/webhooks", "", nil)
		w.Call(403, made, "GET", "/v1/keys", "", nil)

		list := b.Get("/console/keys").Is(200).Has("&lt;b&gt;CI", "everything", "webhooks:read")
		var id string
		for _, e := range consoletest.Elements(list.Body) {
			if to := e.Attrs["href"]; strings.Contains(to, "/delete?name=%3cb%3eCI") {
				id, _, _ = strings.Cut(strings.TrimPrefix(to, "/console/keys/"), "/")
				b.Get(to).Is(200).Has("&lt;b&gt;CI&lt;/b&gt;?", `action="/console/keys/`+id+`/delete"`)
			}
		}
		w.Call(200, made, "GET", "/v1/webhooks", "", nil) // asking deletes nothing
		b.Post("/console/keys/"+id+"/delete", nil).Leads("/console/keys")
		w.Call(401, made, "GET", "/v1/webhooks", "", nil)
		b.Post("/console/keys/"+id+"/delete", nil).Is(404)

		in := 0
		for _, p := range b.Seen {
			if strings.Contains(p.Body, made) {
				in++
			}
			if strings.Contains(fmt.Sprint(p.Header)+p.What, made) {
				t.Errorf("%s: the key is in %v", p.What, p.Header)
			}
		}
		if in != 1 || strings.Contains(w.Log.String(), made) {
			t.Errorf("the key is in %d pages, want 1, and not in the log: %s", in, w.Log.String())
		}
	})
}

func TestKeysReadOnly(t *testing.T) {
	w := consoletest.New(t)
	key, _ := w.Scoped(w.Tenant("acme", "standard"), "keys:read")
	b := w.Browser(key)
	b.Get("/console/").Leads("/console/keys")
	b.Get("/console/keys").Is(200).Has("default").Lacks("Create API key", "/delete")
	b.Post("/console/keys", consoletest.Form("name", "k", "scopes", "keys:read")).Is(403)
}

func TestManyKeys(t *testing.T) {
	w := consoletest.New(t)
	key := w.Tenant("acme", "standard")
	for range 45 {
		w.Scoped(key, "webhooks:read")
	}
	b := w.Browser(key)
	at, rows, pages := "/console/keys", 0, 0
	for ; at != ""; pages++ {
		p := b.Get(at).Is(200)
		rows, at = rows+strings.Count(p.Body, "<td class=\"wide\">"), ""
		for _, e := range consoletest.Elements(p.Body) {
			if strings.HasPrefix(e.Attrs["href"], "/console/keys?cursor=") {
				at = e.Attrs["href"]
			}
		}
	}
	if rows != 46 || pages != 3 {
		t.Errorf("got %d keys on %d pages, want 46 on 3", rows, pages)
	}
	b.Get("/console/keys?cursor=x").Is(422)
}

func TestSettings(t *testing.T) {
	w := consoletest.New(t)
	key := w.Tenant("acme", "axoria")
	b := w.Browser(key)
	b.Get("/console/settings").Is(200).Has("Axoria", `value="acme"`).Lacks("Saved.")
	b.Post("/console/settings", consoletest.Form("name", " Acme <Inc> ", "notify_email", "ops@example.com", "frame_ancestors", "https://app.example.com\r\n\r\nhttps://b.example.com/")).Leads("/console/settings?saved")
	b.Get("/console/settings?saved").Is(200).Has("Saved.", "Acme &lt;Inc&gt;", "ops@example.com", "https://app.example.com\nhttps://b.example.com<")

	p := b.Post("/console/settings", consoletest.Form("name", "", "notify_email", "nobody", "frame_ancestors", "https://a b; script-src *")).Is(422).Has("nobody", "https://a b; script-src *")
	if said := p.Problems(); len(said) != 3 || said["name"] == "" || said["notify_email"] == "" || said["frame_ancestors"] == "" {
		t.Errorf("got problems %q, want one with each field", said)
	}
	b.Post("/console/settings", consoletest.Form("name", "Acme", "notify_email", "", "frame_ancestors", "")).Leads("/console/settings?saved")
	var got struct {
		Name   string
		Email  *string  `json:"notify_email"`
		Frames []string `json:"frame_ancestors"`
	}
	if w.Call(200, key, "GET", "/v1/tenant", "", &got); got.Name != "Acme" || got.Email != nil || len(got.Frames) != 0 {
		t.Errorf("got %+v, want the name alone", got)
	}

	reader, _ := w.Scoped(key, "tenant:read")
	b = w.Browser(reader)
	b.Get("/console/settings").Is(200).Has("nobody").Lacks("<textarea", "portal-link")
	b.Post("/console/settings", consoletest.Form("name", "x")).Is(403)
}

func TestPortalLinkPage(t *testing.T) {
	consoletest.BothWays(t, func(t *testing.T, w *consoletest.World, key string, b *consoletest.Browser) {
		b.Get("/console/settings/portal-link").Is(200).Has(`<option value="3600" selected>`)
		p := b.Post("/console/settings/portal-link", consoletest.Form("expires_in", "28800")).Is(201).Has("No site may show it")
		_, rest, _ := strings.Cut(p.Body, `data-copy="`)
		text, _, _ := strings.Cut(rest, `"`)
		link, ok := strings.CutPrefix(html.UnescapeString(text), b.Origin)
		if !ok {
			t.Fatalf("got %s, want a link that begins as the page's address does", text)
		}
		guest := w.Guest(link)
		if guest.Portal.MaxAge != 8*60*60 {
			t.Errorf("got a visit of %d s, want 8 hours", guest.Portal.MaxAge)
		}
		w.Call(200, key, "PATCH", "/v1/tenant", `{"frame_ancestors":["https://app.example.com"]}`, nil)
		b.Post("/console/settings/portal-link", consoletest.Form("expires_in", "999999")).Is(201).Has("https://app.example.com")
	})
}
