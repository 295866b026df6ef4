// Command receiver is a webhook receiver to try deliveries on: `make receiver`. It listens on 127.0.0.1 and prints one
// line for each request and the body; package receiver says which paths fail and how.
//
// It reads from the environment PORT (9999), DIALECT (standard) and SECRET, with which it checks signatures.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"hookline/infra/receiver/receiver"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := receiver.Main(ctx, os.Getenv, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "receiver:", err)
		os.Exit(1)
	}
}
