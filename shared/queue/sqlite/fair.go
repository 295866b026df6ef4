package sqlite

import "container/heap"

// A group is noisy, in SQS's sense, when so many of its messages are being worked on and they are such a part of all
// messages that are.
const (
	noisyWorking = 30
	noisyPart    = 10 // a tenth
)

// fair decides which group's message comes next. Groups with visible messages take turns, one message each (start-time
// fair queueing in which each message costs the same). A group that comes back after a while is next, but gains nothing
// by having been away. A noisy group waits until no other group has a visible message, so that a slow endpoint does not
// hold all consumers, however few groups there are. Messages that Hide has hidden hold no consumer and do not count.
// The messages without a group are one group that is never noisy.
type fair struct {
	groups  map[string]*group
	waiting turns
	now     int64 // turn of the message that was given out last
	entries int64
	working int
}

type group struct {
	name    string
	visible int
	working int
	turn    int64 // of its next message
	entry   int64 // of two groups with the same turn, the one with the smaller entry has waited longer
	pos     int   // its place in waiting
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

// pick returns the group whose turn it is and charges it for one message. It returns false if there is none.
func (f *fair) pick() (name string, ok bool) {
	var noisy []*group // at most ten: each has a tenth of what is being worked on
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

// turns is a heap whose first group is the one whose turn is next.
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
