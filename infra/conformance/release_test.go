package conformance

import (
	"bytes"
	"debug/buildinfo"
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"hookline/infra/lambda"
)

// Bounds of a function's executable: a cold start loads all of it. Those that render pages hold every exported method of
// what they link, which templates may call by name, and are larger for it.
const (
	maxBinary   = 12_000_000
	maxWithPage = 20_000_000
)

// TestAWSRelease builds every function as `sam build` does, by the Makefile, in the repository and in a copy of it
// elsewhere: what comes out is small, made for Lambda, and the same bytes.
func TestAWSRelease(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := copied(t, root)
	for _, name := range lambda.Names() {
		t.Run(name, func(t *testing.T) {
			path := release(t, root, name)
			bin, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			t.Attr("bytes", strconv.Itoa(len(bin)))
			most := maxBinary
			if name == "webhooks" || name == "console" {
				most = maxWithPage
			}
			if len(bin) > most {
				t.Errorf("%d bytes, want at most %d", len(bin), most)
			}
			again, err := os.ReadFile(release(t, elsewhere, name))
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(bin, again) {
				t.Error("the same source in another folder gives other bytes")
			}
			if bytes.Contains(bin, []byte(root)) {
				t.Errorf("the executable holds the path %s", root)
			}
			checkTarget(t, path)
		})
	}
}

// checkTarget holds an executable to what provided.al2023 on arm64 runs.
func checkTarget(t *testing.T, path string) {
	t.Helper()
	f, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if f.Machine != elf.EM_AARCH64 {
		t.Errorf("it is for %v, want %v", f.Machine, elf.EM_AARCH64)
	}
	if f.Section(".symtab") != nil {
		t.Error("it is not stripped")
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			t.Error("it needs a dynamic linker")
		}
	}
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]string)
	for _, s := range info.Settings {
		got[s.Key] = s.Value
	}
	for key, want := range map[string]string{"-tags": "lambda.norpc", "-trimpath": "true", "CGO_ENABLED": "0"} {
		if got[key] != want {
			t.Errorf("built with %s=%s, want %s", key, got[key], want)
		}
	}
}

// release builds a function and returns its executable's path.
func release(t *testing.T, root, name string) string {
	t.Helper()
	dir := t.TempDir()
	target := "build-" + strings.ToUpper(name[:1]) + name[1:] + "Function"
	cmd := exec.CommandContext(t.Context(), "make", "--no-print-directory", "-C", root, target, "ARTIFACTS_DIR="+dir)
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	return filepath.Join(dir, "bootstrap")
}

// copied copies what a build reads to a folder of another name.
func copied(t *testing.T, root string) string {
	t.Helper()
	to := t.TempDir()
	for _, name := range []string{"Makefile", "go.mod", "go.sum"} {
		b, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(to, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"functions", "shared", "events"} {
		if err := os.CopyFS(filepath.Join(to, name), os.DirFS(filepath.Join(root, name))); err != nil {
			t.Fatal(err)
		}
	}
	return to
}
