package stack_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"hookline/shared/delivery"
	"hookline/shared/egress"
	"hookline/shared/message"
	"hookline/shared/notify"
	"hookline/shared/queue"
	"hookline/shared/seal"
	"hookline/shared/stack/stacktest"
	"hookline/shared/webhook"
)

// outside is all that the services reach: queues, receivers and the mail service. It takes everything.
type outside struct {
	mu    sync.Mutex
	posts int              // to the good webhook
	last  []queue.Outgoing // what was sent last
}

func (o *outside) Post(_ context.Context, r egress.Request) egress.Response {
	o.mu.Lock()
	defer o.mu.Unlock()
	if r.URL == "https://example.com/wh_good" {
		o.posts++
	}
	return egress.Response{Status: 200}
}

func (o *outside) Send(_ context.Context, msgs []queue.Outgoing) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.last = msgs
	return nil
}

func (o *outside) Hide(context.Context, []queue.Visibility) error { return nil }

func (o *outside) Counts(context.Context) (queue.Counts, error) { return queue.Counts{}, nil }

type postOffice struct{}

func (postOffice) Send(context.Context, notify.Mail) error { return nil }

// FuzzMessages puts an arbitrary message between two good ones into a batch of each kind of queue. The good ones are handled,
// whatever becomes of the other, which crashes nothing. It comes back only for a reason that can pass.
func FuzzMessages(f *testing.F) {
	var log bytes.Buffer
	out := &outside{}
	b := stacktest.Builder(f, nil)
	b.Poster, b.Log = out, slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelError}))
	now := time.Now().UTC().Truncate(time.Millisecond)
	tenant := webhook.Tenant{ID: "acme", Name: "Acme", Dialect: "standard", NotifyEmail: "ops@example.com", Version: 1, CreatedAt: now}
	if err := b.Store.CreateTenant(f.Context(), tenant, webhook.Key{ID: "key_1", Tenant: "acme", Hash: "hash"}); err != nil {
		f.Fatal(err)
	}
	for _, id := range []string{"wh_good", "wh_1"} {
		hook := webhook.Webhook{
			Ref: webhook.Ref{Tenant: "acme", ID: id}, URL: "https://example.com/" + id, Events: []string{"*"}, Active: true, Version: 1,
			CreatedAt: now, UpdatedAt: now,
		}
		sealed, err := b.Box.Seal(f.Context(), []byte("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), seal.SecretPlace(hook.Ref, 1))
		if err != nil {
			f.Fatal(err)
		}
		hook.Secrets = []webhook.Secret{{Version: 1, Sealed: sealed}}
		hook.KeepSince(webhook.Webhook{}, now)
		if err := b.Store.CreateWebhook(f.Context(), hook); err != nil {
			f.Fatal(err)
		}
	}
	deliverer, jobs := b.Deliverer()
	deliverer.Queues = delivery.Queues{Delivery: out, Retry: out, Bulk: out, Dead: out}
	deliverer.Changes, jobs.Queue = out, out
	accept := b.Ingest()
	accept.Delivery, accept.Queue, accept.Refused = out, out, out
	mails := &notify.Service{Store: b.Store, Dialects: b.Dialects, Mailer: postOffice{}, Queue: out, Refused: out, Log: b.Log}
	entry := func(n int) string {
		return fmt.Sprintf(`{"id":"good-%d","detail-type":"invoice.paid","source":"x","detail":{"tenant":"acme","data":{"n":%d}}}`, n, n)
	}
	if stays, err := accept.Handle(f.Context(), []queue.Received{{ID: "0", Body: entry(0)}}); err != nil || len(stays)+len(out.last) != 2 {
		f.Fatalf("got %q, %v, and %v sent", stays, err, out.last)
	}
	first, err := message.Parse(out.last[slices.IndexFunc(out.last, func(m queue.Outgoing) bool { return m.Group == "wh_good" })].Body)
	if err != nil {
		f.Fatal(err)
	}
	kinds := []struct {
		handle queue.Handler
		good   func(n int) string
	}{
		{deliverer.From(out), func(n int) string {
			first.Event = fmt.Sprint("good-", n)
			return first.Outgoing(0).Body
		}},
		{accept.Handle, entry},
		{mails.Handle, func(n int) string {
			return fmt.Sprintf(`{"id":"%d","detail-type":"webhook.created","source":"hookline.test","time":"2026-03-20T12:00:00Z","detail":{"tenant":"acme",
				"id":"evt_%d","data":{"webhook_id":"wh_good","name":"","url":"https://example.com/wh_good","events":["*"],"status":"active","since":"2026-03-20T12:00:00Z"}}}`, n, n)
		}},
	}
	seeds := []string{
		"", "{}", "null", "[]", "\"", `{"m":1}`, "line ", "line {}\n{}", `{"t":"acme","j":"job_1"}`, `{"poison":"{}"}`, `{"Message":"{}"}`,
		`{"t":"acme","w":"wh_1","e":"e","y":"t","a":1,"d":"standard@99","n":1,"k":1,"r":"gone"}`,
		`{"t":"acme","w":"wh_1","e":"e","y":"invoice.paid","a":1774008000000,"s":"2026-03-20T12:00:00Z","d":"standard@1","n":1,"k":1,"b":"AAAA"}`,
		`{"t":"acme","w":"wh_1","e":"e","y":"t","a":9223372036854775807,"d":"x","n":1,"k":1,"b":"e30=","u":-1,"p":"1","x":{"at":-1}}`,
		`{"fanout":{}}`, `{"system":{}}`, `{"digest":{"tenant":"acme","hour":"2026-03-20T12:00:00Z"}}`, `{"id":"x","detail-type":"a","detail":{"tenant":"acme","data":null}}`,
	}
	for i, k := range kinds {
		for _, seed := range append(seeds, k.good(1)) {
			f.Add(uint8(i), seed)
		}
	}
	n := 1
	f.Fuzz(func(t *testing.T, which uint8, body string) {
		k := kinds[int(which)%len(kinds)]
		log.Reset()
		posts := out.posts
		n += 2
		batch := []queue.Received{{ID: "before", Body: k.good(n)}, {ID: "between", Body: body}, {ID: "after", Body: k.good(n + 1)}}
		for i := range batch {
			batch[i].Group, batch[i].ReceiveCount, batch[i].SentAt, batch[i].FirstReceived = "wh_good", 1, now, now
		}
		stays, err := k.handle(t.Context(), batch)
		if err != nil || slices.Contains(stays, "before") || slices.Contains(stays, "after") {
			t.Fatalf("%q stay, %v, having logged %s", stays, err, log.String())
		}
		if logged := log.String(); slices.Contains(stays, "between") && logged != "" {
			t.Errorf("it stays by an error of ours, and comes back: %s", logged)
		}
		if got := out.posts - posts; int(which)%len(kinds) == 0 && got < 2 {
			t.Errorf("got %d POSTs of the good ones", got)
		}
	})
}
