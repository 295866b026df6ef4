package checks

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// TestCountsReport feeds the events of a run to the command that `make test` runs, and reads what people are shown.
func TestCountsReport(t *testing.T) {
	for _, tt := range []struct {
		name   string
		events []string
		want   string
		prints []string
		hides  []string
	}{
		{
			name: "a passing test's output is dropped",
			events: []string{
				`{"Action":"start","Package":"p"}`,
				`{"Action":"run","Package":"p","Test":"TestA"}`,
				`{"Action":"output","Package":"p","Test":"TestA","Output":"chatter\n"}`,
				`{"Action":"pass","Package":"p","Test":"TestA"}`,
				`{"Action":"output","Package":"p","Output":"PASS\n"}`,
				`{"Action":"output","Package":"p","Output":"ok  \tp\t0.01s\n"}`,
				`{"Action":"pass","Package":"p","Elapsed":0.01}`,
			},
			want:   "1 passed, 0 failed, 0 skipped",
			prints: []string{"PASS  p (10ms)\n"},
			hides:  []string{"chatter", "PASS\n"},
		},
		{
			name: "a failure is printed in full, and once",
			events: []string{
				`{"Action":"run","Package":"p","Test":"TestA"}`,
				`{"Action":"run","Package":"p","Test":"TestA/sub"}`,
				`{"Action":"output","Package":"p","Test":"TestA/sub","Output":"    a_test.go:3: got 1, want 2\n"}`,
				`{"Action":"fail","Package":"p","Test":"TestA/sub"}`,
				`{"Action":"fail","Package":"p","Test":"TestA"}`,
				`{"Action":"output","Package":"p","Output":"FAIL\tp\t0.01s\n"}`,
				`{"Action":"fail","Package":"p","Elapsed":0.01}`,
			},
			want:   "0 passed, 2 failed, 0 skipped",
			prints: []string{"=== FAIL: p TestA/sub (0.00s)\n    a_test.go:3: got 1, want 2\n", "FAIL  p (10ms)\n"},
		},
		{
			name: "a skip is printed with its reason",
			events: []string{
				`{"Action":"run","Package":"p","Test":"TestA"}`,
				`{"Action":"output","Package":"p","Test":"TestA","Output":"=== RUN   TestA\n"}`,
				`{"Action":"output","Package":"p","Test":"TestA","Output":"    a_test.go:3: node is not installed\n"}`,
				`{"Action":"output","Package":"p","Test":"TestA","Output":"--- SKIP: TestA (0.00s)\n"}`,
				`{"Action":"skip","Package":"p","Test":"TestA"}`,
				`{"Action":"pass","Package":"p"}`,
			},
			want:   "0 passed, 0 failed, 1 skipped",
			prints: []string{"SKIP: p TestA (0.00s)\n    a_test.go:3: node is not installed\n"},
			hides:  []string{"=== RUN"},
		},
		{
			name: "tests that never ended fail with their package",
			events: []string{
				`{"Action":"run","Package":"p","Test":"TestA"}`,
				`{"Action":"output","Package":"p","Test":"TestA","Output":"panic: boom\n"}`,
				`{"Action":"run","Package":"q","Test":"TestB"}`,
				`{"Action":"output","Package":"q","Test":"TestB","Output":"still going\n"}`,
				`{"Action":"fail","Package":"p"}`,
				`{"Action":"pass","Package":"q","Test":"TestB"}`,
			},
			want:   "1 passed, 1 failed, 0 skipped",
			prints: []string{"panic: boom\n"},
			hides:  []string{"still going"},
		},
		{
			name: "a package that does not build counts as one failure",
			events: []string{
				`{"ImportPath":"p [p.test]","Action":"build-output","Output":"p/a.go:3:1: undefined: x\n"}`,
				`{"ImportPath":"p [p.test]","Action":"build-fail"}`,
				`{"Action":"output","Package":"p","Output":"FAIL\tp [build failed]\n"}`,
				`{"Action":"fail","Package":"p","FailedBuild":"p [p.test]"}`,
			},
			want:   "0 passed, 1 failed, 0 skipped",
			prints: []string{"p/a.go:3:1: undefined: x\n", "[build failed]"},
		},
		{
			name: "a package without tests is nothing to tell",
			events: []string{
				`{"Action":"output","Package":"p","Output":"?   \tp\t[no test files]\n"}`,
				`{"Action":"skip","Package":"p"}`,
			},
			want:  "0 passed, 0 failed, 0 skipped",
			hides: []string{"no test files", "p (", " p\n"},
		},
		{
			name: "what a test notes of itself is printed",
			events: []string{
				`{"Action":"run","Package":"p","Test":"TestA"}`,
				`{"Action":"attr","Package":"p","Test":"TestA","Key":"checks","Value":"51 run"}`,
				`{"Action":"output","Package":"p","Test":"TestA","Output":"=== ATTR  TestA checks 51 run\n"}`,
				`{"Action":"pass","Package":"p","Test":"TestA"}`,
			},
			want:   "1 passed, 0 failed, 0 skipped",
			prints: []string{"NOTE p TestA: checks: 51 run\n"},
			hides:  []string{"ATTR"},
		},
		{
			name:   "plain text is passed on",
			events: []string{"go: cannot find module"},
			want:   "0 passed, 0 failed, 0 skipped",
			prints: []string{"=== Errors\ngo: cannot find module\n"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out, _ := counted(t, tt.events, 0)
			if !strings.Contains(out, "\n"+tt.want+"\n") {
				t.Errorf("%q is not printed, in:\n%s", tt.want, out)
			}
			for _, s := range tt.prints {
				if n := strings.Count(out, s); n != 1 {
					t.Errorf("%q is printed %d times, want once, in:\n%s", s, n, out)
				}
			}
			for _, s := range tt.hides {
				if strings.Contains(out, s) {
					t.Errorf("%q is printed, in:\n%s", s, out)
				}
			}
		})
	}
}

