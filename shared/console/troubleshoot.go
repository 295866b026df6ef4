package console

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"hookline/shared/dialect"
	"hookline/shared/format"
	"hookline/shared/webhook"
)

// What a check found.
const (
	checkGood    = "good"
	checkBad     = "bad"
	checkUnknown = "unknown" // it cannot be told from here
)

// check is a line of a checklist with what was found.
type check struct {
	Text, State, Found string
	Delivery           string // the id of one that shows it, "" for none
}

// remedy is a line of a checklist's solution, with what does it.
type remedy struct {
	Text        string
	Label, Href string // of a link, "" for none
	Dialog      bool
}

type checklist struct {
	ID, Title string
	Checks    []check
	Remedies  []remedy
}

// Bad counts what is wrong.
func (l checklist) Bad() int {
	n := 0
	for _, c := range l.Checks {
		if c.State == checkBad {
			n++
		}
	}
	return n
}

// troubleshootPage is four checklists, answered for one webhook.
type troubleshootPage struct {
	Webhook  webhookView
	Evidence evidence
	Lists    []checklist
}

// evidence is what a webhook's latest deliveries show. Of each delivery it is the last attempt that counts.
type evidence struct {
	Known                                 bool // deliveries could be read
	Seen                                  int  // deliveries
	Sent, Answered, Succeeded             int  // attempts
	Timeouts, Unreached, Refused, Errored int  // of those sent: no answer in time; no connection; 401 or 403; 5xx
	Statuses                              map[int]int
	Faults                                map[webhook.AttemptError]int
	Newest                                map[webhook.AttemptError]attemptView // of each fault
	Last                                  *deliveryView                        // the newest that was sent
	of                                    map[string]string
	took                                  []int64
}

// seenDeliveries is how many of the latest deliveries count.
const seenDeliveries = 100

// gather reads the evidence from deliveries, the newest first.
func gather(ds []deliveryView) evidence {
	e := evidence{Known: true, Seen: len(ds), Statuses: map[int]int{}, Faults: map[webhook.AttemptError]int{}, Newest: map[webhook.AttemptError]attemptView{}, of: map[string]string{}}
	shows := func(what string, d deliveryView) int {
		if e.of[what] == "" {
			e.of[what] = d.ID
		}
		return 1
	}
	for i, d := range ds {
		a := d.LastAttempt
		if a == nil || !a.Sent() {
			continue
		}
		if e.Sent++; e.Last == nil {
			e.Last = &ds[i]
		}
		e.took = append(e.took, a.DurationMS)
		if a.Error == nil {
			e.Succeeded++
		} else {
			if e.Faults[a.Fault()] += shows("failed", d); e.Faults[a.Fault()] == 1 {
				e.Newest[a.Fault()] = *a
			}
		}
		if code := a.Code(); code != 0 {
			e.Answered++
			e.Statuses[code]++
		}
		switch fault := a.Fault(); {
		case fault == webhook.ErrTimeout:
			e.Timeouts += shows(timingOut, d)
		case fault != "" && a.Code() == 0:
			e.Unreached += shows(notReceiving, d)
		case a.Code() == http.StatusUnauthorized || a.Code() == http.StatusForbidden:
			e.Refused += shows(signatureFailing, d)
		case a.Code() >= http.StatusInternalServerError:
			e.Errored += shows(historyFailures, d)
		}
	}
	slices.Sort(e.took)
	return e
}

// Failed is how many attempts failed.
func (e evidence) Failed() int { return e.Sent - e.Succeeded }

// Percentile returns how long p percent of the requests took at most, in milliseconds.
func (e evidence) Percentile(p int) int64 {
	if len(e.took) == 0 {
		return 0
	}
	return e.took[max(0, (len(e.took)*p+99)/100-1)]
}

// often reports whether n of the requests is more than chance: a tenth of them, or what happened last.
func (e evidence) often(n int, last bool) bool { return n > 0 && (last || n*10 >= e.Sent) }

func (e evidence) last() attemptView {
	if e.Last == nil {
		return attemptView{}
	}
	return *e.Last.LastAttempt
}

