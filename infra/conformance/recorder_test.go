package conformance

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// recorder stands between the functions and what stands in for AWS, and notes what each function asks for in IAM's
// words: the permissions that AWS would look for in its role.
type recorder struct {
	// names are the template's names of the stand-ins' table, queues, key and bus.
	names map[string]string
	// stack is what requests to the key have to carry, and sender what mails come from, for policies allow no others.
	stack, sender string

	mu       sync.Mutex
	seen     map[string]bool // "deliver dynamodb:PutItem Table"
	problems []error         // requests whose permission is not known
}

// front returns the URL of a front to a stand-in, for one function alone.
func (r *recorder) front(t *testing.T, function, upstream string) string {
	t.Helper()
	to, err := url.Parse(upstream)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{
		Rewrite:  func(p *httputil.ProxyRequest) { p.SetURL(to) },
		ErrorLog: log.New(t.Output(), function+": ", 0),
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		target := req.Header.Get("X-Amz-Target")
		if target == "" { // of a service that speaks REST
			target = req.Method + " " + req.URL.Path
		}
		r.note(function, target, body)
		req.Body = io.NopCloser(bytes.NewReader(body))
		proxy.ServeHTTP(w, req)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func (r *recorder) note(function, target string, body []byte) {
	needs, err := r.needs(target, body)
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		r.problems = append(r.problems, fmt.Errorf("%s calls %s: %w", function, target, err))
	}
	if r.seen == nil {
		r.seen = make(map[string]bool)
	}
	for _, need := range needs {
		r.seen[function+" "+need] = true
	}
}

// lines returns what was noted, sorted.
func (r *recorder) lines() ([]string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Sorted(maps.Keys(r.seen)), errors.Join(r.problems...)
}

// request is what tells the resource in a request to any of the services.
type request struct {
	TableName     string
	IndexName     string
	RequestItems  map[string]json.RawMessage
	TransactItems []map[string]struct{ TableName string }

	QueueURL  string `json:"QueueUrl"`
	SourceArn string

	KeyID             string `json:"KeyId"`
	EncryptionContext map[string]string

	Entries          []struct{ EventBusName string }
	FromEmailAddress string
}

// needs returns the permissions that a request takes, as "dynamodb:PutItem Table".
func (r *recorder) needs(target string, body []byte) ([]string, error) {
	var in request
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, err
	}
	service, op, _ := strings.Cut(target, ".")
	switch service {
	case "DynamoDB_20120810":
		return r.table(op, in)
	case "AmazonSQS":
		// An action covers its batch: API Reference, AddPermission, parameter Actions.
		queue := path.Base(in.QueueURL)
		if in.QueueURL == "" {
			queue = in.SourceArn[strings.LastIndexByte(in.SourceArn, ':')+1:]
		}
		return r.need("sqs:"+strings.TrimSuffix(op, "Batch"), queue, "")
	case "TrentService":
		if got := in.EncryptionContext["hookline:stack"]; got != r.stack {
			return nil, fmt.Errorf("the encryption context's hookline:stack is %q, want %q", got, r.stack)
		}
		return r.need("kms:"+op, in.KeyID, "")
	case "AWSEvents":
		var all []string
		for _, e := range in.Entries {
			needs, err := r.need("events:"+op, e.EventBusName, "")
			if err != nil {
				return nil, err
			}
			all = append(all, needs...)
		}
		return all, nil
	}
	// SendEmail is allowed on the identity that the mail comes from, and in SES's sandbox on the recipient's too.
	if target == "POST /v2/email/outbound-emails" {
		if in.FromEmailAddress != r.sender {
			return nil, fmt.Errorf("a mail comes from %q, want %q", in.FromEmailAddress, r.sender)
		}
		return []string{"ses:SendEmail identity/*"}, nil
	}
	return nil, errors.New("the service is not known")
}

// table returns the permissions that a request to DynamoDB takes. A transaction takes those of its parts (Developer
// Guide, Using IAM with DynamoDB transactions), a batch its own, and a query of an index that of the index and not of
// its table (Service Authorization Reference, DynamoDB).
func (r *recorder) table(op string, in request) ([]string, error) {
	switch op {
	case "TransactWriteItems":
		parts := map[string]string{"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem"}
		var all []string
		for _, item := range in.TransactItems {
			for part, of := range item {
				if parts[part] == "" {
					return nil, fmt.Errorf("the part %q of a transaction is not known", part)
				}
				needs, err := r.need("dynamodb:"+parts[part], of.TableName, "")
				if err != nil {
					return nil, err
				}
				all = append(all, needs...)
			}
		}
		return all, nil
	case "BatchGetItem", "BatchWriteItem":
		var all []string
		for name := range in.RequestItems {
			needs, err := r.need("dynamodb:"+op, name, "")
			if err != nil {
				return nil, err
			}
			all = append(all, needs...)
		}
		return all, nil
	case "Query", "Scan":
		if in.IndexName != "" {
			return r.need("dynamodb:"+op, in.TableName, "/index/"+in.IndexName)
		}
	}
	return r.need("dynamodb:"+op, in.TableName, "")
}

