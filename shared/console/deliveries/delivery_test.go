package deliveries_test

import (
	"fmt"
	"html"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hookline/shared/console/consoletest"
	"hookline/shared/egress"
	"hookline/shared/payload"
	"hookline/shared/webhook"
)

func TestDelivery(t *testing.T) {
	consoletest.BothWays(t, func(t *testing.T, w *consoletest.World, key string, b *consoletest.Browser) {
		id := w.Webhook(key, `"name":"Billing"`, `"headers":{"X-Token":"t0ken"}`)
		at := consoletest.Began()
		done := w.Delivered(id, "evt_1", at, nil)
		p := b.Get("/console/deliveries/"+done).Is(200).
			Has("order.created", "Succeeded", "Billing", `href="/console/webhooks/`+id, "evt_1", "X-Token", "********", "fine", "answered 200", "30 ms", "Body, laid out", "&#34;n&#34;: 1", "1 of at most 8 attempts: attempt 1 succeeded (200)").
			Lacks("t0ken", "Why did this fail", "data-live", "Round 1")
		if got := p.Text("body"); got != `{"data":{"n":1}}` {
			t.Errorf("got body %q, want the bytes that were sent", got)
		}

		failed := w.Delivered(id, "evt_2", at, consoletest.Failing(webhook.ReasonTLS, 0))
		b.Get("/console/deliveries/"+failed).Is(200).
			Has("Why did this fail?", "/troubleshoot#not-receiving", "The TLS handshake failed", "Install a certificate", ">Replay<").Lacks("data-live")

		next := at.Add(4 * time.Minute)
		waiting := w.Delivered(id, "evt_3", at, func(d *webhook.Delivery) {
			consoletest.Failing(webhook.ReasonBadStatus, 500)(d)
			d.Attempts[0].ResponseBody, d.Attempts[0].Truncated = strings.Repeat("x", 16<<10), true
			d.Status, d.Via, d.NextAt = webhook.Pending, webhook.ViaQueue, next
		})
		p = b.Get("/console/deliveries/"+waiting).Is(200).
			Has(`<time datetime="`+next.Format("2006-01-02T15:04:05.000Z")+`" data-countdown="`, "at "+next.Format("2 Jan 2006, 15:04:05 UTC"), "the beginning of a longer one", "5 min", "attempt 2 comes next")
		b.HTMX = true
		b.Get(p.Poll()).Is(204)
	})
}

// TestDeliveryEvent shows that a delivery links to its event if the log has it and the key may read it.
func TestDeliveryEvent(t *testing.T) {
	w := consoletest.New(t)
	key := w.Tenant("acme", "standard")
	id := w.Webhook(key)
	event := w.Publish(key, "order.created", `"data":{}`)
	logged, test := "/console/deliveries/"+w.Delivered(id, event, consoletest.Began(), nil), "/console/deliveries/"+w.Delivered(id, "evt_test", consoletest.Began(), nil)
	b := w.Browser(key)
	link := `href="/console/events/` + event
	b.Get(logged).Is(200).Has(link)
	b.Get("/console/events/" + event).Is(200)
	b.Get(test).Is(200).Has("evt_test").Lacks(`href="/console/events/`)
	scoped, _ := w.Scoped(key, "deliveries:read")
	w.Browser(scoped).Get(logged).Is(200).Has(event).Lacks(link)
	w.LogOff = true
	b.Get(logged).Is(200).Has(event).Lacks(link)
}

// TestDeliveryForm shows that a form's body is laid out as the JSON in its field, and shown exactly beside that.
func TestDeliveryForm(t *testing.T) {
	w := consoletest.New(t)
	key := w.Tenant("acme", "agiletune")
	id := w.Webhook(key, `"content_type":"application/x-www-form-urlencoded"`)
	d := w.Delivered(id, "evt_1", consoletest.Began(), func(d *webhook.Delivery) { d.Dialect, d.ContentType = "agiletune@1", webhook.ContentForm })
	p := w.Browser(key).Get("/console/deliveries/" + d).Is(200)
	if got, want := p.Text("body"), "payload=%7B%22data%22%3A%7B%22n%22%3A1%7D%7D"; got != want {
		t.Errorf("got body %q, want %q", got, want)
	}
	p.Has("{\n  &#34;data&#34;: {\n    &#34;n&#34;: 1\n  }\n}", "X-AgileTune-Signature")
}

