// Package functions measures the compiled Lambda functions on this machine: how fast they start beside a bare function,
// what a delivery costs beside a bare loop of POSTs, and what each size of memory would cost.
package functions

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"time"
)

// root is the repository's, where `make bench` runs.
const root = "."

// Run measures and prints the tables.
func Run(ctx context.Context, out, progress io.Writer) error {
	for _, measure := range []func(context.Context, io.Writer, io.Writer) error{starts, deliveries, memory} {
		if err := measure(ctx, out, progress); err != nil {
			return err
		}
	}
	return nil
}

func median[T cmp.Ordered](values []T) T {
	return slices.Sorted(slices.Values(values))[len(values)/2]
}

func millis(d time.Duration) string {
	return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
}

func micros(d time.Duration) string {
	return fmt.Sprintf("%.0f µs", float64(d)/float64(time.Microsecond))
}
