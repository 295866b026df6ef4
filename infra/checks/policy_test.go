package checks

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"hookline/shared/settings"
)

// Permissions are written as in recordedCalls: "deliver dynamodb:PutItem Table", the function, IAM's action, and the
// resource by its name in the template, an index as "Table/index/due".

// recordedCalls is what the functions were seen to ask of AWS, on every path of theirs that needs no fault. A test of
// infra/conformance holds it to what they ask, on the stand-ins.
const recordedCalls = "../conformance/testdata/calls.txt"

// callPath is a way to calls that the recording does not take.
type callPath struct {
	functions []string
	needs     []string // "sqs:SendMessage RetryQueue"
	code      string   // file and function of the caller
	when      string
}

// rarePaths are what the code does only after a fault or a lost race, or when there is very much.
func rarePaths() []callPath {
	updaters, people := []string{"webhooks", "deliver", "console"}, []string{"webhooks", "console"}
	return []callPath{
		{updaters, []string{"dynamodb:UpdateItem Table", "dynamodb:DeleteItem Table"}, "shared/store/dynamo/webhook.go prune", "an update left index entries to a second transaction"},
		{updaters, []string{"dynamodb:BatchGetItem Table"}, "shared/store/dynamo/pin.go Payloads", "a payload was not there when read eventually consistently"},
		{[]string{"webhooks"}, []string{"dynamodb:GetItem Table", "dynamodb:PutItem Table"}, "shared/httpapi/idempotency.go takeOver", "a first use of an Idempotency-Key died"},
		{[]string{"webhooks"}, []string{"dynamodb:GetItem Table", "dynamodb:DeleteItem Table"}, "shared/httpapi/idempotency.go first", "a call with an Idempotency-Key was refused"},
		{people, []string{"kms:GenerateDataKey Key", "dynamodb:PutItem Table"}, "shared/seal/kms/kms.go create", "nothing was sealed this month"},
		{people, []string{"dynamodb:BatchGetItem Table", "kms:Decrypt Key"}, "shared/seal/kms/kms.go create", "another maker of the month's data key was quicker"},
		{[]string{"ingest"}, []string{"sqs:SendMessage IngestQueue"}, "shared/ingest/fanout.go fanOut", "more webhooks match than one message fans out to"},
		{[]string{"inbound"}, []string{"sqs:SendMessage IngestQueue"}, "shared/ingest/publish.go send", "a deployment goes to more webhooks than one request sends to"},
		{[]string{"ingest"}, []string{"dynamodb:GetItem Table", "dynamodb:DeleteItem Table"}, "shared/ingest/sent.go withdraw", "an event of a batch has the id of another"},
		{
			[]string{"ingest", "inbound"},
			[]string{"dynamodb:BatchGetItem Table", "dynamodb:GetItem Table", "dynamodb:PutItem Table", "dynamodb:Query Table"},
			"shared/ingest/sent.go displace", "an id that was used comes with another event",
		},
		{[]string{"ingest"}, []string{"sqs:SendMessage IngestDeadLetterQueue"}, "shared/ingest/handle.go refuse", "an entry of the bus is no event"},
		{[]string{"notify"}, []string{"sqs:SendMessage NotifyDeadLetterQueue"}, "shared/notify/service.go refuse", "a mail is refused, or a message is no notice"},
		{[]string{"notify"}, []string{"ses:SendEmail configuration-set/*"}, "shared/notify/ses/ses.go Send", "the sender's identity has a default configuration set"},
		{[]string{"deliver"}, []string{"dynamodb:BatchGetItem Table"}, "shared/delivery/attempt.go save", "another message recorded the attempt first"},
		{[]string{"deliver"}, []string{"sqs:SendMessage RetryQueue"}, "shared/delivery/step.go schedule", "a message may not be hidden for longer"},
		{
			[]string{"deliver"},
			[]string{"sqs:GetQueueAttributes DeliveryQueue", "sqs:GetQueueAttributes RetryQueue", "sqs:GetQueueAttributes BulkQueue", "sqs:SendMessage RetryQueue"},
			"shared/delivery/step.go park", "a queue is under pressure",
		},
		{[]string{"deliver"}, []string{"dynamodb:BatchWriteItem Table", "dynamodb:DeleteItem Table", "sqs:SendMessage BulkQueue"}, "shared/erasure/tenant.go stepTenant", "a tenant was deleted a minute ago"},
		{[]string{"deliver"}, []string{"sqs:SendMessage DeadLetterQueue"}, "shared/delivery/step.go bury", "a delivery is out of attempts"},
		{[]string{"deliver"}, []string{"sqs:SendMessage DeadLetterQueue"}, "shared/delivery/step.go poison", "a message is none, or its body has expired"},
		{[]string{"deliver"}, []string{"dynamodb:GetItem Table", "dynamodb:UpdateItem Table", "dynamodb:DeleteItem Table"}, "shared/delivery/health.go disable", "a receiver is gone"},
		// SQS makes these calls in the name of the caller who starts a move: Developer Guide, CloudTrail update and permission
		// requirements for Amazon SQS dead-letter queue redrive. SendMessage is on the destination.
		{
			people,
			[]string{
				"sqs:StartMessageMoveTask DeadLetterQueue", "sqs:ListMessageMoveTasks DeadLetterQueue", "sqs:ReceiveMessage DeadLetterQueue",
				"sqs:DeleteMessage DeadLetterQueue", "sqs:GetQueueAttributes DeadLetterQueue", "sqs:SendMessage DeliveryQueue",
			},
			"shared/queue/sqs/move.go StartMove", "dead letters are moved",
		},
	}
}

