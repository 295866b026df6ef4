package events

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"hookline/shared/api"
	"hookline/shared/console/feed"
	"hookline/shared/console/page"
	"hookline/shared/console/record"
	"hookline/shared/console/words"
	"hookline/shared/ingest"
	"hookline/shared/layout"
	"hookline/shared/webhook"
)

// Reason explains why a webhook did not get the event.
func (*eventPage) Reason(reason string) string {
	switch ingest.Reason(reason) {
	case ingest.Inactive:
		return "It is inactive."
	case ingest.NotSubscribed:
		return "It does not take events of this type."
	case ingest.Filtered:
		return "Its filter does not let this event through."
	case ingest.Later:
		return "It has come to take such events only since."
	case ingest.AboutItself:
		return "The event is about this webhook, and a webhook gets none about itself."
	case ingest.OverBudget:
		return "Its filter was not tried: the filters of all webhooks are too much work for this event."
	}
	return "It was deleted before the first attempt."
}

// eventPage is the data of an event's page.
type eventPage struct {
	api.EventDetail
	Names        map[string]string // labels of webhooks by id
	Replayed     string            // the webhook to which the visitor sent it from this page just now
	Problem      string            // the reason why that failed
	Poll         string
	Announcement string
	Many         bool   // there are more webhooks than an answer holds: they are searched and paged
	Sent         string // "true" lists the webhooks that got it, "false" the others; if Many
	Search       string // part of a webhook's URL, name or id; if Many
	First        bool   // it is the first page; if Many
}

// skippedFor are webhooks that did not get the event for the same reason.
type skippedFor struct {
	Reason   string
	Webhooks []string
}

// Reasons are the webhooks that did not get the event, by the reason, those with the most first.
func (p *eventPage) Reasons() []skippedFor {
	var out []skippedFor
	for _, s := range p.Skipped {
		reason := p.Reason(s.Reason)
		i := slices.IndexFunc(out, func(r skippedFor) bool { return r.Reason == reason })
		if i < 0 {
			i = len(out)
			out = append(out, skippedFor{Reason: reason})
		}
		out[i].Webhooks = append(out[i].Webhooks, s.WebhookID)
	}
	slices.SortStableFunc(out, func(a, b skippedFor) int { return len(b.Webhooks) - len(a.Webhooks) })
	return out
}

// Page returns the address of the webhooks that got the event, or of the others, with the search; and Next that of the
// next page, "" at the end.
func (p *eventPage) Page(sent string) string {
	return page.Address("/console/events/"+url.PathEscape(p.ID), p.query(sent))
}

func (p *eventPage) Next() string {
	if p.NextCursor == nil {
		return ""
	}
	q := p.query(p.Sent)
	q.Set("cursor", *p.NextCursor)
	return page.Address("/console/events/"+url.PathEscape(p.ID), q)
}

func (p *eventPage) query(sent string) url.Values {
	q := url.Values{"sent": {sent}}
	if p.Search != "" {
		q.Set("search", p.Search)
	}
	return q
}

// Exact is the data byte for byte, and Pretty is the data laid out.
func (p *eventPage) Exact() layout.Text  { return layout.Cut(string(p.Data), layout.MaxBytes) }
func (p *eventPage) Pretty() layout.Text { return layout.Readable(p.Data, layout.MaxBytes) }

// Label is a webhook's label, or its id.
func (p *eventPage) Label(id string) string {
	if name := p.Names[id]; name != "" {
		return name
	}
	return id
}

// webhooks returns the ids of all webhooks on the page.
func (p *eventPage) webhooks() []string {
	var out []string
	for _, d := range p.Deliveries {
		out = append(out, d.WebhookID)
	}
	for _, s := range p.Skipped {
		out = append(out, s.WebhookID)
	}
	return out
}

// Known reports whether the webhook has a page. Of many webhooks only a hundred are looked up; the others count as known.
func (p *eventPage) Known(id string) bool { return p.Names[id] != "" || len(p.Names) >= 100 }

// choice is a webhook to which the visitor can send the event.
type choice struct{ ID, Label, Hint string }

