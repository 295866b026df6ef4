package machine

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// program is a system under test: a process that takes events over HTTP.
type program struct {
	name string
	cmd  *exec.Cmd
	base string // of its API
	key  string // of its tenant; "" for the relay
}

// build compiles a package of this repository into a folder and returns the program's path.
func build(ctx context.Context, dir, pkg string) (string, error) {
	path := filepath.Join(dir, filepath.Base(pkg))
	cmd := exec.CommandContext(ctx, "go", "build", "-o", path, pkg)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build %s: %w\n%s", pkg, err, out)
	}
	return path, nil
}

// start runs a program and waits until it says where its API is, and its tenant's key if it has one.
func start(name, path string, keyed bool, env ...string) (*program, error) {
	p := &program{name: name, cmd: exec.CommandContext(context.Background(), path)} // stop ends it in order
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stderr = os.Stderr
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) > 1 && fields[0] == "API" {
			p.base = fields[1]
		}
		if len(fields) > 1 && fields[0] == "Tenant" {
			p.key = fields[len(fields)-1]
		}
		if p.base != "" && (p.key != "" || !keyed) {
			go func() { _, _ = io.Copy(io.Discard, out) }()
			return p, nil
		}
	}
	return nil, errors.Join(fmt.Errorf("%s ended before it was ready", name), lines.Err(), p.cmd.Wait())
}

// stop asks the program to end and waits until it has.
func (p *program) stop() error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	err := p.cmd.Wait()
	if ended, ok := errors.AsType[*exec.ExitError](err); ok && !ended.Exited() {
		return nil // the relay ends by the signal
	}
	return err
}

// ticks is the unit of processor times in /proc, on every Linux that Go runs on.
const ticks = time.Second / 100

// processor returns the processor time that the program has used.
func (p *program) processor() (time.Duration, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := bytes.Cut(raw, []byte(") "))
	fields := strings.Fields(string(rest)) // from the third field on, as proc(5) counts them
	if len(fields) < 13 {
		return 0, fmt.Errorf("/proc of %s has %d fields", p.name, len(fields))
	}
	user, err := strconv.ParseInt(fields[11], 10, 64)
	if err != nil {
		return 0, err
	}
	system, err := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * ticks, err
}

// memory returns how much memory the program holds, in bytes.
func (p *program) memory() (int64, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(raw))
	if len(fields) < 2 {
		return 0, fmt.Errorf("/proc of %s tells no memory", p.name)
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize()), err
}

// call makes a request of the program's API that must be answered with the status.
func (p *program) call(ctx context.Context, client *http.Client, want int, method, path, body string) error {
	req, err := http.NewRequestWithContext(ctx, method, p.base+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	if p.key != "" {
		req.Header.Set("Authorization", "Bearer "+p.key)
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != want {
		answer, _ := io.ReadAll(io.LimitReader(resp.Body, 1000))
		return fmt.Errorf("%s %s of %s: got %d %s, want %d", method, path, p.name, resp.StatusCode, answer, want)
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}
