package pattern

import (
	"bytes"
	"encoding/json"
	"io"
	"slices"
)

// Document is an event's data, decoded once for matches with many patterns. It reads a field when a pattern first looks at
// it, and keeps the result. It must not be used by several goroutines at once.
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

// node holds the objects and leaves of a value: the value itself or, if it is an array, those that it contains at any depth.
// A nil node stands for a missing field and has neither.
type node struct {
	objects []*members
	leaves  []scalar
}

// members holds the fields of an object in the data.
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

// grow makes room for the elements of a list. Most of them usually are of the first one's kind.
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

// field returns a field of the object, or nil if there is none. m may be nil.
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
