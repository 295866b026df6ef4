package console

import (
	"time"

	"hookline/shared/webhook"
)

// dayCounts are deliveries of the last 24 hours as they stand.
type dayCounts struct {
	Succeeded int `json:"succeeded"`
	Failed    int `json:"failed"`
	Pending   int `json:"pending"`
}

// Sum is all of them.
func (c dayCounts) Sum() int { return c.Succeeded + c.Failed + c.Pending }

// webhookStats is a webhook's last day as the API shows it.
type webhookStats struct {
	Deliveries dayCounts   `json:"deliveries"`
	Hours      []hourCount `json:"hours"`
}

type hourCount struct {
	Hour string `json:"hour"`
	dayCounts
}

// day asks for the tenant's.
func (v *visit) day() (dayCounts, error) {
	var s struct {
		Deliveries dayCounts `json:"deliveries"`
	}
	err := v.get("/v1/stats", nil, &s)
	return s.Deliveries, err
}

// hoursChart is the chart of a webhook's last day, in the product's words. id is unique in the page.
func hoursChart(words map[string]string, of webhookStats, id string) chart {
	c := chart{ID: id, Title: "Deliveries of the last 24 hours", Heading: "Hour, UTC", Series: []chartSeries{
		{words[string(webhook.Succeeded)], string(webhook.Succeeded)},
		{words[string(webhook.Failed)], string(webhook.Failed)},
		{words[string(webhook.Pending)], string(webhook.Pending)},
	}}
	for _, h := range of.Hours {
		col := chartColumn{Label: h.Hour, Short: h.Hour, Values: []int{h.Succeeded, h.Failed, h.Pending}}
		if t, err := time.Parse(webhook.TimeFormat, h.Hour); err == nil {
			col.Label, col.Short = t.Format("2 Jan, 15:04"), t.Format("15:04")
		}
		c.Columns = append(c.Columns, col)
	}
	return c
}
