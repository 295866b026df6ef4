package deliveries_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hookline/shared/console/consoletest"
	"hookline/shared/webhook"
)

func TestHistory(t *testing.T) {
	consoletest.BothWays(t, func(t *testing.T, w *consoletest.World, key string, b *consoletest.Browser) {
		id, other := w.Webhook(key, `"name":"Billing"`), w.Webhook(key, `"name":"Sync"`)
		b.Get("/console/deliveries").Is(200).Has("No deliveries yet")
		b.Get("/console/webhooks/"+id+"/deliveries").Is(200).Has("No deliveries yet", "Send a test")

		at := consoletest.Began()
		var want []string // the newest first
		for i := range 45 {
			want = append(want, w.Delivered(id, fmt.Sprintf("evt_%02d", i), at.Add(time.Duration(i)*time.Second), nil))
		}
		slices.Reverse(want)
		var got []string
		for target, pages := "/console/deliveries", 0; target != ""; pages++ {
			p := b.Get(target).Is(200)
			got, target = append(got, p.Rows()...), p.Next()
			if first := pages == 0; (p.Poll() != "") != first || strings.Contains(p.Body, "First page") == first {
				t.Errorf("%s: got poll %q, want only the first page to ask for what is new, and the others to lead to it", p.What, p.Poll())
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("all pages (-want +got):\n%s", diff)
		}

		failed := w.Delivered(other, "evt_f", at.Add(time.Hour), consoletest.Failing(webhook.ReasonTimeout, 0))
		waiting := w.Delivered(other, "evt_p", at.Add(2*time.Hour), func(d *webhook.Delivery) {
			consoletest.Failing(webhook.ReasonBadStatus, 503)(d)
			d.Record(webhook.Attempt{ScheduledAt: at, StartedAt: at, Duration: 1234 * time.Millisecond, StatusCode: 503, Error: webhook.ReasonBadStatus})
			d.Status, d.Via, d.NextAt, d.Type = webhook.Pending, webhook.ViaQueue, at.Add(5*time.Hour), "invoice.paid"
		})
		p := b.Get("/console/webhooks/"+other+"/deliveries").Is(200).
			Has("Event type</th>", "Delivery time</th>", "Status</th>", "Response code</th>", "Response time</th>", "Retry attempts</th>").
			Has(`"Status"><span class="badge failed">Failed<`, `"Status"><span class="badge pending">Pending<`, `"Response code">503<`, `"Response code"><span class="fault">timeout<`, `"Response time">1.2 s<`, `"Retry attempts">1<`, `"Retry attempts">0<`)
		if strings.Count(p.Body, `/replay"><button`) != 1 {
			t.Errorf("%s: got %s, want one delivery to replay, the failed one", p.What, p.Body)
		}
		if p := b.Get("/console/deliveries"); !strings.Contains(p.Body, "Billing") || !strings.Contains(p.Body, "Sync") {
			t.Errorf("%s: got %s, want the webhooks' names", p.What, p.Body)
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
				p := b.Get("/console/deliveries?" + tt.query).Is(200)
				if diff := cmp.Diff(tt.want, p.Rows()); diff != "" {
					t.Errorf("%s (-want +got):\n%s", p.What, diff)
				}
				if len(tt.want) == 0 {
					p.Has("No delivery matches")
				}
			})
		}
		b.Get("/console/deliveries?since=yesterday").Is(422).Has("The time from which to list is not one").Lacks("Next page", "data-live")
		b.Get("/console/deliveries?event_type=" + strings.Repeat("x", 101)).Is(422).Has("The filter cannot be used")
		b.Get("/console/deliveries?cursor=made-up").Is(422).Lacks("made-up")
		b.Get("/console/webhooks/wh_none/deliveries").Is(404)
	})
}

