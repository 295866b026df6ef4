package ingest

import (
	"slices"

	"hookline/shared/webhook"
)

// Reason says why an event did not go to a webhook. The set is documented in the OpenAPI document.
type Reason string

const (
	Inactive      Reason = "inactive"       // the webhook is inactive
	NotSubscribed Reason = "not_subscribed" // none of its events takes this type
	Filtered      Reason = "filter"         // its filter does not let this event through
	Later         Reason = "later"          // it would take the event now, but did not yet when that was accepted
	AboutItself   Reason = "about_itself"   // a system event is told to all but the webhook it is about
)

// Why returns why an event that did not go to the webhook does not, by what the webhook is now: nothing is remembered
// of those that an event did not match.
func Why(w webhook.Webhook, ev webhook.Event) Reason {
	if !w.Active {
		return Inactive
	}
	patterns := webhook.Patterns(ev.Type)
	subs := slices.DeleteFunc(w.Subscriptions(), func(s webhook.Subscription) bool { return !slices.Contains(patterns, s.Pattern) })
	switch {
	case len(subs) == 0:
		return NotSubscribed
	case len(make(filters).matching(subs, ev.Data)) == 0:
		return Filtered
	case webhook.IsSystemType(ev.Type) && !slices.ContainsFunc(subs, func(s webhook.Subscription) bool { return s.Since.After(ev.AcceptedAt) }):
		return AboutItself
	}
	return Later
}
