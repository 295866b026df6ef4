package console_test

import (
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"hookline/shared/faultinject"
	"hookline/shared/portal"
	"hookline/shared/webhook"
)

// portalLink makes a link, with a tenant's key or for the tenant by the admin, and returns where it leads.
func (w *world) portalLink(key, body string) string {
	w.t.Helper()
	path := "/v1/portal-links"
	if key == adminKey {
		path = "/v1/tenants/acme/portal-links"
	}
	var made struct {
		URL     string
		Expires time.Time `json:"expires_at"`
	}
	w.call(201, key, "POST", path, body, &made)
	u, err := url.Parse(made.URL)
	if err != nil || u.Host != "example.com" {
		w.t.Fatalf("got %s, %v, want an address that begins as the request did", made.URL, err)
	}
	return u.RequestURI()
}

// going is what a browser says when somebody goes to a page.
func going(dest string) []string {
	return []string{"Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", dest, "Sec-Fetch-Site", "cross-site"}
}

// guest returns a browser that followed the link in a frame.
func (w *world) guest(link string) *browser {
	w.t.Helper()
	b := w.stranger()
	b.get(link, going("iframe")...).leads("/console/webhooks")
	return b
}

func TestPortal(t *testing.T) {
	w := newWorld(t)
	key := w.tenant("acme", "standard")
	w.call(200, key, "PATCH", "/v1/tenant", `{"frame_ancestors":["https://app.example.com","https://other.example.com:8443"]}`, nil)
	link := w.portalLink(key, "")
	b := w.stranger()
	b.frames = "https://app.example.com https://other.example.com:8443"
	b.get(link, going("iframe")...).leads("/console/webhooks")

	got := b.portal
	if !got.HttpOnly || !got.Secure || !got.Partitioned || got.SameSite != http.SameSiteNoneMode || got.Path != "/console/" || got.Domain != "" || got.MaxAge != 3600 {
		t.Errorf("got %v, want SameSite=None, Secure, Partitioned, HttpOnly, Path=/console/, no domain, an hour", got)
	}
	p := b.get("/console/webhooks", "Sec-Fetch-Dest", "iframe").is(200).has("Webhooks", "Settings", "acme", "Sign out").lacks(`href="/console/keys"`)
	if p.header.Get("X-Frame-Options") != "" {
		t.Errorf("got X-Frame-Options %q, want none: it knows no list", p.header.Get("X-Frame-Options"))
	}
	// What a person does in the frame comes from the frame's own pages.
	b.post("/console/webhooks", form("url", "https://example.com/hook", "events", "*", "active", "on"), "Sec-Fetch-Dest", "iframe").is(201)
	b.post("/console/webhooks", form("url", "https://example.com/hook", "events", "*"), "Sec-Fetch-Site", "cross-site").is(403)
	b.get("/console/keys").is(403)
	b.post("/console/keys", form("name", "k", "scopes", "webhooks:read")).is(403)
	b.get("/console/settings").is(200).lacks("Save", "Make a portal link")
	b.post("/console/settings", form("name", "mine")).is(403)
	b.post("/console/settings/portal-link", nil).is(403)

	again := w.stranger()
	again.frames = b.frames
	again.get(link, going("iframe")...).is(410).has("This link has been used")
	if again.portal != nil {
		t.Error("a used link let somebody in")
	}
	b.post("/console/sign-out", nil).leads("/console/sign-in")
	b.frames = "*"
	b.get("/console/sign-in", "Sec-Fetch-Dest", "iframe").is(401).has("no longer signed in").lacks("<form")
	b.frames = ""
	b.get("/console/sign-in").is(200)

	for _, p := range slices.Concat(b.seen, again.seen) {
		if all := p.what + p.body; strings.Contains(all, key) || strings.Contains(all, webhook.HashAPIKey(key)) {
			t.Errorf("%s shows the key", p.what)
		}
	}
	if raw, _ := base64.RawURLEncoding.DecodeString(b.seen[0].what[len("GET /console/portal?link="):]); strings.Contains(string(raw), "acme") {
		t.Error("the link is readable")
	}
}

