// Package prometheus keeps what a stack on one machine counts: the series of package metrics, and how deep its queues are,
// which AWS's own metrics say there. It writes them as Prometheus reads them, and has the last hour of them by the minute for the
// operators' dashboard. All is kept in memory, since the start.
package prometheus

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"hookline/shared/metrics"
	"hookline/shared/queue"
)

// Minutes is how many of the latest minutes a Recorder has apart.
const Minutes = 60

// Recorder is a metrics.Recorder.
type Recorder struct {
	registry *prometheus.Registry
	counters map[metrics.Metric]prometheus.Counter
	spans    map[metrics.Metric]prometheus.Histogram
	queues   map[string]queue.Queue
	now      func() time.Time

	mu      sync.Mutex
	minutes []metrics.Minute // the oldest first, those in which nothing was counted left out
}

// New returns a recorder that tells of the queues too.
func New(queues map[string]queue.Queue, now func() time.Time) *Recorder {
	r := &Recorder{
		registry: prometheus.NewRegistry(), counters: make(map[metrics.Metric]prometheus.Counter),
		spans: make(map[metrics.Metric]prometheus.Histogram), queues: queues, now: now,
	}
	by := make(map[string]*prometheus.CounterVec)
	for _, row := range metrics.Table() {
		name := "hookline_" + snake(row.Base())
		if row.Unit == metrics.Milliseconds {
			h := prometheus.NewHistogram(prometheus.HistogramOpts{
				Name: name + "_seconds", Help: row.Meaning,
				Buckets: []float64{.01, .03, .1, .3, 1, 3, 10, 30, 60, 300, 900, 3600, 6 * 3600, 24 * 3600, 48 * 3600},
			})
			r.registry.MustRegister(h)
			r.spans[row.Metric] = h
			continue
		}
		vec, ok := by[name]
		if !ok {
			var labels []string
			help := row.Meaning
			if row.Outcome != "" {
				labels, help = []string{"outcome"}, row.Base()+" by outcome."
			}
			vec = prometheus.NewCounterVec(prometheus.CounterOpts{Name: name + "_total", Help: help}, labels)
			r.registry.MustRegister(vec)
			by[name] = vec
		}
		if row.Outcome == "" {
			r.counters[row.Metric] = vec.WithLabelValues()
		} else {
			r.counters[row.Metric] = vec.WithLabelValues(snake(row.Outcome))
		}
	}
	r.registry.MustRegister(depths{r})
	return r
}

// snake writes a name in lower case with underscores.
func snake(name string) string {
	var b strings.Builder
	for i, c := range name {
		if i > 0 && unicode.IsUpper(c) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(c))
	}
	return b.String()
}

// Handler answers with all of it as text.
func (r *Recorder) Handler() http.Handler {
	return promhttp.HandlerFor(r.registry, promhttp.HandlerOpts{ErrorHandling: promhttp.HTTPErrorOnError})
}

// Add counts n more.
func (r *Recorder) Add(m metrics.Metric, n int) {
	r.counters[m].Add(float64(n))
	r.mu.Lock()
	defer r.mu.Unlock()
	r.minute().Counts[m] += n
}

// Observe counts a span.
func (r *Recorder) Observe(m metrics.Metric, d time.Duration) {
	r.spans[m].Observe(d.Seconds())
	r.mu.Lock()
	defer r.mu.Unlock()
	spans := r.minute().Spans
	spans[m] = max(spans[m], d)
}

// minute returns the present one. r.mu is held.
func (r *Recorder) minute() *metrics.Minute {
	now := r.now().Truncate(time.Minute)
	if n := len(r.minutes); n == 0 || !r.minutes[n-1].Begins.Equal(now) {
		r.minutes = append(r.minutes, metrics.Minute{Begins: now, Counts: make(map[metrics.Metric]int), Spans: make(map[metrics.Metric]time.Duration)})
		r.minutes = r.minutes[max(0, n+1-Minutes):]
	}
	return &r.minutes[len(r.minutes)-1]
}

// LastHour returns the latest minutes, each, the oldest first.
func (r *Recorder) LastHour() []metrics.Minute {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make([]metrics.Minute, Minutes)
	last := r.now().Truncate(time.Minute)
	for i := range out {
		out[i].Begins = last.Add(time.Duration(i+1-Minutes) * time.Minute)
		for _, m := range r.minutes {
			if m.Begins.Equal(out[i].Begins) {
				out[i].Counts, out[i].Spans = maps.Clone(m.Counts), maps.Clone(m.Spans)
			}
		}
	}
	return out
}

// Depths counts the queues, by name.
func (r *Recorder) Depths(ctx context.Context) ([]metrics.Depth, error) {
	var out []metrics.Depth
	for _, name := range slices.Sorted(maps.Keys(r.queues)) {
		c, err := r.queues[name].Counts(ctx)
		if err != nil {
			return nil, err
		}
		out = append(out, metrics.Depth{Queue: name, Counts: c})
	}
	return out, nil
}

// depths is a collector: the queues are counted when somebody asks.
type depths struct{ r *Recorder }

func (depths) describe() *prometheus.Desc {
	return prometheus.NewDesc("hookline_queue_messages", "Messages in the queues: visible, in flight and delayed.", []string{"queue", "state"}, nil)
}

// Describe is a prometheus.Collector's.
func (d depths) Describe(c chan<- *prometheus.Desc) { c <- d.describe() }

// Collect is a prometheus.Collector's.
func (d depths) Collect(c chan<- prometheus.Metric) {
	all, err := d.r.Depths(context.Background())
	if err != nil {
		c <- prometheus.NewInvalidMetric(d.describe(), err)
		return
	}
	for _, q := range all {
		for state, n := range map[string]int{"visible": q.Visible, "in_flight": q.InFlight, "delayed": q.Delayed} {
			c <- prometheus.MustNewConstMetric(d.describe(), prometheus.GaugeValue, float64(n), q.Queue, state)
		}
	}
}
