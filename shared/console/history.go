package console

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"hookline/shared/webhook"
)

// attemptView is an attempt as the API shows it.
type attemptView struct {
	Number       int                   `json:"number"`
	ScheduledAt  time.Time             `json:"scheduled_at"`
	StartedAt    time.Time             `json:"started_at"`
	DurationMS   int64                 `json:"duration_ms"`
	StatusCode   *int                  `json:"status_code"`
	Error        *webhook.AttemptError `json:"error"`
	ErrorDetail  *webhook.ErrorDetail  `json:"error_detail"`
	ResponseBody string                `json:"response_body"`
	Truncated    bool                  `json:"response_truncated"`
	Headers      map[string]string     `json:"response_headers"`
}

// Status is what came of it, in the words for deliveries.
func (a attemptView) Status() webhook.DeliveryStatus {
	if a.Error != nil {
		return webhook.Failed
	}
	return webhook.Succeeded
}

// Code is the answer's status, 0 without an answer.
func (a attemptView) Code() int {
	if a.StatusCode == nil {
		return 0
	}
	return *a.StatusCode
}

// Fault is why it failed, "" if it did not.
func (a attemptView) Fault() webhook.AttemptError {
	if a.Error == nil {
		return ""
	}
	return *a.Error
}

// Sent reports whether a request was made.
func (a attemptView) Sent() bool {
	return a.Fault() != webhook.ErrWebhookInactive && a.Fault() != webhook.ErrWebhookDeleted
}

// Detail narrows the fault down, "" where no more is known.
func (a attemptView) Detail() webhook.ErrorDetail {
	if a.ErrorDetail == nil {
		return ""
	}
	return *a.ErrorDetail
}

// Why explains a failure.
func (a attemptView) Why() explanation { return explain(a) }

// Late is how long after its time it began, where that is worth a word.
func (a attemptView) Late() string {
	if late := a.StartedAt.Sub(a.ScheduledAt); late >= 5*time.Second {
		return span(late)
	}
	return ""
}

// deliveryView is a delivery as the API lists it.
type deliveryView struct {
	ID            string                 `json:"id"`
	WebhookID     string                 `json:"webhook_id"`
	EventID       string                 `json:"event_id"`
	EventType     string                 `json:"event_type"`
	Status        webhook.DeliveryStatus `json:"status"`
	AttemptCount  int                    `json:"attempt_count"`
	CreatedAt     string                 `json:"created_at"`
	NextAttemptAt *time.Time             `json:"next_attempt_at"`
	LastAttempt   *attemptView           `json:"last_attempt"`
}

// Retries is how often it was tried again.
func (d deliveryView) Retries() int { return max(0, d.AttemptCount-1) }

// deliveryRows is a table of deliveries: what the parts "deliveries" need.
type deliveryRows struct {
	Data  []deliveryView
	Names map[string]string // what webhooks are called, by id; nil where all rows are one webhook's
}

// historyFilter is what a history can be asked for.
type historyFilter struct {
	Status, EventType, Within, Since, Until string

	faults map[string]string
}

// periods are the presets of the time filter.
func periods() []period {
	return []period{{"", "Any time", 0}, {"1h", "Last hour", time.Hour}, {"24h", "Last 24 hours", 24 * time.Hour}, {"7d", "Last 7 days", 7 * 24 * time.Hour}}
}

type period struct {
	Name, Label string
	span        time.Duration
}

// filterOf reads a filter from an address. A status or a preset that is none is left out.
func filterOf(asked url.Values) historyFilter {
	f := historyFilter{
		Status: asked.Get("status"), EventType: strings.TrimSpace(asked.Get("event_type")), Within: asked.Get("within"),
		Since: asked.Get("since"), Until: asked.Get("until"), faults: map[string]string{},
	}
	if !slices.Contains(deliveryStatuses(), f.Status) {
		f.Status = ""
	}
	if !slices.ContainsFunc(periods(), func(p period) bool { return p.Name == f.Within }) {
		f.Within = ""
	}
	return f
}

// Any reports whether it leaves anything out.
func (f historyFilter) Any() bool {
	return f.Status != "" || f.EventType != "" || f.Within != "" || f.Since != "" || f.Until != ""
}

