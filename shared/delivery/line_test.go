package delivery

import (
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hookline/shared/message"
	"hookline/shared/queue"
	"hookline/shared/webhook"
)

// TestLines packs messages of very different lengths, and reads them back.
func TestLines(t *testing.T) {
	p := webhook.Pace{PerSecond: 3, Since: time.UnixMilli(1)}
	head := line{Tenant: "acme", Webhook: "wh_1", Pace: p.String(), At: 5}
	var waiting []waiter
	for i := range 500 {
		body, err := json.Marshal(message.Message{Event: "e", Body: []byte(strings.Repeat("\n x", i))})
		if err != nil {
			t.Fatal(err)
		}
		waiting = append(waiting, waiter{int64(i), string(body)})
	}
	var back []waiter
	packed := lines(head, waiting)
	for _, l := range packed {
		out := l.outgoing()
		if len(out.Body) > 64<<10 || out.Group != "wh_1" || out.Delay != step {
			t.Errorf("got %d bytes in group %s after %v, want 64 KiB at most in the webhook's after a step", len(out.Body), out.Group, out.Delay)
		}
		got, err := parseLine(out.Body)
		if err != nil {
			t.Fatal(err)
		}
		back = append(back, got.waiting...)
		got.waiting = nil
		if diff := cmp.Diff(head, got, cmp.AllowUnexported(line{}, waiter{})); diff != "" {
			t.Errorf("-want +got\n%s", diff)
		}
	}
	if diff := cmp.Diff(waiting, back, cmp.AllowUnexported(waiter{})); diff != "" || len(packed) < 5 || len(packed) > 10 {
		t.Errorf("%d lines, -want +got\n%s", len(packed), diff)
	}
}

// sink is a queue that keeps what it is sent, or refuses it.
type sink struct {
	sent  []queue.Outgoing
	fault error
}

func (s *sink) Send(_ context.Context, msgs []queue.Outgoing) error {
	if s.fault == nil {
		s.sent = append(s.sent, msgs...)
	}
	return s.fault
}

func (*sink) Hide(context.Context, []queue.Visibility) error { return nil }
func (*sink) Counts(context.Context) (queue.Counts, error)   { return queue.Counts{}, nil }

// nobody is a store without anything.
type nobody struct{ away }

func (nobody) LoadBatch(context.Context, []webhook.Ref, []webhook.DeliveryKey, []webhook.DeliveryKey) (map[webhook.Ref]webhook.Webhook, map[webhook.DeliveryKey]webhook.Delivery, error) {
	return nil, nil, nil
}

// TestPoisonedLines: what begins as a line and is none goes to the dead-letter queue whole, and a line whose messages
// could not be sent on stays.
func TestPoisonedLines(t *testing.T) {
	const head = `line {"t":"acme","w":"wh_1","p":"1@0","a":1}`
	for name, tt := range map[string]struct {
		body  string
		fault error
		sent  int // on, to be told apart by itself
		dead  bool
		stays bool
	}{
		"no header":          {body: "line ", dead: true},
		"no messages":        {body: head, dead: true},
		"no slot":            {body: head + "\n{}", dead: true},
		"nobody's":           {body: "line {}\n1 {}", dead: true},
		"an empty message":   {body: head + "\n1 ", dead: true},
		"no message of ours": {body: head + "\n1 {}", sent: 1},
		"cannot be sent on": {
			body: head + "\n1 " + `{"t":"acme","w":"wh_1","e":"e","y":"t","a":1,"d":"standard@1","b":"eA==","n":1,"k":1}`, fault: errAway, stays: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			retry, dead := &sink{fault: tt.fault}, &sink{}
			d := &Deliverer{
				Store: nobody{}, Health: away{}, Queues: Queues{Retry: retry, Dead: dead},
				Log: slog.New(slog.DiscardHandler),
			}
			stays, err := d.Handle(t.Context(), retry, []queue.Received{{ID: "m", Body: tt.body}})
			if err != nil {
				t.Fatal(err)
			}
			if len(retry.sent) != tt.sent {
				t.Errorf("%d were sent on, want %d", len(retry.sent), tt.sent)
			}
			if got := len(stays) == 1; got != tt.stays || (len(dead.sent) == 1) != tt.dead {
				t.Errorf("stays: %t, %d dead letters; want %t and %t", got, len(dead.sent), tt.stays, tt.dead)
			}
		})
	}
}
