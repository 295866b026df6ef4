package conformance

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"hookline/infra/conformance/engines"
	"hookline/shared/pattern"
)

// startCLI starts the AWS CLI and returns a script that has it run a command: see awsfork.py.
func startCLI(t *testing.T) string {
	t.Helper()
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	cli, python := here+"/.cache/aws/aws", here+"/.cache/python/bin/python"
	if !exists(cli) || !exists(python) {
		missing(t, "the AWS CLI")
	}
	dir := t.TempDir()
	plugin := "[plugins]\ncli_legacy_plugin_path = " + here + "\nfork = awsfork\n"
	if err := os.WriteFile(filepath.Join(dir, "config"), []byte(plugin), 0o600); err != nil {
		t.Fatal(err)
	}
	at := &net.UnixAddr{Name: filepath.Join(dir, "socket"), Net: "unix"}
	l, err := net.ListenUnix("unix", at)
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	defer l.Close() // the CLI has a copy of it
	socket, err := l.File()
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	cmd := exec.CommandContext(t.Context(), cli, "--version")
	cmd.Env = []string{"HOME=" + dir, "AWS_CONFIG_FILE=" + filepath.Join(dir, "config")}
	cmd.ExtraFiles = []*os.File{socket}
	cmd.Stdout, cmd.Stderr = t.Output(), t.Output()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Wait() }) // the test's context has ended by then, which kills it
	return "exec " + python + " -I -S " + here + "/awsfork.py " + at.Name + ` "$@"`
}

// notRun are scripts for programs that README.md's commands call and that a test does not run. They note their arguments
// in the file calls. Make also prints what it would do. Date has the options alone that GNU's and macOS's have both.
func notRun(t *testing.T) map[string]string {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	note := func(name string) string { return "echo " + name + ` "$@" >> "$HOME/calls"` + "\n" }
	return map[string]string{
		"git":  note("git"),
		"make": note("make") + program(t, "make") + " -n -C " + root + ` "$@"`,
		"sam":  note("sam"),
		"date": `for arg; do case $arg in -u | +*) ;; *) echo "date: not every system knows $arg" >&2; exit 1 ;; esac; done
			exec ` + program(t, "date") + ` "$@"`,
	}
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

// sigV4 finds the key, the region and the service in the header Authorization of a signed request.
var sigV4 = regexp.MustCompile(`^AWS4-HMAC-SHA256 Credential=([^/]+)/\d{8}/([^/]*)/([^/]*)/aws4_request, `)

// signer is the key, the region, the service and the session token of a signed request; "" of another.
func signer(r *http.Request) string {
	m := sigV4.FindStringSubmatch(r.Header.Get("Authorization"))
	if m == nil {
		return ""
	}
	return strings.TrimSpace(strings.Join(append(m[1:], r.Header.Get("X-Amz-Security-Token")), " "))
}

// gateway is in front of a local system as API Gateway is in front of the functions. It takes every signature for the
// admin's.
type gateway struct {
	system, admin string

	mu      sync.Mutex
	signed  []string // requests, by signer
	refused []string // requests that were not answered 2xx
}

func (g *gateway) handler(t *testing.T) http.Handler {
	t.Helper()
	upstream, err := url.Parse(g.system)
	if err != nil {
		t.Fatal(err)
	}
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(upstream)
			if by := signer(r.In); by != "" {
				r.Out.Header.Set("Authorization", "Bearer "+g.admin)
				g.mu.Lock()
				defer g.mu.Unlock()
				g.signed = append(g.signed, by+": "+r.In.Method+" "+r.In.URL.Path)
			}
		},
		ModifyResponse: func(r *http.Response) error {
			if r.StatusCode >= http.StatusMultipleChoices {
				g.mu.Lock()
				defer g.mu.Unlock()
				g.refused = append(g.refused, r.Request.Method+" "+r.Request.URL.Path+": "+r.Status)
			}
			return nil
		},
	}
}

// account answers as the services of AWS do that have no stand-in here. Its answers are fixed, except that a local system
// answers PutEvents. It remembers the bodies of requests by operation, or by method and address where the protocol of the
// service names no operation.
type account struct {
	answers map[string]string
	bus     string

	mu    sync.Mutex
	calls map[string][]string
}

