package receiver

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"hookline/shared/chat"
	"hookline/shared/dialect"
	"hookline/shared/signature"
)

// tolerance is how old or early a signed timestamp may be, as the Standard Webhooks libraries have it.
const tolerance = 5 * time.Minute

// verifier checks requests as the receivers of a dialect do, knowing only the dialect's description.
type verifier struct {
	scheme          signature.Scheme
	secret          string
	signatureHeader string
	unixHeader      string // "" where no header has the attempt's time
	typeHeader      string // "" where the type is in the body alone
	typeField       string // of the body's top level; "" if it is not there
}

func newVerifier(d *dialect.Dialect, secret string) (*verifier, error) {
	var description struct {
		Envelope  json.RawMessage
		Headers   map[string]string
		Signature struct {
			Signed, Prefix, Join string
			Encoding             signature.Encoding
		}
		Secret struct {
			Key    signature.Encoding
			Prefix string
		}
	}
	if err := json.Unmarshal(d.Description, &description); err != nil {
		return nil, fmt.Errorf("description of %s: %w", d.Ref(), err)
	}
	v := &verifier{secret: secret, scheme: signature.Scheme{
		Signed: description.Signature.Signed, Encoding: description.Signature.Encoding,
		Prefix: description.Signature.Prefix, Join: description.Signature.Join,
		Key: signature.Key{Encoding: description.Secret.Key, Prefix: description.Secret.Prefix},
	}}
	for name, template := range description.Headers {
		switch {
		case strings.Contains(template, "{signature}"):
			v.signatureHeader = name
		case template == "{unix}":
			v.unixHeader = name
		case template == "{type}":
			v.typeHeader = name
		}
	}
	var envelope map[string]json.RawMessage
	_ = json.Unmarshal(description.Envelope, &envelope) // one that is no object has no field for the type
	for name, template := range envelope {
		if string(template) == `"{type}"` {
			v.typeField = name
		}
	}
	if secret == "" {
		return v, nil
	}
	if _, err := v.scheme.Key.Bytes(secret); err != nil {
		return nil, fmt.Errorf("SECRET in dialect %s: %w", d.Name, err)
	}
	return v, nil
}

// judgement is what came of checking a signature.
type judgement struct {
	verified *bool
	reason   string
	chat     string // the chat format of a message, none of which is signed
}

func (j judgement) String() string {
	switch {
	case j.chat != "":
		return "unsigned " + j.chat + " message"
	case j.verified == nil:
		return "signature not checked"
	case *j.verified:
		return "signature verified"
	}
	return "signature NOT verified (" + j.reason + ")"
}

func (v *verifier) judge(h http.Header, body []byte, now time.Time) judgement {
	if h.Get(v.signatureHeader) == "" {
		if format := chat.FormatOf(body); format != "" {
			return judgement{chat: format}
		}
	}
	if v.secret == "" {
		return judgement{}
	}
	reason := v.fault(h, body, now)
	verified := reason == ""
	return judgement{verified: &verified, reason: reason}
}

// fault returns why a request is not to be trusted, "" if it is.
func (v *verifier) fault(h http.Header, body []byte, now time.Time) string {
	signed := h.Get(v.signatureHeader)
	if signed == "" {
		return "no " + v.signatureHeader + " header"
	}
	m := signature.Message{ID: h.Get(idHeader), Body: body}
	dated := strings.Contains(v.scheme.Signed, "{unix}")
	if dated {
		unix, err := strconv.ParseInt(h.Get(v.unixHeader), 10, 64)
		if err != nil {
			return "no " + v.unixHeader + " header with Unix seconds"
		}
		m.Time = time.Unix(unix, 0)
	}
	switch {
	case !v.scheme.Verify(signed, m, v.secret):
		return "another secret or body"
	case dated && now.Sub(m.Time).Abs() > tolerance:
		return "its time is more than 5 minutes off"
	}
	return ""
}

// eventType finds the type in the header or the body that the dialect has it in, "" if it is in neither.
func (v *verifier) eventType(h http.Header, body []byte) string {
	if t := h.Get(v.typeHeader); v.typeHeader != "" && t != "" {
		return t
	}
	if form, err := url.ParseQuery(string(body)); err == nil && form.Has("payload") {
		body = []byte(form.Get("payload"))
	}
	var fields map[string]json.RawMessage
	var t string
	if json.Unmarshal(body, &fields) != nil || json.Unmarshal(fields[v.typeField], &t) != nil {
		return ""
	}
	return t
}
