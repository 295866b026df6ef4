// Package faultinject wraps stores and queues for tests, so that their calls go wrong as calls over a network do: a call
// is lost before it takes effect, or its answer is lost afterwards; a batch is taken in part; messages come twice and out
// of order; answers are stale.
//
// A wrapper keeps the contract of what it wraps, because all of this is allowed there. It works with every engine, and
// without a fault it changes nothing. Faults are functions that are asked at each call, or chances. To fail each call of
// a run in turn, once before and once after it takes effect, count the calls in one run and then use Nth in one run for
// each.
//
// Only tests may import this package; infra/checks holds the tree to it.
package faultinject

import (
	"errors"
	"sync/atomic"

	"hookline/shared/webhook"
)

// Err is the error of a fault that has none of its own.
var Err = errors.New("injected fault")

// Nth returns a fault that strikes the n-th of the calls that it is asked about, counted from 1, and no other. If names
// are given it counts only the calls of these names.
func Nth(n int, names ...string) func(call string) error {
	var asked atomic.Int64
	return func(call string) error {
		counts := len(names) == 0
		for _, name := range names {
			counts = counts || name == call
		}
		if counts && asked.Add(1) == int64(n) {
			return Err
		}
		return nil
	}
}

// strike asks a fault about a call. Its error is answered as Unavailable.
func strike(fault func(call string) error, call string) error {
	if fault == nil {
		return nil
	}
	if err := fault(call); err != nil {
		return webhook.ErrUnavailable(err)
	}
	return nil
}
