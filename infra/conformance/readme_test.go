package conformance

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"

	"hookline/infra/local/runner"
	"hookline/shared/ingest"
	"hookline/shared/queue"
	"hookline/shared/stack"
	systemevent "hookline/shared/systemevent"
)

// step is a block of commands in README.md's sections on AWS. Begins is how its first line begins. Before is bash that
// runs first: it sets the variables that the text tells readers to set, and replaces what a test cannot wait for. Fill is
// the block's placeholders, each with its value after it.
type step struct {
	begins, before string
	fill           []string
}

// The first lines of blocks whose output is read below.
const (
	deploys  = "sam build"
	admins   = `eval "$(aws configure`
	puts     = "aws events put-events"
	updates  = "git pull"
	attempts = "call $API/v1/events -d '{\"type\": \"order.placed\""
	moves    = "Q=$(aws sqs create-queue"
	invoice  = "for i in $(seq 20)"
	chains   = "F=$(aws cloudformation describe-stack-resource"
)

// steps are all the blocks, in their order.
var steps = []step{
	{begins: deploys},
	{begins: "STACK=hookline-dev"},
	// The text's own function has run once when this one takes its place. Twelve more calls of the CLI would show no more.
	{begins: admins, before: `out() { jq -er --arg name "$1" '.[$name]' "$OUTPUTS" || { echo "the stack has no output $1" >&2; kill $$; }; }`},
	{begins: "aws sesv2 get-email-identity"},
	{begins: puts},
	{begins: "aws s3api put-bucket-notification-configuration"},
	{begins: "aws events put-rule --name inactive-webhooks", before: `TOPIC=arn:aws:sns:eu-central-1:000000000000:ops`},
	{begins: "call() {", before: `KEY=$(jq -r .api_key "$TENANT") URL=$RECEIVER`},
	{begins: attempts, before: sleepUntil("limit=1", ".attempt_count > 1")},
	{begins: moves, before: `sleep() { :; } # the next command waits for the message`},
	{begins: invoice, before: sleepUntil("event_type=invoice.paid", `.status == "succeeded"`) + `
		seq() { echo 1; } # one request with 100 orders, not 20`},
	{begins: chains},
	{begins: updates},
	{begins: "sam delete"},
	{begins: "aws dynamodb update-table", fill: []string{"TABLE", outputs["TableName"], "KEY", outputs["KeyArn"]}},
	{begins: "sam delete"}, // after a first deployment that failed
	{begins: "make cli"},
	{begins: "hookline keys create"},
}

// sleepUntil is a function sleep for bash. It returns when the first delivery of a list is as jq's expression says.
func sleepUntil(query, is string) string {
	return fmt.Sprintf(`sleep() {
		for try in {1..1000}; do
			! call "$API/v1/deliveries?%s" | jq -e '.data[0] // {} | %s' > /dev/null || return 0
		done
		echo 'no delivery is %[2]s' >&2
		return 1
	}`, query, is)
}

// block is a step with the commands of README.md.
type block struct {
	step
	commands string
}

// readme reads the blocks of README.md from its section Deploy on. They must be those of steps, so that a new block
// cannot go untested.
func readme(t *testing.T) []block {
	t.Helper()
	raw, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(raw), "\n## Deploy\n")
	if strings.Contains(text, "```") {
		t.Fatal("README.md has a fenced block, and this test reads indented ones")
	}
	var blocks []block
	indent, inside := "", false
	for line := range strings.Lines(text) {
		switch {
		case strings.TrimSpace(line) == "": // the block may go on after it
		case !strings.HasPrefix(line, "    "):
			inside = false
		case !inside:
			inside, indent = true, line[:len(line)-len(strings.TrimLeft(line, " "))]
			blocks = append(blocks, block{})
		}
		if inside {
			blocks[len(blocks)-1].commands += strings.TrimPrefix(line, indent)
		}
	}
	var got, want []string
	for i := range blocks {
		begins, _, _ := strings.Cut(blocks[i].commands, "\n")
		for _, s := range steps {
			if strings.HasPrefix(begins, s.begins) {
				blocks[i].step, begins = s, s.begins
			}
		}
		got = append(got, begins)
	}
	for _, s := range steps {
		want = append(want, s.begins)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("blocks of commands (-steps +README.md; a new block needs a step, and a check of what it does):\n%s", diff)
	}
	for i, b := range blocks {
		for j := 0; j < len(b.fill); j += 2 {
			if !strings.Contains(b.commands, b.fill[j]) {
				t.Fatalf("the block %s does not have %s", b.begins, b.fill[j])
			}
			blocks[i].commands = strings.ReplaceAll(blocks[i].commands, b.fill[j], b.fill[j+1])
		}
	}
	return blocks
}

