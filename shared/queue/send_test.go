package queue

import (
	"context"
	"errors"
	"strings"
	"testing"
)

// taker takes batches in part. refuse says which bodies it refuses, and how often.
type taker struct {
	refuse map[string]int
	calls  []int // messages in each call
	took   []string
	fail   error
}

func (k *taker) Send(_ context.Context, msgs []Outgoing) error {
	k.calls = append(k.calls, len(msgs))
	if k.fail != nil {
		return k.fail
	}
	failed := make(map[int]error)
	for i, m := range msgs {
		if k.refuse[m.Body] > 0 {
			k.refuse[m.Body]--
			failed[i] = errors.New("refused")
			continue
		}
		k.took = append(k.took, m.Body)
	}
	if len(failed) > 0 {
		return &PartialError{Failed: failed}
	}
	return nil
}

func TestSendAll(t *testing.T) {
	down := errors.New("down")
	large := strings.Repeat("x", MaxBytes/2)
	tests := map[string]struct {
		taker taker
		sent  []string
		calls []int
		err   bool
		took  int
	}{
		"nothing":              {sent: nil},
		"more than a batch":    {sent: strings.Split(strings.Repeat("m", 23), ""), calls: []int{10, 10, 3}, took: 23},
		"packed by bytes":      {sent: []string{large, large, "m", large}, calls: []int{2, 2}, took: 4},
		"taken in part":        {taker: taker{refuse: map[string]int{"b": 2}}, sent: []string{"a", "b", "c"}, calls: []int{3, 1, 1}, took: 3},
		"refused for good":     {taker: taker{refuse: map[string]int{"b": 99}}, sent: []string{"a", "b", "c"}, calls: []int{3, 1, 1, 1}, err: true, took: 2},
		"the queue is down":    {taker: taker{fail: down}, sent: []string{"a"}, calls: []int{1}, err: true},
		"one over every limit": {taker: taker{refuse: map[string]int{large + large + "x": 99}}, sent: []string{large + large + "x", "a"}, calls: []int{1, 1, 1, 1}, err: true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var msgs []Outgoing
			for _, body := range tt.sent {
				msgs = append(msgs, Outgoing{Body: body})
			}
			err := SendAll(t.Context(), &tt.taker, msgs)
			if (err != nil) != tt.err || len(tt.taker.took) != tt.took || len(tt.taker.calls) != len(tt.calls) {
				t.Fatalf("got %v, %d taken in calls of %v; want error %v, %d taken in calls of %v", err, len(tt.taker.took), tt.taker.calls, tt.err, tt.took, tt.calls)
			}
			for i, n := range tt.calls {
				if tt.taker.calls[i] != n {
					t.Errorf("call %d: got %d messages, want %d", i, tt.taker.calls[i], n)
				}
			}
		})
	}
}