// Pages of somebody who signed in with a key are in no frame, whatever the tenant allows.
func TestFramesArePortals(t *testing.T) {
	w := newWorld(t)
	key := w.tenant("acme", "standard")
	w.call(200, key, "PATCH", "/v1/tenant", `{"frame_ancestors":["https://app.example.com"]}`, nil)
	b := w.browser(key)
	b.get("/console/webhooks", "Sec-Fetch-Dest", "iframe").is(200)

	w.call(200, key, "PATCH", "/v1/tenant", `{"frame_ancestors":null}`, nil)
	w.guest(w.portalLink(key, "")).get("/console/webhooks").is(200) // and a portal's in none that is not named
}

// What looks ahead does not use a link up.
func TestPortalPreview(t *testing.T) {
	w := newWorld(t)
	link := w.portalLink(w.tenant("acme", "standard"), "")
	for name, headers := range map[string][]string{
		"a chat":            {"User-Agent", "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)"},
		"a mail program":    {"User-Agent", "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"},
		"a prefetch":        append(going("document"), "Sec-Purpose", "prefetch"),
		"a prerender":       append(going("document"), "Sec-Purpose", "prefetch;prerender"),
		"an older prefetch": append(going("document"), "Purpose", "prefetch"),
		"an image":          {"Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Dest", "image"},
		"a script":          {"Sec-Fetch-Mode", "cors", "Sec-Fetch-Dest", "empty"},
	} {
		b := w.stranger()
		b.get(link, headers...).is(200).has("Open", `method="post" action="/console/portal"`)
		b.do(http.MethodHead, link, nil, going("document")...).is(200)
		if b.portal != nil {
			t.Errorf("%s is let in", name)
		}
	}
	b := w.stranger()
	p := b.get(link, "User-Agent", "Slackbot 1.0").is(200)
	b.post("/console/portal", p.filled(), "Sec-Fetch-Site", "cross-site").is(403)
	b.post("/console/portal", p.filled()).leads("/console/webhooks")
	b.get("/console/webhooks").is(200)
	b.post("/console/portal", p.filled()).is(410)
}

// A browser or program that says nothing of itself is let in as one that goes there is.
func TestPortalPlain(t *testing.T) {
	w := newWorld(t)
	link := w.portalLink(w.tenant("acme", "standard"), "")
	b := w.stranger()
	b.get(link, "User-Agent", "curl/8.14.1").leads("/console/webhooks")
	b.get("/console/webhooks").is(200)
	w.stranger().get(link).is(410)
}

func TestPortalOnce(t *testing.T) {
	w := newWorld(t)
	link := w.portalLink(w.tenant("acme", "standard"), "")
	var wg sync.WaitGroup
	guests := make([]*browser, 16)
	for i := range guests {
		guests[i] = w.stranger()
		wg.Go(func() { guests[i].get(link, going("document")...) })
	}
	wg.Wait()
	in := slices.DeleteFunc(guests, func(b *browser) bool { return b.portal == nil })
	if len(in) != 1 {
		t.Errorf("%d of 16 are in, want 1", len(in))
	}
}

// A visit ends with the link's time, which the link's use does not make longer.
func TestPortalTime(t *testing.T) {
	w := newWorld(t)
	key := w.tenant("acme", "standard")
	link, late := w.portalLink(key, `{"expires_in":60}`), w.portalLink(key, `{"expires_in":60}`)
	w.now = w.now.Add(59 * time.Second)
	b := w.guest(link)
	if b.portal.MaxAge != 1 {
		t.Errorf("got Max-Age %d, want 1", b.portal.MaxAge)
	}
	b.get("/console/webhooks").is(200)
	w.now = w.now.Add(time.Second)
	b.get("/console/webhooks").leads("/console/sign-in?to=%2Fconsole%2Fwebhooks")
	w.stranger().get(late, going("document")...).is(410).has("time is over")
}

