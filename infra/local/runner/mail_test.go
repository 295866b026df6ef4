package runner

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"hookline/infra/local/mailbox"
	"hookline/shared/clock"
	"hookline/shared/queue"
	"hookline/shared/stack"
	"hookline/shared/stack/stacktest"
	"hookline/shared/systemevent"
)

// TestMailsOnAFastClock has 13 changes of one tenant in an hour that takes 6 s. They are a bubble's seconds, so that a slow
// machine sends the mails in that hour too.
func TestMailsOnAFastClock(t *testing.T) { synctest.Test(t, mailsOnAFastClock) }

func mailsOnAFastClock(t *testing.T) {
	start := time.Date(2026, 3, 20, 12, 0, 0, 0, time.UTC)
	clk := clock.Clock{Real: time.Now(), Anchor: start, Speed: 600}
	folder := filepath.Join(t.TempDir(), "mail")
	s := stacktest.World{
		Receiver: &stacktest.Receiver{}, Clock: clk, Address: "http://127.0.0.1:8080",
		Mailer: &mailbox.Folder{Path: folder, Now: clk.Now, Log: slog.New(newShow(t.Output(), clk.Now))},
	}.Start(t)
	acme := s.Tenant("acme", "standard")
	acme.Do(200, "PATCH", "/v1/tenant", map[string]any{"notify_email": "ops@example.com"}, nil)
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
	if err := queue.SendAll(t.Context(), s.Queues[stack.NotifyQueue], msgs); err != nil {
		t.Fatal(err)
	}
	const want = 11
	var names []string
	var err error
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
