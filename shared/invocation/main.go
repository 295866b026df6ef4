package invocation

import (
	"fmt"
	"log/slog"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"

	"hookline/shared/settings"
)

// Main is the main of a function: it reads the environment with read, makes the handler, which is what lambda.Start takes,
// and serves calls. If it cannot start, it prints why under the function's name and ends the process with status 1.
func Main[S interface{ Logger() *slog.Logger }](
	name string, read func(getenv func(string) string) (S, error), handler func(S, aws.Config) (any, error),
) {
	s, err := read(os.Getenv)
	if err != nil {
		stop(name, err)
	}
	cfg, err := settings.AWS(os.Getenv)
	if err != nil {
		stop(name, err)
	}
	h, err := handler(s, cfg)
	if err != nil {
		stop(name, err)
	}
	Start(s.Logger(), h)
}

func stop(name string, err error) {
	fmt.Fprintln(os.Stderr, name+":", err)
	os.Exit(1)
}
