// Package process starts Hookline as a process of its own, for tests that kill it. The process is the test's own binary,
// whose TestMain hands over to Main. Only tests import this package.
package process

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"hookline/shared/sqlitedb"
	"hookline/shared/stack/stacktest"
)

// asProgram makes a test binary be the program that `make run` starts.
const asProgram = "HOOKLINE_TEST_PROGRAM"

// Main runs the tests and returns the exit status, or where Start has started this process, runs the program in their place.
func Main(m *testing.M, program func(context.Context) error) int {
	if os.Getenv(asProgram) == "" {
		return m.Run()
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := program(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// Command returns the program on a folder, not started. wrap goes in front of its command line.
func Command(t testing.TB, dataDir string, env []string, wrap ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	line := append(wrap, self)
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), line[0], line[1:]...)
	cmd.Env = append(os.Environ(), asProgram+"=1", "PORT=0", "DATA_DIR="+dataDir, "ADMIN_KEY="+stacktest.AdminKey)
	cmd.Env = append(cmd.Env, env...)
	return cmd
}

// Program is a running Hookline.
type Program struct {
	T     testing.TB
	Dir   string      // DATA_DIR
	Base  string      // of URLs
	Key   string      // of the demo tenant
	Lines chan string // that it prints, dropped when nobody reads
	cmd   *exec.Cmd
	ended chan error
}

// Start runs the program and waits until it is ready. wrap goes in front of its command line.
func Start(t testing.TB, dataDir string, env []string, wrap ...string) *Program {
	t.Helper()
	cmd := Command(t, dataDir, env, wrap...)
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
	p := &Program{T: t, cmd: cmd, Dir: dataDir, Lines: make(chan string, 10_000), ended: make(chan error, 1)}
	t.Cleanup(p.Kill)
	go func() {
		scan := bufio.NewScanner(out)
		for scan.Scan() {
			select {
			case p.Lines <- scan.Text():
			default:
			}
		}
		p.ended <- cmd.Wait()
		close(p.ended)
	}()
	deadline := time.After(time.Minute)
	for p.Base == "" || p.Key == "" {
		select {
		case line := <-p.Lines:
			fields := strings.Fields(line)
			if len(fields) > 1 && fields[0] == "API" {
				p.Base = fields[1]
			}
			if len(fields) > 1 && fields[0] == "Tenant" {
				p.Key = fields[len(fields)-1]
			}
		case err := <-p.ended:
			t.Fatalf("the program ended: %v", err)
		case <-deadline:
			t.Fatal("the program is not ready after a minute")
		}
	}
	p.Client().Do(http.StatusOK, "GET", "/healthz", nil, nil)
	return p
}

// Kill ends the program as a loss of power would, as far as a process can be ended so.
func (p *Program) Kill() {
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	for range p.ended { // until it is closed
	}
}

// Stop asks the program to end and returns how it did.
func (p *Program) Stop() error {
	if err := syscall.Kill(-p.cmd.Process.Pid, syscall.SIGTERM); err != nil {
		return err
	}
	return <-p.ended
}

// Signal sends the program a signal.
func (p *Program) Signal(s syscall.Signal) {
	p.T.Helper()
	if err := syscall.Kill(-p.cmd.Process.Pid, s); err != nil {
		p.T.Fatal(err)
	}
}

// Client returns a client with the demo tenant's key.
func (p *Program) Client() *stacktest.Client {
	return stacktest.Dial(p.T, p.Base, p.Key)
}

// Idle reports whether no message waits in any of the program's queues but the dead letters', by looking into its file.
func (p *Program) Idle() bool {
	p.T.Helper()
	return p.Rows("SELECT count(*) FROM message") == 0
}

// Rows counts in the program's file.
func (p *Program) Rows(query string) (n int) {
	p.T.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(p.Dir, sqlitedb.FileName)+"?mode=ro&_pragma=busy_timeout(5000)")
	if err != nil {
		p.T.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if err := db.QueryRow(query).Scan(&n); err != nil {
		p.T.Fatal(err)
	}
	return n
}
