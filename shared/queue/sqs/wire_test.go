package sqs

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

const (
	mainARN = "arn:aws-cn:sqs:cn-north-1:123456789012:main"
	mainURL = "https://sqs.cn-north-1.amazonaws.com.cn/123456789012/main"
)

// request is a call as SQS receives it.
type request struct {
	Action string
	Body   map[string]any
}

func (r request) entries() []map[string]any {
	var out []map[string]any
	all, _ := r.Body["Entries"].([]any)
	for _, e := range all {
		out = append(out, e.(map[string]any))
	}
	return out
}

// answer is SQS's answer to a call. The zero answer loses the connection.
type answer struct {
	Status int
	Code   string // of an error, as x-amzn-query-error has it
	Body   any
}

// service stands in for SQS on the wire (AWS JSON 1.0), so that the SDK is part of the test.
type service struct {
	mu     sync.Mutex
	got    []request
	answer func(r request, n int) answer // n counts calls from 1
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, action, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	req := request{Action: action}
	_ = json.NewDecoder(r.Body).Decode(&req.Body)
	s.mu.Lock()
	s.got = append(s.got, req)
	n := len(s.got)
	s.mu.Unlock()
	a := s.answer(req, n)
	if a.Status == 0 {
		panic(http.ErrAbortHandler)
	}
	if a.Code != "" {
		w.Header().Set("X-Amzn-Query-Error", a.Code+";Sender")
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	w.WriteHeader(a.Status)
	_ = json.NewEncoder(w).Encode(a.Body)
}

func (s *service) requests() []request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]request(nil), s.got...)
}

// start returns a queue whose calls the service answers.
func (s *service) start(t *testing.T) *Queue {
	t.Helper()
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	client := sqs.New(sqs.Options{
		BaseEndpoint: &server.URL, Region: "cn-north-1", Credentials: credentials.NewStaticCredentialsProvider("id", "secret", ""),
		Retryer: retry.NewStandard(func(o *retry.StandardOptions) {
			o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return 0, nil })
		}),
	})
	return New(client, mainURL, mainARN)
}

// refuse is an error of a call, with its code as today's protocol has it and as the older one has it.
func refuse(status int, code, message string) answer {
	return answer{Status: status, Code: code, Body: map[string]any{"__type": "com.amazonaws.sqs#" + short(code), "message": message}}
}

// entryFailed is an entry of Failed.
func entryFailed(id, code, message string, sender bool) map[string]any {
	return map[string]any{"Id": id, "Code": code, "Message": message, "SenderFault": sender}
}

// took answers that all entries of a batch were taken except those that failed.
func took(r request, failed ...map[string]any) answer {
	refused := make(map[any]bool)
	for _, f := range failed {
		refused[f["Id"]] = true
	}
	successful := []map[string]any{}
	for _, e := range r.entries() {
		if refused[e["Id"]] {
			continue
		}
		one := map[string]any{"Id": e["Id"]}
		if body, ok := e["MessageBody"].(string); ok {
			sum := md5.Sum([]byte(body))
			one["MessageId"], one["MD5OfMessageBody"] = "m", hex.EncodeToString(sum[:])
		}
		successful = append(successful, one)
	}
	return answer{Status: http.StatusOK, Body: map[string]any{"Successful": successful, "Failed": failed}}
}

func always(a answer) func(request, int) answer { return func(request, int) answer { return a } }

// fake is an API with one method that answers as the test says, for cases that cannot be shown on the wire.
type fake struct {
	API
	receive func(ctx context.Context) (*sqs.ReceiveMessageOutput, error)
}

func (f fake) ReceiveMessage(ctx context.Context, _ *sqs.ReceiveMessageInput, _ ...func(*sqs.Options)) (*sqs.ReceiveMessageOutput, error) {
	return f.receive(ctx)
}

var _ API = (*sqs.Client)(nil)