// shell is where commands run: in a folder of their own, without this process's environment. Programs, by name, are
// scripts of sh that come before the machine's own.
type shell struct {
	dir string
	env []string
}

func newShell(t *testing.T, programs map[string]string, env ...string) shell {
	t.Helper()
	program(t, "bash")
	program(t, "curl")
	bin := t.TempDir()
	for name, text := range programs {
		if err := os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\n"+text+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	return shell{dir, append(env, "PATH="+bin+":"+os.Getenv("PATH"), "HOME="+dir, "NO_PROXY=127.0.0.1")}
}

func (sh shell) run(t *testing.T, script string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "bash", "-c", script)
	cmd.Dir, cmd.Env = sh.dir, sh.env
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v after\n%s", err, &said)
	}
}

func (sh shell) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(sh.dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (sh shell) read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(sh.dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestReadmeSigns has README.md's function admin sign requests, with the region named in every place where the AWS CLI
// looks for it, and in the CLI's order.
func TestReadmeSigns(t *testing.T) {
	blocks := readme(t)
	commands := blocks[slices.IndexFunc(blocks, func(b block) bool { return b.begins == admins })].commands
	// An AWS CLI whose profile has a region. TestAWSReadme runs the real one.
	const cli = `case "$*" in
		"configure export-credentials --format env") echo export AWS_ACCESS_KEY_ID=ID; echo export AWS_SECRET_ACCESS_KEY=secret ;;
		"configure get region") echo eu-central-1 ;;
		*) exit 1 ;;
	esac`
	for name, tt := range map[string]struct {
		env  []string
		want string
	}{
		"the profile's region":           {nil, "ID eu-central-1 execute-api"},
		"AWS_REGION":                     {[]string{"AWS_REGION=us-west-2"}, "ID us-west-2 execute-api"},
		"AWS_DEFAULT_REGION":             {[]string{"AWS_DEFAULT_REGION=us-west-1"}, "ID us-west-1 execute-api"},
		"AWS_REGION comes first":         {[]string{"AWS_DEFAULT_REGION=us-west-1", "AWS_REGION=us-west-2"}, "ID us-west-2 execute-api"},
		"credentials that are temporary": {[]string{"AWS_SESSION_TOKEN=a token"}, "ID eu-central-1 execute-api a token"},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			api := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = append(got, signer(r)) }))
			defer api.Close()
			newShell(t, map[string]string{"aws": cli}, append(tt.env, "API="+api.URL)...).run(t, commands)
			api.Close() // got is complete
			if diff := cmp.Diff([]string{tt.want}, got); diff != "" {
				t.Errorf("requests are signed by (-want +got):\n%s", diff)
			}
		})
	}
}

// TestAWSReadme runs all blocks of README.md's sections on AWS in one shell, as a reader pastes them. The AWS CLI is the
// real one. DynamoDB Local answers its commands for DynamoDB, ElasticMQ those for SQS, a local system those for the API,
// and account those for other services. Of these last the test shows that they fit the CLI's models of the services and
// arrive as the text means them, and not that AWS does what they ask.
func TestAWSReadme(t *testing.T) {
	t.Parallel()
	r := newReader(t)
	for name, check := range map[string]func(t *testing.T, r *reader){
		"the API takes every request":      requests,
		"make's targets and environments":  deployments,
		"an entry of the bus is an event":  busEntry,
		"an upload is an event":            upload,
		"ops hear of an inactive webhook":  inactiveWebhook,
		"the table and the key are gone":   removed,
		"the four things show what is due": fourThings,
	} {
		t.Run(name, func(t *testing.T) { check(t, r) })
	}
}

