package httpapi_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hookline/shared/webhook"
)

// saved stores a delivery of the tenant acme, accepted so long after the world began.
func (w *world) saved(hook, event string, after time.Duration, status webhook.DeliveryStatus, eventType string) {
	w.t.Helper()
	rec := record("acme", hook, event, time.Date(2026, 3, 20, 12, 0, 0, 0, time.UTC).Add(after))
	rec.Status, rec.Type = status, eventType
	if err := w.store.SaveDelivery(w.t.Context(), rec, webhook.Rev{}); err != nil {
		w.t.Fatal(err)
	}
}

func TestReplayCounts(t *testing.T) {
	w := newWorld(t)
	hook, other := w.webhook(w.key), w.webhook(w.key)
	for i, status := range []webhook.DeliveryStatus{webhook.Failed, webhook.Failed, webhook.Succeeded, webhook.Pending, webhook.Failed} {
		w.saved(hook, fmt.Sprint("evt_", i), time.Duration(i)*time.Second, status, "invoice.paid")
	}
	w.saved(hook, "evt_other_type", 5*time.Second, webhook.Failed, "invoice.sent")
	w.saved(other, "evt_other_webhook", time.Second, webhook.Failed, "invoice.paid")
	w.saved(hook, "evt_to_come", 2*time.Minute, webhook.Failed, "invoice.paid") // accepted later than now
	w.now.Pass(time.Minute)
	const start = `"since":"2026-03-20T12:00:00Z"`
	for name, tt := range map[string]struct {
		body string
		want float64
	}{
		"failed ones, when nothing is said":  {`{` + start + `}`, 4},
		"null is as left out":                {`{` + start + `,"status":null,"until":null,"event_type":null,"dry_run":null}`, 4},
		"succeeded ones":                     {`{` + start + `,"status":"succeeded"}`, 1},
		"of one event type":                  {`{` + start + `,"event_type":"invoice.sent"}`, 1},
		"since takes its own moment":         {`{"since":"2026-03-20T12:00:01.000Z"}`, 3},
		"until does not":                     {`{` + start + `,"until":"2026-03-20T13:00:04+01:00"}`, 2},
		"nothing of what is accepted later":  {`{` + start + `,"until":"2027-01-01T00:00:00Z"}`, 4},
		"since as long ago as a time can be": {`{"since":"0001-01-01T00:00:00Z"}`, 4},
		"none":                               {`{"since":"2026-03-20T12:00:30Z"}`, 0},
	} {
		t.Run(name, func(t *testing.T) {
			sent := len(w.bulk.Sent)
			dry := w.do("POST", "/v1/webhooks/"+hook+"/replay", w.key, tt.body[:len(tt.body)-1]+`,"dry_run":true}`)
			if name == "null is as left out" { // where it is given already
				dry = w.do("POST", "/v1/webhooks/"+hook+"/replay", w.key, `{`+start+`,"status":null,"dry_run":true}`)
			}
			if dry.is(202).field("id") != nil || dry.field("matched") != tt.want || len(w.bulk.Sent) != sent {
				t.Errorf("dry run: got %s and %d messages, want no id, %v and none", dry.body, len(w.bulk.Sent)-sent, tt.want)
			}
			made := w.do("POST", "/v1/webhooks/"+hook+"/replay", w.key, tt.body).is(202)
			if made.field("matched") != tt.want || len(w.bulk.Sent) != sent+1 {
				t.Errorf("got %s and %d messages, want %v and 1", made.body, len(w.bulk.Sent)-sent, tt.want)
			}
			if got := w.do("GET", "/v1/replays/"+made.str("id"), w.key, "").is(200); got.field("matched") != tt.want {
				t.Errorf("got %s", got.body)
			}
		})
	}
}

// TestReplayOneError takes dead letters alone: not what was cancelled, nor a test.
func TestReplayOneError(t *testing.T) {
	w := newWorld(t)
	hook := w.webhook(w.key)
	for event, owner := range map[string]string{"evt_dead": "a message", "evt_test": ""} {
		rec := record("acme", hook, event, time.Date(2026, 3, 20, 12, 0, 0, 0, time.UTC))
		rec.Status, rec.Owner, rec.Attempts = webhook.Failed, owner, []webhook.Attempt{{Error: webhook.ReasonTimeout}}
		if err := w.store.SaveDelivery(t.Context(), rec, webhook.Rev{}); err != nil {
			t.Fatal(err)
		}
	}
	w.saved(hook, "evt_other", 0, webhook.Failed, "invoice.paid")
	w.now.Pass(time.Minute)
	for reason, want := range map[string]float64{"timeout": 1, "dns": 0} {
		got := w.do("POST", "/v1/webhooks/"+hook+"/replay", w.key, `{"since":"2026-03-20T12:00:00Z","error":"`+reason+`"}`).is(202)
		if got.field("matched") != want {
			t.Errorf("%s: got %s, want %v", reason, got.body, want)
		}
	}
}

