package runner

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hookline/infra/local/mailbox"
	"hookline/shared/clock"
	"hookline/shared/notify"
	"hookline/shared/queue"
	queuesqlite "hookline/shared/queue/sqlite"
	"hookline/shared/seal"
	"hookline/shared/stack"
	"hookline/shared/stack/whole"
	storesqlite "hookline/shared/store/sqlite"
	"hookline/shared/systemevent"
)

// outbox keeps mails.
type outbox struct {
	mu    sync.Mutex
	mails []notify.Mail
}

func (o *outbox) Send(_ context.Context, m notify.Mail) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.mails = append(o.mails, m)
	return nil
}

// TestMailsOfAWebhooksLife has a webhook be made, turn failing, be active again, and be told that its receiver is gone.
func TestMailsOfAWebhooksLife(t *testing.T) {
	box := new(outbox)
	r := &receiver{}
	world{receiver: r, mailer: box}.run(t, func(t *testing.T, admin *client, _ *queuesqlite.Engine) {
		acme := admin.tenant("acme", "agiletune")
		acme.do(200, "PATCH", "/v1/tenant", map[string]any{"notify_email": "ops@example.com"}, nil)
		secret := acme.webhook(map[string]any{"name": "Orders", "url": "https://example.com/hook", "events": []string{"task.created"}}).Secret
		pass(time.Minute)
		for _, answer := range []int{500, 200, 410} {
			r.mu.Lock()
			r.answer = status(answer)
			r.mu.Unlock()
			acme.publish("task.created", map[string]any{"n": answer})
			pass(24 * time.Hour)
		}
		var got []string
		for _, m := range box.mails {
			got = append(got, m.To+" "+m.Subject)
			if strings.Contains(m.Text, secret) {
				t.Errorf("a mail holds the secret:\n%s", m.Text)
			}
		}
		const title = "ops@example.com [AgileTune] Webhook “Orders” "
		if diff := cmp.Diff([]string{title + "was created", title + "is failing", title + "is active again", title + "was made inactive"}, got); diff != "" {
			t.Errorf("mails (-want +got):\n%s", diff)
		}
	})
}

// TestMailsOnAFastClock has 13 changes of one tenant in an hour that takes 6 s.
func TestMailsOnAFastClock(t *testing.T) {
	start := time.Date(2026, 3, 20, 12, 0, 0, 0, time.UTC)
	clk := clock.Clock{Real: time.Now(), Anchor: start, Speed: 600}
	store, err := storesqlite.New("", storesqlite.Options{Clock: clk})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	engine, err := queuesqlite.New("", queuesqlite.Options{Clock: clk})
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close()
	queues, err := Queues(engine)
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(newShow(t.Output(), clk.Now))
	folder := filepath.Join(t.TempDir(), "mail")
	all, err := whole.Assemble(whole.Parts{
		Parts:    stack.Parts{Store: store, Queues: queues, Clock: clk, Keys: seal.NewStatic("test"), Poster: &receiver{}, Log: log},
		AdminKey: adminKey, Mailer: &mailbox.Folder{Path: folder, Now: clk.Now, Log: log}, Address: "http://127.0.0.1:8080",
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop()
	wg.Go(func() { all.Work(ctx, t.Context()) })

	acme := over(t, all.API, adminKey).tenant("acme", "standard")
	acme.do(200, "PATCH", "/v1/tenant", map[string]any{"notify_email": "ops@example.com"}, nil)
	for clk.Now().Minute() > 5 { // the hour must not end between the first mail and the tenth
		<-time.After(50 * time.Millisecond)
	}
	hour := clk.Now().Truncate(time.Hour)
	const changes = 13
	var msgs []queue.Outgoing
	for i := range changes {
		data, err := json.Marshal(systemevent.WebhookData{
			WebhookID: fmt.Sprint("wh_", i), Name: fmt.Sprint("Orders ", i), URL: "https://example.com", Since: clk.Now().Format(time.RFC3339),
		})
		if err != nil {
			t.Fatal(err)
		}
		body, err := json.Marshal(systemevent.Notice{DetailType: "webhook.failing", Detail: systemevent.Detail{Tenant: "acme", ID: fmt.Sprint(i), Data: data}})
		if err != nil {
			t.Fatal(err)
		}
		msgs = append(msgs, queue.Outgoing{Body: string(body)})
	}
	if err := queue.SendAll(t.Context(), queues[stack.NotifyQueue], msgs); err != nil {
		t.Fatal(err)
	}
	const want = 11
	var names []string
	for deadline := time.Now().Add(20 * time.Second); len(names) < want && time.Now().Before(deadline); <-time.After(50 * time.Millisecond) {
		if names, err = filepath.Glob(filepath.Join(folder, "*.eml")); err != nil {
			t.Fatal(err)
		}
	}
	if len(names) != want || !strings.Contains(names[want-1], "3-more-changes") {
		t.Fatalf("got the mails %q, want %d, the last a digest", names, want)
	}
	next := hour.Add(time.Hour)
	if digest := filepath.Base(names[want-1]); digest < next.Format("20060102T150405") || digest > next.Add(time.Hour).Format("20060102T150405") {
		t.Errorf("the digest is %s, want it soon after %v", digest, next)
	}
	text, err := os.ReadFile(names[0])
	if err != nil || !strings.Contains(string(text), "http://127.0.0.1:8080/console/webhooks/wh_") {
		t.Errorf("got %s, %v, want a link to the console", text, err)
	}
}
