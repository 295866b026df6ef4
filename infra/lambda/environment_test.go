package lambda

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	runtime "github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/google/go-cmp/cmp"
)

// asFunction makes this test binary be a Lambda function, so that it can be started.
const asFunction = "HOOKLINE_TEST_FUNCTION"

func TestMain(m *testing.M) {
	switch os.Getenv(asFunction) {
	case "":
		os.Exit(m.Run())
	case "broken":
		fmt.Println("no settings")
		os.Exit(3)
	default:
		runtime.Start(probe)
	}
}

// wish says what the probe is to do.
type wish struct{ Do, Say string }

type seen struct {
	Said     string
	Request  bool // there is a request id
	Function string
	Left     time.Duration // until the deadline
	Calls    int           // of this process
	Home     string
}

var calls int // of this process, when it is a function

func probe(ctx context.Context, w wish) (seen, error) {
	calls++
	switch w.Do {
	case "fail":
		return seen{}, errors.New(w.Say)
	case "panic":
		panic(w.Say)
	case "exit":
		os.Exit(7)
	case "hang":
		<-time.After(time.Hour)
	}
	lc, _ := lambdacontext.FromContext(ctx)
	deadline, _ := ctx.Deadline()
	fmt.Println("called")
	return seen{
		Said: w.Say, Request: lc.AwsRequestID != "", Function: lc.InvokedFunctionArn, Left: time.Until(deadline), Calls: calls,
		Home: os.Getenv("HOME"),
	}, nil
}

// output collects what a function prints.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

func newProbe(t *testing.T, kind string, timeout time.Duration) (*Environment, *output) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	log := new(output)
	e := New(Function{Path: self, Env: []string{asFunction + "=" + kind}, Timeout: timeout, Log: log})
	t.Cleanup(e.Close)
	return e, log
}

func TestInvoke(t *testing.T) {
	e, log := newProbe(t, "probe", time.Minute)
	for i := range 3 {
		raw, err := e.Invoke(t.Context(), []byte(`{"Say":"hello ü"}`))
		if err != nil {
			t.Fatal(err)
		}
		var got seen
		if err := json.Unmarshal(raw, &got); err != nil {
			t.Fatal(err)
		}
		if got.Left < 50*time.Second || got.Left > time.Minute {
			t.Errorf("deadline in %v, want a little under a minute", got.Left)
		}
		got.Left = 0
		if diff := cmp.Diff(seen{Said: "hello ü", Request: true, Function: functionARN, Calls: i + 1}, got); diff != "" {
			t.Errorf("call %d (-want +got):\n%s", i, diff)
		}
	}
	e.Close() // what the process wrote is in the log once it has ended
	if got := strings.Count(log.String(), "called\n"); got != 3 || e.Starts() != 1 {
		t.Errorf("got %d lines of log and %d starts, want 3 and 1", got, e.Starts())
	}
}

func TestFailures(t *testing.T) {
	tests := map[string]struct {
		event       string
		wantType    string
		wantMessage string // part of it
		wantStarts  int    // after one more call, which succeeds
	}{
		"the handler's error":       {`{"Do":"fail","Say":"no luck"}`, "errorString", "no luck", 1},
		"an event of another shape": {`{"Do":7}`, "UnmarshalTypeError", "cannot unmarshal number", 1},
		"an event that is no JSON":  {`{"Do":`, "errorString", "unexpected EOF", 1},
		"a panic":                   {`{"Do":"panic","Say":"dear me"}`, "string", "dear me", 2},
		"an exit":                   {`{"Do":"exit"}`, TypeExit, "Runtime exited with error: exit status 7", 2},
		"a timeout":                 {`{"Do":"hang"}`, TypeTimeout, "Task timed out after 5.00 seconds", 2},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			timeout := time.Minute
			if tt.wantType == TypeTimeout {
				timeout = 5 * time.Second // long enough for the call after it, on a machine with other work
			}
			e, _ := newProbe(t, "probe", timeout)
			_, err := e.Invoke(t.Context(), []byte(tt.event))
			got, ok := errors.AsType[*Error](err)
			if !ok || got.Type != tt.wantType || !strings.Contains(got.Message, tt.wantMessage) {
				t.Errorf("got %v, want %s: …%s…", err, tt.wantType, tt.wantMessage)
			}
			if _, err := e.Invoke(t.Context(), []byte(`{}`)); err != nil {
				t.Errorf("the call after it: %v", err)
			}
			if got := e.Starts(); got != tt.wantStarts {
				t.Errorf("got %d starts, want %d", got, tt.wantStarts)
			}
		})
	}
}

func TestNoStart(t *testing.T) {
	e, log := newProbe(t, "broken", time.Minute)
	for range 2 {
		_, err := e.Invoke(t.Context(), []byte(`{}`))
		if got, ok := errors.AsType[*Error](err); !ok || got.Type != TypeExit || !strings.Contains(got.Message, "exit status 3") {
			t.Errorf("got %v, want %s with exit status 3", err, TypeExit)
		}
	}
	if got := strings.Count(log.String(), "no settings"); got != 2 {
		t.Errorf("got %d starts in the log, want 2", got)
	}
	if _, err := New(Function{Path: "/nonexistent"}).Invoke(t.Context(), nil); err == nil {
		t.Error("an executable that is not there starts")
	}
}

func TestCancel(t *testing.T) {
	e, _ := newProbe(t, "probe", time.Minute)
	if _, err := e.Invoke(t.Context(), []byte(`{}`)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := e.Invoke(ctx, []byte(`{"Do":"hang"}`)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the context's error", err)
	}
}