func TestDeliveryEscaped(t *testing.T) {
	consoletest.BothWays(t, func(t *testing.T, w *consoletest.World, key string, b *consoletest.Browser) {
		id := w.Webhook(key, `"name":`+fmt.Sprintf("%q", consoletest.Nasty))
		at := consoletest.Began()
		data := `{"data":{"text":` + fmt.Sprintf("%q", consoletest.Nasty+"</code></pre><b id=ours>") + `}}`
		d := w.Delivered(id, "evt_1", at, func(d *webhook.Delivery) {
			d.Body = webhook.Payload{Inline: payload.Pack([]byte(data))}
			consoletest.Failing(webhook.ReasonBadStatus, 500)(d)
			d.Attempts[0].ResponseBody = `<!doctype html><b id="theirs">` + consoletest.Nasty + `</b></pre>`
		})
		at0 := "/console/webhooks/" + id
		for _, target := range []string{"/console/deliveries", "/console/deliveries/" + d, at0, at0 + "/deliveries", at0 + "/troubleshoot", "/console/deliveries?event_type=" + html.EscapeString("<script>"), "/console/deliveries?since=<script>"} {
			b.Get(target).Lacks("<script>", "<b id", "<!doctype html><b")
		}
		p := b.Get("/console/deliveries/" + d).Is(200).Has("&lt;b id=")
		if got := p.Text("body"); got != data {
			t.Errorf("got body %q, want %q", got, data)
		}
	})
}

func TestDeliveryOfOthers(t *testing.T) {
	consoletest.BothWays(t, func(t *testing.T, w *consoletest.World, key string, b *consoletest.Browser) {
		id := w.Webhook(key, `"name":"Ours"`)
		d := w.Delivered(id, "evt_1", consoletest.Began(), consoletest.Failing(webhook.ReasonTimeout, 0))
		theirs := w.Browser(w.Tenant("globex", "standard"))
		theirs.HTMX = b.HTMX
		at := "/console/webhooks/" + id
		for _, target := range []string{"/console/deliveries/" + d, at + "/deliveries", at + "/troubleshoot", at + "/recent?x"} {
			if p := theirs.Get(target).Lacks("Ours", "order.created", "evt_1"); p.Status != 404 && p.Header.Get("Location") != at {
				t.Errorf("%s: got %d, want 404", p.What, p.Status)
			}
		}
		theirs.Get("/console/deliveries").Is(200).Lacks(d)
		theirs.Post("/console/deliveries/"+d+"/replay", nil).Is(404)
		scoped, _ := w.Scoped(key, "webhooks:read", "deliveries:read")
		may := w.Browser(scoped)
		may.Get("/console/deliveries/" + d).Is(200).Has("Ours")
		may.Post("/console/deliveries/"+d+"/replay", nil).Is(403).Has("deliveries:write")
		scoped, _ = w.Scoped(key, "deliveries:read")
		w.Browser(scoped).Get("/console/deliveries/"+d).Is(200).Has(id).Lacks("Ours", "example.com")
		if len(w.Queued.Sent) != 0 {
			t.Errorf("got %d messages, want nothing replayed", len(w.Queued.Sent))
		}
		for _, odd := range []string{"dlv_none", "dlv_", "none", "%2e%2e%2ftenant", "a%2fb"} {
			b.Get("/console/deliveries/" + odd).Is(404)
		}
	})
}

func TestReplay(t *testing.T) {
	consoletest.BothWays(t, func(t *testing.T, w *consoletest.World, key string, b *consoletest.Browser) {
		id := w.Webhook(key)
		d := w.Delivered(id, "evt_1", consoletest.Began(), consoletest.Failing(webhook.ReasonBadStatus, 500))
		at := "/console/deliveries/" + d
		b.Post(at+"/replay", nil).Leads(at + "?replayed")
		p := b.Get(at+"?replayed").Is(200).Has("A new round of attempts has begun", "Pending", "Round 1", "Round 2")
		if len(w.Queued.Sent) != 1 || p.Poll() == "" {
			t.Errorf("got %d messages and poll %q, want one attempt to come, and a page that waits for it", len(w.Queued.Sent), p.Poll())
		}
		w.Call(204, key, "DELETE", "/v1/webhooks/"+id, "", nil)
		b.Get(at).Is(200).Has("a webhook that was deleted").Lacks("/replay", "Why did this fail", "Copy as curl")
		b.Post(at+"/replay", nil).Is(409).Has("nowhere to send it")
		b.Post("/console/deliveries/none/replay", nil).Is(404)
	})
}

func TestCancelled(t *testing.T) {
	consoletest.BothWays(t, func(_ *testing.T, w *consoletest.World, key string, b *consoletest.Browser) {
		id := w.Webhook(key)
		at := "/console/deliveries/" + w.Delivered(id, "evt_1", consoletest.Began(), func(d *webhook.Delivery) {
			consoletest.Failing(webhook.ReasonBadStatus, 500)(d)
			d.Status, d.Via, d.NextAt = webhook.Pending, webhook.ViaQueue, consoletest.Began().Add(time.Hour)
		})
		b.Get(at).Is(200).Has(at+"/cancel", ">Cancel<")
		b.Post(at+"/cancel", nil).Leads(at)
		b.Get(at).Is(200).Has("Failed", "the delivery was cancelled", ">Replay<").Lacks(at+"/cancel", "data-live", "Why did this fail")
		b.Post(at+"/cancel", nil).Is(409).Has("has ended")
	})
}

