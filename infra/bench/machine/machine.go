// Package machine measures the speed of a Hookline on one machine beside a relay that stores nothing.
//
// Both are processes that the same publishers and the same receiver use in turn. The figures that count are ratios of one
// pair of turns, and of these the medians.
package machine

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"hookline/infra/bench/table"
)

const (
	pairs   = 5
	quiet   = 50 // events a second, for latency
	samples = 250
)

// kinds are the types of the events, by how many webhooks take them.
func kinds() map[string]int {
	return map[string]int{"bench.one": 1, "bench.ten": 10, "bench.hundred": 100}
}

// Run measures. BASELINE names another program to measure in the same turns, as one built from an earlier commit.
func Run(ctx context.Context, out, progress io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "hookline-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	r := newReceiver()
	defer r.Close()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: publishers}}

	systems, err := launch(ctx, dir, r, client)
	defer func() {
		for _, p := range systems {
			err = errors.Join(err, p.stop())
		}
	}()
	if err != nil {
		return err
	}
	if err := throughput(ctx, out, progress, systems, r, client); err != nil {
		return err
	}
	return latency(ctx, out, dir, systems, r, client)
}

// launch starts the relay, Hookline and the baseline if there is one, with their webhooks.
func launch(ctx context.Context, dir string, r *receiver, client *http.Client) (systems []*program, err error) {
	targets := make(map[string][]string)
	for kind, n := range kinds() {
		for i := range n {
			targets[kind] = append(targets[kind], fmt.Sprintf("%s/%s/%d", r.URL, kind, i))
		}
	}
	raw, err := json.Marshal(targets)
	if err != nil {
		return nil, err
	}
	path, err := build(ctx, dir, "./infra/bench/relay")
	if err != nil {
		return nil, err
	}
	relay, err := start("relay", path, false, "TARGETS="+string(raw))
	if err != nil {
		return nil, err
	}
	systems = append(systems, relay)
	if path, err = build(ctx, dir, "./infra/local"); err != nil {
		return systems, err
	}
	programs := [][2]string{{"Hookline", path}}
	if baseline := os.Getenv("BASELINE"); baseline != "" {
		programs = append(programs, [2]string{"baseline", baseline})
	}
	for _, named := range programs {
		p, err := start(named[0], named[1], true, "PORT=0", "DATA_DIR="+filepath.Join(dir, named[0]))
		if err != nil {
			return systems, err
		}
		systems = append(systems, p)
		for kind, urls := range targets {
			for _, url := range urls {
				body := fmt.Sprintf(`{"url":%q,"events":[%q]}`, url, kind)
				if err := p.call(ctx, client, http.StatusCreated, http.MethodPost, "/v1/webhooks", body); err != nil {
					return systems, err
				}
			}
		}
	}
	return systems, nil
}

// throughput prints deliveries a second, and the processor time of an event.
func throughput(ctx context.Context, out, progress io.Writer, systems []*program, r *receiver, client *http.Client) error {
	rows := [][]string{{"published", "system", "deliveries a second", "of the relay's", "wanted", "processor time an event"}}
	for _, c := range []struct {
		text   string
		wanted string
		load   load
	}{
		{"one by one", "0.40", load{"bench.one", 1, 1, 3000}},
		{"in batches of 100", "0.60", load{"bench.one", 100, 1, 6000}},
		{"one by one, fan-out 10", "0.50", load{"bench.ten", 1, 10, 500}},
		{"one by one, fan-out 100", "0.50", load{"bench.hundred", 1, 100, 50}},
	} {
		results := make([][]result, len(systems))
		for i := range pairs + 1 {
			fmt.Fprintf(progress, "bench: %s, %d of %d\n", c.text, i, pairs)
			for j, p := range systems {
				got, err := c.load.run(ctx, p, r, client)
				if err != nil {
					return err
				}
				if i > 0 { // the first warms up
					results[j] = append(results[j], got)
				}
			}
		}
		for j, p := range systems {
			var rates, ratios []float64
			var times []time.Duration
			for i, got := range results[j] {
				rates = append(rates, got.rate)
				ratios = append(ratios, got.rate/results[0][i].rate)
				times = append(times, got.processor)
			}
			row := []string{c.text, p.name, fmt.Sprintf("%.0f", median(rates)), "", "", fmt.Sprint(median(times).Round(time.Microsecond))}
			if j > 0 {
				row[3], row[4] = fmt.Sprintf("%.2f", median(ratios)), c.wanted
			}
			rows = append(rows, row)
		}
	}
	return table.Print(out, fmt.Sprintf("One machine: %d publishers, medians of %d turns each", publishers, pairs), rows...)
}

// latency prints how long an event takes from its request to its arrival while there is little to do.
func latency(ctx context.Context, out io.Writer, dir string, systems []*program, r *receiver, client *http.Client) error {
	disk, err := syncTime(dir)
	if err != nil {
		return err
	}
	medians, nearWorst := make([][]time.Duration, len(systems)), make([][]time.Duration, len(systems))
	for range pairs {
		for j, p := range systems {
			took, err := latencies(ctx, p, r, client, "bench.one", quiet, samples)
			if err != nil {
				return err
			}
			slices.Sort(took)
			medians[j] = append(medians[j], took[len(took)/2])
			nearWorst[j] = append(nearWorst[j], took[len(took)*99/100])
		}
	}
	bound := median(medians[0]) + 3*disk
	rows := [][]string{{"system", "p50", "p99", "wanted"}}
	for j, p := range systems {
		row := []string{p.name, milliseconds(median(medians[j])), milliseconds(median(nearWorst[j])), ""}
		if j > 0 {
			row[3] = fmt.Sprintf("%s and %s", milliseconds(bound), milliseconds(2*bound))
		}
		rows = append(rows, row)
	}
	heading := fmt.Sprintf("One machine: from the request to the arrival, %d events a second; a sync of this disk takes %s", quiet, milliseconds(disk))
	return table.Print(out, heading, rows...)
}

// syncTime returns how long it takes to append 4 KiB to a file and have it on disk.
func syncTime(dir string) (time.Duration, error) {
	f, err := os.CreateTemp(dir, "sync")
	if err != nil {
		return 0, err
	}
	defer func() { _ = f.Close() }()
	page := make([]byte, 4096)
	var took []time.Duration
	for range 100 {
		start := time.Now()
		if _, err := f.Write(page); err != nil {
			return 0, err
		}
		if err := f.Sync(); err != nil {
			return 0, err
		}
		took = append(took, time.Since(start))
	}
	return median(took), nil
}

func median[T cmp.Ordered](all []T) T {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[len(sorted)/2]
}

func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
}
