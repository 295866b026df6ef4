package ingest

import (
	"testing"
	"time"

	"hookline/shared/webhook"
)

func TestWhy(t *testing.T) {
	accepted := time.Date(2026, 3, 20, 12, 0, 0, 0, time.UTC)
	ev := webhook.Event{Type: "invoice.paid", AcceptedAt: accepted, Data: []byte(`{"amount":5}`)}
	failing := webhook.Event{Type: "webhook.failing", AcceptedAt: accepted, Data: []byte(`{}`)}
	hook := func(active bool, since time.Duration, filter string, events ...string) webhook.Webhook {
		w := webhook.Webhook{Active: active, Events: events, Filter: []byte(filter)}
		w.KeepSince(webhook.Webhook{}, accepted.Add(since))
		return w
	}
	for name, c := range map[string]struct {
		w    webhook.Webhook
		ev   webhook.Event
		want Reason
	}{
		"inactive":                        {hook(false, -1, "", "*"), ev, Inactive},
		"inactive comes first":            {hook(false, -1, `{"amount":[6]}`, "user.*"), ev, Inactive},
		"another type":                    {hook(true, -1, "", "invoice.created", "user.*"), ev, NotSubscribed},
		"not subscribed comes before":     {hook(true, -1, `{"amount":[6]}`, "user.*"), ev, NotSubscribed},
		"the prefix itself":               {hook(true, -1, "", "invoice.paid.*"), ev, NotSubscribed},
		"a system event is taken by name": {hook(true, -1, "", "*"), failing, NotSubscribed},
		"filter":                          {hook(true, -1, `{"amount":[6]}`, "invoice.*"), ev, Filtered},
		"filter that is none":             {hook(true, -1, `{"amount":6}`, "invoice.*"), ev, Filtered},
		"since later":                     {hook(true, time.Minute, `{"amount":[5]}`, "invoice.*"), ev, Later},
		"written while it was accepted":   {hook(true, -1, "", "*"), ev, Later},
		"about itself":                    {hook(true, -time.Minute, "", "webhook.failing"), failing, AboutItself},
		"a system event, since later":     {hook(true, time.Minute, "", "webhook.failing"), failing, Later},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Why(t.Context(), []webhook.Webhook{c.w}, c.ev); len(got) != 1 || got[0] != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestWhyWithoutWorkLeft(t *testing.T) {
	hook := func(filter string) webhook.Webhook {
		w := webhook.Webhook{Active: true, Events: []string{"*"}, Filter: []byte(filter)}
		w.KeepSince(webhook.Webhook{}, time.UnixMilli(1))
		return w
	}
	ev := webhook.Event{Type: "invoice.paid", Data: values(1000)}
	s := &Service{MatchWork: 500}
	m, doc := s.matcher(t.Context()), &document{data: ev.Data}
	for i, c := range []struct {
		filter string
		want   Reason
	}{{`{"n":[2]}`, Filtered}, {heavy, OverBudget}, {light, OverBudget}, {"", Later}} {
		if got := m.why(hook(c.filter), ev, doc); got != c.want {
			t.Errorf("webhook %d: got %s, want %s", i, got, c.want)
		}
	}
}
