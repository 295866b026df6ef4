package dialect_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"hookline/shared/dialect"
	"hookline/shared/ecmajson"
	"hookline/shared/webhook"
)

var update = flag.Bool("update", false, "write the golden files")

const (
	specSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	textSecret = "a secret of at least 32 characters"
)

// verify has the verification from each dialect's document. It must accept the requests of the dialect. body is the raw body of a
// request.
var verify = map[string]func(h http.Header, body []byte) bool{
	"standard": func(h http.Header, body []byte) bool {
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(specSecret, "whsec_"))
		if err != nil {
			return false
		}
		content := h.Get("webhook-id") + "." + h.Get("webhook-timestamp") + "." + string(body)
		return h.Get("webhook-signature") == "v1,"+base64.StdEncoding.EncodeToString(digest(key, []byte(content)))
	},
	"axoria": func(h http.Header, body []byte) bool {
		return h.Get("X-Axoria-Signature") == "sha256="+base64.StdEncoding.EncodeToString(digest([]byte(textSecret), body))
	},
	"agiletune": func(h http.Header, body []byte) bool {
		return h.Get("X-AgileTune-Signature") == hex.EncodeToString(digest([]byte(textSecret), body))
	},
	"codmir": func(h http.Header, body []byte) bool {
		return h.Get("X-Codmir-Signature") == "sha256="+hex.EncodeToString(digest([]byte(textSecret), body))
	},
	"axiestudio": func(h http.Header, body []byte) bool {
		parsed, err := ecmajson.Read(body)
		again := parsed.Canonical() // JSON.stringify(req.body)
		return err == nil && h.Get("X-Webhook-Signature") == "sha256="+hex.EncodeToString(digest([]byte(textSecret), again))
	},
}

// bodyOf reads the event's data and returns the event's body. Data that is not JSON counts as none.
func bodyOf(d *dialect.Dialect, ev webhook.Event) ([]byte, error) {
	content, _ := ecmajson.Read(ev.Data)
	return d.Body(ev, content)
}

func digest(key, message []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write(message)
	return mac.Sum(nil)
}

func TestGolden(t *testing.T) {
	const awkward = ` {"b": 1.50, "10": "\u00e9\/", "2": [-0, 1E3, 12345678901234567890], "b": {"__proto__": null,
		"x": "\ud83d\ude00\ud800` + "\u2028" + `<>&"}, "braces": "{id} {data} %s"} `
	for name, check := range verify {
		t.Run(name, func(t *testing.T) {
			d := builtin(t, name)
			var out bytes.Buffer
			for _, contentType := range d.ContentTypes {
				for _, ev := range []webhook.Event{
					{ID: "evt_01JDB8Z6T0000000000000000", Type: d.EventTypes()[0].Name, Data: d.Example(d.EventTypes()[0].Name)},
					{ID: `order:7`, Type: d.EventTypes()[1].Name, Data: []byte(awkward)},
				} {
					ev.Tenant, ev.Timestamp = "ent_abc123", "2025-11-23T10:30:15Z"
					body, err := bodyOf(d, ev)
					if err != nil {
						t.Fatal(err)
					}
					m := dialect.Message{
						EventID: ev.ID, Type: ev.Type, Tenant: ev.Tenant, Sent: time.Unix(1732294800, 999), Body: body,
						ContentType: contentType, Secrets: []string{textSecret},
					}
					if name == "standard" {
						m.Secrets = []string{specSecret}
					}
					headers, err := d.Headers(m)
					if err != nil {
						t.Fatal(err)
					}
					wire := dialect.Wire(body, contentType)
					h := make(http.Header)
					fmt.Fprintln(&out, "POST /hook HTTP/1.1")
					for _, header := range headers {
						fmt.Fprintf(&out, "%s: %s\n", header.Name, header.Value)
						h.Add(header.Name, header.Value)
					}
					fmt.Fprintf(&out, "\n%s\n\n", wire)
					if !check(h, wire) {
						t.Errorf("%s: the document's verification refuses it", ev.Type)
					}
					if check(h, append([]byte(" "), wire...)) && name != "axiestudio" { // which parses first
						t.Errorf("%s: the document's verification accepts another body", ev.Type)
					}
				}
			}
			golden(t, filepath.Join("testdata", name+".http"), out.Bytes())
		})
	}
}

func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-update writes it):\n%s", file, diff)
	}
}

