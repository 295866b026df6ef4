package pattern

import (
	"cmp"
	"math/bits"
	"net/netip"
	"slices"
	"strings"
)

// set is the set of leaves that the entries of one field, or of one anything-but, match. Its lists are searched by bisection, so
// that a lookup costs the logarithm of their lengths. Only wildcards are tried one by one.
type set struct {
	all       bool             // the set has every leaf
	constants [constants]bool  // null, false and true, by kind
	texts     [forms]texts     // whole strings, by form
	affixes   [forms][]string  // beginnings of strings, by form: sorted, and none begins with another
	numbers   []span           // sorted, each with the greatest end up to it; a plain number is a span from it to itself
	many      map[decimal]bool // plain numbers, if there are many
	networks  []netip.Prefix   // sorted, and none contains another
	wildcards []wildcard
	longest   int // the bytes of the longest string, or the digits of the longest number
}

type texts map[string]bool

// Bytes of strings that are compared, and bytes that are searched for other strings, in the time of one step.
const (
	bytesCompared = 32
	bytesSearched = 8
)

// has reports whether the set has v. It returns false when there is no work left.
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

// steps returns the steps for a lookup of a value with the given length in a list of the given length, beyond the one that has
// takes.
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
		// A string that sorts between t and a beginning of t has the same beginning. So only the entry right before t can be
		// a beginning of t.
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

// add adds a plain value.
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

// ready sorts the lists for searches. It has to be called before has.
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

// hash moves plain numbers from the list, which is for ranges, to a map if that makes lookups faster.
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

// kept returns a sorted list without the entries that the entry kept before them covers.
func kept[T any](list []T, covered func(e, last T) bool) []T {
	var out []T
	for _, e := range list {
		if n := len(out); n == 0 || !covered(e, out[n-1]) {
			out = append(out, e)
		}
	}
	return out
}

// end is an end of a range of numbers: n itself, the place right before or after n, or no end.
type end struct {
	none int // -1: before all numbers; +1: after all numbers; 0: at n
	n    decimal
	side int // -1: right before n; +1: right after n
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

// span is a range of numbers, its ends included.
type span struct{ from, to end }

// wildcard is a string with at least one wildcard.
type wildcard struct {
	head, tail string
	middle     []string // the texts between two wildcards
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
	// The first match of a part leaves the most text for the next ones.
	for _, m := range c.middle {
		if _, s, ok = strings.Cut(s, m); !ok {
			return false
		}
	}
	return true
}
