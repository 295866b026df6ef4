package conformance

import (
	"encoding/json"
	"io"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// delivery is what a receiver got, as harness.mjs and harness.py read it, with the code to check it by and the secret
// that the receiver has.
type delivery struct {
	Code    string            `json:"code"`
	Secret  string            `json:"secret"`
	Headers map[string]string `json:"headers"` // names in lower case
	Body    []byte            `json:"body"`    // base64 in JSON
}

// with returns a copy that may be changed.
func (d delivery) with(change func(*delivery)) delivery {
	d.Headers, d.Body = maps.Clone(d.Headers), slices.Clone(d.Body)
	change(&d)
	return d
}

// verdict is what the code says of one delivery. Payload is what a library hands on.
type verdict struct {
	Accepted bool   `json:"accepted"`
	Payload  string `json:"payload"` // printed again: Python has 1e400 as Infinity there
	Error    string `json:"error"`   // the code or name of what was thrown
	Message  string `json:"message"`
}

// refused reports whether the delivery was refused in a way that the code has for that: any other error is a fault.
func (v verdict) refused() bool {
	switch v.Error {
	case "":
		return !v.Accepted
	case "WebhookVerificationError", // the libraries'
		"ERR_CRYPTO_TIMING_SAFE_EQUAL_LENGTH", // a signature of another length: the documents' code does not look
		"SyntaxError":                         // a body that is no JSON any more: express.json() answers 400 to it
		return true
	}
	return false
}

// judges are the programs that run the documents' code and the libraries: one of Node, one of Python.
type judges struct {
	node, python *process
	endpoints    map[string]string // the documents' whole endpoints: file, URL
}

// startJudges starts them; they end with the test. webhookSecret is what the endpoint finds in its environment.
func startJudges(t *testing.T, webhookSecret string) *judges {
	t.Helper()
	const python = ".cache/python/bin/python"
	node := program(t, "node")
	for _, name := range []string{"standardwebhooks", "express", "esbuild"} {
		library(t, name)
	}
	if _, err := os.Stat(python); err != nil {
		missing(t, "Python library standardwebhooks")
	}
	j := &judges{
		node:   startProcess(t, exec.CommandContext(t.Context(), node, "harness.mjs"), "WEBHOOK_SECRET="+webhookSecret),
		python: startProcess(t, exec.CommandContext(t.Context(), python, "harness.py")),
	}
	if err := j.node.out.Decode(&j.endpoints); err != nil {
		t.Fatalf("harness.mjs: %v", err)
	}
	return j
}

// judge returns a verdict on each delivery, in the same order.
func (j *judges) judge(t *testing.T, deliveries []delivery) []verdict {
	t.Helper()
	verdicts := make([]verdict, len(deliveries))
	for _, p := range []*process{j.node, j.python} {
		var mine []int
		for i, d := range deliveries {
			if python := strings.HasSuffix(d.Code, ".py") || strings.Contains(d.Code, "PyPI"); python == (p == j.python) {
				mine = append(mine, i)
			}
		}
		asked := make(chan error, 1)
		go func() {
			for _, i := range mine {
				if err := p.in.Encode(deliveries[i]); err != nil {
					asked <- err
					return
				}
			}
			asked <- nil
		}()
		for _, i := range mine {
			if err := p.out.Decode(&verdicts[i]); err != nil {
				t.Fatalf("%s has no verdict: %v", deliveries[i].Code, err)
			}
		}
		if err := <-asked; err != nil {
			t.Fatal(err)
		}
	}
	return verdicts
}

// process is a program that answers JSON lines.
type process struct {
	in  *json.Encoder
	out *json.Decoder
}

func startProcess(t *testing.T, cmd *exec.Cmd, env ...string) *process {
	t.Helper()
	cmd.Env, cmd.Stderr = append(os.Environ(), env...), os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_, _ = io.Copy(io.Discard, out)
		_ = cmd.Wait() // the test's context has ended it where it did not end by itself
	})
	return &process{json.NewEncoder(in), json.NewDecoder(out)}
}
