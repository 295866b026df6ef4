package pattern

import (
	"cmp"
	"math/bits"
	"net/netip"
	"slices"
	"strings"
)

// set holds what the entries of one field, or of one anything-but, ask of a leaf: it is in the set when one of them takes
// it. Lists are searched, so that a leaf costs the logarithm of their lengths; only wildcards are tried one by one.
type set struct {
	all       bool             // every leaf is in it
	constants [constants]bool  // null, false and true, by kind
	texts     [forms]texts     // whole strings, as they are or in one case
	affixes   [forms][]string  // beginnings of strings, in one of their forms: sorted, and none begins with another
	numbers   []span           // sorted, each with the greatest end so far; a plain number ends where it begins
	many      map[decimal]bool // plain numbers, where they are many
	networks  []netip.Prefix   // sorted, and none in another
	wildcards []wildcard
	longest   int // bytes of its longest string, digits of its longest number
}

type texts map[string]bool

// How many bytes of strings are compared, and how many are searched for others, in the time of a step.
const (
	bytesCompared = 32
	bytesSearched = 8
)

// has reports whether v is in the set. Without work left it says no.
func (s *set) has(v *scalar, w *Work) bool {
	switch {
	case !w.do(1):
		return false
	case s.all:
		return true
	case v.kind == text:
		return s.hasText(v, w) || s.hasAddress(v, w) || s.hasWildcard(v, w)
	case v.kind == number:
		return s.hasNumber(v, w)
	}
	return s.constants[v.kind]
}

// steps is what it takes to look something so long up in a list of so many, beyond the one step that has takes.
func (s *set) steps(length, entries int) int {
	return bits.Len(uint(entries))*(1+min(length, s.longest)/bytesCompared) - 1
}

func (s *set) hasText(v *scalar, w *Work) bool {
	for f, whole := range s.texts {
		if len(whole) == 0 {
			continue
		}
		t := v.form(form(f))
		if !w.do(s.steps(len(t), 1)) || len(t) <= s.longest && whole[t] {
			return w.err == nil
		}
	}
	for f, list := range s.affixes {
		if len(list) == 0 {
			continue
		}
		t := v.form(form(f))
		if !w.do(s.steps(len(t), len(list))) {
			return false
		}
		// A string that sorts between a beginning of t and t begins with it too, so only the entry right before t can be one.
		i, found := slices.BinarySearch(list, t)
		if found || i > 0 && strings.HasPrefix(t, list[i-1]) {
			return true
		}
	}
	return false
}

func (s *set) hasAddress(v *scalar, w *Work) bool {
	if len(s.networks) == 0 {
		return false
	}
	a := v.address()
	if !a.IsValid() || !w.do(s.steps(0, len(s.networks))) {
		return false
	}
	i, found := slices.BinarySearchFunc(s.networks, a, func(p netip.Prefix, a netip.Addr) int { return p.Addr().Compare(a) })
	return found || i > 0 && s.networks[i-1].Contains(a)
}

func (s *set) hasWildcard(v *scalar, w *Work) bool {
	for i := range s.wildcards {
		if !w.do(1) || s.wildcards[i].takes(v.text, w) {
			return w.err == nil
		}
	}
	return false
}

func (s *set) hasNumber(v *scalar, w *Work) bool {
	if len(s.numbers) == 0 && s.many == nil || !w.do(s.steps(len(v.num.digits), max(1, len(s.numbers)))) {
		return false
	}
	if len(v.num.digits) <= s.longest && s.many[v.num] {
		return true
	}
	at := end{n: v.num}
	from, to := 0, len(s.numbers)
	for from < to {
		mid := (from + to) / 2
		switch c := s.numbers[mid].from.compare(&at); {
		case c == 0:
			return true
		case c < 0:
			from = mid + 1
		default:
			to = mid
		}
	}
	return from > 0 && at.compare(&s.numbers[from-1].to) <= 0
}

// add puts a plain value into the set.
func (s *set) add(v *scalar) {
	switch v.kind {
	case text:
		s.addText(plain, v.text)
	case number:
		s.addNumbers(span{from: end{n: v.num}, to: end{n: v.num}})
	default:
		s.constants[v.kind] = true
	}
}

func (s *set) addText(f form, t string) {
	if s.texts[f] == nil {
		s.texts[f] = make(texts)
	}
	s.texts[f][t] = true
	s.longest = max(s.longest, len(t))
}

func (s *set) addAffix(f form, t string) {
	s.affixes[f] = append(s.affixes[f], t)
	s.longest = max(s.longest, len(t))
}

func (s *set) addNumbers(r span) {
	s.numbers = append(s.numbers, r)
	s.longest = max(s.longest, len(r.from.n.digits), len(r.to.n.digits))
}

// ready puts the lists in the order in which they are searched. It comes before has.
func (s *set) ready() {
	for f, list := range s.affixes {
		slices.Sort(list)
		s.affixes[f] = kept(list, strings.HasPrefix)
	}
	slices.SortFunc(s.networks, func(a, b netip.Prefix) int {
		return cmp.Or(a.Addr().Compare(b.Addr()), cmp.Compare(a.Bits(), b.Bits()))
	})
	s.networks = kept(s.networks, func(p, last netip.Prefix) bool { return last.Contains(p.Addr()) })
	s.hash()
	slices.SortFunc(s.numbers, func(a, b span) int { return a.from.compare(&b.from) })
	for i := 1; i < len(s.numbers); i++ {
		if before := s.numbers[i-1].to; before.compare(&s.numbers[i].to) > 0 {
			s.numbers[i].to = before
		}
	}
}

// hash takes plain numbers out of the list where that is quicker: the list is for ranges.
func (s *set) hash() {
	const few = 8
	if len(s.numbers) <= few {
		return
	}
	s.many = make(map[decimal]bool)
	s.numbers = slices.DeleteFunc(s.numbers, func(r span) bool {
		one := r.from == r.to
		if one {
			s.many[r.from.n] = true
		}
		return one
	})
}

// kept leaves out of a sorted list what the last one kept before covers.
func kept[T any](list []T, covered func(e, last T) bool) []T {
	var out []T
	for _, e := range list {
		if n := len(out); n == 0 || !covered(e, out[n-1]) {
			out = append(out, e)
		}
	}
	return out
}

// end is one end of a range of numbers: n itself, or what is right before or after it, or, without n, that there is none.
type end struct {
	none int // -1 before all numbers, +1 after them
	n    decimal
	side int // -1 right before n, +1 right after
}

func (e *end) compare(f *end) int {
	if e.none != f.none {
		return cmp.Compare(e.none, f.none)
	}
	if c := e.n.compare(&f.n); c != 0 {
		return c
	}
	return cmp.Compare(e.side, f.side)
}

// span is the numbers between two ends, which belong to it.
type span struct{ from, to end }

// wildcard is a string with at least one wildcard.
type wildcard struct {
	head, tail string
	middle     []string // what stands between wildcards
}

func (c *wildcard) takes(s string, w *Work) bool {
	s, ok := strings.CutPrefix(s, c.head)
	if !ok {
		return false
	}
	if s, ok = strings.CutSuffix(s, c.tail); !ok {
		return false
	}
	if len(c.middle) > 0 && !w.do(len(s)/bytesSearched) {
		return false
	}
	// The first place where a part fits leaves the most for the others.
	for _, m := range c.middle {
		if _, s, ok = strings.Cut(s, m); !ok {
			return false
		}
	}
	return true
}
