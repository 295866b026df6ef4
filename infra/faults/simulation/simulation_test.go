package simulation

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"testing/cryptotest"
	"testing/synctest"
)

// simulate runs a seed, in a test of its own.
func simulate(t *testing.T, seed uint64, v variant, logs bool) (s *seen, log string) {
	t.Helper()
	t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
		cryptotest.SetGlobalRandom(t, seed)
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, seed, v, logs)
			defer func() {
				if logs {
					log = w.log.String()
				}
			}()
			w.run()
			w.check()
			s = w.seen
		})
	})
	return s, log
}

// oneProcessor has goroutines numbered in the order in which they are made: see goroutine.
func oneProcessor(t *testing.T) {
	before := runtime.GOMAXPROCS(1)
	t.Cleanup(func() { runtime.GOMAXPROCS(before) })
}

// TestSeeds runs seeds and checks the invariants after each. SEED=n repeats one and prints its log. In full it runs as many as
// make a million events, in processes side by side, because the random numbers of a process have one seed.
func TestSeeds(t *testing.T) {
	oneProcessor(t)
	var from, to uint64
	switch {
	case os.Getenv("SEED") != "":
		seed, err := strconv.ParseUint(os.Getenv("SEED"), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		s, log := simulate(t, seed, variant{}, true)
		t.Log("\n" + log)
		report(t, seed, s)
		return
	case os.Getenv(rangeVar) != "":
		if _, err := fmt.Sscanf(os.Getenv(rangeVar), "%d-%d", &from, &to); err != nil {
			t.Fatal(err)
		}
	case testing.Short():
		from, to = 1, 1
	default:
		from, to = 1, 8
	}
	for seed := from; seed <= to; seed++ {
		s, _ := simulate(t, seed, variant{}, false)
		report(t, seed, s)
	}
}

// rangeVar names the seeds that a process runs, as "1-100".
const rangeVar = "HOOKLINE_SEEDS"

func report(t *testing.T, seed uint64, s *seen) {
	t.Helper()
	if s == nil {
		return // the run has failed
	}
	t.Logf("seed %d: %+v", seed, s.count)
	for _, f := range s.faults {
		t.Errorf("seed %d: %s: %s", seed, f.invariant, f.text)
	}
}

func TestSameSeedSameRun(t *testing.T) {
	oneProcessor(t)
	const seed = 3
	_, first := simulate(t, seed, variant{}, true)
	_, second := simulate(t, seed, variant{}, true)
	if first == second {
		return
	}
	a, b := strings.Split(first, "\n"), strings.Split(second, "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			t.Fatalf("line %d of %d: %s\nthen of %d: %s", i, len(a), a[i], len(b), b[i])
		}
	}
	t.Errorf("%d lines, then %d", len(a), len(b))
}
