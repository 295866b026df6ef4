package console

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// chart is a bar chart whose columns stack a value of each series, from the bottom up. The template "chart" prints it as
// SVG whose lengths are percentages, so that it fits any width and its text keeps its size, with a legend of sums and
// the numbers as a table: nothing is said by colour alone. The template "sparkline" prints its bars alone, small.
type chart struct {
	ID      string // unique in its page
	Title   string // what is counted, over what time
	Heading string // of the table's first column: "Hour"
	Series  []chartSeries
	Columns []chartColumn
}

// chartSeries is one kind of what is counted. Class colours it: "succeeded", "failed" or "series-1" to "series-6" (see
// seriesOf).
type chartSeries struct{ Name, Class string }

// chartColumn is one bar.
type chartColumn struct {
	Label  string // whole, for the table and for reading aloud
	Short  string // under the bar, where there is room
	Values []int  // one of each series
}

// colours is how many classes "series-…" the stylesheet has.
const colours = 6

// seriesOf gives names colours in their order; from the seventh on these repeat, told apart by their patterns.
func seriesOf(names ...string) []chartSeries {
	out := make([]chartSeries, len(names))
	for i, name := range names {
		out[i] = chartSeries{name, fmt.Sprintf("series-%d", i%colours+1)}
	}
	return out
}

// Empty reports whether there is nothing to see.
func (c chart) Empty() bool {
	return !slices.ContainsFunc(c.Columns, func(col chartColumn) bool { return col.sum() > 0 })
}

func (c chartColumn) sum() (n int) {
	for _, v := range c.Values {
		n += v
	}
	return n
}

// Sum is a series' total.
func (c chart) Sum(series int) (n int) {
	for _, col := range c.Columns {
		n += col.Values[series]
	}
	return n
}

// Alternative says in words what the bars show.
func (c chart) Alternative() string {
	var parts []string
	for i, s := range c.Series {
		parts = append(parts, strings.ToLower(s.Name)+" "+grouped(c.Sum(i)))
	}
	text := c.Title + ": " + strings.Join(parts, ", ")
	if c.Empty() {
		return text + "."
	}
	most := slices.MaxFunc(c.Columns, func(a, b chartColumn) int { return a.sum() - b.sum() })
	return fmt.Sprintf("%s. Most: %s, %s.", text, grouped(most.sum()), most.Label)
}

// top is the round number that the highest bar fits under.
func (c chart) top() int {
	most := 0
	for _, col := range c.Columns {
		most = max(most, col.sum())
	}
	for unit := 1; ; unit *= 10 {
		for _, step := range []int{1, 2, 4, 5} {
			if top := step * unit; top >= most {
				return max(top, 2)
			}
		}
	}
}

// chartBar is a rectangle; its lengths are in percent of the plot.
type chartBar struct{ X, Y, Width, Height, Class, Pattern, Title string }

// patterns of the series after the first, so that they differ in more than colour.
const patterns = 3

// Bars returns the rectangles. What is there is seen, however small: a value above 0 has a height of at least 2 %.
func (c chart) Bars() []chartBar {
	const gap = 0.25 // of a column
	var out []chartBar
	top, width := float64(c.top()), 100/float64(max(len(c.Columns), 1))
	for i, col := range c.Columns {
		y := 100.0
		for s, v := range col.Values {
			if v == 0 {
				continue
			}
			height := min(max(100*float64(v)/top, 2), y)
			y -= height
			bar := chartBar{
				X: percent((float64(i) + gap/2) * width), Y: percent(y), Width: percent(width * (1 - gap)), Height: percent(height),
				Class: c.Series[s].Class, Title: fmt.Sprintf("%s: %s %s", col.Label, grouped(v), strings.ToLower(c.Series[s].Name)),
			}
			if s%patterns > 0 {
				bar.Pattern = fmt.Sprintf("%s-pattern-%d", c.ID, s%patterns)
			}
			out = append(out, bar)
		}
	}
	return out
}

// Paths returns the bars of each series as one SVG path in a box of sparkWidth by sparkHeight: a page of lists has many.
func (c chart) Paths() []chartPath {
	out := make([]chartPath, len(c.Series))
	bases := make([]int, len(c.Columns))
	for s, series := range c.Series {
		var d strings.Builder
		for i, col := range c.Columns {
			if v := col.Values[s]; v > 0 {
				height := max(v*sparkHeight/c.top(), 2)
				height = min(height, sparkHeight-bases[i])
				fmt.Fprintf(&d, "M%d %dv-%dh%dv%dz", i*sparkStep, sparkHeight-bases[i], height, sparkStep-1, height)
				bases[i] += height
			}
		}
		out[s] = chartPath{series.Class, d.String()}
	}
	return slices.DeleteFunc(out, func(p chartPath) bool { return p.D == "" })
}

type chartPath struct{ Class, D string }

const (
	sparkStep   = 5
	sparkHeight = 24
)

// chartMark is a text at an axis.
type chartMark struct{ At, Text, Anchor string }

// Ticks returns the lines across the plot, from the top.
func (c chart) Ticks() []chartMark {
	top := c.top()
	return []chartMark{{At: "0%", Text: grouped(top)}, {At: "50%", Text: grouped(top / 2)}}
}

// maxMarks is how many labels fit under a plot on a telephone.
const maxMarks = 6

// Marks returns the labels under the bars, as many as fit.
func (c chart) Marks() []chartMark {
	var out []chartMark
	n := len(c.Columns)
	every := (n + maxMarks - 1) / maxMarks
	for i := 0; i < n; i += max(every, 1) {
		m := chartMark{At: percent((float64(i) + 0.5) * 100 / float64(n)), Text: c.Columns[i].Short, Anchor: "middle"}
		switch {
		case i == 0 && n > maxMarks:
			m.At, m.Anchor = "0%", "start"
		case i == n-1 && n > maxMarks:
			m.At, m.Anchor = "100%", "end"
		}
		out = append(out, m)
	}
	return out
}

func percent(x float64) string { return strconv.FormatFloat(x, 'f', 2, 64) + "%" }

// grouped writes a number with a comma between thousands.
func grouped(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
