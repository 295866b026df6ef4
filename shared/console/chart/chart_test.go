package chart

import (
	"bytes"
	"html/template"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"hookline/shared/console/words"
)

func TestChartBars(t *testing.T) {
	c := Chart{ID: "c", Series: []Series{{"Succeeded", "succeeded"}, {"Failed", "failed"}}, Columns: []Column{
		{Label: "00:00", Values: []int{75, 25}}, {Label: "01:00", Values: []int{0, 0}}, {Label: "02:00", Values: []int{0, 1}}, {Label: "03:00", Values: []int{100, 0}},
	}}
	want := []Bar{
		{X: "3.12%", Y: "25.00%", Width: "18.75%", Height: "75.00%", Class: "succeeded", Title: "00:00: 75 succeeded"},
		{X: "3.12%", Y: "0.00%", Width: "18.75%", Height: "25.00%", Class: "failed", Pattern: "c-pattern-1", Title: "00:00: 25 failed"},
		{X: "53.12%", Y: "98.00%", Width: "18.75%", Height: "2.00%", Class: "failed", Pattern: "c-pattern-1", Title: "02:00: 1 failed"},
		{X: "78.12%", Y: "0.00%", Width: "18.75%", Height: "100.00%", Class: "succeeded", Title: "03:00: 100 succeeded"},
	}
	if diff := cmp.Diff(want, c.Bars()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestChartTop(t *testing.T) {
	for most, want := range map[int]int{0: 2, 1: 2, 2: 2, 3: 4, 5: 6, 6: 6, 7: 8, 9: 10, 41: 50, 51: 60, 100: 100, 101: 200, 999_999: 1_000_000} {
		if got := (&Chart{Columns: []Column{{Values: []int{most - most/2, most / 2}}}}).top(); got != want {
			t.Errorf("of %d: got %d, want %d", most, got, want)
		}
	}
	for most := range 2000 {
		if got := (&Chart{Columns: []Column{{Values: []int{most}}}}).top(); got%2 != 0 || got < most {
			t.Errorf("of %d: got %d, whose half no line stands for", most, got)
		}
	}
}

// TestChartMarks shows that the labels under the bars are few enough not to overlap.
func TestChartMarks(t *testing.T) {
	for n := range 100 {
		c := Chart{Columns: make([]Column, n)}
		if got := len(c.Marks()); got > maxMarks || got == 0 && n > 0 {
			t.Errorf("of %d: got %d", n, got)
		}
	}
}

func TestChartSpeaks(t *testing.T) {
	c := Chart{ID: "c", Title: "Deployments", Heading: "Day", Series: SeriesOf("<prod>", "Staging"), Columns: []Column{
		{Label: "1 Nov", Short: "1", Values: []int{1200, 3}}, {Label: "2 Nov", Short: "2", Values: []int{1, 0}},
	}}
	if got, want := c.Alternative(), "Deployments: <prod> 1,201, staging 3. Most: 1,203, 1 Nov."; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := (&Chart{Title: "Deployments", Series: SeriesOf("A")}).Alternative(), "Deployments: a 0."; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	templates, err := template.New("").Funcs(template.FuncMap{"grouped": words.Grouped}).ParseFS(Parts(), "*.html")
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := templates.ExecuteTemplate(&b, "chart", &c); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`role="img" aria-label="Deployments: &lt;prod&gt; 1,201, staging 3. Most: 1,203, 1 Nov."`, `&lt;prod&gt; <strong>1,201</strong>`,
		`<th scope="row">1 Nov</th><td>1,200</td><td>3</td>`, `fill="url(#c-pattern-1)"`, `<rect class="series-2"`,
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("got %s, want %s in it", b.String(), want)
		}
	}
}