// TestHistoryWithin shows that a preset counts back from the deployment's time.
func TestHistoryWithin(t *testing.T) {
	w := consoletest.New(t)
	key := w.Tenant("acme", "standard")
	id := w.Webhook(key)
	at := consoletest.Began()
	old := w.Delivered(id, "evt_1", at, nil)
	b := w.Browser(key)
	for within, want := range map[string][]string{"": {old}, "7d": {old}, "24h": {old}, "1h": nil} {
		w.Now = at.Add(2 * time.Hour)
		if diff := cmp.Diff(want, b.Get("/console/deliveries?within="+within).Is(200).Rows()); diff != "" {
			t.Errorf("within %q after two hours (-want +got):\n%s", within, diff)
		}
	}
}

func TestHistoryLive(t *testing.T) {
	w := consoletest.New(t)
	key := w.Tenant("acme", "standard")
	id := w.Webhook(key)
	b := w.Browser(key)
	b.HTMX = true
	at := consoletest.Began()
	w.Delivered(id, "evt_1", at, nil)
	for name, target := range map[string]string{"all": "/console/deliveries?status=succeeded", "one webhook's": "/console/webhooks/" + id + "/deliveries", "latest": "/console/webhooks/" + id + "/recent"} {
		t.Run(name, func(t *testing.T) {
			poll := b.Get(target).Is(200).Poll()
			if poll == "" {
				t.Fatalf("%s asks for nothing", target)
			}
			if p := b.Get(poll).Is(204); p.Body != "" {
				t.Errorf("%s: got %s, want nothing when nothing is new", p.What, p.Body)
			}
			fresh := w.Delivered(id, "evt_of_"+strings.ReplaceAll(name, "'", "")[:3], at.Add(time.Minute), nil)
			p := b.Get(poll).Is(200).Has(fresh, `data-said="`).Lacks("<html", "<h1")
			b.Get(p.Poll()).Is(204)
			b.Get(poll, "HX-History-Restore-Request", "true")
			if b.HTMX = false; !strings.HasSuffix(target, "/recent") {
				b.Get(p.Poll()).Is(200).Has("<html") // somebody opens the address
			}
			b.HTMX = true
		})
	}
	b.Get("/console/deliveries?live=off").Is(200).Has("Paused").Lacks("data-live")
	b.HTMX = false
	b.Get("/console/webhooks/" + id + "/recent").Leads("/console/webhooks/" + id)
}

// TestLongHistory shows that a page of a long history is as large as one of a short history.
func TestLongHistory(t *testing.T) {
	w := consoletest.New(t)
	key := w.Tenant("acme", "standard")
	id := w.Webhook(key)
	at := consoletest.Began()
	for i := range 5000 {
		w.Delivered(id, fmt.Sprintf("evt_%05d", i), at.Add(time.Duration(i)*time.Millisecond), nil)
	}
	b := w.Browser(key)
	for _, target := range []string{"/console/deliveries", "/console/webhooks/" + id + "/deliveries", "/console/webhooks/" + id, "/console/webhooks/" + id + "/troubleshoot"} {
		if p := b.Get(target).Is(200); len(p.Body) > 60<<10 || len(p.Rows()) > 20 {
			t.Errorf("%s: got %d bytes with %d rows, want a page of them", target, len(p.Body), len(p.Rows()))
		}
	}
}

// TestNamesOfMany shows that a list names its webhooks, also those that are not among the newest hundred, but not deleted
// ones.
func TestNamesOfMany(t *testing.T) {
	w := consoletest.New(t)
	key := w.Tenant("acme", "standard")
	old, gone := w.Webhook(key, `"name":"The oldest"`), w.Webhook(key, `"name":"Gone"`)
	for range 101 {
		w.Webhook(key)
	}
	w.Delivered(old, "e1", w.Now, nil)
	w.Delivered(gone, "e2", w.Now, nil)
	w.Call(204, key, "DELETE", "/v1/webhooks/"+gone, "", nil)
	w.Browser(key).Get("/console/deliveries").Is(200).Has("The oldest", gone).Lacks(">Gone<")
}
