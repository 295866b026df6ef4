package record

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"hookline/shared/audit"
	"hookline/shared/fixture"
	"hookline/shared/webhook"
)

// TestKeptRecords holds the encodings to what releases wrote.
func TestKeptRecords(t *testing.T) {
	ref := webhook.Ref{Tenant: "acme", ID: "wh_1"}
	of := webhook.DeliveryKey{Tenant: "acme", Webhook: "wh_1", Event: "evt_1", AcceptedAt: accepted}
	done := first()
	done.DeliveryKey = of
	done.Body = webhook.Payload{Inline: []byte("p{}")}
	pending := done
	pending.Body, pending.Timestamp = webhook.Payload{Ref: "pay_1"}, "2025-01-01T00:00:00Z"
	pending.Format, pending.ContentType = webhook.FormatSlack, webhook.ContentForm
	pending.Status, pending.Via, pending.NextAt, pending.Job = webhook.Pending, webhook.ViaQueue, accepted.Add(time.Hour), "rpl_1"
	pending.Attempts = []webhook.Attempt{{
		Number: 1, ScheduledAt: accepted, StartedAt: accepted, SentAt: accepted.Truncate(time.Second), Duration: time.Second,
		StatusCode: 503, Error: webhook.ReasonBadStatus, ResponseBody: "no", Truncated: true, RetryAfter: time.Minute, Secret: 2,
		ResponseHeaders: map[string]string{"X-A": "b"},
	}, {Number: 2, Error: webhook.ReasonTLS, ErrorDetail: webhook.DetailCertificateExpired}}
	traced := done
	traced.TraceParent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	erased := done
	erased.Body, erased.Status, erased.ErasedAt = webhook.Payload{}, webhook.Failed, accepted.Add(time.Hour)
	changes, answers := EncodeChanges([]Change{filled(func(c *Change) { c.Answers = map[int]int{120: 2} })})
	var held []string
	for _, tt := range []struct {
		format  string
		encoded []byte
		decode  func([]byte) (any, error)
	}{
		{"delivery", EncodeDelivery(done), func(b []byte) (any, error) { return DecodeDelivery(of, b) }},
		{"delivery-pending", EncodeDelivery(pending), func(b []byte) (any, error) { return DecodeDelivery(of, b) }},
		{"delivery-traced", EncodeDelivery(traced), func(b []byte) (any, error) { return DecodeDelivery(of, b) }},
		{"delivery-erased", EncodeDelivery(erased), func(b []byte) (any, error) { return DecodeDelivery(of, b) }},
		{"delivery-whole", EncodeDelivery(filled(func(d *webhook.Delivery) { d.DeliveryKey = of })), func(b []byte) (any, error) { return DecodeDelivery(of, b) }},
		{"tenant", EncodeTenant(filled(func(*webhook.Tenant) {})), func(b []byte) (any, error) { return DecodeTenant("acme", 7, b) }},
		{"key", EncodeKey(filled(func(*webhook.Key) {})), func(b []byte) (any, error) { return DecodeKey("acme", "key_1", "h", b) }},
		{"webhook", EncodeWebhook(filled(func(w *webhook.Webhook) {
			w.Metadata, w.Since = map[string]string{"k": "v"}, map[string]time.Time{"*": accepted}
		})), func(b []byte) (any, error) {
			w, err := DecodeWebhook(ref, 3, webhook.Health{}, b)
			return shown(w), err
		}},
		{"replay", EncodeReplay(filled(func(*webhook.Replay) {})), func(b []byte) (any, error) {
			return DecodeReplay(webhook.Replay{Tenant: "acme", ID: "rpl_1"}, b)
		}},
		{"source", EncodeSource(filled(func(*webhook.Source) {})), func(b []byte) (any, error) {
			s, err := DecodeSource("acme", "src_1", b)
			return []any{s.Kind, s.Name, []byte(s.Secret), s.CreatedAt}, err
		}},
		{"deployment", EncodeDeployment(filled(func(*webhook.Deployment) {})), func(b []byte) (any, error) {
			return DecodeDeployment("acme", "dep_1", accepted, b)
		}},
		{"dialect", EncodeDialect(filled(func(*webhook.DialectVersion) {})), func(b []byte) (any, error) { return DecodeDialect("ours", 3, b) }},
		{"audit", EncodeAudit(filled(func(*audit.Entry) {})), func(b []byte) (any, error) { return DecodeAudit("acme", "aud_1", accepted, b) }},
		{"changes", changes, func(b []byte) (any, error) { return DecodeChanges(b, answers, "Tenant") }},
		{"answers", answers, func(b []byte) (any, error) { return DecodeChanges(changes, b, "Tenant") }},
		{"used", EncodeUsed([]Used{filled(func(*Used) {})}), func(b []byte) (any, error) { return DecodeUsed(b) }},
	} {
		fixture.Hold(t, tt.format, tt.encoded, tt.decode)
		held = append(held, tt.format)
	}
	// What can be encoded is held.
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(?m)^func Encode(\w+)\(`).FindAllStringSubmatch(string(text), -1) {
			if !slices.Contains(held, strings.ToLower(m[1])) {
				t.Errorf("Encode%s has no fixture", m[1])
			}
		}
	}
}

func filled[T any](change func(*T)) T {
	var v T
	fixture.Fill(&v)
	change(&v)
	return v
}

// shown returns a webhook with what it does not show of its secrets.
func shown(w webhook.Webhook) any {
	sealed := [][]byte{w.Headers}
	for _, s := range w.Secrets {
		sealed = append(sealed, s.Sealed)
	}
	return struct {
		Webhook webhook.Webhook
		Sealed  [][]byte
	}{w, sealed}
}
