package deployments

import (
	"cmp"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"hookline/shared/api"
	"hookline/shared/console/chart"
	"hookline/shared/console/page"
	"hookline/shared/console/words"
	"hookline/shared/layout"
	"hookline/shared/payload"
)

// deployed is a deployment with its source's name.
type deployed struct {
	api.Deployment
	Source string // the source's name, or its product's if it was deleted
	Sent   *sent  // nil where it is not known
}

// sent says what became of a deployment's event.
type sent struct {
	Gone       bool // the event is not kept any more
	Deliveries int  // to as many webhooks it was sent
}

// Commit is the commit, shortened as in Git's own lists if it is a hash.
func (d *deployed) Commit() string {
	if len(d.CommitSHA) >= 40 && strings.Trim(d.CommitSHA, "0123456789abcdefABCDEF") == "" {
		return d.CommitSHA[:7]
	}
	return d.CommitSHA
}

// Link is the repository's address if it is safe to link to, else "".
func (d *deployed) Link() string {
	u, err := url.Parse(d.RepositoryURL)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return ""
	}
	return u.String()
}

// Repository is the repository's address for reading.
func (d *deployed) Repository() string {
	_, rest, found := strings.Cut(d.RepositoryURL, "://")
	if !found || d.Link() == "" {
		return d.RepositoryURL
	}
	return strings.TrimSuffix(rest, "/")
}

// Pretty is the report laid out.
func (d *deployed) Pretty() layout.Text { return layout.Readable(d.Payload, layout.MaxBytes) }

const (
	// chartPages and perScan bound the deployments that a chart counts: chartPages requests of perScan each.
	chartPages = 10
	perScan    = 100
	// maxEnvironments is the number of environments that a chart tells apart. The others share a series.
	maxEnvironments = 5
	maxLegend       = 32 // characters of an environment's name
	oneDay          = 24 * time.Hour
)

// deploymentsPage is a page of the list; the first has a chart.
type deploymentsPage struct {
	api.List[deployed]
	page.Pager
	Environment, Repository, Since string // the filters; Since is a day
	Days                           int    // of the chart
	Chart                          chart.Chart
	Counted                        int  // the deployments in the chart
	More                           bool // there are more that the chart does not count
	Environments, Repositories     []string
	Problem                        string // of Since
}

// Filtered reports whether the list was asked for in part.
func (p *deploymentsPage) Filtered() bool {
	return p.Environment != "" || p.Repository != "" || p.Since != ""
}

// With returns the address of the page with another number of days in the chart.
func (p *deploymentsPage) With(days int) string {
	q := url.Values{"days": {strconv.Itoa(days)}}
	for name, value := range map[string]string{"environment": p.Environment, "repository": p.Repository, "since": p.Since} {
		if value != "" {
			q.Set(name, value)
		}
	}
	return page.Address("/console/deployments", q)
}

func list(v *page.Visit) {
	asked := v.R.URL.Query()
	p := deploymentsPage{Environment: asked.Get("environment"), Repository: asked.Get("repository"), Since: asked.Get("since"), Days: 14}
	p.Pager = v.Pager("", nil)
	if asked.Get("days") == "30" {
		p.Days = 30
	}
	// The form's field holds a day. If it holds something else, the page says so and lists all days.
	since, err := time.Parse(time.DateOnly, p.Since)
	if p.Since != "" && err != nil {
		p.Since, p.Problem = "", "Enter a day as 2026-03-20."
	}
	query := url.Values{"limit": {strconv.Itoa(page.PerPage)}}
	filter := url.Values{}
	for name, value := range map[string]string{"environment": p.Environment, "repository_id": p.Repository} {
		if value != "" {
			query.Set(name, value)
			filter.Set(name, value)
		}
	}
	if p.Since != "" {
		query.Set("since", since.Format(time.RFC3339))
	}
	if cursor := asked.Get("cursor"); cursor != "" {
		query.Set("cursor", cursor)
	}
	if err = v.Get("/v1/deployments", query, &p.List); err == nil {
		err = nameSources(v, p.Data)
	}
	if err == nil && p.First {
		err = count(v, &p, filter)
	}
	if err != nil {
		v.Failed(err)
		return
	}
	if p.NextCursor != nil {
		p.Next = p.With(p.Days) + "&cursor=" + url.QueryEscape(*p.NextCursor)
	}
	v.Show(http.StatusOK, "deployments", "list", "deployments", "Deployments", &p)
}

// nameSources sets the names of deployments' sources. A source may have been deleted.
func nameSources(v *page.Visit, data []deployed) error {
	names := make(map[string]string)
	for i, d := range data {
		if _, known := names[d.SourceID]; !known {
			s := source{}
			s.Kind = d.Kind
			err := v.Get("/v1/sources/"+url.PathEscape(d.SourceID), nil, &s)
			if page.Answered(err, http.StatusNotFound) {
				s.Name, err = s.Guide().Product, nil
			}
			if err != nil {
				return err
			}
			names[d.SourceID] = s.Name
		}
		data[i].Source = names[d.SourceID]
	}
	return nil
}

