// Command hookline manages a Hookline stack over its HTTP API, for people and for scripts: `make cli` builds it. It works
// against `make run` and against a deployed stack alike. `hookline login URL` keeps where the stack is and the API key; the
// environment overrides them with HOOKLINE_URL, HOOKLINE_API_KEY, HOOKLINE_ADMIN_KEY and HOOKLINE_STACK. Admin calls have the admin key where
// there is one; on AWS they are signed with the credentials that every AWS tool finds (Signature Version 4, execute-api).
//
// With --output json a command prints the API's own answer, one document on one line. The exit codes are those of exitCode.
// No call is made twice: a command that ended by an error of the network says so, and whoever ran it decides.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
	"unicode"

	"golang.org/x/term"
)

// process is what the program has of the system.
type process struct {
	getenv func(string) string
	in     io.Reader
	out    io.Writer
	err    io.Writer
	folder string // of the file that login writes
	// hidden reads a line that is not shown, where a person types; nil where the input is no terminal.
	hidden func() ([]byte, error)
	// aws finds a stack in AWS by its name.
	aws func(ctx context.Context, name string) (*deployed, error)
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	p := process{getenv: os.Getenv, in: os.Stdin, out: os.Stdout, err: os.Stderr, aws: onAWS}
	if folder, err := os.UserConfigDir(); err == nil {
		p.folder = folder
	}
	if stdin := int(os.Stdin.Fd()); term.IsTerminal(stdin) {
		p.hidden = func() ([]byte, error) { return term.ReadPassword(stdin) }
	}
	os.Exit(p.run(ctx, os.Args[1:]))
}

// run runs one command and returns its exit code.
func (p process) run(ctx context.Context, args []string) int {
	a := &app{process: p, http: &http.Client{
		Timeout: time.Minute,
		// A redirect is no answer of this API, and its target must not get the key.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	root := a.root()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err != nil && !errors.Is(err, errTroubles) {
		fmt.Fprintln(p.err, "hookline:", printable(err.Error(), true))
	}
	return exitCode(err)
}

// errTroubles ends doctor once it has printed what it found.
var errTroubles = errors.New("the stack has troubles")

// usageError is a command that was given wrongly.
type usageError struct{ error }

// exitCode is what a script learns: 0 done, 1 refused or failed, 2 a wrong command, 3 a credential is missing or refused,
// 4 not found, 5 the stack cannot be reached or fails (try again), 6 doctor found troubles.
func exitCode(err error) int {
	if err == nil {
		return 0
	}
	if errors.Is(err, errTroubles) {
		return 6
	}
	if _, ok := errors.AsType[usageError](err); ok {
		return 2
	}
	if _, ok := errors.AsType[credentialError](err); ok {
		return 3
	}
	if _, ok := errors.AsType[unreachable](err); ok {
		return 5
	}
	refused, ok := errors.AsType[*refusal](err)
	if !ok {
		return 1
	}
	switch status := refused.Status; {
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return 3
	case status == http.StatusNotFound:
		return 4
	case status == http.StatusTooManyRequests || status >= 500:
		return 5
	}
	return 1
}

// printable replaces what would steer a terminal: texts come from receivers and publishers.
func printable(text string, lines bool) string {
	out := []rune(text)
	for i, r := range out {
		if !unicode.IsPrint(r) && (!lines || r != '\n') {
			out[i] = '�'
		}
	}
	return string(out)
}
