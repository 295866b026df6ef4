package console_test

import (
	"bytes"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"hookline/shared/webhook"
)

// tallied puts records of deliveries into the store.
func (w *world) tallied(tenant, hook string, status webhook.DeliveryStatus, n int) {
	w.t.Helper()
	for i := range n {
		at := w.now
		d := webhook.Delivery{
			DeliveryKey: webhook.DeliveryKey{Tenant: tenant, Webhook: hook, Event: fmt.Sprint("evt_", status, i), AcceptedAt: at},
			Type:        "a.b", Dialect: "standard@1", Status: status, Round: 1, ExpiresAt: at.Add(time.Hour),
		}
		if err := w.store.SaveDelivery(w.t.Context(), d, webhook.Rev{}); err != nil {
			w.t.Fatal(err)
		}
	}
}

// The list shows each webhook's last day and all of them together, a webhook's own page by the hour; in words too.
func TestDay(t *testing.T) {
	w := newWorld(t)
	key := w.tenant("acme", "standard")
	b := w.browser(key)
	b.get("/console/webhooks").is(200).lacks("last 24 hours", "<svg class=\"sparkline\"")
	first, second := w.webhook(key, `"name":"First"`), w.webhook(key, `"name":"Second"`)
	b.get("/console/webhooks").is(200).has("<strong>0</strong> succeeded", `aria-label="Deliveries of the last 24 hours: succeeded 0, failed 0, pending 0."`)
	w.tallied("acme", first, webhook.Succeeded, 12)
	w.tallied("acme", first, webhook.Failed, 3)
	w.tallied("acme", second, webhook.Pending, 1)
	const hour = "20 Mar, 12:00"
	p := b.get("/console/webhooks").is(200).has(
		"<strong>12</strong> succeeded", "<strong>3</strong> failed", "<strong>1</strong> pending", `<path class="succeeded" d="M`, `<path class="failed" d="M`,
		`aria-label="Deliveries of the last 24 hours: succeeded 12, failed 3, pending 0.`, `>3 failed</span>`, "1 pending</small>",
	)
	if n := strings.Count(p.body, `class="sparkline"`); n != 2 {
		t.Errorf("got %d charts, want 2", n)
	}
	b.get("/console/webhooks/"+first).is(200).has(
		"Succeeded <strong>12</strong>", "Failed <strong>3</strong>", `<th scope="row">`+hour+`</th><td>12</td><td>3</td><td>0</td>`,
	)
	b.htmx = true // a search brings the list alone
	b.get("/console/webhooks?search=Second").is(200).has("1 pending</small>").lacks("<strong>12</strong> succeeded")
}

func TestImport(t *testing.T) {
	const list = `[{"id":"moved","url":"https://example.com/a","name":"Alpha","events":["*"],"secret":"whsec_b2xkIHNlY3JldA=="},
		{"url":"https://example.com/b","events":["*"]}]`
	for name, give := range map[string]func(b *browser) page{
		"as text":  func(b *browser) page { return b.post("/console/import", form("webhooks", list)) },
		"as parts": func(b *browser) page { return b.upload(list, "") },
		"a file":   func(b *browser) page { return b.upload("", "\xef\xbb\xbf"+list) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			key := w.tenant("acme", "standard")
			b := w.browser(key)
			b.get("/console/webhooks").has(`href="/console/import"`)
			b.get("/console/import").is(200).has(`enctype="multipart/form-data"`, `type="file"`, "See what would happen")
			checked := give(b).is(200).has("2 webhooks would be made", "https://example.com/a", "Alpha", "moved", "Import 2 webhooks").lacks("b2xkIHNlY3JldA")
			w.call(404, key, "GET", "/v1/webhooks/moved", "", nil) // looking makes nothing
			made := b.post("/console/import", checked.filled()).is(201).has("2 imported", "Alpha", "The one it came with", "shown only once").lacks("b2xkIHNlY3JldA")
			if n := strings.Count(made.body, `data-copy="whsec_`); n != 1 {
				t.Errorf("got %d secrets, want the one that was made", n)
			}
			w.call(200, key, "GET", "/v1/webhooks/moved", "", nil)
			if again := b.post("/console/import", checked.filled()).is(201); again.body != made.body {
				t.Error("the same step once more gives another answer")
			}
			late := checked.filled()
			late.Set("once", "of a page given out later")
			b.post("/console/import", late).is(422).has("Nothing was imported", "Exists already")
			b.get("/console/webhooks").has(">2</span>")
		})
	}
}

