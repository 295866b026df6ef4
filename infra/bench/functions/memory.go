package functions

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"hookline/infra/bench/table"
	"hookline/infra/lambda"
	"hookline/shared/gateway"
	"hookline/shared/message"
	"hookline/shared/payload"
	"hookline/shared/queue"
	"hookline/shared/queue/sqs"
	"hookline/shared/seal"
	"hookline/shared/seal/kms"
	"hookline/shared/settings"
	"hookline/shared/stack"
	"hookline/shared/store/dynamo"
	"hookline/shared/webhook"
)

// Prices of us-east-1 on arm64, as https://aws.amazon.com/lambda/pricing had them on 2026-11-28.
const (
	perGBSecond = 0.0000133334
	perCall     = 0.20 / 1e6
)

const (
	// wholeCore is the memory in MB with which a function has one core. With less it has that part of one.
	wholeCore = 1769
	warmCalls = 2 // not counted: they connect, and read keys and dialects
	calls     = 5
	tenant    = "acme"
	apiKey    = "hk_bench"
	hooks     = 10
)

// load is work for a function: calls that each do so many things.
type load struct {
	function, what string
	things         int // deliveries, events or requests in a call
	event          func() ([]byte, error)
}

// memory measures what calls of functions take with the share of a core that a size of memory comes with, and what that costs.
func memory(ctx context.Context, out, progress io.Writer) error {
	w, err := newWorld(ctx)
	if err != nil {
		return err
	}
	defer w.close()
	rows := [][]string{{"function", "a call", "MB", "duration", "processor time", "dollars a million"}}
	for _, l := range w.loads() {
		for _, mb := range []int{128, 256, 512, 1024, wholeCore} {
			fmt.Fprintf(progress, "bench: %s, %s, %d MB\n", l.function, l.what, mb)
			duration, computed, err := w.run(ctx, l, mb)
			if err != nil {
				return fmt.Errorf("%s: %w", l.function, err)
			}
			dollars := (float64(mb)/1024*billed(duration).Seconds()*perGBSecond + perCall) / float64(l.things) * 1e6
			rows = append(rows, []string{l.function, l.what, strconv.Itoa(mb), millis(duration), millis(computed), fmt.Sprintf("$%.3f", dollars)})
		}
	}
	if err := table.Print(out, fmt.Sprintf(
		"Memory: median of %d calls, held to MB ÷ %d of a core; receivers answer in 50 ms; dollars for a million deliveries, events or requests", calls, wholeCore,
	), rows...); err != nil {
		return err
	}
	return w.peaks(ctx, out, progress)
}

// billed is a duration as it is billed, in whole milliseconds.
func billed(d time.Duration) time.Duration {
	return (d + time.Millisecond - 1).Truncate(time.Millisecond)
}

// world is the functions on stand-ins: a tenant, and webhooks whose receiver answers in 50 ms.
type world struct {
	paths    map[string]string
	services *services
	receiver *receiver
	store    *dynamo.Store
	webhooks []webhook.Ref
	template []byte // a recorded request
}

