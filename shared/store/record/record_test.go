package record

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hookline/shared/payload"
	"hookline/shared/webhook"
)

var accepted = time.Date(2026, 3, 20, 12, 0, 0, 123e6, time.UTC)

func key() webhook.DeliveryKey {
	return webhook.DeliveryKey{
		Tenant: "acme-production", Webhook: webhook.NewID(webhook.WebhookPrefix, accepted),
		Event: webhook.NewID(webhook.EventPrefix, accepted), AcceptedAt: accepted,
	}
}

// first is the record of a first attempt that succeeded, as most are.
func first() webhook.Delivery {
	return webhook.Delivery{
		DeliveryKey: key(), Type: "invoice.paid", Dialect: "standard@1", ContentType: webhook.ContentJSON,
		Format: webhook.FormatJSON, Timestamp: "2026-03-20T12:00:00.123Z",
		Body:   webhook.Payload{Inline: append([]byte{'d', 0, '"', 0xff, '{'}, bytes.Repeat([]byte{0x9c}, payload.MaxInline-5)...)},
		Status: webhook.Succeeded, Round: 1, Count: 1, Total: 1, Owner: "5fea7756-0ea4-451a-a703-a558b933e274",
		Attempts: []webhook.Attempt{{
			Number: 1, ScheduledAt: accepted, StartedAt: accepted.Add(87 * time.Millisecond), SentAt: accepted.Truncate(time.Second),
			Duration: 53 * time.Millisecond, StatusCode: 200, ResponseBody: `{"received":true,"id":"in_1234567890"}`, Secret: 1,
		}},
		ExpiresAt: accepted.Add(30 * 24 * time.Hour),
	}
}

// TestKeysOfAllScopes holds that a key made before there was a scope has it if it had all others, and only then.
func TestKeysOfAllScopes(t *testing.T) {
	all := webhook.Scopes()
	before := marshal(keyRecord{Scopes: all[:scopesBefore]})
	for _, tt := range []struct {
		name string
		rec  []byte
		want []string
	}{
		{"made before", before, all},
		{"made before, with fewer", marshal(keyRecord{Scopes: all[1:scopesBefore]}), all[1:scopesBefore]},
		{"made now, with all", EncodeKey(webhook.Key{Scopes: all}), all},
		{"made now, without the last", EncodeKey(webhook.Key{Scopes: all[:scopesBefore]}), all[:scopesBefore]},
		{"made by a later release", marshal(keyRecord{Scopes: append(webhook.Scopes(), "later:read"), Of: len(all) + 1}), all},
	} {
		if k, err := DecodeKey("acme", "key_1", "h", tt.rec); err != nil || !slices.Equal(k.Scopes, tt.want) {
			t.Errorf("%s: got %v, %v, want %v", tt.name, k.Scopes, err, tt.want)
		}
	}
}

func TestDelivery(t *testing.T) {
	failing := first()
	failing.Body = webhook.Payload{Ref: "pay_\"x\""}
	failing.Timestamp, failing.Format, failing.ContentType = "2025-01-01T00:00:00Z", webhook.FormatSlack, webhook.ContentForm
	failing.Status, failing.Via, failing.NextAt, failing.Job = webhook.Pending, webhook.ViaQueue, accepted.Add(-time.Hour), "job_1"
	failing.Attempts = append(failing.Attempts, webhook.Attempt{
		Number: 2, Error: webhook.ReasonBadStatus, StatusCode: 503, ResponseBody: "<html>&\x00\u2028\"\\😀", Truncated: true,
		RetryAfter: 90 * time.Second, ResponseHeaders: map[string]string{"X-A": "<>&\"", "Location": ""},
	}, webhook.Attempt{Number: 3, Error: webhook.ReasonTLS, ErrorDetail: webhook.DetailCertificateExpired})
	before := first()
	before.Timestamp = "2026-03-20T12:00:00Z" // as an earlier version wrote it
	dated := first()
	dated.Timestamp = "1999-12-31T23:59:59.999Z"
	long := first()
	long.Format, long.ContentType, long.Timestamp, long.Status = "", "", "", ""
	for name, want := range map[string]webhook.Delivery{
		"first": first(), "failing": failing, "in seconds": before, "dated": dated, "empty strings": long, "key alone": {DeliveryKey: key()},
	} {
		got, err := DecodeDelivery(want.DeliveryKey, EncodeDelivery(want))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: -want +got\n%s", name, diff)
		}
	}
	if _, err := DecodeDelivery(key(), []byte("{")); err == nil {
		t.Error("half a record: got no error")
	}
}

