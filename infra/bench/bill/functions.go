package bill

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"syscall"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	awseventbridge "github.com/aws/aws-sdk-go-v2/service/eventbridge"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"

	"hookline/shared/clock"
	"hookline/shared/delivery"
	"hookline/shared/gateway"
	"hookline/shared/httpapi"
	"hookline/shared/invocation"
	"hookline/shared/queue"
	"hookline/shared/queue/sqs"
	"hookline/shared/seal/kms"
	"hookline/shared/stack"
	"hookline/shared/stack/frontend"
	"hookline/shared/store/dynamo"
	"hookline/shared/sweep"
	"hookline/shared/systemevent/eventbridge"
	"hookline/shared/webhook"
)

// function is a Lambda function in this process: a call's event and answer pass through JSON as they do on Lambda.
type function struct {
	handler     lambda.Handler
	memory      int // MB
	calls, time Part
	meter       *Meter
}

// invoke calls the function, and counts the call and its time in whole milliseconds, as Lambda bills them.
func (f *function) invoke(ctx context.Context, event, answer any) error {
	raw, err := json.Marshal(event)
	if err != nil {
		return err
	}
	processor, begun := processorTime(), time.Now()
	out, err := f.handler.Invoke(ctx, raw)
	took, busy := time.Since(begun), processorTime()-processor
	if err != nil {
		return fmt.Errorf("%s: %w", f.calls, err)
	}
	f.meter.add(f.calls, LambdaCall, 1)
	f.meter.add(f.time, GBSecond, gbSeconds(took, f.memory))
	f.meter.mu.Lock()
	f.meter.processor[f.time] += busy
	f.meter.time[f.time] += took
	f.meter.mu.Unlock()
	if answer == nil {
		return nil
	}
	return json.Unmarshal(out, answer)
}

func gbSeconds(took time.Duration, memory int) float64 {
	return math.Ceil(float64(took)/float64(time.Millisecond)) / 1000 * float64(memory) / 1024
}

// processorTime is what this process has used, the receiver and the meter included.
func processorTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// logger writes what a function would at its default level, as Lambda's handler words it.
func logger(m *Meter) *slog.Logger {
	return slog.New(slog.NewJSONHandler(m, nil)).With("requestId", "8a4e1c1e-5f0b-5d6a-9d0b-4f1f6f7c2b11") //nolint:sloglint // Lambda names it so
}

// names that the table's stand-ins have.
const (
	keyID     = "key-1"
	stackName = "bill"
	adminKey  = "hka_of_the_bill"
)

// machine is a stack whose functions are measured by one meter.
type machine struct {
	ingest, batches, deliver, count *function
	polled                          map[string]queue.Queue // as the event source mappings poll them: measured
	plain                           map[string]queue.Queue // the same, not measured
}

// machine wires the functions as functions/ingest, functions/deliver and functions/count do. queues replace SQS; nil means
// SQS's stand-in.
func (w *World) machine(m *Meter, eventLog bool, clk clock.Clock, queues map[string]queue.Queue) (*machine, error) {
	out := &machine{plain: w.queues, polled: sqs.Open(w.measured(m, ""), w.addresses)}
	used := sqs.Open(w.measured(m, ""), w.addresses)
	if queues != nil {
		out.plain, out.polled = queues, make(map[string]queue.Queue)
		for name, q := range queues {
			out.polled[name] = &counted{Queue: q, meter: m}
		}
		used = out.polled
	}
	of := func(name string, calls, time Part, fn any) *function {
		return &function{handler: invocation.Counted(lambda.NewHandler(fn), m, stackName), memory: w.template.memory[name], calls: calls, time: time, meter: m}
	}

	ingest, err := stack.NewBuilder(stack.Parts{
		Store: dynamo.Open(w.measured(m, ""), tableName), Log: logger(m), EventLog: eventLog, Clock: clk, Queues: used,
		Announcer: eventbridge.Bus{API: awseventbridge.NewFromConfig(w.measured(m, "")), Name: "bus", Source: "hookline." + stackName},
	})
	if err != nil {
		return nil, err
	}
	service, api := ingest.Ingest(), frontend.API(ingest)
	api.Publisher, api.Admin = service, gateway.Admin
	api.Serves = func(r httpapi.Route) bool { return r.Publishes }
	out.ingest = of("ingest", IngestCalls, IngestTime, gateway.Handler(api.Handler()))
	out.batches = of("ingest", IngestCalls, IngestTime, sqs.Function(service.Handle))

	cfg := w.measured(m, "")
	store := dynamo.Open(cfg, tableName)
	deliver, err := stack.NewBuilder(stack.Parts{
		Store: store, Keys: kms.Open(cfg, keyID, stackName, store), Log: logger(m), EventLog: true, Clock: clk, Queues: used,
		Batches: delivery.Concurrency{Delivery: 100, Retry: 50, Bulk: 20}, AllowPrivate: true,
	})
	if err != nil {
		return nil, err
	}
	d, _ := deliver.Deliverer()
	out.deliver = of("deliver", DeliverCalls, DeliverTime, sqs.FunctionOf(map[string]queue.Handler{
		w.addresses[stack.DeliveryQueue].ARN: d.From(d.Queues.Delivery), w.addresses[stack.RetryQueue].ARN: d.From(d.Queues.Retry),
		w.addresses[stack.BulkQueue].ARN: d.From(d.Queues.Bulk),
	}))

	counting := dynamo.Open(w.measured(m, Counters), tableName)
	out.count = of("count", Counters, Counters, counting.CountStream)
	return out, nil
}

