package httpapi_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hookline/shared/eventlog"
	"hookline/shared/webhook"
)

// logged puts an event of acme into the log, accepted now, as an id from outside. matched need not be sorted.
func (w *world) logged(id string, matched ...string) webhook.LoggedEvent {
	w.t.Helper()
	at := w.now.Now()
	slices.Sort(matched)
	ev := webhook.LoggedEvent{Entry: webhook.EventIDs(at, 1)[0], Matched: matched, Event: webhook.Event{
		Tenant: "acme", ID: id, Type: "invoice.paid", AcceptedAt: at, Timestamp: "2026-03-20T11:59:58Z", Data: []byte(`{"z":1.0,"a":"<é>"}`),
	}}
	w.write(ev)
	return ev
}

func (w *world) write(ev webhook.LoggedEvent) {
	w.t.Helper()
	l := &eventlog.Log{Store: w.store}
	if err := l.Write(w.t.Context(), []webhook.LoggedEvent{ev}, ev.AcceptedAt.Add(time.Hour)); err != nil {
		w.t.Fatal(err)
	}
	if _, _, err := w.store.Pin(w.t.Context(), webhook.Pin{
		Tenant: ev.Tenant, Scope: eventlog.PinScope, Key: ev.ID, At: ev.AcceptedAt, ExpiresAt: ev.AcceptedAt.Add(time.Hour),
		Answer: []byte(`{"entry":"` + ev.Entry + `"}`),
	}); err != nil {
		w.t.Fatal(err)
	}
}

func TestEventList(t *testing.T) {
	w := newWorld(t)
	for i := range 5 {
		ev := w.logged(fmt.Sprint("order-", i), []string{"wh_1", "wh_2"}[:i%3]...)
		if i == 2 {
			ev.Entry, ev.ID, ev.Type = webhook.EventIDs(w.now.Now(), 2)[1], "user-2", "user.created"
			w.write(ev)
		}
		w.now.Pass(time.Minute)
	}
	for query, want := range map[string][]string{
		"":                            {"order-4", "order-3", "order-2", "user-2", "order-1", "order-0"},
		"?type=user.created":          {"user-2"},
		"?type=user.deleted":          {},
		"?matched=true":               {"order-4", "order-2", "user-2", "order-1"},
		"?matched=false":              {"order-3", "order-0"},
		"?since=2026-03-20T12:03:00Z": {"order-4", "order-3"},
		"?until=2026-03-20T12:01:00Z": {"order-0"},
		"?since=2026-03-20T12:01:00Z&until=2026-03-20T12:02:00.001Z&matched=true&type=invoice.paid": {"order-2", "order-1"},
	} {
		for _, limit := range []string{"1", "4", "100"} {
			var got []string
			next := ""
			for range 20 {
				q := query + "?limit=" + limit
				if query != "" {
					q = query + "&limit=" + limit
				}
				if next != "" {
					q += "&cursor=" + next
				}
				r := w.do("GET", "/v1/events"+q, w.key, "").is(200)
				got = append(got, r.ids()...)
				if next = r.str("next_cursor"); next == "" {
					break
				}
			}
			slices.Sort(got) // two of them have one time
			want := slices.Sorted(slices.Values(want))
			if !slices.Equal(got, want) {
				t.Errorf("%s by %s: got %q, want %q", query, limit, got, want)
			}
		}
	}
	first := w.do("GET", "/v1/events?limit=1", w.key, "").is(200)
	want := `{"data":[{"id":"order-4","type":"invoice.paid","timestamp":"2026-03-20T11:59:58Z","accepted_at":"2026-03-20T12:04:00.000Z","matched":1}],"next_cursor":"`
	if !strings.HasPrefix(first.body, want) {
		t.Errorf("got %s, want %s…", first.body, want)
	}
	if got := w.do("GET", "/v1/events", w.other, "").is(200).ids(); len(got) != 0 {
		t.Errorf("another tenant's list: got %q, want none of it", got)
	}
	w.do("GET", "/v1/events?type=a..b&since=x&until=y&matched=yes&limit=0&cursor=", w.key, "").faults("type", "since", "until", "matched", "limit", "cursor")
	w.do("GET", "/v1/events?cursor="+first.str("next_cursor"), w.other, "").faults("cursor")
}