// TestTraceParentTakesNoWrite checks that a record keeps its traceparent unless it would take another write for it.
func TestTraceParentTakesNoWrite(t *testing.T) {
	const trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	kept := 0
	for inline := 10; inline <= 1100; inline += 10 {
		for _, failed := range []bool{false, true} {
			d := first()
			d.Body.Inline = bytes.Repeat([]byte{0x9c}, inline)
			if failed {
				d.Status, d.Attempts[0].Error = webhook.Failed, webhook.ReasonBadStatus
			}
			of := itemOverhead + len(d.Tenant) + len(d.Webhook) + len(d.Event)
			before := writes(of + len(EncodeDelivery(d)))
			d.TraceParent = trace
			b := EncodeDelivery(d)
			got, err := DecodeDelivery(d.DeliveryKey, b)
			if after := writes(of + len(b)); err != nil || after != before || got.TraceParent != trace && got.TraceParent != "" {
				t.Errorf("%d bytes: got %q, %v, in %d writes, want %d", inline, got.TraceParent, err, after, before)
			}
			if got.TraceParent != "" {
				kept++
				continue
			}
			spare := len(`,"tp":"","t":true`)
			if !failed { // the answer is cut for it
				spare -= len(got.Attempts[0].ResponseBody)
			}
			if writes(of+len(b)+len(trace)+spare) == before {
				t.Errorf("%d bytes: it is left out, and there is room for it", inline)
			}
		}
	}
	if kept < 150 {
		t.Errorf("%d of 220 records keep it", kept)
	}
}

// TestDeliveryWithinOneWrite checks that the record of a delivery that succeeds at once is within the 1 KB of one
// DynamoDB write, whatever its receiver answers, and keeps of the answer what fits.
func TestDeliveryWithinOneWrite(t *testing.T) {
	answer := strings.Repeat(`{"é":1},`, webhook.MaxResponseSucceeded)
	for name, tt := range map[string]struct {
		inline, answer int // bytes
		least, most    int // bytes of the answer that are kept
		whole          bool
	}{
		"the largest payload":                    {inline: payload.MaxInline, answer: webhook.MaxResponseSucceeded, least: 20, most: 80},
		"a usual one":                            {inline: 450, answer: webhook.MaxResponseSucceeded, least: 120, most: 220},
		"a small one":                            {inline: 100, answer: webhook.MaxResponseSucceeded, least: webhook.MaxResponseSucceeded, most: webhook.MaxResponseSucceeded, whole: true},
		"a short answer":                         {inline: 450, answer: 30, least: 30, most: 30, whole: true},
		"no answer":                              {inline: payload.MaxInline, whole: true},
		"a payload with which nothing else fits": {inline: 900, answer: 40, least: 40, most: 40, whole: true},
	} {
		d := first()
		d.Body.Inline = bytes.Repeat([]byte{0x9c}, tt.inline)
		d.Attempts[0].ResponseBody = strings.ToValidUTF8(answer[:tt.answer], "")
		b := EncodeDelivery(d)
		size := len(b) + len(d.Tenant) + len(d.Webhook) + len(d.Event) + itemOverhead
		if size > maxFirst && tt.inline <= payload.MaxInline {
			t.Errorf("%s: got an item of %d bytes, want at most %d", name, size, maxFirst)
		}
		got, err := DecodeDelivery(d.DeliveryKey, b)
		if err != nil {
			t.Fatal(err)
		}
		kept := got.Attempts[0].ResponseBody
		if len(kept) < tt.least-1 || len(kept) > tt.most || !strings.HasPrefix(d.Attempts[0].ResponseBody, kept) || got.Attempts[0].Truncated == tt.whole {
			t.Errorf("%s: got %d bytes of the answer, %q, truncated %t, want %d to %d", name, len(kept), kept, got.Attempts[0].Truncated, tt.least, tt.most)
		}
		if !bytes.Equal(got.Body.Inline, d.Body.Inline) {
			t.Errorf("%s: the payload is another", name)
		}
	}
}

func TestDeliverySheds(t *testing.T) {
	d := first()
	d.Attempts = nil
	body := strings.Repeat("\x01", webhook.MaxResponseFailed) // the worst to encode
	headers := map[string]string{"X-A": strings.Repeat(`"`, webhook.MaxResponseHeaderBytes-len("X-A"))}
	for range webhook.MaxAttemptsKept {
		d.Record(webhook.Attempt{StatusCode: 500, Error: webhook.ReasonBadStatus, ResponseBody: body, ResponseHeaders: headers})
	}
	b := EncodeDelivery(d)
	if len(b) > MaxDelivery {
		t.Errorf("got %d bytes, want at most %d", len(b), MaxDelivery)
	}
	got, err := DecodeDelivery(d.DeliveryKey, b)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(got.Attempts); n != webhook.MaxAttemptsKept {
		t.Fatalf("got %d attempts, want all %d", n, webhook.MaxAttemptsKept)
	}
	if a := got.Attempts[0]; a.ResponseBody != "" || !a.Truncated || a.ResponseHeaders != nil {
		t.Errorf("oldest: got %d bytes of response, truncated %t and %d headers, want none, true, none", len(a.ResponseBody), a.Truncated, len(a.ResponseHeaders))
	}
	small := first()
	small.Attempts[0].ResponseBody = body[:webhook.MaxResponseSucceeded]
	got, err = DecodeDelivery(small.DeliveryKey, EncodeDelivery(small))
	if err != nil || got.Attempts[0].Truncated {
		t.Errorf("a small record: got truncated %t, %v, want it whole", got.Attempts[0].Truncated, err)
	}
	if d.Attempts[0].ResponseBody == "" || len(d.Attempts[0].ResponseHeaders) == 0 {
		t.Error("the delivery given was changed")
	}
}

