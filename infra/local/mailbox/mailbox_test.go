package mailbox

import (
	"bytes"
	"io"
	"log/slog"
	"mime"
	"mime/quotedprintable"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"hookline/shared/console"
	"hookline/shared/notify"
)

// TestSend reads the files by the standard library's parser of RFC 5322.
func TestSend(t *testing.T) {
	now := time.Date(2026, 3, 20, 12, 0, 0, 0, time.UTC)
	var log bytes.Buffer
	dir := filepath.Join(t.TempDir(), "mail")
	f := &Folder{Path: dir, Now: func() time.Time { return now }, Log: slog.New(slog.NewTextHandler(&log, nil))}
	m := notify.Mail{
		To: "ops@example.com", Subject: "[Axie Studio] Webhook “" + strings.Repeat("Überweisungen ", 9) + "” is failing",
		Text: "First “line”.\n\n.\nFrom here\n" + strings.Repeat("long ", 300) + "\n-- \nend\n",
	}
	hostile := notify.Mail{To: "ops@example.com", Subject: "a\r\nBcc: x@example.com", Text: "b\n"}
	for _, m := range []notify.Mail{m, m, hostile} {
		if err := f.Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	var names []string
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	const slug = "axie-studio-webhook-berweisungen-berweisungen-berweisungen-b"
	want := []string{"20260320T120000-1-" + slug + ".eml", "20260320T120000-2-" + slug + ".eml", "20260320T120000-3-a-bcc-x-example-com.eml"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Fatalf("files (-want +got):\n%s", diff)
	}
	for i, sent := range []notify.Mail{m, m, hostile} {
		raw, err := os.ReadFile(filepath.Join(dir, names[i]))
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Count(raw, []byte("\n")) != bytes.Count(raw, []byte("\r\n")) {
			t.Errorf("%s: lines end in another way than CRLF", names[i])
		}
		for l := range bytes.Lines(raw) {
			if len(l) > 90 { // an encoded word, of 75 at most, stands beside the header's name
				t.Errorf("%s: a line of %d", names[i], len(l))
			}
		}
		got, err := mail.ReadMessage(bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		subject, err := new(mime.WordDecoder).DecodeHeader(got.Header.Get("Subject"))
		if err != nil || subject != sent.Subject {
			t.Errorf("subject: got %q, %v, want %q", subject, err, sent.Subject)
		}
		if to, err := got.Header.AddressList("To"); err != nil || len(to) != 1 || to[0].Address != sent.To {
			t.Errorf("to: got %v, %v", to, err)
		}
		if got.Header.Get("Bcc") != "" {
			t.Errorf("the subject added a header: %v", got.Header)
		}
		if date, err := got.Header.Date(); err != nil || !date.Equal(now) {
			t.Errorf("date: got %v, %v, want %v", date, err, now)
		}
		text, err := io.ReadAll(quotedprintable.NewReader(got.Body))
		if want := strings.ReplaceAll(sent.Text, "\n", "\r\n"); err != nil || string(text) != want {
			t.Errorf("text: got %q, %v, want %q", text, err, want)
		}
	}
	if line := log.String(); !strings.Contains(line, "to=ops@example.com") || !strings.Contains(line, names[0]) {
		t.Errorf("logged %s, want whom it is for and the file", line)
	}
}

// TestSent reads back what was sent: each tenant's own, also where several share an address.
func TestSent(t *testing.T) {
	now := time.Date(2026, 3, 20, 12, 0, 0, 0, time.UTC)
	f := &Folder{Path: filepath.Join(t.TempDir(), "mail"), Now: func() time.Time { return now }, Log: slog.New(slog.DiscardHandler)}
	long := "Größe “" + strings.Repeat("Überweisungen ", 9) + "”"
	for _, m := range []notify.Mail{
		{Tenant: "acme", To: "ops@example.com", Subject: "first", Text: "one\n"},
		{Tenant: "globex", To: "ops@example.com", Subject: "another's", Text: "two\n"},
		{Tenant: "acme", To: "ops@example.com", Subject: "x\r\nX-Hookline-Tenant: globex", Text: "three\n"},
		{Tenant: "acme", To: "ops@example.com", Subject: long, Text: long + "\n.\n"},
	} {
		now = now.Add(time.Second)
		if err := f.Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range map[string]string{"20270101T000000-1-x.eml": "\x00", "20270101T000001-1-x.eml": "", ".new": "half"} {
		if err := os.WriteFile(filepath.Join(f.Path, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	begin := now.Add(-4 * time.Second)
	for name, tt := range map[string]struct {
		tenant   string
		since    time.Time
		most     int
		subjects []string
		more     bool
	}{
		"all":               {"acme", begin, 10, []string{long, "x\r\nX-Hookline-Tenant: globex", "first"}, false},
		"as many":           {"acme", begin, 3, []string{long, "x\r\nX-Hookline-Tenant: globex", "first"}, false},
		"the newest":        {"acme", begin, 1, []string{long}, true},
		"since later":       {"acme", now, 10, []string{long}, false},
		"another's":         {"globex", begin, 10, []string{"another's"}, false},
		"nobody's":          {"", begin, 10, nil, false},
		"one without mails": {"initech", begin, 10, nil, false},
	} {
		mails, more, err := f.Sent(t.Context(), tt.tenant, tt.since, tt.most)
		if err != nil {
			t.Fatal(err)
		}
		var subjects []string
		for _, m := range mails {
			subjects = append(subjects, m.Subject)
		}
		if diff := cmp.Diff(tt.subjects, subjects); diff != "" || more != tt.more {
			t.Errorf("%s: more is %t (-want +got):\n%s", name, more, diff)
		}
	}
	mails, _, err := f.Sent(t.Context(), "acme", begin, 1)
	want := []console.Mail{{To: "ops@example.com", Subject: long, Text: long + "\n.\n", At: now}}
	if diff := cmp.Diff(want, mails, cmpopts.EquateApproxTime(0)); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if mails, more, err := (&Folder{Path: filepath.Join(t.TempDir(), "none")}).Sent(t.Context(), "acme", begin, 1); len(mails) > 0 || more || err != nil {
		t.Errorf("of no folder: got %v, %t, %v, want nothing", mails, more, err)
	}
}
