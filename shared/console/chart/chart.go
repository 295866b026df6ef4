// Package chart draws bar charts as SVG. It computes the shapes, and its templates print them.
package chart

import (
	"embed"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"hookline/shared/console/words"
)

//go:embed chart.html
var parts embed.FS

// Parts are the files of the templates "chart" and "sparkline", which take a Chart, and the function "grouped".
func Parts() fs.FS { return parts }

// Chart is a bar chart whose columns stack a value of each series, from the bottom up. The template "chart" prints it as
// SVG whose lengths are percentages, so that it fits any width and its text keeps its size, with a legend of sums and
// the numbers as a table: nothing is said by colour alone. The template "sparkline" prints its bars alone, small.
type Chart struct {
	ID      string // unique in its page
	Title   string // it says what is counted, over what time
	Heading string // of the table's first column: "Hour"
	Series  []Series
	Columns []Column
}

// Series is one kind of things that are counted. Class gives it a colour: "succeeded", "failed" or "series-1" to "series-6" (see
// SeriesOf).
type Series struct{ Name, Class string }

// Column is one bar.
type Column struct {
	Label  string // whole, for the table and for reading aloud
	Short  string // under the bar, where there is room
	Values []int  // one of each series
}

// colours is the number of classes "series-…" in the stylesheet.
const colours = 6

// SeriesOf gives names colours in order. From the seventh on colours repeat, and patterns tell the series apart.
func SeriesOf(names ...string) []Series {
	out := make([]Series, len(names))
	for i, name := range names {
		out[i] = Series{name, fmt.Sprintf("series-%d", i%colours+1)}
	}
	return out
}

// Empty reports whether all values are 0.
func (c *Chart) Empty() bool {
	return !slices.ContainsFunc(c.Columns, func(col Column) bool { return col.sum() > 0 })
}

func (c Column) sum() (n int) {
	for _, v := range c.Values {
		n += v
	}
	return n
}

// Sum is a series' total.
func (c *Chart) Sum(series int) (n int) {
	for _, col := range c.Columns {
		n += col.Values[series]
	}
	return n
}

// Alternative is the text alternative of the drawing.
func (c *Chart) Alternative() string {
	var parts []string
	for i, s := range c.Series {
		parts = append(parts, strings.ToLower(s.Name)+" "+words.Grouped(c.Sum(i)))
	}
	text := c.Title + ": " + strings.Join(parts, ", ")
	if c.Empty() {
		return text + "."
	}
	most := slices.MaxFunc(c.Columns, func(a, b Column) int { return a.sum() - b.sum() })
	return fmt.Sprintf("%s. Most: %s, %s.", text, words.Grouped(most.sum()), most.Label)
}

// top is the round number that the highest bar fits under. It is even, so that its half is a number too.
func (c *Chart) top() int {
	most := 0
	for _, col := range c.Columns {
		most = max(most, col.sum())
	}
	for unit := 1; ; unit *= 10 {
		for _, step := range []int{1, 2, 4, 5, 6, 8} {
			if top := step * unit; top >= most && top%2 == 0 {
				return top
			}
		}
	}
}

// Bar is a rectangle; its lengths are in percent of the plot.
type Bar struct{ X, Y, Width, Height, Class, Pattern, Title string }

// patterns is the number of patterns, so that series differ in more than colour.
const patterns = 3

// Bars returns the rectangles. Every value above 0 can be seen: its height is at least 2 %.
func (c *Chart) Bars() []Bar {
	const gap = 0.25 // of a column
	var out []Bar
	top, width := float64(c.top()), 100/float64(max(len(c.Columns), 1))
	for i, col := range c.Columns {
		y := 100.0
		for s, v := range col.Values {
			if v == 0 {
				continue
			}
			height := min(max(100*float64(v)/top, 2), y)
			y -= height
			bar := Bar{
				X: percent((float64(i) + gap/2) * width), Y: percent(y), Width: percent(width * (1 - gap)), Height: percent(height),
				Class: c.Series[s].Class, Title: fmt.Sprintf("%s: %s %s", col.Label, words.Grouped(v), strings.ToLower(c.Series[s].Name)),
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
func (c *Chart) Paths() []Path {
	out := make([]Path, len(c.Series))
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
		out[s] = Path{series.Class, d.String()}
	}
	return slices.DeleteFunc(out, func(p Path) bool { return p.D == "" })
}

// Path is all bars of a series: its class, and the path's data.
type Path struct{ Class, D string }

const (
	sparkStep   = 5
	sparkHeight = 24
)

// Mark is a text at an axis.
type Mark struct{ At, Text, Anchor string }

// Ticks returns the numbers at the lines across the plot: at its top, in its middle and at its base.
func (c *Chart) Ticks() []string {
	top := c.top()
	return []string{words.Grouped(top), words.Grouped(top / 2), "0"}
}

// maxMarks is the number of labels that fit under a plot on a phone.
const maxMarks = 6

// Marks returns the labels under the bars, as many as fit.
func (c *Chart) Marks() []Mark {
	var out []Mark
	n := len(c.Columns)
	every := (n + maxMarks - 1) / maxMarks
	for i := 0; i < n; i += max(every, 1) {
		m := Mark{At: percent((float64(i) + 0.5) * 100 / float64(n)), Text: c.Columns[i].Short, Anchor: "middle"}
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
