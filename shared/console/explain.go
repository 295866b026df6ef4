package console

import (
	"net/http"
	"strconv"

	"hookline/shared/webhook"
)

// explanation says what a failure means, what to do about it, and which checklist of the troubleshooting helps.
type explanation struct {
	Short     string // for a diagram
	What, Do  string
	Checklist string // its fragment
}

// The checklists of the troubleshooting, as fragments.
const (
	notReceiving     = "not-receiving"
	signatureFailing = "signature-failing"
	timingOut        = "timing-out"
	historyFailures  = "history-failures"
)

// explain puts an attempt's error into plain words; code is the answer's status, 0 without an answer.
func explain(fault webhook.AttemptError, code int) explanation {
	switch fault {
	case "":
		return explanation{Short: strconv.Itoa(code), What: "The receiver answered with a success."}
	case webhook.ErrTimeout:
		return explanation{
			"timeout", "There was no complete answer within the webhook's timeout.",
			"Answer with a success at once and do the work afterwards. If the server was busy or hung, restart it and replay.", timingOut,
		}
	case webhook.ErrDNS:
		return explanation{
			"DNS", "The URL's host name does not resolve to a public address: DNS has no address for it, or only ones of a private network, which are never called.",
			"Look for a typing error in the URL, and check that public DNS, not only your network's own, gives the name a public address. For a server on your own machine or network, use a tunnel with an https URL.", notReceiving,
		}
	case webhook.ErrConnect:
		return explanation{
			"connect", "No connection could be made, or it broke before an answer came.",
			"Check that the server runs, listens on the URL's port, and that no firewall refuses us.", notReceiving,
		}
	case webhook.ErrTLS:
		return explanation{
			"TLS", "The TLS handshake failed: the certificate is expired, self-signed, for another name, or its chain is incomplete.",
			"Install a certificate of a public authority for this host, with the intermediate certificates.", notReceiving,
		}
	case webhook.ErrBlockedTarget:
		return explanation{
			"blocked", "The URL has an address or port that is never called: a private or special address, this machine's own name, or a port other than those of web servers. Nothing was sent, and your server was not asked.",
			"Use a name or address that the internet can reach, on port 443; for a server on your own machine, a tunnel with an https URL.", notReceiving,
		}
	case webhook.ErrRedirect:
		return explanation{
			strconv.Itoa(code), "The receiver answered with a redirect. Redirects are never followed.",
			"Enter the final URL in the webhook. Often it is a missing slash at the end, or http in the place of https.", historyFailures,
		}
	case webhook.ErrBadResponse:
		return explanation{
			"no HTTP", "What came back is not an HTTP answer.",
			"Check that the URL's port is a web server's, and that https is not spoken to a port for http.", notReceiving,
		}
	case webhook.ErrWebhookInactive:
		return explanation{
			"inactive", "Nothing was sent: the webhook was inactive when the attempt came up.",
			"Make the webhook active, then replay.", notReceiving,
		}
	case webhook.ErrWebhookDeleted:
		return explanation{"deleted", "Nothing was sent: the webhook was deleted.", "There is nowhere to send it any more.", notReceiving}
	case webhook.ErrBadStatus:
		return badStatus(code)
	}
	return explanation{string(fault), "The attempt failed: " + string(fault) + ".", "Look into the answer below.", historyFailures}
}

func badStatus(code int) explanation {
	e := explanation{strconv.Itoa(code), "The receiver answered " + strconv.Itoa(code) + ", which is no success.", "", historyFailures}
	if text := http.StatusText(code); text != "" {
		e.What = "The receiver answered " + strconv.Itoa(code) + " " + text + ", which is no success."
	}
	switch {
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		e.Do = "It refuses the request: often because the signature was checked with another secret, or over a body that had been parsed."
		e.Checklist = signatureFailing
	case code == http.StatusNotFound || code == http.StatusMethodNotAllowed:
		e.Do = "The server has no such route for POST requests. Compare the URL's path with the route."
	case code == http.StatusRequestTimeout || code == http.StatusGatewayTimeout:
		e.Do = "The server, or a proxy before it, gave up waiting for your handler. Answer at once and do the work afterwards."
		e.Checklist = timingOut
	case code == http.StatusGone:
		e.Do = "410 says that nothing is wanted here any more, so the webhook was made inactive. Make it active again if that was not meant."
	case code == http.StatusRequestEntityTooLarge:
		e.Do = "The server does not take bodies of this size. Raise its limit."
	case code == http.StatusTooManyRequests:
		e.Do = "The server asks for fewer requests. Give the webhook a rate limit, or raise the server's."
	case code == http.StatusBadRequest || code == http.StatusUnsupportedMediaType || code == http.StatusUnprocessableEntity:
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
