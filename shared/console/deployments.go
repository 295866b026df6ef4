package console

import (
	"cmp"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"hookline/shared/layout"
)

// deploymentView is a deployment as the API shows it.
type deploymentView struct {
	ID            string          `json:"id"`
	SourceID      string          `json:"source_id"`
	Kind          string          `json:"kind"`
	DeployedAt    string          `json:"deployed_at"`
	Environment   string          `json:"environment"`
	CommitSHA     string          `json:"commit_sha"`
	RepositoryID  string          `json:"repository_id"`
	RepositoryURL string          `json:"repository_url"`
	Payload       json.RawMessage `json:"payload"`
	RegisteredAt  string          `json:"registered_at"`

	Source string // its name, or its product's where it was deleted
}

// Commit is short where it is a hash, as Git's own lists have it.
func (d deploymentView) Commit() string {
	if len(d.CommitSHA) >= 40 && strings.Trim(d.CommitSHA, "0123456789abcdefABCDEF") == "" {
		return d.CommitSHA[:7]
	}
	return d.CommitSHA
}

// Link is the repository's address where a browser may be led there, else "".
func (d deploymentView) Link() string {
	u, err := url.Parse(d.RepositoryURL)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return ""
	}
	return u.String()
}

// Repository is the address as it is read.
func (d deploymentView) Repository() string {
	_, rest, found := strings.Cut(d.RepositoryURL, "://")
	if !found || d.Link() == "" {
		return d.RepositoryURL
	}
	return strings.TrimSuffix(rest, "/")
}

// Pretty is what was reported.
func (d deploymentView) Pretty() layout.Text { return pretty(d.Payload) }

const (
	// chartPages and perScan bound what a chart counts: its page waits for that many calls at most.
	chartPages = 10
	perScan    = 100
	// maxEnvironments are told apart in a chart; the rest is one.
	maxEnvironments = 5
	maxLegend       = 32 // characters of an environment's name
	oneDay          = 24 * time.Hour
)

type deploymentsPage struct {
	list[deploymentView]
	Environment, Repository, Since string // the filters; Since is a day
	Days                           int    // of the chart
	Chart                          chart
	Counted                        int  // deployments that the chart was made of
	More                           bool // there are more in its time than it counts
	Environments, Repositories     []string
	Problem                        string // with Since
	Next                           string // the address of the next page, "" at the end
	First                          bool
}

// Filtered reports whether the list was asked for in part.
func (p deploymentsPage) Filtered() bool {
	return p.Environment != "" || p.Repository != "" || p.Since != ""
}

// With returns the address of the page with another time for the chart.
func (p deploymentsPage) With(days int) string {
	q := url.Values{"days": {strconv.Itoa(days)}}
	for name, value := range map[string]string{"environment": p.Environment, "repository": p.Repository, "since": p.Since} {
		if value != "" {
			q.Set(name, value)
		}
	}
	return address("/console/deployments", q)
}

func (v *visit) deployments() {
	asked := v.r.URL.Query()
	p := deploymentsPage{
		Environment: asked.Get("environment"), Repository: asked.Get("repository"), Since: asked.Get("since"), Days: 14, First: asked.Get("cursor") == "",
	}
	if asked.Get("days") == "30" {
		p.Days = 30
	}
	// What the form's field takes is a day; another text is said to be wrong, and the list is that of all days.
	since, err := time.Parse(time.DateOnly, p.Since)
	if p.Since != "" && err != nil {
		p.Since, p.Problem = "", "Enter a day as 2026-03-20."
	}
	query := url.Values{"limit": {strconv.Itoa(perPage)}}
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
	if err = v.get("/v1/deployments", query, &p); err == nil {
		err = v.nameSources(p.Data)
	}
	if err == nil && p.First {
		err = v.count(&p, filter)
	}
	if err != nil {
		v.failed(err)
		return
	}
	if p.NextCursor != nil {
		p.Next = p.With(p.Days) + "&cursor=" + url.QueryEscape(*p.NextCursor)
	}
	v.show(http.StatusOK, "deployments", "list", "deployments", "Deployments", p)
}

// nameSources says where deployments came from. A source may be deleted by now.
func (v *visit) nameSources(data []deploymentView) error {
	names := make(map[string]string)
	for i, d := range data {
		if _, known := names[d.SourceID]; !known {
			s := sourceView{Kind: d.Kind}
			err := v.get("/v1/sources/"+url.PathEscape(d.SourceID), nil, &s)
			if p, ok := errors.AsType[*problem](err); ok && p.Status == http.StatusNotFound {
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

// count makes the chart of the last days. It asks by the time of registration, which is never long before the deployment:
// so what was deployed in these days is among the answers.
func (v *visit) count(p *deploymentsPage, filter url.Values) error {
	today := v.now().Truncate(oneDay)
	first := today.Add(-time.Duration(p.Days-1) * oneDay)
	query := maps.Clone(filter)
	query.Set("limit", strconv.Itoa(perScan))
	query.Set("since", first.Format(time.RFC3339))
	days := make(map[string][]int) // by environment
	repositories := make(map[string]bool)
	for page := 0; ; page++ {
		if page == chartPages {
			p.More = true
			break
		}
		var l list[deploymentView]
		if err := v.get("/v1/deployments", query, &l); err != nil {
			return err
		}
		for _, d := range l.Data {
			at, err := time.Parse(time.RFC3339Nano, d.DeployedAt)
			if day := int(at.Sub(first) / oneDay); err == nil && !at.Before(first) && day < p.Days {
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

// deploymentChart stacks the environments, those with most deployments first.
func deploymentChart(days map[string][]int, first time.Time, n int) chart {
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
			shown = append(shown, strconv.Itoa(len(names)-i)+" others")
			break
		}
		shown = append(shown, shortened(name, maxLegend))
	}
	c := chart{ID: "deployments", Title: "Deployments per day, last " + strconv.Itoa(n) + " days", Heading: "Day", Series: seriesOf(shown...)}
	for day := range n {
		at := first.Add(time.Duration(day) * oneDay)
		values := make([]int, len(shown))
		for i, name := range names {
			values[min(i, len(shown)-1)] += days[name][day]
		}
		c.Columns = append(c.Columns, chartColumn{Label: at.Format("2 Jan 2006"), Short: at.Format("2 Jan"), Values: values})
	}
	return c
}

// shortened cuts a text to so many characters.
func shortened(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return s
}

func (v *visit) deployment() {
	var d deploymentView
	if err := v.get("/v1/deployments/"+url.PathEscape(v.r.PathValue("id")), nil, &d); err != nil {
		v.failed(err)
		return
	}
	one := []deploymentView{d}
	if err := v.nameSources(one); err != nil {
		v.failed(err)
		return
	}
	v.show(http.StatusOK, "deployment", "panel", "deployments", "Deployment", one[0])
}
