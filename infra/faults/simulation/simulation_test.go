package simulation

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/cryptotest"
	"testing/synctest"

	"hookline/infra/figures"
)

// simulate runs a seed, in a test of its own.
func simulate(t *testing.T, seed uint64, how setup) (s *seen, log string) {
	t.Helper()
	t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
		cryptotest.SetGlobalRandom(t, seed)
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, seed, how)
			defer func() {
				if how.logs {
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

// TestSeeds runs seeds and checks the invariants after each. SEED=n repeats one and prints its log. In full it runs as many
// as make a million events.
func TestSeeds(t *testing.T) {
	oneProcessor(t)
	if text := os.Getenv("SEED"); text != "" {
		seed, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		s, log := simulate(t, seed, setup{logs: true})
		t.Log("\n" + log)
		report(t, resultOf(seed, s))
		return
	}
	if figures.Full() {
		var all total
		beside(t, all.more, func(r result) {
			report(t, r)
			all.add(t, r)
		})
		all.note(t)
		return
	}
	seeds := uint64(4)
	if testing.Short() {
		seeds = 2
	}
	for seed := uint64(1); seed <= seeds; seed++ {
		s, _ := simulate(t, seed, setup{})
		report(t, resultOf(seed, s))
	}
}

// TestSameSeedSameRun holds the simulation to what SEED promises. The second run of each seed is unruly.
func TestSameSeedSameRun(t *testing.T) {
	oneProcessor(t)
	small, large := uint64(5), []uint64{1} // in 1 a tenant with many webhooks is deleted
	switch {
	case figures.Full():
		small, large = 200, []uint64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20}
	case testing.Short():
		small, large = 2, nil
	}
	same := 0
	for seed := uint64(1); seed <= small; seed++ {
		same += sameRun(t, seed, true)
	}
	figures.Note(t, "simulation: small seeds that repeat to the byte", fmt.Sprintf("%d of %d", same, small))
	if len(large) == 0 {
		return
	}
	same = 0
	for _, seed := range large {
		same += sameRun(t, seed, false)
	}
	figures.Note(t, "simulation: seeds that repeat to the byte", fmt.Sprintf("%d of %d", same, len(large)))
}

// sameRun runs a seed twice, and returns 1 if both logs are the same.
func sameRun(t *testing.T, seed uint64, small bool) int {
	t.Helper()
	_, first := simulate(t, seed, setup{logs: true, small: small})
	_, second := simulate(t, seed, setup{logs: true, small: small, unruly: true})
	if first == second {
		return 1
	}
	a, b := strings.Split(first, "\n"), strings.Split(second, "\n")
	i := 0
	for i < min(len(a), len(b))-1 && a[i] == b[i] {
		i++
	}
	t.Errorf("seed %d, line %d of %d and of %d: %s, then %s", seed, i+1, len(a), len(b), a[i], b[i])
	return 0
}

// TestVariants finds each broken variant of the system by some invariant, in full. Otherwise it finds the first.
func TestVariants(t *testing.T) {
	oneProcessor(t)
	some := variants
	if !figures.Full() {
		some = some[:1]
	}
	for _, v := range some {
		t.Run(v.name, func(t *testing.T) {
			for seed := uint64(1); seed <= 1000; seed++ {
				s, _ := simulate(t, seed, setup{variant: v})
				if s == nil || len(s.faults) == 0 {
					continue
				}
				figures.Note(t, "broken variant: "+v.name, fmt.Sprintf("found by seed %d: %s", seed, s.faults[0].Invariant))
				return
			}
			t.Error("no invariant found it within 1,000 seeds")
		})
	}
}

// result is what came of a seed.
type result struct {
	Seed   uint64
	Count  counts
	Faults []fault
	Failed bool // the run came to no end
}

func resultOf(seed uint64, s *seen) result {
	if s == nil {
		return result{Seed: seed, Failed: true}
	}
	return result{Seed: seed, Count: s.count, Faults: s.faults}
}

func report(t *testing.T, r result) {
	t.Helper()
	if r.Failed {
		t.Errorf("seed %d came to no end", r.Seed)
	}
	t.Logf("seed %d: %+v", r.Seed, r.Count)
	for _, f := range r.Faults {
		t.Errorf("seed %d: %s: %s", r.Seed, f.Invariant, f.Text)
	}
}

// A process has one seed of random numbers at a time, so seeds side by side are run by processes of this test's own program.
const (
	rangeVar   = "HOOKLINE_SEEDS" // names the seeds that such a process runs, as "1-20"
	resultLine = "result: "       // begins the lines that it writes for them
	seedsEach  = 20
)

// TestRange is such a process. In any other it runs one seed.
func TestRange(t *testing.T) {
	oneProcessor(t)
	from, to := uint64(7), uint64(7)
	if text := os.Getenv(rangeVar); text != "" {
		if _, err := fmt.Sscanf(text, "%d-%d", &from, &to); err != nil {
			t.Fatal(err)
		}
	}
	for seed := from; seed <= to; seed++ {
		s, _ := simulate(t, seed, setup{})
		line, err := json.Marshal(resultOf(seed, s))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Printf("%s%s\n", resultLine, line)
	}
}

// beside runs seeds in processes side by side while there are to be more.
func beside(t *testing.T, more func() bool, each func(result)) {
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	next := uint64(1)
	take := func() (from uint64, ok bool) {
		mu.Lock()
		defer mu.Unlock()
		from = next
		next += seedsEach
		return from, more()
	}
	var wg sync.WaitGroup
	for range runtime.NumCPU() {
		wg.Go(func() {
			for from, ok := take(); ok; from, ok = take() {
				out, err := runRange(t.Context(), program, from, from+seedsEach-1)
				mu.Lock()
				if err != nil {
					t.Errorf("seeds from %d: %v\n%s", from, err, out)
				}
				for line := range bytes.Lines(out) {
					var r result
					if text, ok := bytes.CutPrefix(line, []byte(resultLine)); ok && json.Unmarshal(text, &r) == nil {
						each(r)
					}
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
}

func runRange(ctx context.Context, program string, from, to uint64) ([]byte, error) {
	cmd := exec.CommandContext(ctx, program, "-test.run=^TestRange$", "-test.timeout=0")
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d-%d", rangeVar, from, to))
	return cmd.CombinedOutput()
}

// wantEvents is how many events all seeds together have in full.
const wantEvents = 1_000_000

// total is what came of all seeds.
type total struct {
	seeds  int
	count  counts
	broken map[string]int // by invariant
}

func (a *total) more() bool { return a.count.Events < wantEvents }

func (a *total) add(t *testing.T, r result) {
	a.seeds++
	if a.broken == nil {
		a.broken = make(map[string]int)
	}
	for _, f := range r.Faults {
		a.broken[f.Invariant]++
	}
	c, d := &a.count, r.Count
	for sum, n := range map[*int]int{
		&c.Events: d.Events, &c.Deliveries: d.Deliveries, &c.Attempts: d.Attempts, &c.Crashes: d.Crashes, &c.Timeouts: d.Timeouts,
		&c.Doubled: d.Doubled, &c.DoubleSends: d.DoubleSends, &c.Lost: d.Lost, &c.Unanswered: d.Unanswered, &c.Slow: d.Slow,
		&c.Partly: d.Partly, &c.Swept: d.Swept,
	} {
		*sum += n
	}
	if a.seeds%100 == 0 {
		t.Logf("%d seeds, %d events, broken: %v", a.seeds, c.Events, a.broken)
	}
}

func (a *total) note(t *testing.T) {
	note := func(what string, n int) { figures.Note(t, "simulation: "+what, strconv.Itoa(n)) }
	c := a.count
	note("seeds", a.seeds)
	note("events", c.Events)
	note("deliveries", c.Deliveries)
	note("attempts", c.Attempts)
	note("crashes", c.Crashes)
	note("functions out of time", c.Timeouts)
	note("messages received twice", c.Doubled)
	note("messages sent twice", c.DoubleSends)
	note("calls not done", c.Lost)
	note("calls done and reported failed", c.Unanswered)
	note("slow calls", c.Slow)
	note("entries of batches refused", c.Partly)
	note("deliveries that the sweeper queued", c.Swept)
	note("lost", a.broken[everyEvent]+a.broken[nothingPending])
	note("early", a.broken[notEarly])
	for name, n := range a.broken {
		note("broken: "+name, n)
	}
}