// statuses lists what was answered, the most frequent first.
func (e evidence) statuses() string {
	codes := slices.SortedFunc(maps.Keys(e.Statuses), func(a, b int) int { return cmp.Or(e.Statuses[b]-e.Statuses[a], a-b) })
	var out []string
	for _, code := range codes[:min(len(codes), 5)] {
		out = append(out, fmt.Sprintf("%d (%d×)", code, e.Statuses[code]))
	}
	return strings.Join(out, ", ")
}

func (v *visit) troubleshoot() {
	path := "/v1/webhooks/" + url.PathEscape(v.r.PathValue("id"))
	var p troubleshootPage
	if err := v.get(path, nil, &p.Webhook); err != nil {
		v.failed(err)
		return
	}
	if v.key.Grants("deliveries:read") {
		var l list[deliveryView]
		if err := v.get(path+"/deliveries", url.Values{"limit": {strconv.Itoa(seenDeliveries)}}, &l); err != nil {
			v.failed(err)
			return
		}
		p.Evidence = gather(l.Data)
	}
	p.Lists = diagnose(v.dialect, p.Webhook, p.Evidence)
	v.show(http.StatusOK, "troubleshoot", "panel", "webhooks", v.dialect.Words["troubleshooting"]+" · "+p.Webhook.Label(), p)
}

// diagnose goes through the four checklists.
func diagnose(d *dialect.Dialect, w webhookView, e evidence) []checklist {
	words, at := d.Words, "/console/webhooks/"+url.PathEscape(w.ID)
	test := remedy{words["solve_test"], words["test"], at + "/test", true}
	history := remedy{words["solve_history"], words["history"], at + "/deliveries?status=failed", false}
	edit := remedy{words["solve_reach"], words["edit"], at + "/edit", true}
	rotate := remedy{words["solve_secret"], words["rotate"], at + "/rotate-secret", true}
	replay := remedy{words["solve_replay"], words["replay"], at + "/replay", true}
	text := func(name string) remedy { return remedy{Text: words[name]} }
	return []checklist{
		{notReceiving, words["not_receiving"], []check{
			checkActive(words["check_active"], w), checkEvents(words["check_events"], d, w),
			e.reached(words["check_url"]), e.succeeds(words["check_success"]),
		}, []remedy{test, history, edit}},
		{signatureFailing, words["signature_failing"], e.signature(d, w), []remedy{rotate, text("solve_examples"), text("solve_raw")}},
		{timingOut, words["timing_out"], e.speed(words, w), []remedy{text("solve_async"), text("solve_at_once"), text("solve_background")}},
		{historyFailures, words["history_failures"], []check{
			e.reached(words["check_running"]), e.succeeds(words["check_returns"]), e.errors(words["check_logs"]),
		}, []remedy{{words["solve_logs"], words["history"], history.Href, false}, text("solve_handler"), replay}},
	}
}

func checkActive(text string, w webhookView) check {
	switch w.Status {
	case webhook.Active:
		return check{Text: text, State: checkGood, Found: "It is active."}
	case webhook.Failing:
		return check{Text: text, State: checkGood, Found: "It is active, and gets events, but counts as failing until the first success."}
	}
	return check{Text: text, State: checkBad, Found: "It is inactive: no event is sent to it, and what was queued fails."}
}

func checkEvents(text string, d *dialect.Dialect, w webhookView) check {
	c := check{Text: text, State: checkGood, Found: "It takes " + strings.Join(w.Events, ", ") + "."}
	if slices.Contains(w.Events, "*") {
		c.Found = "It takes every event of " + d.Product + "."
	}
	if w.Filtered() {
		c.State = checkUnknown
		c.Found += " Its filter lets only some of them pass: look at an event to see whether it did."
	}
	return c
}

// none is what is said as long as there is nothing to say it from.
func (e evidence) none(text string) (check, bool) {
	switch {
	case !e.Known:
		return check{Text: text, State: checkUnknown, Found: "Your key does not allow to read deliveries."}, true
	case e.Sent == 0:
		return check{Text: text, State: checkUnknown, Found: "Nothing was sent to it yet. Send a test to find out."}, true
	}
	return check{Text: text, State: checkGood}, false
}

