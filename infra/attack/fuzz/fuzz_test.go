package fuzz

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"hookline/infra/figures"
)

// cases is for each target in a full run. Minimizing what is interesting is cut short: it takes most of the time otherwise, and
// a crasher is worth reading at any length.
const cases = 20_000

const root = "../../.."

// target is a fuzz target: FuzzParse of ./shared/pattern.
type target struct{ folder, name string }

// targets returns all fuzz targets of the module, as its test files declare them.
func targets(t *testing.T) (all []target) {
	t.Helper()
	err := filepath.WalkDir(root, func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() && name != root && (strings.HasPrefix(e.Name(), ".") || e.Name() == "testdata" || e.Name() == "node_modules") {
			return fs.SkipDir
		}
		if !strings.HasSuffix(name, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, d := range file.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && strings.HasPrefix(fn.Name.Name, "Fuzz") {
				folder, err := filepath.Rel(root, filepath.Dir(name))
				if err != nil {
					return err
				}
				all = append(all, target{"./" + filepath.ToSlash(folder), fn.Name.Name})
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestAll fuzzes in a full run. Otherwise it only finds the targets: their seeds run beside their code, and building one for
// fuzzing takes longer than all of them.
func TestAll(t *testing.T) {
	all := targets(t)
	if len(all) < 20 || !slices.Contains(all, target{"./shared/input", "FuzzObject"}) {
		t.Fatalf("found only %v", all)
	}
	if !figures.Full() {
		figures.Note(t, "fuzz targets", strconv.Itoa(len(all)))
		return
	}
	tried, crashed := 0, 0
	for _, x := range all {
		n, out, err := x.run(t)
		tried += n
		if err != nil {
			crashed++
			t.Errorf("%s %s: %v\n%s", x.folder, x.name, err, out)
		} else if n < cases {
			t.Errorf("%s %s: tried %d cases of %d\n%s", x.folder, x.name, n, cases, out)
		}
		t.Logf("%s %s: %d cases", x.folder, x.name, n)
	}
	figures.Note(t, "fuzz targets / cases / crashes", fmt.Sprintf("%d / %d / %d", len(all), tried, crashed))
}

// run returns how many cases were tried. What crashes the target is kept in its testdata, where every later run tries it again.
func (x target) run(t *testing.T) (tried int, out []byte, err error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "test", "-vet=off", "-run=^$", "-fuzz=^"+x.name+"$", fmt.Sprintf("-fuzztime=%dx", cases), "-fuzzminimizetime=10x", x.folder)
	cmd.Dir = root
	out, err = cmd.CombinedOutput()
	for _, m := range regexp.MustCompile(`execs: (\d+)`).FindAllSubmatch(out, -1) {
		if n, bad := strconv.Atoi(string(m[1])); bad == nil {
			tried = n
		}
	}
	return tried, out, err
}
