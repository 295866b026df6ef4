package functions

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"hookline/infra/lambda"
)

// receiver is a running answers.
type receiver struct {
	cmd *exec.Cmd
	url string
}

func startReceiver(ctx context.Context) (*receiver, error) {
	path, err := lambda.Compile(ctx, root, "./infra/bench/functions/answers", filepath.Join("bench", "answers"), "")
	if err != nil {
		return nil, err
	}
	r := &receiver{cmd: exec.CommandContext(ctx, path)}
	r.cmd.Stderr = os.Stderr
	said, err := r.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := r.cmd.Start(); err != nil {
		return nil, err
	}
	address, err := bufio.NewReader(said).ReadString('\n')
	if err != nil {
		r.stop()
		return nil, fmt.Errorf("the receiver did not start: %w", err)
	}
	r.url = "http://" + strings.TrimSpace(address)
	return r, nil
}

func (r *receiver) stop() {
	_ = r.cmd.Process.Kill()
	_ = r.cmd.Wait()
}
