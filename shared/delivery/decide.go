package delivery

import (
	"time"

	"hookline/shared/message"
	"hookline/shared/webhook"
)

// verdict is what a message has to do, given its delivery's record.
type verdict int

const (
	drop              verdict = iota // acknowledge: another message, or none, has the delivery
	attempt                          // it is this message's turn
	tooEarly                         // its turn, but not yet: park it again
	repeatSchedule                   // it made the last attempt and comes back early: repeat the step that may be missing
	repeatFailedRound                // it made the last attempt, which was the round's last: what follows may be missing
	redrive                          // a dead letter come back: its turn, in a new round
)

// decide tells what a message is to do. Of a delivery's current round only two messages count: the record's owner, and
// one for the attempt that comes next. All others are copies, or of a round that is over.
func decide(m message.Message, id string, d *webhook.Delivery, now time.Time) verdict {
	if d == nil {
		if m.Dead != nil {
			return redrive // its record has expired
		}
		return attempt
	}
	if !d.ErasedAt.IsZero() {
		return drop
	}
	owner := d.Owner != "" && d.Owner == id
	if m.Dead != nil {
		// A redriven message keeps its stamp: it may start the next round, and then own it.
		if m.Round == d.Round && d.Status == webhook.Failed {
			return redrive
		}
		if !owner || m.Round+1 != d.Round {
			return drop
		}
	} else if m.Round < d.Round {
		return drop
	}
	switch {
	case m.Round > d.Round && m.Dead == nil:
		return attempt // the message that starts a replayed round, seen before the record's write
	case d.Status != webhook.Pending:
		// A copy for the attempt that was the last may be all that is left of the owner: another receive of the owner made it, for
		// BulkQueue, and deleted the owner before what follows was done. A second dead letter is harmless.
		if d.Status == webhook.Failed && (owner || m.Dead == nil && m.Attempt == d.Count) {
			return repeatFailedRound
		}
		return drop
	case owner && now.Before(d.NextAt):
		return repeatSchedule
	case owner:
		return attempt
	case m.Attempt == d.Count+1 && now.Before(d.NextAt):
		return tooEarly
	case m.Attempt == d.Count+1, now.After(d.NextAt.Add(webhook.Overdue)):
		return attempt
	}
	return drop
}

const statusGone = 410