// sweeper wires functions/sweep.
func (w *World) sweeper(m *Meter) *function {
	address := w.addresses[stack.DeliveryQueue]
	store := dynamo.Open(w.measured(m, OtherRequests), tableName)
	s := &sweep.Sweeper{
		Store: store, Usage: store,
		Queue: sqs.New(awssqs.NewFromConfig(w.measured(m, OtherRequests)), address.URL, address.ARN),
		Now:   clock.Clock{}.Now, Log: logger(m),
	}
	return &function{
		handler: lambda.NewHandler(func(ctx context.Context, _ json.RawMessage) (int, error) { return s.Sweep(ctx) }),
		memory:  w.template.memory["sweep"], calls: OtherRequests, time: OtherRequests, meter: m,
	}
}

// batchOf is what the event source mapping makes of messages.
func (w *World) batchOf(name string, msgs []queue.Received) events.SQSEvent {
	var ev events.SQSEvent
	for _, msg := range msgs {
		ev.Records = append(ev.Records, events.SQSMessage{
			MessageId: msg.ID, ReceiptHandle: msg.Handle, Body: msg.Body, EventSource: "aws:sqs", EventSourceARN: w.addresses[name].ARN,
			AWSRegion: w.prices.Region, Attributes: map[string]string{
				"ApproximateReceiveCount": fmt.Sprint(msg.ReceiveCount), "SentTimestamp": fmt.Sprint(msg.SentAt.UnixMilli()),
				"ApproximateFirstReceiveTimestamp": fmt.Sprint(msg.FirstReceived.UnixMilli()), "MessageGroupId": msg.Group,
			},
		})
	}
	return ev
}

