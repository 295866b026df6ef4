package checks

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"hookline/shared/httpapi"
	"hookline/shared/settings"
	"hookline/shared/store/dynamo"
	"hookline/shared/webhook"
)

// TestRoutes compares the routes of template.yaml with those of the code, which a test of package httpapi compares with
// the OpenAPI document. The admin's routes, and only they, are IAM's. A route that `$default` would answer alike stands nowhere else.
func TestRoutes(t *testing.T) {
	type route struct {
		Admin    bool
		Function string
	}
	rest := route{Function: "webhooks"}
	const inbound = "POST /webhooks/deployments/{provider}/{id}"
	want := map[string]route{
		"$default": rest, inbound: {Function: "inbound"},
		"GET /": {Function: "console"}, "ANY /console": {Function: "console"}, "ANY /console/{proxy+}": {Function: "console"},
	}
	answers := make(map[string]route) // by the keys of the code
	for _, r := range httpapi.Routes() {
		answers[r.Key] = rest
		switch {
		case r.Inbound:
			answers[r.Key] = want[inbound]
		case r.Publishes || r.Admin:
			answers[r.Key] = route{Admin: r.Admin, Function: "webhooks"}
			if r.Publishes {
				answers[r.Key] = route{Admin: r.Admin, Function: "ingest"}
			}
			want[r.Key] = answers[r.Key]
		}
	}

	api := readTemplate(t).Resources["Api"].Properties["DefinitionBody"]
	paths, _ := at(api, "paths").(map[string]any)
	got := make(map[string]route)
	for path, ops := range paths {
		for method, op := range ops.(map[string]any) {
			var r route
			r.Function, _ = at(op, "x-amazon-apigateway-integration", "$ref").(string)
			r.Function = strings.TrimPrefix(r.Function, "#/components/x-amazon-apigateway-integrations/")
			if security := at(op, "security"); security != nil {
				r.Admin = cmp.Equal(security, []any{map[string]any{"iam": []any{}}})
				if !r.Admin {
					t.Errorf("%s %s: security is %v", method, path, security)
				}
			}
			name := strings.TrimSuffix(strings.TrimPrefix(strings.ToUpper(method), "X-AMAZON-APIGATEWAY-"), "-METHOD") + " " + path
			if path == "/$default" && at(op, "isDefaultRoute") == true {
				name = "$default"
			}
			got[name] = r
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("routes (-code +template):\n%s", diff)
	}
	for key, want := range answers {
		if got := got[chosen(key, slices.Sorted(maps.Keys(got)))]; got != want {
			t.Errorf("%s is answered by %+v, want %+v", key, got, want)
		}
	}
	if got, want := at(api, "components", "securitySchemes", "iam", "x-amazon-apigateway-authtype"), any("awsSigv4"); got != want {
		t.Errorf("the security scheme iam is of type %v, want %v", got, want)
	}
}

// chosen is the one of the routes, of which none but $default and the console's takes any method, that API Gateway takes
// for a request of a route of the code: the most specific match, else $default (Developer Guide, "Create routes for HTTP
// APIs in API Gateway").
func chosen(key string, routes []string) string {
	best, variables := "$default", 0
	for _, r := range routes {
		pattern := regexp.MustCompile(`\\\{[a-z]+\\\}`).ReplaceAllString(regexp.QuoteMeta(r), `[^/]+`)
		if n := strings.Count(r, "{"); regexp.MustCompile("^"+pattern+"$").MatchString(key) && (best == "$default" || n < variables) {
			best, variables = r, n
		}
	}
	return best
}

// TestIntegrations shows that what the routes call exists, is called through its alias, and lets itself be called.
func TestIntegrations(t *testing.T) {
	tm := readTemplate(t)
	integrations, _ := at(tm.Resources["Api"].Properties["DefinitionBody"], "components", "x-amazon-apigateway-integrations").(map[string]any)
	if len(integrations) == 0 {
		t.Fatal("the API has no integrations")
	}
	var allowed []string
	for _, name := range tm.of("AWS::Lambda::Permission") {
		if p := tm.Resources[name].Properties; p["Principal"] == "apigateway.amazonaws.com" {
			allowed = append(allowed, fmt.Sprint(at(p, "FunctionName", "Ref")))
		}
	}
	for name, in := range integrations {
		want := strings.ToUpper(name[:1]) + name[1:] + "Function.Alias"
		args, _ := at(in, "uri", "Fn::Sub").([]any)
		if len(args) != 2 || at(args[1], "Alias", "Ref") != any(want) {
			t.Errorf("%s calls %v, want %s", name, at(in, "uri"), want)
		}
		if at(in, "payloadFormatVersion") != any("2.0") {
			t.Errorf("%s has payload format %v, want 2.0", name, at(in, "payloadFormatVersion"))
		}
		if !slices.Contains(allowed, want) {
			t.Errorf("API Gateway may not call %s", want)
		}
	}
}

// readers are the functions' own readers of their environment.
func readers() map[string]func(func(string) string) error {
	return map[string]func(func(string) string) error{
		"WebhooksFunction": func(getenv func(string) string) error { _, err := settings.ReadWebhooks(getenv); return err },
		"ConsoleFunction":  func(getenv func(string) string) error { _, err := settings.ReadConsole(getenv); return err },
		"IngestFunction":   func(getenv func(string) string) error { _, err := settings.ReadIngest(getenv); return err },
		"InboundFunction":  func(getenv func(string) string) error { _, err := settings.ReadInbound(getenv); return err },
		"DeliverFunction":  func(getenv func(string) string) error { _, err := settings.ReadDeliver(getenv); return err },
		"SweepFunction":    func(getenv func(string) string) error { _, err := settings.ReadSweep(getenv); return err },
		"CountFunction":    func(getenv func(string) string) error { _, err := settings.ReadCount(getenv); return err },
		"NotifyFunction":   func(getenv func(string) string) error { _, err := settings.ReadNotify(getenv); return err },
	}
}

// TestEnvironment compares the variables that the template sets with those that the functions read, and looks whether a
// queue's variables mean that queue.
func TestEnvironment(t *testing.T) {
	tm := readTemplate(t)
	if got, want := tm.of(functionType), slices.Sorted(maps.Keys(readers())); !slices.Equal(got, want) {
		t.Errorf("functions of the template: %v, want %v", got, want)
	}
	for name, read := range readers() {
		asked := make(map[string]bool)
		_ = read(func(name string) string { asked[name] = true; return "" }) // it says that nothing is set
		environment := make(map[string]any)
		for _, variables := range []any{at(tm.Globals.Function, "Environment", "Variables"), at(tm.Resources[name].Properties, "Environment", "Variables")} {
			m, _ := variables.(map[string]any)
			maps.Copy(environment, m)
		}
		if diff := cmp.Diff(slices.Sorted(maps.Keys(asked)), slices.Sorted(maps.Keys(environment))); diff != "" {
			t.Errorf("%s (-reads +set):\n%s", name, diff)
		}
		for variable, got := range environment {
			queue, isURL := strings.CutSuffix(variable, "_QUEUE_URL")
			queue, isARN := strings.CutSuffix(queue, "_QUEUE_ARN")
			want := ref(camel(queue) + "Queue")
			if isARN {
				want = attribute(camel(queue) + "Queue.Arn")
			}
			if (isURL || isARN) && !cmp.Equal(want, got) {
				t.Errorf("%s: %s is %v, want %v", name, variable, got, want)
			}
		}
	}
}

// camel turns DEAD_LETTER into DeadLetter.
func camel(name string) string {
	var out strings.Builder
	for word := range strings.SplitSeq(strings.ToLower(name), "_") {
		out.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return out.String()
}

// TestTable compares the table with the one that package dynamo works on.
func TestTable(t *testing.T) {
	want := dynamo.Table("any")
	p := readTemplate(t).Resources["Table"].Properties
	type key struct{ Name, Kind string }
	keys := func(v any, kind string) []key {
		var out []key
		for _, e := range list1(v) {
			out = append(out, key{fmt.Sprint(at(e, "AttributeName")), fmt.Sprint(at(e, kind))})
		}
		return out
	}
	var attributes, primary []key
	for _, a := range want.AttributeDefinitions {
		attributes = append(attributes, key{*a.AttributeName, string(a.AttributeType)})
	}
	for _, k := range want.KeySchema {
		primary = append(primary, key{*k.AttributeName, string(k.KeyType)})
	}
	if diff := cmp.Diff(attributes, keys(p["AttributeDefinitions"], "AttributeType")); diff != "" {
		t.Errorf("attributes (-code +template):\n%s", diff)
	}
	if diff := cmp.Diff(primary, keys(p["KeySchema"], "KeyType")); diff != "" {
		t.Errorf("keys (-code +template):\n%s", diff)
	}
	indexes := list1(p["GlobalSecondaryIndexes"])
	if got, want := len(indexes), len(want.GlobalSecondaryIndexes); got != want {
		t.Fatalf("%d indexes, want %d", got, want)
	}
	for i, index := range want.GlobalSecondaryIndexes {
		var schema []key
		for _, k := range index.KeySchema {
			schema = append(schema, key{*k.AttributeName, string(k.KeyType)})
		}
		if diff := cmp.Diff(schema, keys(at(indexes[i], "KeySchema"), "KeyType")); diff != "" {
			t.Errorf("keys of index %d (-code +template):\n%s", i, diff)
		}
		if got, want := at(indexes[i], "IndexName"), any(*index.IndexName); got != want {
			t.Errorf("index %d is %v, want %v", i, got, want)
		}
		if got, want := at(indexes[i], "Projection", "ProjectionType"), any(string(index.Projection.ProjectionType)); got != want {
			t.Errorf("index %d projects %v, want %v", i, got, want)
		}
	}
	for _, tt := range []struct {
		name      string
		got, want any
	}{
		{"billing", p["BillingMode"], string(want.BillingMode)},
		{"stream", at(p, "StreamSpecification", "StreamViewType"), string(want.StreamSpecification.StreamViewType)},
		{"time to live", at(p, "TimeToLiveSpecification", "AttributeName"), dynamo.TTLAttribute},
		{"expiry", at(p, "TimeToLiveSpecification", "Enabled"), true},
		{"point-in-time recovery", at(p, "PointInTimeRecoverySpecification", "PointInTimeRecoveryEnabled"), true},
		{"deletion protection", p["DeletionProtectionEnabled"], map[string]any{"Fn::If": []any{"IsDev", false, true}}},
	} {
		if diff := cmp.Diff(tt.want, tt.got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

// TestKept shows what outlives the stack: the table and the key. A first deployment that fails takes the key back and
// leaves the table, because DynamoDB refuses to delete one that is protected from deletion.
func TestKept(t *testing.T) {
	want := map[string][2]string{"Table": {"Retain", "Retain"}, "Key": {"RetainExceptOnCreate", "Retain"}}
	got := make(map[string][2]string)
	for name, r := range readTemplate(t).Resources {
		if r.DeletionPolicy != "" || r.UpdateReplacePolicy != "" {
			got[name] = [2]string{r.DeletionPolicy, r.UpdateReplacePolicy}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("on deletion and on replacement (-want +got):\n%s", diff)
	}
}

// TestQueues holds every queue to what the design says of it.
func TestQueues(t *testing.T) {
	tm := readTemplate(t)
	deadLetters := map[string]string{ // where a queue's messages go that were received too often
		"DeliveryQueue": "DeadLetterQueue", "RetryQueue": "DeadLetterQueue", "BulkQueue": "DeadLetterQueue",
		"IngestQueue": "IngestDeadLetterQueue", "DeadLetterQueue": "", "IngestDeadLetterQueue": "",
		"NotifyQueue": "NotifyDeadLetterQueue", "NotifyDeadLetterQueue": "",
	}
	if got, want := tm.of("AWS::SQS::Queue"), slices.Sorted(maps.Keys(deadLetters)); !slices.Equal(got, want) {
		t.Fatalf("queues %v, want %v", got, want)
	}
	for name, dead := range deadLetters {
		p := tm.Resources[name].Properties
		if p["MessageRetentionPeriod"] != 14*24*60*60 {
			t.Errorf("%s keeps messages %v s, want 14 days", name, p["MessageRetentionPeriod"])
		}
		if p["SqsManagedSseEnabled"] != true {
			t.Errorf("%s is not encrypted", name)
		}
		if want := map[string]any{"Fn::Sub": "${AWS::StackName}-" + name}; !cmp.Equal(p["QueueName"], any(want)) {
			t.Errorf("%s is called %v, want %v", name, p["QueueName"], want)
		}
		redrive := map[string]any{"deadLetterTargetArn": attribute(dead + ".Arn"), "maxReceiveCount": 1000}
		if dead == "" {
			redrive = nil
		}
		got, _ := p["RedrivePolicy"].(map[string]any)
		if diff := cmp.Diff(redrive, got); diff != "" {
			t.Errorf("redrive of %s (-want +got):\n%s", name, diff)
		}
		// Of a dead-letter queue the sources are named; no other queue may be one.
		allow := map[string]any{"redrivePermission": "denyAll"}
		if dead == "" {
			var sources []any
			for _, source := range []string{"DeliveryQueue", "RetryQueue", "BulkQueue", "IngestQueue", "NotifyQueue"} {
				if deadLetters[source] == name {
					sources = append(sources, map[string]any{"Fn::Sub": "arn:${AWS::Partition}:sqs:${AWS::Region}:${AWS::AccountId}:${AWS::StackName}-" + source})
				}
			}
			allow = map[string]any{"redrivePermission": "byQueue", "sourceQueueArns": sources}
		}
		if diff := cmp.Diff(any(allow), p["RedriveAllowPolicy"]); diff != "" {
			t.Errorf("who may redrive to %s (-want +got):\n%s", name, diff)
		}
		tls := map[string]any{
			"Sid": "TLSOnly", "Effect": "Deny", "Principal": "*", "Action": "sqs:*", "Resource": attribute(name + ".Arn"),
			"Condition": map[string]any{"Bool": map[string]any{"aws:SecureTransport": "false"}},
		}
		policy := tm.Resources[name+"Policy"].Properties
		statements := list1(at(policy, "PolicyDocument", "Statement"))
		if !cmp.Equal(policy["Queues"], any([]any{ref(name)})) || !cmp.Equal(statements[0], any(tls)) {
			t.Errorf("%s takes requests without TLS", name)
		}
		// Beside the functions' roles only EventBridge may send: events to be taken in, and the stack's own to be mailed.
		rules := map[string]any{
			"Ingest": map[string]any{"ArnLike": map[string]any{
				"aws:SourceArn": map[string]any{"Fn::Sub": "arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}:rule/*"},
			}},
			"Notify": map[string]any{"ArnEquals": map[string]any{"aws:SourceArn": attribute("NotifyRule.Arn")}},
		}
		var senders []any
		for prefix, condition := range rules {
			if strings.HasPrefix(name, prefix) {
				senders = append(senders, map[string]any{
					"Sid": "Rules", "Effect": "Allow", "Principal": map[string]any{"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage",
					"Resource": attribute(name + ".Arn"), "Condition": condition,
				})
			}
		}
		if diff := cmp.Diff(senders, statements[1:], cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("who may send to %s (-want +got):\n%s", name, diff)
		}
	}
}

// TestBusRules shows that every entry of the bus goes to one function: what the stack itself says, as far as it is mailed,
// to notify, and the rest to ingest, which would otherwise publish it.
func TestBusRules(t *testing.T) {
	tm := readTemplate(t)
	own := map[string]any{"Fn::Sub": "hookline.${AWS::StackName}"}
	var mailed []any
	for _, name := range webhook.SystemTypes() {
		if strings.HasPrefix(name, "webhook.") {
			mailed = append(mailed, name)
		}
	}
	want := map[string]any{
		"IngestQueue": map[string]any{"source": []any{map[string]any{"anything-but": own}}},
		"NotifyQueue": map[string]any{"source": []any{own}, "detail-type": mailed},
	}
	got := make(map[string]any)
	for _, name := range tm.of("AWS::Events::Rule") {
		p := tm.Resources[name].Properties
		for _, target := range list1(p["Targets"]) {
			queue := named(at(target, "Arn"))
			got[queue] = p["EventPattern"]
			if dead := strings.TrimSuffix(queue, "Queue") + "DeadLetterQueue"; named(at(target, "DeadLetterConfig", "Arn")) != dead {
				t.Errorf("%s: what does not reach %s is lost", name, queue)
			}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("what goes to which queue (-want +got):\n%s", diff)
	}
}

// TestEventSources holds the functions' queues to what their handlers rely on.
func TestEventSources(t *testing.T) {
	tm := readTemplate(t)
	want := map[string]string{
		"DeliveryQueue": "DeliverFunction", "RetryQueue": "DeliverFunction", "BulkQueue": "DeliverFunction", "IngestQueue": "IngestFunction",
		"NotifyQueue": "NotifyFunction",
	}
	got := make(map[string]string)
	for _, name := range tm.of(functionType) {
		p := tm.Resources[name].Properties
		events, _ := p["Events"].(map[string]any)
		for _, e := range events {
			if at(e, "Type") != any("SQS") {
				continue
			}
			queue := named(at(e, "Properties", "Queue"))
			got[queue] = name
			if !cmp.Equal(at(e, "Properties", "FunctionResponseTypes"), any([]any{"ReportBatchItemFailures"})) {
				t.Errorf("%s: a failed message of %s would fail its whole batch", name, queue)
			}
			if limit := at(e, "Properties", "ScalingConfig", "MaximumConcurrency"); limit != any(2) && named(limit) != strings.TrimSuffix(queue, "Queue")+"Concurrency" {
				t.Errorf("%s: the concurrency of %s is %v", name, queue, limit)
			}
			// AWS refuses less than the function's timeout; much more would only delay a batch that crashed.
			timeout, _ := p["Timeout"].(int)
			visibility, _ := tm.Resources[queue].Properties["VisibilityTimeout"].(int)
			if timeout < 45 || visibility < timeout || visibility > timeout+10 {
				t.Errorf("%s: timeout %d s, visibility of %s %d s", name, timeout, queue, visibility)
			}
			if p["RecursiveLoop"] != "Allow" {
				t.Errorf("%s sends to queues that it is called from: Lambda would end that after 16 rounds", name)
			}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("who is called from which queue (-want +got):\n%s", diff)
	}
}

// TestStream holds the function that the table's stream calls to what its handler relies on: batches of which an item
// holds all that they change, and which come again as they were.
func TestStream(t *testing.T) {
	tm := readTemplate(t)
	want := map[string]any{
		"Stream": attribute("Table.StreamArn"), "StartingPosition": "TRIM_HORIZON", "BatchSize": 1000, "MaximumBatchingWindowInSeconds": 60,
		// Deliveries and the event log alone, and not what expires. The items that the function itself writes would call it again.
		"FilterCriteria": map[string]any{"Filters": []any{map[string]any{
			"Pattern": `{"eventName":["INSERT","MODIFY"],"dynamodb":{"Keys":{"pk":{"S":[{"prefix":"d#"},{"prefix":"e#"}]}}}}`,
		}}},
	}
	found := 0
	for _, name := range tm.of(functionType) {
		events, _ := tm.Resources[name].Properties["Events"].(map[string]any)
		for _, e := range events {
			if at(e, "Type") != any("DynamoDB") {
				continue
			}
			found++
			if diff := cmp.Diff(any(want), at(e, "Properties")); diff != "" || name != "CountFunction" {
				t.Errorf("%s is called by the stream (-want +got):\n%s", name, diff)
			}
		}
	}
	if found != 1 {
		t.Errorf("%d functions are called by the stream, want 1", found)
	}
}

// TestBus shows that what the ingest function announces goes to the stack's bus under a source that the rule for events
// leaves out: it would come back as events that nobody may publish.
func TestBus(t *testing.T) {
	tm := readTemplate(t)
	environment := at(tm.Resources["IngestFunction"].Properties, "Environment", "Variables")
	rule := tm.Resources["BusRule"].Properties
	if !cmp.Equal(at(environment, "BUS"), ref("Bus")) || !cmp.Equal(rule["EventBusName"], ref("Bus")) {
		t.Errorf("announced on %v, events come from %v", at(environment, "BUS"), rule["EventBusName"])
	}
	source := at(environment, "BUS_SOURCE")
	want := map[string]any{"source": []any{map[string]any{"anything-but": source}}}
	if diff := cmp.Diff(any(want), rule["EventPattern"]); source == nil || diff != "" {
		t.Errorf("the rule's events (-want +got):\n%s", diff)
	}
}

// TestPolicies holds the functions' roles to naming what they allow, and to the one function each.
func TestPolicies(t *testing.T) {
	tm := readTemplate(t)
	var roles []string
	for _, name := range tm.of(functionType) {
		short := strings.TrimSuffix(name, "Function")
		p := tm.Resources[name].Properties
		if !cmp.Equal(p["Role"], attribute(short+"Role.Arn")) {
			t.Errorf("%s has role %v", name, p["Role"])
		}
		roles = append(roles, short+"Role")
		for _, s := range tm.statements(short + "Role") {
			if s.effect != "Allow" || len(s.actions) == 0 || len(s.resources) == 0 {
				t.Errorf("%s: statement %s allows nothing", name, s.sid)
			}
			for _, action := range s.actions {
				if strings.Contains(action, "*") || !strings.Contains(action, ":") {
					t.Errorf("%s may do %s: name the actions", name, action)
				}
			}
			for _, r := range s.resources {
				if s, ok := at(r, "Fn::Sub").(string); ok && (s == "${Table.Arn}/index/due" || ofMail.MatchString(s)) {
					continue
				}
				if named(r) == "" {
					t.Errorf("%s: statement %s is for %v: name the resources", name, s.sid, r)
				}
			}
			if slices.Contains(s.actions, "kms:Decrypt") && s.condition == nil {
				t.Errorf("%s may unwrap what is not the stack's", name)
			}
		}
	}
	slices.Sort(roles)
	if got := tm.of("AWS::IAM::Role"); !slices.Equal(got, roles) {
		t.Errorf("roles %v, want %v", got, roles)
	}
}

// TestPolling shows that a function may do with the queues it is called from what Lambda does in its name.
func TestPolling(t *testing.T) {
	tm := readTemplate(t)
	for _, name := range tm.of(functionType) {
		events, _ := tm.Resources[name].Properties["Events"].(map[string]any)
		for _, e := range events {
			if at(e, "Type") != any("SQS") {
				continue
			}
			queue := at(e, "Properties", "Queue")
			for _, action := range []string{"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"} {
				ok := slices.ContainsFunc(tm.statements(strings.TrimSuffix(name, "Function")+"Role"), func(s statement) bool {
					return slices.Contains(s.actions, action) && slices.ContainsFunc(s.resources, func(r any) bool { return cmp.Equal(r, queue) })
				})
				if !ok {
					t.Errorf("%s is called from %s and may not %s", name, named(queue), action)
				}
			}
		}
	}
}

// TestVersions shows that a new value of a parameter that a function's environment depends on makes a new version of
// it. SAM makes one for a change of the template's text, and does not look into a Ref. A logo may be longer than the 256
// characters that a description may have, and its parameter says when another one is shown:
// https://docs.aws.amazon.com/lambda/latest/api/API_PublishVersion.html.
func TestVersions(t *testing.T) {
	tm := readTemplate(t)
	for _, name := range tm.of(functionType) {
		p := tm.Resources[name].Properties
		if p["AutoPublishAliasAllProperties"] != true {
			t.Errorf("%s: a change of its settings makes no version", name)
		}
		description, _ := at(p, "VersionDescription", "Fn::Sub").(string)
		for _, variables := range []any{at(tm.Globals.Function, "Environment", "Variables"), at(p, "Environment", "Variables")} {
			m, _ := variables.(map[string]any)
			for variable, value := range m {
				parameter := named(value)
				if parameter == "BrandLogoUrl" {
					continue
				}
				if _, ok := tm.Parameters[parameter]; ok && !strings.Contains(description, "${"+parameter+"}") {
					t.Errorf("%s: %s depends on %s, which VersionDescription does not name", name, variable, parameter)
				}
			}
		}
	}
}

// TestOptions counts the resources with each optional parameter unset and set.
func TestOptions(t *testing.T) {
	tm := readTemplate(t)
	without, err := tm.count(nil)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]int{
		"AWS::CloudWatch::Alarm": 10, "AWS::CloudWatch::Dashboard": 1, "AWS::DynamoDB::Table": 1, "AWS::Events::EventBus": 1, "AWS::Events::Rule": 1,
		"AWS::IAM::Role": 7, "AWS::KMS::Alias": 1, "AWS::KMS::Key": 1, "AWS::Lambda::Permission": 4, "AWS::Logs::LogGroup": 2,
		"AWS::Logs::MetricFilter": 1, "AWS::SQS::Queue": 6, "AWS::SQS::QueuePolicy": 6, "AWS::Serverless::Function": 7,
		"AWS::Serverless::HttpApi": 1,
	}
	if diff := cmp.Diff(want, without); diff != "" {
		t.Errorf("with the defaults (-want +got):\n%s", diff)
	}
	const (
		domain      = "hooks.example.com"
		certificate = "arn:aws:acm:eu-west-1:123456789012:certificate/0a1b"
	)
	for _, tt := range []struct {
		name string
		set  map[string]string
		more map[string]int
	}{
		{"dev", map[string]string{"Stage": "dev"}, nil},
		{"alarms to a topic", map[string]string{"AlarmTopicArn": "arn:aws:sns:eu-west-1:123456789012:alarms"}, nil},
		{"traces", map[string]string{"Tracing": "Active"}, nil},
		{"origins", map[string]string{"CorsOrigins": "https://a.example.com,https://b.example.com"}, nil},
		{"mail", map[string]string{"MailIdentity": "example.com"}, map[string]int{
			"AWS::SES::EmailIdentity": 1, "AWS::Serverless::Function": 1, "AWS::IAM::Role": 1, "AWS::Events::Rule": 1,
			"AWS::SQS::Queue": 2, "AWS::SQS::QueuePolicy": 2, "AWS::CloudWatch::Alarm": 4,
		}},
		{"mail from an identity that exists", map[string]string{"MailIdentity": "example.com", "MailIdentityExists": "yes"}, map[string]int{
			"AWS::Serverless::Function": 1, "AWS::IAM::Role": 1, "AWS::Events::Rule": 1,
			"AWS::SQS::Queue": 2, "AWS::SQS::QueuePolicy": 2, "AWS::CloudWatch::Alarm": 4,
		}},
		{"an identity that exists, without mail", map[string]string{"MailIdentityExists": "yes"}, nil},
		{"a zone without a domain", map[string]string{"HostedZoneId": "Z1"}, nil},
		{
			"domain",
			map[string]string{"DomainName": domain, "CertificateArn": certificate},
			map[string]int{"AWS::ApiGatewayV2::DomainName": 1, "AWS::ApiGatewayV2::ApiMapping": 1},
		},
		{
			"domain and zone",
			map[string]string{"DomainName": domain, "CertificateArn": certificate, "HostedZoneId": "Z1"},
			map[string]int{"AWS::ApiGatewayV2::DomainName": 1, "AWS::ApiGatewayV2::ApiMapping": 1, "AWS::Route53::RecordSet": 1},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tm.count(tt.set)
			if err != nil {
				t.Fatal(err)
			}
			want := maps.Clone(without)
			for kind, n := range tt.more {
				want[kind] += n
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("resources (-want +got):\n%s", diff)
			}
		})
	}
}

// TestConditions shows for each condition what turns it.
func TestConditions(t *testing.T) {
	tm := readTemplate(t)
	tests := map[string]struct{ on, off map[string]string }{
		"IsDev":         {map[string]string{"Stage": "dev"}, map[string]string{"Stage": "staging"}},
		"IsProd":        {map[string]string{"Stage": "prod"}, map[string]string{"Stage": "staging"}},
		"HasAlarmTopic": {map[string]string{"AlarmTopicArn": "arn"}, map[string]string{"AlarmTopicArn": ""}},
		"HasCors":       {map[string]string{"CorsOrigins": "https://a,https://b"}, map[string]string{"CorsOrigins": ""}},
		"HasDomain":     {map[string]string{"DomainName": "a.b"}, map[string]string{"DomainName": ""}},
		"HasMail":       {map[string]string{"MailIdentity": "a.b"}, map[string]string{"MailIdentity": ""}},
		"MakesMailIdentity": {
			map[string]string{"MailIdentity": "a.b", "MailIdentityExists": "no"}, map[string]string{"MailIdentity": "a.b", "MailIdentityExists": "yes"},
		},
		"IsTraced":  {map[string]string{"Tracing": "Active"}, map[string]string{"Tracing": "PassThrough"}},
		"HasRecord": {map[string]string{"DomainName": "a.b", "HostedZoneId": "Z"}, map[string]string{"DomainName": "", "HostedZoneId": "Z"}},
	}
	if got, want := slices.Sorted(maps.Keys(tm.Conditions)), slices.Sorted(maps.Keys(tests)); !slices.Equal(got, want) {
		t.Errorf("conditions %v, want %v", got, want)
	}
	for name, tt := range tests {
		for want, values := range map[bool]map[string]string{true: tt.on, false: tt.off} {
			if got, err := tm.holds(tm.Conditions[name], values); err != nil || got != want {
				t.Errorf("%s with %v: got %t, %v, want %s", name, values, got, err, strconv.FormatBool(want))
			}
		}
	}
}
