// Package diagnosis finds out why deliveries fail and what helps. It explains an attempt's error and a webhook's status, and
// goes through checklists with the evidence of a webhook's latest deliveries. Its input is the API's answers, its output
// the texts of a page.
package diagnosis

import (
	"strconv"

	"hookline/shared/api"
	"hookline/shared/console/record"
	"hookline/shared/console/words"
	"hookline/shared/webhook"
)

// Explanation says what a failure means and what to do about it.
type Explanation struct {
	Short     string // for a diagram
	What, Do  string
	Checklist string // the fragment of the checklist that helps
}

// Explain explains an attempt's error.
func Explain(a api.Attempt) Explanation {
	code := record.Code(a)
	switch fault := record.Fault(a); fault {
	case "":
		return Explanation{Short: strconv.Itoa(code), What: "The receiver answered with a success."}
	case webhook.ReasonTimeout:
		if record.Detail(a) == webhook.DetailNoConnection {
			return Explanation{
				"timeout", "No connection could be made within the webhook's timeout.",
				"Check that the server is up and that no firewall drops what comes from us: it was not reached, so its handler is not slow.", notReceiving,
			}
		}
		return Explanation{
			"timeout", "There was no complete answer within the webhook's timeout.",
			"Answer with a success at once and do the work afterwards. If the server was busy or hung, restart it and replay.", timingOut,
		}
	case webhook.ReasonDNS:
		return Explanation{
			"DNS", "The URL's host name does not resolve: public DNS has no address for it, or did not answer.",
			"Look for a typing error in the URL, and check that public DNS, not only your network's own, gives the name a public address. For a server on your own machine or network, use a tunnel with an https URL.", notReceiving,
		}
	case webhook.ReasonConnect:
		switch record.Detail(a) {
		case webhook.DetailConnectionRefused:
			return Explanation{
				"refused", "The server refused the connection: nothing listens on the URL's port.",
				"Start the server, or correct the port in the URL.", notReceiving,
			}
		case webhook.DetailConnectionClosed:
			return Explanation{
				"closed", "The server closed the connection before it answered.",
				"Look into the server's log at this time: it may have crashed, been restarted, or refused the request without an answer.", notReceiving,
			}
		}
		return Explanation{
			"connect", "No connection could be made, or it broke before an answer came.",
			"Check that the server runs, listens on the URL's port, and that no firewall refuses us.", notReceiving,
		}
	case webhook.ReasonTLS:
		what, do := explainTLS(record.Detail(a))
		return Explanation{"TLS", what, do, notReceiving}
	case webhook.ReasonBlockedTarget:
		return Explanation{
			"blocked", "The URL leads to an address or port that is never called: a private or special address, written in it or given by DNS for its host name, this machine's own name, or a port other than those of web servers. Nothing was sent, and your server was not asked.",
			"Use a name or address that the internet can reach, on port 443, and give the name no private address in public DNS; for a server on your own machine, a tunnel with an https URL.", notReceiving,
		}
	case webhook.ReasonRedirect:
		return Explanation{
			strconv.Itoa(code), "The receiver answered with a redirect" + target(a.ResponseHeaders) + ". Redirects are never followed.",
			"Enter the final URL in the webhook. Often it is a missing slash at the end, or http in the place of https.", historyFailures,
		}
	case webhook.ReasonBadResponse:
		return Explanation{
			"no HTTP", "What came back is not an HTTP answer.",
			"Check that the URL's port is a web server's, and that https is not spoken to a port for http.", notReceiving,
		}
	case webhook.ReasonWebhookInactive:
		return Explanation{
			"inactive", "Nothing was sent: the webhook was inactive when the attempt came up.",
			"Make the webhook active, then replay.", notReceiving,
		}
	case webhook.ReasonWebhookDeleted:
		return Explanation{"deleted", "Nothing was sent: the webhook was deleted.", "There is nowhere to send it any more.", notReceiving}
	case webhook.ReasonCancelled:
		return Explanation{"cancelled", "Nothing more was sent: the delivery was cancelled.", "Replay it to send it after all.", historyFailures}
	case webhook.ReasonErased:
		return Explanation{"erased", "Nothing more was sent: the payload of the event was erased.", "It cannot be sent again.", historyFailures}
	case webhook.ReasonBadStatus:
		return badStatus(code)
	}
	return Explanation{string(record.Fault(a)), "The attempt failed: " + string(record.Fault(a)) + ".", "Look into the answer below.", historyFailures}
}

