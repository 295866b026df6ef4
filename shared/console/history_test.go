package console_test

import (
	"context"
	"fmt"
	"html"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hookline/shared/egress"
	"hookline/shared/payload"
	"hookline/shared/queue"
	"hookline/shared/webhook"
)

// outbox keeps what was sent to a queue.
type outbox struct{ sent []queue.Outgoing }

func (o *outbox) Send(_ context.Context, msgs []queue.Outgoing) error {
	o.sent = append(o.sent, msgs...)
	return nil
}
func (o *outbox) Hide(context.Context, []queue.Visibility) error { return nil }
func (o *outbox) Counts(context.Context) (queue.Counts, error)   { return queue.Counts{}, nil }

// began is when the first delivery of a test was accepted: no earlier than its tenant was created.
func began() time.Time { return time.Date(2026, 3, 20, 12, 0, 1, 0, time.UTC) }

// delivered records a delivery of acme's, which succeeded at once unless it is changed, and returns its id.
func (w *world) delivered(hook, event string, at time.Time, change func(*webhook.Delivery)) string {
	w.t.Helper()
	d := webhook.Delivery{
		DeliveryKey: webhook.DeliveryKey{Tenant: "acme", Webhook: hook, Event: event, AcceptedAt: at},
		Type:        "order.created", Dialect: "standard@1", ContentType: webhook.ContentJSON, Format: webhook.FormatJSON,
		Timestamp: at.Format(webhook.BodyTimeFormat), Body: webhook.Payload{Inline: payload.Pack([]byte(`{"data":{"n":1}}`))},
		Status: webhook.Succeeded, Round: 1, ExpiresAt: at.Add(24 * time.Hour),
	}
	if change != nil {
		change(&d)
	}
	if d.Total == 0 && d.Status == webhook.Succeeded {
		d.Record(webhook.Attempt{ScheduledAt: at, StartedAt: at, SentAt: at, Duration: 30 * time.Millisecond, StatusCode: 200, ResponseBody: "fine"})
	}
	if err := w.store.SaveDelivery(w.t.Context(), d, webhook.Rev{}); err != nil {
		w.t.Fatal(err)
	}
	return d.ID()
}

// failing changes a delivery into one whose attempt failed.
func failing(fault webhook.AttemptError, code int) func(*webhook.Delivery) {
	return func(d *webhook.Delivery) {
		d.Status = webhook.Failed
		d.Record(webhook.Attempt{ScheduledAt: d.AcceptedAt, StartedAt: d.AcceptedAt, Duration: time.Second, StatusCode: code, Error: fault})
	}
}

// rowsOf returns the ids of the deliveries that a page lists.
func (p page) rowsOf() []string {
	var out []string
	for _, m := range regexp.MustCompile(`<a class="strong" id="(dlv_[^"]+)"`).FindAllStringSubmatch(p.body, -1) {
		out = append(out, m[1])
	}
	return out
}

// next returns where a page leads on to, "" for nowhere.
func (p page) next() string {
	m := regexp.MustCompile(`href="([^"]+)">Next page<`).FindStringSubmatch(p.body)
	if m == nil {
		return ""
	}
	return html.UnescapeString(m[1])
}

// poll returns where a page asks for what is new, "" for nowhere.
func (p page) poll() string {
	for _, e := range elements(p.body) {
		if _, ok := e.attrs["data-live"]; ok {
			return html.UnescapeString(e.attrs["hx-get"])
		}
	}
	return ""
}

