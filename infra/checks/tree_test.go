package checks

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// tree is a repository's source. Folders that the go command passes over (names starting with "." or "_", testdata)
// and installed npm packages are left out.
type tree struct {
	top     []string // names in the top folder
	folders []string // all of them
	files   []file   // in order of name
	guide   string   // CONTRIBUTING.md
}

type file struct {
	name  string // slash-separated, from the top
	lines int
	set   *token.FileSet
	ast   *ast.File
}

func (f file) isTest() bool { return strings.HasSuffix(f.name, "_test.go") }

func (f file) imports() []string {
	var paths []string
	for _, spec := range f.ast.Imports {
		if p, err := strconv.Unquote(spec.Path.Value); err == nil {
			paths = append(paths, p)
		}
	}
	return paths
}

func read(t *testing.T, fsys fs.FS) tree {
	t.Helper()
	var tr tree
	if text, err := fs.ReadFile(fsys, "CONTRIBUTING.md"); err == nil {
		tr.guide = string(text)
	}
	entries, err := fs.ReadDir(fsys, ".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		tr.top = append(tr.top, e.Name())
	}
	set := token.NewFileSet()
	err = fs.WalkDir(fsys, ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := path.Base(name)
		if e.IsDir() {
			if name != "." && (strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") || base == "testdata" || base == "node_modules") {
				return fs.SkipDir
			}
			tr.folders = append(tr.folders, name)
			return nil
		}
		if path.Ext(name) != ".go" {
			return nil
		}
		text, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		parsed, err := parser.ParseFile(set, name, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		tr.files = append(tr.files, file{name: name, lines: bytes.Count(text, []byte{'\n'}), set: set, ast: parsed})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

func undocumented(tr tree) []string {
	documented := map[string]bool{}
	for _, f := range tr.files {
		if !f.isTest() {
			folder := path.Dir(f.name)
			documented[folder] = documented[folder] || f.ast.Doc != nil
		}
	}
	var found []string
	for folder, ok := range documented {
		if !ok {
			found = append(found, folder+": no package documentation")
		}
	}
	slices.Sort(found)
	return found
}

// unmapped holds CONTRIBUTING.md's map to the tree: every package is in an entry's folder, and every folder that an entry
// names exists.
func unmapped(tr tree) []string {
	_, chapter, _ := strings.Cut(tr.guide, "## A map of the code\n")
	chapter, _, _ = strings.Cut(chapter, "\n### From ")
	var entries, found []string
	for line := range strings.Lines(chapter) {
		for i, word := range strings.Split(line, "`") {
			if i%2 == 0 || !strings.Contains(word, "/") || strings.HasPrefix(word, "/") {
				continue
			}
			folder, _, _ := strings.Cut(word, "/<")
			if !slices.Contains(tr.folders, folder) {
				found = append(found, "CONTRIBUTING.md: no folder "+word)
			}
			if strings.HasPrefix(line, "- `") {
				entries = append(entries, folder)
			}
		}
	}
	packages := map[string]bool{}
	for _, f := range tr.files {
		packages[path.Dir(f.name)] = true
	}
	for folder := range packages {
		if !within(folder, entries...) {
			found = append(found, folder+": not on CONTRIBUTING.md's map")
		}
	}
	slices.Sort(found)
	return found
}

func domainImports(tr tree) []string {
	return importing(tr, func(f file, imported string) string {
		first, _, _ := strings.Cut(imported, "/")
		if !within(f.name, "shared/webhook") || (!strings.Contains(first, ".") && first != "hookline") {
			return ""
		}
		return "the domain imports " + imported
	})
}

func adapterImports(tr tree) []string {
	adapters := []string{"shared/store/sqlite", "shared/store/dynamo", "shared/queue/sqlite", "shared/queue/sqs", "shared/sqlitedb"}
	may := append([]string{"functions", "infra", "shared/stack/stacktest", "shared/delivery/deliverytest"}, adapters...)
	return importing(tr, func(f file, imported string) string {
		p, ours := strings.CutPrefix(imported, "hookline/")
		if !ours || !within(p, adapters...) || within(f.name, may...) {
			return ""
		}
		return "imports the adapter " + imported
	})
}

// httpImports holds what the console works out and draws to values: it can be read and tested without a request.
func httpImports(tr tree) []string {
	pure := []string{"shared/console/record", "shared/console/diagnosis", "shared/console/chart", "shared/console/timeline"}
	return importing(tr, func(f file, imported string) string {
		if !within(f.name, pure...) || !within(imported, "net/http", "hookline/shared/httpapi", "hookline/shared/console/page") {
			return ""
		}
		return "imports " + imported
	})
}

// lambdaImports holds Lambda's events to where they are turned into our own: a queue's batches, requests, a table's stream.
// The stand-in for a stream makes such events, for a test of what reads them, and so does what counts a call's bill.
func lambdaImports(tr tree) []string {
	return importing(tr, func(f file, imported string) string {
		if !within(imported, "github.com/aws/aws-lambda-go/events") ||
			within(f.name, "shared/queue/sqs", "shared/gateway", "shared/store/dynamo", "infra/local/standin", "infra/bench/bill") {
			return ""
		}
		return "imports " + imported
	})
}

// testSupport is code that only tests link.
func testSupport() []string {
	return []string{
		"shared/faultinject", "shared/fixture", "shared/store/storetest", "shared/queue/queuetest", "shared/stack/stacktest", "shared/console/consoletest",
		"shared/delivery/deliverytest", "infra/local/process",
	}
}

func supportImports(tr tree) []string {
	return importing(tr, func(f file, imported string) string {
		p, ours := strings.CutPrefix(imported, "hookline/")
		if !ours || !within(p, testSupport()...) || within(f.name, testSupport()...) {
			return ""
		}
		return "imports " + imported + ", which is for tests"
	})
}

func outwardImports(tr tree) []string {
	return importing(tr, func(f file, imported string) string {
		switch {
		case within(f.name, "shared") && within(imported, "hookline/functions", "hookline/infra"),
			within(f.name, "functions") && within(imported, "hookline/infra"):
			return "imports " + imported
		}
		return ""
	})
}

func testImports(tr tree) []string {
	return importing(tr, func(_ file, imported string) string {
		if !within(imported, "github.com/invopop/jsonschema", "github.com/pb33f/ordered-map") {
			return ""
		}
		return "imports " + imported + ", which is for tests"
	})
}

// heldFormats asks for a fixture in every package that writes JSON, for it may be stored or queued and another release read
// it. Those here write none, or what another package holds.
func heldFormats(tr tree) []string {
	except := append(testSupport(),
		"shared/chat", "shared/console/page", "shared/console/webhooks", "shared/deployment", "shared/metrics", "shared/snippet", // for others to read
		"shared/input",                                         // a value as it came
		"shared/management",                                    // a webhook's headers, texts by name
		"shared/stack/whole", "shared/systemevent/eventbridge") // systemevent's notices
	writes, holds := make(map[string]bool), make(map[string]bool)
	for _, f := range tr.files {
		folder := path.Dir(f.name)
		if !within(folder, "shared") || within(folder, except...) {
			continue
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			of, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			switch p, _ := of.X.(*ast.Ident); {
			case p == nil:
			case p.Name == "json" && !f.isTest() && (of.Sel.Name == "Marshal" || of.Sel.Name == "NewEncoder"):
				writes[folder] = true
			case p.Name == "fixture" && f.isTest():
				holds[folder] = true
			}
			return true
		})
	}
	var found []string
	for folder := range writes {
		if !holds[folder] {
			found = append(found, folder+": writes JSON and holds no fixture of it")
		}
	}
	slices.Sort(found)
	return found
}

// importing asks complaint about every import of every file that is no test.
func importing(tr tree, complaint func(f file, imported string) string) []string {
	var found []string
	for _, f := range tr.files {
		if f.isTest() {
			continue
		}
		for _, imported := range f.imports() {
			if s := complaint(f, imported); s != "" {
				found = append(found, f.name+": "+s)
			}
		}
	}
	return found
}

// within reports whether a path is one of the folders or lies in one.
func within(p string, folders ...string) bool {
	return slices.ContainsFunc(folders, func(folder string) bool {
		return p == folder || strings.HasPrefix(p, folder+"/")
	})
}

func longMains(tr tree) []string {
	return longer(tr, 40, func(f file) bool {
		ok, _ := path.Match("functions/*/main.go", f.name)
		return ok
	})
}

func longFiles(tr tree) []string {
	return longer(tr, 500, func(f file) bool { return !f.isTest() && !ast.IsGenerated(f.ast) })
}

func longer(tr tree, limit int, counts func(file) bool) []string {
	var found []string
	for _, f := range tr.files {
		if f.lines > limit && counts(f) {
			found = append(found, fmt.Sprintf("%s: %d lines, at most %d", f.name, f.lines, limit))
		}
	}
	return found
}

// sleeps finds calls that make a test slow and late. In a bubble of testing/synctest time.Sleep is how virtual time
// passes, so files that import that are left alone.
func sleeps(tr tree) []string {
	var found []string
	for _, f := range tr.files {
		if !f.isTest() || slices.Contains(f.imports(), "testing/synctest") {
			continue
		}
		name := timeName(f)
		ast.Inspect(f.ast, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok && sel.Sel.Name == "Sleep" {
				if x, ok := sel.X.(*ast.Ident); ok && x.Name == name {
					found = append(found, fmt.Sprintf("%s:%d: time.Sleep", f.name, f.set.Position(n.Pos()).Line))
				}
			}
			return true
		})
	}
	return found
}

// timeName is what a file calls the package time; "" where it does not import it.
func timeName(f file) string {
	for _, spec := range f.ast.Imports {
		if spec.Path.Value == `"time"` {
			if spec.Name != nil {
				return spec.Name.Name
			}
			return "time"
		}
	}
	return ""
}

// unbounded finds JSON that is laid out without a bound. Only the package that has one, and
// tests, may lay JSON out otherwise.
func unbounded(tr tree) []string {
	var found []string
	for _, f := range tr.files {
		if f.isTest() || within(f.name, "shared/layout") || !slices.Contains(f.imports(), "encoding/json") {
			continue
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok && slices.Contains([]string{"Indent", "MarshalIndent", "SetIndent"}, s.Sel.Name) {
				found = append(found, fmt.Sprintf("%s:%d: %s, where shared/layout has a bound", f.name, f.set.Position(s.Pos()).Line, s.Sel.Name))
			}
			return true
		})
	}
	return found
}

