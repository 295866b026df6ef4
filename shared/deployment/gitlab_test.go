package deployment_test

import (
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"hookline/shared/deployment"
	"hookline/shared/webhook"
)

// token returns a key in the form of GitLab's signing tokens.
func token(key string) string { return "whsec_" + base64.StdEncoding.EncodeToString([]byte(key)) }

// signedBy returns the request as GitLab sends it with a signing token: signed as Standard Webhooks' own library signs.
func signedBy(t *testing.T, secret string, body []byte, at time.Time, headers ...string) request {
	t.Helper()
	wh, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	const id = "f5e5f430-f57b-4e6e-9fac-d9128cd7232f"
	signature, err := wh.Sign(id, at, body)
	if err != nil {
		t.Fatal(err)
	}
	r := request{kind: "gitlab", header: make(http.Header), body: body}
	for name, value := range map[string]string{
		"X-Gitlab-Event": "Deployment Hook", "webhook-id": id, "webhook-timestamp": strconv.FormatInt(at.Unix(), 10), "webhook-signature": signature,
	} {
		r.header.Set(name, value)
	}
	for i := 0; i < len(headers); i += 2 {
		r.header.Set(headers[i], headers[i+1])
	}
	return r
}

// TestSigningToken sends requests that GitLab signs to sources whose secret is the signing token, and to others.
func TestSigningToken(t *testing.T) {
	var (
		body    = published(t, "gitlab/deployment.success.json")
		signing = token("0123456789abcdef0123456789abcdef")
		other   = token("another one of thirty-two bytes.")
		short   = token("0123456789abcdef0123456") // a byte less than Standard Webhooks allows
		good    = signedBy(t, signing, body, wall())
	)
	value := good.header.Get("webhook-signature")
	with := func(headers ...string) request { return signedBy(t, signing, body, wall(), headers...) }
	without := func(name string) request {
		r := with()
		r.header.Del(name)
		return r
	}
	twice := func(name string) request {
		r := with()
		r.header.Add(name, r.header.Get(name))
		return r
	}
	for name, tt := range map[string]struct {
		secret string
		request
		want bool
	}{
		"signed":                     {signing, good, true},
		"several signatures":         {signing, with("webhook-signature", "v1,AAAA v1a,"+value[3:]+" "+value), true},
		"five minutes ago":           {signing, signedBy(t, signing, body, wall().Add(-5*time.Minute)), true},
		"in five minutes":            {signing, signedBy(t, signing, body, wall().Add(5*time.Minute)), true},
		"both tokens on GitLab":      {signing, with("X-Gitlab-Token", "another"), true},
		"the token itself":           {signing, proved("gitlab", signing, body), true},
		"a secret token beside it":   {secret, with("X-Gitlab-Token", secret), true},
		"a short one is any secret":  {short, proved("gitlab", short, body), true},
		"longer ago":                 {signing, signedBy(t, signing, body, wall().Add(-5*time.Minute-time.Second)), false},
		"in more":                    {signing, signedBy(t, signing, body, wall().Add(5*time.Minute+time.Second)), false},
		"a time that overflows":      {signing, signedBy(t, signing, body, time.Unix(1<<62, 0)), false},
		"another token":              {other, good, false},
		"a body of its own":          {signing, request{"gitlab", good.header, append([]byte(" "), body...)}, false},
		"another id":                 {signing, with("webhook-id", "other"), false},
		"another time":               {signing, with("webhook-timestamp", strconv.FormatInt(wall().Unix()+1, 10)), false},
		"no time":                    {signing, without("webhook-timestamp"), false},
		"a time that is none":        {signing, with("webhook-timestamp", "now"), false},
		"no id":                      {signing, without("webhook-id"), false},
		"no signature":               {signing, without("webhook-signature"), false},
		"an empty signature":         {signing, with("webhook-signature", ""), false},
		"another version":            {signing, with("webhook-signature", "v2"+value[2:]), false},
		"two signature headers":      {signing, twice("webhook-signature"), false},
		"two ids":                    {signing, twice("webhook-id"), false},
		"two times":                  {signing, twice("webhook-timestamp"), false},
		"wrong, and the token":       {signing, with("webhook-signature", "v1,AAAA", "X-Gitlab-Token", signing), false},
		"signed with a short one":    {short, signedBy(t, short, body, wall()), false},
		"signed with a plain secret": {secret, signedBy(t, base64.StdEncoding.EncodeToString([]byte(secret)), body, wall()), false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.sources["gitlab"] = w.source(t, "gitlab", tt.secret)
			got, err := w.send(t, tt.request)
			if tt.want {
				if err != nil || got.Outcome != deployment.Registered {
					t.Errorf("got %+v, %v, want it registered", got, err)
				}
				return
			}
			if !webhook.Is(err, webhook.Unauthorized) || !strings.Contains(err.Error(), "webhook-signature") {
				t.Errorf("got %+v, %v, want unauthorized, and why", got, err)
			}
			if len(w.events.got) != 0 {
				t.Error("something was published")
			}
		})
	}
}
