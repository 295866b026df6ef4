package delivery_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"hookline/shared/dialect"
	"hookline/shared/egress"
	"hookline/shared/queue"
	"hookline/shared/stack"
	"hookline/shared/stack/stacktest"
)

func TestGone(t *testing.T) {
	t.Parallel()
	r := &stacktest.Receiver{Answer: stacktest.Status(410)}
	stacktest.World{Receiver: r}.Run(t, func(t *testing.T, s *stacktest.Stack) {
		acme := s.Tenant("acme", "standard")
		w := acme.Webhook(stacktest.Hook("*"))
		acme.Publish("order.placed", map[string]any{})
		stacktest.Pass(time.Hour)
		d := acme.Deliveries("")[0]
		if status := acme.Status(w.ID); status != "inactive" || d.Status != "failed" || d.AttemptCount != 1 || s.DeadLetters() != 0 {
			t.Errorf("got webhook %s, delivery %s after %d attempts, %d dead letters; want inactive, failed, 1, 0", status, d.Status, d.AttemptCount, s.DeadLetters())
		}
	})
}

func TestDeadForFiveDays(t *testing.T) {
	t.Parallel()
	r := &stacktest.Receiver{Answer: stacktest.Status(500)}
	stacktest.World{Receiver: r}.Run(t, func(t *testing.T, s *stacktest.Stack) {
		acme := s.Tenant("acme", "standard")
		w := acme.Webhook(stacktest.Hook("*"))
		for day := range 6 {
			if got := acme.Status(w.ID); got != "active" {
				t.Fatalf("on day %d the webhook is %s, want active", day, got)
			}
			acme.Publish("order.placed", map[string]any{})
			stacktest.Pass(23 * time.Hour)
		}
		acme.Publish("order.placed", map[string]any{})
		stacktest.Pass(time.Hour)
		if got := acme.Status(w.ID); got != "inactive" {
			t.Errorf("after five days of failures the webhook is %s, want inactive", got)
		}
	})
}

func TestRetryAfter(t *testing.T) {
	tests := map[string]struct{ asked, want time.Duration }{
		"longer than the rung":      {time.Minute, time.Minute},
		"longer than the next rung": {time.Hour, 5 * time.Minute},
		"shorter than the rung":     {time.Second, 5 * time.Second},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := &stacktest.Receiver{Answer: func(_ egress.Request, n int) egress.Response {
				if n == 1 {
					return egress.Response{Status: 429, RetryAfter: tt.asked}
				}
				return egress.Response{Status: 200}
			}}
			stacktest.World{Receiver: r}.Run(t, func(t *testing.T, s *stacktest.Stack) {
				acme := s.Tenant("acme", "standard")
				acme.Webhook(stacktest.Hook("*"))
				acme.Publish("order.placed", map[string]any{})
				stacktest.Pass(time.Hour)
				d := acme.Delivery(acme.Deliveries("")[0].ID)
				if got := d.Attempts[1].StartedAt.Sub(d.Attempts[0].StartedAt.Time); got < tt.want || got > tt.want+time.Second {
					t.Errorf("got a wait of %v, want %v", got, tt.want)
				}
			})
		})
	}
}

func TestMaxPerSecond(t *testing.T) {
	t.Parallel()
	r := &stacktest.Receiver{}
	stacktest.World{Receiver: r}.Run(t, func(t *testing.T, s *stacktest.Stack) {
		acme := s.Tenant("acme", "standard")
		w := stacktest.Hook("*")
		w["max_per_second"] = 2
		acme.Webhook(w)
		batch := stacktest.Batch(40, "order.placed", nil)
		start := time.Now()
		acme.PublishBatch(batch)
		stacktest.Pass(9 * time.Second)
		if got := len(r.Requests()); got < 15 || got > 20 {
			t.Errorf("after %v: got %d requests, want about 18", time.Since(start), got)
		}
		stacktest.Pass(20 * time.Second)
		if got := r.ByID(); len(got) != 40 || len(r.Requests()) != 40 {
			t.Errorf("got %d events in %d requests, want each of 40 once", len(got), len(r.Requests()))
		}
	})
}

