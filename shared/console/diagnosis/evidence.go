package diagnosis

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"hookline/shared/api"
	"hookline/shared/console/record"
	"hookline/shared/webhook"
)

// Evidence is counted from a webhook's latest deliveries. The last attempt of each delivery counts.
type Evidence struct {
	Known bool // the key may read deliveries
	Sent  int  // the attempts that made a request

	succeeded int
	timeouts  int         // no answer in time
	unreached int         // no connection
	refused   int         // answered 401 or 403
	errored   int         // answered 5xx
	statuses  map[int]int // how often each was answered
	newest    map[webhook.AttemptError]api.Attempt
	last      api.Attempt       // the newest that was sent
	examples  map[string]string // ids of deliveries, by the checklist that they are examples for; one that failed by "failed"
	took      []int64           // milliseconds, in order
}

// Deliveries is the number of latest deliveries that count.
const Deliveries = 100

// Gather counts the evidence of deliveries, the newest first.
func Gather(ds []api.Delivery) Evidence {
	e := Evidence{Known: true, statuses: map[int]int{}, newest: map[webhook.AttemptError]api.Attempt{}, examples: map[string]string{}}
	shows := func(what string, d api.Delivery) int {
		if e.examples[what] == "" {
			e.examples[what] = d.ID
		}
		return 1
	}
	failed := 0
	for _, d := range ds {
		a := d.LastAttempt
		if a == nil || !record.Sent(*a) {
			continue
		}
		if e.Sent++; e.Sent == 1 {
			e.last = *a
		}
		e.took = append(e.took, a.DurationMS)
		fault, code := record.Fault(*a), record.Code(*a)
		if fault != "" {
			failed += shows("failed", d)
			if _, there := e.newest[fault]; !there {
				e.newest[fault] = *a
			}
		}
		if code != 0 {
			e.statuses[code]++
		}
		switch {
		case fault == webhook.ReasonTimeout:
			e.timeouts += shows(timingOut, d)
		case fault != "" && code == 0:
			e.unreached += shows(notReceiving, d)
		case code == 401 || code == 403:
			e.refused += shows(signatureFailing, d)
		case code >= 500:
			e.errored += shows(historyFailures, d)
		}
	}
	e.succeeded = e.Sent - failed
	slices.Sort(e.took)
	return e
}

// percentile returns the duration, in milliseconds, that p percent of the requests did not exceed.
func (e Evidence) percentile(p int) int64 {
	if len(e.took) == 0 {
		return 0
	}
	return e.took[max(0, (len(e.took)*p+99)/100-1)]
}

// often reports whether a fault that n requests had matters: if the last request had it, or a tenth of them.
func (e Evidence) often(n int, last bool) bool { return n > 0 && (last || n*10 >= e.Sent) }

// answers lists the most frequent status codes.
func (e Evidence) answers() string {
	codes := slices.SortedFunc(maps.Keys(e.statuses), func(a, b int) int { return cmp.Or(e.statuses[b]-e.statuses[a], a-b) })
	var out []string
	for _, code := range codes[:min(len(codes), 5)] {
		out = append(out, fmt.Sprintf("%d (%d×)", code, e.statuses[code]))
	}
	return strings.Join(out, ", ")
}