// reader is somebody who has pasted every block, and what it came to.
type reader struct {
	shell
	system  *system
	acme    client // with the key of the first tenant
	front   *gateway
	account *account
	db      *dynamodb.Client
}

// The one profile in the reader's settings of the AWS CLI. Nothing else names its region.
const (
	profileRegion = "eu-central-1"
	profileID     = "AKIDPROFILE"
	profileSecret = "a/secret+with=signs"
	profileToken  = "a/token+with=="
)

func newReader(t *testing.T) *reader {
	t.Helper()
	blocks := readme(t)
	program(t, "jq")
	programs := map[string]string{"aws": startCLI(t)}
	maps.Copy(programs, notRun(t))
	// The runbooks' test runs such commands. Here the program parses them.
	programs["hookline"] = `exec ` + commandLine(t) + ` "$@" --help`

	r := &reader{system: startSystem(t, t.TempDir(), runner.Embedded, "CLOCK_SPEED=1000")}
	r.front = &gateway{system: r.system.base, admin: r.system.key}
	api := httptest.NewServer(r.front.handler(t))
	t.Cleanup(api.Close)
	receiver := startTarget(t, func(path string, _ int) int {
		if path == "/500" {
			return http.StatusInternalServerError
		}
		return http.StatusOK
	})
	told := maps.Clone(outputs)
	told["ApiUrl"] = api.URL
	r.account = &account{answers: answers(t, told), bus: r.system.base, calls: make(map[string][]string)}
	services := httptest.NewServer(r.account)
	t.Cleanup(services.Close)

	mq := elasticMQ(t)
	r.db = dynamodb.New(dynamoDBLocal(t).Options(), func(o *dynamodb.Options) {
		o.Region, o.Credentials = profileRegion, credentials.NewStaticCredentialsProvider(profileID, profileSecret, profileToken)
	})
	if _, err := r.db.UpdateTable(t.Context(), &dynamodb.UpdateTableInput{
		TableName: aws.String(table(t, r.db, outputs["TableName"])), DeletionProtectionEnabled: aws.Bool(true),
	}); err != nil {
		t.Fatal(err)
	}

	r.shell = newShell(
		t, programs, "AWS_CONFIG_FILE=config", "AWS_PROFILE=hookline", "AWS_EC2_METADATA_DISABLED=true",
		"AWS_ENDPOINT_URL="+services.URL, "AWS_ENDPOINT_URL_SQS="+*mq.Options().BaseEndpoint,
		"AWS_ENDPOINT_URL_DYNAMODB="+*r.db.Options().BaseEndpoint,
		"OUTPUTS=outputs.json", "TENANT="+printed(admins), "RECEIVER="+receiver.URL,
	)
	r.write(t, "config", fmt.Sprintf(
		"[profile hookline]\nregion = %s\naws_access_key_id = %s\naws_secret_access_key = %s\naws_session_token = %s\n",
		profileRegion, profileID, profileSecret, profileToken,
	))
	raw, err := json.Marshal(told)
	if err != nil {
		t.Fatal(err)
	}
	r.write(t, "outputs.json", string(raw))
	var script strings.Builder
	script.WriteString("set -eu -o pipefail\n")
	for i, b := range blocks {
		name := "block" + strconv.Itoa(i)
		r.write(t, name, b.before+"\n"+b.commands)
		fmt.Fprintf(&script, "echo %s >&2; . ./%[1]s > %s\n", name, printed(b.begins))
	}
	r.run(t, script.String())
	r.acme = r.system.client
	r.acme.key = decoded[struct {
		Key string `json:"api_key"`
	}](t, r.read(t, printed(admins))).Key
	return r
}

