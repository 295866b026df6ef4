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

// Check parses a pattern that is to be stored. In addition to the faults that Parse finds, a pattern that costs more than MaxCost
// has one.
func Check(raw json.RawMessage) (*Pattern, []webhook.FieldError) {
	p, faults := Parse(raw)
	if p != nil && p.cost > MaxCost {
		return nil, []webhook.FieldError{{Field: "filter", Message: fmt.Sprintf(
			"costs %d, and at most %d is taken: a field's list of plain values costs 1, prefix, suffix and equals-ignore-case 1 each, numeric, cidr and exists 2, wildcard %d",
			p.cost, MaxCost, costOfWildcard)}}
	}
	return p, faults
}

// Parse parses a pattern. It returns all faults. Each names its field by the path from "filter" on, with positions in lists as
// numbers: "filter.order.status.0". The pattern is not nil if there are no faults.
func Parse(raw json.RawMessage) (*Pattern, []webhook.FieldError) {
	var p parser
	return p.pattern(raw)
}

func (p *parser) pattern(raw json.RawMessage) (*Pattern, []webhook.FieldError) {
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
			return &Pattern{root: root, cost: p.cost, read: p.read}, nil
		}
	}
	return nil, p.faults
}

// parser collects faults. Values that it returns along with a fault have no meaning.
type parser struct {
	faults []webhook.FieldError
	cost   int
	read   int // bytes looked at; a byte counts each time
}

func (p *parser) fault(at, format string, args ...any) {
	p.faults = append(p.faults, webhook.FieldError{Field: at, Message: fmt.Sprintf(format, args...)})
}

// object reads an object of the pattern. at is its path in the pattern, and names is its path in the data.
func (p *parser) object(at string, names []string, raw json.RawMessage, depth int) *object {
	o := new(object)
	if depth > MaxDepth {
		p.fault(at, "is nested deeper than %d objects", MaxDepth)
		return o
	}
	members := p.members(raw)
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
			o.fields = append(o.fields, field{name: m.name, entries: p.entries(here, path, m.value)})
		default:
			p.fault(here, "must be a list of values, such as [%s], or an object", m.value)
		}
	}
	return o
}

// choice reads the branches of "$or". They match the object of the data in which the "$or" stands, which is at names.
func (p *parser) choice(at string, names []string, raw json.RawMessage, depth int) []*object {
	elements := p.elements(raw)
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

func (p *parser) entries(at string, names []string, raw json.RawMessage) *entries {
	e := &entries{path: names}
	elements := p.elements(raw)
	if len(elements) == 0 {
		p.fault(at, "must have at least one entry")
	}
	values := 0
	for i, raw := range elements {
		here := at + "." + strconv.Itoa(i)
		switch first(raw) {
		case '{':
			p.operator(e, here, raw)
		case '[':
			p.fault(here, "must be a string, number, true, false, null or an operator such as {\"prefix\": \"a\"}, not a list")
		default:
			v := p.scalar(raw)
			e.in.add(&v)
			values = costOfValues
		}
	}
	p.cost += values
	e.in.ready()
	return e
}

type member struct {
	name  string
	value json.RawMessage
}

// members returns an object's members in order, including those with equal names. raw is a valid, compact object.
func (p *parser) members(raw json.RawMessage) []member {
	var members []member
	for _, pair := range p.split(raw) {
		n := valueEnd(pair)
		members = append(members, member{name: textOf(pair[:n]), value: pair[n+1:]}) // behind the colon
	}
	return members
}

// elements returns a list's elements, or none if raw is not a list. raw is valid and compact.
func (p *parser) elements(raw json.RawMessage) []json.RawMessage {
	if first(raw) != '[' {
		return nil
	}
	return p.split(raw)
}

// split returns the parts between the commas of an object or a list.
func (p *parser) split(raw json.RawMessage) []json.RawMessage {
	p.read += len(raw)
	var parts []json.RawMessage
	for rest := raw[1 : len(raw)-1]; len(rest) > 0; {
		n := valueEnd(rest)
		if n < len(rest) && rest[n] == ':' {
			n += 1 + valueEnd(rest[n+1:])
		}
		parts = append(parts, rest[:n:n])
		rest = rest[min(n+1, len(rest)):]
	}
	return parts
}

// valueEnd returns the position after the first value in valid, compact JSON.
func valueEnd(raw []byte) int {
	depth := 0
	for i := 0; i < len(raw); i++ {
		switch raw[i] {
		case '"':
			for i++; raw[i] != '"'; i++ {
				if raw[i] == '\\' {
					i++
				}
			}
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		case ',', ':':
			if depth == 0 {
				return i
			}
		}
	}
	return len(raw)
}

// scalar reads a valid JSON string, number, boolean or null. It takes an object or a list for null.
func (p *parser) scalar(raw json.RawMessage) scalar {
	p.read += len(raw)
	switch first(raw) {
	case '"':
		return scalar{kind: text, text: textOf(raw)}
	case 't':
		return scalar{kind: yes}
	case 'f':
		return scalar{kind: no}
	case 'n', '{', '[':
		return scalar{kind: null}
	}
	return scalar{kind: number, num: decimalOf(string(raw))}
}

// textOf reads a valid JSON string.
func textOf(raw json.RawMessage) (s string) {
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw[1 : len(raw)-1])
	}
	_ = json.Unmarshal(raw, &s)
	return s
}

// first returns the byte of a valid, compact JSON value that tells its type.
func first(raw json.RawMessage) byte { return raw[0] }
