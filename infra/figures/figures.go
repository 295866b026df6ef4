// Package figures collects what tests count, for the table that `make faults` and `make attack` print.
//
// A test notes a figure whether it ran small, as in `make test`, or full. Only tests import this package.
package figures

import (
	"fmt"
	"os"
	"testing"
)

// Full reports whether the tests are to run as long as it takes. Otherwise each takes a fixed small part of its cases.
func Full() bool { return os.Getenv("HOOKLINE_FULL") != "" }

// Note logs a figure, and appends it to the file that FIGURES names, if any: one line, "what <tab> figure".
func Note(t testing.TB, what, figure string) {
	t.Helper()
	t.Logf("%s: %s", what, figure)
	name := os.Getenv("FIGURES")
	if name == "" {
		return
	}
	f, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintf(f, "%s\t%s\n", what, figure); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}
