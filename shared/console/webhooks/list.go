package webhooks

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"hookline/shared/console/chart"
	"hookline/shared/console/page"
	"hookline/shared/console/record"
	"hookline/shared/webhook"
)

// listPage is a page of the list.
type listPage struct {
	page.List[record.Webhook]
	Total    int `json:"total"`
	Active   int `json:"active"`
	Inactive int `json:"inactive"`
	Failing  int `json:"failing"`

	EventTypes     int
	Day            record.Counts // of all the tenant's webhooks
	Search, Status string
}

// Filtered reports whether the list was asked for in part.
func (p listPage) Filtered() bool { return p.Search != "" || p.Status != "" }

// Filter returns the address of the list with another status.
func (p listPage) Filter(status string) string {
	q := url.Values{}
	if p.Search != "" {
		q.Set("search", p.Search)
	}
	if status != "" {
		q.Set("status", status)
	}
	return page.Address("/console/webhooks", q)
}

func list(v *page.Visit) {
	asked := v.R.URL.Query()
	p := listPage{Search: asked.Get("search"), Status: asked.Get("status")}
	p.First = asked.Get("cursor") == ""
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
	if err == nil && !v.Partial() {
		p.Day, err = day(v)
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
	v.Show(http.StatusOK, "webhooks", "list", "webhooks", v.Dialect.Words["title"], p)
}

// day asks for the deliveries of all the tenant's webhooks.
func day(v *page.Visit) (record.Counts, error) {
	var s struct {
		Deliveries record.Counts `json:"deliveries"`
	}
	err := v.Get("/v1/stats", nil, &s)
	return s.Deliveries, err
}

// Spark is a webhook's last day as a small chart, in the product's words.
func (listPage) Spark(words map[string]string, of record.Stats) chart.Chart {
	return hours(words, of, "")
}

// hours is the chart of a webhook's last day, in the product's words. id is unique in the page.
func hours(words map[string]string, of record.Stats, id string) chart.Chart {
	c := chart.Chart{ID: id, Title: "Deliveries of the last 24 hours", Heading: "Hour, UTC"}
	for _, status := range []webhook.DeliveryStatus{webhook.Succeeded, webhook.Failed, webhook.Pending} {
		c.Series = append(c.Series, chart.Series{Name: words[string(status)], Class: string(status)})
	}
	for _, h := range of.Hours {
		col := chart.Column{Label: h.Hour, Short: h.Hour, Values: []int{h.Succeeded, h.Failed, h.Pending}}
		if t, err := time.Parse(webhook.TimeFormat, h.Hour); err == nil {
			col.Label, col.Short = t.Format("2 Jan, 15:04"), t.Format("15:04")
		}
		c.Columns = append(c.Columns, col)
	}
	return c
}