// target returns " to" and the target of a redirect, or "" if that is too long for a sentence.
func target(headers map[string]string) string {
	const most = 300
	if to := headers["Location"]; to != "" && len(to) <= most {
		return " to " + to
	}
	return ""
}

// explainTLS explains why a TLS handshake failed.
func explainTLS(detail webhook.ErrorDetail) (what, do string) {
	switch detail {
	case webhook.DetailCertificateExpired:
		return "The server's certificate has expired.", "Renew it, and have the server load the new one."
	case webhook.DetailCertificateNotYetValid:
		return "The server's certificate is not valid yet.", "Install one that is valid now, or wait until this one is."
	case webhook.DetailCertificateWrongHost:
		return "The server has no certificate for the URL's host name.", "Install one for this name, or use a name in the URL that the certificate is for."
	case webhook.DetailCertificateUnknownCA:
		return "The server's certificate is not signed by a public authority, or its chain is incomplete.",
			"Install a certificate of a public authority with its intermediate certificates; a self-signed one is not enough."
	case webhook.DetailCertificateInvalid:
		return "The server's certificate cannot be used for a web server.", "Install a certificate of a public authority for this host."
	case webhook.DetailClientCertificate:
		return "The server asks for a client certificate, and we send none.", "Take the webhook's path out of that rule: the signature shows who sent the request."
	case webhook.DetailTLSVersion:
		return "The server speaks neither TLS 1.2 nor TLS 1.3.", "Turn one of them on."
	case webhook.DetailHandshakeRefused:
		return "The server refused the TLS handshake or broke it off.", "Check that it has a certificate for this host name, asks for no client certificate and allows current ciphers."
	case webhook.DetailNotTLS:
		return "The server does not speak TLS on the URL's port.", "Use the port that https is served on, or set TLS up on this one."
	}
	return "The TLS handshake failed: the certificate is expired, self-signed, for another name, or its chain is incomplete.",
		"Install a certificate of a public authority for this host, with the intermediate certificates."
}

func badStatus(code int) Explanation {
	e := Explanation{strconv.Itoa(code), "The receiver answered " + words.Status(code) + ", which is no success.", "", historyFailures}
	switch {
	case code == 401 || code == 403:
		e.Do = "It refuses the request: often because the signature was checked with another secret, or over a body that had been parsed."
		e.Checklist = signatureFailing
	case code == 404 || code == 405:
		e.Do = "The server has no such route for POST requests. Compare the URL's path with the route."
	case code == 408 || code == 504:
		e.Do = "The server, or a proxy before it, gave up waiting for your handler. Answer at once and do the work afterwards."
		e.Checklist = timingOut
	case code == 410:
		e.Do = "410 says that nothing is wanted here any more, so the webhook was made inactive. Make it active again if that was not meant."
	case code == 413:
		e.Do = "The server does not take bodies of this size. Raise its limit."
	case code == 429:
		e.Do = "The server asks for fewer requests. Give the webhook a rate limit, or raise the server's."
	case code == 400 || code == 415 || code == 422:
		e.Do = "The handler refused the body. Its answer below often says why; compare what it expects with the body that was sent."
	case code >= 500:
		e.Do = "The handler, or a proxy before it, failed. The server's log at this time says why; replay when it is mended."
	case code >= 200 && code < 300:
		e.Do = "Only a status that the product counts as success ends the retries. Change what the handler answers."
	default:
		e.Do = "Change what the handler answers, or read its answer below for the reason."
	}
	return e
}
