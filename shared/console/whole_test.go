package console_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"hookline/shared/console/consoletest"
	"hookline/shared/layout"
	"hookline/shared/payload"
	"hookline/shared/webhook"
)

// nested returns an object with that many levels and a list of that many numbers in the last.
func nested(levels, numbers int) string {
	return `{"a":` + strings.Repeat("[", levels-1) + strings.Repeat("1,", numbers) + "1" + strings.Repeat("]", levels-1) + "}"
}

// reported stores a deployment of acme's with a report.
func reported(w *consoletest.World, report string) string {
	w.T.Helper()
	now := consoletest.Noon()
	d := webhook.Deployment{
		Tenant: "acme", ID: fmt.Sprintf("dep_%x", len(report)), Source: "src_gone", Kind: "custom", Environment: "live", CommitSHA: "c", RepositoryID: "r",
		RepositoryURL: "https://git.example.com/r", DeployedAt: now, RegisteredAt: now, ExpiresAt: now.Add(time.Hour), Payload: payload.Pack([]byte(report)),
	}
	if _, _, err := w.Store.CreateDeployment(w.T.Context(), d); err != nil {
		w.T.Fatal(err)
	}
	return d.ID
}

// dialect puts a dialect with these entries in its catalogue.
func dialect(w *consoletest.World, name string, entries ...string) {
	w.T.Helper()
	w.Call(201, consoletest.AdminKey, "PUT", "/v1/dialects/"+name, `{"product":"House","envelope":{"type":"{type}","data":"{data}"},"body":"plain",
		"headers":{"X-House":"{signature}"},"signature":{"signed":"{body}","encoding":"hex"},"secret":{"key":"utf8","min":8,"made_bytes":32},
		"rotation_overlap_seconds":0,"ladder":["1m"],"success":"2xx","timeout_seconds":10,"url":{"schemes":["https"]},"content_types":["application/json"],
		"catalogue":{"events":[`+strings.Join(entries, ",")+`]}}`, nil)
}

// small checks that a page is not long, and that it links to the whole text of which it shows a part.
func small(p consoletest.Page, whole string) consoletest.Page {
	p.T.Helper()
	if len(p.Body) > consoletest.MostPage {
		p.T.Errorf("%s: got a page of %d bytes, want at most %d", p.What, len(p.Body), consoletest.MostPage)
	}
	if !strings.Contains(p.Body, "to be shown whole") || !strings.Contains(p.Body, `href="`+whole+`" download`) {
		p.T.Errorf("%s: got no word of what is left out, or no link to %s", p.What, whole)
	}
	return p
}

// TestBoundedPages shows that long and deep texts do not make pages long. A report of 394 KiB, nested 2,000 levels deep, once
// made a page of 771 MiB, and an event of 63 KiB one of 30 MB.
func TestBoundedPages(t *testing.T) {
	w := consoletest.New(t)
	key := w.Tenant("acme", "standard")
	b := w.Browser(key)
	for name, report := range map[string]string{
		"too deep, from before there was a limit": nested(2000, 195_000), "deep": nested(490, 30_000), "long": nested(2, 150_000), "marks": `{"a":"` + strings.Repeat("'<", 150_000) + `"}`,
	} {
		t.Run(name, func(t *testing.T) {
			id := reported(w, report)
			small(b.Get("/console/deployments/"+id).Is(200), "/console/deployments/"+id+"/report").Has("Deployment to live", "…")
			b.Get("/console/deployments").Is(200)
			if strings.HasPrefix(name, "too deep") {
				return // no event, which has had the limit all along
			}
			data := report[:len(report)-1] + `}`
			if len(data) > webhook.MaxDataBytes {
				data = `{"a":"` + strings.Repeat("'<", 125_000) + `"}`
			}
			event := w.Publish(key, "order.created", `"data":`+data)
			small(b.Get("/console/events/"+event).Is(200), "/console/events/"+event+"/data")
			hook := w.Webhook(key)
			sent := w.Delivered(hook, "evt_"+fmt.Sprint(len(data)), consoletest.Began(), func(d *webhook.Delivery) {
				d.Body = webhook.Payload{Inline: payload.Pack([]byte(data))}
				d.Status = webhook.Failed
				for range webhook.MaxAttemptsKept {
					d.Record(webhook.Attempt{ScheduledAt: d.AcceptedAt, StartedAt: d.AcceptedAt, SentAt: d.AcceptedAt, StatusCode: 500, Error: webhook.ReasonBadStatus, ResponseBody: strings.Repeat("<>", 8<<10)})
				}
			})
			small(b.Get("/console/deliveries/"+sent).Is(200), "/console/deliveries/"+sent+"/body").Has("the beginning of a longer one", "--data-binary")
			w.Call(204, key, "DELETE", "/v1/webhooks/"+hook, "", nil)
		})
	}
}

