package account

import (
	"context"
	"net/http"
	"time"

	"hookline/shared/console/page"
	"hookline/shared/layout"
	"hookline/shared/webhook"
)

// Mails has the mails that were sent. It exists only where they are kept, on one machine.
type Mails interface {
	// Sent returns at most that many mails to the tenant since then, the newest first, and whether there are more.
	Sent(ctx context.Context, tenant string, since time.Time, most int) (mails []Mail, more bool, err error)
}

// Mail is a mail that was sent, as text.
type Mail struct {
	To, Subject, Text string
	At                time.Time
}

// Stamp returns the time at which the mail was sent, as the API writes times.
func (m *Mail) Stamp() string { return m.At.UTC().Format(webhook.TimeFormat) }

// maxMails bounds the mails on the page.
const maxMails = 50

// mailsPage is the data of the page of mails.
type mailsPage struct {
	Mails []Mail
	More  bool
	To    string // the address of new mails, "" if there is none
}

// mailbox serves the page of mails. If mails is nil, the page is not found.
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
	for i, m := range sent { // the digest of an hour can list hundreds of changes
		sent[i].Text = layout.Cut(m.Text, page.MaxListed).Text
	}
	v.Show(http.StatusOK, "mails", "", "mails", "Mails", &mailsPage{Mails: sent, More: more, To: v.Tenant.NotifyEmail})
}
