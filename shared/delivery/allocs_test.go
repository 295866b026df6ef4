package delivery

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"strings"
	"testing"

	"hookline/shared/dialect"
	"hookline/shared/egress"
	"hookline/shared/message"
	"hookline/shared/payload"
	"hookline/shared/queue"
	"hookline/shared/seal"
	"hookline/shared/webhook"
)

// maxAllocs bounds what TestAllocs counts: 162, and 173 under the race detector, which has pools forget.
const maxAllocs = 185

// TestAllocs holds the allocations for a delivery that succeeds at its first attempt, from the message to the record: the
// POST goes over a socket, the store and the queues allocate nothing.
func TestAllocs(t *testing.T) {
	builtin, err := dialect.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	body := []byte(`{"type":"order.paid","data":{"lines":"` + strings.Repeat("abcdefgh", 100) + `"}}`)
	ref := webhook.Ref{Tenant: "acme", ID: "wh_1"}
	box := seal.Box{Keys: seal.NewStatic("a key of a test")}
	sealed, err := box.Seal(t.Context(), []byte("whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="), seal.SecretPlace(ref, 1))
	if err != nil {
		t.Fatal(err)
	}
	s := &still{webhooks: map[webhook.Ref]webhook.Webhook{ref: {
		Ref: ref, URL: "http://" + frugal(t, body), Active: true, Secrets: []webhook.Secret{{Version: 1, Sealed: sealed}},
	}}}
	poster := egress.New(egress.Options{AllowPrivate: true})
	t.Cleanup(poster.CloseIdle)
	d := &Deliverer{
		Store: s, Health: s, Dialects: builtin, Box: box, Poster: poster, Log: slog.New(slog.DiscardHandler),
		Queues: Queues{Delivery: s, Retry: s, Bulk: s, Dead: s},
	}
	msgs := []queue.Received{{ID: "1", Body: message.Message{
		Tenant: ref.Tenant, Webhook: ref.ID, Event: "evt_1", Type: "order.paid", AcceptedAt: 1774008000000, Timestamp: "2026-03-20T12:00:00Z",
		Dialect: "standard@1", ContentType: webhook.ContentJSON, Format: webhook.FormatJSON, Body: payload.Pack(body), Round: 1, Attempt: 1,
	}.Outgoing(0).Body}}
	got := testing.AllocsPerRun(200, func() {
		if stays, err := d.Handle(t.Context(), s, msgs); err != nil || len(stays) > 0 {
			t.Fatalf("got %v, %v", stays, err)
		}
	})
	if s.saved != 201 || s.failed > 0 {
		t.Fatalf("%d deliveries were recorded, %d of them failed, want 201 and 0", s.saved, s.failed)
	}
	t.Logf("%.0f allocations", got)
	if got > maxAllocs {
		t.Errorf("got %.0f allocations, want at most %d", got, maxAllocs)
	}
}

// frugal serves POSTs of a body, one after the other on each connection, and allocates nothing for them. It returns its
// address.
func frugal(t *testing.T, body []byte) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				buf, n := make([]byte, 8<<10), 0
				ok := []byte("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
				for {
					read, err := conn.Read(buf[n:])
					if err != nil {
						return
					}
					if n += read; bytes.HasSuffix(buf[:n], body) {
						n = 0
						if _, err := conn.Write(ok); err != nil {
							return
						}
					}
				}
			}()
		}
	}()
	return listener.Addr().String()
}

// still is a store that has webhooks and only counts records, and a queue.
type still struct {
	Store
	HealthStore
	webhooks      map[webhook.Ref]webhook.Webhook
	saved, failed int
}

func (s *still) LoadBatch(context.Context, []webhook.Ref, []webhook.DeliveryKey, []webhook.DeliveryKey) (map[webhook.Ref]webhook.Webhook, map[webhook.DeliveryKey]webhook.Delivery, error) {
	return s.webhooks, nil, nil
}

func (s *still) SaveDelivery(_ context.Context, d webhook.Delivery, _ webhook.Rev) error {
	s.saved++
	if d.Status != webhook.Succeeded {
		s.failed++
	}
	return nil
}

func (s *still) Send(context.Context, []queue.Outgoing) error { return nil }

func (s *still) Hide(context.Context, []queue.Visibility) error { return nil }

func (s *still) Counts(context.Context) (queue.Counts, error) { return queue.Counts{}, nil }
