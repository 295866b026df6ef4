// Package table prints what was measured, as Markdown that can be copied into the README.
package table

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"text/tabwriter"
	"time"
)

// Print writes a heading and a table under it. The first row is the heads of the columns.
func Print(w io.Writer, heading string, rows ...[]string) error {
	if _, err := fmt.Fprintf(w, "\n### %s\n\n", heading); err != nil {
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 1, ' ', 0)
	for i, row := range rows {
		if _, err := fmt.Fprintf(t, "| %s\t|\n", strings.Join(row, "\t| ")); err != nil {
			return err
		}
		if i == 0 {
			if _, err := fmt.Fprintf(t, "|%s\n", strings.Repeat(" ---\t|", len(row))); err != nil {
				return err
			}
		}
	}
	return t.Flush()
}

// Machine writes a line that names this machine and the date.
func Machine(w io.Writer) error {
	_, err := fmt.Fprintf(w, "Measured on %s, %s, %d cores (%s), %s.\n",
		time.Now().Format(time.DateOnly), processor(), runtime.NumCPU(), runtime.GOOS+"/"+runtime.GOARCH, runtime.Version())
	return err
}

// processor is the processor's name where Linux tells it.
func processor() string {
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return "a processor without a name"
	}
	defer func() { _ = f.Close() }()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if key, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "a processor without a name"
}
