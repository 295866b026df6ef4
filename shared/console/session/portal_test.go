package session_test

import (
	"encoding/base64"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"hookline/shared/console/consoletest"
	"hookline/shared/faultinject"
	"hookline/shared/portal"
	"hookline/shared/webhook"
)

func TestPortal(t *testing.T) {
	w := consoletest.New(t)
	key := w.Tenant("acme", "standard")
	w.Call(200, key, "PATCH", "/v1/tenant", `{"frame_ancestors":["https://app.example.com","https://other.example.com:8443"]}`, nil)
	link := w.PortalLink(key, "")
	b := w.Stranger()
	b.Frames = "https://app.example.com https://other.example.com:8443"
	b.Get(link, consoletest.Going("iframe")...).Leads("/console/webhooks")

	got := b.Portal
	if !got.HttpOnly || !got.Secure || !got.Partitioned || got.SameSite != http.SameSiteNoneMode || got.Path != "/console/" || got.Domain != "" || got.MaxAge != 3600 {
		t.Errorf("got %v, want SameSite=None, Secure, Partitioned, HttpOnly, Path=/console/, no domain, an hour", got)
	}
	p := b.Get("/console/webhooks", "Sec-Fetch-Dest", "iframe").Is(200).Has("Webhooks", "Settings", "acme", "Sign out").Lacks(`href="/console/keys"`)
	if p.Header.Get("X-Frame-Options") != "" {
		t.Errorf("got X-Frame-Options %q, want none: it knows no list", p.Header.Get("X-Frame-Options"))
	}
	// Requests of the frame's own pages are taken, those of other sites are not.
	b.Post("/console/webhooks", consoletest.Form("url", "https://example.com/hook", "events", "*", "active", "on"), "Sec-Fetch-Dest", "iframe").Is(201)
	b.Post("/console/webhooks", consoletest.Form("url", "https://example.com/hook", "events", "*"), "Sec-Fetch-Site", "cross-site").Is(403)
	b.Get("/console/keys").Is(403)
	b.Post("/console/keys", consoletest.Form("name", "k", "scopes", "webhooks:read")).Is(403)
	b.Get("/console/settings").Is(200).Lacks("Save", "Make a portal link")
	b.Post("/console/settings", consoletest.Form("name", "mine")).Is(403)
	b.Post("/console/settings/portal-link", nil).Is(403)

	again := w.Stranger()
	again.Frames = b.Frames
	again.Get(link, consoletest.Going("iframe")...).Is(410).Has("This link has been used")
	if again.Portal != nil {
		t.Error("a used link let somebody in")
	}
	b.Post("/console/sign-out", nil).Leads("/console/sign-in")
	b.Frames = "*"
	b.Get("/console/sign-in", "Sec-Fetch-Dest", "iframe").Is(401).Has("no longer signed in").Lacks("<form")
	b.Frames = ""
	b.Get("/console/sign-in").Is(200)

	for _, p := range slices.Concat(b.Seen, again.Seen) {
		if all := p.What + p.Body; strings.Contains(all, key) || strings.Contains(all, webhook.HashAPIKey(key)) {
			t.Errorf("%s shows the key", p.What)
		}
	}
	if raw, _ := base64.RawURLEncoding.DecodeString(b.Seen[0].What[len("GET /console/portal?link="):]); strings.Contains(string(raw), "acme") {
		t.Error("the link is readable")
	}
}

// TestFramesArePortals shows that no frame shows pages of a key's session, whatever the tenant allows.
func TestFramesArePortals(t *testing.T) {
	w := consoletest.New(t)
	key := w.Tenant("acme", "standard")
	w.Call(200, key, "PATCH", "/v1/tenant", `{"frame_ancestors":["https://app.example.com"]}`, nil)
	b := w.Browser(key)
	b.Get("/console/webhooks", "Sec-Fetch-Dest", "iframe").Is(200)

	w.Call(200, key, "PATCH", "/v1/tenant", `{"frame_ancestors":null}`, nil)
	w.Guest(w.PortalLink(key, "")).Get("/console/webhooks").Is(200) // and a portal's in none that is not named
}