// TestReferenceLibrary hands deliveries to the library that the Standard Webhooks project maintains.
func TestReferenceLibrary(t *testing.T) {
	d := builtin(t, "standard")
	fresh, old, stranger := d.NewSecret(), d.NewSecret(), d.NewSecret()
	tests := []struct {
		name              string
		secrets, accepted []string
		refused           []string
	}{
		{"one secret", []string{fresh}, []string{fresh}, []string{old, stranger}},
		{"an overlap", []string{fresh, old}, []string{fresh, old}, []string{stranger}},
		{"the specification's secret", []string{specSecret}, []string{specSecret}, []string{fresh}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ev := webhook.Event{ID: "evt_1", Type: "invoice.paid", Timestamp: "2026-03-20T12:00:00Z", Data: d.Example("invoice.paid")}
			body, err := bodyOf(d, ev)
			if err != nil {
				t.Fatal(err)
			}
			headers, err := d.Headers(dialect.Message{EventID: ev.ID, Type: ev.Type, Sent: time.Now(), Body: body, Secrets: tt.secrets})
			if err != nil {
				t.Fatal(err)
			}
			h := make(http.Header)
			for _, header := range headers {
				h.Add(header.Name, header.Value)
			}
			accepts := func(secret string) bool {
				wh, err := standardwebhooks.NewWebhook(secret)
				if err != nil {
					t.Fatal(err)
				}
				return wh.Verify(body, h) == nil
			}
			for _, secret := range tt.accepted {
				if !accepts(secret) {
					t.Error("the library refuses a secret that signed")
				}
			}
			for _, secret := range tt.refused {
				if accepts(secret) {
					t.Error("the library accepts a secret that did not sign")
				}
			}
		})
	}
}

func TestForm(t *testing.T) {
	body := []byte(`{"a":"b&c=d+e %é"}`)
	got := dialect.Wire(body, webhook.ContentForm)
	form, err := url.ParseQuery(string(got))
	if err != nil || len(form) != 1 || form.Get("payload") != string(body) {
		t.Errorf("Wire = %s, which a receiver reads as %q, %v", got, form, err)
	}
	if got := dialect.Wire(body, webhook.ContentJSON); !bytes.Equal(got, body) {
		t.Errorf("Wire = %s, want the body", got)
	}
}

func TestHeaders(t *testing.T) {
	d := builtin(t, "axiestudio")
	m := dialect.Message{EventID: "evt_1", Type: "user.created", Tenant: "t", Sent: time.Unix(7, 0), Body: []byte("{}"), Unsigned: true}
	got, err := d.Headers(m)
	want := []dialect.Header{
		{Name: "Content-Type", Value: "application/json"},
		{Name: "webhook-id", Value: "evt_1"},
		{Name: "X-Webhook-Event", Value: "user.created"},
		{Name: "X-Webhook-Timestamp", Value: "7"},
		{Name: "User-Agent", Value: "AxieStudio-Webhook/1.0"},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("unsigned: %v\n%s", err, diff)
	}
	m.Unsigned = false
	if _, err := d.Headers(m); err == nil {
		t.Error("a message without a secret is sent")
	}
	m.Secrets = []string{"new", "old"}
	got, err = d.Headers(m)
	if err != nil {
		t.Fatal(err)
	}
	if want := "sha256=" + hex.EncodeToString(digest([]byte("new"), []byte("{}"))); got[3].Value != want {
		t.Errorf("a header for one signature has %q, want the current secret's %q", got[3].Value, want)
	}
	for _, bad := range []string{"a\r\nX-Evil: 1", "a\x00", "é"} {
		m.EventID = bad
		if got, err := d.Headers(m); err == nil {
			t.Errorf("Headers = %q, want %q refused", got, bad)
		}
	}
}

func TestOwns(t *testing.T) {
	standard, agiletune := builtin(t, "standard"), builtin(t, "agiletune")
	tests := []struct {
		header              string
		standard, agiletune bool
	}{
		{"Content-Type", true, true},
		{"user-agent", true, true},
		{"Webhook-Id", true, true},
		{"webhook-signature", true, false},
		{"Webhook-Timestamp", true, false},
		{"x-agiletune-event", false, true},
		{"X-AGILETUNE-SIGNATURE", false, true},
		{"Host", true, true},
		{"Content-Length", true, true},
		{"Connection", true, true},
		{"Transfer-Encoding", true, true},
		{"Idempotency-Key", true, true},
		{"X-Idempotency-Key", true, true},
		{"Accept-Encoding", true, true},
		{"Expect", true, true},
		{"Proxy-Authorization", true, true},
		{"Authorization", false, false},
		{"X-Api-Key", false, false},
		{"Accept", false, false},
	}
	for _, tt := range tests {
		if got := standard.Owns(tt.header); got != tt.standard {
			t.Errorf("standard: Owns(%q) = %v", tt.header, got)
		}
		if got := agiletune.Owns(tt.header); got != tt.agiletune {
			t.Errorf("agiletune: Owns(%q) = %v", tt.header, got)
		}
	}
}