func (e evidence) reached(text string) check {
	c, none := e.none(text)
	if none {
		return c
	}
	c.Found = fmt.Sprintf("It could be reached in %d of the last %d requests.", e.Sent-e.Unreached, e.Sent)
	last := e.last()
	if e.often(e.Unreached, last.Code() == 0 && last.Error != nil && last.Fault() != webhook.ErrTimeout) {
		c.State, c.Delivery = checkBad, e.of[notReceiving]
		for _, fault := range []webhook.AttemptError{webhook.ErrDNS, webhook.ErrConnect, webhook.ErrTLS, webhook.ErrBlockedTarget, webhook.ErrBadResponse} {
			if newest, ok := e.Newest[fault]; ok {
				why := newest.Why()
				c.Found += " " + why.What + " " + why.Do
				break
			}
		}
	} else if e.Timeouts == e.Sent {
		c.State, c.Found = checkUnknown, "A connection was made, or tried, but no answer came in time."
	}
	return c
}

func (e evidence) succeeds(text string) check {
	c, none := e.none(text)
	if none {
		return c
	}
	c.Found = fmt.Sprintf("%d of the last %d requests succeeded.", e.Succeeded, e.Sent)
	if said := e.statuses(); said != "" {
		c.Found += " Answered: " + said + "."
	}
	if last := e.last(); e.often(e.Failed(), last.Error != nil) {
		c.State, c.Delivery = checkBad, e.of["failed"]
		if last.Error != nil {
			c.Found += " The last: " + last.Why().What
		}
	}
	return c
}

func (e evidence) errors(text string) check {
	c, none := e.none(text)
	if none {
		return c
	}
	if last := e.last(); e.often(e.Errored, last.Code() >= http.StatusInternalServerError) {
		c.State, c.Delivery = checkBad, e.of[historyFailures]
		c.Found = fmt.Sprintf("%d of the last %d requests were answered with a server error (5xx). The log at the time of each says why.", e.Errored, e.Sent)
		return c
	}
	c.State, c.Found = checkUnknown, "Your logs cannot be read from here. None of the last answers was a server error (5xx)."
	if e.Errored > 0 {
		c.Found = fmt.Sprintf("Your logs cannot be read from here. %d of the last %d answers were server errors (5xx).", e.Errored, e.Sent)
	}
	return c
}

// signed is what a description says of signatures, for people.
type signed struct {
	Body      string            `json:"body"`
	Headers   map[string]string `json:"headers"`
	Signature struct {
		Signed   string `json:"signed"`
		Encoding string `json:"encoding"`
		Prefix   string `json:"prefix"`
	} `json:"signature"`
	Secret struct {
		Key    string `json:"key"`
		Prefix string `json:"prefix"`
	} `json:"secret"`
}

func (s signed) header() string {
	for name, value := range s.Headers {
		if strings.Contains(value, "{signature}") {
			return name
		}
	}
	return ""
}

func (e evidence) signature(d *dialect.Dialect, w webhookView) []check {
	secret := check{Text: d.Words["check_secret"]}
	compare := check{Text: d.Words["check_compare"], State: checkUnknown}
	raw := check{Text: d.Words["check_raw"], State: checkUnknown}
	hmac := check{Text: d.Words["check_hmac"], State: checkUnknown}
	if !format.Of(w.Format).Signed() {
		const unsigned = "Messages in this format carry no signature: there is nothing to verify."
		for _, c := range []*check{&secret, &compare, &raw, &hmac} {
			c.State, c.Found = checkGood, unsigned
		}
		return []check{secret, compare, raw, hmac}
	}
	var s signed
	_ = json.Unmarshal(d.Description, &s) // it was parsed before
	if c, none := e.none(secret.Text); none {
		secret = c
	} else if last := e.last().Code(); e.often(e.Refused, last == http.StatusUnauthorized || last == http.StatusForbidden) {
		secret.State, secret.Delivery = checkBad, e.of[signatureFailing]
		secret.Found = fmt.Sprintf("%d of the last %d requests were answered with 401 or 403: that is how most receivers refuse a signature.", e.Refused, e.Sent)
	} else if e.Succeeded > 0 {
		secret.State = checkGood
		secret.Found = fmt.Sprintf("None of the last %d requests was refused with 401 or 403.", e.Sent)
		if e.Refused > 0 {
			secret.Found = fmt.Sprintf("Only %d of the last %d requests were refused with 401 or 403.", e.Refused, e.Sent)
		}
	} else {
		secret.State, secret.Found = checkUnknown, "No request has succeeded yet, and none was refused with 401 or 403."
	}
	compare.Found = "The header " + s.header() + " holds the signature in " + s.Signature.Encoding + "; compare in constant time."
	if s.Signature.Prefix != "" {
		compare.Found = "The header " + s.header() + " holds " + s.Signature.Prefix + " and directly after it the signature in " + s.Signature.Encoding + "; compare in constant time."
	}
	raw.Found = "What is signed is the body, its bytes as they came, before any parsing."
	if s.Signature.Signed != "{body}" {
		raw.Found = "What is signed is " + strings.NewReplacer("{", "", "}", "", "unix", "timestamp").Replace(s.Signature.Signed) + ": of the body the bytes as they came, before any parsing."
	}
	if s.Body == "ecmascript" {
		raw.Found += " JSON.stringify of the parsed body makes the same bytes again, in JavaScript."
	}
	hmac.Found = "The signature is an HMAC-SHA256, its key the secret as you copied it."
	if s.Secret.Key == "base64" {
		hmac.Found = "The signature is an HMAC-SHA256, its key the bytes that the base64 after " + s.Secret.Prefix + " stands for."
	}
	return []check{secret, compare, raw, hmac}
}

