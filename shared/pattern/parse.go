package pattern

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"unicode/utf8"

	"hookline/shared/webhook"
)

const or = "$or"

// Parse reads a pattern. The fields at fault, all of them, are named by their path from "filter" on, positions in
// lists as numbers: "filter.order.status.0". A pattern without faults is never nil.
func Parse(raw json.RawMessage) (*Pattern, []webhook.FieldError) {
	var p parser
	var compact bytes.Buffer
	switch err := json.Compact(&compact, raw); {
	case err != nil || !utf8.Valid(raw):
		p.fault("filter", "must be JSON")
	case compact.Len() > MaxBytes:
		p.fault("filter", "must be at most %d bytes", MaxBytes)
	case first(compact.Bytes()) != '{':
		p.fault("filter", "must be an object that names fields of data")
	default:
		root := p.object("filter", nil, compact.Bytes(), 1)
		if len(p.faults) == 0 {
			return &Pattern{root: root}, nil
		}
	}
	return nil, p.faults
}

// parser collects faults. What it returns beside a fault is of no use.
type parser struct{ faults []webhook.FieldError }

func (p *parser) fault(at, format string, args ...any) {
	p.faults = append(p.faults, webhook.FieldError{Field: at, Message: fmt.Sprintf(format, args...)})
}

// object reads the object raw at the path at, which in the data is names.
func (p *parser) object(at string, names []string, raw json.RawMessage, depth int) *object {
	o := new(object)
	if depth > MaxDepth {
		p.fault(at, "is nested deeper than %d objects", MaxDepth)
		return o
	}
	members := membersOf(raw)
	if len(members) == 0 {
		p.fault(at, "must name at least one field; a webhook without a filter takes every event")
	}
	seen := make(map[string]bool)
	for _, m := range members {
		here := at + "." + m.name
		if seen[m.name] {
			p.fault(here, "is there twice")
			continue
		}
		seen[m.name] = true
		path := append(slices.Clip(names), m.name)
		switch c := first(m.value); {
		case m.name == or:
			o.choices = append(o.choices, p.choice(here, names, m.value, depth))
		case c == '{':
			o.fields = append(o.fields, field{name: m.name, sub: p.object(here, path, m.value, depth+1)})
		case c == '[':
			o.fields = append(o.fields, field{name: m.name, leaf: p.leaf(here, path, m.value)})
		default:
			p.fault(here, "must be a list of values, such as [%s], or an object", m.value)
		}
	}
	return o
}

// choice reads the branches of "$or"; they look at the same object as their surroundings, names.
func (p *parser) choice(at string, names []string, raw json.RawMessage, depth int) []*object {
	elements := elementsOf(raw)
	if len(elements) < 2 {
		p.fault(at, "must be a list of two or more objects")
		return nil
	}
	var branches []*object
	for i, e := range elements {
		here := at + "." + strconv.Itoa(i)
		if first(e) != '{' {
			p.fault(here, "must be an object that names fields of data")
			continue
		}
		branches = append(branches, p.object(here, names, e, depth+1))
	}
	return branches
}

func (p *parser) leaf(at string, names []string, raw json.RawMessage) *leaf {
	l := &leaf{path: names, equal: make(map[scalar]bool)}
	elements := elementsOf(raw)
	if len(elements) == 0 {
		p.fault(at, "must have at least one entry")
	}
	for i, e := range elements {
		here := at + "." + strconv.Itoa(i)
		switch first(e) {
		case '{':
			p.operator(l, here, e)
		case '[':
			p.fault(here, "must be a string, number, true, false, null or an operator such as {\"prefix\": \"a\"}, not a list")
		default:
			l.equal[decodeScalar(e)] = true
		}
	}
	return l
}

type member struct {
	name  string
	value json.RawMessage
}

// membersOf returns an object's members in order, equal names included. raw is a valid object.
func membersOf(raw json.RawMessage) []member {
	dec := json.NewDecoder(bytes.NewReader(raw))
	_, _ = dec.Token()
	var members []member
	for dec.More() {
		name, _ := dec.Token()
		m := member{name: name.(string)}
		_ = dec.Decode(&m.value)
		members = append(members, m)
	}
	return members
}

// elementsOf returns a list's elements, none of what is no list. raw is valid.
func elementsOf(raw json.RawMessage) []json.RawMessage {
	var elements []json.RawMessage
	if first(raw) == '[' {
		_ = json.Unmarshal(raw, &elements)
	}
	return elements
}

// decodeScalar reads a valid JSON string, number, boolean or null.
func decodeScalar(raw json.RawMessage) scalar {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v any
	_ = dec.Decode(&v)
	return scalarOf(v)
}

// first returns the byte that tells a valid, compact JSON value's type.
func first(raw json.RawMessage) byte { return raw[0] }
