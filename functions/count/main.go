// Command count is the function that tallies deliveries; the stream of the table calls it.
package main

import (
	"fmt"
	"os"

	"hookline/shared/invocation"
	"hookline/shared/settings"
)

func main() {
	if err := run(os.Getenv); err != nil {
		fmt.Fprintln(os.Stderr, "count:", err)
		os.Exit(1)
	}
}

func run(getenv func(string) string) error {
	s, err := settings.ReadCount(getenv)
	if err != nil {
		return err
	}
	cfg, err := settings.AWS(getenv)
	if err != nil {
		return err
	}
	invocation.Start(s.Logger(), newFunction(s, cfg))
	return nil
}