// TestBoundedExamples shows the same for the texts of a deployment's own dialect.
func TestBoundedExamples(t *testing.T) {
	w := consoletest.New(t)
	deep := nested(400, 4000)
	var entries []string
	for i := range 12 {
		entries = append(entries, fmt.Sprintf(`{"name":"order.n%d","description":"An order","schema":{"type":"object","default":%s},"example":%s}`, i, deep, deep))
	}
	dialect(w, "deep", entries...)
	key := w.Tenant("acme", "deep")
	b := w.Browser(key)
	hook := w.Webhook(key)
	small(small(b.Get("/console/event-types/order.n0").Is(200), "/console/event-types/order.n0/example"), "/console/event-types/order.n0/schema")
	for _, path := range []string{
		"/console/event-types", "/console/help", "/console/help/integrations", "/console/webhooks/" + hook + "/verify", "/console/webhooks/" + hook + "/edit", "/console/webhooks/new", "/console/import",
	} {
		if p := b.Get(path).Is(200); len(p.Body) > consoletest.MostPage {
			t.Errorf("%s: got a page of %d bytes, want at most %d", path, len(p.Body), consoletest.MostPage)
		}
	}
	for _, do := range []string{"preview", "example", "try"} {
		f := consoletest.Form("do", do, "try_type", "order.n0", "filter", `{"a":["b"]}`, "url", "https://example.com", "events", "order.n0", "content_type", "application/json")
		p := b.Post("/console/webhook-form", f).Is(200)
		if len(p.Body) > consoletest.MostPage {
			t.Errorf("%s: got a page of %d bytes, want at most %d", do, len(p.Body), consoletest.MostPage)
		}
		if do != "preview" {
			p.Has(strings.Repeat("[", 399)) // the field is sent back: as it came, and whole
		}
	}
	tested := b.Post("/console/webhooks/"+hook+"/test", consoletest.Form("event_type", "order.n0")).Is(200)
	if len(tested.Body) > consoletest.MostPage {
		t.Errorf("got a page of %d bytes", len(tested.Body))
	}
}

// TestDownloads shows that a download is the text as it came, byte for byte, and that only visitors who may see the page get
// it.
func TestDownloads(t *testing.T) {
	w := consoletest.New(t)
	key := w.Tenant("acme", "agiletune")
	other := w.Tenant("other", "standard")
	report := "{ \"b\" : 1.0,\n\t\"a\":\"\\u00e9 <b>&\",\"deep\":" + strings.Repeat("[", 600) + strings.Repeat("]", 600) + " }\n"
	dep := reported(w, report)
	data := `{"n":1.50e3,"a":"<b>&\u00e9","a":2}`
	event := w.Publish(key, "task.created", `"data":`+data, `"id":"order:1"`)
	hook := w.Webhook(key)
	body := `{"data":` + data + `}`
	sent := func(contentType string) string {
		return w.Delivered(hook, "evt_"+contentType[len(contentType)-4:], consoletest.Began(), func(d *webhook.Delivery) {
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
			p := w.Browser(key).Get(path).Is(200)
			if want.body != "" && p.Body != want.body {
				t.Errorf("got %q, want %q", p.Body, want.body)
			}
			disposition := p.Header.Get("Content-Disposition")
			if !strings.HasPrefix(disposition, "attachment; filename=") || want.file != "" && !strings.Contains(disposition, want.file) {
				t.Errorf("got Content-Disposition %q, want an attachment called %s", disposition, want.file)
			}
			for name, value := range map[string]string{"Content-Type": want.contentType, "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "Content-Length": fmt.Sprint(len(p.Body))} {
				if got := p.Header.Get(name); got != value {
					t.Errorf("got %s %q, want %q", name, got, value)
				}
			}
			may, _ := w.Scoped(key, want.scope, "webhooks:read")
			w.Browser(may).Get(path).Is(200)
			mayNot, _ := w.Scoped(key, "webhooks:read", "keys:read")
			w.Browser(mayNot).Get(path).Is(403).Lacks(strings.Repeat("[", 600))
			w.Stranger().Get(path).Leads("/console/sign-in?" + url.Values{"to": {path}}.Encode())
			if want.body != "" {
				w.Browser(other).Get(path).Is(404)
			}
		})
	}
	b := w.Browser(key)
	for _, path := range []string{"/console/deployments/dep_none/report", "/console/events/evt_none/data", "/console/deliveries/dlv_none/body", "/console/event-types/none/example", "/console/event-types/none/schema"} {
		b.Get(path).Is(404)
	}
	w.LogOff = true
	b.Get("/console/events/" + event + "/data").Is(404).Has("event log")
}

// TestWholeTexts shows that a text that fits is shown whole and can be copied.
func TestWholeTexts(t *testing.T) {
	w := consoletest.New(t)
	key := w.Tenant("acme", "standard")
	b := w.Browser(key)
	event := w.Publish(key, "order.created", `"data":{"text":"`+strings.Repeat("a", layout.MaxBytes-40)+`"}`)
	b.Get("/console/events/"+event).Is(200).Has(`id="copy-data"`, "Download as it came").Lacks("to be shown whole")
}
