package deliveries

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"hookline/shared/api"
	"hookline/shared/console/page"
	"hookline/shared/console/record"
	"hookline/shared/console/words"
	"hookline/shared/webhook"
)

// replayForm is the data of the dialog that sends many deliveries again. It counts them first, and starts at a second press.
type replayForm struct {
	Webhook record.Webhook
	Values  url.Values
	Types   []string
	Errors  map[string]string
	Problem string
	Counted bool
	Matched int
	More    bool
}

// Get returns a field's value.
func (f *replayForm) Get(name string) string { return f.Values.Get(name) }

// Choices are the statuses that can be sent again.
func (f *replayForm) Choices() []string {
	return []string{string(webhook.ReplayFailed), string(webhook.ReplaySucceeded), string(webhook.ReplayMissed)}
}

// Key identifies the selection. A replay starts only with the selection that was counted.
func (f *replayForm) Key() string {
	return strings.Join([]string{f.Get("since"), f.Get("until"), f.Get("status"), f.Get("event_type")}, "|")
}

// Sent is the participle for the deliveries: those that were missed have not been sent before.
func (f *replayForm) Sent() string {
	if f.Get("status") == string(webhook.ReplayMissed) {
		return "sent"
	}
	return "sent again"
}

// Deliveries is the number of deliveries that were counted.
func (f *replayForm) Deliveries() string { return words.Deliveries(f.Matched, f.More) }

// fromField converts the value of a datetime-local field to a time of the API. It returns other text unchanged: the API reads
// or refuses it.
func fromField(s string) string {
	if t, ok := page.Moment(s); ok {
		return t.Format(webhook.TimeFormat)
	}
	return s
}

// toField converts a time of the API to the value of such a field.
func toField(s string) string {
	if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
		return t.UTC().Format(page.FieldMoment)
	}
	return s
}

func showReplayForm(v *page.Visit, status int, f replayForm) {
	if err := v.Get("/v1/webhooks/"+v.ID(), nil, &f.Webhook); err != nil {
		v.Failed(err)
		return
	}
	f.Types = v.EventNames()
	v.Show(status, "replay-form", "panel", "webhooks", v.Dialect.Words["replay"], &f)
}

// replaySpan is the default of how far back deliveries are taken.
const replaySpan = 24 * time.Hour

func askReplay(v *page.Visit) {
	asked := v.R.URL.Query()
	f := replayForm{Values: url.Values{
		"since": {v.Now().Add(-replaySpan).Format(page.FieldMoment)}, "status": {string(webhook.ReplayFailed)},
	}}
	for _, name := range []string{"since", "until", "status", "event_type"} {
		if asked.Get(name) != "" {
			f.Values.Set(name, toField(asked.Get(name)))
		}
	}
	showReplayForm(v, http.StatusOK, f)
}

func startReplay(v *page.Visit) {
	values, ok := v.Form()
	if !ok {
		return
	}
	f := replayForm{Values: values}
	f.Counted = f.Get("counted") != "" && f.Get("counted") == f.Key()
	in := map[string]any{"since": fromField(f.Get("since")), "dry_run": !f.Counted}
	for name, value := range map[string]string{"until": fromField(f.Get("until")), "status": f.Get("status"), "event_type": strings.TrimSpace(f.Get("event_type"))} {
		if value != "" {
			in[name] = value
		}
	}
	var made api.ReplayStarted
	if err := v.Create("/v1/webhooks/"+v.ID()+"/replay", in, &made); err != nil {
		if page.NoEventLog(err) {
			f.Counted, f.Errors = false, map[string]string{"status": "What was missed is not known: no event log is kept here."}
			showReplayForm(v, http.StatusUnprocessableEntity, f)
			return
		}
		if p := v.Refused(err); p != nil {
			f.Counted = false
			f.Errors, f.Problem = p.FieldErrors("since", "until", "status", "event_type")
			f.Problem = words.Sentence(f.Problem)
			showReplayForm(v, http.StatusUnprocessableEntity, f)
		}
		return
	}
	if made.ID != nil {
		v.Redirect("/console/replays/" + url.PathEscape(*made.ID))
		return
	}
	f.Counted, f.Matched, f.More = true, made.Matched, made.More
	showReplayForm(v, http.StatusOK, f)
}

// replayPage is the data of a replay job's page.
type replayPage struct {
	api.Replay
	Label     string // the webhook's, or its id
	MayCancel bool
}

// Running reports whether the job is running.
func (p *replayPage) Running() bool { return p.Status == webhook.ReplayRunning }

// Deleted reports whether the job stopped because its webhook was deleted.
func (p *replayPage) Deleted() bool {
	return p.Error != nil && *p.Error == string(webhook.ReasonWebhookDeleted)
}

// Now is the value of the progress bar. It is full once the job is done, also if deliveries were skipped.
func (p *replayPage) Now() int {
	if p.Status == webhook.ReplayDone {
		return p.Most()
	}
	return min(p.Started, p.Most())
}

// Most is the maximum of the progress bar.
func (p *replayPage) Most() int { return max(p.Matched, 1) }

// Percent is the progress in percent.
func (p *replayPage) Percent() int { return 100 * p.Now() / p.Most() }

// Badge is the class of the status's badge.
func (p *replayPage) Badge() string {
	return map[webhook.ReplayStatus]string{
		webhook.ReplayRunning: "pending", webhook.ReplayDone: "succeeded", webhook.ReplayCancelled: "inactive", webhook.ReplayStopped: "failed",
	}[p.Status]
}

// StatusText is the status for people.
func (p *replayPage) StatusText() string {
	return map[webhook.ReplayStatus]string{
		webhook.ReplayRunning: "Running", webhook.ReplayDone: "Done", webhook.ReplayCancelled: "Cancelled", webhook.ReplayStopped: "Stopped",
	}[p.Status]
}

// Deliveries is the number of deliveries that match.
func (p *replayPage) Deliveries() string { return words.Deliveries(p.Matched, p.More) }

// Progress is the progress in words.
func (p *replayPage) Progress() string {
	sent := " sent again"
	if p.Selection.Status == webhook.ReplayMissed {
		sent = " sent"
	}
	return words.Grouped(p.Started) + " of " + p.Deliveries() + sent
}

func showReplay(v *page.Visit) {
	var p replayPage
	if err := v.Get("/v1/replays/"+v.ID(), nil, &p); err != nil {
		v.Failed(err)
		return
	}
	p.Label, p.MayCancel = p.WebhookID, v.Key.Grants("deliveries:write")
	if v.Key.Grants("webhooks:read") {
		var w record.Webhook
		if err := v.Get("/v1/webhooks/"+url.PathEscape(p.WebhookID), nil, &w); err == nil { // the webhook may have been deleted since
			p.Label = w.Label()
		}
	}
	v.Show(http.StatusOK, "replay", "job", "webhooks", v.Dialect.Words["replay"], &p)
}

func cancelReplay(v *page.Visit) {
	id := v.ID()
	if err := v.Send(http.MethodDelete, "/v1/replays/"+id, nil, nil); err != nil {
		v.Failed(err)
		return
	}
	v.Redirect("/console/replays/" + id)
}
