package operators

import (
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"hookline/shared/api"
	"hookline/shared/console/page"
	"hookline/shared/console/words"
	"hookline/shared/operations"
	"hookline/shared/webhook"
)

const deadPath = "/console/admin/dead-letters"

const (
	// maxGroups is how many groups the page shows, the largest.
	maxGroups = 200
	// maxParts is how many of them are sent again by one form.
	maxParts = 20
)

// deadPage is the data of the page of dead letters.
type deadPage struct {
	api.DeadLetters // of the queue
	Groups          []deadGroup
	Counted, Left   int // deliveries that the groups have, and groups that are not shown
	More            bool
	Since           api.Time
	Purged          bool
	Tenant          string // whose groups alone are shown; "" for all
	Rate            string
	Errors          map[string]string
	Problem         string
}

// Moving is the task that is moving dead letters, or nil.
func (p *deadPage) Moving() *api.Move {
	if len(p.Tasks) > 0 && (p.Tasks[0].Status == "RUNNING" || p.Tasks[0].Status == "CANCELLING") {
		return &p.Tasks[0]
	}
	return nil
}

// deadGroup is a row: dead letters of one webhook with one reason.
type deadGroup struct {
	part
	N                     int
	Accepted, First, Last api.Time
}

// Value identifies the group in the form.
func (g deadGroup) Value() string { return strings.Join([]string{g.Tenant, g.Webhook, g.Reason}, "/") }

// List is the page of the group's deliveries.
func (g deadGroup) List() string { return g.address(g.Accepted) }

// Why is the reason in words.
func (p part) Why() string {
	return map[webhook.AttemptError]string{
		webhook.ReasonTimeout: "no answer in time", webhook.ReasonDNS: "host name not found", webhook.ReasonConnect: "no connection",
		webhook.ReasonTLS: "TLS failed", webhook.ReasonBlockedTarget: "address not allowed", webhook.ReasonRedirect: "answered with a redirect",
		webhook.ReasonBadStatus: "answered with an error", webhook.ReasonBadResponse: "answer was not HTTP",
	}[webhook.AttemptError(p.Reason)]
}

func groupOf(c webhook.DeadLetters) deadGroup {
	return deadGroup{
		part{c.Tenant, c.ID, string(c.Reason)}, c.N, api.Time{Time: c.Accepted}, api.Time{Time: c.First}, api.Time{Time: c.Last},
	}
}

func (r room) deadLetters(v *page.Visit) { r.showDeadLetters(v, http.StatusOK, deadPage{}) }

func (r room) showDeadLetters(v *page.Visit, status int, p deadPage) {
	p.Tenant = strings.TrimSpace(v.R.URL.Query().Get("tenant"))
	if err := v.Get("/v1/dead-letters", nil, &p.DeadLetters); err != nil {
		v.Failed(err)
		return
	}
	d, err := r.ops.DeadLetters(v.R.Context())
	if err != nil {
		v.Failed(err)
		return
	}
	p.More, p.Since, p.Purged = d.More, api.Time{Time: d.Since}, d.Purged
	for _, c := range d.Groups {
		switch p.Counted += c.N; {
		case p.Tenant != "" && c.Tenant != p.Tenant:
		case len(p.Groups) == maxGroups:
			p.Left++
		default:
			p.Groups = append(p.Groups, groupOf(c))
		}
	}
	v.Show(status, "dead-letters", "", "dead-letters", "Dead letters", &p)
}

// deadList is the data of the list of one group's deliveries.
type deadList struct {
	part
	Rows []api.Delivery
	page.Pager
}