func TestHistory(t *testing.T) {
	bothWays(t, func(t *testing.T, w *world, key string, b *browser) {
		id, other := w.webhook(key, `"name":"Billing"`), w.webhook(key, `"name":"Sync"`)
		b.get("/console/deliveries").is(200).has("No deliveries yet")
		b.get("/console/webhooks/"+id+"/deliveries").is(200).has("No deliveries yet", "Send a test")

		at := began()
		var want []string // the newest first
		for i := range 45 {
			want = append(want, w.delivered(id, fmt.Sprintf("evt_%02d", i), at.Add(time.Duration(i)*time.Second), nil))
		}
		slices.Reverse(want)
		var got []string
		for target, pages := "/console/deliveries", 0; target != ""; pages++ {
			p := b.get(target).is(200)
			got, target = append(got, p.rowsOf()...), p.next()
			if first := pages == 0; (p.poll() != "") != first || strings.Contains(p.body, "First page") == first {
				t.Errorf("%s: got poll %q, want only the first page to ask for what is new, and the others to lead to it", p.what, p.poll())
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("all pages (-want +got):\n%s", diff)
		}

		failed := w.delivered(other, "evt_f", at.Add(time.Hour), failing(webhook.ErrTimeout, 0))
		waiting := w.delivered(other, "evt_p", at.Add(2*time.Hour), func(d *webhook.Delivery) {
			failing(webhook.ErrBadStatus, 503)(d)
			d.Record(webhook.Attempt{ScheduledAt: at, StartedAt: at, Duration: 1234 * time.Millisecond, StatusCode: 503, Error: webhook.ErrBadStatus})
			d.Status, d.Via, d.NextAt, d.Type = webhook.Pending, webhook.ViaQueue, at.Add(5*time.Hour), "invoice.paid"
		})
		p := b.get("/console/webhooks/"+other+"/deliveries").is(200).
			has("Event type</th>", "Delivery time</th>", "Status</th>", "Response code</th>", "Response time</th>", "Retry attempts</th>").
			has(`"Status"><span class="badge failed">Failed<`, `"Status"><span class="badge pending">Pending<`, `"Response code">503<`, `"Response code"><span class="fault">timeout<`, `"Response time">1.2 s<`, `"Retry attempts">1<`, `"Retry attempts">0<`)
		if strings.Count(p.body, `/replay"><button`) != 1 {
			t.Errorf("%s: got %s, want one delivery to replay, the failed one", p.what, p.body)
		}
		if p := b.get("/console/deliveries"); !strings.Contains(p.body, "Billing") || !strings.Contains(p.body, "Sync") {
			t.Errorf("%s: got %s, want the webhooks' names", p.what, p.body)
		}

		from := func(d time.Duration) string { return at.Add(d).Format("2006-01-02T15:04:05") }
		tests := map[string]struct {
			query string
			want  []string
		}{
			"failed":          {"status=failed", []string{failed}},
			"pending":         {"status=pending", []string{waiting}},
			"no such status":  {"status=odd&since=" + from(time.Hour), []string{waiting, failed}},
			"a type":          {"event_type=invoice.paid", []string{waiting}},
			"another type":    {"event_type=none.such", nil},
			"since":           {"since=" + from(90*time.Minute), []string{waiting}},
			"between":         {"since=" + from(time.Hour) + "&until=" + from(90*time.Minute), []string{failed}},
			"to the minute":   {"since=" + at.Add(61*time.Minute).Format("2006-01-02T15:04"), []string{waiting}},
			"an hour":         {"within=1h&status=failed", []string{failed}},
			"since wins":      {"within=1h&since=" + from(90*time.Minute), []string{waiting}},
			"empty":           {"status=&event_type=&within=&since=&until=&status=failed", append([]string{waiting, failed}, want[:18]...)},
			"what was before": {"until=2020-01-01T00:00", nil},
		}
		for name, tt := range tests {
			t.Run(name, func(t *testing.T) {
				p := b.get("/console/deliveries?" + tt.query).is(200)
				if diff := cmp.Diff(tt.want, p.rowsOf()); diff != "" {
					t.Errorf("%s (-want +got):\n%s", p.what, diff)
				}
				if len(tt.want) == 0 {
					p.has("No delivery matches")
				}
			})
		}
		b.get("/console/deliveries?since=yesterday").is(422).has("The time from which to list is not one").lacks("Next page", "data-live")
		b.get("/console/deliveries?event_type=" + strings.Repeat("x", 101)).is(422).has("The filter cannot be used")
		b.get("/console/deliveries?cursor=made-up").is(422).lacks("made-up")
		b.get("/console/webhooks/wh_none/deliveries").is(404)
	})
}

// A preset counts back from the deployment's time.
func TestHistoryWithin(t *testing.T) {
	w := newWorld(t)
	key := w.tenant("acme", "standard")
	id := w.webhook(key)
	at := began()
	old := w.delivered(id, "evt_1", at, nil)
	b := w.browser(key)
	for within, want := range map[string][]string{"": {old}, "7d": {old}, "24h": {old}, "1h": nil} {
		w.now = at.Add(2 * time.Hour)
		if diff := cmp.Diff(want, b.get("/console/deliveries?within="+within).is(200).rowsOf()); diff != "" {
			t.Errorf("within %q after two hours (-want +got):\n%s", within, diff)
		}
	}
}

func TestHistoryLive(t *testing.T) {
	w := newWorld(t)
	key := w.tenant("acme", "standard")
	id := w.webhook(key)
	b := w.browser(key)
	b.htmx = true
	at := began()
	w.delivered(id, "evt_1", at, nil)
	for name, target := range map[string]string{"all": "/console/deliveries?status=succeeded", "one webhook's": "/console/webhooks/" + id + "/deliveries", "latest": "/console/webhooks/" + id + "/recent"} {
		t.Run(name, func(t *testing.T) {
			poll := b.get(target).is(200).poll()
			if poll == "" {
				t.Fatalf("%s asks for nothing", target)
			}
			if p := b.get(poll).is(204); p.body != "" {
				t.Errorf("%s: got %s, want nothing when nothing is new", p.what, p.body)
			}
			fresh := w.delivered(id, "evt_of_"+strings.ReplaceAll(name, "'", "")[:3], at.Add(time.Minute), nil)
			p := b.get(poll).is(200).has(fresh, `data-said="`).lacks("<html", "<h1")
			b.get(p.poll()).is(204)
			b.get(poll, "HX-History-Restore-Request", "true")
			if b.htmx = false; !strings.HasSuffix(target, "/recent") {
				b.get(p.poll()).is(200).has("<html") // somebody opens the address
			}
			b.htmx = true
		})
	}
	b.get("/console/deliveries?live=off").is(200).has("Paused").lacks("data-live")
	b.htmx = false
	b.get("/console/webhooks/" + id + "/recent").leads("/console/webhooks/" + id)
}

// A page of a long history costs what one of a short one costs.
func TestLongHistory(t *testing.T) {
	w := newWorld(t)
	key := w.tenant("acme", "standard")
	id := w.webhook(key)
	at := began()
	for i := range 5000 {
		w.delivered(id, fmt.Sprintf("evt_%05d", i), at.Add(time.Duration(i)*time.Millisecond), nil)
	}
	b := w.browser(key)
	for _, target := range []string{"/console/deliveries", "/console/webhooks/" + id + "/deliveries", "/console/webhooks/" + id, "/console/webhooks/" + id + "/troubleshoot"} {
		if p := b.get(target).is(200); len(p.body) > 60<<10 || len(p.rowsOf()) > 20 {
			t.Errorf("%s: got %d bytes with %d rows, want a page of them", target, len(p.body), len(p.rowsOf()))
		}
	}
}

func TestDelivery(t *testing.T) {
	bothWays(t, func(t *testing.T, w *world, key string, b *browser) {
		id := w.webhook(key, `"name":"Billing"`, `"headers":{"X-Token":"t0ken"}`)
		at := began()
		done := w.delivered(id, "evt_1", at, nil)
		p := b.get("/console/deliveries/"+done).is(200).
			has("order.created", "Succeeded", "Billing", `href="/console/webhooks/`+id, "evt_1", "X-Token", "********", "fine", "answered 200", "30 ms", "Body, laid out", "&#34;n&#34;: 1", "1 of at most 8 attempts: attempt 1 succeeded (200)").
			lacks("t0ken", "Why did this fail", "data-live", "Round 1")
		if got := p.text("body"); got != `{"data":{"n":1}}` {
			t.Errorf("got body %q, want the bytes that were sent", got)
		}

		failed := w.delivered(id, "evt_2", at, failing(webhook.ErrTLS, 0))
		b.get("/console/deliveries/"+failed).is(200).
			has("Why did this fail?", "/troubleshoot#not-receiving", "The TLS handshake failed", "Install a certificate", ">Replay<").lacks("data-live")

		next := at.Add(4 * time.Minute)
		waiting := w.delivered(id, "evt_3", at, func(d *webhook.Delivery) {
			failing(webhook.ErrBadStatus, 500)(d)
			d.Attempts[0].ResponseBody, d.Attempts[0].Truncated = strings.Repeat("x", 16<<10), true
			d.Status, d.Via, d.NextAt = webhook.Pending, webhook.ViaQueue, next
		})
		p = b.get("/console/deliveries/"+waiting).is(200).
			has(`<time datetime="`+next.Format("2006-01-02T15:04:05.000Z")+`" data-countdown="`, "at "+next.Format("2 Jan 2006, 15:04:05 UTC"), "the beginning of a longer one", "5 min", "attempt 2 comes next")
		b.htmx = true
		b.get(p.poll()).is(204)
	})
}

// text returns what an element without elements in it holds.
func (p page) text(id string) string {
	_, rest, _ := strings.Cut(p.body, `id="`+id+`">`)
	text, _, _ := strings.Cut(rest, "</")
	return html.UnescapeString(text)
}

// A delivery leads to its event where the log has it, for this key to see.
func TestDeliveryEvent(t *testing.T) {
	w := newWorld(t)
	key := w.tenant("acme", "standard")
	id := w.webhook(key)
	event := w.publish(key, "order.created", `"data":{}`)
	logged, test := "/console/deliveries/"+w.delivered(id, event, began(), nil), "/console/deliveries/"+w.delivered(id, "evt_test", began(), nil)
	b := w.browser(key)
	link := `href="/console/events/` + event
	b.get(logged).is(200).has(link)
	b.get("/console/events/" + event).is(200)
	b.get(test).is(200).has("evt_test").lacks(`href="/console/events/`)
	scoped, _ := w.scoped(key, "deliveries:read")
	w.browser(scoped).get(logged).is(200).has(event).lacks(link)
	w.logOff = true
	b.get(logged).is(200).has(event).lacks(link)
}

// A form's body is laid out as the JSON that its field holds, and is exact beside it.
func TestDeliveryForm(t *testing.T) {
	w := newWorld(t)
	key := w.tenant("acme", "agiletune")
	id := w.webhook(key, `"content_type":"application/x-www-form-urlencoded"`)
	d := w.delivered(id, "evt_1", began(), func(d *webhook.Delivery) { d.Dialect, d.ContentType = "agiletune@1", webhook.ContentForm })
	p := w.browser(key).get("/console/deliveries/" + d).is(200)
	if got, want := p.text("body"), "payload=%7B%22data%22%3A%7B%22n%22%3A1%7D%7D"; got != want {
		t.Errorf("got body %q, want %q", got, want)
	}
	p.has("{\n  &#34;data&#34;: {\n    &#34;n&#34;: 1\n  }\n}", "X-AgileTune-Signature")
}

func TestDeliveryEscaped(t *testing.T) {
	bothWays(t, func(t *testing.T, w *world, key string, b *browser) {
		id := w.webhook(key, `"name":`+fmt.Sprintf("%q", nasty))
		at := began()
		data := `{"data":{"text":` + fmt.Sprintf("%q", nasty+"</code></pre><b id=ours>") + `}}`
		d := w.delivered(id, "evt_1", at, func(d *webhook.Delivery) {
			d.Body = webhook.Payload{Inline: payload.Pack([]byte(data))}
			failing(webhook.ErrBadStatus, 500)(d)
			d.Attempts[0].ResponseBody = `<!doctype html><b id="theirs">` + nasty + `</b></pre>`
		})
		at0 := "/console/webhooks/" + id
		for _, target := range []string{"/console/deliveries", "/console/deliveries/" + d, at0, at0 + "/deliveries", at0 + "/troubleshoot", "/console/deliveries?event_type=" + html.EscapeString("<script>"), "/console/deliveries?since=<script>"} {
			b.get(target).lacks("<script>", "<b id", "<!doctype html><b")
		}
		p := b.get("/console/deliveries/" + d).is(200).has("&lt;b id=")
		if got := p.text("body"); got != data {
			t.Errorf("got body %q, want %q", got, data)
		}
	})
}

func TestDeliveryOfOthers(t *testing.T) {
	bothWays(t, func(t *testing.T, w *world, key string, b *browser) {
		id := w.webhook(key, `"name":"Ours"`)
		d := w.delivered(id, "evt_1", began(), failing(webhook.ErrTimeout, 0))
		theirs := w.browser(w.tenant("globex", "standard"))
		theirs.htmx = b.htmx
		at := "/console/webhooks/" + id
		for _, target := range []string{"/console/deliveries/" + d, at + "/deliveries", at + "/troubleshoot", at + "/recent?x"} {
			if p := theirs.get(target).lacks("Ours", "order.created", "evt_1"); p.status != 404 && p.header.Get("Location") != at {
				t.Errorf("%s: got %d, want 404", p.what, p.status)
			}
		}
		theirs.get("/console/deliveries").is(200).lacks(d)
		theirs.post("/console/deliveries/"+d+"/replay", nil).is(404)
		scoped, _ := w.scoped(key, "webhooks:read", "deliveries:read")
		may := w.browser(scoped)
		may.get("/console/deliveries/" + d).is(200).has("Ours")
		may.post("/console/deliveries/"+d+"/replay", nil).is(403).has("deliveries:write")
		scoped, _ = w.scoped(key, "deliveries:read")
		w.browser(scoped).get("/console/deliveries/"+d).is(200).has(id).lacks("Ours", "example.com")
		if len(w.queued.sent) != 0 {
			t.Errorf("got %d messages, want nothing replayed", len(w.queued.sent))
		}
		for _, odd := range []string{"dlv_none", "dlv_", "none", "%2e%2e%2ftenant", "a%2fb"} {
			b.get("/console/deliveries/" + odd).is(404)
		}
	})
}

func TestReplay(t *testing.T) {
	bothWays(t, func(t *testing.T, w *world, key string, b *browser) {
		id := w.webhook(key)
		d := w.delivered(id, "evt_1", began(), failing(webhook.ErrBadStatus, 500))
		at := "/console/deliveries/" + d
		b.post(at+"/replay", nil).leads(at + "?replayed")
		p := b.get(at+"?replayed").is(200).has("A new round of attempts has begun", "Pending", "Round 1", "Round 2")
		if len(w.queued.sent) != 1 || p.poll() == "" {
			t.Errorf("got %d messages and poll %q, want one attempt to come, and a page that waits for it", len(w.queued.sent), p.poll())
		}
		w.call(204, key, "DELETE", "/v1/webhooks/"+id, "", nil)
		b.get(at).is(200).has("a webhook that was deleted").lacks("/replay", "Why did this fail", "Copy as curl")
		b.post(at+"/replay", nil).is(409).has("nowhere to send it")
		b.post("/console/deliveries/none/replay", nil).is(404)
	})
}

// A delivery's attempts are drawn round by round.
func TestRounds(t *testing.T) {
	const fail = webhook.ErrBadStatus
	at := began()
	// attempt makes one that is due after so long.
	attempt := func(after time.Duration, fault webhook.AttemptError, code int) webhook.Attempt {
		return webhook.Attempt{ScheduledAt: at.Add(after), StartedAt: at.Add(after), Duration: 10 * time.Millisecond, StatusCode: code, Error: fault}
	}
	var exhausted []webhook.Attempt
	for _, after := range []time.Duration{0, 2, 6, 14, 30} { // the waits are 2, 4, 8 and 16 s
		exhausted = append(exhausted, attempt(after*time.Second, fail, 500))
	}
	tests := map[string]struct {
		attempts []webhook.Attempt
		next     time.Duration // 0 for none
		want     []string      // the newest round first
	}{
		"one success": {[]webhook.Attempt{attempt(0, "", 200)}, 0, []string{"1 of at most 5 attempts: attempt 1 succeeded (200)"}},
		"waiting": {
			[]webhook.Attempt{attempt(0, fail, 500), attempt(2*time.Second, webhook.ErrTimeout, 0)},
			6 * time.Second,
			[]string{"2 of at most 5 attempts: attempt 1 failed (500), attempt 2 failed (timeout), attempt 3 comes next"},
		},
		"asked to wait longer": {
			[]webhook.Attempt{attempt(0, fail, 429), attempt(4*time.Second, "", 200)},
			0,
			[]string{"2 of at most 5 attempts: attempt 1 failed (429), attempt 2 succeeded (200)"},
		},
		"replayed after a success": {
			[]webhook.Attempt{attempt(0, "", 200), attempt(2*time.Second, "", 200)},
			0,
			[]string{"1 of at most 5 attempts: attempt 1 succeeded (200)", "1 of at most 5 attempts: attempt 1 succeeded (200)"},
		},
		"replayed when out of attempts": {
			append(slices.Clone(exhausted), attempt(50*time.Second, "", 200)), 0,
			[]string{
				"1 of at most 5 attempts: attempt 1 succeeded (200)",
				"5 of at most 5 attempts: attempt 1 failed (500), attempt 2 failed (500), attempt 3 failed (500), attempt 4 failed (500), attempt 5 failed (500)",
			},
		},
		"replayed before its retry": {
			[]webhook.Attempt{attempt(0, fail, 500), attempt(time.Second, fail, 500)},
			3 * time.Second,
			[]string{"1 of at most 5 attempts: attempt 1 failed (500), attempt 2 comes next", "1 of at most 5 attempts: attempt 1 failed (500)"},
		},
		"replayed long after": {
			[]webhook.Attempt{attempt(0, fail, 410), attempt(time.Hour, webhook.ErrWebhookInactive, 0), attempt(time.Hour+2*time.Second, "", 200)},
			0,
			[]string{
				"1 of at most 5 attempts: attempt 1 succeeded (200)", "1 of at most 5 attempts: attempt 1 failed (inactive)",
				"1 of at most 5 attempts: attempt 1 failed (410)",
			},
		},
		"a test, replayed an hour later": {
			[]webhook.Attempt{attempt(0, fail, 500), attempt(time.Hour, fail, 500)},
			time.Hour + 2*time.Second,
			[]string{"1 of at most 5 attempts: attempt 1 failed (500), attempt 2 comes next", "1 of at most 5 attempts: attempt 1 failed (500)"},
		},
		"a fast clock": {
			[]webhook.Attempt{attempt(0, fail, 500), attempt(12*time.Second, fail, 500)},
			16 * time.Second,
			[]string{"2 of at most 5 attempts: attempt 1 failed (500), attempt 2 failed (500), attempt 3 comes next"},
		},
		"just replayed": {
			exhausted, time.Minute,
			[]string{
				"0 of at most 5 attempts: attempt 1 comes next",
				"5 of at most 5 attempts: attempt 1 failed (500), attempt 2 failed (500), attempt 3 failed (500), attempt 4 failed (500), attempt 5 failed (500)",
			},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			key := w.tenant("acme", "axiestudio")
			d := w.delivered(w.webhook(key), "evt_1", at, func(d *webhook.Delivery) {
				for _, a := range tt.attempts {
					d.Record(a)
				}
				if d.Status = webhook.Failed; d.LastAttempt().Error == "" {
					d.Status = webhook.Succeeded
				}
				if tt.next > 0 {
					d.Status, d.Via, d.NextAt = webhook.Pending, webhook.ViaQueue, at.Add(tt.next)
				}
			})
			var got []string
			p := w.browser(key).get("/console/deliveries/" + d).is(200)
			for _, e := range elements(p.body) {
				if e.name == "svg" && e.attrs["role"] == "img" {
					got = append(got, e.attrs["aria-label"])
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			p.has("2 s", "4 s", "8 s", "16 s")
		})
	}
}

// The command sends what was sent: a shell hands it to curl word for word.
func TestCurl(t *testing.T) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("there is no shell")
	}
	for _, text := range []string{`plain`, `O'Brien`, `'; echo gone; '`, "$HOME `id` $(id) \\ \\' !! \" # ~ * {a,b}", "two\\nlines", `<b>&amp;</b>`, "日本 é"} {
		t.Run(text, func(t *testing.T) {
			w := newWorld(t)
			key := w.tenant("acme", "standard")
			const to = "https://example.com/a/../hook?a=[1-3]&b='{x,y}'"
			stored := strings.NewReplacer("{", "%7B", "}", "%7D").Replace(to) // and called
			id := w.webhook(key, `"headers":{"X-Token":"t0ken"}`)
			w.call(200, key, "PATCH", "/v1/webhooks/"+id, fmt.Sprintf(`{"url":%q}`, to), nil)
			body := `{"data":{"text":` + fmt.Sprintf("%q", text) + `}}`
			d := w.delivered(id, "evt_1", began(), func(d *webhook.Delivery) {
				d.Body = webhook.Payload{Inline: payload.Pack([]byte(body))}
			})
			command := w.browser(key).get("/console/deliveries/" + d).is(200).text("curl")
			script := "curl() { printf '%s\\0' \"$@\"; }\n" + command
			out, err := exec.CommandContext(t.Context(), sh, "-c", script).CombinedOutput()
			if err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			var sent struct {
				RequestHeaders map[string]string `json:"request_headers"`
			}
			w.call(200, key, "GET", "/v1/deliveries/"+d, "", &sent)
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

// verdicts returns what the checks of a troubleshooting found, by checklist.
func (p page) verdicts() map[string]string {
	out := map[string]string{}
	list := ""
	for _, e := range elements(p.body) {
		if e.attrs["class"] == "checklist" {
			list = e.attrs["id"]
		}
		if e.name == "li" && e.attrs["class"] != "" {
			out[list] += map[string]string{"good": "✓", "bad": "✗", "unknown": "?"}[e.attrs["class"]]
		}
	}
	return out
}

func TestTroubleshoot(t *testing.T) {
	type answers struct {
		n    int
		how  func(*webhook.Delivery)
		took time.Duration
	}
	ok := func(d *webhook.Delivery) {
		d.Record(webhook.Attempt{ScheduledAt: d.AcceptedAt, StartedAt: d.AcceptedAt, StatusCode: 200})
	}
	bad := func(code int) func(*webhook.Delivery) { return failing(webhook.ErrBadStatus, code) }
	const ms = time.Millisecond
	tests := map[string]struct {
		fields    string
		newest    []answers // the newest first
		receiving string    // active, events, URL, success
		signature string    // secret, compared, raw, HMAC
		timeouts  string    // in time, long, load
		failures  string    // running, success, logs
		says      []string
	}{
		"nothing yet":   {`"name":"x"`, nil, "✓✓??", "????", "???", "???", []string{"Nothing was sent to this webhook yet", "It takes every event of Standard Webhooks"}},
		"all well":      {`"name":"x"`, []answers{{100, ok, 40 * ms}}, "✓✓✓✓", "✓???", "✓✓✓", "✓✓?", []string{"100 of the last 100 requests succeeded", "95 % at most 40 ms; the timeout is 15 s"}},
		"inactive":      {`"active":false`, []answers{{1, failing(webhook.ErrWebhookInactive, 0), 0}}, "✗✓??", "????", "???", "???", []string{"It is inactive"}},
		"filtered":      {`"filter":{"n":[1]}`, []answers{{1, ok, ms}}, "✓?✓✓", "✓???", "✓✓✓", "✓✓?", []string{"Its filter lets only some of them pass"}},
		"refused":       {`"name":"x"`, []answers{{3, bad(401), ms}, {3, ok, ms}}, "✓✓✓✗", "✗???", "✓✓✓", "✓✗?", []string{"3 of the last 6 requests were answered with 401 or 403", "401 (3×)"}},
		"once refused":  {`"name":"x"`, []answers{{20, ok, ms}, {1, bad(403), ms}}, "✓✓✓✓", "✓???", "✓✓✓", "✓✓?", []string{"Only 1 of the last 21"}},
		"gone":          {`"name":"x"`, []answers{{1, failing(webhook.ErrDNS, 0), ms}, {30, ok, ms}}, "✓✓✗✗", "✓???", "✓✓✓", "✗✗?", []string{"host name does not resolve", "30 of the last 31"}},
		"failing":       {`"name":"x"`, []answers{{2, bad(500), ms}}, "✓✓✓✗", "????", "✓✓✓", "✓✗✗", []string{"2 of the last 2 requests were answered with a server error"}},
		"recovered":     {`"name":"x"`, []answers{{20, ok, ms}, {2, bad(500), ms}}, "✓✓✓✓", "✓???", "✓✓✓", "✓✓?", []string{"20 of the last 22", "500 (2×)", "2 of the last 22 answers were server errors"}},
		"timing out":    {`"name":"x"`, []answers{{2, failing(webhook.ErrTimeout, 0), 15000 * ms}, {2, ok, 100 * ms}}, "✓✓✓✗", "✓???", "✗✓✗", "✓✗?", []string{"2 of the last 4 requests timed out", "Half of the last 4 requests took at most 100 ms, 95 % at most 15.0 s"}},
		"slow":          {`"timeout_seconds":10`, []answers{{5, ok, 4000 * ms}}, "✓✓✓✓", "✓???", "✓✗✓", "✓✓?", []string{"Server responds within 10 seconds"}},
		"busy":          {`"name":"x"`, []answers{{1, ok, ms}, {4, bad(503), ms}}, "✓✓✓✗", "✓???", "✓✓✗", "✓✗✗", []string{"429 or 503"}},
		"a chat":        {`"format":"slack"`, []answers{{1, bad(403), ms}}, "✓✓✓✗", "✓✓✓✓", "✓✓✓", "✓✗?", []string{"carry no signature"}},
		"only the last": {`"name":"x"`, []answers{{100, ok, ms}, {100, bad(500), ms}}, "✓✓✓✓", "✓???", "✓✓✓", "✓✓?", []string{"100 of the last 100"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			key := w.tenant("acme", "standard")
			id := w.webhook(key, tt.fields)
			at := began().Add(time.Hour)
			for _, a := range tt.newest {
				for range a.n {
					at = at.Add(-time.Second)
					w.delivered(id, "evt_"+at.Format("150405"), at, func(d *webhook.Delivery) {
						if a.how(d); d.LastAttempt().Error == "" {
							d.Status = webhook.Succeeded
						}
						d.Attempts[0].Duration = a.took
					})
				}
			}
			b := w.browser(key)
			p := b.get("/console/webhooks/" + id + "/troubleshoot").is(200).has(tt.says...)
			want := map[string]string{"not-receiving": tt.receiving, "signature-failing": tt.signature, "timing-out": tt.timeouts, "history-failures": tt.failures}
			if diff := cmp.Diff(want, p.verdicts()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			for _, e := range elements(p.body) {
				if href := e.attrs["href"]; strings.HasPrefix(href, "/console/deliveries/") {
					b.get(href).is(200).has("Failed")
				}
			}
		})
	}
}

func TestTroubleshootWords(t *testing.T) {
	w := newWorld(t)
	key := w.tenant("acme", "axiestudio")
	w.browser(key).get("/console/webhooks/"+w.webhook(key)+"/troubleshoot").is(200).has(
		"Webhook Not Receiving Events", "Webhook is active (not disabled)", "Events are selected correctly", "URL is correct and accessible", "Server is responding with 200 OK",
		"Test webhook using &#34;Test&#34; button", "Check delivery history for errors", "Verify your server is accessible from internet",
		"Webhook Signature Verification Failing", "Using correct webhook secret", "Comparing signatures correctly", "Using raw request body (not parsed)", "HMAC-SHA256 algorithm",
		"Copy webhook secret again (use &#34;Rotate Secret&#34; if needed)", "Verify your verification code matches examples", "Check that you&#39;re using the raw body, not parsed JSON",
		"Webhooks Timing Out", "Server responds within 30 seconds", "No long-running operations in webhook handler", "Server is not overloaded",
		"Process webhooks asynchronously", "Return 200 OK immediately", "Do heavy processing in background job",
		"Delivery History Shows Failures", "Server is running and accessible", "Server returns 200 OK", "No errors in server logs",
		"Check server logs for errors", "Fix any issues in your webhook handler", "Replay failed deliveries after fixing",
		"X-Webhook-Signature", "JSON.stringify",
	)
}

// Every error is explained, and so is every status.
func TestExplained(t *testing.T) {
	w := newWorld(t)
	key := w.tenant("acme", "standard")
	id := w.webhook(key)
	b := w.browser(key)
	at := began()
	for i, fault := range []webhook.AttemptError{
		webhook.ErrTimeout, webhook.ErrDNS, webhook.ErrConnect, webhook.ErrTLS, webhook.ErrBlockedTarget, webhook.ErrRedirect, webhook.ErrBadStatus,
		webhook.ErrBadResponse, webhook.ErrWebhookInactive, webhook.ErrWebhookDeleted,
	} {
		codes := []int{0}
		switch fault {
		case webhook.ErrRedirect:
			codes = []int{301, 302, 308}
		case webhook.ErrBadStatus:
			codes = []int{201, 400, 401, 403, 404, 405, 408, 410, 413, 418, 422, 429, 500, 502, 503, 504, 599}
		}
		for _, code := range codes {
			d := w.delivered(id, fmt.Sprintf("evt_%d_%d", i, code), at, failing(fault, code))
			p := b.get("/console/deliveries/" + d).is(200).lacks("The attempt failed: ")
			m := regexp.MustCompile(`<div class="why"><p><strong>([^<]+)</strong></p><p>([^<]+)</p></div>`).FindStringSubmatch(p.body)
			if m == nil || code != 0 && !strings.Contains(p.body, fmt.Sprint(code)) {
				t.Errorf("%s %d: got %s, want what it means and what to do", fault, code, p.body)
			}
		}
	}
}

func TestHub(t *testing.T) {
	w := newWorld(t)
	key := w.tenant("acme", "agiletune")
	b := w.browser(key)
	id := w.webhook(key, `"metadata":{"team":"billing"}`, `"filter":{"n":[1]}`)
	at := "/console/webhooks/" + id
	b.get(at).is(200).has("No deliveries yet", "Delivery logs", "team: billing", `{&#34;n&#34;:[1]}`, at+"/troubleshoot", at+"/deliveries").lacks(`class="why`)
	begin := began()
	for i := range 12 {
		w.delivered(id, fmt.Sprintf("evt_%02d", i), begin.Add(time.Duration(i)*time.Second), nil)
	}
	if got := len(b.get(at).is(200).lacks(`class="why`).rowsOf()); got != 10 {
		t.Errorf("got %d deliveries, want the latest 10", got)
	}
	w.delivered(id, "evt_bad", begin.Add(time.Minute), failing(webhook.ErrBadStatus, 401))
	b.get(at).is(200).has("The last request to it failed", "401 Unauthorized", "troubleshoot#signature-failing")
	if ok, err := w.store.SetHealth(t.Context(), webhook.Ref{Tenant: "acme", ID: id}, webhook.Health{}, webhook.Health{FailingSince: begin}); !ok || err != nil {
		t.Fatal(ok, err)
	}
	b.get(at).is(200).has("Failing since <time", "the first success makes it active again", "401 Unauthorized")
	w.call(200, key, "PATCH", "/v1/webhooks/"+id, `{"active":false}`, nil)
	b.get(at).is(200).has("It gets no events", "401 Unauthorized")
}

// A test offers what can be sent, under the product's own headings.
func TestTestTypes(t *testing.T) {
	w := newWorld(t)
	key := w.tenant("acme", "axiestudio")
	id := w.webhook(key)
	p := w.browser(key).get("/console/webhooks/"+id+"/test").is(200).
		has(`<optgroup label="Team Member Events"><option>user.created</option>`, `<option value="">webhook.test</option>`, "<option>deployment.registered</option>").
		lacks("Coming Soon", "<option>webhook.test", `"></optgroup>`)
	for _, m := range regexp.MustCompile(`<option>([^<]+)<`).FindAllStringSubmatch(p.body, -1) {
		w.call(200, key, "POST", "/v1/webhooks/"+id+"/test", `{"event_type":"`+m[1]+`"}`, nil)
	}
}

// What went wrong with a test is explained in the dialog.
func TestTestExplained(t *testing.T) {
	bothWays(t, func(_ *testing.T, w *world, key string, b *browser) {
		id := w.webhook(key)
		at := "/console/webhooks/" + id + "/test"
		b.post(at, nil).is(200).has("Succeeded", "POST https://example.com/hook", `href="/console/deliveries/dlv_`).lacks(`class="why"`)
		w.answer = egress.Response{Status: 401, Err: "bad_status", Duration: 1500 * time.Millisecond}
		b.post(at, nil).is(200).has("401 Unauthorized", "checked with another secret", "1.5 s", "/troubleshoot#signature-failing", "The answer had no body.")
		w.answer = egress.Response{Err: "dns"}
		b.post(at, nil).is(200).has("does not resolve", "There was no answer.")
	})
}

// A list names the webhooks that it shows, also those that are not among the newest hundred, and not those that are gone.
func TestNamesOfMany(t *testing.T) {
	w := newWorld(t)
	key := w.tenant("acme", "standard")
	old, gone := w.webhook(key, `"name":"The oldest"`), w.webhook(key, `"name":"Gone"`)
	for range 101 {
		w.webhook(key)
	}
	w.delivered(old, "e1", w.now, nil)
	w.delivered(gone, "e2", w.now, nil)
	w.call(204, key, "DELETE", "/v1/webhooks/"+gone, "", nil)
	w.browser(key).get("/console/deliveries").is(200).has("The oldest", gone).lacks(">Gone<")
}
