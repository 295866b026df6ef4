package lambda

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// Names returns the functions' names, as their folders have them.
func Names() []string {
	return []string{"webhooks", "console", "ingest", "inbound", "deliver", "sweep", "notify", "count"}
}

// Build compiles a function of the repository at root, for this machine, and returns the executable's path. It is the
// program that is deployed but for the processor and the paths in it. With private, receivers on this machine may be called.
func Build(ctx context.Context, root, name string, private bool) (string, error) {
	kind, tags := "public", "lambda.norpc"
	if private {
		kind, tags = "private", tags+",privatetargets"
	}
	return Compile(ctx, root, "./functions/"+name, filepath.Join(kind, name), tags)
}

// Compile compiles any package of the repository as functions are, with tags. The executable is in a folder that git
// ignores, so that it is linked once for all tests that run it.
func Compile(ctx context.Context, root, pkg, name, tags string) (string, error) {
	dir, err := filepath.Abs(filepath.Join(root, ".bin", "functions", name))
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	lock, err := os.Create(filepath.Join(dir, "lock")) // other processes build it too, and run it
	if err != nil {
		return "", err
	}
	defer func() { _ = lock.Close() }()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return "", err
	}
	out := filepath.Join(dir, "bootstrap")
	cmd := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-tags", tags, "-ldflags", "-s -w", "-o", out, pkg)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if said, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building %s: %w\n%s", pkg, err, said)
	}
	return out, nil
}
