// Package pattern matches the data of events with the filters of webhooks. A filter is written as an event pattern of Amazon
// EventBridge and has the same meaning: nested objects name fields, every field must match, and a field matches if any entry of
// its list does.
//
//	{"order": {"status": ["paid", "shipped"], "total": [{"numeric": [">", 100]}]}}
//
// An entry is a value (string, number, true, false, null) or one operator:
//
//	{"prefix": "a"}  {"suffix": "z"}  {"equals-ignore-case": "a"}  {"wildcard": "a*z"}    of strings
//	{"prefix": {"equals-ignore-case": "a"}}  and the same with suffix
//	{"numeric": ["=", 5]}  with =, <, <=, >, >= or a range [">", 0, "<=", 5], the lower bound first
//	{"cidr": "10.0.0.0/24"}                                           a string that is an IP address
//	{"exists": true}  {"exists": false}
//	{"anything-but": "a"}, of a number, of a list of strings or of numbers, or of one of the string operators with a
//	    string or a list of strings: {"anything-but": {"prefix": ["a", "b"]}}
//
// "$or" in place of a field's name has a list of two or more objects, of which at least one must match.
//
// These rules hold as AWS documents them and as EventBridge's engine (github.com/aws/event-ruler) follows them:
//
//   - An array in the data matches if any element does, also in nested arrays. Fields that are named in one object of the
//     pattern must match within the same element of an array of objects.
//   - Operators apply to leaves, which are strings, numbers, booleans and null. Objects and empty arrays are no leaves, so that
//     {"exists": false} matches them. It matches if the field is a leaf nowhere in the data, in no element of any array.
//   - anything-but needs a leaf, of any type, that differs from the given ones. It does not match a missing field, and it
//     matches an array if one element differs.
//
// These rules differ: numbers compare by their exact value, whatever their size and spelling (EventBridge is limited to ±5e9 and
// six decimals); a dot in a field's name is part of the name; each branch of "$or" chooses elements of arrays independently; two
// equal names in one object of a pattern are refused. If the data has equal names, the last one counts.
//
// # What matching costs
//
// A document's values are read once for all patterns, and lists of values or ranges are searched by bisection. The time of a
// match is the number of values that the pattern looks at, times the logarithm of the lengths of its lists. Two limits bound
// it. A pattern has a cost, which is the sum over its entries:
//
//	the plain values of a field         1, however many there are
//	prefix, suffix, equals-ignore-case  1
//	numeric, cidr, exists               2
//	wildcard                            5
//	anything-but with values            1, however many there are; with an operator, the cost of each of its strings
//
// A pattern is stored only if its cost is at most MaxCost. (EventBridge has quotas instead: on a pattern's length, on
// combinations by "$or", on rules with wildcards.) Patterns that were stored earlier can cost more, so that matching also has a
// number of steps, Work, and ends with ErrWork when it has used them.
package pattern

// Limits of a pattern. MaxBytes is EventBridge's own and does not count white space between tokens.
const (
	MaxBytes = 4096
	MaxDepth = 32  // of nested objects, "$or" branches counted
	MaxCost  = 150 // of a pattern that is to be stored; see the package documentation
)

// Pattern is a parsed pattern, safe for concurrent use.
type Pattern struct {
	root *object
	cost int
	read int // bytes that parsing looked at; a byte counts each time
}

// Cost returns the pattern's cost, as the package documentation defines it.
func (p *Pattern) Cost() int { return p.cost }

// object is a conjunction: every field and every choice must match.
type object struct {
	fields  []field
	choices [][]*object // at least one branch of each must match
}

// field is a name in an object, with either an object or a list of entries.
type field struct {
	name    string
	sub     *object
	entries *entries
}

// entries is the list of a field's entries. At least one must match.
type entries struct {
	path   []string // the names from the root to the field, for absent
	absent bool     // the list has {"exists": false}
	in     set      // a leaf in this set matches
	but    []set    // one for each anything-but: a leaf outside the set matches
}

// Parse parses a pattern, and counts that as part of the work. It returns nil for a pattern with faults.
func (w *Work) Parse(raw []byte) *Pattern {
	var p parser
	parsed, _ := p.pattern(raw)
	w.do(len(raw) + p.read)
	return parsed
}

// Match reports whether the document matches the pattern. If the work ends before that is known, Match returns false, and w.Err
// says why.
func (p *Pattern) Match(d *Document, w *Work) bool {
	if !d.valid {
		return false
	}
	m := match{root: d.root, work: w}
	return m.object(p.root, d.root) && w.err == nil
}

// match is one match of a pattern with a document. After the work has ended, its answers have no meaning.
type match struct {
	root    *node
	work    *Work
	present map[*entries]bool // for entries with absent: whether the document has a leaf at their path
}

// object reports whether an object in n matches o. A node without objects has no fields, which {"exists": false} can match.
func (m *match) object(o *object, n *node) bool {
	if n == nil || len(n.objects) == 0 {
		return m.holds(o, nil)
	}
	for _, in := range n.objects {
		if m.holds(o, in) {
			return true
		}
		if m.work.err != nil {
			break
		}
	}
	return false
}

func (m *match) holds(o *object, in *members) bool {
	for i := range o.fields {
		f := &o.fields[i]
		if !m.work.do(1) {
			return false
		}
		n := in.field(f.name)
		switch {
		case f.sub != nil:
			if !m.object(f.sub, n) {
				return false
			}
		case f.entries.absent && !m.has(f.entries):
		case n == nil || !m.takes(f.entries, n):
			return false
		}
	}
	for _, branches := range o.choices {
		if !m.any(branches, in) {
			return false
		}
	}
	return true
}

func (m *match) any(branches []*object, in *members) bool {
	for _, b := range branches {
		if m.holds(b, in) {
			return true
		}
	}
	return false
}

// has reports whether the document has a leaf at the entries' path, in any element of the arrays on that path.
func (m *match) has(e *entries) bool {
	has, known := m.present[e]
	if !known {
		if m.present == nil {
			m.present = make(map[*entries]bool)
		}
		has = m.leaf(m.root, e.path)
		m.present[e] = has
	}
	return has
}

func (m *match) leaf(n *node, path []string) bool {
	if n == nil || len(path) == 0 {
		return n != nil && len(n.leaves) > 0
	}
	for _, o := range n.objects {
		if !m.work.do(1) {
			return false
		}
		if m.leaf(o.field(path[0]), path[1:]) {
			return true
		}
	}
	return false
}

func (m *match) takes(e *entries, n *node) bool {
	for i := range n.leaves {
		v := &n.leaves[i]
		if e.in.has(v, m.work) {
			return true
		}
		for j := range e.but {
			if !e.but[j].has(v, m.work) {
				return true
			}
		}
		if m.work.err != nil {
			break
		}
	}
	return false
}
