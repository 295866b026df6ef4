package delivery

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"hookline/shared/message"
	"hookline/shared/queue"
	"hookline/shared/webhook"
)

// keeper is a queue that keeps what it is sent. It cannot be counted, so that nothing may be hidden.
type keeper struct {
	outbox
	sent []queue.Outgoing
}

func (k *keeper) Send(_ context.Context, msgs []queue.Outgoing) error {
	k.sent = append(k.sent, msgs...)
	return nil
}

// TestRestUnderPressure: a message that has made an attempt, finds no lane for the next, and may not be hidden, is sent
// as what the next attempt is for: another message counts by that alone.
func TestRestUnderPressure(t *testing.T) {
	bulk, retry := new(keeper), new(keeper)
	d := &Deliverer{Queues: Queues{Bulk: bulk, Retry: retry}, Log: slog.New(slog.DiscardHandler)}
	b := d.newBatch(bulk)
	m := message.Message{
		Tenant: "acme", Webhook: "wh_1", Event: "evt_1", Type: "order.placed", AcceptedAt: 1, Dialect: "standard@1", Body: []byte("{}"), Round: 1, Attempt: 1,
	}
	rec := m.Record(time.Hour)
	rec.Record(webhook.Attempt{Error: webhook.ReasonTimeout})
	rec.Owner = "1"
	b.records = map[webhook.DeliveryKey]webhook.Delivery{m.Key(): rec}
	it := &item{Received: queue.Received{ID: "1"}, msg: m}
	b.divert(t.Context(), []*item{it})
	if len(retry.sent) != 1 || it.stays {
		t.Fatalf("%d messages were sent, stays %t; want one in its place", len(retry.sent), it.stays)
	}
	got, err := message.Parse(retry.sent[0].Body)
	if err != nil || got.Attempt != 2 || decide(got, "2", &rec, time.UnixMilli(got.Due)) != attempt {
		t.Errorf("got a message for attempt %d, %v; want one that makes the second", got.Attempt, err)
	}
}