func (a *account) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	operation := r.Method + " " + r.URL.RequestURI()
	if target := r.Header.Get("X-Amz-Target"); target != "" {
		_, operation, _ = strings.Cut(target, ".")
	} else if form, err := url.ParseQuery(string(body)); err == nil && form.Has("Action") {
		operation = form.Get("Action")
	}
	a.mu.Lock()
	a.calls[operation] = append(a.calls[operation], string(body))
	a.mu.Unlock()
	if operation == "PutEvents" {
		upstream, _ := url.Parse(a.bus)
		r.Body = io.NopCloser(bytes.NewReader(body))
		httputil.NewSingleHostReverseProxy(upstream).ServeHTTP(w, r)
		return
	}
	if operation == "DescribeStackResource" {
		form, _ := url.ParseQuery(string(body))
		operation += " " + form.Get("LogicalResourceId")
	}
	answer, ok := a.answers[operation]
	if !ok {
		http.Error(w, "this account has no answer to "+operation, http.StatusBadRequest)
		return
	}
	_, _ = io.WriteString(w, answer)
}

// call returns the body of an operation that was called once.
func (a *account) call(t *testing.T, operation string) string {
	t.Helper()
	if n := len(a.calls[operation]); n != 1 {
		t.Fatalf("%s was called %d times, want once; the calls were %s", operation, n, slices.Sorted(maps.Keys(a.calls)))
	}
	return a.calls[operation][0]
}

// outputs are those of the stack that README.md's commands read, except ApiUrl.
var outputs = map[string]string{
	"BusName":                  "hookline-dev-bus",
	"EventSource":              "hookline.hookline-dev",
	"TableName":                "hookline-dev-Table",
	"KeyArn":                   "arn:aws:kms:eu-central-1:000000000000:key/00000000-0000-4000-8000-000000000000",
	"IngestQueueArn":           queueARN("IngestQueue"),
	"IngestDeadLetterQueueArn": queueARN("IngestDeadLetterQueue"),
}

func queueARN(name string) string {
	return "arn:aws:sqs:" + engines.Region + ":" + engines.Account + ":" + name
}

// resourceID is the physical id of a resource of the stack.
func resourceID(name string) string { return "hookline-dev-" + name + "-1" }

