package console

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"hookline/shared/webhook"
)

// replayForm is what the dialog shows that sends many deliveries again: first it counts them, then it starts.
type replayForm struct {
	Webhook webhookView
	Values  url.Values
	Types   []string
	Errors  map[string]string
	Problem string
	Counted bool
	Matched int
	More    bool
}

// Get returns a field's value.
func (f replayForm) Get(name string) string { return f.Values.Get(name) }

// Choices are the statuses that can be sent again.
func (f replayForm) Choices() []string {
	return []string{string(webhook.ReplayFailed), string(webhook.ReplaySucceeded), string(webhook.ReplayMissed)}
}

// Key tells one choice from another, so that nothing is started but what was counted.
func (f replayForm) Key() string {
	return strings.Join([]string{f.Get("since"), f.Get("until"), f.Get("status"), f.Get("event_type")}, "|")
}

// Sent says what becomes of them.
func (f replayForm) Sent() string {
	if f.Get("status") == string(webhook.ReplayMissed) {
		return "sent"
	}
	return "sent again"
}

// Deliveries is how many were counted, in words.
func (f replayForm) Deliveries() string { return deliveriesOf(f.Matched, f.More) }

func deliveriesOf(n int, more bool) string {
	switch {
	case more:
		return "more than " + grouped(n) + " deliveries"
	case n == 1:
		return "1 delivery"
	}
	return grouped(n) + " deliveries"
}

// fieldMoment is how a field of a date and time writes a moment, in UTC.
const fieldMoment = "2006-01-02T15:04:05"

// moment reads what such a field sends, or a time as the API writes it; what is neither is left to the API to refuse.
func moment(s string) string {
	for _, layout := range []string{fieldMoment, "2006-01-02T15:04"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.Format(webhook.TimeFormat)
		}
	}
	return s
}

// inField writes a time of the API for such a field.
func inField(s string) string {
	if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
		return t.UTC().Format(fieldMoment)
	}
	return s
}

func (v *visit) replayForm(status int, f replayForm) {
	if err := v.get("/v1/webhooks/"+url.PathEscape(v.r.PathValue("id")), nil, &f.Webhook); err != nil {
		v.failed(err)
		return
	}
	for _, e := range v.dialect.EventTypes() {
		if !e.ComingSoon {
			f.Types = append(f.Types, e.Name)
		}
	}
	v.show(status, "replay-form", "panel", "webhooks", v.dialect.Words["replay"], f)
}

// replaySpan is how far back the dialog looks, if nobody says otherwise.
const replaySpan = 24 * time.Hour

func (v *visit) askReplay() {
	asked := v.r.URL.Query()
	f := replayForm{Values: url.Values{
		"since": {v.now().Add(-replaySpan).Format(fieldMoment)}, "status": {string(webhook.ReplayFailed)},
	}}
	for _, name := range []string{"since", "until", "status", "event_type"} {
		if asked.Get(name) != "" {
			f.Values.Set(name, inField(asked.Get(name)))
		}
	}
	v.replayForm(http.StatusOK, f)
}

func (v *visit) startReplay() {
	if err := v.r.ParseForm(); err != nil {
		v.sorry(http.StatusBadRequest, "The form is not readable", "Please go back and try again.")
		return
	}
	f := replayForm{Values: v.r.PostForm}
	f.Counted = f.Get("counted") != "" && f.Get("counted") == f.Key()
	in := map[string]any{"since": moment(f.Get("since")), "dry_run": !f.Counted}
	for name, value := range map[string]string{"until": moment(f.Get("until")), "status": f.Get("status"), "event_type": strings.TrimSpace(f.Get("event_type"))} {
		if value != "" {
			in[name] = value
		}
	}
	var made struct {
		ID      string
		Matched int
		More    bool
	}
	if err := v.create("/v1/webhooks/"+url.PathEscape(v.r.PathValue("id"))+"/replay", in, &made); err != nil {
		if p, ok := errors.AsType[*problem](err); ok && p.Code == "event-log-off" {
			f.Counted, f.Errors = false, map[string]string{"status": "What was missed is not known: no event log is kept here."}
			v.replayForm(http.StatusUnprocessableEntity, f)
			return
		}
		if p := v.refused(err); p != nil {
			f.Counted, f.Errors, f.Problem = false, make(map[string]string), ""
			for _, e := range p.Errors {
				f.Errors[e.Field] = strings.ToUpper(e.Message[:1]) + e.Message[1:] + "."
			}
			if len(p.Errors) == 0 {
				f.Problem = strings.ToUpper(p.Detail[:1]) + p.Detail[1:] + "."
			}
			v.replayForm(http.StatusUnprocessableEntity, f)
		}
		return
	}
	if made.ID != "" {
		v.redirect("/console/replays/" + url.PathEscape(made.ID))
		return
	}
	f.Counted, f.Matched, f.More = true, made.Matched, made.More
	v.replayForm(http.StatusOK, f)
}

