// Command console is the function behind the web pages at /console/.
package main

import (
	"fmt"
	"os"

	"hookline/shared/invocation"
	"hookline/shared/settings"
)

func main() {
	if err := run(os.Getenv); err != nil {
		fmt.Fprintln(os.Stderr, "console:", err)
		os.Exit(1)
	}
}

func run(getenv func(string) string) error {
	s, err := settings.ReadConsole(getenv)
	if err != nil {
		return err
	}
	cfg, err := settings.AWS(getenv)
	if err != nil {
		return err
	}
	f, err := newFunction(s, cfg)
	if err != nil {
		return err
	}
	invocation.Start(s.Logger(), f.handle)
	return nil
}