func TestPortalEnds(t *testing.T) {
	w := newWorld(t)
	all := w.tenant("acme", "standard")
	key, id := w.scoped(all, "tenant:write", "webhooks:read")
	b, unused := w.guest(w.portalLink(key, "")), w.portalLink(key, "")
	b.get("/console/webhooks").is(200)
	w.call(204, all, "DELETE", "/v1/keys/"+id, "", nil)
	b.get("/console/webhooks").leads("/console/sign-in?to=%2Fconsole%2Fwebhooks")
	w.stranger().get(unused, going("document")...).is(410).has("withdrawn")

	b, unused = w.guest(w.portalLink(adminKey, "")), w.portalLink(adminKey, "")
	b.get("/console/webhooks").is(200)
	w.call(204, adminKey, "DELETE", "/v1/tenants/acme", "", nil)
	b.get("/console/webhooks").leads("/console/sign-in")
	w.stranger().get(unused, going("document")...).is(410).has("withdrawn")

	w.now = w.now.Add(time.Minute)
	w.tenant("acme", "standard") // another of the same name
	b.get("/console/webhooks").leads("/console/sign-in")
	w.stranger().get(unused, going("document")...).is(410).has("withdrawn")
}

// A portal can do what the key that made it can, as far as a portal can.
func TestPortalScopes(t *testing.T) {
	w := newWorld(t)
	all := w.tenant("acme", "standard")
	few, _ := w.scoped(all, "tenant:write", "keys:read", "deliveries:read", "webhooks:read")
	id := w.webhook(all)
	tests := map[string]struct {
		key    string
		delete int
	}{"the first key": {all, 303}, "the admin": {adminKey, 303}, "a key with few scopes": {few, 403}}
	for name, tt := range tests {
		b := w.guest(w.portalLink(tt.key, ""))
		b.get("/console/webhooks/" + id).is(200)
		b.get("/console/keys").is(403)
		if got := b.post("/console/webhooks/"+w.webhook(all)+"/delete", nil).status; got != tt.delete {
			t.Errorf("%s: got %d, want %d", name, got, tt.delete)
		}
	}
	want := []string{"tenant:read", "webhooks:read", "webhooks:write", "deliveries:read", "deliveries:write", "events:read", "sources:read", "sources:write"}
	if got := portal.Scopes(); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	none, _ := w.scoped(all, "tenant:write", "tenant:read")
	w.stranger().get(w.portalLink(none, ""), going("document")...).leads("/console/settings")
}

func TestPortalForged(t *testing.T) {
	w := newWorld(t)
	key := w.tenant("acme", "standard")
	link := w.portalLink(key, "")
	text := strings.TrimPrefix(link, "/console/portal?link=")
	b := w.guest(link)
	changed := []byte(text)
	changed[len(changed)/2] ^= 1
	for name, forged := range map[string]string{
		"empty": "", "no base64": "***", "a changed byte": string(changed), "cut off": text[:len(text)/2], "the key": key,
		"a session": b.portal.Value, "a key's session": w.browser(key).cookie.Value,
	} {
		t.Run(name, func(t *testing.T) {
			b := w.stranger()
			b.get("/console/portal?"+form("link", forged).Encode(), going("document")...).is(404).has("does not work")
			if b.portal != nil {
				t.Error("it let somebody in")
			}
		})
	}
	for name, forged := range map[string]string{
		"an unused link": text, "a changed byte": string(changed), "a key's session": w.browser(key).cookie.Value,
	} {
		t.Run(name+" as a cookie", func(t *testing.T) {
			b := w.stranger()
			b.portal = &http.Cookie{Name: "hookline_portal", Value: forged}
			b.get("/console/webhooks").leads("/console/sign-in?to=%2Fconsole%2Fwebhooks")
			b.portal, b.cookie = nil, &http.Cookie{Name: "hookline_session", Value: forged}
			if name != "a key's session" {
				b.get("/console/webhooks").leads("/console/sign-in?to=%2Fconsole%2Fwebhooks")
			}
		})
	}
}

// The later of two sign-ins is the one that counts, and signing out ends both.
func TestPortalAndKey(t *testing.T) {
	w := newWorld(t)
	key := w.tenant("acme", "standard")
	b := w.browser(key)
	b.opens(w.portalLink(key, ""))
	b.get("/console/keys").is(403)
	b.post("/console/sign-in", form("key", key)).leads("/console/webhooks")
	b.get("/console/keys").is(200)
	b.opens(w.portalLink(key, ""))
	b.post("/console/sign-out", nil).leads("/console/sign-in")
	if b.cookie != nil || b.portal != nil {
		t.Errorf("got %v and %v after signing out, want none", b.cookie, b.portal)
	}
}

