package sqlite

// tally is the engine's memory of a queue. It is enough to know without a query that there is nothing to do. The writer
// alone uses it, and it always follows from the tables.
type tally struct {
	count  [states]int
	fair   fair
	next   int64 // no hidden message becomes visible before this; never if none is hidden
	expiry int64 // before this no message is past its retention
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
