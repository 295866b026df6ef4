package console

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"hookline/shared/dialect"
	"hookline/shared/format"
	"hookline/shared/snippet"
	"hookline/shared/webhook"
)

// secretPage shows a secret, the one time that it can be seen.
type secretPage struct {
	Webhook webhookView
	Secret  string
	New     bool
	Until   string // the old one signs until then, "" when it ended
	Code    receiverCode
}

// receiverCode is what receivers of the dialect verify with. None of it holds a secret.
type receiverCode struct {
	Snippets []snippet.Snippet // none where the webhook's format is not signed
	Send     string            // a shell's commands, "" where there is no example
	Example  *preview          // what such a request looks like, nil where the key may not see it
	Steps    []string
}

// Endpoint returns a whole server in the language.
func (c receiverCode) Endpoint(language string) string {
	for _, s := range c.Snippets {
		if s.Name == language {
			return s.Endpoint
		}
	}
	return ""
}

// code returns the code for receivers of a webhook.
func (v *visit) code(w webhookView) (receiverCode, error) {
	var out receiverCode
	f := webhookForm{Values: url.Values{"format": {w.Format}, "content_type": {w.ContentType}}}
	if len(w.Events) > 0 {
		f.Values["events"] = w.Events
	}
	if err := v.preview(&f); err != nil {
		return out, err
	}
	out.Example = f.Preview
	if !format.Of(w.Format).Signed() {
		return out, nil
	}
	described := v.dialect.Verification()
	var err error
	out.Steps = steps(described)
	if out.Snippets, err = snippet.Of(described); err != nil || out.Example == nil {
		return out, err
	}
	f.Values.Set("content_type", webhook.ContentJSON)
	if err := v.preview(&f); err != nil {
		return out, err
	}
	out.Send, err = snippet.Send(described, snippet.Request{
		Type: v.dialect.WireName(f.Preview.Type), Headers: f.Preview.Headers, Body: f.Preview.Body,
	})
	return out, err
}

// steps says in words what the code does.
func steps(d dialect.Verification) []string {
	var out []string
	for _, h := range d.Headers {
		switch {
		case strings.Contains(h.Value, "{signature}") && strings.Contains(h.Value, "{unix}"):
			out = append(out, "Get the timestamp and the signature from the "+h.Name+" header")
		case strings.Contains(h.Value, "{signature}"):
			out = append(out, "Get the signature from the "+h.Name+" header")
		case strings.Contains(h.Value, "{unix}"):
			out = append(out, "Get the timestamp from the "+h.Name+" header")
		case h.Value == "{id}" && strings.Contains(d.Scheme.Signed, "{id}"):
			out = append(out, "Get the event's id from the "+h.Name+" header")
		}
	}
	out = append(out, "Get the raw request body")
	signed := strings.NewReplacer("{unix}", "timestamp", "{id}", "id", "{body}", "body").Replace(d.Scheme.Signed)
	if d.Scheme.Signed == "{body}" {
		out = append(out, "Create HMAC-SHA256 hash of it using your webhook secret, in "+string(d.Scheme.Encoding))
	} else {
		out = append(out, "Create HMAC-SHA256 hash of "+signed+" using your webhook secret, in "+string(d.Scheme.Encoding))
	}
	if d.Scheme.Prefix != "" {
		out = append(out, "Put "+d.Scheme.Prefix+" before it")
	}
	return append(out, "Compare with the signature")
}

func (v *visit) showSecret(status int, title string, p secretPage) {
	var err error
	if p.Code, err = v.code(p.Webhook); err != nil {
		v.log(err) // the secret is shown only now: the code can be had later
	}
	v.show(status, "secret", "panel", "webhooks", title, p)
}

// verifyWebhook shows the code for receivers of a webhook without its secret.
func (v *visit) verifyWebhook() {
	var p secretPage
	err := v.get("/v1/webhooks/"+url.PathEscape(v.r.PathValue("id")), nil, &p.Webhook)
	if err == nil {
		p.Code, err = v.code(p.Webhook)
	}
	if err != nil {
		v.failed(err)
		return
	}
	v.show(http.StatusOK, "verify", "panel", "webhooks", v.dialect.Words["verify"], p)
}

// rotation asks for a new secret.
type rotation struct {
	Webhook    webhookView
	SecretRule string
	Overlaps   []overlap // none where the old secret stops at once
	Chosen     string
	Errors     map[string]string
	Problem    string
}

// overlap is how long an old secret can go on signing.
type overlap struct{ Seconds, Label string }

func (v *visit) overlaps() []overlap {
	if v.dialect.MaxOverlap == 0 {
		return nil
	}
	out := []overlap{{"", lasting(v.dialect.Overlap) + " (usual)"}, {"0", "It stops at once"}}
	for _, d := range []time.Duration{time.Hour, 24 * time.Hour, 7 * 24 * time.Hour} {
		if d <= v.dialect.MaxOverlap && d != v.dialect.Overlap {
			out = append(out, overlap{strconv.Itoa(int(d / time.Second)), lasting(d)})
		}
	}
	return out
}

// lasting writes a length of time as people say it.
func lasting(d time.Duration) string {
	for _, unit := range []struct {
		of   time.Duration
		name string
	}{{24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}, {time.Second, "second"}} {
		if n := d / unit.of; n > 0 && d%unit.of == 0 {
			return count(int(n), unit.name)
		}
	}
	return d.String()
}

func (v *visit) showRotation(status int, p rotation) {
	if err := v.get("/v1/webhooks/"+url.PathEscape(v.r.PathValue("id")), nil, &p.Webhook); err != nil {
		v.failed(err)
		return
	}
	p.SecretRule, p.Overlaps = v.dialect.CheckSecret(""), v.overlaps()
	v.show(status, "rotate", "panel", "webhooks", v.dialect.Words["rotate"], p)
}

func (v *visit) askRotate() { v.showRotation(http.StatusOK, rotation{}) }

func (v *visit) rotateSecret() {
	path := "/v1/webhooks/" + url.PathEscape(v.r.PathValue("id"))
	in := map[string]any{}
	if secret := v.r.PostFormValue("secret"); secret != "" {
		in["secret"] = secret
	}
	if seconds := v.r.PostFormValue("overlap_seconds"); seconds != "" {
		in["overlap_seconds"] = number(seconds)
	}
	var made struct {
		Secret string  `json:"secret"`
		Until  *string `json:"previous_secret_expires_at"`
	}
	if err := v.create(path+"/rotate-secret", in, &made); err != nil {
		if p := v.refused(err); p != nil {
			f := refusedForm("", url.Values{"overlap_seconds": {""}, "secret": v.r.PostForm["secret"]}, in, p)
			v.showRotation(http.StatusUnprocessableEntity, rotation{Chosen: v.r.PostFormValue("overlap_seconds"), Errors: f.Errors, Problem: f.Problem})
		}
		return
	}
	p := secretPage{Secret: made.Secret}
	if made.Until != nil {
		p.Until = *made.Until
	}
	if err := v.get(path, nil, &p.Webhook); err != nil {
		v.log(err) // the secret is shown only now
		p.Webhook.ID = v.r.PathValue("id")
	}
	v.showSecret(http.StatusOK, v.dialect.Words["rotate"], p)
}
