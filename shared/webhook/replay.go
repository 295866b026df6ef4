package webhook

import "time"

// ReplayPrefix begins the ids of replay jobs.
const ReplayPrefix = "rpl_"

// ReplayOf is what a replay job takes of a webhook's history.
type ReplayOf string

const (
	// ReplayFailed takes deliveries that failed.
	ReplayFailed ReplayOf = "failed"
	// ReplaySucceeded takes deliveries that succeeded.
	ReplaySucceeded ReplayOf = "succeeded"
	// ReplayMissed takes events of the event log that the webhook as it is now would match and never got.
	ReplayMissed ReplayOf = "missed"
)

// ReplayStatus is where a replay job stands.
type ReplayStatus string

const (
	// ReplayRunning jobs have deliveries to start.
	ReplayRunning ReplayStatus = "running"
	// ReplayDone ones have started them all; how each ends is in its record.
	ReplayDone ReplayStatus = "done"
	// ReplayCancelled ones start no more. What they started goes on.
	ReplayCancelled ReplayStatus = "cancelled"
	// ReplayStopped ones could not go on: Error says why.
	ReplayStopped ReplayStatus = "failed"
)

// Replay is a job that starts a new round for many of a webhook's deliveries. Its record is its position: whoever works
// on it goes on from there.
type Replay struct {
	Tenant     string
	ID         string
	Webhook    string
	Of         ReplayOf
	Type       string    // of the events; "" for any
	Since      time.Time // accepted at or after
	Until      time.Time // accepted before; never later than CreatedAt, so that nothing new is taken
	Status     ReplayStatus
	Error      AttemptError // why it stopped: ErrWebhookInactive or ErrWebhookDeleted
	Matched    int          // deliveries when it was counted, before it began
	More       bool         // counting ended early: Matched is what it had found by then
	Started    int          // deliveries that got their round
	Cursor     string       // in the webhook's history, newest first; "" at its beginning
	CreatedAt  time.Time
	UpdatedAt  time.Time
	FinishedAt time.Time // zero while it runs
	ExpiresAt  time.Time // from then on the record may vanish
	Version    int64     // counts updates
}

// Takes reports whether the job starts a round for the delivery, within the times that it is asked for.
func (r Replay) Takes(d Delivery) bool {
	return string(d.Status) == string(r.Of) && (r.Type == "" || r.Type == d.Type)
}

// Skipped is how many of those counted did not want their round any more when their turn came.
func (r Replay) Skipped() int {
	if r.Status != ReplayDone {
		return 0
	}
	return max(r.Matched-r.Started, 0)
}