// listDeadLetters lists the failed deliveries of a webhook whose last attempt ended as those of the group.
func listDeadLetters(v *page.Visit) {
	asked := v.R.URL.Query()
	p := deadList{part: part{asked.Get("tenant"), asked.Get("webhook"), asked.Get("reason")}}
	if !webhook.ValidGivenID(p.Tenant) || !webhook.ValidGivenID(p.Webhook) {
		v.NotFound()
		return
	}
	query := url.Values{"status": {string(webhook.Failed)}, "limit": {"100"}}
	for _, name := range []string{"since", "cursor"} {
		if asked.Get(name) != "" {
			query.Set(name, asked.Get(name))
		}
	}
	var l api.List[api.Delivery]
	if err := v.For(p.Tenant).Get("/v1/webhooks/"+url.PathEscape(p.Webhook)+"/deliveries", query, &l); err != nil {
		if page.Answered(err, http.StatusUnauthorized) { // there is no such tenant
			v.NotFound()
			return
		}
		v.Failed(err)
		return
	}
	p.Rows = slices.DeleteFunc(l.Data, func(d api.Delivery) bool {
		return d.LastAttempt == nil || d.LastAttempt.Error == nil || string(*d.LastAttempt.Error) != p.Reason
	})
	p.Pager = page.Pager{First: asked.Get("cursor") == ""}
	if l.NextCursor != nil {
		asked.Set("cursor", *l.NextCursor)
		p.Next = page.Address(deadPath+"/list", asked)
	}
	v.Show(http.StatusOK, "dead-list", "", "dead-letters", "Dead letters of "+p.Webhook, &p)
}

// partForm is the data of the page that counts parts of the dead letters, and at a second press sends them again.
type partForm struct {
	Parts   []counted
	Values  url.Values
	Errors  map[string]string
	Problem string
	Counted bool
}

// counted is a group and what a replay job over it takes.
type counted struct {
	deadGroup
	Matched int
	More    bool
	Started bool
	Problem string
}

// Deliveries is how many the job takes, in words.
func (c counted) Deliveries() string { return words.Deliveries(c.Matched, c.More) }

// Get returns a field's value.
func (f *partForm) Get(name string) string { return f.Values.Get(name) }

// Key identifies the selection. It is sent again only as it was counted.
func (f *partForm) Key() string {
	return strings.Join(append(slices.Clone(f.Values["part"]), f.Get("since"), f.Get("until")), "|")
}

// Deliveries is how many all jobs take together.
func (f *partForm) Deliveries() string {
	n, more := f.sum()
	return words.Deliveries(n, more)
}

// Any reports whether there is something to be sent.
func (f *partForm) Any() bool {
	n, more := f.sum()
	return n > 0 || more
}

func (f *partForm) sum() (n int, more bool) {
	for _, c := range f.Parts {
		n, more = n+c.Matched, more || c.More
	}
	return n, more
}

// fault shows beside its field, or else beside its part, what the API refuses. If it is anything else, fault returns it.
func (f *partForm) fault(c *counted, err error) error {
	p, ok := errors.AsType[*page.Problem](err)
	if !ok || p.Status >= http.StatusInternalServerError {
		return err
	}
	of, _ := p.FieldErrors("since", "until")
	maps.Copy(f.Errors, of)
	switch {
	case len(of) > 0:
	case p.Status == http.StatusNotFound || p.Status == http.StatusUnauthorized:
		c.Problem = "The webhook is gone: there is nowhere to send to."
	default:
		c.Problem = words.Sentence(p.Detail)
	}
	return nil
}

