package conformance

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"hookline/infra/conformance/engines"
	"hookline/infra/figures"
	"hookline/infra/local/runner"
)

// parsed are calls of the AWS CLI that MiniStack does not have, or refuses in the state that the stack is in. The CLI parses
// such a command, holds it to the service's model, and prints a sample of an answer; nothing is called.
var parsed = []string{
	"cloudformation cancel-update-stack", // no update is under way
	"cloudformation continue-update-rollback",
	"deploy list-deployment-groups",
	"deploy list-deployments",
	"deploy stop-deployment",
	"deploy update-deployment-group",
	"iam update-access-key", // there is no such key
	"service-quotas list-requested-service-quota-change-history",
	"service-quotas list-service-quotas",
	"service-quotas request-service-quota-increase",
	"sqs start-message-move-task",
}

// runbook is what a runbook's commands need. Yours is bash that gives the values that a reader fills in. Before is bash that
// runs before a line of the text, which it is found by.
type runbook struct {
	yours  string
	before map[string]string
}

// runbooks are all of them. $TENANT, $WEBHOOK and so on are what newOperator makes.
var runbooks = map[string]runbook{
	"bad-deployment": {
		yours:  "DEPLOYMENT=d-0123456789 VERSION=1 RELEASE=v1.2.3",
		before: map[string]string{"app=$(resource ServerlessDeploymentApplication)": "resources+=$'\nServerlessDeploymentApplication\tapp'"}, // fit leaves it out
	},
	"dead-letters":  {},
	"endpoint-down": {},
	"event-log":     {},
	"kms":           {before: map[string]string{"aws kms describe-key": `aws kms disable-key --key-id "$KEY"`}},
	"leaked-key":    {yours: `KEY=$(hookline keys create --name leaked -o json | jq -r .id) SOURCE=$(hookline sources create -d '{"kind": "custom", "name": "leaked"}' -o json | jq -r .id) USER=deployer ACCESS_KEY=AKIAIOSFODNN7EXAMPLE`},
	"mail":          {yours: "IDENTITY=example.com"},
	"move-region": {
		yours: "OLD=us-east-1 NEW=eu-central-1",
		// A data key that the old stack's key has wrapped is unwrapped by the new one's.
		before: map[string]string{
			"copy": `month=hookline:stack=$STACK,hookline:month=2026-03
				aws kms generate-data-key --key-id "$OLD_KEY" --key-spec AES_256 --encryption-context $month > key.json
				aws dynamodb put-item --table-name "$OLD_TABLE" --item "$(jq -c '{pk: {S: "y#@keys#2026-03"}, sk: {S: "y"}, body: {B: .CiphertextBlob}}' key.json)"`,
			"copy --overwrite": `aws dynamodb get-item --region $NEW --table-name "$NEW_TABLE" --key '{"pk": {"S": "y#@keys#2026-03"}, "sk": {"S": "y"}}' \
					--query Item.body.B --output text | base64 -d > wrapped
				aws kms decrypt --region $NEW --key-id "$NEW_KEY" --ciphertext-blob fileb://wrapped --encryption-context $month --query Plaintext --output text > opened
				jq -r .Plaintext key.json | cmp - opened`,
		},
	},
	"poisoned-message": {
		// Its deliveries wait for their retries long enough to be cancelled.
		yours: `TENANT=slow WEBHOOK=$SLOW HOOKLINE_API_KEY=$SLOW_KEY
			EVENT=$(hookline trigger user.created -o json | jq -r .id)
			until DELIVERY=$(hookline deliveries list --webhook $SLOW -o json | jq -er '.data[0].id'); do :; done`,
		before: map[string]string{`aws sqs receive-message --queue-url "$(out DeliveryQueueUrl)"`: `HANDLE=None
			until [ "$HANDLE" != None ]; do
				aws sqs send-message --queue-url "$(out DeliveryQueueUrl)" --message-body poison
				HANDLE=$(aws sqs receive-message --queue-url "$(out DeliveryQueueUrl)" --wait-time-seconds 5 --query 'Messages[0].ReceiptHandle' --output text)
			done`},
	},
	"quotas":          {},
	"refused-entries": {},
	"restore-table": {
		yours: "WHEN=$(date -u +%Y-%m-%dT%H:%M:%SZ)",
		before: map[string]string{
			// What was there when the copy was restored is lost. Then the whole table is.
			"hookline copy-table $TABLE-restored $TABLE": `aws dynamodb delete-item --table-name $TABLE --key '{"pk": {"S": "probe"}, "sk": {"S": "p"}}'`,
			"hookline copy-table $TABLE-restored $TABLE --overwrite": `aws dynamodb get-item --table-name $TABLE --key '{"pk": {"S": "probe"}, "sk": {"S": "p"}}' --query Item.kept.S --output text > "$HOME/copied"
				aws dynamodb put-item --table-name $TABLE --item '{"pk": {"S": "probe"}, "sk": {"S": "p"}, "kept": {"S": "it is wrong"}}'`,
			"aws dynamodb list-backups": `BACKUP=$(aws dynamodb create-backup --table-name $TABLE --backup-name lost --query BackupDetails.BackupArn --output text)
				aws dynamodb update-table --table-name $TABLE --no-deletion-protection-enabled; aws dynamodb delete-table --table-name $TABLE`,
			"aws lambda create-event-source-mapping":      `aws dynamodb get-item --table-name $TABLE --key '{"pk": {"S": "probe"}, "sk": {"S": "p"}}' --query Item.kept.S --output text > "$HOME/restored"`,
			"aws dynamodb restore-table-to-point-in-time": `aws dynamodb put-item --table-name $TABLE --item '{"pk": {"S": "probe"}, "sk": {"S": "p"}, "kept": {"S": "it is there"}}'`,
		},
	},
	"retries-late": {},
	"writes":       {yours: `REPLAY=$(hookline deliveries replay --webhook $WEBHOOK --since 1h -o json | jq -r .id)`},
}