func TestReplayJob(t *testing.T) {
	w := newWorld(t)
	hook := w.webhook(w.key)
	w.saved(hook, "evt_1", 0, webhook.Failed, "invoice.paid")
	w.now.Pass(time.Minute)
	made := w.do("POST", "/v1/webhooks/"+hook+"/replay", w.key, `{"since":"2026-03-20T11:00:00Z","event_type":"invoice.paid"}`, "Idempotency-Key: k").is(202)
	for at, want := range map[string]int{"/v1/replays": 1, "/v1/webhooks/" + hook + "/replays": 1, "/v1/webhooks/" + w.webhook(w.key) + "/replays": 0} {
		if got := w.do("GET", at+"?limit=5", w.key, "").is(200).ids(); len(got) != want || want > 0 && got[0] != made.str("id") {
			t.Errorf("%s: got %q, want %d jobs", at, got, want)
		}
	}
	again := w.do("POST", "/v1/webhooks/"+hook+"/replay", w.key, `{"since":"2026-03-20T11:00:00Z","event_type":"invoice.paid"}`, "Idempotency-Key: k").is(202)
	if made.body != again.body || len(w.bulk.Sent) != 1 {
		t.Errorf("got %s, then %s, and %d messages, want one job", made.body, again.body, len(w.bulk.Sent))
	}
	id := made.str("id")
	want := `{"id":"` + id + `","webhook_id":"` + hook + `","status":"running","selection":{"status":"failed","event_type":"invoice.paid","error":null,` +
		`"since":"2026-03-20T11:00:00.000Z","until":"2026-03-20T12:01:00.000Z"},"matched":1,"more":false,"started":0,"skipped":0,"error":null,` +
		`"created_at":"2026-03-20T12:01:00.000Z","updated_at":"2026-03-20T12:01:00.000Z","finished_at":null}` + "\n"
	if diff := cmp.Diff(want, w.do("GET", "/v1/replays/"+id, w.key, "").is(200).body); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	w.now.Pass(time.Minute)
	for range 2 { // a second time changes nothing
		w.do("DELETE", "/v1/replays/"+id, w.key, "").is(204)
		got := w.do("GET", "/v1/replays/"+id, w.key, "").is(200)
		if got.str("status") != "cancelled" || got.str("finished_at") != "2026-03-20T12:02:00.000Z" {
			t.Errorf("got %s, want it cancelled at 12:02", got.body)
		}
		w.now.Pass(time.Minute)
	}
}

func TestReplayRefused(t *testing.T) {
	w := newWorld(t)
	hook := w.webhook(w.key)
	at := "/v1/webhooks/" + hook + "/replay"
	for body, fields := range map[string][]string{
		`{}`:             {"since"},
		`{"since":null}`: {"since"},
		`{"since":"yesterday","until":7,"status":"pending","event_type":"a..b","dry_run":"yes","id":"rpl_1"}`: {"since", "until", "status", "event_type", "dry_run", "id"},
		`{"since":"2026-03-20T11:00:00Z","until":"2026-03-20T11:00:00Z"}`:                                     {"until"},
		`{"since":"2026-03-20T12:00:01Z"}`:                                                                    {"since"},
		`{"since":"2026-03-20T11:00:00Z","error":"cancelled"}`:                                                {"error"},
		`{"since":"2026-03-20T11:00:00Z","error":"timeout","status":"succeeded"}`:                             {"error"},
		`{"since":"2026-03-20T11:00:00Z","status":"running"}`:                                                 {"status"},
	} {
		w.do("POST", at, w.key, body).faults(fields...)
	}
	for _, dry := range []string{"false", "true"} {
		w.do("POST", at, w.key, `{"since":"2026-03-20T11:00:00Z","status":"missed","dry_run":`+dry+`}`).problem(404, "event-log-off")
	}
	w.bulk.Down = true
	w.do("POST", at, w.key, `{"since":"2026-03-20T11:00:00Z"}`).problem(503, "unavailable")
	w.bulk.Down = false
	w.do("PATCH", "/v1/webhooks/"+hook, w.key, `{"active":false}`).is(200)
	w.do("POST", at, w.key, `{"since":"2026-03-20T11:00:00Z","dry_run":true}`).is(202)
	w.do("POST", at, w.key, `{"since":"2026-03-20T11:00:00Z"}`).problem(409, "webhook-inactive")
	if len(w.bulk.Sent) != 0 {
		t.Errorf("got %d messages, want none", len(w.bulk.Sent))
	}
}
