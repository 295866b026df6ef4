package engines

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// ErrNotInstalled is of an engine that `make conformance-tools` has not fetched, or of a machine without Java.
var ErrNotInstalled = errors.New("not installed (make conformance-tools installs it)")

// startTime is how long an engine may take to be ready; a few seconds are usual.
const startTime = 2 * time.Minute

// stopTime is how long it may take to end.
const stopTime = 5 * time.Second

// Process is a running engine.
type Process struct {
	Endpoint string // http://127.0.0.1:PORT

	cmd   *exec.Cmd
	said  *said
	guard *exec.Cmd
	cord  io.Closer
	ended chan struct{}
	stop  sync.Once
}

// folder returns where a program's files are: under the repository, which the working directory is in. path is below
// infra/conformance.
func folder(name string, path ...string) (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		full := filepath.Join(append([]string{dir, "infra", "conformance"}, path...)...)
		if _, err := os.Stat(full); err == nil {
			return full, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", fmt.Errorf("%s is %w", name, ErrNotInstalled)
		}
		dir = up
	}
}

// java starts a Java program, as start does.
func java(name string, args []string, ready func(said []byte) (endpoint string, ok bool)) (*Process, error) {
	program, err := exec.LookPath("java")
	if err != nil {
		return nil, fmt.Errorf("java is %w", ErrNotInstalled)
	}
	return start(name, program, args, nil, ready)
}

// start starts a program, with this process's environment where env is nil. ready is asked, with all that the program has
// said so far, until it knows the endpoint. The program ends by Stop, or when this process does.
func start(name, program string, args, env []string, ready func(said []byte) (endpoint string, ok bool)) (*Process, error) {
	p := &Process{said: new(said), ended: make(chan struct{})}
	p.cmd = exec.Command(program, args...) //nolint:noctx // it ends by Stop
	p.cmd.Env = env
	p.cmd.Stdout, p.cmd.Stderr = p.said, p.said
	p.cmd.SysProcAttr = apart()
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	go func() {
		_ = p.cmd.Wait() // it is killed
		close(p.ended)
	}()
	if err := p.watch(); err != nil {
		p.Stop()
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	late := time.After(startTime)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if endpoint, ok := ready(p.said.bytes()); ok {
				p.Endpoint = endpoint
				return p, nil
			}
		case <-p.ended:
			p.Stop()
			return nil, fmt.Errorf("%s ended: %s", name, p.said.bytes())
		case <-late:
			p.Stop()
			return nil, fmt.Errorf("%s is not ready after %v: %s", name, startTime, p.said.bytes())
		}
	}
}

// apart is for a process that must outlive a Ctrl-C, which goes to the whole group, until it is stopped.
func apart() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// watch has a shell wait at a pipe that closes with this process, however it ends, and then kill the engine.
func (p *Process) watch() error {
	p.guard = exec.Command("sh", "-c", "cat; kill -9 "+strconv.Itoa(p.cmd.Process.Pid)) //nolint:noctx // it ends by Stop
	p.guard.SysProcAttr = apart()
	cord, err := p.guard.StdinPipe()
	if err != nil {
		return err
	}
	p.cord = cord
	return p.guard.Start()
}

// Stop ends the engine, by force if it takes its time, and returns when it has ended.
func (p *Process) Stop() {
	p.stop.Do(func() {
		// First the guard: it must not kill by a number that has been given to another process.
		if p.guard != nil && p.guard.Process != nil {
			_ = p.guard.Process.Kill()
			_ = p.guard.Wait()
			_ = p.cord.Close()
		}
		_ = p.cmd.Process.Signal(syscall.SIGTERM) // so that it writes what it has not yet
		select {
		case <-p.ended:
		case <-time.After(stopTime):
			_ = p.cmd.Process.Kill()
			<-p.ended
		}
	})
}

// Said returns the last lines that the engine has printed.
func (p *Process) Said() string { return string(p.said.bytes()) }

// said keeps the end of what a program prints.
type said struct {
	mu  sync.Mutex
	buf []byte
}

const saidKept = 64 << 10

func (s *said) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.buf = append(s.buf, b...)
	if over := len(s.buf) - saidKept; over > 0 {
		s.buf = append(s.buf[:0], s.buf[over:]...)
	}
	return len(b), nil
}

func (s *said) bytes() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return bytes.Clone(s.buf)
}
