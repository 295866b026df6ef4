package lambda

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
)

const root = "../.."

// built compiles the functions once for this machine.
var built = sync.OnceValues(func() (paths map[string]string, err error) {
	paths = make(map[string]string)
	for _, name := range Names() {
		if paths[name], err = Build(context.Background(), root, name, false); err != nil {
			return nil, err
		}
	}
	return paths, nil
})

// settings is an environment in which every function starts. Nothing answers at its endpoints.
func settings() []string {
	env := []string{
		"TABLE=hookline", "KMS_KEY_ID=key", "STACK=dev", "AWS_ACCESS_KEY_ID=any", "AWS_SECRET_ACCESS_KEY=any",
		"AWS_LAMBDA_LOG_FORMAT=JSON", "BUS=dev", "BUS_SOURCE=hookline.dev",
		"MAIL_FROM=example.com", "CONSOLE_URL=https://hooks.example.com",
		"DELIVERY_CONCURRENCY=100", "RETRY_CONCURRENCY=50", "BULK_CONCURRENCY=20",
	}
	for _, service := range []string{"DYNAMODB", "SQS", "KMS", "EVENTBRIDGE", "SESV2"} {
		env = append(env, "AWS_ENDPOINT_URL_"+service+"=http://127.0.0.1:1")
	}
	for name, queue := range map[string]string{
		"DELIVERY": "DeliveryQueue", "RETRY": "RetryQueue", "BULK": "BulkQueue", "DEAD_LETTER": "DeadLetterQueue",
		"INGEST": "IngestQueue", "INGEST_DEAD_LETTER": "IngestDeadLetterQueue",
		"NOTIFY": "NotifyQueue", "NOTIFY_DEAD_LETTER": "NotifyDeadLetterQueue",
	} {
		env = append(env, name+"_QUEUE_URL=http://127.0.0.1:1/123456789012/"+queue,
			name+"_QUEUE_ARN=arn:aws:sqs:eu-west-1:123456789012:"+queue)
	}
	return env
}

func function(t *testing.T, name string, env []string, timeout time.Duration) (*Environment, *output) {
	t.Helper()
	paths, err := built()
	if err != nil {
		t.Fatal(err)
	}
	log := new(output)
	e := New(Function{Path: paths[name], Env: env, Timeout: timeout, Log: log})
	t.Cleanup(e.Close)
	return e, log
}

