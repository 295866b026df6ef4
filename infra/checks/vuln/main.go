// Command vuln runs govulncheck on the module. It exits non-zero when govulncheck finds a vulnerability that our code
// reaches, or fails in any way but one: the vulnerability database is on the network, and where it cannot be reached
// the command says so in capitals. Then it asks what can be asked where modules come from: whether their authors have
// withdrawn a version that we use (https://go.dev/ref/mod#go-mod-file-retract), as they do with one that has a hole.
package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"time"
)

// limit is for a first build of govulncheck (under a minute), its run (seconds), and a network that answers nothing.
const limit = 5 * time.Minute

func main() {
	if err := run(os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "vuln:", err)
		os.Exit(1)
	}
}

func run(out io.Writer) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	if why := unknownHost(ctx, os.Getenv); why != nil { // saves building govulncheck for nothing
		if err := judge(why, "fetching vulnerabilities: dial tcp: "+why.Error(), out); err != nil {
			return err
		}
		return withdrawn(ctx, out)
	}
	var stderr strings.Builder
	cmd := exec.CommandContext(ctx, "go", "tool", "govulncheck", "./...")
	cmd.Stdout = out
	cmd.Stderr = &stderr
	return judge(cmd.Run(), stderr.String(), out)
}

// withdrawn returns an error that names the modules of which we use a version that its authors have withdrawn.
func withdrawn(ctx context.Context, out io.Writer) error {
	const format = `{{.Path}} {{.Version}}{{range .Retracted}} withdrawn: {{.}}{{end}}`
	var stderr strings.Builder
	cmd := exec.CommandContext(ctx, "go", "list", "-mod=readonly", "-m", "-u", "-retracted", "-f", format, "all")
	cmd.Stderr = &stderr
	list, err := cmd.Output()
	if err != nil && strings.Contains(stderr.String(), "dial tcp") {
		fmt.Fprintln(out, "modules: NOT CHECKED for withdrawn versions, there is no network here")
		return nil
	} else if err != nil {
		return fmt.Errorf("go list -retracted: %w\n%s", err, strings.TrimSpace(stderr.String()))
	}
	return sift(string(list), out)
}

// sift says which of the listed modules are withdrawn.
func sift(list string, out io.Writer) error {
	lines := strings.Split(strings.TrimSpace(list), "\n")
	var bad []string
	for _, line := range lines {
		if strings.Contains(line, " withdrawn: ") {
			bad = append(bad, line)
		}
	}
	if len(bad) > 0 {
		return fmt.Errorf("versions that their authors have withdrawn:\n%s", strings.Join(bad, "\n"))
	}
	fmt.Fprintf(out, "modules: none of %d is of a version that its authors have withdrawn\n", len(lines))
	return nil
}

// unknownHost returns why the database's host cannot be found, or nil: also where somebody else looks it up, a proxy or
// a database of one's own.
func unknownHost(ctx context.Context, getenv func(string) string) error {
	for _, name := range []string{"GOVULNDB", "HTTPS_PROXY", "https_proxy"} {
		if getenv(name) != "" {
			return nil
		}
	}
	_, err := net.DefaultResolver.LookupHost(ctx, "vuln.go.dev")
	return err
}

// judge says what a run of govulncheck means that ended in err with stderr.
func judge(err error, stderr string, out io.Writer) error {
	said := strings.TrimSpace(stderr)
	switch {
	case err == nil:
		fmt.Fprintln(out, "govulncheck: ok")
		return nil
	case unreachable(said):
		fmt.Fprintf(out, "govulncheck: NOT CHECKED, its database cannot be reached from here: %s\n", said)
		return nil
	}
	return fmt.Errorf("govulncheck: %w\n%s", err, said)
}

// unreachable reports whether what govulncheck said is that it did not get at its database; an answer with an HTTP
// status counts as reached.
func unreachable(stderr string) bool {
	return strings.Contains(stderr, "fetching vulnerabilities: ") &&
		(strings.Contains(stderr, "dial tcp") || strings.Contains(stderr, "proxyconnect") || strings.Contains(stderr, "timeout"))
}
