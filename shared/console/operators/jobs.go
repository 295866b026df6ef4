package operators

import (
	"net/http"
	"net/url"

	"hookline/shared/api"
	"hookline/shared/console/page"
	"hookline/shared/console/words"
	"hookline/shared/webhook"
)

const jobsPath = "/console/admin/replays"

// jobsPage is the data of the list of replay jobs.
type jobsPage struct {
	Jobs []job
	page.Pager
}

// Running reports whether a job on the page is running.
func (p *jobsPage) Running() bool {
	for _, j := range p.Jobs {
		if j.Running() {
			return true
		}
	}
	return false
}

// job is a row.
type job struct {
	Tenant string
	api.Replay
}

// Running reports whether the job is running.
func (j job) Running() bool { return j.Status == webhook.ReplayRunning }

// Badge is the class of the status's badge.
func (j job) Badge() string {
	return map[webhook.ReplayStatus]string{
		webhook.ReplayRunning: "pending", webhook.ReplayDone: "succeeded", webhook.ReplayCancelled: "inactive", webhook.ReplayStopped: "failed",
	}[j.Status]
}

// Progress is how far the job is, in words.
func (j job) Progress() string {
	return words.Grouped(j.Started) + " of " + words.Deliveries(j.Matched, j.More)
}

// Most and Now are the ends of the progress bar. It is full once the job is done, also if deliveries were skipped.
func (j job) Most() int { return max(j.Matched, 1) }

// Now is the bar's value.
func (j job) Now() int {
	if j.Status == webhook.ReplayDone {
		return j.Most()
	}
	return min(j.Started, j.Most())
}

// Stopped says why a job could not go on.
func (j job) Stopped() string {
	switch {
	case j.Error == nil:
		return ""
	case *j.Error == string(webhook.ReasonWebhookDeleted):
		return "its webhook was deleted"
	}
	return "its webhook became inactive"
}

func (r room) jobs(v *page.Visit) {
	l, err := r.ops.Jobs(v.R.Context(), webhook.Page{Limit: page.PerPage, Cursor: v.R.URL.Query().Get("cursor")})
	if webhook.Is(err, webhook.Invalid) {
		v.ShowError(http.StatusUnprocessableEntity, "There is no such page", "The address is not one that this page offers.")
		return
	}
	if err != nil {
		v.Failed(err)
		return
	}
	var p jobsPage
	for _, j := range l.Items {
		p.Jobs = append(p.Jobs, job{j.Tenant, api.ReplayOf(j)})
	}
	var next *string
	if l.Next != "" {
		next = &l.Next
	}
	p.Pager = v.Pager(jobsPath, next)
	v.Show(http.StatusOK, "jobs", "list", "jobs", "Replay jobs", &p)
}

// cancelJob cancels a job of the tenant that the form names.
func cancelJob(v *page.Visit) {
	values, ok := v.Form()
	if !ok {
		return
	}
	tenant := values.Get("tenant")
	if !webhook.ValidGivenID(tenant) {
		v.NotFound()
		return
	}
	err := v.For(tenant).Send(http.MethodDelete, "/v1/replays/"+v.ID(), nil, nil)
	if page.Answered(err, http.StatusUnauthorized) { // there is no such tenant
		v.NotFound()
		return
	}
	if err != nil {
		v.Failed(err)
		return
	}
	v.Redirect(jobsPath)
}

// part is what of the dead letters a job takes: those of one webhook with one reason.
type part struct{ Tenant, Webhook, Reason string }

// address is the page that lists the part.
func (p part) address(since api.Time) string {
	return page.Address(deadPath+"/list", url.Values{
		"tenant": {p.Tenant}, "webhook": {p.Webhook}, "reason": {p.Reason}, "since": {since.Format(webhook.TimeFormat)},
	})
}
