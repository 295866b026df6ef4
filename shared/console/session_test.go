package console_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"path"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"hookline/shared/seal"
	"hookline/shared/webhook"
)

func TestSignIn(t *testing.T) {
	w := newWorld(t)
	key := w.tenant("acme", "standard")
	b := w.stranger()

	b.get("/console/webhooks?status=failing").leads("/console/sign-in?to=%2Fconsole%2Fwebhooks%3Fstatus%3Dfailing")
	b.get("/console/sign-in?to=%2Fconsole%2Fwebhooks%3Fstatus%3Dfailing").is(200).has(`name="to" value="/console/webhooks?status=failing"`).lacks("Sign out")
	b.post("/console/sign-in", form("key", "hk_wrong", "to", "/console/webhooks?status=failing")).is(401).
		has("This key is not known", `name="to" value="/console/webhooks?status=failing"`).lacks("hk_wrong")
	b.post("/console/sign-in", form("key", " ")).is(422).has("Enter an API key.")
	b.post("/console/sign-in", form("key", adminKey)).is(401) // it has no tenant
	if b.cookie != nil {
		t.Fatalf("got cookie %v, want none before a key is right", b.cookie)
	}

	b.post("/console/sign-in", form("key", " "+key+"\n", "to", "/console/webhooks?status=failing")).leads("/console/webhooks?status=failing")
	b.get("/console/webhooks").is(200).has("Sign out", "acme")
	b.get("/console/").leads("/console/webhooks")

	b.post("/console/sign-out", nil).leads("/console/sign-in")
	if b.cookie != nil {
		t.Errorf("got cookie %v after signing out, want none", b.cookie)
	}
	b.get("/console/webhooks").leads("/console/sign-in?to=%2Fconsole%2Fwebhooks")
}

func TestCookie(t *testing.T) {
	w := newWorld(t)
	key := w.tenant("acme", "standard")
	tests := map[string]struct {
		origin string
		secure bool
	}{
		"one machine":          {"http://127.0.0.1:8080", false},
		"its name":             {"http://localhost:8080", false},
		"IPv6":                 {"http://[::1]:8080", false},
		"IPv6 without a port":  {"http://[::1]", false},
		"a domain":             {"https://hooks.example.com", true},
		"a domain like a name": {"https://localhost.example.com", true},
		"another machine":      {"http://192.0.2.1:8080", true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			b := w.stranger()
			b.origin = tt.origin
			for _, p := range []page{b.post("/console/sign-in", form("key", key)), b.post("/console/sign-out", nil)} {
				cookies := (&http.Response{Header: p.header}).Cookies()
				if len(cookies) != 1 {
					t.Fatalf("%s: got %d cookies, want 1", p.what, len(cookies))
				}
				got := cookies[0]
				name, path := "hookline_session", "/console/"
				if tt.secure { // the prefix asks for the path
					name, path = "__Host-hookline_session", "/"
				}
				if !got.HttpOnly || got.SameSite != http.SameSiteLaxMode || got.Name != name || got.Path != path || got.Domain != "" || got.Secure != tt.secure {
					t.Errorf("%s: got %v, want %s, HttpOnly, SameSite=Lax, Path=%s, no domain, Secure %t", p.what, got, name, path, tt.secure)
				}
				if signedIn := got.Value != ""; signedIn && got.MaxAge != 12*60*60 || !signedIn && got.MaxAge >= 0 {
					t.Errorf("%s: got Max-Age %d, want 12 hours, or an end when signing out", p.what, got.MaxAge)
				}
				if strings.Contains(got.Value, key) || strings.Contains(got.Value, webhook.HashAPIKey(key)) {
					t.Errorf("%s: got %s, want neither the key nor its hash to be readable", p.what, got.Value)
				}
			}
		})
	}
}

func TestSession(t *testing.T) {
	w := newWorld(t)
	key := w.tenant("acme", "standard")
	good := w.browser(key).cookie.Value
	sealed := func(keys seal.Keyring, place string, expires time.Time) string {
		plain, err := json.Marshal(map[string]any{"i": "any", "h": webhook.HashAPIKey(key), "e": expires.Unix()})
		if err != nil {
			t.Fatal(err)
		}
		out, err := seal.Box{Keys: keys}.Seal(t.Context(), plain, place)
		if err != nil {
			t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(out)
	}
	changed := []byte(good)
	changed[len(changed)/2] ^= 1
	ours, hour := seal.NewStatic("of this deployment"), time.Now().Add(time.Hour)
	tests := map[string]struct {
		cookie string
		ok     bool
	}{
		"as it was given":             {good, true},
		"sealed alike":                {sealed(ours, "console session", hour), true},
		"a changed byte":              {string(changed), false},
		"cut off":                     {good[:len(good)/2], false},
		"too old":                     {sealed(ours, "console session", time.Now().Add(-time.Second)), false},
		"another deployment's":        {sealed(seal.NewStatic("of another"), "console session", hour), false},
		"sealed for something else":   {sealed(ours, "secret\x00acme\x00wh_1\x001", hour), false},
		"the key's hash, readable":    {webhook.HashAPIKey(key), false},
		"the key":                     {key, false},
		"no base64":                   {"***", false},
		"empty":                       {"", false},
		"JSON that is no session":     {base64.RawURLEncoding.EncodeToString([]byte("[]")), false},
		"sealed with nothing in it":   {base64.RawURLEncoding.EncodeToString([]byte{1, 0}), false},
		"a session that is not there": {sealed(seal.NewStatic(""), "", hour), false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			b := w.stranger()
			b.cookie = &http.Cookie{Name: "hookline_session", Value: tt.cookie}
			p := b.get("/console/webhooks")
			if tt.ok {
				p.is(200)
			} else {
				p.leads("/console/sign-in?to=%2Fconsole%2Fwebhooks")
			}
		})
	}
}

func TestSessionEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		key := w.tenant("acme", "standard")
		b := w.browser(key)
		<-time.After(12*time.Hour - time.Second)
		b.get("/console/webhooks").is(200)
		<-time.After(time.Second)
		b.get("/console/webhooks").leads("/console/sign-in?to=%2Fconsole%2Fwebhooks")
	})
}

func TestDeletedKey(t *testing.T) {
	w := newWorld(t)
	all := w.tenant("acme", "standard")
	key, id := w.scoped(all, "webhooks:read")
	b, fragments := w.browser(key), w.browser(key)
	fragments.htmx = true
	b.get("/console/webhooks").is(200)
	w.call(204, all, "DELETE", "/v1/keys/"+id, "", nil)
	b.get("/console/webhooks").leads("/console/sign-in?to=%2Fconsole%2Fwebhooks")
	fragments.get("/console/webhooks").leads("/console/sign-in?to=%2Fconsole%2Fwebhooks")

	last := w.browser(all)
	w.call(204, adminKey, "DELETE", "/v1/tenants/acme", "", nil)
	last.get("/console/webhooks").leads("/console/sign-in?to=%2Fconsole%2Fwebhooks")
}

// targets are addresses that somebody might want a sign-in to lead to; those that are the console's stay.
var targets = map[string]bool{
	"/console/webhooks":                     true,
	"/console/webhooks/wh_1/edit?x=1&y=%2F": true,
	"":                                      false,
	"/console":                              false,
	"/console/sign-in":                      false,
	"/console/sign-out":                     false,
	"/v1/webhooks":                          false,
	"//example.com/console/webhooks":        false,
	"https://example.com/console/webhooks":  false,
	"https:/console/webhooks":               false,
	"javascript:alert(1)":                   false,
	`/\example.com`:                         false,
	`/console/\..\..\example.com`:           false,
	"/console/../v1/tenant":                 false,
	"/console/%2e%2e/v1/tenant":             false,
	"/console/.%2E//example.com":            false,
	"/console//example.com":                 false,
	"/console/\r\nX-Header: 1":              false,
	"/console/\t../v1":                      false,
	"/consolexyz":                           false,
	"/console/webhooks%zz":                  false,
}

func TestTargets(t *testing.T) {
	w := newWorld(t)
	key := w.tenant("acme", "standard")
	for to, ours := range targets {
		want := "/console/webhooks"
		if ours {
			want = to
		}
		w.stranger().post("/console/sign-in", form("key", key, "to", to)).leads(want)
	}
}

func FuzzTargets(f *testing.F) {
	for to := range targets {
		f.Add(to)
	}
	w := newWorld(f)
	f.Fuzz(func(t *testing.T, to string) {
		w.t = t
		p := w.stranger().get("/console/sign-in?" + url.Values{"to": {to}}.Encode()).is(200)
		for _, e := range elements(p.body) {
			if e.attrs["name"] != "to" {
				continue
			}
			u, err := url.Parse(e.attrs["value"])
			if err != nil || u.Scheme != "" || u.Host != "" || !strings.HasPrefix(path.Clean(u.Path), "/console/") || strings.Contains(u.Path, `\`) {
				t.Errorf("%q: got %q, %v, want an address of the console", to, e.attrs["value"], err)
			}
			return
		}
		t.Errorf("%q: no field says where it leads", to)
	})
}

func TestCrossOrigin(t *testing.T) {
	w := newWorld(t)
	key := w.tenant("acme", "standard")
	id := w.webhook(key)
	b := w.browser(key)
	for _, at := range []string{"/console/sign-in", "/console/sign-out", "/console/webhooks", "/console/webhooks/" + id, "/console/webhooks/" + id + "/delete", "/console/webhooks/" + id + "/rotate-secret", "/console/webhooks/" + id + "/test"} {
		f := form("key", key, "url", "https://example.com/other", "events", "*")
		b.post(at, f, "Sec-Fetch-Site", "cross-site").is(403)
		b.post(at, f, "Sec-Fetch-Site", "same-site").is(403)
		b.do(http.MethodPost, at, f, "Origin", "https://example.com").is(403) // a browser that says no more
	}
	b.get("/console/webhooks", "Sec-Fetch-Site", "cross-site").is(200)
	if got := w.show(key, id).URL; got != "https://example.com/hook" {
		t.Errorf("got url %s, want it unchanged", got)
	}
	b.post("/console/webhooks/"+id, form("url", "https://example.com/other", "events", "*")).leads("/console/webhooks/" + id)
}