func TestEventDetail(t *testing.T) {
	w := newWorld(t)
	takes, fails, gone := w.webhook(w.key), w.webhook(w.key), w.webhook(w.key)
	inactive, other, filtered := w.webhook(w.key, `"active":false`), w.webhook(w.key), w.webhook(w.key, `"filter":{"z":[2]}`)
	w.do("PATCH", "/v1/webhooks/"+other, w.key, `{"events":["user.*"]}`).is(200)
	w.now.Pass(time.Minute)
	ev := w.logged("order-1", takes, fails, gone)
	w.do("DELETE", "/v1/webhooks/"+gone, w.key, "").is(204)
	failed := record("acme", fails, ev.ID, ev.AcceptedAt)
	failed.Status = webhook.Failed
	failed.Record(webhook.Attempt{StatusCode: 500, Error: webhook.ReasonBadStatus})
	if err := w.store.SaveDelivery(t.Context(), failed, webhook.Rev{}); err != nil {
		t.Fatal(err)
	}
	w.now.Pass(time.Minute)
	later := w.webhook(w.key)

	show := func() (got struct {
		ID, Type, Timestamp string
		Matched             int
		Truncated           bool
		Deliveries          []struct {
			ID        string
			WebhookID string `json:"webhook_id"`
			EventID   string `json:"event_id"`
			Status    string
			Count     int `json:"attempt_count"`
		}
		Skipped []struct {
			WebhookID string `json:"webhook_id"`
			Reason    string
		}
	},
	) {
		r := w.do("GET", "/v1/events/order-1", w.scoped("events:read"), "").is(200)
		r.into(&got)
		if !strings.Contains(r.body, `"data":{"z":1.0,"a":"<é>"}`) {
			t.Errorf("got %s, want the data byte for byte", r.body)
		}
		return got
	}
	got := show()
	if got.ID != "order-1" || got.Type != "invoice.paid" || got.Timestamp != "2026-03-20T11:59:58Z" || got.Matched != 3 || got.Truncated {
		t.Errorf("got %+v", got)
	}
	state := make(map[string]string)
	for _, d := range got.Deliveries {
		state[d.WebhookID] = fmt.Sprint(d.Status, " ", d.Count)
		key := webhook.DeliveryKey{Tenant: "acme", Webhook: d.WebhookID, Event: ev.ID, AcceptedAt: ev.AcceptedAt}
		if d.ID != key.ID() || d.EventID != ev.ID {
			t.Errorf("got delivery %s of %s, want %s of %s", d.ID, d.EventID, key.ID(), ev.ID)
		}
	}
	for _, s := range got.Skipped {
		state[s.WebhookID] = s.Reason
	}
	want := map[string]string{
		takes: "pending 0", fails: "failed 1", gone: "deleted", inactive: "inactive", other: "not_subscribed", filtered: "filter", later: "later",
	}
	if diff := cmp.Diff(want, state); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}

	// A delivery to one that it did not match moves that one over.
	sends := w.scoped("deliveries:write")
	w.do("POST", "/v1/events/order-1/replay", sends, `{"webhook_id":"`+filtered+`"}`).is(http.StatusAccepted)
	if got := show(); len(got.Deliveries) != 3 || got.Deliveries[2].WebhookID != filtered || len(got.Skipped) != 4 || got.Matched != 3 {
		t.Errorf("after a replay: got %+v", got)
	}
}

func TestEventReplay(t *testing.T) {
	w := newWorld(t)
	hook, theirs := w.webhook(w.key), w.webhook(w.other)
	ev := w.logged("order-1")
	r := w.do("POST", "/v1/events/order-1/replay", w.key, `{"webhook_id":"`+hook+`"}`, "Idempotency-Key: once").is(http.StatusAccepted)
	key := webhook.DeliveryKey{Tenant: "acme", Webhook: hook, Event: ev.ID, AcceptedAt: ev.AcceptedAt}
	if r.str("id") != key.ID() || r.str("status") != "pending" {
		t.Errorf("got %s, want the pending delivery %s", r.body, key.ID())
	}
	w.do("POST", "/v1/events/order-1/replay", w.key, `{"webhook_id":"`+hook+`"}`, "Idempotency-Key: once").is(http.StatusAccepted)
	if rec, err := w.store.Delivery(t.Context(), key); err != nil || rec.Round != 1 {
		t.Errorf("got round %d, %v, want the first: the key was the same", rec.Round, err)
	}
	w.do("POST", "/v1/events/order-1/replay", w.key, `{"webhook_id":"`+hook+`"}`).is(http.StatusAccepted)
	if rec, err := w.store.Delivery(t.Context(), key); err != nil || rec.Round != 2 {
		t.Errorf("got round %d, %v, want the second", rec.Round, err)
	}
	for body, fields := range map[string][]string{
		`{}`: {"webhook_id"}, `{"webhook_id":""}`: {"webhook_id"}, `{"webhook_id":null}`: {"webhook_id"}, `{"webhook_id":7,"x":1}`: {"webhook_id", "x"},
		`{"webhook_id":"wh_none"}`: {"webhook_id"}, `{"webhook_id":"a b"}`: {"webhook_id"}, `{"webhook_id":"` + theirs + `"}`: {"webhook_id"},
		`{"x":1}`: {"webhook_id", "x"}, `{"webhook_id":"` + hook + `","x":1}`: {"x"},
	} {
		w.do("POST", "/v1/events/order-1/replay", w.key, body).faults(fields...)
	}
	w.do("POST", "/v1/events/order-2/replay", w.key, `{"webhook_id":"`+hook+`"}`).problem(404, "not-found")
}