// TestCountsVerdict says which runs are green.
func TestCountsVerdict(t *testing.T) {
	const (
		pass = `{"Action":"pass","Package":"p","Test":"TestA"}`
		skip = `{"Action":"skip","Package":"p","Test":"TestB"}`
		fail = `{"Action":"fail","Package":"p","Test":"TestC"}`
	)
	for _, tt := range []struct {
		name   string
		events []string
		exit   int // of go test
		env    string
		green  bool
	}{
		{name: "all passed", events: []string{pass}, green: true},
		{name: "a skip at a desk", events: []string{pass, skip}, green: true},
		{name: "a skip in CI", events: []string{pass, skip}, env: "CI=true"},
		{name: "a skip in conformance", events: []string{pass, skip}, env: "HOOKLINE_CONFORMANCE=1"},
		{name: "a failure", events: []string{pass, fail}, exit: 1},
		{name: "nothing ran", events: []string{`{"Action":"skip","Package":"p"}`}},
		{name: "go test itself failed", events: []string{pass}, exit: 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if out, green := counted(t, tt.events, tt.exit, tt.env); green != tt.green {
				t.Errorf("green is %t, want %t, of:\n%s", green, tt.green, out)
			}
		})
	}
}

// TestCountsRun runs the real `go test` on a module made for it.
func TestCountsRun(t *testing.T) {
	command, err := makesTest()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	writeFiles(t, dir, map[string]string{
		"go.mod":    "module m\n\ngo 1.26\n",
		"m_test.go": "package m\n\nimport \"testing\"\n\nfunc TestA(t *testing.T) {}\n\nfunc TestB(t *testing.T) { t.Skip(\"no such program\") }\n",
	})
	for _, tt := range []struct {
		name, ci string
		green    bool
	}{
		{"at a desk", "", true},
		{"in CI", "true", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "counts")
			out, err := madeIn(t, dir, command, "CI="+tt.ci, "COUNTS="+file)
			if (err == nil) != tt.green {
				t.Errorf("it ended in %v, want green %t", err, tt.green)
			}
			const want = "1 passed, 0 failed, 1 skipped\n"
			if !strings.Contains(out, "\n"+want) {
				t.Errorf("the output lacks %q:\n%s", want, out)
			}
			if got, err := os.ReadFile(file); err != nil || string(got) != want {
				t.Errorf("counts file = %q, %v, want %q", got, err, want)
			}
		})
	}
}

// counted runs the command of `make test` with a `go test` that emits the events and exits as told.
func counted(t *testing.T, events []string, exit int, env ...string) (out string, green bool) {
	t.Helper()
	dir := t.TempDir()
	writeFiles(t, dir, map[string]string{"events": strings.Join(events, "\n") + "\n"})
	command, err := makesTest()
	shown, _, ok := strings.Cut(command, " -- ")
	if err != nil || !ok {
		t.Fatalf("make test runs %q, %v, want a command with --", command, err)
	}
	goTest := fmt.Sprintf(` --raw-command -- sh -c 'grep "^{" events; grep -v "^{" events >&2; exit %d'`, exit)
	out, err = madeIn(t, dir, shown+goTest, env...)
	return out, err == nil
}

// makesTest is the command that `make test` runs.
var makesTest = sync.OnceValues(func() (string, error) {
	cmd := exec.Command("make", "-n", "--no-print-directory", "-C", "../..", "test")
	cmd.Env = outside()
	out, err := cmd.Output()
	return strings.TrimSpace(string(out)), err
})

// madeIn runs a command of the Makefile in a folder with nothing of the tree but the script that counts.
func madeIn(t *testing.T, dir, command string, env ...string) (string, error) {
	t.Helper()
	script, err := os.ReadFile("counts")
	if err != nil {
		t.Fatal(err)
	}
	writeFiles(t, dir, map[string]string{"infra/checks/counts": string(script)})
	cmd := exec.CommandContext(t.Context(), "sh", "-c", command)
	cmd.Dir = dir
	cmd.Env = append(outside(), env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// outside is the environment without what the run that this test is part of was told.
func outside() []string {
	return slices.DeleteFunc(os.Environ(), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return slices.Contains([]string{"CI", "COUNTS", "HOOKLINE_CONFORMANCE", "MAKEFLAGS", "MAKELEVEL", "MFLAGS"}, name)
	})
}

// writeFiles writes programs: all may be run.
func writeFiles(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
}