// commands returns the text of a runbook's blocks of commands. Lines that end in "# yours" give values that are a reader's
// own: a test has given them before, and they become a check of that.
func (r runbook) commands(t *testing.T, name string) string {
	t.Helper()
	raw, err := os.ReadFile("../runbooks/" + name + ".md")
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	inside, indent := false, ""
	for line := range strings.Lines(string(raw)) {
		bare := strings.TrimLeft(line, " ")
		switch {
		case strings.HasPrefix(bare, "```"):
			if !inside && bare != "```sh\n" {
				t.Errorf("%s has a block that is no sh: %s", name, bare)
			}
			inside, indent = !inside, line[:len(line)-len(bare)]
		case inside && strings.HasSuffix(line, "# yours\n"):
			for word := range strings.FieldsSeq(line) {
				if variable, _, ok := strings.Cut(word, "="); ok {
					fmt.Fprintf(&out, ": \"${%s:?}\"\n", variable)
				}
			}
		case inside:
			line = strings.TrimPrefix(line, indent)
			if before, ok := r.before[longest(r.before, line)]; ok {
				fmt.Fprintln(&out, before)
			}
			out.WriteString(line)
		}
	}
	return out.String()
}

// longest returns the longest of the texts whose words a line begins with.
func longest(texts map[string]string, line string) (found string) {
	for text := range texts {
		if strings.HasPrefix(strings.TrimSpace(line)+" ", text+" ") && len(text) > len(found) {
			found = text
		}
	}
	return found
}

// named finds the calls in a runbook's text: the program, the service or command, and the operation.
var named = regexp.MustCompile(`\b(aws [a-z0-9-]+ [a-z0-9-]+|hookline [a-z-]+)`)

// testRunbooks runs every command of every runbook, in the order of the text and with the files that it names, against a stack
// in MiniStack. The stack's HTTP API is a local system's behind a gateway, because its log, queues and jobs have to do what the
// text says; hookline is the program that `make cli` builds.
func (d *deployment) testRunbooks() {
	t := d.t
	o := newOperator(t, d)
	files, err := filepath.Glob("../runbooks/*.md")
	if err != nil {
		t.Fatal(err)
	}
	var there []string
	for _, file := range files {
		there = append(there, strings.TrimSuffix(filepath.Base(file), ".md"))
	}
	if want := slices.Sorted(maps.Keys(runbooks)); !slices.Equal(there, want) {
		t.Fatalf("runbooks %q, want %q: a new one needs its line here", there, want)
	}
	commands := 0
	for _, name := range there {
		t.Run(name, func(t *testing.T) { commands += o.follow(t, name) })
	}
	for _, call := range parsed {
		if !slices.Contains(o.parsed, call) {
			t.Errorf("no runbook has aws %s, which is in the list of those that are only parsed", call)
		}
	}
	t.Logf("only parsed, because MiniStack lacks them:\n  aws %s", strings.Join(parsed, "\n  aws "))
	figures.Note(t, "runbooks", fmt.Sprintf("%d, with %d commands that ran, of which %d kinds only through the CLI's parser", len(there), commands, len(parsed)))
	for file, want := range map[string]string{"copied": "it is there\n", "restored": "it is there\n"} {
		if got := o.read(t, file); got != want {
			t.Errorf("the item that was lost is %q afterwards (%s), want it back", got, file)
		}
	}
}

