package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReport(t *testing.T) {
	for _, tt := range []struct {
		name   string
		events []string
		want   counts
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
				`{"Action":"pass","Package":"p"}`,
			},
			want:   counts{passed: 1},
			prints: []string{"ok  \tp\t0.01s\n"},
			hides:  []string{"chatter", "PASS"},
		},
		{
			name: "a failure is printed in full, and once",
			events: []string{
				`{"Action":"output","Package":"p","Test":"TestA/sub","Output":"    a_test.go:3: got 1, want 2\n"}`,
				`{"Action":"fail","Package":"p","Test":"TestA/sub"}`,
				`{"Action":"fail","Package":"p","Test":"TestA"}`,
				`{"Action":"output","Package":"p","Output":"FAIL\tp\t0.01s\n"}`,
				`{"Action":"fail","Package":"p"}`,
			},
			want:   counts{failed: 2},
			prints: []string{"FAIL  p TestA/sub\n    a_test.go:3: got 1, want 2\n", "FAIL\tp\t0.01s\n"},
		},
		{
			name: "a skip is printed with its reason",
			events: []string{
				`{"Action":"output","Package":"p","Test":"TestA","Output":"=== RUN   TestA\n"}`,
				`{"Action":"output","Package":"p","Test":"TestA","Output":"    a_test.go:3: node is not installed\n"}`,
				`{"Action":"output","Package":"p","Test":"TestA","Output":"--- SKIP: TestA (0.00s)\n"}`,
				`{"Action":"skip","Package":"p","Test":"TestA"}`,
				`{"Action":"pass","Package":"p"}`,
			},
			want:   counts{skipped: 1},
			prints: []string{"SKIP  p TestA\n    a_test.go:3: node is not installed\n"},
			hides:  []string{"=== RUN"},
		},
		{
			name: "tests that never ended fail with their package",
			events: []string{
				`{"Action":"output","Package":"p","Test":"TestA","Output":"panic: boom\n"}`,
				`{"Action":"output","Package":"q","Test":"TestB","Output":"still going\n"}`,
				`{"Action":"fail","Package":"p"}`,
				`{"Action":"pass","Package":"q","Test":"TestB"}`,
			},
			want:   counts{passed: 1, failed: 1},
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
			want:   counts{failed: 1},
			prints: []string{"p/a.go:3:1: undefined: x\n", "[build failed]"},
		},
		{
			name: "a package without tests is nothing to tell",
			events: []string{
				`{"Action":"output","Package":"p","Output":"?   \tp\t[no test files]\n"}`,
				`{"Action":"skip","Package":"p"}`,
			},
			hides: []string{"no test files"},
		},
		{
			name: "what a test notes of itself is printed",
			events: []string{
				`{"Action":"attr","Package":"p","Test":"TestA","Key":"checks","Value":"51 run"}`,
				`{"Action":"output","Package":"p","Test":"TestA","Output":"=== ATTR  TestA checks 51 run\n"}`,
				`{"Action":"pass","Package":"p","Test":"TestA"}`,
			},
			want:   counts{passed: 1},
			prints: []string{"NOTE  p TestA: checks: 51 run\n"},
			hides:  []string{"ATTR"},
		},
		{
			name:   "plain text is passed on",
			events: []string{"go: cannot find module"},
			prints: []string{"go: cannot find module\n"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out strings.Builder
			got, err := report(strings.NewReader(strings.Join(tt.events, "\n")+"\n"), &out)
			if err != nil || got != tt.want {
				t.Errorf("report() = %v, %v, want %v", got, err, tt.want)
			}
			for _, s := range tt.prints {
				if n := strings.Count(out.String(), s); n != 1 {
					t.Errorf("%q is printed %d times, want once, in:\n%s", s, n, out.String())
				}
			}
			for _, s := range tt.hides {
				if strings.Contains(out.String(), s) {
					t.Errorf("%q is printed, in:\n%s", s, out.String())
				}
			}
		})
	}
}

func TestVerdict(t *testing.T) {
	died := errors.New("exit status 2")
	for _, tt := range []struct {
		name  string
		got   counts
		exit  error
		ci    bool
		green bool
	}{
		{name: "all passed", got: counts{passed: 2}, green: true},
		{name: "a skip at a desk", got: counts{passed: 2, skipped: 1}, green: true},
		{name: "a skip in CI", got: counts{passed: 2, skipped: 1}, ci: true},
		{name: "a failure", got: counts{passed: 2, failed: 1}},
		{name: "nothing ran", got: counts{}},
		{name: "go test itself failed", got: counts{passed: 2}, exit: died},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := tt.got.verdict(tt.exit, tt.ci); (err == nil) != tt.green {
				t.Errorf("verdict() = %v, want green %t", err, tt.green)
			}
		})
	}
}

// TestRun runs the real `go test` on a module made for it.
func TestRun(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":    "module m\n\ngo 1.26\n",
		"m_test.go": "package m\n\nimport \"testing\"\n\nfunc TestA(t *testing.T) {}\n\nfunc TestB(t *testing.T) { t.Skip(\"no such program\") }\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	for _, tt := range []struct {
		name, ci string
		green    bool
	}{
		{"at a desk", "", true},
		{"in CI", "true", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out strings.Builder
			file := filepath.Join(t.TempDir(), "counts")
			err := run([]string{"-counts", file, "./..."}, func(string) string { return tt.ci }, &out)
			if (err == nil) != tt.green {
				t.Errorf("run() = %v, want green %t", err, tt.green)
			}
			const want = "1 passed, 0 failed, 1 skipped\n"
			if !strings.HasSuffix(out.String(), "\n"+want) {
				t.Errorf("the output does not end in %q:\n%s", want, out.String())
			}
			if got, err := os.ReadFile(file); err != nil || string(got) != want {
				t.Errorf("counts file = %q, %v, want %q", got, err, want)
			}
		})
	}
}