func TestBodyRefusesWhatIsNotJSON(t *testing.T) {
	for _, name := range []string{"standard", "axiestudio"} {
		for _, data := range []string{"", "{", "1 2", `{"a":1}}`, "\"\xff\"", strings.Repeat("[", ecmajson.MaxDepth+1)} {
			if got, err := bodyOf(builtin(t, name), webhook.Event{Data: []byte(data)}); err == nil {
				t.Errorf("%s: Body = %s, want an error", name, got)
			}
		}
	}
}

func TestMessageKeepsItsSecretsOutOfLogs(t *testing.T) {
	var out bytes.Buffer
	m := dialect.Message{EventID: "evt_1", Type: "a.b", Secrets: []string{"hunter2"}, Body: []byte("private")}
	slog.New(slog.NewTextHandler(&out, nil)).Info("attempt", "made", m)
	if got := out.String(); strings.Contains(got, "hunter2") || strings.Contains(got, "private") || !strings.Contains(got, "evt_1") {
		t.Errorf("logged %s", got)
	}
}

func TestSecrets(t *testing.T) {
	key := func(n int) string { return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{0xFB}, n)) }
	tests := []struct {
		name, dialect, secret string
		fine, imported        bool
	}{
		{"the specification's", "standard", specSecret, true, true},
		{"24 bytes", "standard", "whsec_" + key(24), true, true},
		{"64 bytes", "standard", "whsec_" + key(64), true, true},
		{"23 bytes", "standard", "whsec_" + key(23), false, true},
		{"65 bytes", "standard", "whsec_" + key(65), false, true},
		{"no prefix", "standard", key(32), false, true},
		{"not base64", "standard", "whsec_" + strings.Repeat("?", 44), false, false},
		{"URL alphabet", "standard", "whsec_" + strings.NewReplacer("+", "-", "/", "_").Replace(key(32)), false, false},
		{"no padding", "standard", "whsec_" + strings.TrimRight(key(32), "="), false, false},
		{"prefix alone", "standard", "whsec_", false, false},
		{"empty", "standard", "", false, false},
		{"8 characters", "axoria", "12345678", true, true},
		{"7 characters", "axoria", "1234567", false, true},
		{"8 characters of 2 bytes", "agiletune", "éééééééé", true, true},
		{"4 characters of 2 bytes", "agiletune", "éééé", false, true},
		{"32 characters", "axiestudio", strings.Repeat("x", 32), true, true},
		{"31 characters", "axiestudio", strings.Repeat("x", 31), false, true},
		{"empty text", "codmir", "", false, false},
		{"the longest", "codmir", strings.Repeat("x", 1024), true, true},
		{"longer", "codmir", strings.Repeat("x", 1025), false, true},
		{"an invisible character", "codmir", "12345678\u200b", false, false},
		{"an invisible character in base64", "standard", "whsec_\ufeff" + key(32), false, false},
		{"far longer", "codmir", strings.Repeat("x", 1<<20), false, false},
	}
	for _, tt := range tests {
		t.Run(tt.dialect+" "+tt.name, func(t *testing.T) {
			d := builtin(t, tt.dialect)
			if got := d.CheckSecret(tt.secret); (got == "") != tt.fine {
				t.Errorf("CheckSecret = %q", got)
			}
			if got := d.CheckImportedSecret(tt.secret); (got == "") != tt.imported {
				t.Errorf("CheckImportedSecret = %q", got)
			}
		})
	}
	for _, name := range []string{"standard", "codmir"} {
		d := builtin(t, name)
		for _, got := range []string{d.CheckSecret("whsec_\u200babcdefgh"), d.CheckImportedSecret("whsec_\u200babcdefgh")} {
			if !strings.Contains(got, "U+200B ZERO WIDTH SPACE") {
				t.Errorf("%s: got %q, want the character named", name, got)
			}
		}
	}
}
