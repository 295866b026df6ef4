package checks

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"hookline/shared/metrics"
)

// stackName is the name of the stack whose metrics are watched.
const stackName = "hookline"

// watch is CloudWatch in tests: it keeps the values of metrics, and evaluates alarms and expressions over them. As a
// metrics.Recorder it takes what is counted by way of lines in the embedded metric format, as they stand in the log.
type watch struct {
	t *testing.T

	mu     sync.Mutex
	values map[string][]value // by the metric's name with its namespace and dimensions
}

type value struct {
	at time.Time
	n  float64
}

func newWatch(t *testing.T) *watch { return &watch{t: t, values: make(map[string][]value)} }

// Add counts n more.
func (w *watch) Add(m metrics.Metric, n int) {
	b := new(metrics.Batch)
	b.Add(m, n)
	w.take(b)
}

// Observe counts a span.
func (w *watch) Observe(m metrics.Metric, d time.Duration) {
	b := new(metrics.Batch)
	b.Observe(m, d)
	w.take(b)
}

// take reads the line of a batch as CloudWatch does.
func (w *watch) take(b *metrics.Batch) {
	var out bytes.Buffer
	if err := b.Write(&out, stackName, time.Now()); err != nil {
		w.t.Error(err)
	}
	var head struct {
		AWS struct {
			Timestamp         int64
			CloudWatchMetrics []struct {
				Namespace  string
				Dimensions [][]string
				Metrics    []struct{ Name string }
			}
		} `json:"_aws"`
	}
	var line map[string]json.RawMessage
	if err := json.Unmarshal(out.Bytes(), &head); err != nil {
		w.t.Error(err)
	}
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		w.t.Error(err)
	}
	for _, d := range head.AWS.CloudWatchMetrics {
		for _, m := range d.Metrics {
			for _, names := range d.Dimensions {
				parts := []string{d.Namespace, m.Name}
				for _, name := range names {
					var value string
					if err := json.Unmarshal(line[name], &value); err != nil {
						w.t.Errorf("the dimension %s: %v", name, err)
					}
					parts = append(parts, name, value)
				}
				var all []float64
				if json.Unmarshal(line[m.Name], &all) != nil {
					all = make([]float64, 1)
					if err := json.Unmarshal(line[m.Name], &all[0]); err != nil {
						w.t.Errorf("the metric %s: %v", m.Name, err)
					}
				}
				for _, n := range all {
					w.put(time.UnixMilli(head.AWS.Timestamp), n, parts...)
				}
			}
		}
	}
}

// put adds a value of a metric: its namespace, its name, and names and values of dimensions.
func (w *watch) put(at time.Time, n float64, metric ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	key := strings.Join(metric, " ")
	w.values[key] = append(w.values[key], value{at, n})
}

// names returns the metrics of a namespace that have values.
func (w *watch) names(namespace string) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []string
	for key := range w.values {
		if parts := strings.Split(key, " "); parts[0] == namespace {
			out = append(out, parts[1])
		}
	}
	slices.Sort(out)
	return out
}

// stat returns a statistic of the values from a time on, for a period; NaN where there are none.
func (w *watch) stat(metric []string, stat string, from time.Time, period time.Duration) float64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	var in []float64
	sum := 0.0
	for _, v := range w.values[strings.Join(metric, " ")] {
		if !v.at.Before(from) && v.at.Before(from.Add(period)) {
			in, sum = append(in, v.n), sum+v.n
		}
	}
	if in == nil {
		return math.NaN()
	}
	slices.Sort(in)
	switch {
	case stat == "Sum":
		return sum
	case stat == "Maximum":
		return in[len(in)-1]
	case strings.HasPrefix(stat, "p"):
		of, err := strconv.ParseFloat(stat[1:], 64)
		if err != nil {
			w.t.Errorf("the statistic %q is not understood", stat)
		}
		return in[max(int(math.Ceil(of/100*float64(len(in))))-1, 0)]
	}
	w.t.Errorf("the statistic %q is not understood", stat)
	return math.NaN()
}

// calculate evaluates metric math at one time: CloudWatch User Guide, Using math expressions with CloudWatch metrics. The metrics have
// the values of ids; one that has none is NaN, as is what is made of it.
func calculate(expression string, ids map[string]float64) (float64, error) {
	e, err := parser.ParseExpr(strings.NewReplacer("([", "(", "])", ")").Replace(expression))
	if err != nil {
		return 0, err
	}
	return worth(e, ids)
}

func worth(e ast.Expr, ids map[string]float64) (float64, error) {
	switch e := e.(type) {
	case *ast.ParenExpr:
		return worth(e.X, ids)
	case *ast.BasicLit:
		return strconv.ParseFloat(e.Value, 64)
	case *ast.Ident:
		v, ok := ids[e.Name]
		if !ok {
			return 0, fmt.Errorf("there is no metric %s", e.Name)
		}
		return v, nil
	case *ast.BinaryExpr:
		x, err := worth(e.X, ids)
		if err != nil {
			return 0, err
		}
		y, err := worth(e.Y, ids)
		switch e.Op {
		case token.ADD:
			return x + y, err
		case token.SUB:
			return x - y, err
		case token.MUL:
			return x * y, err
		case token.QUO:
			return x / y, err
		}
	case *ast.CallExpr:
		var args []float64
		for _, a := range e.Args {
			v, err := worth(a, ids)
			if err != nil {
				return 0, err
			}
			args = append(args, v)
		}
		name, _ := e.Fun.(*ast.Ident)
		switch {
		case name.Name == "FILL" && len(args) == 2:
			if math.IsNaN(args[0]) {
				return args[1], nil
			}
			return args[0], nil
		case name.Name == "MAX" && len(args) > 0:
			most := math.NaN()
			for _, v := range args {
				if !(v <= most) && !math.IsNaN(v) {
					most = v
				}
			}
			return most, nil
		}
	}
	return 0, fmt.Errorf("%T is not understood", e)
}