// TestCurl shows that the command sends the same request: a shell passes its arguments to curl unchanged.
func TestErased(t *testing.T) {
	consoletest.BothWays(t, func(_ *testing.T, w *consoletest.World, key string, b *consoletest.Browser) {
		hook, event := w.Webhook(key), w.Publish(key, "invoice.paid", `"data":{"secret":"s3cret of the payload"}`)
		at := "/console/deliveries/" + w.Delivered(hook, event, w.Now, func(d *webhook.Delivery) {
			consoletest.Failing(webhook.ReasonBadStatus, 500)(d)
			d.Status, d.Via, d.NextAt = webhook.Pending, webhook.ViaQueue, w.Now.Add(time.Hour)
		})
		b.Get(at).Is(200).Has(at+"/replay", "Body, exactly as sent")
		w.Call(202, key, "DELETE", "/v1/events/"+event+"/payload", "", nil)
		b.Get(at).Is(200).Has("Failed", "The payload of the event was erased.").Lacks(at+"/replay", "Why did this fail", "exactly as sent")
		b.Post(at+"/replay", nil).Is(409).Has("there is nothing to send")
	})
}

func TestCurl(t *testing.T) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("there is no shell")
	}
	for _, text := range []string{`plain`, `O'Brien`, `'; echo gone; '`, "$HOME `id` $(id) \\ \\' !! \" # ~ * {a,b}", "two\\nlines", `<b>&amp;</b>`, "日本 é"} {
		t.Run(text, func(t *testing.T) {
			w := consoletest.New(t)
			key := w.Tenant("acme", "standard")
			const to = "https://example.com/a/../hook?a=[1-3]&b='{x,y}'"
			stored := strings.NewReplacer("{", "%7B", "}", "%7D").Replace(to) // and called
			id := w.Webhook(key, `"headers":{"X-Token":"t0ken"}`)
			w.Call(200, key, "PATCH", "/v1/webhooks/"+id, fmt.Sprintf(`{"url":%q}`, to), nil)
			body := `{"data":{"text":` + fmt.Sprintf("%q", text) + `}}`
			d := w.Delivered(id, "evt_1", consoletest.Began(), func(d *webhook.Delivery) {
				d.Body = webhook.Payload{Inline: payload.Pack([]byte(body))}
			})
			command := w.Browser(key).Get("/console/deliveries/" + d).Is(200).Text("curl")
			script := "curl() { printf '%s\\0' \"$@\"; }\n" + command
			out, err := exec.CommandContext(t.Context(), sh, "-c", script).CombinedOutput()
			if err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			var sent struct {
				RequestHeaders map[string]string `json:"request_headers"`
			}
			w.Call(200, key, "GET", "/v1/deliveries/"+d, "", &sent)
			want := []string{"--globoff", "--path-as-is", "--request", "POST", stored}
			for _, name := range []string{"Content-Type", "User-Agent", "X-Token", "webhook-id", "webhook-signature", "webhook-timestamp"} {
				want = append(want, "--header", name+": "+sent.RequestHeaders[name])
			}
			want = append(want, "--data-raw", body, "")
			if diff := cmp.Diff(want, strings.Split(string(out), "\x00")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if strings.Contains(command, "t0ken") || sent.RequestHeaders["webhook-signature"] == "" {
				t.Errorf("got %s, want the signature in it and no token", command)
			}
		})
	}
}

// TestResponseHeaders shows that a receiver's headers are shown as text.
func TestResponseHeaders(t *testing.T) {
	w := consoletest.New(t)
	key := w.Tenant("acme", "standard")
	id := w.Webhook(key)
	headers := map[string]string{"Location": "https://example.com/<b>/", "Server": "<script>alert(1)</script>"}
	d := w.Delivered(id, "evt_1", consoletest.Began(), func(d *webhook.Delivery) {
		consoletest.Failing(webhook.ReasonRedirect, 308)(d)
		d.Attempts[0].ResponseHeaders = headers
	})
	b := w.Browser(key)
	b.Get("/console/deliveries/"+d).Is(200).Lacks("<script>alert", "example.com/<b>").Has(
		"The receiver answered with a redirect to https://example.com/&lt;b&gt;/. Redirects are never followed.", "Response headers <small>2</small>",
		"<code>Server</code>", "&lt;script&gt;alert(1)&lt;/script&gt;",
	)

	w.Answer = egress.Response{Status: 308, Err: webhook.ReasonRedirect, Headers: func() map[string]string { return headers }}
	b.Post("/console/webhooks/"+id+"/test", nil).Is(200).Lacks("<script>alert").Has(
		"redirect to https://example.com/&lt;b&gt;/.", "Server: &lt;script&gt;alert(1)&lt;/script&gt;",
	)
	w.Answer = egress.Response{Err: webhook.ReasonTLS, ErrDetail: webhook.DetailCertificateExpired}
	b.Post("/console/webhooks/"+id+"/test", nil).Is(200).Lacks("Response headers").Has("tls · certificate_expired", "has expired")
}