func newWorld(ctx context.Context) (*world, error) {
	w := &world{paths: make(map[string]string)}
	var err error
	for _, name := range []string{"deliver", "ingest", "webhooks"} {
		if w.paths[name], err = lambda.Build(ctx, root, name, true); err != nil {
			return nil, err
		}
	}
	if w.template, err = os.ReadFile(root + "/events/lambda/ingest/publish.json"); err != nil {
		return nil, err
	}
	if w.services, err = newServices(); err != nil {
		return nil, err
	}
	if w.receiver, err = startReceiver(ctx); err != nil {
		w.services.close()
		return nil, err
	}
	account, err := settings.ReadAccount(func(name string) string {
		for _, v := range append(w.services.env(), "AWS_REGION=eu-west-1") {
			if value, ok := strings.CutPrefix(v, name+"="); ok {
				return value
			}
		}
		return ""
	})
	if err != nil {
		w.close()
		return nil, err
	}
	w.store = dynamo.Open(account.Config(), "hookline")
	if err := w.services.fill(func() error { return w.fill(ctx, account) }); err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

func (w *world) close() {
	w.receiver.stop()
	w.services.close()
}

func (w *world) fill(ctx context.Context, account settings.Account) error {
	now := time.Now().UTC().Truncate(time.Millisecond)
	key := webhook.Key{ID: webhook.NewID(webhook.KeyPrefix, now), Tenant: tenant, Scopes: webhook.Scopes(), Hash: webhook.HashAPIKey(apiKey), CreatedAt: now}
	if err := w.store.CreateTenant(ctx, webhook.Tenant{ID: tenant, Name: tenant, Dialect: "standard", CreatedAt: now, Version: 1}, key); err != nil {
		return err
	}
	box := seal.Box{Keys: kms.Open(account.Config(), "key", "bench", w.store)}
	for i := range hooks {
		ref := webhook.Ref{Tenant: tenant, ID: webhook.NewID(webhook.WebhookPrefix, now)}
		sealed, err := box.Seal(ctx, []byte(secret), seal.SecretPlace(ref, 1))
		if err != nil {
			return err
		}
		types := []string{"order." + strconv.Itoa(i), "bulk.order"}
		if err := w.store.CreateWebhook(ctx, webhook.Webhook{
			Ref: ref, URL: w.receiver.url + "/50ms", Events: types, Active: true, ContentType: webhook.ContentJSON, Format: webhook.FormatJSON,
			Secrets: []webhook.Secret{{Version: 1, Sealed: sealed}}, CreatedAt: now, UpdatedAt: now, Version: 1,
			Since: map[string]time.Time{types[0]: now, types[1]: now},
		}); err != nil {
			return err
		}
		w.webhooks = append(w.webhooks, ref)
	}
	return nil
}

func (w *world) loads() []load {
	var all []load
	for _, n := range []int{1, 5, queue.MaxBatch} {
		all = append(all, load{"deliver", fmt.Sprintf("batch of %d", n), n, func() ([]byte, error) { return w.batch(n, payload.Pack(event()), nil) }})
	}
	for _, n := range []int{1, 10, 100} {
		all = append(all, load{"ingest", fmt.Sprintf("request with %d events", n), n, func() ([]byte, error) { return w.request(http.MethodPost, "/v1/events", publish(n)) }})
	}
	all = append(all,
		load{"ingest", "batch of 10 of the bus", queue.MaxBatch, func() ([]byte, error) { return entries(queue.MaxBatch, event(), "order") }},
		load{"webhooks", "list of 10 webhooks", 1, func() ([]byte, error) { return w.request(http.MethodGet, "/v1/webhooks", "") }})
	return all
}

// run calls a function that has so much memory, and returns the medians of durations and processor times.
func (w *world) run(ctx context.Context, l load, mb int) (duration, computed time.Duration, err error) {
	f := lambda.New(lambda.Function{
		Path: w.paths[l.function], Env: w.services.env(), Timeout: time.Minute, Share: float64(mb) / wholeCore, Log: os.Stderr,
	})
	defer f.Close()
	var durations, times []time.Duration
	for i := range warmCalls + calls {
		event, err := l.event()
		if err != nil {
			return 0, 0, err
		}
		before, began := f.Computed(), time.Now()
		out, err := f.Invoke(ctx, event)
		span := time.Since(began)
		if err == nil {
			err = succeeded(out)
		}
		if err != nil {
			return 0, 0, err
		}
		if i >= warmCalls {
			durations, times = append(durations, span), append(times, f.Computed()-before)
		}
	}
	return median(durations), median(times), nil
}

// succeeded reports what went wrong in a call by its answer: that of a request, or of a batch.
func succeeded(out []byte) error {
	var request gateway.Answer
	var batch sqs.Answer
	if err := errors.Join(json.Unmarshal(out, &request), json.Unmarshal(out, &batch)); err != nil {
		return err
	}
	if request.StatusCode >= 300 || len(batch.BatchItemFailures) > 0 {
		return fmt.Errorf("the call failed: %.300s", out)
	}
	return nil
}

// batch is a batch of first attempts, each to another webhook and of another event. The body is in the messages, or they refer to
// refs.
func (w *world) batch(n int, packed []byte, refs []string) ([]byte, error) {
	var bodies []string
	now := time.Now()
	for i := range n {
		to := w.webhooks[i%len(w.webhooks)]
		m := message.Message{
			Tenant: to.Tenant, Webhook: to.ID, Event: webhook.NewID(webhook.EventPrefix, now), Type: "order.1", AcceptedAt: now.UnixMilli(),
			Timestamp: "2026-03-20T12:00:00Z", Dialect: "standard@1", ContentType: webhook.ContentJSON, Format: webhook.FormatJSON, Body: packed,
			Round: 1, Attempt: 1,
		}
		if refs != nil {
			m.Body, m.Ref = nil, refs[i]
		}
		bodies = append(bodies, m.Outgoing(0).Body)
	}
	return received(stack.DeliveryQueue, bodies)
}

// entries is a batch of events that came over the bus, of types that begin as given.
func entries(n int, data []byte, kind string) ([]byte, error) {
	var bodies []string
	for i := range n {
		name := kind + "." + strconv.Itoa(i)
		if kind == "bulk" {
			name = "bulk.order"
		}
		bodies = append(bodies, fmt.Sprintf(`{"version":"0","id":%q,"detail-type":%q,"source":"bench","time":"2026-03-20T12:00:00Z","detail":{"tenant":%q,"data":%s}}`,
			webhook.NewID("", time.Now()), name, tenant, data))
	}
	return received(stack.IngestQueue, bodies)
}

func received(from string, bodies []string) ([]byte, error) {
	var records []map[string]any
	for i, body := range bodies {
		records = append(records, map[string]any{
			"messageId": strconv.Itoa(i), "receiptHandle": strconv.Itoa(i), "body": body, "eventSource": "aws:sqs", "eventSourceARN": arn(from),
			"attributes": map[string]string{"ApproximateReceiveCount": "1"},
		})
	}
	return json.Marshal(map[string]any{"Records": records})
}

func (w *world) request(method, path, body string) ([]byte, error) {
	var r gateway.Event
	if err := json.Unmarshal(w.template, &r); err != nil {
		return nil, err
	}
	r.RouteKey, r.RawPath, r.Body, r.IsBase64Encoded = method+" "+path, path, body, false
	r.RequestContext.RouteKey, r.RequestContext.HTTP.Method, r.RequestContext.HTTP.Path = r.RouteKey, method, path
	r.Headers["authorization"] = "Bearer " + apiKey
	return json.Marshal(r)
}

// publish is a list of events that one webhook each wants.
func publish(n int) string {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf(`{"type":"order.%d","data":%s}`, i%hooks, event()))
	}
	return "[" + strings.Join(list, ",") + "]"
}

