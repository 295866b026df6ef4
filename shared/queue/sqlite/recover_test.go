package sqlite

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"hookline/shared/queue"
)

// TestBacklog opens queues that hold so much that it is counted while the engine works: nothing is lost, given out twice
// or counted twice, whatever is done meanwhile.
func TestBacklog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "queue.db")
	e := open(t, path, Options{})
	q := newQueue(t, e, "main", QueueConfig{Visibility: time.Hour})
	want := make(map[string]int)
	put := func(body, group string, delay time.Duration) queue.Outgoing {
		want[body] = 1
		return queue.Outgoing{Body: body, Group: group, Delay: delay}
	}
	for i := range backlog/queue.MaxBatch + 1 {
		var msgs []queue.Outgoing
		for j := range queue.MaxBatch {
			msgs = append(msgs, put(fmt.Sprint(i, " ", j), fmt.Sprint("group ", j%3), 0))
		}
		send(t, q, msgs...)
	}
	send(t, q, put("delayed", "group 0", time.Second))
	received := receive(t, q, queue.MaxBatch)
	if err := hide(t, q, received[0], 2*time.Second); err != nil { // the others are being worked on
		t.Fatal(err)
	}
	if err := q.Delete(t.Context(), received[1].Handle); err != nil {
		t.Fatal(err)
	}
	want[received[1].Body] = 0

	e = open(t, crash(t, path), Options{})
	q = newQueue(t, e, "main", QueueConfig{Visibility: time.Hour})
	send(t, q, put("new", "group 1", 0), put("of a new group", "new", 0))
	got := make(map[string]int)
	take := func() bool {
		msgs, err := q.Receive(t.Context(), queue.MaxBatch, 3*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		var handles []string
		for _, m := range msgs {
			got[m.Body]++
			handles = append(handles, m.Handle)
		}
		if len(handles) > 0 {
			if err := q.Delete(t.Context(), handles...); err != nil {
				t.Fatal(err)
			}
		}
		return len(msgs) > 0
	}
	take() // perhaps before they are counted
	c, err := q.Counts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	for _, n := range want {
		total += n
	}
	if left := c.Visible + c.InFlight + c.Delayed; left != total-len(got) {
		t.Errorf("counted %+v, want %d in all", c, total-len(got))
	}
	for take() {
	}
	wantCounts(t, q, queue.Counts{})
	for body, n := range want {
		if got[body] != n {
			t.Errorf("%q was given out %d times, want %d", body, got[body], n)
		}
	}
}
