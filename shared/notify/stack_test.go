package notify_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hookline/shared/notify"
	"hookline/shared/stack/stacktest"
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
	r := &stacktest.Receiver{}
	stacktest.World{Receiver: r, Mailer: box}.Run(t, func(t *testing.T, s *stacktest.Stack) {
		acme := s.Tenant("acme", "agiletune")
		acme.Do(200, "PATCH", "/v1/tenant", map[string]any{"notify_email": "ops@example.com"}, nil)
		secret := acme.Webhook(map[string]any{"name": "Orders", "url": "https://example.com/hook", "events": []string{"task.created"}}).Secret
		stacktest.Pass(time.Minute)
		for _, answer := range []int{500, 200, 410} {
			r.Set(stacktest.Status(answer))
			acme.Publish("task.created", map[string]any{"n": answer})
			stacktest.Pass(24 * time.Hour)
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
