package diagnosis_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hookline/shared/console/consoletest"
	"hookline/shared/webhook"
)

// verdicts returns the results of the checks on a page, by checklist.
func verdicts(p consoletest.Page) map[string]string {
	out := map[string]string{}
	list := ""
	for _, e := range consoletest.Elements(p.Body) {
		if e.Attrs["class"] == "checklist" {
			list = e.Attrs["id"]
		}
		if e.Name == "li" && e.Attrs["class"] != "" {
			out[list] += map[string]string{"good": "✓", "bad": "✗", "unknown": "?"}[e.Attrs["class"]]
		}
	}
	return out
}

func TestTroubleshoot(t *testing.T) {
	type answers struct {
		n    int
		how  func(*webhook.Delivery)
		took time.Duration
	}
	ok := func(d *webhook.Delivery) {
		d.Record(webhook.Attempt{ScheduledAt: d.AcceptedAt, StartedAt: d.AcceptedAt, StatusCode: 200})
	}
	bad := func(code int) func(*webhook.Delivery) { return consoletest.Failing(webhook.ReasonBadStatus, code) }
	const ms = time.Millisecond
	tests := map[string]struct {
		fields    string
		newest    []answers // the newest first
		receiving string    // active, events, URL, success
		signature string    // secret, compared, raw, HMAC
		timeouts  string    // in time, long, load
		failures  string    // running, success, logs
		says      []string
	}{
		"nothing yet":   {`"name":"x"`, nil, "✓✓??", "????", "???", "???", []string{"Nothing was sent to this webhook yet", "It takes every event of Standard Webhooks"}},
		"all well":      {`"name":"x"`, []answers{{100, ok, 40 * ms}}, "✓✓✓✓", "✓???", "✓✓✓", "✓✓?", []string{"100 of the last 100 requests succeeded", "95 % at most 40 ms; the timeout is 15 s"}},
		"inactive":      {`"active":false`, []answers{{1, consoletest.Failing(webhook.ReasonWebhookInactive, 0), 0}}, "✗✓??", "????", "???", "???", []string{"It is inactive"}},
		"filtered":      {`"filter":{"n":[1]}`, []answers{{1, ok, ms}}, "✓?✓✓", "✓???", "✓✓✓", "✓✓?", []string{"Its filter lets only some of them pass"}},
		"refused":       {`"name":"x"`, []answers{{3, bad(401), ms}, {3, ok, ms}}, "✓✓✓✗", "✗???", "✓✓✓", "✓✗?", []string{"3 of the last 6 requests were answered with 401 or 403", "401 (3×)"}},
		"once refused":  {`"name":"x"`, []answers{{20, ok, ms}, {1, bad(403), ms}}, "✓✓✓✓", "✓???", "✓✓✓", "✓✓?", []string{"Only 1 of the last 21"}},
		"gone":          {`"name":"x"`, []answers{{1, consoletest.Failing(webhook.ReasonDNS, 0), ms}, {30, ok, ms}}, "✓✓✗✗", "✓???", "✓✓✓", "✗✗?", []string{"host name does not resolve", "30 of the last 31"}},
		"failing":       {`"name":"x"`, []answers{{2, bad(500), ms}}, "✓✓✓✗", "????", "✓✓✓", "✓✗✗", []string{"2 of the last 2 requests were answered with a server error"}},
		"recovered":     {`"name":"x"`, []answers{{20, ok, ms}, {2, bad(500), ms}}, "✓✓✓✓", "✓???", "✓✓✓", "✓✓?", []string{"20 of the last 22", "500 (2×)", "2 of the last 22 answers were server errors"}},
		"timing out":    {`"name":"x"`, []answers{{2, consoletest.Failing(webhook.ReasonTimeout, 0), 15000 * ms}, {2, ok, 100 * ms}}, "✓✓✓✗", "✓???", "✗✓✗", "✓✗?", []string{"2 of the last 4 requests timed out", "Half of the last 4 requests took at most 100 ms, 95 % at most 15.0 s"}},
		"slow":          {`"timeout_seconds":10`, []answers{{5, ok, 4000 * ms}}, "✓✓✓✓", "✓???", "✓✗✓", "✓✓?", []string{"Server responds within 10 seconds"}},
		"busy":          {`"name":"x"`, []answers{{1, ok, ms}, {4, bad(503), ms}}, "✓✓✓✗", "✓???", "✓✓✗", "✓✗✗", []string{"429 or 503"}},
		"a chat":        {`"format":"slack"`, []answers{{1, bad(403), ms}}, "✓✓✓✗", "✓✓✓✓", "✓✓✓", "✓✗?", []string{"carry no signature"}},
		"only the last": {`"name":"x"`, []answers{{100, ok, ms}, {100, bad(500), ms}}, "✓✓✓✓", "✓???", "✓✓✓", "✓✓?", []string{"100 of the last 100"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := consoletest.New(t)
			key := w.Tenant("acme", "standard")
			id := w.Webhook(key, tt.fields)
			at := consoletest.Began().Add(time.Hour)
			for _, a := range tt.newest {
				for range a.n {
					at = at.Add(-time.Second)
					w.Delivered(id, "evt_"+at.Format("150405"), at, func(d *webhook.Delivery) {
						if a.how(d); d.LastAttempt().Error == "" {
							d.Status = webhook.Succeeded
						}
						d.Attempts[0].Duration = a.took
					})
				}
			}
			b := w.Browser(key)
			p := b.Get("/console/webhooks/" + id + "/troubleshoot").Is(200).Has(tt.says...)
			want := map[string]string{"not-receiving": tt.receiving, "signature-failing": tt.signature, "timing-out": tt.timeouts, "history-failures": tt.failures}
			if diff := cmp.Diff(want, verdicts(p)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			for _, e := range consoletest.Elements(p.Body) {
				if href := e.Attrs["href"]; strings.HasPrefix(href, "/console/deliveries/") {
					b.Get(href).Is(200).Has("Failed")
				}
			}
		})
	}
}

func TestTroubleshootWords(t *testing.T) {
	w := consoletest.New(t)
	key := w.Tenant("acme", "axiestudio")
	w.Browser(key).Get("/console/webhooks/"+w.Webhook(key)+"/troubleshoot").Is(200).Has(
		"Webhook Not Receiving Events", "Webhook is active (not disabled)", "Events are selected correctly", "URL is correct and accessible", "Server is responding with 200 OK",
		"Test webhook using &#34;Test&#34; button", "Check delivery history for errors", "Verify your server is accessible from internet",
		"Webhook Signature Verification Failing", "Using correct webhook secret", "Comparing signatures correctly", "Using raw request body (not parsed)", "HMAC-SHA256 algorithm",
		"Copy webhook secret again (use &#34;Rotate Secret&#34; if needed)", "Verify your verification code matches examples", "Check that you&#39;re using the raw body, not parsed JSON",
		"Webhooks Timing Out", "Server responds within 30 seconds", "No long-running operations in webhook handler", "Server is not overloaded",
		"Process webhooks asynchronously", "Return 200 OK immediately", "Do heavy processing in background job",
		"Delivery History Shows Failures", "Server is running and accessible", "Server returns 200 OK", "No errors in server logs",
		"Check server logs for errors", "Fix any issues in your webhook handler", "Replay failed deliveries after fixing",
		"X-Webhook-Signature", "JSON.stringify",
	)
}

// TestExplained shows that every error and every status is explained.
func TestExplained(t *testing.T) {
	w := consoletest.New(t)
	key := w.Tenant("acme", "standard")
	id := w.Webhook(key)
	b := w.Browser(key)
	at := consoletest.Began()
	for i, fault := range []webhook.AttemptError{
		webhook.ReasonTimeout, webhook.ReasonDNS, webhook.ReasonConnect, webhook.ReasonTLS, webhook.ReasonBlockedTarget, webhook.ReasonRedirect, webhook.ReasonBadStatus,
		webhook.ReasonBadResponse, webhook.ReasonWebhookInactive, webhook.ReasonWebhookDeleted,
	} {
		codes := []int{0}
		switch fault {
		case webhook.ReasonRedirect:
			codes = []int{301, 302, 308}
		case webhook.ReasonBadStatus:
			codes = []int{201, 400, 401, 403, 404, 405, 408, 410, 413, 418, 422, 429, 500, 502, 503, 504, 599}
		}
		for _, code := range codes {
			d := w.Delivered(id, fmt.Sprintf("evt_%d_%d", i, code), at, consoletest.Failing(fault, code))
			p := b.Get("/console/deliveries/" + d).Is(200).Lacks("The attempt failed: ")
			m := regexp.MustCompile(`<div class="why"><p><strong>([^<]+)</strong></p><p>([^<]+)</p></div>`).FindStringSubmatch(p.Body)
			if m == nil || code != 0 && !strings.Contains(p.Body, fmt.Sprint(code)) {
				t.Errorf("%s %d: got %s, want what it means and what to do", fault, code, p.Body)
			}
		}
	}
}

// why changes a delivery into one whose attempt failed with an error and its detail.
func why(fault webhook.AttemptError, detail webhook.ErrorDetail) func(*webhook.Delivery) {
	return func(d *webhook.Delivery) {
		consoletest.Failing(fault, 0)(d)
		d.Attempts[0].ErrorDetail = detail
	}
}

// TestDetails shows that each detail of an error has an explanation of its own, on the page of the delivery and in the
// troubleshooting.
func TestDetails(t *testing.T) {
	w := consoletest.New(t)
	key := w.Tenant("acme", "standard")
	b := w.Browser(key)
	seen := make(map[string]webhook.ErrorDetail)
	for detail, fault := range map[webhook.ErrorDetail]webhook.AttemptError{
		webhook.DetailCertificateExpired: webhook.ReasonTLS, webhook.DetailCertificateNotYetValid: webhook.ReasonTLS, webhook.DetailCertificateWrongHost: webhook.ReasonTLS,
		webhook.DetailCertificateUnknownCA: webhook.ReasonTLS, webhook.DetailCertificateInvalid: webhook.ReasonTLS, webhook.DetailClientCertificate: webhook.ReasonTLS,
		webhook.DetailTLSVersion: webhook.ReasonTLS, webhook.DetailHandshakeRefused: webhook.ReasonTLS, webhook.DetailNotTLS: webhook.ReasonTLS,
		webhook.DetailConnectionRefused: webhook.ReasonConnect, webhook.DetailConnectionClosed: webhook.ReasonConnect,
		webhook.DetailNoConnection: webhook.ReasonTimeout, webhook.DetailNoAnswer: webhook.ReasonTimeout, "": webhook.ReasonTLS,
	} {
		id := w.Webhook(key)
		p := b.Get("/console/deliveries/" + w.Delivered(id, "evt_1", consoletest.Began(), why(fault, detail))).Is(200)
		_, rest, _ := strings.Cut(p.Body, `<div class="why"><p><strong>`)
		said, _, ok := strings.Cut(rest, "</strong>")
		if other, there := seen[said]; there || !ok || said == "" {
			t.Errorf("%s: got %q, want words that %q does not have", detail, said, other)
		}
		seen[said] = detail
		if detail != "" {
			p.Has(string(fault) + " · " + string(detail))
		}
		if fault != webhook.ReasonTimeout { // a time-out has a checklist of its own
			b.Get("/console/webhooks/" + id + "/troubleshoot").Is(200).Has(said)
		}
	}
	for said, detail := range seen {
		if detail != "" && detail != webhook.DetailCertificateExpired && strings.Contains(said, "expired") {
			t.Errorf("%s: %q guesses", detail, said)
		}
	}
}
