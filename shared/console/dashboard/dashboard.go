// Package dashboard has the operators' page that says whether events come in, whether they go out, how late, who fails, and what
// waits. On one machine it is drawn from what the process counts; on AWS it says where CloudWatch has the same.
package dashboard

import (
	"context"
	"embed"
	"io/fs"
	"net/http"

	"hookline/shared/console/chart"
	"hookline/shared/console/page"
	"hookline/shared/metrics"
)

//go:embed *.html
var templates embed.FS

// Path is the page's address.
const Path = "/console/admin/dashboard"

// Counts has what was counted lately.
type Counts interface {
	// LastHour returns the latest minutes, the oldest first.
	LastHour() []metrics.Minute
	// Depths counts the queues.
	Depths(ctx context.Context) ([]metrics.Depth, error)
}

// Room returns the page. Without counts it leads to elsewhere, the address of a dashboard that has them, if that is not "".
func Room(counts Counts, elsewhere string) page.Room {
	return page.Room{
		Templates: templates, Parts: []fs.FS{chart.Parts()},
		OperatorSections: []page.Section{{Name: "dashboard", Path: Path, Label: "Dashboard"}},
		Operators:        map[string]func(*page.Visit){"GET " + Path: func(v *page.Visit) { show(v, counts, elsewhere) }},
	}
}

// shown is the page's data.
type shown struct {
	Here      bool   // the counts are this process's
	Elsewhere string // else where they are, if they are

	In, Out         chart.Chart
	Matched         int
	Attempt, Answer int64 // the longest of the hour, from acceptance, in milliseconds
	Facts           []fact
	Queues          []metrics.Depth
}

// fact is a count of the hour.
type fact struct {
	Name  string
	Count int
}

func show(v *page.Visit, counts Counts, elsewhere string) {
	p := shown{Here: counts != nil, Elsewhere: elsewhere}
	if p.Here {
		var err error
		if p.Queues, err = counts.Depths(v.R.Context()); err != nil {
			v.Failed(err)
			return
		}
		p.draw(counts.LastHour())
	}
	v.Show(http.StatusOK, "dashboard", "", "dashboard", "Dashboard", &p)
}

func (p *shown) draw(hour []metrics.Minute) {
	p.In = chart.Chart{ID: "in", Title: "Events accepted by the minute, last hour", Heading: "Minute, UTC", Series: []chart.Series{{Name: "Events", Class: "series-1"}}}
	p.Out = chart.Chart{ID: "out", Title: "Attempts by the minute, last hour", Heading: "Minute, UTC", Series: []chart.Series{
		{Name: "Succeeded", Class: "succeeded"}, {Name: "Answered otherwise", Class: "failed"}, {Name: "Timeout", Class: "series-3"}, {Name: "Unreachable", Class: "series-4"},
	}}
	sums := make(map[metrics.Metric]int)
	for _, m := range hour {
		column := func(of ...metrics.Metric) chart.Column {
			c := chart.Column{Label: m.Begins.UTC().Format("15:04"), Short: m.Begins.UTC().Format("15:04")}
			for _, metric := range of {
				c.Values = append(c.Values, m.Counts[metric])
			}
			return c
		}
		p.In.Columns = append(p.In.Columns, column(metrics.Accepted))
		p.Out.Columns = append(p.Out.Columns, column(metrics.AttemptsSucceeded, metrics.AttemptsFailed, metrics.AttemptsTimeout, metrics.AttemptsUnreachable))
		p.Attempt, p.Answer = max(p.Attempt, m.Spans[metrics.FirstAttemptDelay].Milliseconds()), max(p.Answer, m.Spans[metrics.SuccessDelay].Milliseconds())
		for metric, n := range m.Counts {
			sums[metric] += n
		}
	}
	p.Matched = sums[metrics.Matched]
	p.Facts = []fact{
		{"Delivered", sums[metrics.Delivered]},
		{"Failed attempts", sums[metrics.AttemptsFailed] + sums[metrics.AttemptsTimeout] + sums[metrics.AttemptsUnreachable]},
		{"Dead letters", sums[metrics.DeadLetters]},
		{"Replayed or redriven", sums[metrics.Replays]},
		{"Entries refused", sums[metrics.RefusedEntries]},
		{"Deployments", sums[metrics.Deployments]},
		{"Mails", sums[metrics.MailsSent]},
		{"Mails not taken", sums[metrics.MailsFailed]},
	}
}
