package ingest

import (
	"context"
	"slices"

	"hookline/shared/webhook"
)

// Reason is why an event did not go to a webhook, by what the webhook is now.
type Reason string

// The set is closed. The OpenAPI document has these comments.
const (
	Inactive      Reason = "inactive"       // it is inactive
	NotSubscribed Reason = "not_subscribed" // its `events` do not take this type
	Filtered      Reason = "filter"         // its `filter` does not let this event through
	Later         Reason = "later"          // it would take the event now, and did not yet when the event was accepted
	OverBudget    Reason = "filter_budget"  // it is not known: matching the filters of all these webhooks is more work than one request is given
	AboutItself   Reason = "about_itself"   // a system event goes to all webhooks but the one it is about
)

// Why returns, for webhooks that an event did not go to, why it does not, by what each is now: nothing is remembered of
// those that an event did not match. Where all their filters are more work than a request is given, those that are left
// have OverBudget.
func Why(ctx context.Context, hooks []webhook.Webhook, ev webhook.Event) []Reason {
	m, doc := new(Service).matcher(ctx), &document{data: ev.Data}
	out := make([]Reason, len(hooks))
	for i, w := range hooks {
		out[i] = m.why(w, ev, doc)
	}
	return out
}

func (m *matcher) why(w webhook.Webhook, ev webhook.Event, doc *document) Reason {
	if !w.Active {
		return Inactive
	}
	patterns := webhook.Patterns(ev.Type)
	subs := slices.DeleteFunc(w.Subscriptions(), func(s webhook.Subscription) bool { return !slices.Contains(patterns, s.Pattern) })
	if len(subs) == 0 {
		return NotSubscribed
	}
	taken := m.matching(m.candidates(subs), doc)
	switch {
	case len(w.Filter) > 0 && m.work.Err() != nil:
		return OverBudget
	case len(taken) == 0:
		return Filtered
	case webhook.IsSystemType(ev.Type) && !slices.ContainsFunc(subs, func(s webhook.Subscription) bool { return s.Since.After(ev.AcceptedAt) }):
		return AboutItself
	}
	return Later
}
