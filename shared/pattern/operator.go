package pattern

import (
	"encoding/json"
	"net/netip"
	"slices"
	"strings"
)

const known = "prefix, suffix, equals-ignore-case, wildcard, numeric, cidr, exists and anything-but"

// Costs of an entry, as the package documentation has them.
const (
	costOfValues   = 1
	costOfExists   = 2
	costOfText     = 1
	costOfNumeric  = 2
	costOfCIDR     = 2
	costOfWildcard = 5
)

// operator reads an entry like {"prefix": "a"} and adds it to e.
func (p *parser) operator(e *entries, at string, raw json.RawMessage) {
	m, ok := p.single(at, raw)
	if !ok {
		return
	}
	at += "." + m.name
	switch m.name {
	case "prefix", "suffix", "equals-ignore-case", "wildcard":
		p.text(&e.in, at, m.name, m.value)
	case "anything-but":
		var but set
		p.anythingBut(&but, at, m.value)
		but.ready()
		e.but = append(e.but, but)
	case "numeric":
		p.numeric(&e.in, at, m.value)
	case "cidr":
		p.cidr(&e.in, at, m.value)
	case "exists":
		p.cost += costOfExists
		switch string(m.value) {
		case "true":
			e.in.all = true
		case "false":
			e.absent = true
		default:
			p.fault(at, "must be true or false")
		}
	default:
		p.fault(at, "is no operator; there are %s", known)
	}
}

// single reads an object that must have exactly one member.
func (p *parser) single(at string, raw json.RawMessage) (member, bool) {
	members := p.members(raw)
	if len(members) != 1 {
		p.fault(at, "must have exactly one operator: %s", known)
		return member{}, false
	}
	return members[0], true
}

// text reads an operator for strings. Its argument is a string or, for prefix and suffix, also an object {"equals-ignore-case":
// string}.
func (p *parser) text(s *set, at, operator string, raw json.RawMessage) {
	fold := false
	if first(raw) == '{' && (operator == "prefix" || operator == "suffix") {
		members := p.members(raw)
		if len(members) != 1 || members[0].name != "equals-ignore-case" {
			p.fault(at, `must be a string or {"equals-ignore-case": a string}`)
			return
		}
		raw, fold = members[0].value, true
	}
	if first(raw) != '"' {
		p.fault(at, "must be a string")
		return
	}
	arg := p.scalar(raw)
	p.cost += costOfText
	switch {
	case operator == "wildcard":
		p.cost += costOfWildcard - costOfText
		p.wildcard(s, at, arg.text)
	case operator == "equals-ignore-case":
		s.addText(folded, arg.form(folded))
	case operator == "prefix" && fold:
		s.addAffix(folded, arg.form(folded))
	case operator == "prefix":
		s.addAffix(plain, arg.text)
	case operator == "suffix" && fold:
		s.addAffix(foldedReversed, arg.form(foldedReversed))
	case operator == "suffix":
		s.addAffix(reversed, arg.form(reversed))
	}
}

// wildcard reads a string in which * matches any characters. \* is an asterisk and \\ is a backslash.
func (p *parser) wildcard(s *set, at, arg string) {
	var parts []string // the texts between the wildcards
	var part strings.Builder
	for i := 0; i < len(arg); i++ {
		switch c := arg[i]; {
		case c == '*' && len(parts) > 0 && part.Len() == 0:
			p.fault(at, "must not have two wildcards in a row")
			return
		case c == '*':
			parts = append(parts, part.String())
			part.Reset()
		case c == '\\' && i+1 < len(arg) && (arg[i+1] == '*' || arg[i+1] == '\\'):
			i++
			part.WriteByte(arg[i])
		case c == '\\':
			p.fault(at, `may have a backslash only before * or another backslash`)
			return
		default:
			part.WriteByte(c)
		}
	}
	if len(parts) == 0 {
		s.addText(plain, part.String())
		return
	}
	s.wildcards = append(s.wildcards, wildcard{head: parts[0], middle: parts[1:], tail: part.String()})
}

