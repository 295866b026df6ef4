package webhooks

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"hookline/shared/api"
	"hookline/shared/console/chart"
	"hookline/shared/console/page"
	"hookline/shared/console/record"
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

func list(v *page.Visit) {
	asked := v.R.URL.Query()
	p := listPage{Search: asked.Get("search"), Status: asked.Get("status")}
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
	if err == nil && !v.Partial() {
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
	v.Show(http.StatusOK, "webhooks", "list", "webhooks", v.Dialect.Words["title"], &p)
}

// Spark returns the chart of a webhook's last day, in the product's words.
func (*listPage) Spark(words map[string]string, of api.WebhookStats) *chart.Chart {
	return new(hours(words, of, ""))
}

// Sum returns the number of all deliveries.
func (*listPage) Sum(c api.DeliveryCounts) int { return c.Succeeded + c.Failed + c.Pending }

// hours returns the chart of a webhook's last day, in the product's words. id must be unique in the page.
func hours(words map[string]string, of api.WebhookStats, id string) chart.Chart {
	c := chart.Chart{ID: id, Title: "Deliveries of the last 24 hours", Heading: "Hour, UTC"}
	for _, status := range []webhook.DeliveryStatus{webhook.Succeeded, webhook.Failed, webhook.Pending} {
		c.Series = append(c.Series, chart.Series{Name: words[string(status)], Class: string(status)})
	}
	for _, h := range of.Hours {
		c.Columns = append(c.Columns, chart.Column{
			Label: h.Hour.Format("2 Jan, 15:04"), Short: h.Hour.Format("15:04"), Values: []int{h.Succeeded, h.Failed, h.Pending},
		})
	}
	return c
}