// Faults are what is wrong with it, in the order of the fields.
func (f historyFilter) Faults() []string {
	var out []string
	for _, field := range slices.Sorted(maps.Keys(f.faults)) {
		out = append(out, f.faults[field])
	}
	return out
}

// Wrong reports whether something is wrong with a field.
func (f historyFilter) Wrong(field string) bool { return f.faults[field] != "" }

func (f historyFilter) address(path string, more ...string) string {
	q := url.Values{}
	for field, value := range map[string]string{"status": f.Status, "event_type": f.EventType, "within": f.Within, "since": f.Since, "until": f.Until} {
		if value != "" {
			q.Set(field, value)
		}
	}
	for i := 0; i+1 < len(more); i += 2 {
		q.Set(more[i], more[i+1])
	}
	return address(path, q)
}

// query is the filter as the API takes it. A beginning that is given counts, and not the preset.
func (f historyFilter) query(now time.Time) url.Values {
	q := url.Values{}
	if f.Status != "" {
		q.Set("status", f.Status)
	}
	if f.EventType != "" {
		q.Set("event_type", f.EventType)
	}
	for _, p := range periods() {
		if p.span > 0 && p.Name == f.Within {
			q.Set("since", now.Add(-p.span).Format(time.RFC3339Nano))
		}
	}
	for field, value := range map[string]string{"since": f.Since, "until": f.Until} {
		if value == "" {
			continue
		}
		at, err := fieldTime(value)
		if err != nil {
			f.faults[field] = "The time " + map[string]string{"since": "from", "until": "until"}[field] + " which to list is not one: write it as 2026-03-20T12:00."
			continue
		}
		q.Set(field, at.Format(time.RFC3339))
	}
	return q
}

// fieldTime reads what a datetime-local field sends, as UTC, or a time of the API.
func fieldTime(s string) (time.Time, error) {
	for _, form := range []string{"2006-01-02T15:04", "2006-01-02T15:04:05"} {
		if t, err := time.Parse(form, s); err == nil {
			return t, nil
		}
	}
	return time.Parse(time.RFC3339Nano, s)
}

// historyPage is a list of deliveries: a webhook's or all of the tenant's.
type historyPage struct {
	deliveryRows
	Path    string       // of the list
	Webhook *webhookView // nil for the tenant's
	Filter  historyFilter
	Types   []string // of the catalogue
	Periods []period
	First   bool
	Paused  bool
	Next    string // the address of the next page, "" at the end
	Poll    string // where to ask for what is new, "" for not at all
	Said    string // what is told of the list to who does not see it
}

// Here is the list's address with its filter; Live and Pause turn the asking for what is new on and off.
func (p historyPage) Here() string  { return p.Filter.address(p.Path) }
func (p historyPage) Live() string  { return p.Filter.address(p.Path) }
func (p historyPage) Pause() string { return p.Filter.address(p.Path, "live", "off") }

func (v *visit) deliveries() {
	v.history(historyPage{Path: "/console/deliveries"}, "/v1/deliveries", "deliveries", v.dialect.Words["deliveries"])
}

func (v *visit) webhookDeliveries() {
	id := url.PathEscape(v.r.PathValue("id"))
	var w webhookView
	if err := v.get("/v1/webhooks/"+id, nil, &w); err != nil {
		v.failed(err)
		return
	}
	v.history(historyPage{Path: "/console/webhooks/" + id + "/deliveries", Webhook: &w}, "/v1/webhooks/"+id+"/deliveries", "webhooks",
		v.dialect.Words["deliveries"]+" · "+w.Label())
}

