package notify

import (
	"encoding/json"
	"flag"
	"net/mail"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"hookline/shared/systemevent"
	"hookline/shared/webhook"
)

var update = flag.Bool("update", false, "write the golden files")

var tenant = webhook.Tenant{ID: "acme", Name: "Acme", NotifyEmail: "ops@acme.example"}

func mailOf(t testing.TB, eventType string, d systemevent.WebhookData) Mail {
	t.Helper()
	data, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	c, err := readChange(systemevent.Notice{DetailType: eventType, Detail: systemevent.Detail{Tenant: "acme", ID: "1", Data: data}})
	if err != nil {
		t.Fatal(err)
	}
	return c.mail(tenant, "AgileTune", "https://hooks.example.com/")
}

// TestMails compares every mail with its golden file.
func TestMails(t *testing.T) {
	base := systemevent.WebhookData{
		WebhookID: "wh_01KAH0000000000000000000", Name: "Orders", URL: "https://example.com/hooks/orders",
		Events: []string{"task.created", "task.updated", "project.*"}, Since: "2026-03-20T12:00:00.250Z",
	}
	with := func(edit func(d *systemevent.WebhookData)) systemevent.WebhookData {
		d := base
		edit(&d)
		return d
	}
	mails := map[string]Mail{
		"created":   mailOf(t, "webhook.created", base),
		"failing":   mailOf(t, "webhook.failing", with(func(d *systemevent.WebhookData) { d.Reason = "out_of_attempts" })),
		"recovered": mailOf(t, "webhook.recovered", base),
		"gone":      mailOf(t, "webhook.disabled", with(func(d *systemevent.WebhookData) { d.Reason = "gone" })),
		"days":      mailOf(t, "webhook.disabled", with(func(d *systemevent.WebhookData) { d.Reason = "failing_for_days" })),
		"disabled":  mailOf(t, "webhook.disabled", with(func(d *systemevent.WebhookData) { d.Reason = "a reason of later" })),
		"nameless": mailOf(t, "webhook.created", with(func(d *systemevent.WebhookData) {
			d.Name = ""
			for range 12 {
				d.Events = append(d.Events, "another.event.of.many")
			}
		})),
		"hostile": mailOf(t, "webhook.created", with(func(d *systemevent.WebhookData) {
			d.Name = "a\r\nBcc: x@example.com\r\n\r\nYour account\u202E is\u0000 closed\xff"
			d.URL = "https://user:password@example.com/" + strings.Repeat("long/", 400) + "?token=secret#key"
			d.Events = []string{"task.created\r\n.\r\nMAIL FROM:<x>"}
		})),
	}
	d := leftover{more: 3}
	for _, m := range []struct{ eventType, id, name string }{
		{"webhook.failing", "wh_1", "Orders"}, {"webhook.recovered", "wh_2", ""}, {"webhook.disabled", "wh_3", "Bills"}, {"webhook.created", "wh_4", "Tasks"},
	} {
		d.entries = append(d.entries, entry{
			Type: m.eventType, Webhook: m.id, Name: m.name, URL: "https://example.com/" + m.id, At: time.Date(2026, 3, 20, 12, 40, 0, 0, time.UTC),
		})
	}
	mails["digest"] = d.mail(tenant, time.Date(2026, 3, 20, 12, 0, 0, 0, time.UTC), "AgileTune", "https://hooks.example.com")
	for name, m := range mails {
		t.Run(name, func(t *testing.T) {
			got := "To: " + m.To + "\nSubject: " + m.Subject + "\n\n" + m.Text
			file := "testdata/" + name + ".txt"
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", file, diff)
			}
		})
	}
}

// A mail is short, whatever a notice says.
func TestMailIsShort(t *testing.T) {
	d := systemevent.WebhookData{WebhookID: "wh_1", Name: strings.Repeat("n", 1<<20), URL: "https://example.com/" + strings.Repeat("u", 1<<20), Since: "2026-03-20T12:00:00Z"}
	for range 10_000 {
		d.Events = append(d.Events, strings.Repeat("e", 1000))
	}
	m := mailOf(t, "webhook.created", d)
	if len(m.Text)+len(m.Subject) > 16<<10 || !strings.Contains(m.Text, "and 9950 more") {
		t.Errorf("got a mail of %d bytes, want the first events and how many more", len(m.Text))
	}
}

