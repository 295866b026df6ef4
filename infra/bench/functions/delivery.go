package functions

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"sync"
	"syscall"
	"time"

	"hookline/infra/bench/table"
	"hookline/shared/delivery"
	"hookline/shared/dialect"
	"hookline/shared/egress"
	"hookline/shared/message"
	"hookline/shared/payload"
	"hookline/shared/queue"
	"hookline/shared/seal"
	"hookline/shared/webhook"
)

const (
	pairs     = 7
	perTurn   = 400 // batches
	batchSize = queue.MaxBatch
	secret    = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
)

// deliveries compares the processor time of a delivery in the handler of the deliver function, whose store and queues do
// nothing, with that of signing and sending the same body with the same headers in a loop.
func deliveries(ctx context.Context, out, progress io.Writer) error {
	fmt.Fprintln(progress, "bench: deliveries beside a bare loop")
	r, err := startReceiver(ctx)
	if err != nil {
		return err
	}
	defer r.stop()
	body := event()
	handler, msgs, err := handlerOf(r.url, body)
	if err != nil {
		return err
	}
	loop := loopOf(r.url, body)
	turn := func(batch func(context.Context) error) (time.Duration, error) {
		before := processorTime()
		for range perTurn {
			if err := batch(ctx); err != nil {
				return 0, err
			}
		}
		return (processorTime() - before) / (perTurn * batchSize), nil
	}
	handle := func(ctx context.Context) error {
		if stays, err := handler(ctx, msgs); err != nil || len(stays) > 0 {
			return fmt.Errorf("the handler keeps %d messages: %w", len(stays), err)
		}
		return nil
	}
	var ours, bare []time.Duration
	var ratios []float64
	for i := range pairs + 1 {
		a, err := turn(handle)
		if err != nil {
			return err
		}
		b, err := turn(loop)
		if err != nil {
			return err
		}
		if i > 0 { // the first turn connects
			ours, bare, ratios = append(ours, a), append(bare, b), append(ratios, float64(a)/float64(b))
		}
	}
	return table.Print(out, fmt.Sprintf("Processor time of a delivery: median of %d pairs, %d deliveries a turn, body of %d bytes", pairs, perTurn*batchSize, len(body)),
		[]string{"handler of deliver", "bare loop", "handler ÷ loop"},
		[]string{micros(median(ours)), micros(median(bare)), fmt.Sprintf("%.2f", median(ratios))})
}

// event returns a body of about 1,000 bytes, which compresses as events do.
func event() []byte {
	const size = 1000
	var b bytes.Buffer
	b.WriteString(`{"type":"order.paid","timestamp":"2026-03-20T12:00:00Z","data":{"lines":[`)
	for i := 0; b.Len() < size-80; i++ {
		if i > 0 {
			b.WriteByte(',')
		}
		sum := sha256.Sum256([]byte(strconv.Itoa(i)))
		fmt.Fprintf(&b, `{"sku":"%x","quantity":%d,"unit_price":"%d.00"}`, sum[:6], i%7, 10+i%90)
	}
	b.WriteString(`],"currency":"EUR"}}`)
	return b.Bytes()
}

// handlerOf returns the handler of a deliverer whose store and queues do nothing, and a batch for it: a delivery to each of
// ten webhooks.
func handlerOf(url string, body []byte) (queue.Handler, []queue.Received, error) {
	dialects, err := dialect.Builtin()
	if err != nil {
		return nil, nil, err
	}
	box := seal.Box{Keys: seal.NewStatic("bench")}
	s := &still{webhooks: make(map[webhook.Ref]webhook.Webhook)}
	now := time.Now().UTC().Truncate(time.Millisecond)
	var msgs []queue.Received
	for i := range batchSize {
		ref := webhook.Ref{Tenant: "acme", ID: webhook.NewID(webhook.WebhookPrefix, now)}
		sealed, err := box.Seal(context.Background(), []byte(secret), seal.SecretPlace(ref, 1))
		if err != nil {
			return nil, nil, err
		}
		s.webhooks[ref] = webhook.Webhook{Ref: ref, URL: url, Active: true, Secrets: []webhook.Secret{{Version: 1, Sealed: sealed}}}
		msgs = append(msgs, queue.Received{ID: strconv.Itoa(i), Body: message.Message{
			Tenant: ref.Tenant, Webhook: ref.ID, Event: webhook.NewID(webhook.EventPrefix, now), Type: "order.paid", AcceptedAt: now.UnixMilli(),
			Timestamp: "2026-03-20T12:00:00Z", Dialect: "standard@1", ContentType: webhook.ContentJSON, Format: "json", Body: payload.Pack(body),
			Round: 1, Attempt: 1,
		}.Outgoing(0).Body})
	}
	d := &delivery.Deliverer{
		Store: s, Health: s, Dialects: dialects, Box: box, Poster: egress.New(egress.Options{AllowPrivate: true}), Log: slog.New(slog.DiscardHandler),
		Queues: delivery.Queues{Delivery: s, Retry: s, Bulk: s, Dead: s},
	}
	return d.From(s), msgs, nil
}

// still is a store that has webhooks and keeps nothing, and a queue that takes everything.
type still struct {
	delivery.Store
	delivery.HealthStore
	webhooks map[webhook.Ref]webhook.Webhook
}

func (s *still) LoadBatch(context.Context, []webhook.Ref, []webhook.DeliveryKey, []webhook.DeliveryKey) (map[webhook.Ref]webhook.Webhook, map[webhook.DeliveryKey]webhook.Delivery, error) {
	return s.webhooks, nil, nil
}
func (s *still) SaveDelivery(context.Context, webhook.Delivery, webhook.Rev) error { return nil }
func (s *still) Send(context.Context, []queue.Outgoing) error                      { return nil }
func (s *still) Hide(context.Context, []queue.Visibility) error                    { return nil }
func (s *still) Counts(context.Context) (queue.Counts, error)                      { return queue.Counts{}, nil }

// loopOf returns what signs and sends a batch of the body, side by side.
func loopOf(url string, body []byte) func(context.Context) error {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost, transport.DisableCompression = 2*batchSize, true
	client := &http.Client{Transport: transport}
	key, _ := base64.StdEncoding.DecodeString(secret[len("whsec_"):])
	post := func(ctx context.Context) error {
		const id = "evt_01KM5F0F00ABCDEFGHJKMN0000"
		at := strconv.FormatInt(time.Now().Unix(), 10)
		mac := hmac.New(sha256.New, key)
		_, _ = io.WriteString(mac, id+"."+at+".")
		mac.Write(body)
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
		if err != nil {
			return err
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("User-Agent", "Hookline/1.0")
		req.Header.Set("Webhook-Id", id)
		req.Header.Set("Webhook-Timestamp", at)
		req.Header.Set("Webhook-Signature", "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
		res, err := client.Do(req)
		if err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, res.Body)
		return errors.Join(err, res.Body.Close())
	}
	return func(ctx context.Context) error {
		faults := make([]error, batchSize)
		var wg sync.WaitGroup
		for i := range faults {
			wg.Go(func() { faults[i] = post(ctx) })
		}
		wg.Wait()
		for _, err := range faults {
			if err != nil {
				return err
			}
		}
		return nil
	}
}

// processorTime returns how long this process has been computing.
func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
