package record

import (
	"testing"
	"time"

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
	erased := done
	erased.Body, erased.Status, erased.ErasedAt = webhook.Payload{}, webhook.Failed, accepted.Add(time.Hour)
	for _, tt := range []struct {
		format  string
		encoded []byte
		decode  func([]byte) (any, error)
	}{
		{"delivery", EncodeDelivery(done), func(b []byte) (any, error) { return DecodeDelivery(of, b) }},
		{"delivery-pending", EncodeDelivery(pending), func(b []byte) (any, error) { return DecodeDelivery(of, b) }},
		{"delivery-erased", EncodeDelivery(erased), func(b []byte) (any, error) { return DecodeDelivery(of, b) }},
		{"tenant", EncodeTenant(webhook.Tenant{
			Name: "Acme", Dialect: "standard@1", NotifyEmail: "a@example.com", FrameAncestors: []string{"https://a.example"},
			CreatedAt: accepted, UpdatedAt: accepted,
		}), func(b []byte) (any, error) { return DecodeTenant("acme", 7, b) }},
		{"key", EncodeKey(webhook.Key{Name: "ci", Scopes: []string{"keys:read"}, CreatedAt: accepted}), func(b []byte) (any, error) {
			return DecodeKey("acme", "key_1", "h", b)
		}},
		{"webhook", EncodeWebhook(webhook.Webhook{
			URL: "https://a.example/", Name: "n", Events: []string{"*"}, Active: true, ContentType: webhook.ContentForm,
			Format: webhook.FormatTeams, Headers: webhook.Sealed{0, 1}, HeaderNames: []string{"X-A"}, TimeoutSeconds: 3,
			Filter: []byte(`{"a":["b"]}`), MaxPerSecond: 9, PacedSince: accepted, Metadata: map[string]string{"k": "v"},
			Secrets:   []webhook.Secret{{Version: 2, Sealed: webhook.Sealed{7}, ExpiresAt: accepted}},
			CreatedAt: accepted, UpdatedAt: accepted, ErasedUntil: accepted, Since: map[string]time.Time{"*": accepted},
		}), func(b []byte) (any, error) {
			w, err := DecodeWebhook(ref, 3, webhook.Health{}, b)
			return shown(w), err
		}},
		{"replay", EncodeReplay(webhook.Replay{
			Webhook: "wh_1", Of: webhook.ReplayFailed, Type: "a.b", Reason: webhook.ReasonTimeout, Since: accepted, Until: accepted, Status: webhook.ReplayStopped,
			Error: webhook.ReasonWebhookDeleted, Matched: 3, More: true, Started: 2, Cursor: "c", CreatedAt: accepted, UpdatedAt: accepted,
			FinishedAt: accepted, ExpiresAt: accepted,
		}), func(b []byte) (any, error) { return DecodeReplay(webhook.Replay{Tenant: "acme", ID: "rpl_1"}, b) }},
		{"source", EncodeSource(webhook.Source{Kind: "github", Name: "n", Secret: webhook.Sealed{1}, CreatedAt: accepted}), func(b []byte) (any, error) {
			s, err := DecodeSource("acme", "src_1", b)
			return []any{s.Kind, s.Name, []byte(s.Secret), s.CreatedAt}, err
		}},
		{"deployment", EncodeDeployment(webhook.Deployment{
			Source: "src_1", Kind: "custom", DeployedAt: accepted, Environment: "e", CommitSHA: "c", RepositoryID: "r",
			RepositoryURL: "https://a.example/", Payload: []byte(`{"a":1}`), RegisteredAt: accepted, ExpiresAt: accepted,
		}), func(b []byte) (any, error) { return DecodeDeployment("acme", "dep_1", accepted, b) }},
		{"dialect", EncodeDialect(webhook.DialectVersion{Description: []byte(`{"a":1}`), CreatedAt: accepted}), func(b []byte) (any, error) {
			return DecodeDialect("ours", 3, b)
		}},
	} {
		fixture.Hold(t, tt.format, tt.encoded, tt.decode)
	}
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