// replayPart counts the chosen groups as the API does, by a dry run each. What was counted before is sent again, by a replay job
// of each group. The copies of those deliveries in the queue of dead letters are dropped when they come.
func (r room) replayPart(v *page.Visit) {
	values, ok := v.Form()
	if !ok {
		return
	}
	f := partForm{Values: values, Errors: map[string]string{}}
	start := values.Get("counted") != "" && values.Get("counted") == f.Key() && values.Get("start") != ""
	d, err := r.ops.DeadLetters(v.R.Context())
	if err != nil {
		v.Failed(err)
		return
	}
	chosen := values["part"]
	if len(chosen) > maxParts {
		r.showDeadLetters(v, http.StatusUnprocessableEntity, deadPage{Problem: "Please choose 20 rows at most."})
		return
	}
	for _, c := range d.Groups {
		if g := groupOf(c); slices.Contains(chosen, g.Value()) {
			f.Parts = append(f.Parts, counted{deadGroup: g})
		}
	}
	if len(f.Parts) == 0 {
		r.showDeadLetters(v, http.StatusUnprocessableEntity, deadPage{Problem: "Please choose what is to be sent again. What was chosen before may have been sent meanwhile."})
		return
	}
	failed := false
	for i := range f.Parts {
		c := &f.Parts[i]
		in := map[string]any{"since": c.Accepted, "error": c.Reason, "dry_run": !start}
		for _, name := range []string{"since", "until"} {
			if at := f.Get(name); at != "" {
				in[name] = at
				if t, ok := page.Moment(at); ok {
					in[name] = t.Format(webhook.TimeFormat)
				}
			}
		}
		var made api.ReplayStarted
		path, as := "/v1/webhooks/"+url.PathEscape(c.Webhook)+"/replay", v.For(c.Tenant)
		if start {
			err = as.Create(path, in, &made)
		} else {
			err = as.Send(http.MethodPost, path, in, &made)
		}
		if err = f.fault(c, err); err != nil {
			v.Failed(err)
			return
		}
		c.Matched, c.More, c.Started = made.Matched, made.More, made.ID != nil
		failed = failed || c.Problem != ""
	}
	if start && !failed && len(f.Errors) == 0 {
		v.Redirect(jobsPath)
		return
	}
	f.Counted = !start && len(f.Errors) == 0
	status := http.StatusOK
	if len(f.Errors) > 0 {
		status = http.StatusUnprocessableEntity
	}
	v.Show(status, "dead-replay", "", "dead-letters", "Send again", &f)
}

// redriveAll has the queue move all dead letters back.
func (r room) redriveAll(v *page.Visit) {
	values, ok := v.Form()
	if !ok {
		return
	}
	p := deadPage{Rate: strings.TrimSpace(values.Get("max_per_second"))}
	in := map[string]any{}
	if rate := number(p.Rate); rate != nil {
		in["max_per_second"] = rate
	}
	if err := v.Create("/v1/dead-letters/redrive", in, nil); err != nil {
		refusal := v.Refused(err)
		if refusal == nil {
			return
		}
		p.Errors, p.Problem = refusal.FieldErrors("max_per_second")
		p.Problem = words.Sentence(p.Problem)
		r.showDeadLetters(v, http.StatusUnprocessableEntity, p)
		return
	}
	v.Redirect(deadPath)
}

// purgeQuestion is the data of the page that asks before all dead letters are deleted.
type purgeQuestion struct {
	operations.State
	Problem string
}

// purgeWord is what is typed to delete all dead letters.
const purgeWord = "delete all"

// Word is what is to be typed.
func (purgeQuestion) Word() string { return purgeWord }

func (r room) askPurge(v *page.Visit) { r.showPurge(v, http.StatusOK, "") }

func (r room) showPurge(v *page.Visit, status int, problem string) {
	var dead api.DeadLetters
	if err := v.Get("/v1/dead-letters", nil, &dead); err != nil {
		v.Failed(err)
		return
	}
	q := purgeQuestion{Problem: problem}
	q.Visible = dead.Depth
	v.Show(status, "dead-purge", "", "dead-letters", "Delete all dead letters", &q)
}

// purge deletes all dead letters, if that was typed.
func (r room) purge(v *page.Visit) {
	values, ok := v.Form()
	if !ok {
		return
	}
	if strings.TrimSpace(values.Get("typed")) != purgeWord {
		r.showPurge(v, http.StatusUnprocessableEntity, "This is not what is to be typed. Nothing was deleted.")
		return
	}
	err, unrecorded := r.ops.Purge(v.Audited("dead_letters.purge"))
	if unrecorded != nil {
		v.Log(unrecorded)
	}
	if webhook.Is(err, webhook.Conflict) {
		r.showPurge(v, http.StatusConflict, "The dead letters were deleted within the last minute. Please wait a minute.")
		return
	}
	if err != nil {
		v.Failed(err)
		return
	}
	v.Redirect(deadPath)
}
