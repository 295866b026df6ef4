package bill

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go/middleware"

	"hookline/infra/conformance/engines"
	"hookline/infra/local/standin"
	"hookline/shared/queue"
	"hookline/shared/queue/sqs"
	"hookline/shared/settings"
	"hookline/shared/stack"
	"hookline/shared/store/dynamo"
)

const tableName = "hookline"

// World is what all cases share: stand-ins for AWS, and a receiver that answers in 50 ms. Its methods are for one
// goroutine.
type World struct {
	template  template
	prices    Prices
	account   settings.Account
	table     *shadow
	addresses map[string]sqs.Address // of the queues, by their names in the stack
	queues    map[string]queue.Queue // not measured
	stream    *standin.Stream
	receiver  *receiver
	aws       *httptest.Server // KMS and EventBridge
	cases     int
	close     []func()
}

// Open starts the stand-ins: DynamoDB Local and ElasticMQ, which `make conformance-tools` installs. The caller closes the
// world.
func Open(ctx context.Context) (_ *World, err error) {
	w := &World{table: newShadow(), addresses: make(map[string]sqs.Address), receiver: startReceiver()}
	defer func() {
		if err != nil {
			w.Close()
		}
	}()
	w.close = append(w.close, w.receiver.Close)
	if w.template, err = readTemplate(); err != nil {
		return nil, err
	}
	if w.prices, err = ReadPrices(); err != nil {
		return nil, err
	}
	w.aws = httptest.NewServer(account{})
	w.close = append(w.close, w.aws.Close)
	var db, mq *engines.Process
	var noDB, noMQ error
	var starting sync.WaitGroup
	starting.Go(func() { db, noDB = engines.DynamoDBLocal("") })
	starting.Go(func() { mq, noMQ = engines.ElasticMQ("") })
	starting.Wait()
	for _, p := range []*engines.Process{db, mq} {
		if p != nil {
			w.close = append(w.close, p.Stop)
		}
	}
	if err := errors.Join(noDB, noMQ); err != nil {
		return nil, err
	}
	env := map[string]string{
		"AWS_REGION": engines.Region, "AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any",
		"AWS_ENDPOINT_URL_DYNAMODB": db.Endpoint, "AWS_ENDPOINT_URL_DYNAMODB_STREAMS": db.Endpoint, "AWS_ENDPOINT_URL_SQS": mq.Endpoint,
		"AWS_ENDPOINT_URL_KMS": w.aws.URL, "AWS_ENDPOINT_URL_EVENTBRIDGE": w.aws.URL,
	}
	if w.account, err = settings.ReadAccount(func(name string) string { return env[name] }); err != nil {
		return nil, err
	}
	cfg := w.account.Config()
	if _, err := dynamodb.NewFromConfig(cfg).CreateTable(ctx, dynamo.Table(tableName)); err != nil {
		return nil, err
	}
	if w.queues, err = standin.Queues(ctx, awssqs.NewFromConfig(cfg), ""); err != nil {
		return nil, err
	}
	for name, q := range w.queues {
		w.addresses[name] = sqs.Address{URL: mq.Endpoint + "/" + engines.Account + "/" + name, ARN: q.(*sqs.Queue).ARN()}
	}
	w.stream = &standin.Stream{Client: dynamodbstreams.NewFromConfig(cfg), Table: tableName, Batch: streamBatch}
	return w, nil
}

// streamBatch is the BatchSize of the count function's stream.
const streamBatch = 1000

// Close ends what Open started.
func (w *World) Close() {
	for _, f := range w.close {
		f()
	}
}

// measured returns a configuration whose clients the meter counts, all of it in a part unless that is "".
func (w *World) measured(m *Meter, of Part) aws.Config {
	cfg := w.account.Config()
	cfg.APIOptions = append(cfg.APIOptions, func(s *middleware.Stack) error { return m.middleware(of)(s) })
	return cfg
}

// receiver answers every POST in 50 ms, with a body that is longer than what is kept of one.
type receiver struct {
	*httptest.Server

	mu    sync.Mutex
	fails map[string]int // how often an event's POSTs are refused, by webhook-id
	posts int
	bytes int64
}

const answerIn = 50 * time.Millisecond

func startReceiver() *receiver {
	r := &receiver{fails: make(map[string]int)}
	r.Server = httptest.NewServer(r)
	return r
}

// refuse has the receiver refuse an event's next POSTs.
func (r *receiver) refuse(event string, times int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fails[event] = times
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	size := int64(len(req.Method)+len(req.URL.RequestURI())+len(" HTTP/1.1\r\n \r\n\r\n")) + max(req.ContentLength, 0)
	for name, values := range req.Header {
		for _, v := range values {
			size += int64(len(name) + len(v) + len(": \r\n"))
		}
	}
	id := req.Header.Get("webhook-id")
	r.mu.Lock()
	r.posts++
	r.bytes += size
	refused := r.fails[id] > 0
	if refused {
		r.fails[id]--
	}
	r.mu.Unlock()
	time.Sleep(answerIn)
	w.Header().Set("Content-Type", "application/json")
	status := http.StatusOK
	if refused {
		status = http.StatusServiceUnavailable - 3 // 500: it does not ask for fewer requests
	}
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{ // to whoever is still there
		"status": "received", "id": id, "request_id": "9f2c6f0e-7a0b-4a53-9d4b-0c8f6f1f2a77", "attempt": "019abf53-5d64-7d1a-b2b3-6f6c1c1a9e11",
		"queue": "inbound-webhooks-default-eu-west-1", "links": map[string]string{"self": "https://api.receiver.example/v2/inbound/" + id},
		"message": "Accepted for processing.",
	})
}

func (r *receiver) seen() (posts int, bytes int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.posts, r.bytes
}

// batches tells which of the stack's queues functions take batches from.
func batches() []string {
	return []string{stack.RetryQueue, stack.IngestQueue, stack.DeliveryQueue, stack.BulkQueue}
}

// waiting counts what a queue holds.
func waiting(ctx context.Context, q queue.Queue) (queue.Counts, error) {
	c, err := q.Counts(ctx)
	if err != nil {
		return c, fmt.Errorf("%s: %w", q.Name(), err)
	}
	return c, nil
}
