package httpapi

import (
	"net/http"
	"sync"
	"time"

	"hookline/shared/api"
	"hookline/shared/webhook"
)

// day is how far statistics go back.
const day = 24 * time.Hour

// hours is how many hours of the clock a webhook's statistics have: the current one and those before it.
const hours = 24

// tallies are a tenant's tallies of the last day, by webhook.
type tallies struct {
	now time.Time
	by  map[string][]webhook.Tally
}

// lastDays remembers the tallies of tenants whose statistics take long to read, for ten times as long as reading took. So
// the statistics of one tenant cost a tenth of a processor at most, however often they are asked for. Tallies that are read
// quickly are not remembered, and never old.
type lastDays struct {
	mu sync.Mutex
	of map[dayOf]read
}

// dayOf names a tenant. The time of its creation tells it from an earlier tenant with the same id.
type dayOf struct {
	tenant  string
	created time.Time
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

func (a *API) lastDay(c *call) (tallies, error) {
	of := dayOf{c.tenant.ID, c.tenant.CreatedAt}
	if known, ok := a.days.recall(of); ok {
		return known, nil
	}
	began := time.Now()
	out := tallies{a.now(), make(map[string][]webhook.Tally)}
	all, err := a.Store.Tallies(c.ctx(), c.tenant.ID, out.now.Add(-day))
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
	first := t.now.Truncate(time.Hour).Add(-(hours - 1) * time.Hour)
	out := api.WebhookStats{Hours: make([]api.HourCounts, hours)}
	for i := range out.Hours {
		out.Hours[i].Hour = api.Time{Time: first.Add(time.Duration(i) * time.Hour)}
	}
	for _, of := range t.by[id] {
		count(&out.Deliveries, of)
		if i := int(of.Hour.Sub(first) / time.Hour); !of.Hour.Before(first) && i < hours {
			count(&out.Hours[i].DeliveryCounts, of)
		}
	}
	return out
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
	t, err := a.lastDay(c)
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
	t, err := a.lastDay(c)
	if err != nil {
		return answer{}, err
	}
	return reply(http.StatusOK, t.of(c.webhook.ID))
}
