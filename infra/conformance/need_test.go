package conformance

import (
	"os"
	"os/exec"
	"testing"

	"hookline/shared/dialect"
)

// program returns the path of a program on PATH, and skips the test where there is none.
func program(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		missing(t, name)
	}
	return path
}

// library skips the test where an npm library is not installed.
func library(t *testing.T, name string) {
	t.Helper()
	if _, err := os.Stat("node_modules/" + name); err != nil {
		missing(t, "npm library "+name)
	}
}

// missing ends the test: as skipped at a desk, as failed where everything has to be there.
func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("HOOKLINE_CONFORMANCE") == "1" || os.Getenv("CI") != "" {
		t.Fatalf("%s is not installed", what)
	}
	t.Skipf("%s is not installed (make conformance installs it)", what)
}

// builtin returns a built-in dialect.
func builtin(t *testing.T, name string) *dialect.Dialect {
	t.Helper()
	all, err := dialect.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	d, err := all.Dialect(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return d
}
