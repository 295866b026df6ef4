package httpapi

import (
	"net/http"
	"time"

	"hookline/shared/api"
	"hookline/shared/webhook"
)

const (
	// usageDays is for how many days usage is shown when no since is given.
	usageDays = 30
	// maxUsageDays is for how many days it is shown at most.
	maxUsageDays = 366
)

// showUsage lists the tenant's days, those on which there was nothing too.
func (a *API) showUsage(c *call) (answer, error) {
	since, until := c.query.time("since"), c.query.time("until")
	if until.IsZero() {
		until = a.now()
	}
	if since.IsZero() {
		since = until.AddDate(0, 0, -usageDays)
	}
	since = webhook.DayOf(since)
	days := int((until.Sub(since) + 24*time.Hour - 1) / (24 * time.Hour))
	if days < 1 && len(c.query.faults) == 0 {
		c.query.faults.Add("until", "must be later than since")
	}
	if days > maxUsageDays {
		c.query.faults.Add("since", "must be at most 366 days before until")
	}
	if err := c.query.faults.Err(); err != nil {
		return answer{}, err
	}
	used, err := a.Store.Usage(c.ctx(), c.tenant.ID, since, until)
	if err != nil {
		return answer{}, err
	}
	by := make(map[time.Time]webhook.Usage, len(used))
	for _, u := range used {
		by[u.Day] = u
	}
	out := api.List[api.DayUsage]{Data: []api.DayUsage{}}
	for day := since; day.Before(until); day = day.Add(24 * time.Hour) {
		u := by[day]
		shown := api.DayUsage{Date: day.Format(time.DateOnly), Deliveries: u.Deliveries, Attempts: u.Attempts}
		if a.Events != nil {
			shown.Events = &u.Events
		}
		out.Data = append(out.Data, shown)
	}
	return reply(http.StatusOK, out)
}