// operator is somebody at three in the morning.
type operator struct {
	shell
	parsed []string
}

func newOperator(t *testing.T, d *deployment) *operator {
	t.Helper()
	program(t, "jq")
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	cli := commandLine(t)
	system := startSystem(t, t.TempDir(), runner.Embedded, "CLOCK_SPEED=200")
	front := &gateway{system: system.base, admin: system.key}
	api := httptest.NewServer(front.handler(t))
	t.Cleanup(api.Close)

	programs := notRun(t)
	programs["aws"] = `echo aws "$1" "$2" >> "$HOME/calls"
case " ` + strings.Join(parsed, " | ") + ` " in *" $1 $2 "*) set -- "$@" --generate-cli-skeleton output ;; esac
` + startCLI(t)
	// It finds troubles, which the tests of doctor look at.
	programs["hookline"] = `echo hookline "$1" >> "$HOME/calls"
HOOKLINE_URL=` + api.URL + ` ` + cli + ` "$@" || { code=$?; [ "$1 $code" = "doctor 6" ] || exit $code; }`
	o := &operator{shell: newShell(
		t, programs, "AWS_ENDPOINT_URL="+d.endpoint, "AWS_ACCESS_KEY_ID="+engines.MiniStackKey, "AWS_SECRET_ACCESS_KEY="+engines.MiniStackKey,
		"AWS_REGION="+engines.Region, "AWS_EC2_METADATA_DISABLED=true",
	)}
	if err := os.Symlink(filepath.Join(root, "infra"), filepath.Join(o.dir, "infra")); err != nil {
		t.Fatal(err)
	}

	o.doctor(t)

	// A tenant whose only webhook has failed for good, so that there are dead letters to look at.
	receiver := startTarget(t, func(string, int) int { return http.StatusInternalServerError })
	acme := system.tenant("acme", "axiestudio")
	var made struct{ ID string }
	acme.do(http.StatusCreated, "POST", "/v1/webhooks", map[string]any{"url": receiver.URL + "/500", "events": []string{"*"}}, &made)
	acme.publishAll("first", acme.everything()[:2])
	var failed struct {
		Data []struct{ ID string }
	}
	until(t, soon, "two deliveries have failed", func() (bool, any) {
		acme.do(http.StatusOK, "GET", "/v1/deliveries?status=failed", nil, &failed)
		return len(failed.Data) == 2, failed
	})
	slow := system.tenant("slow", "standard")
	var waits struct{ ID string }
	slow.do(http.StatusCreated, "POST", "/v1/webhooks", map[string]any{"url": receiver.URL + "/500", "events": []string{"*"}}, &waits)
	o.write(t, "given", fmt.Sprintf("TENANT=acme WEBHOOK=%s HOOKLINE_API_KEY=%s SLOW=%s SLOW_KEY=%s\n", made.ID, acme.key, waits.ID, slow.key))
	o.elsewhere(t, d)
	return o
}

// commandLine builds the program hookline and returns its path.
func commandLine(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "hookline")
	if said, err := exec.CommandContext(t.Context(), "go", "build", "-o", path, "../cli").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	return path
}

