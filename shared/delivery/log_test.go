package delivery

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"hookline/shared/queue"
	"hookline/shared/webhook"
)

var errAway = errors.New("away")

// away is a store that does not answer.
type away struct {
	Store
	HealthStore
}

func (away) Load(context.Context, []webhook.Ref, []webhook.DeliveryKey) (map[webhook.Ref]webhook.Webhook, map[webhook.DeliveryKey]webhook.Delivery, error) {
	return nil, nil, errAway
}

func (away) SetHealth(context.Context, webhook.Ref, webhook.Health, webhook.Health) (bool, error) {
	return false, nil // somebody else was quicker
}

func (away) Webhook(context.Context, webhook.Ref) (webhook.Webhook, error) {
	return webhook.Webhook{}, errAway
}

// outbox takes what it is sent, unless it fails. It cannot be counted.
type outbox struct {
	Queue
	fault error
}

func (o outbox) Send(context.Context, []queue.Outgoing) error { return o.fault }

func (outbox) Counts(context.Context) (queue.Counts, error) { return queue.Counts{}, errAway }

// TestLevels shows which failures are logged as errors of ours: an alarm counts those, and takes a release back. None of
// ours is passed over in silence.
func TestLevels(t *testing.T) {
	ctx := t.Context()
	key := webhook.DeliveryKey{Tenant: "acme", Webhook: "wh_1", Event: "evt_1"}
	poison := func(level slog.Level, body string) func(b *batch) {
		return func(b *batch) {
			_ = b.poison(ctx, &item{Received: queue.Received{ID: "1", Body: body}}, level, errors.New("why"))
		}
	}
	unknown := func(since time.Time) func(b *batch) {
		return func(b *batch) {
			b.leaveToLater(ctx, &item{Received: queue.Received{ID: "1", FirstReceived: since}}, errors.New("why"))
		}
	}
	for name, tt := range map[string]struct {
		do   func(b *batch)
		dead error // of the dead-letter queue
		want []string
	}{
		"a record cannot be read":            {do: func(b *batch) { _, _, _ = b.reload(ctx, key) }, want: []string{"ERROR delivery.reload"}},
		"a queue cannot be counted":          {do: func(b *batch) { b.room(ctx, b.Queues.Retry) }, want: []string{"ERROR queue.counts"}},
		"a webhook cannot be read":           {do: func(b *batch) { _ = b.failing(ctx, webhook.Webhook{}, attempted()) }, want: []string{"ERROR webhook.health"}},
		"a message is none of ours":          {do: poison(slog.LevelError, "{}"), want: []string{"ERROR delivery.poison"}},
		"a dead letter's body has expired":   {do: poison(slog.LevelWarn, "{}"), want: []string{"WARN delivery.poison"}},
		"poison was redriven":                {do: poison(slog.LevelError, `{"poison":"{}"}`), want: []string{"WARN delivery.poison"}},
		"a later release's message":          {do: unknown(time.Now()), want: []string{"WARN delivery.unknown"}},
		"a message that nobody understands":  {do: unknown(time.Now().Add(-time.Hour)), want: []string{"ERROR delivery.unknown"}},
		"poison cannot be moved out of here": {do: poison(slog.LevelWarn, "{}"), dead: errAway, want: []string{"WARN delivery.poison", "ERROR delivery.bury"}},
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			b := &batch{Deliverer: &Deliverer{
				Store: away{}, Health: away{}, Queues: Queues{Dead: outbox{fault: tt.dead}, Retry: outbox{}},
				Log: slog.New(slog.NewTextHandler(&log, nil)),
			}}
			tt.do(b)
			lines := strings.Split(strings.TrimSpace(log.String()), "\n")
			if len(lines) != len(tt.want) {
				t.Fatalf("logged %q, want %q", lines, tt.want)
			}
			for i, want := range tt.want {
				level, message, _ := strings.Cut(want, " ")
				if !strings.Contains(lines[i], " level="+level+" msg="+message+" ") {
					t.Errorf("logged %q, want %s", lines[i], want)
				}
			}
		})
	}
}

// attempted is a record with one attempt.
func attempted() webhook.Delivery {
	var d webhook.Delivery
	d.Record(webhook.Attempt{Error: webhook.ReasonBadStatus})
	return d
}