func (e evidence) speed(words map[string]string, w webhookView) []check {
	limit := int64(w.TimeoutSeconds) * 1000
	p50, p95 := e.Percentile(50), e.Percentile(95)
	found := fmt.Sprintf("Half of the last %d requests took at most %s, 95 %% at most %s; the timeout is %d s.", e.Sent, took(p50), took(p95), w.TimeoutSeconds)

	inTime, none := e.none(strings.ReplaceAll(words["check_timeout"], "{seconds}", strconv.Itoa(w.TimeoutSeconds)))
	if !none {
		inTime.Found = found
		if e.often(e.Timeouts, e.last().Fault() == webhook.ErrTimeout) {
			inTime.State, inTime.Delivery = checkBad, e.of[timingOut]
			inTime.Found = fmt.Sprintf("%d of the last %d requests timed out. %s", e.Timeouts, e.Sent, found)
		}
	}
	long, none := e.none(words["check_long"])
	switch {
	case none:
	case p50*5 > limit:
		long.State, long.Found = checkBad, "Half of the requests take longer than a fifth of the timeout: something runs in the handler that could run after its answer."
	default:
		long.Found = "Half of the requests are answered within " + took(p50) + "."
	}
	load, none := e.none(words["check_load"])
	busy := e.Statuses[http.StatusTooManyRequests] + e.Statuses[http.StatusServiceUnavailable]
	switch {
	case none:
	case e.often(busy, false):
		load.State, load.Found = checkBad, fmt.Sprintf("%d of the last %d requests were answered with 429 or 503.", busy, e.Sent)
	case p95*2 > limit && p95 > 5*p50:
		load.State, load.Found = checkBad, "Some requests take far longer than most: at times the server is busy."
	default:
		load.Found = "The slowest answers are not far from the others, and it seldom says that it is busy."
	}
	return []check{inTime, long, load}
}

// state explains a webhook's status on its page.
type state struct {
	Text  string
	Since string // a time of the API, "" where it is not known
	Why   *explanation
	Bad   bool
}

// stateOf says what a webhook's status means and why it has it, as far as its latest deliveries, the newest first, show
// it; nil where there is nothing to say.
func stateOf(w webhookView, recent []deliveryView) *state {
	s := &state{Bad: true}
	for _, d := range recent {
		if a := d.LastAttempt; a != nil && a.Sent() {
			if a.Error != nil {
				why := a.Why()
				s.Why = &why
			}
			break
		}
	}
	switch {
	case w.Status == webhook.Failing:
		s.Text = "A delivery ran out of attempts. It still gets events; the first success makes it active again."
		if w.FailingSince != nil {
			s.Since = *w.FailingSince
		}
	case w.Status == webhook.Inactive:
		s.Text, s.Bad = "It gets no events, and what was queued for it fails and can be replayed.", s.Why != nil
	case s.Why == nil:
		return nil
	default:
		s.Text, s.Bad = "The last request to it failed.", false
	}
	return s
}