// lambdasOwn are what Lambda does in a function's name. It polls the queues that the function is called from (Developer
// Guide, Using Lambda with Amazon SQS, Execution role permissions), and writes its log: of what
// AWSLambdaBasicExecutionRole allows, all but making the log group, which is the template's.
func (tm template) lambdasOwn(name string) []string {
	p := tm.Resources[name].Properties
	log := named(at(tm.Globals.Function, "LoggingConfig", "LogGroup"))
	all := []string{"logs:CreateLogStream " + log, "logs:PutLogEvents " + log}
	events, _ := p["Events"].(map[string]any)
	for _, e := range events {
		if at(e, "Type") == any("DynamoDB") {
			// Developer Guide, Process DynamoDB records with Lambda, Adding permissions.
			for _, action := range []string{"DescribeStream", "GetRecords", "GetShardIterator", "ListStreams"} {
				all = append(all, "dynamodb:"+action+" "+named(at(e, "Properties", "Stream"))+"/stream")
			}
		}
		if at(e, "Type") == any("SQS") {
			queue := named(at(e, "Properties", "Queue"))
			all = append(all, "sqs:ReceiveMessage "+queue, "sqs:DeleteMessage "+queue, "sqs:GetQueueAttributes "+queue)
		}
	}
	return all
}

// short is a function's name as its folder has it.
func short(name string) string { return strings.ToLower(strings.TrimSuffix(name, "Function")) }

// needed returns each permission that a function takes, with why.
func needed(t *testing.T, tm template) map[string]string {
	t.Helper()
	all := make(map[string]string)
	for _, name := range tm.of(functionType) {
		for _, need := range tm.lambdasOwn(name) {
			all[short(name)+" "+need] = "Lambda does it in the function's name"
		}
	}
	for _, p := range rarePaths() {
		for _, function := range p.functions {
			for _, need := range p.needs {
				all[function+" "+need] = p.code + ": " + p.when
			}
		}
	}
	text, err := os.ReadFile(recordedCalls)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		all[strings.TrimSpace(line)] = recordedCalls
	}
	return all
}

// allowed returns each permission that the functions' roles give, with the statement that does.
func (tm template) allowed() (map[string]string, error) {
	all := make(map[string]string)
	for _, name := range tm.of(functionType) {
		role := named(tm.Resources[name].Properties["Role"])
		for _, s := range tm.statements(role) {
			for _, resource := range s.resources {
				target, err := target(resource)
				if err != nil {
					return nil, fmt.Errorf("%s, statement %s: %w", role, s.sid, err)
				}
				for _, action := range s.actions {
					all[short(name)+" "+action+" "+target] = role + ", statement " + s.sid
				}
			}
		}
	}
	return all, nil
}

var partOf = regexp.MustCompile(`^\$\{(\w+)\.Arn\}(/index/\w+)$`)

// ofMail are the account's SES identities and configuration sets, as Service Authorization Reference, Amazon SES v2 has
// their ARNs. A role names all of them: whose identity a recipient in SES's sandbox is, nobody knows beforehand. Its
// condition names the sender.
var ofMail = regexp.MustCompile(`^arn:\$\{AWS::Partition\}:ses:\$\{AWS::Region\}:\$\{AWS::AccountId\}:((identity|configuration-set)/\*)$`)

