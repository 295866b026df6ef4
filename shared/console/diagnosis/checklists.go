package diagnosis

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"hookline/shared/console/record"
	"hookline/shared/console/words"
	"hookline/shared/dialect"
	"hookline/shared/format"
	"hookline/shared/signature"
	"hookline/shared/webhook"
)

// The checklists, as fragments of the troubleshooting page's address.
const (
	notReceiving     = "not-receiving"
	signatureFailing = "signature-failing"
	timingOut        = "timing-out"
	historyFailures  = "history-failures"
)

// The states of a check.
const (
	checkGood    = "good"
	checkBad     = "bad"
	checkUnknown = "unknown" // the evidence does not tell
)

// Checklist is a list of checks for one kind of trouble, with their results for one webhook, and of remedies.
type Checklist struct {
	ID, Title string
	Checks    []Check
	Remedies  []Remedy
}

// Check is one check with its result.
type Check struct {
	Text, State, Found string
	Delivery           string // the id of a delivery that shows it, "" for none
}

// Remedy is one thing to do, with a link to the page for it.
type Remedy struct {
	Text        string
	Label, Href string // "" for no link
	Dialog      bool
}

// Bad counts the checks that found something wrong.
func (l *Checklist) Bad() int {
	n := 0
	for _, c := range l.Checks {
		if c.State == checkBad {
			n++
		}
	}
	return n
}

// Checklists goes through the four checklists for a webhook.
func Checklists(d *dialect.Dialect, w record.Webhook, e Evidence) []Checklist {
	words, at := d.Words, "/console/webhooks/"+url.PathEscape(w.ID)
	test := Remedy{words["solve_test"], words["test"], at + "/test", true}
	history := Remedy{words["solve_history"], words["history"], at + "/deliveries?status=failed", false}
	edit := Remedy{words["solve_reach"], words["edit"], at + "/edit", true}
	rotate := Remedy{words["solve_secret"], words["rotate"], at + "/rotate-secret", true}
	replay := Remedy{words["solve_replay"], words["replay"], at + "/replay", true}
	text := func(name string) Remedy { return Remedy{Text: words[name]} }
	return []Checklist{
		{notReceiving, words["not_receiving"], []Check{
			checkActive(words["check_active"], w), checkEvents(words["check_events"], d, w),
			e.reached(words["check_url"]), e.succeeds(words["check_success"]),
		}, []Remedy{test, history, edit}},
		{signatureFailing, words["signature_failing"], e.signature(d, w), []Remedy{rotate, text("solve_examples"), text("solve_raw")}},
		{timingOut, words["timing_out"], e.speed(words, w), []Remedy{text("solve_async"), text("solve_at_once"), text("solve_background")}},
		{historyFailures, words["history_failures"], []Check{
			e.reached(words["check_running"]), e.succeeds(words["check_returns"]), e.errors(words["check_logs"]),
		}, []Remedy{{words["solve_logs"], words["history"], history.Href, false}, text("solve_handler"), replay}},
	}
}

func checkActive(text string, w record.Webhook) Check {
	switch w.Status {
	case webhook.Active:
		return Check{Text: text, State: checkGood, Found: "It is active."}
	case webhook.Failing:
		return Check{Text: text, State: checkGood, Found: "It is active, and gets events, but counts as failing until the first success."}
	}
	return Check{Text: text, State: checkBad, Found: "It is inactive: no event is sent to it, and what was queued fails."}
}

func checkEvents(text string, d *dialect.Dialect, w record.Webhook) Check {
	c := Check{Text: text, State: checkGood, Found: "It takes " + strings.Join(w.Events, ", ") + "."}
	if slices.Contains(w.Events, "*") {
		c.Found = "It takes every event of " + d.Product + "."
	}
	if w.Filtered() {
		c.State = checkUnknown
		c.Found += " Its filter lets only some of them pass: look at an event to see whether it did."
	}
	return c
}

// unknown returns the check's result if there is no evidence at all.
func (e Evidence) unknown(text string) (Check, bool) {
	switch {
	case !e.Known:
		return Check{Text: text, State: checkUnknown, Found: "Your key does not allow to read deliveries."}, true
	case e.Sent == 0:
		return Check{Text: text, State: checkUnknown, Found: "Nothing was sent to it yet. Send a test to find out."}, true
	}
	return Check{Text: text, State: checkGood}, false
}

func (e Evidence) reached(text string) Check {
	c, none := e.unknown(text)
	if none {
		return c
	}
	c.Found = fmt.Sprintf("It could be reached in %d of the last %d requests.", e.Sent-e.unreached, e.Sent)
	last := e.last
	if e.often(e.unreached, record.Code(last) == 0 && last.Error != nil && record.Fault(last) != webhook.ReasonTimeout) {
		c.State, c.Delivery = checkBad, e.examples[notReceiving]
		for _, fault := range []webhook.AttemptError{webhook.ReasonDNS, webhook.ReasonConnect, webhook.ReasonTLS, webhook.ReasonBlockedTarget, webhook.ReasonBadResponse} {
			if newest, ok := e.newest[fault]; ok {
				why := Explain(newest)
				c.Found += " " + why.What + " " + why.Do
				break
			}
		}
	} else if e.timeouts == e.Sent {
		c.State, c.Found = checkUnknown, "A connection was made, or tried, but no answer came in time."
	}
	return c
}

func (e Evidence) succeeds(text string) Check {
	c, none := e.unknown(text)
	if none {
		return c
	}
	c.Found = fmt.Sprintf("%d of the last %d requests succeeded.", e.succeeded, e.Sent)
	if said := e.answers(); said != "" {
		c.Found += " Answered: " + said + "."
	}
	if e.often(e.Sent-e.succeeded, e.last.Error != nil) {
		c.State, c.Delivery = checkBad, e.examples["failed"]
		if e.last.Error != nil {
			c.Found += " The last: " + Explain(e.last).What
		}
	}
	return c
}

