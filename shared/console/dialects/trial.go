package dialects

import (
	"strings"
	"time"

	"hookline/shared/api"
	"hookline/shared/console/page"
	"hookline/shared/console/words"
	"hookline/shared/egress"
	"hookline/shared/httpapi"
	"hookline/shared/layout"
	"hookline/shared/webhook"
)

// trial is an example that is sent to a URL, with the description as it stands in the editor.
type trial struct {
	Type, URL string // as they were chosen
	Problem   string // why it was not sent
	Sent      bool
	Secret    string // that it was signed with, and that nobody keeps
	Attempt   api.Attempt
	Body      layout.Text // of the answer
}

// maxTrial is how long a trial may take, as a webhook's test.
const maxTrial = 20 * time.Second

// send sends the example of the chosen event type, once, to the URL that was entered. Nothing of it is stored.
func (r room) send(v *page.Visit, p *editorPage) {
	t := &p.Trial
	t.Type, t.URL = v.R.PostForm.Get("type"), strings.TrimSpace(v.R.PostForm.Get("url"))
	if p.Draft == nil {
		t.Problem = "Nothing was sent: the description has faults."
		return
	}
	u, problem := egress.CheckURL(t.URL, egress.URLRule{Schemes: p.Draft.Schemes(), AllowPrivate: r.allowPrivate})
	if problem != "" {
		t.Problem = words.Sentence("the URL " + problem)
		return
	}
	got, err := httpapi.PreviewOf(p.Draft, t.Type)
	if err != nil {
		t.Problem = "This event’s example cannot be sent."
		return
	}
	req := egress.Request{URL: u.String(), Body: []byte(got.Body), Timeout: min(p.Draft.Timeout, maxTrial)}
	for _, h := range got.Headers {
		req.Headers = append(req.Headers, egress.Header(h))
	}
	now := v.Now()
	resp := r.poster.Post(v.R.Context(), req)
	a := webhook.Attempt{
		Number: 1, ScheduledAt: now, StartedAt: now, Duration: resp.Duration, StatusCode: resp.Status, Error: resp.Err, ErrorDetail: resp.ErrDetail,
	}
	if a.Error == "" && !p.Draft.Succeeded(resp.Status) {
		a.Error = webhook.ReasonBadStatus
	}
	t.Sent, t.Secret, t.Body = true, got.Secret, layout.Cut(resp.Body, page.MaxListed)
	t.Attempt = api.AttemptOf(a)
}

// Succeeded reports whether a delivery would have succeeded.
func (t trial) Succeeded() bool { return t.Sent && t.Attempt.Error == nil }

// Answered is the answer's status with its name.
func (t trial) Answered() string {
	if t.Attempt.StatusCode == nil {
		return "no answer"
	}
	return words.Status(*t.Attempt.StatusCode)
}
