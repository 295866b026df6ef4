package conformance

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const document = "../../shared/httpapi/openapi.json"

// run runs a program in a folder and returns what it prints.
func run(t *testing.T, dir string, env []string, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", filepath.Base(name), strings.Join(args, " "), err, out)
	}
	return string(out)
}

// installed returns the folder of npm's programs, and skips the test where a library is not installed.
func installed(t *testing.T, libraries ...string) string {
	t.Helper()
	program(t, "node")
	for _, name := range libraries {
		library(t, name)
	}
	folder, err := filepath.Abs("node_modules")
	if err != nil {
		t.Fatal(err)
	}
	return folder
}

// TestOpenAPILint has a public linter read the OpenAPI document; redocly.yaml says by which rules.
func TestOpenAPILint(t *testing.T) {
	t.Parallel()
	bin := installed(t, "@redocly/cli") + "/.bin/"
	quiet := []string{"REDOCLY_TELEMETRY=off", "REDOCLY_SUPPRESS_UPDATE_NOTICE=true"}
	run(t, ".", quiet, bin+"redocly", "lint", "--config", "redocly.yaml", document)
}

// TestOpenAPIClients has two public generators make clients of the OpenAPI document. Both compile, and do with a running
// system what every user does first: a tenant, a key, a webhook, an event, its delivery.
func TestOpenAPIClients(t *testing.T) {
	t.Parallel()
	target := startTarget(t, always(http.StatusOK))
	s := startSystem(t, t.TempDir(), nil)
	env := []string{"BASE=" + s.base, "ADMIN_KEY=" + s.key, "TARGET=" + target.URL, "NO_PROXY=127.0.0.1"}
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	// clients returns a copy of the folder of a client, in which the document lies too.
	clients := func(t *testing.T, name string) string {
		dir := t.TempDir()
		if err := os.CopyFS(dir, os.DirFS("testdata/clients/"+name)); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(dir+"/openapi.json", text, 0o600); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	for name, do := range map[string]func(t *testing.T) string{
		"typescript": func(t *testing.T) string {
			modules := installed(t, "openapi-typescript", "openapi-fetch", "typescript", "esbuild")
			dir, bin := clients(t, "ts"), modules+"/.bin/"
			if err := os.Symlink(modules, dir+"/node_modules"); err != nil {
				t.Fatal(err)
			}
			// An object of which the document says nothing more is one of any fields.
			run(t, dir, nil, bin+"openapi-typescript", "openapi.json", "--empty-objects-unknown", "--output", "schema.ts")
			run(t, dir, nil, bin+"tsc")
			run(t, dir, nil, bin+"esbuild", "main.ts", "--bundle", "--format=esm", "--outfile=main.mjs", "--log-level=warning")
			return run(t, dir, env, program(t, "node"), "main.mjs")
		},
		"go": func(t *testing.T) string {
			dir := clients(t, "go")
			run(t, dir, nil, "go", "tool", "oapi-codegen", "-config", "oapi-codegen.yaml", "openapi.json")
			run(t, dir, nil, "go", "build", "-trimpath", "-o", "client", ".") // what is compiled is found again in any folder
			return run(t, dir, env, dir+"/client")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, want := do(t), "true 1 200\n"; got != want {
				t.Errorf("the client printed %q, want %q", got, want)
			}
			hits := 0
			for _, h := range target.got() {
				if h.path == "/"+name {
					hits++
				}
			}
			if hits != 1 {
				t.Errorf("the webhook was called %d times, want once", hits)
			}
		})
	}
}
