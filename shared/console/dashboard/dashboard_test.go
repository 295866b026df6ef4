package dashboard_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"hookline/shared/console"
	"hookline/shared/console/consoletest"
	"hookline/shared/console/dashboard"
	"hookline/shared/metrics"
	"hookline/shared/metrics/prometheus"
	"hookline/shared/queue"
	"hookline/shared/stack/stacktest"
)

// waiting is a queue that holds 1,234 messages, unless it cannot be counted.
type waiting struct {
	queue.Queue
	fault error
}

func (w waiting) Counts(context.Context) (queue.Counts, error) {
	return queue.Counts{Visible: 1234, InFlight: 5}, w.fault
}

func TestDashboard(t *testing.T) {
	for name, tt := range map[string]struct {
		counts    bool
		fault     error
		elsewhere string
		want      []string
		lacks     string
		status    int
	}{
		"on one machine": {
			counts: true, status: 200, lacks: "CloudWatch",
			want: []string{
				"Are events coming in?", "Are they going out?", "How late are they?", "Who is failing?", "What waits?",
				"Events <strong>7</strong>", "Timeout <strong>2</strong>", "1,234", "DeliveryQueue", "1.5 s", "lead to <strong>14</strong> deliveries",
			},
		},
		"of queues that cannot be counted": {counts: true, fault: errors.New("away"), status: 500, want: []string{"Something went wrong"}},
		"on AWS": {
			elsewhere: "https://console.aws.amazon.com/cloudwatch/home?region=eu-west-1#dashboards/dashboard/hookline-prod", status: 200,
			want: []string{"Open the dashboard in CloudWatch", "region=eu-west-1#dashboards/dashboard/hookline-prod"}, lacks: "What waits?",
		},
		"of no counts": {status: 200, want: []string{"Nothing is counted here"}, lacks: "CloudWatch"},
	} {
		t.Run(name, func(t *testing.T) {
			w := consoletest.New(t)
			w.Change(func(c *console.Console) {
				c.Dashboard = tt.elsewhere
				if !tt.counts {
					return
				}
				r := prometheus.New(map[string]queue.Queue{"DeliveryQueue": waiting{fault: tt.fault}}, func() time.Time { return w.Now })
				r.Add(metrics.Accepted, 7)
				r.Add(metrics.Matched, 14)
				r.Add(metrics.AttemptsTimeout, 2)
				r.Observe(metrics.FirstAttemptDelay, 1500*time.Millisecond)
				c.Counts = r
			})
			b := w.Stranger()
			b.Get(dashboard.Path).Is(303)
			b.Post("/console/sign-in", consoletest.Form("key", consoletest.AdminKey)).Leads("/console/admin/")
			p := b.Get(dashboard.Path).Is(tt.status).Has(tt.want...)
			if tt.lacks != "" {
				p.Lacks(tt.lacks)
			}
		})
	}
}

// TestMakeRun shows the page of a stack that delivers.
func TestMakeRun(t *testing.T) {
	r := prometheus.New(nil, time.Now)
	stacktest.World{Receiver: &stacktest.Receiver{}, Metrics: r}.Run(t, func(t *testing.T, s *stacktest.Stack) {
		acme := s.Tenant("acme", "standard")
		acme.Webhook(stacktest.Hook("*"))
		acme.Publish("a.b", map[string]any{})
		stacktest.Pass(time.Second)
		w := httptest.NewRecorder()
		r.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
		for _, want := range []string{"hookline_accepted_total 1", "hookline_matched_total 1", `hookline_attempts_total{outcome="succeeded"} 1`, "hookline_delivered_total 1"} {
			if !strings.Contains(w.Body.String(), want+"\n") {
				t.Errorf("the text lacks %q", want)
			}
		}
	})
}
