package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// counts is what a run came to.
type counts struct{ passed, failed, skipped int }

func (c counts) String() string {
	return fmt.Sprintf("%d passed, %d failed, %d skipped", c.passed, c.failed, c.skipped)
}

// verdict is nil when the run may count as green; exit is how `go test` itself ended.
func (c counts) verdict(exit error, ci bool) error {
	switch {
	case c.failed > 0:
		return errors.New("tests failed")
	case exit != nil:
		return fmt.Errorf("go test: %w", exit)
	case c.passed+c.skipped == 0:
		return errors.New("no test ran")
	case ci && c.skipped > 0:
		return errors.New("CI is set, where a skipped test is a failure")
	}
	return nil
}

// event is one line of `go test -json` (`go doc test2json`, `go help buildjson`).
type event struct {
	Action      string
	Package     string
	ImportPath  string // of build-output
	Test        string // empty for the package itself
	Output      string
	FailedBuild string
	Key, Value  string // of attr
}

type test struct{ pkg, name string }

type reporter struct {
	out     io.Writer
	counts  counts
	output  map[test]*strings.Builder // of tests that have not ended
	builds  map[string]*strings.Builder
	failing map[string]bool // packages with a failed test
}

// report reads the events of one run to their end. Lines that are no event are passed on: what `go` says in plain text
// is for people.
func report(events io.Reader, out io.Writer) (counts, error) {
	r := reporter{
		out:     out,
		output:  map[test]*strings.Builder{},
		builds:  map[string]*strings.Builder{},
		failing: map[string]bool{},
	}
	in := bufio.NewReader(events)
	for {
		line, err := in.ReadBytes('\n')
		if len(line) > 0 {
			var e event
			if json.Unmarshal(line, &e) == nil {
				r.add(e)
			} else {
				r.print(string(line))
			}
		}
		if errors.Is(err, io.EOF) {
			return r.counts, nil
		}
		if err != nil {
			return r.counts, err
		}
	}
}

func (r *reporter) add(e event) {
	t := test{e.Package, e.Test}
	switch e.Action {
	case "build-output":
		buffer(r.builds, e.ImportPath).WriteString(e.Output)
	case "output":
		buffer(r.output, t).WriteString(e.Output)
	case "attr":
		r.print("NOTE  " + e.Package + " " + e.Test + ": " + e.Key + ": " + e.Value + "\n")
	case "pass", "fail", "skip":
		if e.Test == "" {
			r.endPackage(e)
		} else {
			r.endTest(t, e.Action)
		}
	}
}

func (r *reporter) endTest(t test, action string) {
	text := take(r.output, t)
	switch action {
	case "pass":
		r.counts.passed++
	case "skip":
		r.counts.skipped++
		r.print("SKIP  " + t.pkg + " " + t.name + "\n" + reason(text))
	case "fail":
		r.counts.failed++
		r.failing[t.pkg] = true
		r.print("FAIL  " + t.pkg + " " + t.name + "\n" + text)
	}
}

// endPackage prints a package's own line. When it failed, tests that have not ended (the package panicked or ran out of
// time) failed with it.
func (r *reporter) endPackage(e event) {
	text := take(r.output, test{pkg: e.Package})
	if e.Action != "fail" {
		if line := summary(text); !strings.Contains(line, "[no test files]") {
			r.print(line)
		}
		return
	}
	for _, t := range slices.SortedFunc(maps.Keys(r.output), func(a, b test) int { return strings.Compare(a.name, b.name) }) {
		if t.pkg == e.Package {
			r.endTest(t, "fail")
		}
	}
	if !r.failing[e.Package] {
		r.counts.failed++
	}
	r.print(take(r.builds, e.FailedBuild) + text)
}

func (r *reporter) print(text string) {
	if text != "" && !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	_, _ = io.WriteString(r.out, text) // A closed terminal is no reason to lose the exit code.
}

// reason keeps of a skipped test's output what it said itself.
func reason(output string) string {
	var kept strings.Builder
	for line := range strings.Lines(output) {
		if s := strings.TrimSpace(line); !strings.HasPrefix(s, "=== ") && !strings.HasPrefix(s, "--- ") {
			kept.WriteString(line)
		}
	}
	return kept.String()
}

// summary is the last line with a word in it: "ok  	hookline/shared/ladder	0.01s".
func summary(output string) string {
	lines := strings.Split(strings.TrimSpace(output), "\n")
	return lines[len(lines)-1]
}

func buffer[K comparable](m map[K]*strings.Builder, k K) *strings.Builder {
	if m[k] == nil {
		m[k] = &strings.Builder{}
	}
	return m[k]
}

func take[K comparable](m map[K]*strings.Builder, k K) string {
	text := buffer(m, k).String()
	delete(m, k)
	return text
}