// poll takes batches out of the queues until nothing is left in them, as the event source mappings do where enough waits:
// first attempts come in full batches.
func (w *World) poll(ctx context.Context, on *machine) error {
	for {
		left, took := 0, false
		for _, name := range batches() {
			c, err := waiting(ctx, on.plain[name])
			if err != nil {
				return err
			}
			left += c.Visible + c.InFlight + c.Delayed
			short := c.Visible < queue.MaxBatch && c.InFlight+c.Delayed > 0 && name == stack.DeliveryQueue
			if c.Visible == 0 || short {
				continue
			}
			if err := w.take(ctx, on, name); err != nil {
				return err
			}
			took = true
		}
		switch {
		case left == 0:
			return nil
		case took:
			continue
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (w *World) take(ctx context.Context, on *machine, name string) error {
	q, f := on.polled[name], on.deliver
	if name == stack.IngestQueue {
		f = on.batches
	}
	msgs, err := q.Receive(ctx, queue.MaxBatch, 0)
	if err != nil || len(msgs) == 0 {
		return err
	}
	var answer sqs.Answer
	if err := f.invoke(ctx, w.batchOf(name, msgs), &answer); err != nil {
		return err
	}
	var stays []string
	for _, failed := range answer.BatchItemFailures {
		stays = append(stays, failed.ItemIdentifier)
	}
	return q.Delete(ctx, queue.Done(msgs, stays)...)
}

// tally has the count function take what came into the stream, as its event source mapping filters and cuts it.
func (w *World) tally(ctx context.Context, count *function) error {
	w.stream.Count = func(ctx context.Context, e events.DynamoDBEvent) error {
		var of events.DynamoDBEvent
		for _, r := range e.Records {
			if pk, ok := r.Change.Keys["pk"]; ok && len(r.Change.NewImage) > 0 && (strings.HasPrefix(pk.String(), "d#") || strings.HasPrefix(pk.String(), "e#")) {
				of.Records = append(of.Records, r)
			}
		}
		if count == nil || len(of.Records) == 0 {
			return nil
		}
		return count.invoke(ctx, of, nil)
	}
	return w.stream.Drain(ctx)
}

// publish calls the ingest function as API Gateway does, and returns the ids of the events.
func (w *World) publish(ctx context.Context, on *machine, key string, body []byte) ([]string, error) {
	var e gateway.Event
	e.Version, e.RouteKey, e.RawPath, e.Body = "2.0", "POST /v1/events", "/v1/events", string(body)
	e.Headers = map[string]string{
		"authorization": "Bearer " + key, "content-type": "application/json", "content-length": fmt.Sprint(len(body)),
		"host": "a1b2c3d4e5.execute-api.us-east-1.amazonaws.com", "user-agent": "backend/1.0", "x-forwarded-for": "203.0.113.7",
	}
	e.RequestContext.RouteKey, e.RequestContext.Stage, e.RequestContext.RequestID = e.RouteKey, "$default", webhook.NewID("", time.Now())
	e.RequestContext.HTTP.Method, e.RequestContext.HTTP.Path, e.RequestContext.HTTP.SourceIP = "POST", e.RawPath, "203.0.113.7"
	on.ingest.meter.add(HTTPAPI, HTTPRequest, chunks(len(body), httpChunk))
	on.ingest.meter.add(Logs, LogGB, float64(len(w.template.accessLine())+logOverhead)/gigabyte)
	var answer gateway.Answer
	if err := on.ingest.invoke(ctx, e, &answer); err != nil {
		return nil, err
	}
	if answer.StatusCode != 202 {
		return nil, fmt.Errorf("publish: %d %s", answer.StatusCode, answer.Body)
	}
	var list struct{ Data []struct{ ID string } }
	if err := json.Unmarshal([]byte(answer.Body), &list); err != nil {
		return nil, err
	}
	var ids []string
	for _, d := range list.Data {
		ids = append(ids, d.ID)
	}
	return ids, nil
}

// counted is a queue of another engine than SQS, whose calls are counted as the requests that package sqs would make of
// them: one each.
type counted struct {
	queue.Queue
	meter *Meter
}

func (q *counted) Send(ctx context.Context, msgs []queue.Outgoing) error {
	size := 0
	for _, m := range msgs {
		size += len(m.Body)
	}
	q.meter.sqs("", "SendMessageBatch", size)
	return q.Queue.Send(ctx, msgs)
}

func (q *counted) Receive(ctx context.Context, most int, wait time.Duration) ([]queue.Received, error) {
	msgs, err := q.Queue.Receive(ctx, most, wait)
	size := 0
	for _, m := range msgs {
		size += len(m.Body)
	}
	q.meter.sqs("", "ReceiveMessage", size)
	return msgs, err
}

func (q *counted) Delete(ctx context.Context, handles ...string) error {
	if len(handles) > 0 {
		q.meter.sqs("", "DeleteMessageBatch", 0)
	}
	return q.Queue.Delete(ctx, handles...)
}

func (q *counted) Hide(ctx context.Context, vs []queue.Visibility) error {
	q.meter.sqs("", "ChangeMessageVisibilityBatch", 0)
	return q.Queue.Hide(ctx, vs)
}

func (q *counted) Counts(ctx context.Context) (queue.Counts, error) {
	q.meter.sqs("", "GetQueueAttributes", 0)
	return q.Queue.Counts(ctx)
}
