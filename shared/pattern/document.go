package pattern

import (
	"bytes"
	"encoding/json"
	"io"
	"slices"
)

// Document is an event's data, decoded once to be matched with many patterns. Its fields are read when a pattern first
// looks at them, and kept for the next: it is for one goroutine.
type Document struct {
	root  *node
	valid bool
}

// Decode reads an event's data. Data that is not JSON matches no pattern.
func Decode(data json.RawMessage) *Document {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var root any
	if err := dec.Decode(&root); err != nil {
		return new(Document)
	}
	_, err := dec.Token()
	return &Document{root: nodeOf(root), valid: err == io.EOF}
}

// node is what a pattern sees of a value: the objects and the leaves that it is or, through arrays, contains. A field that
// is not there is nil, which has neither.
type node struct {
	objects []*members
	leaves  []scalar
}

// members are the fields of an object in the data.
type members struct {
	raw  map[string]any
	read map[string]*node
}

func nodeOf(v any) *node {
	n := new(node)
	n.add(v)
	return n
}

func (n *node) add(v any) {
	switch v := v.(type) {
	case map[string]any:
		n.objects = append(n.objects, &members{raw: v})
	case []any:
		n.grow(v)
		for _, e := range v {
			n.add(e)
		}
	default:
		n.leaves = append(n.leaves, scalarOf(v))
	}
}

// grow makes room for the elements of a list, which are mostly of the kind of the first.
func (n *node) grow(list []any) {
	if len(list) == 0 {
		return
	}
	switch list[0].(type) {
	case map[string]any:
		n.objects = slices.Grow(n.objects, len(list))
	case []any:
	default:
		n.leaves = slices.Grow(n.leaves, len(list))
	}
}

// field returns a field of the object, nil where it is not there. m may be nil.
func (m *members) field(name string) *node {
	if m == nil || len(m.raw) == 0 {
		return nil
	}
	if n, ok := m.read[name]; ok {
		return n
	}
	v, ok := m.raw[name]
	if !ok {
		return nil
	}
	if m.read == nil {
		m.read = make(map[string]*node)
	}
	n := nodeOf(v)
	m.read[name] = n
	return n
}