// history answers with a list of deliveries. A first page asks again and again for what is new, and is answered 204 as
// long as nothing is, so that nothing moves under the reader's hands.
func (v *visit) history(p historyPage, path, section, title string) {
	asked := v.r.URL.Query()
	p.Filter, p.Periods, p.Paused, p.First = filterOf(asked), periods(), asked.Get("live") == "off", asked.Get("cursor") == ""
	p.Types = eventNames(v.dialect)
	query := p.Filter.query(v.now())
	status := http.StatusOK
	if len(p.Filter.faults) == 0 {
		next, err := v.fill(&p, path, query, asked.Get("cursor"))
		if fault, ok := errors.AsType[*problem](err); ok && fault.Status == http.StatusUnprocessableEntity && len(fault.Errors) > 0 && fault.Errors[0].Field == "event_type" {
			p.Filter.faults["event_type"] = "The event type " + fault.Errors[0].Message + "."
		} else if err != nil {
			v.failed(err)
			return
		}
		if next != "" {
			p.Next = p.Filter.address(p.Path, "cursor", next)
		}
	}
	if len(p.Filter.faults) > 0 {
		status = http.StatusUnprocessableEntity
	}
	mark := markOf(p.Data)
	if v.unchanged(mark) {
		return
	}
	if p.Webhook == nil && len(p.Data) > 0 {
		var err error
		if p.Names, err = v.names(p.webhooks()); err != nil {
			v.failed(err)
			return
		}
	}
	if p.First && !p.Paused && status == http.StatusOK {
		p.Poll = p.Filter.address(p.Path, "seen", mark)
	}
	p.Said = strconv.Itoa(len(p.Data)) + " deliveries listed."
	if len(p.Data) == 1 {
		p.Said = "1 delivery listed."
	}
	if len(p.Data) > 0 {
		p.Said += " The newest: " + p.Data[0].EventType + ", " + v.dialect.Words[string(p.Data[0].Status)] + "."
	}
	v.show(status, "history", "list", section, title, p)
}

// fills is how often fill goes on where pages come short.
const fills = 4

// fill lists a page's rows: pages of the API may be short under a filter, a page here is short at the list's end or
// after a long stretch that does not match.
func (v *visit) fill(p *historyPage, path string, query url.Values, cursor string) (next string, err error) {
	for range fills {
		query.Set("limit", strconv.Itoa(perPage-len(p.Data)))
		if cursor != "" {
			query.Set("cursor", cursor)
		}
		var l list[deliveryView]
		if err := v.get(path, query, &l); err != nil {
			return "", err
		}
		p.Data = append(p.Data, l.Data...)
		if l.NextCursor == nil {
			cursor = ""
			break
		}
		if cursor = *l.NextCursor; len(p.Data) == perPage {
			break
		}
	}
	return cursor, nil
}

// webhooks returns the ids of those that the deliveries went to.
func (p historyPage) webhooks() []string {
	var out []string
	for _, d := range p.Data {
		out = append(out, d.WebhookID)
	}
	return out
}

// names returns what webhooks are called, by id; those that are gone have no name. Of more than a page's worth it looks
// up the tenant's newest hundred, and the others go by their ids.
func (v *visit) names(ids []string) (map[string]string, error) {
	out := map[string]string{}
	if !v.key.Grants("webhooks:read") {
		return out, nil
	}
	ids = slices.Compact(slices.Sorted(slices.Values(ids)))
	if len(ids) <= perPage {
		for _, id := range ids {
			var w webhookView
			err := v.get("/v1/webhooks/"+url.PathEscape(id), nil, &w)
			if p, ok := errors.AsType[*problem](err); ok && p.Status == http.StatusNotFound {
				continue
			}
			if err != nil {
				return nil, err
			}
			out[id] = w.Label()
		}
		return out, nil
	}
	var l list[webhookView]
	if err := v.get("/v1/webhooks", url.Values{"limit": {"100"}}, &l); err != nil {
		return nil, err
	}
	for _, w := range l.Data {
		out[w.ID] = w.Label()
	}
	return out, nil
}

// markOf tells what a page shows from what it showed before.
func markOf(shown ...any) string {
	b, _ := json.Marshal(shown) // the API's own answers
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:6])
}

// unchanged answers a page that asks whether there is anything but what it shows already.
func (v *visit) unchanged(mark string) bool {
	if !v.partial() || v.r.URL.Query().Get("seen") != mark {
		return false
	}
	v.w.Header().Set("Vary", "HX-Request")
	v.w.WriteHeader(http.StatusNoContent)
	return true
}
