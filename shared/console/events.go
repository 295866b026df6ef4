package console

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"hookline/shared/ingest"
	"hookline/shared/layout"
	"hookline/shared/webhook"
)

// eventView is an event as the API lists it.
type eventView struct {
	ID         string `json:"id"`
	Type       string `json:"type"`
	Timestamp  string `json:"timestamp"`
	AcceptedAt string `json:"accepted_at"`
	Matched    int    `json:"matched"`
}

// eventFilter is what the list of events can be asked for. Of a history's filter it has no status.
type eventFilter struct {
	historyFilter
	Matched string // "true", "false" or "" for both
}

// Any reports whether it leaves anything out.
func (f eventFilter) Any() bool { return f.Matched != "" || f.historyFilter.Any() }

func (f eventFilter) address(more ...string) string {
	if f.Matched != "" {
		more = append(more, "matched", f.Matched)
	}
	return f.historyFilter.address("/console/events", more...)
}

// eventsPage is the list of events.
type eventsPage struct {
	Data    []eventView
	Filter  eventFilter
	Types   []string // of the catalogue
	Periods []period
	First   bool
	Paused  bool
	Next    string // the address of the next page, "" at the end
	Poll    string // where to ask for what is new, "" for not at all
	Said    string // what is told of the list to who does not see it
}

// Live and Pause turn the asking for what is new on and off.
func (p eventsPage) Live() string  { return p.Filter.address() }
func (p eventsPage) Pause() string { return p.Filter.address("live", "off") }

// logOff answers where the stack keeps no event log, and reports whether it did.
func (v *visit) logOff(err error) bool {
	p, ok := errors.AsType[*problem](err)
	if !ok || p.Code != "event-log-off" {
		return false
	}
	v.show(http.StatusNotFound, "events-off", "list", "events", "Events", nil)
	return true
}

// events answers with the list of events. A first page asks again and again for what is new, as a history does.
func (v *visit) events() {
	asked := v.r.URL.Query()
	p := eventsPage{
		Filter: eventFilter{filterOf(asked), asked.Get("matched")}, Periods: periods(), Paused: asked.Get("live") == "off", First: asked.Get("cursor") == "",
	}
	p.Filter.Status = "" // that of deliveries
	if !slices.Contains([]string{"true", "false"}, p.Filter.Matched) {
		p.Filter.Matched = ""
	}
	for _, e := range v.dialect.EventTypes() {
		if !e.ComingSoon {
			p.Types = append(p.Types, e.Name)
		}
	}
	query := p.Filter.query(v.now())
	if eventType := query.Get("event_type"); eventType != "" {
		query.Del("event_type")
		query.Set("type", eventType)
	}
	if p.Filter.Matched != "" {
		query.Set("matched", p.Filter.Matched)
	}
	status := http.StatusOK
	if len(p.Filter.faults) == 0 {
		err := v.fillEvents(&p, query, asked.Get("cursor"))
		if fault, ok := errors.AsType[*problem](err); ok && fault.Status == http.StatusUnprocessableEntity && len(fault.Errors) > 0 && fault.Errors[0].Field == "type" {
			p.Filter.faults["event_type"] = "The event type " + fault.Errors[0].Message + "."
		} else if v.logOff(err) {
			return
		} else if err != nil {
			v.failed(err)
			return
		}
	}
	if len(p.Filter.faults) > 0 {
		status = http.StatusUnprocessableEntity
	}
	mark := markOf(p.Data, p.Filter)
	if v.unchanged(mark) {
		return
	}
	if p.First && !p.Paused && status == http.StatusOK {
		p.Poll = p.Filter.address("seen", mark)
	}
	p.Said = strconv.Itoa(len(p.Data)) + " events listed."
	if len(p.Data) == 1 {
		p.Said = "1 event listed."
	}
	if len(p.Data) > 0 {
		p.Said += " The newest: " + p.Data[0].Type + "."
	}
	v.show(status, "events", "list", "events", "Events", p)
}

// fillEvents lists a page's rows, going on where pages of the API come short under a filter.
func (v *visit) fillEvents(p *eventsPage, query url.Values, cursor string) error {
	for range fills {
		query.Set("limit", strconv.Itoa(perPage-len(p.Data)))
		if cursor != "" {
			query.Set("cursor", cursor)
		}
		var l list[eventView]
		if err := v.get("/v1/events", query, &l); err != nil {
			return err
		}
		p.Data = append(p.Data, l.Data...)
		if l.NextCursor == nil {
			p.Next = ""
			return nil
		}
		cursor = *l.NextCursor
		p.Next = p.Filter.address("cursor", cursor)
		if len(p.Data) == perPage {
			return nil
		}
	}
	return nil
}

