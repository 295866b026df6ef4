package webhooks_test

import (
	"html"
	"regexp"
	"strings"
	"testing"

	"hookline/shared/console/consoletest"
)

// code returns the texts of the files that a page shows.
func code(p consoletest.Page) string {
	var out strings.Builder
	for _, m := range regexp.MustCompile(`(?s)<pre [^>]*><code>(.*?)</code></pre>`).FindAllStringSubmatch(p.Body, -1) {
		out.WriteString(html.UnescapeString(m[1]) + "\n")
	}
	return out.String()
}

func TestCode(t *testing.T) {
	tests := map[string]struct{ header, says string }{
		"standard":   {"webhook-signature", "HMAC-SHA256 hash of id.timestamp.body using your webhook secret, in base64"},
		"axoria":     {"X-Axoria-Signature", "Put sha256= before it"},
		"agiletune":  {"X-AgileTune-Signature", "HMAC-SHA256 hash of it using your webhook secret, in hex"},
		"codmir":     {"X-Codmir-Signature", "Get the raw request body"},
		"axiestudio": {"X-Webhook-Signature", "Get the timestamp from the X-Webhook-Timestamp header"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := consoletest.New(t)
			key := w.Tenant("acme", name)
			b := w.Browser(key)
			made := b.Post("/console/webhooks", consoletest.Form("url", "https://example.com/hook", "events", "*", "active", "on", "headers", "X-Token: t0ken")).Is(201)
			_, rest, _ := strings.Cut(made.Body, `<a class="primary" href="`)
			at, _, _ := strings.Cut(rest, `"`)
			_, rest, _ = strings.Cut(made.Body, `data-copy="`)
			secret, _, _ := strings.Cut(rest, `"`)
			later := b.Get(at+"/verify").Is(200).Has(tt.says, "X-Token: ********").Lacks("t0ken", secret)
			b.Get(at).Is(200).Has(`href="` + at + `/verify"`)
			for _, p := range []consoletest.Page{made, later} {
				code := code(p)
				for _, want := range []string{
					"timingSafeEqual", "hmac.compare_digest", "hmac.Equal", "openssl dgst", "curl -i", "WEBHOOK_SECRET", "createServer", "ThreadingHTTPServer",
					tt.header, `"` + strings.ToLower(tt.header) + `"`,
				} {
					if !strings.Contains(code, want) {
						t.Errorf("%s: got code %s, want %s in it", p.What, code, want)
					}
				}
				if strings.Contains(code, html.UnescapeString(secret)) {
					t.Errorf("%s: the code has the secret", p.What)
				}
			}
		})
	}
}

// TestNoCodeForChats shows that there is no code for messages to chats, which have no signature.
func TestNoCodeForChats(t *testing.T) {
	consoletest.BothWays(t, func(_ *testing.T, w *consoletest.World, key string, b *consoletest.Browser) {
		id := w.Webhook(key, `"format":"slack"`)
		b.Get("/console/webhooks/"+id+"/verify").Is(200).Has("not signed", "&#34;blocks&#34;").Lacks("createHmac")
		b.Get("/console/webhooks/wh_none/verify").Is(404)
		b.Post("/console/webhooks", consoletest.Form("url", "https://example.com", "events", "*", "format", "teams")).Is(201).Has("not signed").Lacks("createHmac")
		// A key that may not see examples gets the code all the same.
		scoped, _ := w.Scoped(key, "webhooks:read")
		hook := w.Webhook(key)
		other := w.Browser(scoped)
		other.HTMX = b.HTMX
		other.Get("/console/webhooks/" + hook + "/verify").Is(200).Has("createHmac").Lacks("curl -i")
	})
}

func TestRotation(t *testing.T) {
	consoletest.BothWays(t, func(t *testing.T, w *consoletest.World, key string, b *consoletest.Browser) {
		at := "/console/webhooks/" + w.Webhook(key) + "/rotate-secret"
		b.Get(at).Is(200).Has("1 day (usual)", `value="604800">7 days`, "It stops at once", "the base64 of 24 to 64 bytes")
		const own = "whsec_bXkgb3duIHNlY3JldCBvZiAzMCBieXRlcy4u"
		b.Post(at, consoletest.Form("secret", own, "overlap_seconds", "0")).Is(200).Has(`data-copy="`+own+`"`, "Copy the new secret immediately").Lacks("signs too until")
		b.Post(at, consoletest.Form("secret", "", "overlap_seconds", "3600")).Is(200).Has("signs too until").Lacks(own)
		p := b.Post(at, consoletest.Form("secret", "whsec_short", "overlap_seconds", "9999999")).Is(422).Lacks("whsec_short")
		if said := p.Problems(); !strings.Contains(said["secret"], "24 to 64 bytes") || !strings.Contains(said["overlap_seconds"], "0 to 604800") || len(said) != 2 {
			t.Errorf("got problems %q, want one with the secret and one with the overlap", said)
		}
		b.Post(at, consoletest.Form("overlap_seconds", "soon")).Is(422).Has("Must be a whole number.")
	})
	w := consoletest.New(t)
	key := w.Tenant("acme", "axiestudio")
	b := w.Browser(key)
	at := "/console/webhooks/" + w.Webhook(key)
	b.Get(at+"/rotate-secret").Is(200).Has("Rotate Secret", "Old secret stops working after rotation").Lacks("overlap_seconds")
	b.Get(at + "/edit").Is(200).Has(html.EscapeString(`You can't change the secret after creation. Use "Rotate Secret" to generate a new one.`))
	b.Post(at+"/rotate-secret", nil).Is(200).Has("New secret is generated", "Update your server to use the new secret.", "The secret is shown only once for security")
}

func TestWhatHappensNext(t *testing.T) {
	w := consoletest.New(t)
	key := w.Tenant("acme", "axiestudio")
	b := w.Browser(key)
	f := consoletest.Form("url", "https://example.com/hook", "events", "user.created", "active", "on")
	b.Post("/console/webhooks", f).Is(201).Has("Your webhook is created!", "Webhook appears in your list", "Starts sending notifications immediately").Lacks("email confirmation")
	w.Call(200, key, "PATCH", "/v1/tenant", `{"notify_email":"ops@example.com"}`, nil)
	f.Del("active")
	b.Post("/console/webhooks", f).Is(201).Has(html.EscapeString("You'll receive an email confirmation"), "It is inactive")
}

// TestRotateUnread shows that a key that may rotate a secret and read nothing gets the secret, and that this is no error
// of ours.
func TestRotateUnread(t *testing.T) {
	w := consoletest.New(t)
	all := w.Tenant("acme", "standard")
	id := w.Webhook(all)
	key, _ := w.Scoped(all, "webhooks:write")
	w.Browser(key).Post("/console/webhooks/"+id+"/rotate-secret", nil).Is(200).Has("whsec_")
	if strings.Contains(w.Log.String(), `"level":"ERROR"`) {
		t.Errorf("logged %s, want no ERROR", w.Log.String())
	}
}
