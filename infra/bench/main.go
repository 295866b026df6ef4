// Command bench measures the system and prints tables: `make bench`, and `make bench-full` for what takes longer.
//
// It asserts nothing. Everything is a ratio or a count from one run; absolute times are this machine's.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"hookline/infra/bench/bill"
	"hookline/infra/bench/functions"
	"hookline/infra/bench/machine"
	"hookline/infra/bench/table"
)

// part is a part of the measurements. It writes its tables as Markdown, and where it is to progress.
type part struct {
	name string
	full bool // only when everything is asked for
	run  func(ctx context.Context, out, progress io.Writer) error
}

// parts are run in this order.
func parts() []part {
	return []part{
		{name: "machine", run: machine.Run},
		{name: "machine-full", full: true, run: machine.RunFull},
		{name: "functions", run: functions.Run},
		{name: "bill", run: bill.Run},
	}
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	all := parts()
	names := make([]string, len(all))
	for i, p := range all {
		names[i] = p.name
	}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	full := flags.Bool("full", false, "run the parts that take longer, too")
	only := flags.String("only", "", "run these parts alone, of "+strings.Join(names, ","))
	if err := flags.Parse(args); err != nil {
		return err
	}
	var wanted []string
	if *only != "" {
		wanted = strings.Split(*only, ",")
	}
	for _, name := range wanted {
		if !slices.Contains(names, name) {
			return fmt.Errorf("-only: no part is called %q; there are %s", name, strings.Join(names, ", "))
		}
	}
	if err := table.Machine(os.Stdout); err != nil {
		return err
	}
	var failed []error
	for _, p := range all {
		switch {
		case len(wanted) > 0 && !slices.Contains(wanted, p.name), len(wanted) == 0 && p.full && !*full:
			continue
		}
		fmt.Fprintf(os.Stderr, "bench: %s\n", p.name)
		if err := p.run(ctx, os.Stdout, os.Stderr); err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", p.name, err))
		}
	}
	return errors.Join(failed...)
}
