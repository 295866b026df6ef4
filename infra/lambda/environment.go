package lambda

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"hookline/shared/webhook"
)

// Function is a function as it is deployed.
type Function struct {
	Path    string        // of the executable
	Env     []string      // NAME=value, its own variables
	Timeout time.Duration // of one call; 0 means 3 s, Lambda's default
	Log     io.Writer     // what it prints; nil discards it
	Share   float64       // of one core that it may use, as the memory of a function decides; 0 sets no limit
}

const (
	defaultTimeout = 3 * time.Second
	// initTimeout is how long a process may take until it asks for work. Lambda starts it once more then, without the
	// limit; here that is an error.
	initTimeout = 10 * time.Second
)

// Error is a failed call, as who invokes a function gets it (X-Amz-Function-Error: Unhandled).
type Error struct {
	Type    string `json:"errorType"` // of the handler's error or panic, or one of the Type… constants
	Message string `json:"errorMessage"`
}

// Errors that Lambda itself reports.
const (
	TypeExit    = "Runtime.ExitError" // the process ended
	TypeTimeout = "Sandbox.Timedout"  // the call was killed at its deadline
)

func (e *Error) Error() string { return e.Type + ": " + e.Message }

// Environment is the execution environment of a function: one process at a time, started when there is a call for it.
type Environment struct {
	function Function

	mu      sync.Mutex
	process *process
	starts  int
}

// New returns an environment that has no process yet.
func New(f Function) *Environment {
	f.Timeout = cmp.Or(f.Timeout, defaultTimeout)
	if f.Log == nil {
		f.Log = io.Discard
	}
	return &Environment{function: f}
}

// Invoke calls the function with an event and returns its answer. *Error is the function's; any other error is of
// this package or ctx, and the process is gone then.
func (e *Environment) Invoke(ctx context.Context, event []byte) ([]byte, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	id := webhook.NewID("", time.Now())
	p, err := e.ready(ctx, id)
	if err != nil {
		return nil, err
	}
	deadline := time.Now().Add(e.function.Timeout).Truncate(time.Millisecond) // as the process is told it
	limit := time.NewTimer(time.Until(deadline))
	defer limit.Stop()
	late := func() error {
		message := fmt.Sprintf("RequestId: %s Error: Task timed out after %.2f seconds", id, e.function.Timeout.Seconds())
		return e.drop(p, &Error{Type: TypeTimeout, Message: message})
	}
	select {
	case p.calls <- call{id: id, event: event, deadline: deadline}:
	case <-p.exited:
		return nil, e.ended(p, id)
	}
	var out *outcome
	for {
		select {
		case o := <-p.outcomes:
			if o.id != id || out != nil {
				return nil, e.drop(p, fmt.Errorf("the function answered call %q, not %q", o.id, id))
			}
			// The process's own context ends at the deadline too, so that both may be ready here.
			if !time.Now().Before(deadline) {
				return nil, late()
			}
			out = &o
		case <-p.asks: // a call ends when the process asks for the next
			if out == nil {
				return nil, e.drop(p, fmt.Errorf("the function asked for work without having answered"))
			}
			return out.result()
		case <-p.exited:
			if out != nil { // as after a panic
				e.process = nil
				return out.result()
			}
			return nil, e.ended(p, id)
		case <-limit.C:
			return nil, late()
		case <-ctx.Done():
			return nil, e.drop(p, ctx.Err())
		}
	}
}

// Starts returns how many processes there have been.
func (e *Environment) Starts() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.starts
}

// Computed returns the processor time that the process has had, 0 if there is none.
func (e *Environment) Computed() time.Duration {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.process == nil {
		return 0
	}
	had, _ := computed(e.process.cmd.Process.Pid) // one that has just ended has had no more
	return had
}

// Peak returns the most bytes of memory that the process has had resident.
func (e *Environment) Peak() (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.process == nil {
		return 0, errors.New("there is no process")
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", e.process.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	kilobytes, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
	n, err := strconv.Atoi(kilobytes)
	return n * 1024, err
}

// Close ends the process.
func (e *Environment) Close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.process != nil {
		e.process.kill()
		e.process = nil
	}
}

// ready returns a process that waits for work, starting one where there is none.
func (e *Environment) ready(ctx context.Context, id string) (*process, error) {
	if p := e.process; p != nil {
		select {
		case <-p.exited: // while nothing was asked of it
			e.process = nil
		default:
			return p, nil
		}
	}
	p, err := start(e.function)
	if err != nil {
		return nil, err
	}
	e.process = p
	e.starts++
	limit := time.NewTimer(initTimeout)
	defer limit.Stop()
	select {
	case <-p.asks:
		return p, nil
	case o := <-p.outcomes: // of the initialisation
		_, err := o.result()
		return nil, e.drop(p, err)
	case <-p.exited:
		return nil, e.ended(p, id)
	case <-limit.C:
		return nil, e.drop(p, fmt.Errorf("the function did not ask for work in %v", initTimeout))
	case <-ctx.Done():
		return nil, e.drop(p, ctx.Err())
	}
}

// drop ends the process and returns the error.
func (e *Environment) drop(p *process, err error) error {
	p.kill()
	e.process = nil
	return err
}

// ended says how a process ended by itself.
func (e *Environment) ended(p *process, id string) error {
	e.process = nil
	how := "exit status 0"
	if p.exit != nil {
		how = p.exit.Error()
	}
	return &Error{Type: TypeExit, Message: fmt.Sprintf("RequestId: %s Error: Runtime exited with error: %s", id, how)}
}
