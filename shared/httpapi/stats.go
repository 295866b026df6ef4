package httpapi

import (
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"hookline/shared/api"
	"hookline/shared/webhook"
)

// dayHours is how many hours statistics go back, unless fewer are asked for.
const dayHours = 24

// tallies are a tenant's tallies of the last hours, by webhook.
type tallies struct {
	now   time.Time
	hours int
	by    map[string][]webhook.Tally
}

// lastDays remembers the tallies of tenants whose statistics take long to read, for ten times as long as reading took. So
// the statistics of one tenant cost a tenth of a processor at most, however often they are asked for. Tallies that are read
// quickly are not remembered, and never old.
type lastDays struct {
	mu sync.Mutex
	of map[dayOf]read
}

// dayOf names the last hours of a tenant. The time of its creation tells it from an earlier tenant with the same id.
type dayOf struct {
	tenant  string
	created time.Time
	hours   int
}

type read struct {
	tallies
	until time.Time // in real time
}

const (
	quickly     = 250 * time.Millisecond
	rememberFor = 10 // times as long as reading took
	maxDays     = 100
)

func (l *lastDays) recall(of dayOf) (tallies, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r, ok := l.of[of]
	return r.tallies, ok && time.Now().Before(r.until)
}

func (l *lastDays) remember(of dayOf, t tallies, took time.Duration) {
	if took < quickly {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.of == nil || len(l.of) >= maxDays {
		l.of = make(map[dayOf]read)
	}
	l.of[of] = read{t, time.Now().Add(rememberFor * took)}
}

func (a *API) lastHours(c *call, hours int) (tallies, error) {
	of := dayOf{c.tenant.ID, c.tenant.CreatedAt, hours}
	if known, ok := a.days.recall(of); ok {
		return known, nil
	}
	began := time.Now()
	out := tallies{a.now(), hours, make(map[string][]webhook.Tally)}
	all, err := a.Store.Tallies(c.ctx(), c.tenant.ID, out.now.Add(-time.Duration(hours)*time.Hour))
	if err != nil {
		return tallies{}, err
	}
	for _, t := range all {
		out.by[t.Webhook] = append(out.by[t.Webhook], t)
	}
	a.days.remember(of, out, time.Since(began))
	return out, nil
}

// sum adds up all webhooks' tallies.
func (t tallies) sum() (out api.DeliveryCounts) {
	for _, hook := range t.by {
		for _, of := range hook {
			count(&out, of)
		}
	}
	return out
}

// of returns one webhook's.
func (t tallies) of(id string) api.WebhookStats {
	first := t.now.Truncate(time.Hour).Add(-time.Duration(t.hours-1) * time.Hour)
	out := api.WebhookStats{Hours: make([]api.HourCounts, t.hours)}
	answers := make(map[int]int)
	for i := range out.Hours {
		out.Hours[i].Hour = api.Time{Time: first.Add(time.Duration(i) * time.Hour)}
	}
	for _, of := range t.by[id] {
		count(&out.Deliveries, of)
		for after, n := range of.Answers {
			answers[after] += n
		}
		if i := int(of.Hour.Sub(first) / time.Hour); !of.Hour.Before(first) && i < t.hours {
			count(&out.Hours[i].DeliveryCounts, of)
		}
	}
	if ended := out.Deliveries.Succeeded + out.Deliveries.Failed; ended > 0 {
		out.SuccessRate = new(float64(out.Deliveries.Succeeded) / float64(ended))
	}
	out.P50MS, out.P95MS = percentile(answers, 50), percentile(answers, 95)
	return out
}

// percentile returns the least time within which that many of 100 answers came, nil if there was none. answers counts them
// by time.
func percentile(answers map[int]int, of int) *int {
	total := 0
	for _, n := range answers {
		total += n
	}
	within := 0
	for _, after := range slices.Sorted(maps.Keys(answers)) {
		if within += answers[after]; 100*within >= of*total {
			return &after
		}
	}
	return nil
}

func count(n *api.DeliveryCounts, t webhook.Tally) {
	n.Succeeded += t.Succeeded
	n.Failed += t.Failed
	n.Pending += t.Pending
}

func (a *API) showStats(c *call) (answer, error) {
	d, err := a.dialect(c)
	if err != nil {
		return answer{}, err
	}
	n, err := a.Store.WebhookCounts(c.ctx(), c.tenant.ID)
	if err != nil {
		return answer{}, err
	}
	t, err := a.lastHours(c, dayHours)
	if err != nil {
		return answer{}, err
	}
	out := api.Stats{
		Webhooks:   api.WebhookCounts(n),
		Deliveries: t.sum(),
	}
	for _, e := range d.EventTypes() {
		if !e.ComingSoon {
			out.EventTypes++
		}
	}
	return reply(http.StatusOK, out)
}

func (a *API) showWebhookStats(c *call) (answer, error) {
	hours := c.query.number("hours", dayHours, 1, dayHours)
	if err := c.query.faults.Err(); err != nil {
		return answer{}, err
	}
	t, err := a.lastHours(c, hours)
	if err != nil {
		return answer{}, err
	}
	return reply(http.StatusOK, t.of(c.webhook.ID))
}
