package webhook

import "time"

// ReplayPrefix begins the ids of replay jobs.
const ReplayPrefix = "rpl_"

// ReplayOf is a choice among a webhook's deliveries, by their status.
type ReplayOf string

// The choices of a replay job.
const (
	ReplayFailed    ReplayOf = "failed"    // deliveries that failed
	ReplaySucceeded ReplayOf = "succeeded" // deliveries that succeeded
	ReplayMissed    ReplayOf = "missed"    // events of the event log that the webhook, as it is now, would take and has no delivery of
)

// ReplayStatus is where a replay job stands.
type ReplayStatus string

// How replay jobs stand.
const (
	ReplayRunning   ReplayStatus = "running"   // there are deliveries to start
	ReplayDone      ReplayStatus = "done"      // every delivery has its new round; each one's record says how it stands
	ReplayCancelled ReplayStatus = "cancelled" // it starts no more deliveries; those that it started go on
	ReplayStopped   ReplayStatus = "failed"    // it could not go on; `error` says why
)

// Replay is a job that starts a new round for many of a webhook's deliveries. Its record is its position: whoever works
// on it goes on from there.
type Replay struct {
	Tenant  string
	ID      string
	Webhook string
	Of      ReplayOf
	Type    string // of the events; "" for any
	// Reason is the error that dead letters alone are taken of; "" takes failed deliveries of all kinds.
	Reason     AttemptError
	Since      time.Time // accepted at or after
	Until      time.Time // accepted before; never later than CreatedAt, so that nothing new is taken
	Status     ReplayStatus
	Error      AttemptError // why it stopped: ReasonWebhookInactive or ReasonWebhookDeleted
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
	return d.ErasedAt.IsZero() && string(d.Status) == string(r.Of) && (r.Type == "" || r.Type == d.Type) &&
		(r.Reason == "" || d.DeadLetter() && d.LastAttempt().Error == r.Reason)
}

// Skipped is how many of those counted did not want their round any more when their turn came.
func (r Replay) Skipped() int {
	if r.Status != ReplayDone {
		return 0
	}
	return max(r.Matched-r.Started, 0)
}
