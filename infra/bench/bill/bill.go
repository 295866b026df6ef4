// Package bill counts what AWS would bill for deliveries.
//
// It runs the code of the functions, wired as functions/… wire it, on stand-ins for AWS, and a middleware in their clients
// counts each request: DynamoDB's units by the documented formula from the sizes of items, SQS's requests in 64 KiB chunks,
// calls and GB-seconds of functions, requests to KMS and EventBridge, bytes of logs. Batches come as Lambda's event source
// mappings form them where enough waits. The prices are in prices.json.
//
// What it does not count: empty receives under load, cold starts, free tiers. GB-seconds are this machine's: the time of a
// call is mostly that of waiting for the receiver, which answers in 50 ms, but what the processor does takes other times on
// Lambda, and the stand-ins answer in other times than AWS.
package bill

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"hookline/infra/bench/table"
	"hookline/infra/conformance/engines"
	"hookline/shared/metrics"
)

// each is how many deliveries a case is measured by.
const each = 200

// Run measures all cases and prints the tables.
func Run(ctx context.Context, out, progress io.Writer) error {
	w, err := Open(ctx)
	if errors.Is(err, engines.ErrNotInstalled) {
		fmt.Fprintln(progress, "bench: the bill is left out:", err)
		return nil
	}
	if err != nil {
		return err
	}
	defer w.Close()
	if _, err := w.Run(ctx, Case{Name: "warm-up", Deliveries: each / 3}); err != nil { // of the stand-ins
		return err
	}
	var results []Result
	for _, c := range Cases(each) {
		begun := time.Now()
		r, err := w.Run(ctx, c)
		if err != nil {
			return err
		}
		fmt.Fprintf(progress, "bench: bill: %s: $%.3f (%v)\n", c.Name, w.Sum(r), time.Since(begun).Round(time.Second/10))
		results = append(results, r)
	}
	return errors.Join(w.printCases(out, results), w.printBase(out, results[0]), w.printIdle(ctx, out), w.printUnits(out))
}

const million = 1e6

// Dollars returns what a part costs for a million deliveries.
func (w *World) Dollars(r Result, p Part) float64 {
	sum := 0.0
	for l, n := range r.meter.used {
		if l.part == p {
			sum += w.prices.Dollars(l.unit, n)
		}
	}
	return sum / float64(r.Deliveries) * million
}

// Sum returns what a million deliveries cost, without storage, back-ups and transfer.
func (w *World) Sum(r Result) float64 {
	sum := 0.0
	for _, p := range summed() {
		sum += w.Dollars(r, p)
	}
	return sum
}

// Counted is Sum with the functions' time not as this machine took it, but as they wait for the receiver at least: a batch
// to one webhook makes two POSTs, and when one is answered the others.
func (w *World) Counted(r Result) float64 {
	sum := 2 * answerIn.Seconds() * float64(w.template.memory["deliver"]) / 1024 * r.Used(DeliverCalls, LambdaCall)
	sum = w.prices.Dollars(GBSecond, sum*million)
	for _, p := range summed() {
		sum += w.Dollars(r, p) - w.prices.Dollars(GBSecond, r.Used(p, GBSecond)*million)
	}
	return sum
}

// printCases prints a column for each case and a row for each part.
func (w *World) printCases(out io.Writer, results []Result) error {
	head := []string{"$ per million deliveries"}
	for _, r := range results {
		head = append(head, r.Name)
	}
	row := func(name string, of func(Result) float64) []string {
		cells, any := []string{name}, false
		for _, r := range results {
			v := of(r)
			any = any || v != 0
			if v == 0 {
				cells = append(cells, "")
			} else {
				cells = append(cells, fmt.Sprintf("%.3f", v))
			}
		}
		if !any {
			return nil
		}
		return cells
	}
	rows := [][]string{head}
	for _, p := range summed() {
		if cells := row(string(p), func(r Result) float64 { return w.Dollars(r, p) }); cells != nil {
			rows = append(rows, cells)
		}
	}
	rows = append(rows, row("**sum**", w.Sum))
	for _, p := range apart() {
		rows = append(rows, row(string(p)+", apart", func(r Result) float64 { return w.Dollars(r, p) }))
	}
	heading := fmt.Sprintf("The bill: list prices of %s on %s", w.prices.Region, w.prices.Date)
	if err := table.Print(out, heading, rows...); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "\nEach case is counted over %d deliveries. Base: ids made by us, one event type, 1 KB, fan-out 1, 10 webhooks in the tenant, published in batches of 10, "+
		"full batches of messages, answers in 50 ms, event log off. Storage is of 30 days. The column of those that fail for ever counts "+
		"calls of queues where the others count requests: its 28 hours are a fast clock's.\n", each)
	return err
}

