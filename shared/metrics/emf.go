package metrics

import (
	"encoding/json"
	"io"
	"sync"
	"time"
)

const (
	// Namespace is that of all metrics in CloudWatch.
	Namespace = "Hookline"
	// Dimension is the name of their one dimension.
	Dimension = "stage"
	// maxValues is how many values of a metric CloudWatch takes in a line (CloudWatch User Guide, Specification: Embedded
	// metric format, Metric target members).
	maxValues = 100
)

// Batch is what one call of a function counts.
type Batch struct {
	mu     sync.Mutex
	counts map[Metric]int
	spans  map[Metric][]int64 // in milliseconds
}

// Add counts n more.
func (b *Batch) Add(m Metric, n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.counts == nil {
		b.counts = make(map[Metric]int)
	}
	b.counts[m] += n
}

// Observe counts a span.
func (b *Batch) Observe(m Metric, d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.spans == nil {
		b.spans = make(map[Metric][]int64)
	}
	b.spans[m] = append(b.spans[m], d.Milliseconds())
}

// definition is what a line says of itself. A metric without a unit is a count: the unit is left out, for the line is paid for by
// its length.
type definition struct {
	Timestamp         int64       `json:"Timestamp"`
	CloudWatchMetrics []directive `json:"CloudWatchMetrics"`
}

type directive struct {
	Namespace  string     `json:"Namespace"`
	Dimensions [][]string `json:"Dimensions"`
	Metrics    []defined  `json:"Metrics"`
}

type defined struct {
	Name Metric `json:"Name"`
	Unit Unit   `json:"Unit,omitempty"`
}

// Write writes what was counted as one line in the embedded metric format, and nothing if nothing was. Only where a metric has
// more values than a line may have, another line follows. The batch is empty then.
func (b *Batch) Write(w io.Writer, stage string, now time.Time) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for {
		line := map[string]any{Dimension: stage}
		var metrics []defined
		for _, row := range Table() {
			if n := b.counts[row.Metric]; n > 0 {
				line[string(row.Metric)] = n
				metrics = append(metrics, defined{Name: row.Metric})
				delete(b.counts, row.Metric)
			}
			if all := b.spans[row.Metric]; len(all) > 0 {
				n := min(len(all), maxValues)
				line[string(row.Metric)] = all[:n]
				metrics = append(metrics, defined{row.Metric, row.Unit})
				b.spans[row.Metric] = all[n:]
			}
		}
		if metrics == nil {
			return nil
		}
		line["_aws"] = definition{now.UnixMilli(), []directive{{Namespace, [][]string{{Dimension}}, metrics}}}
		text, err := json.Marshal(line)
		if err != nil {
			return err
		}
		if _, err := w.Write(append(text, '\n')); err != nil {
			return err
		}
	}
}