// opens follows a link, and presses the button of the page that asks.
func (b *browser) opens(link string) {
	b.w.t.Helper()
	b.get(link, going("document")...).is(200).has("signed in with an API key of", "you are signed out")
	_, sealed, _ := strings.Cut(link, "link=")
	b.post("/console/portal", form("link", sealed)).leads("/console/webhooks")
}

// TestPortalAsks shows that a link changes who somebody is only when they say so: anybody could have sent it.
func TestPortalAsks(t *testing.T) {
	w := newWorld(t)
	acme, globex := w.tenant("acme", "standard"), w.tenant("globex", "standard")
	for name, tt := range map[string]struct {
		visitor func() *browser
		link    string
		to      string // how the link is followed
		asks    string // "" lets in at once
	}{
		"nobody is signed in":          {w.stranger, w.portalLink(acme, ""), "document", ""},
		"with a key of another tenant": {func() *browser { return w.browser(globex) }, w.portalLink(acme, ""), "document", "with an API key of globex"},
		"with a key of the tenant":     {func() *browser { return w.browser(acme) }, w.portalLink(acme, ""), "document", "with an API key of acme"},
		"by a link of another tenant":  {func() *browser { return w.guest(w.portalLink(globex, "")) }, w.portalLink(acme, ""), "document", "as a guest of globex"},
		"by a link of the tenant":      {func() *browser { return w.guest(w.portalLink(acme, "")) }, w.portalLink(acme, ""), "document", ""},
		"in the product's own frame":   {func() *browser { return w.guest(w.portalLink(globex, "")) }, w.portalLink(acme, ""), "iframe", ""},
	} {
		t.Run(name, func(t *testing.T) {
			b := tt.visitor()
			p := b.get(tt.link, going(tt.to)...)
			if tt.asks == "" {
				p.leads("/console/webhooks")
				b.get("/console/webhooks").is(200).has("acme")
				return
			}
			p.is(200).has("Open the webhooks of acme?", tt.asks)
			b.get("/console/webhooks").is(200).has(tt.asks[strings.LastIndex(tt.asks, " ")+1:]) // who they were
			_, sealed, _ := strings.Cut(tt.link, "link=")
			b.post("/console/portal", form("link", sealed), "Sec-Fetch-Site", "cross-site").is(403)
			b.post("/console/portal", form("link", sealed)).leads("/console/webhooks")
			if b.cookie != nil {
				t.Errorf("got the cookie %v, want that the session before is gone", b.cookie)
			}
			b.get("/console/keys").is(403)
		})
	}
}

// TestSignOutEndsSession shows that signing out ends a session itself: who has copied its cookie is out too.
func TestSignOutEndsSession(t *testing.T) {
	w := newWorld(t)
	key := w.tenant("acme", "standard")
	for name, b := range map[string]*browser{"a key's": w.browser(key), "a link's": w.guest(w.portalLink(key, ""))} {
		t.Run(name, func(t *testing.T) {
			other := w.browser(key)
			thief := w.stranger()
			thief.cookie, thief.portal = b.cookie, b.portal
			thief.get("/console/webhooks").is(200)

			w.faults = faultinject.StoreFaults{Before: func(call string) error {
				if call == "Pin" {
					return errors.New("away")
				}
				return nil
			}}
			b.post("/console/sign-out", nil).is(503).has("try again")
			w.faults = faultinject.StoreFaults{}
			b.get("/console/webhooks").is(200)

			b.post("/console/sign-out", nil).leads("/console/sign-in")
			thief.get("/console/webhooks").leads("/console/sign-in?to=%2Fconsole%2Fwebhooks")
			thief.post("/console/webhooks", form("url", "https://example.com/hook", "events", "*")).leads("/console/sign-in?to=%2Fconsole%2Fwebhooks")
			other.get("/console/webhooks").is(200)
		})
	}
}
