package sqlite

import "container/heap"

// A group is noisy, as SQS has it, when this many of its messages and this part of all are being worked on.
const (
	noisyWorking = 30
	noisyPart    = 10 // a tenth
)

// fair says whose turn it is. Groups with visible messages take turns, one message each (start-time fair queueing, each
// message costing the same): a group that comes back after a while is next, but gains nothing by having been away. A
// noisy group waits until no other has anything, so that a slow endpoint does not hold all of the consumers, however
// few groups there are. Messages parked on purpose hold no consumer and do not count. The messages without a group are
// one group that is never noisy.
type fair struct {
	groups  map[string]*group
	waiting turns
	now     int64 // turn of the message given last
	entries int64
	working int
}

type group struct {
	name    string
	visible int
	working int
	turn    int64 // of its next message
	entry   int64 // decides between equal turns: who has waited longest
	pos     int   // in waiting
}

func newFair() fair { return fair{groups: make(map[string]*group)} }

// change notes that n more messages of a group are in a state.
func (f *fair) change(name string, s state, n int) {
	if s != visible && s != working {
		return
	}
	g := f.groups[name]
	if g == nil {
		g = &group{name: name, turn: f.now}
		f.groups[name] = g
	}
	if s == working {
		g.working += n
		f.working += n
	} else {
		was := g.visible
		g.visible += n
		switch {
		case was == 0 && n > 0:
			f.enter(g)
		case was > 0 && g.visible == 0:
			heap.Remove(&f.waiting, g.pos)
		}
	}
	if g.visible == 0 && g.working == 0 {
		delete(f.groups, name)
	}
}

func (f *fair) enter(g *group) {
	f.entries++
	g.turn, g.entry = max(g.turn, f.now), f.entries
	heap.Push(&f.waiting, g)
}

// pick returns the group whose turn it is and charges it for one message, or reports that there is none.
func (f *fair) pick() (name string, ok bool) {
	var noisy []*group // ten at most
	for len(f.waiting) > 0 && f.noisy(f.waiting[0]) {
		noisy = append(noisy, heap.Pop(&f.waiting).(*group))
	}
	var g *group
	switch {
	case len(f.waiting) > 0:
		g = heap.Pop(&f.waiting).(*group)
	case len(noisy) > 0:
		g, noisy = noisy[0], noisy[1:]
	default:
		return "", false
	}
	f.now = max(f.now, g.turn)
	g.turn = f.now + 1
	f.enter(g)
	for _, n := range noisy {
		f.enter(n)
	}
	return g.name, true
}

func (f *fair) noisy(g *group) bool {
	return g.name != "" && g.working >= noisyWorking && g.working*noisyPart > f.working
}

// turns is a heap: the group whose turn is next comes first.
type turns []*group

func (t turns) Len() int { return len(t) }

func (t turns) Less(i, j int) bool {
	if t[i].turn != t[j].turn {
		return t[i].turn < t[j].turn
	}
	return t[i].entry < t[j].entry
}

func (t turns) Swap(i, j int) {
	t[i], t[j] = t[j], t[i]
	t[i].pos, t[j].pos = i, j
}

// Push implements heap.Interface.
func (t *turns) Push(x any) {
	g := x.(*group)
	g.pos = len(*t)
	*t = append(*t, g)
}

// Pop implements heap.Interface.
func (t *turns) Pop() any {
	last := len(*t) - 1
	g := (*t)[last]
	(*t)[last] = nil
	*t = (*t)[:last]
	return g
}
