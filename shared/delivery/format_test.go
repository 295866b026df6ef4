package delivery_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"hookline/shared/chat"
	"hookline/shared/egress"
	"hookline/shared/stack/stacktest"
	"hookline/shared/webhook"
)

// TestChatFormats sends one event to a webhook of every format, each to its own URL, in the dialect whose success is 200
// alone.
func TestChatFormats(t *testing.T) {
	r := &stacktest.Receiver{Answer: stacktest.Status(202)}
	stacktest.World{Receiver: r}.Run(t, func(t *testing.T, s *stacktest.Stack) {
		c := s.Tenant("acme", "axiestudio")
		formats := append(chat.Formats(), "json")
		hooks := make(map[string]string)
		for _, format := range formats {
			hooks[format] = c.Webhook(map[string]any{
				"url": "https://example.com/" + format, "events": []string{"user.created"}, "format": format,
			}).ID
		}
		c.Publish("user.created", map[string]any{"name": "<!channel> Ann"})
		stacktest.Pass(time.Second)
		if got := len(r.Requests()); got != len(formats) {
			t.Fatalf("got %d requests, want one for each of %d webhooks", got, len(formats))
		}
		for _, req := range r.Requests() {
			format := strings.TrimPrefix(req.URL, "https://example.com/")
			if got, want := chat.FormatOf(req.Body), strings.TrimSuffix(format, "json"); got != want {
				t.Errorf("%s got a body of format %q: %s", format, got, req.Body)
			}
			if format == "slack" && !strings.Contains(string(req.Body), "&lt;!channel&gt; Ann") {
				t.Errorf("slack got %s", req.Body)
			}
			if got, want := stacktest.Header(req, "X-Webhook-Signature") != "", format == "json"; got != want {
				t.Errorf("%s: signed is %t, want %t", format, got, want)
			}
			if stacktest.Header(req, "Content-Type") != "application/json" || stacktest.Header(req, "webhook-id") == "" {
				t.Errorf("%s: headers are %v", format, req.Headers)
			}
			d := c.Deliveries("")
			for _, one := range d {
				if one.WebhookID != hooks[format] {
					continue
				}
				if want := map[bool]webhook.DeliveryStatus{true: "pending", false: "succeeded"}[format == "json"]; one.Status != want {
					t.Errorf("%s, answered 202: got %s, want %s", format, one.Status, want)
				}
				if got := *c.Delivery(one.ID).Body; got != string(req.Body) {
					t.Errorf("%s shows %s, sent %s", format, got, req.Body)
				}
			}
		}
	})
}

// TestFormatIsFixed changes a webhook's format and content type while a delivery waits for its second attempt.
func TestFormatIsFixed(t *testing.T) {
	for name, tt := range map[string]struct{ before, after map[string]any }{
		"from json to a chat": {map[string]any{}, map[string]any{"format": "discord"}},
		"from a chat to json": {map[string]any{"format": "slack"}, map[string]any{"format": "json"}},
		"from a chat to form": {map[string]any{"format": "teams"}, map[string]any{"format": "json", "content_type": "application/x-www-form-urlencoded"}},
		"a large one":         {map[string]any{"format": "slack"}, map[string]any{"format": "discord"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := &stacktest.Receiver{Answer: func(_ egress.Request, n int) egress.Response {
				return egress.Response{Status: map[bool]int{true: 500, false: 200}[n == 1]}
			}}
			stacktest.World{Receiver: r}.Run(t, func(t *testing.T, s *stacktest.Stack) {
				c := s.Tenant("acme", "agiletune")
				fields := map[string]any{"url": "https://example.com/", "events": []string{"*"}}
				maps.Copy(fields, tt.before)
				hook := c.Webhook(fields)
				data := map[string]any{"id": "1"}
				if name == "a large one" { // too large for a message, also compressed
					for i := range 40 {
						data[fmt.Sprint("key ", i)] = fmt.Sprintf("%x", sha256.Sum256([]byte{byte(i)}))
					}
				}
				c.Publish("task.created", data)
				stacktest.Pass(time.Second)
				c.Do(200, "PATCH", "/v1/webhooks/"+hook.ID, tt.after, nil)
				stacktest.Pass(2 * time.Minute)
				c.Publish("task.created", data)
				stacktest.Pass(time.Second)
				got := r.Requests()
				if len(got) != 3 {
					t.Fatalf("got %d requests, want 3", len(got))
				}
				if string(got[0].Body) != string(got[1].Body) || stacktest.Header(got[0], "Content-Type") != stacktest.Header(got[1], "Content-Type") {
					t.Errorf("the attempts differ: %s, then %s", got[0].Body, got[1].Body)
				}
				if string(got[0].Body) == string(got[2].Body) {
					t.Errorf("the next event has the old format too: %s", got[2].Body)
				}
			})
		})
	}
}

func TestChatTest(t *testing.T) {
	r := &stacktest.Receiver{Answer: stacktest.Status(204)}
	stacktest.World{Receiver: r}.Run(t, func(t *testing.T, s *stacktest.Stack) {
		c := s.Tenant("acme", "standard")
		for i, format := range chat.Formats() {
			hook := c.Webhook(map[string]any{"url": "https://example.com/", "events": []string{"*"}, "format": format})
			var result struct {
				Status     string
				DeliveryID string `json:"delivery_id"`
			}
			c.Do(200, "POST", "/v1/webhooks/"+hook.ID+"/test", map[string]any{}, &result)
			sent := r.Requests()[i].Body
			if result.Status != "succeeded" || chat.FormatOf(sent) != format || !json.Valid(sent) || !strings.Contains(string(sent), "This is a test webhook") {
				t.Errorf("%s: got %+v and %s", format, result, sent)
			}
			if got := *c.Delivery(result.DeliveryID).Body; got != string(sent) {
				t.Errorf("%s shows %s, sent %s", format, got, sent)
			}
		}
	})
}
