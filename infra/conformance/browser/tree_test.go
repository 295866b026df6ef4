package browser

import (
	"io/fs"
	"os"
	"path"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// testNames reads the names of all tests of the repository.
var testNames = sync.OnceValues(func() ([]string, error) {
	declared := regexp.MustCompile(`(?m)^func (Test\w+)\(t \*testing\.T\)`)
	var names []string
	root := os.DirFS("../../..")
	err := fs.WalkDir(root, ".", func(file string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if base := path.Base(file); e.IsDir() && file != "." && (strings.HasPrefix(base, ".") || base == "node_modules") {
			return fs.SkipDir
		}
		if !strings.HasSuffix(file, "_test.go") {
			return nil
		}
		text, err := fs.ReadFile(root, file)
		for _, m := range declared.FindAllSubmatch(text, -1) {
			names = append(names, string(m[1]))
		}
		return err
	})
	return names, err
})

func tests(t *testing.T) []string {
	t.Helper()
	names, err := testNames()
	if err != nil {
		t.Fatal(err)
	}
	return names
}
