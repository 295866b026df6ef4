package session_test

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

	"hookline/shared/console/consoletest"
	"hookline/shared/seal"
	"hookline/shared/webhook"
)

func TestSignIn(t *testing.T) {
	w := consoletest.New(t)
	key := w.Tenant("acme", "standard")
	b := w.Stranger()

	b.Get("/console/webhooks?status=failing").Leads("/console/sign-in?to=%2Fconsole%2Fwebhooks%3Fstatus%3Dfailing")
	b.Get("/console/sign-in?to=%2Fconsole%2Fwebhooks%3Fstatus%3Dfailing").Is(200).Has(`name="to" value="/console/webhooks?status=failing"`).Lacks("Sign out")
	b.Post("/console/sign-in", consoletest.Form("key", "hk_wrong", "to", "/console/webhooks?status=failing")).Is(401).
		Has("This key is not known", `name="to" value="/console/webhooks?status=failing"`).Lacks("hk_wrong")
	b.Post("/console/sign-in", consoletest.Form("key", " ")).Is(422).Has("Enter an API key.")
	b.Post("/console/sign-in", consoletest.Form("key", consoletest.AdminKey)).Leads("/console/admin/") // it has no tenant
	if b.Cookie != nil {
		t.Fatalf("got cookie %v, want none before a key is right", b.Cookie)
	}

	b.Post("/console/sign-in", consoletest.Form("key", " "+key+"\n", "to", "/console/webhooks?status=failing")).Leads("/console/webhooks?status=failing")
	b.Get("/console/webhooks").Is(200).Has("Sign out", "acme")
	b.Get("/console/").Leads("/console/webhooks")

	b.Post("/console/sign-out", nil).Leads("/console/sign-in")
	if b.Cookie != nil {
		t.Errorf("got cookie %v after signing out, want none", b.Cookie)
	}
	b.Get("/console/webhooks").Leads("/console/sign-in?to=%2Fconsole%2Fwebhooks")
}

func TestCookie(t *testing.T) {
	w := consoletest.New(t)
	key := w.Tenant("acme", "standard")
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
			b := w.Stranger()
			b.Origin = tt.origin
			for _, p := range []consoletest.Page{b.Post("/console/sign-in", consoletest.Form("key", key)), b.Post("/console/sign-out", nil)} {
				cookies := (&http.Response{Header: p.Header}).Cookies()
				if len(cookies) != 1 {
					t.Fatalf("%s: got %d cookies, want 1", p.What, len(cookies))
				}
				got := cookies[0]
				name, path := "hookline_session", "/console/"
				if tt.secure { // the prefix asks for the path
					name, path = "__Host-hookline_session", "/"
				}
				if !got.HttpOnly || got.SameSite != http.SameSiteLaxMode || got.Name != name || got.Path != path || got.Domain != "" || got.Secure != tt.secure {
					t.Errorf("%s: got %v, want %s, HttpOnly, SameSite=Lax, Path=%s, no domain, Secure %t", p.What, got, name, path, tt.secure)
				}
				if signedIn := got.Value != ""; signedIn && got.MaxAge != 12*60*60 || !signedIn && got.MaxAge >= 0 {
					t.Errorf("%s: got Max-Age %d, want 12 hours, or an end when signing out", p.What, got.MaxAge)
				}
				if strings.Contains(got.Value, key) || strings.Contains(got.Value, webhook.HashAPIKey(key)) {
					t.Errorf("%s: got %s, want neither the key nor its hash to be readable", p.What, got.Value)
				}
			}
		})
	}
}

func TestSession(t *testing.T) {
	w := consoletest.New(t)
	key := w.Tenant("acme", "standard")
	good := w.Browser(key).Cookie.Value
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
			b := w.Stranger()
			b.Cookie = &http.Cookie{Name: "hookline_session", Value: tt.cookie}
			p := b.Get("/console/webhooks")
			if tt.ok {
				p.Is(200)
			} else {
				p.Leads("/console/sign-in?to=%2Fconsole%2Fwebhooks")
			}
		})
	}
}

func TestSessionEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := consoletest.New(t)
		key := w.Tenant("acme", "standard")
		b := w.Browser(key)
		<-time.After(12*time.Hour - time.Second)
		b.Get("/console/webhooks").Is(200)
		<-time.After(time.Second)
		b.Get("/console/webhooks").Leads("/console/sign-in?to=%2Fconsole%2Fwebhooks")
	})
}

func TestDeletedKey(t *testing.T) {
	w := consoletest.New(t)
	all := w.Tenant("acme", "standard")
	key, id := w.Scoped(all, "webhooks:read")
	b, fragments := w.Browser(key), w.Browser(key)
	fragments.HTMX = true
	b.Get("/console/webhooks").Is(200)
	w.Call(204, all, "DELETE", "/v1/keys/"+id, "", nil)
	b.Get("/console/webhooks").Leads("/console/sign-in?to=%2Fconsole%2Fwebhooks")
	fragments.Get("/console/webhooks").Leads("/console/sign-in?to=%2Fconsole%2Fwebhooks")

	last := w.Browser(all)
	w.Call(204, consoletest.AdminKey, "DELETE", "/v1/tenants/acme", "", nil)
	last.Get("/console/webhooks").Leads("/console/sign-in?to=%2Fconsole%2Fwebhooks")
}

// targets are addresses to which somebody might want a sign-in to redirect. It does for those that are true.
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
	w := consoletest.New(t)
	key := w.Tenant("acme", "standard")
	for to, ours := range targets {
		want := "/console/webhooks"
		if ours {
			want = to
		}
		w.Stranger().Post("/console/sign-in", consoletest.Form("key", key, "to", to)).Leads(want)
	}
}

func FuzzTargets(f *testing.F) {
	for to := range targets {
		f.Add(to)
	}
	w := consoletest.New(f)
	f.Fuzz(func(t *testing.T, to string) {
		w.T = t
		p := w.Stranger().Get("/console/sign-in?" + url.Values{"to": {to}}.Encode()).Is(200)
		for _, e := range consoletest.Elements(p.Body) {
			if e.Attrs["name"] != "to" {
				continue
			}
			u, err := url.Parse(e.Attrs["value"])
			if err != nil || u.Scheme != "" || u.Host != "" || !strings.HasPrefix(path.Clean(u.Path), "/console/") || strings.Contains(u.Path, `\`) {
				t.Errorf("%q: got %q, %v, want an address of the console", to, e.Attrs["value"], err)
			}
			return
		}
		t.Errorf("%q: no field says where it leads", to)
	})
}