// TestPortalPreview shows that programs that only look ahead do not use a link up.
func TestPortalPreview(t *testing.T) {
	w := consoletest.New(t)
	link := w.PortalLink(w.Tenant("acme", "standard"), "")
	for name, headers := range map[string][]string{
		"a chat":            {"User-Agent", "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)"},
		"a mail program":    {"User-Agent", "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"},
		"a prefetch":        append(consoletest.Going("document"), "Sec-Purpose", "prefetch"),
		"a prerender":       append(consoletest.Going("document"), "Sec-Purpose", "prefetch;prerender"),
		"an older prefetch": append(consoletest.Going("document"), "Purpose", "prefetch"),
		"an image":          {"Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Dest", "image"},
		"a script":          {"Sec-Fetch-Mode", "cors", "Sec-Fetch-Dest", "empty"},
	} {
		b := w.Stranger()
		b.Get(link, headers...).Is(200).Has("Open", `method="post" action="/console/portal"`)
		b.Do(http.MethodHead, link, nil, consoletest.Going("document")...).Is(200)
		if b.Portal != nil {
			t.Errorf("%s is let in", name)
		}
	}
	b := w.Stranger()
	p := b.Get(link, "User-Agent", "Slackbot 1.0").Is(200)
	b.Post("/console/portal", p.Filled(), "Sec-Fetch-Site", "cross-site").Is(403)
	b.Post("/console/portal", p.Filled()).Leads("/console/webhooks")
	b.Get("/console/webhooks").Is(200)
	b.Post("/console/portal", p.Filled()).Is(410)
}

// TestPortalPlain shows that a program that says nothing of itself is signed in.
func TestPortalPlain(t *testing.T) {
	w := consoletest.New(t)
	link := w.PortalLink(w.Tenant("acme", "standard"), "")
	b := w.Stranger()
	b.Get(link, "User-Agent", "curl/8.14.1").Leads("/console/webhooks")
	b.Get("/console/webhooks").Is(200)
	w.Stranger().Get(link).Is(410)
}

func TestPortalOnce(t *testing.T) {
	w := consoletest.New(t)
	link := w.PortalLink(w.Tenant("acme", "standard"), "")
	var wg sync.WaitGroup
	guests := make([]*consoletest.Browser, 16)
	for i := range guests {
		guests[i] = w.Stranger()
		wg.Go(func() { guests[i].Get(link, consoletest.Going("document")...) })
	}
	wg.Wait()
	in := slices.DeleteFunc(guests, func(b *consoletest.Browser) bool { return b.Portal == nil })
	if len(in) != 1 {
		t.Errorf("%d of 16 are in, want 1", len(in))
	}
}

// TestPortalTime shows that a session ends when its link expires, which using the link does not delay.
func TestPortalTime(t *testing.T) {
	w := consoletest.New(t)
	key := w.Tenant("acme", "standard")
	link, late := w.PortalLink(key, `{"expires_in":60}`), w.PortalLink(key, `{"expires_in":60}`)
	w.Now = w.Now.Add(59 * time.Second)
	b := w.Guest(link)
	if b.Portal.MaxAge != 1 {
		t.Errorf("got Max-Age %d, want 1", b.Portal.MaxAge)
	}
	b.Get("/console/webhooks").Is(200)
	w.Now = w.Now.Add(time.Second)
	b.Get("/console/webhooks").Leads("/console/sign-in?to=%2Fconsole%2Fwebhooks")
	w.Stranger().Get(late, consoletest.Going("document")...).Is(410).Has("time is over")
}

func TestPortalEnds(t *testing.T) {
	w := consoletest.New(t)
	all := w.Tenant("acme", "standard")
	key, id := w.Scoped(all, "tenant:write", "webhooks:read")
	b, unused := w.Guest(w.PortalLink(key, "")), w.PortalLink(key, "")
	b.Get("/console/webhooks").Is(200)
	w.Call(204, all, "DELETE", "/v1/keys/"+id, "", nil)
	b.Get("/console/webhooks").Leads("/console/sign-in?to=%2Fconsole%2Fwebhooks")
	w.Stranger().Get(unused, consoletest.Going("document")...).Is(410).Has("withdrawn")

	b, unused = w.Guest(w.PortalLink(consoletest.AdminKey, "")), w.PortalLink(consoletest.AdminKey, "")
	b.Get("/console/webhooks").Is(200)
	w.Call(204, consoletest.AdminKey, "DELETE", "/v1/tenants/acme", "", nil)
	b.Get("/console/webhooks").Leads("/console/sign-in")
	w.Stranger().Get(unused, consoletest.Going("document")...).Is(410).Has("withdrawn")

	w.Now = w.Now.Add(time.Minute)
	w.Tenant("acme", "standard") // another of the same name
	b.Get("/console/webhooks").Leads("/console/sign-in")
	w.Stranger().Get(unused, consoletest.Going("document")...).Is(410).Has("withdrawn")
}

