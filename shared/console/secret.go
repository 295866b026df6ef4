package console

import (
	"net/http"
	"net/url"
)

// secretPage shows a secret, the one time that it can be seen.
type secretPage struct {
	Webhook webhookView
	Secret  string
	New     bool
	Until   string // the old one signs until then, "" when it ended
}

func (v *visit) showSecret(status int, title string, p secretPage) {
	v.show(status, "secret", "panel", "webhooks", title, p)
}

func (v *visit) askRotate() { v.ask("rotate", v.dialect.Words["rotate"]) }

func (v *visit) rotateSecret() {
	path := "/v1/webhooks/" + url.PathEscape(v.r.PathValue("id"))
	var made struct {
		Secret string  `json:"secret"`
		Until  *string `json:"previous_secret_expires_at"`
	}
	p := secretPage{}
	err := v.send(http.MethodPost, path+"/rotate-secret", map[string]any{}, &made)
	if err == nil {
		err = v.get(path, nil, &p.Webhook)
	}
	if err != nil {
		v.failed(err)
		return
	}
	p.Secret = made.Secret
	if made.Until != nil {
		p.Until = *made.Until
	}
	v.showSecret(http.StatusOK, v.dialect.Words["rotate"], p)
}