func TestEventLogOff(t *testing.T) {
	w := newWorld(t)
	w.logged("order-1")
	hook := w.webhook(w.key)
	w.api.Events = nil
	w.handler = w.api.Handler()
	w.do("GET", "/v1/events", w.key, "").problem(404, "event-log-off")
	w.do("GET", "/v1/events/order-1", w.key, "").problem(404, "event-log-off")
	w.do("POST", "/v1/events/order-1/replay", w.key, `{"webhook_id":"`+hook+`"}`).problem(404, "event-log-off")
	w.do("GET", "/v1/events", w.scoped("events:write"), "").problem(403, "missing-scope")
}

// TestEventOfMany shows an event that went to more webhooks than an answer holds.
func TestEventOfMany(t *testing.T) {
	w := newWorld(t)
	var matched []string
	for i := range 130 {
		matched = append(matched, fmt.Sprintf("wh_%03d", i))
	}
	w.logged("order-1", matched...)
	var got struct {
		Matched   int
		Skipped   []any
		Truncated bool
	}
	w.do("GET", "/v1/events/order-1", w.key, "").is(200).into(&got)
	if got.Matched != 130 || len(got.Skipped) != 100 || !got.Truncated { // none of them is there any more
		t.Errorf("got %d matched, %d shown, truncated %t, want 130, 100 and true", got.Matched, len(got.Skipped), got.Truncated)
	}
}

// TestEventPaged pages through the webhooks that an event went to and those that it did not, and searches them.
func TestEventPaged(t *testing.T) {
	w := newWorld(t)
	var sent, others []string
	for i := range 60 {
		var made struct{ ID string }
		w.do("POST", "/v1/webhooks", w.key, fmt.Sprintf(`{"url":"https://example.com/%d","name":"Hook %02d","events":["*"]}`, i, i)).is(201).into(&made)
		if i%3 == 0 {
			sent = append(sent, made.ID)
		} else {
			others = append(others, made.ID)
		}
	}
	hook33 := sent[11]
	slices.Sort(sent)
	w.logged("order-1", sent...)
	type row struct {
		WebhookID string `json:"webhook_id"`
		Reason    string
	}
	pages := func(query string) (deliveries, skipped []string) {
		t.Helper()
		for cursor := ""; ; {
			var got struct {
				Deliveries, Skipped []row
				NextCursor          *string `json:"next_cursor"`
			}
			w.do("GET", "/v1/events/order-1?limit=7&"+query+cursor, w.key, "").is(200).into(&got)
			if n := len(got.Deliveries) + len(got.Skipped); n > 14 {
				t.Errorf("%s: a page has %d rows, want at most twice its limit", query, n)
			}
			for _, d := range got.Deliveries {
				deliveries = append(deliveries, d.WebhookID)
			}
			for _, s := range got.Skipped {
				skipped = append(skipped, s.WebhookID)
			}
			if got.NextCursor == nil {
				return deliveries, skipped
			}
			cursor = "&cursor=" + *got.NextCursor
		}
	}
	if got, none := pages("sent=true"); !slices.Equal(got, sent) || len(none) > 0 {
		t.Errorf("sent to: got %q and %q, want %q", got, none, sent)
	}
	none, got := pages("sent=false")
	if slices.Sort(got); !slices.Equal(got, slices.Sorted(slices.Values(others))) || len(none) > 0 {
		t.Errorf("not sent to: got %q and %q, want %q", got, none, others)
	}
	if got, none := pages("sent=true&search=hook%2033"); !slices.Equal(got, []string{hook33}) || len(none) > 0 {
		t.Errorf("searched: got %q and %q, want %s", got, none, hook33)
	}
	if found, others := pages("search=hook%203"); len(found) != 4 || len(others) != 6 {
		t.Errorf("searched in both: got %d and %d, want 4 and 6", len(found), len(others))
	}
	w.do("GET", "/v1/events/order-1?sent=maybe", w.key, "").problem(422, "invalid")
	w.do("GET", "/v1/events/order-1?sent=true&cursor=made-up", w.key, "").is(422)
}