// loggedView is one event, with where it went and where it did not.
type loggedView struct {
	eventView
	Data       json.RawMessage `json:"data"`
	Deliveries []deliveryView  `json:"deliveries"`
	Skipped    []skippedView   `json:"skipped"`
	Truncated  bool            `json:"truncated"`
}

type skippedView struct {
	WebhookID string        `json:"webhook_id"`
	Reason    ingest.Reason `json:"reason"`
}

// Why is the reason in words.
func (s skippedView) Why() string {
	switch s.Reason {
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

// eventPage is one event.
type eventPage struct {
	loggedView
	Names    map[string]string // what webhooks are called, by id
	Replayed string            // the webhook that it was sent to just now, from this page
	Problem  string            // why it was not sent
	Poll     string
	Said     string
}

// Exact is the data byte for byte; Pretty is laid out for reading.
func (p eventPage) Exact() layout.Text  { return layout.Cut(string(p.Data), layout.MaxBytes) }
func (p eventPage) Pretty() layout.Text { return pretty(p.Data) }

// Label is what a webhook is called.
func (p eventPage) Label(id string) string {
	if name := p.Names[id]; name != "" {
		return name
	}
	return id
}

// webhooks returns the ids of those that the event went to, or might have gone to.
func (p eventPage) webhooks() []string {
	var out []string
	for _, d := range p.Deliveries {
		out = append(out, d.WebhookID)
	}
	for _, s := range p.Skipped {
		out = append(out, s.WebhookID)
	}
	return out
}

// Known reports whether there is a page of the webhook, as far as is known: of many, names are looked up of a hundred.
func (p eventPage) Known(id string) bool { return p.Names[id] != "" || len(p.Names) >= 100 }

// choice is a webhook that the event can be sent to.
type choice struct{ ID, Label, Hint string }

// Choices are those webhooks: the ones that did not get it first, the inactive ones last.
func (p eventPage) Choices() []choice {
	var out, inactive []choice
	for _, s := range p.Skipped {
		switch c := (choice{s.WebhookID, p.Label(s.WebhookID), "has not got it"}); s.Reason {
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

func (v *visit) event() { v.showEvent(http.StatusOK, v.r.URL.Query().Get("replayed"), "") }

// showEvent answers with an event's page, which asks for what is new while a delivery is pending.
func (v *visit) showEvent(status int, replayed, problem string) {
	id := url.PathEscape(v.r.PathValue("id"))
	p := eventPage{Replayed: replayed, Problem: problem}
	err := v.get("/v1/events/"+id, nil, &p.loggedView)
	if v.logOff(err) {
		return
	}
	if err == nil {
		p.Names, err = v.names(p.webhooks())
	}
	if err != nil {
		v.failed(err)
		return
	}
	mark := markOf(p.loggedView, p.Names)
	if v.unchanged(mark) {
		return
	}
	if slices.ContainsFunc(p.Deliveries, func(d deliveryView) bool { return d.Status == webhook.Pending }) {
		q := url.Values{"seen": {mark}}
		if replayed != "" {
			q.Set("replayed", replayed)
		}
		p.Poll = address("/console/events/"+id, q)
	}
	p.Said = p.Type + ", matched " + strconv.Itoa(p.Matched) + "."
	for _, d := range p.Deliveries {
		p.Said += " " + p.Label(d.WebhookID) + ": " + v.dialect.Words[string(d.Status)] + "."
	}
	fragment := "event" // the form stands outside of it
	if problem != "" {
		fragment = ""
	}
	v.show(status, "event", fragment, "events", p.Type, p)
}

func (v *visit) replayEvent() {
	hook := v.r.PostFormValue("webhook_id")
	id := url.PathEscape(v.r.PathValue("id"))
	err := v.send(http.MethodPost, "/v1/events/"+id+"/replay", map[string]any{"webhook_id": hook}, nil)
	if v.logOff(err) {
		return
	}
	if err != nil {
		if p := v.refused(err); p != nil {
			problem := "Choose a webhook to send it to."
			if hook != "" {
				problem = "There is no such webhook any more. Choose another."
			}
			v.showEvent(http.StatusUnprocessableEntity, "", problem)
		}
		return
	}
	v.redirect(address("/console/events/"+id, url.Values{"replayed": {hook}}))
}
