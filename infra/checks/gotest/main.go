// Command gotest runs `go test` with the given arguments and says what was tested: failures in full, one line for each
// package, every skipped test with its reason, what tests note of themselves (testing.T.Attr), and as the last line
// "N passed, N failed, N skipped".
//
// It exits non-zero when a test failed, when a package did not build or died, when no test ran, and, with CI set, when
// a test was skipped: what is skipped at a newcomer's desk for want of a program must run there. Every test and
// subtest counts as one; so does a package that failed without a failing test. Output of tests that pass is dropped.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
)

func main() {
	if err := run(os.Args[1:], os.Getenv, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "gotest:", err)
		os.Exit(1)
	}
}

// run takes `[-counts FILE]` and then the arguments of `go test`. The counts are appended to FILE as the last line is.
func run(args []string, getenv func(string) string, out io.Writer) error {
	var file string
	if len(args) > 1 && args[0] == "-counts" {
		file, args = args[1], args[2:]
	}
	cmd := exec.CommandContext(context.Background(), "go", append([]string{"test", "-json"}, args...)...)
	cmd.Stderr = os.Stderr
	events, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	c, readErr := report(events, out)
	waitErr := cmd.Wait()
	verdict := c.verdict(waitErr, getenv("CI") != "")
	if readErr != nil {
		verdict = fmt.Errorf("reading go test's events: %w", readErr)
	}
	if file != "" {
		if err := appendLine(file, c.String()); err != nil {
			verdict = errors.Join(verdict, err)
		}
	}
	if _, err := fmt.Fprintln(out, c); err != nil {
		return err
	}
	return verdict
}

func appendLine(file, line string) error {
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(f, line)
	return errors.Join(err, f.Close())
}
