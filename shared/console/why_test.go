package console_test

import (
	"strings"
	"testing"

	"hookline/shared/egress"
	"hookline/shared/webhook"
)

// why has an attempt fail for a reason that is known more closely.
func why(fault webhook.AttemptError, detail webhook.ErrorDetail) func(*webhook.Delivery) {
	return func(d *webhook.Delivery) {
		failing(fault, 0)(d)
		d.Attempts[0].ErrorDetail = detail
	}
}

// Each detail of an error has its own words, on the page of the delivery and in the troubleshooting.
func TestDetails(t *testing.T) {
	w := newWorld(t)
	key := w.tenant("acme", "standard")
	b := w.browser(key)
	seen := make(map[string]webhook.ErrorDetail)
	for detail, fault := range map[webhook.ErrorDetail]webhook.AttemptError{
		webhook.DetailCertificateExpired: webhook.ErrTLS, webhook.DetailCertificateNotYetValid: webhook.ErrTLS, webhook.DetailCertificateWrongHost: webhook.ErrTLS,
		webhook.DetailCertificateUnknownCA: webhook.ErrTLS, webhook.DetailCertificateInvalid: webhook.ErrTLS, webhook.DetailClientCertificate: webhook.ErrTLS,
		webhook.DetailTLSVersion: webhook.ErrTLS, webhook.DetailHandshakeRefused: webhook.ErrTLS, webhook.DetailNotTLS: webhook.ErrTLS,
		webhook.DetailConnectionRefused: webhook.ErrConnect, webhook.DetailConnectionClosed: webhook.ErrConnect,
		webhook.DetailNoConnection: webhook.ErrTimeout, webhook.DetailNoAnswer: webhook.ErrTimeout, "": webhook.ErrTLS,
	} {
		id := w.webhook(key)
		p := b.get("/console/deliveries/" + w.delivered(id, "evt_1", began(), why(fault, detail))).is(200)
		_, rest, _ := strings.Cut(p.body, `<div class="why"><p><strong>`)
		said, _, ok := strings.Cut(rest, "</strong>")
		if other, there := seen[said]; there || !ok || said == "" {
			t.Errorf("%s: got %q, want words that %q does not have", detail, said, other)
		}
		seen[said] = detail
		if detail != "" {
			p.has(string(fault) + " · " + string(detail))
		}
		if fault != webhook.ErrTimeout { // a time-out has a checklist of its own
			b.get("/console/webhooks/" + id + "/troubleshoot").is(200).has(said)
		}
	}
	for said, detail := range seen {
		if detail != "" && detail != webhook.DetailCertificateExpired && strings.Contains(said, "expired") {
			t.Errorf("%s: %q guesses", detail, said)
		}
	}
}

// What a receiver answers is shown as text.
func TestResponseHeaders(t *testing.T) {
	w := newWorld(t)
	key := w.tenant("acme", "standard")
	id := w.webhook(key)
	headers := map[string]string{"Location": "https://example.com/<b>/", "Server": "<script>alert(1)</script>"}
	d := w.delivered(id, "evt_1", began(), func(d *webhook.Delivery) {
		failing(webhook.ErrRedirect, 308)(d)
		d.Attempts[0].ResponseHeaders = headers
	})
	b := w.browser(key)
	b.get("/console/deliveries/"+d).is(200).lacks("<script>alert", "example.com/<b>").has(
		"The receiver answered with a redirect to https://example.com/&lt;b&gt;/. Redirects are never followed.", "Response headers <small>2</small>",
		"<code>Server</code>", "&lt;script&gt;alert(1)&lt;/script&gt;",
	)

	w.answer = egress.Response{Status: 308, Err: webhook.ErrRedirect, Headers: headers}
	b.post("/console/webhooks/"+id+"/test", nil).is(200).lacks("<script>alert").has(
		"redirect to https://example.com/&lt;b&gt;/.", "Server: &lt;script&gt;alert(1)&lt;/script&gt;",
	)
	w.answer = egress.Response{Err: webhook.ErrTLS, ErrDetail: webhook.DetailCertificateExpired}
	b.post("/console/webhooks/"+id+"/test", nil).is(200).lacks("Response headers").has("tls · certificate_expired", "has expired")
}