// peaks measures the most memory that a function has held after full batches of the largest payloads.
func (w *world) peaks(ctx context.Context, out, progress io.Writer) error {
	fmt.Fprintln(progress, "bench: memory of the largest batches")
	// Random hexadecimal digits are compressed to no less than half.
	raw := make([]byte, (webhook.MaxDataBytes-100)/2)
	_, _ = rand.Read(raw)
	large := fmt.Appendf(nil, `{"blob":"%s"}`, hex.EncodeToString(raw))
	var refs []string
	if err := w.services.fill(func() error {
		for i := range queue.MaxBatch {
			refs = append(refs, fmt.Sprintf("json.standard@1.%d", i))
			if err := w.store.PutPayload(ctx, tenant, refs[i], payload.Pack(large), time.Now().Add(time.Hour)); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		return err
	}
	rows := [][]string{{"function", "the largest call", "peak memory"}}
	for _, l := range []load{
		{"deliver", "batch of 10 payloads of 256 KiB", 10, func() ([]byte, error) { return w.batch(queue.MaxBatch, nil, refs) }},
		{"ingest", "batch of 10 events of 256 KiB, each for 10 webhooks", 10, func() ([]byte, error) { return entries(queue.MaxBatch, large, "bulk") }},
		{"webhooks", "list of 10 webhooks", 1, func() ([]byte, error) { return w.request(http.MethodGet, "/v1/webhooks", "") }},
	} {
		f := lambda.New(lambda.Function{Path: w.paths[l.function], Env: w.services.env(), Timeout: time.Minute, Log: os.Stderr})
		for range calls {
			event, err := l.event()
			if err == nil {
				event, err = f.Invoke(ctx, event)
			}
			if err == nil {
				err = succeeded(event)
			}
			if err != nil {
				f.Close()
				return fmt.Errorf("%s, %s: %w", l.function, l.what, err)
			}
		}
		peak, err := f.Peak()
		f.Close()
		if err != nil {
			return err
		}
		rows = append(rows, []string{l.function, l.what, fmt.Sprintf("%d MB", peak/1e6)})
	}
	return table.Print(out, fmt.Sprintf("Peak resident memory, %d calls", calls), rows...)
}