func (p *parser) anythingBut(but *set, at string, raw json.RawMessage) {
	if first(raw) == '{' {
		m, ok := p.single(at, raw)
		if !ok {
			return
		}
		switch m.name {
		case "prefix", "suffix", "equals-ignore-case", "wildcard":
			p.noneOf(but, at+"."+m.name, m.name, m.value)
			return
		}
		p.fault(at, "must be a string, a number, a list of either, or prefix, suffix, equals-ignore-case or wildcard")
		return
	}
	elements := []json.RawMessage{raw}
	if first(raw) == '[' {
		elements = p.elements(raw)
	}
	p.cost += costOfValues
	kinds := make(map[kind]bool)
	for _, e := range elements {
		if c := first(e); c == '{' || c == '[' {
			kinds[null] = true
			continue
		}
		v := p.scalar(e)
		but.add(&v)
		kinds[v.kind] = true
	}
	if len(kinds) != 1 || !kinds[text] && !kinds[number] {
		p.fault(at, "must be a string, a number, or a list of only strings or only numbers")
	}
}

// noneOf reads the argument of a string operator in anything-but: a string or a list of strings.
func (p *parser) noneOf(but *set, at, operator string, raw json.RawMessage) {
	elements := []json.RawMessage{raw}
	if first(raw) == '[' {
		elements = p.elements(raw)
	}
	if len(elements) == 0 {
		p.fault(at, "must be a string or a list of strings")
	}
	for _, e := range elements {
		switch {
		case first(e) != '"':
			p.fault(at, "must be a string or a list of strings")
		case string(e) == `""` && operator != "equals-ignore-case":
			p.fault(at, "must not be empty")
		default:
			p.text(but, at, operator, e)
		}
	}
}

func (p *parser) numeric(s *set, at string, raw json.RawMessage) {
	const rule = `must be a list of =, <, <=, > or >= and a number, or a range such as [">", 0, "<=", 5], the lower bound first`
	elements := p.elements(raw)
	if len(elements) != 2 && len(elements) != 4 {
		p.fault(at, rule)
		return
	}
	p.cost += costOfNumeric
	var operators []string
	var bounds []decimal
	for i := 0; i < len(elements); i += 2 {
		operator, bound := p.scalar(elements[i]), p.scalar(elements[i+1])
		if !slices.Contains([]string{"=", "<", "<=", ">", ">="}, operator.text) || operator.kind != text || bound.kind != number {
			p.fault(at, rule)
			return
		}
		operators, bounds = append(operators, operator.text), append(bounds, bound.num)
	}
	if len(operators) == 1 {
		r := span{from: endOf(operators[0], bounds[0]), to: endOf(operators[0], bounds[0])}
		switch operators[0][0] {
		case '<':
			r.from = end{none: -1}
		case '>':
			r.to = end{none: +1}
		}
		s.addNumbers(r)
		return
	}
	if operators[0][0] != '>' || operators[1][0] != '<' {
		p.fault(at, rule)
		return
	}
	r := span{from: endOf(operators[0], bounds[0]), to: endOf(operators[1], bounds[1])}
	if r.from.compare(&r.to) > 0 {
		p.fault(at, "is a range that no number is in")
		return
	}
	s.addNumbers(r)
}

// endOf returns the end of a range that a comparison with n sets.
func endOf(operator string, n decimal) end {
	switch operator {
	case "<":
		return end{n: n, side: -1}
	case ">":
		return end{n: n, side: +1}
	}
	return end{n: n}
}

func (p *parser) cidr(s *set, at string, raw json.RawMessage) {
	p.cost += costOfCIDR
	prefix, err := netip.Prefix{}, error(nil)
	if first(raw) == '"' {
		prefix, err = netip.ParsePrefix(p.scalar(raw).text)
	}
	if err != nil || !prefix.IsValid() {
		p.fault(at, `must be a range of IP addresses such as "10.0.0.0/24"`)
		return
	}
	s.networks = append(s.networks, prefix.Masked())
}