// resolved returns a property's text, as CloudFormation resolves it: what a resource is called outside the template is its name in it.
func resolved(t *testing.T, v any) string {
	t.Helper()
	switch v := v.(type) {
	case string:
		return v
	case map[string]any:
		if name, ok := v["Ref"].(string); ok {
			if name == "AWS::StackName" {
				return stackName
			}
			return name
		}
		if name, ok := v["Fn::GetAtt"].(string); ok && strings.HasSuffix(name, "Queue.QueueName") {
			return stackName + "-" + strings.TrimSuffix(name, ".QueueName")
		}
		if text, ok := v["Fn::Sub"].(string); ok {
			return strings.NewReplacer("${AWS::StackName}", stackName, "${AWS::Region}", "eu-west-1").Replace(text)
		}
	}
	t.Errorf("%v is not understood", v)
	return ""
}

// metricOf returns the namespace, name and dimensions that a description of a metric in the template has.
func metricOf(t *testing.T, p any) []string {
	t.Helper()
	out := []string{resolved(t, at(p, "Namespace")), resolved(t, at(p, "MetricName"))}
	if at(p, "Dimensions") == nil {
		return out
	}
	for _, d := range list1(at(p, "Dimensions")) {
		out = append(out, resolved(t, at(d, "Name")), resolved(t, at(d, "Value")))
	}
	return out
}

// alarm is one of the template, as far as it is evaluated.
type alarm struct {
	metrics    map[string]measured // by their ids; "" where there is one alone
	expression string
	period     time.Duration
	periods    int
	breaching  int // of the periods
	threshold  float64
	comparison string
}

type measured struct {
	metric []string
	stat   string
}

func (tm template) alarm(t *testing.T, name string) alarm {
	t.Helper()
	p := tm.Resources[name].Properties
	number := func(v any) float64 {
		f, err := strconv.ParseFloat(fmt.Sprint(v), 64)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return f
	}
	a := alarm{
		metrics: make(map[string]measured), periods: int(number(p["EvaluationPeriods"])), threshold: number(p["Threshold"]),
		comparison: p["ComparisonOperator"].(string),
	}
	if a.breaching = a.periods; p["DatapointsToAlarm"] != nil {
		a.breaching = int(number(p["DatapointsToAlarm"]))
	}
	if p["TreatMissingData"] != "notBreaching" {
		t.Errorf("%s: where data are missing it is %v", name, p["TreatMissingData"])
	}
	seconds := p["Period"]
	if p["Metrics"] == nil {
		stat := p["Statistic"]
		if stat == nil {
			stat = p["ExtendedStatistic"]
		}
		a.metrics[""] = measured{metricOf(t, p), stat.(string)}
	} else {
		for _, m := range list1(p["Metrics"]) {
			if text, ok := at(m, "Expression").(string); ok {
				if a.expression != "" || at(m, "ReturnData") != nil {
					t.Errorf("%s: more than one series, or none, is compared", name)
				}
				a.expression = text
				continue
			}
			if at(m, "ReturnData") != any(false) {
				t.Errorf("%s: more than one series is compared", name)
			}
			seconds = at(m, "MetricStat", "Period")
			a.metrics[at(m, "Id").(string)] = measured{metricOf(t, at(m, "MetricStat", "Metric")), at(m, "MetricStat", "Stat").(string)}
		}
	}
	a.period = time.Duration(number(seconds)) * time.Second
	return a
}

// on reports whether the alarm is on at a time, by the periods that have ended.
func (w *watch) on(a alarm, now time.Time) bool {
	w.t.Helper()
	breaching := 0
	for i := range a.periods {
		from := now.Truncate(a.period).Add(-time.Duration(i+1) * a.period)
		ids := make(map[string]float64)
		for id, m := range a.metrics {
			ids[id] = w.stat(m.metric, m.stat, from, a.period)
		}
		v := ids[""]
		if a.expression != "" {
			var err error
			if v, err = calculate(a.expression, ids); err != nil {
				w.t.Error(err)
			}
		}
		if a.comparison == "GreaterThanThreshold" && v > a.threshold || a.comparison == "GreaterThanOrEqualToThreshold" && v >= a.threshold {
			breaching++
		}
	}
	return breaching >= a.breaching
}

// everOn looks at the alarm at each minute until the end, and returns the first at which it is on.
func (w *watch) everOn(a alarm, end time.Time) (time.Time, bool) {
	for at := time.Date(2000, 1, 1, 0, 1, 0, 0, time.UTC); !at.After(end); at = at.Add(time.Minute) { // when a bubble begins
		if w.on(a, at) {
			return at, true
		}
	}
	return time.Time{}, false
}

func TestCalculate(t *testing.T) {
	ids := map[string]float64{"a": 6, "b": 2, "none": math.NaN()}
	for expression, want := range map[string]float64{
		"a - 2 * (b + 1)": 0, "100 * b / a": 100.0 / 3, "FILL(none, 0) + a": 6, "FILL(a, 0)": 6, "MAX([b, none, a])": 6, "none + 1": math.NaN(),
	} {
		if got, err := calculate(expression, ids); err != nil || got != want && !(math.IsNaN(got) && math.IsNaN(want)) {
			t.Errorf("%s: got %v, %v, want %v", expression, got, err, want)
		}
	}
	for _, wrong := range []string{"c", "a %", "AVG([a])", "a % b"} {
		if got, err := calculate(wrong, ids); err == nil {
			t.Errorf("%s: got %v", wrong, got)
		}
	}
}
