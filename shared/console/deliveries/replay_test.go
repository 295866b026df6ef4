package deliveries_test

import (
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"testing"
	"time"

	"hookline/shared/console/consoletest"
	"hookline/shared/delivery"
	"hookline/shared/replay"
	"hookline/shared/webhook"
)

// failed stores n deliveries of acme's webhook that failed a while ago.
func failed(w *consoletest.World, hook string, n int) {
	w.T.Helper()
	for i := range n {
		w.Delivered(hook, fmt.Sprint("evt_", i), consoletest.Began(), func(d *webhook.Delivery) { d.Status = webhook.Failed })
	}
	w.Now = consoletest.Began().Add(time.Hour)
}

// work works on a job until it is done.
func work(w *consoletest.World, job string) {
	w.T.Helper()
	rounds := &delivery.Deliverer{Store: w.Store, Queues: delivery.Queues{Bulk: &w.Bulk}}
	s := &replay.Service{Store: w.Store, Rounds: rounds, Queue: &w.Bulk, Now: func() time.Time { return w.Now }, Log: slog.New(slog.DiscardHandler)}
	if err := s.Work(w.T.Context(), "acme", job); err != nil {
		w.T.Fatal(err)
	}
}

// jobOf returns the address of the job's page that the answer redirects to.
func jobOf(p consoletest.Page) string {
	p.T.Helper()
	to := p.Header.Get("Location") + p.Header.Get("HX-Redirect")
	if !strings.HasPrefix(to, "/console/replays/rpl_") {
		p.T.Fatalf("%s: got %d to %q %s, want to be led to a job", p.What, p.Status, to, p.Body)
	}
	return to
}

func TestReplayMany(t *testing.T) {
	consoletest.BothWays(t, func(t *testing.T, w *consoletest.World, key string, b *consoletest.Browser) {
		id := w.Webhook(key, `"name":"Billing"`)
		at := "/console/webhooks/" + id + "/replay"
		failed(w, id, 1203)
		asked := b.Get(at).Is(200).Has("Replay many deliveries of Billing", `value="failed" checked`, "Count first")
		counted := b.Post(at, chosen(asked)).Is(200).Has("<strong>1,203 deliveries</strong> will be sent again", "Replay 1,203 deliveries")
		if len(w.Bulk.Sent) != 0 {
			t.Errorf("got %d messages of a count, want none", len(w.Bulk.Sent))
		}
		// A changed selection is counted again before it is started.
		changed := chosen(counted)
		changed.Set("event_type", "order.sent")
		b.Post(at, changed).Is(200).Has("No delivery matches.", "Count again").Lacks(">Replay 0")

		job := jobOf(b.Post(at, chosen(counted)))
		page := b.Get(job).Is(200).Has("Replay of 1,203 deliveries", "Running", "0 of 1,203 deliveries sent again", `max="1203" value="0"`, `hx-trigger="every 2s"`, `action="`+job+`/cancel"`)
		if !b.HTMX {
			page.Has(`<noscript><a class="button" href="`+job+`">Refresh</a>`, `<a href="/console/webhooks/`+id+`">Billing</a>`)
		}
		work(w, strings.TrimPrefix(job, "/console/replays/"))
		b.Get(job).Is(200).Has("Done", "1,203 of 1,203 deliveries sent again", `max="1203" value="1203"`, "Ended").Lacks("hx-trigger", "/cancel")
	})
}

func TestReplayManyCancelled(t *testing.T) {
	consoletest.BothWays(t, func(_ *testing.T, w *consoletest.World, key string, b *consoletest.Browser) {
		id := w.Webhook(key)
		at := "/console/webhooks/" + id + "/replay"
		failed(w, id, 1)
		job := jobOf(b.Post(at, chosen(b.Post(at, chosen(b.Get(at))).Has("Replay 1 delivery"))))
		b.Post(job+"/cancel", nil).Leads(job)
		work(w, strings.TrimPrefix(job, "/console/replays/"))
		b.Get(job).Is(200).Has("Cancelled", "0 of 1 delivery sent again").Lacks("hx-trigger")

		stopped := jobOf(b.Post(at, chosen(b.Post(at, chosen(b.Get(at))))))
		w.Call(204, key, "DELETE", "/v1/webhooks/"+id, "", nil)
		work(w, strings.TrimPrefix(stopped, "/console/replays/"))
		b.Get(stopped).Is(200).Has("Stopped", "The webhook was deleted", id)
	})
}

func TestReplayManyRefused(t *testing.T) {
	consoletest.BothWays(t, func(t *testing.T, w *consoletest.World, key string, b *consoletest.Browser) {
		id := w.Webhook(key)
		at := "/console/webhooks/" + id + "/replay"
		for name, tt := range map[string]struct{ field, value string }{
			"no time":             {"since", ""},
			"no time at all":      {"since", consoletest.Nasty},
			"a time to come":      {"since", "2999-01-01T00:00"},
			"until before since":  {"until", "2000-01-01T00:00:00"},
			"an unknown status":   {"status", consoletest.Nasty},
			"an odd event type":   {"event_type", consoletest.Nasty},
			"deliveries underway": {"status", "pending"},
			"no event log":        {"status", "missed"},
		} {
			t.Run(name, func(t *testing.T) {
				f := consoletest.Form("since", "2020-01-01T00:00:00", "status", "failed")
				f.Set(tt.field, tt.value)
				p := b.Post(at, f).Is(422).Lacks("<script>")
				if !strings.Contains(p.Body, `id="`+tt.field+`-problem"`) {
					t.Errorf("got %s, want a problem with %s", p.Body, tt.field)
				}
			})
		}
		b.Get(at+"?since=2026-03-20T12:00:00.000Z&until=2026-03-21T12:00:00Z&status=succeeded&event_type=order.placed").
			Is(200).Has(`value="2026-03-20T12:00:00"`, `value="2026-03-21T12:00:00"`, `value="succeeded" checked`, `value="order.placed"`)
		w.Call(200, key, "PATCH", "/v1/webhooks/"+id, `{"active":false}`, nil)
		f := consoletest.Form("since", "2020-01-01T00:00:00", "status", "failed")
		f.Set("counted", "2020-01-01T00:00:00||failed|")
		b.Post(at, f).Is(422).Has("The webhook is inactive")

		other := w.Browser(w.Tenant("globex", "standard"))
		other.HTMX = b.HTMX
		for _, target := range []string{at, "/console/replays/rpl_none"} {
			other.Get(target).Is(404)
		}
		other.Post(at, f).Is(404)
		other.Post("/console/replays/rpl_none/cancel", nil).Is(404)
		reader, _ := w.Scoped(key, "webhooks:read", "deliveries:read")
		theirs := w.Browser(reader)
		theirs.HTMX = b.HTMX
		theirs.Post(at, f).Is(403).Has("deliveries:write")
	})
}

// chosen returns the values that the page's form sends unchanged, of its radio buttons that of the one that is on.
func chosen(p consoletest.Page) url.Values {
	out := p.Filled()
	for _, e := range consoletest.Elements(p.Body) {
		if _, on := e.Attrs["checked"]; on && e.Attrs["type"] == "radio" {
			out.Set(e.Attrs["name"], e.Attrs["value"])
		}
	}
	return out
}
