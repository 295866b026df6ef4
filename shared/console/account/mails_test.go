package account_test

import (
	"strings"
	"testing"
	"time"

	"hookline/shared/console"
	"hookline/shared/console/consoletest"
)

func TestMailsPage(t *testing.T) {
	w := consoletest.New(t)
	key := w.Tenant("acme", "standard")
	b := w.Browser(key)
	b.Get("/console/mails").Is(200).Has("No mails yet", "has no mail address")
	w.Call(200, key, "PATCH", "/v1/tenant", `{"notify_email":"ops@example.com"}`, nil)
	b.Get("/console/mails").Is(200).Has("No mails yet", "ops@example.com gets a mail")
	w.Mails["acme"] = []console.Mail{
		{To: "ops@example.com", Subject: "<b>now</b>", Text: "See\n<i>this</i>", At: w.Now},
		{To: "old@example.com", Subject: "of an earlier tenant", At: w.Now.Add(-time.Minute)},
	}
	w.Mails["globex"] = []console.Mail{{Subject: "another's", At: w.Now}}
	b.Get("/console/mails").Is(200).Has("&lt;b&gt;now", "&lt;i&gt;this", `<time datetime="2026-03-20T12:00:00.0`).Lacks("another's", "earlier", "Older mails")
	for range 60 {
		w.Mails["acme"] = append([]console.Mail{{Subject: "more", At: w.Now}}, w.Mails["acme"]...)
	}
	if p := b.Get("/console/mails").Is(200).Has("Older mails"); strings.Count(p.Body, "<details") != 50 {
		t.Errorf("got %d mails, want 50", strings.Count(p.Body, "<details"))
	}
	few, _ := w.Scoped(key, "webhooks:read")
	b = w.Browser(few)
	b.Get("/console/mails").Is(403).Lacks("now")
	b.Get("/console/webhooks").Is(200).Lacks(`href="/console/mails"`)
}

// TestBoundedMails shows that long mails do not make the page long.
func TestBoundedMails(t *testing.T) {
	w := consoletest.New(t)
	b := w.Browser(w.Tenant("acme", "standard"))
	for range 50 {
		w.Mails["acme"] = append(w.Mails["acme"], console.Mail{To: "ops@example.com", Subject: "[Acme] Many changes", Text: strings.Repeat("A change\n", 20_000), At: w.Now})
	}
	if p := b.Get("/console/mails").Is(200).Has("\n…</pre>"); len(p.Body) > consoletest.MostPage {
		t.Errorf("got a page of %d bytes, want at most %d", len(p.Body), consoletest.MostPage)
	}
}