func TestOthers(t *testing.T) {
	tenant := webhook.Tenant{
		ID: "acme", Name: "Acmé \"<&>\" 😀", Dialect: "standard@1", NotifyEmail: "a@example.com",
		FrameAncestors: []string{"https://a.example"}, CreatedAt: accepted, UpdatedAt: accepted.Add(time.Millisecond), Version: 7,
	}
	gotTenant, err := DecodeTenant("acme", 7, EncodeTenant(tenant))
	if diff := cmp.Diff(tenant, gotTenant); err != nil || diff != "" {
		t.Errorf("tenant: %v, -want +got\n%s", err, diff)
	}
	k := webhook.Key{ID: "key_1", Tenant: "acme", Name: "ci", Scopes: []string{"keys:read"}, Hash: "h", CreatedAt: accepted}
	gotKey, err := DecodeKey("acme", "key_1", "h", EncodeKey(k))
	if diff := cmp.Diff(k, gotKey); err != nil || diff != "" {
		t.Errorf("key: %v, -want +got\n%s", err, diff)
	}
	w := webhook.Webhook{
		Ref: webhook.Ref{Tenant: "acme", ID: "wh_1"}, URL: "https://a.example/?a=1&b=2", Name: "n", Events: []string{"*"},
		Active: true, ContentType: webhook.ContentForm, Format: webhook.FormatTeams, Headers: webhook.Sealed{0, 1, 0xff},
		HeaderNames: []string{"X-A"}, TimeoutSeconds: 3, Filter: []byte(`{ "a": ["<"] }`), MaxPerSecond: 9, PacedSince: accepted,
		Metadata: map[string]string{"k": "v"}, Secrets: []webhook.Secret{{Version: 2, Sealed: webhook.Sealed{7}}, {Version: 1, ExpiresAt: accepted}},
		CreatedAt: accepted, UpdatedAt: accepted, Version: 3, Health: webhook.Health{FailingSince: accepted},
		Since: map[string]time.Time{"*": accepted},
	}
	gotWebhook, err := DecodeWebhook(w.Ref, 3, w.Health, EncodeWebhook(w))
	if diff := cmp.Diff(w, gotWebhook); err != nil || diff != "" {
		t.Errorf("webhook: %v, -want +got\n%s", err, diff)
	}
	src := webhook.Source{Tenant: "acme", ID: "src_1", Kind: "github", Name: "n\x00", Secret: webhook.Sealed{0, 1, 0xff}, CreatedAt: accepted}
	gotSource, err := DecodeSource("acme", "src_1", EncodeSource(src))
	if diff := cmp.Diff(src, gotSource); err != nil || diff != "" {
		t.Errorf("source: %v, -want +got\n%s", err, diff)
	}
	dep := webhook.Deployment{
		Tenant: "acme", ID: "dep_1", Source: "src_1", Kind: "custom", DeployedAt: time.UnixMilli(0).UTC(), Environment: "e\x00", CommitSHA: "c",
		RepositoryID: "r", RepositoryURL: "https://a.example/?a=1&b=2", Payload: []byte(`{"a":1}`), RegisteredAt: accepted, ExpiresAt: accepted,
	}
	for name, want := range map[string]webhook.Deployment{
		"deployment": dep, "bare deployment": {Tenant: "acme", ID: "dep_1", RegisteredAt: accepted},
	} {
		got, err := DecodeDeployment("acme", "dep_1", accepted, EncodeDeployment(want))
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v, -want +got\n%s", name, err, diff)
		}
	}
	d := webhook.DialectVersion{Name: "ours", Version: 3, Description: []byte("\n{ \"<é>\": 1.0 }\n"), CreatedAt: accepted}
	gotDialect, err := DecodeDialect("ours", 3, EncodeDialect(d))
	if diff := cmp.Diff(d, gotDialect); err != nil || diff != "" {
		t.Errorf("dialect: %v, -want +got\n%s", err, diff)
	}
	for name, decode := range map[string]func([]byte) error{
		"tenant":     func(b []byte) error { _, err := DecodeTenant("", 0, b); return err },
		"key":        func(b []byte) error { _, err := DecodeKey("", "", "", b); return err },
		"webhook":    func(b []byte) error { _, err := DecodeWebhook(webhook.Ref{}, 0, webhook.Health{}, b); return err },
		"source":     func(b []byte) error { _, err := DecodeSource("", "", b); return err },
		"deployment": func(b []byte) error { _, err := DecodeDeployment("", "", accepted, b); return err },
		"dialect":    func(b []byte) error { _, err := DecodeDialect("", 0, b); return err },
	} {
		if decode([]byte("{")) == nil {
			t.Errorf("half a record of a %s: got no error", name)
		}
	}
}
