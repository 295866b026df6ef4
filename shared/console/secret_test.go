package console_test

import (
	"html"
	"regexp"
	"strings"
	"testing"
)

// code returns the texts of the files that a page shows.
func (p page) code() string {
	var out strings.Builder
	for _, m := range regexp.MustCompile(`(?s)<pre [^>]*><code>(.*?)</code></pre>`).FindAllStringSubmatch(p.body, -1) {
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
			w := newWorld(t)
			key := w.tenant("acme", name)
			b := w.browser(key)
			made := b.post("/console/webhooks", form("url", "https://example.com/hook", "events", "*", "active", "on", "headers", "X-Token: t0ken")).is(201)
			_, rest, _ := strings.Cut(made.body, `<a class="primary" href="`)
			at, _, _ := strings.Cut(rest, `"`)
			_, rest, _ = strings.Cut(made.body, `data-copy="`)
			secret, _, _ := strings.Cut(rest, `"`)
			later := b.get(at+"/verify").is(200).has(tt.says, "X-Token: ********").lacks("t0ken", secret)
			b.get(at).is(200).has(`href="` + at + `/verify"`)
			for _, p := range []page{made, later} {
				code := p.code()
				for _, want := range []string{
					"timingSafeEqual", "hmac.compare_digest", "hmac.Equal", "openssl dgst", "curl -i", "WEBHOOK_SECRET", "createServer", "ThreadingHTTPServer",
					tt.header, `"` + strings.ToLower(tt.header) + `"`,
				} {
					if !strings.Contains(code, want) {
						t.Errorf("%s: got code %s, want %s in it", p.what, code, want)
					}
				}
				if strings.Contains(code, html.UnescapeString(secret)) {
					t.Errorf("%s: the code has the secret", p.what)
				}
			}
		})
	}
}

// Messages to chats have no signature, so there is no code for them.
func TestNoCodeForChats(t *testing.T) {
	bothWays(t, func(_ *testing.T, w *world, key string, b *browser) {
		id := w.webhook(key, `"format":"slack"`)
		b.get("/console/webhooks/"+id+"/verify").is(200).has("not signed", "&#34;blocks&#34;").lacks("createHmac")
		b.get("/console/webhooks/wh_none/verify").is(404)
		b.post("/console/webhooks", form("url", "https://example.com", "events", "*", "format", "teams")).is(201).has("not signed").lacks("createHmac")
		// Without the right to see examples there is code all the same.
		scoped, _ := w.scoped(key, "webhooks:read")
		hook := w.webhook(key)
		other := w.browser(scoped)
		other.htmx = b.htmx
		other.get("/console/webhooks/" + hook + "/verify").is(200).has("createHmac").lacks("curl -i")
	})
}

func TestRotation(t *testing.T) {
	bothWays(t, func(t *testing.T, w *world, key string, b *browser) {
		at := "/console/webhooks/" + w.webhook(key) + "/rotate-secret"
		b.get(at).is(200).has("1 day (usual)", `value="604800">7 days`, "It stops at once", "the base64 of 24 to 64 bytes")
		const own = "whsec_bXkgb3duIHNlY3JldCBvZiAzMCBieXRlcy4u"
		b.post(at, form("secret", own, "overlap_seconds", "0")).is(200).has(`data-copy="`+own+`"`, "Copy the new secret immediately").lacks("signs too until")
		b.post(at, form("secret", "", "overlap_seconds", "3600")).is(200).has("signs too until").lacks(own)
		p := b.post(at, form("secret", "whsec_short", "overlap_seconds", "9999999")).is(422).lacks("whsec_short")
		if said := p.problems(); !strings.Contains(said["secret"], "24 to 64 bytes") || !strings.Contains(said["overlap_seconds"], "0 to 604800") || len(said) != 2 {
			t.Errorf("got problems %q, want one with the secret and one with the overlap", said)
		}
		b.post(at, form("overlap_seconds", "soon")).is(422).has("Must be a whole number.")
	})
	w := newWorld(t)
	key := w.tenant("acme", "axiestudio")
	b := w.browser(key)
	at := "/console/webhooks/" + w.webhook(key)
	b.get(at+"/rotate-secret").is(200).has("Rotate Secret", "Old secret stops working after rotation").lacks("overlap_seconds")
	b.get(at + "/edit").is(200).has(html.EscapeString(`You can't change the secret after creation. Use "Rotate Secret" to generate a new one.`))
	b.post(at+"/rotate-secret", nil).is(200).has("New secret is generated", "Update your server to use the new secret.", "The secret is shown only once for security")
}

func TestWhatHappensNext(t *testing.T) {
	w := newWorld(t)
	key := w.tenant("acme", "axiestudio")
	b := w.browser(key)
	f := form("url", "https://example.com/hook", "events", "user.created", "active", "on")
	b.post("/console/webhooks", f).is(201).has("Your webhook is created!", "Webhook appears in your list", "Starts sending notifications immediately").lacks("email confirmation")
	w.call(200, key, "PATCH", "/v1/tenant", `{"notify_email":"ops@example.com"}`, nil)
	f.Del("active")
	b.post("/console/webhooks", f).is(201).has(html.EscapeString("You'll receive an email confirmation"), "It is inactive")
}

// TestRotateUnread shows that a key that may rotate a secret and read nothing gets the secret, and that this is no error
// of ours.
func TestRotateUnread(t *testing.T) {
	w := newWorld(t)
	all := w.tenant("acme", "standard")
	id := w.webhook(all)
	key, _ := w.scoped(all, "webhooks:write")
	w.browser(key).post("/console/webhooks/"+id+"/rotate-secret", nil).is(200).has("whsec_")
	if strings.Contains(w.log.String(), `"level":"ERROR"`) {
		t.Errorf("logged %s, want no ERROR", w.log.String())
	}
}
