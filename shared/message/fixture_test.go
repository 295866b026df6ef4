package message

import (
	"errors"
	"testing"

	"hookline/shared/fixture"
)

// TestKeptMessages holds the messages in the queues to what releases sent.
func TestKeptMessages(t *testing.T) {
	traced := Message{
		Tenant: "acme", Webhook: "wh_1", Event: "evt_1", Type: "order.placed", AcceptedAt: 1774008000123, Timestamp: "2026-03-20T12:00:00.123Z",
		Dialect: "standard@1", Body: []byte(`p{"n":1}`), Round: 1, Attempt: 1, Retention: 3,
		TraceParent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
	}
	first := Message{
		Tenant: "acme", Webhook: "wh_1", Event: "evt_1", Type: "order.placed", AcceptedAt: 1774008000123, Timestamp: "2026-03-20T12:00:00.123Z",
		Dialect: "standard@1", ContentType: "application/json", Format: "json", Body: []byte(`p{"n":1}`), Round: 1, Attempt: 1, Only: true,
	}
	retry := first
	retry.Attempt, retry.Due, retry.Pace, retry.Only = 2, 1774008005123, "10@1774000000000", false
	large := first
	large.Body, large.Ref = nil, "evt_1.20260320T120000.123.json"
	dead := retry
	dead.Dead = &Death{Reason: "bad_status", Status: 503, At: 1774009000000}
	parse := func(b []byte) (any, error) { return Parse(string(b)) }
	fixture.Hold(t, "delivery", []byte(first.Outgoing(0).Body), parse)
	fixture.Hold(t, "traced", []byte(traced.Outgoing(0).Body), parse)
	fixture.Hold(t, "retry", []byte(retry.Outgoing(0).Body), parse)
	fixture.Hold(t, "large", []byte(large.Outgoing(0).Body), parse)
	fixture.Hold(t, "dead", []byte(dead.Outgoing(0).Body), parse)
	var e Erasure
	fixture.Fill(&e)
	fixture.Hold(t, "erasure", []byte(e.Outgoing(0).Body), func(b []byte) (any, error) {
		e, ok := ParseErasure(string(b))
		if !ok {
			return nil, errors.New("it is no erasure's")
		}
		return e, nil
	})
	fixture.Hold(t, "replay-job", []byte(Job{Tenant: "acme", ID: "rpl_1"}.Outgoing(0).Body), func(b []byte) (any, error) {
		j, ok := ParseJob(string(b))
		if !ok {
			return nil, errors.New("it is no job's")
		}
		return j, nil
	})
}
