package httpapi_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"hookline/shared/webhook"
)

func TestUsage(t *testing.T) {
	w := newWorld(t)
	day := webhook.DayOf(w.now.Now())
	hook := w.webhook(w.key)
	w.logged("order-1")
	for i := range 3 {
		d := record("acme", hook, fmt.Sprint("evt_", i), w.now.Now())
		d.Record(webhook.Attempt{StartedAt: w.now.Now(), StatusCode: 200})
		if err := w.store.SaveDelivery(t.Context(), d, webhook.Rev{}); err != nil {
			t.Fatal(err)
		}
	}
	w.now.Pass(26 * time.Hour)
	row := func(ago int, events string, deliveries, attempts int) string {
		return fmt.Sprintf(`{"date":%q,"events":%s,"deliveries":%d,"attempts":%d}`, day.AddDate(0, 0, -ago).Format(time.DateOnly), events, deliveries, attempts)
	}
	list := func(rows ...string) string {
		return `{"data":[` + strings.Join(rows, ",") + `],"next_cursor":null}` + "\n"
	}
	at := func(t time.Time) string { return t.Format(webhook.TimeFormat) }
	const path = "/v1/tenants/acme/usage"
	for query, want := range map[string]string{
		"?since=" + at(day): list(row(0, "1", 3, 3), row(-1, "0", 0, 0)),
		"?since=" + at(day) + "&until=" + at(day.Add(time.Hour)):                     list(row(0, "1", 3, 3)),
		"?since=" + at(day.Add(5*time.Hour)) + "&until=" + at(day.Add(24*time.Hour)): list(row(0, "1", 3, 3)),
	} {
		if got := w.do("GET", path+query, adminKey, "").is(200).body; got != want {
			t.Errorf("%s: got %s, want %s", query, got, want)
		}
	}
	if got := len(w.do("GET", path, adminKey, "").is(200).field("data").([]any)); got != usageDays {
		t.Errorf("got %d days, want %d", got, usageDays)
	}
	w.do("GET", path+"?since="+at(day)+"&until="+at(day), adminKey, "").faults("until")
	w.do("GET", path+"?since="+at(day.AddDate(-2, 0, 0)), adminKey, "").faults("since")
	w.do("GET", path+"?since=today&until=", adminKey, "").faults("since", "until")
	w.do("GET", "/v1/tenants/absent/usage", adminKey, "").problem(404, "not-found")
	w.do("GET", path, w.key, "").problem(403, "admin-only")
	w.api.Events = nil
	if got, want := w.do("GET", path+"?since="+at(day)+"&until="+at(day.Add(time.Hour)), adminKey, "").is(200).body, list(row(0, "null", 3, 3)); got != want {
		t.Errorf("without a log: got %s, want %s", got, want)
	}
}

// usageDays is how many days are shown when none is asked for: 30 and the one that has begun.
const usageDays = 31
