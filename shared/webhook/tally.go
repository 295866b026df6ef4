package webhook

import "time"

// Tally counts the deliveries to one webhook that were accepted within one hour of the clock (UTC), as they stand now.
// A delivery counts once, however many attempts it took.
type Tally struct {
	Webhook                    string
	Hour                       time.Time // its beginning
	Succeeded, Failed, Pending int
	// Answers counts the deliveries whose latest attempt was answered, by AnswerTime of that attempt.
	Answers map[int]int
}

// NoAnswer is the AnswerTime of a delivery whose latest attempt had no answer.
const NoAnswer = -1

// AnswerTime returns how long the latest attempt waited for its answer, in milliseconds, to two digits: 7, 53, 120, 1500.
// Few values stand for all, so that answers can be counted by them.
func (d Delivery) AnswerTime() int {
	a := d.LastAttempt()
	if a == nil || a.StatusCode == 0 {
		return NoAnswer
	}
	ms, unit := int(a.Duration.Milliseconds()), 1
	for ms/unit >= 100 {
		unit *= 10
	}
	return (ms + unit/2) / unit * unit
}

// Usage is what was done for a tenant on one day (UTC).
type Usage struct {
	Day        time.Time // its beginning
	Events     int       // put into the event log
	Deliveries int       // begun: their first attempts were made, or were to be made
	Attempts   int       // made
}

// UsageOf returns what a write of a delivery adds to the usage, and of when. prev is the revision that it replaces. What
// was not sent is no attempt.
func UsageOf(d Delivery, prev Rev) (u Usage, at time.Time) {
	if at = d.NextAt; prev == (Rev{}) {
		u.Deliveries = 1
	}
	if u.Attempts = d.Count; prev.Round == d.Round {
		u.Attempts -= prev.Count
	}
	if a := d.LastAttempt(); a != nil && u.Attempts > 0 {
		if at = a.StartedAt; a.Error.Unsent() {
			u.Attempts = 0
		}
	}
	if at.IsZero() {
		at = d.AcceptedAt
	}
	u.Day = DayOf(at)
	return u, at
}

// DayOf returns the beginning of a time's day in UTC.
func DayOf(t time.Time) time.Time { return t.UTC().Truncate(24 * time.Hour) }

// UsageKept is how long usage is kept.
const UsageKept = 400 * 24 * time.Hour