func recorded(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(root + "/events/lambda/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestNames holds the list to the folders.
func TestNames(t *testing.T) {
	folders, err := os.ReadDir(root + "/functions")
	if err != nil {
		t.Fatal(err)
	}
	names := Names()
	slices.Sort(names)
	var got []string
	for _, f := range folders {
		got = append(got, f.Name())
	}
	if !slices.Equal(got, names) {
		t.Errorf("functions are %v, the list says %v", got, names)
	}
}

// TestWithoutSettings shows that a function that lacks its settings names all of them at once, in its log.
func TestWithoutSettings(t *testing.T) {
	for name, want := range map[string][]string{
		"webhooks": {"TABLE", "KMS_KEY_ID", "STACK", "DELIVERY_QUEUE_URL", "DELIVERY_QUEUE_ARN", "BULK_QUEUE_URL", "DEAD_LETTER_QUEUE_URL", "DEAD_LETTER_QUEUE_ARN", "INGEST_QUEUE_URL"},
		"console":  {"TABLE", "KMS_KEY_ID", "STACK", "DELIVERY_QUEUE_URL", "DELIVERY_QUEUE_ARN", "BULK_QUEUE_URL", "INGEST_QUEUE_URL", "INGEST_QUEUE_ARN"},
		"ingest":   {"TABLE", "DELIVERY_QUEUE_URL", "INGEST_QUEUE_ARN", "INGEST_DEAD_LETTER_QUEUE_URL", "INGEST_DEAD_LETTER_QUEUE_ARN", "BUS", "BUS_SOURCE"},
		"inbound":  {"TABLE", "KMS_KEY_ID", "STACK", "DELIVERY_QUEUE_URL", "DELIVERY_QUEUE_ARN", "INGEST_QUEUE_URL", "INGEST_QUEUE_ARN"},
		"deliver":  {"TABLE", "KMS_KEY_ID", "STACK", "DELIVERY_QUEUE_URL", "RETRY_QUEUE_URL", "BULK_QUEUE_ARN", "DEAD_LETTER_QUEUE_ARN", "INGEST_QUEUE_URL", "BULK_CONCURRENCY"},
		"sweep":    {"TABLE", "DELIVERY_QUEUE_URL", "DELIVERY_QUEUE_ARN"},
		"count":    {"TABLE"},
		"notify":   {"TABLE", "MAIL_FROM", "CONSOLE_URL", "NOTIFY_QUEUE_URL", "NOTIFY_DEAD_LETTER_QUEUE_ARN"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, log := function(t, name, nil, time.Second)
			_, err := e.Invoke(t.Context(), []byte(`{}`))
			if got, ok := errors.AsType[*Error](err); !ok || got.Type != TypeExit || !strings.Contains(got.Message, "exit status 1") {
				t.Errorf("got %v, want %s with exit status 1", err, TypeExit)
			}
			for _, setting := range want {
				if !strings.Contains(log.String(), setting+" is not set") {
					t.Errorf("%s is not named in %s", setting, log)
				}
			}
		})
	}
}

// errorLines ends a function and counts the lines of level ERROR in what it printed: what the stack's log metric counts.
func errorLines(t *testing.T, e *Environment, log *output) (n int) {
	t.Helper()
	e.Close() // what it printed is complete then
	for line := range strings.Lines(log.String()) {
		var l struct{ Level, RequestID string }
		if json.Unmarshal([]byte(line), &l) != nil || l.Level != "ERROR" { // aws-lambda-go prints an error too, in its own way
			continue
		}
		n++
		if l.RequestID == "" {
			t.Errorf("%s does not say of which call it is", line)
		}
	}
	return n
}

// TestMalformed gives each function what it cannot read: the call fails with an ERROR in the log, so that nothing counts
// as done, and the process lives on. The sweeper reads nothing of its event.
func TestMalformed(t *testing.T) {
	request, batch := string(recorded(t, "webhooks/create-webhook")), string(recorded(t, "deliver/first-attempt"))
	tests := map[string][]string{
		"webhooks": {`{}`, `[]`, `"text"`, `{"version":7}`, `{"version":"1.0","httpMethod":"GET","path":"/"}`, batch, `{"version":`},
		"console":  {`{}`, `[]`, `"text"`, `{"version":"1.0","httpMethod":"GET","path":"/"}`, batch, `{"version":`},
		"ingest":   {`{}`, `[]`, `null`, `{"version":"0","detail-type":"x","detail":{}}`, `{"Records":[]}`, `{"Records":[{"eventSource":"aws:s3"}]}`, `{"Records":7}`},
		"inbound":  {`{}`, `[]`, `{"version":"1.0","httpMethod":"POST","path":"/"}`, batch},
		"deliver":  {`{}`, `[]`, `{"Records":[]}`, `{"Records":{"a":1}}`, `{"Records":[{"eventSource":"aws:s3"}]}`, request, "\x00"},
		"count":    {`{}`, `[]`, `{"Records":[]}`, `{"Records":7}`, `{"Records":[{"eventSource":"aws:sqs"}]}`, request},
		"notify":   {`{}`, `[]`, `{"Records":[]}`, `{"Records":7}`, `{"Records":[{"eventSource":"aws:s3"}]}`, request},
	}
	for name, malformed := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, log := function(t, name, settings(), 10*time.Second)
			for _, event := range malformed {
				got, err := e.Invoke(t.Context(), []byte(event))
				if refused, ok := errors.AsType[*Error](err); !ok || refused.Type == TypeExit || refused.Type == TypeTimeout {
					t.Errorf("%.60s: got %s, %v, want an error of the handler", event, got, err)
				}
			}
			if e.Starts() != 1 {
				t.Errorf("got %d starts, want 1", e.Starts())
			}
			if got, want := errorLines(t, e, log), len(malformed); got != want {
				t.Errorf("got %d errors in the log, want %d:\n%s", got, want, log)
			}
		})
	}
}

