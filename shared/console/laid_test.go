package console_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"hookline/shared/console"
	"hookline/shared/layout"
	"hookline/shared/payload"
	"hookline/shared/webhook"
)

// mostPage is more than any page is, in bytes: of a page's texts each has layout.MaxBytes, and HTML makes up to five
// bytes of one.
const mostPage = 2 << 20

// nested returns an object that is so many levels deep, with a list of so many numbers at the bottom.
func nested(levels, numbers int) string {
	return `{"a":` + strings.Repeat("[", levels-1) + strings.Repeat("1,", numbers) + "1" + strings.Repeat("]", levels-1) + "}"
}

// reported registers a deployment of acme's with a report.
func (w *world) reported(report string) string {
	w.t.Helper()
	now := noon()
	d := webhook.Deployment{
		Tenant: "acme", ID: fmt.Sprintf("dep_%x", len(report)), Source: "src_gone", Kind: "custom", Environment: "live", CommitSHA: "c", RepositoryID: "r",
		RepositoryURL: "https://git.example.com/r", DeployedAt: now, RegisteredAt: now, ExpiresAt: now.Add(time.Hour), Payload: payload.Pack([]byte(report)),
	}
	if _, _, err := w.store.CreateDeployment(w.t.Context(), d); err != nil {
		w.t.Fatal(err)
	}
	return d.ID
}

// dialect puts a dialect with entries in its catalogue.
func (w *world) dialect(name string, entries ...string) {
	w.t.Helper()
	w.call(201, adminKey, "PUT", "/v1/dialects/"+name, `{"product":"House","envelope":{"type":"{type}","data":"{data}"},"body":"plain",
		"headers":{"X-House":"{signature}"},"signature":{"signed":"{body}","encoding":"hex"},"secret":{"key":"utf8","min":8,"made_bytes":32},
		"rotation_overlap_seconds":0,"ladder":["1m"],"success":"2xx","timeout_seconds":10,"url":{"schemes":["https"]},"content_types":["application/json"],
		"catalogue":{"events":[`+strings.Join(entries, ",")+`]}}`, nil)
}

// small holds that a page is one, and that it leads to the whole of what it shows a part of.
func (p page) small(whole string) page {
	p.t.Helper()
	if len(p.body) > mostPage {
		p.t.Errorf("%s: got a page of %d bytes, want at most %d", p.what, len(p.body), mostPage)
	}
	if !strings.Contains(p.body, "to be shown whole") || !strings.Contains(p.body, `href="`+whole+`" download`) {
		p.t.Errorf("%s: got no word of what is left out, or no link to %s", p.what, whole)
	}
	return p
}

// A report of 394 KiB, nested 2,000 levels deep, made a page of 771 MiB; an event of 63 KiB one of 30 MB.
func TestBoundedPages(t *testing.T) {
	w := newWorld(t)
	key := w.tenant("acme", "standard")
	b := w.browser(key)
	for name, report := range map[string]string{
		"too deep, from before there was a limit": nested(2000, 195_000), "deep": nested(490, 30_000), "long": nested(2, 150_000), "marks": `{"a":"` + strings.Repeat("'<", 150_000) + `"}`,
	} {
		t.Run(name, func(t *testing.T) {
			id := w.reported(report)
			b.get("/console/deployments/"+id).is(200).small("/console/deployments/"+id+"/report").has("Deployment to live", "…")
			b.get("/console/deployments").is(200)
			if strings.HasPrefix(name, "too deep") {
				return // no event, which has had the limit all along
			}
			data := report[:len(report)-1] + `}`
			if len(data) > webhook.MaxDataBytes {
				data = `{"a":"` + strings.Repeat("'<", 125_000) + `"}`
			}
			event := w.publish(key, "order.created", `"data":`+data)
			b.get("/console/events/" + event).is(200).small("/console/events/" + event + "/data")
			hook := w.webhook(key)
			sent := w.delivered(hook, "evt_"+fmt.Sprint(len(data)), began(), func(d *webhook.Delivery) {
				d.Body = webhook.Payload{Inline: payload.Pack([]byte(data))}
				d.Status = webhook.Failed
				for range webhook.MaxAttemptsKept {
					d.Record(webhook.Attempt{ScheduledAt: d.AcceptedAt, StartedAt: d.AcceptedAt, SentAt: d.AcceptedAt, StatusCode: 500, Error: webhook.ErrBadStatus, ResponseBody: strings.Repeat("<>", 8<<10)})
				}
			})
			b.get("/console/deliveries/"+sent).is(200).small("/console/deliveries/"+sent+"/body").has("the beginning of a longer one", "--data-binary")
			w.call(204, key, "DELETE", "/v1/webhooks/"+hook, "", nil)
		})
	}
}

