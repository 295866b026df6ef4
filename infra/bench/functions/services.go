package functions

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"hookline/shared/stack"
)

// services stands in for the AWS services that functions call, so that what is measured is the functions. Its table keeps what
// is put while it is being filled, looks at no condition, and ends no list before its end. Its queues take everything.
type services struct {
	server *http.Server
	url    string

	mu      sync.Mutex
	asked   int
	filling bool
	table   map[string][]item // by partition
}

// item is an item of the table in DynamoDB's JSON.
type item map[string]json.RawMessage

func (i item) text(name string) string {
	var v struct{ S string }
	_ = json.Unmarshal(i[name], &v) // a key is a string
	return v.S
}

func newServices() (*services, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &services{url: "http://" + listener.Addr().String(), table: make(map[string][]item)}
	s.server = &http.Server{Handler: s, ReadHeaderTimeout: time.Minute}
	go func() { _ = s.server.Serve(listener) }()
	return s, nil
}

func (s *services) close() { _ = s.server.Close() }

// calls returns how many calls there were so far.
func (s *services) calls() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

// fill has the table keep what fn puts.
func (s *services) fill(fn func() error) error {
	set := func(filling bool) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.filling = filling
	}
	set(true)
	defer set(false)
	return fn()
}

func (s *services) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var in input
	_, call, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	out, err := json.Marshal(s.answer(call, in))
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	_, _ = w.Write(out)
}

// input is what is read of the calls.
type input struct {
	Key, Item                 item                             // DynamoDB
	RequestItems              map[string]struct{ Keys []item } // BatchGetItem
	TransactItems             []struct{ Put *struct{ Item item } }
	ExpressionAttributeValues item
	Entries                   json.RawMessage // SQS and EventBridge
}

func (s *services) answer(call string, in input) any {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	switch call {
	case "GetItem":
		if it := s.find(in.Key); it != nil {
			return map[string]any{"Item": it}
		}
	case "BatchGetItem":
		found := make(map[string][]item)
		for table, asked := range in.RequestItems {
			for _, key := range asked.Keys {
				if it := s.find(key); it != nil {
					found[table] = append(found[table], it)
				}
			}
		}
		return map[string]any{"Responses": found}
	case "Query":
		return map[string]any{"Items": append([]item{}, s.table[in.ExpressionAttributeValues.text(":pk")]...)}
	case "PutItem":
		s.put(in.Item)
	case "TransactWriteItems":
		for _, t := range in.TransactItems {
			if t.Put != nil {
				s.put(t.Put.Item)
			}
		}
	case "SendMessageBatch":
		var entries []struct{ ID, MessageBody string }
		_ = json.Unmarshal(in.Entries, &entries)
		taken := make([]map[string]string, len(entries))
		for i, e := range entries {
			sum := md5.Sum([]byte(e.MessageBody))
			taken[i] = map[string]string{"Id": e.ID, "MessageId": e.ID, "MD5OfMessageBody": hex.EncodeToString(sum[:])}
		}
		return map[string]any{"Successful": taken}
	case "GenerateDataKey", "Decrypt":
		return map[string]any{"KeyId": "key", "CiphertextBlob": []byte("wrapped"), "Plaintext": bytes.Repeat([]byte{7}, 32)}
	}
	return struct{}{}
}

func (s *services) find(key item) item {
	for _, it := range s.table[key.text("pk")] {
		if it.text("sk") == key.text("sk") {
			return it
		}
	}
	return nil
}

func (s *services) put(it item) {
	if s.filling {
		s.table[it.text("pk")] = append(s.table[it.text("pk")], it)
	}
}

// env is the environment of every function.
func (s *services) env() []string {
	env := []string{
		"TABLE=hookline", "KMS_KEY_ID=key", "STACK=bench", "AWS_ACCESS_KEY_ID=any", "AWS_SECRET_ACCESS_KEY=any",
		"AWS_LAMBDA_LOG_FORMAT=JSON", "BUS=bench", "BUS_SOURCE=hookline.bench", "REQUESTS_PER_SECOND=0",
		"MAIL_FROM=example.com", "CONSOLE_URL=https://hooks.example.com",
		"DELIVERY_CONCURRENCY=100", "RETRY_CONCURRENCY=50", "BULK_CONCURRENCY=20",
	}
	for _, service := range []string{"DYNAMODB", "SQS", "KMS", "EVENTBRIDGE", "SESV2"} {
		env = append(env, fmt.Sprintf("AWS_ENDPOINT_URL_%s=%s", service, s.url))
	}
	for setting, name := range map[string]string{
		"DELIVERY": stack.DeliveryQueue, "RETRY": stack.RetryQueue, "BULK": stack.BulkQueue, "DEAD_LETTER": stack.DeadQueue,
		"INGEST": stack.IngestQueue, "INGEST_DEAD_LETTER": stack.RefusedQueue,
		"NOTIFY": stack.NotifyQueue, "NOTIFY_DEAD_LETTER": stack.NotifyDeadQueue,
	} {
		env = append(env, setting+"_QUEUE_URL="+s.url+"/123456789012/"+name, setting+"_QUEUE_ARN="+arn(name))
	}
	return env
}

func arn(queue string) string { return "arn:aws:sqs:eu-west-1:123456789012:" + queue }
