package metrics

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestTable holds the table to what a stack may have: 20 series, one of which is the count of logged errors.
func TestTable(t *testing.T) {
	rows := Table()
	if len(rows) > 19 {
		t.Errorf("got %d series, want at most 19", len(rows))
	}
	seen := make(map[Metric]bool)
	for _, r := range rows {
		if seen[r.Metric] || r.Meaning == "" || !strings.HasSuffix(string(r.Metric), r.Outcome) || r.Base() == "" {
			t.Errorf("got the row %+v", r)
		}
		seen[r.Metric] = true
	}
}

// TestLine follows the CloudWatch User Guide, Specification: Embedded metric format.
func TestLine(t *testing.T) {
	var b Batch
	var out bytes.Buffer
	now := time.UnixMilli(1774008000123)
	if err := b.Write(&out, "hookline-dev", now); err != nil || out.Len() != 0 {
		t.Errorf("got %q, %v of nothing", out.String(), err)
	}
	ctx := With(t.Context(), &b)
	Add(ctx, Accepted, 2)
	Add(ctx, Accepted, 1)
	Add(ctx, Matched, 0)
	Observe(ctx, FirstAttemptDelay, 1500*time.Microsecond)
	Observe(ctx, FirstAttemptDelay, -time.Second)
	Add(context.Background(), Accepted, 7) // it has no recorder
	if err := b.Write(&out, "hookline-dev", now); err != nil {
		t.Fatal(err)
	}
	const want = `{"Accepted":3,"FirstAttemptDelay":[1,0],"_aws":{"Timestamp":1774008000123,"CloudWatchMetrics":[{"Namespace":"Hookline",` +
		`"Dimensions":[["stage"]],"Metrics":[{"Name":"Accepted"},{"Name":"FirstAttemptDelay","Unit":"Milliseconds"}]}]},"stage":"hookline-dev"}` + "\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("the line (-want +got):\n%s", diff)
	}
	out.Reset()
	if err := b.Write(&out, "hookline-dev", now); err != nil || out.Len() != 0 {
		t.Errorf("got %q, %v after all was written", out.String(), err)
	}
}

// TestManyValues shows that a line has at most 100 values of a metric, and that none is lost or counted twice.
func TestManyValues(t *testing.T) {
	var b Batch
	b.Add(Delivered, 250)
	for i := range 250 {
		b.Observe(SuccessDelay, time.Duration(i)*time.Millisecond)
	}
	var out bytes.Buffer
	if err := b.Write(&out, "s", time.Now()); err != nil {
		t.Fatal(err)
	}
	var sizes []int
	delivered, sum := 0, 0
	for line := range strings.Lines(out.String()) {
		var l struct {
			Delivered    int
			SuccessDelay []int
		}
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatal(err)
		}
		sizes, delivered = append(sizes, len(l.SuccessDelay)), delivered+l.Delivered
		for _, v := range l.SuccessDelay {
			sum += v
		}
	}
	if !cmp.Equal(sizes, []int{100, 100, 50}) || delivered != 250 || sum != 249*250/2 {
		t.Errorf("got lines of %v values, %d delivered, a sum of %d", sizes, delivered, sum)
	}
}