// TestPortalScopes shows that a portal has the scopes of the key that made it, except those that no portal has.
func TestPortalScopes(t *testing.T) {
	w := consoletest.New(t)
	all := w.Tenant("acme", "standard")
	few, _ := w.Scoped(all, "tenant:write", "keys:read", "deliveries:read", "webhooks:read")
	id := w.Webhook(all)
	tests := map[string]struct {
		key    string
		delete int
	}{"the first key": {all, 303}, "the admin": {consoletest.AdminKey, 303}, "a key with few scopes": {few, 403}}
	for name, tt := range tests {
		b := w.Guest(w.PortalLink(tt.key, ""))
		b.Get("/console/webhooks/" + id).Is(200)
		b.Get("/console/keys").Is(403)
		if got := b.Post("/console/webhooks/"+w.Webhook(all)+"/delete", nil).Status; got != tt.delete {
			t.Errorf("%s: got %d, want %d", name, got, tt.delete)
		}
	}
	want := []string{"tenant:read", "webhooks:read", "webhooks:write", "deliveries:read", "deliveries:write", "events:read", "sources:read", "sources:write"}
	if got := portal.Scopes(); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	none, _ := w.Scoped(all, "tenant:write", "tenant:read")
	w.Stranger().Get(w.PortalLink(none, ""), consoletest.Going("document")...).Leads("/console/settings")
}

func TestPortalForged(t *testing.T) {
	w := consoletest.New(t)
	key := w.Tenant("acme", "standard")
	link := w.PortalLink(key, "")
	text := strings.TrimPrefix(link, "/console/portal?link=")
	b := w.Guest(link)
	changed := []byte(text)
	changed[len(changed)/2] ^= 1
	for name, forged := range map[string]string{
		"empty": "", "no base64": "***", "a changed byte": string(changed), "cut off": text[:len(text)/2], "the key": key,
		"a session": b.Portal.Value, "a key's session": w.Browser(key).Cookie.Value,
	} {
		t.Run(name, func(t *testing.T) {
			b := w.Stranger()
			b.Get("/console/portal?"+consoletest.Form("link", forged).Encode(), consoletest.Going("document")...).Is(404).Has("does not work")
			if b.Portal != nil {
				t.Error("it let somebody in")
			}
		})
	}
	for name, forged := range map[string]string{
		"an unused link": text, "a changed byte": string(changed), "a key's session": w.Browser(key).Cookie.Value,
	} {
		t.Run(name+" as a cookie", func(t *testing.T) {
			b := w.Stranger()
			b.Portal = &http.Cookie{Name: "hookline_portal", Value: forged}
			b.Get("/console/webhooks").Leads("/console/sign-in?to=%2Fconsole%2Fwebhooks")
			b.Portal, b.Cookie = nil, &http.Cookie{Name: "hookline_session", Value: forged}
			if name != "a key's session" {
				b.Get("/console/webhooks").Leads("/console/sign-in?to=%2Fconsole%2Fwebhooks")
			}
		})
	}
}

// TestPortalAndKey shows that the later of two sign-ins counts, and that signing out ends both.
func TestPortalAndKey(t *testing.T) {
	w := consoletest.New(t)
	key := w.Tenant("acme", "standard")
	b := w.Browser(key)
	opens(b, w.PortalLink(key, ""))
	b.Get("/console/keys").Is(403)
	b.Post("/console/sign-in", consoletest.Form("key", key)).Leads("/console/webhooks")
	b.Get("/console/keys").Is(200)
	opens(b, w.PortalLink(key, ""))
	b.Post("/console/sign-out", nil).Leads("/console/sign-in")
	if b.Cookie != nil || b.Portal != nil {
		t.Errorf("got %v and %v after signing out, want none", b.Cookie, b.Portal)
	}
}