// count makes the chart of the last days. It selects deployments by their registration, which is never long before they
// happened, so that it gets all that happened in these days.
func count(v *page.Visit, p *deploymentsPage, filter url.Values) error {
	today := v.Now().Truncate(oneDay)
	first := today.Add(-time.Duration(p.Days-1) * oneDay)
	query := maps.Clone(filter)
	query.Set("limit", strconv.Itoa(perScan))
	query.Set("since", first.Format(time.RFC3339))
	days := make(map[string][]int) // by environment
	repositories := make(map[string]bool)
	for calls := 0; ; calls++ {
		if calls == chartPages {
			p.More = true
			break
		}
		var l api.List[api.Deployment]
		if err := v.Get("/v1/deployments", query, &l); err != nil {
			return err
		}
		for _, d := range l.Data {
			if day := int(d.DeployedAt.Sub(first) / oneDay); !d.DeployedAt.Before(first) && day < p.Days {
				if days[d.Environment] == nil {
					days[d.Environment] = make([]int, p.Days)
				}
				days[d.Environment][day]++
				p.Counted++
			}
			repositories[d.RepositoryID] = true
		}
		if l.NextCursor == nil {
			break
		}
		query.Set("cursor", *l.NextCursor)
	}
	p.Environments, p.Repositories = slices.Sorted(maps.Keys(days)), slices.Sorted(maps.Keys(repositories))
	p.Chart = deploymentChart(days, first, p.Days)
	return nil
}

// deploymentChart stacks environments, those with the most deployments first.
func deploymentChart(days map[string][]int, first time.Time, n int) chart.Chart {
	sum := func(counts []int) (total int) {
		for _, c := range counts {
			total += c
		}
		return total
	}
	names := slices.SortedFunc(maps.Keys(days), func(a, b string) int {
		return cmp.Or(sum(days[b])-sum(days[a]), strings.Compare(a, b))
	})
	var shown []string
	for i, name := range names {
		if i == maxEnvironments && len(names) > maxEnvironments+1 {
			shown = append(shown, words.Grouped(len(names)-i)+" others")
			break
		}
		shown = append(shown, words.Shortened(name, maxLegend))
	}
	c := chart.Chart{ID: "deployments", Title: "Deployments per day, last " + strconv.Itoa(n) + " days", Heading: "Day", Series: chart.SeriesOf(shown...)}
	for day := range n {
		at := first.Add(time.Duration(day) * oneDay)
		values := make([]int, len(shown))
		for i, name := range names {
			values[min(i, len(shown)-1)] += days[name][day]
		}
		c.Columns = append(c.Columns, chart.Column{Label: at.Format("2 Jan 2006"), Short: at.Format("2 Jan"), Values: values})
	}
	return c
}

func showDeployment(v *page.Visit) {
	var d api.Deployment
	if err := v.Get("/v1/deployments/"+v.ID(), nil, &d); err != nil {
		v.Failed(err)
		return
	}
	one := []deployed{{Deployment: d}}
	if err := nameSources(v, one); err != nil {
		v.Failed(err)
		return
	}
	var err error
	if one[0].Sent, err = sentOf(v, d.ID); err != nil {
		v.Failed(err)
		return
	}
	v.Show(http.StatusOK, "deployment", "panel", "deployments", "Deployment", &one[0])
}

// sentOf returns what became of the event of a deployment, which has its id. It returns nil if the visitor's key may not
// read events, or none are kept.
func sentOf(v *page.Visit, id string) (*sent, error) {
	if !v.Key.Grants("events:read") {
		return nil, nil
	}
	var e api.EventDetail
	err := v.Get("/v1/events/"+url.PathEscape(id), nil, &e)
	switch {
	case page.NoEventLog(err):
		return nil, nil
	case page.Answered(err, http.StatusNotFound):
		return &sent{Gone: true}, nil
	}
	return &sent{Deliveries: e.Matched}, err
}

// reports serves the reports of deployments.
type reports struct{ store Store }

// download answers with a deployment's report as it came. The API decides whether the visitor may have it; the bytes come
// from the store, because the API writes the JSON anew.
func (r reports) download(v *page.Visit) {
	var shown api.Deployment
	err := v.Get("/v1/deployments/"+v.ID(), nil, &shown)
	if err != nil {
		v.Failed(err)
		return
	}
	kept, err := r.store.Deployment(v.R.Context(), v.Tenant.ID, shown.ID)
	var report []byte
	if err == nil {
		report, err = payload.Unpack(kept.Payload)
	}
	if err != nil {
		v.Failed(err)
		return
	}
	v.Download(shown.ID+".json", page.JSON, report)
}
