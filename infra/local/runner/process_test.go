package runner

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"hookline/shared/stack/stacktest"
)

// asProgram makes this test binary be the program that `make run` starts, so that it can be killed.
const asProgram = "HOOKLINE_TEST_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) == "" {
		os.Exit(m.Run())
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := Main(ctx, os.Getenv, os.Stdout, map[string]Open{"held": held}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// program is a running Hookline.
type program struct {
	t     testing.TB
	cmd   *exec.Cmd
	dir   string
	lines chan string // what it prints, dropped when nobody reads
	base  string
	key   string
	ended chan error
}

// start runs the program and waits until it is ready. wrap goes in front of its command line.
func start(t testing.TB, dataDir string, env []string, wrap ...string) *program {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	line := append(wrap, self)
	cmd := exec.Command(line[0], line[1:]...)
	cmd.Env = append(os.Environ(), asProgram+"=1", "PORT=0", "DATA_DIR="+dataDir, "ADMIN_KEY="+stacktest.AdminKey)
	cmd.Env = append(cmd.Env, env...)
	cmd.Stderr = os.Stderr
	// A group of its own: signals reach the program also behind a tracer, which ignores them.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &program{t: t, cmd: cmd, dir: dataDir, lines: make(chan string, 10_000), ended: make(chan error, 1)}
	t.Cleanup(p.kill)
	go func() {
		scan := bufio.NewScanner(out)
		for scan.Scan() {
			select {
			case p.lines <- scan.Text():
			default:
			}
		}
		p.ended <- cmd.Wait()
		close(p.ended)
	}()
	deadline := time.After(time.Minute)
	for p.base == "" || p.key == "" {
		select {
		case line := <-p.lines:
			fields := strings.Fields(line)
			if len(fields) > 1 && fields[0] == "API" {
				p.base = fields[1]
			}
			if len(fields) > 1 && fields[0] == "Tenant" {
				p.key = fields[len(fields)-1]
			}
		case err := <-p.ended:
			t.Fatalf("the program ended: %v", err)
		case <-deadline:
			t.Fatal("the program is not ready after a minute")
		}
	}
	resp, err := http.Get(p.base + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	if err := resp.Body.Close(); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("GET /healthz: got %d, %v, want 200", resp.StatusCode, err)
	}
	return p
}

// kill ends the program as a loss of power would, as far as a process can be ended so.
func (p *program) kill() {
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	<-p.ended
}

// stop asks the program to end and returns how it did.
func (p *program) stop() error {
	if err := syscall.Kill(-p.cmd.Process.Pid, syscall.SIGTERM); err != nil {
		return err
	}
	return <-p.ended
}

func (p *program) client() *stacktest.Client {
	return stacktest.Dial(p.t, p.base, p.key)
}
