package functions

import (
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"hookline/shared/stack"
)

// services stands in for the AWS services that functions call.
type services struct {
	server *http.Server
	url    string
	asked  atomic.Int64
}

func newServices() (*services, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &services{url: "http://" + listener.Addr().String()}
	s.server = &http.Server{Handler: s, ReadHeaderTimeout: time.Minute}
	go func() { _ = s.server.Serve(listener) }()
	return s, nil
}

func (s *services) close() { _ = s.server.Close() }

// calls returns how many calls there were so far.
func (s *services) calls() int { return int(s.asked.Load()) }

func (s *services) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.asked.Add(1)
	_, _ = io.Copy(io.Discard, r.Body)
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	_, _ = io.WriteString(w, "{}")
}

// env is the environment of every function.
func (s *services) env() []string {
	env := []string{
		"TABLE=hookline", "KMS_KEY_ID=key", "STACK=bench", "AWS_ACCESS_KEY_ID=any", "AWS_SECRET_ACCESS_KEY=any",
		"AWS_LAMBDA_LOG_FORMAT=JSON", "BUS=bench", "BUS_SOURCE=hookline.bench",
		"MAIL_FROM=example.com", "CONSOLE_URL=https://hooks.example.com",
		"DELIVERY_CONCURRENCY=100", "RETRY_CONCURRENCY=50", "BULK_CONCURRENCY=20",
	}
	for _, service := range []string{"DYNAMODB", "SQS", "KMS", "EVENTBRIDGE", "SESV2"} {
		env = append(env, "AWS_ENDPOINT_URL_"+service+"="+s.url)
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