// printed is the file that has what a block printed.
func printed(begins string) string {
	return fmt.Sprintf("block%d.out", slices.IndexFunc(steps, func(s step) bool { return s.begins == begins }))
}

func requests(t *testing.T, r *reader) {
	by := strings.Join([]string{profileID, profileRegion, "execute-api", profileToken}, " ")
	want := []string{by + ": POST /v1/tenants", by + ": PATCH /v1/tenants/acme"}
	if diff := cmp.Diff(want, r.front.signed); diff != "" {
		t.Errorf("signed requests (-want +got):\n%s", diff)
	}
	if len(r.front.refused) > 0 {
		t.Errorf("refused: %s", r.front.refused)
	}
}

func deployments(t *testing.T, r *reader) {
	want := "sam build\nsam deploy --guided\nmake deploy ENV=dev\ngit pull\nmake deploy ENV=prod\nsam delete --stack-name hookline-dev\n" +
		"sam delete --stack-name hookline-dev\nmake cli\n"
	if diff := cmp.Diff(want, r.read(t, "calls")); diff != "" {
		t.Errorf("programs were called (-want +got):\n%s", diff)
	}
	settings, err := os.ReadFile("../../samconfig.toml")
	if err != nil {
		t.Fatal(err)
	}
	for begins, env := range map[string]string{deploys: "dev", updates: "prod"} {
		if got := r.read(t, printed(begins)); !strings.Contains(got, "sam deploy --config-env "+env+"\n") {
			t.Errorf("make would run\n%s, want a deployment with --config-env %s", got, env)
		}
		if !strings.Contains(string(settings), "["+env+".deploy.parameters]") {
			t.Errorf("samconfig.toml has no environment %s", env)
		}
	}
}

func busEntry(t *testing.T, r *reader) {
	entry := decoded[struct {
		Entries []struct{ EventBusName string }
	}](t, r.account.call(t, "PutEvents")).Entries[0]
	if entry.EventBusName != outputs["BusName"] {
		t.Errorf("got an entry of the bus %q, want %q", entry.EventBusName, outputs["BusName"])
	}
	answer := decoded[struct {
		Entries []struct {
			EventID string `json:"EventId"`
		}
	}](t, r.read(t, printed(puts))).Entries[0]
	r.accepted(t, answer.EventID, "order.placed", `{"order": 8}`)
}

func upload(t *testing.T, r *reader) {
	const want = "<EventBridgeConfiguration /></NotificationConfiguration>"
	if got := r.account.call(t, "PUT /acme-uploads?notification"); !strings.HasSuffix(got, want) {
		t.Errorf("the bucket's notifications are %s, want %s", got, want)
	}
	rule := r.account.rule(t, "uploads")
	if !rule.takes(t, uploaded) {
		t.Errorf("the rule's pattern %s does not take an upload", rule.pattern)
	}
	if rule.bus != "" || rule.target.Arn != outputs["IngestQueueArn"] || rule.target.DeadLetterConfig.Arn != outputs["IngestDeadLetterQueueArn"] {
		t.Errorf("got %+v, want a rule of the default bus with the ingest queues", rule)
	}
	body := rule.target.InputTransformer.apply(t, uploaded)
	if got, want := decoded[ingest.Entry](t, body).ID, decoded[ingest.Entry](t, uploaded).ID; got != want {
		t.Errorf("got the event's id %q, want that of the upload, %q", got, want)
	}
	if err := r.system.queues[stack.IngestQueue].Send(t.Context(), []queue.Outgoing{{Body: body}}); err != nil {
		t.Fatal(err)
	}
	r.accepted(t, decoded[ingest.Entry](t, uploaded).ID, "file.uploaded", `{"key": "photos/one.jpg", "size": 184662}`)
}

