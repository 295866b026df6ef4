package sqlite

// tally is the engine's memory of a queue. It is enough to know without a query that there is nothing to do. The writer
// alone uses it, and it always follows from the tables.
type tally struct {
	count  [states]int
	fair   fair
	next   int64 // no hidden message becomes visible before this; never if none is hidden
	oldest int64 // no message was sent before this; never if there is none
	swept  int64 // when those past their retention are looked for at the earliest
}

func newTally() tally {
	return tally{fair: newFair(), next: never, oldest: never}
}

// add notes what a row of a held query says: n messages of a group in a state, the first of which becomes visible at the
// one time, and the oldest of which was sent at the other.
func (t *tally) add(h held) {
	t.shift(h.group, gone, h.state, h.n)
	if h.state != visible {
		t.next = min(t.next, h.at)
	}
	t.oldest = min(t.oldest, h.sent)
}

// held is what a queue holds of one group in one state.
type held struct {
	queue    int64
	state    state
	group    string
	n        int
	at, sent int64
}

const selectHeld = `SELECT queue, state, grp, count(*), min(at), min(sent) FROM message GROUP BY queue, state, grp`

func (h *held) read(scan func(...any) error) error {
	return scan(&h.queue, &h.state, &h.group, &h.n, &h.at, &h.sent)
}

// shift notes that n messages of a group change from one state to another.
func (t *tally) shift(group string, from, to state, n int) {
	if from != gone {
		t.count[from] -= n
		t.fair.change(group, from, -n)
	}
	if to != gone {
		t.count[to] += n
		t.fair.change(group, to, n)
	}
}

func (t *tally) inFlight() int { return t.count[working] + t.count[parked] }