// hasty finds comparisons of secrets whose time tells how much of one is right: crypto/subtle and hmac.Equal have those that
// do not. A comparison with a literal tells nothing of a secret, nor does one with something made of the same secret.
func hasty(tr tree) []string {
	var found []string
	for _, f := range tr.files {
		if f.isTest() || !within(f.name, "shared", "functions", "infra/local") || within(f.name, testSupport()...) {
			continue
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			var compared []ast.Expr
			switch n := n.(type) {
			case *ast.BinaryExpr:
				if n.Op == token.EQL || n.Op == token.NEQ {
					compared = []ast.Expr{n.X, n.Y}
				}
			case *ast.CallExpr:
				if slices.Contains([]string{"Equal", "EqualFold", "Compare"}, lastName(n.Fun)) && len(n.Args) == 2 && !isNamed(n.Fun, "hmac") {
					compared = n.Args
				}
			}
			if slices.ContainsFunc(compared, func(e ast.Expr) bool {
				_, literal := e.(*ast.BasicLit)
				return literal || lastName(e) == "nil" || isOf(compared[0], e)
			}) {
				return true
			}
			for _, e := range compared {
				if name := lastName(e); isSecret(name) {
					found = append(found, fmt.Sprintf("%s:%d: compares %s, in a time that tells of it", f.name, f.set.Position(n.Pos()).Line, name))
				}
			}
			return true
		})
	}
	return found
}

