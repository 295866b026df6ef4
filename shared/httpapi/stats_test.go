package httpapi_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hookline/shared/webhook"
)

type counts struct{ Succeeded, Failed, Pending int }

// stats is what the API says of a webhook's last day.
type stats struct {
	Deliveries counts
	Hours      []hour
}

type hour struct {
	Hour string
	counts
}

func TestStats(t *testing.T) {
	w := newWorld(t)
	w.now.Pass(17 * time.Minute) // past noon
	// The catalogue without what is coming soon; every one has webhook.test and deployment.registered.
	catalogue := len(w.do("GET", "/v1/event-types?limit=100", w.key, "").is(200).field("data").([]any))
	first, second := w.webhook(w.key), w.webhook(w.key, `"active":false`)
	w.now.Pass(24 * time.Hour) // so that the tenant is older than a day
	start := w.now.Now()
	for i, d := range []struct {
		hook   string
		ago    time.Duration
		status webhook.DeliveryStatus
	}{
		{first, 0, webhook.Succeeded},
		{first, 17 * time.Minute, webhook.Succeeded},         // just in this hour
		{first, 18 * time.Minute, webhook.Failed},            // the one before
		{first, 23*time.Hour + time.Minute, webhook.Pending}, // the first of the chart
		{second, 5 * time.Hour, webhook.Failed},
		{first, 24 * time.Hour, webhook.Succeeded}, // before the chart, of the last day all the same
		{first, 24*time.Hour + time.Minute, webhook.Succeeded},
	} {
		rec := record("acme", d.hook, fmt.Sprint("evt_", i), start.Add(-d.ago))
		rec.Status = d.status
		if err := w.store.SaveDelivery(t.Context(), rec, webhook.Rev{}); err != nil {
			t.Fatal(err)
		}
	}

	var all struct {
		Webhooks   struct{ Total, Active, Inactive, Failing int }
		EventTypes int `json:"event_types"`
		Deliveries counts
	}
	w.do("GET", "/v1/stats", w.key, "").is(200).into(&all)
	if got, want := all.Deliveries, (counts{3, 2, 1}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got, want := all.Webhooks, (struct{ Total, Active, Inactive, Failing int }{2, 1, 1, 0}); got != want {
		t.Errorf("got webhooks %+v, want %+v", got, want)
	}
	if all.EventTypes != catalogue {
		t.Errorf("got %d event types, want %d", all.EventTypes, catalogue)
	}

	want := stats{Deliveries: counts{3, 1, 1}}
	for i := range 24 {
		want.Hours = append(want.Hours, hour{Hour: start.Truncate(time.Hour).Add(time.Duration(i-23) * time.Hour).Format(webhook.TimeFormat)})
	}
	want.Hours[23].Succeeded, want.Hours[22].Failed, want.Hours[0].Pending = 2, 1, 1
	var got stats
	w.do("GET", "/v1/webhooks/"+first+"/stats", w.key, "").is(200).into(&got)
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(hour{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}

	var list struct {
		Data []struct {
			ID    string
			Stats *stats
		}
	}
	w.do("GET", "/v1/webhooks?stats=true", w.key, "").is(200).into(&list)
	for _, listed := range list.Data {
		var alone stats
		w.do("GET", "/v1/webhooks/"+listed.ID+"/stats", w.key, "").is(200).into(&alone)
		if diff := cmp.Diff(&alone, listed.Stats, cmp.AllowUnexported(hour{})); diff != "" {
			t.Errorf("in the list (-alone +listed):\n%s", diff)
		}
	}
	list.Data = nil
	w.do("GET", "/v1/webhooks?stats=false", w.key, "").is(200).into(&list)
	if len(list.Data) != 2 || list.Data[0].Stats != nil {
		t.Errorf("got %+v, want two webhooks without stats", list.Data)
	}
	w.do("GET", "/v1/webhooks?stats=yes", w.key, "").faults("stats")

	w.do("GET", "/v1/stats", w.other, "").is(200).into(&all)
	if got := all.Deliveries; got != (counts{}) || all.Webhooks.Total != 0 {
		t.Errorf("another tenant sees %+v", all)
	}
}

// Answers count once for each delivery, by its latest attempt; the hours are those that are asked for.
func TestStatsOfAnswers(t *testing.T) {
	w := newWorld(t)
	w.now.Pass(3 * time.Hour)
	hook, at := w.webhook(w.key), w.now.Now()
	path := "/v1/webhooks/" + hook + "/stats"
	none := w.do("GET", path, w.key, "").is(200)
	for _, field := range []string{"success_rate", "p50_ms", "p95_ms"} {
		if none.field(field) != nil {
			t.Errorf("%s of no delivery: got %s, want null", field, none.body)
		}
	}
	for i := range 20 {
		rec := record("acme", hook, fmt.Sprint("evt_", i), at.Add(-time.Duration(i)*time.Minute))
		rec.Status = webhook.Succeeded
		rec.Record(webhook.Attempt{StatusCode: 500, Duration: 30 * time.Second, Error: webhook.ReasonBadStatus}) // not the latest
		rec.Record(webhook.Attempt{StatusCode: 200, Duration: time.Duration(10+i) * time.Millisecond})
		switch i {
		case 0:
			rec.Status = webhook.Pending
			rec.Record(webhook.Attempt{Error: webhook.ReasonTimeout, Duration: 15 * time.Second}) // no answer
		case 18, 19:
			rec.Status = webhook.Failed
			rec.Record(webhook.Attempt{StatusCode: 503, Error: webhook.ReasonBadStatus, Duration: 1234 * time.Millisecond})
		}
		if err := w.store.SaveDelivery(t.Context(), rec, webhook.Rev{}); err != nil {
			t.Fatal(err)
		}
	}
	old := record("acme", hook, "evt_old", at.Add(-2*time.Hour))
	old.Status = webhook.Failed
	if err := w.store.SaveDelivery(t.Context(), old, webhook.Rev{}); err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string]string{
		"?hours=1":  "0.8947368421052632 20 1200 1 hours", // 17 of 19; of 19 answers the 10th and the 19th
		"?hours=3":  "0.85 20 1200 3 hours",
		"?hours=24": "0.85 20 1200 24 hours", "": "0.85 20 1200 24 hours",
	} {
		got := w.do("GET", path+query, w.key, "").is(200)
		if got := fmt.Sprint(got.field("success_rate"), " ", got.num("p50_ms"), " ", got.num("p95_ms"), " ", len(got.field("hours").([]any)), " hours"); got != want {
			t.Errorf("%s: got %s, want %s", query, got, want)
		}
	}
	for _, wrong := range []string{"0", "25", "-1", "x", ""} {
		w.do("GET", path+"?hours="+wrong, w.key, "").faults("hours")
	}
}

// An event type that is coming soon can not be subscribed to, and does not count.
func TestStatsCountWhatCanBeHad(t *testing.T) {
	w := newWorld(t)
	for id, dialectName := range map[string]string{"s": "standard", "a": "axoria", "g": "agiletune", "c": "codmir", "x": "axiestudio"} {
		key := w.tenant(id, dialectName)
		types := w.do("GET", "/v1/event-types?limit=100", key, "").is(200).field("data").([]any)
		want := 0
		for _, e := range types {
			if soon, _ := e.(map[string]any)["coming_soon"].(bool); !soon {
				want++
			}
		}
		if got := w.do("GET", "/v1/stats", key, "").is(200).num("event_types"); got != want || got == 0 {
			t.Errorf("%s: got %d, want %d", dialectName, got, want)
		}
	}
}
