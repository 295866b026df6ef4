package prometheus_test

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"hookline/shared/metrics"
	"hookline/shared/metrics/prometheus"
	"hookline/shared/queue"
	"hookline/shared/stack/stacktest"
)

// deep is a queue that holds messages.
type deep struct {
	queue.Queue
	held int
}

func (d deep) Counts(context.Context) (queue.Counts, error) {
	return queue.Counts{Visible: d.held}, nil
}

// TestText shows the series as Prometheus reads them, each of the table among them.
func TestText(t *testing.T) {
	clock := new(stacktest.Clock)
	r := prometheus.New(map[string]queue.Queue{"DeliveryQueue": deep{held: 3}}, clock.Now)
	for _, row := range metrics.Table() {
		if row.Unit == metrics.Count {
			r.Add(row.Metric, 2)
		} else {
			r.Observe(row.Metric, 2*time.Second)
		}
	}
	w := httptest.NewRecorder()
	r.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/metrics", nil))
	text := w.Body.String()
	for _, row := range metrics.Table() {
		if !strings.Contains(text, row.Meaning) && row.Outcome == "" {
			t.Errorf("%s is not in the text", row.Metric)
		}
	}
	for _, want := range []string{
		"hookline_accepted_total 2\n", `hookline_attempts_total{outcome="succeeded"} 2` + "\n", `hookline_attempts_total{outcome="unreachable"} 2` + "\n",
		`hookline_mails_total{outcome="failed"} 2` + "\n", `hookline_first_attempt_delay_seconds_bucket{le="3"} 1` + "\n", "hookline_success_delay_seconds_sum 2\n",
		`hookline_queue_messages{queue="DeliveryQueue",state="visible"} 3` + "\n", "# TYPE hookline_dead_letters_total counter\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the text lacks %q:\n%s", want, text)
		}
	}
	if strings.Contains(text, "go_") {
		t.Error("the text has series of the process")
	}
}

func TestLastHour(t *testing.T) {
	clock := new(stacktest.Clock)
	r := prometheus.New(nil, clock.Now)
	for range 100 {
		r.Add(metrics.Accepted, 1)
		r.Observe(metrics.FirstAttemptDelay, time.Second)
		r.Observe(metrics.FirstAttemptDelay, time.Millisecond)
		clock.Pass(time.Minute)
	}
	clock.Pass(5 * time.Minute)
	all := r.LastHour()
	sum := 0
	for _, m := range all {
		sum += m.Counts[metrics.Accepted]
	}
	if len(all) != 60 || sum != 54 || all[0].Counts[metrics.Accepted] != 1 || all[0].Spans[metrics.FirstAttemptDelay] != time.Second || len(all[59].Counts) != 0 {
		t.Errorf("got %d minutes with %d in all, the first %+v, the last %+v", len(all), sum, all[0], all[59])
	}
	if begins := all[59].Begins; !begins.Equal(stacktest.Noon().Add(105 * time.Minute)) {
		t.Errorf("the last minute begins at %s", begins)
	}
}
