// Command notify is the function that mails webhooks' owners; NotifyQueue calls it.
package main

import (
	"fmt"
	"os"

	"hookline/shared/invocation"
	"hookline/shared/settings"
)

func main() {
	if err := run(os.Getenv); err != nil {
		fmt.Fprintln(os.Stderr, "notify:", err)
		os.Exit(1)
	}
}

func run(getenv func(string) string) error {
	s, err := settings.ReadNotify(getenv)
	if err != nil {
		return err
	}
	cfg, err := settings.AWS(getenv)
	if err != nil {
		return err
	}
	handle, err := newFunction(s, cfg)
	if err != nil {
		return err
	}
	invocation.Start(s.Logger(), handle)
	return nil
}
