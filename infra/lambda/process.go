package lambda

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strconv"
	"time"
)

// process is a running executable and the runtime API that it alone talks to.
type process struct {
	cmd      *exec.Cmd
	server   *http.Server
	asks     chan struct{} // it has asked for work
	calls    chan call     // the work
	outcomes chan outcome
	exited   chan struct{} // closed when it has ended
	exit     error         // how, once exited is closed
}

type call struct {
	id       string
	event    []byte
	deadline time.Time
}

// outcome is what the process said of a call.
type outcome struct {
	id     string // "" for its initialisation
	failed bool
	body   []byte
}

func (o outcome) result() ([]byte, error) {
	if !o.failed {
		return o.body, nil
	}
	e := new(Error)
	if err := json.Unmarshal(o.body, e); err != nil {
		return nil, fmt.Errorf("the function's error is not readable: %w: %s", err, o.body)
	}
	return nil, e
}

const (
	functionName = "function"
	region       = "eu-west-1"
	functionARN  = "arn:aws:lambda:" + region + ":123456789012:function:" + functionName
)

// start starts the executable. It is not ready before it has asked for work.
func start(f Function) (*process, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &process{
		asks: make(chan struct{}), calls: make(chan call), outcomes: make(chan outcome), exited: make(chan struct{}),
		// Nothing but kill ends it.
		cmd: exec.CommandContext(context.Background(), f.Path),
	}
	p.server = &http.Server{Handler: p.api(), ReadHeaderTimeout: time.Minute}
	p.cmd.Env = append([]string{
		"AWS_LAMBDA_RUNTIME_API=" + listener.Addr().String(),
		"AWS_LAMBDA_FUNCTION_NAME=" + functionName,
		"AWS_LAMBDA_FUNCTION_VERSION=$LATEST",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE=256",
		"AWS_LAMBDA_INITIALIZATION_TYPE=on-demand",
		"AWS_LAMBDA_LOG_GROUP_NAME=/aws/lambda/" + functionName,
		"AWS_LAMBDA_LOG_STREAM_NAME=local",
		"AWS_REGION=" + region,
		"AWS_DEFAULT_REGION=" + region,
		"_HANDLER=bootstrap",
		"LANG=en_US.UTF-8",
		"PATH=/usr/local/bin:/usr/bin:/bin",
		"TZ=:UTC",
	}, f.Env...)
	p.cmd.Stdout, p.cmd.Stderr = f.Log, f.Log
	if err := p.cmd.Start(); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	go func() { _ = p.server.Serve(listener) }()
	if f.Share > 0 {
		go throttle(p.cmd.Process, f.Share, p.exited)
	}
	go func() {
		p.exit = p.cmd.Wait()
		close(p.exited)
		_ = p.server.Close()
	}()
	return p, nil
}

// kill ends the process and waits until it has.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may have ended
	<-p.exited
}

// api is the runtime API (AWS, "Using the Lambda runtime API for custom runtimes").
func (p *process) api() http.Handler {
	const base = "/2018-06-01/runtime/"
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+base+"invocation/next", p.next)
	mux.HandleFunc("POST "+base+"invocation/{id}/response", p.take(false))
	mux.HandleFunc("POST "+base+"invocation/{id}/error", p.take(true))
	mux.HandleFunc("POST "+base+"init/error", p.take(true))
	return mux
}

func (p *process) next(w http.ResponseWriter, r *http.Request) {
	select {
	case p.asks <- struct{}{}:
	case <-r.Context().Done():
		return
	}
	select {
	case c := <-p.calls:
		h := w.Header()
		h.Set("Content-Type", "application/json")
		h.Set("Lambda-Runtime-Aws-Request-Id", c.id)
		h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(c.deadline.UnixMilli(), 10))
		h.Set("Lambda-Runtime-Invoked-Function-Arn", functionARN)
		h.Set("Lambda-Runtime-Trace-Id", "Root=1-69bd3a40-2f1c8f0a5d7e4b6c8a9d0e1f;Parent=53995c3f42cd8ad8;Sampled=0")
		_, _ = w.Write(c.event)
	case <-r.Context().Done():
	}
}

// maxAnswer is Lambda's limit of an answer, and of an event.
const maxAnswer = 6 << 20

func (p *process) take(failed bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxAnswer))
		if err != nil {
			w.WriteHeader(http.StatusRequestEntityTooLarge)
			return
		}
		select {
		case p.outcomes <- outcome{id: r.PathValue("id"), failed: failed, body: body}:
			w.WriteHeader(http.StatusAccepted)
		case <-r.Context().Done():
		}
	}
}
