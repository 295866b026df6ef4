package httpapi_test

import (
	"context"
	"log/slog"
	"testing"

	"hookline/shared/stack"
	"hookline/shared/stack/stacktest"
	"hookline/shared/store"
	"hookline/shared/webhook"
)

// counting is a store that counts the reads of tenants and of dialects.
type counting struct {
	store.Store
	tenants, dialects int
}

func (s *counting) Tenant(ctx context.Context, id string) (webhook.Tenant, error) {
	s.tenants++
	return s.Store.Tenant(ctx, id)
}

func (s *counting) DialectHead(ctx context.Context, name string) (webhook.DialectHead, error) {
	s.dialects++
	return s.Store.DialectHead(ctx, name)
}

func (s *counting) DialectVersion(ctx context.Context, name string, version int) (webhook.DialectVersion, error) {
	s.dialects++
	return s.Store.DialectVersion(ctx, name, version)
}

// TestReads holds that a request reads its tenant and its dialect, one of the deployment's own, at most once.
func TestReads(t *testing.T) {
	w := newWorld(t)
	w.dialect("own").is(201)
	key := w.tenant("initech", "own")
	hook := w.webhook(key)
	kept := &counting{Store: w.store}
	b, err := stack.NewBuilder(stack.Parts{
		Store: kept, Keys: w.api.Box.Keys, Dialects: stacktest.Dialects(t), EventLog: true, Poster: &stacktest.Receiver{},
		Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	deliverer, _ := b.Deliverer()
	accept, sent := b.Ingest(), new(stacktest.Outbox)
	accept.Delivery, accept.Queue, accept.Now, deliverer.Now = sent, sent, w.now.Now, w.now.Now
	w.api.Store, w.api.Dialects, w.api.Deliverer, w.api.Publisher = kept, b.Dialects, deliverer, accept
	w.handler = w.api.Handler()
	w.do("GET", "/v1/webhooks/"+hook, key, "").is(200) // from here on the dialect's version is known

	const fields = `"url":"https://example.com/hook","events":["*"]`
	for _, c := range []struct {
		method, target, key, body string
		status                    int
		tenants, dialects         int
	}{
		{"POST", "/v1/events", key, `{"type":"a.b","data":{}}`, 202, 1, 1},
		{"POST", "/v1/events", key, `[{"type":"a.b","data":{},"id":"i"},{"type":"a.c","data":{}}]`, 202, 1, 1},
		{"POST", "/v1/tenants/initech/events", adminKey, `{"type":"a.b","data":{}}`, 202, 1, 1},
		{"POST", "/v1/webhooks", key, `{` + fields + `}`, 201, 1, 1},
		{"PATCH", "/v1/webhooks/" + hook, key, `{"name":"new"}`, 200, 1, 1},
		{"POST", "/v1/webhooks/" + hook + "/test", key, `{}`, 200, 1, 1},
		{"POST", "/v1/webhooks/" + hook + "/rotate-secret", key, `{}`, 200, 1, 1},
		{"POST", "/v1/webhooks/import", key, `[{` + fields + `},{` + fields + `}]`, 201, 1, 1},
		{"POST", "/v1/webhooks/import?dry_run=true", key, `[{` + fields + `}]`, 200, 1, 1},
		{"POST", "/v1/webhooks/try-filter", key, `{"filter":{"n":[1]},"data":{"n":1}}`, 200, 1, 1},
		{"GET", "/v1/webhooks", key, "", 200, 1, 1},
		{"GET", "/v1/event-types", key, "", 200, 1, 1},
		{"GET", "/v1/event-types/webhook.test/preview?format=slack", key, "", 200, 1, 1},
		{"POST", "/v1/dialects/own/preview", adminKey, `{"type":"webhook.test"}`, 200, 0, 1},
	} {
		kept.tenants, kept.dialects = 0, 0
		r := w.do(c.method, c.target, c.key, c.body).is(c.status)
		if kept.tenants != c.tenants || kept.dialects != c.dialects {
			t.Errorf("%s: got %d reads of tenants and %d of dialects, want %d and %d", r.what, kept.tenants, kept.dialects, c.tenants, c.dialects)
		}
	}
	if got, want := len(sent.Sent), 4; got != want { // one webhook, four events
		t.Errorf("got %d messages, want %d", got, want)
	}
}
