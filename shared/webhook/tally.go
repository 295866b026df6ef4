package webhook

import "time"

// Tally counts the deliveries to one webhook that were accepted within one hour of the clock (UTC), as they stand now.
// A delivery counts once, however many attempts it took.
type Tally struct {
	Webhook                    string
	Hour                       time.Time // its beginning
	Succeeded, Failed, Pending int
}