// answers are an account's, to all that README.md's commands ask. Template.yaml must have the outputs told.
func answers(t *testing.T, told map[string]string) map[string]string {
	t.Helper()
	template, err := os.ReadFile("../../template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	resources, named, _ := strings.Cut(string(template), "\nOutputs:\n")
	if !strings.Contains(resources, "\n  DeliverFunction:\n") {
		t.Error("template.yaml has no DeliverFunction")
	}
	var listed strings.Builder
	for name, value := range told {
		if !strings.Contains("\n"+named, "\n  "+name+":\n") {
			t.Errorf("template.yaml has no output %s", name)
		}
		fmt.Fprintf(&listed, "<member><OutputKey>%s</OutputKey><OutputValue>%s</OutputValue></member>", name, value)
	}
	answers := map[string]string{
		"DescribeStacks": `<DescribeStacksResponse><DescribeStacksResult><Stacks><member>` +
			`<StackName>hookline-dev</StackName><StackStatus>CREATE_COMPLETE</StackStatus><Outputs>` + listed.String() +
			`</Outputs></member></Stacks></DescribeStacksResult></DescribeStacksResponse>`,
		"PutRule":                              `{"RuleArn": "arn:aws:events:eu-central-1:000000000000:rule/any"}`,
		"PutTargets":                           `{"FailedEntryCount": 0, "FailedEntries": []}`,
		"PUT /acme-uploads?notification":       "",
		"GET /v2/email/identities/example.com": `{"IdentityType": "DOMAIN", "DkimAttributes": {"Tokens": ["a", "b", "c"]}}`,
		"ScheduleKeyDeletion":                  `{"KeyState": "PendingDeletion"}`,
		"GET /2024-08-31/functions/" + resourceID("DeliverFunction") + "/recursion-config": `{"RecursiveLoop": "Allow"}`,
		"GetMetricStatistics": `{"Label": "RecursiveInvocationsDropped", "Datapoints": []}`,
		"FilterLogEvents":     `{"events": []}`,
	}
	const name = "DeliverFunction"
	answers["DescribeStackResource "+name] = `<DescribeStackResourceResponse><DescribeStackResourceResult><StackResourceDetail>` +
		`<LogicalResourceId>` + name + `</LogicalResourceId><PhysicalResourceId>` + resourceID(name) + `</PhysicalResourceId>` +
		`</StackResourceDetail></DescribeStackResourceResult></DescribeStackResourceResponse>`
	return answers
}

// rule is a rule of EventBridge with its target.
type rule struct {
	bus, pattern string
	target       struct {
		Arn              string
		DeadLetterConfig struct{ Arn string }
		InputTransformer transformer
	}
}

// rule returns a rule that was put, with one target.
func (a *account) rule(t *testing.T, name string) rule {
	t.Helper()
	var r rule
	for _, call := range a.calls["PutRule"] {
		if put := decoded[struct{ Name, EventBusName, EventPattern string }](t, call); put.Name == name {
			r.bus, r.pattern = put.EventBusName, put.EventPattern
		}
	}
	for _, call := range a.calls["PutTargets"] {
		put := decoded[struct {
			Rule, EventBusName string
			Targets            []json.RawMessage
		}](t, call)
		if put.Rule != name || put.EventBusName != r.bus {
			continue
		}
		if len(put.Targets) != 1 {
			t.Fatalf("the rule %s has %d targets, want 1", name, len(put.Targets))
		}
		if err := json.Unmarshal(put.Targets[0], &r.target); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// takes reports whether the rule's pattern matches an event. Webhooks' filters are matched by the same language.
func (r rule) takes(t *testing.T, event string) bool {
	t.Helper()
	p, faults := pattern.Parse(json.RawMessage(r.pattern))
	if len(faults) > 0 {
		t.Fatalf("the pattern %s: %v", r.pattern, faults)
	}
	return p.Match(pattern.Decode(json.RawMessage(event)), pattern.NewWork(t.Context(), pattern.MaxWork))
}

// transformer is the InputTransformer of a target.
type transformer struct {
	InputPathsMap map[string]string
	InputTemplate string
}

var placeholder = regexp.MustCompile(`<[\w-]+>`)

// apply returns what the target gets of an event. EventBridge puts a value into a string of the template as text, and
// elsewhere as JSON (EventBridge User Guide, Amazon EventBridge input transformation).
func (in transformer) apply(t *testing.T, event string) string {
	t.Helper()
	var out strings.Builder
	end := 0
	for _, at := range placeholder.FindAllStringIndex(in.InputTemplate, -1) {
		before, name := in.InputTemplate[:at[0]], in.InputTemplate[at[0]+1:at[1]-1]
		path := in.InputPathsMap[name]
		value := decoded[any](t, event)
		for _, field := range strings.Split(path, ".")[1:] {
			object, _ := value.(map[string]any)
			value = object[field]
		}
		if value == nil {
			t.Fatalf("<%s> of the template is %q, which is not in %s", name, path, event)
		}
		raw, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		if quotes := strings.Count(before, `"`) - strings.Count(before, `\"`); quotes%2 == 1 {
			raw = bytes.Trim(raw, `"`)
		}
		out.WriteString(before[end:])
		out.Write(raw)
		end = at[1]
	}
	return out.String() + in.InputTemplate[end:]
}

// uploaded is an event of S3 (S3 User Guide, EventBridge event message structure).
const uploaded = `{
	"version": "0", "id": "17793124-05d4-b198-2fde-7ededc63b103", "detail-type": "Object Created", "source": "aws.s3",
	"account": "111122223333", "time": "2021-11-12T00:00:00Z", "region": "ca-central-1", "resources": ["arn:aws:s3:::acme-uploads"],
	"detail": {
		"version": "0", "bucket": {"name": "acme-uploads"},
		"object": {"key": "photos/one.jpg", "size": 184662, "etag": "b1946ac92492d2347c6235b4d2611184", "sequencer": "617f08299329d189"},
		"request-id": "N4N7GDK58NMKJ12R", "requester": "123456789012", "source-ip-address": "1.2.3.4", "reason": "PutObject"
	}
}`