// TestWithoutEngines asks for what needs no table and no queue.
func TestWithoutEngines(t *testing.T) {
	e, _ := function(t, "webhooks", settings(), 10*time.Second)
	request := func(key, path string) events.APIGatewayV2HTTPResponse {
		t.Helper()
		var ev events.APIGatewayV2HTTPRequest
		if err := json.Unmarshal(recorded(t, "webhooks/unknown-route"), &ev); err != nil {
			t.Fatal(err)
		}
		ev.RouteKey, ev.RawPath = key, path
		ev.RequestContext.RouteKey = key
		return ask(t, e, ev)
	}
	if got := request("GET /openapi.json", "/openapi.json"); got.StatusCode != 200 || !strings.Contains(got.Body, `"openapi"`) || got.Headers["X-Request-Id"] == "" {
		t.Errorf("the OpenAPI document: got %d %.80s, %v", got.StatusCode, got.Body, got.Headers)
	}
	if got := request("GET /docs", "/docs"); got.StatusCode != 200 || !strings.HasPrefix(got.Headers["Content-Type"], "text/html") || got.Body == "" {
		t.Errorf("the page of it: got %d %.80s, %v", got.StatusCode, got.Body, got.Headers)
	}
	for _, path := range []string{"//v1/tenants", "/v1/tenants/", "/V1/tenants", "/v1/nothing"} {
		if got := request("$default", path); got.StatusCode != 404 || !strings.Contains(got.Body, `"unknown-route"`) {
			t.Errorf("%s: got %d %s, want 404", path, got.StatusCode, got.Body)
		}
	}
	for _, key := range []string{"$default", "GET /v1/tenants"} {
		if got := request(key, "/v1/tenants"); got.StatusCode != 401 {
			t.Errorf("an admin's call that is not signed, by %s: got %d %s, want 401", key, got.StatusCode, got.Body)
		}
	}
}

// TestConsole asks the console's function for pages that need no table, and for what must not be behind them.
func TestConsole(t *testing.T) {
	e, _ := function(t, "console", settings(), 10*time.Second)
	request := func(method, path string, headers ...string) events.APIGatewayV2HTTPResponse {
		t.Helper()
		var ev events.APIGatewayV2HTTPRequest
		if err := json.Unmarshal(recorded(t, "console/page"), &ev); err != nil {
			t.Fatal(err)
		}
		ev.RawPath, ev.RequestContext.HTTP.Method = path, method
		for i := 0; i < len(headers); i += 2 {
			ev.Headers[headers[i]] = headers[i+1]
		}
		return ask(t, e, ev)
	}
	page := request("GET", "/console/sign-in")
	if page.StatusCode != 200 || page.Headers["Content-Type"] != "text/html; charset=utf-8" || page.IsBase64Encoded {
		t.Fatalf("the sign-in: got %d %v", page.StatusCode, page.Headers)
	}
	sheet := regexp.MustCompile(`/console/assets/[0-9a-f]+/console\.css`).FindString(page.Body)
	zipped, plain := request("GET", sheet), request("GET", sheet, "accept-encoding", "identity")
	raw, err := base64.StdEncoding.DecodeString(zipped.Body)
	if err != nil || !zipped.IsBase64Encoded || zipped.Headers["Content-Encoding"] != "gzip" {
		t.Fatalf("the stylesheet: got %v, %v, want it compressed, as base64", zipped.Headers, err)
	}
	unzip, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(unzip); err != nil || string(got) != plain.Body || plain.IsBase64Encoded {
		t.Errorf("the stylesheet is another when it is compressed: %v", err)
	}
	if got := request("GET", "/console"); got.Headers["Location"] != "/console/" {
		t.Errorf("without a slash: got %d %v, want to be led to the pages", got.StatusCode, got.Headers)
	}
	out := request("POST", "/console/sign-out", "sec-fetch-site", "same-origin", "content-type", "application/x-www-form-urlencoded")
	if out.StatusCode != 303 || len(out.Cookies) != 1 || !strings.Contains(out.Cookies[0], "hookline_session=;") || out.Headers["Set-Cookie"] != "" {
		t.Errorf("signing out: got %d, cookies %q, headers %v, want the cookie removed by format 2.0's own field", out.StatusCode, out.Cookies, out.Headers)
	}
	// The API behind the pages is not to be had by a path, let alone the admin's calls of it.
	for _, path := range []string{"/v1/tenants", "/v1/webhooks", "/console/v1/tenants", "/console/../v1/tenants", "/console//v1/tenants", "/healthz"} {
		if got := request("GET", path); got.StatusCode < 300 || strings.HasPrefix(got.Headers["Content-Type"], "application/") {
			t.Errorf("%s: got %d %v, want no answer of the API", path, got.StatusCode, got.Headers)
		}
	}
}