// plain reports what is wrong with a mail, whatever went into it.
func plain(m Mail) string {
	switch {
	case !utf8.ValidString(m.Subject) || !utf8.ValidString(m.Text):
		return "not UTF-8"
	case strings.ContainsFunc(m.Subject, unicode.IsControl):
		return "a control character in the subject"
	case strings.ContainsFunc(m.Subject+m.Text, func(r rune) bool { return r != '\n' && unicode.IsControl(r) || unicode.Is(unicode.Cf, r) }):
		return "a control character in the text"
	case utf8.RuneCountInString(m.Subject) > 120:
		return "a subject that is too long"
	}
	for l := range strings.Lines(m.Text) {
		if len(l) > 900 { // RFC 5322 section 2.1.1 has 998
			return "a line that is too long"
		}
	}
	return ""
}

func FuzzMail(f *testing.F) {
	f.Add("Orders", "https://example.com/hooks", "task.created", "Acme")
	f.Add("a\r\nBcc: x", "https://u:p@example.com/?t=s#f", "a\nb", "\u2028")
	f.Add("", "://", "", "")
	f.Fuzz(func(t *testing.T, name, url, event, product string) {
		for eventType := range wordings() {
			if !mails(eventType) {
				continue
			}
			n := systemevent.WebhookData{WebhookID: "wh_1", Name: name, URL: url, Events: []string{event, event}, Since: "2026-03-20T12:00:00Z"}
			m := mailOf(t, eventType, n)
			if bad := plain(m); bad != "" {
				t.Errorf("%s: %q\n%q", bad, m.Subject, m.Text)
			}
			d := leftover{entries: []entry{{Type: eventType, Name: line(name, maxName), URL: showURL(url)}}}
			if bad := plain(d.mail(tenant, time.Time{}, line(product, maxName), "")); bad != "" {
				t.Errorf("digest: %s", bad)
			}
		}
	})
}

// FuzzShowURL reads again what is shown.
func FuzzShowURL(f *testing.F) {
	f.Add("https://user:password@example.com/a?token=s#f")
	f.Add("https:user:password@example.com")
	f.Fuzz(func(t *testing.T, raw string) {
		shown := showURL(raw)
		if shown == noURL {
			return
		}
		u, err := url.Parse(strings.TrimSuffix(shown, "…"))
		if err != nil {
			return // cut within an escape
		}
		if u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Opaque != "" {
			t.Errorf("%q is shown as %q", raw, shown)
		}
	})
}

func TestShowURL(t *testing.T) {
	for raw, want := range map[string]string{
		"https://example.com/hooks":              "https://example.com/hooks",
		"http://127.0.0.1:9999/500":              "http://127.0.0.1:9999/500",
		"https://user:pass@example.com/hooks":    "https://example.com/hooks",
		"https://example.com/hooks?token=secret": "https://example.com/hooks?…",
		"https://example.com/hooks?":             "https://example.com/hooks",
		"https://example.com/#secret":            "https://example.com/?…",
		"https://example.com/%zz":                noURL,
		"https://hooks.slack.com/…":              "https://hooks.slack.com/…",
		"https:user:password@example.com":        noURL,
	} {
		if got := showURL(raw); got != want {
			t.Errorf("%s is shown as %s, want %s", raw, got, want)
		}
	}
}

// TestAddresses has a service be given addresses that its tenants should never have got.
func TestAddresses(t *testing.T) {
	for to, ok := range map[string]bool{
		"ops@example.com": true, "o'hara@example.com": true, "": false, "a@example.com\r\nBcc: b@example.com": false,
		"a@example.com, b@example.com": false, "Ops <a@example.com>": false, "a\u202E@example.com": false,
	} {
		post := new(postOffice)
		err := (&Service{Mailer: post}).send(t.Context(), Mail{To: to})
		if (err == nil) != ok || len(post.mails) > 0 != ok {
			t.Errorf("%q: got %v and %d mails, want taken: %t", to, err, len(post.mails), ok)
		}
		if _, perr := mail.ParseAddress(to); perr != nil && !webhook.Is(err, webhook.Invalid) {
			t.Errorf("%q: got %v, want Invalid", to, err)
		}
	}
}
