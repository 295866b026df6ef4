package diagnosis

import (
	"hookline/shared/api"
	"hookline/shared/console/record"
	"hookline/shared/webhook"
)

// State explains a webhook's status.
type State struct {
	Text  string
	Since *api.Time // nil if it is unknown
	Why   *Explanation
	Bad   bool
}

// StateOf explains a webhook's status, with the reason if its latest deliveries, the newest first, show one. It returns nil
// if there is nothing to explain.
func StateOf(w record.Webhook, recent []api.Delivery) *State {
	s := &State{Bad: true}
	for _, d := range recent {
		if a := d.LastAttempt; a != nil && record.Sent(*a) {
			if a.Error != nil {
				why := Explain(*a)
				s.Why = &why
			}
			break
		}
	}
	switch {
	case w.Status == webhook.Failing:
		s.Text = "A delivery ran out of attempts. It still gets events; the first success makes it active again."
		s.Since = w.FailingSince
	case w.Status == webhook.Inactive:
		s.Text, s.Bad = "It gets no events, and what was queued for it fails and can be replayed.", s.Why != nil
	case s.Why == nil:
		return nil
	default:
		s.Text, s.Bad = "The last request to it failed.", false
	}
	return s
}
