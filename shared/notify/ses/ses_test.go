package ses

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/google/go-cmp/cmp"

	"hookline/shared/notify"
	"hookline/shared/webhook"
)

// mailer returns a Mailer on a server that answers as fn says.
func mailer(t *testing.T, log *slog.Logger, fn http.HandlerFunc) Mailer {
	t.Helper()
	server := httptest.NewServer(fn)
	t.Cleanup(server.Close)
	return Mailer{From: "webhooks@example.com", Log: log, API: sesv2.New(sesv2.Options{
		BaseEndpoint: &server.URL, Region: "eu-west-1", Credentials: credentials.NewStaticCredentialsProvider("any", "any", ""),
		Retryer: aws.NopRetryer{},
	})}
}

var mail = notify.Mail{Tenant: "acme", To: "ops@example.com", Subject: "[Acme] “Orders”", Text: "Überall\n"}

// TestSend holds the request to API Reference v2, SendEmail.
func TestSend(t *testing.T) {
	var got any
	var path string
	var log bytes.Buffer
	m := mailer(t, slog.New(slog.NewTextHandler(&log, nil)), func(w http.ResponseWriter, r *http.Request) {
		path = r.Method + " " + r.URL.Path
		if err := json.NewDecoder(r.Body).Decode(&got); err != nil {
			t.Error(err)
		}
		_, _ = io.WriteString(w, `{"MessageId":"0102"}`)
	})
	if err := m.Send(t.Context(), mail); err != nil {
		t.Fatal(err)
	}
	text := func(s string) any { return map[string]any{"Charset": "UTF-8", "Data": s} }
	want := map[string]any{
		"FromEmailAddress": "webhooks@example.com",
		"Destination":      map[string]any{"ToAddresses": []any{"ops@example.com"}},
		"Content": map[string]any{"Simple": map[string]any{
			"Subject": text("[Acme] “Orders”"), "Body": map[string]any{"Text": text("Überall\n")},
		}},
	}
	if diff := cmp.Diff(any(want), got); diff != "" || path != "POST /v2/email/outbound-emails" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
	if line := log.String(); !strings.Contains(line, "id=0102") || strings.Contains(line, "ops@example.com") {
		t.Errorf("logged %s, want the mail's id and no address", line)
	}
}

func TestErrors(t *testing.T) {
	for name, tt := range map[string]struct {
		status int
		code   string
		want   webhook.Kind
	}{
		"content, sandbox, identity": {400, "MessageRejected", webhook.Invalid},
		"an address that is none":    {400, "BadRequestException", webhook.Invalid},
		"domain not verified":        {400, "MailFromDomainNotVerifiedException", webhook.Invalid},
		"account shut":               {400, "AccountSuspendedException", webhook.Invalid},
		"not allowed":                {403, "AccessDeniedException", webhook.Invalid},
		"paused":                     {400, "SendingPausedException", webhook.Unavailable},
		"rate":                       {429, "TooManyRequestsException", webhook.Unavailable},
		"quota":                      {400, "ThrottlingException", webhook.Unavailable},
		"limit":                      {400, "LimitExceededException", webhook.Unavailable},
		"fault":                      {500, "InternalFailure", webhook.Unavailable},
		"proxy":                      {503, "", webhook.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			m := mailer(t, slog.New(slog.DiscardHandler), func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("X-Amzn-Errortype", tt.code)
				w.WriteHeader(tt.status)
				_, _ = io.WriteString(w, `{"message":"why"}`)
			})
			err := m.Send(t.Context(), mail)
			if !webhook.Is(err, tt.want) {
				t.Errorf("got %v, want kind %v", err, tt.want)
			}
		})
	}
	m := mailer(t, slog.New(slog.DiscardHandler), func(http.ResponseWriter, *http.Request) {})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := m.Send(ctx, mail); !webhook.Is(err, webhook.Unavailable) {
		t.Errorf("without an answer: got %v, want Unavailable", err)
	}
}
