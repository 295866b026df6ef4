package metrics

import (
	"time"

	"hookline/shared/queue"
)

// Minute is what one minute counted. Of a span that is the longest.
type Minute struct {
	Begins time.Time
	Counts map[Metric]int
	Spans  map[Metric]time.Duration
}

// Depth is how many messages a queue holds.
type Depth struct {
	Queue string
	queue.Counts
}
