// Package pattern decides by an event's data whether a webhook wants it. A pattern is written as Amazon EventBridge
// writes event patterns, so that what people know from there holds here: nested objects name fields, every field must
// match, and each field has a list of which any one entry must match.
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
// "$or" in place of a field's name has a list of two or more objects of which at least one must match.
//
// What holds, as AWS documents it and as the engine of EventBridge (github.com/aws/event-ruler) does it:
//
//   - An array in the data matches when any element does, also inside nested arrays. Fields named under one object of
//     the pattern must match within the same element of an array of objects.
//   - Operators look at leaves: strings, numbers, booleans and null. An object, an empty object and an empty array are
//     no leaves, so {"exists": false} matches there. It asks whether the field is a leaf anywhere in the data, in
//     whichever element of an array.
//   - anything-but needs a leaf, of any type, that is not the given one; it does not match a field that is not there, and
//     it matches an array when one element is something else.
//
// Where it is not the same: numbers compare by their exact value, whatever their size and spelling (EventBridge keeps
// to ±5e9 and six decimals); a dot in a field's name is part of the name; a branch of "$or" chooses elements of arrays
// on its own; two equal names in one object of a pattern are refused. Of equal names in the data the last counts.
//
// # What matching costs
//
// A document's values are read once for all patterns, and a list of values or ranges is searched, not gone through: a
// pattern costs what it looks at, times the logarithm of its lists. Two things bound it. A pattern has a cost, which is the
// sum over its entries:
//
//	the plain values of a field         1, however many there are
//	prefix, suffix, equals-ignore-case  1
//	numeric, cidr, exists               2
//	wildcard                            5
//	anything-but with values            1, however many there are; with an operator what each of its strings costs
//
// and one that is to be stored costs at most MaxCost. (EventBridge bounds the same by quotas: of a pattern's length, of
// combinations by "$or", of rules with wildcards.) And matching is given a number of steps, Work, and ends with ErrWork
// when they are done, whatever was stored before there was a cost.
package pattern

// Limits of a pattern. MaxBytes is EventBridge's own and does not count white space between tokens.
const (
	MaxBytes = 4096
	MaxDepth = 32  // of nested objects, "$or" branches counted
	MaxCost  = 150 // of one that is to be stored: see the package's documentation
)

// Pattern is a parsed pattern, safe for concurrent use.
type Pattern struct {
	root *object
	cost int
	read int // bytes, each as often as it was looked at to parse it
}

// Cost returns what the pattern costs: see the package's documentation.
func (p *Pattern) Cost() int { return p.cost }

// object is a conjunction: every field and every choice must hold.
type object struct {
	fields  []field
	choices [][]*object // of each at least one branch
}

// field is one name of an object, with either an object below or a list of entries.
type field struct {
	name    string
	sub     *object
	entries *entries
}

// entries is the list of a field's entries; any one must match.
type entries struct {
	path   []string // of names from the root, for absent
	absent bool     // {"exists": false} is among them
	in     set      // a leaf that is in it matches
	but    []set    // of each anything-but: a leaf that is not in it matches
}

// Parse is the function Parse as a part of the work. A pattern with faults is nil.
func (w *Work) Parse(raw []byte) *Pattern {
	var p parser
	parsed, _ := p.pattern(raw)
	w.do(len(raw) + p.read)
	return parsed
}

// Match reports whether the pattern takes the document. When the work ends before that is known, it returns false, and
// w.Err says why.
func (p *Pattern) Match(d *Document, w *Work) bool {
	if !d.valid {
		return false
	}
	m := match{root: d.root, work: w}
	return m.object(p.root, d.root) && w.err == nil
}

// match is one run over a document. Once the work has ended, whatever it answers counts for nothing.
type match struct {
	root    *node
	work    *Work
	present map[*entries]bool // by entries with absent set: whether the document has a leaf there
}

// object reports whether n has an object that holds what o asks. Where there is no object at all, nothing is below it,
// which is what {"exists": false} may ask for.
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

// has reports whether the document has a leaf at the entries' path, in any element of the arrays on the way.
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
