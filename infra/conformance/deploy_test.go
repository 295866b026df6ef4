package conformance

import (
	"archive/zip"
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"hookline/infra/conformance/engines"
	"hookline/infra/lambda"
	"hookline/infra/receiver/receiver"
)

// bucket holds what `sam deploy` uploads.
const bucket = "deployed"

// cloud is a MiniStack in the place of an AWS account.
type cloud struct {
	t        *testing.T
	endpoint string
	client   *http.Client // reaches every host at the endpoint
	plain    []byte       // what SAM makes of template.yaml
	code     map[string]string
}

// newCloud starts MiniStack, uploads the compiled functions and has SAM translate the template.
func newCloud(t *testing.T) *cloud {
	t.Helper()
	p, err := engines.MiniStack(t.TempDir())
	if errors.Is(err, engines.ErrNotInstalled) {
		missing(t, "MiniStack")
	} else if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("MiniStack said at last:\n%s", p.Said())
		}
		p.Stop()
	})
	address := strings.TrimPrefix(p.Endpoint, "http://")
	var dialer net.Dialer
	c := &cloud{t: t, endpoint: p.Endpoint, client: &http.Client{
		Timeout: time.Minute,
		Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, "tcp", address)
		}},
	}}
	c.plain = translated(t)
	c.upload()
	return c
}

// translated returns the CloudFormation that SAM makes of template.yaml.
func translated(t *testing.T) []byte {
	t.Helper()
	python := "../../.cache/template/sam/bin/python"
	if _, err := os.Stat(python); err != nil {
		missing(t, "the SAM CLI of infra/template/install")
	}
	out := filepath.Join(t.TempDir(), "plain.json")
	cmd := exec.CommandContext(t.Context(), python, "../template/plain.py", "../../template.yaml", out)
	cmd.Env = append(os.Environ(), "AWS_DEFAULT_REGION="+engines.Region)
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	plain, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return plain
}

// upload builds the functions for this machine, with receivers on it allowed, and puts them where `sam deploy` would.
func (c *cloud) upload() {
	c.t.Helper()
	c.request("s3", http.MethodPut, c.endpoint+"/"+bucket, nil, nil, http.StatusOK)
	c.code = make(map[string]string)
	for _, name := range lambda.Names() {
		path, err := lambda.Build(c.t.Context(), "../..", name, true)
		if err != nil {
			c.t.Fatal(err)
		}
		c.request("s3", http.MethodPut, c.endpoint+"/"+bucket+"/"+name, nil, zipped(c.t, path), http.StatusOK)
		c.code[strings.ToUpper(name[:1])+name[1:]+"Function"] = bucket + "/" + name
	}
}