func ask(t *testing.T, e *Environment, ev any) (answer events.APIGatewayV2HTTPResponse) {
	t.Helper()
	raw, err := json.Marshal(ev)
	if err != nil {
		t.Fatal(err)
	}
	out, err := e.Invoke(t.Context(), raw)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(out, &answer); err != nil {
		t.Fatal(err)
	}
	return answer
}

// TestEnginesGone has the table not answer: a function gives up before it is killed, and says so, as an ERROR in its log.
func TestEnginesGone(t *testing.T) {
	t.Run("a report is answered 503", func(t *testing.T) {
		t.Parallel()
		e, log := function(t, "inbound", settings(), 3*time.Second)
		if got := ask(t, e, json.RawMessage(recorded(t, "inbound/custom"))); got.StatusCode != 503 || got.Headers["Retry-After"] == "" {
			t.Errorf("got %d %s, want 503", got.StatusCode, got.Body)
		}
		if errorLines(t, e, log) == 0 {
			t.Errorf("got no error in the log:\n%s", log)
		}
	})
	t.Run("a request is answered 503", func(t *testing.T) {
		t.Parallel()
		e, log := function(t, "webhooks", settings(), 3*time.Second)
		got := ask(t, e, json.RawMessage(recorded(t, "webhooks/list-webhooks")))
		if got.StatusCode != 503 || got.Headers["Retry-After"] == "" {
			t.Errorf("got %d %s, want 503", got.StatusCode, got.Body)
		}
		// The line of the log is Lambda's own format, with the invocation's id.
		if n, line := errorLines(t, e, log), log.String(); n != 1 || !strings.Contains(line, `"message":"request.failed"`) {
			t.Errorf("got log %s", line)
		}
	})
	for name, event := range map[string]string{"deliver": "deliver/first-attempt", "sweep": "sweep/schedule", "count": "count/stream"} {
		t.Run(name+" keeps everything", func(t *testing.T) {
			t.Parallel()
			e, log := function(t, name, settings(), 3*time.Second)
			out, err := e.Invoke(t.Context(), recorded(t, event))
			if failed, ok := errors.AsType[*Error](err); !ok || failed.Type == TypeTimeout || failed.Type == TypeExit {
				t.Errorf("got %s, %v, want an error of the handler", out, err)
			}
			if errorLines(t, e, log) == 0 {
				t.Errorf("got no error in the log:\n%s", log)
			}
		})
	}
	for name, event := range map[string]string{"ingest": "ingest/eventbridge-entry", "notify": "notify/webhook-failing"} {
		t.Run(name+" keeps the messages", func(t *testing.T) {
			t.Parallel()
			e, log := function(t, name, settings(), 3*time.Second)
			out, err := e.Invoke(t.Context(), recorded(t, event))
			if errorLines(t, e, log) == 0 {
				t.Errorf("got no error in the log:\n%s", log)
			}
			var got events.SQSEventResponse
			if err != nil || json.Unmarshal(out, &got) != nil || len(got.BatchItemFailures) != 1 {
				t.Errorf("got %s, %v, want one failure of the batch", out, err)
			}
		})
	}
}
