package invocation

import (
	"fmt"
	"log/slog"
	"os"

	"hookline/shared/settings"
)

// settled is what the settings of every function have.
type settled interface {
	Logger() *slog.Logger
	Stage() string
}

// Main is the main of a function: it reads the environment with read, makes the handler, which is what lambda.Start takes,
// and serves calls. The handler gets an Account and no aws.Config, whose type's description would come into the program with
// this function's type parameter: 5 KB. If it cannot start, it prints why under the function's name and ends the process with status 1.
func Main[S settled](
	name string, read func(getenv func(string) string) (S, error), handler func(S, settings.Account) (any, error),
) {
	s, err := read(os.Getenv)
	if err != nil {
		stop(name, err)
	}
	account, err := settings.ReadAccount(os.Getenv)
	if err != nil {
		stop(name, err)
	}
	h, err := handler(s, account)
	if err != nil {
		stop(name, err)
	}
	Start(s.Logger(), s.Stage(), h)
}

func stop(name string, err error) {
	fmt.Fprintln(os.Stderr, name+":", err)
	os.Exit(1)
}
