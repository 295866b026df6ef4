// Command deliver is the function behind DeliveryQueue, RetryQueue and BulkQueue.
package main

import (
	"fmt"
	"os"

	"hookline/shared/invocation"
	"hookline/shared/settings"
)

func main() {
	if err := run(os.Getenv); err != nil {
		fmt.Fprintln(os.Stderr, "deliver:", err)
		os.Exit(1)
	}
}

func run(getenv func(string) string) error {
	s, err := settings.ReadDeliver(getenv)
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