// target names what a policy's resource stands for: the whole of a resource of the template, an index of a table, or what
// mails are allowed on.
func target(resource any) (string, error) {
	if s, ok := at(resource, "Fn::GetAtt").(string); ok && strings.HasSuffix(s, ".Arn") {
		return strings.TrimSuffix(s, ".Arn"), nil
	} else if ok && strings.HasSuffix(s, ".StreamArn") {
		return strings.TrimSuffix(s, ".StreamArn") + "/stream", nil
	}
	s, _ := at(resource, "Fn::Sub").(string)
	if m := ofMail.FindStringSubmatch(s); m != nil {
		return m[1], nil
	}
	if m := partOf.FindStringSubmatch(s); m != nil {
		return m[1] + m[2], nil
	}
	return "", fmt.Errorf("the resource %v is not understood", resource)
}

// differences says which permissions are needed and not allowed, and which are allowed and not needed.
func differences(needed, allowed map[string]string) []string {
	var out []string
	for _, p := range slices.Sorted(maps.Keys(needed)) {
		if allowed[p] == "" {
			out = append(out, "not allowed: "+p+" ("+needed[p]+")")
		}
	}
	for _, p := range slices.Sorted(maps.Keys(allowed)) {
		if needed[p] == "" {
			out = append(out, "not needed: "+p+" ("+allowed[p]+")")
		}
	}
	return out
}

// TestLeastPrivilege shows that each function's role allows all that the function does and nothing else.
func TestLeastPrivilege(t *testing.T) {
	tm := readTemplate(t)
	allowed, err := tm.allowed()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range differences(needed(t, tm), allowed) {
		t.Error(d)
	}

	got := differences(map[string]string{"a x:Do T": "code", "b x:Do T": "code"}, map[string]string{"b x:Do T": "role", "b x:Do U": "role"})
	want := []string{"not allowed: a x:Do T (code)", "not needed: b x:Do U (role)"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("of policies that allow too little and too much (-want +got):\n%s", diff)
	}
}

// TestRarePaths shows that the code which rarePaths names is there.
func TestRarePaths(t *testing.T) {
	for _, p := range rarePaths() {
		file, function, _ := strings.Cut(p.code, " ")
		text, err := os.ReadFile("../../" + file)
		if err != nil {
			t.Error(err)
			continue
		}
		if !regexp.MustCompile(`(?m)^func (\([^)]*\) )?` + function + `\(`).Match(text) {
			t.Errorf("%s has no function %s", file, function)
		}
	}
}

// TestConditionsOfPolicies shows that a condition of a role is one that the requests meet: the key opens the stack's own
// data keys alone, which package kms makes with the name that the function's environment has; mails come from the one
// sender that package settings makes of MAIL_FROM.
func TestConditionsOfPolicies(t *testing.T) {
	tm := readTemplate(t)
	ofKey := map[string]any{"StringEquals": map[string]any{"kms:EncryptionContext:hookline:stack": ref("AWS::StackName")}}
	senders := []any{ref("MailIdentity"), map[string]any{"Fn::Sub": "webhooks@${MailIdentity}"}}
	ofSender := map[string]any{"StringEquals": map[string]any{"ses:FromAddress": senders}}
	for _, name := range tm.of(functionType) {
		p := tm.Resources[name].Properties
		for _, s := range tm.statements(named(p["Role"])) {
			want := any(nil)
			if strings.HasPrefix(s.actions[0], "kms:") {
				want = ofKey
				if got := at(tm.Globals.Function, "Environment", "Variables", "STACK"); !cmp.Equal(got, ref("AWS::StackName")) {
					t.Errorf("%s: STACK is %v, and the key opens for the stack's own name", name, got)
				}
			}
			if slices.ContainsFunc(s.actions, func(action string) bool { return strings.HasPrefix(action, "ses:") }) {
				want = ofSender
				if got := at(p, "Environment", "Variables", "MAIL_FROM"); !cmp.Equal(got, ref("MailIdentity")) {
					t.Errorf("%s: MAIL_FROM is %v, and the role allows mails of MailIdentity", name, got)
				}
			}
			if diff := cmp.Diff(want, s.condition); diff != "" {
				t.Errorf("%s: condition of statement %s (-want +got):\n%s", name, s.sid, diff)
			}
		}
	}
}

// TestSenders shows that the sender, as package settings makes it of a MailIdentity, is one that the condition names.
func TestSenders(t *testing.T) {
	for _, identity := range []string{"example.com", "hello@example.com"} {
		s, _ := settings.ReadNotify(func(name string) string { // all the rest is missing
			if name == "MAIL_FROM" {
				return identity
			}
			return ""
		})
		if allowed := []string{identity, "webhooks@" + identity}; !slices.Contains(allowed, s.From) {
			t.Errorf("mails of %s come from %q, and the role allows %q", identity, s.From, allowed)
		}
	}
}

