// Command awslocal is `make run ENGINE=aws-local`: the whole of Hookline on one machine, over the stand-ins for AWS. It
// is a program of its own because the AWS SDK would make every first build of `make run` longer.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"hookline/infra/local/runner"
	"hookline/infra/local/standin"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := runner.Main(ctx, os.Getenv, os.Stdout, map[string]runner.Open{standin.Name: standin.Options{}.Open}); err != nil {
		fmt.Fprintln(os.Stderr, "hookline:", err)
		os.Exit(1)
	}
}