// TestBoundedExamples is the same of what a deployment's own dialect says.
func TestBoundedExamples(t *testing.T) {
	w := newWorld(t)
	deep := nested(400, 4000)
	var entries []string
	for i := range 12 {
		entries = append(entries, fmt.Sprintf(`{"name":"order.n%d","description":"An order","schema":{"type":"object","default":%s},"example":%s}`, i, deep, deep))
	}
	w.dialect("deep", entries...)
	key := w.tenant("acme", "deep")
	b := w.browser(key)
	hook := w.webhook(key)
	b.get("/console/event-types/order.n0").is(200).small("/console/event-types/order.n0/example").small("/console/event-types/order.n0/schema")
	for _, path := range []string{
		"/console/event-types", "/console/help", "/console/help/integrations", "/console/webhooks/" + hook + "/verify", "/console/webhooks/" + hook + "/edit", "/console/webhooks/new", "/console/import",
	} {
		if p := b.get(path).is(200); len(p.body) > mostPage {
			t.Errorf("%s: got a page of %d bytes, want at most %d", path, len(p.body), mostPage)
		}
	}
	for _, do := range []string{"preview", "example", "try"} {
		f := form("do", do, "try_type", "order.n0", "filter", `{"a":["b"]}`, "url", "https://example.com", "events", "order.n0", "content_type", "application/json")
		p := b.post("/console/webhook-form", f).is(200)
		if len(p.body) > mostPage {
			t.Errorf("%s: got a page of %d bytes, want at most %d", do, len(p.body), mostPage)
		}
		if do != "preview" {
			p.has(strings.Repeat("[", 399)) // the field is sent back: as it came, and whole
		}
	}
	tested := b.post("/console/webhooks/"+hook+"/test", form("event_type", "order.n0")).is(200)
	if len(tested.body) > mostPage {
		t.Errorf("got a page of %d bytes", len(tested.body))
	}
}

// TestBoundedMails is the same of mails, where they are kept.
func TestBoundedMails(t *testing.T) {
	w := newWorld(t)
	b := w.browser(w.tenant("acme", "standard"))
	for range 50 {
		w.mails["acme"] = append(w.mails["acme"], console.Mail{To: "ops@example.com", Subject: "[Acme] Many changes", Text: strings.Repeat("A change\n", 20_000), At: w.now})
	}
	if p := b.get("/console/mails").is(200).has("\n…</pre>"); len(p.body) > mostPage {
		t.Errorf("got a page of %d bytes, want at most %d", len(p.body), mostPage)
	}
}

// TestDownloads holds that what can be downloaded is what came, byte for byte, and for those only who may see its page.
func TestDownloads(t *testing.T) {
	w := newWorld(t)
	key := w.tenant("acme", "agiletune")
	other := w.tenant("other", "standard")
	report := "{ \"b\" : 1.0,\n\t\"a\":\"\\u00e9 <b>&\",\"deep\":" + strings.Repeat("[", 600) + strings.Repeat("]", 600) + " }\n"
	dep := w.reported(report)
	data := `{"n":1.50e3,"a":"<b>&\u00e9","a":2}`
	event := w.publish(key, "task.created", `"data":`+data, `"id":"order:1"`)
	hook := w.webhook(key)
	body := `{"data":` + data + `}`
	sent := func(contentType string) string {
		return w.delivered(hook, "evt_"+contentType[len(contentType)-4:], began(), func(d *webhook.Delivery) {
			d.ContentType, d.Body, d.Dialect = contentType, webhook.Payload{Inline: payload.Pack([]byte(body))}, "agiletune@1"
		})
	}
	asJSON, asForm := sent(webhook.ContentJSON), sent(webhook.ContentForm)
	for path, want := range map[string]struct{ file, contentType, body, scope string }{
		"/console/deployments/" + dep + "/report":   {dep + ".json", "application/json", report, "sources:read"},
		"/console/events/" + event + "/data":        {"order-1.json", "application/json", data, "events:read"},
		"/console/deliveries/" + asJSON + "/body":   {asJSON + ".json", "application/json", body, "deliveries:read"},
		"/console/deliveries/" + asForm + "/body":   {asForm + ".txt", "application/x-www-form-urlencoded", "payload=" + url.QueryEscape(body), "deliveries:read"},
		"/console/event-types/task.created/example": {"", "application/json", "", "events:read"},
		"/console/event-types/task.created/schema":  {"", "application/json", "", "events:read"},
	} {
		t.Run(path, func(t *testing.T) {
			p := w.browser(key).get(path).is(200)
			if want.body != "" && p.body != want.body {
				t.Errorf("got %q, want %q", p.body, want.body)
			}
			disposition := p.header.Get("Content-Disposition")
			if !strings.HasPrefix(disposition, "attachment; filename=") || want.file != "" && !strings.Contains(disposition, want.file) {
				t.Errorf("got Content-Disposition %q, want an attachment called %s", disposition, want.file)
			}
			for name, value := range map[string]string{"Content-Type": want.contentType, "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "Content-Length": fmt.Sprint(len(p.body))} {
				if got := p.header.Get(name); got != value {
					t.Errorf("got %s %q, want %q", name, got, value)
				}
			}
			may, _ := w.scoped(key, want.scope, "webhooks:read")
			w.browser(may).get(path).is(200)
			mayNot, _ := w.scoped(key, "webhooks:read", "keys:read")
			w.browser(mayNot).get(path).is(403).lacks(strings.Repeat("[", 600))
			w.stranger().get(path).leads("/console/sign-in?" + url.Values{"to": {path}}.Encode())
			if want.body != "" {
				w.browser(other).get(path).is(404)
			}
		})
	}
	b := w.browser(key)
	for _, path := range []string{"/console/deployments/dep_none/report", "/console/events/evt_none/data", "/console/deliveries/dlv_none/body", "/console/event-types/none/example", "/console/event-types/none/schema"} {
		b.get(path).is(404)
	}
	w.logOff = true
	b.get("/console/events/" + event + "/data").is(404).has("event log")
}

// Text that fits is shown as it was, and can be copied.
func TestWholeTexts(t *testing.T) {
	w := newWorld(t)
	key := w.tenant("acme", "standard")
	b := w.browser(key)
	event := w.publish(key, "order.created", `"data":{"text":"`+strings.Repeat("a", layout.MaxBytes-40)+`"}`)
	b.get("/console/events/"+event).is(200).has(`id="copy-data"`, "Download as it came").lacks("to be shown whole")
}