func (r *recorder) need(action, resource, part string) ([]string, error) {
	name, ok := r.names[resource]
	if !ok {
		return nil, fmt.Errorf("the resource %q is not of the template", resource)
	}
	return []string{action + " " + name + part}, nil
}

// TestRecorder holds the recorder to what AWS documents of the permission for each call.
func TestRecorder(t *testing.T) {
	for name, tt := range map[string]struct {
		target, body string
		want         []string
		refused      bool
	}{
		"an item":  {target: "DynamoDB_20120810.PutItem", body: `{"TableName":"hookline"}`, want: []string{"dynamodb:PutItem Table"}},
		"a query":  {target: "DynamoDB_20120810.Query", body: `{"TableName":"hookline"}`, want: []string{"dynamodb:Query Table"}},
		"an index": {target: "DynamoDB_20120810.Query", body: `{"TableName":"hookline","IndexName":"due"}`, want: []string{"dynamodb:Query Table/index/due"}},
		"a batch": {
			target: "DynamoDB_20120810.BatchGetItem", body: `{"RequestItems":{"hookline":{"Keys":[]}}}`,
			want: []string{"dynamodb:BatchGetItem Table"},
		},
		"a transaction": {
			target: "DynamoDB_20120810.TransactWriteItems",
			body: `{"TransactItems":[{"Put":{"TableName":"hookline"}},{"Update":{"TableName":"hookline"}},` +
				`{"Delete":{"TableName":"hookline"}},{"ConditionCheck":{"TableName":"hookline"}}]}`,
			want: []string{"dynamodb:PutItem Table", "dynamodb:UpdateItem Table", "dynamodb:DeleteItem Table", "dynamodb:ConditionCheckItem Table"},
		},
		"another table": {target: "DynamoDB_20120810.PutItem", body: `{"TableName":"other"}`, refused: true},
		"a batch of messages": {
			target: "AmazonSQS.ChangeMessageVisibilityBatch", body: `{"QueueUrl":"http://127.0.0.1:9324/000000000000/RetryQueue"}`,
			want: []string{"sqs:ChangeMessageVisibility RetryQueue"},
		},
		"a queue by its ARN": {
			target: "AmazonSQS.StartMessageMoveTask", body: `{"SourceArn":"arn:aws:sqs:us-east-1:000000000000:RetryQueue"}`,
			want: []string{"sqs:StartMessageMoveTask RetryQueue"},
		},
		"no queue": {target: "AmazonSQS.CancelMessageMoveTask", body: `{"TaskHandle":"h"}`, refused: true},
		"the stack's key": {
			target: "TrentService.Decrypt", body: `{"KeyId":"key-1","EncryptionContext":{"hookline:stack":"test"}}`,
			want: []string{"kms:Decrypt Key"},
		},
		"another stack's": {target: "TrentService.Decrypt", body: `{"KeyId":"key-1","EncryptionContext":{"hookline:stack":"prod"}}`, refused: true},
		"the stack's bus": {
			target: "AWSEvents.PutEvents", body: `{"Entries":[{"EventBusName":"bus"}]}`,
			want: []string{"events:PutEvents Bus"},
		},
		"the account's bus": {target: "AWSEvents.PutEvents", body: `{"Entries":[{}]}`, refused: true},
		"a mail": {
			target: "POST /v2/email/outbound-emails", body: `{"FromEmailAddress":"webhooks@example.com"}`, want: []string{"ses:SendEmail identity/*"},
		},
		"a mail of another": {target: "POST /v2/email/outbound-emails", body: `{"FromEmailAddress":"a@example.com"}`, refused: true},
		"another service":   {target: "AmazonSNS.Publish", body: `{}`, refused: true},
		"no JSON":           {target: "DynamoDB_20120810.PutItem", body: `Action=SendMessage`, refused: true},
	} {
		t.Run(name, func(t *testing.T) {
			names := map[string]string{"hookline": "Table", "RetryQueue": "RetryQueue", "key-1": "Key", "bus": "Bus"}
			r := &recorder{names: names, stack: "test", sender: "webhooks@example.com"}
			upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
				_, _ = io.Copy(w, req.Body)
			}))
			defer upstream.Close()
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.front(t, "deliver", upstream.URL), strings.NewReader(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			if method, path, rest := strings.Cut(tt.target, " "); rest {
				req.Method, req.URL.Path = method, path
			} else {
				req.Header.Set("X-Amz-Target", tt.target)
			}
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			if passed, err := io.ReadAll(res.Body); err != nil || string(passed) != tt.body {
				t.Errorf("passed on %q, %v, want what came", passed, err)
			}
			var want []string
			for _, need := range tt.want {
				want = append(want, "deliver "+need)
			}
			slices.Sort(want)
			got, err := r.lines()
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("noted (-want +got):\n%s", diff)
			}
			if refused := err != nil; refused != tt.refused {
				t.Errorf("got the problem %v, want one: %t", err, tt.refused)
			}
		})
	}
}
