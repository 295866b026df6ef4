package conformance

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"hookline/infra/bench/bill"
	"hookline/infra/conformance/engines"
)

// testBill holds what a delivery costs, by counts: the requests and units that do not depend on this machine.
func testBill(t *testing.T) {
	t.Parallel()
	w, err := bill.Open(t.Context())
	if errors.Is(err, engines.ErrNotInstalled) {
		missing(t, err.Error())
	}
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	run := func(c bill.Case) bill.Result {
		t.Helper()
		c.Deliveries = 60
		r, err := w.Run(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	few := run(bill.Case{Name: "10 webhooks", Webhooks: 9})

	if got := few.Used(bill.RecordWrites, bill.WriteUnit); got != 1 {
		t.Errorf("got %v write units for the record of a delivery that succeeds at once, want 1", got)
	}
	for _, kind := range few.Kinds() {
		operation, _, _ := strings.Cut(kind, " ")
		want := 0.0
		switch {
		case kind == "PutItem record":
			want = 1
		case kind == "PutItem counter", !slices.Contains([]string{"PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems"}, operation):
			continue // it reads, or is one for a batch of the stream
		}
		if got := few.Requests(kind); got != want {
			t.Errorf("%s: got %v for each delivery that succeeds at once, want %v", kind, got, want)
		}
	}
	if got := w.Counted(few); got > 1.20 || got < 0.5 {
		t.Errorf("got $%.3f for a million deliveries, want at most 1.20", got)
	}
	logged := run(bill.Case{Name: "event log", EventLog: true})
	if got := w.Counted(logged); got > 1.40 || got < w.Counted(few) {
		t.Errorf("got $%.3f for a million deliveries with the event log, want at most 1.40", got)
	}
	t.Logf("a million deliveries, by counts: $%.3f, with the event log $%.3f", w.Counted(few), w.Counted(logged))

	const others = 999 // `make bench` has 9,999
	many := run(bill.Case{Name: "1,000 webhooks", Webhooks: others})
	for _, kind := range append(few.Kinds(), many.Kinds()...) {
		within(t, kind, few.Requests(kind), many.Requests(kind))
	}
	units := many.Units()
	for u, n := range few.Units() {
		if u != bill.GBSecond { // this machine's
			within(t, string(u), n, units[u])
		}
	}
}

// within holds that two counts differ by 10 % at most.
func within(t *testing.T, what string, few, many float64) {
	t.Helper()
	if math.Abs(many-few) > few/10 {
		t.Errorf("%s: got %v for each delivery where the tenant has 10 webhooks, and %v where it has 1,000", what, few, many)
	}
}