// printBase prints what each part of the base case is made of.
func (w *World) printBase(out io.Writer, base Result) error {
	rows := [][]string{{"base case", "unit", "for each delivery", "$ per million"}}
	for _, p := range append(summed(), apart()...) {
		lines := slices.SortedFunc(maps.Keys(base.meter.used), func(a, b line) int { return cmpLines(a, b) })
		for _, l := range lines {
			if n := base.Used(l.part, l.unit); l.part == p && n > 0 {
				rows = append(rows, []string{
					string(p), w.prices.Prices[l.unit].What, fmt.Sprintf("%.5g", n), fmt.Sprintf("%.4f", w.prices.Dollars(l.unit, n)*million),
				})
			}
		}
	}
	if err := table.Print(out, "The base case, counted", rows...); err != nil {
		return err
	}
	rows = [][]string{{"requests of the base case", "for each delivery"}}
	for _, kind := range slices.Sorted(maps.Keys(base.meter.requests)) {
		rows = append(rows, []string{kind, fmt.Sprintf("%.3g", base.Requests(kind))})
	}
	if err := table.Print(out, "Its requests", rows...); err != nil {
		return err
	}
	share := float64(w.template.memory["deliver"]) / wholeCore
	calls := base.meter.used[line{DeliverCalls, LambdaCall}]
	busy, took := base.meter.processor[DeliverTime].Seconds()/calls, base.meter.time[DeliverTime].Seconds()/calls
	more := busy/share - busy
	_, err := fmt.Fprintf(out, "\nA call of deliver took %.0f ms here, %.1f ms of them processor time of this machine, with the receiver's and the meter's. "+
		"At the share of a core that %d MB have on Lambda (memory ÷ %d MB: %.2f) that would be %.0f ms more, and $%.3f a million. "+
		"With the functions' time alone that they wait for the receiver, the base case's sum is $%.3f.\n",
		took*1000, busy*1000, w.template.memory["deliver"], wholeCore, share, more*1000,
		w.prices.Dollars(GBSecond, more*float64(w.template.memory["deliver"])/1024)*calls/float64(base.Deliveries)*million, w.Counted(base))
	return err
}

// wholeCore is the memory at which a function has one core (Lambda Developer Guide, "Configure Lambda function memory").
const wholeCore = 1769

func cmpLines(a, b line) int {
	if a.unit < b.unit {
		return -1
	}
	return 1
}

// Idle polling: each event source mapping keeps five long polls under way (Lambda Developer Guide, "Using Lambda with Amazon
// SQS"), of 20 s each.
const (
	idlePolls = 5
	idlePoll  = 20 * time.Second
)

// printIdle prints what a stack costs that nobody uses.
func (w *World) printIdle(ctx context.Context, out io.Writer) error {
	m := newMeter(w.table)
	if err := w.sweeper(m).invoke(ctx, map[string]any{"source": "aws.events"}, nil); err != nil {
		return err
	}
	sweeps := 0.0
	for _, s := range w.template.schedules {
		every, err := rateOf(s)
		if err != nil {
			return err
		}
		sweeps += float64(month / every)
	}
	rows := [][]string{{"an idle month", "how many", "unit", "$"}}
	sum := 0.0
	add := func(what string, u Unit, n float64) {
		dollars := w.prices.Dollars(u, n)
		sum += dollars
		rows = append(rows, []string{what, fmt.Sprintf("%.6g", n), w.prices.Prices[u].What, fmt.Sprintf("%.2f", dollars)})
	}
	add(fmt.Sprintf("polling of %d queues", w.template.mappings), SQSRequest, float64(w.template.mappings*idlePolls)*float64(month/idlePoll))
	add("the key of secrets", KMSKeyMonth, float64(w.template.keys))
	add("alarms", AlarmMonth, float64(w.template.alarms))
	add("metrics, had all of them values in every hour", SeriesMonth, float64(w.template.filters+len(metrics.Table())))
	add("the dashboard", BoardMonth, float64(w.template.boards))
	for _, l := range slices.SortedFunc(maps.Keys(m.used), cmpLines) {
		if l.part == OtherRequests {
			add("sweeps, every 15 minutes", l.unit, m.used[l]*sweeps)
		}
	}
	rows = append(rows, []string{"**sum**", "", "", fmt.Sprintf("%.2f", sum)})
	return errors.Join(table.Print(out, "The stack when nothing happens, for 30 days", rows...), m.err)
}

func rateOf(schedule string) (time.Duration, error) {
	var n int
	if _, err := fmt.Sscanf(schedule, "rate(%d minutes)", &n); err != nil || n == 0 {
		return 0, fmt.Errorf("schedule %q is not understood: %w", schedule, err)
	}
	return time.Duration(n) * time.Minute, nil
}

// printUnits prints where DynamoDB Local counts otherwise than DynamoDB's documentation, which the bill goes by.
func (w *World) printUnits(out io.Writer) error {
	rows := [][]string{{"request", "how many", "differ", "documented units of one that differs", "DynamoDB Local's"}}
	for _, what := range slices.Sorted(maps.Keys(w.table.compared)) {
		c := w.table.compared[what]
		cells := []string{what, fmt.Sprint(c.requests), fmt.Sprint(c.differing), "", ""}
		if c.differing > 0 {
			cells[3], cells[4] = fmt.Sprint(c.expected), fmt.Sprint(c.said)
		}
		rows = append(rows, cells)
	}
	if err := table.Print(out, "DynamoDB Local's units beside the documented ones", rows...); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "\nWhat is not there takes as much as a small item (DynamoDB Developer Guide, \"DynamoDB read and write operations\"). DynamoDB Local "+
		"counts nothing for it. The bill goes by the guide, but for updates of a webhook's health, whose items' sizes the requests do not tell.\n")
	return err
}
