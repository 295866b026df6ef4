package management_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"hookline/shared/api"
	"hookline/shared/stack/stacktest"
)

// TestImport moves 1,000 webhooks in, each with a secret that its dialect would not take of a new one: what is then
// delivered to one of them its server can verify, nobody was told, and the day's statistics have it.
func TestImport(t *testing.T) {
	const calls, each = 10, 100
	r := &stacktest.Receiver{}
	stacktest.World{Receiver: r}.Run(t, func(t *testing.T, s *stacktest.Stack) {
		acme := s.Tenant("acme", "standard")
		acme.Webhook(map[string]any{"url": "https://example.com/watch", "events": []string{"webhook.created"}})
		stacktest.Pass(time.Minute)
		told := len(r.Requests())
		key := func(n int) []byte { return fmt.Appendf(nil, "key %d", n) }
		for call := range calls {
			var in []map[string]any
			for i := range each {
				n := call*each + i
				in = append(in, map[string]any{
					"id": fmt.Sprintf("old-%d", n), "url": fmt.Sprintf("https://example.com/%d", n), "events": []string{fmt.Sprintf("moved.n%d", n)},
					"secret": "whsec_" + base64.StdEncoding.EncodeToString(key(n)), "created_at": "1999-12-31T23:59:59Z",
				})
			}
			var check struct{ Valid bool }
			acme.Do(http.StatusOK, "POST", "/v1/webhooks/import?dry_run=true", in, &check)
			if !check.Valid {
				t.Fatalf("call %d: would be refused", call)
			}
			acme.Do(http.StatusCreated, "POST", "/v1/webhooks/import", in, nil)
		}
		stacktest.Pass(time.Minute)
		if got := len(r.Requests()); got != told {
			t.Fatalf("%d requests told of imports, want none", got-told)
		}

		acme.Publish("moved.n777", map[string]any{"n": 777})
		stacktest.Pass(time.Minute)
		got := r.Requests()[told:]
		if len(got) != 1 || got[0].URL != "https://example.com/777" {
			t.Fatalf("got %+v, want one request to the webhook that was imported", got)
		}
		mac := hmac.New(sha256.New, key(777))
		fmt.Fprintf(mac, "%s.%s.%s", stacktest.Header(got[0], "webhook-id"), stacktest.Header(got[0], "webhook-timestamp"), got[0].Body)
		if got, want := stacktest.Header(got[0], "webhook-signature"), "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)); got != want {
			t.Errorf("got signature %q, want %q", got, want)
		}

		type counts struct{ Succeeded, Failed, Pending int }
		var stats struct {
			Webhooks   struct{ Total, Active int }
			Deliveries counts
			Hours      []counts
		}
		acme.Do(http.StatusOK, "GET", "/v1/stats", nil, &stats)
		if stats.Webhooks.Total != calls*each+1 || stats.Deliveries != (counts{Succeeded: 1}) {
			t.Errorf("got %+v, want %d webhooks and the delivery", stats, calls*each+1)
		}
		acme.Do(http.StatusOK, "GET", "/v1/webhooks/old-777/stats", nil, &stats)
		if got := stats.Hours[len(stats.Hours)-1]; stats.Deliveries != (counts{Succeeded: 1}) || got != (counts{Succeeded: 1}) {
			t.Errorf("got %+v, want the delivery in the last hour", stats)
		}
		var shown api.CreatedWebhook
		acme.Do(http.StatusOK, "GET", "/v1/webhooks/old-777", nil, &shown)
		if shown.Secret != "" || !strings.HasSuffix(shown.URL, "/777") {
			t.Errorf("got %+v, want the webhook without its secret", shown)
		}
	})
}
