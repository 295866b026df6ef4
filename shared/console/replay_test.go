package console_test

import (
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"testing"
	"time"

	"hookline/shared/delivery"
	"hookline/shared/replay"
	"hookline/shared/webhook"
)

// failed stores n deliveries of acme's webhook that failed a while ago.
func (w *world) failed(hook string, n int) {
	w.t.Helper()
	for i := range n {
		w.delivered(hook, fmt.Sprint("evt_", i), began(), func(d *webhook.Delivery) { d.Status = webhook.Failed })
	}
	w.now = began().Add(time.Hour)
}

// work has the last job worked on as far as it goes.
func (w *world) work(job string) {
	w.t.Helper()
	rounds := &delivery.Deliverer{Store: w.store, Queues: delivery.Queues{Bulk: &w.bulk}}
	s := &replay.Service{Store: w.store, Rounds: rounds, Queue: &w.bulk, Now: func() time.Time { return w.now }, Log: slog.New(slog.DiscardHandler)}
	if err := s.Work(w.t.Context(), "acme", job); err != nil {
		w.t.Fatal(err)
	}
}

// job returns the address of a job's page, to which the page leads.
func (p page) job() string {
	p.t.Helper()
	to := p.header.Get("Location") + p.header.Get("HX-Redirect")
	if !strings.HasPrefix(to, "/console/replays/rpl_") {
		p.t.Fatalf("%s: got %d to %q %s, want to be led to a job", p.what, p.status, to, p.body)
	}
	return to
}

func TestReplayMany(t *testing.T) {
	bothWays(t, func(t *testing.T, w *world, key string, b *browser) {
		id := w.webhook(key, `"name":"Billing"`)
		at := "/console/webhooks/" + id + "/replay"
		w.failed(id, 1203)
		asked := b.get(at).is(200).has("Replay many deliveries of Billing", `value="failed" checked`, "Count first")
		counted := b.post(at, asked.chosen()).is(200).has("<strong>1,203 deliveries</strong> will be sent again", "Replay 1,203 deliveries")
		if len(w.bulk.sent) != 0 {
			t.Errorf("got %d messages of a count, want none", len(w.bulk.sent))
		}
		// What was changed is counted again before it is started.
		changed := counted.chosen()
		changed.Set("event_type", "order.sent")
		b.post(at, changed).is(200).has("No delivery matches.", "Count again").lacks(">Replay 0")

		job := b.post(at, counted.chosen()).job()
		page := b.get(job).is(200).has("Replay of 1,203 deliveries", "Running", "0 of 1,203 deliveries sent again", `max="1203" value="0"`, `hx-trigger="every 2s"`, `action="`+job+`/cancel"`)
		if !b.htmx {
			page.has(`<noscript><a class="button" href="`+job+`">Refresh</a>`, `<a href="/console/webhooks/`+id+`">Billing</a>`)
		}
		w.work(strings.TrimPrefix(job, "/console/replays/"))
		b.get(job).is(200).has("Done", "1,203 of 1,203 deliveries sent again", `max="1203" value="1203"`, "Ended").lacks("hx-trigger", "/cancel")
	})
}

func TestReplayManyCancelled(t *testing.T) {
	bothWays(t, func(_ *testing.T, w *world, key string, b *browser) {
		id := w.webhook(key)
		at := "/console/webhooks/" + id + "/replay"
		w.failed(id, 1)
		job := b.post(at, b.post(at, b.get(at).chosen()).has("Replay 1 delivery").chosen()).job()
		b.post(job+"/cancel", nil).leads(job)
		w.work(strings.TrimPrefix(job, "/console/replays/"))
		b.get(job).is(200).has("Cancelled", "0 of 1 delivery sent again").lacks("hx-trigger")

		stopped := b.post(at, b.post(at, b.get(at).chosen()).chosen()).job()
		w.call(204, key, "DELETE", "/v1/webhooks/"+id, "", nil)
		w.work(strings.TrimPrefix(stopped, "/console/replays/"))
		b.get(stopped).is(200).has("Stopped", "The webhook was deleted", id)
	})
}

func TestReplayManyRefused(t *testing.T) {
	bothWays(t, func(t *testing.T, w *world, key string, b *browser) {
		id := w.webhook(key)
		at := "/console/webhooks/" + id + "/replay"
		for name, tt := range map[string]struct{ field, value string }{
			"no time":             {"since", ""},
			"no time at all":      {"since", nasty},
			"a time to come":      {"since", "2999-01-01T00:00"},
			"until before since":  {"until", "2000-01-01T00:00:00"},
			"an unknown status":   {"status", nasty},
			"an odd event type":   {"event_type", nasty},
			"deliveries underway": {"status", "pending"},
			"no event log":        {"status", "missed"},
		} {
			t.Run(name, func(t *testing.T) {
				f := form("since", "2020-01-01T00:00:00", "status", "failed")
				f.Set(tt.field, tt.value)
				p := b.post(at, f).is(422).lacks("<script>")
				if !strings.Contains(p.body, `id="`+tt.field+`-problem"`) {
					t.Errorf("got %s, want a problem with %s", p.body, tt.field)
				}
			})
		}
		b.get(at+"?since=2026-03-20T12:00:00.000Z&until=2026-03-21T12:00:00Z&status=succeeded&event_type=order.placed").
			is(200).has(`value="2026-03-20T12:00:00"`, `value="2026-03-21T12:00:00"`, `value="succeeded" checked`, `value="order.placed"`)
		w.call(200, key, "PATCH", "/v1/webhooks/"+id, `{"active":false}`, nil)
		f := form("since", "2020-01-01T00:00:00", "status", "failed")
		f.Set("counted", "2020-01-01T00:00:00||failed|")
		b.post(at, f).is(422).has("The webhook is inactive")

		other := w.browser(w.tenant("globex", "standard"))
		other.htmx = b.htmx
		for _, target := range []string{at, "/console/replays/rpl_none"} {
			other.get(target).is(404)
		}
		other.post(at, f).is(404)
		other.post("/console/replays/rpl_none/cancel", nil).is(404)
		reader, _ := w.scoped(key, "webhooks:read", "deliveries:read")
		theirs := w.browser(reader)
		theirs.htmx = b.htmx
		theirs.post(at, f).is(403).has("deliveries:write")
	})
}

// chosen returns what the page's form sends when nothing in it is touched, of its radio buttons the one that is on.
func (p page) chosen() url.Values {
	out := p.filled()
	for _, e := range elements(p.body) {
		if _, on := e.attrs["checked"]; on && e.attrs["type"] == "radio" {
			out.Set(e.attrs["name"], e.attrs["value"])
		}
	}
	return out
}
