package account

import (
	"context"
	"net/http"
	"time"

	"hookline/shared/console/page"
	"hookline/shared/layout"
	"hookline/shared/webhook"
)

// Mails are the mails that were sent, where they are kept: on one machine.
type Mails interface {
	// Sent returns the mails to the tenant since then, the newest first, at most that many, and whether there are more.
	Sent(ctx context.Context, tenant string, since time.Time, most int) (mails []Mail, more bool, err error)
}

// Mail is one of them, as text.
type Mail struct {
	To, Subject, Text string
	At                time.Time
}

// Stamp returns when the mail was sent, as the API writes times.
func (m *Mail) Stamp() string { return m.At.UTC().Format(webhook.TimeFormat) }

// maxMails bounds how many mails the page shows.
const maxMails = 50

// mailsPage is the newest mails.
type mailsPage struct {
	Mails []Mail
	More  bool
	To    string // where mails go now, "" for nowhere
}

// mailbox serves the page of mails; without mails there is none.
type mailbox struct{ mails Mails }

func (b mailbox) show(v *page.Visit) {
	switch {
	case b.mails == nil:
		v.NotFound()
		return
	case !v.Key.Grants("tenant:read"):
		v.Forbidden("the key lacks the scope tenant:read")
		return
	}
	sent, more, err := b.mails.Sent(v.R.Context(), v.Tenant.ID, v.Tenant.CreatedAt.Truncate(time.Second), maxMails)
	if err != nil {
		v.Failed(err)
		return
	}
	for i, m := range sent { // a digest of an hour can name hundreds of changes
		sent[i].Text = layout.Cut(m.Text, page.MaxListed).Text
	}
	v.Show(http.StatusOK, "mails", "", "mails", "Mails", &mailsPage{Mails: sent, More: more, To: v.Tenant.NotifyEmail})
}