// isSecret reports whether a value of this name is a secret, or as good as one to whoever guesses it.
func isSecret(name string) bool {
	name = strings.ToLower(name)
	return slices.ContainsFunc([]string{"secret", "token", "password", "signature", "credential", "mac", "apikey", "adminkey", "keyhash"}, func(s string) bool {
		return strings.HasSuffix(name, s)
	})
}

// lastName returns the last name of an expression: Hash of a.b.Hash and of a.Hash(x), and of string(a.Hash).
func lastName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	case *ast.IndexExpr:
		return lastName(e.X)
	case *ast.SliceExpr:
		return lastName(e.X)
	case *ast.ParenExpr:
		return lastName(e.X)
	case *ast.ArrayType:
		return ""
	case *ast.CallExpr:
		if conversion := lastName(e.Fun); len(e.Args) == 1 && (conversion == "" || conversion == "string") {
			return lastName(e.Args[0])
		}
		return lastName(e.Fun)
	}
	return ""
}

// isOf reports whether an expression is a call whose one argument is the other expression: a secret is compared with itself.
func isOf(call, arg ast.Expr) bool {
	c, ok := call.(*ast.CallExpr)
	return ok && len(c.Args) == 1 && types.ExprString(c.Args[0]) == types.ExprString(arg)
}

// isNamed reports whether a function is of the package with this name.
func isNamed(fun ast.Expr, pkg string) bool {
	sel, ok := fun.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	x, ok := sel.X.(*ast.Ident)
	return ok && x.Name == pkg
}

// strangers finds what has no place in the top folder. Names that start with a dot are tools' own.
func strangers(tr tree) []string {
	known := []string{
		"functions", "shared", "infra", "events", "template.yaml", "samconfig.toml", "Makefile", "go.mod", "go.sum",
		"README.md", "CONTRIBUTING.md",
	}
	return slices.DeleteFunc(slices.Clone(tr.top), func(name string) bool {
		return strings.HasPrefix(name, ".") || slices.Contains(known, name)
	})
}
