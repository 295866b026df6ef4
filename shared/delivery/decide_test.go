package delivery

import (
	"testing"
	"time"

	"hookline/shared/message"
	"hookline/shared/queue"
	"hookline/shared/webhook"
)

func TestDecide(t *testing.T) {
	now := time.Date(2026, 3, 20, 12, 0, 0, 0, time.UTC)
	key := webhook.DeliveryKey{Tenant: "t", Webhook: "w", Event: "e", AcceptedAt: now.Add(-time.Hour)}
	pending := func(round, count int, owner string, next time.Time) *webhook.Delivery {
		return &webhook.Delivery{DeliveryKey: key, Status: webhook.Pending, Round: round, Count: count, Owner: owner, NextAt: next}
	}
	final := func(round int, owner string, status webhook.DeliveryStatus, a webhook.Attempt) *webhook.Delivery {
		return &webhook.Delivery{DeliveryKey: key, Status: status, Round: round, Count: 8, Owner: owner, Attempts: []webhook.Attempt{a}}
	}
	exhausted := webhook.Attempt{Error: webhook.ReasonBadStatus, StatusCode: 500}
	soon, past, lost := now.Add(time.Second), now.Add(-time.Second), now.Add(-webhook.Overdue-time.Second)
	m := func(round, attempt int) message.Message { return message.Message{Round: round, Attempt: attempt} }
	dead := func(round int) message.Message {
		return message.Message{Round: round, Attempt: 1, Dead: &message.Death{}}
	}

	tests := map[string]struct {
		m    message.Message
		id   string
		d    *webhook.Delivery
		want verdict
	}{
		"first attempt":                              {m(1, 1), "a", nil, attempt},
		"a copy of the first message":                {m(1, 1), "b", pending(1, 1, "a", soon), drop},
		"a copy, long due, not yet lost":             {m(1, 1), "b", pending(1, 1, "a", past), drop},
		"a copy, so long due that the owner is lost": {m(1, 1), "b", pending(1, 1, "a", lost), attempt},
		"the owner, early":                           {m(1, 1), "a", pending(1, 1, "a", soon), repeatSchedule},
		"the owner, due":                             {m(1, 1), "a", pending(1, 3, "a", past), attempt},
		"the next attempt's message, early":          {m(1, 2), "b", pending(1, 1, "a", soon), tooEarly},
		"the next attempt's message, due":            {m(1, 2), "b", pending(1, 1, "a", past), attempt},
		"the next attempt's message, a copy of it":   {m(1, 2), "c", pending(1, 2, "b", soon), drop},
		"a message of a round that is over":          {m(1, 3), "a", pending(2, 0, "", past), drop},
		"the owner of a round that is over":          {m(1, 1), "a", final(2, "b", webhook.Succeeded, webhook.Attempt{}), drop},
		"a replay's message":                         {m(2, 1), "b", pending(2, 0, "", now), attempt},
		"a new round's message before its record":    {m(2, 1), "b", final(1, "a", webhook.Failed, exhausted), attempt},
		"the owner of a success":                     {m(1, 1), "a", final(1, "a", webhook.Succeeded, webhook.Attempt{}), drop},
		"the owner of the last failure":              {m(1, 1), "a", final(1, "a", webhook.Failed, exhausted), repeatFailedRound},
		"a copy after the last failure":              {m(1, 1), "b", final(1, "a", webhook.Failed, exhausted), drop},
		"a copy of the last attempt's message":       {m(1, 8), "b", final(1, "a", webhook.Failed, exhausted), repeatFailedRound},
		"the same after a success":                   {m(1, 8), "b", final(1, "a", webhook.Succeeded, webhook.Attempt{}), drop},
		"the owner, failed for being inactive":       {m(1, 1), "a", final(1, "a", webhook.Failed, webhook.Attempt{Error: webhook.ReasonWebhookInactive}), repeatFailedRound},
		"the owner, failed for a 410":                {m(1, 1), "a", final(1, "a", webhook.Failed, webhook.Attempt{Error: webhook.ReasonBadStatus, StatusCode: 410}), repeatFailedRound},
		"redriven":                                   {dead(1), "x", final(1, "a", webhook.Failed, exhausted), redrive},
		"redriven, the record has expired":           {dead(1), "x", nil, redrive},
		"redriven after a replay":                    {dead(1), "x", pending(2, 0, "", past), drop},
		"redriven after a success":                   {dead(1), "x", final(1, "a", webhook.Succeeded, webhook.Attempt{}), drop},
		"redriven, a copy":                           {dead(1), "y", pending(2, 1, "x", past), drop},
		"redriven, its own second attempt":           {dead(1), "x", pending(2, 1, "x", past), attempt},
		"redriven, its own second attempt, early":    {dead(1), "x", pending(2, 1, "x", soon), repeatSchedule},
		"redriven, its own last attempt":             {dead(1), "x", final(2, "x", webhook.Failed, exhausted), repeatFailedRound},
		"redriven two rounds late":                   {dead(1), "x", final(3, "b", webhook.Failed, exhausted), drop},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := decide(tt.m, tt.id, tt.d, now); got != tt.want {
				t.Errorf("got %d, want %d", got, tt.want)
			}
		})
	}
}

// TestFirst shows of which messages the record may be missed: only of those that nobody has handled, as far as is known.
func TestFirst(t *testing.T) {
	for name, tt := range map[string]struct {
		m        message.Message
		received int
		want     bool
	}{
		"a first attempt":                 {message.Message{Round: 1, Attempt: 1}, 1, true},
		"the same, received again":        {message.Message{Round: 1, Attempt: 1}, 2, false},
		"received nobody knows how often": {message.Message{Round: 1, Attempt: 1}, 0, false},
		"a second attempt":                {message.Message{Round: 1, Attempt: 2}, 1, false},
		"a replay":                        {message.Message{Round: 2, Attempt: 1}, 1, false},
		"a dead letter":                   {message.Message{Round: 1, Attempt: 1, Dead: &message.Death{}}, 1, false},
	} {
		it := item{msg: tt.m, Received: queue.Received{ReceiveCount: tt.received}}
		if got := it.first(); got != tt.want {
			t.Errorf("%s: got %t, want %t", name, got, tt.want)
		}
	}
}
