package systemevent

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hookline/shared/webhook"
)

var noon = time.Date(2026, 3, 20, 12, 0, 0, 0, time.UTC)

func orders() webhook.Webhook {
	return webhook.Webhook{
		Ref: webhook.Ref{Tenant: "acme", ID: "wh_1"}, URL: "https://example.com/hook", Name: "Orders",
		Events: []string{"order.*"}, Active: true, CreatedAt: noon, UpdatedAt: noon,
	}
}

func TestHappened(t *testing.T) {
	with := func(change func(w *webhook.Webhook)) *webhook.Webhook {
		w := orders()
		change(&w)
		return &w
	}
	later := noon.Add(time.Millisecond)
	was := orders()
	was.Health = webhook.Health{FailingSince: noon, UnhealthySince: noon}
	tests := map[string]struct {
		c    Change
		w    *webhook.Webhook
		want bool
	}{
		"created":                           {Created(orders()), with(func(*webhook.Webhook) {}), true},
		"created, not there":                {Created(orders()), nil, false},
		"created, another of its id":        {Created(orders()), with(func(w *webhook.Webhook) { w.CreatedAt = later }), false},
		"failing":                           {Failing(orders(), noon), with(func(w *webhook.Webhook) { w.Health = was.Health }), true},
		"failing, not yet":                  {Failing(orders(), noon), with(func(w *webhook.Webhook) { w.Health.UnhealthySince = noon }), false},
		"failing, by another's hand":        {Failing(orders(), noon), with(func(w *webhook.Webhook) { w.Health.FailingSince = later }), false},
		"failing, made inactive":            {Failing(orders(), noon), with(func(w *webhook.Webhook) { w.Health = was.Health; w.Active = false }), false},
		"failing, deleted":                  {Failing(orders(), noon), nil, false},
		"recovered":                         {Recovered(was, later), with(func(*webhook.Webhook) {}), true},
		"recovered, failing again":          {Recovered(was, later), with(func(w *webhook.Webhook) { w.Health.FailingSince = later }), true},
		"recovered, not yet":                {Recovered(was, later), &was, false},
		"recovered, made inactive":          {Recovered(was, later), with(func(w *webhook.Webhook) { w.Active = false }), false},
		"recovered, deleted":                {Recovered(was, later), nil, false},
		"disabled":                          {Disabled(was, noon, Gone), with(func(w *webhook.Webhook) { w.Active = false }), true},
		"disabled, not yet":                 {Disabled(was, noon, Gone), &was, false},
		"disabled, by its owner":            {Disabled(was, noon, Gone), with(func(w *webhook.Webhook) { w.Active, w.UpdatedAt = false, later }), false},
		"disabled, deleted":                 {Disabled(was, noon, Gone), nil, false},
		"a delivery failed, webhook or not": {Failed(webhook.Delivery{}), nil, true},
		"no change that is known":           {Change{Type: "webhook.moved", At: noon.UnixMilli()}, with(func(*webhook.Webhook) {}), false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := tt.c.Happened(tt.w); got != tt.want {
				t.Errorf("got %t, want %t", got, tt.want)
			}
		})
	}
}

// TestChatURL holds that no event tells a URL with which others could post to a chat.
func TestChatURL(t *testing.T) {
	for format, want := range map[string]string{
		webhook.FormatSlack: "https://hooks.slack.com/…", webhook.FormatTeams: "https://hooks.slack.com/…", webhook.FormatDiscord: "https://hooks.slack.com/…",
		webhook.FormatJSON: "https://hooks.slack.com/services/T0/B0/s3cret?wait=s3cret",
	} {
		w := orders()
		w.URL, w.Format = "https://hooks.slack.com/services/T0/B0/s3cret?wait=s3cret", format
		was := w
		was.Health.FailingSince = noon
		recovered := Recovered(was, noon)
		before, _ := recovered.Before()
		for _, c := range []Change{Created(w), Failing(w, noon), Disabled(w, noon, Gone), recovered, before} {
			var data WebhookData
			if err := json.Unmarshal(c.Data, &data); err != nil {
				t.Fatal(err)
			}
			if data.URL != want {
				t.Errorf("%s of %s tells %s, want %s", c.Type, format, data.URL, want)
			}
			if body := c.Outgoing(noon).Body; strings.Contains(body, "s3cret") != (format == webhook.FormatJSON) {
				t.Errorf("%s of %s: the message is %s", c.Type, format, body)
			}
		}
	}
}