// opens follows a link and presses the button of the page that asks.
func opens(b *consoletest.Browser, link string) {
	b.W.T.Helper()
	b.Get(link, consoletest.Going("document")...).Is(200).Has("signed in with an API key of", "you are signed out")
	_, sealed, _ := strings.Cut(link, "link=")
	b.Post("/console/portal", consoletest.Form("link", sealed)).Leads("/console/webhooks")
}

// TestPortalAsks shows that a link replaces another session only after the visitor agrees: anybody could have sent it.
func TestPortalAsks(t *testing.T) {
	w := consoletest.New(t)
	acme, globex := w.Tenant("acme", "standard"), w.Tenant("globex", "standard")
	for name, tt := range map[string]struct {
		visitor func() *consoletest.Browser
		link    string
		to      string // how the link is followed
		asks    string // "" lets in at once
	}{
		"nobody is signed in":          {w.Stranger, w.PortalLink(acme, ""), "document", ""},
		"with a key of another tenant": {func() *consoletest.Browser { return w.Browser(globex) }, w.PortalLink(acme, ""), "document", "with an API key of globex"},
		"with a key of the tenant":     {func() *consoletest.Browser { return w.Browser(acme) }, w.PortalLink(acme, ""), "document", "with an API key of acme"},
		"by a link of another tenant":  {func() *consoletest.Browser { return w.Guest(w.PortalLink(globex, "")) }, w.PortalLink(acme, ""), "document", "as a guest of globex"},
		"by a link of the tenant":      {func() *consoletest.Browser { return w.Guest(w.PortalLink(acme, "")) }, w.PortalLink(acme, ""), "document", ""},
		"in the product's own frame":   {func() *consoletest.Browser { return w.Guest(w.PortalLink(globex, "")) }, w.PortalLink(acme, ""), "iframe", ""},
	} {
		t.Run(name, func(t *testing.T) {
			b := tt.visitor()
			p := b.Get(tt.link, consoletest.Going(tt.to)...)
			if tt.asks == "" {
				p.Leads("/console/webhooks")
				b.Get("/console/webhooks").Is(200).Has("acme")
				return
			}
			p.Is(200).Has("Open the webhooks of acme?", tt.asks)
			b.Get("/console/webhooks").Is(200).Has(tt.asks[strings.LastIndex(tt.asks, " ")+1:]) // who they were
			_, sealed, _ := strings.Cut(tt.link, "link=")
			b.Post("/console/portal", consoletest.Form("link", sealed), "Sec-Fetch-Site", "cross-site").Is(403)
			b.Post("/console/portal", consoletest.Form("link", sealed)).Leads("/console/webhooks")
			if b.Cookie != nil {
				t.Errorf("got the cookie %v, want that the session before is gone", b.Cookie)
			}
			b.Get("/console/keys").Is(403)
		})
	}
}

// TestSignOutEndsSession shows that signing out ends the session itself: a copy of its cookie no longer works.
func TestSignOutEndsSession(t *testing.T) {
	w := consoletest.New(t)
	key := w.Tenant("acme", "standard")
	for name, b := range map[string]*consoletest.Browser{"a key's": w.Browser(key), "a link's": w.Guest(w.PortalLink(key, ""))} {
		t.Run(name, func(t *testing.T) {
			other := w.Browser(key)
			thief := w.Stranger()
			thief.Cookie, thief.Portal = b.Cookie, b.Portal
			thief.Get("/console/webhooks").Is(200)

			w.Faults = faultinject.StoreFaults{Before: func(call string) error {
				if call == "Pin" {
					return errors.New("away")
				}
				return nil
			}}
			b.Post("/console/sign-out", nil).Is(503).Has("try again")
			w.Faults = faultinject.StoreFaults{}
			b.Get("/console/webhooks").Is(200)

			b.Post("/console/sign-out", nil).Leads("/console/sign-in")
			thief.Get("/console/webhooks").Leads("/console/sign-in?to=%2Fconsole%2Fwebhooks")
			thief.Post("/console/webhooks", consoletest.Form("url", "https://example.com/hook", "events", "*")).Leads("/console/sign-in?to=%2Fconsole%2Fwebhooks")
			other.Get("/console/webhooks").Is(200)
		})
	}
}