// TestRolesAreWhole shows that a function may do what its role's own statements say. Only what X-Ray's daemon writes comes on top,
// where the stack is traced.
func TestRolesAreWhole(t *testing.T) {
	tm := readTemplate(t)
	trust := []any{map[string]any{"Effect": "Allow", "Principal": map[string]any{"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}}
	traced := map[string]any{"Fn::If": []any{
		"IsTraced", []any{map[string]any{"Fn::Sub": "arn:${AWS::Partition}:iam::aws:policy/AWSXRayDaemonWriteAccess"}}, ref("AWS::NoValue"),
	}}
	for _, name := range tm.of("AWS::IAM::Role") {
		p := tm.Resources[name].Properties
		if got, want := slices.Sorted(maps.Keys(p)), []string{"AssumeRolePolicyDocument", "ManagedPolicyArns", "Policies"}; !slices.Equal(got, want) {
			t.Errorf("%s has %v, want %v", name, got, want)
		}
		if diff := cmp.Diff(any(traced), p["ManagedPolicyArns"]); diff != "" {
			t.Errorf("policies of %s beside its own (-want +got):\n%s", name, diff)
		}
		if diff := cmp.Diff(any(trust), at(p, "AssumeRolePolicyDocument", "Statement")); diff != "" {
			t.Errorf("who may be %s (-want +got):\n%s", name, diff)
		}
	}
	for _, kind := range []string{"AWS::IAM::Policy", "AWS::IAM::ManagedPolicy", "AWS::IAM::RolePolicy"} {
		for _, name := range tm.of(kind) {
			t.Errorf("%s is a policy beside the roles' own", name)
		}
	}
	for _, name := range tm.of(functionType) {
		for _, adds := range []string{"Policies", "VpcConfig", "DeadLetterQueue", "EventInvokeConfig"} {
			if tm.Resources[name].Properties[adds] != nil || tm.Globals.Function[adds] != nil {
				t.Errorf("%s has %s, for which SAM would add to a role", name, adds)
			}
		}
	}
}

// wild says where a policy names no resource or no action, or lets anybody in.
func wild(name string, document any) []string {
	var out []string
	for _, s := range list1(at(document, "Statement")) {
		sid := name + ", statement " + fmt.Sprint(at(s, "Sid"))
		for _, part := range []string{"Resource", "Action", "Principal", "NotResource", "NotAction", "NotPrincipal"} {
			// A statement that denies may deny much.
			if at(s, "Effect") == any("Deny") && (part == "Action" || part == "Principal") {
				continue
			}
			if strings.HasPrefix(part, "Not") && at(s, part) != nil || strings.Contains(fmt.Sprint(at(s, part)), "*") {
				out = append(out, sid+": "+part)
			}
		}
	}
	return out
}

// TestWildcards shows that no policy of the template, of a role or of a resource, is wider than it must be.
func TestWildcards(t *testing.T) {
	tm := readTemplate(t)
	var got []string
	for _, name := range slices.Sorted(maps.Keys(tm.Resources)) {
		p := tm.Resources[name].Properties
		got = append(got, wild(name, p["PolicyDocument"])...)
		got = append(got, wild(name, p["KeyPolicy"])...)
		for _, policy := range list1(p["Policies"]) {
			got = append(got, wild(name, at(policy, "PolicyDocument"))...)
		}
	}
	// A key's policy is about the key itself, which it can name by "*" alone, and must leave it in the account's hands:
	// KMS Developer Guide, Key policies and Default key policy.
	// Mails: see ofMail.
	want := []string{"Key, statement Account: Resource", "Key, statement Account: Action", "NotifyRole, statement Mail: Resource"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("wildcards (-want +got):\n%s", diff)
	}

	bad := map[string]any{"Statement": []any{map[string]any{
		"Sid": "Bad", "Effect": "Allow", "Action": []any{"sqs:Send*"}, "Resource": map[string]any{"Fn::Sub": "${Table.Arn}/*"}, "NotPrincipal": "a",
	}}}
	if diff := cmp.Diff([]string{"P, statement Bad: Resource", "P, statement Bad: Action", "P, statement Bad: NotPrincipal"}, wild("P", bad)); diff != "" {
		t.Errorf("of a policy that has some (-want +got):\n%s", diff)
	}
}
