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
package pattern

import (
	"bytes"
	"encoding/json"
	"io"
)

// Limits of a pattern. MaxBytes is EventBridge's own and does not count white space between tokens.
const (
	MaxBytes = 4096
	MaxDepth = 32 // of nested objects, "$or" branches counted
)

// Pattern is a parsed pattern, safe for concurrent use.
type Pattern struct{ root *object }

// object is a conjunction: every field and every choice must hold.
type object struct {
	fields  []field
	choices [][]*object // of each at least one branch
}

// field is one name of an object, with either an object below or a leaf's entries.
type field struct {
	name string
	sub  *object
	leaf *leaf
}

// leaf is the list of a field's entries; any one must match.
type leaf struct {
	path   []string // of names from the root, for absent
	absent bool     // {"exists": false} is among the entries
	equal  map[scalar]bool
	tests  []test
}

type test func(scalar) bool

// Document is an event's data, decoded once to be matched with many patterns. It is safe for concurrent use.
type Document struct {
	root  any
	valid bool
}

// Decode reads an event's data. What is not JSON matches no pattern.
func Decode(data json.RawMessage) Document {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var root any
	if err := dec.Decode(&root); err != nil {
		return Document{}
	}
	_, err := dec.Token()
	return Document{root: root, valid: err == io.EOF}
}

// Match reports whether the pattern takes data. For several patterns, Decode once and use MatchDocument.
func (p *Pattern) Match(data json.RawMessage) bool { return p.MatchDocument(Decode(data)) }

// MatchDocument reports whether the pattern takes the document. Its time is linear in the document's size times the
// pattern's.
func (p *Pattern) MatchDocument(d Document) bool {
	if !d.valid {
		return false
	}
	m := match{root: d.root, present: make(map[*leaf]bool)}
	return m.object(p.root, d.root)
}

// match is one run over a document.
type match struct {
	root    any
	present map[*leaf]bool // by leaf with absent set: whether the document has it
}

// object reports whether v is an object that holds what o asks, or an array with such an element. Where there is no
// object at all, nothing is below it, which is what {"exists": false} may ask for.
func (m match) object(o *object, v any) bool {
	candidates := objects(nil, v)
	for _, c := range candidates {
		if m.holds(o, c) {
			return true
		}
	}
	return len(candidates) == 0 && m.holds(o, nil)
}

func (m match) holds(o *object, in map[string]any) bool {
	for _, f := range o.fields {
		v, ok := in[f.name]
		switch {
		case f.sub != nil:
			if !m.object(f.sub, v) {
				return false
			}
		case f.leaf.absent && !m.has(f.leaf):
		case !ok || !f.leaf.takes(v):
			return false
		}
	}
	for _, branches := range o.choices {
		held := false
		for _, b := range branches {
			if held = m.holds(b, in); held {
				break
			}
		}
		if !held {
			return false
		}
	}
	return true
}

// has reports whether the document has a leaf at l's path, in any element of the arrays on the way.
func (m match) has(l *leaf) bool {
	has, known := m.present[l]
	if !known {
		has = present(m.root, l.path)
		m.present[l] = has
	}
	return has
}

func present(v any, path []string) bool {
	if len(path) == 0 {
		return anyLeaf(v, func(scalar) bool { return true })
	}
	for _, o := range objects(nil, v) {
		if child, ok := o[path[0]]; ok && present(child, path[1:]) {
			return true
		}
	}
	return false
}

func (l *leaf) takes(v any) bool {
	return anyLeaf(v, func(s scalar) bool {
		if l.equal[s] {
			return true
		}
		for _, t := range l.tests {
			if t(s) {
				return true
			}
		}
		return false
	})
}

// objects appends the objects that v is or, through arrays, contains.
func objects(dst []map[string]any, v any) []map[string]any {
	switch v := v.(type) {
	case map[string]any:
		dst = append(dst, v)
	case []any:
		for _, e := range v {
			dst = objects(dst, e)
		}
	}
	return dst
}

// anyLeaf reports whether f holds for the leaf that v is or, through arrays, for one that it contains.
func anyLeaf(v any, f func(scalar) bool) bool {
	switch v := v.(type) {
	case map[string]any:
		return false
	case []any:
		for _, e := range v {
			if anyLeaf(e, f) {
				return true
			}
		}
		return false
	default:
		return f(scalarOf(v))
	}
}