// replayPage is one job.
type replayPage struct {
	ID        string `json:"id"`
	WebhookID string `json:"webhook_id"`
	Status    string `json:"status"`
	Selection struct {
		Status    string  `json:"status"`
		EventType *string `json:"event_type"`
		Since     string  `json:"since"`
		Until     string  `json:"until"`
	} `json:"selection"`
	Matched    int     `json:"matched"`
	More       bool    `json:"more"`
	Started    int     `json:"started"`
	Skipped    int     `json:"skipped"`
	Error      *string `json:"error"`
	CreatedAt  string  `json:"created_at"`
	UpdatedAt  string  `json:"updated_at"`
	FinishedAt *string `json:"finished_at"`

	Label     string // of the webhook, its id where that is all there is
	MayCancel bool
}

// Running reports whether the page has more to show later.
func (p replayPage) Running() bool { return p.Status == string(webhook.ReplayRunning) }

// Deleted reports whether the job stopped because its webhook is gone.
func (p replayPage) Deleted() bool {
	return p.Error != nil && *p.Error == string(webhook.ErrWebhookDeleted)
}

// Now is how far the bar is, and Most its length. Both are at least what a bar can show.
func (p replayPage) Now() int {
	if p.Status == string(webhook.ReplayDone) {
		return p.Most()
	}
	return min(p.Started, p.Most())
}

// Most is the bar's length.
func (p replayPage) Most() int { return max(p.Matched, 1) }

// Percent is how far it is.
func (p replayPage) Percent() int { return 100 * p.Now() / p.Most() }

// Badge is the badge that says how the job stands.
func (p replayPage) Badge() string {
	return map[string]string{"running": "pending", "done": "succeeded", "cancelled": "inactive", "failed": "failed"}[p.Status]
}

// Stands says how the job stands.
func (p replayPage) Stands() string {
	return map[string]string{"running": "Running", "done": "Done", "cancelled": "Cancelled", "failed": "Stopped"}[p.Status]
}

// Progress says how far the job is.
func (p replayPage) Progress() string {
	sent := " sent again"
	if p.Selection.Status == string(webhook.ReplayMissed) {
		sent = " sent"
	}
	return grouped(p.Started) + " of " + deliveriesOf(p.Matched, p.More) + sent
}

func (v *visit) replay() {
	var p replayPage
	if err := v.get("/v1/replays/"+url.PathEscape(v.r.PathValue("id")), nil, &p); err != nil {
		v.failed(err)
		return
	}
	p.Label, p.MayCancel = p.WebhookID, v.key.Grants("deliveries:write")
	if v.key.Grants("webhooks:read") {
		var w webhookView
		if err := v.get("/v1/webhooks/"+url.PathEscape(p.WebhookID), nil, &w); err == nil { // it may have been deleted since
			p.Label = w.Label()
		}
	}
	v.show(http.StatusOK, "replay", "job", "webhooks", v.dialect.Words["replay"], p)
}

func (v *visit) cancelReplay() {
	id := url.PathEscape(v.r.PathValue("id"))
	if err := v.send(http.MethodDelete, "/v1/replays/"+id, nil, nil); err != nil {
		v.failed(err)
		return
	}
	v.redirect("/console/replays/" + id)
}
