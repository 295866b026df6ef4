package webhooks

import (
	"net/http"
	"net/url"
	"strconv"
	"time"

	"hookline/shared/api"
	"hookline/shared/console/page"
	"hookline/shared/console/receiver"
	"hookline/shared/console/record"
	"hookline/shared/console/words"
	"hookline/shared/dialect"
)

// secretPage is the data of the page that shows a secret, once.
type secretPage struct {
	Webhook  record.Webhook
	Secret   string
	Warnings []string
	New      bool
	Until    *api.Time // until then the old secret signs too; nil if it does not
	Code     receiver.Code
}

func showSecret(v *page.Visit, status int, title string, p secretPage) {
	var err error
	if p.Code, err = receiver.CodeOf(v, p.Webhook.Webhook); err != nil {
		v.Log(err) // the secret must be shown now; the code can be shown later
	}
	v.Show(status, "secret", "panel", "webhooks", title, &p)
}

// showVerify shows the code for the receiver of a webhook.
func showVerify(v *page.Visit) {
	var p secretPage
	err := v.Get("/v1/webhooks/"+v.ID(), nil, &p.Webhook)
	if err == nil {
		p.Code, err = receiver.CodeOf(v, p.Webhook.Webhook)
	}
	if err != nil {
		v.Failed(err)
		return
	}
	v.Show(http.StatusOK, "verify", "panel", "webhooks", v.Dialect.Words["verify"], &p)
}

// rotation is the data of the form that rotates a secret.
type rotation struct {
	Webhook    record.Webhook
	SecretRule string
	Overlaps   []overlap // none if the old secret always stops at once
	Chosen     string
	Errors     map[string]string
	Problem    string
}

// overlap is a choice of how long the old secret goes on signing.
type overlap struct{ Seconds, Label string }

func overlaps(d *dialect.Dialect) []overlap {
	if d.MaxOverlap == 0 {
		return nil
	}
	out := []overlap{{"", words.Lasting(d.Overlap) + " (usual)"}, {"0", "It stops at once"}}
	for _, long := range []time.Duration{time.Hour, 24 * time.Hour, 7 * 24 * time.Hour} {
		if long <= d.MaxOverlap && long != d.Overlap {
			out = append(out, overlap{strconv.Itoa(int(long / time.Second)), words.Lasting(long)})
		}
	}
	return out
}

func showRotation(v *page.Visit, status int, p rotation) {
	if err := v.Get("/v1/webhooks/"+v.ID(), nil, &p.Webhook); err != nil {
		v.Failed(err)
		return
	}
	p.SecretRule, p.Overlaps = v.Dialect.CheckSecret(""), overlaps(v.Dialect)
	v.Show(status, "rotate", "panel", "webhooks", v.Dialect.Words["rotate"], &p)
}

func askRotate(v *page.Visit) { showRotation(v, http.StatusOK, rotation{}) }

func rotateSecret(v *page.Visit) {
	path := "/v1/webhooks/" + v.ID()
	in := map[string]any{}
	if secret := v.R.PostFormValue("secret"); secret != "" {
		in["secret"] = secret
	}
	if seconds := v.R.PostFormValue("overlap_seconds"); seconds != "" {
		in["overlap_seconds"] = parseNumber(seconds)
	}
	var made api.Rotated
	if err := v.Create(path+"/rotate-secret", in, &made); err != nil {
		if p := v.Refused(err); p != nil {
			f := refusedForm("", url.Values{"overlap_seconds": {""}, "secret": v.R.PostForm["secret"]}, in, p)
			showRotation(v, http.StatusUnprocessableEntity, rotation{Chosen: v.R.PostFormValue("overlap_seconds"), Errors: f.Errors, Problem: f.Problem})
		}
		return
	}
	p := secretPage{Secret: made.Secret, Until: made.PreviousSecretExpiresAt}
	if err := v.Get(path, nil, &p.Webhook); err != nil {
		v.Log(err) // the secret must be shown now
		p.Webhook.ID = v.R.PathValue("id")
	}
	showSecret(v, http.StatusOK, v.Dialect.Words["rotate"], p)
}
