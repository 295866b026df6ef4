package console

import (
	"net/http"
	"time"

	"hookline/shared/layout"
	"hookline/shared/webhook"
)

// maxMails bounds how many mails the page shows.
const maxMails = 50

type mailsPage struct {
	Mails []Mail
	More  bool
	To    string // where mails go now, "" for nowhere
}

// Stamp returns when the mail was sent, as the API writes times.
func (m Mail) Stamp() string { return m.At.UTC().Format(webhook.TimeFormat) }

// mails shows what was mailed to the tenant, where mails are kept.
func (v *visit) mails() {
	switch {
	case v.Mails == nil:
		v.notFound()
		return
	case !v.key.Grants("tenant:read"):
		v.sorry(http.StatusForbidden, "Your key does not allow this", "Ask for one that does, and sign in with that: the key lacks the scope tenant:read.")
		return
	}
	sent, more, err := v.Mails.Sent(v.r.Context(), v.tenant.ID, v.tenant.CreatedAt.Truncate(time.Second), maxMails)
	if err != nil {
		v.failed(err)
		return
	}
	for i, m := range sent { // a digest of an hour can name hundreds of changes
		sent[i].Text = layout.Cut(m.Text, maxListed).Text
	}
	v.show(http.StatusOK, "mails", "", "mails", "Mails", mailsPage{Mails: sent, More: more, To: v.tenant.NotifyEmail})
}
