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
