package webhooks

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"hookline/shared/api"
	"hookline/shared/console/chart"
	"hookline/shared/console/page"
	"hookline/shared/console/record"
	"hookline/shared/console/words"
	"hookline/shared/webhook"
)

// listPage is a page of the list.
type listPage struct {
	api.List[row]
	page.Pager
	api.WebhookCounts

	EventTypes     int
	Day            api.DeliveryCounts // the last 24 hours of all webhooks
	Search, Status string
	Paused         bool   // the list does not poll
	Poll           string // the address to poll, "" if the page does not poll
	Announcement   string // a screen reader announces it when the list has changed
	Partial        bool   // the list replaces the one on a page, and the totals with it
}

// row is a webhook in the list.
type row struct {
	record.Webhook
	Stats api.WebhookStats `json:"stats"`
}

// Filtered reports whether the list is filtered.
func (p *listPage) Filtered() bool { return p.Search != "" || p.Status != "" }

// Filter returns the address of the list with another status in its filter.
func (p *listPage) Filter(status string) string {
	q := url.Values{}
	if p.Search != "" {
		q.Set("search", p.Search)
	}
	if status != "" {
		q.Set("status", status)
	}
	return page.Address("/console/webhooks", q)
}

// Elsewhere returns the page of what was searched for, if that is the id of something else than a webhook, and "" otherwise.
func (p *listPage) Elsewhere() string {
	for prefix, path := range map[string]string{"evt_": "/console/events/", "dlv_": "/console/deliveries/", "dep_": "/console/deployments/"} {
		if strings.HasPrefix(p.Search, prefix) {
			return path + url.PathEscape(p.Search)
		}
	}
	return ""
}

// Live returns the address of the list that polls, and Pause that of the list that does not.
func (p *listPage) Live() string  { return p.Filter(p.Status) }
func (p *listPage) Pause() string { return p.with("live", "off") }

// with returns the address of the list with one more parameter.
func (p *listPage) with(name, value string) string {
	address := p.Filter(p.Status)
	if strings.Contains(address, "?") {
		address += "&"
	} else {
		address += "?"
	}
	return address + url.Values{name: {value}}.Encode()
}

func list(v *page.Visit) {
	asked := v.R.URL.Query()
	p := listPage{Search: strings.TrimSpace(asked.Get("search")), Status: asked.Get("status"), Paused: asked.Get("live") == "off", Partial: v.Partial()}
	p.Pager = v.Pager("", nil)
	if !slices.Contains([]string{"active", "inactive", "failing"}, p.Status) {
		p.Status = ""
	}
	query := url.Values{"limit": {strconv.Itoa(page.PerPage)}}
	for name, value := range map[string]string{"search": p.Search, "status": p.Status, "cursor": asked.Get("cursor")} {
		if value != "" {
			query.Set(name, value)
		}
	}
	asking := maps.Clone(query)
	asking.Set("stats", "true")
	err := v.Get("/v1/webhooks", asking, &p)
	if err == nil {
		var all api.Stats
		err = v.Get("/v1/stats", nil, &all)
		p.Day = all.Deliveries
	}
	if err != nil {
		v.Failed(err)
		return
	}
	p.EventTypes = len(v.EventNames())
	if p.NextCursor != nil {
		query.Del("limit")
		query.Set("cursor", *p.NextCursor)
		p.Next = page.Address("/console/webhooks", query)
	}
	mark := page.Digest(p.Data, p.WebhookCounts, p.Day)
	if v.Unchanged(mark) {
		return
	}
	if p.Partial && !asked.Has("seen") { // a search: however many letters it has, it is one step back
		step := "HX-Push-Url"
		if at, err := url.Parse(v.R.Header.Get("HX-Current-URL")); err == nil && at.Query().Get("search") != "" {
			step = "HX-Replace-Url"
		}
		v.W.Header().Set(step, p.Live())
	}
	if p.Partial && asked.Get("first") == "true" { // the page has no search yet
		v.W.Header().Set("HX-Refresh", "true")
	}
	if p.First && !p.Paused {
		p.Poll = p.with("seen", mark)
		if p.Total == 0 {
			p.Poll = page.Address("/console/webhooks", url.Values{"seen": {mark}, "first": {"true"}})
		}
	}
	p.Announcement = listed(len(p.Data))
	v.Show(http.StatusOK, "webhooks", "list", "webhooks", v.Dialect.Words["title"], &p)
}

// listed says how many webhooks are listed.
func listed(n int) string {
	if n == 1 {
		return "1 webhook listed."
	}
	return words.Grouped(n) + " webhooks listed."
}

// Spark returns the chart of a webhook's last day, in the product's words.
func (*listPage) Spark(in map[string]string, of api.WebhookStats) *chart.Chart {
	return new(hours(in, of, ""))
}

// Sum returns the number of all deliveries.
func (*listPage) Sum(c api.DeliveryCounts) int { return c.Succeeded + c.Failed + c.Pending }

// hours returns the chart of a webhook's last day, in the product's words. id must be unique in the page.
func hours(in map[string]string, of api.WebhookStats, id string) chart.Chart {
	c := chart.Chart{ID: id, Title: "Deliveries of the last 24 hours", Heading: "Hour, UTC"}
	for _, status := range []webhook.DeliveryStatus{webhook.Succeeded, webhook.Failed, webhook.Pending} {
		name := in[string(status)]
		if status == webhook.Pending { // no tally has those that wait for their first attempt, which are pending too
			name = "Being retried"
		}
		c.Series = append(c.Series, chart.Series{Name: name, Class: string(status)})
	}
	for _, h := range of.Hours {
		c.Columns = append(c.Columns, chart.Column{
			Label: h.Hour.Format("2 Jan, 15:04"), Short: h.Hour.Format("15:04"), Values: []int{h.Succeeded, h.Failed, h.Pending},
		})
	}
	return c
}
