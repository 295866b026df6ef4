package lambda

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// Names returns the functions' names, as their folders have them.
func Names() []string {
	return []string{"webhooks", "console", "ingest", "inbound", "deliver", "sweep", "notify", "count"}
}

// Build compiles a function of the repository at root into dir, for this machine, and returns the executable's path. It
// is the program that is deployed but for the processor and the paths in it, so that it builds from the machine's own
// cache. With private, receivers on this machine may be called.
func Build(ctx context.Context, root, dir, name string, private bool) (string, error) {
	tags := "lambda.norpc"
	if private {
		tags += ",privatetargets"
	}
	out := filepath.Join(dir, name, "bootstrap")
	cmd := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-tags", tags, "-ldflags", "-s -w", "-o", out, "./functions/"+name)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if said, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building %s: %w\n%s", name, err, said)
	}
	return out, nil
}
