package ingest_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"hookline/shared/dialect"
	"hookline/shared/httpapi"
	"hookline/shared/ingest"
	"hookline/shared/queue"
	"hookline/shared/stack/stacktest"
	"hookline/shared/webhook"
)

// shelf is a store that knows one key and its tenant.
type shelf struct{ httpapi.Store }

func (shelf) KeyByHash(context.Context, string) (webhook.Key, error) {
	return webhook.Key{ID: "key_1", Tenant: "acme", Scopes: webhook.Scopes()}, nil
}

func (shelf) Tenant(context.Context, string) (webhook.Tenant, error) {
	return webhook.Tenant{ID: "acme", Dialect: "standard"}, nil
}

// bodies is a store with one webhook, for everything, that keeps nothing.
type bodies struct{ ingest.Store }

func (bodies) Subscriptions(context.Context, string, []string, webhook.Page) (webhook.List[webhook.Subscription], error) {
	return webhook.List[webhook.Subscription]{Items: []webhook.Subscription{{Webhook: "wh_1", Pattern: "*", Format: webhook.FormatJSON}}}, nil
}

func (bodies) PutPayload(context.Context, string, string, []byte, time.Time) error { return nil }

// away is a queue whose messages nobody reads.
type away struct{}

func (away) Send(context.Context, []queue.Outgoing) error { return nil }

// BenchmarkPublish takes an event from its HTTP request to its message in the queue, with stores and queues that cost nothing.
func BenchmarkPublish(b *testing.B) {
	log := slog.New(slog.DiscardHandler)
	api := httpapi.API{Store: shelf{}, Dialects: &dialect.Library{Builtin: stacktest.Dialects(b)}, Log: log}
	api.Publisher = &ingest.Service{Store: bodies{}, Dialects: api.Dialects, Delivery: away{}, Queue: away{}, Log: log}
	handler := api.Handler()
	for _, size := range []struct {
		name  string
		bytes int
	}{{"1 KB", 1000}, {"250 KB", 250_000}} {
		// A line of an order is about 100 bytes.
		line := `{"sku": "AB-1234", "name": "A thing \u00e9 that is sold", "quantity": 3, "price": 12.50, "tags": ["a", "b"]}`
		data := `{"lines": [` + strings.Repeat(line+", ", size.bytes/(len(line)+2)-1) + line + `]}`
		b.Run(size.name, func(b *testing.B) {
			body := `{"type": "order.placed", "data": ` + data + `}`
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				r := httptest.NewRequestWithContext(b.Context(), http.MethodPost, "http://localhost/v1/events", strings.NewReader(body))
				r.Header.Set("Authorization", "Bearer key")
				w := httptest.NewRecorder()
				if handler.ServeHTTP(w, r); w.Code != http.StatusAccepted {
					b.Fatal(w.Code, w.Body.String())
				}
			}
		})
	}
}