// The example can be imported as it stands, in every dialect.
func TestImportExample(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"standard", "axoria", "agiletune", "codmir", "axiestudio"} {
		b := w.browser(w.tenant(name, name))
		for _, e := range elements(b.get("/console/import").is(200).body) {
			if example := e.attrs["data-copy"]; example != "" {
				b.post("/console/import", form("webhooks", example)).is(200).has("2 webhooks would be made")
			}
		}
	}
}

func TestImportRefused(t *testing.T) {
	w := newWorld(t)
	key := w.tenant("acme", "standard")
	b := w.browser(key)
	const secret = "whsec_c2hvcnQ="
	for name, tt := range map[string]struct {
		list   string
		status int
		says   []string
	}{
		"nothing":       {" ", 422, []string{"Paste a list"}},
		"no JSON":       {"[\n\n{]", 422, []string{"not JSON: line 3"}},
		"no list":       {`{"secret":"` + secret + `"}`, 422, []string{"<code>body</code>", "must be a list"}},
		"no webhooks":   {`[]`, 422, []string{"must hold 1 to 100"}},
		"fields":        {`[{"url":"ftp://x","events":["*"],"name":"Odd <b>","secret":"` + secret + `"}]`, 200, []string{"Nothing would be made", "<code>url</code>", "Refused", "Odd &lt;b&gt;"}},
		"a long secret": {`[{"url":"https://example.com","events":["*"],"secret":"` + strings.Repeat("A", 8000) + `"}]`, 200, []string{"<code>secret</code>"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := *b
			b.w = &world{t: t, console: w.console}
			b.post("/console/import", form("webhooks", tt.list)).is(tt.status).has(tt.says...).lacks(secret, `name="sealed"`, "AAAAAAAA")
		})
	}
	b.post("/console/import", form("sealed", "made up")).is(400)
	b.post("/console/import", form("webhooks", strings.Repeat("[", 3<<20))).is(413)

	// What was sealed in one tenant's console opens in no other's.
	sealed := b.post("/console/import", form("webhooks", `[{"url":"https://example.com","events":["*"]}]`)).is(200).filled()
	w.browser(w.tenant("globex", "standard")).post("/console/import", sealed).is(400)
	// A key that may not make webhooks may not look what would happen either.
	reader, _ := w.scoped(key, "webhooks:read")
	w.browser(reader).post("/console/import", form("webhooks", `[]`)).is(403)
	w.browser(reader).post("/console/import", sealed).is(403)
}

// upload sends the import's form as a browser does.
func (b *browser) upload(text, file string) page {
	b.w.t.Helper()
	var body bytes.Buffer
	parts := multipart.NewWriter(&body)
	if err := parts.WriteField("webhooks", text); err != nil {
		b.w.t.Fatal(err)
	}
	f, err := parts.CreateFormFile("file", "webhooks.json")
	if err == nil {
		_, err = f.Write([]byte(file))
	}
	if err == nil {
		err = parts.Close()
	}
	if err != nil {
		b.w.t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(b.w.t.Context(), http.MethodPost, b.origin+"/console/import", &body)
	r.Header.Set("Content-Type", parts.FormDataContentType())
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.AddCookie(&http.Cookie{Name: b.cookie.Name, Value: b.cookie.Value})
	rec := httptest.NewRecorder()
	b.w.console.ServeHTTP(rec, r)
	return page{t: b.w.t, what: "POST /console/import", status: rec.Code, header: rec.Header(), body: rec.Body.String()}
}