// doctor has the program find what was seeded in MiniStack, and nothing in a stack that is well.
func (o *operator) doctor(t *testing.T) {
	t.Helper()
	const script = `set -eu -o pipefail
STACK=hookline-prod; . infra/runbooks/stack.sh
hookline doctor > silent
f=$(resource SweepFunction)
aws lambda update-function-configuration --function-name $f --timeout 200 > /dev/null
aws lambda publish-version --function-name $f > /dev/null
aws lambda update-event-source-mapping --no-enabled --uuid $(resource DeliverFunctionRetryQueue) > /dev/null
aws kms disable-key --key-id "$(out KeyArn)"
aws cloudwatch set-alarm-state --alarm-name $(resource DeadLettersExpire) --state-value ALARM --state-reason seeded
now=$(date +%s)
aws cloudwatch put-metric-data --namespace AWS/SQS --metric-data "$(jq -nc --argjson now $now '[range(1; 7) | {
	MetricName: "ApproximateNumberOfMessagesVisible", Timestamp: ($now - . * 300), Value: (1000 - . * 100),
	Dimensions: [{Name: "QueueName", Value: "hookline-prod-BulkQueue"}]}]')"
hookline doctor --output json > found
aws kms enable-key --key-id "$(out KeyArn)"
aws cloudwatch set-alarm-state --alarm-name $(resource DeadLettersExpire) --state-value OK --state-reason seeded
aws lambda update-event-source-mapping --enabled --uuid $(resource DeliverFunctionRetryQueue) > /dev/null
aws lambda update-alias --function-name $f --name live --function-version 2 > /dev/null
`
	o.run(t, script)
	if got := o.read(t, "silent"); got != "" {
		t.Errorf("doctor says of a stack that is well:\n%s", got)
	}
	var got []string
	for _, found := range decoded[struct{ Data []struct{ Code string } }](t, o.read(t, "found")).Data {
		got = append(got, found.Code)
	}
	if want := []string{"alarm-on", "queue-growing", "versions-adrift", "polling-stopped", "seal-key"}; !slices.Equal(got, want) {
		t.Errorf("doctor found %q, want %q", got, want)
	}
}

// elsewhere makes a stack of the same name in the region that the text moves to, of what the text asks for there.
func (o *operator) elsewhere(t *testing.T, d *deployment) {
	t.Helper()
	parameters := map[string]any{}
	for _, name := range []string{"DeliveryConcurrency", "RetryConcurrency", "BulkConcurrency", "IngestConcurrency"} {
		parameters[name] = map[string]any{"Type": "Number", "Default": 2}
	}
	var plain struct{ Resources map[string]map[string]any }
	if err := json.Unmarshal(d.plain, &plain); err != nil {
		t.Fatal(err)
	}
	table := plain.Resources["Table"]
	table["Properties"].(map[string]any)["DeletionProtectionEnabled"] = false
	body, err := json.Marshal(map[string]any{
		"Parameters": parameters,
		"Resources":  map[string]any{"Table": table, "Key": map[string]any{"Type": "AWS::KMS::Key", "Properties": map[string]any{"Description": "elsewhere"}}},
		"Outputs": map[string]any{
			"ApiUrl": map[string]any{"Value": "https://elsewhere.example.com"}, "TableName": map[string]any{"Value": ref("Table")},
			"KeyArn": map[string]any{"Value": map[string]any{"Fn::GetAtt": []string{"Key", "Arn"}}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	o.write(t, "elsewhere.json", string(body))
	o.run(t, `export AWS_REGION=eu-central-1; set -eu
		aws cloudformation create-stack --stack-name `+d.name+` --template-body file://elsewhere.json
		until aws cloudformation describe-stacks --stack-name `+d.name+` --query 'Stacks[0].StackStatus' --output text | grep -q CREATE_COMPLETE; do :; done`)
}

// follow runs a runbook and returns how many commands that were.
func (o *operator) follow(t *testing.T, name string) int {
	t.Helper()
	if err := os.Remove(filepath.Join(o.dir, "calls")); err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	book := runbooks[name]
	text := book.commands(t, name)
	o.write(t, "commands", text)
	o.run(t, "set -eu -o pipefail\nexec 3>&2 2>said\ntrap 'cat said >&3' EXIT\n. ./given\nexport HOOKLINE_API_KEY\n"+
		"export HOOKLINE_STACK=hookline-prod\n"+book.yours+"\nunset HOOKLINE_API_KEY HOOKLINE_STACK\n. ./commands")
	if said := o.read(t, "said"); strings.Contains(said, " has no ") {
		t.Errorf("the stack lacks what the text names:\n%s", said)
	}
	calls := o.read(t, "calls")
	for _, call := range slices.Compact(slices.Sorted(slices.Values(named.FindAllString(text, -1)))) {
		if !strings.Contains(calls, call+"\n") {
			t.Errorf("%s is in the text, and was not run", call)
		}
	}
	for _, call := range parsed {
		if strings.Contains(calls, "aws "+call+"\n") {
			o.parsed = append(o.parsed, call)
		}
	}
	return strings.Count(calls, "\n")
}