func inactiveWebhook(t *testing.T, r *reader) {
	data, err := json.Marshal(systemevent.WebhookData{URL: "https://example.com/hook", Status: "inactive", Reason: "gone"})
	if err != nil {
		t.Fatal(err)
	}
	event := func(eventType string) string {
		return fmt.Sprintf(`{"source": %q, "detail-type": %q, "detail": {"tenant": "acme", "data": %s}}`, outputs["EventSource"], eventType, data)
	}
	rule := r.account.rule(t, "inactive-webhooks")
	if !rule.takes(t, event(systemevent.WebhookDisabled)) || rule.takes(t, event(systemevent.WebhookFailing)) {
		t.Errorf("the rule's pattern %s does not take %s alone", rule.pattern, systemevent.WebhookDisabled)
	}
	if rule.bus != outputs["BusName"] || !strings.HasPrefix(rule.target.Arn, "arn:aws:sns:") {
		t.Errorf("got %+v, want a rule of the stack's bus with the topic", rule)
	}
	got := decoded[string](t, rule.target.InputTransformer.apply(t, event(systemevent.WebhookDisabled)))
	if want := "acme: https://example.com/hook is inactive (gone)"; got != want {
		t.Errorf("the topic gets %q, want %q", got, want)
	}
}

func removed(t *testing.T, r *reader) {
	_, err := r.db.DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: aws.String(outputs["TableName"])})
	if _, gone := errors.AsType[*types.ResourceNotFoundException](err); !gone {
		t.Errorf("got %v, want that there is no table", err)
	}
	want := map[string]any{"KeyId": outputs["KeyArn"], "PendingWindowInDays": 30.0}
	if diff := cmp.Diff(want, decoded[map[string]any](t, r.account.call(t, "ScheduleKeyDeletion"))); diff != "" {
		t.Errorf("deletion of the key (-want +got):\n%s", diff)
	}
}

func fourThings(t *testing.T, r *reader) {
	if got := strings.Fields(r.read(t, printed(attempts))); len(got) < 2 {
		t.Errorf("got attempts at %s, want two or more", got)
	}
	for begins, want := range map[string]string{
		moves: `"ApproximateReceiveCount": "1"`, invoice: `"status_code": 200`, chains: `"RecursiveLoop": "Allow"`,
	} {
		if got := r.read(t, printed(begins)); !strings.Contains(got, want) {
			t.Errorf("got %s, want %s in it", got, want)
		}
	}
	got := decoded[struct {
		MetricName         string
		Dimensions         []struct{ Value string }
		StartTime, EndTime float64
	}](t, r.account.call(t, "GetMetricStatistics"))
	day := got.EndTime - got.StartTime
	if len(got.Dimensions) != 1 || got.Dimensions[0].Value != resourceID("DeliverFunction") || day < 86400 || day > 86401 ||
		time.Since(time.Unix(int64(got.EndTime), 0)).Abs() > time.Hour {
		t.Errorf("got a request for %+v, want the function's last day", got)
	}
}

// accepted waits until an event is in the log of tenant acme, and compares it.
func (r *reader) accepted(t *testing.T, id, eventType, data string) {
	t.Helper()
	var event struct {
		Type string
		Data any
	}
	until(t, soon, "the event "+id+" in the log", func() (bool, any) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.acme.base+"/v1/events/"+id, nil)
		if err != nil {
			return false, err
		}
		req.Header.Set("Authorization", "Bearer "+r.acme.key)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return false, err
		}
		defer resp.Body.Close()
		return resp.StatusCode == http.StatusOK && json.NewDecoder(resp.Body).Decode(&event) == nil, resp.Status
	})
	if diff := cmp.Diff(decoded[any](t, data), event.Data); diff != "" || event.Type != eventType {
		t.Errorf("got an event of type %s, want %s; its data (-want +got):\n%s", event.Type, eventType, diff)
	}
}

func decoded[T any](t *testing.T, text string) T {
	t.Helper()
	var v T
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return v
}