// TestPressure runs a ladder with more deliveries than the queues may hold in flight: parked by visibility alone they
// would stop the queue.
func TestPressure(t *testing.T) {
	t.Parallel()
	r := &stacktest.Receiver{Answer: stacktest.Status(500)}
	inFlight := 20
	if testing.Short() { // under the race detector, which slows SQLite in Go some ten times
		inFlight = 4
	}
	stacktest.World{Receiver: r, InFlight: inFlight}.Run(t, func(t *testing.T, s *stacktest.Stack) {
		acme := s.Tenant("acme", "standard")
		acme.Webhook(stacktest.Hook("*"))
		events := 2 * inFlight
		batch := stacktest.Batch(events, "order.placed", nil)
		acme.PublishBatch(batch)
		stacktest.Pass(36 * time.Hour)
		if got, want := len(r.Requests()), 8*events; got != want || s.DeadLetters() != events {
			t.Errorf("got %d requests and %d dead letters, want %d and %d", got, s.DeadLetters(), want, events)
		}
		for _, d := range acme.Deliveries("") {
			for _, a := range acme.Delivery(d.ID).Attempts {
				if late := a.StartedAt.Sub(a.ScheduledAt.Time); late > 2*time.Second {
					t.Errorf("attempt %d was %v late: it waited for a place in flight", a.Number, late)
				}
			}
		}
	})
}

// TestLongRungs waits out rungs at and beyond the 12 hours that a message can be hidden for: the embedded queue refuses
// more with AWS's own error. Every wait is hidden time here, never a string of 15-minute delays.
func TestLongRungs(t *testing.T) {
	t.Parallel()
	builtin, err := dialect.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	standard, err := builtin.Dialect(t.Context(), "standard")
	if err != nil {
		t.Fatal(err)
	}
	var description map[string]any
	if err := json.Unmarshal(standard.Description, &description); err != nil {
		t.Fatal(err)
	}
	description["name"], description["ladder"] = "patient", []string{"12h", "20h", "12h"}
	raw, err := json.Marshal(description)
	if err != nil {
		t.Fatal(err)
	}
	patient, err := dialect.Parse(raw, nil)
	if err != nil {
		t.Fatal(err)
	}
	dialects, err := dialect.NewSet(patient)
	if err != nil {
		t.Fatal(err)
	}
	r := &stacktest.Receiver{Answer: stacktest.Status(500)}
	stacktest.World{Receiver: r, Dialects: dialects}.Run(t, func(t *testing.T, s *stacktest.Stack) {
		acme := s.Tenant("acme", "patient")
		acme.Webhook(stacktest.Hook("*"))
		acme.Publish("order.placed", map[string]any{})
		stacktest.Pass(60 * time.Hour)
		d := acme.Delivery(acme.Deliveries("")[0].ID)
		if d.Status != "failed" || len(d.Attempts) != 4 {
			t.Fatalf("got %s after %d attempts, want failed after 4", d.Status, len(d.Attempts))
		}
		for _, a := range d.Attempts {
			if late := a.StartedAt.Sub(a.ScheduledAt.Time); late > time.Second {
				t.Errorf("attempt %d was %v late", a.Number, late)
			}
		}
	})
}

// TestLostMessage loses the messages of long waits: the sweeper brings the delivery back, an hour late.
func TestLostMessage(t *testing.T) {
	t.Parallel()
	r := &stacktest.Receiver{Answer: func(_ egress.Request, n int) egress.Response {
		return egress.Response{Status: map[bool]int{true: 500, false: 200}[n <= 3]}
	}}
	stacktest.World{Receiver: r, WrapQueues: func(queues map[string]queue.Queue) {
		queues[stack.RetryQueue] = lossy{queues[stack.RetryQueue]}
	}}.Run(t, func(t *testing.T, s *stacktest.Stack) {
		acme := s.Tenant("acme", "standard")
		acme.Webhook(stacktest.Hook("*"))
		acme.Publish("order.placed", map[string]any{})
		stacktest.Pass(time.Hour)
		if d := acme.Deliveries("")[0]; d.Status != "pending" || d.AttemptCount != 2 {
			t.Fatalf("got %s after %d attempts, want pending after 2: the third's message is lost", d.Status, d.AttemptCount)
		}
		stacktest.Pass(4 * time.Hour)
		if d := acme.Deliveries("")[0]; d.Status != "succeeded" || d.AttemptCount != 4 {
			t.Errorf("got %s after %d attempts, want succeeded after 4", d.Status, d.AttemptCount)
		}
	})
}

// lossy is a queue that loses what it took.
type lossy struct{ queue.Queue }

func (lossy) Send(context.Context, []queue.Outgoing) error { return nil }
