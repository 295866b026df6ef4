package sqlite

// tally is what the engine remembers of a queue: enough to know without a query that there is nothing to do. It belongs
// to the writer, and follows from what is stored.
type tally struct {
	count  [states]int
	fair   fair
	next   int64 // no hidden message becomes visible before this; never: none is hidden
	expiry int64 // no message is older than the retention before this
}

func newTally() tally {
	return tally{fair: newFair(), next: never, expiry: never}
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