// TestBefore shows that a recovery's message tells of the failing as its own message does.
func TestBefore(t *testing.T) {
	w := orders()
	want := Failing(w, noon)
	want.Sent = noon.UnixMilli()
	w.Health.FailingSince = noon
	got, ok := Recovered(w, noon.Add(time.Hour)).Before()
	if diff := cmp.Diff(want, got); !ok || diff != "" {
		t.Errorf("got one: %t (-want +got):\n%s", ok, diff)
	}
	if got, want := got.EventID(), want.EventID(); got != want {
		t.Errorf("got id %s, want %s", got, want)
	}
	for _, c := range []Change{Created(w), Failing(w, noon), Disabled(w, noon, Gone), Failed(webhook.Delivery{})} {
		if before, ok := c.Before(); ok {
			t.Errorf("%s undid %+v", c.Type, before)
		}
	}
}

func TestEventID(t *testing.T) {
	failing, again := orders(), orders()
	failing.Health.FailingSince, again.Health.FailingSince = noon, noon.Add(time.Hour)
	other := orders()
	other.ID = "wh_2"
	d := webhook.Delivery{DeliveryKey: webhook.DeliveryKey{Tenant: "acme", Webhook: "wh_1", Event: "evt_1", AcceptedAt: noon}, Round: 1}
	second := d
	second.Round = 2
	same := map[string][2]Change{
		"two that saw one recovery": {Recovered(failing, noon), Recovered(failing, noon.Add(time.Second))},
		"a dead letter repeated":    {Failed(d), Failed(d)},
		"renamed in between":        {Failing(orders(), noon), Failing(func() webhook.Webhook { w := orders(); w.Name = "New"; return w }(), noon)},
	}
	for name, cs := range same {
		if a, b := cs[0].EventID(), cs[1].EventID(); a != b {
			t.Errorf("%s: got %s and %s, want one id", name, a, b)
		}
	}
	seen := make(map[string]int)
	for i, c := range []Change{
		Created(orders()), Created(other), Failing(orders(), noon), Failing(orders(), noon.Add(time.Millisecond)), Failing(other, noon),
		Recovered(failing, noon), Recovered(again, noon), Disabled(orders(), noon, Gone), Failed(d), Failed(second),
	} {
		id := c.EventID()
		if !webhook.ValidGivenID(id) || !strings.HasPrefix(id, "sys_") || len(id) != len("sys_")+32 {
			t.Errorf("%s is no event id", id)
		}
		if j, ok := seen[id]; ok {
			t.Errorf("changes %d and %d have one id", j, i)
		}
		seen[id] = i
	}
}

// TestWire shows a change on the queue and as a notice: both are read by versions of the code older or newer than this.
func TestWire(t *testing.T) {
	sent := noon.Add(time.Second)
	c := Failing(orders(), noon)
	out := c.Outgoing(sent)
	want := `{"system":{"type":"webhook.failing","tenant":"acme","webhook":"wh_1","at":1774008000000,"sent":1774008001000,"writer":"W",` +
		`"data":{"webhook_id":"wh_1","name":"Orders","url":"https://example.com/hook","events":["order.*"],"status":"failing",` +
		`"reason":"out_of_attempts","since":"2026-03-20T12:00:00.000Z"}}}`
	var e envelope
	if err := json.Unmarshal([]byte(out.Body), &e); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, strings.Replace(out.Body, e.System.Writer, "W", 1)); diff != "" {
		t.Errorf("message (-want +got):\n%s", diff)
	}
	if c.Outgoing(sent).Body == out.Body {
		t.Error("two that make one change send the same message")
	}
	c.Sent, c.Writer = sent.UnixMilli(), e.System.Writer
	if diff := cmp.Diff(&c, e.System); diff != "" {
		t.Errorf("read back (-sent +read):\n%s", diff)
	}
	if !e.System.Awaited(sent.Add(Patience-time.Millisecond)) || e.System.Awaited(sent.Add(Patience)) {
		t.Error("a change is awaited for a minute after it was sent, and no longer")
	}
	got, err := json.Marshal(c.Notice())
	if err != nil {
		t.Fatal(err)
	}
	want = `{"id":"` + c.EventID() + `","detail-type":"webhook.failing","source":"","time":"2026-03-20T12:00:00Z",` +
		`"detail":{"tenant":"acme","id":"` + c.EventID() + `","data":` + string(c.Data) + `}}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("notice (-want +got):\n%s", diff)
	}
	d := webhook.Delivery{DeliveryKey: webhook.DeliveryKey{Tenant: "acme", Webhook: "wh_1", Event: "evt_1", AcceptedAt: noon}, Type: "order.placed", Round: 1}
	d.Record(webhook.Attempt{StartedAt: noon, StatusCode: 500, Error: webhook.ReasonBadStatus})
	failed := Failed(d)
	want = `{"delivery_id":"` + d.ID() + `","webhook_id":"wh_1","event_id":"evt_1","event_type":"order.placed","attempts":1,"error":"bad_status","status_code":500}`
	if string(failed.Data) != want || failed.Announced() || !c.Announced() {
		t.Errorf("got %s (told: %t), want %s, which the bus is not told of", failed.Data, failed.Announced(), want)
	}
}
