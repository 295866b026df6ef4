package httpapi_test

import (
	"context"
	"log/slog"
	"testing"

	"hookline/shared/delivery"
	"hookline/shared/dialect"
	"hookline/shared/egress"
	"hookline/shared/eventlog"
	"hookline/shared/ingest"
	"hookline/shared/seal"
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

type answering struct{ status int }

func (a answering) Post(context.Context, egress.Request) egress.Response {
	return egress.Response{Status: a.status}
}

// TestReads holds that a request reads its tenant and its dialect, one of the deployment's own, at most once.
func TestReads(t *testing.T) {
	w := newWorld(t)
	w.dialect("own").is(201)
	key := w.tenant("initech", "own")
	hook := w.webhook(key)
	set, err := builtin()
	if err != nil {
		t.Fatal(err)
	}
	kept := &counting{Store: w.store}
	dialects, box, log := &dialect.Library{Builtin: set, Store: kept}, seal.Box{Keys: keyring{}}, slog.New(slog.DiscardHandler)
	w.api.Store, w.api.Dialects = kept, dialects
	w.api.Deliverer = &delivery.Deliverer{
		Store: kept, Health: kept, Poster: answering{200}, Dialects: dialects, Box: box, Now: w.now.Now, Log: log,
	}
	sent := new(bulk)
	w.api.Publisher = &ingest.Service{
		Store: kept, Dialects: dialects, Delivery: sent, Queue: sent, Events: &eventlog.Log{Store: kept}, Now: w.now.Now, Log: log,
	}
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
	if got, want := len(sent.sent), 4; got != want { // one webhook, four events
		t.Errorf("got %d messages, want %d", got, want)
	}
}