// zipped returns a zip file with an executable named bootstrap.
func zipped(t *testing.T, path string) []byte {
	t.Helper()
	program, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	h := &zip.FileHeader{Name: "bootstrap", Method: zip.Store}
	h.SetMode(0o755)
	f, err := w.CreateHeader(h)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(program); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// request makes a signed request and returns the answer's body. A header Authorization among the given ones is kept.
func (c *cloud) request(service, method, url string, header map[string]string, body []byte, want int) []byte {
	c.t.Helper()
	req, err := http.NewRequestWithContext(c.t.Context(), method, url, bytes.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	for name, value := range header {
		req.Header.Set(name, value)
	}
	if service != "" {
		sum := sha256.Sum256(body)
		hash := hex.EncodeToString(sum[:])
		req.Header.Set("X-Amz-Content-Sha256", hash)
		key := aws.Credentials{AccessKeyID: engines.MiniStackKey, SecretAccessKey: engines.MiniStackKey}
		if err := v4.NewSigner().SignHTTP(c.t.Context(), key, req, hash, service, engines.Region, time.Now()); err != nil {
			c.t.Fatal(err)
		}
	}
	res, err := c.client.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer res.Body.Close()
	out, err := io.ReadAll(res.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	if res.StatusCode != want {
		c.t.Fatalf("%s %s: got %d %.2000s, want %d", method, url, res.StatusCode, out, want)
	}
	return out
}

// query calls an action of CloudFormation and reads its answer, which is XML, into out.
func (c *cloud) query(action string, parameters url.Values, out any) {
	c.t.Helper()
	form := url.Values{"Action": {action}, "Version": {"2010-05-15"}}
	maps.Copy(form, parameters)
	answer := c.request("cloudformation", http.MethodPost, c.endpoint+"/", map[string]string{
		"Content-Type": "application/x-www-form-urlencoded",
	}, []byte(form.Encode()), http.StatusOK)
	if out == nil {
		return
	}
	if err := xml.Unmarshal(answer, out); err != nil {
		c.t.Fatalf("%s: %v in %s", action, err, answer)
	}
}

// ask calls an action of a service that speaks JSON and returns the answer's body.
func (c *cloud) ask(service, action string, in any, want int) []byte {
	c.t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		c.t.Fatal(err)
	}
	return c.request(service, http.MethodPost, c.endpoint+"/", map[string]string{
		"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": action,
	}, body, want)
}

// json is ask where the action succeeds, and reads its answer into out.
func (c *cloud) json(service, action string, in, out any) {
	c.t.Helper()
	answer := c.ask(service, action, in, http.StatusOK)
	if err := json.Unmarshal(answer, out); err != nil {
		c.t.Fatalf("%s: %v in %s", action, err, answer)
	}
}

// deployment is the stack in a cloud.
type deployment struct {
	*cloud
	name       string
	id         string            // by which it is also found when it is deleted
	parameters map[string]string // that are not left at their defaults
	outputs    map[string]string
}

// deploy creates the stack and returns when that is done.
func (c *cloud) deploy(name string, parameters map[string]string) *deployment {
	c.t.Helper()
	d := &deployment{cloud: c, name: name, parameters: parameters}
	d.put("CreateStack")
	d.wait("CREATE_COMPLETE")
	return d
}

// put creates or updates the stack. Each change is made to the template before.
func (d *deployment) put(action string, changes ...func(resources map[string]any)) {
	d.t.Helper()
	var plain map[string]any
	if err := json.Unmarshal(d.plain, &plain); err != nil {
		d.t.Fatal(err)
	}
	fit(plain, d.parameters, d.code)
	for _, change := range changes {
		change(plain["Resources"].(map[string]any))
	}
	body, err := json.Marshal(plain)
	if err != nil {
		d.t.Fatal(err)
	}
	// CloudFormation takes 51,200 bytes in a request; SAM too leaves what is larger in S3.
	template := d.endpoint + "/" + bucket + "/" + d.name + ".json"
	d.request("s3", http.MethodPut, template, nil, body, http.StatusOK)
	form := url.Values{"StackName": {d.name}, "TemplateURL": {template}, "Capabilities.member.1": {"CAPABILITY_IAM"}}
	for i, name := range slices.Sorted(maps.Keys(d.parameters)) {
		member := "Parameters.member." + strconv.Itoa(i+1)
		form.Set(member+".ParameterKey", name)
		form.Set(member+".ParameterValue", d.parameters[name])
	}
	var out struct {
		ID string `xml:"CreateStackResult>StackId"`
	}
	d.query(action, form, &out)
	d.id = cmp.Or(d.id, out.ID)
}

// wait returns when the stack is in a state. Another state that ends an operation fails the test, with what failed.
func (d *deployment) wait(want string) {
	d.t.Helper()
	until(d.t, 5*time.Minute, d.name+" is "+want, func() (bool, any) {
		var out struct {
			Stack struct {
				Status  string `xml:"StackStatus"`
				Reason  string `xml:"StackStatusReason"`
				Outputs []struct {
					Key   string `xml:"OutputKey"`
					Value string `xml:"OutputValue"`
				} `xml:"Outputs>member"`
			} `xml:"DescribeStacksResult>Stacks>member"`
		}
		d.query("DescribeStacks", url.Values{"StackName": {d.id}}, &out)
		if s := out.Stack.Status; s != want && !strings.HasSuffix(s, "_IN_PROGRESS") {
			d.t.Fatalf("%s is %s, want %s: %s\n%s", d.name, s, want, out.Stack.Reason, d.failures())
		}
		d.outputs = make(map[string]string)
		for _, o := range out.Stack.Outputs {
			d.outputs[o.Key] = o.Value
		}
		return out.Stack.Status == want, out.Stack.Status
	})
}

// failures returns the events of the stack that say why something failed.
func (d *deployment) failures() string {
	var out struct {
		Events []struct {
			ID     string `xml:"LogicalResourceId"`
			Status string `xml:"ResourceStatus"`
			Reason string `xml:"ResourceStatusReason"`
		} `xml:"DescribeStackEventsResult>StackEvents>member"`
	}
	d.query("DescribeStackEvents", url.Values{"StackName": {d.id}}, &out)
	var lines []string
	for _, e := range out.Events {
		if strings.HasSuffix(e.Status, "_FAILED") {
			lines = append(lines, fmt.Sprintf("%s %s: %s", e.ID, e.Status, e.Reason))
		}
	}
	return strings.Join(lines, "\n")
}

// call makes a request of the stack's HTTP API with a tenant's key, or an admin's signed one where key is "".
func (d *deployment) call(method, path, key string, body any, want int, out any) {
	d.t.Helper()
	api, err := url.Parse(d.outputs["ApiUrl"])
	if err != nil {
		d.t.Fatal(err)
	}
	api.Scheme = "http" // MiniStack has no certificates
	var raw []byte
	if body != nil {
		if raw, err = json.Marshal(body); err != nil {
			d.t.Fatal(err)
		}
	}
	service, header := "execute-api", map[string]string{"Content-Type": "application/json"}
	if key != "" {
		service, header["Authorization"] = "", "Bearer "+key
	}
	answer := d.request(service, method, api.String()+path, header, raw, want)
	if out == nil {
		return
	}
	if err := json.Unmarshal(answer, out); err != nil {
		d.t.Fatalf("%s %s: %v in %s", method, path, err, answer)
	}
}

// versions returns the number of the version behind each function's alias, by the function's name in the template.
func (d *deployment) versions() map[string]int {
	d.t.Helper()
	got := make(map[string]int)
	for name, id := range d.resources("AWS::Lambda::Function") {
		var alias struct{ FunctionVersion string }
		answer := d.request("lambda", http.MethodGet, d.endpoint+"/2015-03-31/functions/"+id+"/aliases/live", nil, nil, http.StatusOK)
		if err := json.Unmarshal(answer, &alias); err != nil {
			d.t.Fatal(err)
		}
		version, err := strconv.Atoi(alias.FunctionVersion)
		if err != nil {
			d.t.Errorf("%s is called by its alias in version %q, which may change", name, alias.FunctionVersion)
		}
		got[name] = version
	}
	return got
}

// resources returns the ids that the stack's resources of a type have outside the template, by their names in it.
func (d *deployment) resources(kind string) map[string]string {
	d.t.Helper()
	var out struct {
		Resources []struct {
			Name string `xml:"LogicalResourceId"`
			ID   string `xml:"PhysicalResourceId"`
			Type string `xml:"ResourceType"`
		} `xml:"ListStackResourcesResult>StackResourceSummaries>member"`
		Next string `xml:"ListStackResourcesResult>NextToken"`
	}
	got := make(map[string]string)
	for next := ""; ; next = out.Next {
		out.Resources, out.Next = nil, ""
		form := url.Values{"StackName": {d.name}}
		if next != "" {
			form.Set("NextToken", next)
		}
		d.query("ListStackResources", form, &out)
		for _, r := range out.Resources {
			if r.Type == kind {
				got[r.Name] = r.ID
			}
		}
		if out.Next == "" {
			return got
		}
	}
}

// TestAWSStacks runs side by side what holds nothing to a time: the first two wait, and the others compute meanwhile.
func TestAWSStacks(t *testing.T) {
	t.Run("bill", testBill)
	t.Run("deploy", testDeploy)
	t.Run("fuzzer", testSchemathesis)
	t.Run("store", testStore)
}

// testDeploy has CloudFormation create, update and delete the stack that template.yaml describes, with the parameters'
// defaults and with all of them set, and has the compiled functions work where it puts them: with the environment, the
// roles, the queues, the bus and the stream that the template gives them.
func testDeploy(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	// An owner's account has a topic, a zone and an identity already.
	const topic = "alarms"
	c.request("sns", http.MethodPost, c.endpoint+"/", form, []byte("Action=CreateTopic&Version=2010-03-31&Name="+topic), http.StatusOK)
	c.request("ses", http.MethodPost, c.endpoint+"/v2/email/identities", nil, []byte(`{"EmailIdentity": "example.com"}`), http.StatusOK)
	for name, parameters := range map[string]map[string]string{
		"hookline": nil,
		"hookline-all": {
			"Stage": "staging", "LogLevel": "DEBUG", "Tracing": "Active", "LogRetention": "7", "RetentionDays": "60", "EventLog": "off", "MaxWebhooks": "200",
			"AlarmTopicArn": "arn:aws:sns:" + engines.Region + ":" + engines.Account + ":" + topic,
			"RequestRate":   "500", "RequestBurst": "600", "RequestsPerSecond": "100", "CorsOrigins": "https://app.example.com,https://example.com",
			"DomainName": "hooks.example.com", "CertificateArn": "arn:aws:acm:" + engines.Region + ":" + engines.Account + ":certificate/0a1b",
			"HostedZoneId": c.zone("example.com"), "MailIdentity": "example.com", "MailIdentityExists": "yes",
			"DeliveryConcurrency": "10", "RetryConcurrency": "5", "BulkConcurrency": "2", "IngestConcurrency": "3",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sub := *c
			sub.t = t
			d := sub.deploy(name, parameters)
			defer func() {
				if t.Failed() {
					t.Logf("the functions logged:\n%s", d.logs())
				}
			}()
			d.deliver()
			d.update()
			d.remove()
		})
	}
	t.Run("hookline-prod", func(t *testing.T) {
		t.Parallel()
		sub := *c
		sub.t = t
		sub.deploy("hookline-prod", map[string]string{"MailIdentity": "example.com", "MailIdentityExists": "yes"}).testRunbooks()
	})
	t.Run("hookline-broken", func(t *testing.T) {
		t.Parallel()
		sub := *c
		sub.t = t
		sub.fail("hookline-broken")
	})
}

// fail has the first creation of a stack fail when all else is there: it ends clean, and leaves the table behind, which
// is protected. On AWS it could not be deleted and the rollback would fail; MiniStack would delete it all the same.
func (c *cloud) fail(name string) {
	d := &deployment{cloud: c, name: name, parameters: map[string]string{"MailIdentity": "example.org"}}
	d.put("CreateStack", func(resources map[string]any) {
		resources["Broken"] = map[string]any{
			"Type": "AWS::SQS::Queue", "DependsOn": slices.Sorted(maps.Keys(resources)),
			"Properties": map[string]any{"VisibilityTimeout": -1},
		}
	})
	d.wait("ROLLBACK_COMPLETE")
	var out struct{ TableNames []string }
	d.json("dynamodb", "DynamoDB_20120810.ListTables", map[string]any{}, &out)
	if !slices.ContainsFunc(out.TableNames, func(table string) bool { return strings.HasPrefix(table, name+"-Table-") }) {
		d.t.Errorf("the tables are %q, want one of %s that was left behind", out.TableNames, name)
	}
	d.query("DeleteStack", url.Values{"StackName": {name}}, nil)
	d.wait("DELETE_COMPLETE")
}

var form = map[string]string{"Content-Type": "application/x-www-form-urlencoded"}

// zone makes a zone in Route 53 and returns its id.
func (c *cloud) zone(name string) string {
	c.t.Helper()
	var made struct {
		ID string `xml:"HostedZone>Id"`
	}
	answer := c.request("route53", http.MethodPost, c.endpoint+"/2013-04-01/hostedzone", nil, []byte(
		`<CreateHostedZoneRequest xmlns="https://route53.amazonaws.com/doc/2013-04-01/"><Name>`+name+`</Name><CallerReference>1</CallerReference></CreateHostedZoneRequest>`,
	), http.StatusCreated)
	if err := xml.Unmarshal(answer, &made); err != nil {
		c.t.Fatal(err)
	}
	return strings.TrimPrefix(made.ID, "/hostedzone/")
}

const standInSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// deliver takes events through the stack: by HTTP and by the bus, delivered at once, retried by a visibility timeout and by
// RetryQueue, and out of attempts; and looks at what is told of them afterwards.
func (d *deployment) deliver() {
	t := d.t
	r, err := receiver.New(receiver.Options{Dialect: builtin(t, "standard"), Secret: standInSecret})
	if err != nil {
		t.Fatal(err)
	}
	target := httptest.NewServer(r)
	t.Cleanup(target.Close)

	// On AWS an admin's call that is not signed is answered 403 by API Gateway. MiniStack hands it on, to the function's own check.
	d.call("GET", "/v1/tenants", "hk_any", nil, http.StatusUnauthorized, nil)
	var description map[string]any
	d.call("GET", "/v1/dialects/standard", "", nil, http.StatusOK, &description)
	description["ladder"] = []string{"1s", "61s"} // the second is beyond what a message waits in its own queue
	for _, name := range []string{"name", "version", "builtin"} {
		delete(description, name)
	}
	d.call("PUT", "/v1/dialects/brief", "", description, http.StatusCreated, nil)
	var tenant struct {
		Key string `json:"api_key"`
	}
	d.call("POST", "/v1/tenants", "", map[string]any{
		"id": "acme", "name": "Acme", "dialect": "brief", "notify_email": "ops@acme.example",
	}, http.StatusCreated, &tenant)
	for path, events := range map[string]string{"/ok": "order.*", "/500": "invoice.paid"} {
		d.call("POST", "/v1/webhooks", tenant.Key, map[string]any{
			"url": target.URL + path, "events": []string{events}, "secret": standInSecret,
		}, http.StatusCreated, nil)
	}

	d.call("POST", "/v1/events", tenant.Key, map[string]any{"type": "order.placed", "data": map[string]any{"order": 7}}, http.StatusAccepted, nil)
	d.call("POST", "/v1/events", tenant.Key, map[string]any{"type": "invoice.paid", "data": map[string]any{}}, http.StatusAccepted, nil)
	d.announce("order.shipped", `{"tenant": "acme", "data": {"order": 7}}`)
	until(t, 3*time.Minute, "both orders and three attempts of the invoice are received", func() (bool, any) {
		got, _ := r.Received()
		verified := make(map[string]int)
		for _, one := range got {
			if one.Verified != nil && *one.Verified {
				verified[one.Path]++
			}
		}
		return verified["/ok"] == 2 && verified["/500"] == 3, got
	})
	var failed struct {
		Data []struct {
			Status       string
			AttemptCount int `json:"attempt_count"`
		}
	}
	until(t, time.Minute, "the invoice is out of attempts", func() (bool, any) {
		d.call("GET", "/v1/deliveries?status=failed", tenant.Key, nil, http.StatusOK, &failed)
		return len(failed.Data) == 1 && failed.Data[0].AttemptCount == 3, failed
	})
	until(t, time.Minute, "it is a dead letter", func() (bool, any) {
		depth := d.depth("DeadLetterQueueUrl")
		return depth == 1, depth
	})
	until(t, 2*time.Minute, "the stream has told the statistics", func() (bool, any) {
		var stats struct {
			Deliveries struct{ Succeeded, Failed, Pending int }
		}
		d.call("GET", "/v1/stats", tenant.Key, nil, http.StatusOK, &stats)
		return stats.Deliveries.Succeeded == 2 && stats.Deliveries.Failed == 1, stats
	})
	log := http.StatusOK
	if d.parameters["EventLog"] == "off" {
		log = http.StatusNotFound
	}
	d.call("GET", "/v1/events", tenant.Key, nil, log, nil)
	if domain := d.parameters["MailIdentity"]; domain != "" {
		until(t, time.Minute, "both webhooks' owner is mailed", func() (bool, any) {
			mails := string(d.request("", http.MethodGet, d.endpoint+"/_ministack/ses/messages", nil, nil, http.StatusOK))
			return strings.Count(mails, "webhooks@"+domain) >= 2 && strings.Contains(mails, "ops@acme.example"), mails
		})
	}
	if domain := d.parameters["DomainName"]; domain != "" && d.outputs["ApiUrl"] != "https://"+domain {
		t.Errorf("the API is at %s, want its domain", d.outputs["ApiUrl"])
	}
}

// logs returns the last of what the functions logged.
func (d *deployment) logs() string {
	var lines []string
	for name, group := range d.resources("AWS::Logs::LogGroup") {
		var out struct{ Events []struct{ Message string } }
		d.json("logs", "Logs_20140328.FilterLogEvents", map[string]any{"logGroupName": group, "limit": 100}, &out)
		for _, e := range out.Events {
			lines = append(lines, name+": "+strings.TrimSpace(e.Message))
		}
	}
	return strings.Join(lines, "\n")
}

// announce puts an event on the stack's bus.
func (d *deployment) announce(kind, detail string) {
	d.t.Helper()
	var out struct{ FailedEntryCount int }
	d.json("events", "AWSEvents.PutEvents", map[string]any{"Entries": []any{map[string]string{
		"EventBusName": d.outputs["BusName"], "Source": "my.app", "DetailType": kind, "Detail": detail,
	}}}, &out)
	if out.FailedEntryCount != 0 {
		d.t.Fatal("the bus refuses the entry")
	}
}

// depth returns how many messages a queue holds that nobody has received.
func (d *deployment) depth(output string) int {
	d.t.Helper()
	const count = "ApproximateNumberOfMessages"
	var out struct{ Attributes map[string]string }
	d.json("sqs", "AmazonSQS.GetQueueAttributes", map[string]any{"QueueUrl": d.outputs[output], "AttributeNames": []string{count}}, &out)
	n, err := strconv.Atoi(out.Attributes[count])
	if err != nil {
		d.t.Fatal(err)
	}
	return n
}

// update changes a parameter, which makes a new version of every function.
func (d *deployment) update() {
	before := d.versions()
	d.parameters = maps.Clone(d.parameters)
	if d.parameters == nil {
		d.parameters = make(map[string]string)
	}
	d.parameters["LogLevel"] = "WARN"
	d.put("UpdateStack")
	d.wait("UPDATE_COMPLETE")
	after := d.versions()
	for name, version := range before {
		if after[name] <= version {
			d.t.Errorf("%s is called in version %d, and was in %d before LogLevel changed", name, after[name], version)
		}
	}
	if want := 7; len(before) < want || len(after) != len(before) {
		d.t.Errorf("%d functions before and %d after, want at least %d", len(before), len(after), want)
	}
	d.call("GET", "/v1/tenants/acme", "", nil, http.StatusOK, nil)
}

// remove deletes the stack. Table and key stay, and nothing else.
func (d *deployment) remove() {
	queues := d.resources("AWS::SQS::Queue")
	d.query("DeleteStack", url.Values{"StackName": {d.name}}, nil)
	d.wait("DELETE_COMPLETE")
	for name, id := range queues {
		body := d.ask("sqs", "AmazonSQS.GetQueueAttributes", map[string]any{"QueueUrl": id}, http.StatusBadRequest)
		if !strings.Contains(string(body), "NonExistentQueue") && !strings.Contains(string(body), "QueueDoesNotExist") {
			d.t.Errorf("%s is still there: %s", name, body)
		}
	}
	d.kept()
	if domain := d.parameters["MailIdentity"]; domain != "" { // another's
		d.request("ses", http.MethodGet, d.endpoint+"/v2/email/identities/"+domain, nil, nil, http.StatusOK)
	}
}

// kept looks for what a stack leaves behind.
func (d *deployment) kept() {
	d.t.Helper()
	d.ask("dynamodb", "DynamoDB_20120810.DescribeTable", map[string]any{"TableName": d.outputs["TableName"]}, http.StatusOK)
	d.ask("kms", "TrentService.DescribeKey", map[string]any{"KeyId": d.outputs["KeyArn"]}, http.StatusOK)
}