func (e Evidence) errors(text string) Check {
	c, none := e.unknown(text)
	if none {
		return c
	}
	if e.often(e.errored, record.Code(e.last) >= 500) {
		c.State, c.Delivery = checkBad, e.examples[historyFailures]
		c.Found = fmt.Sprintf("%d of the last %d requests were answered with a server error (5xx). The log at the time of each says why.", e.errored, e.Sent)
		return c
	}
	c.State, c.Found = checkUnknown, "Your logs cannot be read from here. None of the last answers was a server error (5xx)."
	if e.errored > 0 {
		c.Found = fmt.Sprintf("Your logs cannot be read from here. %d of the last %d answers were server errors (5xx).", e.errored, e.Sent)
	}
	return c
}

func (e Evidence) signature(d *dialect.Dialect, w record.Webhook) []Check {
	secret := Check{Text: d.Words["check_secret"]}
	compare := Check{Text: d.Words["check_compare"], State: checkUnknown}
	raw := Check{Text: d.Words["check_raw"], State: checkUnknown}
	hmac := Check{Text: d.Words["check_hmac"], State: checkUnknown}
	if !format.Of(w.Format).Signed() {
		const unsigned = "Messages in this format carry no signature: there is nothing to verify."
		for _, c := range []*Check{&secret, &compare, &raw, &hmac} {
			c.State, c.Found = checkGood, unsigned
		}
		return []Check{secret, compare, raw, hmac}
	}
	verify := d.Verification()
	scheme := verify.Scheme
	if c, none := e.unknown(secret.Text); none {
		secret = c
	} else if last := record.Code(e.last); e.often(e.refused, last == 401 || last == 403) {
		secret.State, secret.Delivery = checkBad, e.examples[signatureFailing]
		secret.Found = fmt.Sprintf("%d of the last %d requests were answered with 401 or 403: that is how most receivers refuse a signature.", e.refused, e.Sent)
	} else if e.succeeded > 0 {
		secret.State = checkGood
		secret.Found = fmt.Sprintf("None of the last %d requests was refused with 401 or 403.", e.Sent)
		if e.refused > 0 {
			secret.Found = fmt.Sprintf("Only %d of the last %d requests were refused with 401 or 403.", e.refused, e.Sent)
		}
	} else {
		secret.State, secret.Found = checkUnknown, "No request has succeeded yet, and none was refused with 401 or 403."
	}
	compare.Found = "The header " + verify.Header() + " holds the signature in " + string(scheme.Encoding) + "; compare in constant time."
	if scheme.Prefix != "" {
		compare.Found = "The header " + verify.Header() + " holds " + scheme.Prefix + " and directly after it the signature in " + string(scheme.Encoding) + "; compare in constant time."
	}
	raw.Found = "What is signed is the body, its bytes as they came, before any parsing."
	if scheme.Signed != "{body}" {
		raw.Found = "What is signed is " + strings.NewReplacer("{", "", "}", "", "unix", "timestamp").Replace(scheme.Signed) + ": of the body the bytes as they came, before any parsing."
	}
	if verify.ECMAScript {
		raw.Found += " JSON.stringify of the parsed body makes the same bytes again, in JavaScript."
	}
	hmac.Found = "The signature is an HMAC-SHA256, its key the secret as you copied it."
	if scheme.Key.Encoding == signature.Base64 {
		hmac.Found = "The signature is an HMAC-SHA256, its key the bytes that the base64 after " + scheme.Key.Prefix + " stands for."
	}
	return []Check{secret, compare, raw, hmac}
}

func (e Evidence) speed(labels map[string]string, w record.Webhook) []Check {
	limit := int64(w.TimeoutSeconds) * 1000
	p50, p95 := e.percentile(50), e.percentile(95)
	found := fmt.Sprintf("Half of the last %d requests took at most %s, 95 %% at most %s; the timeout is %d s.", e.Sent, words.Took(p50), words.Took(p95), w.TimeoutSeconds)

	inTime, none := e.unknown(strings.ReplaceAll(labels["check_timeout"], "{seconds}", strconv.Itoa(w.TimeoutSeconds)))
	if !none {
		inTime.Found = found
		if e.often(e.timeouts, record.Fault(e.last) == webhook.ReasonTimeout) {
			inTime.State, inTime.Delivery = checkBad, e.examples[timingOut]
			inTime.Found = fmt.Sprintf("%d of the last %d requests timed out. %s", e.timeouts, e.Sent, found)
		}
	}
	long, none := e.unknown(labels["check_long"])
	switch {
	case none:
	case p50*5 > limit:
		long.State, long.Found = checkBad, "Half of the requests take longer than a fifth of the timeout: something runs in the handler that could run after its answer."
	default:
		long.Found = "Half of the requests are answered within " + words.Took(p50) + "."
	}
	load, none := e.unknown(labels["check_load"])
	busy := e.statuses[429] + e.statuses[503]
	switch {
	case none:
	case e.often(busy, false):
		load.State, load.Found = checkBad, fmt.Sprintf("%d of the last %d requests were answered with 429 or 503.", busy, e.Sent)
	case p95*2 > limit && p95 > 5*p50:
		load.State, load.Found = checkBad, "Some requests take far longer than most: at times the server is busy."
	default:
		load.Found = "The slowest answers are not far from the others, and it seldom says that it is busy."
	}
	return []Check{inTime, long, load}
}