// Choices are the webhooks to which the visitor can send the event: first those that did not get it, last the inactive ones.
func (p *eventPage) Choices() []choice {
	if p.ErasedAt != nil {
		return nil // there is nothing to send any more
	}
	var out, inactive []choice
	for _, s := range p.Skipped {
		switch c := (choice{s.WebhookID, p.Label(s.WebhookID), "has not got it"}); ingest.Reason(s.Reason) {
		case ingest.Inactive:
			c.Hint = "inactive"
			inactive = append(inactive, c)
		case ingest.NotSubscribed, ingest.Filtered, ingest.Later, ingest.AboutItself, ingest.OverBudget:
			out = append(out, c)
		}
	}
	for _, d := range p.Deliveries {
		out = append(out, choice{d.WebhookID, p.Label(d.WebhookID), "once more"})
	}
	return append(out, inactive...)
}

func showEvent(v *page.Visit) { answer(v, http.StatusOK, v.R.URL.Query().Get("replayed"), "") }

// answer shows an event's page, which polls while a delivery is pending.
func answer(v *page.Visit, status int, replayed, problem string) {
	id := v.ID()
	asked := v.R.URL.Query()
	p := eventPage{Replayed: replayed, Problem: problem, Sent: asked.Get("sent"), Search: strings.TrimSpace(asked.Get("search")), First: asked.Get("cursor") == ""}
	if p.Many = p.Sent != "" || p.Search != ""; p.Many && p.Sent != "false" {
		p.Sent = "true"
	}
	err := p.read(v, id)
	if showNoLog(v, err) {
		return
	}
	if err == nil {
		p.Names, err = feed.Names(v, p.webhooks())
	}
	if err != nil {
		v.Failed(err)
		return
	}
	mark := page.Digest(p.EventDetail, p.Names)
	if v.Unchanged(mark) {
		return
	}
	if slices.ContainsFunc(p.Deliveries, func(d api.Delivery) bool { return d.Status == webhook.Pending }) {
		q := v.R.URL.Query()
		q.Set("seen", mark)
		if replayed != "" {
			q.Set("replayed", replayed)
		}
		p.Poll = page.Address("/console/events/"+id, q)
	}
	p.Announcement = p.Type + ", matched " + words.Grouped(p.Matched) + "."
	for _, d := range p.Deliveries {
		p.Announcement += " " + p.Label(d.WebhookID) + ": " + v.Dialect.Words[string(d.Status)] + "."
	}
	fragment := "event" // without the form
	if problem != "" {
		fragment = ""
	}
	v.Show(status, "event", fragment, "events", p.Type, &p)
}

// read reads the event: with its first webhooks or, if these are many, with a page of them.
func (p *eventPage) read(v *page.Visit, id string) error {
	if !p.Many {
		err := v.Get("/v1/events/"+id, nil, &p.EventDetail)
		if err != nil || !p.Truncated {
			return err
		}
		p.Many, p.Sent = true, strconv.FormatBool(p.Matched > 0)
	}
	q := p.query(p.Sent)
	q.Set("limit", strconv.Itoa(page.PerPage))
	if cursor := v.R.URL.Query().Get("cursor"); cursor != "" {
		q.Set("cursor", cursor)
	}
	p.EventDetail = api.EventDetail{}
	return v.Get("/v1/events/"+id, q, &p.EventDetail)
}

func replayEvent(v *page.Visit) {
	hook := v.R.PostFormValue("webhook_id")
	id := v.ID()
	err := v.Send(http.MethodPost, "/v1/events/"+id+"/replay", map[string]any{"webhook_id": hook}, nil)
	if showNoLog(v, err) {
		return
	}
	if err != nil {
		if p := v.Refused(err); p != nil {
			problem := "Choose a webhook to send it to."
			if hook != "" {
				problem = "There is no such webhook any more. Choose another."
			}
			answer(v, http.StatusUnprocessableEntity, "", problem)
		}
		return
	}
	v.Redirect(page.Address("/console/events/"+id, url.Values{"replayed": {hook}}))
}

// downloadData answers with an event's data as it is stored.
func downloadData(v *page.Visit) {
	var e api.EventDetail
	err := v.Get("/v1/events/"+v.ID(), nil, &e)
	if showNoLog(v, err) {
		return
	}
	if err != nil {
		v.Failed(err)
		return
	}
	v.Download(record.FileName(e.ID), page.JSON, e.Data)
}
